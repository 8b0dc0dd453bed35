"""Statements that are compiled once and run by the driver."""

import asyncio
import datetime as dt
import time
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import bindparam, func, literal, select, text

from crmgraph.crm.models import Contact, Door, PartyKind, Role
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import parties
from crmgraph.crm.records.edits import Edit
from crmgraph.db import prepared
from crmgraph.db.database import Database
from crmgraph.db.errors import is_away
from tests.conftest import CONNECTIONS, statements

STAFF = Actor(Door.GRAPHQL, Role.ADMIN)


async def test_values_come_and_go_as_through_a_session(db: Database) -> None:
    async with db.begin() as session:
        made = await parties.create(session, STAFF, PartyKind.CONTACT, Edit({"last_name": "Ö'\"\\"}))
    columns = (Contact.id, Contact.last_name, Contact.created_at, Contact.extra_fields, Contact.decision_maker)
    query = select(*columns).where(Contact.created_at <= bindparam("at"), Contact.id == bindparam("id"))
    async with db.read() as session:
        expected = (await session.execute(query, {"at": dt.datetime.now(dt.UTC), "id": made.id})).all()
    with statements(db) as seen:
        for _ in range(2):
            rows = await db.fetch_compiled("test", lambda: query, {"at": dt.datetime.now(dt.UTC), "id": made.id})
            assert [tuple(row) for row in rows] == [tuple(row) for row in expected]
    assert len(seen) == 2


async def test_more_than_there_are_connections_wait_their_turn(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    execute, used = db.pool.execute, set()

    async def noted(connection: Any, sql: str, values: Sequence[Any]) -> Any:
        used.add(connection)
        return await execute(connection, sql, values)

    monkeypatch.setattr(db.pool, "execute", noted)
    rows = await asyncio.gather(
        *(db.fetch_compiled("one", lambda: select(bindparam("n") + literal(0)), {"n": n}) for n in range(50))
    )
    assert [row[0][0] for row in rows] == list(range(50))
    assert len(used) == CONNECTIONS


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_a_connection_keeps_no_more_prepared_than_so_many_bytes(db: Database) -> None:
    kept = "SELECT name, length(statement) FROM pg_prepared_statements"
    for n in range(30):
        long = f"SELECT $1::int + {n}, '{'x' * 40_000}'"
        assert [row[0] for row in await db.pool.fetch(long, [n])] == [2 * n]
    sizes = [row[1] for row in await db.pool.fetch(kept, [])]
    assert 400_000 < sum(sizes) < prepared.KEPT_BYTES
    # What is too long by itself is not kept.
    for _ in range(2):
        assert [row[0] for row in await db.pool.fetch(f"SELECT $1::int, '{'x' * prepared.KEPT_BYTES}'", [7])] == [7]
    await db.pool.fetch("SELECT 1", [])
    after = await db.pool.fetch(kept, [])
    assert sum(row[1] for row in after) < prepared.KEPT_BYTES
    for n in range(1_000):
        await db.pool.fetch(f"SELECT {n}", [])
    assert len(await db.pool.fetch(kept, [])) <= prepared.KEPT_BYTES // prepared.OVERHEAD


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_what_was_prepared_before_a_migration_is_prepared_anew(db: Database) -> None:
    async with db.begin() as session:
        await session.execute(text("CREATE TABLE changing (id integer)"))
        await session.execute(text("INSERT INTO changing VALUES (1)"))
    for column in ("integer", "text", "bigint"):
        async with db.begin() as session:
            await session.execute(text(f"ALTER TABLE changing ALTER COLUMN id TYPE {column} USING id::{column}"))
        for once in (False, True):
            rows = await db.pool.fetch("SELECT id FROM changing", [], once=once)
            assert [str(row[0]) for row in rows] == ["1"]


async def test_a_statement_that_fails_or_is_given_up_leaves_the_others_alone(db: Database) -> None:
    wrong = select(func.no_such_function())
    with pytest.raises(Exception) as raised:
        await db.fetch_compiled("wrong", lambda: wrong, {})
    assert not is_away(raised.value)
    task = asyncio.create_task(db.fetch_compiled("fine", lambda: select(literal(1)), {}))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert [tuple(row) for row in await db.fetch_compiled("fine", lambda: select(literal(1)), {})] == [(1,)]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_what_the_server_does_not_end_is_given_up_and_nothing_else(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crmgraph.db.url.GRACE", 0.0)
    db = Database(database, pool_size=2, statement_seconds=0.5)
    await db.pool.fetch("SET statement_timeout = 0", [])  # a server that does not end it
    slow = asyncio.create_task(db.pool.fetch("SELECT pg_sleep(60)", [], once=True))
    await asyncio.sleep(0.3)
    later = asyncio.create_task(db.pool.fetch("SELECT pg_sleep(0.3)::text", []))
    start = time.monotonic()
    with pytest.raises(TimeoutError):
        await slow
    assert time.monotonic() - start < 1
    assert [tuple(row) for row in await later] == [("",)]
    assert [tuple(row) for row in await db.pool.fetch("SELECT 1", [])] == [(1,)]
    await db.close()


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_who_waits_for_a_connection_has_it_in_turn_and_who_gives_up_leaves_it(database: str) -> None:
    db = Database(database, pool_size=1)
    order: list[int] = []

    async def ask(n: int) -> None:
        await db.pool.fetch(f"SELECT {n}, pg_sleep(0.05)", [])
        order.append(n)

    tasks = [asyncio.create_task(ask(n)) for n in range(6)]
    await asyncio.sleep(0)
    for given_up in (2, 4):
        tasks[given_up].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert order == [0, 1, 3, 5]
    await asyncio.wait_for(ask(6), 3)
    await db.close()


async def test_a_text_that_depends_on_its_values_is_refused(db: Database) -> None:
    with pytest.raises(ValueError, match="depends on its values"):
        await db.fetch_compiled("in", lambda: select(Contact.id).where(Contact.id.in_([1, 2])), {})


async def test_a_connection_that_was_cut_is_replaced_unnoticed(db: Database) -> None:
    if db.is_sqlite:
        pytest.skip("a file cannot be cut off")
    (row,) = await db.fetch_compiled("pid", lambda: select(func.pg_backend_pid()), {})
    async with db.begin() as session:
        assert await session.scalar(select(func.pg_terminate_backend(row[0])))
    await asyncio.sleep(0.1)
    assert [tuple(row) for row in await db.fetch_compiled("fine", lambda: select(literal(1)), {})] == [(1,)]


async def test_a_statement_that_is_given_up_ends_in_the_database_too(db: Database) -> None:
    if db.is_sqlite:
        pytest.skip("SQLite's statements are short, and run where they are asked")
    task = asyncio.create_task(db.fetch_compiled("slow", lambda: select(func.pg_sleep(60)), {}))
    await asyncio.sleep(0.3)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    asleep = text("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(%' AND pid <> pg_backend_pid()")
    for _ in range(50):
        async with db.read() as session:
            left = await session.scalar(asleep)
        if left == 0:
            break
        await asyncio.sleep(0.05)
    assert left == 0


async def test_a_database_that_is_not_there_is_away() -> None:
    db = Database("postgresql://nobody@127.0.0.1:9/none")
    with pytest.raises(Exception) as raised:
        await db.fetch_compiled("fine", lambda: select(literal(1)), {})
    assert is_away(raised.value)
    await db.close()
