"""Runs what waits in the table of jobs, in any number of processes at once.

A worker claims a job by a lease, which it renews while it runs the job: of a worker that was killed the lease ends, and
another takes the job over. So a job is run at least once, and a handler bears being run twice. What a worker notes of a
job holds only while the job is its own.
"""

import asyncio
import datetime as dt
import os
import random
import secrets
import socket
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Delete, Row, Update, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from crmgraph import metrics
from crmgraph.crm.job_queue import Done, GiveUp, JobQueue, Result, Retry
from crmgraph.crm.models import Job, now
from crmgraph.db.database import Database
from crmgraph.db.errors import log_background
from crmgraph.jobs.kinds import Kind
from crmgraph.logs import request_id

log = structlog.get_logger(__name__)

POLL = 20.0
"""After how many seconds a server looks at the table when nothing has called for it: another process may have died."""
LEASE = 30.0
"""For how many seconds a job belongs to who has claimed or renewed it."""
FIRST_RUN = 60.0
"""Seconds from the first start of all to the first run of a recurring job, or its interval if that is shorter: not at
the start, when there is other work."""
FIRST_LOOK = 1.0
"""Seconds from the start of a server to its first look at the table when nothing has called for one: its first requests
go before."""
JITTER = 0.25
"""By how much of itself a wait is longer at random, so that what failed together is not tried again together."""
CONTENDED = 0.1
"""Seconds to wait where all that is due is being claimed by others."""
NOTING = (1.0, 5.0, 15.0)
"""Seconds to wait before how a job went is noted once more, where the database did not take it."""
ENDING = 2.0
"""Seconds that each of the last steps of stopping may take."""


@dataclass(slots=True)
class _Held:
    """A job in hand.

    Attributes:
        runs: False while it is being noted how it went.
    """

    kind: Kind
    task: asyncio.Task[None]
    runs: bool = True


