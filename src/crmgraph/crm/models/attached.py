"""What hangs off a record, apart from its contact points: relations, notes, the photo, external ids."""

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, false, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from crmgraph.crm.models.columns import Base, BigId, Document, Key, now


class Child:
    """A row that belongs to one record and stands in its list at `rank` (0 first)."""

    id: Mapped[Key]
    rank: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)
    extra_fields: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)

    @declared_attr
    def party_id(cls) -> Mapped[int]:
        return mapped_column(BigId, ForeignKey("party.id"))


class Relation(Child, Base):
    """How a contact stands to somebody else: a record, or an identifier that nobody here answers to."""

    __tablename__ = "relation"
    __table_args__ = (Index("ix_relation_party_id_rank_id", "party_id", "rank", "id"), {"sqlite_autoincrement": True})

    kind: Mapped[str]
    other_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("party.id"), index=True)
    given: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    """The identifier as it was given, {name: value}."""


class Note(Base):
    """A note written on a record."""

    __tablename__ = "note"
    __table_args__ = (
        Index("ix_note_party_id_id", "party_id", "id"),
        Index(
            "uq_note_external_id_dialect",
            "external_id",
            "dialect",
            unique=True,
            postgresql_where=text("external_id IS NOT NULL"),
            sqlite_where=text("external_id IS NOT NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Key]
    party_id: Mapped[int] = mapped_column(BigId, ForeignKey("party.id"))
    title: Mapped[str | None]
    content: Mapped[str]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    updated_at: Mapped[dt.datetime] = mapped_column(default=now)
    owner_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("staff.id"))
    created_by_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("staff.id"))
    modified_by_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("staff.id"))
    dialect: Mapped[str | None]
    external_id: Mapped[str | None]
    """What it is called in the old CRM that it was read from, and in this dialect; null of one that was made here."""
    extra_fields: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)


class Photo(Base):
    """The photo of a record; its bytes lie in the photo store under `key`."""

    __tablename__ = "photo"

    party_id: Mapped[int] = mapped_column(BigId, ForeignKey("party.id"), primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(unique=True)
    file_name: Mapped[str]
    content_type: Mapped[str]
    width: Mapped[int]
    height: Mapped[int]
    size_bytes: Mapped[int]
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    source: Mapped[str | None]
    """What it is called in the old CRM that it was read from: another word there is another photo."""


_FORMER = text("former_id IS NOT NULL")


class ExternalId(Base):
    """The external id of a record, a staff member or a child row, in one dialect's space of ids.

    Exactly one of the five targets is set. `live` is null once the record is deleted, which frees the value.

    What led to a record that was merged into another leads to that one: it has a `former_id`, and no dialect prints it.
    """

    __tablename__ = "external_id"
    __table_args__ = (
        Index("uq_external_id_dialect_space_value_live", "dialect", "space", "value", "live", unique=True),
        Index("ix_external_id_value_dialect", "value", "dialect"),
        Index("ix_external_id_former_id", "former_id", postgresql_where=_FORMER, sqlite_where=_FORMER),
        CheckConstraint(
            " + ".join(
                f"CASE WHEN {target}_id IS NULL THEN 0 ELSE 1 END"
                for target in ("party", "staff", "phone", "email", "address")
            )
            + " = 1",
            name="one_target",
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Key]
    dialect: Mapped[str]
    space: Mapped[str]
    value: Mapped[str]
    live: Mapped[bool | None] = mapped_column(default=True)
    party_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("party.id"), index=True)
    staff_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("staff.id"), index=True)
    phone_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("phone.id", ondelete="CASCADE"), index=True)
    email_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("email.id", ondelete="CASCADE"), index=True)
    address_id: Mapped[int | None] = mapped_column(BigId, ForeignKey("address.id", ondelete="CASCADE"), index=True)
    former_id: Mapped[int | None] = mapped_column(BigId)
    """The record that was merged into the one it leads to now."""
    alias: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether it is how a dialect prints an id or a number of ours, which was nobody's external id."""
