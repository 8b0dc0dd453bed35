"""Telephone numbers: as they were written, and the forms they are looked up by.

The rules are those of libphonenumber, see docs/decisions/telephone-numbers.md. What is written down is never changed.
"""

import functools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import phonenumbers
from phonenumbers import (
    CountryCodeSource,
    Leniency,
    PhoneNumber,
    PhoneNumberFormat,
    PhoneNumberMatcher,
    PhoneNumberType,
    ValidationResult,
)

from crmgraph.crm.values.numbering_plans import is_given_out

MAX_CACHED = 100
"""The longest text whose forms are kept in memory, in characters."""
MAX_LENGTH = 100
"""The longest text in which a number is looked for, in characters: libphonenumber would take 250, and milliseconds."""
MAX_TRIES = 5
"""How many runs of digits between words are tried."""
MAX_DIGITS = 32
"""How many digits of a text are kept as its key."""


@dataclass(frozen=True, slots=True)
class ParsedPhone:
    """A telephone number in the forms it is looked up by.

    Attributes:
        e164: with the code of its country, e.g. `+4917112345678`; None where it cannot be dialled from anywhere, as a
            local or short number, or where its region is not known.
        digits: all digits of the text.
        extension: what is dialled once the number has answered.
        valid: whether numbers like `e164` are given out there.
    """

    e164: str | None
    digits: str
    extension: str | None = None
    valid: bool = False


def parse_phone(raw: str, region: str | None) -> ParsedPhone:
    """The normalised forms of a number as given.

    Args:
        raw: the number as somebody wrote it.
        region: ISO 3166-1 alpha-2 of the place it is dialled from; None when nobody knows, and then only a number
            with its own country code has an E.164 form.
    """
    return _cached(raw, region) if len(raw) <= MAX_CACHED else _parse(raw, region)


def _parse(raw: str, region: str | None) -> ParsedPhone:
    digits = _digits_of(raw)
    if len(raw) <= MAX_LENGTH and _IN_FULL.fullmatch(raw) is not None and is_given_out(digits):
        return ParsedPhone(f"+{digits}", digits, None, True)
    number, valid = _number_of(raw.strip(), region if region in phonenumbers.SUPPORTED_REGIONS else None)
    if number is None:
        return ParsedPhone(None, digits)
    extension, number.extension = number.extension, None
    return ParsedPhone(phonenumbers.format_number(number, PhoneNumberFormat.E164), digits, extension or None, valid)


_cached = functools.lru_cache(maxsize=16384)(_parse)

_NO_DIGITS = re.compile(r"[^0-9]+")


def _digits_of(raw: str) -> str:
    if raw.isascii():
        return _NO_DIGITS.sub("", raw)[:MAX_DIGITS]
    known = (unicodedata.digit(c, None) for c in raw if c.isdigit())
    return "".join(str(digit) for digit in known if digit is not None)[:MAX_DIGITS]


_IN_FULL = re.compile(r" *\+[0-9 ()./-]+")
"""A number with the code of its country, of which every digit counts."""

_EXTENSION = re.compile(
    r"[\s,;.(/-]*(?:\b(?:durchwahl|dw|nebenstelle|apparat|poste|toestel|interno|ramal|wewn|внутр)\b|内線|内线|分机)"
    r"[\s.:]*([0-9]{1,7})\)?$",
    re.IGNORECASE,
)
"""Words for an extension that libphonenumber does not know; it has ext, x, #, int, anexo and доб."""

_NO_WORDS = re.compile(r"[0-9+ ()./-]*")
"""What most numbers are, of which nothing else has to be found out."""

_AFTER_WORDS = re.compile(
    r"[^0-9]*?(?:;ext=|\b(?:(?:ext(?:ensi[oó]n?|n)?|xtn?|x|anexo|int|доб)\b|x(?=[0-9]))[\s.:]*)([0-9]{1,7})\)?",
    re.IGNORECASE,
)
"""An extension that words part from its number (`202-555-0123 Tom ext. 7`): libphonenumber ends a number at a word."""

_INTERNATIONAL = "00"
"""The prefix of international calls that the ITU recommends (E.164): what is meant where no region says otherwise."""


def _number_of(text: str, region: str | None) -> tuple[PhoneNumber | None, bool]:
    """The first reading of a text that can be dialled from anywhere, and whether it is valid; a valid one before one
    that is only possible."""
    if len(text) > MAX_LENGTH or not any(c.isdigit() for c in text):
        return None, False
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    # Runs of blanks say nothing, and patterns go over them again from each of them.
    text = " ".join(text.split())
    if _NO_WORDS.fullmatch(text) is None:
        text = _EXTENSION.sub(r";ext=\1", text)
    if region is None and text.startswith(_INTERNATIONAL):
        text = "+" + text.removeprefix(_INTERNATIONAL)
    possible = None
    for number in _readings(text, region):
        if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
            continue
        if phonenumbers.is_valid_number(number):
            return number, True
        possible = possible or (number if _is_complete(number, region) else None)
    # Where letters are in doubt, as words or as keys to be pressed, only a number that is given out settles it.
    return None if phonenumbers.is_alpha_number(text) else possible, False