class Runner:
    """A worker: claims jobs and runs them, from `start` to `close`.

    Args:
        kinds: the kinds of job that it knows; jobs of others wait for a worker that knows them.
        poll: seconds between two looks at the table when nothing calls for one.
        lease: seconds for which a claim holds.
    """

    def __init__(
        self, db: Database, queue: JobQueue, kinds: Iterable[Kind], *, poll: float = POLL, lease: float = LEASE
    ) -> None:
        self._db = db
        self._queue = queue
        self._kinds = tuple(kinds)
        self._poll = poll
        self._lease = lease
        self._name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._in_hand: dict[int, _Held] = {}
        self._background: list[asyncio.Task[None]] = []
        self._scheduled = False
        self._looked = False
        self._stopping = asyncio.Event()
        self._closed = asyncio.Event()

    def start(self) -> None:
        """Run jobs in the background until `close`."""
        if not self._background:
            self._stopping.clear()
            self._closed.clear()
            loop = asyncio.get_running_loop()
            self._background = [
                loop.create_task(self._run(), name="background: jobs"),
                loop.create_task(self._renew(), name="background: leases"),
            ]

    async def close(self, *, within: float = 10.0) -> None:
        """Run what is due but for recurring and lasting jobs, and stop. What is in hand then is given back: others may
        take it at once.

        Args:
            within: seconds that running may take.
        """
        if not self._background:
            return
        running, renewing = self._background
        if not self._looked and not self._queue.woken.is_set():
            # Nobody has stored anything here, and what others have stored waits for those who stay.
            await _end(self._background)
            self._background = []
            return
        self._stopping.set()
        self._queue.wake()
        await asyncio.wait([running], timeout=ENDING)  # not in the middle of a claim
        await _end([running])
        await _end(held.task for held in self._in_hand.values() if held.kind.stays)
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self.run_due([kind for kind in self._kinds if not kind.stays])
        await _end(held.task for held in self._in_hand.values())
        self._closed.set()
        await asyncio.wait([renewing], timeout=ENDING)
        await _end([renewing])
        self._background = []
        try:
            async with asyncio.timeout(ENDING):
                await self._give_back()
        except Exception as error:  # the lease ends by itself
            log_background(error, "jobs")

    async def run_due(self, kinds: Sequence[Kind] | None = None) -> None:
        """Run every job that is due now, once, and wait for it.

        Args:
            kinds: of these kinds only; None is all.
        """
        try:
            while await self._claim_all(self._kinds if kinds is None else kinds) or self._in_hand:
                if self._in_hand:
                    tasks = [held.task for held in self._in_hand.values()]
                    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        except Exception as error:
            log_background(error, "jobs")

    async def _run(self) -> None:
        await _wait(self._queue.woken, FIRST_LOOK)
        self._looked = True
        while not self._stopping.is_set():
            self._queue.woken.clear()
            pause = self._poll
            try:
                await self._schedule()
                pause = await self._turn()
            except Exception as error:
                log_background(error, "jobs")
            if not self._stopping.is_set():
                await _wait(self._queue.woken, pause)

    async def _turn(self) -> float:
        """Begin what is due and there is room for; after how many seconds to look again."""
        waiting = await self._queue.backlog()
        at, pause, claimed = now(), self._poll, 0
        due = []
        for kind in self._kinds:
            found = waiting.get(kind.name)
            metrics.jobs_waiting(kind.name, found.count if found else 0)
            if found is None or found.due_at is None or self._room(kind) <= 0:
                continue
            if found.due_at <= at:
                due.append(kind)
            else:
                pause = min(pause, (found.due_at - at).total_seconds())
        if due:
            claimed = await self._claim_all(due)
            # Once more, for what comes next; where nothing was to be had others are at it.
            pause = 0.0 if claimed else min(pause, CONTENDED)
        return pause

    def _room(self, kind: Kind) -> int:
        return kind.at_once - sum(held.kind.name == kind.name for held in self._in_hand.values())

    async def _claim_all(self, kinds: Iterable[Kind]) -> int:
        return sum([await self._claim(kind) for kind in kinds])

    async def _claim(self, kind: Kind) -> int:
        """Begin to run what is due of one kind, as much of it as there is room for; how much that was."""
        room = self._room(kind)
        if room <= 0:
            return 0
        at = now()
        free = or_(Job.claimed_until.is_(None), Job.claimed_until <= at)
        due = (
            select(Job.id)
            .where(Job.kind == kind.name, Job.failed_at.is_(None), Job.run_after <= at, free)
            .where(Job.id.not_in(list(self._in_hand)))  # even where a renewal comes late
            .order_by(Job.run_after)
            .limit(room)
        )
        if not self._db.is_sqlite:  # which has one writer at a time as it is
            due = due.with_for_update(skip_locked=True)
        chosen = due.cte("chosen")
        claim = (
            update(Job)
            .where(Job.id.in_(select(chosen.c.id)))
            .values(claimed_by=self._name, claimed_until=self._lease_from(at), attempts=Job.attempts + 1)
            .returning(Job.id, Job.payload, Job.request_id, Job.created_at, Job.attempts)
            .execution_options(synchronize_session=False)
        )
        async with self._db.begin() as session:
            claimed: Sequence[Row[Any]] = (await session.execute(claim)).all()
        for row in claimed:
            task = asyncio.get_running_loop().create_task(self._handle(kind, row), name="background: a job")
            self._in_hand[row.id] = _Held(kind, task)
            task.add_done_callback(partial(self._ended, kind, row.id))
        return len(claimed)

    def _ended(self, kind: Kind, own: int, task: asyncio.Task[None]) -> None:
        self._in_hand.pop(own, None)
        self._queue.wake()
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            # How it went could not be noted: the lease ends by itself, and the job is run again.
            log_background(error, kind.name)

    async def _handle(self, kind: Kind, row: Row[Any]) -> None:
        """Run one job, and note how it went."""
        request_id.set(row.request_id)  # of this task alone
        if kind.every is None and now() >= row.created_at + kind.window:
            result: Result = GiveUp("too late")
        else:
            try:
                async with asyncio.timeout(kind.seconds):
                    result = await kind.handler(row.payload)
            except TimeoutError:
                result = Retry("it takes too long")
            except Exception as error:
                log_background(error, kind.name)
                result = Retry(type(error).__name__)
        if isinstance(result, Done):
            await self._done(kind, row, result)
        else:
            await self._failed(kind, row, result)

    async def _done(self, kind: Kind, row: Row[Any], result: Done) -> None:
        metrics.job(kind.name, "done")
        if kind.every is None:
            await self._note(row, delete(Job), result)
        else:
            due = now() + dt.timedelta(seconds=kind.every)
            await self._note(row, _free(run_after=due, attempts=0, last_error=None), result)

    async def _failed(self, kind: Kind, row: Row[Any], result: Retry | GiveUp) -> None:
        at = now()
        pause = kind.pause(row.attempts) * random.uniform(1.0, 1.0 + JITTER)  # noqa: S311 - nobody is to be kept from guessing it
        if kind.every is not None:
            pause = min(pause, kind.every)
        elif isinstance(result, GiveUp) or at + dt.timedelta(seconds=pause) >= row.created_at + kind.window:
            metrics.job(kind.name, "failed")
            log.warning(kind.failure, job=kind.name, reason=result.reason, tries=row.attempts, again_in=None)
            await self._note(row, _free(failed_at=at, last_error=result.reason))
            return
        metrics.job(kind.name, "retried")
        log.warning(kind.failure, job=kind.name, reason=result.reason, tries=row.attempts, again_in=round(pause, 1))
        await self._note(row, _free(run_after=at + dt.timedelta(seconds=pause), last_error=result.reason))

    async def _note(self, row: Row[Any], noted: Update | Delete, done: Done | None = None) -> None:
        """Note how a job went if it is still ours, by this very claim; what goes with it is written or neither is.

        A database that is away for a moment is asked again: the work is done, and would be done twice.
        """
        mine = (Job.id == row.id, Job.claimed_by == self._name, Job.attempts == row.attempts)
        noted = noted.where(*mine).returning(Job.id).execution_options(synchronize_session=False)
        for pause in (*NOTING, None):
            try:
                async with self._db.begin() as session:
                    self._in_hand[row.id].runs = False
                    if await session.scalar(noted) is not None and done is not None and done.write is not None:
                        await done.write(session)
            except Exception as error:
                if pause is None:
                    raise
                log_background(error, "jobs")
                self._in_hand[row.id].runs = True  # its lease is renewed meanwhile
                await asyncio.sleep(pause)
            else:
                return

    def _lease_from(self, at: dt.datetime) -> dt.datetime:
        return at + dt.timedelta(seconds=self._lease)

    async def _renew(self) -> None:
        """Keep what is in hand, and let go of what another has taken over."""
        while not await _wait(self._closed, self._lease / 3):
            asked = [own for own, held in self._in_hand.items() if held.runs]
            if not asked:
                continue
            mine = (Job.id.in_(asked), Job.claimed_by == self._name)
            renewal = update(Job).where(*mine).values(claimed_until=self._lease_from(now())).returning(Job.id)
            try:
                async with self._db.begin() as session:
                    kept = set(await session.scalars(renewal.execution_options(synchronize_session=False)))
            except Exception as error:
                log_background(error, "jobs")
                continue
            for own, held in self._in_hand.items():
                if own in asked and own not in kept and held.runs:
                    log.warning("a job was taken over while it was run", job=held.kind.name)
                    held.task.cancel()

    async def _schedule(self) -> None:
        """See to it that each recurring job has its row, due within its interval, and that no other has one."""
        if self._scheduled:
            return
        at = now()
        insert = insert_sqlite if self._db.is_sqlite else insert_postgresql
        async with self._db.begin() as session:
            for kind in self._kinds:
                if kind.every is None:
                    continue
                if kind.every == 0:
                    await session.execute(delete(Job).where(Job.unique_key == kind.name))
                    continue
                first = at + dt.timedelta(seconds=min(kind.every, FIRST_RUN))
                latest = at + dt.timedelta(seconds=kind.every)
                row = {"kind": kind.name, "unique_key": kind.name, "payload": {}, "created_at": at, "attempts": 0}
                await session.execute(
                    insert(Job)
                    .values(run_after=first, **row)
                    .on_conflict_do_update(
                        index_elements=[Job.unique_key], set_={"run_after": latest}, where=Job.run_after > latest
                    )
                )
        self._scheduled = True

    async def _give_back(self) -> None:
        given = update(Job).where(Job.claimed_by == self._name)
        given = given.values(claimed_by=None, claimed_until=None, attempts=Job.attempts - 1)
        async with self._db.begin() as session:
            await session.execute(given.execution_options(synchronize_session=False))


def _free(**values: Any) -> Update:
    """Let go of a job, with these values."""
    return update(Job).values(claimed_by=None, claimed_until=None, **values)


async def _wait(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event for so long; whether it is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel these, and wait until they have ended."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
