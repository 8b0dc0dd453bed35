"""What programs are told of an error: a fine code, the facts as fields, and the place where it lies."""

from typing import Any

import pytest

from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind
from tests.conftest import statements
from tests.graph.conftest import Caller, Customer, put

FACTS = """userErrors { __typename code path ... on RangeError { limitLength least most } ... on ChoiceError { choices }
  ... on StaleError { current record { id revision ... on Contact { firstName } } changes { revision user { name }
    fields { field old new } } } ... on TooLargeError { limitItems } }"""
CONTACT = f"mutation($i: CreateContactInput!) {{ createContact(input: $i) {{ contact {{ id }} {FACTS} }} }}"
ACCOUNT = f"mutation($i: CreateAccountInput!) {{ createAccount(input: $i) {{ account {{ id }} {FACTS} }} }}"
CHANGE = f"mutation($i: UpdateContactInput!) {{ updateContact(input: $i) {{ contact {{ id revision }} {FACTS} }} }}"
LEAD = f"mutation($i: UpdateLeadInput!) {{ updateLead(input: $i) {{ lead {{ id revision }} {FACTS} }} }}"
SIGNUP = f"mutation($i: SignupInput!) {{ signup(input: $i) {{ viewer {{ id }} {FACTS} }} }}"
REMOVE = f"mutation($i: RemovePhotoInput!) {{ removePhoto(input: $i) {{ contact {{ id }} {FACTS} }} }}"
AMOUNT = "999999999999999.99999999"


def out_of(code: str, field: str, limit: int | None = None, least: Any = None, most: Any = None) -> dict[str, Any]:
    path = ["input", *field.split(".")]
    bounds = {"limitLength": limit, "least": least, "most": most}
    return {"__typename": "RangeError", "code": code, "path": path} | bounds


async def told(caller: Caller, mutation: str, given: dict[str, Any]) -> list[dict[str, Any]]:
    (payload,) = (await caller(mutation, i=given)).values()
    errors: list[dict[str, Any]] = payload.pop("userErrors")
    assert payload == dict.fromkeys(payload)
    return errors


async def test_bounds_and_choices_are_fields(agent: Caller, nobody: Caller, core: Core) -> None:
    given: dict[str, Any] = {"lastName": "x" * 1001, "birthDate": {"day": 31, "month": 2, "year": 2025}}
    assert await told(agent, CONTACT, given) == [
        out_of("TOO_LONG", "lastName", limit=1000),
        out_of("NOT_A_DATE", "birthDate.day", least=1, most=28),
    ]
    given = {"lastName": "x", "birthDate": {"month": 13}}
    assert await told(agent, CONTACT, given) == [out_of("NOT_A_DATE", "birthDate.month", least=1, most=12)]
    given = {"name": "x", "employees": -1, "annualRevenue": "1e15"}
    assert await told(agent, ACCOUNT, given) == [
        out_of("OUT_OF_RANGE", "employees", least=0, most=2**53 - 1),
        out_of("OUT_OF_RANGE", "annualRevenue", least=f"-{AMOUNT}", most=AMOUNT),
    ]
    given = {"name": "x", "annualRevenue": "0.123456789"}
    assert await told(agent, ACCOUNT, given) == [out_of("TOO_LONG", "annualRevenue", limit=8)]
    given = {"email": "x", "password": "short", "lastName": "x"}
    assert await told(nobody, SIGNUP, given) == [
        {"__typename": "InputError", "code": "NOT_AN_EMAIL", "path": ["input", "email"]},
        out_of("PASSWORD_TOO_SHORT", "password", least=8),
    ]
    (contact,) = await put(core, PartyKind.CONTACT, {"last_name": "C"})
    given = {"contact": {"id": f"con_{contact}"}, "account": {"number": "ACC1"}}
    assert await told(agent, REMOVE, given) == [
        {
            "__typename": "ChoiceError",
            "code": "CHOOSE_ONE",
            "path": ["input", "account"],
            "choices": ["contact", "account", "lead"],
        }
    ]


async def test_who_comes_too_late_is_told_what_has_changed_since(agent: Caller, customer: Customer, core: Core) -> None:
    target = {"contact": {"id": customer.contact}}
    for name in ("One", "Two", "Three"):
        assert (await agent(CHANGE, i=target | {"firstName": name}))["updateContact"]["userErrors"] == []
    late = target | {"firstName": "Late", "ifRevision": 2, "birthDate": {"month": 13}}
    with statements(core.db) as seen:
        stale, other = await told(agent, CHANGE, late)
    assert other == out_of("NOT_A_DATE", "birthDate.month", least=1, most=12)
    by = {"name": "Agent"}
    assert stale == {
        "__typename": "StaleError",
        "code": "STALE",
        "path": ["input", "ifRevision"],
        "current": 4,
        "record": {"id": customer.contact, "revision": 4, "firstName": "Three"},
        "changes": [
            {"revision": 4, "user": by, "fields": [{"field": "firstName", "old": "Two", "new": "Three"}]},
            {"revision": 3, "user": by, "fields": [{"field": "firstName", "old": "One", "new": "Two"}]},
        ],
    }
    assert len(seen) <= 11
    (stale,) = await told(customer, CHANGE, target | {"firstName": "Late", "ifRevision": 2})
    assert stale["record"] == {"id": customer.contact, "revision": 4, "firstName": "Three"}
    assert stale["changes"] is None
    for revision in (0, 1):
        (stale,) = await told(agent, CHANGE, target | {"firstName": "Late", "ifRevision": revision})
        assert len(stale["changes"]) == 4 - revision
    (stale,) = await told(agent, CHANGE, target | {"firstName": "Late", "ifRevision": 99})
    assert stale["changes"] == []


