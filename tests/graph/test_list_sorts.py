"""What lists are sorted by, cursors that are bound to their filter and sort, and lists of what is deleted."""

from typing import Any

import pytest
from graphql import GraphQLEnumType
from sqlalchemy import text

from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind
from crmgraph.graph.schema.schema import schema
from crmgraph.seed import seed
from tests.conftest import statements
from tests.graph.conftest import Caller, Customer, put

CONTACTS = """query($f: ContactFilter, $s: [ContactSort!], $first: Int, $after: String, $before: String) {
  contacts(first: $first, after: $after, before: $before, filter: $f, sort: $s) {
    totalCount edges { cursor node { lastName number } } pageInfo { hasNextPage endCursor } } }"""
LEADS = "query($s: [LeadSort!]) { leads(sort: $s) { nodes { lastName } } }"
PEOPLE: list[dict[str, Any]] = [
    {"last_name": "Böhm", "first_name": "Zoë", "job_title": "Buyer", "number": "CON10"},
    {"last_name": "Ames", "first_name": "zoe", "middle_name": "M", "job_title": "buyer", "number": "con9"},
    {"last_name": "Cole", "job_title": "Ärztin", "number": "A1-2"},
    {"last_name": "Dahl", "first_name": "Ann", "number": "A1-11"},
]


async def order(caller: Caller, query: str, field: str, direction: str = "ASC") -> str:
    data = await caller(query, s=[{"field": field, "direction": direction}])
    (page,) = data.values()
    nodes = page.get("nodes") or [edge["node"] for edge in page["edges"]]
    return "".join(node["lastName"][0] for node in nodes)


async def test_every_column_is_sorted_without_regard_to_case_and_accents(agent: Caller, core: Core) -> None:
    await put(core, PartyKind.CONTACT, *({**each} for each in PEOPLE))
    for field, expected in (
        ("FIRST_NAME", "CDAB"),
        ("FULL_NAME", "DCBA"),
        ("LAST_NAME", "ABCD"),
        ("JOB_TITLE", "DCBA"),
        ("NUMBER", "CDAB"),
        ("CREATED_AT", "BACD"),
    ):
        assert await order(agent, CONTACTS, field) == expected, field
        assert await order(agent, CONTACTS, field, "DESC") == expected[::-1], field
    await put(
        core,
        PartyKind.LEAD,
        {"last_name": "A", "company": "Zeta", "status": "open"},
        {"last_name": "B", "company": "épsilon", "status": "Öffen"},
        {"last_name": "C", "company": "Delta", "status": "New"},
    )
    for field, expected in (("COMPANY", "CBA"), ("STATUS", "CBA"), ("NUMBER", "ABC"), ("FULL_NAME", "ABC")):
        assert await order(agent, LEADS, field) == expected, field


async def test_numbers_are_sorted_as_they_change(agent: Caller, core: Core) -> None:
    await put(core, PartyKind.CONTACT, *({"last_name": name} for name in "ABCDEFGHIJK"))
    assert await order(agent, CONTACTS, "NUMBER") == "ABCDEFGHIJK"  # CON1 to CON11
    change = """mutation { updateContact(input: {contact: {number: "CON3"}, number: "CON0100", lastName: "X"}) {
      userErrors { code } } }"""
    assert await agent(change) == {"updateContact": {"userErrors": []}}
    assert await order(agent, CONTACTS, "NUMBER") == "ABDEFGHIJKX"
    assert await order(agent, CONTACTS, "FULL_NAME", "DESC") == "XKJIHGFEDBA"


async def test_sqlite_walks_an_index_for_every_sort(agent: Caller, core: Core) -> None:
    """On PostgreSQL the blocks are counted, see `tests/test_cliffs.py`."""
    if not core.db.is_sqlite:
        pytest.skip("SQLite alone tells its plan without running it")
    await seed(core.db, accounts=30, contacts=300, leads=100)
    await agent("{ me { id } }")
    seen_sorts = 0
    for name, sort in (("contacts", "ContactSortField"), ("accounts", "AccountSortField"), ("leads", "LeadSortField")):
        enum = schema.graphql_core.type_map[sort]
        assert isinstance(enum, GraphQLEnumType)
        for field in enum.values:
            for direction in ("ASC", "DESC"):
                query = (
                    f"{{ {name}(first: 5, sort: [{{field: {field}, direction: {direction}}}]) {{ nodes {{ id }} }} }}"
                )
                with statements(core.db) as seen:
                    await agent(query)
                async with core.db.engine.connect() as connection:
                    raw = await connection.get_raw_connection()
                    assert raw.driver_connection is not None
                    given = (None,) * seen[-1].count("?")
                    cursor = await raw.driver_connection.execute(f"EXPLAIN QUERY PLAN {seen[-1]}", given)
                    plan = [str(row[3]) for row in await cursor.fetchall()]
                walked = [
                    step for step in plan if step.startswith((f"SCAN {name[:-1]} USING", f"SEARCH {name[:-1]} USING"))
                ]
                assert any("INDEX" in step for step in walked), (query, plan)
                assert not any("ORDER BY" in step for step in plan), (query, plan)
                seen_sorts += 1
    assert seen_sorts == 2 * (8 + 4 + 9)


OTHER_FILTER = "`after` is a cursor of this list with another filter: give the filter that it came with."
OTHER_SORT = "`after` is no cursor of this list: give the `cursor` of an edge of the same list and sort."


