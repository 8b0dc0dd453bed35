"""Each state that a database can be in: what the doors answer and log, what `/health/ready` says, what comes after."""

import asyncio
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
import structlog
from sqlalchemy import func, select, text, update

from crmgraph.crm.models import Contact, Counter, Door, Note
from crmgraph.db.database import Database
from crmgraph.db.errors import Meaning, diagnose
from tests.agreement.doors import Graph
from tests.conftest import Postgres, serving, settings_for
from tests.database.connections import connected
from tests.database.doors import DOORS, Doors, assert_away, assert_well, doors
from tests.database.proxy import Proxy


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """The name of an empty, migrated database of one's own."""
    name = f"ill_{uuid.uuid4().hex}"
    postgres.create(name, "template")
    yield name
    postgres.drop(name)


async def administer(postgres: Postgres, *statements: str) -> None:
    async with connected(postgres.url("postgres")) as connection:
        for statement in statements:
            await connection.execute(statement)


async def cut(postgres: Postgres, database: str) -> None:
    """End every connection to the database."""
    await administer(postgres, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")
    await asyncio.sleep(0.1)


async def names(there: Doors) -> list[str]:
    async with there.running.db.read() as session:
        return list(await session.scalars(select(Contact.last_name).order_by(Contact.id)))


async def test_connections_that_were_cut_are_replaced_unnoticed_at_every_door(
    postgres: Postgres, database: str, tmp_path: Path
) -> None:
    async with doors(postgres.url(database), tmp_path) as there:
        for door in DOORS:
            await asyncio.gather(*(there.read(door) for _ in range(4)))
            await cut(postgres, database)
            assert_well(door, await there.read(door))
            await cut(postgres, database)
            assert_well(door, await there.write(door))
            await cut(postgres, database)
            assert await there.ready() == (200, "ready")


async def test_writes_go_on_as_soon_as_a_read_only_database_takes_them(
    postgres: Postgres, database: str, tmp_path: Path
) -> None:
    async with doors(postgres.url(database), tmp_path) as there:
        await administer(postgres, f"ALTER DATABASE {database} SET default_transaction_read_only = on")
        await cut(postgres, database)
        for door in DOORS:
            assert_well(door, await there.read(door))
            assert_away(door, await there.write(door))
            await asyncio.gather(*(there.read(door) for _ in range(4)))
        assert await there.ready() == (503, "database read-only")
        before = await names(there)
        await administer(postgres, f"ALTER DATABASE {database} SET default_transaction_read_only = off")
        assert await there.ready() == (200, "ready")
        for door in DOORS:
            assert_well(door, await there.write(door, f"After {door}"))
        assert await names(there) == [
            "After covalense",
            *before[1:],
            *(f"After {door}" for door in ("graphql", "zoho", "crmcom", "valomnia")),
        ]


async def test_the_whole_server_may_turn_read_only_and_back(postgres: Postgres, database: str, tmp_path: Path) -> None:
    async with doors(postgres.url(database), tmp_path) as there:
        switch = "ALTER SYSTEM SET default_transaction_read_only = on"
        try:
            await administer(postgres, switch, "SELECT pg_reload_conf()")
            await asyncio.sleep(0.2)
            assert await there.ready() == (503, "database read-only")
            for door in DOORS:
                assert_away(door, await there.write(door))
        finally:
            await administer(postgres, "ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")
        await asyncio.sleep(0.2)
        for door in DOORS:
            assert_well(door, await there.write(door))
        assert await there.ready() == (200, "ready")


async def test_a_server_that_starts_or_stops_is_told_in_one_line_a_request(
    postgres: Postgres, database: str, tmp_path: Path
) -> None:
    async with Proxy(postgres.url(database)) as proxy, doors(proxy.url(), tmp_path) as there:
        proxy.refusal = "57P03"
        await cut(postgres, database)
        for door in DOORS:
            with structlog.testing.capture_logs() as lines:
                assert_away(door, await there.write(door))
            told = [line for line in lines if line["event"] != "request"]
            assert [(line["event"], line["door"], line["reason"]) for line in told] == [
                ("the database is away", door, "starting or stopping")
            ]
        assert await there.ready() == (503, "database starting or stopping")
        proxy.refusal = None
        assert await there.ready() == (200, "ready")
        for door in DOORS:
            assert_well(door, await there.write(door))


async def test_a_database_that_stalls_is_answered_within_the_deadline_at_every_door(
    postgres: Postgres, database: str, tmp_path: Path
) -> None:
    async with Proxy(postgres.url(database)) as proxy, doors(proxy.url(), tmp_path, request_seconds=1) as there:
        for door in DOORS:
            await asyncio.gather(*(there.read(door) for _ in range(3)))
        before = await names(there)
        proxy.stall()

        async def timed(door: str, writes: bool) -> tuple[str, httpx.Response, float]:
            start = time.monotonic()
            async with asyncio.timeout(20):
                answer = await (there.write(door) if writes else there.read(door))
            return door, answer, time.monotonic() - start

        asked = [timed(door, writes) for door in DOORS for writes in (False, True)]
        answered = await asyncio.gather(*asked)
        for door, answer, _ in answered:
            assert_away(door, answer)
        # A connection that is given up is told so, and waited for, for at most two seconds.
        assert max(seconds for *_, seconds in answered) < 4.5
        proxy.flow()
        await asyncio.sleep(0.5)
        assert await names(there) == before
        for door in DOORS:
            assert_well(door, await there.write(door))


async def test_a_process_can_end_while_the_database_stalls(postgres: Postgres, database: str) -> None:
    async with Proxy(postgres.url(database)) as proxy:
        db = Database(proxy.url(), pool_size=5)
        await db.fetch_compiled("one", lambda: select(func.pg_sleep(0)), {})
        async with db.read() as session:
            await session.execute(select(func.pg_sleep(0)))
        proxy.stall()
        async with asyncio.timeout(9):
            await db.close()


async def test_a_statement_that_waits_too_long_is_ended_in_the_database_and_nothing_of_it_is_written(
    postgres: Postgres, database: str, tmp_path: Path
) -> None:
    async with doors(postgres.url(database), tmp_path, request_seconds=1) as there:
        for door in DOORS:
            await asyncio.gather(*(there.read(door) for _ in range(3)))
        before = await names(there)
        async with connected(postgres.url(database)) as holder, holder.transaction():
            await holder.execute("LOCK TABLE contact")
            for door in DOORS:
                start = time.monotonic()
                read, written = await asyncio.gather(there.read(door), there.write(door))
                assert_away(door, read)
                assert_away(door, written)
                assert time.monotonic() - start < 2.5
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            for _ in range(40):
                if not (left := await holder.fetchval(waiting)):
                    break
                await asyncio.sleep(0.05)
            assert left == 0
        assert await names(there) == before
        for door in DOORS:
            assert_well(door, await there.write(door))


async def test_a_statement_that_runs_into_its_timeout_is_not_run_again(postgres: Postgres, database: str) -> None:
    db = Database(postgres.url(database), pool_size=5, statement_seconds=1)
    await asyncio.gather(*(db.fetch_compiled("quick", lambda: select(func.pg_sleep(0.2)), {}) for _ in range(5)))
    start = time.monotonic()
    with pytest.raises(asyncpg.QueryCanceledError) as raised:
        await db.fetch_compiled("slow", lambda: select(func.pg_sleep(60)), {})
    assert diagnose(raised.value).meaning is Meaning.TIMEOUT
    assert 0.9 < time.monotonic() - start < 2
    async with db.read() as session:
        start = time.monotonic()
        with pytest.raises(Exception) as raised_too:
            await session.execute(select(func.pg_sleep(60)))
        assert diagnose(raised_too.value).meaning is Meaning.TIMEOUT
        assert 0.9 < time.monotonic() - start < 2
    await db.close()


async def test_ready_tells_what_is_wrong(postgres: Postgres, database: str, tmp_path: Path) -> None:
    async def told(url: str) -> tuple[int, str]:
        async with serving(settings_for(url, tmp_path)) as (client, _):
            answer = await client.get("/health/ready")
            return answer.status_code, answer.json()["status"]

    assert await told(postgres.url("not_there")) == (503, "database does not exist")
    url = postgres.url(database)
    await administer(postgres, "CREATE ROLE outsider NOLOGIN", "CREATE ROLE crowd LOGIN CONNECTION LIMIT 0")
    try:
        assert await told(url.replace("postgres:", "outsider:")) == (503, "database refuses the login")
        assert await told(url.replace("postgres:", "crowd:")) == (503, "database out of connections")
    finally:
        await administer(postgres, "DROP ROLE outsider", "DROP ROLE crowd")
    await administer(postgres, f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
    assert await told(url) == (503, "database closed for connections")
    await administer(postgres, f"ALTER DATABASE {database} ALLOW_CONNECTIONS true")
    assert await told(f"{url}&target_session_attrs=standby") == (
        503,
        "database without a server that target_session_attrs asks for",
    )
    assert await told(f"{url}&target_session_attrs=prefer-standby") == (200, "ready")
    async with connected(url) as connection:
        await connection.execute("UPDATE alembic_version SET version_num = '9999'")
        assert await told(url) == (503, "database of a newer version")
        await connection.execute("DROP TABLE alembic_version")
        assert await told(url) == (503, "database not migrated")


async def test_a_sqlite_that_another_program_holds_is_busy_and_one_without_tables_is_our_fault(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'some.db'}")
    with pytest.raises(Exception) as raised:
        await db.fetch_compiled("none", lambda: select(Counter.value), {})
    assert diagnose(raised.value).meaning is Meaning.FAULT
    async with db.read() as session:
        with pytest.raises(Exception) as raised:
            await session.execute(select(Counter.value))
    assert diagnose(raised.value).meaning is Meaning.FAULT
    async with db.begin() as session:
        await session.execute(text("CREATE TABLE t (x)"))
    async with db.begin() as session:
        await session.execute(text("INSERT INTO t VALUES (0)"))
        async with db.read() as other:
            await other.execute(text("PRAGMA busy_timeout = 0"))
            with pytest.raises(Exception) as raised:
                await other.execute(text("INSERT INTO t VALUES (1)"))
    assert diagnose(raised.value).reason == "busy" and diagnose(raised.value).is_away
    await db.close()


async def test_of_two_transactions_that_wait_for_each_other_the_one_that_was_ended_is_done_again(
    postgres: Postgres, database: str
) -> None:
    db = Database(postgres.url(database), pool_size=5)
    async with db.begin() as session:
        session.add_all([Counter(series="a", value=0), Counter(series="b", value=0)])
    runs = 0
    both = asyncio.Barrier(2)

    async def both_of(first: str, second: str) -> None:
        async def work(session: object) -> None:
            nonlocal runs
            runs += 1
            once_more = runs > 2
            for series in (first, second):
                add = update(Counter).where(Counter.series == series).values(value=Counter.value + 1)
                await session.execute(add)
                if series == first and not once_more:
                    await both.wait()

        await db.transact(work)

    await asyncio.gather(both_of("a", "b"), both_of("b", "a"))
    async with db.read() as session:
        assert list(await session.scalars(select(Counter.value))) == [2, 2]
    assert runs == 3
    await db.close()


async def test_a_request_that_postgresql_ends_as_a_deadlock_is_carried_out_all_the_same(
    postgres: Postgres, database: str, tmp_path: Path
) -> None:
    async with doors(postgres.url(database), tmp_path) as there:
        first, second = there.number, there.account
        home = {first: "Contacts", second: "Accounts"}
        rows = [{"Note_Content": "x", "Parent_Id": str(each), "se_module": module} for each, module in home.items()]
        async with connected(postgres.url(database)) as other:
            transaction = other.transaction()
            await transaction.start()
            await other.execute("SELECT 1 FROM account WHERE id = $1 FOR UPDATE", second)
            with structlog.testing.capture_logs() as lines:
                asked = asyncio.create_task(
                    there.running.client.post(
                        "/crm/v2/Notes",
                        json={"data": rows},
                        headers={"Authorization": f"Zoho-oauthtoken {there.world.tokens[Door.ZOHO]}"},
                    )
                )
                for _ in range(100):
                    if await other.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                        break
                    await asyncio.sleep(0.02)
                # Who has waited longest looks for a deadlock first, and is the one that is ended.
                await other.execute("SELECT 1 FROM contact WHERE id = $1 FOR UPDATE", first)
                await transaction.commit()
                answer = await asked
        assert [row["status"] for row in answer.json()["data"]] == ["success", "success"], answer.text
        assert [line["event"] for line in lines if line["event"] != "request"] == ["a transaction is done again"]
        async with there.running.db.read() as session:
            assert await session.scalar(select(func.count()).select_from(Note)) == 2


async def test_days_are_printed_alike_whatever_style_the_database_is_set_to(
    postgres: Postgres, database: str, tmp_path: Path
) -> None:
    await administer(postgres, f"ALTER DATABASE {database} SET datestyle = 'German'")
    async with doors(postgres.url(database), tmp_path) as there:
        graph = Graph(there.world, "graphql")
        own_id = f"acc_{there.account}"
        given = {"account": {"id": own_id}, "establishedOn": "1987-02-03"}
        changing = "mutation($i: UpdateAccountInput!) { updateAccount(input: $i) { userErrors { code } } }"
        await graph.ask(changing, i=given)
        asked = "query($id: ID!) { account(by: {id: $id}) { establishedOn } }"
        assert await graph.ask(asked, id=own_id) == {"account": {"establishedOn": "1987-02-03"}}


ODD_SETTINGS = {
    "timezone": "'Africa/Monrovia'",  # of which PostgreSQL once prints seconds
    "intervalstyle": "'sql_standard'",
    "extra_float_digits": "-15",
    "bytea_output": "'escape'",
    "standard_conforming_strings": "off",
    "transform_null_equals": "on",
    "array_nulls": "off",
    "lc_numeric": "'C'",
    "xmlbinary": "'hex'",
}


async def test_answers_are_the_same_whatever_a_session_is_set_to(
    postgres: Postgres, database: str, tmp_path: Path
) -> None:
    async with doors(postgres.url(database), tmp_path) as there:
        graph = Graph(there.world, "graphql")
        account = {"account": {"id": f"acc_{there.account}"}, "annualRevenue": "1234.50", "establishedOn": "1987-02-03"}
        changing = "mutation($i: UpdateAccountInput!) { updateAccount(input: $i) { userErrors { code } } }"
        await graph.ask(changing, i=account)
        for name in ("back\\slash", 'a "quoted" one\\', "'single'"):
            assert_well("zoho", await there.write("zoho", name))
        asked = """{ contacts { nodes { lastName createdAt updatedAt } }
          accounts { nodes { annualRevenue establishedOn updatedAt } } }"""
        before = {door: (await there.read(door)).content for door in DOORS}, await graph.ask(asked)
        await administer(postgres, *(f"ALTER DATABASE {database} SET {k} = {v}" for k, v in ODD_SETTINGS.items()))
        await cut(postgres, database)
        after = {door: (await there.read(door)).content for door in DOORS}, await graph.ask(asked)
        assert after == before
        assert_well("crmcom", await there.write("crmcom", 'a "last" one\\'))
