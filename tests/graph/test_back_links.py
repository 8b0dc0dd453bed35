"""What belongs to a record leads back to it, every global id is found by `node`, and a history has the words of the
schema."""

from typing import Any

import pytest

from crmgraph.crm.core import Core
from crmgraph.crm.models import Action, Change, Door, PartyKind, Photo, Relation
from tests.conftest import Running, statements
from tests.graph.conftest import Caller, Customer, employee_of, put, signed_up

ROWS = """phones { id of { __typename id number } } emails { id of { id } } addresses { id of { id } }
  relations { id of { id } other { id } } history(first: 9) { nodes { id recordId record { id number } } }
  notes { nodes { id on { id ... on Contact { phones { of { id } } } } } }"""
READ = f"query($id: ID!, $gone: Boolean! = false) {{ node(id: $id, deleted: $gone) {{ ... on Contact {{ {ROWS} }} }} }}"
NODES = """query($ids: [ID!]!, $gone: Boolean! = false) { nodes(ids: $ids, deleted: $gone) { __typename id
  ... on Phone { of { id } } ... on Email { of { id } } ... on Address { of { id } } ... on Relation { of { id } }
  ... on Note { on { id } } ... on Change { recordId record { id } action } ... on Record { number deletedAt } } }"""
NOTE = "mutation($i: CreateNoteInput!) { createNote(input: $i) { note { id on { id } } userErrors { code } } }"
DELETE = "mutation($c: ID!) { deleteContact(input: {contact: {id: $c}}) { deletedId userErrors { code } } }"
CONVERT = """mutation($l: ID!, $c: ContactRef) { convertLead(input: {lead: {id: $l}, contact: $c}) {
  contact { id convertedFrom { id number } } lead { id } userErrors { code } } }"""
HISTORY = """query($id: ID!) { node(id: $id) { ... on Record {
  history(first: 9) { nodes { action fields { field old new } } } } } }"""


@pytest.fixture
async def contact(core: Core, agent: Caller) -> str:
    """A contact with a row of each kind."""
    rows: dict[str, Any] = {
        "phones": [{"kind": "MOBILE", "raw": "1"}, {"kind": "HOME", "raw": "2"}],
        "emails": [{"kind": "PERSONAL", "address": "a@example.com"}],
        "addresses": [{"kind": "HOME", "city": "Köln"}],
    }
    one, other = await put(core, PartyKind.CONTACT, {"last_name": "Curie"} | rows, {"last_name": "Other"})
    async with core.db.begin() as session:
        session.add(Relation(party_id=one, kind="FRIEND", other_id=other))
    made = (await agent(NOTE, i={"on": {"contact": {"id": f"con_{one}"}}, "content": "x"}))["createNote"]
    assert (made["note"]["on"], made["userErrors"]) == ({"id": f"con_{one}"}, [])
    return f"con_{one}"


def ids_of(node: dict[str, Any]) -> list[str]:
    rows = [*node["phones"], *node["emails"], *node["addresses"], *node["relations"]]
    return [each["id"] for each in [*rows, *node["notes"]["nodes"], *node["history"]["nodes"]]]


async def test_what_belongs_to_a_record_leads_back_to_it_and_is_found_by_its_id(
    agent: Caller, core: Core, contact: str
) -> None:
    with statements(core.db) as seen:
        node = (await agent(READ, id=contact))["node"]
    own = {"id": contact}
    assert [each["of"] for each in node["phones"]] == [{"__typename": "Contact", "number": "CON1"} | own] * 2
    assert [each["of"] for each in [*node["emails"], *node["addresses"], *node["relations"]]] == [own] * 3
    assert [each["on"] for each in node["notes"]["nodes"]] == [own | {"phones": [{"of": own}] * 2}]
    assert [(each["recordId"], each["record"]) for each in node["history"]["nodes"]] == [
        (contact, own | {"number": "CON1"})
    ] * 2
    assert len(seen) == 1
    ids = ids_of(node)
    found = (await agent(NODES, ids=ids))["nodes"]
    assert [each["id"] for each in found] == ids
    kinds = ["Phone", "Phone", "Email", "Address", "Relation", "Note", "Change", "Change"]
    assert [each["__typename"] for each in found] == kinds
    assert [each.get("of") or each.get("on") or each["record"] for each in found] == [own] * 8


