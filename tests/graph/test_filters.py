"""Filters: comparators, and their combinations, without regard to case, accents and wildcards."""

from typing import Any

import pytest

from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind
from tests.graph.conftest import Caller, put

CONTACTS = "query($f: ContactFilter) { contacts(first: 100, filter: $f) { totalCount nodes { lastName } } }"


@pytest.fixture
async def contacts(core: Core) -> dict[str, int]:
    (acme,) = await put(core, PartyKind.ACCOUNT, {"name": "Acme"})
    await put(
        core,
        PartyKind.CONTACT,
        {
            "last_name": "Schröder",
            "account_id": acme,
            "emails": [{"kind": "BUSINESS", "address": "Marie@Example.com"}],
            "phones": [{"kind": "MOBILE", "raw": "0151 23456789"}],
            "addresses": [{"kind": "HOME", "city": "Köln", "country_name": "Germany"}],
        },
        {
            "last_name": "schrock",
            "addresses": [{"kind": "HOME", "city": "Berlin"}, {"kind": "OTHER", "city": "KOLN", "country": "FR"}],
        },
        {"last_name": "100%", "phones": [{"kind": "MOBILE", "raw": "555-0100"}]},
        {"last_name": "O_Neill", "emails": [{"kind": "PERSONAL", "address": "o_neill@example.org"}]},
        {"last_name": "Ōneill"},
    )
    return {"acme": acme}


MATCHES: list[tuple[dict[str, Any] | None, list[str]]] = [
    (None, ["Schröder", "schrock", "100%", "O_Neill", "Ōneill"]),
    ({}, ["Schröder", "schrock", "100%", "O_Neill", "Ōneill"]),
    ({"lastName": {"eq": "SCHRODER"}}, ["Schröder"]),
    ({"lastName": {"startsWith": "Schr"}}, ["Schröder", "schrock"]),
    ({"lastName": {"startsWith": ""}}, ["Schröder", "schrock", "100%", "O_Neill", "Ōneill"]),
    ({"lastName": {"startsWith": "%"}}, []),
    ({"lastName": {"contains": "%"}}, ["100%"]),
    ({"lastName": {"contains": "_"}}, ["O_Neill"]),
    ({"lastName": {"contains": "NEILL"}}, ["O_Neill", "Ōneill"]),
    ({"lastName": {"startsWith": "o_"}}, ["O_Neill"]),
    ({"lastName": {"in": ["schrock", "ONEILL", "nobody"]}}, ["schrock", "Ōneill"]),
    ({"lastName": {"in": []}}, []),
    ({"lastName": {"startsWith": "schr", "contains": "ck"}}, ["schrock"]),
    ({"lastName": {"isNull": True}}, []),
    ({"city": {"eq": "köln"}}, ["Schröder", "schrock"]),
    ({"city": {"eq": "koln"}, "lastName": {"startsWith": "schrod"}}, ["Schröder"]),
    ({"city": {"eq": "berlin"}, "lastName": {"startsWith": "schrod"}}, []),
    ({"city": {"isNull": True}}, ["100%", "O_Neill", "Ōneill"]),
    ({"city": {"isNull": False}}, ["Schröder", "schrock"]),
    ({"country": {"eq": "de"}}, ["Schröder"]),
    ({"country": {"in": ["FR", "DEU"]}}, ["Schröder", "schrock"]),
    ({"country": {"eq": "SE"}}, []),
    ({"email": {"eq": "marie@example.COM"}}, ["Schröder"]),
    ({"email": {"startsWith": "o_"}}, ["O_Neill"]),
    ({"email": {"isNull": True}}, ["schrock", "100%", "Ōneill"]),
    ({"phone": {"eq": "+49 (151) 2345 6789"}}, ["Schröder"]),
    ({"phone": {"eq": "0049 151 23456789"}}, ["Schröder"]),
    ({"phone": {"eq": "555 0100"}}, ["100%"]),
    ({"phone": {"in": ["5550100", "+4915123456789"]}}, ["Schröder", "100%"]),
    ({"phone": {"eq": "no number"}}, []),
    ({"number": {"eq": "CON2"}}, ["schrock"]),
    ({"number": {"eq": "con2"}}, []),
    ({"owner": {"isNull": True}}, ["Schröder", "schrock", "100%", "O_Neill", "Ōneill"]),
    (
        {"createdAt": {"gt": "2020-01-01T00:00:00Z", "lt": "2200-01-01"}},
        ["Schröder", "schrock", "100%", "O_Neill", "Ōneill"],
    ),
    ({"updatedAt": {"lte": "2020-01-01T00:00:00+02:00"}}, []),
    ({"not": {"city": {"eq": "Köln"}}}, ["100%", "O_Neill", "Ōneill"]),
    ({"not": {"account": {"eq": "acc_1"}}}, ["Schröder", "schrock", "100%", "O_Neill", "Ōneill"]),
    ({"or": [{"lastName": {"eq": "100%"}}, {"city": {"eq": "Berlin"}}]}, ["schrock", "100%"]),
    ({"or": []}, []),
    ({"and": []}, ["Schröder", "schrock", "100%", "O_Neill", "Ōneill"]),
    ({"and": [{"city": {"eq": "Köln"}}, {"not": {"country": {"eq": "DE"}}}]}, ["schrock"]),
    ({"lastName": None, "and": None, "or": None, "not": None}, ["Schröder", "schrock", "100%", "O_Neill", "Ōneill"]),
]


