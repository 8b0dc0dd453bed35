"""What takes long is cut into pieces: others are answered between two objects, and while a statement is compiled."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ClauseElement, Dialect

from crmgraph.crm.core import Core
from crmgraph.db import database, pool
from crmgraph.graph.resolvers.slices import Slices, Turns
from crmgraph.seed import seed
from tests.conftest import Running, serving, settings_for
from tests.graph.conftest import Caller, employee_of


@pytest.fixture
async def running(database: str, tmp_path: Path) -> AsyncIterator[Running]:
    """The application with every query left to the resolvers."""
    async with serving(settings_for(database, tmp_path, compiled_plans=False)) as (client, app):
        yield Running(client, app, {})


@asynccontextmanager
async def rounds() -> AsyncIterator[Callable[[], int]]:
    """How many rounds the event loop has made since the block began."""
    made = 0

    async def turn() -> None:
        nonlocal made
        while True:
            made += 1
            await asyncio.sleep(0)

    turning = asyncio.create_task(turn())
    try:
        yield lambda: made
    finally:
        turning.cancel()


async def test_others_have_their_turn_between_two_objects(
    agent: Caller, core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    await seed(core.db, accounts=20, contacts=60, leads=0)
    documents = {
        "{ contacts(first: 60) { nodes { id fullName createdAt } } }": 60,
        "{ accounts(first: 20) { nodes { id contacts(first: 3) { nodes { id phones { raw } } } } } }": 80,
        "{ __schema { types { name fields { name } } } }": 400,
    }
    for document, objects in documents.items():
        answers = []
        for seconds in (10.0, 0.0):
            monkeypatch.setattr(Slices, "SECONDS", seconds)
            async with rounds() as made:
                answers.append(await agent(document))
                assert seconds or made() > objects
        assert answers[0] == answers[1]


@pytest.mark.parametrize("seconds", [0.0, 10.0])
async def test_documents_take_turns(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(Slices, "SECONDS", seconds)
    slices, done = Slices(), []

    async def work(name: str, turns: Turns) -> None:
        await turns.next()
        done.append(name)

    long, short = Turns(slices), Turns(slices)
    waiting = [work("long", long) for _ in range(60)] + [work("short", short) for _ in range(3)]
    given_up = asyncio.create_task(work("given up", short))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.gather(*waiting)
    assert sorted(done) == ["long"] * 60 + ["short"] * 3
    assert "short" not in done[10:]
    await asyncio.gather(long.settled(), short.settled())


async def test_what_clients_choose_the_shape_of_is_compiled_beside_the_loop(
    demo: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[tuple[int, str]] = []

    class Noted(pool.CompiledStatement):
        def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
            super().__init__(statement, dialect)
            compiled.append((len(self.sql), threading.current_thread().name.partition("_")[0]))

    employee = await employee_of(demo)
    zoho: dict[str, Any] = {"Authorization": f"Zoho-oauthtoken {demo.credentials['zoho']['access_token']}"}
    criteria = "or".join(f"(Last_Name:equals:{n})" for n in range(10))
    await demo.client.get("/crm/v2/Contacts/search", params={"criteria": "(Last_Name:equals:a)"}, headers=zoho)
    monkeypatch.setattr(pool, "CompiledStatement", Noted)
    monkeypatch.setattr(database, "CompiledStatement", Noted)
    ors = " ".join(f'{{lastName: {{eq: "{n}"}}}}' for n in range(100))
    await employee(f"{{ contacts(filter: {{or: [{ors}]}}) {{ nodes {{ id }} }} }}")
    assert max(compiled)[1] == "compile"
    compiled.clear()
    response = await demo.client.get("/crm/v2/Contacts/search", params={"criteria": criteria}, headers=zoho)
    assert response.status_code in (200, 204)
    assert max(compiled)[1] == "compile"
