"""Values at the edges of what can be kept: refused by name, or given back as they came."""

from typing import Any

import pytest

from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind
from tests.graph.conftest import Caller, put

CREATE = """mutation($i: CreateAccountInput!) { createAccount(input: $i) {
  account { name description employees annualRevenue establishedOn website } userErrors { code path } } }"""
NUMBERS = ["9" * 5_000, "-" + "9" * 5_000, "1e400", "9" * 400 + ".5", "1" * 30]


async def test_numbers_that_nothing_can_hold_are_refused_cleanly(agent: Caller) -> None:
    for number in NUMBERS:
        account = 'mutation { createAccount(input: {name: "x", %s}) { userErrors { code } } }'
        contact = 'mutation { createContact(input: {lastName: "x", %s}) { userErrors { code } } }'
        for query in (
            f"{{ contacts(first: {number}) {{ nodes {{ id }} }} }}",
            account % f"employees: {number}",
            account % f"annualRevenue: {number}",
            account % f'annualRevenue: "{number}"',
            account % f"establishedOn: {number}",
            contact % f"birthDate: {{year: {number}}}",
        ):
            body = (await agent.post(query)).json()
            codes = [error["extensions"]["code"] for error in body.get("errors", [])]
            codes += [e["code"] for payload in (body.get("data") or {}).values() for e in payload["userErrors"]]
            is_long = len(number) > 1_000 and f'"{number}"' not in query
            by_value = {"NOT_A_NUMBER", "OUT_OF_RANGE", "TOO_LONG", "NOT_A_DATE"}
            refused = {"TOO_COSTLY"} if is_long else {"GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT"} | by_value
            assert len(codes) == 1, (number[:9], query[:60])
            assert codes[0] in refused, (number[:9], query[:60])
    assert await agent("{ accounts { totalCount } contacts { totalCount } }") == {
        "accounts": {"totalCount": 0},
        "contacts": {"totalCount": 0},
    }


TEXTS = [
    "Zoë",
    "ZoÃ«",
    "Z\u0300\u0301alg\u0321o",
    "🏃‍♀️ 🇩🇪 👨‍👩‍👧‍👦",
    "مرحبا بالعالم",
    "\u202eright to left",
    "日本語",
    "\U0010ffff",
    'it\'s "quoted" \\ %_',
    " spaces around ",
    "tab\there",
]


async def test_text_comes_back_byte_for_byte(agent: Caller) -> None:
    for text in TEXTS:
        payload = (await agent(CREATE, i={"name": text, "description": f"{text}\n{text}"}))["createAccount"]
        assert payload["userErrors"] == [], text
        read = "query($f: AccountFilter) { accounts(filter: $f, last: 1) { nodes { name description } } }"
        (found,) = (await agent(read, f={"name": {"eq": text}}))["accounts"]["nodes"]
        assert found == {"name": text, "description": f"{text}\n{text}"}


@pytest.mark.parametrize(
    ("values", "field", "code"),
    [
        ({"name": "a\0"}, "name", "BAD_CHARACTERS"),
        ({"name": "a\nb"}, "name", "BAD_CHARACTERS"),
        ({"name": "x" * 1_001}, "name", "TOO_LONG"),
        ({"description": "x" * 32_001}, "description", "TOO_LONG"),
        ({"description": "a\0b"}, "description", "BAD_CHARACTERS"),
        ({"annualRevenue": "NaN"}, "annualRevenue", "NOT_A_NUMBER"),
        ({"annualRevenue": "1e15"}, "annualRevenue", "OUT_OF_RANGE"),
        ({"annualRevenue": "0x10"}, "annualRevenue", "NOT_A_NUMBER"),
        ({"annualRevenue": True}, "annualRevenue", "NOT_A_NUMBER"),
        ({"annualRevenue": {}}, "annualRevenue", "NOT_A_NUMBER"),
        ({"employees": 2**53}, "employees", "OUT_OF_RANGE"),
        ({"employees": True}, "employees", "NOT_A_NUMBER"),
        ({"employees": "10"}, "employees", "NOT_A_NUMBER"),
        ({"employees": [1]}, "employees", "NOT_A_NUMBER"),
        ({"establishedOn": "2026-02-30"}, "establishedOn", "NOT_A_DATE"),
        ({"establishedOn": 5}, "establishedOn", "NOT_A_DATE"),
        ({"establishedOn": ""}, "establishedOn", "NOT_A_DATE"),
        ({"parent": ""}, "parent", "NOT_FOUND"),
        ({"owner": "usr_1"}, "owner", "NOT_FOUND"),
    ],
)
async def test_what_cannot_be_kept_is_refused_by_name(
    agent: Caller, values: dict[str, Any], field: str, code: str
) -> None:
    payload = (await agent(CREATE, i={"name": "x"} | values))["createAccount"]
    assert payload == {"account": None, "userErrors": [{"code": code, "path": ["input", field]}]}
    assert (await agent("{ accounts { totalCount } }"))["accounts"]["totalCount"] == 0


