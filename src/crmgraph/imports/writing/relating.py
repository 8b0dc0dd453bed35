"""Relations of records to others, which are written once all records are there."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import HeldUpstream
from crmgraph.crm.models import PartyKind
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import aggregates, external_ids
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.edits import Edit, RowEdits, Stamp
from crmgraph.crm.records.sets import WriteSet
from crmgraph.crm.records.unit_of_work import Transaction
from crmgraph.imports.records import Ref, Related, StoredRef
from crmgraph.imports.writing.edits import external_id
from crmgraph.imports.writing.ids import Named

Wanted: TypeAlias = tuple[PartyKind, int, list[Related]]
"""A record, and how it stands to others."""


def names_of(group: Sequence[Wanted]) -> set[Named]:
    """The records of the files that are named."""
    return {(each.to.kind, each.to.key) for _, _, named in group for each in named if isinstance(each.to, Ref)}


async def relate(
    session: AsyncSession, actor: Actor, group: Sequence[Wanted], ids: Mapping[Named, int]
) -> list[tuple[Aggregate, list[int]]]:
    """Write the relations that records have not yet. What is wrong with one costs the relation.

    Args:
        ids: of the records `names_of` these.

    Returns:
        Each record that has changed, and the ids of the relations that came.
    """
    externals = {external_id(each.to.external) for _, _, n in group for each in n if isinstance(each.to, StoredRef)}
    stored = await external_ids.parties(session, externals) if externals else {}
    unit = Transaction(session)
    written = WriteSet(unit, actor)
    changed: list[tuple[Aggregate, set[int]]] = []
    for kind in (PartyKind.CONTACT, PartyKind.ACCOUNT):
        wanted = {own_id: named for of_kind, own_id, named in group if of_kind is kind}
        parts = ("relations",)
        loaded = await aggregates.load_for_change(unit, actor, kind, wanted, parts=parts) if wanted else {}
        planned = []
        for own_id, aggregate in loaded.items():
            known = [(row.kind, row.other_id, row.given) for row in aggregate.relations]
            rows = []
            for each in wanted[own_id]:
                other = _other(each, ids, stored)
                if (each.to is None or other is not None) and (each.kind, other, each.given) not in known:
                    rows.append({"kind": each.kind, "other_id": other, "given": each.given})
            planned.append((kind, aggregate, Edit(relations=RowEdits(add=rows))))
        await written.expect(planned)
        for _, aggregate, edit in planned:
            faults = await written.faults_of(kind, aggregate, edit)
            bad = {index for fault in faults for index in fault.path[2:3]}
            edit.relations.add = [row for n, row in enumerate(edit.relations.add) if n not in bad]
            before = {row.id for row in aggregate.relations}
            stamp = Stamp(updated_at=aggregate.record.updated_at)
            with suppress(HeldUpstream):  # it stays as it is where it came from
                if await written.update(aggregate, edit, stamp=stamp):
                    changed.append((aggregate, before))
    await written.write()
    return [(each, [row.id for row in each.relations if row.id not in before]) for each, before in changed]


def _other(related: Related, ids: Mapping[Named, int], stored: Mapping[Any, int]) -> int | None:
    match related.to:
        case Ref(kind, key):
            return ids.get((kind, key))
        case StoredRef(_, external):
            return stored.get(external_id(external))
    return None
