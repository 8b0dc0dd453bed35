"""Queries: which records are meant, as conditions and as SQL."""
