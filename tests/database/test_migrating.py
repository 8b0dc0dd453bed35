"""Migrating while others use the tables."""

import asyncio
import time

import pytest

from crmgraph.db.database import Database
from crmgraph.migrations import NewerTables, NotNow, downgrade, fault_of, head, is_current, upgrade
from tests.conftest import Postgres
from tests.database.connections import connected
from tests.database.test_states import database as database


async def test_behind_a_long_read_a_migration_lets_others_pass_and_goes_on_later(
    postgres: Postgres, database: str
) -> None:
    db = Database(postgres.url(database), pool_size=5, statement_seconds=None)
    await downgrade(db)
    await upgrade(db, "0001")
    url = postgres.url(database)
    async with connected(url) as reader, connected(url) as other:
        read = reader.transaction()
        await read.start()
        for table in ("phone", "email", "address"):
            await reader.fetch(f"SELECT count(*) FROM {table}")
        told: list[str] = []
        with pytest.raises(NotNow, match="for longer than 0 seconds"):
            await upgrade(db, lock_seconds=0.3, wait_seconds=0, told=told.append)
        assert told == []
        migrating = asyncio.create_task(upgrade(db, lock_seconds=0.5, wait_seconds=30, told=told.append))
        longest = 0.0
        for _ in range(30):
            start = time.monotonic()
            await other.fetch("SELECT count(*) FROM phone")
            longest = max(longest, time.monotonic() - start)
            await asyncio.sleep(0.05)
        assert longest < 1.5
        assert not migrating.done()
        await read.rollback()
        await migrating
        assert set(told) == {"Waiting: somebody reads or writes the tables for long."}
        assert await is_current(db)
    await db.close()


async def test_one_migration_at_a_time_and_the_others_say_why_they_wait(postgres: Postgres, database: str) -> None:
    db = Database(postgres.url(database), pool_size=5)
    async with connected(postgres.url(database)) as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(1668443495)")
        with pytest.raises(NotNow, match="another program is migrating this database"):
            await upgrade(db, wait_seconds=0)
    await upgrade(db, wait_seconds=0)
    await db.close()


async def test_tables_of_a_newer_program_are_called_that(postgres: Postgres, database: str) -> None:
    db = Database(postgres.url(database), pool_size=5)
    async with connected(postgres.url(database)) as connection:
        await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    known = f"this program knows up to {head()}"
    text = f"The database is of a newer version: 9999; {known}: start the newer program."
    with pytest.raises(NewerTables) as raised:
        await upgrade(db)
    assert str(raised.value) == text == fault_of("9999")
    await db.close()
