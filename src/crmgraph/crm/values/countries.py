"""Countries: ISO 3166-1 codes and the names that people write for them, see docs/decisions/countries.md."""

import functools
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).with_name("country_names.tsv")
"""A line for each country: its codes, its English name and the keys of its names. `country_names.py` writes it."""


@dataclass(frozen=True, slots=True)
class Country:
    """A country of ISO 3166-1, or Kosovo.

    Attributes:
        alpha_2, alpha_3, numeric: its codes, e.g. DE, DEU, 276.
        name: the English name in common use.
    """

    alpha_2: str
    alpha_3: str
    numeric: str
    name: str


_RESERVED = {"UK": "GB", "EL": "GR", "XKK": "XK"}
"""Codes that ISO keeps free for what the EU and others call by them, and CLDR's for Kosovo."""

_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ı": "i", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "&": "and"}
)
"""Letters that people write without what makes them others, and that Unicode does not take apart."""
_SAINT = re.compile(r"\bst\b\.?")
_ARTICLES = frozenset(
    "the die der das le la les el los las il i gli lo os as o a de het den det".split()  # noqa: SIM905 - words
)
_THE = re.compile(r"[\s,(]+the\)?$")


def name_key(name: str) -> str:
    """The form in which a name is looked up: letters and digits only, without case and accents."""
    text = _SAINT.sub("saint", _THE.sub("", name.casefold().translate(_LETTERS)))
    return "".join(c for c in unicodedata.normalize("NFKD", text).casefold() if _counts(c))


def _counts(c: str) -> bool:
    # Of the marks, those of other scripts than the European ones are as good as letters.
    return c.isalnum() or (unicodedata.category(c)[0] == "M" and not "\u0300" <= c <= "\u036f")


@functools.lru_cache(maxsize=1)
def _lines() -> list[list[str]]:
    return [line.split("\t") for line in DATA.read_text("utf-8").splitlines()]


@functools.lru_cache(maxsize=1)
def _by_code() -> dict[str, Country]:
    """{alpha-2 or alpha-3 or numeric: the country}."""
    found: dict[str, Country] = {}
    for *codes, name, _ in _lines():
        found |= dict.fromkeys(codes, Country(codes[0], codes[1], codes[2], name))
    return found | {code: found[meant] for code, meant in _RESERVED.items()}


@functools.lru_cache(maxsize=1)
def _by_name() -> dict[str, str]:
    """{key of a name: alpha-2}: some 32,000 in all languages of CLDR, read when the first name is asked for."""
    return {key: code for code, *_, keys in _lines() for key in keys.split(" ")}


def country_of(code: str | None) -> Country | None:
    """The country of a code, of two or three letters in any case or of three digits; None when it is none."""
    wanted = (code or "").strip()
    return _by_code().get(wanted.upper()) if len(wanted) in (2, 3) and wanted.isascii() else None


def country_code(code: str | None) -> str | None:
    """ISO 3166-1 alpha-2 of a code of two or three letters; None for names and anything else."""
    found = country_of(code) if code is not None and code.strip().isalpha() else None
    return None if found is None else found.alpha_2


def country_code_of_name(name: str | None) -> str | None:
    """ISO 3166-1 alpha-2 of a country as people write it: its name in any language of CLDR, what is common besides, or
    a code; None when nothing is known by this name, or several countries are."""
    text = (name or "").strip()
    return None if not text or len(text) > MAX_NAME else _named(text)


MAX_NAME = 100
"""The longest text that is looked up as the name of a country, in characters."""


@functools.lru_cache(maxsize=4096)
def _named(text: str) -> str | None:
    bare = text.replace(".", "").replace(" ", "")
    if code := country_code(bare):
        return code
    names = _by_name()
    folded = text.casefold()
    article, _, rest = folded.replace("’", "'").replace("l'", "les ", 1).partition(" ")
    return names.get(name_key(folded)) or (names.get(name_key(rest)) if article in _ARTICLES else None)


def country_name(code: str | None) -> str | None:
    """The English name in common use of an ISO 3166-1 alpha-2 code."""
    found = country_of(code)
    return None if found is None else found.name
