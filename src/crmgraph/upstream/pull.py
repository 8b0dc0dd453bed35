"""Reading an upstream: its lists page by page, then what was changed, then whether anything is missing.

A page is applied in the transaction that notes how far was read, so that a reading goes on where it was cut off. See
docs/decisions/pull.md.
"""

import asyncio
import datetime as dt
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Door, now
from crmgraph.crm.records.record_photos import RecordPhotos
from crmgraph.crm.upstreams import OVERLAP
from crmgraph.db.database import Database
from crmgraph.db.errors import log_background
from crmgraph.imports.writing.collecting import rare_collections
from crmgraph.rest.pulling import Pulling, Source
from crmgraph.upstream import apply, apply_notes, marks
from crmgraph.upstream.calls import CallError, Calls
from crmgraph.upstream.ingestion import CHANGES, Ingestion
from crmgraph.upstream.marks import Lease, PullBusyError
from crmgraph.upstream.paging import all_ids, ids_of, pages_of
from crmgraph.upstream.pull_lines import LINES, Lines, ReadingLines, Wrong
from crmgraph.upstream.pull_photos import fetch_photos

log = structlog.get_logger(__name__)

ROUNDS = 5
"""How often ids are compared until they are equal, and a list is read again from which something has gone meanwhile."""
CHECKED_FOR = dt.timedelta(days=1)
"""For how long a comparison of all ids is good."""
FEW = 100
"""Records that may be missing there at once, beyond which it is asked whether half of all are."""
_PARKED_TOGETHER = 200

OnProgress: TypeAlias = Callable[[str, Mapping[str, int]], None]
"""Is told how it goes: a source, and {outcome: how many more}."""


@dataclass(slots=True)
class Report:
    """How a reading went.

    Attributes:
        counts: {source: {outcome: how many}}.
        calls: made of the upstream.
    """

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    calls: int = 0

    def add(self, source: str, counts: Mapping[str, int]) -> None:
        """Count more of a source."""
        self.counts.setdefault(source, Counter()).update(counts)

    @property
    def changes(self) -> int:
        """How many records, notes, users and photos have come, changed or gone."""
        return sum(n for each in self.counts.values() for name, n in each.items() if name in CHANGES)


