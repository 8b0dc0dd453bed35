"""What the terms of the search index look like: known to whoever writes them, and to whoever finds rows by them."""

MAX_TERM = 64
"""The longest term, in characters: of a longer word its beginning is kept."""
BACKWARDS = "<"
"""Stands before the digits of a number that are written from the last one on; no word begins with it."""
FIRST = "\x01"
"""Below every character of a term: what lies between a word and the word with this is the word alone."""
LAST = "\U0010ffff"
"""The last character: what begins with a word is below the word with this."""
