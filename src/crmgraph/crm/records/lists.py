"""Lists of records with what belongs to them."""

from collections.abc import Collection, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import PartyKind
from crmgraph.crm.policy import Actor
from crmgraph.crm.query.conditions import Order, Where
from crmgraph.crm.query.offset_pages import find_ids
from crmgraph.crm.records import aggregates
from crmgraph.crm.records.aggregates import Aggregate


async def find_records(
    session: AsyncSession,
    actor: Actor,
    kind: PartyKind,
    where: Where | None = None,
    *,
    order: Sequence[Order] = (),
    offset: int = 0,
    limit: int = 200,
    parts: Collection[str] = aggregates.PARTS,
) -> tuple[list[Aggregate], bool]:
    """A page of records with their rows, and whether there is another; see `find_ids` and `aggregates.load`."""
    page = await find_ids(session, actor, kind, where, order=order, offset=offset, limit=limit)
    found = await aggregates.load(session, actor, kind, page.ids, parts=parts) if page.ids else {}
    return [found[i] for i in page.ids if i in found], page.more
