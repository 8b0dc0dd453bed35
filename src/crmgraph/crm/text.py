"""Text as given, and the normalised forms beside it: what may be kept, folded keys, email addresses."""

import functools
import re
import unicodedata

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


def clean_email(address: str) -> str:
    """The address without the blanks around it, of whatever kind: a no-break space or a tab is no part of it."""
    return address.strip()


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
