"""Runs: an import from its start to its end, in batches with a checkpoint each, and on from there after a crash."""

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Door, Import, ImportRow, ImportState, Outcome, PartyKind, Role, Staff, now
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import external_ids
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.db.database import Database
from crmgraph.imports.index import Spool
from crmgraph.imports.reading import Reading
from crmgraph.imports.records import Event, External, Merged, Record, Refusal, Skipped
from crmgraph.imports.writing import leases, linking
from crmgraph.imports.writing.batches import Batch, How, Row, named_by
from crmgraph.imports.writing.collecting import rare_collections
from crmgraph.imports.writing.edits import external_id
from crmgraph.imports.writing.giving_way import give_way
from crmgraph.imports.writing.ids import Ids, Named
from crmgraph.imports.writing.photos import Photos
from crmgraph.imports.writing.reading_ahead import read_ahead
from crmgraph.imports.writing.relating import Wanted, names_of, relate

FIRST_LOOK = 2_000
"""Records that are written before the planner looks at the tables."""
BATCH = 1_000
"""Events of the reading that are dealt with in one transaction."""
KNOWN_PAGE = 10_000
"""Records of an earlier run that are read at once."""
Told = Callable[[Event, Outcome], None]
"""Is told what became of each event."""
Store = Callable[[AsyncSession], Awaitable[None]]
"""Stores what is told of a run, in a transaction."""


@dataclass(slots=True)
class Progress:
    """How far a run is.

    Attributes:
        done: events that are dealt with.
        counts: {kind, empty for a row of no kind: {outcome: how many}}.
    """

    done: int = 0
    counts: dict[str, Counter[str]] = field(default_factory=dict)

    def count(self, kind: PartyKind | None, outcome: Outcome) -> None:
        self.counts.setdefault(kind or "", Counter())[outcome] += 1

    @property
    def outcomes(self) -> Counter[str]:
        """{outcome: how many}, of all kinds."""
        return sum(self.counts.values(), Counter())


def actor_of(staff: Staff, import_id: int | None, region: str | None) -> Actor:
    """The import as whoever writes."""
    return Actor(
        Door.IMPORT,
        staff.role,
        staff_id=staff.id,
        sees_identity=staff.sees_identity or staff.role is Role.ADMIN,
        region=region,
        import_id=import_id,
    )


