"""Duplicates: which records may be one, found by what they share, and told with reasons."""