class Puller:
    """Reads the upstream of a dialect into the store.

    Args:
        max_photo_bytes: the longest photo that is taken.
        region: whose telephone numbers need no country code.
        told: is told how it goes.
        per_day: how many calls the upstream takes in a day; half of them are ours.
    """

    def __init__(
        self,
        db: Database,
        photos: RecordPhotos,
        max_photo_bytes: int,
        region: str | None,
        door: Door,
        pulling: Pulling,
        calls: Calls,
        told: OnProgress = lambda source, counts: None,
        *,
        per_day: int | None = None,
    ) -> None:
        self._db = db
        self._photos = photos
        self._max_photo_bytes = max_photo_bytes
        self._region = region
        self._door = door
        self._pulling = pulling
        self._calls = calls
        self._told = told
        self._per_day = per_day
        self._lease = Lease(door)
        self._kept: dict[str, Any] = {}
        self._ingestion = Ingestion(door, pulling, region, {})
        self._report = Report()
        self._made_before = 0

    async def run(self, *, full: bool = False, only: Sequence[str] = (), wait: float = 0.0) -> Report:
        """Read what there is, or what was changed since the last reading.

        Args:
            full: everything, whatever is known.
            only: these sources; all of them without any.
            wait: for so many seconds until another process that reads is done, or counts as gone.

        Raises:
            CallError: the upstream does not answer, or nothing that makes sense. What was applied by then stays.
            PullBusyError, LeaseLostError: another process reads it.
        """
        sources = [each for each in self._pulling.sources if not only or each.name in only]
        with rare_collections():
            return await self._run(sources, full=full, wait=wait)

    async def _run(self, sources: Sequence[Source], *, full: bool, wait: float) -> Report:
        async with self._held(wait):
            first = await self._first(sources) or full
            await self._read_all(sources, full=full)
            if first:
                await self._read_all([each for each in sources if not each.is_whole])
            await self._retry()
            await self._fetch_photos()
            await self._check_all(sources, first)
        return self._report

    async def some(self, source: Source, ids: Sequence[str], *, wait: float = 0.0) -> Report:
        """Read those of these ids, at once; who is not there any more goes.

        Raises:
            CallError, PullBusyError, LeaseLostError: see `run`.
        """
        async with self._held(wait):
            await self._ask_some(source, ids, set(ids))
            await self._retry()
            await self._fetch_photos()
        return self._report

    async def lines(self, wanted: Lines, wrong: Wrong, *, wait: float = 0.0) -> Report:
        """Read the records that lines name, from where the last reading of the same lines was cut off; see `run`."""
        async with self._held(wait):
            reading = ReadingLines(self._db, self._calls, self._lease, self._door, self._pulling, self._region)
            async for counts in reading.read(wanted, wrong, self._counted):
                self._report.add(LINES, counts)
                self._told(LINES, counts)
        return self._report

    @asynccontextmanager
    async def _held(self, wait: float) -> AsyncIterator[None]:
        """Hold the upstream, and count what is called."""
        self._kept = await self._claim(wait)
        self._calls.allow(*allowed(self._kept, self._per_day))
        self._report = Report()
        self._made_before = self._calls.made
        keeping = asyncio.get_running_loop().create_task(self._keep(), name="background: lease")
        try:
            async with self._db.read() as session:
                parked = await marks.parked_ids(session, self._door)
            self._ingestion = Ingestion(self._door, self._pulling, self._region, parked)
            yield
        except CallError as error:
            self._kept["not_before"] = None if error.until is None else error.until.isoformat()
            raise
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping
            self._report.calls = self._calls.made - self._made_before
            await self._lease.release(self._db, self._counted())

    def _counted(self) -> dict[str, Any]:
        """What is kept beside the lease, with the calls of this reading."""
        return counted(self._kept, self._calls.made - self._made_before)

    async def _claim(self, wait: float) -> dict[str, Any]:
        until = time.monotonic() + wait
        while True:
            try:
                return await self._lease.claim(self._db)
            except PullBusyError:
                if time.monotonic() >= until:
                    raise
                await asyncio.sleep(1.0)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(marks.LEASE.total_seconds() / 4)
            try:
                async with self._db.begin() as session:
                    await self._lease.keep(session)
            except Exception as error:  # whoever writes the next page learns of it
                log_background(error, "upstream")

    async def _first(self, sources: Sequence[Source]) -> bool:
        async with self._db.read() as session:
            known = await marks.watermarks(session, self._door)
        return any(each.name not in known for each in sources if not each.is_whole)

    # --- lists

    async def _read_all(self, sources: Sequence[Source], *, full: bool = False) -> None:
        records = [each for each in sources if not each.deleted]
        for source in records:
            await self._read(source, full=full)
        for source in sources:
            if source.deleted:
                await self._read(source)
        for source in records:
            await self._end(source)
        for source in sources:
            if source.deleted:
                await self._end(source)

    async def _read(self, source: Source, *, full: bool = False) -> None:
        """Read a source, from where the last reading was cut off, but for noting that it has ended."""
        async with self._db.begin() as session:
            await self._lease.keep(session)
            mark = await marks.mark_of(session, self._door, source.name)
            if mark.started_at is None or (full and mark.since is not None):
                since = None if full or source.is_whole else mark.watermark
                begun: dict[str, Any] = {"since": since, "started_at": None, "page": 0, "counts": {}}
                await marks.save(session, self._door, source.name, **begun)
                started, page, counts = None, 0, Counter[str]()
            else:
                since, started, page, counts = mark.since, mark.started_at, mark.page, Counter(mark.counts)
        async for pages, date in pages_of(self._calls, source, since, page):
            # A clock there that is ahead would have changes left out until then.
            started = started or min(date or now(), now()) - OVERLAP
            page += len(pages)
            rows = [row for each in pages for row in each.rows]

            async def work(
                session: AsyncSession, rows: Any = rows, at: Any = started, done: int = page
            ) -> Counter[str]:
                await self._lease.keep(session, self._counted())
                found = await self._ingestion.take(session, source, rows)
                told = {name: counts[name] + found[name] for name in {*counts, *found}}
                await marks.save(session, self._door, source.name, started_at=at, page=done, counts=told)
                return found

            found = await self._db.transact(work)
            counts.update(found)
            self._tell(source, found)

    async def _end(self, source: Source) -> None:
        """Note that a source was read to its end. A long list of changes from which something has gone meanwhile, so
        that others came in its place, is read again before; its mark stays where it was while that goes on."""
        gone = [each for each in self._pulling.sources if each.deleted and each.kind is source.kind is not None]
        seen = 0
        for _ in range(ROUNDS):
            async with self._db.begin() as session:
                await self._lease.keep(session)
                mark = await marks.mark_of(session, self._door, source.name)
                shifts = mark.since is not None and mark.page > 1 and not source.deleted
                deleted = await self._deleted(session, gone) if shifts else 0
                if deleted <= seen:
                    ended = {"watermark": mark.started_at, "started_at": None, "page": 0, "finished_at": now()}
                    await marks.save(session, self._door, source.name, **ended)
                    return
                for each in (source, *gone):
                    await marks.save(session, self._door, each.name, page=0)
            seen = deleted
            for each in (source, *gone):
                await self._read(each)
        async with self._db.begin() as session:
            await self._lease.keep(session)
            await marks.save(session, self._door, source.name, started_at=None, page=0)

    async def _deleted(self, session: AsyncSession, gone: Sequence[Source]) -> int:
        """How many records the readings in progress of what has gone have removed."""
        found = [await marks.mark_of(session, self._door, each.name) for each in gone]
        return sum(mark.counts.get("deleted", 0) for mark in found)

    def _tell(self, source: Source, found: Mapping[str, int]) -> None:
        self._report.add(source.name, found)
        self._told(source.name, found)

    # --- what comes again

    async def _retry(self) -> None:
        """Try what is parked and due once more: what it names may have come since."""
        for source in self._pulling.sources:
            after = 0
            while True:
                async with self._db.read() as session:
                    rows = await marks.due(session, self._door, source.name, _PARKED_TOGETHER, after)
                if not rows:
                    break
                after = rows[-1].id

                async def work(session: AsyncSession, source: Source = source, rows: Any = rows) -> Counter[str]:
                    await self._lease.keep(session)
                    return await self._ingestion.take_again(session, source, rows)

                found = await self._db.transact(work)
                self._tell(source, found)

    async def _fetch_photos(self) -> None:
        if self._pulling.photo is None:
            return
        while True:
            async with self._db.read() as session:
                rows = await marks.due(session, self._door, marks.PHOTOS, 50)
            if not rows:
                return
            given = await fetch_photos(
                self._db,
                self._photos,
                self._max_photo_bytes,
                self._door,
                self._pulling,
                self._calls,
                rows,
                self._lease,
            )
            self._report.add(marks.PHOTOS, given)
            self._told(marks.PHOTOS, given)

    # --- whether anything is missing

    async def _check_all(self, sources: Sequence[Source], first: bool) -> None:
        for source in sources:
            if source.ids is None:
                continue
            async with self._db.begin() as session:
                mark = await marks.mark_of(session, self._door, source.name)
                checked = mark.checked_at
            if first or checked is None or now() - checked >= CHECKED_FOR:
                await self._check(source)
                async with self._db.begin() as session:
                    await self._lease.keep(session)
                    await marks.save(session, self._door, source.name, checked_at=now())

    async def _check(self, source: Source) -> None:
        """Compare all ids there with those here until they are the same."""
        for _ in range(ROUNDS):
            theirs = await all_ids(self._calls, source)
            async with self._db.read() as session:
                ours = await self._held_ids(session, source)
                parked = (await marks.parked_ids(session, self._door)).get(source.name, set())
            missing, gone = theirs - ours - parked, ours - theirs
            if not missing and not gone:
                return
            if len(gone) > FEW and len(gone) * 2 > len(ours):
                raise CallError(
                    f"{source.name}: {len(gone):,} of {len(ours):,} here are not there any more: nothing was deleted"
                )
            await self._ask_some(source, sorted(missing | gone), gone)
            await self._retry()
            await self._fetch_photos()

    async def _held_ids(self, session: AsyncSession, source: Source) -> set[str]:
        if source.kind is None:
            return await apply_notes.held_ids(session, self._door.dialect)
        return await apply.held_ids(session, self._door, self._pulling.space_of(source.kind), source.kind)

    async def _ask_some(self, source: Source, ids: Sequence[str], may_go: set[str]) -> None:
        """Apply those of these ids; of what is not there, let those go that may."""
        if source.some is None:
            raise CallError(f"{source.name}: cannot be asked for by ids")
        for begin in range(0, len(ids), source.at_once):
            asked = list(ids[begin : begin + source.at_once])
            page, _ = await self._calls.read(source.some(asked), source.read)
            told = set(ids_of(source, page))
            absent = [each for each in asked if each in may_go and each not in told]

            async def work(session: AsyncSession, rows: Any = page.rows, absent: Any = absent) -> Counter[str]:
                await self._lease.keep(session)
                found = await self._ingestion.take(session, source, rows) if rows else Counter[str]()
                if absent:
                    found["deleted"] += await self._ingestion.let_go(session, source, absent)
                return +found

            self._tell(source, await self._db.transact(work))


def counted(kept: Mapping[str, Any], calls: int) -> dict[str, Any]:
    """What is kept beside the lease, with so many more calls of today."""
    today = f"{now():%Y-%m-%d}"
    before = kept.get("calls", 0) if kept.get("day") == today else 0
    return {"day": today, "calls": before + calls, "not_before": kept.get("not_before")}


def allowed(kept: Mapping[str, Any], per_day: int | None) -> tuple[int | None, dt.datetime | None]:
    """How many calls may be made still, None where nobody counts; before when none is wanted."""
    made = counted(kept, 0)["calls"]
    until = kept.get("not_before")
    return None if per_day is None else max(0, per_day // 2 - made), dt.datetime.fromisoformat(until) if until else None
