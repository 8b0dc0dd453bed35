"""The history of the tables, by alembic.

Part of the package, so that an installed crmgraph can migrate its database.
"""

import asyncio
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from crmgraph.db.database import Database
from crmgraph.db.errors import diagnose

if TYPE_CHECKING:
    from alembic.config import Config

_LOCK = 0x63726D67  # "crmg": one migration at a time, however many processes start together


LOCK_SECONDS = 3.0
"""How long a migration waits for the lock of a table. Whoever comes after it for that table waits behind it as long."""
WAIT_SECONDS = 60.0
"""How long a migration goes on trying to get its locks."""
PAUSE_SECONDS = 2.0
"""How long a migration lets others pass between two tries."""

Told: TypeAlias = Callable[[str], None]


class NotNow(Exception):
    """The tables were not migrated, since others would not let go of them. Nothing was changed."""


class NewerTables(Exception):
    """The tables are those of a newer program. Nothing was changed."""


async def upgrade(
    db: Database,
    revision: str = "head",
    *,
    lock_seconds: float = LOCK_SECONDS,
    wait_seconds: float = WAIT_SECONDS,
    told: Told = lambda _: None,
) -> None:
    """Bring the tables up to `revision`, in one transaction; nothing happens when they are there.

    Args:
        lock_seconds: how long one lock is waited for, on PostgreSQL; then everything is taken back, others pass, and it
            begins again.
        wait_seconds: for how long it begins again.
        told: hears why it waits.

    Raises:
        NotNow, NewerTables: see there.
    """
    from alembic import command

    found = await revision_of(db)
    if is_newer(found):
        raise NewerTables(fault_of(found))
    until = asyncio.get_running_loop().time() + wait_seconds
    while (why := await _run(db, lambda config: command.upgrade(config, revision), lock_seconds)) is not None:
        if asyncio.get_running_loop().time() + PAUSE_SECONDS > until:
            raise NotNow(f"Nothing was migrated: {why}, for longer than {wait_seconds:g} seconds.")
        told(f"Waiting: {why}.")
        await asyncio.sleep(PAUSE_SECONDS)


async def downgrade(db: Database, revision: str = "base") -> None:
    """Take the tables back to `revision`, with the data that only later ones can hold.

    Raises:
        NotNow: others would not let go of the tables.
    """
    from alembic import command

    why = await _run(db, lambda config: command.downgrade(config, revision), LOCK_SECONDS)
    if why is not None:
        raise NotNow(f"Nothing was migrated: {why}.")


@cache
def head() -> str:
    """The latest revision: the steps are numbered, and each file begins with its number."""
    return max(step.name.partition("_")[0] for step in (Path(__file__).parent / "versions").glob("[0-9]*.py"))


async def revision_of(db: Database) -> str | None:
    """The revision of the tables in the database; None where there are none.

    Asked at every start and by everybody who watches over a server, and so without alembic, which takes a tenth of the
    start to load.
    """
    there = "SELECT name FROM sqlite_master WHERE name = 'alembic_version'"
    if not db.is_sqlite:
        there = "SELECT to_regclass('alembic_version')::text"
    async with db.read() as session:
        if await session.scalar(text(there)) is None:
            return None
        found: str | None = await session.scalar(text("SELECT version_num FROM alembic_version"))
        return found


async def is_current(db: Database) -> bool:
    """Whether the database has exactly the tables of this version."""
    return await revision_of(db) == head()


def is_newer(found: str | None) -> bool:
    """Whether tables of this revision are those of a newer program."""
    return found is not None and found > head()


def fault_of(found: str | None) -> str | None:
    """What is wrong with tables of this revision, and what to do about it; None where nothing is."""
    if found == head():
        return None
    if is_newer(found):
        known = f"this program knows up to {head()}"
        return f"The database is of a newer version: {found}; {known}: start the newer program."
    return "The database is not migrated: run `crmgraph migrate` first."


async def _run(db: Database, step: "Callable[[Config], None]", lock_seconds: float) -> str | None:
    """Carry out a step in one transaction. Returns why it was not, when others hold what it needs."""
    from alembic.config import Config

    def carry_out(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", "crmgraph:migrations")
        config.attributes["connection"] = connection
        step(config)

    try:
        async with db.engine.begin() as connection:
            if not db.is_sqlite:
                # Behind a lock that is waited for, everybody else waits too: rather let go of it, and come again.
                limit = {"limit": f"{round(lock_seconds * 1000)}ms"}
                await connection.execute(text("SELECT set_config('lock_timeout', :limit, true)"), limit)
                if not await connection.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}):
                    return "another program is migrating this database"
            await connection.run_sync(carry_out)
    except DBAPIError as error:
        if diagnose(error).reason != "busy":
            raise
        return "somebody reads or writes the tables for long"
    return None
