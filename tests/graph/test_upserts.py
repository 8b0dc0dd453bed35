"""Upserts: whoever is named is changed, or made where there is none, and what is there already is not written."""

from typing import Any

import pytest

from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind
from tests.conftest import statements
from tests.graph.conftest import Caller, Customer, put

UPSERT = """mutation($i: UpsertContactInput!) { upsertContact(input: $i) { outcome
  contact { id number revision firstName lastName emails { kind address notes } phones { kind raw notes }
    addresses { city street } externalIds { dialect value } otherIds { system space value }
    history { nodes { action revision } } }
  userErrors { __typename code path ... on StaleError { current } } } }"""
OTHERS = """mutation($i: Upsert%(kind)sInput!) { upsert%(kind)s(input: $i) { outcome %(name)s { id number }
  userErrors { code path } } }"""


async def upsert(caller: Caller, by: dict[str, Any], values: dict[str, Any], **more: Any) -> Any:
    return (await caller(UPSERT, i={"by": by, "values": values} | more))["upsertContact"]


REFS: list[dict[str, Any]] = [
    {"number": "C-77"},
    {"email": "Ada@Example.com"},
    {"external": {"system": "Billing", "value": "77"}},
    {"external": {"system": "billing", "space": "payer", "value": "77"}},
    {"external": {"dialect": "ZOHO", "value": "77"}},
    {"external": {"dialect": "COVALENSE", "value": "12x77"}},
]


@pytest.mark.parametrize("by", REFS)
async def test_whoever_is_named_is_made_once_and_changed_then(by: dict[str, Any], agent: Caller) -> None:
    made = await upsert(agent, by, {"lastName": "Lovelace"})
    assert (made["outcome"], made["userErrors"]) == ("CREATED", [])
    contact = made["contact"]
    assert contact["history"]["nodes"] == [{"action": "CREATED", "revision": 1}]
    if "number" in by:
        assert contact["number"] == "C-77"
    if "email" in by:
        assert contact["emails"] == [{"kind": "PERSONAL", "address": "Ada@Example.com", "notes": None}]

    same = await upsert(agent, by, {"lastName": "Lovelace"})
    assert same == made | {"outcome": "UNCHANGED"}

    changed = await upsert(agent, by, {"firstName": "Ada"})
    assert (changed["outcome"], changed["userErrors"]) == ("UPDATED", [])
    assert changed["contact"]["firstName"] == "Ada"
    assert changed["contact"] | {"firstName": None, "revision": 1, "history": contact["history"]} == contact
    assert (await agent("{ contacts { totalCount } }")) == {"contacts": {"totalCount": 1}}


async def test_ids_elsewhere_are_what_a_new_one_is_called(agent: Caller) -> None:
    made = await upsert(
        agent,
        {"external": {"system": "Billing", "space": "payer", "value": "A1"}},
        {
            "lastName": "Ray",
            "externalIds": {"add": [{"dialect": "ZOHO", "value": "42"}, {"system": "erp", "value": "E"}]},
        },
    )
    assert made["contact"]["externalIds"] == [{"dialect": "ZOHO", "value": "42"}]
    assert made["contact"]["otherIds"] == [
        {"system": "billing", "space": "payer", "value": "A1"},
        {"system": "erp", "space": "record", "value": "E"},
    ]
    for by in ({"dialect": "ZOHO", "value": "42"}, {"system": "ERP", "value": "E"}):
        assert (await upsert(agent, {"external": by}, {}))["outcome"] == "UNCHANGED"


async def test_an_id_of_ours_is_found_and_never_made(agent: Caller) -> None:
    made = (await upsert(agent, {"number": "C1"}, {"lastName": "Ray"}))["contact"]
    assert (await upsert(agent, {"id": made["id"]}, {"lastName": "Ray"}))["outcome"] == "UNCHANGED"
    for unknown in ("con_1999999999", "lea_1", "?"):
        refused = await upsert(agent, {"id": unknown}, {"lastName": "Eve"})
        told = [{"__typename": "InputError", "code": "NOT_FOUND", "path": ["input", "by"]}]
        assert refused == {"outcome": None, "contact": None, "userErrors": told}
    assert (await agent("{ contacts { totalCount } }")) == {"contacts": {"totalCount": 1}}


async def test_what_several_answer_to_is_refused(agent: Caller, core: Core) -> None:
    shared = {"kind": "BUSINESS", "address": "office@example.com"}
    await put(core, PartyKind.CONTACT, *({"last_name": name, "emails": [dict(shared)]} for name in "ABC"))
    for _ in range(2):
        refused = await upsert(agent, {"email": "office@example.com"}, {"lastName": "Eve"})
        assert [(each["code"], each["path"]) for each in refused["userErrors"]] == [("AMBIGUOUS", ["input", "by"])]
        await agent('mutation { deleteContact(input: {contact: {number: "CON3"}}) { deletedId } }')


async def test_rows_that_are_there_are_changed_and_not_added_again(agent: Caller) -> None:
    values = {
        "lastName": "Ray",
        "emails": {"add": [{"kind": "BUSINESS", "address": "ray@example.com"}]},
        "phones": {"add": [{"kind": "MOBILE", "raw": "+49 151 1234567"}]},
        "addresses": {"add": [{"kind": "HOME", "city": "Köln", "street": "Ring 1"}]},
    }
    by = {"email": "ray@example.com"}
    made = await upsert(agent, by, values)
    assert made["outcome"] == "CREATED"
    assert len(made["contact"]["emails"]) == 1
    assert await upsert(agent, by, values) == made | {"outcome": "UNCHANGED"}

    values["emails"]["add"] = [{"kind": "PERSONAL", "address": "RAY@example.com", "notes": "mornings"}]
    values["phones"]["add"] = [
        {"kind": "MOBILE", "raw": "+49151 1234567"},
        {"kind": "MOBILE", "raw": "+49 151 7654321"},
    ]
    changed = await upsert(agent, by, values)
    assert changed["outcome"] == "UPDATED"
    assert changed["contact"]["emails"] == [{"kind": "PERSONAL", "address": "RAY@example.com", "notes": "mornings"}]
    assert [each["raw"] for each in changed["contact"]["phones"]] == ["+49151 1234567", "+49 151 7654321"]
    assert changed["contact"]["addresses"] == [{"city": "Köln", "street": "Ring 1"}]
    assert (await upsert(agent, by, values))["outcome"] == "UNCHANGED"


