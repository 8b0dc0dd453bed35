"""Bulk writes: many items in one call, each told apart, in a constant number of statements."""

from typing import Any

import pytest

from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind
from tests.conftest import statements
from tests.graph.conftest import Caller, Customer, put

BULK = """mutation($i: BulkContactsInput!) { bulkContacts(input: $i) {
  results { outcome deletedId contact { id number revision lastName firstName emails { address } account { name } }
    userErrors { code path ... on DuplicateError { existing { id } } } }
  userErrors { code path } } }"""
FEW = """mutation($i: BulkContactsInput!) { bulkContacts(input: $i) {
  results { outcome contact { id lastName } userErrors { code } } userErrors { code } } }"""
ALL = "{ contacts(sort: [{field: NUMBER}]) { nodes { number lastName firstName revision } } }"


async def bulk(caller: Caller, *items: dict[str, Any], **more: Any) -> Any:
    payload = (await caller(BULK, i={"items": list(items)} | more))["bulkContacts"]
    assert payload["userErrors"] == []
    return payload["results"]


def told(result: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["code"], ".".join(each["path"])) for each in result["userErrors"]]


async def names(caller: Caller) -> list[str]:
    return [each["lastName"] for each in (await caller(ALL))["contacts"]["nodes"]]


def new(name: str, **values: Any) -> dict[str, Any]:
    return {"create": {"lastName": name} | values}


async def test_items_are_carried_out_in_their_order(agent: Caller, core: Core) -> None:
    await put(core, PartyKind.CONTACT, *({"last_name": name} for name in ("One", "Two", "Three")))
    by = {"email": "four@example.com"}
    results = await bulk(
        agent,
        new("Four", emails={"add": [{"kind": "BUSINESS", "address": "four@example.com"}]}),
        {"update": {"contact": {"number": "CON1"}, "firstName": "A"}},
        {"upsert": {"by": by, "values": {"firstName": "D"}}},
        {"upsert": {"by": by, "values": {"firstName": "D"}}},
        {"upsert": {"by": {"number": "C5"}, "values": {"lastName": "Five"}}},
        {"delete": {"contact": {"number": "CON2"}}},
        {"update": {"contact": {"number": "C5"}, "firstName": "E"}},
        {"update": {"contact": {"number": "CON3"}, "lastName": "Three"}},
    )
    assert [told(each) for each in results] == [[]] * 8
    assert [each["outcome"] for each in results] == [
        *("CREATED", "UPDATED", "UPDATED", "UNCHANGED", "CREATED", "DELETED", "UPDATED", "UNCHANGED")
    ]
    assert [each["contact"] and each["contact"]["lastName"] for each in results] == [
        *("Four", "One", "Four", "Four", "Five", None, "Five", "Three")
    ]
    assert [each["deletedId"] is None for each in results] == [True] * 5 + [False] + [True] * 2
    assert results[0]["contact"]["id"] == results[2]["contact"]["id"]
    assert (await agent(ALL))["contacts"]["nodes"] == [
        {"number": "C5", "lastName": "Five", "firstName": "E", "revision": 2},
        {"number": "CON1", "lastName": "One", "firstName": "A", "revision": 2},
        {"number": "CON3", "lastName": "Three", "firstName": None, "revision": 1},
        {"number": "CON4", "lastName": "Four", "firstName": "D", "revision": 2},
    ]


async def test_what_is_refused_is_told_at_its_place(agent: Caller, core: Core) -> None:
    await put(core, PartyKind.CONTACT, {"last_name": "One"}, {"last_name": "Two"})
    refused = [
        ({"create": {"firstName": "A"}}, [("REQUIRED", "input.items.0.create.lastName")]),
        (new("B", number="CON1"), [("TAKEN", "input.items.1.create.number")]),
        ({"update": {"contact": {"number": "CON9"}}}, [("NOT_FOUND", "input.items.2.update.contact")]),
        ({"update": {"contact": {"id": "?"}, "lastName": "C"}}, [("NOT_FOUND", "input.items.3.update.contact")]),
        (
            {"update": {"contact": {"number": "CON1"}, "lastName": None, "ifRevision": 2}},
            [("STALE", "input.items.4.update.ifRevision"), ("REQUIRED", "input.items.4.update.lastName")],
        ),
        (
            {"upsert": {"by": {"number": "CON1"}, "values": {"owner": "use_1", "number": "CON2"}}},
            [("NOT_FOUND", "input.items.5.upsert.values.owner"), ("TAKEN", "input.items.5.upsert.values.number")],
        ),
        ({"upsert": {"by": {"id": "con_1"}, "values": {"lastName": "D"}}}, [("NOT_FOUND", "input.items.6.upsert.by")]),
        (
            {"delete": {"contact": {"number": "CON2"}, "ifRevision": 7}},
            [("STALE", "input.items.7.delete.ifRevision")],
        ),
    ]
    good = new("Three")
    for policy, more in (("ROWS", {"dryRun": True}), ("ALL", {}), ("ALL", {"dryRun": True}), ("ROWS", {})):
        results = await bulk(agent, *(item for item, _ in refused), good, policy=policy, **more)
        assert [told(each) for each in results] == [*(faults for _, faults in refused), []]
        assert [each["outcome"] for each in results] == [None] * 8 + ["CREATED" if policy == "ROWS" else None]
        made = results[-1]["contact"]
        assert (None if made is None else made["lastName"]) == ("Three" if policy == "ROWS" else None)
        wrote = policy == "ROWS" and not more
        assert await names(agent) == ["One", "Two", *["Three"] * wrote]


