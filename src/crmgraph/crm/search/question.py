"""Questions: what a text that somebody types is looked for by.

A text is read in one way or two, of which the first that finds anything counts: an email or a domain as a whole, then
by its words; digits that belong together as one number, then each for itself. Each word is the beginning of a term.
Where nothing is found, one word may have been mistyped: `variants` are the words that are one mistake away. They are
made from the question, so that the index holds nothing for it.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from crmgraph.crm.search.terms import is_sign, without_zeros, words_of
from crmgraph.crm.values.folding import fold
from crmgraph.crm.values.search_terms import BACKWARDS, MAX_TERM
from crmgraph.crm.values.text import email_part

MAX_TEXT = 200
"""The longest text, in characters."""
MAX_WORDS = 6
"""The most words that are looked for; what comes after them is not read."""
MIN_LETTERS = 2
"""How many letters and digits a text has to have, if it is no sign of Chinese, Japanese or Korean: one of them begins
half of all names."""
MIN_LAST_DIGITS = 4
"""How many digits may be the last ones of a number."""
TYPED = range(4, 21)
"""How long a word is that may have been mistyped."""

_DOMAIN = re.compile(r"[^\W_]{2,}(?:[-.][^\W_]+)*\.[^\W_]{2,}")
_ALPHABETS = {
    "LATIN": "abcdefghijklmnopqrstuvwxyz",
    "GREEK": "αβγδεζηθικλμνξοπρστυφχψω",
    "CYRILLIC": "абвгдежзийклмнопрстуфхцчшщъыьэюяіїєґ",
}
"""{script: its letters, folded}. In other scripts nothing is forgiven: they have too many letters to try."""


@dataclass(frozen=True, slots=True)
class Word:
    """A part of a question: any of these is how a term of the record begins."""

    prefixes: tuple[str, ...]


def readings(text: str) -> list[tuple[Word, ...]]:
    """The ways to read a text, the better one first; none where there is too little to look for."""
    by_word = tuple(dict.fromkeys(_word(each) for each in words_of(text)))[:MAX_WORDS]
    if sum(MIN_LETTERS if is_sign(word.prefixes[0]) else len(word.prefixes[0]) for word in by_word) < MIN_LETTERS:
        return []
    whole = tuple(dict.fromkeys(_parts(text)))[:MAX_WORDS]
    return list(dict.fromkeys(each for each in (whole, by_word) if each))


def _word(text: str) -> Word:
    return Word((text[:MAX_TERM],))


def _parts(text: str) -> Iterator[Word]:
    digits = ""
    for token in text.split():
        folded = fold(token)
        letters = any(map(str.isalpha, folded))
        if not letters:
            # "+49 (171) 123-45" is one number.
            digits += "".join(c for c in folded if c.isdecimal())
            continue
        if digits:
            yield _number(digits)
            digits = ""
        if "@" in token or _DOMAIN.fullmatch(folded):
            address = email_part(token).removeprefix("@")
            yield from (_word(address),) if address else ()
        else:
            yield from map(_word, words_of(token))
    if digits:
        yield _number(digits)


def _number(digits: str) -> Word:
    """Digits: how a number begins, with or without what is dialled before it, or how it ends."""
    found = [without_zeros(digits), digits]
    if len(digits) >= MIN_LAST_DIGITS:
        found.append(BACKWARDS + digits[::-1])
    return Word(tuple(dict.fromkeys(each[:MAX_TERM] for each in found)))


def variants(word: Word) -> list[str]:
    """The words that are one mistake away from a word: a letter too many, too few or another one, or two swapped."""
    (text, *others) = word.prefixes
    script = unicodedata.name(text[0], "").partition(" ")[0]
    letters = _ALPHABETS.get(script)
    if others or len(text) not in TYPED or letters is None or not text.isalpha():
        return []
    cuts = [(text[:i], text[i:]) for i in range(len(text) + 1)]
    found = [a + b[1:] for a, b in cuts if b]
    found += [a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1]
    found += [a + c + b[1:] for a, b in cuts if b for c in letters]
    found += [a + c + b for a, b in cuts for c in letters]
    return [each for each in dict.fromkeys(found) if each != text]
