"""Conditions: what is asked of records, as a tree of comparisons. It is data that can be hashed, in nobody's dialect.

`columns` knows what stands for a column in a search and how values come into its form, `sql` makes statements.
"""

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, TypeAlias

from sqlalchemy import and_

from crmgraph.crm.errors import Invalid, Path
from crmgraph.crm.models import Phone
from crmgraph.crm.values.text import fault_of

MAX_CONDITIONS = 100
"""The most comparisons in one tree."""
MAX_VALUES = 1_000
"""The most values of one IN."""
MAX_PHONES = 50
"""The most telephone numbers in a tree that `check` lets pass: to read one takes up to a quarter of a millisecond."""
MAX_NESTING = 8
"""How deep the branches of such a tree may be nested."""
MAX_RELATED = 5
"""How often such a tree may go on to other records: each of them is looked through."""


@dataclass(frozen=True, slots=True, eq=False)
class Comparator:
    """One way to compare.

    Attributes:
        sql: makes the SQL of (what writes SQL, an expression, the parameters).
        element: the same of one value in a list of an extra field; None where lists fulfil nothing.
        takes: how many values it is given; None for any number, which are one parameter.
        is_part: it compares a part of a text, and nothing but text.
        is_end: the part is where a text ends.
        is_range: the part is where a text begins: its parameters are both ends of a range.
        is_bounded_above: an empty key, which is no value, is below any other and has to be left out.
        is_indexed: an index of contact points answers it. All others are asked of the records one by one.
        contrary_of: the name of the comparator of which this is the contrary, for what is unknown too.
    """

    sql: Callable[..., Any] | None = None
    element: Callable[..., Any] | None = None
    takes: int | None = 1
    is_part: bool = False
    is_end: bool = False
    is_range: bool = False
    is_bounded_above: bool = False
    is_indexed: bool = False
    contrary_of: str | None = None


def _equal(sql: Any, at: Any, value: Any) -> Any:
    return at == value


def _among(sql: Any, at: Any, values: Any) -> Any:
    return sql.among(at, values)


def _begins(sql: Any, at: Any, begin: Any, *end: Any) -> Any:
    # A range, which an index answers on both databases. Nothing ends it where no key is above all of them.
    return and_(at >= begin, *(at < each for each in end))


def _contains(sql: Any, at: Any, part: Any) -> Any:
    return sql.position(at, part) > 0


def _ends(sql: Any, at: Any, part: Any) -> Any:
    return sql.ending(at, part) == part


