"""An export of all into an empty store gives the same store, whatever is in it."""

import asyncio
import io
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from PIL import Image
from sqlalchemy import select, union_all

from crmgraph.crm.core import Core
from crmgraph.crm.errors import Refused
from crmgraph.crm.models import Door, PartyKind, Photo, Role
from crmgraph.crm.policy import MODELS, Actor
from crmgraph.crm.records import aggregates, parties
from crmgraph.crm.records.edits import Edit, RowEdits
from crmgraph.crm.records.unit_of_work import Transaction
from crmgraph.exports import writing
from tests.conftest import serving, settings_for
from tests.exports.stores import STORES, Made
from tests.graph.conftest import Caller, hired
from tests.graph.importing import created, done

OPERATOR = Actor(Door.OPERATOR, Role.ADMIN, sees_identity=True)
ALL = tuple(writing.NAMES)
STAFF = ("ada@example.com", "bob@example.com")
PREFIXES = {PartyKind.ACCOUNT: "acc", PartyKind.CONTACT: "con", PartyKind.LEAD: "lea"}


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], tuple[str, Path]]]:
    """Makes an empty store of each kind: its database, and a folder of its own."""
    made: list[str] = []
    source: Any = request.getfixturevalue("sqlite_template" if request.param == "sqlite" else "postgres")

    def make() -> tuple[str, Path]:
        name = f"test_{uuid.uuid4().hex}"
        folder = tmp_path / name
        folder.mkdir()
        if request.param == "sqlite":
            shutil.copy(source, folder / "test.db")
            return f"sqlite:///{folder / 'test.db'}", folder
        source.create(name, "template")
        made.append(name)
        return source.url(name), folder

    yield make
    for name in made:
        source.drop(name)


async def staffed(core: Core, nobody: Caller) -> Caller:
    """An administrator, in a store with the staff that both stores have."""
    callers = [await hired(core, nobody, email, Role.ADMIN) for email in STAFF]
    return callers[0]


async def make(caller: Caller, core: Core, store: list[Made]) -> None:
    """Make the records of a store by the graph: those that it takes."""
    users = [
        each["id"] for each in (await caller("{ users(sort: [{field: EMAIL}]) { nodes { id } } }"))["users"]["nodes"]
    ]
    ids: dict[PartyKind, list[str]] = {kind: [] for kind in PartyKind}
    ending: list[tuple[Made, str]] = []
    for each in store:
        refers = {name: ids[kind] for name, kind in REFERS.items() if name in each.refers}
        named = {name: of[each.refers[name] % len(of)] for name, of in refers.items() if of}
        values = {**each.values, **named, "owner": users[each.owner]}
        if (own_id := await _created(caller, each.kind, values)) is None:
            continue
        ids[each.kind].append(own_id)
        ending.append((each, own_id))
        for note in each.notes:
            query = "mutation($i: CreateNoteInput!) { createNote(input: $i) { userErrors { code } } }"
            on = {each.kind.value.lower(): {"id": own_id}}
            await caller(query, i={"on": on, "owner": users[each.owner], **note})
        if each.photo:
            await _upload(caller, each.kind, own_id, len(ids[each.kind]))
        await _keep(core, each, int(own_id[4:]), [int(one[4:]) for one in ids[PartyKind.CONTACT]])
    for each, own_id in ending:
        await _end(caller, each, own_id)


REFERS = {"account": PartyKind.ACCOUNT, "parent": PartyKind.ACCOUNT, "reportsTo": PartyKind.CONTACT}


async def _created(caller: Caller, kind: PartyKind, values: dict[str, Any]) -> str | None:
    """The id of a record, without the values that are refused; None where nothing is left."""
    name = kind.value.lower()
    query = f"""mutation($i: Create{name.title()}Input!) {{ create{name.title()}(input: $i) {{
      {name} {{ id }} userErrors {{ path }} }} }}"""
    for _ in range(20):
        payload = (await caller(query, i=values))[f"create{name.title()}"]
        if payload[name] is not None:
            own_id: str = payload[name]["id"]
            return own_id
        refused = {error["path"][1] for error in payload["userErrors"] if len(error["path"]) > 1}
        if not refused & values.keys():
            return None
        values = {key: value for key, value in values.items() if key not in refused}
    return None


async def _upload(caller: Caller, kind: PartyKind, own_id: str, n: int) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (20 + n, 30), (n * 40 % 255, 90, 10)).save(stream, "PNG")
    query = "mutation($i: UploadPhotoInput!) { uploadPhoto(input: $i) { userErrors { code } } }"
    variables = {"i": {"photo": None, kind.value.lower(): {"id": own_id}}}
    response = await caller.client.post(
        "/graphql",
        data={
            "operations": json.dumps({"query": query, "variables": variables}),
            "map": '{"f": ["variables.i.photo"]}',
        },
        files={"f": (f"Photo {n}.png", stream.getvalue(), "image/png")},
        headers=caller.headers | {"graphql-preflight": "1"},
    )
    assert response.json()["data"]["uploadPhoto"]["userErrors"] == []


async def _keep(core: Core, each: Made, own_id: int, contacts: list[int]) -> None:
    """What no mutation brings: relations, and what a dialect has kept beside the record."""
    rows = [
        {"kind": kind, "other_id": contacts[other % len(contacts)] if other is not None else None, "given": given}
        for kind, other, given in each.relations
        if (other is None and given) or (other is not None and contacts and contacts[other % len(contacts)] != own_id)
    ]
    edit = Edit(relations=RowEdits(add=rows), extra_fields={"zoho": dict(each.kept)} if each.kept else {})
    with suppress(Refused):
        async with core.db.begin() as session:
            found = await aggregates.load(session, OPERATOR, each.kind, [own_id], lock=True, parts=("relations",))
            await parties.update(Transaction(session), OPERATOR, found[own_id], edit)


