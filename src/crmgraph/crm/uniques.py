"""Values that one door holds to be unique, though the store does not."""

import zlib
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.conditions import And, Compare, Op
from crmgraph.crm.listing import find_ids
from crmgraph.crm.models import PartyKind
from crmgraph.crm.policy import MODELS, Actor


async def hold(session: AsyncSession, name: str) -> None:
    """Let nobody else write values under this name until the transaction ends, so that two cannot both be first.

    Take it once, after the records that are locked and before any number is taken from a series: then no two writers
    wait for each other crosswise. On SQLite there is one writer at a time anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(select(func.pg_advisory_xact_lock(zlib.crc32(name.encode()))))


async def holder(
    session: AsyncSession, actor: Actor, kind: PartyKind, place: Any, value: str, own_id: int | None
) -> int | None:
    """The live record that has this value already; None when it is free.

    Args:
        place: where the value is, see `listing.Place`.
        own_id: the record that is to get it.

    Raises:
        Invalid: the value is not of the form of its column.
    """
    taken = Compare(place, Op.EQUALS, value)
    where = taken if own_id is None else And((taken, Compare(MODELS[kind].id, Op.NOT_EQUAL, own_id)))
    page = await find_ids(session, actor, kind, where, limit=1)
    return page.ids[0] if page.ids else None
