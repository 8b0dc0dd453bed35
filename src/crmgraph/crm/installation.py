"""What a database is: a demo, whose passwords are shown to anybody, or somebody's own. The two never meet."""

from enum import StrEnum

from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Installation
from crmgraph.db.database import Database

_KIND = "kind"


class Kind(StrEnum):
    """What a database holds."""

    DEMO = "demo"
    PRODUCTION = "production"


async def kind_of(db: Database) -> Kind | None:
    """What this database is, of whatever version its tables are; None while it holds nobody and nothing.

    A database from before the mark is a demo when the sample records were loaded into it, else somebody's own.
    """

    def look(connection: Connection) -> str | None:
        tables = set(inspect(connection).get_table_names())
        if "installation" in tables:
            mark = connection.scalar(text("SELECT value FROM installation WHERE name = :name"), {"name": _KIND})
            if mark is not None:
                return str(mark)
        if "counter" in tables and connection.scalar(text("SELECT 1 FROM counter WHERE series = 'demo'")):
            return Kind.DEMO
        for table in {"party", "staff"} & tables:
            if connection.scalar(text(f"SELECT 1 FROM {table} LIMIT 1")):  # noqa: S608 - one of the two above
                return Kind.PRODUCTION
        return None

    async with db.read() as session:
        found = await (await session.connection()).run_sync(look)
    return None if found is None else Kind(found)


async def mark(session: AsyncSession, kind: Kind) -> None:
    """Say what this database is, unless it has been said."""
    if await session.get(Installation, _KIND) is None:
        session.add(Installation(name=_KIND, value=kind.value))
        await session.flush()
