"""Mutations that merge records of one person, company or lead, and take them apart again."""

from functools import cache
from typing import Annotated, Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm import models
from crmgraph.crm.errors import Invalid, NotFound, Refused
from crmgraph.crm.models import PartyKind
from crmgraph.crm.policy import IDENTITY_DOCUMENTS, MODELS
from crmgraph.crm.records import lookup
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.change_log import plain
from crmgraph.crm.records.merging.merge import LOGIN, PHOTO, Choice, Merged, merge
from crmgraph.crm.records.merging.unmerge import Unmerged, unmerge
from crmgraph.crm.records.merging.values import Dropped, choosable
from crmgraph.graph.resolvers.context import Context, Info
from crmgraph.graph.schema.ids import PREFIXES, decode, encode, number_of
from crmgraph.graph.schema.inputs.edits import revision_of
from crmgraph.graph.schema.inputs.merges import MergeAccountsInput, MergeContactsInput, MergeLeadsInput, UnmergeInput
from crmgraph.graph.schema.mutations.payloads import Payload, ended
from crmgraph.graph.schema.mutations.records import Input
from crmgraph.graph.schema.refs import ref_of
from crmgraph.graph.schema.root_fields import mutation
from crmgraph.graph.schema.scalars import JSON
from crmgraph.graph.schema.types.account import Account
from crmgraph.graph.schema.types.audit import FieldChange, field_changes, known_kinds
from crmgraph.graph.schema.types.contact import Contact
from crmgraph.graph.schema.types.lead import Lead
from crmgraph.graph.schema.types.record import Record
from crmgraph.graph.schema.vocabulary import history_path

_PREVIEW = "What changes of the one that stays, in words of a history."
_DROPPED = "What those who go have and the one that stays does not take: it stays with them, among the deleted."
_MERGED_IDS = "The ids of those who went: they lead to the one that stays."


@strawberry.type(description="A value that a merge does not take, or that is not given back when one is undone.")
class DroppedValue:
    of: strawberry.ID = strawberry.field(description="The id of the record that has it.")
    field: str = strawberry.field(description="Which field, e.g. `jobTitle` or `phones.pho_1000000001.notes`.")
    given: JSON | None = strawberry.field(description="The value; null where it is masked.")
    kept: JSON | None = strawberry.field(
        description="What stands in its place; null for nothing, or where it is masked."
    )
    masked: bool = strawberry.field(description="Whether the values are not shown.")


@strawberry.type(description="How a merge went, or would go.")
class MergeContactsPayload(Payload):
    contact: Contact | None = strawberry.field(
        default=None,
        description="Who stays, as it is or would be; in a dry run its notes, history and other ids are as they are.",
    )
    preview: list[FieldChange] = strawberry.field(default_factory=list, description=_PREVIEW)
    dropped: list[DroppedValue] = strawberry.field(default_factory=list, description=_DROPPED)
    merged_ids: list[strawberry.ID] = strawberry.field(default_factory=list, description=_MERGED_IDS)


@strawberry.type(description="How a merge went, or would go.")
class MergeAccountsPayload(Payload):
    account: Account | None = strawberry.field(
        default=None,
        description="The one that stays, as it is or would be; in a dry run its notes, history, contacts and other ids "
        "are as they are.",
    )
    preview: list[FieldChange] = strawberry.field(default_factory=list, description=_PREVIEW)
    dropped: list[DroppedValue] = strawberry.field(default_factory=list, description=_DROPPED)
    merged_ids: list[strawberry.ID] = strawberry.field(default_factory=list, description=_MERGED_IDS)


@strawberry.type(description="How a merge went, or would go.")
class MergeLeadsPayload(Payload):
    lead: Lead | None = strawberry.field(
        default=None,
        description="The one that stays, as it is or would be; in a dry run its notes, history and other ids are as "
        "they are.",
    )
    preview: list[FieldChange] = strawberry.field(default_factory=list, description=_PREVIEW)
    dropped: list[DroppedValue] = strawberry.field(default_factory=list, description=_DROPPED)
    merged_ids: list[strawberry.ID] = strawberry.field(default_factory=list, description=_MERGED_IDS)


@strawberry.type(description="How the undoing of a merge went, or would go.")
class UnmergePayload(Payload):
    record: Record | None = strawberry.field(default=None, description="The record that is there again.")
    stayed: Record | None = strawberry.field(default=None, description="The one that it had been merged into.")
    kept: list[DroppedValue] = strawberry.field(
        default_factory=list,
        description="What the latter has of the former and keeps, since somebody changed it after the merge: `given` "
        "is what the merge brought, `kept` what is there now.",
    )


@cache
def _columns(kind: PartyKind) -> dict[str, str]:
    """{field, as a history calls it: a column} of what a merge may take."""
    names = sorted(choosable(MODELS[kind]))
    found = {history_path(name): name for name in names}
    # A date is taken as a whole, by any of its parts or by its own name.
    found |= {path.partition(".")[0]: name for path, name in found.items() if name.startswith("birth_")}
    return found | {PHOTO: PHOTO} | ({LOGIN: LOGIN} if kind is PartyKind.CONTACT else {})


