"""What happened: the change log, sales orders, and the counters behind human numbers."""

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import FetchedValue, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from crmgraph.crm.models.columns import Base, BigId, Document, Key, now, one_of
from crmgraph.crm.models.identity import Door
from crmgraph.crm.models.records import PartyKind

_SOMEBODY = text("credential_id IS NOT NULL")


class Action(StrEnum):
    """What a change did to the record."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    DELETED = "DELETED"
    CONVERTED = "CONVERTED"
    MERGED = "MERGED"
    RESTORED = "RESTORED"
    UNCONVERTED = "UNCONVERTED"


class Change(Base):
    """One transaction's change of one record: who, when, through which door, which fields, old and new."""

    __tablename__ = "change"
    __table_args__ = (
        Index("ix_change_party_id_id", "party_id", "id"),
        Index("ix_change_transaction_id_id", "transaction_id", "id"),
        # Asked by the foreign key alone, for each credential that goes.
        Index("ix_change_credential_id", "credential_id", postgresql_where=_SOMEBODY, sqlite_where=_SOMEBODY),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Key]
    transaction_id: Mapped[int | None] = mapped_column(BigId, server_default=FetchedValue())
    """Of the transaction that wrote it on PostgreSQL, 0 on SQLite and of what is from before this was kept; null of a
    signup that waits. With the id it is the order of the feed, see `crm/feed/`. Nobody but the database sets it."""
    party_id: Mapped[int] = mapped_column(BigId, ForeignKey("party.id"))
    kind: Mapped[PartyKind] = mapped_column(one_of(PartyKind))
    action: Mapped[Action] = mapped_column(one_of(Action))
    revision: Mapped[int]
    at: Mapped[dt.datetime] = mapped_column(default=now)
    door: Mapped[Door] = mapped_column(one_of(Door))
    credential_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("credential.id"))
    client_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("legacy_client.id"))
    import_id: Mapped[int | None] = mapped_column(BigId)
    """The import that it belongs to; its row of `import` may be gone."""
    former_id: Mapped[int | None] = mapped_column(BigId)
    """The record that changed, where that was merged into the one in whose history it stands now."""
    fields: Mapped[list[dict[str, Any]]] = mapped_column(Document, default=list)
    """[{"field": path, "old": value, "new": value}]; identity documents and secrets are named, never shown."""


class SalesOrder(Base):
    """An order taken at signup."""

    __tablename__ = "sales_order"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[Key]
    number: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[int] = mapped_column(BigId, ForeignKey("account.id"), index=True)
    contact_id: Mapped[int] = mapped_column(BigId, ForeignKey("contact.id"), index=True)
    order_type: Mapped[str | None]
    order_reference: Mapped[str | None]
    details: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    """Line items, payment facts and free elements as they came, without any card data."""
    door: Mapped[Door] = mapped_column(one_of(Door))
    created_at: Mapped[dt.datetime] = mapped_column(default=now)


class Installation(Base):
    """What this database says about itself, see `crm/installation.py`."""

    __tablename__ = "installation"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class Counter(Base):
    """The last number given out in one series of human numbers."""

    __tablename__ = "counter"

    series: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(BigId, default=0)
