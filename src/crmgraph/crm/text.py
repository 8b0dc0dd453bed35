"""Text as given, and the normalised forms beside it: folded keys, E.164 numbers, ISO countries."""

import functools
import re
import unicodedata
from dataclasses import dataclass
from typing import Any

import phonenumbers
import pycountry
from email_validator import EmailNotValidError, validate_email

MAX_TEXT = 32_000
"""The longest free text that is kept, in characters."""
MAX_LINE = 1_000
"""The longest single-line value (a name, a number, a street), in characters."""
MAX_KEY = 400
"""The longest stored key, in characters: an index entry has to fit a page of the database."""

_CONTROLS = re.compile("[\x00\ud800-\udfff]")
_LINE_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")


def fault_of(value: str, *, line: bool = True) -> tuple[str, int | None] | None:
    """Why this text cannot be kept as it is: ("control", None), ("too_long", limit), or None when it can.

    NUL and lone surrogates fit no database; line breaks and other control characters do not belong in a line.
    """
    limit = MAX_LINE if line else MAX_TEXT
    if len(value) > limit:
        return "too_long", limit
    if (_LINE_CONTROLS if line else _CONTROLS).search(value):
        return "control", None
    return None


def fold(value: str | None) -> str:
    """The key by which text is compared and sorted: case and accents folded, blanks collapsed."""
    if not value:
        return ""
    if value.isascii():
        folded = value.lower()
    else:
        decomposed = unicodedata.normalize("NFKD", value.casefold())
        folded = unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)).casefold())
    return " ".join(folded.split())[:MAX_KEY]


def prefix_end(key: str) -> str | None:
    """The smallest key above every key that starts with `key`, in code point order; None when there is none."""
    for end in range(len(key), 0, -1):
        point = ord(key[end - 1]) + 1
        if 0xD800 <= point <= 0xDFFF:
            point = 0xE000
        if point <= 0x10FFFF:
            return key[: end - 1] + chr(point)
    return None


def email_key(address: str) -> str:
    """The form in which an email address is looked up: case folded, outer blanks gone."""
    return address.strip().casefold()[:MAX_KEY]


@functools.lru_cache(maxsize=4096)
def is_email(address: str) -> bool:
    """Whether the address has the form of one; no look-up in DNS is made."""
    try:
        validate_email(address.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return False
    return True


@functools.lru_cache(maxsize=4096)
def country_code(text: str | None) -> str | None:
    """ISO 3166-1 alpha-2 of a country given as a code (two or three letters, any case) or an English name."""
    wanted = (text or "").strip()
    if not wanted:
        return None
    folded = fold(wanted)
    if folded in _COMMON_NAMES:
        return _COMMON_NAMES[folded]
    found: Any
    if len(wanted) == 2:
        found = pycountry.countries.get(alpha_2=wanted.upper())
    elif len(wanted) == 3 and wanted.isalpha():
        found = pycountry.countries.get(alpha_3=wanted.upper())
    else:
        found = _countries_by_name().get(folded)
    return str(found.alpha_2) if found is not None else None


def country_name(code: str | None) -> str | None:
    """The English name in common use of an ISO 3166-1 alpha-2 code."""
    country: Any = pycountry.countries.get(alpha_2=code) if code else None
    if country is None:
        return None
    return str(getattr(country, "common_name", None) or country.name)


@functools.cache
def _countries_by_name() -> dict[str, Any]:
    names: dict[str, Any] = {}
    for country in pycountry.countries:
        for attribute in ("name", "official_name", "common_name"):
            if name := getattr(country, attribute, None):
                names[fold(name)] = country
    return names


_COMMON_NAMES = {
    "uk": "GB",
    "great britain": "GB",
    "england": "GB",
    "usa": "US",
    "united states of america": "US",
    "russia": "RU",
    "south korea": "KR",
    "iran": "IR",
    "syria": "SY",
    "turkey": "TR",
}


@dataclass(frozen=True, slots=True)
class Dialled:
    """A telephone number in the forms it is looked up by."""

    e164: str | None
    digits: str


_NO_DIGITS = re.compile(r"[^0-9]+")


@functools.lru_cache(maxsize=65536)
def dialled(raw: str, region: str | None) -> Dialled:
    """The normalised forms of a number as given.

    Args:
        raw: the number as somebody wrote it.
        region: ISO 3166-1 alpha-2 of the place it is dialled from; None when nobody knows, and then only a number
            with its own country code has an E.164 form.
    """
    if raw.isascii():
        digits = _NO_DIGITS.sub("", raw)
    else:
        known = (unicodedata.digit(c, None) for c in raw if c.isdigit())
        digits = "".join(str(digit) for digit in known if digit is not None)
    text = raw.strip()
    if text.startswith("00"):
        text = "+" + text[2:]
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return Dialled(None, digits[:32])
    if not phonenumbers.is_possible_number(number):
        return Dialled(None, digits[:32])
    return Dialled(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), digits[:32])
