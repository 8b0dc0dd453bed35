"""How single values stand on CRM.COM's wire: numbers as numbers, times without a zone, ids as 32 hexadecimal digits."""

import datetime as dt
import functools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pycountry

from crmgraph.crm.models import MINTED_IDS, AddressKind, EmailKind, PhoneKind
from crmgraph.crm.query.json_text import Pieces, members
from crmgraph.crm.records.lookup import minted
from crmgraph.crm.values.text import decimal_of
from crmgraph.dialects.crmcom.response_formats import ordered, words
from crmgraph.http import reading
from crmgraph.mapping import Codec, Unreadable
from crmgraph.mapping.printing.words import LinkedRow, Printing

LANGUAGES = words(
    "ARA DAN ENG EST FIN FRA DEU ELL JPN VIE MAL IND TAI LAV LIT NNO POL POR RUS SPA SWE UKR CMN TGL HIN "
    "CUSTOM1 CUSTOM2 CUSTOM3 CUSTOM4 CUSTOM5 CUSTOM6 CUSTOM7 CUSTOM8"
)
"""The documented values of preferred_language."""

RELATION_KINDS = words(
    "FAMILY_MEMBER EXTENDED_FAMILY PARTNER CLOSE_FRIEND FRIEND WORK_COLLEAGUE PARTNER_COMPANY CLIENT EMPLOYER EMPLOYEE "
    "BUSINESS CUSTOM1 CUSTOM2 CUSTOM3 CUSTOM4 CUSTOM5"
)
"""How a contact can stand to another."""

ADDRESS_KINDS = {kind.value: kind for kind in AddressKind}
EMAIL_KINDS = {kind.value: kind for kind in EmailKind}
PHONE_KINDS = {
    "LANDLINE": PhoneKind.LANDLINE,
    "MOBILE": PhoneKind.MOBILE,
    "FAX": PhoneKind.FAX,
    "CUSTOM1": PhoneKind.HOME,
    "CUSTOM2": PhoneKind.OTHER,
    "CUSTOM3": PhoneKind.ASSISTANT,
    "CUSTOM4": PhoneKind.CUSTOM4,
    "CUSTOM5": PhoneKind.CUSTOM5,
}

_PADDED = re.compile(r"0{16}[0-9A-F]{16}")
_WHOLE = re.compile(r"-?\d{1,18}", re.ASCII)


def text(value: Any) -> str | None:
    """Text, None for null; a number is heard as the digits it is.

    Raises:
        Unreadable: it is an object, a list or a boolean.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unreadable("type")
    return str(value)


def whole(value: Any) -> int | None:
    """A whole number, or the text of one.

    Raises:
        Unreadable: it is none.
    """
    if isinstance(value, float) and value.is_integer():
        return int(value)
    word = (text(value) or "").strip()
    if not word:
        return None
    if not _WHOLE.fullmatch(word):
        raise Unreadable("number")
    return int(word)


def _number(value: Any) -> int | float | None:
    """A number as it came: 10 stays 10, and 10.5 is 10.5."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise Unreadable("number")
        return value
    word = (text(value) or "").strip()
    if not word:
        return None
    if _WHOLE.fullmatch(word):
        return int(word)
    number = decimal_of(word)
    if number is None:
        raise Unreadable("number")
    return _number(float(number))


def _amount(value: Any) -> Decimal | None:
    if isinstance(value, bool):
        raise Unreadable("number")
    word = (text(value) or "").strip()
    amount = decimal_of(word)
    if word and amount is None:
        raise Unreadable("number")
    return amount


def _as_number(value: Decimal | None) -> int | float | None:
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def _floor(value: Any) -> str | None:
    return None if value is None else text(whole(value) if isinstance(value, float) else value)


def _as_floor(value: str | None) -> int | str | None:
    # A floor that other doors write otherwise, e.g. 07, is no number here.
    return int(value) if value is not None and _WHOLE.fullmatch(value) and str(int(value)) == value else value


def moment(value: Any) -> dt.datetime | None:
    """A time as CRM.COM writes them, 2014-05-05T15:49:59, or a day.

    Raises:
        Unreadable: it is none.
    """
    word = (text(value) or "").strip()
    if not word:
        return None
    try:
        return dt.datetime.fromisoformat(word)
    except ValueError:
        raise Unreadable("date") from None


def _time_text(value: Any) -> str | None:
    return None if moment(value) is None else text(value)


def time_text(at: dt.datetime) -> str:
    """A time in UTC without its zone, to the second."""
    return at.replace(tzinfo=None).isoformat(timespec="seconds")


def flag(value: Any) -> bool | None:
    """A boolean; 0 and 1 are heard too, as numbers and as text.

    Raises:
        Unreadable: it is none.
    """
    if value is None or isinstance(value, bool):
        return value
    known = {"0": False, "1": True, "false": False, "true": True, "": None}
    word = (text(value) or "").strip().lower()
    if word not in known:
        raise Unreadable("choice")
    return known[word]


def _parts(value: Any, names: tuple[str, ...]) -> list[int | None]:
    if not isinstance(value, Mapping):
        raise Unreadable("type")
    return [whole(value.get(name)) for name in names]


