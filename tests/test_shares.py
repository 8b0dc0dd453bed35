"""No caller holds every connection: what is beyond their share waits, and is told so in its door's words."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from crmgraph.crm.models import Role
from crmgraph.db.shares import Crowded, Shares
from crmgraph.demo import Demo, shown
from tests.conftest import Running, serving, settings_for
from tests.dialects.covalense.conftest import YOGESH, Portal
from tests.dialects.crmcom.conftest import ELLEN
from tests.graph.conftest import Caller, employee_of, hired

on_postgres = pytest.mark.parametrize("demo_database", ["postgresql"], indirect=True)
SHARE = 3
"""What one caller may hold of the five connections of the tests."""
PHONES = "{ contacts { nodes { phones { raw } } } }"
BUSY = {
    "errors": [
        {
            "message": "You have too many requests in hand: try again when some of them are answered.",
            "extensions": {"code": "UNAVAILABLE"},
        }
    ]
}


@pytest.fixture(params=[True], ids=["compiled"])
async def demo(
    demo_database: tuple[str, Demo], tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Running]:
    """The demo, where nobody waits long for their turn."""
    url, kept = demo_database
    async with serving(settings_for(url, tmp_path, compiled_plans=request.param)) as (client, app):
        app.state.core.shares.turns.seconds = 0.3
        yield Running(client, app, shown(kept))


@asynccontextmanager
async def locked(url: str) -> AsyncIterator[Any]:
    """A block in which whoever reads telephone numbers waits, with a connection that sees who does."""
    connection, other = await asyncpg.connect(url), await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE phone IN ACCESS EXCLUSIVE MODE")
            yield other
    finally:
        await connection.close()
        await other.close()


async def waiting(connection: Any) -> int:
    """How many wait for a lock."""
    found = await connection.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return int(found)


async def answers(
    requests: Sequence[Awaitable[httpx.Response]], *, refused: int
) -> tuple[list[httpx.Response], list[asyncio.Future[httpx.Response]]]:
    """(the answers to as many requests as are refused, the others, which wait for a lock)."""
    tasks = [asyncio.ensure_future(each) for each in requests]
    async with asyncio.timeout(10):
        while sum(task.done() for task in tasks) < refused:
            await asyncio.sleep(0.01)
    return [task.result() for task in tasks if task.done()], [task for task in tasks if not task.done()]


async def door(name: str, demo: Running) -> tuple[Callable[[], Awaitable[httpx.Response]], dict[str, Any]]:
    """(what asks for a record with its phones there, what is told where the share is taken)."""
    client, known = demo.client, demo.credentials
    if name == "graphql":
        employee = await employee_of(demo)
        return lambda: employee.post(PHONES), BUSY
    if name == "zoho":
        headers = {"Authorization": f"Zoho-oauthtoken {known['zoho']['access_token']}"}
        return lambda: client.get("/crm/v2/Contacts", headers=headers), {
            "code": "TOO_MANY_REQUESTS",
            "details": {},
            "message": "You have made too many requests continuously",
            "status": "error",
        }
    if name == "crmcom":
        answer = await client.post("/crmapi/rest/v2/authentication/token", json=known["crmcom"])
        token = answer.json()["data"]["token"]
        shown = "/crmapi/rest/v2/contact_information/show"
        return lambda: client.get(
            shown,
            params={"token": token, "contact_information_identifier": f"id={ELLEN}"},
        ), {
            "status": {
                "message": "The service is not available",
                "description": "",
                "code": "COM.CRM.EXCEPTION.WEBAPI.SERVICEUNAVAILABLEEXCEPTION",
            },
            "data": None,
        }
    if name == "valomnia":
        login = {"j_username": known["valomnia"]["username"], "j_password": known["valomnia"]["password"]}
        await client.post("/j_spring_security_check", data=login)
        return lambda: client.get("/api/v1.0/contacts"), {
            "error": "service_unavailable",
            "error_description": "Oops! Too many requests at once, try again in a moment.",
        }
    portal = Portal(client, {known["covalense"]["email"]: known["covalense"]["password"]})
    token = await portal.login(known["covalense"]["email"])
    return lambda: portal.send("GET", "profile/contact", token=token), {
        "response": {
            "success": "false",
            "result": {
                "arguments": {
                    "statusCode": "500",
                    "errorCode": "Downstream error",
                    "errorMessage": "- Not Able to connect with CRM.",
                }
            },
        }
    }


@on_postgres
@pytest.mark.parametrize("name", ["graphql", "zoho", "crmcom", "valomnia", "covalense"])
async def test_whoever_has_too_much_in_hand_is_told_so_and_others_are_served(
    demo: Running, demo_database: tuple[str, Demo], name: str
) -> None:
    ask, busy = await door(name, demo)
    other = await hired(demo.core, Caller(demo.client), "other@example.com", Role.AGENT)
    assert (await ask()).status_code == 200
    async with locked(demo_database[0]) as connection:
        refused, others = await answers([ask() for _ in range(12)], refused=12 - SHARE)
        for answer in refused:
            assert (answer.status_code, answer.headers["retry-after"], answer.json()) == (503, "1", busy)
        assert await waiting(connection) == SHARE
        assert (await other("{ contacts(first: 1) { nodes { __typename } } }"))["contacts"]["nodes"]
    assert [each.status_code for each in await asyncio.gather(*others)] == [200] * SHARE
    assert (await ask()).status_code == 200


@on_postgres
async def test_whoever_waits_has_their_turn(demo: Running, demo_database: tuple[str, Demo]) -> None:
    demo.core.shares.turns.seconds = 30
    employee = await employee_of(demo)
    await employee(PHONES)
    async with locked(demo_database[0]) as connection:
        asked = [asyncio.create_task(employee.post(PHONES)) for _ in range(12)]
        async with asyncio.timeout(10):
            while await waiting(connection) < SHARE:
                await asyncio.sleep(0.01)
        given_up = asked.pop()
        given_up.cancel()
        asked.pop(0).cancel()
    assert [each.status_code for each in await asyncio.gather(*asked)] == [200] * 10


@on_postgres
@pytest.mark.parametrize("demo", [False], indirect=True, ids=["resolvers"])
async def test_the_resolvers_take_more_of_a_share(demo: Running, demo_database: tuple[str, Demo]) -> None:
    long = "{ contacts(first: 100) { nodes { account { contacts(first: 50) { nodes { id } } } phones { raw } } } }"
    employee = await employee_of(demo)
    other = await hired(demo.core, Caller(demo.client), "other@example.com", Role.AGENT)
    async with locked(demo_database[0]) as connection:
        refused, others = await answers([employee.post(long), employee.post(PHONES)], refused=1)
        assert [each.json() for each in refused] == [BUSY]
        assert await waiting(connection) <= 2
        await other("{ contacts { nodes { id } } }")
    assert [each.status_code for each in await asyncio.gather(*others)] == [200]
    many = " ".join(f"a{n}: contacts {{ nodes {{ phones {{ raw }} }} }}" for n in range(20))
    async with locked(demo_database[0]) as connection:
        asked = asyncio.create_task(employee.post(f"{{ {many} }}"))
        async with asyncio.timeout(10):
            while not await waiting(connection):
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        assert await waiting(connection) <= 2
    assert "errors" not in (await asked).json()


@on_postgres
async def test_a_body_that_is_awaited_takes_nothing_of_a_share(demo: Running) -> None:
    portal = Portal(demo.client, {YOGESH: "wrong"})

    async def slow() -> AsyncIterator[bytes]:
        yield b'{"email": "a@example.com", '
        await asyncio.sleep(60)

    tasks = []
    for _ in range(SHARE + 1):
        body = demo.client.post("/crm/v1/login", content=slow(), headers=dict(type="x", **_headers()))
        tasks.append(asyncio.create_task(body))
    await asyncio.sleep(0.05)
    assert (await portal.send("POST", "login", {"email": YOGESH, "password": "wrong"})).status_code != 503
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _headers() -> dict[str, str]:
    return {
        "correlationId": "1",
        "srDate": "1",
        "source": "1",
        "destination": "1",
        "operation": "1",
        "content-type": "application/json",
    }


async def test_no_more_wait_than_may() -> None:
    shares = Shares(2, waiting=3, patience=30)
    entered: list[int] = []

    async def ask(n: int, weight: int = 1) -> None:
        async with shares.of("a", weight):
            entered.append(n)
            await asyncio.sleep(0.01)

    first = [asyncio.create_task(ask(n)) for n in range(5)]
    await asyncio.sleep(0)
    assert entered == [0, 1]
    with pytest.raises(Crowded):
        await ask(9)
    async with shares.of("b", 7):
        pass
    await asyncio.gather(*first)
    # What weighs all of it waits for all others, and whoever comes later for it.
    later = [asyncio.create_task(ask(5)), asyncio.create_task(ask(6, 2)), asyncio.create_task(ask(7))]
    await asyncio.gather(*later)
    assert entered == [0, 1, 2, 3, 4, 5, 6, 7]