def _readings(text: str, region: str | None) -> Iterator[PhoneNumber]:
    """What a text may mean: with its letters as words beside the number, then as keys to be pressed (1-800-FLOWERS)."""
    if _NO_WORDS.fullmatch(text) is None and any(c.isalpha() for c in text) and not text.startswith("tel:"):
        found = next(iter(PhoneNumberMatcher(text, region, Leniency.POSSIBLE, max_tries=MAX_TRIES)), None)
        if found is not None:
            if not found.number.extension and (after := _AFTER_WORDS.fullmatch(text, found.end)) is not None:
                found.number.extension = after[1]
            yield found.number
    try:
        yield phonenumbers.parse(text, region, keep_raw_input=True)
    except phonenumbers.NumberParseException:
        return


def _is_complete(number: PhoneNumber, region: str | None) -> bool:
    """Whether it is, though not given out, as long as a whole number of its country is, and neither local nor short as
    112 is."""
    if phonenumbers.is_valid_short_number(number) or (number.number_of_leading_zeros or 0) > 1:
        return False
    # In some countries a local number is as long as that of a service (AU, BR, NZ). What is written without the prefix
    # of calls within the country has to be as long as the number of a person, then.
    return _has_prefix(number, region) or any(
        phonenumbers.is_possible_number_for_type_with_reason(number, kind) == ValidationResult.IS_POSSIBLE
        for kind in (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE)
    )


def _has_prefix(number: PhoneNumber, region: str | None) -> bool:
    """Whether it was written with the code of its country, or with what is dialled for another area of it."""
    if region is None or number.country_code_source != CountryCodeSource.FROM_DEFAULT_COUNTRY:
        return True
    prefix = phonenumbers.ndd_prefix_for_region(region, True)
    return prefix is not None and phonenumbers.normalize_digits_only(number.raw_input or "").startswith(prefix)


def is_same_number(stored: tuple[str, str | None, str | None], raw: str, parsed: ParsedPhone) -> bool:
    """Whether a number is the very one that is stored: by E.164 and extension where both have it, else as written.

    Digits alone are no number: `1-800-FLOWERS` and `1-800-GOFEDEX` have the same.

    Args:
        stored: as it was given, its E.164 form and its extension.
        raw, parsed: the other number, as it was given and in its forms.
    """
    stored_raw, e164, extension = stored
    if e164 is not None and parsed.e164 is not None:
        return (e164, extension) == (parsed.e164, parsed.extension)
    form = written_form(raw)
    return any(c.isalnum() for c in form) and form == written_form(stored_raw)  # "-" and "+" are nobody's number


_DIALLED = frozenset("+*#,;")
"""What is dialled besides digits, or waited for (RFC 3966, section 5.1)."""


def written_form(raw: str) -> str:
    """A number as it was written: its identity where it has no E.164 form.

    The width, the case, blanks and what only parts the digits do not count; letters do.
    """
    return "".join(c for c in unicodedata.normalize("NFKC", raw).lower() if c.isalnum() or c in _DIALLED)


class Dialled(str):
    """A number as somebody looks for it, who may have written it as it is dialled within its country.

    Args:
        region: ISO 3166-1 alpha-2 of the place from which it is dialled; without it any place will do.
    """

    region: str | None

    def __new__(cls, text: str, region: str | None = None) -> "Dialled":
        self = super().__new__(cls, text)
        self.region = region
        return self

    def __repr__(self) -> str:
        return f"{super().__repr__()} in {self.region}"

    def numbers(self, here: str | None) -> tuple[str, ...]:
        """The numbers in E.164 that it may be.

        Args:
            here: from where it is dialled, for all that is known.
        """
        known = parse_phone(str(self), self.region or here).e164
        found = () if known is None else (known,)
        if (
            self.region is not None
            or (known is not None and not here)
            or self.strip().startswith(("+", _INTERNATIONAL))
        ):
            return found
        digits = _digits_of(self)
        if not _MIN_NATIONAL <= len(digits) <= _MAX_NATIONAL:
            return found
        within = {
            f"+{code}{digits.removeprefix(prefix)}"
            for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE
            for prefix in ("", _TRUNK.get(code, "0"))
        }
        return tuple(sorted({*found, *within}))


_MIN_NATIONAL, _MAX_NATIONAL = 7, 14
"""How many digits a number has that a whole country can dial: what is shorter may be one within a town."""
_TRUNK = {1: "1", 7: "8", 36: "06", 370: "8", 375: "8", 992: "8", 993: "8"}
"""{code of a country: what is dialled before a number within it}, where that is not 0 (ITU-T Operational Bulletin)."""


@functools.lru_cache(maxsize=4096)
def region_of_e164(e164: str) -> str | None:
    """ISO 3166-1 alpha-2 of the place that a number in E.164 belongs to; None where no place does."""
    regions = _REGIONS.get(code_of_e164(e164) or "", ())
    if len(regions) == 1:  # most codes: what follows says nothing more
        return regions[0]
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(e164))
    except phonenumbers.NumberParseException:
        return None


def code_of_e164(e164: str) -> str | None:
    """The code of the country of a number in E.164, e.g. `49`; None where it begins with none."""
    # No code begins another one.
    return next((code for length in (1, 2, 3) if (code := e164[1 : length + 1]) in _REGIONS), None)


_REGIONS = {str(code): regions for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()}


@functools.lru_cache(maxsize=4096)
def national_form(e164: str) -> str:
    """How a number in E.164 is written in its country, by the formats of libphonenumber."""
    number = phonenumbers.parse(e164)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