async def test_a_cursor_belongs_to_its_filter_and_its_sort(agent: Caller, core: Core) -> None:
    await put(core, PartyKind.CONTACT, *({"last_name": f"A{n}", "category": "VIP"} for n in range(4)))
    sort = [{"field": "LAST_NAME"}]
    vip = {"category": {"eq": "VIP"}, "createdAt": {"ago": {"from": "P1D"}}}
    introspected = CONTACTS[: CONTACTS.rindex("}")] + "__schema { queryType { name } } }"
    cursors = []
    for query in (CONTACTS, introspected):
        page = (await agent(query, f=vip, s=sort, first=2))["contacts"]
        cursors.append(page["pageInfo"]["endCursor"])
        assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"]
    assert cursors[0] == cursors[1]
    plain = (await agent(CONTACTS, s=sort, first=2))["contacts"]["pageInfo"]["endCursor"]
    for query in (CONTACTS, introspected):
        page = (await agent(query, f=vip, s=sort, after=cursors[0]))["contacts"]
        assert [edge["node"]["lastName"] for edge in page["edges"]] == ["A2", "A3"]
        for filter_, cursor, message in (
            (None, cursors[0], OTHER_FILTER),
            ({}, cursors[0], OTHER_FILTER),
            ({"category": {"eq": "vip"}}, cursors[0], OTHER_FILTER),
            (vip | {"createdAt": {"ago": {"from": "P2D"}}}, cursors[0], OTHER_FILTER),
            ({"and": [vip]}, cursors[0], OTHER_FILTER),
            (vip, plain, OTHER_FILTER),
            (vip, "garbage", OTHER_SORT),
            (vip, cursors[0][:8] + "zz" + cursors[0][10:], OTHER_SORT),
        ):
            assert await agent.errors(query, f=filter_, s=sort, after=cursor) == [("BAD_USER_INPUT", message)], filter_
        other = [{"field": "NUMBER"}]
        assert await agent.errors(query, f=vip, s=other, after=cursors[0]) == [("BAD_USER_INPUT", OTHER_SORT)]
        assert (await agent(query, f={}, s=sort, after=plain))["contacts"]["totalCount"] == 4


async def test_nested_pages_have_cursors_of_their_filter_too(agent: Caller, core: Core) -> None:
    (account,) = await put(core, PartyKind.ACCOUNT, {"name": "A"})
    await put(core, PartyKind.CONTACT, *({"last_name": f"{n}", "account_id": account} for n in range(4)))
    query = """query($f: ContactFilter, $a: String) { accounts { nodes { contacts(first: 2, filter: $f, after: $a) {
      nodes { lastName } pageInfo { endCursor } } } } }"""
    given = {"lastName": {"notIn": ["0"]}}
    page = (await agent(query, f=given))["accounts"]["nodes"][0]["contacts"]
    assert [node["lastName"] for node in page["nodes"]] == ["1", "2"]
    page = (await agent(query, f=given, a=page["pageInfo"]["endCursor"]))["accounts"]["nodes"][0]["contacts"]
    assert [node["lastName"] for node in page["nodes"]] == ["3"]
    assert await agent.errors(query, a=page["pageInfo"]["endCursor"]) == [("BAD_USER_INPUT", OTHER_FILTER)]


async def test_deleted_records_are_listed_for_staff_from_the_last_one(
    agent: Caller, customer: Customer, nobody: Caller, core: Core
) -> None:
    await put(core, PartyKind.CONTACT, *({"last_name": name, "category": "VIP"} for name in "ABCDE"))
    delete = "mutation($n: String!) { deleteContact(input: {contact: {number: $n}}) { userErrors { code } } }"
    for number in ("CON3", "CON5", "CON2"):
        assert (await agent(delete, n=number))["deleteContact"] == {"userErrors": []}
    introspected = CONTACTS[: CONTACTS.rindex("}")] + "__schema { queryType { name } } }"

    async def found(caller: Caller, query: str, **variables: Any) -> tuple[str, int, str | None]:
        page = (await caller(query, **variables))["contacts"]
        return "".join(e["node"]["lastName"] for e in page["edges"]), page["totalCount"], page["pageInfo"]["endCursor"]

    for query in (CONTACTS, introspected):
        names, total, _ = await found(agent, query, f={"deleted": True})
        assert (names, total) == ("ADB", 3)
        names, _, cursor = await found(agent, query, f={"deleted": True}, first=2)
        assert (await found(agent, query, f={"deleted": True}, after=cursor))[:2] == ("B", 3)
        assert (await found(agent, query, f={"deleted": True, "lastName": {"in": ["a", "c"]}}))[:2] == ("A", 1)
        assert (await found(agent, query, f={"deleted": True, "category": {"eq": "VIP"}}))[:2] == ("ADB", 3)
        assert (await found(agent, query, f={"deleted": False}))[:2] == ("RayCE", 3)
        for caller in (customer, nobody):
            assert (await found(caller, query, f={"deleted": True}))[:2] == ("", 0)
        message = "`sort` has no say in deleted records, which are listed from the one deleted last."
        given = {"f": {"deleted": True}, "s": [{"field": "NUMBER"}]}
        assert await agent.errors(query, **given) == [("BAD_USER_INPUT", message)]
        for inner, path in (({"not": {"deleted": True}}, "not"), ({"or": [{"deleted": False}]}, "or.0")):
            message = f"`filter.{path}.deleted` is about the whole list: it stands at the top of `filter`."
            assert await agent.errors(query, f=inner) == [("BAD_USER_INPUT", message)]
    async with core.db.begin() as session:  # a signup that waits is none
        await session.execute(text("UPDATE credential SET confirmed = false WHERE contact_id IS NOT NULL"))
        await session.execute(text("UPDATE contact SET deleted_at = updated_at WHERE last_name = 'Ray'"))
    assert (await found(agent, CONTACTS, f={"deleted": True}))[:2] == ("ADB", 3)
