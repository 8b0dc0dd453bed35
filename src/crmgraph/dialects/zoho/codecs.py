"""How Zoho writes each kind of value: what a field's `data_type` means on the wire."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from crmgraph.crm.query.json_text import Pieces, constant, members
from crmgraph.crm.values.text import is_blank
from crmgraph.mapping import Codec, Linked, Named, Unreadable
from crmgraph.mapping.printing.words import LinkedRow, Printing

MAX_ID_DIGITS = 19
"""Zoho's ids are 64-bit integers."""


def id_digits(value: Any) -> str | None:
    """The id that a client sent as text or as a number; None when it is neither, or too long for one.

    Leading zeros and blanks are not part of an id.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        value = str(value)
    if not isinstance(value, str):
        return None
    digits = value.strip()
    if not digits.isascii() or not digits.isdecimal() or len(digits) > MAX_ID_DIGITS:
        return None
    return digits.lstrip("0") or None


def moment(value: dt.datetime | None) -> str | None:
    """A time as Zoho prints it, to the second: 2021-05-11T12:52:29+00:00."""
    return None if value is None else value.isoformat(timespec="seconds")


def read_moment(value: Any) -> dt.datetime | None:
    """A time in ISO 8601; one without a zone is in UTC.

    Raises:
        Unreadable: it is none.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise Unreadable("date")
    try:
        # A plus sign that was not escaped in a query arrives as a blank.
        read = dt.datetime.fromisoformat(value.strip().replace(" ", "+") if "T" in value else value.strip())
        return read.replace(tzinfo=dt.UTC) if read.tzinfo is None else read.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        raise Unreadable("date") from None


def _text(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    raise Unreadable("type")


def _boolean(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    raise Unreadable("type")


def _integer(value: Any) -> Any:
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise Unreadable("number")


def _amount(value: Any) -> Any:
    if value is None or value == "":
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Decimal(str(value))
    raise Unreadable("number")


def number(value: Decimal | None) -> int | float | None:
    """An amount as a JSON number."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() and abs(value) < 2**53 else float(value)


def _read_date(value: Any) -> Any:
    if value is None or value == "":
        return None
    try:
        day = dt.date.fromisoformat(_text(value).strip())
    except ValueError:
        raise Unreadable("date") from None
    return day.year, day.month, day.day


def _write_date(parts: tuple[int | None, int | None, int | None]) -> str | None:
    year, month, day = parts
    if year is None or month is None or day is None:
        return None
    return f"{year:04}-{month:02}-{day:02}"


def _read_digits(value: Any) -> Any:
    """A code that Zoho holds as an integer and we as text."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return value
    read = _integer(value)
    return None if read is None else str(read)


def _write_digits(value: str | None) -> int | None:
    return int(value) if value and value.isascii() and value.isdecimal() and len(value) < 16 else None


def read_link(value: Any) -> str | Named | None:
    """What a lookup names: the id, in an object or by itself; without one the name or the email. None for nothing.

    Raises:
        Unreadable: it names nothing, and is neither null nor "".
    """
    if value is None or value == "":
        return None
    given = value if isinstance(value, dict) else {"id": value}
    if given.get("id") not in (None, ""):
        if (digits := id_digits(given["id"])) is not None:
            return digits
        given = {"name": given["id"]} if given.keys() == {"id"} and isinstance(value, str) else {}
    name, email = (text if isinstance(text := given.get(key), str) else "" for key in ("name", "email"))
    if is_blank(name) and is_blank(email):
        raise Unreadable("reference")
    return Named(None if is_blank(name) else name.strip(), None if is_blank(email) else email.strip())


def _read_kept_link(value: Any) -> Any:
    """A lookup of what this store has no records of, kept as it came."""
    if isinstance(value, dict) and not any(value.get(key) not in (None, "") for key in ("id", "name")):
        raise Unreadable("reference")
    return None if value == "" else value


def lookup(link: Linked | None) -> dict[str, str] | None:
    """A record or a user as others name it: {"name", "id"}."""
    if link is None:
        return None
    thing = link.thing
    name = getattr(thing, "name", None)
    if name is None:
        name = full_name(thing)
    return {"name": name, "id": link.external_id}


def _user(link: Linked | None) -> dict[str, str] | None:
    """A user as records name them: {"name", "id", "email"}."""
    named = lookup(link)
    return named if named is None or link is None else named | {"email": link.thing.email}


def full_name(record: Any) -> str:
    """What a record is called: an account by its name, a person by first and last name."""
    if hasattr(record, "last_name"):
        return " ".join(part for part in (record.first_name, record.last_name) if part)
    return str(record.name)


def _tags(value: list[Any] | None) -> list[Any]:
    return value if isinstance(value, list) else []


def _lookup_sql(write: Printing, link: LinkedRow) -> Pieces:
    return members(_named_sql(write, link))


def _user_sql(write: Printing, link: LinkedRow) -> Pieces:
    return members([*_named_sql(write, link), ("email", [write.json(link.c.email)])])


def _named_sql(write: Printing, link: LinkedRow) -> list[tuple[str, Pieces]]:
    c = link.c
    # An account without a name is told as `full_name` has it.
    name = write.words(c.first_name, c.last_name) if "last_name" in c else write.first(c.name, constant(str(None)))
    return [("name", [write.quoted(name)]), ("id", [write.quoted(link.external_id)])]


def _date_sql(write: Printing, parts: Sequence[Any]) -> Pieces:
    year, month, day = parts
    return ['"', write.padded(year, 4), "-", write.padded(month, 2), "-", write.padded(day, 2), '"']


def _moment_sql(write: Printing, column: Any) -> Pieces:
    return ['"', write.seconds(column), '+00:00"']


TEXT = Codec(_text)
BOOLEAN = Codec(_boolean)
INTEGER = Codec(_integer)
AMOUNT = Codec(_amount, number)
DATE = Codec(_read_date, _write_date, _date_sql)
MOMENT = Codec(write=moment, sql=_moment_sql)
DIGITS = Codec(_read_digits, _write_digits)
LOOKUP = Codec(read_link, lookup, _lookup_sql)
USER = Codec(read_link, _user, _user_sql)
KEPT_LOOKUP = Codec(_read_kept_link)
TAGS = Codec(write=_tags)
