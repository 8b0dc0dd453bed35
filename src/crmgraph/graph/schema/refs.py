"""How a client names one record: by its id, its number, an email address, or an id elsewhere."""

from dataclasses import replace
from typing import Any

import strawberry
from strawberry import UNSET

from crmgraph.crm.errors import Invalid, NotFound
from crmgraph.crm.models import PartyKind
from crmgraph.crm.records.external_ids import may_be_minted
from crmgraph.crm.records.lookup import IdCandidates, Ref
from crmgraph.crm.values.text import fault_of, is_blank
from crmgraph.graph.resolvers.context import Context
from crmgraph.graph.schema.bad_input import BadInput
from crmgraph.graph.schema.enums import LegacyDialect
from crmgraph.graph.schema.ids import PREFIXES, Prefix, number_of
from crmgraph.graph.schema.scalars import EmailAddress


@strawberry.input(description="An id that a record has elsewhere: at a dialect, or in any other system.")
class ExternalRef:
    dialect: LegacyDialect | None = strawberry.field(
        default=UNSET, description="Whose id it is; exactly one of this and `system`."
    )
    system: str | None = strawberry.field(
        default=UNSET, description="The other system, as `otherIds` calls it, in any case."
    )
    space: str | None = strawberry.field(
        default=UNSET, description="Within which a `system` names one record, as `otherIds` says; `record` without it."
    )
    value: str = strawberry.field(description="The id as it is printed there; that of a dialect in any case.")


_ID = "Its global id."
_NUMBER = "The number that people call it by, e.g. `CON1`."
_EMAIL = "Any of its email addresses."
_EXTERNAL = "An id that it has in another system."


def _one(description: str) -> Any:
    return strawberry.field(default=UNSET, description=description)


@strawberry.input(one_of=True, description="Names one contact, by exactly one of these.")
class ContactRef:
    id: strawberry.ID | None = _one(_ID)
    number: str | None = _one(_NUMBER)
    email: EmailAddress | None = _one(_EMAIL)
    external: ExternalRef | None = _one(_EXTERNAL)


@strawberry.input(one_of=True, description="Names one account, by exactly one of these.")
class AccountRef:
    id: strawberry.ID | None = _one(_ID)
    number: str | None = _one(_NUMBER)
    email: EmailAddress | None = _one(_EMAIL)
    external: ExternalRef | None = _one(_EXTERNAL)


@strawberry.input(one_of=True, description="Names one lead, by exactly one of these.")
class LeadRef:
    id: strawberry.ID | None = _one(_ID)
    number: str | None = _one(_NUMBER)
    email: EmailAddress | None = _one(_EMAIL)
    external: ExternalRef | None = _one(_EXTERNAL)


@strawberry.input(one_of=True, description="Names one of the staff, by exactly one of these.")
class UserRef:
    id: strawberry.ID | None = _one(_ID)
    email: EmailAddress | None = _one("Their email address.")
    external: ExternalRef | None = _one(_EXTERNAL)


def ref_of(context: Context, kind: PartyKind | None, by: Any) -> Ref:
    """What the core looks for.

    Args:
        kind: of what record; None for one of the staff.

    Raises:
        NotFound: nothing can be called like this.
        Invalid: an id elsewhere is not one of exactly one dialect or system.
    """
    if by.id:
        number = number_of(Prefix.USER if kind is None else PREFIXES[kind], by.id)
        if number is None:
            raise NotFound
        return Ref(id=number)
    number_given = None if kind is None else by.number
    text = number_given or by.email or (by.external.value if by.external else "")
    # No database can be asked for what no record can hold.
    if is_blank(text) or fault_of(text):
        raise NotFound
    if by.external:
        try:
            return Ref(external=_candidates(context, kind, by.external))
        except Invalid as invalid:
            invalid.path = ("external", *invalid.path)
            raise
    return Ref(number=text) if number_given else Ref(email=text)


def ref_of_argument(context: Context, kind: PartyKind | None, by: Any) -> Ref:
    """What the core looks for, of the argument `by` of a query; see `ref_of`.

    Raises:
        BadInput: an id elsewhere is not one of exactly one dialect or system.
        NotFound: nothing can be called like this.
    """
    try:
        return ref_of(context, kind, by)
    except Invalid as invalid:
        raise BadInput(invalid, ".".join(map(str, ("by", *invalid.path)))) from None


def _candidates(context: Context, kind: PartyKind | None, external: ExternalRef) -> IdCandidates:
    """What an id elsewhere may stand for.

    Raises:
        Invalid: it is not one of a dialect and a system that is named.
        NotFound: nothing of this kind can be called like this there.
    """
    require_one_system(external)
    if external.system:
        names = (external.system, external.space or "record", external.value)
        if any(map(fault_of, names)):
            raise NotFound
        return IdCandidates(external.system.lower(), ((external.space or "record", external.value),))
    api = context.legacy_apis.get(external.dialect.value)  # type: ignore[union-attr]  # there is one
    candidates = api.id_candidates(kind, external.value) if api is not None and not fault_of(external.value) else None
    if candidates is None:
        raise NotFound
    dialect, known = candidates.dialect, candidates.external_ids
    could_be_ours = next((value for space, value in known if may_be_minted(dialect, space, value)), None)
    return candidates if could_be_ours is None else replace(candidates, imported=could_be_ours)


def require_one_system(external: ExternalRef) -> None:
    """Let an id elsewhere pass that says whose it is.

    Raises:
        Invalid: it is not one of exactly one dialect or system, or one of a dialect has a space.
    """
    if bool(external.dialect) == bool(external.system):
        raise Invalid((), "one_of", choices=("dialect", "system"))
    if external.dialect and external.space:
        raise Invalid(("space",), "dialect_space")
