"""Mutations of contacts, accounts and leads. All three go the same way; they differ in their inputs and payloads."""

from collections.abc import Collection
from functools import partial
from typing import Annotated, Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession
from strawberry import UNSET

from crmgraph.crm.errors import Ambiguous, Invalid, NotFound, Refused, refuse
from crmgraph.crm.models import PartyKind
from crmgraph.crm.policy import MODELS
from crmgraph.crm.records import aggregates, conversion, lookup, parties, unconversion
from crmgraph.crm.records.edits import Edit
from crmgraph.crm.records.optimistic import revise
from crmgraph.crm.records.rules import check_edit
from crmgraph.crm.records.sets import WriteSet
from crmgraph.crm.records.unit_of_work import Transaction, UnitOfWork
from crmgraph.graph.resolvers.context import Context, Info
from crmgraph.graph.schema.ids import PREFIXES, Prefix, encode, number_of
from crmgraph.graph.schema.inputs.edits import revision_of
from crmgraph.graph.schema.inputs.names import record_edit
from crmgraph.graph.schema.inputs.records import (
    ConvertLeadInput,
    CreateAccountInput,
    CreateContactInput,
    CreateLeadInput,
    DeleteAccountInput,
    DeleteContactInput,
    DeleteLeadInput,
    UnconvertLeadInput,
    UpdateAccountInput,
    UpdateContactInput,
    UpdateLeadInput,
)
from crmgraph.graph.schema.mutations.payloads import USER_ERRORS_OR_WARNINGS, Payload, ended
from crmgraph.graph.schema.refs import ref_of
from crmgraph.graph.schema.root_fields import Changes, mutation, resolves
from crmgraph.graph.schema.types.account import Account
from crmgraph.graph.schema.types.contact import Contact
from crmgraph.graph.schema.types.lead import Lead
from crmgraph.graph.schema.user_errors import DuplicateWarning, UserError, login_warnings, may_be_the_same, warnings_of

Input = strawberry.argument(description="What is wanted.")


def _may_be_the_same(kind: PartyKind) -> Any:
    """The field of a payload that looks for duplicates of the record when it is selected."""

    async def found(root: strawberry.Parent[Any], info: Info) -> Any:
        record = getattr(root, kind.value.lower())
        return [] if record is None else await may_be_the_same(info.context, kind, record.id)

    return resolves(
        "Records that may be the same as this one, at most five, the most alike first: looked for when this is "
        "selected. Nothing was refused for them.",
        list[DuplicateWarning],
    )(found)


@strawberry.type(description="How it went with a contact.")
class ContactPayload(Payload):
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description=USER_ERRORS_OR_WARNINGS.format(record="contact")
    )
    contact: Contact | None = strawberry.field(default=None, description="The contact; null when it was refused.")
    duplicates = _may_be_the_same(PartyKind.CONTACT)


@strawberry.type(description="How it went with an account.")
class AccountPayload(Payload):
    account: Account | None = strawberry.field(default=None, description="The account; null when it was refused.")
    duplicates = _may_be_the_same(PartyKind.ACCOUNT)


@strawberry.type(description="How it went with a lead.")
class LeadPayload(Payload):
    lead: Lead | None = strawberry.field(default=None, description="The lead; null when it was refused.")
    duplicates = _may_be_the_same(PartyKind.LEAD)


@strawberry.type(description="How a deletion went.")
class DeletePayload(Payload):
    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of what was deleted, or would be in a dry run; null when it was refused."
    )


@strawberry.type(
    description="How the conversion of a lead went. In a dry run contact and account are what would come of it: ids "
    "and numbers of new ones are those that they would have, and nothing has them."
)
class ConvertLeadPayload(Payload):
    user_errors: list[UserError] = strawberry.field(
        default_factory=list,
        description="What was refused, and then nothing was done; with a lead beside them, only warnings.",
    )
    lead: Lead | None = strawberry.field(default=None, description="The lead; null when it was refused.")
    contact: Contact | None = strawberry.field(
        default=None, description="The contact that came of it; null when it was refused."
    )
    account: Account | None = strawberry.field(
        default=None,
        description="The account that came of it, or that the contact stays with; null where there is none.",
    )


@strawberry.type(description="How the undoing of a conversion went, or would go.")
class UnconvertLeadPayload(Payload):
    lead: Lead | None = strawberry.field(
        default=None, description="The lead, which is one again, or in a dry run would be; null when it was refused."
    )
    contact: Contact | None = strawberry.field(
        default=None, description="The contact that had been joined, as it was; null where it had been made."
    )
    account: Account | None = strawberry.field(
        default=None, description="The account that had been joined, as it was; null where it had been made."
    )
    deleted_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="The ids of the contact and the account that had been made, and are deleted."
    )


