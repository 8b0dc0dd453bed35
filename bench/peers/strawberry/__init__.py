"""Strawberry as its documentation writes it."""
