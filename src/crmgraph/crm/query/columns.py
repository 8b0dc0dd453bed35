"""What stands for a column when it is searched, and how a value comes into the form of a column."""

import datetime as dt
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeAlias, cast

from sqlalchemy import Boolean, Date, Integer, Text, func
from sqlalchemy import Enum as SqlEnum

from crmgraph.crm.errors import Invalid
from crmgraph.crm.models import FOLDED, Account, Address, Contact, Email, Lead, Phone, SearchField, Staff
from crmgraph.crm.models.columns import Moment, Money, now
from crmgraph.crm.query.conditions import By, Comparator, ExtraValue, Op, Place, Point, WholeDate
from crmgraph.crm.values.ago import Ago
from crmgraph.crm.values.countries import country_code
from crmgraph.crm.values.folding import fold
from crmgraph.crm.values.phone_numbers import Dialled, parse_phone
from crmgraph.crm.values.search_terms import BACKWARDS, FIRST, LAST, MAX_TERM, ends_with_run, runs
from crmgraph.crm.values.text import email_key, email_part, fault_of

Form: TypeAlias = Callable[[str, str | None], str | tuple[str, ...] | None]
"""(value, region) to the key that it is compared by, or several; none or empty where nothing is equal to it."""


@dataclass(frozen=True, slots=True)
class Searched:
    """What stands for a column in a search.

    Attributes:
        key: the column of its key.
        form, part: how a whole value, and a part of one, becomes a key.
        ending: what is compared where the part is an end, if that is not the key.
        also: another key of whole values, and how they become it: who has either is found.
    """

    key: Any
    form: Form
    part: Form
    ending: Any = None
    also: tuple[Any, Form] | None = None


def _folded(text: str, region: str | None) -> str:
    return fold(text)


def _digits(raw: str, region: str | None) -> str:
    return parse_phone(raw, region).digits


def _number(raw: str, region: str | None) -> str | tuple[str, ...] | None:
    return raw.numbers(region) if isinstance(raw, Dialled) else parse_phone(raw, region).e164


def _code(text: str, region: str | None) -> str | None:
    return country_code(text)


SEARCHED: dict[Any, Searched] = {
    **{column: Searched(key, _folded, _folded) for column, key in FOLDED.items()},
    **{key: Searched(key, _folded, _folded) for key in (Contact.full_name_key, Lead.full_name_key)},
    Staff.name: Searched(Staff.name_key, _folded, _folded),
    Staff.email: Searched(
        Staff.email_key, lambda address, region: email_key(address), lambda text, region: email_part(text)
    ),
    Email.address: Searched(
        Email.address_key, lambda address, region: email_key(address), lambda text, region: email_part(text)
    ),
    Phone.raw: Searched(
        Phone.digits,
        _digits,
        _digits,
        func.coalesce(Phone.e164, Phone.digits),
        (Phone.e164, _number),
    ),
    Address.country: Searched(Address.country, _code, _code),
}
"""{column: what stands for it}: a searchable column is a row here, or in `models.FOLDED`. Any other text is compared
with ASCII letters of either case as equal, the same on both databases."""

PARTED_IN: dict[Any, tuple[SearchField, ...]] = {
    Contact.first_name: (SearchField.FIRST_NAME,),
    Contact.last_name: (SearchField.LAST_NAME,),
    Contact.full_name_key: (SearchField.FIRST_NAME, SearchField.MIDDLE_NAME, SearchField.LAST_NAME),
    Lead.first_name: (SearchField.FIRST_NAME,),
    Lead.last_name: (SearchField.LAST_NAME,),
    Lead.full_name_key: (SearchField.FIRST_NAME, SearchField.MIDDLE_NAME, SearchField.LAST_NAME),
    Lead.company: (SearchField.COMPANY,),
    Account.name: (SearchField.NAME,),
    Email.address: (SearchField.EMAIL,),
    Address.city: (SearchField.CITY,),
}
"""{column: the places whose words have all of its runs}: what is found by a part of it."""

