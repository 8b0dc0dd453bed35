"""Undo: what an import made goes, what it changed is as it was before; what others have touched since stays."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Refused
from crmgraph.crm.models import Account, Contact, Import, ImportRow, ImportState, Outcome, PartyKind, now
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import aggregates
from crmgraph.crm.records.aggregates import ROWS, Aggregate
from crmgraph.crm.records.edits import Edit, ExternalIdValue
from crmgraph.crm.records.sets import WriteSet
from crmgraph.crm.records.unit_of_work import Transaction
from crmgraph.db.database import Database
from crmgraph.imports.writing.leases import LEASE

BATCH = 1_000
"""Records that are undone in one transaction."""
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
    for kind in _ORDER:
        last = 0
        while True:
            rows, part = await db.transact(
                lambda session, kind=kind, last=last: _group(session, actor, import_id, kind, last, dry_run)  # type: ignore[misc]  # bound now
            )
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
            given = {"state": state, "claimed_until": None, "finished_at": now()}
            await session.execute(update(Import).where(Import.id == import_id).values(**given))
    return told


async def _group(
    session: AsyncSession, actor: Actor, import_id: int, kind: PartyKind, last: int, dry_run: bool
) -> tuple[list[int], Undone]:
    query = select(ImportRow).where(ImportRow.import_id == import_id, ImportRow.kind == kind, ImportRow.id > last)
    rows = list(await session.scalars(query.order_by(ImportRow.id).limit(BATCH)))
    told = Undone()
    if not rows:
        return [], told
    unit = Transaction(session)
    written = WriteSet(unit, actor)
    parts = [name for name in ROWS if name != "relations"]
    loaded = await aggregates.load_for_change(unit, actor, kind, {row.party_id for row in rows}, parts=parts)
    busy = await _named_accounts(session, [row.party_id for row in rows]) if kind is PartyKind.ACCOUNT else set()
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
            except Refused as refused:
                told.failed.append((*place, type(refused).__name__))
            else:
                told.reversed += 1
                done.append(row)
    if not dry_run:
        await written.write()
        for row in done:
            await session.delete(row)
        progress = {"claimed_until": now() + LEASE, "reversed": Import.reversed + told.reversed}
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


async def _named_accounts(session: AsyncSession, ids: Sequence[int]) -> set[int]:
    """Those accounts that live contacts or other live accounts belong to."""
    contacts = select(Contact.account_id).where(Contact.account_id.in_(ids), Contact.deleted_at.is_(None))
    accounts = select(Account.parent_id).where(Account.parent_id.in_(ids), Account.deleted_at.is_(None))
    accounts = accounts.where(Account.id.not_in(ids))
    return {*await session.scalars(contacts), *await session.scalars(accounts)} - {None}
