"""The list of duplicates: found by a run and kept up with changes, told with reasons, and left when it is settled."""

import pytest

from crmgraph.crm.models import PartyKind
from crmgraph.crm.records.duplicates import sharing, upkeep
from tests.agreement.doors import Graph, Record, clients
from tests.agreement.world import founded
from tests.conftest import Running, statements
from tests.merging.world import ERRORS, asked, ident, made, merged, told

LIST = """query($of: PartyKind!) { duplicates(of: $of) { totalCount nodes {
  of { id } record { id } likeness reasons } } }"""
OWN = "duplicates { totalCount nodes { of { id } record { id } likeness reasons } }"
WARNED = "duplicates { existing { id } }"
DISMISS = f"mutation($i: DismissDuplicateInput!) {{ dismissDuplicate(input: $i) {{ record {{ id }} {ERRORS} }} }}"


@pytest.fixture
async def graph(running: Running) -> Graph:
    found: Graph = clients(await founded(running))["graphql"]
    return found


async def pairs(graph: Graph, kind: PartyKind = PartyKind.CONTACT) -> list[tuple[str, str, list[str]]]:
    found = (await asked(graph, LIST, of=kind.value))["duplicates"]
    assert found["totalCount"] == len(found["nodes"])
    return [(each["of"]["id"], each["record"]["id"], each["reasons"]) for each in found["nodes"]]


async def person(graph: Graph, first: str, last: str, email: str | None = None, phone: str | None = None) -> Record:
    emails = [] if email is None else [{"kind": "BUSINESS", "address": email}]
    phones = [] if phone is None else [{"kind": "MOBILE", "raw": phone}]
    return await made(graph, PartyKind.CONTACT, firstName=first, lastName=last, emails=emails, phones=phones)


async def test_a_run_finds_pairs_with_reasons(graph: Graph) -> None:
    db = graph.world.core.db
    one = await person(graph, "Marie", "Curie", "marie@example.com", "+33 6 12345678")
    other = await person(graph, "Maria", "Curie", "Marie@Example.com", "+33612345678")
    typo = await person(graph, "Margaret", "Thatcherson")
    typed = await person(graph, "Margaret", "Thatchersen")
    shared = [await person(graph, f"P{i}", f"Q{i}", "info@example.com") for i in range(sharing.MAX_BLOCK + 1)]
    acme, ltd = [await made(graph, PartyKind.ACCOUNT, name=name) for name in ("Acmé Ltd", "ACME")]
    lead = await made(graph, PartyKind.LEAD, firstName="Marie", lastName="Curie")
    assert await pairs(graph) == []
    assert [await upkeep.run(db, kind) for kind in PartyKind] == [1, 1, 0]
    assert await pairs(graph) == [(ident(one), ident(other), ["SAME_EMAIL", "SAME_PHONE", "SIMILAR_NAME"])]
    assert await pairs(graph, PartyKind.ACCOUNT) == [(ident(acme), ident(ltd), ["SIMILAR_NAME"])]
    assert (await told(graph, other, OWN))["duplicates"] == {
        "totalCount": 1,
        "nodes": [
            {
                "of": {"id": ident(other)},
                "record": {"id": ident(one)},
                "likeness": pytest.approx(0.977, abs=0.01),
                "reasons": ["SAME_EMAIL", "SAME_PHONE", "SIMILAR_NAME"],
            }
        ],
    }
    for each in (typo, typed, shared[0], lead):
        assert (await told(graph, each, OWN))["duplicates"]["totalCount"] == 0


async def test_what_very_many_share_hides_nothing(graph: Graph) -> None:
    db = graph.world.core.db
    for i in range(4 * sharing.MAX_BLOCK):
        await person(graph, f"P{i}", f"Q{i}", "info@example.com")
    emails = [{"kind": "BUSINESS", "address": "info@example.com"}]
    person_of = {"emails": emails, "phones": [{"kind": "MOBILE", "raw": "+33612345678"}]}
    one = await made(graph, PartyKind.CONTACT, firstName="Marie", lastName="Curie", **person_of)
    create = (
        f"mutation($i: CreateContactInput!) {{ createContact(input: $i) {{ {ERRORS} contact {{ id }} {WARNED} }} }}"
    )
    rows = {name: {"add": each} for name, each in person_of.items()}
    found = (await asked(graph, create, i={"firstName": "M.", "lastName": "Sklodowska", **rows}))["createContact"]
    assert found["duplicates"] == [{"existing": {"id": ident(one)}}]
    await upkeep.run(db, PartyKind.CONTACT)
    assert len(await pairs(graph)) == 1


