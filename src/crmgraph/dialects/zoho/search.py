"""Searches in our words: where a field lives for conditions, and what criteria, an email, a phone or a word ask for."""

import datetime as dt
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Text
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Invalid
from crmgraph.crm.models import Account, Address, Email, Lead, PartyKind, Phone, Way
from crmgraph.crm.policy import MODELS
from crmgraph.crm.query.conditions import And, By, Compare, ExtraValue, Not, Op, Or, Point, Where, WholeDate
from crmgraph.crm.query.offset_pages import find_ids
from crmgraph.crm.values.countries import country_code_of_name
from crmgraph.crm.values.text import is_blank
from crmgraph.dialects.zoho import codecs, errors
from crmgraph.dialects.zoho.criteria import COMPARATORS, Condition, Criteria, Group, NotCriteria, parse
from crmgraph.dialects.zoho.fields import DIALECT, MODULES, Module
from crmgraph.dialects.zoho.requests import Call
from crmgraph.mapping import Always, Computed, ExtraField, Link, Own, Slot, Unreadable, Whole
from crmgraph.rest import RequestError

MAX_WORDS = 5
"""The most words of one text that are looked for."""
MAX_MAGNITUDE = 30
"""The largest power of ten of a number that is looked for."""
MAX_NAMED = 100
"""The most records of one name that a lookup is compared with."""

_ROWS: dict[str, Any] = {"phones": Phone, "emails": Email, "addresses": Address}
_EMPTY = "${EMPTY}"
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?")

_CODE = re.compile(r"[+-]?0[0-9]")


def place_of(module: Module, name: str) -> Any:
    """Where the field's value is compared and sorted; None when it cannot be.

    A name that no field has is a custom field's.
    """
    field = module.fields.field(name)
    if field is None:
        return ExtraValue(DIALECT, name)
    match field.at:
        case Slot(rows, column, slot):
            return Point(getattr(_ROWS[rows], column), slot)
        case ExtraField(key):
            return ExtraValue(DIALECT, key)
        case Link(column):
            return column
        case Own():
            return MODELS[module.kind].id
        case Whole(columns):
            return WholeDate(*columns)
        case Always() | Computed():
            return None
    return field.at


def identifying_place(module: Module, name: str) -> Any:
    """Where the field's value is compared to tell whether a record is there already; None where it tells nothing."""
    place = place_of(module, name)
    return None if isinstance(place, WholeDate) else place


def having(module: Module, name: str, value: Any) -> Where:
    """The records of a module that have this very value; leads that were converted are no leads any more."""
    same = Compare(place_of(module, name), Op.EQUALS, value, By.IDENTITY)
    return And((same, Compare(Lead.converted_at, Op.IS_NULL, True))) if module.kind is PartyKind.LEAD else same


def by_email(text: str) -> Where:
    """Records with this email in whichever field."""
    return Compare(Point(Email.address), Op.EQUALS, _something(text))


def by_phone(text: str) -> Where:
    """Records with this number, in any spelling, in whichever field."""
    return Compare(Point(Phone.raw), Op.EQUALS, _something(text))


def _something(text: str) -> str:
    """A text to look for, which a blank is not: nobody means everybody who has none.

    Raises:
        RequestError: it is blank.
    """
    if is_blank(text):
        raise RequestError(errors.INVALID_QUERY)
    return text.strip()


def by_word(module: Module, text: str) -> Where:
    """Records in whose names, emails, phones or city every word of the text occurs; nobody where it has no word.

    A word has a letter or a digit: a dot or a hyphen by itself is in every email. A telephone number is looked for by
    what has no letters, since its digits alone are compared.
    """
    words = [word for word in _something(text).split() if any(map(str.isalnum, word))][:MAX_WORDS]
    if not words:
        return Or(())
    names = ("First_Name", "Last_Name", "Company", "Account_Name", "Designation", "Title")
    columns = [f.at for f in module.fields.fields if f.name in names and not isinstance(f.at, Link)]
    places = [*columns, Point(Email.address), Point(Address.city)]
    return And(tuple(_of_word(places, word) for word in words))


