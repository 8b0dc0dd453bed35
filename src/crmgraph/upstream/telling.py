"""How far old CRMs are read, as metrics of the servers in front of them: whoever reads serves no HTTP."""

import asyncio

from sqlalchemy import func, select

from crmgraph.crm.models import Parked, PullMark, now
from crmgraph.crm.upstreams import OVERLAP
from crmgraph.db.database import Database
from crmgraph.db.errors import log_background
from crmgraph.metrics import UPSTREAM_PARKED, UPSTREAM_PULL_LAG

EVERY = 10.0
"""After how many seconds it is looked at again."""


async def tell(db: Database) -> None:
    """Look once: by two statements."""
    oldest = select(PullMark.dialect, func.min(PullMark.watermark)).where(PullMark.watermark.is_not(None))
    left = select(Parked.dialect, func.count()).where(Parked.tries > 0)
    async with db.read() as session:
        marks = (await session.execute(oldest.group_by(PullMark.dialect))).all()
        parked = dict((await session.execute(left.group_by(Parked.dialect))).all())
    for door, watermark in marks:
        if watermark is None:
            continue
        UPSTREAM_PULL_LAG.labels(door.dialect).set((now() - watermark - OVERLAP).total_seconds())
        UPSTREAM_PARKED.labels(door.dialect).set(parked.get(door, 0))


async def keep_telling(db: Database) -> None:
    """Look again and again, until it is cancelled."""
    while True:
        try:
            await tell(db)
        except Exception as error:
            log_background(error, "upstream")
        await asyncio.sleep(EVERY)
