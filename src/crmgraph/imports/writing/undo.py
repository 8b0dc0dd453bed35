"""Undo: what an import made goes, what it changed is as it was before; what others have touched since stays."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, exists, select, union, update
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Refused
from crmgraph.crm.models import Account, Contact, Import, ImportRow, ImportState, Note, Outcome, PartyKind, now
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import aggregates
from crmgraph.crm.records.aggregates import ROWS, Aggregate
from crmgraph.crm.records.change_log import Changes
from crmgraph.crm.records.edits import Edit, ExternalIdValue
from crmgraph.crm.records.sets import WriteSet
from crmgraph.crm.records.unit_of_work import Transaction
from crmgraph.db.database import Database
from crmgraph.imports.writing.leases import LEASE

BATCH = 1_000
"""Records that are undone in one transaction."""
MAX_LEFT = 100
"""Records that an undo leaves, of which is stored why."""
_ORDER = (PartyKind.LEAD, PartyKind.CONTACT, PartyKind.ACCOUNT)
"""Accounts come last: one stays while anybody belongs to it."""


@dataclass(slots=True)
class Undone:
    """What became of the records of an import.

    Attributes:
        reversed: how many are gone, or as they were before, those of an undo that was cut off among them.
        kept: [(where the record stands in the files, its kind, its id, why it stays)].
        failed: the same of those that could not be undone.
    """

    reversed: int = 0
    kept: list[tuple[str, PartyKind, int, str]] = field(default_factory=list)
    failed: list[tuple[str, PartyKind, int, str]] = field(default_factory=list)


def summary_of(done: Undone, *, dry_run: bool) -> dict[str, Any]:
    """What is stored of an undo, see `Import.undone`."""
    left = [
        {"at": at, "kind": kind.value, "id": own_id, "reason": why}
        for at, kind, own_id, why in (*done.kept, *done.failed)[:MAX_LEFT]
    ]
    counts = {"reversed": done.reversed, "kept": len(done.kept), "failed": len(done.failed)}
    return {**counts, "dry_run": dry_run, "left": left}


async def undo(
    db: Database,
    actor: Actor,
    import_id: int,
    *,
    dry_run: bool = False,
    progress: Callable[[int], None] = lambda n: None,
) -> Undone:
    """Undo an import that `leases.take_over` has claimed.

    Args:
        actor: with the id of the import.
        dry_run: only say what would become of the records.
        progress: told how many records are dealt with.
    """
    async with db.read() as session:
        told = Undone((await session.get_one(Import, import_id)).reversed)
    kept: frozenset[int] = frozenset()
    for kind in _ORDER:
        last = 0
        if kind is PartyKind.ACCOUNT:
            kept = await _kept_accounts(db, import_id)
        while True:
            of = _Group(import_id, kind, last, kept, dry_run)
            rows, part = await db.transact(lambda session, of=of: _undo_group(session, actor, of))  # type: ignore[misc]  # bound now
            if not rows:
                break
            last = rows[-1]
            told.reversed += part.reversed
            told.kept += part.kept
            told.failed += part.failed
            progress(len(rows))
    if not dry_run:
        async with db.begin() as session:
            # What could not be undone can be tried again.
            state = ImportState.UNDOING if told.failed else ImportState.UNDONE
            undone = summary_of(told, dry_run=False)
            given = {"state": state, "claimed_until": None, "finished_at": now(), "undone": undone}
            await session.execute(update(Import).where(Import.id == import_id).values(**given))
    return told


@dataclass(frozen=True, slots=True)
class _Group:
    """Records that are undone in one transaction.

    Attributes:
        last: the id of the row behind which they come.
        kept: accounts that stay, since somebody belongs to them.
    """

    import_id: int
    kind: PartyKind
    last: int
    kept: frozenset[int]
    dry_run: bool


async def _undo_group(session: AsyncSession, actor: Actor, of: _Group) -> tuple[list[int], Undone]:
    import_id, kind = of.import_id, of.kind
    query = select(ImportRow).where(ImportRow.import_id == import_id, ImportRow.kind == kind, ImportRow.id > of.last)
    rows = list(await session.scalars(query.order_by(ImportRow.id).limit(BATCH)))
    told = Undone()
    if not rows:
        return [], told
    unit = Transaction(session)
    written = WriteSet(unit, actor)
    loaded = await aggregates.load_for_change(unit, actor, kind, {row.party_id for row in rows}, parts=tuple(ROWS))
    busy: frozenset[int] = frozenset()
    if kind is PartyKind.ACCOUNT:
        busy = of.kept | await _named_accounts(session, import_id, [row.party_id for row in rows])
    await written.expect((kind, each, Edit()) for each in loaded.values())
    brought = await _brought_notes(session, rows)
    done = []
    for row in rows:
        aggregate = loaded.get(row.party_id)
        place = (row.at or row.key, kind, row.party_id)
        if aggregate is None:
            done.append(row)  # somebody has deleted it
        elif aggregate.record.revision != row.revision:
            told.kept.append((*place, "it was changed since"))
        elif row.outcome is Outcome.CREATED and row.party_id in busy:
            told.kept.append((*place, "contacts belong to it"))
        else:
            try:
                await _undo_row(written, aggregate, row)
                await _take_notes(session, written, actor, aggregate, brought.get(row.id, []))
            except Refused as refused:
                told.failed.append((*place, type(refused).__name__))
            else:
                told.reversed += 1
                done.append(row)
    if not of.dry_run:
        await written.write()
        for row in done:
            await session.delete(row)
        progress = {"claimed_until": now() + LEASE, "reversed": Import.reversed + told.reversed, "tries": 0}
        await session.execute(update(Import).where(Import.id == import_id).values(**progress))
    ids = [row.id for row in rows]
    return ids, told


async def _undo_row(written: WriteSet, aggregate: Aggregate, row: ImportRow) -> None:
    if row.outcome is Outcome.CREATED:
        written.remove(aggregate)
        return
    before = row.before or {}
    edit = Edit(
        {name: _read(aggregate.record, name, value) for name, value in before.get("values", {}).items()},
        extra_fields=before.get("extra_fields", {}),
    )
    for name, ids in before.get("added", {}).items():
        getattr(edit, name).remove = ids
    edit.external_ids.remove = [ExternalIdValue(*each) for each in before.get("external_ids", ())]
    await written.update(aggregate, edit)


async def _brought_notes(session: AsyncSession, rows: Sequence[ImportRow]) -> dict[int, list[Note]]:
    """{row: the notes that came with it}, of records that were there before."""
    told = {row.party_id: (row.id, row.before["notes"]) for row in rows if row.before and row.before.get("notes")}
    found: dict[int, list[Note]] = {}
    if told:
        for note in await session.scalars(select(Note).where(Note.party_id.in_(told)).order_by(Note.id)):
            row_id, contents = told[note.party_id]
            if note.content in contents:
                found.setdefault(row_id, []).append(note)
    return found


async def _take_notes(
    session: AsyncSession, written: WriteSet, actor: Actor, aggregate: Aggregate, notes: Sequence[Note]
) -> None:
    changes = Changes(actor)
    for note in notes:
        changes.removed(f"notes.{note.id}", note)
    if changes:
        written.note(aggregate.record, changes)
    for note in notes:
        await session.delete(note)


def _read(record: Any, name: str, value: Any) -> Any:
    """A value as it was stored, from JSON."""
    if value is None:
        return None
    type_ = type(record).__table__.c[name].type.python_type
    if type_ is Decimal:
        return Decimal(value)
    if type_ is dt.date:
        return dt.date.fromisoformat(value)
    return value


def _goes(import_id: int, model: Any) -> ColumnElement[bool]:
    """Whether a record of the import goes too, since nobody has touched it."""
    own = (ImportRow.import_id == import_id) & (ImportRow.party_id == model.id)
    return exists().where(own, ImportRow.outcome == Outcome.CREATED, ImportRow.revision == model.revision)


async def _named_accounts(session: AsyncSession, import_id: int, ids: Sequence[int]) -> set[int]:
    """Those accounts that live contacts, or other live accounts, belong to which do not go too."""
    contacts = select(Contact.account_id).where(Contact.account_id.in_(ids), Contact.deleted_at.is_(None))
    accounts = select(Account.parent_id).where(Account.parent_id.in_(ids), Account.deleted_at.is_(None))
    found = union(contacts.where(~_goes(import_id, Contact)), accounts.where(~_goes(import_id, Account)))
    return {own_id for own_id in await session.scalars(found) if own_id is not None}


async def _kept_accounts(db: Database, import_id: int) -> frozenset[int]:
    """The accounts that stay because of whoever belongs to them, and all above them."""
    made = select(ImportRow.party_id).where(ImportRow.import_id == import_id, ImportRow.kind == PartyKind.ACCOUNT)
    contacts = select(Contact.account_id.label("id")).where(Contact.account_id.in_(made), Contact.deleted_at.is_(None))
    accounts = select(Account.parent_id).where(Account.parent_id.in_(made), Account.deleted_at.is_(None))
    named = union(contacts.where(~_goes(import_id, Contact)), accounts.where(~_goes(import_id, Account))).subquery()
    kept = select(named.c.id).cte("kept", recursive=True)
    above = select(Account.parent_id).join(kept, Account.id == kept.c.id).where(Account.parent_id.is_not(None))
    kept = kept.union(above)
    async with db.read() as session:
        return frozenset(await session.scalars(select(kept.c.id)))