async def find(session: Any, context: Context, kind: PartyKind, by: Any, field: str) -> int:
    """The id of the record that a field of the input names.

    Raises:
        NotFound, Ambiguous: of that field.
    """
    try:
        return await lookup.find(session, context.actor, kind, ref_of(context, kind, by))
    except Refused as refused:
        refused.path = (field, *refused.path)
        raise


async def find_for_change(
    unit: UnitOfWork, context: Context, kind: PartyKind, by: Any, field: str, parts: Collection[str] = aggregates.PARTS
) -> aggregates.Aggregate:
    """The record that a field of the input names, to be changed. An id needs no looking up first.

    Args:
        parts: see `aggregates.load`.

    Raises:
        NotFound, Ambiguous: of that field.
    """
    try:
        ref = ref_of(context, kind, by)
        return await lookup.find_for_change(unit, context.actor, kind, ref, parts=parts)
    except Refused as refused:
        refused.path = (field, *refused.path)
        raise


async def _create(context: Context, kind: PartyKind, given: Any) -> dict[str, Any]:
    async def work(session: AsyncSession) -> aggregates.Aggregate:
        return await parties.create(session, context.actor, kind, record_edit(context, kind, given))

    made = await context.core.db.transact(work)
    context.committed(made)
    return {kind.value.lower(): made.record}


async def update(
    kind: PartyKind, unit: UnitOfWork, context: Context, given: Any, *, parts: Collection[str] = aggregates.PARTS
) -> aggregates.Aggregate:
    """Change the record that an input names, as the input says.

    Args:
        parts: the lists that are wanted of the record besides those that change.

    Raises:
        Refused: why not; nothing was written.
    """
    name = kind.value.lower()
    edit = record_edit(context, kind, given)
    wanted = aggregates.parts_of(edit).union(parts)
    try:
        aggregate = await find_for_change(unit, context, kind, getattr(given, name), name, wanted)
    except (NotFound, Ambiguous, Invalid) as refused:
        refuse([refused, *await _faults_besides(unit, context, kind, edit)])
        raise
    await parties.update(unit, context.actor, aggregate, edit, if_revision=revision_of(given))
    return aggregate


async def _faults_besides(unit: UnitOfWork, context: Context, kind: PartyKind, edit: Edit) -> list[Refused]:
    """What is wrong with a change of a record that is not known, by itself. What else it names is for staff to know."""
    faults = check_edit(MODELS[kind], edit, creating=False)
    if context.actor.is_staff:
        faults += await WriteSet(unit, context.actor).unknown_references(kind, edit.values)
    return faults


_CONTACT, _ACCOUNT, _LEAD = (Changes(kind, partial(update, kind)) for kind in PartyKind)


async def _update(context: Context, kind: PartyKind, given: Any) -> dict[str, Any]:
    if context.refused is not None:
        raise context.refused
    aggregate = await revise(context.core.db, lambda unit: update(kind, unit, context, given))
    context.committed(aggregate)
    return {kind.value.lower(): aggregate.record, "user_errors": login_warnings(aggregate)}


async def _delete(context: Context, kind: PartyKind, given: Any) -> dict[str, Any]:
    name = kind.value.lower()

    async def work(session: AsyncSession) -> aggregates.Aggregate:
        aggregate = await find_for_change(Transaction(session), context, kind, getattr(given, name), name)
        written = WriteSet(Transaction(session), context.actor)
        await written.expect([(kind, aggregate, Edit())])
        written.remove(aggregate, if_revision=revision_of(given))
        if not given.dry_run:
            await written.write()
        return aggregate

    aggregate = await context.core.db.transact(work)
    context.committed()
    return {"deleted_id": encode(PREFIXES[kind], aggregate.id)}


async def sought(
    session: AsyncSession, context: Context, kind: PartyKind, by: Any, field: str, faults: list[Refused]
) -> int | None:
    """What `find` gives; None for what is not named, and, with a fault, for what there is none of."""
    if by is UNSET or by is None:
        return None
    try:
        return await find(session, context, kind, by, field)
    except Refused as refused:
        faults.append(refused)
        return None


async def _convert(context: Context, given: ConvertLeadInput) -> dict[str, Any]:
    owner = None if given.owner is UNSET or given.owner is None else number_of(Prefix.USER, given.owner) or 0

    async def work(session: AsyncSession) -> conversion.Conversion:
        faults: list[Refused] = []
        return await conversion.convert(
            session,
            context.actor,
            await sought(session, context, PartyKind.LEAD, given.lead, "lead", faults),
            contact_id=await sought(session, context, PartyKind.CONTACT, given.contact, "contact", faults),
            account_id=await sought(session, context, PartyKind.ACCOUNT, given.account, "account", faults),
            owner_id=owner,
            overwrite=given.overwrite,
            if_revision=revision_of(given),
            dry_run=given.dry_run,
            faults=faults,
        )

    done = await context.core.db.transact(work)
    context.committed()
    for each in (done.contact, done.account):
        if each is not None:
            # In a dry run nothing of it can be read.
            context.loaders.prime(each)
            context.loaders.photo().prime(each.id, each.photo)
    return {
        "lead": await context.record(PartyKind.LEAD, done.lead_id),
        "contact": done.contact.record,
        "account": done.account.record if done.account is not None else None,
        "user_errors": warnings_of(done),
    }