async def test_amounts_are_exact(agent: Caller, core: Core) -> None:
    for given, shown in (
        ("0.1", "0.1"),
        (0.1, "0.1"),
        (7, "7"),
        ("-12345678901234.12345678", "-12345678901234.12345678"),
        ("1e3", "1000"),
        ("0", "0"),
        (None, None),
    ):
        payload = (await agent(CREATE, i={"name": "x", "annualRevenue": given}))["createAccount"]
        assert payload["account"]["annualRevenue"] == shown
        nodes = (await agent("{ accounts(last: 1) { nodes { annualRevenue employees } } }"))["accounts"]["nodes"]
        assert nodes == [{"annualRevenue": shown, "employees": None}]
    (number,) = await put(core, PartyKind.ACCOUNT, {"name": "Big", "employees": 2**53 - 1})
    node = "query($r: AccountRef!) { account(by: $r) { employees } }"
    assert (await agent(node, r={"id": f"acc_{number}"}))["account"]["employees"] == 2**53 - 1


AMOUNTS: list[tuple[Any, str | None]] = [
    ("0.00000001", "0.00000001"),
    ("123456789012345.12345678", "123456789012345.12345678"),
    ("-999999999999999.99999999", "-999999999999999.99999999"),
    ("1.500000000000000000000000", "1.5"),
    ("1e14", "100000000000000"),
    ("0e-30", "0"),
    ("-0", "0"),
    (0.1, "0.1"),
    (12, "12"),
    ("1e-30", None),
    ("1e-9", None),
    (1e-9, None),
    ("0.000000001", None),
    ("123456789012345.1234567800000000000000001", None),
    ("1e15", None),
    ("1e999999999", None),
    ("-1000000000000000", None),
    (10**30, None),
    ("NaN", None),
    ("sNaN", None),
    ("Infinity", None),
    ("1" + "0" * 200, None),
    ("1,5", None),
    ("1_000", None),
    ("١٢", None),
    ("0x10", None),
    ("1e", None),
    (".", None),
    (True, None),
]


@pytest.mark.parametrize(("given", "kept"), AMOUNTS)
async def test_an_amount_is_kept_exactly_or_refused(agent: Caller, given: Any, kept: str | None) -> None:
    payload = (await agent(CREATE, i={"name": "x", "annualRevenue": given}))["createAccount"]
    if kept is None:
        (error,) = payload["userErrors"]
        assert (payload["account"], error["path"]) == (None, ["input", "annualRevenue"])
        assert error["code"] in ("NOT_A_NUMBER", "OUT_OF_RANGE", "TOO_LONG")
    else:
        assert (payload["userErrors"], payload["account"]["annualRevenue"]) == ([], kept)


async def test_an_amount_in_a_document_is_read_digit_by_digit(agent: Caller) -> None:
    given = '{name: "x", annualRevenue: 123456789012345.12345678}'
    query = f"mutation {{ createAccount(input: {given}) {{ account {{ annualRevenue }} }} }}"
    assert (await agent(query))["createAccount"]["account"] == {"annualRevenue": "123456789012345.12345678"}


async def test_nobody_employs_less_than_nobody(agent: Caller) -> None:
    for number in (-1, -(2**40)):
        payload = (await agent(CREATE, i={"name": "x", "employees": number}))["createAccount"]
        assert payload["userErrors"] == [{"code": "OUT_OF_RANGE", "path": ["input", "employees"]}]
    payload = (await agent(CREATE, i={"name": "x", "employees": 0, "annualRevenue": "-1.5"}))["createAccount"]
    assert (payload["account"]["employees"], payload["account"]["annualRevenue"]) == (0, "-1.5")


@pytest.mark.parametrize(
    ("date", "wrong"),
    [
        ({"month": 13}, ["month"]),
        ({"day": 40}, ["day"]),
        ({"year": 0}, ["year"]),
        ({"day": 40, "month": 13}, ["day", "month"]),
        ({"day": 0, "month": 0, "year": 10_000}, ["day", "month", "year"]),
        ({"day": 31, "month": 4}, ["day"]),
        ({"day": 29, "month": 2, "year": 2023}, ["day"]),
        ({"day": 30, "month": 2}, ["day"]),
        ({"day": 29, "month": 2}, []),
        ({"day": 29, "month": 2, "year": 2024}, []),
        ({"day": 31}, []),
    ],
)
async def test_a_part_of_a_date_that_cannot_be_is_told_once(
    agent: Caller, date: dict[str, int], wrong: list[str]
) -> None:
    create = "mutation($i: CreateContactInput!) { createContact(input: $i) { contact { id } userErrors { path } } }"
    update = "mutation($i: UpdateContactInput!) { updateContact(input: $i) { userErrors { path } } }"
    told = [{"path": ["input", "birthDate", part]} for part in wrong]
    payload = (await agent(create, i={"lastName": "x", "birthDate": date}))["createContact"]
    assert payload["userErrors"] == told
    own_id = (await agent(create, i={"lastName": "y"}))["createContact"]["contact"]["id"]
    payload = (await agent(update, i={"contact": {"id": own_id}, "birthDate": date}))["updateContact"]
    assert payload["userErrors"] == told


async def test_a_part_of_a_date_has_to_go_with_those_that_stay(agent: Caller) -> None:
    create = "mutation($i: CreateContactInput!) { createContact(input: $i) { contact { id } userErrors { path } } }"
    update = "mutation($i: UpdateContactInput!) { updateContact(input: $i) { userErrors { path } } }"
    made = {"lastName": "x", "birthDate": {"day": 31, "month": 1}}
    own_id = (await agent(create, i=made))["createContact"]["contact"]["id"]
    payload = (await agent(update, i={"contact": {"id": own_id}, "birthDate": {"month": 4}}))["updateContact"]
    assert payload["userErrors"] == [{"path": ["input", "birthDate", "day"]}]