async def test_a_dry_run_shows_what_would_be_and_changes_nothing(agent: Caller, core: Core) -> None:
    (one, _) = await put(core, PartyKind.CONTACT, {"last_name": "One"}, {"last_name": "Two"})
    items = [
        new("Three", emails={"add": [{"kind": "BUSINESS", "address": "c@example.com"}]}),
        {"update": {"contact": {"number": "CON1"}, "firstName": "A"}},
        {"delete": {"contact": {"number": "CON2"}}},
    ]
    before = await agent(ALL)
    dry = await bulk(agent, *items, dryRun=True)
    assert [each["outcome"] for each in dry] == ["CREATED", "UPDATED", "DELETED"]
    assert dry[0]["contact"] | {"id": None} == {
        "id": None,
        "number": "CON3",
        "revision": 1,
        "lastName": "Three",
        "firstName": None,
        "emails": [{"address": "c@example.com"}],
        "account": None,
    }
    assert (dry[1]["contact"]["id"], dry[1]["contact"]["firstName"]) == (f"con_{one}", "A")
    assert await agent(ALL) == before
    done = await bulk(agent, *items)
    assert [each["outcome"] for each in done] == ["CREATED", "UPDATED", "DELETED"]


async def test_what_the_call_itself_has_made_is_named_where_it_stands_in_the_way(agent: Caller) -> None:
    results = await bulk(agent, new("One", number="N1"), new("Two", number="N1"), policy="ROWS")
    assert told(results[1]) == [("TAKEN", "input.items.1.create.number")]
    assert results[1]["userErrors"][0]["existing"] == {"id": results[0]["contact"]["id"]}
    # There for nobody yet.
    item = {"delete": {"contact": {"number": "N2"}}}
    results = await bulk(agent, new("Three", number="N2"), item, policy="ROWS")
    assert told(results[1]) == [("NOT_FOUND", "input.items.1.delete.contact")]


KINDS = [("Account", "name"), ("Lead", "lastName")]


@pytest.mark.parametrize(("kind", "name"), KINDS)
async def test_accounts_and_leads_go_the_same_way(kind: str, name: str, agent: Caller) -> None:
    query = """mutation($i: Bulk%(kind)ssInput!) { bulk%(kind)ss(input: $i) {
      results { outcome deletedId %(name)s { number } userErrors { path } } userErrors { code } } }"""
    record = kind.lower()
    items = [
        {"create": {name: "A"}},
        {"upsert": {"by": {"number": f"{kind[:3].upper()}9"}, "values": {name: "B"}}},
        {"update": {record: {"number": f"{kind[:3].upper()}9"}, name: "C"}},
        {"create": {}},
    ]
    data = await agent(query % {"kind": kind, "name": record}, i={"items": items, "policy": "ROWS"})
    payload = data[f"bulk{kind}s"]
    assert [each["outcome"] for each in payload["results"]] == ["CREATED", "CREATED", "UPDATED", None]
    assert payload["results"][3]["userErrors"] == [{"path": ["input", "items", "3", "create", name]}]
    deleted = await agent(
        query % {"kind": kind, "name": record}, i={"items": [{"delete": {record: {"number": f"{kind[:3].upper()}9"}}}]}
    )
    assert deleted[f"bulk{kind}s"]["results"][0]["outcome"] == "DELETED"


async def test_staff_alone_may(nobody: Caller, customer: Customer) -> None:
    given = {"items": [{"update": {"contact": {"id": customer.contact}, "firstName": "A"}}]}
    assert [code for code, _ in await nobody.errors(BULK, i=given)] == ["UNAUTHENTICATED"]
    payload = (await customer(BULK, i=given))["bulkContacts"]
    assert payload == {"results": [], "userErrors": [{"code": "FORBIDDEN", "path": ["input"]}]}


