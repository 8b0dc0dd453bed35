"""A fifth dialect is one folder and one line in the wiring: here the folder is `tests/rolodex`, the line `ROLODEX`."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from crmgraph.app import DIALECTS, Dialect
from crmgraph.crm.models import Door, PartyKind
from tests import rolodex
from tests.agreement.doors import Place, Record, clients
from tests.agreement.world import World, founded
from tests.conftest import Running, serving, settings_for

ROLODEX = Dialect("rolodex", "Rolodex", ("/rolodex",), rolodex.openapi, lambda core, settings: rolodex.mounts(core))
SECOND = Place("address", "emails", "second")


@pytest.fixture
async def world(database: str, tmp_path: Path) -> AsyncIterator[World]:
    """Everybody, in an application that speaks one more dialect."""
    async with serving(settings_for(database, tmp_path), (*DIALECTS, ROLODEX)) as (client, app):
        yield await founded(Running(client, app.state.core, {}))


async def send(world: World, method: str, path: str, body: Any = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {world.graph}"}
    return await world.client.request(method, f"/rolodex{path}", headers=headers, json=body)


CARD = {"surname": "Gray", "forename": "Ann", "trade": "Baker", "wire": {"telephone": "22 1", "mail": "a@example.com"}}


async def test_a_card_is_seen_through_every_other_door(world: World) -> None:
    answer = await send(world, "POST", "", CARD | {"shelf": "top"})
    assert answer.status_code == 200
    number = int(answer.json()["card"][1:])
    assert answer.json() == {"card": f"#{number}", **CARD, "shelf": "top"}
    doors = clients(world)
    record = Record(PartyKind.CONTACT, number, await world.let_in(number, "own@example.com"))
    for door in ("graphql", "covalense", "zoho", "crmcom", "valomnia"):
        seen = await doors[door].values(record)
        names = {Place("last_name"): "Gray", Place("first_name"): "Ann", Place("job_title"): "Baker"}
        names |= {Place("raw", "phones", "LANDLINE"): "22 1", Place("address", "emails", "first"): "a@example.com"}
        expected = {place: value for place, value in names.items() if place in doors[door].read(PartyKind.CONTACT)}
        assert len(expected) >= 4
        assert {place: seen[place] for place in expected} == expected


async def test_what_it_cannot_say_survives_its_writes_and_what_it_alone_knows_theirs(world: World) -> None:
    graph, zoho = (clients(world)[door] for door in ("graphql", "zoho"))
    full = {Place("last_name"): "Gray", Place("nickname"): "G", Place("address", "emails", "first"): "a@example.com"}
    record = await graph.create(PartyKind.CONTACT, full | {SECOND: "b@example.com"})
    before = await graph.values(record)
    assert (await send(world, "PUT", f"/{record.number}", {"surname": "Grey", "shelf": "top"})).status_code == 200
    after = await graph.values(record)
    own = {Place("last_name"), Place("updated_at")}
    assert {place: value for place, value in after.items() if place not in own} == {
        place: value for place, value in before.items() if place not in own
    }
    assert after[Place("last_name")] == "Grey"
    await zoho.change(record, {Place("last_name"): "Green"})
    card = (await send(world, "GET", f"/{record.number}")).json()
    assert (card["surname"], card["shelf"]) == ("Green", "top")
    history = "query($id: ID!) { node(id: $id) { ... on Record { history { nodes { door } } } } }"
    node = (await graph.ask(history, id=graph.id(record)))["node"]
    assert [each["door"] for each in node["history"]["nodes"]] == [Door.ZOHO, Door.OPERATOR, Door.GRAPHQL]


async def test_it_refuses_in_its_own_words_and_changes_nothing(world: World) -> None:
    made = (await send(world, "POST", "", CARD)).json()
    number = made["card"][1:]
    for method, path, body, status, said in (
        ("POST", "", {"forename": "Ann"}, 422, "left blank"),
        ("PUT", f"/{number}", {"wire": {"mail": "nonsense"}}, 422, "illegible"),
        ("PUT", f"/{number}", {"surname": 5}, 422, "illegible"),
        ("PUT", f"/{number}", [], 422, "illegible"),
        ("GET", "/1", None, 404, "no such card"),
        ("BREW", "/%0A/x", None, 404, "no such card"),
    ):
        answer = await send(world, method, path, body)
        assert (answer.status_code, answer.json()) == (status, {"no": said}), (method, path)
    assert (await world.client.get(f"/rolodex/{number}")).json() == {"no": "who are you?"}
    assert (await send(world, "GET", f"/{number}")).json() == made


async def test_it_is_documented_beside_the_others(world: World) -> None:
    document = (await world.client.get("/docs/rolodex/openapi.json")).json()
    assert document == rolodex.openapi() | {"servers": [{"url": "http://test", "description": "This server."}]}
    assert (await world.client.get("/docs/rolodex")).status_code == 200
    front = (await world.client.get("/")).text
    assert all(dialect.title in front for dialect in (*DIALECTS, ROLODEX))
