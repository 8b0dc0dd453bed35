"""Printing by statements: a record that is asked for by its id comes as the bytes of its answer."""
