"""Undoing a conversion: the lead is a lead again, and what came of it is as it was before.

It is undone as a whole or not at all: where anything that it wrote has changed since, it is refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy import update as update_rows
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Conflicting, Invalid, NotFound, Refused, Stale, refuse
from crmgraph.crm.models import (
    Action,
    ConvertedLead,
    ConvertedNote,
    Lead,
    Note,
    PartyKind,
    Photo,
    Relation,
    now,
    values_of,
)
from crmgraph.crm.policy import KINDS, MODELS, Actor, require_staff
from crmgraph.crm.query import snapshots
from crmgraph.crm.records import keys
from crmgraph.crm.records.aggregates import PARTS, ROWS, Aggregate, find_one_for_change, load_for_change
from crmgraph.crm.records.change_log import Changes, stored
from crmgraph.crm.records.checks import stale
from crmgraph.crm.records.edits import Edit, RowEdits
from crmgraph.crm.records.lead_values import lead_of
from crmgraph.crm.records.leads import require_unlocked
from crmgraph.crm.records.merging.moves import NAMING
from crmgraph.crm.records.merging.unmerge import UNDONE_FOR
from crmgraph.crm.records.sets import WriteSet
from crmgraph.crm.records.unit_of_work import Transaction

_PATH = ("lead",)
_AS_IT_IS = {"synchronize_session": False}


@dataclass(slots=True)
class Unconversion:
    """What became of it, or in a dry run would become.

    Attributes:
        lead: which is one again.
        restored: the known records that were written into, as they were.
        deleted: (kind, id) of the records that the conversion had made.
    """

    lead: Aggregate
    restored: list[Aggregate] = field(default_factory=list)
    deleted: list[tuple[PartyKind, int]] = field(default_factory=list)


async def unconvert(
    session: AsyncSession,
    actor: Actor,
    lead_id: int | None,
    *,
    if_revision: int | None = None,
    dry_run: bool = False,
    faults: Iterable[Refused] = (),
) -> Unconversion:
    """Undo the conversion of a lead, while nothing has changed since of what it wrote.

    Args:
        lead_id: None where a fault says why it is not known.
        if_revision: the revision of the lead that the caller read; another one now is refused.
        dry_run: find every fault, tell what would be, and change nothing.
        faults: what is wrong with the request already.

    Raises:
        NotFound: no such lead.
        Locked: a process holds it.
        Invalid: `not_converted`; `settled`, it was converted longer ago than `UNDONE_FOR`, or elsewhere.
        Stale: the lead has another revision than the caller read; or, of `lead`, a record of the conversion has
            another one than that had left, or was deleted or merged.
        Conflicting: something names a record that would go, which was not there when it was made.
        Unauthenticated, Forbidden: the actor is not staff.
    """
    require_staff(actor)
    refuse(list(faults))
    if not dry_run:
        return await _unconvert(session, actor, lead_id, if_revision)
    async with session.begin_nested() as savepoint:
        done = await _unconvert(session, actor, lead_id, if_revision)
        await savepoint.rollback()
    return done


async def _unconvert(session: AsyncSession, actor: Actor, lead_id: int | None, if_revision: int | None) -> Unconversion:
    # Locked in the order in which a conversion does: the lead, the contact, the account.
    unit = Transaction(session)
    lead = None if lead_id is None else await find_one_for_change(unit, actor, PartyKind.LEAD, lead_id)
    if lead is None:
        raise NotFound(_PATH)
    require_unlocked(lead.record)
    faults = stale(lead.record, if_revision)
    kept = await _kept(session, lead_of(lead), faults)
    if not faults and lead.record.revision != kept["lead"]:
        faults.append(_changed(lead.record, kept["lead"]))
    found = []
    for kind in (PartyKind.CONTACT, PartyKind.ACCOUNT):
        before = kept[kind.value.lower()]
        if before is None:
            continue
        record = await _unchanged(session, actor, kind, before, faults)
        if record is not None:
            found.append((record, before))
    contact_id, going = kept["contact"]["id"], [lead.id, *(each.id for each, _ in found)]
    for record, before in found:
        if before["made"] and await _is_named(session, record, going):
            faults.append(Conflicting(_PATH, record.id, record.kind.value))
    refuse(faults)

    done = Unconversion(lead)
    written = WriteSet(unit, actor)
    changes, returned = Changes(actor), Changes(actor)
    own_notes = select(ConvertedNote.note_id).where(ConvertedNote.lead_id == lead.id)
    mine = Note.id.in_(own_notes), Note.party_id == contact_id
    for note_id in await session.scalars(select(Note.id).where(*mine).order_by(Note.id)):
        for noted in (changes, returned):
            noted.column(f"notes.{note_id}.party_id", contact_id, lead.id)
    contact = found[0][0]
    photo = contact.photo if kept["photo"] else None
    if photo is not None:
        changes.replaced("photo", None, photo.file_name)
        returned.replaced("photo", photo.file_name, None)
    for record, before in found:
        if before["made"]:
            written.remove(record)
            done.deleted.append((record.kind, record.id))
            continue
        changed = await written.update(record, _back(record, before), checked=True)
        if record is contact and returned and not changed:
            written.note(record.record, returned)
        done.restored.append(record)
    own = lead_of(lead)
    for name in ("converted_at", "converted_contact_id", "converted_account_id"):
        changes.column(name, getattr(own, name), None)
        setattr(own, name, None)
    keys.derive(own)
    written.note(own, changes, Action.UNCONVERTED)
    await written.write()
    moves = [update_rows(Note).where(*mine)]
    if photo is not None:
        moves.append(update_rows(Photo).where(Photo.party_id == contact_id))
        lead.photo, contact.photo = Photo(**{**values_of(photo), "party_id": lead.id}), None
    for each in moves:
        await session.execute(each.values(party_id=lead.id), execution_options=_AS_IT_IS)
    for model in (ConvertedNote, ConvertedLead):
        await session.execute(delete(model).where(model.lead_id == lead.id), execution_options=_AS_IT_IS)
    return done


async def _kept(session: AsyncSession, lead: Lead, faults: list[Refused]) -> dict[str, Any]:
    """What the conversion of a lead has left to undo it by.

    Raises:
        Refused: nothing, with what is wrong already.
    """
    if lead.converted_at is None:
        refuse([*faults, Invalid(_PATH, "not_converted")])
    recent = ConvertedLead.lead_id == lead.id, ConvertedLead.at >= now() - UNDONE_FOR
    kept: dict[str, Any] | None = await session.scalar(select(ConvertedLead.before).where(*recent))
    if kept is None:
        refuse([*faults, Invalid(_PATH, "settled")])
    assert kept is not None  # noqa: S101 - refused otherwise
    return kept


def _changed(record: Any, since: int) -> Stale:
    return Stale(_PATH, record.revision, since, record, KINDS[type(record)].value)


async def _unchanged(
    session: AsyncSession, actor: Actor, kind: PartyKind, before: dict[str, Any], faults: list[Refused]
) -> Aggregate | None:
    """A record of the conversion, locked, and the fault of one that has changed, or is gone."""
    parts = (*PARTS, "relations", "login")
    loaded = await load_for_change(Transaction(session), actor, kind, [before["id"]], parts=parts)
    record = loaded.get(before["id"])
    if record is None:
        model = MODELS[kind]
        (gone,) = await snapshots.lock(session, model, model.id == before["id"])
        faults.append(_changed(gone, before["revision"]))
    elif record.record.revision != before["revision"]:
        faults.append(_changed(record.record, before["revision"]))
    return record


async def _is_named(session: AsyncSession, record: Aggregate, beside: list[int]) -> bool:
    """Whether anything names a record that is to go, or comes in by it, but for the other records of the conversion."""
    if record.login is not None:
        return True
    for column in NAMING[record.kind]:
        model = column.class_
        if model is Note:
            continue
        query = select(func.count()).select_from(model).where(column == record.id)
        if model is Relation:
            query = query.where(model.party_id.not_in(beside))
        elif hasattr(model, "deleted_at"):
            query = query.where(model.id.not_in(beside), model.deleted_at.is_(None))
        if await session.scalar(query):
            return True
    return False


def _back(record: Aggregate, before: dict[str, Any]) -> Edit:
    """The edit that takes out of a known record what the conversion brought, and brings back what it replaced."""
    model = type(record.record)
    edit = Edit(
        {name: stored(model, name, old) for name, old in before["values"].items()},
        extra_fields=before["extra_fields"],
    )
    for part in ROWS:
        setattr(edit, part, RowEdits(remove=before["added"].get(part, [])))
    return edit