async def test_every_filter_finds_what_it_says(agent: Caller, contacts: dict[str, int]) -> None:
    for given, expected in MATCHES:
        page = (await agent(CONTACTS, f=given))["contacts"]
        assert ([node["lastName"] for node in page["nodes"]], page["totalCount"]) == (expected, len(expected)), given


async def test_every_filter_is_planned_and_found_by_resolvers_alike(agent: Caller, contacts: dict[str, int]) -> None:
    resolved = CONTACTS.replace("first", "last")
    for query, road in ((CONTACTS, "plan"), (resolved, "resolvers")):
        for given, expected in MATCHES:
            body = (await agent.post(query, {"f": given}, **{"graphql-cost": "1"})).json()
            page = body["data"]["contacts"]
            assert ([node["lastName"] for node in page["nodes"]], page["totalCount"]) == (expected, len(expected)), (
                given
            )
            assert body["extensions"]["road"] == road, given


async def test_a_long_list_of_values_is_left_to_the_resolvers(agent: Caller, contacts: dict[str, int]) -> None:
    for n, road in ((50, "plan"), (51, "resolvers"), (1000, "resolvers")):
        given = {"not": {"lastName": {"in": ["schrock", *(f"x{i}" for i in range(n - 1))]}}}
        body = (await agent.post(CONTACTS, {"f": given}, **{"graphql-cost": "1"})).json()
        assert [node["lastName"] for node in body["data"]["contacts"]["nodes"]] == [
            "Schröder",
            "100%",
            "O_Neill",
            "Ōneill",
        ]
        assert body["extensions"]["road"] == road


async def test_ids_are_compared_by_what_they_are_of(agent: Caller, contacts: dict[str, int]) -> None:
    acme = contacts["acme"]
    for given, expected in (
        ({"eq": f"acc_{acme}"}, ["Schröder"]),
        ({"in": [f"acc_{acme}", "acc_1"]}, ["Schröder"]),
        ({"eq": f"con_{acme}"}, []),
        ({"eq": "Acme"}, []),
        ({"eq": "acc_99999999999999999999"}, []),
    ):
        page = (await agent(CONTACTS, f={"account": given}))["contacts"]
        assert [node["lastName"] for node in page["nodes"]] == expected, given


async def test_accounts_and_leads_have_filters_of_their_own(agent: Caller, core: Core) -> None:
    (parent,) = await put(core, PartyKind.ACCOUNT, {"name": "Société", "status": "Active", "industry": "Tools"})
    await put(core, PartyKind.ACCOUNT, {"name": "Part", "parent_id": parent, "status": "active"})
    await put(core, PartyKind.LEAD, {"last_name": "Li", "status": "New", "source": "Fair"}, {"last_name": "Lo"})
    accounts = "query($f: AccountFilter) { accounts(filter: $f) { nodes { name } } }"
    leads = "query($f: LeadFilter) { leads(filter: $f) { nodes { lastName } } }"
    for filter_, expected in (
        ({"name": {"startsWith": "SOC"}}, ["Société"]),
        ({"status": {"eq": "active"}}, ["Part"]),
        ({"status": {"in": ["active", "Active"]}}, ["Société", "Part"]),
        ({"parent": {"eq": f"acc_{parent}"}}, ["Part"]),
        ({"industry": {"isNull": True}}, ["Part"]),
        ({"not": {"industry": {"eq": "Tools"}}}, ["Part"]),
    ):
        assert [node["name"] for node in (await agent(accounts, f=filter_))["accounts"]["nodes"]] == expected, filter_
    for filter_, expected in (
        ({"status": {"eq": "New"}}, ["Li"]),
        ({"source": {"isNull": False}}, ["Li"]),
        ({"lastName": {"eq": "lo"}}, ["Lo"]),
    ):
        assert [node["lastName"] for node in (await agent(leads, f=filter_))["leads"]["nodes"]] == expected, filter_


async def test_what_cannot_be_compared_is_refused(agent: Caller) -> None:
    deep: dict[str, Any] = {"lastName": {"eq": "x"}}
    for _ in range(9):
        deep = {"not": deep}
    for given, message in (
        ({"lastName": {"eq": None}}, "Nothing is compared with null: `isNull` asks whether there is a value."),
        ({"lastName": {"eq": "a\0b"}}, "The filter cannot be applied: control."),
        ({"lastName": {"eq": "x" * 1001}}, "The filter cannot be applied: too long, at most 1000."),
        (
            {"or": [{"lastName": {"eq": "x"}, "city": {"eq": "y"}}] * 51},
            "The filter cannot be applied: too long, at most 100.",
        ),
        (deep, "The filter cannot be applied: too deep, at most 8."),
    ):
        assert await agent.errors(CONTACTS, f=given) == [("BAD_USER_INPUT", message)]
