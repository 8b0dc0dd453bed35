"""Background work that waits: one table for every kind of it."""

import datetime as dt
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from crmgraph.crm.models.columns import Base, Key, now

_LIVE = text("failed_at IS NULL")


class Job(Base):
    """A job that waits or is run. It goes once it is done; one that failed for good stays as long as `Retention` says.

    The payload holds no secret: whoever reads the table, or a backup of it, can do nothing with it.
    """

    __tablename__ = "job"
    __table_args__ = (
        Index("ix_job_kind_run_after", "kind", "run_after", postgresql_where=_LIVE, sqlite_where=_LIVE),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[Key]
    kind: Mapped[str]
    """A name of `crmgraph.jobs.kinds`."""
    payload: Mapped[dict[str, Any]]
    unique_key: Mapped[str | None] = mapped_column(unique=True)
    """Of a recurring job, of which there is one row; None for all others."""
    request_id: Mapped[str | None]
    """The request that caused it, for the log."""
    created_at: Mapped[dt.datetime] = mapped_column(default=now)
    run_after: Mapped[dt.datetime] = mapped_column(default=now)
    attempts: Mapped[int] = mapped_column(default=0)
    """How often a worker has taken it; of a recurring job, since it last succeeded."""
    claimed_by: Mapped[str | None]
    claimed_until: Mapped[dt.datetime | None]
    """The end of the lease: who runs the job renews it, and when it is over the worker must have died."""
    failed_at: Mapped[dt.datetime | None]
    last_error: Mapped[str | None]
    """Why the last attempt failed, in words without personal data."""
