"""The mutations."""
