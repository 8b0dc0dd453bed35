"""The mutation that brings back what was deleted."""

from typing import Annotated, Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession
from strawberry import UNSET

from crmgraph.crm.errors import Refused
from crmgraph.crm.models import PartyKind
from crmgraph.crm.records import trash
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.graph.resolvers.context import Context, Info
from crmgraph.graph.schema.inputs.edits import required, revision_of
from crmgraph.graph.schema.inputs.notes import RecordRef
from crmgraph.graph.schema.inputs.records import dry_run, if_revision
from crmgraph.graph.schema.mutations.payloads import Payload, ended
from crmgraph.graph.schema.mutations.records import Input
from crmgraph.graph.schema.refs import ref_of
from crmgraph.graph.schema.root_fields import mutation
from crmgraph.graph.schema.types.record import Record


@strawberry.input(description="Which of the deleted records comes back.")
class RestoreInput:
    record: RecordRef = required(
        "Which record, by what it was called. Where several that were deleted answer to a name, an id is needed."
    )
    if_revision: int | None = if_revision()
    dry_run: bool = dry_run()


@strawberry.type(description="How it went with what was deleted.")
class RestorePayload(Payload):
    record: Record | None = strawberry.field(
        default=None,
        description="The record, which is there again, or would be in a dry run; null when it was refused.",
    )


async def _restore(context: Context, kind: PartyKind, given: RestoreInput) -> dict[str, Any]:
    by = getattr(given.record, kind.value.lower())

    async def work(session: AsyncSession) -> Aggregate:
        try:
            ref = ref_of(context, kind, by)
            return await trash.restore(
                session, context.actor, kind, ref, if_revision=revision_of(given), dry_run=given.dry_run
            )
        except Refused as refused:
            for fault in refused.all:
                if fault.path[:1] == ("external",):
                    fault.path = (kind.value.lower(), *fault.path)
                if fault.path != ("if_revision",):
                    fault.path = ("record", *fault.path)
            raise

    aggregate = await context.core.db.transact(work)
    context.committed()
    if given.dry_run:
        context.loaders.record(type(aggregate.record)).prime(aggregate.id, aggregate.record)
    return {"record": aggregate.record}


def _kind_of(given: RecordRef) -> PartyKind:
    return next(kind for kind in PartyKind if getattr(given, kind.value.lower()) not in (UNSET, None))


@strawberry.type(description="What can be done to what was deleted.")
class TrashMutations:
    @mutation(
        "Brings a deleted record back, with all that belongs to it, and its login. What is unique of it and was taken "
        "meanwhile is refused, with whoever has it. Staff may."
    )
    async def restore(self, info: Info, input: Annotated[RestoreInput, Input]) -> RestorePayload:
        kind = _kind_of(input.record)
        return await ended(RestorePayload, _restore(info.context, kind, input), kind)