async def _merge(context: Context, kind: PartyKind, given: Any) -> dict[str, Any]:
    columns = _columns(kind)

    async def work(session: AsyncSession) -> tuple[Merged, list[int | None]]:
        faults: list[Refused] = []

        async def named(by: Any, *path: str | int) -> int | None:
            try:
                ref = ref_of(context, kind, by)
                # An id is led on once the record is locked: another merge may be under way.
                return ref.id if ref.id is not None else await lookup.find(session, context.actor, kind, ref)
            except Refused as refused:
                refused.path = (*path, *refused.path)
                faults.append(refused)
                return None

        into = await named(given.into, "into")
        sources = [await named(by, "from", place) for place, by in enumerate(given.from_)]
        take = [
            Choice(columns.get(each.field), await named(each.from_, "take", place, "from"))
            for place, each in enumerate(given.take or ())
        ]
        if_revisions = [(number_of(PREFIXES[kind], each.id), each.revision) for each in given.if_revisions or ()]
        try:
            done = await merge(
                session,
                context.actor,
                kind,
                into,
                sources,
                take=take,
                if_revisions=if_revisions,
                dry_run=given.dry_run,
                faults=faults,
            )
        except Refused as refused:
            for fault in refused.all:
                if isinstance(fault, Invalid) and fault.reason == "choice":
                    fault.choices = tuple(sorted(columns))
            raise
        return done, sources

    done, sources = await context.core.db.transact(work)
    # Who was named may have been merged before, into one that goes now, or be the one that stays by now.
    went = dict.fromkeys(each for each in (*sources, *done.merged_ids) if each not in (None, done.stays.id))
    context.committed()
    _show(context, done.stays)
    kinds = await known_kinds(context, done.preview)
    return {
        kind.value.lower(): done.stays.record,
        "preview": field_changes(context, done.preview, kinds),
        "dropped": [_dropped(context, kind, own_id, each) for own_id, each in done.dropped],
        "merged_ids": [encode(PREFIXES[kind], each) for each in went if each is not None],
    }


def _show(context: Context, aggregate: Aggregate) -> None:
    """Tell a record as it is in memory: in a dry run nothing of it can be read."""
    context.loaders.prime(aggregate)
    context.loaders.photo().prime(aggregate.id, aggregate.photo)
    context.loaders.rows(models.Relation).prime(aggregate.id, list(aggregate.relations))


def _dropped(context: Context, kind: PartyKind, own_id: int, dropped: Dropped) -> DroppedValue:
    masked = dropped.path in IDENTITY_DOCUMENTS
    fields = [{"field": dropped.path, "old": plain(dropped.given), "new": plain(dropped.kept), "masked": masked}]
    (told,) = field_changes(context, fields, None)
    return DroppedValue(
        of=strawberry.ID(encode(PREFIXES[kind], own_id)),
        field=told.field,
        given=None if masked else told.old,
        kept=None if masked else told.new,
        masked=masked,
    )


async def _unmerge(context: Context, given: UnmergeInput) -> dict[str, Any]:
    found = decode(given.merged)
    kind = next((kind for kind, prefix in PREFIXES.items() if found is not None and found[0] is prefix), None)
    if found is None or kind is None:
        raise NotFound(("merged",))

    async def work(session: AsyncSession) -> Unmerged:
        return await unmerge(
            session, context.actor, kind, found[1], if_revision=revision_of(given), dry_run=given.dry_run
        )

    done = await context.core.db.transact(work)
    context.committed()
    for each in (done.back, done.stays):
        _show(context, each)
    return {
        "record": done.back.record,
        "stayed": done.stays.record,
        "kept": [_dropped(context, kind, done.back.id, each) for each in done.kept],
    }


@strawberry.type(description="What can be done to records that are one.")
class MergeMutations:
    @mutation(
        "Makes one contact of several. `into` keeps what it has, fills what it lacks, and takes their phones, emails, "
        "addresses, notes, history, ids and login; of what anybody agreed to, the strictest holds. Staff may."
    )
    async def merge_contacts(self, info: Info, input: Annotated[MergeContactsInput, Input]) -> MergeContactsPayload:
        return await ended(MergeContactsPayload, _merge(info.context, PartyKind.CONTACT, input), PartyKind.CONTACT)

    @mutation(
        "Makes one account of several. `into` keeps what it has, fills what it lacks, and takes their contacts, "
        "phones, emails, addresses, notes, history, orders and ids. Staff may."
    )
    async def merge_accounts(self, info: Info, input: Annotated[MergeAccountsInput, Input]) -> MergeAccountsPayload:
        return await ended(MergeAccountsPayload, _merge(info.context, PartyKind.ACCOUNT, input), PartyKind.ACCOUNT)

    @mutation(
        "Makes one lead of several. `into` keeps what it has, fills what it lacks, and takes their phones, emails, "
        "addresses, notes, history and ids. Staff may."
    )
    async def merge_leads(self, info: Info, input: Annotated[MergeLeadsInput, Input]) -> MergeLeadsPayload:
        return await ended(MergeLeadsPayload, _merge(info.context, PartyKind.LEAD, input), PartyKind.LEAD)

    @mutation(
        "Undoes a merge of the last 30 days: whatever went over goes back, as it is by now. What was changed or came "
        "since stays with the one that stayed. Staff may."
    )
    async def unmerge(self, info: Info, input: Annotated[UnmergeInput, Input]) -> UnmergePayload:
        return await ended(UnmergePayload, _unmerge(info.context, input))
