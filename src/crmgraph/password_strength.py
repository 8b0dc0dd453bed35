"""Passwords that whoever guesses tries first: common ones, keys in a row, dates, and what is known of their owner.

Judged by the lists and the estimate of zxcvbn, after NIST SP 800-63B (5.1.1.2), which asks for just this comparison. Of
its matchers those are left out that take seconds for 20 characters (`l33t`, and `repeat`, which calls it): a password
is read once as it stands and once with its substitutes resolved, and a repeated one as what is repeated.
"""

import re
import unicodedata
from collections.abc import Collection
from functools import cache
from typing import Any

GUESSES = 1_000_000
"""Up to so many guesses a password is refused: zxcvbn's scores 0 and 1, which a throttled guesser gets through."""
JUDGED = 40
"""How many characters are looked at: the estimate is quadratic in them."""
PRODUCT = "crmgraph"

_SUBSTITUTES = str.maketrans("@4831!0$5+7", "aaeeiiosstt")
_LETTERS = re.compile(r"[\W\d_]+")


def is_guessable(password: str, own: Collection[str] = ()) -> bool:
    """Whether somebody who guesses comes to this password soon.

    Args:
        password: of at most as many characters as are heard; the first 40 are judged.
        own: what is known of its owner: the email, the names.
    """
    text = _plain(password)
    words = _words([_plain(each) for each in own])
    plain = _LETTERS.sub("", text)
    if plain in words or plain[::-1] in words:
        return True
    return any(_guesses(_base(each), words) < GUESSES for each in {text, text.translate(_SUBSTITUTES)})


def _plain(text: str) -> str:
    """The part of a text that is judged, without case and accents."""
    decomposed = unicodedata.normalize("NFKD", text[:JUDGED].casefold())
    return "".join(c for c in decomposed if not unicodedata.combining(c))[:JUDGED]


def _words(own: Collection[str]) -> dict[str, int]:
    """What stands in the texts, whole and in parts, their letters, and those of two in a row, as zxcvbn ranks it."""
    texts = [part for text in own for part in (text, *text.split("@")[:-1])]
    letters = [joined for text in texts if (joined := _LETTERS.sub("", text))]
    parts = [part for text in own for part in _LETTERS.split(text) if len(part) > 2]
    pairs = [first + second for first in letters for second in letters if first != second]
    return {word: rank for rank, word in enumerate(dict.fromkeys([PRODUCT, *texts, *letters, *parts, *pairs]), 1)}


def _base(text: str) -> str:
    """What the text repeats; the text itself when it repeats nothing."""
    period = (text + text).find(text, 1)
    return text[:period]


def _guesses(text: str, words: dict[str, int]) -> float:
    matching, scoring, ranked = _zxcvbn()
    dictionaries = ranked | {"user_inputs": words}
    matches: list[Any] = []
    for matcher in (matching.dictionary_match, matching.reverse_dictionary_match):
        matches += matcher(text, dictionaries)
    for matcher in (matching.spatial_match, matching.sequence_match, matching.regex_match, matching.date_match):
        matches += matcher(text)
    matches.sort(key=lambda match: (match["i"], match["j"]))
    return float(scoring.most_guessable_match_sequence(text, matches)["guesses"])


@cache
def _zxcvbn() -> tuple[Any, Any, dict[str, dict[str, int]]]:
    """Loaded when the first password is chosen: it takes a seventh of a second."""
    from zxcvbn import matching, scoring  # type: ignore[import-untyped]  # it ships no types

    return matching, scoring, dict(matching.RANKED_DICTIONARIES)