async def test_a_change_is_compared_and_what_is_settled_leaves(graph: Graph) -> None:
    db = graph.world.core.db
    assert await upkeep.keep_up(db) == {"contact": 0, "account": 0, "lead": 0}
    one, other, third = [await person(graph, f"N{i}", f"M{i}", "same@example.com") for i in range(3)]
    assert (await upkeep.keep_up(db))["contact"] == 3
    assert {pair[:2] for pair in await pairs(graph)} == {
        (ident(one), ident(other)),
        (ident(one), ident(third)),
        (ident(other), ident(third)),
    }
    # What is merged or deleted leaves at once, and what was said not to be the same does for good.
    assert (await asked(graph, DISMISS, i={"record": ident(one), "other": ident(third)}))["dismissDuplicate"] == {
        "record": {"id": ident(one)},
        "userErrors": [],
    }
    assert (await merged(graph, one, other))["userErrors"] == []
    assert await pairs(graph) == []
    change = "mutation($i: UpdateContactInput!) { updateContact(input: $i) { userErrors { code } } }"
    for each in (one, third):
        await asked(graph, change, i={"contact": {"id": ident(each)}, "jobTitle": "x"})
    await upkeep.keep_up(db)
    await upkeep.run(db, PartyKind.CONTACT)
    assert await pairs(graph) == []
    fourth = await person(graph, "N4", "M4", "same@example.com")
    await upkeep.keep_up(db)
    assert {pair[:2] for pair in await pairs(graph)} == {(ident(one), ident(fourth)), (ident(third), ident(fourth))}
    # Whoever is not the same any more is none after the next time.
    email = (await told(graph, fourth, "emails { id }"))["emails"][0]["id"]
    await asked(graph, change, i={"contact": {"id": ident(fourth)}, "emails": {"remove": [email]}})
    await upkeep.keep_up(db)
    assert await pairs(graph) == []
    delete = "mutation($i: DeleteContactInput!) { deleteContact(input: $i) { userErrors { code } } }"
    fifth = await person(graph, "N5", "M5", "same@example.com")
    await upkeep.keep_up(db)
    await asked(graph, delete, i={"contact": {"id": ident(fifth)}})
    assert await pairs(graph) == []


async def test_a_new_record_is_told_of_those_that_it_looks_like_where_that_is_asked(graph: Graph) -> None:
    one = await person(graph, "Marie", "Curie", "marie@example.com")
    create = """mutation($i: CreateContactInput!) { createContact(input: $i) { contact { id } userErrors { code }
      duplicates { code message existing { id } } } }"""
    emails = {"add": [{"kind": "PERSONAL", "address": "MARIE@example.com"}]}
    done = (await asked(graph, create, i={"firstName": "M.", "lastName": "Curie", "emails": emails}))["createContact"]
    assert (done["contact"] is not None, done["userErrors"]) == (True, [])
    assert done["duplicates"] == [
        {
            "code": "POSSIBLE_DUPLICATE",
            "message": "It may be the same as another one: SAME_EMAIL.",
            "existing": {"id": ident(one)},
        }
    ]
    done = (await asked(graph, create, i={"firstName": "Irène", "lastName": "Joliot"}))["createContact"]
    assert done["duplicates"] == []


async def test_why_a_dismissal_is_refused_and_who_sees_the_list(graph: Graph) -> None:
    one, other = await person(graph, "A", "B", "x@example.com"), await person(graph, "C", "D", "x@example.com")
    lead = await made(graph, PartyKind.LEAD)
    await upkeep.run(graph.world.core.db, PartyKind.CONTACT)
    for record, another, path, code in (
        (ident(one), ident(one), "other", "CONFLICTING"),
        (ident(one), ident(lead), "other", "NOT_FOUND"),
        ("con_1", ident(one), "record", "NOT_FOUND"),
        ("pho_1000000001", ident(one), "record", "NOT_FOUND"),
    ):
        payload = (await asked(graph, DISMISS, i={"record": record, "other": another}))["dismissDuplicate"]
        assert [(each["path"], each["code"]) for each in payload["userErrors"]] == [(["input", path], code)]
    token = await graph.world.let_in(one.number, "one@example.com")
    assert token
    answer = await graph.world.client.post("/graphql", json={"query": LIST, "variables": {"of": "CONTACT"}})
    assert answer.json() == {"data": {"duplicates": None}}
    with statements(graph.world.core.db) as seen:
        assert len(await pairs(graph)) == 1
    assert len(seen) <= 6
    assert other.number


async def test_however_many_records_are_compared_the_statements_are_the_same(graph: Graph) -> None:
    db = graph.world.core.db
    await upkeep.keep_up(db)
    told = []
    for count in (2, 3):
        for i in range(count):
            await person(graph, f"Given{count}{i}", f"Unlike{count}{i}", f"{count}.{i}@example.com")
        with statements(db) as seen:
            await upkeep.keep_up(db)
        told.append(set(seen))
    assert told[0] == told[1]
