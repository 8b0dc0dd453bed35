"""Checks: everything that is wrong with an edit, found before anything is written."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Invalid, Refused, Stale, Taken, refuse
from crmgraph.crm.models import PartyKind, Staff
from crmgraph.crm.policy import IDENTITY_DOCUMENTS, KINDS, MODELS, Actor, Record, check_change, check_documents, visible
from crmgraph.crm.query.references import REFERENCES, hidden
from crmgraph.crm.records import numbers
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.contact_points import check_rows
from crmgraph.crm.records.edits import Edit
from crmgraph.crm.records.hierarchies import HIERARCHIES, check_circle
from crmgraph.crm.records.relations import check_relations
from crmgraph.crm.records.rules import check_edit
from crmgraph.crm.records.unit_of_work import UnitOfWork


async def faults_of(
    unit: UnitOfWork, actor: Actor, kind: PartyKind, aggregate: Aggregate | None, edit: Edit
) -> list[Refused]:
    """Everything that is wrong with an edit, whose values are brought into the form the store keeps.

    Args:
        aggregate: the record that it is to change, loaded as for `update`; None for a new one.
    """
    model = MODELS[kind]
    if aggregate is None:
        session = await unit.transaction()
        faults = check_edit(model, edit, creating=True)
        faults += check_documents(actor, model, edit.values)
        faults += await unknown_references(session, actor, model, edit.values)
        faults += await _check_number(session, model, edit.values, None)
        return faults + await check_relations(session, actor, edit.relations)
    record = aggregate.record
    faults = check_edit(model, edit, creating=False, record=record)
    references = REFERENCES[model].keys()
    for name in sorted(await hidden(unit.session, record, edit.values)) if references & edit.values.keys() else ():
        if edit.values[name] is None:
            del edit.values[name]  # what is sent back as it is seen changes nothing
        else:
            faults.append(Invalid((name,), "reference"))
    changed = changed_values(record, edit)
    # What a caller may not see counts as changed even where it is the same: else a guess could be confirmed.
    guessed = {name: value for name, value in edit.values.items() if name in IDENTITY_DOCUMENTS}
    forbidden = check_change(actor, record, guessed | changed if actor.is_staff else changed)
    faults += forbidden
    # Nor is it told of what they may not change whether it would have been taken.
    changed = {name: value for name, value in changed.items() if (name,) not in {fault.path for fault in forbidden}}
    if references & changed.keys():
        in_hierarchy = changed.get(HIERARCHIES.get(model, "")) is not None
        session = await unit.transaction() if in_hierarchy else unit.session
        faults += await unknown_references(session, actor, model, changed)
        faults += await check_circle(session, record, changed)
    if "number" in changed:
        faults += await _check_number(await unit.transaction(), model, changed, record.id)
    faults += check_rows(aggregate, edit)
    if edit.relations:
        faults += await check_relations(unit.session, actor, edit.relations, aggregate.relations)
    return faults


def changed_values(record: Record, edit: Edit) -> dict[str, Any]:
    """The values of an edit that the record has otherwise."""
    return {name: value for name, value in edit.values.items() if getattr(record, name) != value}


async def unknown_references(session: AsyncSession, actor: Actor, model: type, values: dict[str, Any]) -> list[Refused]:
    """The faults of those values that name a record, or a member of the staff, whom the actor cannot name."""
    faults: list[Refused] = []
    for name, target in REFERENCES[model].items():
        wanted = values.get(name)
        if wanted is None:
            continue
        query = select(target.id).where(target.id == wanted)
        query = query.where(Staff.active) if target is Staff else query.where(visible(actor, target))
        if await session.scalar(query) is None:
            faults.append(Invalid((name,), "reference"))
    return faults


async def _check_number(session: AsyncSession, model: Any, values: dict[str, Any], own: int | None) -> list[Refused]:
    number = values.get("number")
    if number is None:
        return []
    await numbers.lock(session, numbers.OF_KIND[KINDS[model]])
    existing = await session.scalar(
        select(model.id).where(model.number == number, model.deleted_at.is_(None), model.id != (own or 0))
    )
    return [] if existing is None else [Taken(("number",), existing)]


def stale(record: Record, if_revision: int | None) -> list[Refused]:
    """The fault of a caller who read another revision than the record has, if there is any; see `require_revision`."""
    if if_revision is None or if_revision == record.revision:
        return []
    return [Stale(("if_revision",), record.revision)]


def require_revision(record: Record, if_revision: int | None) -> None:
    """Let a record pass that has the revision which the caller read; None for a caller who does not say.

    Raises:
        Stale: it has another one.
    """
    refuse(stale(record, if_revision))