_SMALL = str.maketrans({c: c.lower() for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"})


def keys_of(column: Any, by: By, how: Comparator) -> Sequence[tuple[Any, Form | None]]:
    """The columns that stand for one, of which any may fulfil a comparison, each with the form of its values.

    The form is None where it goes by the type of the column.
    """
    searched = SEARCHED.get(column)
    if searched is None or by is By.EXACT:
        return ((column, None),)
    if how.is_end and searched.ending is not None:
        return ((searched.ending, searched.part),)
    if how.is_part:
        return ((searched.key, searched.part),)
    if how.is_indexed and searched.also is not None:
        return (searched.also, (searched.key, searched.form))
    return ((searched.key, searched.form),)


def terms_ending(column: Any, part: str) -> tuple[str, str] | None:
    """Between which terms of the search index (`crm/search/terms.py`) those of all values lie that end with a part.

    Args:
        part: in the form of the column.

    Returns:
        The first of them, and the first one beyond; None where the index has none that begins like this.
    """
    if column is Phone.raw:
        return BACKWARDS + part[::-1], BACKWARDS + part[::-1] + LAST
    domain = part.rpartition("@")[2][:MAX_TERM] if column is Email.address and "@" in part else ""
    return (domain, domain + FIRST) if domain else None


def parts_with(column: Any, part: str, *, is_end: bool) -> tuple[str, str] | None:
    """Between which parts of words (`crm/search/parts.py`) those of all values lie that have a part of a text in them.

    Those of others may lie there too: the longest run of letters is looked for.

    Args:
        part: in the form of the column.
        is_end: whether the values end with it.

    Returns:
        The first of them, and the first one beyond; None where nothing leads to them.
    """
    if column not in PARTED_IN:
        return None
    # Of emails many share a domain.
    found = (runs(part.rpartition("@")[0]) if column is Email.address else []) or runs(part)
    if not found:
        return None
    longest = max(reversed(found), key=len)
    is_whole_part = is_end and longest == found[-1] and ends_with_run(part)
    return longest, longest + (FIRST if is_whole_part else LAST)


def values_of(column: Any, form: Form | None, by: By, given: Sequence[Any], region: str | None) -> list[Any]:
    """The values in the form of the column; None or empty where nothing is left of one.

    Raises:
        Invalid: one of them is of another kind.
    """
    if form is not None:
        keys = [form(_text(value), region) for value in given]
        return [one for each in keys for one in (each if isinstance(each, tuple) else (each,))]
    if isinstance(column.type, Text) and by is not By.EXACT:
        return [spelled(value) for value in given]
    return [_typed(column.type, value) for value in given]


def compared_forms(place: Place, value: Any, region: str | None) -> list[tuple[str, str]]:
    """(what is compared, the value in its form) for equality: one of them is the same for values that are equal there.

    Nothing for what nothing is equal to. Which row of a list is meant makes no difference.

    Raises:
        Invalid: the value is not of the form of its column.
    """
    if value is None or value == "":
        return []
    if isinstance(place, ExtraValue):
        return [(f"{place.dialect}.{place.key}", repr(finite(value)) if is_number(value) else spelled(value))]
    if isinstance(place, WholeDate):
        return [(str(place.year), str(day(value)))]
    column = place.column if isinstance(place, Point) else place
    return [
        (str(key), str(each))
        for key, form in keys_of(column, By.IDENTITY, Op.EQUALS.value)
        for each in values_of(key, form, By.IDENTITY, [value], region)
        if is_compared(column, By.IDENTITY, each)
    ]


def is_compared(column: Any, by: By, form: Any) -> bool:
    """Whether anything can be equal to a value in its form."""
    if form is None or by is By.EXACT:
        return form is not None
    # Letters alone have no digits, and by identity they are told apart by the text.
    return form != "" or (by is By.IDENTITY and column is Phone.raw)


def _typed(kind: Any, value: Any) -> Any:
    """A value as a column of this type holds it."""
    if isinstance(kind, SqlEnum):
        try:
            return cast(type[StrEnum], kind.enum_class)(value)
        except ValueError:
            raise Invalid((), "choice") from None
    if isinstance(kind, Text):
        return _text(value)
    if isinstance(kind, Money):
        return finite(value)
    if isinstance(kind, Integer):
        size = 63 if type(kind).__name__ == "BigInteger" else 31
        if isinstance(value, bool) or not isinstance(value, int) or not -(2**size) <= value < 2**size:
            raise Invalid((), "number")
        return value
    if isinstance(kind, Moment):
        if isinstance(value, Ago):
            return value.before(now())
        if not isinstance(value, dt.datetime) or value.tzinfo is None:
            raise Invalid((), "date")
        return value
    if not isinstance(value, {Boolean: bool, Date: dt.date}.get(type(kind), ())):
        raise Invalid((), "type")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Invalid((), "type")
    if fault := fault_of(value, line=False):
        raise Invalid((), *fault)
    return value


def spelled(value: Any) -> str:
    """A text, or true or false, with ASCII letters small."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _text(value).translate(_SMALL)


def is_number(value: Any) -> bool:
    """Whether a value is a number, which true and false are not."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def finite(value: Any) -> float:
    """A number as databases compare it with text."""
    if not is_number(value):
        raise Invalid((), "number")
    try:
        number = float(value)
    except OverflowError:
        raise Invalid((), "number") from None
    if not math.isfinite(number):
        raise Invalid((), "number")
    return number


def day(value: Any) -> int:
    """A date as one number, in the order of dates."""
    if not isinstance(value, dt.date) or isinstance(value, dt.datetime):
        raise Invalid((), "date")
    return value.year * 10_000 + value.month * 100 + value.day
