"""How conditions are spelled in SQL.

Text is compared by its folded key where a column has one (`models.FOLDED`), and otherwise with ASCII letters of either
case as equal: the same on both databases. Nothing in a value is a wildcard.
"""

import datetime as dt
import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any
from typing import cast as typed

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Date,
    Float,
    Integer,
    Text,
    and_,
    case,
    cast,
    column,
    func,
    not_,
    or_,
    select,
)
from sqlalchemy import Enum as SqlEnum
from sqlalchemy import false as nothing
from sqlalchemy import true as everything
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from crmgraph.crm.errors import Invalid
from crmgraph.crm.models import FOLDED, Account, Address, Contact, Email, Lead, Phone
from crmgraph.crm.models.columns import Moment, Money
from crmgraph.crm.models.records import CLAIMED
from crmgraph.crm.policy import RecordType
from crmgraph.crm.query import references
from crmgraph.crm.query.conditions import (
    MAX_VALUES,
    And,
    Compare,
    KeptValue,
    Not,
    Op,
    Or,
    Place,
    RowValue,
    Same,
    Where,
    WholeDate,
)
from crmgraph.crm.values.folding import fold, prefix_end
from crmgraph.crm.values.phone_numbers import parse_phone
from crmgraph.crm.values.text import email_key, email_part, fault_of


def _digits(raw: str) -> str:
    return parse_phone(raw, None).digits


_KEYS: dict[Any, tuple[Any, Callable[[str], str], Callable[[str], str]]] = {
    **{column: (key, fold, fold) for column, key in FOLDED.items()},
    Email.address: (Email.address_key, email_key, email_part),
    Phone.raw: (Phone.digits, _digits, _digits),
    Phone.e164: (Phone.e164, str, str),
    Address.country: (Address.country, str, str),
}
"""{column: (the column of its key, how a value becomes one, and how a part of a value does)}."""

_IN_ORDER = frozenset({Contact.last_name, Account.name, Lead.last_name})
"""Columns whose index has the order of their lists. Whoever has no such name comes first there: an empty key is the
smallest."""

_INDEXED = (Op.EQUALS, Op.IN, Op.STARTS_WITH)
"""Comparisons that an index of the rows answers; the others are asked of the records one by one."""

_OF_TEXT = (Op.STARTS_WITH, Op.CONTAINS)
"""Comparisons of text alone."""

_DOWN_TO_NOTHING = (Op.LT, Op.LE, Op.BETWEEN)
"""Comparisons that an empty key can fulfil."""

MAX_WRITTEN = 15
"""The longest text that is compared as a number, in characters."""

