"""What a field may hold: the values of an enum, or the texts that records have in it, for menus."""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Enum as SqlEnum
from sqlalchemy import Select, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from crmgraph.crm.models import Account, Contact, Lead, PartyKind
from crmgraph.crm.policy import MODELS, Actor, visibility_key, visibility_values, visible, with_parameters
from crmgraph.crm.query import snapshots

MAX_CHOICES = 200
"""The most values that are told of a field, the first ones in the order of their letters."""

FIELDS: dict[PartyKind, dict[str, InstrumentedAttribute[Any]]] = {
    PartyKind.CONTACT: {
        "category": Contact.category,
        "life_cycle_state": Contact.life_cycle_state,
    },
    PartyKind.ACCOUNT: {
        "kind": Account.kind,
        "account_type": Account.account_type,
        "industry": Account.industry,
        "rating": Account.rating,
        "segment": Account.segment,
        "status": Account.status,
    },
    PartyKind.LEAD: {
        "approval": Lead.approval,
        "rating": Lead.rating,
        "source": Lead.source,
        "status": Lead.status,
    },
}
"""The fields that have choices. Each text among them has an index, along which its values are found one by one."""


async def choices(session: AsyncSession, actor: Actor, kind: PartyKind, field: str) -> list[str]:
    """What a field holds: of an enum all its values, of a text those of records that the actor may see.

    Args:
        field: one of `FIELDS`.
    """
    column = FIELDS[kind][field]
    if isinstance(column.type, SqlEnum):
        return list(cast(Sequence[str], column.type.enums))
    model: Any = MODELS[kind]

    def build() -> Select[Any]:
        seen = (visible(with_parameters(actor), model), column.is_not(None))
        # The next value is looked up by the index: all values of a column are as many look-ups, however many records.
        least: Any = select(func.min(column).label("value"), literal_column("1").label("number")).where(*seen)
        found = least.cte("found", recursive=True)
        following = select(func.min(column)).where(*seen, column > found.c.value).correlate(found).scalar_subquery()
        step = select(following, found.c.number + literal_column("1")).where(
            found.c.value.is_not(None), found.c.number < literal_column(str(MAX_CHOICES))
        )
        every = found.union_all(step)
        return select(every.c.value).where(every.c.value.is_not(None)).order_by(every.c.number)

    key = ("choices", kind, field, visibility_key(actor))
    rows = await snapshots.rows_of(session, key, build, visibility_values(actor))
    return [row[0] for row in rows]
