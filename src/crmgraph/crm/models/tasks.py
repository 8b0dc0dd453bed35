"""What somebody has asked for that goes on after its answer."""

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from crmgraph.crm.models.columns import Base, BigId, Document, Key, now, one_of


class JobState(StrEnum):
    """How far it is."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class Task(Base):
    """Work for one of the staff, which a job of the background does; the graph calls it a `Job`.

    A row of `Job` goes when it is done; this one stays, so that whoever has asked can see how it went.
    """

    __tablename__ = "task"
    __table_args__ = (Index("ix_task_staff_id_state", "staff_id", "state"), {"sqlite_autoincrement": True})

    id: Mapped[Key]
    kind: Mapped[str]
    """The kind of the job that does it, a name of `crmgraph.jobs.kinds`."""
    staff_id: Mapped[int] = mapped_column(BigId, ForeignKey("staff.id"))
    """Who has asked for it: by their rights it is done, as they are while it is, and nobody else is told of it."""
    given: Mapped[dict[str, Any]] = mapped_column(Document)
    """What it is to do."""
    state: Mapped[JobState] = mapped_column(one_of(JobState), default=JobState.WAITING)
    done: Mapped[int] = mapped_column(BigId, default=0)
    """Records that are dealt with."""
    total: Mapped[int | None] = mapped_column(BigId)
    """How many there are, once that is counted."""
    faults: Mapped[list[dict[str, Any]]] = mapped_column(Document, default=list)
    """[{"row", "code", "message"}], `row` being None where it is about the whole."""
    result: Mapped[dict[str, Any] | None] = mapped_column(Document)
    """{"object", "name", "type", "bytes", "until"}: the file that it has made, see `crmgraph.photos.files`, and until
    when it is there, in seconds of Unix time."""
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    finished_at: Mapped[dt.datetime | None]
