"""Notes over GraphQL: written, changed and deleted by staff, each a change of its record."""

from typing import Any

import pytest

from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind
from tests.graph.conftest import Caller, Customer, put

CREATE = """mutation($i: CreateNoteInput!) { createNote(input: $i) {
  note { id title content owner { name } createdBy { name } modifiedBy { name } } userErrors { code path } } }"""
UPDATE = """mutation($i: UpdateNoteInput!) { updateNote(input: $i) {
  note { id title content owner { name } modifiedBy { name } } userErrors { code path } } }"""
DELETE = "mutation($i: DeleteNoteInput!) { deleteNote(input: $i) { deletedId userErrors { code path } } }"
READ = """query($id: ID!) { node(id: $id) { ... on Record { revision
  notes { nodes { id title content } } history { nodes { revision door fields { field old new } } } } } }"""


@pytest.fixture
async def contact(core: Core) -> str:
    (number,) = await put(core, PartyKind.CONTACT, {"last_name": "Ray"})
    return f"con_{number}"


async def note_on(caller: Caller, contact: str, **values: Any) -> str:
    given = {"on": {"contact": {"id": contact}}, "content": "Called at noon"} | values
    payload = (await caller(CREATE, i=given))["createNote"]
    assert payload["userErrors"] == []
    return str(payload["note"]["id"])


async def test_a_note_is_written_changed_and_deleted_and_each_is_a_change_of_its_record(
    agent: Caller, contact: str
) -> None:
    given = {"on": {"contact": {"id": contact}}, "title": "Call", "content": "Called\nat noon"}
    payload = (await agent(CREATE, i=given))["createNote"]
    note = payload["note"].pop("id")
    by_agent = {"name": "Agent"}
    written = {"title": "Call", "content": "Called\nat noon", "owner": by_agent}
    assert payload == {"note": written | {"createdBy": by_agent, "modifiedBy": by_agent}, "userErrors": []}

    payload = (await agent(UPDATE, i={"note": note, "title": None, "content": "Called"}))["updateNote"]
    changed = {"id": note, "title": None, "content": "Called", "owner": by_agent, "modifiedBy": by_agent}
    assert payload == {"note": changed, "userErrors": []}
    assert await agent(UPDATE, i={"note": note, "content": "Called"}) == {"updateNote": payload}  # changes nothing

    found = (await agent(READ, id=contact))["node"]
    assert (found["revision"], found["notes"]["nodes"]) == (3, [{"id": note, "title": None, "content": "Called"}])
    assert (await agent(DELETE, i={"note": note}))["deleteNote"] == {"deletedId": note, "userErrors": []}
    found = (await agent(READ, id=contact))["node"]
    assert (found["revision"], found["notes"]["nodes"]) == (4, [])
    deleted, updated, created, _ = found["history"]["nodes"]
    assert [each["revision"] for each in (deleted, updated, created)] == [4, 3, 2]
    assert {each["door"] for each in (deleted, updated, created)} == {"GRAPHQL"}
    assert updated["fields"] == [
        {"field": f"notes.{note}.title", "old": "Call", "new": None},
        {"field": f"notes.{note}.content", "old": "Called\nat noon", "new": "Called"},
    ]


@pytest.mark.parametrize("kind", [PartyKind.ACCOUNT, PartyKind.LEAD])
async def test_records_of_the_other_kinds_have_notes_too(agent: Caller, core: Core, kind: PartyKind) -> None:
    name = {PartyKind.ACCOUNT: "name", PartyKind.LEAD: "last_name"}[kind]
    await put(core, kind, {name: "Ray", "number": "N1"})
    given = {"on": {kind.value.lower(): {"number": "N1"}}, "content": "Of another kind"}
    payload = (await agent(CREATE, i=given))["createNote"]
    assert payload["userErrors"] == []
    node = "query($id: ID!) { node(id: $id) { ... on Note { content } } }"
    assert await agent(node, id=payload["note"]["id"]) == {"node": {"content": "Of another kind"}}


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        ({"on": {"contact": {"number": "CON9"}}}, [("NOT_FOUND", "input.on")]),
        ({"content": " "}, [("REQUIRED", "input.content")]),
        (
            {"on": {"contact": {"number": "CON9"}}, "content": " ", "owner": "usr_1"},
            [("NOT_FOUND", "input.on"), ("REQUIRED", "input.content"), ("NOT_FOUND", "input.owner")],
        ),
        (
            {"title": "a\0b", "content": "", "owner": "usr_1"},
            [("BAD_CHARACTERS", "input.title"), ("REQUIRED", "input.content"), ("NOT_FOUND", "input.owner")],
        ),
    ],
)
async def test_a_note_that_is_refused_changes_nothing(
    agent: Caller, contact: str, given: dict[str, Any], faults: list[tuple[str, str]]
) -> None:
    payload = (await agent(CREATE, i={"on": {"contact": {"id": contact}}, "content": "x"} | given))["createNote"]
    assert payload["note"] is None
    assert [(each["code"], ".".join(each["path"])) for each in payload["userErrors"]] == faults
    found = (await agent(READ, id=contact))["node"]
    assert (found["revision"], found["notes"]["nodes"]) == (1, [])


async def test_what_is_no_note_is_not_found(agent: Caller, contact: str) -> None:
    missing = [{"code": "NOT_FOUND", "path": ["input", "note"]}]
    for note in ("not_1000000000", contact, "nonsense"):
        updated = await agent(UPDATE, i={"note": note, "content": "x"})
        assert updated == {"updateNote": {"note": None, "userErrors": missing}}
        assert await agent(DELETE, i={"note": note}) == {"deleteNote": {"deletedId": None, "userErrors": missing}}


async def test_a_note_keeps_its_text_when_it_is_cleared(agent: Caller, contact: str) -> None:
    note = await note_on(agent, contact)
    payload = (await agent(UPDATE, i={"note": note, "content": None}))["updateNote"]
    assert payload == {"note": None, "userErrors": [{"code": "REQUIRED", "path": ["input", "content"]}]}
    assert (await agent(READ, id=contact))["node"]["notes"]["nodes"] == [
        {"id": note, "title": None, "content": "Called at noon"}
    ]


async def test_a_customer_writes_no_notes_not_even_on_themselves(agent: Caller, customer: Customer) -> None:
    given = {"on": {"contact": {"id": customer.contact}}, "content": "mine"}
    refused = (await customer(CREATE, i=given))["createNote"]
    assert (refused["note"], [each["code"] for each in refused["userErrors"]]) == (None, ["FORBIDDEN"])
    note = await note_on(agent, customer.contact)
    for mutation, more in ((UPDATE, {"content": "mine"}), (DELETE, {})):
        (payload,) = (await customer(mutation, i={"note": note} | more)).values()
        assert [each["code"] for each in payload["userErrors"]] == ["FORBIDDEN"]
    assert (await agent(READ, id=customer.contact))["node"]["notes"]["nodes"] == [
        {"id": note, "title": None, "content": "Called at noon"}
    ]


async def test_nobody_writes_notes(nobody: Caller, contact: str) -> None:
    (error,) = await nobody.errors(CREATE, i={"on": {"contact": {"id": contact}}, "content": "x"})
    assert error[0] == "UNAUTHENTICATED"
