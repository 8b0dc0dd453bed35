"""The old CRMs behind the legacy APIs, who answers which call, and who holds which of their tokens."""

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from crmgraph.crm.models.columns import Base, Document, Flag, Key, now, one_of
from crmgraph.crm.models.identity import Door
from crmgraph.crm.models.usage import Mode


class Upstream(Base):
    """The old CRM behind one dialect."""

    __tablename__ = "upstream"

    dialect: Mapped[Door] = mapped_column(one_of(Door), primary_key=True)
    base_url: Mapped[str]
    accounts_url: Mapped[str | None]
    """Where it gives tokens, where that is another server, as Zoho's."""
    insecure: Mapped[Flag]
    """Whether it may be called by http, on the loopback interface."""
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class UpstreamSecret(Base):
    """What calling an old CRM takes: sealed, or where it stands."""

    __tablename__ = "upstream_secret"
    __table_args__ = (
        CheckConstraint(
            " + ".join(f"CASE WHEN {source} IS NULL THEN 0 ELSE 1 END" for source in ("sealed", "variable", "file"))
            + " = 1",
            name="one_source",
        ),
    )

    dialect: Mapped[Door] = mapped_column(one_of(Door), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    sealed: Mapped[str | None]
    """As `upstream/secrets.py` seals it."""
    variable: Mapped[str | None]
    """The variable of the environment that holds it."""
    file: Mapped[str | None]
    """The file that holds it."""
    at: Mapped[dt.datetime] = mapped_column(default=now)


class Switch(Base):
    """From when on who answers which calls. The last row of its kind counts; what was before stands above it."""

    __tablename__ = "switch"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[Key]
    dialect: Mapped[Door] = mapped_column(one_of(Door))
    operation: Mapped[str | None]
    """Of which operation, e.g. `GET /crm/v2/{module}/{id}`; all where it is null."""
    caller: Mapped[str | None]
    """Of whose calls, as `crmgraph usage` tells it; all where it is null."""
    mode: Mapped[Mode] = mapped_column(one_of(Mode))
    at: Mapped[dt.datetime] = mapped_column(default=now)
    why: Mapped[str] = mapped_column(Text())


class LearnedToken(Base):
    """A token of the old CRM's that passed by when it was given, by its digest, and who holds it."""

    __tablename__ = "learned_token"

    digest: Mapped[str] = mapped_column(primary_key=True)
    dialect: Mapped[Door] = mapped_column(one_of(Door))
    caller: Mapped[str]
    expires_at: Mapped[dt.datetime] = mapped_column(index=True)


class PullMark(Base):
    """How far a source of an old CRM has been read, e.g. its list of leads."""

    __tablename__ = "pull_mark"

    dialect: Mapped[Door] = mapped_column(one_of(Door), primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    """Of the dialect; empty for the row of the whole, which says who reads."""
    watermark: Mapped[dt.datetime | None]
    """Up to when everything that was changed there is known here; null before the first reading has ended."""
    since: Mapped[dt.datetime | None]
    """From when on the reading in progress asks for what was changed; null where it asks for all."""
    started_at: Mapped[dt.datetime | None]
    """The watermark that the reading in progress will leave; null where none is in progress."""
    page: Mapped[int] = mapped_column(default=0)
    """How many pages the reading in progress has applied."""
    finished_at: Mapped[dt.datetime | None]
    checked_at: Mapped[dt.datetime | None]
    """When all ids there were last compared with those here."""
    counts: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    """Of the reading in progress, or the last one: {outcome: how many}."""
    holder: Mapped[str | None]
    held_until: Mapped[dt.datetime | None]


class Parked(Base):
    """What an old CRM told and this store did not take, or not all of it; it is tried again."""

    __tablename__ = "parked"
    __table_args__ = (
        Index("uq_parked_dialect_source_home_id", "dialect", "source", "home_id", unique=True),
        Index("ix_parked_next_at", "next_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Key]
    dialect: Mapped[Door] = mapped_column(one_of(Door))
    source: Mapped[str]
    home_id: Mapped[str]
    code: Mapped[str]
    message: Mapped[str]
    body: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    """What the old CRM told, as it came."""
    tries: Mapped[int] = mapped_column(default=0)
    parked_at: Mapped[dt.datetime] = mapped_column(default=now)
    next_at: Mapped[dt.datetime]