_SMALL = str.maketrans({c: c.lower() for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"})


@dataclass(frozen=True, slots=True)
class Spelling:
    """Conditions on one kind of record as SQL.

    Attributes:
        sqlite: whether the database is SQLite, else PostgreSQL.
    """

    model: RecordType
    sqlite: bool

    def where(self, where: Where) -> ColumnElement[bool]:
        """The condition.

        Raises:
            Invalid: a value is not of the form of its column.
        """
        match where:
            case And():
                return and_(everything(), *(self.where(each) for each in where.of))
            case Or():
                return or_(nothing(), *(self.where(each) for each in where.of))
            case Not():
                return not_(func.coalesce(self.where(where.of), nothing()))
            case Same():
                return self._may_be(where)
        return self._compare(where)

    def given(self, same: Same) -> list[ColumnElement[Any]]:
        """What decides whether a record for which the condition of `same` holds has the very same value.

        Empty where it has, `(raw, e164, extension)` of a telephone number, else the text as it was given.
        """
        column = same.at.column if isinstance(same.at, RowValue) else same.at
        if column is Phone.raw:
            return [self._row(same.at, column) for column in (Phone.raw, Phone.e164, Phone.extension)]
        if column not in FOLDED:
            return []
        return [self._row(same.at, column) if isinstance(same.at, RowValue) else column]

    def _may_be(self, same: Same) -> ColumnElement[bool]:
        """What the index finds: the records that have the same value to a search, or a number in any form."""
        if isinstance(same.at, RowValue) and same.at.column is Email.address:
            # What customers say of themselves must not let a writer take their record for another's.
            return self._any_row(same.at, Op.EQUALS, same.value, not_(CLAIMED))
        if isinstance(same.at, KeptValue):
            return self._kept(same.at, Op.EQUALS, same.value, written=False)
        if not isinstance(same.at, RowValue) or same.at.column is not Phone.raw:
            return self._compare(Compare(same.at, Op.EQUALS, same.value))
        known = parse_phone(_text(same.value), same.region)
        forms = [Phone.digits == known.digits, *([Phone.e164 == known.e164] if known.e164 else [])]
        return self.model.id.in_(select(Phone.party_id).where(Phone.active, or_(*forms)))

    def sorted(self, place: Any) -> tuple[ColumnElement[Any], ...]:
        """The value of a place as a list is sorted by it: what is kept as a number, by that, else by its text."""
        match place:
            case RowValue() as row:
                value = self._row(row)
                return (func.nullif(value, "") if row.column in FOLDED else value,)
            case KeptValue() as kept:
                return (self._kept_number(kept), self._small(self._kept_text(kept)))
            case WholeDate() as date:
                return (_day_number(date),)
        if references.live(place) is not None:
            return (references.seen(place),)
        key = self._key(place)
        return (func.nullif(key, "") if place in FOLDED and place not in _IN_ORDER else key,)

    def _compare(self, compare: Compare) -> ColumnElement[bool]:
        op, wanted = compare.op, compare.value
        if op is Op.IN and len(wanted) > MAX_VALUES:
            raise Invalid((), "too_long", MAX_VALUES)
        if op in (Op.EQUALS, Op.NOT_EQUAL) and wanted is None:
            op, wanted = Op.IS_NULL, op is Op.EQUALS
        match compare.at:
            case RowValue() as place if place.slot is None or op in _INDEXED:
                return self._any_row(place, op, wanted)
            case RowValue() as place:
                if op is Op.IS_NULL:
                    return _is_null(self._row(place, place.column), wanted)
                return self._of_column(self._row(place), place.column, op, wanted)
            case KeptValue() as kept:
                return self._kept(kept, op, wanted)
            case WholeDate() as date:
                at = _day_number(date)
                if op in _OF_TEXT:
                    raise Invalid((), "type")
                return _is_null(at, wanted) if op is Op.IS_NULL else self._applied(at, op, _converted(op, wanted, _day))
        there = references.live(compare.at)
        if op is Op.IS_NULL:
            return _is_null(compare.at, wanted) if there is None else not_(there) if wanted else there
        found = self._of_column(self._key(compare.at), compare.at, op, wanted)
        if there is None:
            return found
        return or_(found, not_(there)) if op is Op.NOT_EQUAL else and_(found, there)

    def _any_row(self, place: RowValue, op: Op, wanted: Any, *besides: ColumnElement[bool]) -> ColumnElement[bool]:
        """Whether a row that is meant fulfils the comparison, and conditions besides."""
        if op is Op.NOT_EQUAL:
            return not_(self._any_row(place, Op.EQUALS, wanted))
        child = place.column.class_
        if op is Op.IS_NULL:
            condition, absent = place.column.is_not(None), bool(wanted)
        else:
            condition, absent = self._of_column(self._key(place.column), place.column, op, wanted), False
        meant = child.active if place.slot is None else child.slot == place.slot
        query = select(child.party_id).where(meant, condition, *besides)
        there = self.model.id.in_(query)
        return not_(there) if absent else there

    def _row(self, place: RowValue, column: Any = None) -> ColumnElement[Any]:
        """The value of the row that bears a place's slot, by its key unless `column` is given."""
        child = place.column.class_
        query = select(self._key(place.column) if column is None else column)
        query = query.where(child.party_id == self.model.id, child.slot == place.slot)
        return query.correlate(self.model).scalar_subquery()

    def _kept(self, kept: KeptValue, op: Op, wanted: Any, *, written: bool = True) -> ColumnElement[bool]:
        """The comparison of what is kept; with a number also of text that writes one, unless not `written`."""
        if op is Op.IS_NULL:
            return _is_null(func.nullif(self._kept_json(kept), "[]"), wanted)
        if op is Op.NOT_EQUAL:
            return not_(func.coalesce(self._kept(kept, Op.EQUALS, wanted), nothing()))
        numbers = [v for v in _each(op, wanted) if isinstance(v, int | float | Decimal) and not isinstance(v, bool)]
        if numbers:
            if op in _OF_TEXT:
                raise Invalid((), "type")
            return self._applied(self._kept_number(kept, written=written), op, _converted(op, wanted, _finite))
        value = _converted(op, wanted, _spelled)
        found = self._applied(self._small(self._kept_text(kept)), op, value)
        if op not in (Op.EQUALS, Op.IN, Op.STARTS_WITH, Op.CONTAINS):
            return found
        # Of a list, what is contained is one of its values: Golf is not contained in [Golfer].
        return or_(found, self._any_element(kept, Op.EQUALS if op is Op.CONTAINS else op, value))

    def _any_element(self, kept: KeptValue, op: Op, value: Any) -> ColumnElement[bool]:
        """Whether the comparison holds for any value of a list."""
        extra_fields = self.model.extra_fields
        if self.sqlite:
            each = func.json_each(extra_fields, _path(kept)).table_valued("value", "type", "path")
            text = case((each.c.type == "object", func.json_extract(each.c.value, "$.name")), else_=each.c.value)
            listed = func.json_type(extra_fields, _path(kept)) == "array"
            found = and_(listed, self._applied(self._small(cast(text, Text)), op, value))
        else:
            at = func.jsonb_extract_path(extra_fields, kept.dialect, kept.key, type_=JSONB())
            is_list = func.jsonb_typeof(at) == "array"
            each = func.jsonb_array_elements(case((is_list, at), else_=cast([], JSONB))).table_valued(
                column("value", JSONB)
            )
            item = each.c.value
            name = func.jsonb_extract_path_text(item, "name", type_=Text())
            text = case((func.jsonb_typeof(item) == "object", name), else_=item.op("#>>")(cast([], ARRAY(Text))))
            found = self._applied(self._small(text), op, value)
        return select(1).select_from(each).where(found).correlate(self.model).exists()

    def _kept_text(self, kept: KeptValue) -> ColumnElement[Any]:
        """The text of a value that stands by itself; null of lists and objects."""
        kind = self._kept_kind(kept)
        text = self._kept_json(kept)
        if not self.sqlite:
            return case((kind.in_(("array", "object")), None), else_=text)
        return case(
            (kind == "true", "true"), (kind == "false", "false"), (kind.in_(("array", "object")), None), else_=text
        )

    def _kept_json(self, kept: KeptValue) -> ColumnElement[Any]:
        """What is kept as text: a text as it is, anything else as JSON; null where nothing is kept."""
        extra_fields, path = self.model.extra_fields, _path(kept)  # what is no path here is refused on both databases
        if not self.sqlite:
            return func.jsonb_extract_path_text(extra_fields, kept.dialect, kept.key, type_=Text())
        return cast(func.json_extract(extra_fields, path), Text)

    def _kept_kind(self, kept: KeptValue) -> ColumnElement[Any]:
        """The type of JSON that is kept, in the database's words."""
        extra_fields = self.model.extra_fields
        if not self.sqlite:
            return func.jsonb_typeof(func.jsonb_extract_path(extra_fields, kept.dialect, kept.key), type_=Text())
        return func.json_type(extra_fields, _path(kept), type_=Text())

    def _kept_number(self, kept: KeptValue, *, written: bool = True) -> ColumnElement[Any]:
        """The number that is kept, or that a text writes; null of anything else, which the cast never sees."""
        kind, text = self._kept_kind(kept), self._kept_json(kept)
        known: ColumnElement[bool] = kind.in_(("number", "integer", "real"))
        if written:
            known = or_(known, and_(kind.in_(("string", "text")), self._is_decimal(text)))
        return case((known, cast(text, Float(53))))

    def _is_decimal(self, text: ColumnElement[Any]) -> ColumnElement[bool]:
        """Whether a text is a number as it is written without an exponent: 12.50, -3. One with zeros before it (007) is
        a code, and of one with more than `MAX_WRITTEN` characters a floating number would not tell all digits."""
        short = func.length(text) <= MAX_WRITTEN
        if not self.sqlite:
            return and_(short, text.op("~")(r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"))
        bare = func.substr(text, case((text.op("GLOB")("-*"), 2), else_=1), type_=Text())
        digits = [bare.op("GLOB")("[0-9]*"), bare.op("GLOB")("*[0-9]")]
        wrong = [bare.op("GLOB")(pattern) for pattern in ("*[^0-9.]*", "*.*.*", "0[0-9]*")]
        return and_(short, *digits, not_(or_(*wrong)))

    def _key(self, column: Any) -> ColumnElement[Any]:
        """What stands for the column in comparisons."""
        if column in _KEYS:
            return typed(ColumnElement[Any], _KEYS[column][0])
        if isinstance(column.type, Money):
            return cast(column, Float(53))
        return self._small(column) if isinstance(column.type, Text) else typed(ColumnElement[Any], column)

    def _small(self, text: Any) -> ColumnElement[Any]:
        """The text with ASCII letters small. In the collation C, lower() of PostgreSQL knows no others either."""
        return func.lower(text if self.sqlite else text.collate("C"), type_=Text())

    def _of_column(self, at: Any, column: Any, op: Op, wanted: Any) -> ColumnElement[bool]:
        """The comparison of what stands for a column with a value as it was given."""
        found = self._applied(at, op, _known(column, op, wanted))
        # An empty key is no value, which is less than none.
        return and_(found, at != "") if column in _KEYS and op in _DOWN_TO_NOTHING else found

    def _applied(self, at: Any, op: Op, value: Any) -> ColumnElement[bool]:
        """The comparison of an expression with a value that is in its form."""
        if op is Op.IN:
            value = [each for each in value if each != ""]
        if value == "":  # nothing is left of the value in its folded form: no text is like it
            return everything() if op is Op.NOT_EQUAL else nothing()
        found: Any
        match op:
            case Op.EQUALS:
                found = at == value
            case Op.NOT_EQUAL:
                found = at.is_distinct_from(value)
            case Op.STARTS_WITH:
                end = prefix_end(value)
                found = at >= value if end is None else and_(at >= value, at < end)
            case Op.CONTAINS:
                found = (func.instr(at, value) if self.sqlite else func.strpos(at, value)) > 0
            case Op.IN:
                found = at.in_(value)
            case Op.GT:
                found = at > value
            case Op.GE:
                found = at >= value
            case Op.LT:
                found = at < value
            case Op.LE:
                found = at <= value
            case Op.BETWEEN:
                # PostgreSQL takes no collation inside of BETWEEN.
                found = and_(at >= value[0], at <= value[1])
            case _:
                raise AssertionError(op)
        return typed(ColumnElement[bool], found)


def compared_form(place: Place, value: Any) -> tuple[str, str] | None:
    """(what is compared, the value in the form in which it is compared): the same for all values that are equal there.

    None for what nothing is equal to. Which row of a list is meant makes no difference.

    Raises:
        Invalid: the value is not of the form of its column.
    """
    if value is None or value == "":
        return None
    if isinstance(place, KeptValue):
        is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        kept = repr(_finite(value)) if is_number else _spelled(value)
        return f"{place.dialect}.{place.key}", kept
    if isinstance(place, WholeDate):
        return f"{place.year}", str(_day(value))
    column = place.column if isinstance(place, RowValue) else place
    form = _known(column, Op.EQUALS, value)
    return None if form == "" else (str(_KEYS[column][0] if column in _KEYS else column), str(form))


def _day_number(date: WholeDate) -> ColumnElement[Any]:
    """A date as one number, in the order of dates; null where a part is."""
    return typed(ColumnElement[Any], date.year * 10_000 + date.month * 100 + date.day)


def _day(value: Any) -> int:
    if not isinstance(value, dt.date) or isinstance(value, dt.datetime):
        raise Invalid((), "date")
    return value.year * 10_000 + value.month * 100 + value.day


def _is_null(at: Any, wanted: Any) -> ColumnElement[bool]:
    return typed(ColumnElement[bool], at.is_(None) if wanted else at.is_not(None))


def _path(kept: KeptValue) -> str:
    # SQLite's paths have no way to write a quotation mark inside a key.
    if '"' in kept.dialect + kept.key or fault_of(kept.key):
        raise Invalid((), "form")
    return f'$."{kept.dialect}"."{kept.key}"'


def _each(op: Op, wanted: Any) -> list[Any]:
    return list(wanted) if op in (Op.IN, Op.BETWEEN) else [wanted]


def _converted(op: Op, wanted: Any, convert: Any) -> Any:
    """The value, or every one of several, in the form of its column."""
    if op in (Op.IN, Op.BETWEEN):
        values = [convert(each) for each in wanted]
        if op is Op.BETWEEN and len(values) != 2:
            raise Invalid((), "form")
        return values
    return convert(wanted)


def _known(column: Any, op: Op, wanted: Any) -> Any:
    """The value in the form in which the column is compared.

    Raises:
        Invalid: it is of another kind.
    """
    kind = column.type
    if op in _OF_TEXT and not isinstance(kind, Text):
        raise Invalid((), "type")

    def convert(value: Any) -> Any:
        if column in _KEYS:
            _, key, part = _KEYS[column]
            return (part if op in (Op.STARTS_WITH, Op.CONTAINS) else key)(_text(value))
        if isinstance(kind, SqlEnum):
            try:
                return typed(type[StrEnum], kind.enum_class)(value)
            except ValueError:
                raise Invalid((), "choice") from None
        if isinstance(kind, Text):
            return _spelled(value)
        if isinstance(kind, Money):
            return _finite(value)
        if isinstance(kind, Integer):
            size = 63 if type(kind).__name__ == "BigInteger" else 31
            if isinstance(value, bool) or not isinstance(value, int) or not -(2**size) <= value < 2**size:
                raise Invalid((), "number")
            return value
        if isinstance(kind, Moment):
            if not isinstance(value, dt.datetime) or value.tzinfo is None:
                raise Invalid((), "date")
            return value
        if not isinstance(value, {Boolean: bool, Date: dt.date}.get(type(kind), ())):
            raise Invalid((), "type")
        return value

    return _converted(op, wanted, convert)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Invalid((), "type")
    if fault := fault_of(value, line=False):
        raise Invalid((), *fault)
    return value


def _spelled(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _text(value).translate(_SMALL)


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise Invalid((), "number")
    try:
        number = float(value)
    except OverflowError:
        raise Invalid((), "number") from None
    if not math.isfinite(number):
        raise Invalid((), "number")
    return number
