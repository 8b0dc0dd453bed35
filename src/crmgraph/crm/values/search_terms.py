"""What the terms of the search index look like: known to whoever writes them, and to whoever finds rows by them.

A part of a text is found by its *runs*, the letters that stand together in it: whatever contains the part has a run
that contains the longest run of the part. A run leads to the terms that begin with it, see `first_run`.
"""

import re

MAX_TERM = 64
"""The longest term, in characters: of a longer word its beginning is kept."""
BACKWARDS = "<"
"""Stands before the digits of a number that are written from the last one on; no word begins with it."""
FIRST = "\x01"
"""Below every character of a term: what lies between a word and the word with this is the word alone."""
LAST = "\U0010ffff"
"""The last character: what begins with a word is below the word with this."""
INNER = "\x02"
"""Stands before a run with which no term of its row begins; nothing that is looked for begins with it."""
LONG = "\x03"
"""The term of a text that is too long for all of its runs to be indexed: it may contain anything."""
AFTER_RUN = "a"
"""Below this is whatever follows the first run of a term of ASCII: no small letter is, and there are no capitals."""
LEAST_RUN = 3
"""The fewest letters of a run of ASCII that is looked for; of any other script one is enough."""
MAX_PARTED = 99
"""The longest text, in characters, whose runs are indexed: three such texts together make a key that is not cut."""

_RUN = re.compile(r"[^\W\d_]+")


def runs(text: str) -> list[str]:
    """The runs of a text that are looked for."""
    return [run for run in _RUN.findall(text) if is_sought(run)]


def is_sought(run: str) -> bool:
    """Whether a run has enough letters to be looked for."""
    return len(run) >= LEAST_RUN or not run.isascii()


def first_run(term: str) -> str | None:
    """The run that a term begins with, where it leads to the term: what comes after it is below `AFTER_RUN`."""
    found = _RUN.match(term)
    if found is None or term[found.end() : found.end() + 1] >= AFTER_RUN:
        return None
    return found[0] if is_sought(found[0]) else None


def ends_with_run(text: str) -> bool:
    """Whether a text ends with a run, be it looked for or not."""
    return _RUN.fullmatch(text[-1:]) is not None
