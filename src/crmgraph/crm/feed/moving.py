"""Moving the log to another database server, whose transactions have other numbers.

A dump that is restored brings the numbers of the transactions that wrote the log. Where the new server's are lower,
what is written there would come before what has been read. So its numbers are raised, once, by an offset, and readers
reckon with it.
"""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.feed.pages import OFFSET
from crmgraph.crm.models import Installation
from crmgraph.db.database import Database

_HIGHEST = "SELECT transaction_id FROM change WHERE transaction_id IS NOT NULL ORDER BY transaction_id DESC LIMIT 1"
_KNOWN = f"COALESCE((SELECT value::bigint FROM installation WHERE name = '{OFFSET}'), 0)"  # noqa: S608 - our own name
_NEXT = "pg_snapshot_xmax(pg_current_snapshot())::text::bigint"


async def is_moved(db: Database) -> bool:
    """Whether the log has what this server cannot have written."""
    if db.is_sqlite:
        return False
    async with db.read() as session:
        return bool(await session.scalar(text(f"SELECT ({_HIGHEST}) >= {_KNOWN} + {_NEXT}")))


async def settle(db: Database) -> bool:
    """Let what is written from now on come after all that the log has, in its own transaction, where it does not.

    Returns whether that was needed.

    What has been written here since the log was moved is put after it too: cursors from before miss nothing.
    """
    if not await is_moved(db):
        return False

    async def work(session: AsyncSession) -> bool:
        # Nobody writes meanwhile: each statement below sees all that was written before.
        await session.execute(text("LOCK TABLE change IN ACCESS EXCLUSIVE MODE"))
        row: Any = (await session.execute(text(f"SELECT ({_HIGHEST}), {_KNOWN}, {_NEXT}"))).one()
        highest, known, following = row
        if highest is None or highest < known + following:
            return False  # another process has done it
        await session.execute(
            text(
                "UPDATE change SET transaction_id = transaction_id + :more WHERE id > "
                "(SELECT max(id) FROM change WHERE transaction_id >= :here)"
            ),
            {"more": highest - known, "here": known + following},
        )
        number = f"{int(highest)} + pg_current_xact_id()::text::bigint"
        await session.execute(text(f"ALTER TABLE change ALTER transaction_id SET DEFAULT {number}"))
        await session.merge(Installation(name=OFFSET, value=str(highest)))
        return True

    return await db.transact(work)
