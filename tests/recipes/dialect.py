"""What holds in a copy of the tree in which "A fifth dialect" was carried out: pytest is given this file there."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from crmgraph.crm.models import Door, PartyKind
from crmgraph.dialects import rolodex
from tests.agreement.doors import Place, Record, clients
from tests.agreement.world import World, founded
from tests.conftest import Running, serving, settings_for

CARD = {"surname": "Gray", "forename": "Ann", "trade": "Baker", "wire": {"telephone": "22 1", "mail": "a@example.com"}}
SECOND = Place("address", "emails", "second")


@dataclass
class Program:
    """A program with credentials of its own, and everybody else."""

    world: World
    headers: dict[str, str]

    async def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return await self.world.client.request(method, f"/rolodex{path}", headers=self.headers, json=body)


@pytest.fixture
async def program(database: str, tmp_path: Path) -> AsyncIterator[Program]:
    """The program that `crmgraph clients add` has added."""
    settings = settings_for(database, tmp_path)
    async with serving(settings) as (client, app):
        world = await founded(Running(client, app, {}))
        environment = {"CRMGRAPH_DATABASE_URL": database, "CRMGRAPH_SECRET_KEY": settings.secret_key}
        environment |= {"CRMGRAPH_PASSWORD_MEMORY_KIB": "64", "CRMGRAPH_PASSWORD_PASSES": "1"}
        command = [sys.executable, "-m", "crmgraph.cli", "clients", "add", "rolodex", "Card reader", "ann@example.com"]
        run = partial(subprocess.run, env=os.environ | environment, capture_output=True, text=True, timeout=60)
        added = await asyncio.to_thread(run, command)
        assert added.returncode == 0, added.stderr
        given = json.loads(added.stdout)
        key = (await client.post("/rolodex/keys", json=given)).json()["key"]
        yield Program(world, {"Authorization": f"Bearer {key}"})


async def test_a_card_is_seen_through_every_other_door(program: Program) -> None:
    answer = await program.send("POST", "/cards", CARD | {"shelf": "top"})
    assert answer.status_code == 200
    number = int(answer.json()["card"][1:])
    assert answer.json() == {"card": f"#{number}", **CARD, "shelf": "top"}
    doors = clients(program.world)
    record = Record(PartyKind.CONTACT, number, await program.world.let_in(number, "own@example.com"))
    for door in ("graphql", "covalense", "zoho", "crmcom", "valomnia"):
        seen = await doors[door].values(record)
        names = {Place("last_name"): "Gray", Place("first_name"): "Ann", Place("job_title"): "Baker"}
        names |= {Place("raw", "phones", "LANDLINE"): "22 1", Place("address", "emails", "first"): "a@example.com"}
        expected = {place: value for place, value in names.items() if place in doors[door].read(PartyKind.CONTACT)}
        assert len(expected) >= 4
        assert {place: seen[place] for place in expected} == expected


async def test_what_it_cannot_say_survives_its_writes_and_what_it_alone_knows_theirs(program: Program) -> None:
    graph, zoho = (clients(program.world)[door] for door in ("graphql", "zoho"))
    full = {Place("last_name"): "Gray", Place("nickname"): "G", Place("address", "emails", "first"): "a@example.com"}
    record = await graph.create(PartyKind.CONTACT, full | {SECOND: "b@example.com"})
    before = await graph.values(record)
    path = f"/cards/{record.number}"
    assert (await program.send("PUT", path, {"surname": "Grey", "shelf": "top"})).status_code == 200
    after = await graph.values(record)
    own = {Place("last_name"), Place("updated_at")}
    assert {place: value for place, value in after.items() if place not in own} == {
        place: value for place, value in before.items() if place not in own
    }
    assert after[Place("last_name")] == "Grey"
    await zoho.change(record, {Place("last_name"): "Green"})
    card = (await program.send("GET", path)).json()
    assert (card["surname"], card["shelf"]) == ("Green", "top")
    history = "query($id: ID!) { node(id: $id) { ... on Record { history { nodes { door } } } } }"
    node = (await graph.ask(history, id=graph.id(record)))["node"]
    assert [each["door"] for each in node["history"]["nodes"]] == [Door.ZOHO, "ROLODEX", Door.GRAPHQL]


async def test_it_refuses_in_its_own_words_and_changes_nothing(program: Program) -> None:
    made = (await program.send("POST", "/cards", CARD)).json()
    number = made["card"][1:]
    for method, path, body, status, said in (
        ("POST", "/cards", {"forename": "Ann"}, 422, "left blank"),
        ("PUT", f"/cards/{number}", {"wire": {"mail": "nonsense"}}, 422, "illegible"),
        ("PUT", f"/cards/{number}", {"surname": 5}, 422, "illegible"),
        ("PUT", f"/cards/{number}", [], 422, "illegible"),
        ("GET", "/cards/1", None, 404, "no such card"),
        ("BREW", "/%0A/x", None, 404, "no such card"),
    ):
        answer = await program.send(method, path, body)
        assert (answer.status_code, answer.json()) == (status, {"no": said}), (method, path)
    stranger = Program(program.world, {})
    assert (await stranger.send("GET", f"/cards/{number}")).json() == {"no": "who are you?"}
    assert (await stranger.send("POST", "/keys", {"username": "a"})).json() == {"no": "who are you?"}
    assert (await program.send("GET", f"/cards/{number}")).json() == made


async def test_it_is_documented_beside_the_others(program: Program) -> None:
    client = program.world.client
    document = (await client.get("/docs/rolodex/openapi.json")).json()
    assert document == rolodex.openapi() | {"servers": [{"url": "http://test", "description": "This server."}]}
    assert (await client.get("/docs/rolodex")).status_code == 200
    assert "Rolodex" in (await client.get("/")).text
