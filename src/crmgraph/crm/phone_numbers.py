"""Telephone numbers: as they were written, and the forms they are looked up by."""

import functools
import re
import unicodedata
from dataclasses import dataclass

import phonenumbers


@dataclass(frozen=True, slots=True)
class ParsedPhone:
    """A telephone number in the forms it is looked up by."""

    e164: str | None
    digits: str


_NO_DIGITS = re.compile(r"[^0-9]+")


@functools.lru_cache(maxsize=65536)
def parse_phone(raw: str, region: str | None) -> ParsedPhone:
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
        return ParsedPhone(None, digits[:32])
    if not phonenumbers.is_possible_number(number):
        return ParsedPhone(None, digits[:32])
    return ParsedPhone(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), digits[:32])


@functools.lru_cache(maxsize=4096)
def region_of_e164(e164: str) -> str | None:
    """ISO 3166-1 alpha-2 of the place that a number in E.164 belongs to; None where no place does."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(e164))
    except phonenumbers.NumberParseException:
        return None
