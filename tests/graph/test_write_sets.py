"""How many statements it takes to make records: as many for one with a hundred rows as for one without any."""

from typing import Any

import pytest

from crmgraph.crm.core import Core
from tests.conftest import statements
from tests.graph.conftest import PASSWORD, Caller

CREATE = (
    """mutation($i: Create%sInput!) { create%s(input: $i) { %s { id number phones { raw } } userErrors { code } } }"""
)
CONVERT = "mutation($i: ConvertLeadInput!) { convertLead(input: $i) { contact { id } account { id } } }"
SIGNUP = "mutation($i: SignupInput!) { signup(input: $i) { accessToken userErrors { code } } }"


def rows(count: int) -> dict[str, Any]:
    return {
        "phones": {"add": [{"kind": "OTHER", "raw": f"030 9018{i}"} for i in range(count)]},
        "emails": {"add": [{"kind": "BUSINESS", "address": f"{i}@example.com"} for i in range(count)]},
        "addresses": {"add": [{"kind": "BUSINESS", "city": "Köln", "street": str(i)} for i in range(count)]},
    }


@pytest.mark.parametrize(("kind", "name"), [("Contact", "lastName"), ("Account", "name"), ("Lead", "lastName")])
async def test_a_record_takes_as_many_statements_with_a_hundred_rows_as_with_one(
    kind: str, name: str, agent: Caller, core: Core
) -> None:
    counts = {}
    for count in (0, 1, 100):
        with statements(core.db) as seen:
            data = await agent(CREATE % (kind, kind, kind.lower()), i={name: "Ray"} | (rows(count) if count else {}))
        made = data[f"create{kind}"][kind.lower()]
        assert [each["raw"] for each in made["phones"]] == [f"030 9018{i}" for i in range(count)]
        counts[count] = len(seen)
    # Who asks, the number, ids, and what is written; on SQLite a statement for each table, of the search index
    # two.
    assert counts == ({0: 8, 1: 11, 100: 11} if core.db.is_sqlite else dict.fromkeys((0, 1, 100), 4))


async def test_a_lead_becomes_a_contact_and_an_account_in_one_set(agent: Caller, core: Core) -> None:
    lead = await agent(CREATE % ("Lead", "Lead", "lead"), i={"lastName": "Ray", "company": "Acme"} | rows(3))
    with statements(core.db) as seen:
        data = await agent(CONVERT, i={"lead": {"id": lead["createLead"]["lead"]["id"]}})
    assert data["convertLead"]["contact"] is not None
    assert data["convertLead"]["account"] is not None
    assert len(seen) == (21 if core.db.is_sqlite else 15)  # one of them is what it takes to undo it


async def test_a_signup_makes_its_contact_and_its_account_in_one_set(nobody: Caller, core: Core) -> None:
    for name in ("Ann", "Ray"):  # with the first one, what is too old goes
        person = {"lastName": name, "email": f"{name}@example.com", "password": PASSWORD, "account": {"name": "Acme"}}
        with statements(core.db) as seen:
            data = await nobody(SIGNUP, i=person)
        assert data["signup"]["userErrors"] == []
    assert len(seen) == (20 if core.db.is_sqlite else 15)
