"""Imports of files: what was brought in, how far it went, and which records came of it."""

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from crmgraph.crm.models.columns import Base, BigId, Document, Key, now, one_of
from crmgraph.crm.models.records import PartyKind


class ImportState(StrEnum):
    """How far an import is."""

    ANALYSING = "ANALYSING"
    """Its files are read to tell what would come of them."""
    ASKING = "ASKING"
    """Something has to be answered first."""
    READY = "READY"
    """It can be started."""
    RUNNING = "RUNNING"
    """It writes, or was cut off while it wrote: it can be resumed."""
    FAILED = "FAILED"
    """It was given up by a fault that is told: it can be resumed."""
    CANCELLED = "CANCELLED"
    """It was cancelled: what is in stays. It can be resumed, and undone."""
    DONE = "DONE"
    UNDOING = "UNDOING"
    """It is being undone, or was cut off meanwhile: it can be undone on."""
    UNDONE = "UNDONE"


class Outcome(StrEnum):
    """What became of a row."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    UNCHANGED = "UNCHANGED"
    MERGED = "MERGED"
    SKIPPED = "SKIPPED"
    REFUSED = "REFUSED"


class Import(Base):
    """Files that are brought in together."""

    __tablename__ = "import"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[Key]
    state: Mapped[ImportState] = mapped_column(one_of(ImportState), default=ImportState.RUNNING)
    files: Mapped[list[dict[str, Any]]] = mapped_column(Document)
    """[{"name", "path", "bytes", "sha256"}]: to resume, the same files have to be there. Of an upload the path is
    its name, and "object" is by what `crmgraph.photos.files` has it."""
    options: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    """As they were given: the same options read the same records."""
    staff_id: Mapped[int] = mapped_column(BigId, ForeignKey("staff.id"))
    """Whoever brings them in, and owns what belongs to nobody who is known."""
    generation: Mapped[int] = mapped_column(default=0)
    """Rises with each change of the options, so that an analysis of others before is passed over."""
    tries: Mapped[int] = mapped_column(default=0)
    """How many workers have begun a step of it by now of which nothing more was heard, not even a batch."""
    position: Mapped[int] = mapped_column(default=0)
    """How many events of the reading are dealt with."""
    counts: Mapped[dict[str, Any]] = mapped_column(Document, default=dict)
    """{kind or empty for a row of no kind: {outcome: how many}}."""
    reversed: Mapped[int] = mapped_column(default=0)
    """How many of its records an undo has taken back by now."""
    analysis: Mapped[dict[str, Any] | None] = mapped_column(Document)
    """What a reading without writing has told, see `crmgraph.imports.analysis`; None of one of the command line, which
    tells it at once."""
    refused: Mapped[dict[str, Any] | None] = mapped_column(Document)
    """{"object", "name", "type", "bytes", "until"}: the refused rows as they stood, as `Task.result`."""
    undone: Mapped[dict[str, Any] | None] = mapped_column(Document)
    """{"reversed", "kept", "failed": how many records, "dry_run", "left": the first that were not undone, and why}."""
    fault: Mapped[str | None]
    """Why it was given up."""
    claimed_until: Mapped[dt.datetime | None]
    """The end of the lease of whoever carries it out, who renews it with each batch."""
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    started_at: Mapped[dt.datetime | None]
    """When it was first told to write."""
    finished_at: Mapped[dt.datetime | None]


class ImportRow(Base):
    """A record that an import has made or changed, so that it can be undone."""

    __tablename__ = "import_row"
    __table_args__ = (Index("ix_import_row_import_id_id", "import_id", "id"), {"sqlite_autoincrement": True})

    id: Mapped[Key]
    import_id: Mapped[int] = mapped_column(BigId, ForeignKey("import.id"))
    kind: Mapped[PartyKind] = mapped_column(one_of(PartyKind))
    key: Mapped[str]
    """By which the other rows of the files name it."""
    at: Mapped[str | None]
    """Where it stands, e.g. `contacts.csv:7`; None for a record that others imply."""
    party_id: Mapped[int] = mapped_column(BigId, ForeignKey("party.id"), index=True)
    outcome: Mapped[Outcome] = mapped_column(one_of(Outcome))
    revision: Mapped[int]
    """Of the record as the import has left it: what has another one by now is touched."""
    digest: Mapped[str]
    """Of all that the file says of it: a row that says the same again, of a record that nobody has touched, is done."""
    before: Mapped[dict[str, Any] | None] = mapped_column(Document)
    """What an update has changed: {"values": {column: old}, "added": {list: [ids]}, "extra_fields": ..., ...}."""


class ImportTold(Base):
    """What became, or would become, of the first rows of each outcome, for people to look at."""

    __tablename__ = "import_told"
    __table_args__ = (UniqueConstraint("import_id", "outcome"), {"sqlite_autoincrement": True})

    id: Mapped[Key]
    import_id: Mapped[int] = mapped_column(BigId, ForeignKey("import.id"))
    outcome: Mapped[Outcome] = mapped_column(one_of(Outcome))
    rows: Mapped[list[dict[str, Any]]] = mapped_column(Document)
    """[{"at", "kind", "key", "code", "reason", "warnings"}]"""
