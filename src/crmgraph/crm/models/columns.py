"""Column types and mixins that the tables share, the same on SQLite and PostgreSQL."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Annotated, Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Identity,
    Integer,
    MetaData,
    Numeric,
    String,
    Text,
    TypeDecorator,
)
from sqlalchemy import Enum as SqlEnum
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeEngine

FIRST_MINTED_ID = 10**9
MINTED_IDS = range(FIRST_MINTED_ID, 2**53)
"""Ids we mint lie in here, so that every dialect can print them, JSON numbers included.

An external id inside this range is refused on import: a minted and an imported id can never meet.
"""

BigId = BigInteger().with_variant(Integer, "sqlite")


def now() -> dt.datetime:
    """The present moment in UTC, at the microsecond resolution that both databases keep."""
    return dt.datetime.now(dt.UTC)


class Moment(TypeDecorator[dt.datetime]):
    """A point in time, always in UTC and always aware; SQLite, which has no such type, keeps it as text."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone reached the store")
        return value.astimezone(dt.UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        # The driver of PostgreSQL answers in UTC.
        return None if dialect.name == "postgresql" else super().result_processor(dialect, coltype)

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


class Money(TypeDecorator[Decimal]):
    """An exact amount with up to eight decimals; text on SQLite, whose numbers are floats."""

    impl = Numeric(24, 8)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(String(32) if dialect.name == "sqlite" else Numeric(24, 8))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return format(Decimal(value).normalize(), "f")

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


Document = JSON().with_variant(JSONB(), "postgresql")

FoldedText = Text().with_variant(Text(collation="C"), "postgresql")
"""Text folded by `crmgraph.crm.values.folding.fold`, compared byte for byte on both databases."""


def one_of(enum: type[StrEnum]) -> SqlEnum:
    """A text column that holds the values of `enum`; no database type, so that a new value needs no migration."""
    return SqlEnum(
        enum, native_enum=False, create_constraint=False, length=24, values_callable=lambda e: [m.value for m in e]
    )


class Base(DeclarativeBase):
    """The declarative base of every table."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        str: Text(),
        dt.datetime: Moment(),
        Decimal: Money(),
        dict[str, Any]: Document,
    }


def values_of(row: Base) -> dict[str, Any]:
    """What a row holds, by the names of its columns; none of what it is related to."""
    return {each.key: getattr(row, each.key) for each in row.__mapper__.column_attrs}


@cache
def derived(model: Any) -> frozenset[str]:
    """The columns of a model that are marked as `DERIVED`."""
    return frozenset(each.key for each in model.__mapper__.column_attrs if "derived" in each.columns[0].info)


def minted() -> Identity:
    """The series of ids that a table mints."""
    return Identity(start=FIRST_MINTED_ID)


Key = Annotated[int, mapped_column(BigId, minted(), primary_key=True)]
DERIVED = {"derived": True}
"""Marks a column that the store makes of others, here or in other rows: nobody gives it, and nothing tells of it."""
Folded = Annotated[str, mapped_column(FoldedText, default="", info=DERIVED)]
Flag = Annotated[bool, mapped_column(default=False)]


class Named:
    """The name of a person."""

    salutation: Mapped[str | None]
    first_name: Mapped[str | None]
    first_name_key: Mapped[Folded]
    middle_name: Mapped[str | None]
    last_name: Mapped[str | None]
    last_name_key: Mapped[Folded]
    full_name_key: Mapped[Folded]
    """The first, middle and last name."""


class Preferences:
    """What a customer chose in the self-care portal: three switches and the six tiles of the dashboard."""

    push_notifications: Mapped[Flag]
    do_not_disturb: Mapped[Flag]
    roaming: Mapped[Flag]
    show_usage_details: Mapped[Flag]
    show_live_chat: Mapped[Flag]
    show_weather: Mapped[Flag]
    show_finance: Mapped[Flag]
    show_calendar: Mapped[Flag]
    show_news: Mapped[Flag]
