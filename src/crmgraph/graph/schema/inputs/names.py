"""Inputs for what records are called elsewhere."""

from collections.abc import Sequence
from typing import Any

import strawberry
from strawberry import UNSET

from crmgraph.crm.models import PartyKind
from crmgraph.crm.records.edits import Edit, ExternalIdEdits, ExternalIdValue
from crmgraph.crm.records.external_ids import CONTENT, DIALECTS, kept_as
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
    """What the input of a record wants changed, with what it is called elsewhere; see `edit_of`.

    Raises:
        BadInput: an id elsewhere is not of exactly one dialect or system.
    """
    edit = edit_of(given)
    names = given.external_ids
    if names is UNSET or names is None:
        return edit
    added, removed = getattr(names, "add", None) or (), getattr(names, "remove", None) or ()
    edit.external_ids = ExternalIdEdits(
        [_candidates(context, kind, each)[0] for each in added],
        [name for each in removed for name in _candidates(context, kind, each)],
    )
    return edit


def _candidates(context: Context, kind: PartyKind, given: ExternalRef) -> Sequence[ExternalIdValue]:
    """How an id may be kept, the way in which it would be given first; one without a value where it can be no id."""
    require_one_system(given)
    system = (given.dialect.value if given.dialect else given.system or "").lower()
    if system not in DIALECTS:
        reserved = system == CONTENT
        return [ExternalIdValue(system, given.space or "record", "" if reserved else given.value)]
    api = context.legacy_apis.get(system)
    found = api.id_candidates(kind, given.value) if api is not None and not given.space else None
    names = [] if found is None else [kept_as(system, *name) for name in found.external_ids]
    return names or [ExternalIdValue(system, "record", "")]
