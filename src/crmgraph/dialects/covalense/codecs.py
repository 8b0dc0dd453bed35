"""How values stand on Covalense's wire: everything is text, "" is nothing, "0" and "1" are no and yes."""

import datetime as dt
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from crmgraph.crm.query.json_text import Pieces, joined
from crmgraph.crm.values.text import decimal_of
from crmgraph.mapping import Codec, Linked, Unreadable
from crmgraph.mapping.printing.words import LinkedRow, Printing

CONTACT, ACCOUNT, USER = "12", "11", "19"
"""The numbers of vtiger's modules, which stand before the `x` of an id."""

_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_ID = re.compile(r"(?:(\d+)[xX])?(\d{1,18})", re.ASCII)
_YES, _NO = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


def text(value: Any) -> str | None:
    """A value as text, None for nothing. Numbers are heard as the digits they are.

    Raises:
        Unreadable: it is an object, a list or a boolean.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unreadable("type")
    return str(value)


def _flag(value: Any) -> bool | None:
    word = ("1" if value else "0") if isinstance(value, bool) else (text(value) or "").strip().lower()
    if not word:
        return None
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise Unreadable("choice")


def _whole(value: Any) -> int | None:
    word = (text(value) or "").strip()
    if not word:
        return None
    if not re.fullmatch(r"-?\d{1,18}", word, re.ASCII):
        raise Unreadable("number")
    return int(word)


def _amount(value: Any) -> Decimal | None:
    word = (text(value) or "").strip()
    if not word:
        return None
    amount = decimal_of(word)
    if amount is None:
        raise Unreadable("number")
    return amount


def _birthday(value: Any) -> tuple[int, int, int] | None:
    word = (text(value) or "").strip()
    if not word:
        return None
    found = _DATE.fullmatch(word)
    if found is None:
        raise Unreadable("date")
    try:
        date = dt.date(*map(int, found.groups()))
    except ValueError:
        raise Unreadable("date") from None
    return date.day, date.month, date.year


def _day_text(parts: tuple[int | None, int | None, int | None]) -> str:
    day, month, year = parts
    # What is known in part is no date here.
    if day is None or month is None or year is None:
        return ""
    return f"{year:04}-{month:02}-{day:02}"


def time_text(moment: dt.datetime) -> str:
    """A time in UTC, without its zone."""
    return moment.replace(tzinfo=None).isoformat(" ", "seconds")


def _text_or(nothing: str) -> Codec:
    """Text, and what stands for none."""
    return Codec(
        text,
        lambda value: nothing if value is None else value,
        lambda write, column: [write.text_or(column, nothing)],
    )


def _day_sql(write: Printing, parts: Sequence[Any]) -> Pieces:
    day, month, year = parts
    return ['"', write.padded(year, 4), "-", write.padded(month, 2), "-", write.padded(day, 2), '"']


TEXT = _text_or("")
KEPT_FLAG = _text_or("0")
"""A switch that means nothing here, and is kept as the text it came as."""
FLAG = Codec(
    _flag,
    lambda value: "1" if value else "0",
    lambda write, column: [write.either(column.is_(True), '"1"', '"0"')],
)
SWITCH = Codec(_flag, bool)
"""A switch as a JSON boolean, as the answer to a login has them."""
NUMBER = Codec(_whole, lambda value: str(value or 0))
MONEY = Codec(_amount, lambda value: f"{value or 0:.8f}")
BIRTHDAY = Codec(_birthday, _day_text, _day_sql)
TIME = Codec(write=time_text, sql=lambda write, column: ['"', write.seconds(column, " "), '"'])


def number_in(module: str, word: str) -> str | None:
    """The number in an id of one of vtiger's modules, or in the bare number; None in anything else."""
    found = _ID.fullmatch(word)
    return None if found is None or found[1] not in (None, module) else found[2]


def printed_id(module: str) -> Codec:
    """Ids of one of vtiger's modules: `12x95809`, or in requests the bare number."""

    def read(value: Any) -> str | None:
        word = (text(value) or "").strip()
        if not word:
            return None
        found = number_in(module, word)
        if found is None:
            raise Unreadable("reference")
        return found

    def write(value: str | Linked | None) -> str:
        given = value.external_id if isinstance(value, Linked) else value
        return "" if given is None else f"{module}x{given}"

    def sql(write: Printing, link: LinkedRow) -> Pieces:
        return [write.quoted(joined([f"{module}x", link.external_id]))]

    return Codec(read, write, sql)


def _bare(value: str | Linked | None) -> str:
    return (value.external_id if isinstance(value, Linked) else value) or ""


BARE_ID = Codec(write=_bare)
"""Ids as the answer to a login has them."""
