"""Upkeep: the list of duplicates is made from all records once, and brought up to date with those that change.

A run compares records block by block, each batch in its own transaction. Between runs what has changed is compared
anew, by what it shares with others; that a name is written a little differently is found by a run alone.
"""

import asyncio
import datetime as dt
from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Duplicate, Installation, PartyKind, now
from crmgraph.crm.policy import MODELS
from crmgraph.crm.records.duplicates import blocks, finding
from crmgraph.db.database import Database

BATCH = 200
"""How many records that have changed are compared in one transaction."""
SLACK = dt.timedelta(minutes=2)
"""How long a transaction may take that has changed a record: so far back changes are looked through again."""
ASIDE = 1.0
"""The most seconds between two batches of what has changed, so that it ends however busy others are."""
SECONDS = 300.0
"""Seconds between two times that what has changed is compared."""


async def size(db: Database, kind: PartyKind) -> int:
    """How many rows a run goes through."""
    found = 0
    async with db.read() as session:
        for source in blocks.sources(kind):
            found += await session.scalar(select(func.count()).select_from(source.query.subquery())) or 0
    return found


async def run(db: Database, kind: PartyKind, *, progress: Callable[[int], None] = lambda done: None) -> int:
    """Find the duplicates among all records of a kind, each batch in its own transaction.

    Args:
        progress: is told after each batch how many rows it had.

    Returns:
        How many pairs there are by now.
    """
    begun = now()

    async def read(query: Any) -> Any:
        async with db.read() as session:
            return (await session.execute(query)).all()

    async for pairs in blocks.pairs(read, kind, progress):
        listed = sorted(pairs)
        for begin in range(0, len(listed), blocks.BATCH):
            part = listed[begin : begin + blocks.BATCH]
            await db.transact(partial(finding.note, kind=kind, found=part))

    async def end(session: AsyncSession) -> int:
        old = delete(Duplicate).where(Duplicate.kind == kind, Duplicate.found_at < begun)
        await session.execute(old, execution_options={"synchronize_session": False})
        await _remember(session, kind, begun)
        mine = select(func.count()).select_from(Duplicate).where(Duplicate.kind == kind, Duplicate.first)
        return await session.scalar(mine) or 0

    return await db.transact(end)


async def keep_up(db: Database) -> dict[str, int]:
    """Compare what has changed since the last time, or all records; each batch in its own transaction.

    Returns:
        {kind: how many records were compared}, or pairs found by a run.
    """
    done: dict[str, int] = {}
    for kind in PartyKind:
        async with db.read() as session:
            last = await session.scalar(select(Installation.value).where(Installation.name == _name(kind)))
        if last is None:
            done[kind.value.lower()] = await run(db, kind)
        else:
            done[kind.value.lower()] = await _changed(db, kind, dt.datetime.fromisoformat(last))
    return done


async def _changed(db: Database, kind: PartyKind, since: dt.datetime) -> int:
    """Compare what has changed since then, each batch in its own transaction. Returns how many records that were."""
    model: Any = MODELS[kind]
    begun, count, after = now(), 0, (since - SLACK, 0)
    while True:
        async with db.read() as session:
            later = (model.updated_at > after[0]) | ((model.updated_at == after[0]) & (model.id > after[1]))
            query = select(model.updated_at, model.id).where(model.deleted_at.is_(None), later)
            rows = (await session.execute(query.order_by(model.updated_at, model.id).limit(BATCH))).all()
        if not rows:
            break
        ids = [row.id for row in rows]
        started = asyncio.get_running_loop().time()
        await db.transact(partial(finding.refresh, kind=kind, ids=ids))
        await _stand_aside(started)
        count += len(rows)
        after = rows[-1].updated_at, rows[-1].id
    await db.transact(partial(_remember, kind=kind, at=begun))
    return count


async def _stand_aside(started: float) -> None:
    """Leave the database to others for as long as a batch took that began then: the longer, the busier they are."""
    taken = asyncio.get_running_loop().time() - started
    await asyncio.sleep(min(taken, ASIDE))


async def _remember(session: AsyncSession, kind: PartyKind, at: dt.datetime) -> None:
    await session.merge(Installation(name=_name(kind), value=at.isoformat()))


def _name(kind: PartyKind) -> str:
    return f"duplicates of {kind.value.lower()}s"
