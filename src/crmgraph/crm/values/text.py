"""Text as given, and the normalised forms beside it: what may be kept, and email addresses."""

import functools
import re
import unicodedata
from decimal import Decimal

import idna
from email_validator import EmailNotValidError, validate_email

from crmgraph.crm.values.folding import narrowed

MAX_TEXT = 32_000
"""The longest free text that is kept, in characters."""
MAX_LINE = 1_000
"""The longest single-line value (a name, a number, a street), in characters."""

_ACE = "xn--"
"""What the A-label of an internationalised domain begins with."""

_CONTROLS = re.compile("[\x00\ud800-\udfff]")
_UNSEEN = re.compile(
    r"[\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]*"
)
"""Blanks, Unicode's Default_Ignorable_Code_Point (joiners, marks of direction, selectors, fillers, tags), and the empty
Braille pattern. A combining mark is drawn, if by itself, and is something to be seen."""
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


def is_blank(value: str) -> bool:
    """Whether nothing is to be seen of a text: blanks of any kind, and what shows as little."""
    return _UNSEEN.fullmatch(value) is not None


def clean_email(address: str) -> str:
    """The address without the blanks around it, of whatever kind: a no-break space or a tab is no part of it."""
    return address.strip()


def email_key(address: str) -> str:
    """What two spellings of one email address have in common, for logins, uniques, upserts and searches alike.

    The local part is compared without case, composed, and whatever its width (RFC 8265, UsernameCaseMapped): accents,
    and ß and ss, stay apart. Domains are the same whose A-label is (IDNA 2008, mapped by UTS 46 without transition);
    kept is their U-label, which stands for it one to one and in which people search.
    """
    address = clean_email(address)
    lowered = address.lower()
    if address.isascii() and _ACE not in lowered:
        return lowered
    local, at, domain = address.rpartition("@")
    return _caseless(local) + at + _domain_key(domain)


def email_part(text: str) -> str:
    """A part of an address, which may end anywhere, in the form of `email_key`."""
    local, at, domain = _caseless(text.strip()).rpartition("@")
    if _ACE not in domain:
        return local + at + domain
    return local + at + ".".join(_domain_key(label) if label.startswith(_ACE) else label for label in domain.split("."))


def _caseless(text: str) -> str:
    return unicodedata.normalize("NFC", narrowed(text).lower())


@functools.lru_cache(maxsize=4096)
def _domain_key(domain: str) -> str:
    try:
        return idna.decode(idna.encode(domain, uts46=True, transitional=False))
    except (idna.IDNAError, UnicodeError):
        return _caseless(domain)


MAX_EMAIL = 320
"""The longest email address, in characters: RFC 3696 with its erratum has 254 bytes, older systems let 320 pass."""


def is_email(address: str) -> bool:
    """Whether the address has the form of one; no look-up in DNS is made."""
    return len(address) <= MAX_EMAIL and _is_email(clean_email(address))


_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@")
"""A local part in which nothing can be wrong but its length."""
_MAX_PLAIN = 64
"""Local parts may be as long as this, and no address is too long whose local part and domain are not longer."""


def _is_email(address: str) -> bool:
    local = _PLAIN_LOCAL.match(address) if address.isascii() else None
    if local is not None and local.end() <= _MAX_PLAIN and len(address) - local.end() <= _MAX_PLAIN:
        # Many addresses share a domain, which takes long to check.
        return _is_valid("a@" + address[local.end() :])
    return _is_valid(address)


@functools.lru_cache(maxsize=4096)
def _is_valid(address: str) -> bool:
    try:
        validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return False
    return True


_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)


def decimal_of(text: str) -> Decimal | None:
    """The number that a text writes, e.g. `-12.50` or `1e3`; None where it writes none.

    Python's own reading also takes `1_000`, digits of other scripts and `NaN`.
    """
    return Decimal(text) if _DECIMAL.fullmatch(text) else None
