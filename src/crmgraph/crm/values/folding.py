"""Two foldings of text: what a search takes for equal and, finer, what an identity does.

A *search* (filters, sorts, look-ups) compares by `fold`, an *identity* (uniques, upserts, duplicates) by `identity`.
Two texts of one identity are always one to a search. What both do stands in docs/search-and-identity.md, whose
examples a test runs.

`fold` follows PostgreSQL's unaccent: an accent is what a reader leaves out in haste. A mark that makes another letter
in its script stays, as the voicing marks of kana, the breve of й and the vowels of Devanagari do.
"""

import functools
import hashlib
import re
import unicodedata

MAX_KEY = 1_200
"""The longest key, in bytes of UTF-8: two of them and an id have to fit an index entry of PostgreSQL (2,704 bytes)."""

_CUT = "\x1f"
"""Stands before the digest of a key that was cut; a control character of the kind that no folded text holds."""
_DIGEST_BYTES = 16

_LETTERS = {
    "ß": "ss",
    "æ": "ae",
    "œ": "oe",
    "þ": "th",
    "ð": "d",
    "ı": "i",
    "ȷ": "j",
    "ŋ": "n",
    "ĸ": "q",
    "ɛ": "e",
    "ʉ": "u",
}
"""Small letters without a decomposition in Unicode, by PostgreSQL's unaccent.rules."""
_LATIN = ((0xC0, 0x2B0), (0x1D6B, 0x1DA0), (0x1E00, 0x1F00), (0x2C60, 0x2C80), (0xA720, 0xA800))
"""The blocks of Latin letters, as half-open ranges of code points."""

_APOSTROPHES = "\u2018\u2019\u201b\u2032\u02b9\u02bb\u02bc\u02bd\u02c8\u00b4"
_QUOTES = "\u201c\u201d\u201e\u201f\u2033"
_HYPHENS = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_SLASHES = "\u2044\u2215"
_INVISIBLE = "\u00ad\u034f\u061c\u0640\u180e\u200b\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff"
"""What shows nothing, or as the tatweel only stretches a word. The joiners of Persian and Hindi are not among it."""
_DIRECTIONS = (*range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xFE00, 0xFE10))
"""Marks of the writing direction, and selectors of a glyph."""

_POINTS = (*range(0x0591, 0x05C8), *range(0x064B, 0x0653), 0x0670, *range(0x06D6, 0x06DD))
"""Hebrew points and Arabic harakat, which are rarely written. The hamza and madda of Arabic make letters."""

_STRESS = frozenset("\u0300\u0301")
_CYRILLIC_VOWELS = frozenset("аеиоуыэюяіѣАЕИОУЫЭЮЯІѢ")
_YO = frozenset("еЕ")


_DIGITS = re.compile("[0-9]+")
MAX_NATURAL = 200
"""How much of a text is sorted by what its digits say, in characters."""


def fold(text: str | None) -> str:
    """The key by which text is searched and sorted, the same for what a reader takes for equal.

    Case, accents and width are folded; letters as ø, ł, đ, ß and æ become what they are written with in haste;
    apostrophes and hyphens become those of ASCII; blanks are collapsed. Empty for what has nothing to be seen.
    """
    if not text:
        return ""
    if text.isascii():
        return _bounded(" ".join(text.lower().split()))
    # Once before the decomposition, which makes a blank of an acute accent, and once for what comes out of it.
    decomposed = unicodedata.normalize("NFKD", text.translate(_TABLE))
    folded = _without_accents(decomposed).casefold().translate(_TABLE)
    return _bounded(" ".join(unicodedata.normalize("NFC", folded).split()))


def natural(text: str | None) -> str:
    """The key by which numbers with letters are sorted: as `fold`, but by what their digits say, CON9 before CON10.

    Of a long text the beginning counts.
    """
    return _DIGITS.sub(_counted, fold(text)[:MAX_NATURAL])


def _counted(digits: re.Match[str]) -> str:
    number = digits[0].lstrip("0")
    return f"{len(number):03}{number}"


def identity(text: str | None) -> str:
    """What two texts have in common that are one and the same: case and blanks do not count, accents do."""
    if not text:
        return ""
    if text.isascii():
        return " ".join(text.lower().split())
    lowered = unicodedata.normalize("NFC", text).lower()
    return " ".join(unicodedata.normalize("NFC", lowered).split())


def narrowed(text: str) -> str:
    """The text with letters of full and half width as ordinary ones (RFC 8265, section 3.3.2), composed."""
    mapped = (unicodedata.normalize("NFKC", c) if unicodedata.east_asian_width(c) in "FH" else c for c in text)
    return unicodedata.normalize("NFC", "".join(mapped))


def prefix_end(key: str) -> str | None:
    """The smallest key above every key that starts with `key`, in code point order; None when there is none."""
    for end in range(len(key), 0, -1):
        point = ord(key[end - 1]) + 1
        if 0xD800 <= point <= 0xDFFF:
            point = 0xE000
        if point <= 0x10FFFF:
            return key[: end - 1] + chr(point)
    return None


def _bounded(key: str) -> str:
    """A key that fits an index: of one that is too long its beginning, and a digest, so that no two are the same."""
    if len(key) * 4 <= MAX_KEY:
        return key
    data = key.encode("utf-8", "surrogatepass")
    if len(data) <= MAX_KEY:
        return key
    begin = data[: MAX_KEY - 2 * _DIGEST_BYTES - 1].decode("utf-8", "ignore")
    return begin + _CUT + hashlib.blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()


def _without_accents(decomposed: str) -> str:
    kept = []
    base = ""
    for c in decomposed:
        if not unicodedata.combining(c):
            base = c
        elif _is_accent(base, c):
            continue
        kept.append(c)
    return "".join(kept)


def _is_accent(base: str, mark: str) -> bool:
    """Whether a mark is but an accent of its base; else it makes another letter of it."""
    if base in _CYRILLIC_VOWELS:
        return mark in _STRESS or (mark == "\u0308" and base in _YO)
    return _is_accented_script(base)


@functools.lru_cache(maxsize=1024)
def _is_accented_script(base: str) -> bool:
    return unicodedata.name(base, "").startswith(("LATIN ", "GREEK ")) if base else False


def _table() -> dict[int, str | None]:
    """What single characters become."""
    table: dict[int, str | None] = dict.fromkeys((*map(ord, _INVISIBLE), *_DIRECTIONS, *_POINTS))
    for characters, plain in ((_APOSTROPHES, "'"), (_QUOTES, '"'), (_HYPHENS, "-"), (_SLASHES, "/")):
        table |= dict.fromkeys(map(ord, characters), plain)
    for first, end in _LATIN:
        for point in range(first, end):
            # A letter with a stroke or a hook is named by the letter that it is drawn over.
            letter, drawn, _ = unicodedata.name(chr(point), "").partition(" WITH ")
            if drawn and letter.startswith("LATIN ") and not unicodedata.decomposition(chr(point)):
                plain = _named(letter)
                if plain.isascii() or plain in _LETTERS:
                    table[point] = plain
    return table | {ord(letter): plain for letter, plain in _LETTERS.items()}


def _named(name: str) -> str:
    try:
        return unicodedata.lookup(name)
    except KeyError:
        return "\N{REPLACEMENT CHARACTER}"


_TABLE = _table()