async def test_no_more_than_twenty_changes_are_told(agent: Caller, customer: Customer) -> None:
    target = {"contact": {"id": customer.contact}}
    for i in range(22):
        await agent(CHANGE, i=target | {"firstName": f"N{i}"})
    (stale,) = await told(agent, CHANGE, target | {"firstName": "Late", "ifRevision": 1})
    assert [each["revision"] for each in stale["changes"]] == list(range(23, 3, -1))


async def test_what_else_is_wrong_is_told_beside_a_record_that_is_not_there(
    agent: Caller, customer: Customer, core: Core
) -> None:
    faulty = {
        "contact": {"id": "con_1"},
        "lastName": " ",
        "owner": "usr_1",
        "emails": {"add": [{"kind": "PERSONAL", "address": "no address"}]},
    }
    assert [(each["code"], each["path"][1]) for each in await told(agent, CHANGE, faulty)] == [
        ("NOT_FOUND", "contact"),
        ("REQUIRED", "lastName"),
        ("NOT_AN_EMAIL", "emails"),
        ("NOT_FOUND", "owner"),
    ]
    # Whom there is nothing to be told of learns nothing of others by this.
    (other,) = await put(core, PartyKind.ACCOUNT, {"name": "Hidden"})
    for account in (f"acc_{other}", "acc_1"):
        hidden = {"contact": {"id": "con_1"}, "account": account}
        assert [(each["code"], each["path"][1]) for each in await told(customer, CHANGE, hidden)] == [
            ("NOT_FOUND", "contact")
        ]


async def test_a_lead_that_cannot_be_worked_on_is_told_with_everything_else(agent: Caller, core: Core) -> None:
    (lead,) = await put(core, PartyKind.LEAD, {"last_name": "L", "locked_by": "import", "approval": "AWAITING"})
    given = {"lead": {"id": f"lea_{lead}"}, "firstName": "a\0b", "ifRevision": 7}
    errors = await told(agent, LEAD, given)
    assert [each["code"] for each in errors] == ["STALE", "NOT_APPROVED", "LOCKED", "BAD_CHARACTERS"]


