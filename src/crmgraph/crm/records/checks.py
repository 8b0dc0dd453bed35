"""Checks: everything that is wrong with an edit, found before anything is written."""

from typing import Any

from sqlalchemy.orm import object_session

from crmgraph.crm.errors import Circular, Forbidden, Invalid, Refused, Stale, Taken, refuse
from crmgraph.crm.models import PartyKind, Staff
from crmgraph.crm.policy import IDENTITY_DOCUMENTS, MODELS, Actor, Record, check_change, check_documents
from crmgraph.crm.query.references import REFERENCES
from crmgraph.crm.records import external_ids
from crmgraph.crm.records.aggregates import ROWS, Aggregate
from crmgraph.crm.records.contact_points import check_rows
from crmgraph.crm.records.edits import Edit
from crmgraph.crm.records.hierarchies import HIERARCHIES, MAX_STEPS
from crmgraph.crm.records.known import Known, names_something
from crmgraph.crm.records.relations import check_relations
from crmgraph.crm.records.rules import check_edit


async def faults_of(
    known: Known, actor: Actor, kind: PartyKind, aggregate: Aggregate | None, edit: Edit
) -> list[Refused]:
    """Everything that is wrong with an edit, whose values are brought into the form the store keeps.

    Args:
        known: reads what is not known yet of whatever the edit names.
        aggregate: the record that it is to change, loaded as for `update`; None for a new one.
    """
    model = MODELS[kind]
    record = None if aggregate is None else aggregate.record
    faults = check_edit(model, edit, creating=record is None, record=record)
    await known.read([(kind, aggregate, edit)])
    if aggregate is None:
        faults += check_documents(actor, model, edit.values)
        faults += unknown_references(known, model, edit.values)
        faults += _check_number(known, kind, edit.values, None)
        faults += external_ids.faults_of(edit.external_ids, known.called, None)
        return faults + check_relations(actor, edit.relations, known.can_be_named)
    return faults + _faults_of_change(known, actor, aggregate, edit)


def _faults_of_change(known: Known, actor: Actor, aggregate: Aggregate, edit: Edit) -> list[Refused]:
    record, faults = aggregate.record, list[Refused]()
    model = MODELS[aggregate.kind]
    # What a caller may not see counts as changed even where it is the same: else a guess could be confirmed.
    guessed: dict[str, Any] = {}
    names = names_something(aggregate.kind, edit.values)
    for name in sorted(_hidden(known, record, edit.values)) if names else ():
        if edit.values[name] is None:
            del edit.values[name]  # what is sent back as it is seen changes nothing
        else:
            guessed[name] = edit.values[name]
    changed = changed_values(record, edit.values)
    documents = {name: value for name, value in edit.values.items() if name in IDENTITY_DOCUMENTS}
    forbidden = check_change(actor, record, guessed | (documents if actor.is_staff else {}) | changed)
    faults += [Invalid((name,), "reference") for name in guessed if (name,) not in {fault.path for fault in forbidden}]
    faults += forbidden
    if forbidden:  # nor is it told of what they may not change whether it would have been taken
        refused = {fault.path for fault in forbidden}
        changed = {name: value for name, value in changed.items() if (name,) not in refused}
    if names:
        faults += unknown_references(known, model, changed)
        above = changed.get(HIERARCHIES.get(model, ""))
        if above is not None and known.closes_circle(record, above):
            faults.append(Circular((HIERARCHIES[model],), MAX_STEPS))
        faults += _check_number(known, aggregate.kind, changed, record.id)
    faults += check_rows(aggregate, edit)
    if edit.external_ids and not actor.is_staff:
        return [*faults, Forbidden(("external_ids",))]
    faults += external_ids.faults_of(edit.external_ids, known.called, record.id)
    return faults + check_relations(actor, edit.relations, known.can_be_named, aggregate.relations)


def _hidden(known: Known, record: Record, values: dict[str, Any]) -> set[str]:
    """The columns among `values` whose reference the record keeps to one that is deleted, or hidden from the actor.

    Args:
        values: that are to be written; a reference that they change to another one does not matter.
    """
    return {
        name
        for name, target in REFERENCES[type(record)].items()
        if name in values
        and target is not Staff
        and (kept := getattr(record, name)) is not None
        and values[name] in (None, kept)
        and not known.can_be_named(target, kept)
    }


def changed_values(record: Record, values: dict[str, Any]) -> dict[str, Any]:
    """The values that the record has otherwise."""
    held = vars(record)
    return {name: value for name, value in values.items() if held[name] != value}


def would_change(known: Known, aggregate: Aggregate, edit: Edit) -> bool:
    """Whether an edit says anything of a record that it does not say already, as far as that shows beforehand.

    Args:
        known: whatever the edit names.
    """
    if changed_values(aggregate.record, edit.values) or edit.notes:
        return True
    if any(known.called(each) != aggregate.id for each in edit.external_ids.add):
        return True
    if any(known.called(each) == aggregate.id for each in edit.external_ids.remove):
        return True
    kept = aggregate.record.extra_fields
    said = ((dialect, key, value) for dialect, keys in edit.extra_fields.items() for key, value in keys.items())
    if any(kept.get(dialect, {}).get(key) != value for dialect, key, value in said):
        return True
    for name in ROWS:
        edits, rows = getattr(edit, name), {row.id: row for row in getattr(aggregate, name)}
        written = ((rows.get(own_id), key, value) for own_id, row in edits.update for key, value in row.items())
        if edits.add or edits.remove or any(getattr(row, key, None) != value for row, key, value in written):
            return True
    return False


def unknown_references(known: Known, model: type, values: dict[str, Any]) -> list[Refused]:
    """The faults of those values that name a record, or a member of the staff, whom the actor cannot name."""
    return [
        Invalid((name,), "reference")
        for name, target in REFERENCES[model].items()
        if values.get(name) is not None and not known.can_be_named(target, values[name])
    ]


def _check_number(known: Known, kind: PartyKind, values: dict[str, Any], own: int | None) -> list[Refused]:
    holder = known.holder_of(kind, values.get("number"))
    return [] if holder in (None, own) else [Taken(("number",), holder)]


def stale(record: Record, if_revision: int | None) -> list[Refused]:
    """The fault of a caller who read another revision than the record has, if there is any; see `require_revision`."""
    if if_revision is None or if_revision == record.revision:
        return []
    return [Stale(("if_revision",), record.revision, if_revision, record)]


def require_revision(record: Record, if_revision: int | None) -> None:
    """Let a record pass that has the revision which the caller read; None for a caller who does not say.

    Raises:
        Stale: it has another one.
    """
    faults = stale(record, if_revision)
    if faults and (session := object_session(record)) is not None:
        session.expunge(record)  # the rollback makes a session forget what it has read, and the refusal tells of it
    refuse(faults)