async def test_a_call_takes_as_many_statements_however_many_items_it_has(agent: Caller, core: Core) -> None:
    (account,) = await put(core, PartyKind.ACCOUNT, {"name": "Acme"})
    counts: dict[str, list[int]] = {}
    for n in (3, 10, 1000):
        made = [
            new(
                f"N{n}-{i}",
                number=f"N{n}-{i}",
                account=f"acc_{account}",
                emails={"add": [{"kind": "BUSINESS", "address": f"{n}.{i}@example.com"}]},
                externalIds={"add": [{"system": f"s{i % 3}", "value": f"{n}.{i}"}]},
            )
            for i in range(n)
        ]
        refs = (
            lambda i, n=n: {"number": f"N{n}-{i}"},
            lambda i, n=n: {"email": f"{n}.{i}@example.com"},
            lambda i, n=n: {"external": {"system": f"s{i % 3}", "value": f"{n}.{i}"}},
        )
        changed = [{"update": {"contact": refs[i % 3](i), "firstName": "A"}} for i in range(n)]
        same = [{"upsert": {"by": refs[i % 3](i), "values": {"firstName": "A"}}} for i in range(n)]
        gone = [{"delete": {"contact": refs[i % 3](i)}} for i in range(n)]
        for what, items in (("create", made), ("update", changed), ("same", same), ("delete", gone)):
            with statements(core.db) as seen:
                payload = (await agent(FEW, i={"items": items}))["bulkContacts"]
            assert payload["userErrors"] == []
            assert {len(payload["results"]), sum(not each["userErrors"] for each in payload["results"])} == {n}
            counts.setdefault(what, []).append(len(seen))
    first = {what: each[0] for what, each in counts.items()}
    assert counts == {what: [first[what]] * 3 for what in counts}
    assert first == (
        {"create": 13, "update": 9, "same": 6, "delete": 12}
        if core.db.is_sqlite
        else {"create": 9, "update": 8, "same": 7, "delete": 12}
    )


async def test_a_thousand_items_are_taken_of_staff_and_of_nobody_else(
    agent: Caller, customer: Customer, nobody: Caller
) -> None:
    thousand = [new(f"N{i}") for i in range(1001)]
    response = await agent.post(BULK, {"i": {"items": thousand}})
    assert (response.status_code, response.json()["errors"][0]["message"]) == (
        400,
        "`variables.i.items` has a list of 1,001 items, and 1,000 is the most.",
    )
    few = "`variables.i.items` has a list of 200 objects, and 100 is the most."
    for caller in (customer, nobody):
        response = await caller.post(BULK, {"i": {"items": thousand[:200]}})
        assert (response.status_code, response.json()["errors"][0]["message"]) == (400, few)
    # No other operation of theirs has more.
    for query in (
        "query($i: [ContactFilter!]) { contacts(filter: {or: $i}) { totalCount } }",
        BULK.replace("results {", "__typename results {").replace("{ bulk", "{ __typename bulk"),
    ):
        response = await agent.post(query, {"i": [{}] * 200 if "query(" in query else {"items": thousand[:200]}})
        told_here = few.replace(".items", "") if "query(" in query else few
        assert (response.status_code, response.json()["errors"][0]["message"]) == (400, told_here)
    email = {"kind": "BUSINESS", "address": "a@b.example"}
    for rows, told_ in (
        (30, "This has more than 60,000 values."),
        (14, "`variables` hold more than 15,000 objects in all."),
    ):
        response = await agent.post(BULK, {"i": {"items": [new("N", emails={"add": [email] * rows})] * 1000}})
        assert (response.status_code, response.json()["errors"][0]["message"]) == (400, told_)
    assert await names(agent) == ["Ray"]


async def test_items_may_stand_by_themselves_in_a_variable(agent: Caller) -> None:
    query = """mutation($items: [BulkContactItem!]!, $dry: Boolean!) {
      bulkContacts(input: {items: $items, dryRun: $dry, policy: ROWS}) { results { outcome } } }"""
    for dry in (True, False):
        data = await agent(query, items=[*(new(f"N{i}") for i in range(150)), {"create": {}}], dry=dry)
        assert [each["outcome"] for each in data["bulkContacts"]["results"]] == ["CREATED"] * 150 + [None]
        assert (await agent("{ contacts { totalCount } }"))["contacts"]["totalCount"] == (0 if dry else 150)


async def test_items_count_in_what_a_document_costs(agent: Caller) -> None:
    query = "mutation($i: BulkContactsInput!) { bulkContacts(input: $i) { results { contact { id } } } }"
    for n in (1, 10):
        body = {"query": query, "variables": {"i": {"items": [new("A")] * n, "dryRun": True}}}
        response = await agent.client.post("/graphql", json=body, headers=agent.headers | {"GraphQL-Cost": "1"})
        assert response.json()["extensions"]["cost"] == 1 + 4 * n
