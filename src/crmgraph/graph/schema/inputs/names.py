"""Inputs for what records are called elsewhere."""

from collections.abc import Sequence
from typing import Any

import strawberry
from strawberry import UNSET

from crmgraph.crm.errors import Invalid
from crmgraph.crm.models import PartyKind
from crmgraph.crm.records.edits import Edit, ExternalIdEdits, ExternalIdValue
from crmgraph.crm.records.external_ids import CONTENT, DIALECTS, kept_as
from crmgraph.crm.values.text import fault_of
from crmgraph.graph.resolvers.context import Context
from crmgraph.graph.schema.inputs.edits import edit_of, required
from crmgraph.graph.schema.refs import ExternalRef, require_one_system

_CALLED = "What it is called in other systems. Staff may say."


@strawberry.input(description="Ids elsewhere of a new record.")
class NewExternalIds:
    add: list[ExternalRef] = required("What it is called.")


@strawberry.input(description="Changes of the ids that a record has elsewhere. What is not named stays.")
class ExternalIdChanges:
    add: list[ExternalRef] | None = strawberry.field(
        default=UNSET, description="What it is called from now on; another record must not be called so."
    )
    remove: list[ExternalRef] | None = strawberry.field(
        default=UNSET, description="What it is called no more; what it was not called changes nothing."
    )


@strawberry.input(description="What a new record is called elsewhere.")
class NewNames:
    external_ids: NewExternalIds | None = strawberry.field(default=UNSET, description=_CALLED)


@strawberry.input(description="Changes of what a record is called elsewhere.")
class NameChanges:
    external_ids: ExternalIdChanges | None = strawberry.field(default=UNSET, description=_CALLED)


def record_edit(context: Context, kind: PartyKind, given: Any) -> Edit:
    """What the input of a record wants changed, with what it is called elsewhere; see `edit_of`."""
    edit = edit_of(given)
    names = given.external_ids
    if names is UNSET or names is None:
        return edit
    edits = edit.external_ids = ExternalIdEdits()
    for verb in ("add", "remove"):
        for i, each in enumerate(getattr(names, verb, None) or ()):
            try:
                found = _candidates(context, kind, each)
            except Invalid as invalid:
                invalid.path = ("external_ids", verb, i, *invalid.path)
                edits.faults.append(invalid)
                found = [_NONE]
            getattr(edits, verb).extend(found[:1] if verb == "add" else found)
    return edit


_NONE = ExternalIdValue("", "", "")
"""Stands in the place of an id that is none."""


def _candidates(context: Context, kind: PartyKind, given: ExternalRef) -> Sequence[ExternalIdValue]:
    """How an id may be kept, the way in which it would be given first.

    Raises:
        Invalid: it can be no id there, or it is not said where.
    """
    require_one_system(given)
    system = (given.dialect.value if given.dialect else given.system or "").lower()
    if system == CONTENT:
        raise Invalid(("system",), "form")
    if system not in DIALECTS:
        return [ExternalIdValue(system, given.space or "record", given.value)]
    if given.space:
        raise Invalid(("space",), "dialect_space")
    api = context.legacy_apis.get(system)
    found = None if api is None or fault_of(given.value) else api.id_candidates(kind, given.value)
    if found is None or not found.external_ids:
        raise Invalid(("value",), *(fault_of(given.value) or ("form",)))
    return [kept_as(system, *name) for name in found.external_ids]