PLACES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        '{ contacts(filter: {createdAt: {gt: "yesterday"}}) { totalCount } }',
        {},
        {"locations": [{"line": 1, "column": 37}], "reason": "NOT_A_DATE", "inputPath": ["filter", "createdAt", "gt"]},
    ),
    (
        "query($f: ContactFilter) { contacts(filter: $f) { totalCount } }",
        {"f": {"or": [{"createdAt": {"gt": "yesterday"}}]}},
        {"variable": "f", "reason": "NOT_A_DATE", "inputPath": ["f", "or", "0", "createdAt", "gt"]},
    ),
    (
        "query($w: DateTime) { contacts(filter: {createdAt: {gt: $w}}) { totalCount } }",
        {"w": "yesterday"},
        {"variable": "w", "reason": "NOT_A_DATE", "inputPath": ["w"]},
    ),
    (
        "query($f: ContactFilter) { contacts(filter: $f) { totalCount } }",
        {"f": {"lastName": {"eq": " "}}},
        {"variable": "f", "path": ["contacts"], "reason": "REQUIRED", "inputPath": ["filter", "lastName", "eq"]},
    ),
    (
        "query($f: ContactFilter) { contacts(filter: $f) { totalCount } }",
        {"f": {"createdAt": {"ago": {}}}},
        {"variable": "f", "path": ["contacts"], "reason": "REQUIRED", "inputPath": ["filter", "createdAt", "ago"]},
    ),
    (
        "query($x: String) { all: contacts(filter: {or: [{lastName: {eq: $x}}]}) { totalCount } }",
        {"x": " "},
        {"variable": "x", "path": ["all"], "reason": "REQUIRED", "inputPath": ["filter", "or", "0", "lastName", "eq"]},
    ),
    (
        '{ contacts(filter: {phone: {endsWith: "12"}}) { totalCount } }',
        {},
        {"path": ["contacts"], "reason": "NOT_A_PHONE", "inputPath": ["filter", "phone", "endsWith"], "least": 4},
    ),
    (
        '{ contacts(filter: {country: {eq: "Holland"}}) { totalCount } }',
        {},
        {"path": ["contacts"], "reason": "NOT_A_COUNTRY", "inputPath": ["filter", "country", "eq"]},
    ),
    (
        "query($n: Int) { contacts(first: $n) { totalCount } }",
        {"n": 101},
        {
            "variable": "n",
            "path": ["contacts"],
            "reason": "OUT_OF_RANGE",
            "inputPath": ["first"],
            "least": 0,
            "most": 100,
        },
    ),
    (
        "query($n: Int) { contacts(first: $n) { totalCount } }",
        {"n": "a"},
        {"variable": "n", "reason": "INVALID", "inputPath": ["n"]},
    ),
    (
        '{ contacts(after: "x") { totalCount } }',
        {},
        {"path": ["contacts"], "reason": "INVALID", "inputPath": ["after"]},
    ),
    (
        "query($i: [ID!]!) { nodes(ids: $i) { id } }",
        {"i": ["x"] * 101},
        {"variable": "i", "path": ["nodes"], "reason": "TOO_LARGE", "inputPath": ["ids"], "limitItems": 100},
    ),
    (
        "query($t: String!) { search(text: $t) { totalCount } }",
        {"t": "x" * 201},
        {"variable": "t", "path": ["search"], "reason": "TOO_LONG", "inputPath": ["text"], "limitLength": 200},
    ),
    (
        "query($t: String!) { search(text: $t) { totalCount } }",
        {"t": "ab\0"},
        {"variable": "t", "path": ["search"], "reason": "BAD_CHARACTERS", "inputPath": ["text"]},
    ),
    (
        '{ choices(of: CONTACT, field: "lastName") { value } }',
        {},
        {
            "path": ["choices"],
            "reason": "CHOOSE_ONE",
            "inputPath": ["field"],
            "choices": ["category", "lifeCycleState"],
        },
    ),
    (
        '{ contacts(filter: {external: {value: {eq: "1"}}}) { totalCount } }',
        {},
        {"path": ["contacts"], "reason": "CHOOSE_ONE", "inputPath": ["filter", "external"]},
    ),
    (
        '{ contact(by: {external: {dialect: ZOHO, system: "x", value: "1"}}) { id } }',
        {},
        {"path": ["contact"], "reason": "CHOOSE_ONE", "inputPath": ["by", "external"]},
    ),
    (
        "mutation($i: CreateContactInput!) { createContact(input: $i) { contact { id } } }",
        {"i": {"emails": {"add": [{"kind": "PRIVATE", "address": "a@example.com"}]}}},
        {
            "variable": "i",
            "reason": "CHOOSE_ONE",
            "inputPath": ["i", "emails", "add", "0", "kind"],
            "choices": ["PERSONAL", "BUSINESS", "CUSTOM1", "CUSTOM2", "CUSTOM3", "CUSTOM4", "CUSTOM5"],
        },
    ),
    (
        "query($b: ContactRef!) { contact(by: $b) { id } }",
        {"b": {"id": "a", "number": "b"}},
        {"variable": "b", "reason": "INVALID", "inputPath": ["b"]},
    ),
    (
        "query($b: ContactRef!) { contact(by: $b) { id } }",
        {},
        {"variable": "b", "reason": "REQUIRED", "inputPath": ["b"]},
    ),
    (
        "query($e: EmailAddress!) { contact(by: {email: $e}) { id } }",
        {"e": "shared@example.com"},
        {"path": ["contact"], "inputPath": ["by"]},
    ),
    (
        'mutation { createContact(input: {lastName: "x", firstName: 3}) { contact { id } } }',
        {},
        {"locations": [{"line": 1, "column": 60}], "inputPath": ["input", "firstName"]},
    ),
]


@pytest.mark.parametrize(("query", "variables", "place"), PLACES)
async def test_an_error_at_the_top_has_its_place(
    agent: Caller, core: Core, query: str, variables: dict[str, Any], place: dict[str, Any]
) -> None:
    shared: dict[str, Any] = {"emails": [{"kind": "PERSONAL", "address": "shared@example.com"}]}
    await put(core, PartyKind.CONTACT, {"last_name": "A"} | shared, {"last_name": "B"} | shared)
    (error,) = (await agent.post(query, variables)).json()["errors"]
    assert error["locations"]
    found = {"path": error.get("path"), "locations": error["locations"], **error["extensions"]}
    code = found.pop("code")
    assert code in ("BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED", "AMBIGUOUS")
    if "locations" not in place:
        del found["locations"]
    if found["path"] is None:
        del found["path"]
    assert found == place
    # The message begins with the place, where it is no sentence of the library.
    if code != "GRAPHQL_VALIDATION_FAILED":
        assert error["message"].startswith(f"`{'.'.join(place['inputPath'])}`"), error["message"]
