"""What ends with something: texts, emails and telephone numbers, of which the index of words leads to the last two."""

import re
from typing import Any

import pytest

from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind
from crmgraph.crm.query import access_paths
from crmgraph.seed import seed
from tests.conftest import statements
from tests.graph.conftest import Caller, put

LIST = """query($f: ContactFilter) { contacts(filter: $f, first: 50, sort: [{field: LAST_NAME}]) {
  totalCount nodes { lastName } } }"""


@pytest.fixture
async def contacts(core: Core) -> None:
    def phone(raw: str, **values: Any) -> dict[str, Any]:
        return {"kind": "MOBILE", "raw": raw} | values

    def email(address: str, **values: Any) -> dict[str, Any]:
        return {"kind": "BUSINESS", "address": address} | values

    await put(
        core,
        PartyKind.CONTACT,
        {
            "last_name": "Ånderson",
            "phones": [phone("0171 555-0142", country="DE")],
            "emails": [email("A@Münster.example")],
        },
        {"last_name": "Anders", "phones": [phone("(030) 9018 0142 ext. 77", country="DE")]},
        {"last_name": "Ray", "phones": [phone("0142"), phone("0171 20142", active=False)]},
        {"last_name": "Son", "phones": [phone("20142", active=False)], "emails": [email("x@sub.münster.example")]},
        {"last_name": "Zed", "emails": [email("münster.example@a.example"), email("y@münster.example", active=False)]},
    )
    await put(core, PartyKind.LEAD, {"last_name": "Lead", "phones": [phone("0171 555-0142", country="DE")]})


CASES: list[tuple[dict[str, Any], list[str]]] = [
    ({"lastName": {"endsWith": "SON"}}, ["Ånderson", "Son"]),
    ({"lastName": {"endsWith": "xson"}}, []),
    ({"lastName": {"endsWith": "the whole name and Son"}}, []),
    ({"lastName": {"startsWith": "and", "endsWith": "s"}}, ["Anders"]),
    ({"not": {"lastName": {"endsWith": "s"}}}, ["Ånderson", "Ray", "Son", "Zed"]),
    ({"lastName": {"contains": "NDERS"}}, ["Anders", "Ånderson"]),
    ({"lastName": {"contains": "nderx"}}, []),
    ({"lastName": {"contains": "n"}, "email": {"endsWith": "@münster.example"}}, ["Ånderson"]),
    ({"lastName": {"contains": "s"}, "fullName": {"contains": "on"}}, ["Ånderson", "Son"]),
    ({"or": [{"lastName": {"contains": "ray"}}, {"lastName": {"endsWith": "ed"}}]}, ["Ray", "Zed"]),
    ({"phone": {"endsWith": "0142"}}, ["Anders", "Ånderson", "Ray"]),
    ({"phone": {"endsWith": "50142"}}, ["Ånderson"]),
    ({"phone": {"endsWith": "55-01 42"}}, ["Ånderson"]),
    ({"phone": {"endsWith": "491715550142"}}, ["Ånderson"]),
    ({"phone": {"endsWith": "1491715550142"}}, []),
    ({"phone": {"endsWith": "20142"}}, []),
    ({"phone": {"endsWith": "0142"}, "lastName": {"eq": "Ray"}}, ["Ray"]),
    ({"or": [{"phone": {"endsWith": "50142"}}, {"email": {"endsWith": "@a.example"}}]}, ["Ånderson", "Zed"]),
    ({"email": {"endsWith": "@münster.example"}}, ["Ånderson"]),
    ({"email": {"endsWith": "@XN--MNSTER-3YA.example"}}, ["Ånderson"]),
    ({"email": {"endsWith": "münster.example"}}, ["Ånderson", "Son"]),
    ({"email": {"endsWith": "a@münster.example"}}, ["Ånderson"]),
    ({"email": {"endsWith": "@"}}, []),
]


@pytest.mark.parametrize("few", [access_paths.FEW, 0], ids=["few", "many"])
async def test_who_ends_with_something_is_found(
    few: int, agent: Caller, contacts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_paths, "FEW", few)
    monkeypatch.setattr(access_paths, "FEW_OF_PARTS", few)
    for given, expected in CASES:
        data = (await agent(LIST, f=given))["contacts"]
        assert [node["lastName"] for node in data["nodes"]] == expected, given
        assert data["totalCount"] == len(expected), given


async def test_a_number_has_four_digits_at_least(agent: Caller) -> None:
    found = [await agent.errors(LIST, f={"phone": {"endsWith": each}}) for each in ("142", "1-4-2", "x", " ")]
    assert [[code for code, _ in each] for each in found] == [["BAD_USER_INPUT"]] * 4
    assert found[0][0][1] == "`filter.phone.endsWith` has 3 digits, and 4 are the least, e.g. 0142."


@pytest.mark.parametrize("given", [{"phone": {"endsWith": "4567"}}, {"email": {"endsWith": "@mail.example"}}], ids=str)
async def test_the_index_of_words_leads_to_numbers_and_domains(
    given: dict[str, Any], core: Core, agent: Caller
) -> None:
    await seed(core.db, accounts=2, contacts=60, leads=5)
    page = "query($f: ContactFilter) { contacts(filter: $f, first: 5) { nodes { id } } }"
    with statements(core.db) as seen:
        await agent(page, f=given)
    (sql,) = [each for each in seen if "search_term" in each]
    assert re.search(r"few0 AS\s+\(SELECT search_term\.party_id", sql), sql


@pytest.mark.parametrize("comparator", ["contains", "endsWith"])
async def test_parts_of_words_lead_to_texts_and_then_an_index_of_the_texts(
    comparator: str, core: Core, agent: Caller
) -> None:
    await seed(core.db, accounts=2, contacts=60, leads=5)
    page = (
        """query($f: ContactFilter) { contacts(filter: $f, first: 5, sort: [{field: CREATED_AT}]) { nodes { id } } }"""
    )
    with statements(core.db) as seen:
        await agent(page, f={"lastName": {comparator: "sch"}})
    assert re.search(r"few0 AS\s+\(SELECT \w+\.party_id", seen[-1]), seen[-1]
    leads = r"few1 AS\s+\(SELECT contact\.id AS id\s+FROM contact\s+WHERE contact\.deleted_at IS NULL AND \w+\("
    # SQLite's partial indexes do not hold what they are partial by, and each record would be looked at on the way.
    assert bool(re.search(leads, seen[-1])) is not core.db.is_sqlite, seen[-1]
