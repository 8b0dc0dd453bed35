"""The mutation by which records are told apart that looked alike."""

from typing import Annotated, Any

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import NotFound, refuse
from crmgraph.crm.models import PartyKind
from crmgraph.crm.policy import require_staff
from crmgraph.crm.records.duplicates.dismissing import dismiss
from crmgraph.graph.resolvers.context import Context, Info
from crmgraph.graph.schema.ids import PREFIXES, decode
from crmgraph.graph.schema.inputs.edits import required
from crmgraph.graph.schema.mutations.payloads import Payload, ended
from crmgraph.graph.schema.mutations.records import Input
from crmgraph.graph.schema.root_fields import mutation
from crmgraph.graph.schema.types.record import Record


@strawberry.input(description="Which two records are not the same.")
class DismissDuplicateInput:
    record: strawberry.ID = required("The id of a contact, an account or a lead.")
    other: strawberry.ID = required("The id of another one of the same kind.")


@strawberry.type(description="How a dismissal went.")
class DismissDuplicatePayload(Payload):
    record: Record | None = strawberry.field(default=None, description="The one; null when it was refused.")
    other: Record | None = strawberry.field(default=None, description="The other; null when it was refused.")


def _kind_and_id(text: str) -> tuple[PartyKind | None, int | None]:
    found = decode(text)
    kinds = (kind for kind, prefix in PREFIXES.items() if found is not None and found[0] is prefix)
    return next(kinds, None), None if found is None else found[1]


async def _dismiss(context: Context, given: DismissDuplicateInput) -> dict[str, Any]:
    require_staff(context.actor)
    (kind, one), (other_kind, other) = _kind_and_id(given.record), _kind_and_id(given.other)
    named = {"record": kind, "other": other_kind}
    refuse([NotFound((name,)) for name, of in named.items() if of is None])
    assert kind is not None  # noqa: S101 - both are of some kind

    async def work(session: AsyncSession) -> tuple[int, int]:
        return await dismiss(session, context.actor, kind, one, other if other_kind is kind else None)

    ids = await context.core.db.transact(work)
    context.committed()
    record, another = [await context.record(kind, each) for each in ids]
    return {"record": record, "other": another}


@strawberry.type(description="What can be done to records that look alike.")
class DuplicateMutations:
    @mutation("Says that two records are not the same: they are no duplicates of each other any more. Staff may.")
    async def dismiss_duplicate(
        self, info: Info, input: Annotated[DismissDuplicateInput, Input]
    ) -> DismissDuplicatePayload:
        return await ended(DismissDuplicatePayload, _dismiss(info.context, input))