async def _unconvert(context: Context, given: UnconvertLeadInput) -> dict[str, Any]:
    async def work(session: AsyncSession) -> unconversion.Unconversion:
        faults: list[Refused] = []
        lead_id = await sought(session, context, PartyKind.LEAD, given.lead, "lead", faults)
        return await unconversion.unconvert(
            session,
            context.actor,
            lead_id,
            if_revision=revision_of(given),
            dry_run=given.dry_run,
            faults=faults,
        )

    done = await context.core.db.transact(work)
    context.committed()
    for each in (done.lead, *done.restored):
        # In a dry run nothing of it can be read.
        context.loaders.prime(each)
        context.loaders.photo().prime(each.id, each.photo)
    return {
        "lead": done.lead.record,
        "deleted_ids": [encode(PREFIXES[kind], each) for kind, each in done.deleted],
        **{each.kind.value.lower(): each.record for each in done.restored},
    }


@strawberry.type(description="What can be done to records.")
class RecordMutations:
    @mutation("Makes a contact. Staff may.")
    async def create_contact(self, info: Info, input: Annotated[CreateContactInput, Input]) -> ContactPayload:
        return await ended(ContactPayload, _create(info.context, PartyKind.CONTACT, input), PartyKind.CONTACT)

    @mutation("Makes an account. Staff may.")
    async def create_account(self, info: Info, input: Annotated[CreateAccountInput, Input]) -> AccountPayload:
        return await ended(AccountPayload, _create(info.context, PartyKind.ACCOUNT, input), PartyKind.ACCOUNT)

    @mutation("Makes a lead. Staff may.")
    async def create_lead(self, info: Info, input: Annotated[CreateLeadInput, Input]) -> LeadPayload:
        return await ended(LeadPayload, _create(info.context, PartyKind.LEAD, input), PartyKind.LEAD)

    @mutation("Changes a contact with all that belongs to it. Staff may, and the person.", changes=_CONTACT)
    async def update_contact(self, info: Info, input: Annotated[UpdateContactInput, Input]) -> ContactPayload:
        return await ended(ContactPayload, _update(info.context, PartyKind.CONTACT, input), PartyKind.CONTACT)

    @mutation(
        "Changes an account with all that belongs to it. Staff may, and its primary contact.",
        changes=_ACCOUNT,
    )
    async def update_account(self, info: Info, input: Annotated[UpdateAccountInput, Input]) -> AccountPayload:
        return await ended(AccountPayload, _update(info.context, PartyKind.ACCOUNT, input), PartyKind.ACCOUNT)

    @mutation("Changes a lead with all that belongs to it. Staff may.", changes=_LEAD)
    async def update_lead(self, info: Info, input: Annotated[UpdateLeadInput, Input]) -> LeadPayload:
        return await ended(LeadPayload, _update(info.context, PartyKind.LEAD, input), PartyKind.LEAD)

    @mutation("Deletes a contact: it is gone for everybody, and frees what is unique. Staff may.")
    async def delete_contact(self, info: Info, input: Annotated[DeleteContactInput, Input]) -> DeletePayload:
        return await ended(DeletePayload, _delete(info.context, PartyKind.CONTACT, input), PartyKind.CONTACT)

    @mutation("Deletes an account: it is gone for everybody, and frees what is unique. Staff may.")
    async def delete_account(self, info: Info, input: Annotated[DeleteAccountInput, Input]) -> DeletePayload:
        return await ended(DeletePayload, _delete(info.context, PartyKind.ACCOUNT, input), PartyKind.ACCOUNT)

    @mutation("Deletes a lead: it is gone for everybody, and frees what is unique. Staff may.")
    async def delete_lead(self, info: Info, input: Annotated[DeleteLeadInput, Input]) -> DeletePayload:
        return await ended(DeletePayload, _delete(info.context, PartyKind.LEAD, input), PartyKind.LEAD)

    @mutation("Makes a contact and, where it names a company, an account of a lead. Staff may.")
    async def convert_lead(self, info: Info, input: Annotated[ConvertLeadInput, Input]) -> ConvertLeadPayload:
        return await ended(ConvertLeadPayload, _convert(info.context, input), PartyKind.LEAD)

    @mutation(
        "Undoes the conversion of a lead while nothing has changed since: what it made is deleted, what it wrote into "
        "known records is taken out again, notes and photo return. Staff may."
    )
    async def unconvert_lead(self, info: Info, input: Annotated[UnconvertLeadInput, Input]) -> UnconvertLeadPayload:
        return await ended(UnconvertLeadPayload, _unconvert(info.context, input), PartyKind.LEAD)
