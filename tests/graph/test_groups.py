"""Groups of records with their counts and first members, and the choices of fields."""

from pathlib import Path
from typing import Any

import pytest
from graphql import build_schema, get_named_type, is_enum_type
from strawberry.utils.str_converters import to_camel_case

from crmgraph.crm.core import Core
from crmgraph.crm.identity import staff
from crmgraph.crm.models import PartyKind, Role
from crmgraph.crm.query.choices import FIELDS
from crmgraph.seed import seed
from tests.conftest import statements
from tests.graph.conftest import Caller, Customer, put

GROUPS = """query($by: [ContactGroup!]!, $f: ContactFilter, $first: Int, $after: String) {
  contactGroups(by: $by, filter: $f, first: $first, after: $after) {
    keys count cursor hasNext totalGroups record { __typename id } records { id } } }"""
MEMBERS = """query($by: [ContactGroup!]!, $f: ContactFilter, $n: Int, $after: String) {
  contactGroups(by: $by, filter: $f) { keys contacts(first: $n, after: $after) {
    totalCount nodes { lastName } edges { cursor } pageInfo { hasNextPage endCursor } } } }"""


@pytest.fixture
async def records(core: Core) -> dict[str, str]:
    async with core.db.begin() as session:
        eva = (await staff.add_staff(session, "Eva", "eva@example.com", Role.AGENT, None)).id
    acme, gone = await put(
        core, PartyKind.ACCOUNT, {"name": "Acme", "status": "Open"}, {"name": "Gone", "status": "open"}
    )
    home = {"kind": "HOME", "country": "DE"}
    await put(
        core,
        PartyKind.CONTACT,
        {"last_name": "A", "category": "VIP", "account_id": acme, "owner_id": eva, "addresses": [home]},
        {"last_name": "B", "category": "VIP", "account_id": acme, "addresses": [{"kind": "HOME", "country": "FR"}]},
        {"last_name": "C", "category": "Old", "account_id": gone, "addresses": [{**home, "active": False}, home]},
        {"last_name": "D", "category": "VIP"},
        {"last_name": "E", "owner_id": eva},
    )
    return {"eva": f"usr_{eva}", "acme": f"acc_{acme}", "gone": f"acc_{gone}"}


def told(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(*row["keys"], row["count"]) for row in rows]


async def test_groups_are_counted_the_largest_first(agent: Caller, records: dict[str, str]) -> None:
    delete = "mutation($a: AccountRef!) { deleteAccount(input: {account: $a}) { userErrors { code } } }"
    assert await agent(delete, a={"id": records["gone"]}) == {"deleteAccount": {"userErrors": []}}
    eva, acme = records["eva"], records["acme"]
    for by, filter_, expected in (
        (["CATEGORY"], None, [("VIP", 3), (None, 1), ("Old", 1)]),
        (["OWNER"], None, [(None, 3), (eva, 2)]),
        (["ACCOUNT"], None, [(None, 3), (acme, 2)]),
        (["COUNTRY"], None, [(None, 2), ("DE", 2), ("FR", 1)]),
        (["CATEGORY", "OWNER"], None, [("VIP", None, 2), (None, eva, 1), ("Old", None, 1), ("VIP", eva, 1)]),
        (["CATEGORY"], {"accountMatches": {"name": {"eq": "acme"}}}, [("VIP", 2)]),
        (["COUNTRY"], {"address": {"country": {"eq": "DE"}}}, [("DE", 2)]),
        (["CATEGORY"], {"lastName": {"eq": "nobody"}}, []),
    ):
        rows = (await agent(GROUPS, by=by, f=filter_))["contactGroups"]
        assert told(rows) == expected, by
    (row,) = (await agent(GROUPS, by=["CREATED_MONTH"]))["contactGroups"]
    assert (len(row["keys"][0]), row["keys"][0][4], row["count"], row["record"]) == (7, "-", 5, None)
    rows = (await agent(GROUPS, by=["CATEGORY", "OWNER"]))["contactGroups"]
    users = [None, {"__typename": "User", "id": eva}]
    assert [row["record"] for row in rows] == [users[row["keys"][1] is not None] for row in rows]
    rows = (await agent(GROUPS, by=["ACCOUNT"]))["contactGroups"]
    assert [row["record"] for row in rows] == [None, {"__typename": "Account", "id": acme}]
    rows = (await agent(GROUPS, by=["OWNER", "CATEGORY", "ACCOUNT"]))["contactGroups"]
    named = {tuple(row["keys"]): row["records"] for row in rows}
    assert named[eva, "VIP", acme] == [{"id": eva}, None, {"id": acme}]
    assert named[eva, None, None] == [{"id": eva}, None, None]