def _of_word(places: Sequence[Any], word: str) -> Where:
    numbers = [] if any(map(str.isalpha, word)) else [Point(Phone.raw)]
    return Or(tuple(Compare(place, Op.CONTAINS, word) for place in (*places, *numbers)))


async def by_criteria(call: Call, session: AsyncSession, text: str) -> Where:
    """What criteria ask for.

    Raises:
        RequestError: they cannot be read, or compare a field with what it never is.
    """
    try:
        tree = parse(text)
        return await _where(call, session, tree)
    except (NotCriteria, Unreadable, Invalid):
        raise RequestError(errors.INVALID_QUERY) from None


async def _where(call: Call, session: AsyncSession, tree: Criteria) -> Where:
    if isinstance(tree, Group):
        parts = tuple([await _where(call, session, part) for part in tree.of])
        return And(parts) if tree.word == "and" else Or(parts)
    return await _condition(call, session, tree)


async def _condition(call: Call, session: AsyncSession, condition: Condition) -> Where:
    module, name = call.module, condition.field.removesuffix(".id")
    field = module.fields.field(name)
    call.names(module.kind, Way.SOUGHT, module.fields.known_names([name]))
    if field is not None and field.name == "Full_Name":
        return _by_full_name(module, condition)
    if field is not None and isinstance(field.at, Link | Own):
        return await _by_link(call, session, module, field.at, condition)
    place, op = place_of(module, name), COMPARATORS[condition.comparator]
    if place is None:
        raise NotCriteria("not to be compared")
    kind = module.types.get(field.name, "text") if field is not None else ""
    if isinstance(getattr(place, "type", None), Text):
        kind = "text"  # a number to Zoho, which is kept as the text that it is (SIC_Code)
    if op in (Op.IN, Op.BETWEEN):
        value: Any = [_value(kind, op, one) for one in condition.values]
        if op is Op.BETWEEN and len(value) != 2:
            raise NotCriteria("two values are between")
    else:
        value = _value(kind, op, condition.value)
    if kind == "" and op in (Op.EQUALS, Op.NOT_EQUAL, Op.IN):
        return _by_custom(place, op, value)
    if isinstance(place, Point) and place.column is Address.country_name and op in (Op.EQUALS, Op.NOT_EQUAL, Op.IN):
        return _by_country(place, op, value)
    return Compare(place, op, value)


def _by_custom(place: Any, op: Op, value: Any) -> Where:
    """A custom field, whose type is not known: equal as text, or as a number however it is written (12.5, 12.50)."""
    numbers = [number for one in (value if op is Op.IN else [value]) if (number := _written_number(one)) is not None]
    as_text = Compare(place, op, value)
    if not numbers:
        return as_text
    as_number = Compare(place, op, numbers if op is Op.IN else numbers[0])
    return And((as_text, as_number)) if op is Op.NOT_EQUAL else Or((as_text, as_number))


def _by_country(place: Point, op: Op, value: Any) -> Where:
    """A country by whatever name or code: as it is known, or as it was written."""
    given = [one for one in (value if op is Op.IN else [value]) if one is not None]
    codes = [code for one in given if (code := country_code_of_name(one)) is not None]
    if not codes:
        return Compare(place, op, value)
    as_text = Compare(place, Op.IN if op is Op.IN else Op.EQUALS, value)
    same = Or((as_text, Compare(Point(Address.country, place.slot), Op.IN, codes)))
    return Not(same) if op is Op.NOT_EQUAL else same