def _ordered(compare: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    return lambda sql, at, value: compare(at, value)


def _between(sql: Any, at: Any, first: Any, last: Any) -> Any:
    # PostgreSQL takes no collation inside of BETWEEN.
    return and_(at >= first, at <= last)


class Op(Enum):
    """How a column is compared with a value: a new comparator is a row here."""

    EQUALS = Comparator(_equal, element=_equal, is_indexed=True)
    NOT_EQUAL = Comparator(contrary_of="EQUALS")
    IN = Comparator(_among, element=_among, takes=None, is_indexed=True)
    STARTS_WITH = Comparator(_begins, element=_begins, is_part=True, is_range=True, is_indexed=True)
    # Of a list, what is contained is one of its values: Golf is not contained in [Golfer].
    CONTAINS = Comparator(_contains, element=_equal, is_part=True)
    ENDS_WITH = Comparator(_ends, element=_ends, is_part=True, is_end=True)
    GT = Comparator(_ordered(operator.gt))
    GE = Comparator(_ordered(operator.ge))
    LT = Comparator(_ordered(operator.lt), is_bounded_above=True)
    LE = Comparator(_ordered(operator.le), is_bounded_above=True)
    BETWEEN = Comparator(_between, takes=2, is_bounded_above=True)
    IS_NULL = Comparator()
    # Its value is part of the statement, so that an index of the rows which have it answers.
    IS = Comparator(takes=1)

    __hash__ = object.__hash__  # one of each: they are parts of keys


class By(StrEnum):
    """In which form text and numbers are compared."""

    SEARCH = "search"
    """By the key that is stored for searches (`columns.SEARCHED`), else with ASCII letters of either case as equal."""
    EXACT = "exact"
    """As it stands."""
    IDENTITY = "identity"
    """The very same. SQL finds what a search takes for equal, and `records/holders.py` decides."""


@dataclass(frozen=True, slots=True)
class Point:
    """A column of a contact point.

    Attributes:
        column: of Phone, Email or Address, e.g. `Phone.raw`.
        slot: the row that bears this slot is meant (`crm/records/slots.py`). With none, any active row will do.
    """

    column: Any
    slot: str | None = None


@dataclass(frozen=True, slots=True)
class ExtraValue:
    """What a dialect keeps of its own on a record, under this key. Of a list any value is meant, whole; of a value that
    is an object, its name."""

    dialect: str
    key: str


@dataclass(frozen=True, slots=True)
class WholeDate:
    """A date that is kept in three columns; there is none where one of them is empty."""

    year: Any
    month: Any
    day: Any


Place: TypeAlias = Any
"""A column of the record, or of a contact point inside of a `HasPoint`; a `Point`, an `ExtraValue` or a `WholeDate`."""


@dataclass(frozen=True, slots=True)
class Compare:
    """One comparison.

    Attributes:
        value: in the form of the column, or an `Ago` for a moment; a list or tuple for IN, two values for BETWEEN (both
            included), a bool for IS_NULL and IS. None asks EQUALS and NOT_EQUAL for what has no value.
    """

    at: Place
    op: Op
    value: Any
    by: By = By.SEARCH


@dataclass(frozen=True, slots=True)
class Test:
    """A comparison without its values.

    Attributes:
        at: of an extra field the name is a value too, and its first one.
        first: the number of its first value.
        asked: for each column that stands for `at`: how it is compared, and with how many values.
        terms: the number of the value with which those terms of the search index begin that lead to its rows, before
            the one with which they end; None where none do.
        parts: the number of the value with which those parts of words begin that lead to whatever may fulfil it, before
            the one with which they end; None where none do.
        flag: whether there is to be no value, for IS_NULL; which value there is to be, for IS; else whether the extra
            field is compared as a number.
    """

    at: Place
    op: Op
    by: By
    first: int
    asked: tuple[tuple[Op, int], ...] = ()
    flag: bool = False
    terms: int | None = None
    parts: int | None = None

    __test__ = False  # not one of pytest's


@dataclass(frozen=True, slots=True)
class HasPoint:
    """There is a contact point of which this holds: one that is active, or the one that bears a slot; or an external id
    that lasts, or a word of the search index.

    Attributes:
        of: Phone, Email, Address, ExternalId or SearchTerm.
        where: of its columns.
        active: False for one that is not active.
        primary: whether it is the first active one of its list, or another; either, where it is None.
    """

    of: Any
    where: "Where"
    slot: str | None = None
    active: bool = True
    primary: bool | None = None


@dataclass(frozen=True, slots=True)
class HasRecord:
    """There is another record, which the actor may see and of which this holds.

    Attributes:
        of: the model of the other record.
        own, other: the columns that hold the same: of the record that is asked, and of the other one.
        where: of the other record; it goes on to no third one.
    """

    of: Any
    own: Any
    other: Any
    where: "Where"


@dataclass(frozen=True, slots=True)
class And:
    """Every one of these; true when there is none."""

    of: tuple["Where", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of these; false when there is none."""

    of: tuple["Where", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary, of what is unknown too."""

    of: "Where"


Where: TypeAlias = Compare | Test | HasPoint | HasRecord | And | Or | Not
"""What is asked of a record. In the shape of a statement every comparison is a test."""


@dataclass(frozen=True, slots=True)
class Order:
    """By what a list is sorted. What has no value comes last."""

    by: Place
    descending: bool = False

    @property
    def name(self) -> str:
        """The name of the column."""
        return str(self.by.key)


def comparisons(where: Where) -> Iterator[Compare]:
    """Every comparison of a tree."""
    match where:
        case Compare():
            yield where
        case Test():
            return
        case HasPoint() | HasRecord():
            yield from comparisons(where.where)
        case Not():
            yield from comparisons(where.of)
        case _:
            for each in where.of:
                yield from comparisons(each)


def told(where: Where) -> str:
    """Conditions as a text, the same for the same conditions in every process."""
    match where:
        case Compare():
            return f"{where.at} {where.op.name} {where.by} {where.value!r}"
        case HasPoint():
            return f"{where.of.__name__} {where.slot} {where.active} {where.primary} ({told(where.where)})"
        case HasRecord():
            return f"{where.own} {where.other} ({told(where.where)})"
        case Not():
            return f"not ({told(where.of)})"
        case And() | Or():
            return f"{type(where).__name__} ({', '.join(map(told, where.of))})"
    raise TypeError("a shape has no values")


def check(where: Where, path: Path = ()) -> None:
    """Whether a tree that a client has made may be asked.

    Raises:
        Invalid: too many comparisons, values or other records, nested too deep, or text that no record can hold.
    """
    if _depth(where) > MAX_NESTING:
        raise Invalid(path, "too_deep", MAX_NESTING)
    if _related(where) > MAX_RELATED:
        raise Invalid(path, "too_long", MAX_RELATED, unit="conditions on other records")
    count = values = phones = 0
    for each in comparisons(where):
        given = each.value if isinstance(each.value, tuple) else (each.value,)
        count, values = count + 1, values + len(given)
        phones += len(given) if each.at is Phone.raw else 0
        for counted, most, unit in (
            (count, MAX_CONDITIONS, "comparisons"),
            (values, MAX_VALUES, "values"),
            (phones, MAX_PHONES, "telephone numbers"),
        ):
            if counted > most:
                raise Invalid(path, "too_long", most, unit=unit)
        for value in given:
            if isinstance(value, str) and (fault := fault_of(value)):
                raise Invalid(path, *fault)


def _depth(where: Where) -> int:
    match where:
        case Compare() | Test() | HasPoint():
            return 0
        case HasRecord():
            return 1 + _depth(where.where)
        case Not():
            return 1 + _depth(where.of)
    return max((1 + _depth(each) for each in where.of), default=0)


def _related(where: Where) -> int:
    """How often a tree goes on to another record."""
    match where:
        case HasRecord():
            return 1
        case Not():
            return _related(where.of)
        case And() | Or():
            return sum(map(_related, where.of))
    return 0
