"""Idempotency keys at the dialects: a creation that comes again is answered as the first time, and made once."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from crmgraph.crm.models import FIRST_MINTED_ID, Contact, Door, IdempotencyKey, Note, PartyKind
from tests.agreement.world import GRANTS, PASSWORD, PORTAL, World, founded
from tests.conftest import Running, statements
from tests.graph.conftest import put

Send = Callable[[str, dict[str, str]], Awaitable[httpx.Response]]


def covalense(world: World) -> Send:
    async def send(name: str, headers: dict[str, str]) -> httpx.Response:
        given = {"LastName": name, "EmailAddress": "eva@example.com", "Platform": "PREPAID", "CompanyName": "New"}
        body = {"AcctInfo": given, "Password": PASSWORD, "OrderType": "New"}
        return await world.client.post("/crm/v1/signup", headers=PORTAL | headers, json=body)

    return send


def zoho(world: World) -> Send:
    async def send(name: str, headers: dict[str, str]) -> httpx.Response:
        own = {"Authorization": f"Zoho-oauthtoken {world.tokens[Door.ZOHO]}"}
        content = json.dumps({"data": [{"Last_Name": name}]})
        return await world.client.post("/crm/v2/Contacts", headers=own | headers, content=content)

    return send


def crmcom(world: World) -> Send:
    async def send(name: str, headers: dict[str, str]) -> httpx.Response:
        body = {"token": world.tokens[Door.CRMCOM], "type": "PERSON", "last_name": name, "first_name": "E"}
        url = "/crmapi/rest/v2/contact_information/create"
        return await world.client.post(url, headers=headers, content=json.dumps(body))

    return send


def valomnia(world: World) -> Send:
    async def send(name: str, headers: dict[str, str]) -> httpx.Response:
        own = {"Cookie": f"JSESSIONID={world.tokens[Door.VALOMNIA]}"}
        form = {"lastName": name, "firstName": "E", "customerId": str(FIRST_MINTED_ID)}
        return await world.client.post("/api/v1.0/contacts", headers=own | headers, data=form)

    return send


DOORS = {"covalense": covalense, "zoho": zoho, "crmcom": crmcom, "valomnia": valomnia}
REFUSED = {
    "covalense": (400, "it contradicts the record"),
    "zoho": (400, "INVALID_DATA"),
    "crmcom": (200, "Idempotency-Key: contradicts what is there"),
    "valomnia": (400, ""),
}
"""What another request under the same key is told: the status, and words of the answer."""
NO_KEY = {
    "covalense": (400, "its form is not known"),
    "zoho": (400, "PATTERN_NOT_MATCHED"),
    "crmcom": (200, "Idempotency-Key: its form is not known"),
    "valomnia": (400, ""),
}


@pytest.fixture
async def world(running: Running) -> World:
    found = await founded(running)
    assert await put(found.core, PartyKind.ACCOUNT, {"name": "Acme"}) == [FIRST_MINTED_ID]
    return found


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


async def people(world: World) -> int:
    async with world.core.db.read() as session:
        return await session.scalar(select(func.count()).select_from(Contact)) or 0


async def test_a_creation_that_comes_again_is_made_once(door: str, world: World) -> None:
    send, key = DOORS[door](world), {"Idempotency-Key": '"k1"'}
    first = await send("Ray", key)
    assert first.status_code in (200, 201), first.text
    assert await people(world) == 1
    for given in (key, {"idempotency-key": "k1"}):
        again = await send("Ray", given)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers["content-type"] == first.headers["content-type"]
        assert again.headers["idempotency-replayed"] == "true"
    assert await people(world) == 1


async def test_another_request_under_the_key_is_refused_in_the_words_of_the_door(door: str, world: World) -> None:
    send, key = DOORS[door](world), {"Idempotency-Key": "k1"}
    await send("Ray", key)
    refused = await send("Roe", key)
    status, words = REFUSED[door]
    assert refused.status_code == status
    assert words in refused.text
    assert await people(world) == 1


async def test_what_is_no_key_is_refused_in_the_words_of_the_door(door: str, world: World) -> None:
    for key in ("", '"', "x" * 256):
        refused = await DOORS[door](world)("Ray", {"Idempotency-Key": key})
        status, words = NO_KEY[door]
        assert refused.status_code == status, refused.text
        assert words in refused.text
    assert await people(world) == 0


async def test_of_two_at_once_one_is_made(door: str, world: World) -> None:
    send, key = DOORS[door](world), {"Idempotency-Key": "k1"}
    answers = await asyncio.gather(*(send("Ray", key) for _ in range(3)))
    assert len({each.content for each in answers}) == 1
    assert await people(world) == 1


async def test_where_the_answer_was_lost_it_is_told_that_all_was_done(
    door: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crmgraph.crm.idempotency.PATIENCE", 0.1)
    send, key = DOORS[door](world), {"Idempotency-Key": "k1"}
    first = await send("Ray", key)
    async with world.core.db.begin() as session:
        await session.execute(update(IdempotencyKey).values(status=None, body=None))
    again = await send("Ray", key)
    assert again.content != first.content
    assert again.status_code == (200 if door == "crmcom" else 400)
    assert await people(world) == 1


async def test_what_is_refused_leaves_the_key_free(door: str, world: World) -> None:
    send, key = DOORS[door](world), {"Idempotency-Key": "k1"}
    refused = await send("", key)
    assert await people(world) == 0, refused.text
    made = await send("Ray", key)
    assert "idempotency-replayed" not in made.headers
    assert await people(world) == 1


async def test_it_costs_nothing_without_a_key(door: str, world: World) -> None:
    with statements(world.core.db) as seen:
        await DOORS[door](world)("Ray", {})
    assert [each for each in seen if "idempotency_key" in each] == []


async def test_doors_have_keys_of_their_own(world: World) -> None:
    for name in GRANTS:
        answer = await DOORS[name.dialect](world)("Ray", {"Idempotency-Key": "k1"})
        assert "idempotency-replayed" not in answer.headers, answer.text
    assert await people(world) == 3


async def test_notes_and_upserts_go_by_the_key(world: World) -> None:
    own = {"Authorization": f"Zoho-oauthtoken {world.tokens[Door.ZOHO]}"}
    made = (await zoho(world)("Ray", {})).json()["data"][0]["details"]["id"]
    calls: list[tuple[str, Any]] = [
        (f"/Contacts/{made}/Notes", {"data": [{"Note_Content": "x"}]}),
        ("/Contacts/upsert", {"data": [{"Last_Name": "U"}]}),
    ]
    for i, (path, body) in enumerate(calls):
        headers = own | {"Idempotency-Key": f"k{i}"}
        answers = [
            await world.client.post(f"/crm/v2{path}", headers=headers, content=json.dumps(body)) for _ in range(2)
        ]
        assert answers[0].content == answers[1].content
        assert answers[1].headers["idempotency-replayed"] == "true"
    assert await people(world) == 2
    async with world.core.db.read() as session:
        assert await session.scalar(select(func.count()).select_from(Note)) == 1
