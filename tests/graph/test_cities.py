"""Lists of one city in the order of the names: the same answers as ever, and no more read than the page."""

import re
from typing import Any

import pytest

from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind
from crmgraph.db.database import Database
from tests.conftest import Running, statements
from tests.graph.conftest import Caller, put

PAGE = """query($f: ContactFilter, $d: SortDirection!, $first: Int, $after: String, $last: Int, $before: String) {
  contacts(first: $first, after: $after, last: $last, before: $before, filter: $f,
           sort: [{field: LAST_NAME, direction: $d}]) {
    totalCount nodes { lastName } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
KOLN = {"kind": "HOME", "city": "Köln"}
BERLIN = {"kind": "OTHER", "city": "Berlin"}


@pytest.fixture
async def contacts(core: Core, admin: Caller) -> None:
    """Five contacts of Cologne, one of them with two addresses there, and one whose address there is not active."""
    await put(core, PartyKind.ACCOUNT, {"name": "Meyer", "addresses": [KOLN]})
    await put(core, PartyKind.LEAD, {"last_name": "Meyer", "addresses": [KOLN]})
    made = await put(
        core,
        PartyKind.CONTACT,
        {"last_name": "Zoë", "addresses": [KOLN]},
        {"last_name": "Meyer", "addresses": [KOLN, BERLIN, {"kind": "OTHER", "city": "KOLN"}]},
        {"last_name": "meyer", "addresses": [KOLN | {"active": False}]},
        {"last_name": "Meyers", "addresses": [BERLIN]},
        {"last_name": "Abel", "addresses": [KOLN]},
        {"last_name": "Mey", "addresses": [BERLIN, KOLN]},
        {"last_name": "Mohn", "addresses": [KOLN]},
        {"last_name": "Meyerbeer", "addresses": [KOLN]},
    )
    gone = await admin(
        "mutation($i: ID!) { deleteContact(input: {contact: {id: $i}}) { userErrors { code } } }", i=f"con_{made[-1]}"
    )
    assert gone == {"deleteContact": {"userErrors": []}}


CITY = {"city": {"eq": "koln"}}
LISTS: list[tuple[dict[str, Any], list[str]]] = [
    (CITY, ["Abel", "Mey", "Meyer", "Mohn", "Zoë"]),
    (CITY | {"lastName": {"startsWith": "me"}}, ["Mey", "Meyer"]),
    (CITY | {"lastName": {"eq": "MEY"}}, ["Mey"]),
    (CITY | {"lastName": {"contains": "ey"}}, ["Mey", "Meyer"]),
    (CITY | {"and": [{"city": {"eq": "Berlin"}}]}, ["Mey", "Meyer"]),
    (CITY | {"not": {"city": {"eq": "Berlin"}}}, ["Abel", "Mohn", "Zoë"]),
    (CITY | {"city": {"eq": "koln", "in": ["berlin", "bonn"]}}, []),
    (CITY | {"city": {"eq": "koln", "in": ["köln", "bonn"]}}, ["Abel", "Mey", "Meyer", "Mohn", "Zoë"]),
    (CITY | {"and": [{"city": {"in": ["berlin", "bonn"]}}]}, ["Mey", "Meyer"]),
    (CITY | {"number": {"isNull": True}}, []),
    ({"or": [CITY, {"city": {"eq": "Berlin"}}]}, ["Abel", "Mey", "Meyer", "Meyers", "Mohn", "Zoë"]),
]


@pytest.mark.usefixtures("contacts")
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize("forward", [True, False])
async def test_a_city_can_be_walked_by_name(admin: Caller, forward: bool, direction: str) -> None:
    for given, ascending in LISTS:
        expected = ascending if direction == "ASC" else ascending[::-1]
        for size in (1, 2, 10):
            cursor: str | None = None
            walked: list[str] = []
            more = True
            while more:
                bounds = {"first": size, "after": cursor} if forward else {"last": size, "before": cursor}
                page = (await admin(PAGE, f=given, d=direction, **bounds))["contacts"]
                found = [node["lastName"] for node in page["nodes"]]
                assert (page["totalCount"], len(found) <= size) == (len(expected), True)
                walked = walked + found if forward else found + walked
                ends = page["pageInfo"]
                assert ends["hasPreviousPage" if forward else "hasNextPage"] is (cursor is not None)
                more = ends["hasNextPage" if forward else "hasPreviousPage"]
                cursor = ends["endCursor" if forward else "startCursor"]
            assert walked == expected, (given, size)


@pytest.mark.usefixtures("contacts")
async def test_accounts_and_leads_of_a_city_are_listed_by_name(admin: Caller) -> None:
    data = await admin(
        """{ accounts(filter: {city: {eq: "koln"}}, sort: [{field: NAME}]) { totalCount nodes { name } }
             leads(filter: {city: {eq: "koln"}}, sort: [{field: LAST_NAME}]) { totalCount nodes { lastName } } }"""
    )
    assert data == {
        "accounts": {"totalCount": 1, "nodes": [{"name": "Meyer"}]},
        "leads": {"totalCount": 1, "nodes": [{"lastName": "Meyer"}]},
    }


@pytest.mark.usefixtures("contacts")
async def test_a_customer_finds_nobody_else_in_their_city(admin: Caller, customer: Caller) -> None:
    assert (await customer(PAGE, f=CITY, d="ASC", first=5))["contacts"]["nodes"] == []


async def plan(db: Database, sql: str) -> str:
    """How the database would run a statement, whatever its values; PostgreSQL sorts only where it has to."""
    async with db.engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        if db.is_sqlite:
            rows = await raw.execute_fetchall(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?"))
            return "\n".join(row[3] for row in rows)
        for name in ("sort", "incremental_sort", "hashagg"):
            await raw.execute(f"SET enable_{name} = off")
        await raw.execute("SET plan_cache_mode = force_generic_plan")
        await raw.execute(f"PREPARE asked AS {sql}")
        values = ", ".join(["NULL"] * max(int(n) for n in re.findall(r"\$(\d+)", sql)))
        rows = await raw.fetch(f"EXPLAIN EXECUTE asked ({values})")
        await raw.execute("DEALLOCATE asked")
        await raw.execute("RESET ALL")
        return "\n".join(row[0] for row in rows)


@pytest.mark.usefixtures("contacts")
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize(("size", "bound"), [("first", "after"), ("last", "before")])
async def test_a_page_of_a_city_is_read_along_its_index(
    running: Running, admin: Caller, size: str, bound: str, direction: str
) -> None:
    query = f"""query($f: ContactFilter, $c: String, $d: SortDirection!) {{
      contacts({size}: 2, {bound}: $c, filter: $f, sort: [{{field: LAST_NAME, direction: $d}}]) {{
        edges {{ cursor }} }} }}"""
    for given in (CITY, CITY | {"lastName": {"startsWith": "m"}}):
        cursor = None
        for _ in range(2):
            with statements(running.db) as seen:
                page = (await admin(query, f=given, c=cursor, d=direction))["contacts"]
            cursor = page["edges"][-1 if size == "first" else 0]["cursor"]
            found = await plan(running.db, seen[-1])
            assert "ix_address_city_key_name_key_party_id" in found
            # Read from its end, the page is turned round: it is limited by then.
            sorts = re.findall(r"\bSort\b(?! Key)|TEMP B-TREE", found)
            assert len(sorts) == (size == "last"), found
