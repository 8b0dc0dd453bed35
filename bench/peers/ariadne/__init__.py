"""Ariadne as its documentation writes it."""
