"""Giving way: between batches an import waits where others wait for the database, and slows nobody down."""

import asyncio

from sqlalchemy import select

from crmgraph.db.database import Database

NOTICED = 0.1
"""Seconds that the shortest question may take, its wait for a connection included, before somebody is in a hurry."""
TIMES = 2
LONGEST = 2.0
"""Seconds of a pause at the most."""


async def give_way(db: Database) -> float:
    """Pause for some times as long as a connection and the shortest question take by now; the seconds of the pause."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with db.read() as session:
        await session.execute(select(1))
    taken = loop.time() - began
    if taken < NOTICED:
        return 0.0
    pause = min(LONGEST, TIMES * taken)
    await asyncio.sleep(pause)
    return pause
