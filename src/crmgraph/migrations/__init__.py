"""The history of the tables, by alembic.

Part of the package, so that an installed crmgraph can migrate its database.
"""

from collections.abc import Callable

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from crmgraph.db import Database

_LOCK = 0x63726D67  # "crmg": one migration at a time, however many processes start together


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", "crmgraph:migrations")
    config.attributes["connection"] = connection
    return config


async def upgrade(db: Database, revision: str = "head") -> None:
    """Bring the tables up to `revision`, in one transaction; nothing happens when they are there."""
    await _run(db, lambda config: command.upgrade(config, revision))


async def downgrade(db: Database, revision: str = "base") -> None:
    """Take the tables back to `revision`, with the data that only later ones can hold."""
    await _run(db, lambda config: command.downgrade(config, revision))


async def is_current(db: Database) -> bool:
    """Whether the database has exactly the tables of this version."""
    head = ScriptDirectory.from_config(_config()).get_current_head()

    def current(connection: Connection) -> str | None:
        return MigrationContext.configure(connection).get_current_revision()

    async with db.read() as session:
        return await (await session.connection()).run_sync(current) == head


async def _run(db: Database, step: Callable[[Config], None]) -> None:
    async with db.engine.begin() as connection:
        if not db.is_sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        await connection.run_sync(lambda sync: step(_config(sync)))
