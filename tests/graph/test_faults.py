"""What is told when something breaks: never our insides, and never nothing."""

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import update

from crmgraph.crm import models
from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind
from crmgraph.graph.execution import deadline
from tests.conftest import serving, settings_for
from tests.graph.conftest import LOGIN, Caller, put

AWAY = "The records are out of reach at the moment: try again later."
MASKED = "Something went wrong here. It is not your fault, and it has been noted."


@pytest.fixture
def nowhere() -> str:
    """The URL of a database that does not answer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"postgresql://nobody@127.0.0.1:{free.getsockname()[1]}/nothing"


async def test_without_a_database_every_request_is_answered_cleanly(
    agent: Caller, nowhere: str, tmp_path: Path
) -> None:
    async with serving(settings_for(nowhere, tmp_path / "away")) as (client, _):
        response = await Caller(client, agent.token).post("{ me { id } }")
        assert response.status_code == 503
        assert response.json() == {"errors": [{"message": AWAY, "extensions": {"code": "UNAVAILABLE"}}]}
        nobody = Caller(client)
        assert await nobody.errors(LOGIN, i={"email": "a@example.com", "password": "x"}) == [("UNAVAILABLE", AWAY)]
        assert await nobody.errors("{ contacts { nodes { id } } }") == [("UNAVAILABLE", AWAY)]
        assert await nobody("{ __typename me { id } }") == {"__typename": "Query", "me": None}


async def test_a_fault_of_ours_is_masked_and_names_the_request(agent: Caller, core: Core) -> None:
    await put(core, PartyKind.CONTACT, {"last_name": "Ray", "phones": [{"kind": "MOBILE", "raw": "+49 151 23456789"}]})
    async with core.db.begin() as session:
        await session.execute(update(models.Phone).values(e164="martian"))
    response = await agent.post("{ contacts { nodes { lastName phones { raw national } } } }")
    assert response.status_code == 200
    body = response.json()
    (error,) = body["errors"]
    assert (error["message"], error["path"]) == (MASKED, ["contacts", "nodes", 0, "phones", 0, "national"])
    assert error["extensions"] == {"code": "INTERNAL", "requestId": response.headers["x-request-id"]}
    assert "martian" not in response.text


async def test_a_value_that_the_schema_cannot_say_is_masked(agent: Caller, core: Core) -> None:
    (contact,) = await put(core, PartyKind.CONTACT, {"last_name": "Ray"})
    async with core.db.begin() as session:
        await session.execute(
            update(models.Contact).where(models.Contact.id == contact).values(birth_year=2**31 - 1, revision=2**31 - 1)
        )
    node = (await agent("{ contacts { nodes { revision birthDate { year } } } }"))["contacts"]["nodes"]
    assert node == [{"revision": 2**31 - 1, "birthDate": {"year": 2**31 - 1}}]


async def test_a_request_has_a_deadline(agent: Caller, database: str, tmp_path: Path) -> None:
    async with serving(settings_for(database, tmp_path, request_seconds=1e-6)) as (client, _):
        response = await Caller(client, agent.token).post("{ contacts { nodes { phones { raw } } } }")
        assert response.status_code == 503
        (error,) = response.json()["errors"]
        assert error["extensions"] == {"code": "TIMEOUT"}
        change = 'mutation { createContact(input: {lastName: "late"}) { contact { id } } }'
        assert (await Caller(client, agent.token).post(change)).status_code == 503
    assert (await agent("{ contacts { totalCount } }"))["contacts"]["totalCount"] == 0


async def ask_and_hang_up(app: FastAPI, caller: Caller, query: str) -> list[dict[str, Any]]:
    """What is sent to a client that goes away as soon as it has asked."""
    body = json.dumps({"query": query}).encode()
    messages = [{"type": "http.request", "body": body, "more_body": False}, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0) if len(messages) > 1 else messages[0]

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"content-type", b"application/json"),
            (b"authorization", caller.headers["authorization"].encode()),
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    await app(scope, receive, send)
    return sent


async def test_when_the_client_hangs_up_a_query_stops_and_a_change_is_finished(
    agent: Caller, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So few records are told before anybody looks whether the client is still there, by one statement all the more.
    monkeypatch.setattr(deadline, "PATIENCE", 0.002)
    async with serving(settings_for(database, tmp_path, compiled_plans=False)) as (_, app):
        db = app.state.core.db
        # So long that the client is gone before the last list is read.
        lists = (
            f"a{n}: contacts {{ nodes {{ relations {{ other {{ id }} }} notes {{ totalCount }} }} }}" for n in range(15)
        )
        query = "{ " + " ".join(lists) + " }"
        sent = await ask_and_hang_up(app, agent, query)
        assert sent[0]["status"] == 499
        for _ in range(100):
            if db.engine.pool.checkedout() == 0:
                break
            await asyncio.sleep(0.02)
        assert db.engine.pool.checkedout() == 0
        change = 'mutation { createContact(input: {lastName: "kept"}) { contact { id } } }'
        sent = await ask_and_hang_up(app, agent, change)
        assert sent[0]["status"] == 200
    assert (await agent("{ contacts { nodes { lastName } } }"))["contacts"]["nodes"] == [{"lastName": "kept"}]
