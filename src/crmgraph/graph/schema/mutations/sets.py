"""Mutations that write in sets: upserts, and many items in one call. One upsert is a set of one."""

from collections.abc import Sequence
from typing import Annotated, Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Path, Refused, TooLarge
from crmgraph.crm.models import PartyKind
from crmgraph.crm.policy import require_staff
from crmgraph.crm.records import item_sets
from crmgraph.crm.records.item_sets import Item, Verb, Written
from crmgraph.graph.resolvers.context import Context, Info
from crmgraph.graph.schema.enums import BulkPolicy
from crmgraph.graph.schema.ids import PREFIXES, encode
from crmgraph.graph.schema.inputs.edits import revision_of
from crmgraph.graph.schema.inputs.names import record_edit
from crmgraph.graph.schema.inputs.sets import (
    MAX_ITEMS,
    BulkAccountsInput,
    BulkContactsInput,
    BulkInput,
    BulkLeadsInput,
    UpsertAccountInput,
    UpsertContactInput,
    UpsertLeadInput,
)
from crmgraph.graph.schema.mutations.payloads import USER_ERRORS_OR_WARNINGS, Payload, ended
from crmgraph.graph.schema.mutations.records import Input
from crmgraph.graph.schema.refs import ref_of
from crmgraph.graph.schema.root_fields import mutation
from crmgraph.graph.schema.types.account import Account
from crmgraph.graph.schema.types.contact import Contact
from crmgraph.graph.schema.types.lead import Lead
from crmgraph.graph.schema.user_errors import UserError, login_warnings, user_errors

_OUTCOME = "What became of it; null when it was refused."
_ITEM_OUTCOME = "What became of it, or would in a dry run; null when it, or the whole, was refused."
_DELETED = "The id of what was deleted."
_RESULTS = "What became of each item, in their order."
_WHOLE = "What was refused of the whole; what is wrong with an item stands in its result."


def _warned(record: str) -> Any:
    description = USER_ERRORS_OR_WARNINGS.format(record=record)
    return strawberry.field(default_factory=list, description=description)


@strawberry.type(description="How the upsert of a contact went.")
class UpsertContactPayload(Payload):
    user_errors: list[UserError] = _warned("contact")
    contact: Contact | None = strawberry.field(default=None, description="The contact; null when it was refused.")
    outcome: Written | None = strawberry.field(default=None, description=_OUTCOME)


@strawberry.type(description="How the upsert of an account went.")
class UpsertAccountPayload(Payload):
    account: Account | None = strawberry.field(default=None, description="The account; null when it was refused.")
    outcome: Written | None = strawberry.field(default=None, description=_OUTCOME)


@strawberry.type(description="How the upsert of a lead went.")
class UpsertLeadPayload(Payload):
    lead: Lead | None = strawberry.field(default=None, description="The lead; null when it was refused.")
    outcome: Written | None = strawberry.field(default=None, description=_OUTCOME)


def _made(record: str) -> Any:
    description = f"The {record}, in a dry run as it would be; null when it was deleted, or not written."
    return strawberry.field(default=None, description=description)


@strawberry.type(description="What became of an item.")
class BulkResult:
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="What was refused of it; with an `outcome` beside them, only warnings."
    )
    outcome: Written | None = strawberry.field(default=None, description=_ITEM_OUTCOME)
    deleted_id: strawberry.ID | None = strawberry.field(default=None, description=_DELETED)


@strawberry.type(description="What became of an item of a bulk write of contacts.")
class BulkContactResult(BulkResult):
    contact: Contact | None = _made("contact")


@strawberry.type(description="What became of an item of a bulk write of accounts.")
class BulkAccountResult(BulkResult):
    account: Account | None = _made("account")


@strawberry.type(description="What became of an item of a bulk write of leads.")
class BulkLeadResult(BulkResult):
    lead: Lead | None = _made("lead")


@strawberry.type(description="How a bulk write of contacts went.")
class BulkContactsPayload(Payload):
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=_WHOLE)
    results: list[BulkContactResult] = strawberry.field(default_factory=list, description=_RESULTS)


@strawberry.type(description="How a bulk write of accounts went.")
class BulkAccountsPayload(Payload):
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=_WHOLE)
    results: list[BulkAccountResult] = strawberry.field(default_factory=list, description=_RESULTS)


@strawberry.type(description="How a bulk write of leads went.")
class BulkLeadsPayload(Payload):
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=_WHOLE)
    results: list[BulkLeadResult] = strawberry.field(default_factory=list, description=_RESULTS)


_RESULT: dict[PartyKind, Any] = {
    PartyKind.CONTACT: BulkContactResult,
    PartyKind.ACCOUNT: BulkAccountResult,
    PartyKind.LEAD: BulkLeadResult,
}


def _read(context: Context, kind: PartyKind, verb: Verb, given: Any) -> Item:
    """An item as the core knows it; refused already where what it names can be nothing."""
    item = Item(verb)
    values = given.values if verb is Verb.UPSERT else given
    if verb is not Verb.DELETE:
        item.edit = record_edit(context, kind, values)
    if verb is not Verb.CREATE:
        item.if_revision = revision_of(given)
        try:
            item.ref = ref_of(context, kind, given.by if verb is Verb.UPSERT else getattr(given, kind.value.lower()))
        except Refused as refused:
            refused.path = ("by", *refused.path)
            item.refused = refused
    return item


