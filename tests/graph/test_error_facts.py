"""What programs are told of an error: a fine code, the facts as fields, and the place where it lies."""

import json
import re
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


SYSTEMS = ["dialect", "system"]
PLACES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        '{ contacts(filter: {createdAt: {gt: "yesterday"}}) { totalCount } }',
        {},
        {"locations": [{"line": 1, "column": 37}], "reason": "NOT_A_DATE", "inputPath": ["filter", "createdAt", "gt"]},
    ),
    (
        "query($f: ContactFilter) { contacts(filter: $f) { totalCount } }",
        {"f": {"or": [{"createdAt": {"gt": "yesterday"}}]}},
        {"variable": "f", "reason": "NOT_A_DATE", "inputPath": ["filter", "or", "0", "createdAt", "gt"]},
    ),
    (
        "query($w: DateTime) { contacts(filter: {createdAt: {gt: $w}}) { totalCount } }",
        {"w": "yesterday"},
        {"variable": "w", "reason": "NOT_A_DATE", "inputPath": ["filter", "createdAt", "gt"]},
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
        {"variable": "n", "reason": "NOT_A_NUMBER", "inputPath": ["first"]},
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
        {"path": ["contacts"], "reason": "CHOOSE_ONE", "inputPath": ["filter", "external"], "choices": SYSTEMS},
    ),
    (
        '{ contact(by: {external: {dialect: ZOHO, system: "x", value: "1"}}) { id } }',
        {},
        {"path": ["contact"], "reason": "CHOOSE_ONE", "inputPath": ["by", "external"], "choices": SYSTEMS},
    ),
    (
        "mutation($i: CreateContactInput!) { createContact(input: $i) { contact { id } } }",
        {"i": {"emails": {"add": [{"kind": "PRIVATE", "address": "a@example.com"}]}}},
        {
            "variable": "i",
            "reason": "CHOOSE_ONE",
            "inputPath": ["input", "emails", "add", "0", "kind"],
            "choices": ["PERSONAL", "BUSINESS", "CUSTOM1", "CUSTOM2", "CUSTOM3", "CUSTOM4", "CUSTOM5"],
        },
    ),
    (
        "query($b: ContactRef!) { contact(by: $b) { id } }",
        {"b": {"id": "a", "number": "b"}},
        {
            "variable": "b",
            "reason": "CHOOSE_ONE",
            "inputPath": ["by"],
            "choices": ["id", "number", "email", "external"],
        },
    ),
    (
        "query($b: ContactRef!) { contact(by: $b) { id } }",
        {},
        {"variable": "b", "reason": "REQUIRED", "inputPath": ["by"]},
    ),
    (
        "query($e: EmailAddress!) { contact(by: {email: $e}) { id } }",
        {"e": "shared@example.com"},
        {"path": ["contact"], "inputPath": ["by"]},
    ),
    (
        'mutation { createContact(input: {lastName: "x", firstName: 3}) { contact { id } } }',
        {},
        {"locations": [{"line": 1, "column": 60}], "reason": "INVALID", "inputPath": ["input", "firstName"]},
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
    assert error["message"].startswith(f"`{'.'.join(place['inputPath'])}`"), error["message"]


async def test_every_fault_of_a_value_is_told_at_once_with_its_place(agent: Caller) -> None:
    """As a variable, as a variable within the input, and as it stands in the document."""
    given = {
        "lastName": 3,
        "emails": {
            "add": [{"kind": "BUSINESS", "address": None}, {"kind": "BUSINESS"}, {"kind": "NONE", "address": "a"}]
        },
        "birthDate": {"day": "x", "year": 2**31},
        "emailOptOut": "no",
        "phones": 1,
        "nickName": "x",
    }
    wrong = {
        "lastName": ("INVALID", {}),
        "emails.add.0.address": ("REQUIRED", {}),
        "emails.add.1.address": ("REQUIRED", {}),
        "emails.add.2.kind": (
            "CHOOSE_ONE",
            {"choices": ["PERSONAL", "BUSINESS", "CUSTOM1", "CUSTOM2", "CUSTOM3", "CUSTOM4", "CUSTOM5"]},
        ),
        "birthDate.day": ("NOT_A_NUMBER", {}),
        "birthDate.year": ("OUT_OF_RANGE", {"least": -(2**31), "most": 2**31 - 1}),
        "emailOptOut": ("INVALID", {}),
        "phones": ("INVALID", {}),
        "nickName": ("INVALID", {}),
    }
    mutation = "mutation($i: CreateContactInput!) { createContact(input: $i) { contact { id } } }"
    literal = re.sub(r'"(\w+)":', r"\1:", json.dumps(given)).replace('"BUSINESS"', "BUSINESS").replace('"NONE"', "NONE")
    for query, variables, code, variable in (
        (mutation, {"i": given}, "BAD_USER_INPUT", {"variable": "i"}),
        (f"mutation {{ createContact(input: {literal}) {{ contact {{ id }} }} }}", {}, "GRAPHQL_VALIDATION_FAILED", {}),
    ):
        answer = (await agent.post(query, variables)).json()
        assert "data" not in answer
        found = {}
        for error in answer["errors"]:
            extensions = error["extensions"]
            (name, *path) = extensions.pop("inputPath")
            assert name == "input" and error["message"].startswith(f"`{'.'.join(['input', *path])}`")
            found[".".join(path)] = extensions
        assert found == {
            place: {"code": code, "reason": reason, **facts, **variable} for place, (reason, facts) in wrong.items()
        }
    # A variable that stands within the input has the place of the field.
    within = """mutation($a: EmailAddress!, $k: EmailKind!) {
      createContact(input: {lastName: "x", emails: {add: [{kind: BUSINESS, address: "a"}, {kind: $k, address: $a}]}}) {
        contact { id } } }"""
    errors = (await agent.post(within, {"a": None, "k": "x"})).json()["errors"]
    assert [
        (e["extensions"]["variable"], e["extensions"]["inputPath"][1:], e["extensions"]["reason"]) for e in errors
    ] == [
        ("a", ["emails", "add", "1", "address"], "REQUIRED"),
        ("k", ["emails", "add", "1", "kind"], "CHOOSE_ONE"),
    ]


async def test_what_lacks_in_a_document_is_told_with_its_place(agent: Caller) -> None:
    for query, reason, place in (
        ("{ contact { id } }", "REQUIRED", ["by"]),
        ("{ contact(by: null) { id } }", "REQUIRED", ["by"]),
        ("{ contact(by: {}) { id } }", "CHOOSE_ONE", ["by"]),
        ("{ contact(by: {id: null}) { id } }", "CHOOSE_ONE", ["by"]),
        ('{ contact(by: {id: "a", number: "b"}) { id } }', "CHOOSE_ONE", ["by"]),
        ("{ node(id: 1.5) { id } }", "INVALID", ["id"]),
        ("query($f: ContactFilter = {createdAt: {gt: 1}}) { contacts(filter: $f) { totalCount } }", "NOT_A_DATE", None),
        ('{ contacts { totalCount @include(if: "x") } }', "INVALID", ["if"]),
        ("{ contacts(sort: [{}]) { totalCount } }", "REQUIRED", ["sort", "0", "field"]),
    ):
        (error,) = (await agent.post(query)).json()["errors"]
        assert error["locations"], query
        assert (error["extensions"]["code"], error["extensions"]["reason"]) == ("GRAPHQL_VALIDATION_FAILED", reason), (
            query
        )
        assert error["extensions"]["inputPath"] == (place or ["f", "createdAt", "gt"]), query
    nullable = "query($x: ID) { contact(by: {id: $x}) { id } }"
    ((code, message),) = await agent.errors(nullable)
    assert code == "GRAPHQL_VALIDATION_FAILED"
    assert message == "Variable '$x' has to be of a type with `!`: `ContactRef` takes one field."
    # Names of the schema are suggested to whoever may know it.
    mistaken = 'mutation { createContact(input: {lastNam: "x"}) { contact { id } } }'
    ((_, message),) = await agent.errors(mistaken)
    assert message == "`input.lastNam` is not known by this name. Did you mean 'lastName'?"
    ((_, message),) = await Caller(agent.client).errors(mistaken)
    assert message == "`input.lastNam` is not known by this name."


async def test_what_is_named_twice_has_its_place(agent: Caller) -> None:
    for query, place in (
        (
            "{ contacts(sort: [{field: NUMBER}, {field: JOB_TITLE}, {field: NUMBER}]) { nodes { id } } }",
            2,
        ),
        ("{ leads(sort: [{field: STATUS}, {field: STATUS}]) { totalCount } }", 1),
    ):
        (error,) = (await agent.post(query)).json()["errors"]
        assert error["extensions"] == {
            "code": "BAD_USER_INPUT",
            "reason": "REPEATED",
            "inputPath": ["sort", str(place), "field"],
        }
    (error,) = (await agent.post("{ contactGroups(by: [OWNER, COUNTRY, COUNTRY]) { count } }")).json()["errors"]
    assert error["message"] == "`by.2` is COUNTRY again: leave it out."
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "reason": "REPEATED", "inputPath": ["by", "2"]}
    # Names that share a column are two all the same.
    await agent("{ contacts(sort: [{field: FIRST_NAME}, {field: LAST_NAME}]) { totalCount } }")


async def test_a_long_text_is_refused_with_its_length_and_the_limit(agent: Caller) -> None:
    given = {"lastName": "x", "emails": {"add": [{"kind": "BUSINESS", "address": "x" * 100_001}]}}
    answer = await agent.post(CONTACT, {"i": given})
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["extensions"] == {
        "code": "BAD_REQUEST",
        "reason": "TOO_LONG",
        "limitLength": 100_000,
        "length": 100_001,
        "variable": "i",
        "inputPath": ["i", "emails", "add", "0", "address"],
    }
