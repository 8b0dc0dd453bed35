"""What is done to records through one door is done for all: deletion, notes, conversion, photos. What binds one door
alone binds no other."""

import io
import json
from typing import Any

import httpx
import pytest
from PIL import Image

from crmgraph.crm.models import Door, PartyKind
from tests.agreement.doors import MODULES, Place, Record, clients
from tests.agreement.world import World, founded
from tests.conftest import Running

NAME = {PartyKind.ACCOUNT: Place("name"), PartyKind.CONTACT: Place("last_name"), PartyKind.LEAD: Place("last_name")}


@pytest.fixture
async def world(running: Running) -> World:
    return await founded(running)


async def zoho(world: World, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
    headers = {"Authorization": f"Zoho-oauthtoken {world.tokens[Door.ZOHO]}"}
    content = {} if body is None else {"content": json.dumps(body)}
    return await world.client.request(method, f"/crm/v2{path}", headers=headers, **content, **more)


async def seen(world: World, record: Record) -> dict[str, bool]:
    """{door: whether it shows the record}."""
    graph = clients(world)["graphql"]
    node = (await graph.ask("query($id: ID!) { node(id: $id) { id } }", id=graph.id(record)))["node"]
    found = {"graphql": node is not None}
    found["zoho"] = (await zoho(world, "GET", f"/{MODULES[record.kind]}/{record.number}")).status_code == 200
    if record.kind is not PartyKind.LEAD:
        token = world.tokens[Door.CRMCOM]
        identifier = {"token": token, "contact_information_identifier": f"id={record.number:032X}"}
        shown = await world.client.get("/crmapi/rest/v2/contact_information/show", params=identifier)
        found["crmcom"] = shown.json()["data"] is not None
        resource = {PartyKind.CONTACT: "contacts", PartyKind.ACCOUNT: "customers"}[record.kind]
        cookie = {"Cookie": f"JSESSIONID={world.tokens[Door.VALOMNIA]}"}
        shown = await world.client.get(f"/api/v1.0/{resource}/{record.number}", headers=cookie)
        found["valomnia"] = shown.status_code == 200
    return found


async def delete(world: World, door: str, record: Record) -> None:
    if door == "graphql":
        name = record.kind.value
        mutation = f"mutation($i: Delete{name.title()}Input!) {{ delete{name.title()}(input: $i) {{ deletedId }} }}"
        graph = clients(world)["graphql"]
        data = await graph.ask(mutation, i={name.lower(): {"id": graph.id(record)}})
        assert data == {f"delete{name.title()}": {"deletedId": graph.id(record)}}
    elif door == "zoho":
        assert (await zoho(world, "DELETE", f"/{MODULES[record.kind]}/{record.number}")).status_code == 200
    else:
        cookie = {"Cookie": f"JSESSIONID={world.tokens[Door.VALOMNIA]}"}
        answer = await world.client.delete(f"/api/v1.0/contacts/{record.number}", headers=cookie)
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("kind", "door"),
    [*((kind, door) for kind in PartyKind for door in ("graphql", "zoho")), (PartyKind.CONTACT, "valomnia")],
)
async def test_what_is_deleted_through_any_door_is_gone_at_all(world: World, kind: PartyKind, door: str) -> None:
    doors = clients(world)
    record, other = [await doors["graphql"].create(kind, {NAME[kind]: name}) for name in ("Gone", "Here")]
    token = await world.let_in(record.number, "gone@example.com") if kind is PartyKind.CONTACT else None
    assert set((await seen(world, record)).values()) == {True}
    await delete(world, door, record)
    assert set((await seen(world, record)).values()) == {False}
    assert set((await seen(world, other)).values()) == {True}
    if token is not None:
        with pytest.raises(AssertionError, match="INVALID_TOKEN"):
            await doors["covalense"].told(Record(kind, record.number, token))
    deleted = (await zoho(world, "GET", f"/{MODULES[kind]}/deleted")).json()["data"]
    assert [each["id"] for each in deleted] == [str(record.number)]


CREATE_NOTE = "mutation($i: CreateNoteInput!) { createNote(input: $i) { note { id } userErrors { code } } }"
UPDATE_NOTE = "mutation($i: UpdateNoteInput!) { updateNote(input: $i) { note { id } userErrors { code } } }"
DELETE_NOTE = "mutation($i: DeleteNoteInput!) { deleteNote(input: $i) { deletedId userErrors { code } } }"
NOTES = "query($id: ID!) { node(id: $id) { ... on Record { revision notes { nodes { id title content } } } } }"


@pytest.mark.parametrize("kind", PartyKind)
async def test_notes_are_the_same_in_the_graph_and_at_zohos_door(world: World, kind: PartyKind) -> None:
    graph = clients(world)["graphql"]
    record = await graph.create(kind, {NAME[kind]: "Noted"})
    path = f"/{MODULES[kind]}/{record.number}/Notes"
    answer = await zoho(world, "POST", path, {"data": [{"Note_Title": "One", "Note_Content": "through Zoho"}]})
    first = answer.json()["data"][0]["details"]["id"]
    on = {kind.value.lower(): {"id": graph.id(record)}}
    given = {"on": on, "title": "Two", "content": "through the graph"}
    second = (await graph.ask(CREATE_NOTE, i=given))["createNote"]["note"]["id"]
    listed = (await zoho(world, "GET", path)).json()["data"]
    told = [("Two", "through the graph"), ("One", "through Zoho")]
    assert [(each["Note_Title"], each["Note_Content"]) for each in listed] == told
    node = (await graph.ask(NOTES, id=graph.id(record)))["node"]
    assert [(each["title"], each["content"]) for each in node["notes"]["nodes"]] == told
    assert node["revision"] == 3
    await graph.ask(UPDATE_NOTE, i={"note": f"not_{first}", "content": "changed by the graph"})
    assert (await zoho(world, "GET", f"/Notes/{first}")).json()["data"][0]["Note_Content"] == "changed by the graph"
    assert (await zoho(world, "DELETE", f"/Notes/{second[4:]}")).status_code == 200
    await graph.ask(DELETE_NOTE, i={"note": f"not_{first}"})
    assert (await zoho(world, "GET", path)).status_code == 204
    assert (await graph.ask(NOTES, id=graph.id(record)))["node"] == {"revision": 6, "notes": {"nodes": []}}


