"""Calls of the legacy APIs that are passed on to the old CRM."""
