"""Which of a few words is meant by one that is none of them."""

from collections.abc import Collection
from difflib import SequenceMatcher

LIKENESS = 0.75
"""How like two words have to be, from 0 to 1, for one to be taken for the other mistyped: one of four letters may
differ."""
SHORTEST = 3
"""How many characters the beginning of a word has to have to be taken for it, as `warn` for `warning`."""
LISTED = 12
"""The most choices that are told where none is near."""


def nearest(word: str, choices: Collection[str]) -> str | None:
    """The choice that is most likely meant, whatever its case; None when none is near."""
    given = word.casefold()
    folded = {choice.casefold(): choice for choice in choices}
    likeness, near = max(((_likeness(given, each), each) for each in folded), default=(0.0, ""))
    if likeness >= LIKENESS:
        return folded[near]
    begun = [each for each in folded if given.startswith(each) or each.startswith(given)]
    if len(begun) == 1 and min(len(given), len(begun[0])) >= SHORTEST:
        return folded[begun[0]]
    return None


def _likeness(one: str, other: str) -> float:
    """How like two words are; of those with dots in them, part by part: Leads.Foo is no Leads.Fax."""
    pairs = list(zip(one.split("."), other.split("."), strict=False))
    if one.count(".") != other.count("."):
        return 0.0
    return min(SequenceMatcher(None, *pair).ratio() for pair in pairs)


def suggestion(word: str, choices: Collection[str]) -> str:
    """The end of a sentence that refuses a word: the nearest choice, else all of them where they are few."""
    if (near := nearest(word, choices)) is not None:
        return f"; is {near} meant?"
    if 0 < len(choices) <= LISTED:
        return f"; there are {', '.join(choices)}"
    return ""
