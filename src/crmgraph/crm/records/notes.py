"""Notes that staff write on records. Each that comes, changes or goes is a change of its record."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm import idempotency
from crmgraph.crm.errors import Invalid, Missing, NotFound, Refused, refuse
from crmgraph.crm.models import Action, Note, Party, PartyKind, Staff, now
from crmgraph.crm.policy import MODELS, Actor, require_staff, visible
from crmgraph.crm.records import aggregates, local_changes
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.change_log import Changes, touch
from crmgraph.crm.records.leads import require_unlocked
from crmgraph.crm.records.rules import check_extra_fields
from crmgraph.crm.values.text import fault_of, is_blank


@dataclass(frozen=True, slots=True)
class Noted:
    """A note with the record that it is written on."""

    note: Note
    kind: PartyKind
    record: Any


async def of_record(
    session: AsyncSession,
    actor: Actor,
    kind: PartyKind,
    party_id: int,
    *,
    since: dt.datetime | None = None,
    offset: int = 0,
    limit: int = 200,
) -> tuple[list[Noted], bool]:
    """A page of the notes on one record, the newest first, and whether there are more.

    Args:
        since: those that were changed at this moment or later.

    Raises:
        NotFound: the record does not exist for the actor.
        Unauthenticated, Forbidden: the actor is not staff.
    """
    require_staff(actor)
    model: Any = MODELS[kind]
    record = await session.scalar(select(model).where(model.id == party_id, visible(actor, model)))
    if record is None:
        raise NotFound
    query = select(Note).where(Note.party_id == party_id).order_by(Note.id.desc()).offset(offset).limit(limit + 1)
    if since is not None:
        query = query.where(Note.updated_at >= since)
    found = [Noted(note, kind, record) for note in await session.scalars(query)]
    return found[:limit], len(found) > limit


async def page(
    session: AsyncSession,
    actor: Actor,
    *,
    since: dt.datetime | None = None,
    offset: int = 0,
    limit: int = 200,
    only: Collection[int] | None = None,
    oldest_first: bool = False,
) -> tuple[list[Noted], bool]:
    """A page of the notes on all live records, the newest first, and whether there are more.

    Args:
        since: those that were changed at this moment or later.
        only: ids of notes; those that are not there are left out.
        oldest_first: whether they come the other way round.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
    """
    require_staff(actor)
    query = select(Note.id)
    live = [Note.party_id.in_(select(model.id).where(visible(actor, model))) for model in MODELS.values()]
    by_id = Note.id if oldest_first else Note.id.desc()
    query = query.where(live[0] | live[1] | live[2]).order_by(by_id).offset(offset).limit(limit + 1)
    if since is not None:
        query = query.where(Note.updated_at >= since)
    if only is not None:
        query = query.where(Note.id.in_(only))
    ids = list(await session.scalars(query))
    found = await _load(session, actor, ids[:limit])
    return found[::-1] if oldest_first else found, len(ids) > limit


async def _load(session: AsyncSession, actor: Actor, ids: Collection[int]) -> list[Noted]:
    rows = await session.execute(
        select(Note, Party.kind).join(Party, Party.id == Note.party_id).where(Note.id.in_(ids)).order_by(Note.id.desc())
    )
    found = [(note, kind) for note, kind in rows]
    records: dict[int, Any] = {}
    for kind in {kind for _, kind in found}:
        model: Any = MODELS[kind]
        wanted = {note.party_id for note, of in found if of is kind}
        for record in await session.scalars(select(model).where(model.id.in_(wanted), visible(actor, model))):
            records[record.id] = record
    return [Noted(note, kind, records[note.party_id]) for note, kind in found if note.party_id in records]


async def get(session: AsyncSession, actor: Actor, note_id: int) -> Noted:
    """One note.

    Raises:
        NotFound: there is none, or its record does not exist for the actor.
        Unauthenticated, Forbidden: the actor is not staff.
    """
    require_staff(actor)
    for found in await _load(session, actor, [note_id]):
        return found
    raise NotFound


async def called(session: AsyncSession, dialect: str, names: Collection[str]) -> dict[str, int]:
    """{what a note is called in a dialect: its id}, of those names that any note has; one statement."""
    query = select(Note.external_id, Note.id).where(Note.dialect == dialect, Note.external_id.in_(names))
    return {name: own for name, own in await session.execute(query) if name is not None}


async def lock(session: AsyncSession, actor: Actor, note_id: int) -> tuple[Note, Aggregate]:
    """One note and its record, both for writing until the transaction ends.

    Raises:
        NotFound, Unauthenticated, Forbidden: see `get`.
        Locked: a process holds the record.
    """
    found = await get(session, actor, note_id)
    loaded = await aggregates.load(session, actor, found.kind, [found.record.id], lock=True, parts=())
    note = await session.get(Note, note_id, with_for_update=True, populate_existing=True)
    if note is None or note.party_id not in loaded:
        raise NotFound
    require_unlocked(loaded[note.party_id].record)
    return note, loaded[note.party_id]


async def add(session: AsyncSession, actor: Actor, aggregate: Aggregate, values: dict[str, Any]) -> Note:
    """Write a note on a record that was loaded with `lock`.

    Args:
        values: content, and where wanted title, owner_id (the actor's staff member by default) and extra_fields.

    Raises:
        Refused: everything that is wrong with the values; or the actor may not.
    """
    require_staff(actor)
    require_unlocked(aggregate.record)
    values = {"owner_id": actor.staff_id, "extra_fields": {}, **values}
    refuse(await faults_of(session, values, creating=True))
    await local_changes.require_free(session, actor, [aggregate.id])
    at = now()
    note = Note(
        party_id=aggregate.id,
        created_at=at,
        updated_at=at,
        created_by_id=actor.staff_id,
        modified_by_id=actor.staff_id,
        **values,
    )
    session.add(note)
    await session.flush()
    changes = Changes(actor)
    changes.added(f"notes.{note.id}", note)
    await _write(session, actor, aggregate, changes)
    return note


async def change(session: AsyncSession, actor: Actor, note: Note, aggregate: Aggregate, values: dict[str, Any]) -> bool:
    """Change a note that was locked with its record; whether anything changed.

    Args:
        values: title, content, owner_id, extra_fields (merged key by key). Absent keeps, None clears.

    Raises:
        Refused: everything that is wrong with the values; or the actor may not.
    """
    require_staff(actor)
    refuse(await faults_of(session, values, creating=False))
    await local_changes.require_free(session, actor, [aggregate.id])
    changes = Changes(actor)
    for name, value in values.items():
        if name == "extra_fields":
            note.extra_fields = changes.extra_fields(note.extra_fields, value, f"notes.{note.id}.remainder")
        else:
            changes.column(f"notes.{note.id}.{name}", getattr(note, name), value)
            setattr(note, name, value)
    if not changes:
        return False
    note.updated_at = max(now(), note.updated_at)
    note.modified_by_id = actor.staff_id
    await _write(session, actor, aggregate, changes)
    return True


async def remove(session: AsyncSession, actor: Actor, note: Note, aggregate: Aggregate) -> None:
    """Take a note that was locked with its record away.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
    """
    require_staff(actor)
    changes = Changes(actor)
    await local_changes.require_free(session, actor, [aggregate.id])
    changes.removed(f"notes.{note.id}", note)
    await session.delete(note)
    await _write(session, actor, aggregate, changes)


async def _write(session: AsyncSession, actor: Actor, aggregate: Aggregate, changes: Changes) -> None:
    await idempotency.claim(session)
    touch(aggregate.record, actor)
    changes.write(session, aggregate.record, Action.UPDATED)
    await session.flush()


async def faults_of(session: AsyncSession, values: dict[str, Any], *, creating: bool) -> list[Refused]:
    """Everything that is wrong with the values of a note, whatever record it is on; blank ones become None.

    Args:
        creating: whether the text has to be there.
    """
    faults: list[Refused] = []
    for name in ("title", "content"):
        value = values.get(name)
        if value is None:
            if name == "content" and (creating or name in values):
                faults.append(Missing((name,)))
        elif not isinstance(value, str):
            faults.append(Invalid((name,), "type"))
        elif is_blank(value):
            values[name] = None
            if name == "content":
                faults.append(Missing((name,)))
        elif fault := fault_of(value, line=name == "title"):
            faults.append(Invalid((name,), *fault))
    if (owner := values.get("owner_id")) is not None:
        known = await session.scalar(select(Staff.id).where(Staff.id == owner, Staff.active.is_(True)))
        if known is None:
            faults.append(Invalid(("owner_id",), "reference"))
    faults += check_extra_fields(values.get("extra_fields", {}), ())
    return faults
