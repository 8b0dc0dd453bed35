"""What came of comparing the old CRM's answers with what this store would have said, and which fields differ."""

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from crmgraph.crm.models.columns import Base, Document, Key, now, one_of
from crmgraph.crm.models.identity import Door


class Verdict(StrEnum):
    """What came of comparing one call."""

    EQUAL = "EQUAL"
    """Status, headers and every field are the same, or differ as was accepted."""
    STALE = "STALE"
    """The record was changed there, and is not as new here yet."""
    DIFFERENT = "DIFFERENT"
    FAILED = "FAILED"
    """This store had a fault where the old CRM answered."""
    SKIPPED = "SKIPPED"
    """It was not compared, for a reason that stands beside it."""
    DROPPED = "DROPPED"
    """More calls waited than there is room for."""


class DifferenceSort(StrEnum):
    """How a field differs."""

    VALUE = "VALUE"
    """Both have it, with different values."""
    TYPE = "TYPE"
    """Both have it, as values of different types of JSON."""
    MISSING = "MISSING"
    """The old CRM tells it, and this store does not."""
    EXTRA = "EXTRA"
    """This store tells it, and the old CRM does not."""
    ORDER = "ORDER"
    """The same objects of a list stand in another order."""


class Compared(Base):
    """How many calls of one caller to one operation on one day (UTC) came to which verdict."""

    __tablename__ = "compared"

    day: Mapped[dt.date] = mapped_column(primary_key=True)
    dialect: Mapped[Door] = mapped_column(one_of(Door), primary_key=True)
    operation: Mapped[str] = mapped_column(primary_key=True)
    caller: Mapped[str] = mapped_column(primary_key=True)
    """As `crmgraph usage` tells it."""
    verdict: Mapped[Verdict] = mapped_column(one_of(Verdict), primary_key=True)
    reason: Mapped[str] = mapped_column(primary_key=True)
    """Why it was skipped, or failed; empty where the verdict says all."""
    calls: Mapped[int] = mapped_column(BigInteger)


class Divergence(Base):
    """One field in which answers to one caller's calls of one operation differed, with one example."""

    __tablename__ = "divergence"

    dialect: Mapped[Door] = mapped_column(one_of(Door), primary_key=True)
    operation: Mapped[str] = mapped_column(primary_key=True)
    caller: Mapped[str] = mapped_column(primary_key=True)
    field: Mapped[str] = mapped_column(primary_key=True)
    """Its path in the answer, e.g. `data[].City`; `(status)`, `(body)` or `header NAME`."""
    sort: Mapped[DifferenceSort] = mapped_column(one_of(DifferenceSort), primary_key=True)
    times: Mapped[int] = mapped_column(BigInteger)
    first_at: Mapped[dt.datetime] = mapped_column(default=now)
    last_at: Mapped[dt.datetime] = mapped_column(default=now, index=True)
    method: Mapped[str]
    """Of the last call in which it differed; so are the others below."""
    target: Mapped[str] = mapped_column(Text())
    """Path and query, with a placeholder for every secret."""
    headers: Mapped[dict[str, Any]] = mapped_column(Document)
    """Those of the request that an answer may depend on, without secrets."""
    control_hash: Mapped[str]
    """Of what the old CRM had there: equal values have equal ones, and nobody finds the value from it."""
    candidate_hash: Mapped[str]
    control: Mapped[str | None]
    """The value itself, where the upstream's `keep_values` is on: personal data, gone after seven days."""
    candidate: Mapped[str | None]


class AcceptedDifference(Base):
    """Fields that may differ, until a day."""

    __tablename__ = "accepted_difference"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[Key]
    dialect: Mapped[Door] = mapped_column(one_of(Door))
    field: Mapped[str]
    """A pattern of the paths of fields."""
    operation: Mapped[str | None]
    caller: Mapped[str | None]
    why: Mapped[str] = mapped_column(Text())
    by: Mapped[str]
    """Who said so: a user of the machine."""
    at: Mapped[dt.datetime] = mapped_column(default=now)
    until: Mapped[dt.date]
    """The last day on which it holds."""
