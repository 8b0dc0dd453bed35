"""Duplicates: records that may be one, and those of which somebody has said that they are not."""

import datetime as dt

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from crmgraph.crm.models.columns import Base, BigId, Flag, Key, now, one_of
from crmgraph.crm.models.records import PartyKind


class Duplicate(Base):
    """A record that may be the same as another one. A pair is two rows, one of each to the other."""

    __tablename__ = "duplicate"
    __table_args__ = (
        Index("uq_duplicate_party_id_other_id", "party_id", "other_id", unique=True),
        Index("ix_duplicate_party_id_score_id", "party_id", "score", "id"),
        Index(
            "ix_duplicate_kind_score_id",
            "kind",
            "score",
            "id",
            postgresql_where=text("first"),
            sqlite_where=text("first = 1"),
        ),
        Index("ix_duplicate_other_id", "other_id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Key]
    kind: Mapped[PartyKind] = mapped_column(one_of(PartyKind))
    party_id: Mapped[int] = mapped_column(BigId, ForeignKey("party.id"))
    other_id: Mapped[int] = mapped_column(BigId, ForeignKey("party.id"))
    first: Mapped[Flag]
    """Whether it is the row of the two whose record came first: lists of pairs have it alone."""
    score: Mapped[int]
    """How much they are alike, in thousandths."""
    reasons: Mapped[int]
    """The bits of `duplicates.likeness.Reason`."""
    found_at: Mapped[dt.datetime] = mapped_column(default=now)


class DismissedDuplicate(Base):
    """Two records that are not the same, as somebody of the staff has said."""

    __tablename__ = "dismissed_duplicate"

    one_id: Mapped[int] = mapped_column(BigId, ForeignKey("party.id"), primary_key=True, autoincrement=False)
    """The one that came first."""
    other_id: Mapped[int] = mapped_column(
        BigId, ForeignKey("party.id"), primary_key=True, autoincrement=False, index=True
    )
    at: Mapped[dt.datetime] = mapped_column(default=now)
    staff_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("staff.id"))