async def test_every_fault_is_told_at_its_place_and_nothing_is_written(agent: Caller) -> None:
    bad = {
        "firstName": "A" * 2000,
        "owner": "use_1",
        "emails": {"add": [{"kind": "BUSINESS", "address": "ray@example.com", "notes": "\0"}]},
        "externalIds": {"add": [{"dialect": "ZOHO", "value": "x"}, {"system": "content", "value": "1"}]},
    }
    refused = await upsert(agent, {"number": "C1"}, bad)
    assert sorted((each["code"], ".".join(each["path"])) for each in refused["userErrors"]) == [
        ("BAD_CHARACTERS", "input.values.emails.add.0.notes"),
        ("INVALID", "input.values.externalIds.add.0.value"),
        ("INVALID", "input.values.externalIds.add.1.system"),
        ("NOT_FOUND", "input.values.owner"),
        ("REQUIRED", "input.values.lastName"),
        ("TOO_LONG", "input.values.firstName"),
    ]
    assert refused["contact"] is None
    await upsert(agent, {"number": "C1"}, {"lastName": "Ray"})
    again = await upsert(agent, {"number": "C1"}, bad)
    assert {".".join(each["path"]) for each in again["userErrors"]} >= {
        "input.values.firstName",
        "input.values.emails.add.0.notes",
    }
    (contact,) = (await agent("{ contacts { nodes { revision firstName } } }"))["contacts"]["nodes"]
    assert contact == {"revision": 1, "firstName": None}


async def test_another_revision_is_refused_and_so_is_one_that_was_read_and_is_gone(agent: Caller) -> None:
    by = {"number": "C1"}
    refused = await upsert(agent, by, {"lastName": "Ray"}, ifRevision=1)
    assert [(each["code"], each["path"]) for each in refused["userErrors"]] == [("NOT_FOUND", ["input", "by"])]
    await upsert(agent, by, {"lastName": "Ray"})
    await upsert(agent, by, {"lastName": "Roe"}, ifRevision=1)
    refused = await upsert(agent, by, {"lastName": "Rae"}, ifRevision=1)
    assert refused["userErrors"] == [
        {"__typename": "StaleError", "code": "STALE", "path": ["input", "ifRevision"], "current": 2}
    ]
    assert (await upsert(agent, by, {"lastName": "Roe"}, ifRevision=2))["outcome"] == "UNCHANGED"


@pytest.mark.parametrize(("kind", "values"), [("Account", {"name": "Acme"}), ("Lead", {"lastName": "Ray"})])
async def test_accounts_and_leads_go_the_same_way(kind: str, values: dict[str, Any], agent: Caller) -> None:
    name = kind.lower()
    found = []
    for outcome in ("CREATED", "UNCHANGED"):
        given = {"by": {"external": {"system": "erp", "value": "1"}}, "values": values}
        payload = (await agent(OTHERS % {"kind": kind, "name": name}, i=given))[f"upsert{kind}"]
        assert (payload["outcome"], payload["userErrors"]) == (outcome, [])
        found.append(payload[name])
    assert found[0] == found[1]
    # The same name of a record of another kind is taken.
    taken = await upsert(agent, {"external": {"system": "erp", "value": "1"}}, {"lastName": "Eve"})
    assert [(each["code"], each["path"]) for each in taken["userErrors"]] == [("TAKEN", ["input", "by"])]


async def test_staff_alone_may(nobody: Caller, customer: Customer) -> None:
    assert [code for code, _ in await nobody.errors(UPSERT, i={"by": {"number": "CON1"}, "values": {}})] == [
        "UNAUTHENTICATED"
    ]
    for by in ({"number": "CON1"}, {"id": customer.contact}, {"number": "CON9"}):
        refused = await upsert(customer, by, {"lastName": "Eve"})
        assert [(each["code"], each["path"]) for each in refused["userErrors"]] == [("FORBIDDEN", ["input"])]
        assert refused["contact"] is None


async def test_what_is_all_that_already_takes_no_write(agent: Caller, core: Core) -> None:
    by = {"email": "ray@example.com"}
    query = "mutation($i: UpsertContactInput!) { upsertContact(input: $i) { outcome } }"
    counts = {}
    for outcome, values in (("CREATED", {"lastName": "Ray"}), ("UNCHANGED", {}), ("UPDATED", {"lastName": "Roe"})):
        with statements(core.db) as seen:
            data = await agent(query, i={"by": by, "values": values})
        assert data["upsertContact"]["outcome"] == outcome
        counts[outcome] = len(seen)
        if outcome == "UNCHANGED":
            assert not [each for each in seen if not each.lstrip().startswith(("SELECT", "WITH"))], seen
    assert counts == (
        {"CREATED": 10, "UNCHANGED": 4, "UPDATED": 10}
        if core.db.is_sqlite
        else {"CREATED": 6, "UNCHANGED": 5, "UPDATED": 8}
    )
