"""Background work is stored in the transaction that causes it, and run by `crmgraph.jobs` once that is committed."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Job, now
from crmgraph.db.database import Database
from crmgraph.logs import request_id


@dataclass(frozen=True, slots=True)
class Done:
    """What a handler returns where the job was done.

    Attributes:
        write: what is still to be written, in the transaction that notes it: it is, or the job is run again.
    """

    write: Callable[[AsyncSession], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """What a handler returns where the job was not done and may be later.

    Attributes:
        reason: why, for the log and the operator: no personal data.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """What a handler returns where the job will never be done.

    Attributes:
        reason: as of `Retry`.
    """

    reason: str


Result: TypeAlias = Done | Retry | GiveUp
"""How a handler did."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits of one kind, or is being run.

    Attributes:
        oldest: since when the first of them has been there.
        due_at: when the next may be taken by a worker.
        attempts: the most that one of them has had.
        last_error: of one that has failed so far; None where none has.
    """

    count: int = 0
    oldest: dt.datetime | None = None
    due_at: dt.datetime | None = None
    attempts: int = 0
    last_error: str | None = None


@dataclass(frozen=True, slots=True)
class Failures:
    """What failed for good of one kind, as far as it is still kept.

    Attributes:
        last_at: when the last of them did.
        last_error: of one of them.
    """

    count: int
    last_at: dt.datetime
    last_error: str | None


class JobQueue:
    """The jobs of one store: how they get in, and what waits.

    Attributes:
        woken: set when there may be something to run, for the runner of this process.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self.woken = asyncio.Event()

    async def enqueue(self, session: AsyncSession, kind: str, payload: Mapping[str, Any]) -> None:
        """Store a job in the transaction that causes it, in one statement; call `wake` once that is committed.

        Args:
            kind: a name of `crmgraph.jobs.kinds`.
            payload: what its handler gets, as JSON; no secret, and of a person no more than it takes.
        """
        at = now()
        await session.execute(
            insert(Job).values(
                kind=kind, payload=dict(payload), request_id=request_id.get(), created_at=at, run_after=at, attempts=0
            )
        )

    def wake(self) -> None:
        """Let what has been stored be run now by this process; others look every few seconds."""
        self.woken.set()

    async def backlog(self) -> dict[str, Backlog]:
        """What waits or is being run, by kind, in one statement."""
        query = (
            select(
                Job.kind,
                func.count(),
                func.min(Job.created_at),
                func.min(func.coalesce(Job.claimed_until, Job.run_after)),
                func.max(Job.attempts),
                func.max(Job.last_error),
            )
            .where(Job.failed_at.is_(None))
            .group_by(Job.kind)
        )
        async with self._db.read() as session:
            return {row[0]: Backlog(*row[1:]) for row in await session.execute(query)}

    async def failures(self) -> dict[str, Failures]:
        """What failed for good and is still kept, by kind, in one statement."""
        query = (
            select(Job.kind, func.count(), func.max(Job.failed_at), func.max(Job.last_error))
            .where(Job.failed_at.is_not(None))
            .group_by(Job.kind)
        )
        async with self._db.read() as session:
            found = await session.execute(query)
            return {kind: Failures(count, at, error) for kind, count, at, error in found if at is not None}
