"""What a person is told of an input that is refused: which field, what is wrong, and what is expected."""

from typing import Any

import pytest

from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind
from tests.graph.conftest import Caller, Customer, put

ERRORS = "userErrors { message path }"
CONTACT = f"mutation($i: CreateContactInput!) {{ createContact(input: $i) {{ contact {{ id }} {ERRORS} }} }}"
ACCOUNT = f"mutation($i: CreateAccountInput!) {{ createAccount(input: $i) {{ account {{ id }} {ERRORS} }} }}"
CHANGE = f"mutation($i: UpdateContactInput!) {{ updateContact(input: $i) {{ contact {{ id }} {ERRORS} }} }}"
PROFILE = f"mutation($i: UpdateProfileInput!) {{ updateProfile(input: $i) {{ contact {{ id }} {ERRORS} }} }}"
REMOVE = f"mutation($i: RemovePhotoInput!) {{ removePhoto(input: $i) {{ contact {{ id }} {ERRORS} }} }}"
KEPT = "holds characters that cannot be kept, e.g. NUL, or a line break where there is one line."


async def told(caller: Caller, mutation: str, given: dict[str, Any]) -> list[str]:
    """What is told of an input that changes nothing. Each names the field of its path, or is about the whole."""
    (payload,) = (await caller(mutation, i=given)).values()
    errors = payload.pop("userErrors")
    assert payload == dict.fromkeys(payload)
    for error in errors:
        place = ".".join(error["path"][1:])
        assert f"`{place}`" in error["message"] or "`" not in error["message"], error
    return [error["message"] for error in errors]


@pytest.mark.parametrize(
    ("given", "messages"),
    [
        ({}, ["`lastName` is required: give e.g. Curie."]),
        ({"lastName": "x" * 1001}, ["`lastName` has more than 1,000 characters."]),
        ({"lastName": "x", "description": "x" * 32_001}, ["`description` has more than 32,000 characters."]),
        ({"lastName": "a\nb"}, [f"`lastName` {KEPT}"]),
        ({"lastName": "x", "birthDate": {"month": 13}}, ["`birthDate.month` is no month: write 1 to 12."]),
        (
            {"lastName": "x", "birthDate": {"day": 30, "month": 2, "year": 2000}},
            ["`birthDate.day` is no day of that month: write 1 to 29."],
        ),
        ({"lastName": "x", "birthDate": {"year": 0}}, ["`birthDate.year` is no year: write 1 to 9999."]),
        (
            {
                "lastName": "x",
                "emails": {
                    "add": [{"kind": "BUSINESS", "address": "ada@example.com"}, {"kind": "BUSINESS", "address": "ada"}]
                },
            },
            ["`emails.add.1.address` is no email address, e.g. ada@example.com."],
        ),
        (
            {"lastName": "x", "addresses": {"add": [{"kind": "HOME", "country": "NL", "countryName": "Germany"}]}},
            ["`addresses.add.0.countryName` is another country than that of `country`: leave one of them out."],
        ),
        ({"lastName": "x", "account": "acc_1"}, ["`account` names nothing that is here: give e.g. acc_1000000001."]),
        ({"lastName": "x", "owner": "usr_1"}, ["`owner` names nothing that is here: give e.g. usr_1000000001."]),
        (
            {"lastName": "x", "identityDocuments": {"idNumber": "X1"}},
            ["You may not give `identityDocuments.idNumber`."],
        ),
    ],
)
async def test_of_a_contact(agent: Caller, given: dict[str, Any], messages: list[str]) -> None:
    assert await told(agent, CONTACT, given) == messages


@pytest.mark.parametrize(
    ("given", "messages"),
    [
        ({"employees": -1}, ["`employees` is less than 0: write 0 or more."]),
        (
            {"annualRevenue": "1e15"},
            ["`annualRevenue` is no number that can be kept: write one of at most 15 digits before the point."],
        ),
        ({"annualRevenue": "0.123456789"}, ["`annualRevenue` has more than 8 decimals: write e.g. 1250000.5."]),
        ({"registrationCountry": "Holland"}, ["`registrationCountry` is no code of ISO 3166-1: write NL."]),
        ({"number": "ACC7"}, ["`number` belongs to another record, and has to be unique."]),
    ],
)
async def test_of_an_account(agent: Caller, core: Core, given: dict[str, Any], messages: list[str]) -> None:
    await put(core, PartyKind.ACCOUNT, {"name": "Acme", "number": "ACC7"})
    assert await told(agent, ACCOUNT, {"name": "Acme Ltd"} | given) == messages


async def test_of_what_is_there(agent: Caller, customer: Customer, core: Core) -> None:
    above, below = await put(core, PartyKind.CONTACT, {"last_name": "Above"}, {"last_name": "Below"})
    changed = await agent(CHANGE, i={"contact": {"id": f"con_{below}"}, "reportsTo": f"con_{above}"})
    assert changed["updateContact"]["userErrors"] == []
    target = {"contact": {"id": f"con_{above}"}}
    assert await told(agent, CHANGE, target | {"reportsTo": f"con_{below}"}) == [
        "`reportsTo` would put a record above itself: name one that is not below it, 100 levels at most."
    ]
    assert await told(agent, CHANGE, target | {"ifRevision": 7}) == [
        "The record has changed since you read it: read it again, its revision is 1 now."
    ]
    assert await told(agent, CHANGE, target | {"phones": {"remove": ["pho_1"]}}) == [
        "`phones.remove.0` names nothing that is here: give e.g. pho_1000000001."
    ]
    assert await told(agent, REMOVE, {}) == ["`contact` is required: give e.g. con_1000000001."]
    assert await told(agent, REMOVE, target | {"account": {"id": customer.account}}) == [
        "`account` is named beside another record: name one."
    ]
    assert await told(customer, PROFILE, {"lastName": ""}) == ["`lastName` is required: give e.g. Curie."]