async def test_groups_come_in_pages(agent: Caller, records: dict[str, str]) -> None:
    by = ["CATEGORY", "OWNER"]
    every = (await agent(GROUPS, by=by))["contactGroups"]
    for size in (1, 2, 3):
        found, cursor = [], None
        while rows := (await agent(GROUPS, by=by, first=size, after=cursor))["contactGroups"]:
            assert len(rows) <= size
            assert {row["totalGroups"] for row in rows} == {len(every)}
            assert [row["hasNext"] for row in rows][-1] is (len(found) + len(rows) < len(every))
            found += rows
            cursor = rows[-1]["cursor"]
        assert found == every
    cursor = every[0]["cursor"]
    message = "`after` is no cursor of these groups: give the `cursor` of a group of the same `by` and `filter`."
    for given in (
        {"by": ["OWNER", "CATEGORY"], "after": cursor},
        {"by": by, "after": cursor, "f": {"lastName": {"eq": "a"}}},
        {"by": by, "after": "garbage"},
        {"by": by, "after": cursor + ".00"},
        {"by": by, "after": cursor.rpartition(".")[0] + ".ff"},
        {"by": by, "after": cursor.rpartition(".")[0] + ".00"},
    ):
        assert await agent.errors(GROUPS, **given) == [("BAD_USER_INPUT", message)], given
    again = ("BAD_USER_INPUT", "`by.1` is OWNER again: leave it out.")
    assert await agent.errors(GROUPS, by=["OWNER", "OWNER"]) == [again]
    for wrong in ([], ["OWNER", "CATEGORY", "COUNTRY", "ACCOUNT"]):
        message = f"`by` has {len(wrong)} parts: give 1 to 3 different ones."
        assert await agent.errors(GROUPS, by=wrong) == [("BAD_USER_INPUT", message)]
    assert await agent.errors(GROUPS, by=by, first=101) == [
        ("BAD_USER_INPUT", "`first` is 101, and a page has 0 to 100 items.")
    ]


async def test_each_group_has_a_page_of_its_members(agent: Caller, records: dict[str, str]) -> None:
    rows = (await agent(MEMBERS, by=["CATEGORY"], n=2))["contactGroups"]
    found = {row["keys"][0]: row["contacts"] for row in rows}
    assert {key: [node["lastName"] for node in page["nodes"]] for key, page in found.items()} == {
        "VIP": ["A", "B"],
        None: ["E"],
        "Old": ["C"],
    }
    assert [(key, page["totalCount"], page["pageInfo"]["hasNextPage"]) for key, page in found.items()] == [
        ("VIP", 3, True),
        (None, 1, False),
        ("Old", 1, False),
    ]
    after = found["VIP"]["pageInfo"]["endCursor"]
    rows = (await agent(MEMBERS, by=["CATEGORY"], n=2, after=after))["contactGroups"]
    assert [[node["lastName"] for node in row["contacts"]["nodes"]] for row in rows] == [["D"], ["E"], ["C"]]
    ((code, message),) = await agent.errors(MEMBERS, by=["OWNER"], n=2, after=after)
    assert (code, message.startswith("`after` is a cursor of this list with another filter")) == (
        "BAD_USER_INPUT",
        True,
    )


async def test_what_the_policy_hides_is_in_no_group(
    agent: Caller, customer: Customer, nobody: Caller, records: dict[str, str]
) -> None:
    assert told((await customer(GROUPS, by=["CATEGORY"]))["contactGroups"]) == [(None, 1)]
    (row,) = (await customer(GROUPS, by=["ACCOUNT"]))["contactGroups"]
    assert (row["keys"], row["record"]["id"]) == ([customer.account], customer.account)
    assert (await nobody(GROUPS, by=["CATEGORY"])) == {"contactGroups": []}
    query = '{ choices(of: CONTACT, field: "category") { value label active } }'
    for caller, expected in ((agent, ["Old", "VIP"]), (customer, []), (nobody, [])):
        assert (await caller(query))["choices"] == [
            {"value": value, "label": value, "active": True} for value in expected
        ]


