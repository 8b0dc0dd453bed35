"""Conditions on records: a small tree of comparisons, in nobody's dialect."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from sqlalchemy.orm import InstrumentedAttribute

MAX_CONDITIONS = 100
"""The most comparisons in one list."""
MAX_VALUES = 1_000
"""The most values of one IN."""


class Op(StrEnum):
    """How a value is compared."""

    EQUALS = "equals"
    NOT_EQUAL = "not_equal"
    STARTS_WITH = "starts_with"
    CONTAINS = "contains"
    IN = "in"
    GT = "gt"
    GE = "ge"
    LT = "lt"
    LE = "le"
    BETWEEN = "between"
    IS_NULL = "is_null"


@dataclass(frozen=True, slots=True)
class RowValue:
    """A column of a child row.

    Attributes:
        column: of Phone, Email or Address, e.g. `Phone.raw`.
        slot: the row that bears this slot is meant (`crm/records/slots.py`). With none, any active row will do.
    """

    column: Any
    slot: str | None = None


@dataclass(frozen=True, slots=True)
class KeptValue:
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


Place: TypeAlias = "InstrumentedAttribute[Any] | RowValue | KeptValue | WholeDate"
"""A column of the record, of one of its rows, a key of its extra_fields, or several columns that are one date."""


@dataclass(frozen=True, slots=True)
class Compare:
    """One comparison.

    Attributes:
        value: in the form of the column; several for IN, two for BETWEEN (both included), a bool for IS_NULL.
    """

    at: Any
    op: Op
    value: Any


@dataclass(frozen=True, slots=True)
class Same:
    """The very same value, by its identity: a finer comparison than a search's. `uniqueness.holders` decides it.

    Attributes:
        region: ISO 3166-1 alpha-2 of the place from which a telephone number is dialled; None when unknown.
    """

    at: Any
    value: Any
    region: str | None = None


@dataclass(frozen=True, slots=True)
class And:
    """Every one of these; true when there is none."""

    of: tuple["Where", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of these."""

    of: tuple["Where", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary, of what is unknown too."""

    of: "Where"


Where: TypeAlias = Compare | Same | And | Or | Not


def size(where: Where) -> int:
    """How many comparisons a tree holds."""
    match where:
        case Compare() | Same():
            return 1
        case Not():
            return size(where.of)
    return sum(map(size, where.of))
