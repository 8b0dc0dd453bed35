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
            assert codes in (["GRAPHQL_VALIDATION_FAILED"], ["BAD_USER_INPUT"], ["INVALID"]), (number[:9], query[:60])
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
    ("values", "field"),
    [
        ({"name": "a\0"}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x" * 1_001}, "name"),
        ({"description": "x" * 32_001}, "description"),
        ({"description": "a\0b"}, "description"),
        ({"annualRevenue": "NaN"}, "annualRevenue"),
        ({"annualRevenue": "1e15"}, "annualRevenue"),
        ({"annualRevenue": "0x10"}, "annualRevenue"),
        ({"annualRevenue": True}, "annualRevenue"),
        ({"annualRevenue": {}}, "annualRevenue"),
        ({"employees": 2**53}, "employees"),
        ({"employees": True}, "employees"),
        ({"employees": "10"}, "employees"),
        ({"employees": [1]}, "employees"),
        ({"establishedOn": "2026-02-30"}, "establishedOn"),
        ({"establishedOn": 5}, "establishedOn"),
        ({"establishedOn": ""}, "establishedOn"),
        ({"parent": ""}, "parent"),
        ({"owner": "usr_1"}, "owner"),
    ],
)
async def test_what_cannot_be_kept_is_refused_by_name(agent: Caller, values: dict[str, Any], field: str) -> None:
    payload = (await agent(CREATE, i={"name": "x"} | values))["createAccount"]
    assert payload == {"account": None, "userErrors": [{"code": "INVALID", "path": ["input", field]}]}
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