async def test_nobody_finds_by_an_id_what_they_may_not_see(
    agent: Caller, customer: Customer, nobody: Caller, contact: str
) -> None:
    ids = ids_of((await agent(READ, id=contact))["node"])
    for caller in (customer, nobody):
        for gone in (False, True):
            assert (await caller(NODES, ids=[contact, *ids], gone=gone))["nodes"] == [None] * (1 + len(ids))
    own = (await agent(READ, id=customer.contact))["node"]
    mine = (await customer(READ, id=customer.contact))["node"]
    assert (mine["notes"], mine["history"]) == (None, None)
    assert mine["emails"] == own["emails"] == [{"id": own["emails"][0]["id"], "of": {"id": customer.contact}}]
    (change,) = own["history"]["nodes"]
    assert (await customer(NODES, ids=[change["id"]]))["nodes"] == [None]


async def test_a_deleted_record_is_there_for_staff_who_ask_for_it(
    agent: Caller, customer: Customer, nobody: Caller, contact: str
) -> None:
    ids = ids_of((await agent(READ, id=contact))["node"])
    assert (await agent(DELETE, c=contact))["deleteContact"] == {"deletedId": contact, "userErrors": []}
    found = (await agent(NODES, ids=[contact, *ids]))["nodes"]
    # The log goes on telling; everything else has gone with the record.
    assert [each and each["__typename"] for each in found] == [None] * 7 + ["Change"] * 2
    assert [(each["recordId"], each["record"]) for each in found[7:]] == [(contact, None)] * 2
    assert (await agent(READ, id=contact))["node"] is None
    node = (await agent(READ, id=contact, gone=True))["node"]
    assert ids_of(node)[:-3] == ids[:-2]
    assert [each["of"]["id"] for each in node["phones"]] == [contact] * 2
    assert [each["record"] for each in node["history"]["nodes"]] == [None] * 3
    (first, *rest) = (await agent(NODES, ids=[contact, *ids], gone=True))["nodes"]
    assert first["deletedAt"] is not None
    assert [each["id"] for each in rest] == ids
    for caller in (customer, nobody):
        assert (await caller(NODES, ids=[contact, *ids], gone=True))["nodes"] == [None] * 9
    # Who is hidden until a signup is confirmed was not deleted.
    other = await signed_up(nobody, "other@example.com")
    (seen,) = (await agent(NODES, ids=[other.contact], gone=True))["nodes"]
    assert seen["deletedAt"] is None


async def test_a_contact_tells_which_lead_it_came_of(agent: Caller, customer: Customer, core: Core) -> None:
    first, second = await put(core, PartyKind.LEAD, {"last_name": "Ada"}, {"last_name": "Ada"})
    made = (await agent(CONVERT, l=f"lea_{first}"))["convertLead"]
    assert made["userErrors"] == []
    came_of = {"id": f"lea_{first}", "number": "LEA1"}
    assert made["contact"]["convertedFrom"] == came_of
    contact = {"id": made["contact"]["id"]}
    assert (await agent(CONVERT, l=f"lea_{second}", c=contact))["convertLead"]["contact"]["convertedFrom"] == came_of
    read = "query($c: ContactRef!) { contact(by: $c) { id convertedFrom { id number } } }"
    assert (await agent(read, c=contact))["contact"] == contact | {"convertedFrom": came_of}
    delete = "mutation($l: ID!) { deleteLead(input: {lead: {id: $l}}) { userErrors { code } } }"
    await agent(delete, l=f"lea_{first}")
    assert (await agent(read, c=contact))["contact"]["convertedFrom"] == {"id": f"lea_{second}", "number": "LEA2"}
    # Whoever joined the lead may not see it.
    (own,) = await put(core, PartyKind.LEAD, {"last_name": "Ray"})
    await agent(CONVERT, l=f"lea_{own}", c={"id": customer.contact})
    assert (await customer(read, c={"id": customer.contact}))["contact"]["convertedFrom"] is None


