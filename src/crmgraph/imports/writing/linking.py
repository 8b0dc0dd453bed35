"""References of records to others that came after them, which are written once all records are there."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import HeldUpstream
from crmgraph.crm.models import Account, Contact, PartyKind
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import aggregates
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.edits import Edit, Stamp
from crmgraph.crm.records.sets import WriteSet
from crmgraph.crm.records.unit_of_work import Transaction
from crmgraph.imports.records import Ref
from crmgraph.imports.writing.ids import Named

Wanted: TypeAlias = tuple[PartyKind, int, dict[str, Ref], bool]
"""A record, {column: what it names}, and whether the files say that it was deleted."""


def names_of(group: Sequence[Wanted]) -> set[Named]:
    """The records of the files that are named."""
    return {(ref.kind, ref.key) for _, _, refs, _ in group for ref in refs.values()}


async def link(
    session: AsyncSession, actor: Actor, group: Sequence[Wanted], ids: Mapping[Named, int]
) -> list[tuple[Aggregate, dict[str, Any]]]:
    """Let records name others.

    Args:
        ids: of the records `names_of` these.

    Returns:
        Each record that has changed, and {column: what it held before}.
    """
    unit = Transaction(session)
    written = WriteSet(unit, actor)
    gone = await _deleted(session, ids.values())
    changed = []
    for kind in (PartyKind.LEAD, PartyKind.CONTACT, PartyKind.ACCOUNT):
        wanted = {own_id: (refs, is_gone) for of_kind, own_id, refs, is_gone in group if of_kind is kind}
        if not wanted:
            continue
        loaded = await aggregates.load_for_change(unit, actor, kind, wanted, parts=(), deleted=True)
        planned = []
        states: dict[int, dict[str, Any]] = {}
        for own_id, aggregate in loaded.items():
            refs, is_gone = wanted[own_id]
            if aggregate.record.deleted_at is not None and not is_gone:
                continue  # somebody has deleted it meanwhile
            named = {column: found for column, ref in refs.items() if (found := ids.get((ref.kind, ref.key)))}
            # What only processes write, and what names records that nobody can name any more, is as it was elsewhere.
            unchecked = {
                name for name, found in named.items() if is_gone or found in gone or name.startswith("converted")
            }
            states[own_id] = {name: named.pop(name) for name in unchecked}
            planned.append((kind, aggregate, Edit(named)))
        await written.expect(planned)
        for _, aggregate, edit in planned:
            # A circle in the files: the record stays without it.
            for fault in await written.faults_of(kind, aggregate, edit):
                edit.values.pop(str(fault.path[0]), None)
            state = states[aggregate.id]
            before = {name: getattr(aggregate.record, name) for name in (*edit.values, *state)}
            stamp = Stamp(updated_at=aggregate.record.updated_at, state=state or None)
            with suppress(HeldUpstream):  # it stays as it is where it came from
                if await written.update(aggregate, edit, stamp=stamp):
                    changed.append((aggregate, before))
    await written.write()
    return changed


async def _deleted(session: AsyncSession, ids: Collection[int]) -> set[int]:
    """Those of these records that are deleted."""
    found: set[int] = set()
    models: tuple[Any, ...] = (Account, Contact)
    for model in models if ids else ():
        found |= set(await session.scalars(select(model.id).where(model.id.in_(ids), model.deleted_at.is_not(None))))
    return found