async def _end(caller: Caller, each: Made, own_id: str) -> None:
    """Convert a lead, or delete a record."""
    name = each.kind.value
    if each.ends == "converted":
        query = "mutation($i: ConvertLeadInput!) { convertLead(input: $i) { userErrors { code } } }"
        await caller(query, i={"lead": {"id": own_id}})
    elif each.ends == "deleted":
        mutation = f"delete{name.title()}"
        query = f"mutation($i: Delete{name.title()}Input!) {{ {mutation}(input: $i) {{ userErrors {{ code }} }} }}"
        assert (await caller(query, i={name.lower(): {"id": own_id}}))[mutation]["userErrors"] == []


async def lines_of(core: Core) -> list[dict[str, Any]]:
    """All records of a store, the deleted ones too."""
    found = []
    for deleted in (False, True):
        asked = writing.ExportRequest(ALL, "jsonl", whole=True, deleted=deleted)
        found += b"".join([piece async for piece in writing.pieces(core.db, OPERATOR, asked)]).splitlines()
    return [json.loads(line) for line in found]


async def photos_of(core: Core) -> dict[int, tuple[Any, ...]]:
    async with core.db.read() as session:
        found = await session.scalars(select(Photo))
        models: list[Any] = list(MODELS.values())
        live = union_all(*(select(model.id).where(model.deleted_at.is_(None)) for model in models))
        shown = set(await session.scalars(live))
        told = {each.party_id: (each.file_name, each.content_type, each.width, each.height) for each in found}
        return {own_id: photo for own_id, photo in told.items() if own_id in shown}


def same(value: Any, old: dict[str, str]) -> Any:
    """A value of a line without what is new in another store: ids of ours, those of the first beside them."""
    match value:
        case {"id": str(own_id), **rest}:
            return {"id": old.get(own_id, own_id), **{key: same(each, old) for key, each in rest.items()}}
        case dict():
            told = {key: same(each, old) for key, each in value.items() if key not in ("externalIds", "file")}
            if "externalIds" in value:
                told["externalIds"] = [each for each in value["externalIds"] if each["system"] != "crmgraph"]
            return told
        case list():
            return [same(each, old) for each in value]
    return value


def whole(line: dict[str, Any], old: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = same({key: value for key, value in line.items() if key != "id"}, old)
    found.setdefault("externalIds", [])
    return found


ENDED = [
    Made(PartyKind.ACCOUNT, {"name": "Acme"}, ends="deleted"),
    Made(PartyKind.ACCOUNT, {"name": "Acme Berlin"}, refers={"parent": 0}),
    Made(PartyKind.CONTACT, {"lastName": "Ray"}, refers={"account": 0}),
    Made(PartyKind.CONTACT, {"lastName": "Low"}, refers={"account": 0, "reportsTo": 0}, ends="deleted"),
    Made(PartyKind.CONTACT, {"lastName": "Moss"}, refers={"account": 1, "reportsTo": 1}),
    Made(PartyKind.LEAD, {"lastName": "Hill", "company": "Hill & Co"}, ends="converted"),
    Made(PartyKind.LEAD, {"lastName": "Dale"}, ends="deleted"),
]
"""Those who are there name those who are not."""


@settings(
    max_examples=int(os.environ.get("TEST_STORES", "4")),
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(store=STORES)
@example(store=ENDED)
async def test_an_export_of_all_into_an_empty_store_gives_the_same_store(
    fresh: Callable[[], tuple[str, Path]], store: list[Made]
) -> None:
    database, folder = await asyncio.to_thread(fresh)
    async with serving(settings_for(database, folder)) as (client, app):
        core = app.state.core
        await make(await staffed(core, Caller(client)), core, store)
        asked = writing.ExportRequest(ALL, "zip", photos=core.record_photos.store)
        await writing.write(core.db, OPERATOR, asked, folder / "all.zip")
        first, first_photos = await lines_of(core), await photos_of(core)
    count = len(first)
    database, other = await asyncio.to_thread(fresh)
    async with serving(settings_for(database, other)) as (client, app):
        core = app.state.core
        caller = await staffed(core, Caller(client))
        found = await created(caller, ("all.zip", (folder / "all.zip").read_bytes()))
        assert (found["state"], found["planned"]["created"], found["planned"]["total"]) == ("READY", count, count)
        found = await done(caller, "startImport", found["id"])
        assert (found["state"], found["progress"]["created"]) == ("DONE", count)
        second, second_photos = await lines_of(core), await photos_of(core)
        old = {
            line["id"]: next(each["value"] for each in line["externalIds"] if each["system"] == "crmgraph")
            for line in second
        }
        assert sorted(old.values()) == sorted(line["id"] for line in first)
        by_old = {old[line["id"]]: line for line in second}
        for line in first:
            assert whole(by_old[line["id"]], old) == whole(line, {})
        assert {old[str(own_id)]: each for own_id, each in second_photos.items()} == {
            str(own_id): each for own_id, each in first_photos.items()
        }
        # The same archive again says nothing new.
        again = await created(caller, ("all.zip", (folder / "all.zip").read_bytes()))
        assert (again["planned"]["unchanged"], again["planned"]["total"]) == (count, count)