async def test_a_history_has_the_words_and_ids_of_the_schema(agent: Caller, core: Core) -> None:
    (lead,) = await put(core, PartyKind.LEAD, {"last_name": "Ada", "rating": "Hot"})
    note = (await agent(NOTE, i={"on": {"lead": {"id": f"lea_{lead}"}}, "content": "x"}))["createNote"]["note"]["id"]
    me = (await agent("{ me { user { id } } }"))["me"]["user"]["id"]
    contact = (await agent(CONVERT, l=f"lea_{lead}"))["convertLead"]["contact"]["id"]
    of_lead = (await agent(HISTORY, id=f"lea_{lead}"))["node"]["history"]["nodes"]
    by_field = {each["field"]: each for entry in of_lead for each in entry["fields"]}
    written = by_field[f"notes.{note}"]["new"]
    assert written == {
        "content": "x",
        "owner": me,
        "createdBy": me,
        "modifiedBy": me,
        "createdAt": written["createdAt"],
        "updatedAt": written["createdAt"],
    }
    assert written["createdAt"].endswith("Z")
    assert by_field["convertedAt"]["new"].endswith("Z")
    assert by_field["convertedContact"]["new"] == contact
    moved = {"field": f"notes.{note}.on", "old": f"lea_{lead}", "new": contact}
    assert by_field[f"notes.{note}.on"] == moved


async def test_a_history_names_the_record_of_a_relation_that_is_gone(agent: Caller, core: Core) -> None:
    (one, other), (account,) = (
        await put(core, PartyKind.CONTACT, {"last_name": "A"}, {"last_name": "B"}),
        await put(core, PartyKind.ACCOUNT, {"name": "Acme"}),
    )
    fields = [
        {"field": "relations.7", "old": {"kind": "FRIEND", "other_id": other, "given": ["number"]}, "new": None},
        {"field": "relations.8.other_id", "old": account, "new": other + 10**6},
        {"field": "relations.8.given", "masked": True},
    ]
    async with core.db.begin() as session:
        session.add(
            Change(
                party_id=one,
                kind=PartyKind.CONTACT,
                action=Action.UPDATED,
                revision=2,
                door=Door.CRMCOM,
                fields=fields,
            )
        )
    told = (await agent(HISTORY, id=f"con_{one}"))["node"]["history"]["nodes"][0]["fields"]
    assert told == [
        {
            "field": "relations.rel_7",
            "old": {"kind": "FRIEND", "other": f"con_{other}", "given": ["number"]},
            "new": None,
        },
        {"field": "relations.rel_8.other", "old": f"acc_{account}", "new": None},
        {"field": "relations.rel_8.given", "old": None, "new": None},
    ]


async def test_a_photo_has_an_id_by_which_it_is_found(agent: Caller, customer: Customer, core: Core) -> None:
    (other,) = await put(core, PartyKind.CONTACT, {"last_name": "Other"})
    own = int(customer.contact.removeprefix("con_"))
    async with core.db.begin() as session:
        for party_id, name in ((own, "own"), (other, "other")):
            values = {"file_name": f"{name}.png", "content_type": "image/png", "width": 1, "height": 1, "size_bytes": 1}
            session.add(Photo(party_id=party_id, key=name, **values))
    ids = [f"pic_{own}", f"pic_{other}", "pic_1"]
    query = "query($ids: [ID!]!, $gone: Boolean!) { nodes(ids: $ids, deleted: $gone) { id ... on Photo { fileName } } }"
    introspected = query[: query.rindex("}")] + "__schema { queryType { name } } }"
    photo = "query($c: ID!) { contact(by: {id: $c}) { photo { id fileName } } }"
    first, second = ({"id": ids[i], "fileName": name} for i, name in enumerate(("own.png", "other.png")))
    assert (await agent(photo, c=customer.contact))["contact"]["photo"] == first
    for text in (query, introspected):
        assert (await agent(text, ids=ids, gone=False))["nodes"] == [first, second, None]
        assert (await customer(text, ids=ids, gone=True))["nodes"] == [first, None, None]
        assert (await Caller(agent.client)(text, ids=ids, gone=True))["nodes"] == [None] * 3
    delete = "mutation($c: ID!) { deleteContact(input: {contact: {id: $c}}) { userErrors { code } } }"
    await agent(delete, c=f"con_{other}")
    for text in (query, introspected):  # the addresses of a photo die with the record
        assert (await agent(text, ids=ids, gone=True))["nodes"] == [first, None, None]