def _told(item: Item, kind: PartyKind, under: Path) -> list[UserError]:
    """What is wrong with an item, or to be known of it.

    Args:
        under: where it stands in the input.
    """
    if item.refused is None:
        emails = ("values", "emails") if item.verb is Verb.UPSERT else ("emails",)
        changed = item.aggregate if item.outcome is Written.UPDATED else None
        return [] if changed is None else login_warnings(changed, *under, *emails)
    for fault in item.refused.all:
        match fault.path:
            case ("by", *below):
                fault.path = ("by" if item.verb is Verb.UPSERT else kind.value.lower(), *below)
            case (first, *_) if item.verb is Verb.UPSERT and first != "if_revision":
                fault.path = ("values", *fault.path)
    return user_errors(item.refused, kind, under=under)


async def _upsert(context: Context, kind: PartyKind, given: Any) -> dict[str, Any]:
    async def work(session: AsyncSession) -> Item:
        item = _read(context, kind, Verb.UPSERT, given)
        await item_sets.carry_out(session, context.actor, kind, [item], all_or_none=True)
        return item

    item = await context.core.db.transact(work)
    told: dict[str, Any] = {"user_errors": _told(item, kind, ())}
    if item.aggregate is None:
        return told
    context.committed(item.aggregate)
    return told | {kind.value.lower(): item.aggregate.record, "outcome": item.outcome}


async def _bulk(context: Context, kind: PartyKind, given: Any) -> dict[str, Any]:
    given = given if context.read_ahead is None else context.read_ahead
    how: BulkInput = given
    require_staff(context.actor)
    if len(given.items) > MAX_ITEMS:
        raise TooLarge(("items",), MAX_ITEMS)
    verbs = [next(verb for verb in Verb if getattr(each, verb.value, None)) for each in given.items]
    items: list[Item] = []

    async def work(session: AsyncSession) -> None:
        # Anew each time: what was decided before a transaction had to be begun again is nothing.
        items[:] = [
            _read(context, kind, verb, getattr(each, verb.value)) for verb, each in zip(verbs, given.items, strict=True)
        ]
        all_or_none = how.policy is BulkPolicy.ALL
        await item_sets.carry_out(session, context.actor, kind, items, all_or_none=all_or_none, dry_run=how.dry_run)

    await context.core.db.transact(work)
    context.committed()
    if how.dry_run:
        _show(context, items)
    return {"results": [_result(kind, item, ("items", i, item.verb.value)) for i, item in enumerate(items)]}


def _show(context: Context, items: Sequence[Item]) -> None:
    """Let what would be written be seen: nothing of it can be read."""
    for item in items:
        if item.aggregate is not None and item.outcome is not Written.DELETED:
            context.loaders.prime(item.aggregate)
            context.loaders.photo().prime(item.aggregate.id, item.aggregate.photo)


def _result(kind: PartyKind, item: Item, under: Path) -> Any:
    result = _RESULT[kind](user_errors=_told(item, kind, under), outcome=item.outcome)
    if item.outcome is Written.DELETED and item.aggregate is not None:
        result.deleted_id = encode(PREFIXES[kind], item.aggregate.id)
    elif item.aggregate is not None:
        setattr(result, kind.value.lower(), item.aggregate.record)
    return result


@strawberry.type(description="What can be done to records in sets.")
class SetMutations:
    @mutation("Changes the contact that is named, or makes it. Staff may.")
    async def upsert_contact(self, info: Info, input: Annotated[UpsertContactInput, Input]) -> UpsertContactPayload:
        work = _upsert(info.context, PartyKind.CONTACT, input)
        return await ended(UpsertContactPayload, work, PartyKind.CONTACT)

    @mutation("Changes the account that is named, or makes it. Staff may.")
    async def upsert_account(self, info: Info, input: Annotated[UpsertAccountInput, Input]) -> UpsertAccountPayload:
        work = _upsert(info.context, PartyKind.ACCOUNT, input)
        return await ended(UpsertAccountPayload, work, PartyKind.ACCOUNT)

    @mutation("Changes the lead that is named, or makes it. Staff may.")
    async def upsert_lead(self, info: Info, input: Annotated[UpsertLeadInput, Input]) -> UpsertLeadPayload:
        return await ended(UpsertLeadPayload, _upsert(info.context, PartyKind.LEAD, input), PartyKind.LEAD)

    @mutation("Makes, changes and deletes contacts, 1,000 at most. Staff may.", bulk=True)
    async def bulk_contacts(self, info: Info, input: Annotated[BulkContactsInput, Input]) -> BulkContactsPayload:
        return await ended(BulkContactsPayload, _bulk(info.context, PartyKind.CONTACT, input), PartyKind.CONTACT)

    @mutation("Makes, changes and deletes accounts, 1,000 at most. Staff may.", bulk=True)
    async def bulk_accounts(self, info: Info, input: Annotated[BulkAccountsInput, Input]) -> BulkAccountsPayload:
        return await ended(BulkAccountsPayload, _bulk(info.context, PartyKind.ACCOUNT, input), PartyKind.ACCOUNT)

    @mutation("Makes, changes and deletes leads, 1,000 at most. Staff may.", bulk=True)
    async def bulk_leads(self, info: Info, input: Annotated[BulkLeadsInput, Input]) -> BulkLeadsPayload:
        return await ended(BulkLeadsPayload, _bulk(info.context, PartyKind.LEAD, input), PartyKind.LEAD)
