"""Merges: which record was merged into which other, and what it takes to undo that."""

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from crmgraph.crm.models.columns import Base, BigId, Document, Key, now, one_of
from crmgraph.crm.models.records import PartyKind


class Merge(Base):
    """One record that was merged into another; it goes when that is undone."""

    __tablename__ = "merge"
    __table_args__ = (Index("uq_merge_from_id", "from_id", unique=True), {"sqlite_autoincrement": True})

    id: Mapped[Key]
    kind: Mapped[PartyKind] = mapped_column(one_of(PartyKind))
    into_id: Mapped[int] = mapped_column(BigId, ForeignKey("party.id"), index=True)
    from_id: Mapped[int] = mapped_column(BigId, ForeignKey("party.id"))
    at: Mapped[dt.datetime] = mapped_column(default=now, index=True)
    before: Mapped[dict[str, Any] | None] = mapped_column(Document)
    """What the merge has changed of the record that stays: {"values": {column: [old, new]}, "extra_fields": ...}; null
    once it cannot be undone any more."""


class MergedRow(Base):
    """A row that a merge has moved to the record that stays, or that names it since."""

    __tablename__ = "merged_row"

    merge_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("merge.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    part: Mapped[str] = mapped_column(primary_key=True)
    """The table and the column that named the other record, e.g. `contact.account_id`."""
    row_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