class Finder:
    """Asks the store from the thread in which files are read. Make it in the event loop.

    Args:
        db: the store.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self._loop = asyncio.get_running_loop()

    def stored(self, kind: PartyKind, externals: Sequence[External]) -> list[External]:
        """Which of these ids are those of records of the store."""
        return asyncio.run_coroutine_threadsafe(stored(self._db, externals), self._loop).result()


async def stored(db: Database, externals: Sequence[External]) -> list[External]:
    """Which of these ids are those of records of the store."""
    names = {each: external_id(each) for each in externals}
    async with db.read() as session:
        found = await external_ids.parties(session, set(names.values()))
    return [each for each, name in names.items() if name in found]


class Run:
    """Carries out one import.

    Args:
        photos: takes those that come with new records.
        actor: the import; without an id of one, nothing is written: see what would become of each record.
        reading: of the same files, with the same options, whenever it goes on.
        told: of what became of each event, from the first on even where the run goes on after a crash.
        progress: called after each batch.
    """

    def __init__(
        self,
        db: Database,
        actor: Actor,
        reading: Reading,
        how: How,
        *,
        photos: Photos,
        told: Told,
        progress: Callable[[Progress], None],
    ) -> None:
        self._db = db
        self._actor = actor
        self._reading = reading
        self._how = how
        self._photos = photos
        self._told = told
        self._show = progress
        self._ids = Ids()
        self._later = Spool()
        self._related = Spool()
        self._lease: dt.datetime | None = None
        self.progress = Progress()
        self._analyse_at = FIRST_LOOK

    async def carry_out(self) -> Progress:
        """Deal with all events that are not dealt with yet. What is written by then is not `DONE` before `end`.

        Raises:
            leases.ImportBusy: somebody has taken the import over, since a batch took longer than the lease.
        """
        try:
            with rare_collections():
                position = await self._known_position()
                async with read_ahead(self._reading, position, BATCH) as next_ones:
                    while events := await self._waited_for(next_ones):
                        # What was dealt with before is only decided anew: so that its refusals are told again.
                        await self._deal_with(events, write=self.progress.done >= position)
                await self._link()
                await self._relate()
        finally:
            self._ids.close()
            self._later.close()
            self._related.close()
        return self.progress

    async def end(self, store: Store | None = None) -> None:
        """Say that the import is done.

        Args:
            store: stores what is told of it, in the same transaction: whoever sees that it is done sees that too.

        Raises:
            leases.ImportBusy: somebody has taken the import over, or cancelled it; nothing was stored.
        """
        if not await self._end(ImportState.DONE, None, store):
            raise leases.ImportBusy(self._actor.import_id or 0, leases.LEASE.total_seconds())

    async def _deal_with(self, events: Sequence[Event], *, write: bool) -> None:
        rows, ids = await self._batch(events, write=write)
        self._take_up(rows, ids)
        if self._actor.import_id is not None:
            # To render images takes long.
            has_photos = any(row.record.photo is not None for row in rows)
            async with self.lease_kept() if has_photos else nullcontext():
                await self._photos.take(self._actor, rows, ids)
            if not write:
                await self._recall(rows, ids)
        self._tell(events, rows)
        await self._keep_plans_right()
        self._show(self.progress)
        await give_way(self._db)

    async def _recall(self, rows: Iterable[Row], ids: Mapping[Named, int]) -> None:
        """Let rows that were dealt with before have the outcome that they had then: now they would change nothing."""
        own = (ImportRow.import_id == self._actor.import_id) & ImportRow.party_id.in_(set(ids.values()))
        query = select(ImportRow.kind, ImportRow.key, ImportRow.outcome).where(own)
        async with self._db.read() as session:
            had = {(kind, key): outcome for kind, key, outcome in await session.execute(query)}
        for row in rows:
            row.outcome = had.get((row.record.kind, row.record.key), row.outcome)

    async def _waited_for(self, next_ones: Callable[[], Awaitable[list[Event]]]) -> list[Event]:
        async with self.lease_kept():
            return await next_ones()

    @asynccontextmanager
    async def lease_kept(self) -> AsyncIterator[None]:
        """Keeps the lease while something takes long that writes no checkpoint.

        Raises:
            leases.ImportBusy: somebody has taken the import over meanwhile, or cancelled it.
        """
        if self._actor.import_id is None:
            yield
            return

        def renewed(until: dt.datetime) -> None:
            self._lease = until

        async with leases.kept(self._db, self._actor.import_id, self._lease, renewed):
            yield

    async def _keep_plans_right(self) -> None:
        """Let the planner look at the tables whenever they have doubled: what it thinks of empty ones costs minutes."""
        outcomes = self.progress.outcomes
        written = outcomes[Outcome.CREATED] + outcomes[Outcome.UPDATED]
        if self._actor.import_id is not None and written >= self._analyse_at:
            self._analyse_at = 2 * written
            await self._db.analyse()

    async def fail(self, why: str) -> None:
        """Say that the run was given up, unless somebody has taken it over; it can be resumed."""
        await self._end(ImportState.FAILED, why)

    async def _known_position(self) -> int:
        if self._actor.import_id is None:
            return 0
        async with self._db.read() as session:
            run = await session.get_one(Import, self._actor.import_id)
            self._lease = run.claimed_until
            self.progress.counts = {kind: Counter(each) for kind, each in run.counts.items()}
            query = select(ImportRow.id, ImportRow.kind, ImportRow.key, ImportRow.party_id)
            query = query.where(ImportRow.import_id == run.id).order_by(ImportRow.id).limit(KNOWN_PAGE)
            last = 0
            while rows := (await session.execute(query.where(ImportRow.id > last))).all():
                self._ids.add({(kind, key): party_id for _, kind, key, party_id in rows})
                last = rows[-1].id
        return run.position

    async def _batch(self, events: Sequence[Event], *, write: bool) -> tuple[list[Row], dict[Named, int]]:
        records = [each for each in events if isinstance(each, Record)]
        warned = [list(each.warnings) for each in records]
        known = self._ids.of({name for each in records for name in named_by(each)})

        async def work(session: AsyncSession) -> tuple[list[Row], dict[Named, int], Progress, dt.datetime | None]:
            for record, warnings in zip(records, warned, strict=True):
                record.warnings = list(warnings)
            batch = Batch(session, self._actor, self._how, known)
            rows = await batch.decide(records)
            if not write:
                progress = Progress(self.progress.done + len(events), self.progress.counts)
            else:
                progress = _counted(self.progress, events, rows)
            if write and self._actor.import_id is not None:
                ids = await batch.write(rows, self._actor.import_id)
                return rows, ids, progress, await self._checkpoint(session, progress)
            ids = {named: own_id for named, own_id in batch.ids().items() if own_id > 0}
            return rows, ids, progress, self._lease

        rows, ids, self.progress, self._lease = await self._db.transact(work)
        self._ids.add(ids)
        return rows, known | ids

    async def _checkpoint(self, session: AsyncSession, progress: Progress) -> dt.datetime:
        """Store how far the run is; the end of its lease, which begins anew.

        Raises:
            leases.ImportBusy: somebody has taken the import over; the transaction is to write nothing.
        """
        counts = {kind: dict(each) for kind, each in progress.counts.items()}
        until = now() + leases.LEASE
        values = {"position": progress.done, "counts": counts, "claimed_until": until, "tries": 0}
        if not await leases.change(session, self._actor.import_id, self._lease, values):
            raise leases.ImportBusy(self._actor.import_id or 0, leases.LEASE.total_seconds())
        return until

    def _take_up(self, rows: Iterable[Row], ids: Mapping[Named, int]) -> None:
        for row in rows:
            own_id = ids.get((row.record.kind, row.record.key))
            if own_id is not None and row.later:
                self._later.add((row.record.kind, own_id, row.later, row.record.deleted_at is not None))
            if own_id is not None and row.record.relations and row.outcome is not Outcome.SKIPPED:
                self._related.add((row.record.kind, own_id, row.record.relations))

    def _tell(self, events: Iterable[Event], rows: Iterable[Row]) -> None:
        of_record = iter(rows)
        for event in events:
            row = next(of_record) if isinstance(event, Record) else None
            if row is not None and row.refusal is not None:
                self._told(row.refusal, Outcome.REFUSED)
            else:
                self._told(event, _outcome(event, row))

    async def _link(self) -> None:
        """Let records name others that came after them."""
        if self._actor.import_id is None:
            return
        later = iter(self._later)
        while group := [each for _, each in islice(later, BATCH)]:
            self._lease = await self._db.transact(lambda session, group=group: self._link_group(session, group))  # type: ignore[misc]  # bound now

    async def _link_group(self, session: AsyncSession, group: Sequence[linking.Wanted]) -> dt.datetime:
        ids = self._ids.of(linking.names_of(group))
        await self._note_links(session, await linking.link(session, self._actor, group, ids))
        return await self._checkpoint(session, self.progress)

    async def _relate(self) -> None:
        """Let records stand to others as the files say."""
        if self._actor.import_id is None:
            return
        related = iter(self._related)
        while group := [each for _, each in islice(related, BATCH)]:
            self._lease = await self._db.transact(lambda session, group=group: self._relate_group(session, group))  # type: ignore[misc]  # bound now

    async def _relate_group(self, session: AsyncSession, group: Sequence[Wanted]) -> dt.datetime:
        changed = await relate(session, self._actor, group, self._ids.of(names_of(group)))
        await self._note_links(session, [(each, {}) for each, _ in changed], {each.id: came for each, came in changed})
        return await self._checkpoint(session, self.progress)

    async def _note_links(
        self,
        session: AsyncSession,
        changed: Sequence[tuple[Aggregate, dict[str, Any]]],
        relations: Mapping[int, list[int]] = MappingProxyType({}),
    ) -> None:
        """Note what was there before records were linked, beside what was noted of them when they were written.

        Args:
            relations: {record: the relations that came}.
        """
        own = (ImportRow.import_id == self._actor.import_id) & ImportRow.party_id.in_([each.id for each, _ in changed])
        noted = {row.party_id: row for row in await session.scalars(select(ImportRow).where(own))}
        new = []
        for aggregate, before in changed:
            revision = aggregate.record.revision
            if (row := noted.get(aggregate.id)) is not None:
                row.revision = revision
                if row.before is not None:
                    added = row.before.get("added", {}) | _added(relations, aggregate.id)
                    row.before = {**row.before, "values": before | row.before.get("values", {}), "added": added}
                continue
            values = {"kind": aggregate.kind, "key": "", "party_id": aggregate.id, "digest": "", "revision": revision}
            linked = {
                "outcome": Outcome.UPDATED,
                "before": {"values": before, "added": _added(relations, aggregate.id)},
            }
            new.append({"import_id": self._actor.import_id, **values, **linked})
        if new:
            await session.execute(insert(ImportRow), new)

    async def _end(self, state: ImportState, fault: str | None, store: Store | None = None) -> bool:
        values = {"state": state, "fault": fault, "claimed_until": None, "finished_at": now()}

        async def work(session: AsyncSession) -> bool:
            is_ours = await leases.change(session, self._actor.import_id, self._lease, values)
            if is_ours and store is not None:
                await store(session)
            return is_ours

        return await self._db.transact(work)


def _added(relations: Mapping[int, list[int]], own_id: int) -> dict[str, list[int]]:
    return {"relations": relations[own_id]} if own_id in relations else {}


def _counted(progress: Progress, events: Sequence[Event], rows: Iterable[Row]) -> Progress:
    """The progress after these events."""
    counts = {kind: Counter(each) for kind, each in progress.counts.items()}
    told = Progress(progress.done + len(events), counts)
    of_record = iter(rows)
    for event in events:
        row = next(of_record) if isinstance(event, Record) else None
        told.count(event.kind if isinstance(event, Record) else None, _outcome(event, row))
    return told


def _outcome(event: Event, row: Row | None) -> Outcome:
    match event:
        case Refusal():
            return Outcome.REFUSED
        case Skipped():
            return Outcome.SKIPPED
        case Merged():
            return Outcome.MERGED
    assert row is not None  # noqa: S101 - each record has one
    return row.outcome
