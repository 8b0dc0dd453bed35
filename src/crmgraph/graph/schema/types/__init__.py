"""The object types, each declared over one model."""