CONVERT = """mutation($i: ConvertLeadInput!) { convertLead(input: $i) {
  contact { id } account { id } userErrors { code } } }"""


@pytest.mark.parametrize("door", ["graphql", "zoho"])
async def test_a_lead_that_is_converted_through_one_door_is_a_contact_and_an_account_at_all(
    world: World, door: str
) -> None:
    doors = clients(world)
    graph = doors["graphql"]
    given = {Place("last_name"): "Leone", Place("company"): "Acme", Place("raw", "phones", "MOBILE"): "+39 06 1"}
    lead = await graph.create(PartyKind.LEAD, given)
    if door == "graphql":
        done = (await graph.ask(CONVERT, i={"lead": {"id": graph.id(lead)}}))["convertLead"]
        made = {kind: int(done[kind.value.lower()]["id"][4:]) for kind in (PartyKind.CONTACT, PartyKind.ACCOUNT)}
    else:
        answer = (await zoho(world, "POST", f"/Leads/{lead.number}/actions/convert", {"data": [{}]})).json()
        row = answer["data"][0]
        made = {PartyKind.CONTACT: int(row["Contacts"]), PartyKind.ACCOUNT: int(row["Accounts"])}
    contact = Record(PartyKind.CONTACT, made[PartyKind.CONTACT], None)
    account = Record(PartyKind.ACCOUNT, made[PartyKind.ACCOUNT], None)
    for name in ("graphql", "zoho", "crmcom", "valomnia"):
        person, company = await doors[name].values(contact), await doors[name].values(account)
        assert (person[Place("last_name")], company[Place("name")]) == ("Leone", "Acme")
        assert person[Place("raw", "phones", "MOBILE")] == "+39 06 1"
        assert person.get(Place("account_id"), account.number) == account.number
    again = {"lead": {"id": graph.id(lead)}}
    with pytest.raises(AssertionError, match="ALREADY_CONVERTED"):
        await graph.ask(CONVERT, i=again)
    refused = (await zoho(world, "POST", f"/Leads/{lead.number}/actions/convert", {"data": [{}]})).json()
    assert (refused["data"][0] if "data" in refused else refused)["code"] == "ID_ALREADY_CONVERTED"


def picture() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(stream, "PNG")
    return stream.getvalue()


PHOTO = "query($id: ID!) { node(id: $id) { ... on Record { photo { url width } } } }"
REMOVE = "mutation($i: RemovePhotoInput!) { removePhoto(input: $i) { userErrors { code } } }"


@pytest.mark.parametrize("kind", PartyKind)
async def test_a_photo_that_zoho_takes_of_any_kind_of_record_is_seen_and_removed_by_the_graph(
    world: World, kind: PartyKind
) -> None:
    graph = clients(world)["graphql"]
    record = await graph.create(kind, {NAME[kind]: "Seen"})
    path = f"/{MODULES[kind]}/{record.number}/photo"
    assert (await zoho(world, "POST", path, files={"file": ("a.png", picture())})).status_code == 200
    photo = (await graph.ask(PHOTO, id=graph.id(record)))["node"]["photo"]
    assert photo["width"] == 8
    assert (await world.client.get(photo["url"])).content == (await zoho(world, "GET", path)).content
    if kind is not PartyKind.LEAD:
        told = await clients(world)["valomnia"].told(record)
        address = told["photo" if kind is PartyKind.CONTACT else "logo"]
        assert (await world.client.get(address)).status_code == 200
    await graph.ask(REMOVE, i={kind.value.lower(): {"id": graph.id(record)}})
    assert (await zoho(world, "GET", path)).status_code == 204
    assert (await world.client.get(photo["url"])).status_code == 404


async def test_a_unique_mobile_binds_zohos_door_alone(world: World) -> None:
    doors = clients(world)
    graph = doors["graphql"]
    mobile = Place("raw", "phones", "MOBILE")
    first = await doors["zoho"].create(PartyKind.LEAD, {Place("last_name"): "First", mobile: "555 123"})
    second = await graph.create(PartyKind.LEAD, {Place("last_name"): "Second", mobile: "555-123"})
    assert (await graph.values(second))[mobile] == "555-123"
    # The graph has made a twin, which Zoho's door shows, and lets be changed in everything but this.
    assert (await doors["zoho"].values(second))[mobile] == "555-123"
    await doors["zoho"].change(second, {Place("company"): "Acme"})
    body = {"data": [{"Last_Name": "Third", "Mobile": "555/123"}]}
    refused = (await zoho(world, "POST", "/Leads", body)).json()["data"][0]
    assert (refused["code"], refused["details"]["api_name"]) == ("DUPLICATE_DATA", "Mobile")
    assert refused["details"]["id"] in (str(first.number), str(second.number))
    # A contact may have it at either door.
    for door in ("zoho", "crmcom", "graphql"):
        given = {Place("last_name"): "Contact", Place("first_name"): "A", mobile: "555 123"}
        made = await doors[door].create(PartyKind.CONTACT, given)
        assert (await graph.values(made))[mobile] == "555 123"
