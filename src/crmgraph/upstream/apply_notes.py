"""Applying notes that an old CRM tells: each is a change of its record, which keeps the time of its own last change."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Refused
from crmgraph.crm.models import Door, Note, Outcome, PartyKind
from crmgraph.crm.policy import Actor
from crmgraph.crm.query import snapshots
from crmgraph.crm.records import aggregates, external_ids, notes
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.change_log import Changes, RowPath
from crmgraph.crm.records.edits import Edit, Stamp
from crmgraph.crm.records.sets import WriteSet
from crmgraph.crm.records.unit_of_work import Transaction
from crmgraph.rest.pulling import PulledNote, Pulling
from crmgraph.upstream.apply import LOOKUP, Applying, Fault, actor_of

AppliedNote: TypeAlias = tuple[PulledNote, Outcome, Fault | None]
"""A note, what became of it, and why nothing did."""


class ApplyingNotes:
    """Applies notes in one transaction.

    Args:
        applying: knows the staff.
    """

    def __init__(
        self, session: AsyncSession, door: Door, pulling: Pulling, region: str | None, applying: Applying
    ) -> None:
        self._session = session
        self._dialect = door.dialect
        self._pulling = pulling
        self._actor: Actor = actor_of(region)
        self._applying = applying

    async def notes(self, told: Sequence[PulledNote]) -> list[AppliedNote]:
        """Bring notes up to date, of one that comes twice as it comes last; what became of each."""
        pulled = list({each.id: each for each in told}.values())
        people = [p for each in pulled for p in (each.owner, each.created_by, each.modified_by) if p is not None]
        staff = await self._applying.people(people)
        kept = await self._kept([each.id for each in pulled])
        records = await self._records(pulled, kept)
        written = WriteSet(Transaction(self._session), self._actor)
        done: list[AppliedNote] = []
        new: dict[int, tuple[Aggregate, list[dict[str, Any]]]] = {}
        for each in pulled:
            aggregate = records.get(each.on)
            if aggregate is None:
                done.append((each, Outcome.REFUSED, Fault(LOOKUP, "Parent_Id: names what is not here")))
                continue
            values: dict[str, Any] = {"title": each.title, "content": each.content}
            creating = each.id not in kept
            if faults := await notes.faults_of(self._session, values, creating=True):
                done.append((each, Outcome.REFUSED, _fault(faults[0])))
                continue
            values |= _stamps(each, staff)
            if creating:
                new.setdefault(aggregate.id, (aggregate, []))[1].append(values)
                done.append((each, Outcome.CREATED, None))
            else:
                changed = self._change(written, aggregate, kept[each.id], values)
                done.append((each, Outcome.UPDATED if changed else Outcome.UNCHANGED, None))
        for aggregate, rows in new.values():
            rows = [row | {"dialect": self._dialect} for row in rows]
            await written.update(aggregate, Edit(notes=rows), stamp=_as_it_was(aggregate), checked=True)
        await written.write()
        return done

    def _change(self, written: WriteSet, aggregate: Aggregate, note: Note, values: Mapping[str, Any]) -> bool:
        changes = Changes(self._actor)
        for name, value in {"party_id": aggregate.id, **values}.items():
            changes.column(RowPath("notes", note) / name, getattr(note, name), value)
            setattr(note, name, value)
        if changes:
            written.touch(note)
            written.note(aggregate.record, changes, stamp=_as_it_was(aggregate))
        return bool(changes)

    async def gone(self, ids: Collection[str]) -> int:
        """Take those of these notes away that are here; how many."""
        kept = await self._kept(ids)
        wanted: dict[int, list[Note]] = {}
        for note in kept.values():
            wanted.setdefault(note.party_id, []).append(note)
        written = WriteSet(Transaction(self._session), self._actor)
        for aggregate in (await self._load(wanted)).values():
            changes = Changes(self._actor)
            for note in wanted[aggregate.id]:
                changes.removed(RowPath("notes", note), note)
                written.leave_out(note)
            written.note(aggregate.record, changes, stamp=_as_it_was(aggregate))
        await written.write()
        return len(kept)

    async def _kept(self, ids: Collection[str]) -> dict[str, Note]:
        if not ids:
            return {}
        named = (Note.dialect == self._dialect) & Note.external_id.in_(ids)
        return {note.external_id: note for note in await snapshots.lock(self._session, Note, named)}

    async def _records(
        self, pulled: Sequence[PulledNote], kept: Mapping[str, Note]
    ) -> dict[tuple[PartyKind, str], Aggregate]:
        """The records that notes are on, locked."""
        space = self._pulling.space
        found = await external_ids.resolve(self._session, self._dialect, {(space, each.on[1]) for each in pulled})
        loaded = await self._load(found.values())
        records = {}
        for each in pulled:
            kind, value = each.on
            aggregate = loaded.get(found.get((space, value), 0))
            if aggregate is not None and aggregate.kind is kind:
                records[each.on] = aggregate
        return records

    async def _load(self, ids: Collection[int]) -> dict[int, Aggregate]:
        unit, found = Transaction(self._session), dict[int, Aggregate]()
        for kind in PartyKind:
            if left := set(ids) - found.keys():
                found |= await aggregates.load_for_change(unit, self._actor, kind, left, parts=())
        return found


def _stamps(note: PulledNote, staff: Mapping[str, int]) -> dict[str, Any]:
    def own(name: str) -> int | None:
        person = getattr(note, name)
        return None if person is None else staff.get(person.id)

    values = {
        "external_id": note.id,
        "owner_id": own("owner"),
        "created_by_id": own("created_by"),
        "modified_by_id": own("modified_by"),
    }
    times = {"created_at": note.created_at, "updated_at": note.updated_at or note.created_at}
    return values | {name: at for name, at in times.items() if at is not None}


def _as_it_was(aggregate: Aggregate) -> Stamp:
    """A stamp that leaves the record the time of its last change."""
    return Stamp(updated_at=aggregate.record.updated_at, state={})


def _fault(refused: Refused) -> Fault:
    return Fault(type(refused).__name__.upper(), f"{'.'.join(map(str, refused.path))}: {type(refused).__name__}")


async def held_ids(session: AsyncSession, dialect: str) -> set[str]:
    """What the notes here are called in a dialect."""
    return {name for name in await session.scalars(select(Note.external_id).where(Note.dialect == dialect)) if name}