def _date_of_birth(value: Any) -> tuple[int | None, ...] | None:
    if value is None:
        return None
    month, day, year = _parts(value, ("month", "day", "year"))
    # It is one field: a fault of it is told once, whichever of its parts cannot be.
    if any(part is not None and not 1 <= part <= most for part, most in ((month, 12), (day, 31), (year, 9999))):
        raise Unreadable("date")
    return month, day, year


@functools.cache
def date_of_birth(keys: tuple[str, ...]) -> Codec:
    """The codec of (month, day, year), each of which may be missing.

    Args:
        keys: of the object in answers, in their order.
    """
    names = ("month", "day", "year")

    def sql(write: Printing, parts: Sequence[Any]) -> Pieces:
        values = dict(zip(names, parts, strict=True))
        return members([(key, [write.whole(values[key])]) for key in keys])

    return Codec(_date_of_birth, lambda parts: ordered(dict(zip(names, parts, strict=True)), keys), sql)


def _name_day(value: Any) -> dict[str, int | None] | None:
    if value is None:
        return None
    month, day = _parts(value, ("month", "day"))
    if (month is not None and not 1 <= month <= 12) or (day is not None and not 1 <= day <= 31):
        raise Unreadable("date")
    return {"month": month, "day": day}


def _language(value: Any) -> str | None:
    word = (text(value) or "").strip().upper()
    if word and word not in LANGUAGES:
        raise Unreadable("choice")
    return word or None


@functools.lru_cache(maxsize=1024)
def _as_language(value: str | None) -> str | None:
    """The three letters of a language that another door named in its own way; what nobody knows, as it stands."""
    if value is None or value.upper() in LANGUAGES:
        return value and value.upper()
    # By its code before its name: there is a language that is called En.
    code = {2: "alpha_2", 3: "alpha_3"}.get(len(value))
    found: Any = pycountry.languages.get(**{code: value.lower()}) if code else None
    try:
        return str((found or pycountry.languages.lookup(value)).alpha_3).upper()
    except LookupError:
        return value


def kind(known: Mapping[str, StrEnum | str], word: Callable[[str], str]) -> Codec:
    """What a row is for. Requests write it in any case, with blanks or underscores.

    Args:
        known: {as CRM.COM writes it in requests: what we call it}.
        word: how answers write it.
    """
    names = {ours: word(theirs) for theirs, ours in known.items()}

    def read(value: Any) -> StrEnum | str | None:
        wanted = "_".join((text(value) or "").upper().replace("_", " ").split())
        if not wanted:
            return None
        if wanted not in known:
            raise Unreadable("choice")
        return known[wanted]

    def sql(write: Printing, column: Any) -> Pieces:
        return ['"', write.choice(column, names), '"']

    is_closed = all(isinstance(ours, StrEnum) for ours in known.values())  # what is none of these is written in Python
    return Codec(read, lambda value: names.get(value) or (value and word(value)), sql if is_closed else None)


def print_id(own: str) -> str:
    """An id as CRM.COM prints it: the external one, else ours as 32 hexadecimal digits."""
    number = minted(own)
    return own if number is None else f"{number:032X}"


def _id_sql(write: Printing, own: LinkedRow) -> Pieces:
    # An external id is none that could be ours, see `external_ids.may_be_minted`.
    return [write.quoted(write.first(own.given, write.hexadecimal(own.c.id, 32)))]


def read_id(value: str) -> int | None:
    """Our id in 32 hexadecimal digits; None when it is none that we print."""
    if not _PADDED.fullmatch(value.upper()):
        return None
    number = int(value, 16)
    return number if number in MINTED_IDS else None


def pairs(value: Any) -> dict[str, str]:
    """An identifier as {field: value}: an object, the text `field=value`, or the text of an object.

    Raises:
        Unreadable: it is none of these.
    """
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = reading.json(value.encode())
        except (reading.Malformed, UnicodeError):
            raise Unreadable from None
    if isinstance(value, str):
        name, equals, given = value.partition("=")
        if not equals:
            raise Unreadable
        return {name.strip(): given.strip()}
    if not isinstance(value, Mapping):
        raise Unreadable("type")
    return {str(k).strip(): word for k, v in value.items() if (word := (text(v) or "").strip())}


def only_pair(value: Any, allowed: frozenset[str]) -> tuple[str, str]:
    """The one field and value of an identifier.

    Raises:
        Unreadable: there is none, or more than one, or it is not allowed.
    """
    found = pairs(value)
    if len(found) != 1:
        raise Unreadable
    ((name, given),) = found.items()
    if name not in allowed or not given:
        raise Unreadable("unknown")
    return name, given


TEXT = Codec(text)
NUMBER = Codec(_number)
WHOLE = Codec(whole)
FLOOR = Codec(_floor, _as_floor)
AMOUNT = Codec(_amount, _as_number)
TIME = Codec(_time_text)
FLAG = Codec(flag)
GENDER = Codec(text, lambda value: value and value.upper())
LANGUAGE = Codec(_language, _as_language)
STATE = Codec(
    write=lambda active: "Active" if active else "Inactive",
    sql=lambda write, column: [write.either(column.is_(True), '"Active"', '"Inactive"')],
)
ID = Codec(write=print_id, sql=_id_sql)
MOMENT = Codec(write=time_text, sql=lambda write, column: ['"', write.seconds(column), '"'])
NAME_DAY = Codec(_name_day, lambda kept: {"month": None, "day": None} | (kept or {}))
