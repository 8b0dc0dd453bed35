"""The history of the tables, by alembic.

Part of the package, so that an installed crmgraph can migrate its database.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

from crmgraph.db import Database

if TYPE_CHECKING:
    from alembic.config import Config

_LOCK = 0x63726D67  # "crmg": one migration at a time, however many processes start together


async def upgrade(db: Database, revision: str = "head") -> None:
    """Bring the tables up to `revision`, in one transaction; nothing happens when they are there."""
    from alembic import command

    await _run(db, lambda config: command.upgrade(config, revision))


async def downgrade(db: Database, revision: str = "base") -> None:
    """Take the tables back to `revision`, with the data that only later ones can hold."""
    from alembic import command

    await _run(db, lambda config: command.downgrade(config, revision))


@cache
def head() -> str:
    """The latest revision: the steps are numbered, and each file begins with its number."""
    return max(step.name.partition("_")[0] for step in (Path(__file__).parent / "versions").glob("[0-9]*.py"))


async def revision(db: Database) -> str | None:
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
    return await revision(db) == head()


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


async def _run(db: Database, step: "Callable[[Config], None]") -> None:
    from alembic.config import Config

    def carry_out(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", "crmgraph:migrations")
        config.attributes["connection"] = connection
        step(config)

    async with db.engine.begin() as connection:
        if not db.is_sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        await connection.run_sync(carry_out)
