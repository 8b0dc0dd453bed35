"""Values that one door holds to be unique, though the store does not."""

import zlib

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.conditions import And, Compare, Op, Where
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


async def holder(session: AsyncSession, actor: Actor, kind: PartyKind, where: Where, own_id: int | None) -> int | None:
    """The live record that has a value already; None when it is free.

    Args:
        where: what records with the value fulfil.
        own_id: the record that is to get it; None for a new one.

    Raises:
        Invalid: the value is not of the form of its column.
    """
    if own_id is not None:
        where = And((where, Compare(MODELS[kind].id, Op.NOT_EQUAL, own_id)))
    page = await find_ids(session, actor, kind, where, limit=1)
    return page.ids[0] if page.ids else None
