"""What a cell says: its text without what no text has, empties, numbers, yes and no, several values in one."""

import re
from decimal import Decimal
from typing import Any

from crmgraph.crm.values.text import decimal_of

EMPTY = frozenset(
    {"", "NULL", "null", "(null)", "N/A", "-", "-None-", "--None--", "-Ninguno-", "0000-00-00", "0/0/00", "0.0.00"}
    | {"000000000000000AAA", "0000-00-00 00:00:00", "[]"}
)
"""What exporters write where there is nothing."""
SHEET_ERRORS = frozenset({"#N/A", "#NV", "#REF!", "#VALUE!", "#WERT!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "####"})
"""What a spreadsheet shows instead of a value."""

_BREAKS = re.compile(r"[\r\n\t\x0b\x0c\x85\u2028\u2029]+")
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters and marks that turn the direction of what follows: `gpj.exe` shows as `exe.jpg`."""
_SUSPECT = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_OUTER = " \t\r\n\v\f\xa0\u2007\u202f\u3000\ufeff\u200b"
_WRAPPED = re.compile(r'="((?:[^"]|"")*)"')
_APOSTROPHE = re.compile(r"'(?=[-+=@0-9])")


def clean(text: str, *, lines: bool = False) -> tuple[str, bool]:
    """A text without outer blanks and without what cannot be seen.

    Args:
        lines: whether it may have several; in others a break is a blank.

    Returns:
        The text, and whether anything within it was removed.
    """
    text = text.strip(_OUTER)
    if not _SUSPECT.search(text):
        return text, False
    if lines:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        kept = _UNSEEN.sub("", text)
        return kept.strip(_OUTER), kept != text
    kept = _UNSEEN.sub("", _BREAKS.sub(" ", text))
    return kept.strip(_OUTER), True


def is_empty(text: str) -> bool:
    """Whether a cell holds what stands for nothing."""
    return text in EMPTY or text.strip(_OUTER) in EMPTY


def unwrapped(text: str) -> tuple[str, bool]:
    """What a cell means that a spreadsheet or an exporter has marked as text: `="0123"`, `'+49 ...`.

    Returns:
        The text, and whether an apostrophe went.
    """
    if text.startswith("="):
        if match := _WRAPPED.fullmatch(text):
            return match[1].replace('""', '"'), False
    elif _APOSTROPHE.match(text):
        return text[1:], True
    return text, False


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would take this text for a formula that is no number."""
    return text.startswith(("=", "@")) and len(text) > 1


_YES = "1 true yes y x on ja wahr vrai oui sí si verdadero sim vero ano tak prawda はい ✓ ✔"
_NO = "0 false no n off nein falsch faux non nie fałsz falso não nao nee onwaar いいえ"
_TRUE, _FALSE = frozenset(_YES.split()), frozenset(_NO.split())


def boolean(value: Any) -> bool | None:
    """Yes or no in a language of spreadsheets; None for anything else."""
    word = str(value).strip().casefold()
    return True if word in _TRUE else False if word in _FALSE else None


MAX_FIGURES = 60
"""The longest text in which a number, or a date, is looked for."""
MAX_SEVERAL = 4_000
"""The longest text that is parted into several numbers or addresses."""
_CURRENCY = re.compile(r"^(?:[A-Z]{3}|[^\W\d]{0,2}[$€£¥₹₽₺₴₩])?\s*(.*?)\s*(?:[A-Z]{3}|[$€£¥₹₽₺₴₩]|zł|kr\.?|Kč|Ft)?$")
_GROUPS = re.compile(r"[\s\xa0\u202f'’](?=\d{3}(?!\d))")


def number(text: str, decimal: str | None = None, *, whole: bool = False) -> Decimal | None:
    """The number that a cell writes.

    Args:
        decimal: what parts decimals, `.` or `,`, where that is known; else the cell has to say it.
        whole: whether it counts something, and has no decimals.

    Returns:
        None where it writes no number, or `1,200` and nobody knows which.
    """
    if len(text) > MAX_FIGURES:
        return None
    match = _CURRENCY.match(text.strip())
    bare = _GROUPS.sub("", match[1] if match else text)
    found = decimal_of(_pointed(bare, decimal, whole))
    return None if found is None or not found.is_finite() or (whole and found != found.to_integral_value()) else found


def _pointed(text: str, decimal: str | None, whole: bool) -> str:
    if "," not in text and (decimal != "," or "." not in text):
        if whole and re.fullmatch(r"[+-]?\d{1,3}(\.\d{3})+", text):
            return text.replace(".", "")
        if decimal is None and text.count(".") > 1:
            return text.replace(".", "")
        return text
    parts = separator_of(text) or decimal or ("." if whole else None)
    if whole and re.fullmatch(r"[+-]?\d{1,3}([.,]\d{3})+", text):
        return text.replace(",", "").replace(".", "")
    if parts is None:
        return text
    other = "," if parts == "." else "."
    return text.replace(other, "").replace(",", ".")


def separator_of(text: str) -> str | None:
    """What parts the decimals of a number, where the number alone says it: the last of two, or one before other than
    three digits; None where `1,200` may be two things."""
    marks = [c for c in text if c in ",."]
    if not marks:
        return None
    if len(set(marks)) == 2:
        return marks[-1]
    if len(marks) > 1:
        return "." if marks[0] == "," else ","
    mark = marks[0]
    before, _, after = text.partition(mark)
    digits = re.sub(r"\D", "", after)
    if len(digits) != 3 or len(re.sub(r"\D", "", before)) > 3 or before.strip("+-") in ("", "0"):
        return mark
    return None


def plain(value: Decimal) -> str:
    """A number without exponent and without zeros that say nothing."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


_SCIENTIFIC = re.compile(r"([+-]?\d)[.,](\d+)[eE]\+?(\d{1,2})")


def whole_digits(text: str) -> str | None:
    """The digits of a number that a spreadsheet has written as `4,91571E+11`; empty where it has lost some, None where
    it is no such number."""
    match = _SCIENTIFIC.fullmatch(text.strip()) if len(text) <= MAX_FIGURES else None
    if match is None:
        return None
    return match[1] + match[2] if len(match[2]) == int(match[3]) else ""


MIN_DIGITS = 3
"""Emergency numbers have three."""
COMPLETE_DIGITS = 6
"""A number of as many digits can stand by itself."""
_SEVERAL = re.compile(r"\s*:::\s*|\s*[;,\n]\s*|\s+/\s+")


def is_phone(raw: str) -> bool:
    """Whether a text can be somebody's number: it has digits, and no spreadsheet takes it for a formula."""
    return not raw.startswith("=") and sum(map(str.isdigit, raw)) >= MIN_DIGITS


def phones(cell: str) -> list[str]:
    """The numbers of a cell: several, where each of them is complete by itself."""
    if len(cell) > MAX_SEVERAL:
        return [cell]
    pieces = [piece for piece in _SEVERAL.split(cell) if piece]
    if len(pieces) > 1 and all(sum(c.isdigit() for c in piece) >= COMPLETE_DIGITS for piece in pieces):
        return pieces
    return [piece for piece in re.split(r"\s*:::\s*", cell) if piece]


def emails(cell: str) -> list[str]:
    """The addresses of a cell."""
    if cell.startswith("/") or len(cell) > MAX_SEVERAL:
        return [cell]
    return [piece.strip() for piece in re.split(r"\s*:::\s*|[;,\s]+(?=\S*@)", cell) if piece.strip()]


def texts(cell: str, separator: str) -> list[str]:
    """The texts of a cell that has several."""
    return [piece.strip() for piece in cell.split(separator.strip() or separator) if piece.strip()]


_PARTICLES = frozenset(
    [
        "van",
        "von",
        "vom",
        "zu",
        "zum",
        "zur",
        "de",
        "der",
        "den",
        "del",
        "della",
        "di",
        "da",
        "dal",
        "das",
        "do",
        "dos",
        "du",
        "la",
        "le",
        "les",
        "el",
        "al",
        "bin",
        "ibn",
        "ben",
        "ter",
        "ten",
        "af",
        "av",
        "mac",
        "mc",
        "st.",
        "saint",
        "san",
        "santa",
        "te",
        "'t",
        "op",
    ]
)
"""What leads a last name and is none by itself."""
_SUFFIX = re.compile(r"^(jr|sr|jun|sen|ii|iii|iv|phd|md)\.?$", re.IGNORECASE)


def split_name(full: str) -> tuple[str, str, bool]:
    """First and last name of a name in one text.

    Returns:
        Both, and whether that was more than taking two words apart. Of one word, and of a telephone number or an
        address in its place, the last name alone.
    """
    words = full.split()
    if len(words) < 2 or "@" in full or not any(c.isalpha() for c in full):
        return "", full, False
    if full.count(",") == 1 and not _SUFFIX.match(full.split(",")[1].strip()):
        last, first = (part.strip() for part in full.split(","))
        if last and first:
            return first, last, True
    if len(words) == 2:
        return words[0], words[1], False
    end = len(words) - 1
    if _SUFFIX.match(words[end]) and end > 1:
        end -= 1
    lead = next((n for n in range(1, end) if words[n].casefold() in _PARTICLES), end)
    return " ".join(words[:lead]), " ".join(words[lead:]), True
