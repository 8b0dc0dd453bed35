"""Whatever is stored for searches and sorts is right however records and their rows come, go and come back."""

from typing import Any

import pytest

from crmgraph.crm.core import Core
from crmgraph.crm.identity import staff
from crmgraph.crm.models import Account, Address, Contact, Email, Lead, PartyKind, Phone, Role, derived
from crmgraph.crm.models.columns import FoldedText
from crmgraph.crm.repair import repair
from crmgraph.crm.search.upkeep import reindex
from tests.graph.conftest import Caller, put

ROWS: dict[str, Any] = {
    "emails": [{"kind": "BUSINESS", "address": "Zoë@München.example"}, {"kind": "PERSONAL", "address": "z@x.example"}],
    "phones": [{"kind": "MOBILE", "raw": "0151 12345678"}, {"kind": "FAX", "raw": "030 90123456 ext. 7"}],
    "addresses": [
        {"kind": "HOME", "city": "Köln", "state": "Nordrhein-Westfalen", "postal_code": "ab1 2CD", "country": "DE"},
        {"kind": "BUSINESS", "city": "Ålesund", "country": "NO"},
    ],
}


async def done(caller: Caller, name: str, given: dict[str, Any]) -> Any:
    """The payload of a mutation that is not refused."""
    title = name[0].upper() + name[1:]
    told = {"merge": "mergedIds", "unmerge": "record { id }", "bulk": "results { userErrors { code path } }"}
    fields = next((each for begin, each in told.items() if name.startswith(begin)), "__typename")
    query = f"mutation($i: {title}Input!) {{ {name}(input: $i) {{ {fields} userErrors {{ code path __typename }} }} }}"
    payload = (await caller(query, i=given))[name]
    assert [each for each in payload["userErrors"] if "Warning" not in each["__typename"]] == [], (name, payload)
    return payload


@pytest.fixture
async def records(core: Core) -> dict[str, str]:
    """Two accounts, three contacts and two leads, by what they are called here."""
    async with core.db.begin() as session:
        eva = (await staff.add_staff(session, "Eva", "eva@example.com", Role.AGENT, None)).id
    rows = {name: [dict(row) for row in listed] for name, listed in ROWS.items()}
    one, two = await put(
        core, PartyKind.ACCOUNT, {"name": "Öne", "owner_id": eva, "status": "Open"} | rows, {"name": "Two"}
    )
    people = {"first_name": "Zoë", "owner_id": eva, "email_opt_out": True}
    a, b, c = await put(
        core,
        PartyKind.CONTACT,
        {"last_name": "Å", "account_id": one, "category": "VIP", **people, **rows},
        {"last_name": "B", "account_id": one, "addresses": [{"kind": "OTHER", "postal_code": "AB1 2cd"}]},
        {"last_name": "C", "phones": [{"kind": "MOBILE", "raw": "0151 12345678"}]},
    )
    k, m = await put(
        core,
        PartyKind.LEAD,
        {"last_name": "K", "company": "Käse", "status": "New", **people, **rows},
        {"last_name": "L", "company": "Lux"},
    )
    return {
        "one": f"acc_{one}", "two": f"acc_{two}", "a": f"con_{a}", "b": f"con_{b}", "c": f"con_{c}",
        "k": f"lea_{k}", "l": f"lea_{m}",
    }  # fmt: skip


async def test_keys_are_right_wherever_records_and_rows_go(agent: Caller, core: Core, records: dict[str, str]) -> None:
    ids = {name: {"id": given} for name, given in records.items()}
    query = "query($i: ID!) { node(id: $i) { ... on Contact { phones { id } emails { id } addresses { id } } } }"
    own = (await agent(query, i=records["a"]))["node"]
    first = {name: rows[0]["id"] for name, rows in own.items()}
    away = {"addresses": {"update": [{"id": first["addresses"], "active": False}]}}
    another = {"lastName": "Ä", "phones": {"add": [{"kind": "FAX", "raw": "1"}]}}
    steps: list[tuple[str, dict[str, Any]]] = [
        ("deleteContact", {"contact": ids["a"]}),
        ("updateAccount", {"account": ids["one"], "name": "Ünus", "owner": None}),
        ("restore", {"record": {"contact": ids["a"]}}),
        ("deleteAccount", {"account": ids["one"]}),
        ("updateContact", {"contact": ids["b"], "lastName": "Bé"}),
        ("restore", {"record": {"account": ids["one"]}}),
        ("mergeAccounts", {"into": ids["two"], "from": [ids["one"]]}),
        ("updateAccount", {"account": ids["two"], "name": "Duo", "status": "Ömega"}),
        ("unmerge", {"merged": records["one"]}),
        ("mergeContacts", {"into": ids["b"], "from": [ids["a"], ids["c"]]}),
        ("updateContact", {"contact": ids["b"], "lastName": "Bö", "account": records["two"]}),
        ("unmerge", {"merged": records["a"]}),
        ("mergeLeads", {"into": ids["l"], "from": [ids["k"]]}),
        ("unmerge", {"merged": records["k"]}),
        ("convertLead", {"lead": ids["k"], "contact": ids["b"], "overwrite": True}),
        ("unconvertLead", {"lead": ids["k"]}),
        ("convertLead", {"lead": ids["k"], "account": ids["one"]}),
        ("convertLead", {"lead": ids["l"]}),
        ("unconvertLead", {"lead": ids["l"]}),
        ("updateContact", {"contact": ids["a"], **away}),
        ("updateContact", {"contact": ids["a"], "phones": {"update": [{"id": first["phones"], "country": "NO"}]}}),
        ("updateContact", {"contact": ids["a"], "emails": {"remove": [first["emails"]]}}),
        ("upsertContact", {"by": ids["a"], "values": another}),
        (
            "bulkContacts",
            {
                "items": [
                    {"update": {"contact": ids["b"], "account": None, "category": "Élite"}},
                    {"create": {"lastName": "Ñ", "account": records["one"]}},
                ]
            },
        ),
        ("deleteAccount", {"account": ids["one"]}),
    ]  # fmt: skip
    for name, given in steps:
        await done(agent, name, given)
        report = await repair(core.db, region=core.region, dry_run=True)
        assert not any(report.changed.values()), (name, given, dict(report.changed))
        if name in ("restore", "unmerge", "unconvertLead") or given is steps[-1][1]:
            words = await reindex(core.db, dry_run=True, progress=lambda count: None)
            assert words.stale == 0, (name, given, words)
    assert report.read["contact"] >= 5 and report.read["address"] >= 6


def test_every_key_is_marked_as_derived() -> None:
    """A new one is told in no history, and taken over by no merge or conversion, because it is marked."""
    for model in (Contact, Account, Lead, Phone, Email, Address):
        keys = {
            each.key
            for each in model.__mapper__.column_attrs
            if each.key.endswith("_key") or each.columns[0].type is FoldedText
        }
        assert keys <= derived(model), model