async def test_accounts_and_leads_have_groups_of_their_own(agent: Caller, core: Core, records: dict[str, str]) -> None:
    query = """{ accountGroups(by: [STATUS]) { keys count accounts { nodes { name } } } }"""
    assert (await agent(query))["accountGroups"] == [
        {"keys": ["Open"], "count": 2, "accounts": {"nodes": [{"name": "Acme"}, {"name": "Gone"}]}},
    ]
    await put(core, PartyKind.LEAD, {"last_name": "L", "status": "New"}, {"last_name": "M", "status": "New"})
    query = """{ leadGroups(by: [STATUS, APPROVAL], filter: {lastName: {eq: "m"}}) {
      keys count leads { nodes { lastName } } } }"""
    assert (await agent(query))["leadGroups"] == [
        {"keys": ["New", "APPROVED"], "count": 1, "leads": {"nodes": [{"lastName": "M"}]}}
    ]


@pytest.mark.parametrize("size", [30, 120])
async def test_groups_take_as_many_statements_however_many_there_are(agent: Caller, core: Core, size: int) -> None:
    await seed(core.db, accounts=size, contacts=3 * size, leads=1)
    query = "{ contactGroups(by: [ACCOUNT], first: 100) { keys record { id } contacts(first: 2) { nodes { id } } } }"
    with statements(core.db) as seen:
        rows = (await agent(query))["contactGroups"]
    assert len(rows) == min(size, 100)
    assert len(seen) == 2  # who asks; the groups with their records and members


async def test_a_menu_has_the_values_that_there_are(agent: Caller, core: Core) -> None:
    names = [f"S{n:03}" for n in range(250)]
    await put(
        core, PartyKind.LEAD, *({"last_name": "L", "status": name} for name in (*names, "S001")), {"last_name": "N"}
    )
    query = "query($of: PartyKind!, $f: String!) { choices(of: $of, field: $f) { value label } }"
    found = (await agent(query, of="LEAD", f="status"))["choices"]
    assert [each["value"] for each in found] == names[:200]
    assert (await agent(query, of="LEAD", f="approval"))["choices"] == [
        {"value": "APPROVED", "label": "Approved"},
        {"value": "AWAITING", "label": "Awaiting"},
    ]
    assert (await agent(query, of="ACCOUNT", f="accountType"))["choices"] == []
    # What filters take for one is one, as the first record has it.
    await put(core, PartyKind.ACCOUNT, *({"name": "A", "status": each} for each in ("Öpen", "open", " ", "Closed")))
    found = (await agent(query, of="ACCOUNT", f="status"))["choices"]
    assert [each["value"] for each in found] == ["Closed", "Öpen"]
    message = "`field` is none of the values to choose from: give one of `category`, `lifeCycleState`."
    for field in ("lastName", "", "life_cycle_state"):
        assert await agent.errors(query, of="CONTACT", f=field) == [("BAD_USER_INPUT", message)]
    with statements(core.db) as seen:
        await agent(query, of="LEAD", f="status")
    assert len(seen) == 1
    if core.db.is_sqlite:
        async with core.db.engine.connect() as connection:
            raw = await connection.get_raw_connection()
            assert raw.driver_connection is not None
            cursor = await raw.driver_connection.execute(f"EXPLAIN QUERY PLAN {seen[-1]}", [None] * seen[-1].count("?"))
            plan = [str(row[3]) for row in await cursor.fetchall()]
        steps = [step for step in plan if " lead" in step]
        assert len(steps) == 3 and all("ix_lead_status_key_id" in step for step in steps), plan


def test_every_field_that_is_filtered_by_what_it_exactly_holds_has_choices() -> None:
    told = build_schema((Path(__file__).parents[2] / "schema.graphql").read_text("utf-8"))
    for kind in PartyKind:
        filter_: Any = told.type_map[f"{kind.value.title()}Filter"]
        listed = {
            name
            for name, field in filter_.fields.items()
            if get_named_type(field.type).name == "ValueFilter" or is_enum_type(get_named_type(field.type))
        }
        assert {to_camel_case(name) for name in FIELDS[kind]} == listed - {"number"}