async def test_a_change_leads_to_its_record_also_when_that_was_deleted(agent: Caller, core: Core) -> None:
    (contact,) = await put(core, PartyKind.CONTACT, {"last_name": "Gone"})
    delete = "mutation($c: ID!) { deleteContact(input: {contact: {id: $c}}) { userErrors { code } } }"
    await agent(delete, c=f"con_{contact}")
    query = """query($i: ID!) { node(id: $i, deleted: true) { ... on Contact { history { nodes {
      record { id } deleted: record(deleted: true) { id deletedAt displayName } } } } } }"""
    nodes = (await agent(query, i=f"con_{contact}"))["node"]["history"]["nodes"]
    assert [each["record"] for each in nodes] == [None] * 2
    for each in nodes:
        assert each["deleted"]["deletedAt"] is not None
        assert (each["deleted"]["id"], each["deleted"]["displayName"]) == (f"con_{contact}", "Gone")


async def test_a_history_has_names_beside_ids(agent: Caller, core: Core) -> None:
    acme, zet = await put(core, PartyKind.ACCOUNT, {"name": "Acme"}, {"name": "Zet"})
    boss, *people = await put(core, PartyKind.CONTACT, *({"last_name": f"L{n}", "account_id": acme} for n in range(9)))
    me = (await agent("{ me { user { id name } } }"))["me"]["user"]
    change = "mutation($i: UpdateContactInput!) { updateContact(input: $i) { userErrors { code } } }"
    for own in people:
        given = {"account": f"acc_{zet}", "reportsTo": f"con_{boss}", "owner": me["id"], "nickname": f"acc_{acme}"}
        assert (await agent(change, i={"contact": {"id": f"con_{own}"}, **given}))["updateContact"]["userErrors"] == []
    delete = "mutation($a: ID!) { deleteAccount(input: {account: {id: $a}}) { userErrors { code } } }"
    await agent(delete, a=f"acc_{acme}")
    query = """query($n: Int!) { contacts(first: $n, filter: {lastName: {in: ["L1", "L2", "L3", "L4", "L5", "L6"]}}) {
    nodes {
      history(first: 1) { nodes { fields { field old new oldName newName } } } } } }"""
    counts = []
    for size in (2, 6):
        with statements(core.db) as seen:
            nodes = (await agent(query, n=size))["contacts"]["nodes"]
        counts.append(len(seen))
        for node in nodes:
            assert {each.pop("field"): each for each in node["history"]["nodes"][0]["fields"]} == {
                "account": {"old": f"acc_{acme}", "new": f"acc_{zet}", "oldName": "Acme", "newName": "Zet"},
                "reportsTo": {"old": None, "new": f"con_{boss}", "oldName": None, "newName": "L0"},
                "owner": {"old": None, "new": me["id"], "oldName": None, "newName": me["name"]},
                # What looks like an id and is a text names nothing.
                "nickname": {"old": None, "new": f"acc_{acme}", "oldName": None, "newName": None},
            }
    assert counts[0] == counts[1]


async def test_the_demo_has_as_many_revisions_as_changes(demo: Running) -> None:
    staff = await employee_of(demo)
    history = "nodes { revision history(first: 1) { nodes { revision } } }"
    data = await staff(f"{{ contacts(first: 100) {{ {history} }} accounts(first: 100) {{ {history} }} }}")
    for node in (*data["contacts"]["nodes"], *data["accounts"]["nodes"]):
        assert node["history"]["nodes"][0]["revision"] == node["revision"]
