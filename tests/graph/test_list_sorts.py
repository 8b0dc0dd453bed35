"""What lists are sorted by, cursors that are bound to their filter and sort, and lists of what is deleted."""

from typing import Any

import pytest
from graphql import GraphQLEnumType
from sqlalchemy import text

from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind, Role
from crmgraph.crm.repair import repair
from crmgraph.graph.schema.schema import schema
from crmgraph.seed import seed
from tests.conftest import statements
from tests.graph.conftest import Caller, Customer, hired, put

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


async def test_whatever_is_sorted_by_words_has_nothing_first(agent: Caller, core: Core) -> None:
    await put(
        core,
        PartyKind.CONTACT,
        {"last_name": "A", "category": "vip", "direct_marketing": True, "email_opt_out": True},
        {"last_name": "B", "category": "Élite", "life_cycle_state": "lost", "direct_marketing": False},
        {"last_name": "C", "life_cycle_state": "Active", "do_not_call": True, "affiliate_marketing": True},
    )
    for field, expected in (
        ("CATEGORY", "CBA"),
        ("LIFE_CYCLE_STATE", "ACB"),
        ("DIRECT_MARKETING", "CBA"),
        ("AFFILIATE_MARKETING", "ABC"),
        ("EMAIL_OPT_OUT", "BCA"),
        ("SMS_OPT_OUT", "ABC"),
        ("DO_NOT_CALL", "ABC"),
    ):
        assert await order(agent, CONTACTS, field) == expected, field
        assert await order(agent, CONTACTS, field, "DESC") == expected[::-1], field
    await put(
        core,
        PartyKind.ACCOUNT,
        {"name": "A", "kind": "INDIVIDUAL", "status": "Open", "account_type": "x", "segment": "B", "industry": "y"},
        {"name": "B", "kind": "BUSINESS", "status": "closed", "rating": "hot", "segment": "a", "sms_opt_out": True},
        {"name": "C", "rating": "Cold"},
    )
    for field, expected in (
        ("KIND", "CBA"),
        ("STATUS", "CBA"),
        ("RATING", "ACB"),
        ("ACCOUNT_TYPE", "BCA"),
        ("SEGMENT", "CBA"),
        ("INDUSTRY", "BCA"),
        ("SMS_OPT_OUT", "ACB"),
    ):
        data = await agent("query($s: [AccountSort!]) { accounts(sort: $s) { nodes { name } } }", s=[{"field": field}])
        assert "".join(node["name"] for node in data["accounts"]["nodes"]) == expected, field
    lead, *_ = await put(
        core,
        PartyKind.LEAD,
        {"last_name": "A", "rating": "hot", "source": "Web"},
        {"last_name": "B", "approval": "AWAITING", "source": "fair"},
    )
    convert = "mutation($l: ID!) { convertLead(input: {lead: {id: $l}}) { lead { convertedAt } } }"
    assert (await agent(convert, l=f"lea_{lead}"))["convertLead"]["lead"]["convertedAt"] is not None
    for field, expected in (("RATING", "BA"), ("SOURCE", "BA"), ("APPROVAL", "AB"), ("CONVERTED", "BA")):
        assert await order(agent, LEADS, field) == expected, field


CHANGE = "mutation($i: UpdateContactInput!) { updateContact(input: $i) { contact { revision } userErrors { code } } }"


async def test_rows_and_owners_are_sorted_by_the_primary_one_as_they_change(
    agent: Caller, core: Core, nobody: Caller
) -> None:
    for name in ("zoe", "bob"):
        await hired(core, nobody, f"{name}@example.com", Role.AGENT)
    users = await agent('{ users(filter: {name: {in: ["zoe", "bob"]}}, sort: [{field: NAME}]) { nodes { id } } }')
    owners = [node["id"] for node in reversed(users["users"]["nodes"])]
    emails = [
        [{"kind": "BUSINESS", "address": each} for each in listed] for listed in (("b@x.com", "z@x.com"), ("A@x.com",))
    ]
    phones = [{"kind": "MOBILE", "raw": raw, "country": "DE"} for raw in ("0151 12345678", "030 90123456")]
    home = {"kind": "HOME", "city": "Zürich", "country": "CH"}
    one, two, three = await put(
        core,
        PartyKind.CONTACT,
        {"last_name": "B", "emails": emails[0], "phones": [phones[0]], "addresses": [home]},
        {"last_name": "A", "emails": emails[1], "phones": [phones[1]], "addresses": [home | {"city": "århus"}]},
        {"last_name": "C"},
    )

    async def change(own: int, **values: Any) -> None:
        done = (await agent(CHANGE, i={"contact": {"id": f"con_{own}"}, **values}))["updateContact"]
        assert done["userErrors"] == [], done

    async def orders() -> list[str]:
        return [await order(agent, CONTACTS, field) for field in ("EMAIL", "PHONE", "CITY", "OWNER")]

    assert await orders() == ["CAB", "CBA", "CAB", "BAC"]
    await change(one, owner=owners[0])
    await change(three, owner=owners[1], emails={"add": [{"kind": "PERSONAL", "address": "0@x.com"}]})
    assert await orders() == ["CAB", "CBA", "CAB", "ACB"]
    # Another first email, number and address; then the only ones of another contact go.
    rows = (
        await agent(
            "query($i: ID!) { node(id: $i) { ... on Contact { emails { id } phones { id } addresses { id } } } }",
            i=f"con_{two}",
        )
    )["node"]
    await change(
        one,
        emails={"add": [{"kind": "BUSINESS", "address": "00@x.com", "primary": True}]},
        phones={"add": [{"kind": "OTHER", "raw": "+99 9", "primary": True}]},
        addresses={"add": [{"kind": "OTHER", "city": "Aachen", "country": "DE", "primary": True}]},
    )
    assert await orders() == ["BCA", "CAB", "CBA", "ACB"]
    await change(
        two,
        owner=None,
        emails={"remove": [rows["emails"][0]["id"]]},
        phones={"update": [{"id": rows["phones"][0]["id"], "active": False}]},
        addresses={"update": [{"id": rows["addresses"][0]["id"], "city": None}]},
    )
    assert await orders() == ["ABC", "ACB", "ACB", "ACB"]
    # What is stored is what is made of the records anew.
    report = await repair(core.db, region=core.region, dry_run=True)
    assert not any(report.changed.values()), report


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
    assert seen_sorts == 2 * (19 + 16 + 18)


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