def _value(kind: str, op: Op, text: str) -> Any:
    """A value as the field of this type has it."""
    text = text.strip()
    if text == _EMPTY:
        return None
    if is_blank(text):
        raise NotCriteria("nothing to compare with")
    match kind:
        case "boolean":
            if text.lower() not in ("true", "false"):
                raise NotCriteria("true or false")
            return text.lower() == "true"
        case "integer" | "bigint" | "currency":
            return _number(text)
        case "datetime":
            return codecs.read_moment(text)
        case "date":
            try:
                return dt.date.fromisoformat(text)
            except ValueError:
                raise NotCriteria("no date") from None
        case "" if op in (Op.GT, Op.GE, Op.LT, Op.LE, Op.BETWEEN):
            # A custom field's type is not known: numbers are compared as numbers, anything else as text.
            number = _written_number(text)
            return text if number is None else number
    return text


def _number(text: str) -> int | Decimal:
    number = _number_or_none(text)
    if number is None:
        raise NotCriteria("no number")
    return number


def _number_or_none(text: str | None) -> int | Decimal | None:
    if text is None or not _NUMBER.fullmatch(text):
        return None
    number = Decimal(text)
    if abs(number.adjusted()) > MAX_MAGNITUDE:
        return None
    return int(number) if number == number.to_integral_value() else number


def _written_number(text: str | None) -> int | Decimal | None:
    """The number that a text writes where nothing says that it has to be one: zeros before it (007) make it a code."""
    return None if text is not None and _CODE.match(text) else _number_or_none(text)


def _by_full_name(module: Module, condition: Condition) -> Where:
    """First and last name together: every word begins one of them."""
    if condition.comparator not in ("equals", "starts_with"):
        raise NotCriteria("not to be compared")
    columns = [place_of(module, name) for name in ("First_Name", "Last_Name")]
    op = COMPARATORS[condition.comparator]
    if op is Op.EQUALS and len(condition.value.split()) == 1:
        return And((Compare(columns[0], Op.IS_NULL, True), Compare(columns[1], op, condition.value)))
    words = condition.value.split()[:MAX_WORDS]
    if not words:
        raise NotCriteria("no name")
    splits = [(" ".join(words[:i]), " ".join(words[i:])) for i in range(len(words))]
    either: list[Where] = [
        And((Compare(columns[0], Op.EQUALS, first), Compare(columns[1], op, last))) for first, last in splits if first
    ]
    if op is Op.STARTS_WITH:
        either += [Compare(column, op, condition.value) for column in columns]
    return Or(tuple(either))


async def _by_link(call: Call, session: AsyncSession, module: Module, at: Link | Own, condition: Condition) -> Where:
    """A lookup, by ids, or by the name of the account that it names."""
    op = COMPARATORS[condition.comparator]
    if op not in (Op.EQUALS, Op.NOT_EQUAL, Op.IN):
        raise NotCriteria("not to be compared")
    column = MODELS[module.kind].id if isinstance(at, Own) else at.column
    space = "record" if isinstance(at, Own) else at.space
    given = [one.strip() for one in condition.values]
    by_default = isinstance(at, Link) and at.actor_by_default
    if given == [_EMPTY]:
        empty = Compare(column, Op.IN, []) if by_default else Compare(column, Op.IS_NULL, True)
        return Not(empty) if op is Op.NOT_EQUAL else empty
    if any(map(is_blank, given)):
        raise NotCriteria("nothing to compare with")
    found = list((await call.resolve(session, given, space)).values())
    names = [one for one in given if codecs.id_digits(one) is None]
    if names and isinstance(at, Link) and MODULES["Accounts"].kind is _target(at):
        where = Compare(Account.name, Op.IN, names)
        found += (await find_ids(session, call.actor, PartyKind.ACCOUNT, where, limit=MAX_NAMED)).ids
    meant: Where = Compare(column, Op.IN, found)
    if by_default and call.actor.staff_id in found:
        meant = Or((meant, Compare(column, Op.IS_NULL, True)))  # as they are printed
    return Not(meant) if op is Op.NOT_EQUAL else meant


def _target(link: Link) -> PartyKind | None:
    """The kind of the records that a lookup names."""
    tables = {key.column.table.name for key in link.column.property.columns[0].foreign_keys}
    return next((kind for kind, model in MODELS.items() if model.__tablename__ in tables), None)
