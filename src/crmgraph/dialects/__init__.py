"""The legacy dialects, one folder each, independent of one another."""
