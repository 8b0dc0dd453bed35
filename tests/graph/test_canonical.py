"""The operations that clients, samples and benchmarks use, to the letter."""

import io
import json
import re
from pathlib import Path

import pytest
from graphql import parse
from PIL import Image

from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind
from tests.conftest import Running
from tests.graph.conftest import PASSWORD, Caller, Customer, employee_of, put

_TEXT = (Path(__file__).parent / "canonical.graphql").read_text(encoding="utf-8")
OPERATIONS = {
    operation.name.value: _TEXT[operation.loc.start : operation.loc.end] for operation in parse(_TEXT).definitions
}
SIGNUP, LOGIN, ME = (OPERATIONS[name] for name in ("Signup", "Login", "Me"))
UPDATE_PROFILE, UPLOAD_PHOTO = OPERATIONS["UpdateProfile"], OPERATIONS["UploadPhoto"]
Q1, Q2, Q3, Q4, M1 = (OPERATIONS[name] for name in ("Q1", "Q2", "Q3", "Q4", "M1"))
CREATE_LEAD, CONVERT_LEAD = OPERATIONS["CreateLead"], OPERATIONS["ConvertLead"]


async def test_signup_lets_a_customer_in(nobody: Caller) -> None:
    given = {"email": "ravi@example.com", "password": PASSWORD, "firstName": "Ravi", "lastName": "Emos"}
    signup = (await nobody(SIGNUP, input=given))["signup"]
    assert re.fullmatch(r"con_\d+", signup["viewer"]["contact"]["id"])
    assert signup["viewer"]["contact"]["number"] == "CON1"
    assert signup["userErrors"] == []
    me = await Caller(nobody.client, signup["accessToken"])(ME)
    assert me["me"] == {
        "id": signup["viewer"]["id"],
        "email": "ravi@example.com",
        "role": "CUSTOMER",
        "contact": {"id": signup["viewer"]["contact"]["id"], "fullName": "Ravi Emos", "photo": None},
    }


async def test_login_gives_tokens(nobody: Caller, agent: Caller) -> None:
    login = (await nobody(LOGIN, email="Agent@example.com", password=PASSWORD))["login"]
    assert login["userErrors"] == []
    assert login["viewer"]["role"] == "AGENT"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000000Z", login["expiresAt"])
    me = (await Caller(nobody.client, login["accessToken"])(ME))["me"]
    assert me == {"id": login["viewer"]["id"], "email": "agent@example.com", "role": "AGENT", "contact": None}


async def test_a_wrong_password_is_a_user_error(nobody: Caller, agent: Caller) -> None:
    expected = {
        "accessToken": None,
        "refreshToken": None,
        "expiresAt": None,
        "viewer": None,
        "userErrors": [
            {
                "code": "UNAUTHENTICATED",
                "message": "The email address or the password is wrong.",
                "path": ["input", "password"],
            }
        ],
    }
    for email in ("agent@example.com", "nobody@example.com", "no email \0"):
        assert (await nobody(LOGIN, email=email, password="another password"))["login"] == expected


async def test_update_profile_adds_a_phone(customer: Customer) -> None:
    payload = (await customer(UPDATE_PROFILE))["updateProfile"]
    assert payload["userErrors"] == []
    (phone,) = payload["contact"].pop("phones")
    assert payload["contact"] == {"id": customer.contact, "revision": 2}
    assert re.fullmatch(r"pho_\d+", phone.pop("id"))
    assert phone == {"kind": "MOBILE", "raw": "+91 98290 99490", "e164": "+919829099490"}
    again = (await customer(ME))["me"]["contact"]
    assert again == {"id": customer.contact, "fullName": "Ravi Ray", "photo": None}


def picture(width: int = 300, height: int = 200) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(stream, "JPEG")
    return stream.getvalue()


async def test_upload_photo_gives_three_addresses(customer: Customer) -> None:
    operations = json.dumps({"query": UPLOAD_PHOTO, "variables": {"photo": None}})
    response = await customer.client.post(
        "/graphql",
        data={"operations": operations, "map": '{"0": ["variables.photo"]}'},
        files={"0": ("me.jpeg", picture(), "image/jpeg")},
        headers=customer.headers | {"graphql-preflight": "1"},
    )
    payload = response.json()["data"]["uploadPhoto"]
    assert payload["userErrors"] == []
    photo = payload["contact"]["photo"]
    assert (photo["contentType"], photo["width"], photo["height"]) == ("image/jpeg", 300, 200)
    for name, size in (("url", "original"), ("mediumUrl", "medium"), ("smallUrl", "small")):
        assert re.fullmatch(rf"http://test/photos/[\w-]{{32}}\.jpg/{size}/me\.jpg", photo[name])
        served = await customer.client.get(photo[name])
        assert (served.status_code, served.headers["content-type"]) == (200, "image/jpeg")
    me = (await customer(ME))["me"]["contact"]["photo"]
    assert me == {name: photo[name] for name in ("url", "smallUrl", "mediumUrl")}


@pytest.fixture
async def contact(core: Core) -> int:
    (account,) = await put(core, PartyKind.ACCOUNT, {"name": "Acme", "industry": "Tools"})
    (contact,) = await put(
        core,
        PartyKind.CONTACT,
        {
            "first_name": "Marie",
            "last_name": "Schröder",
            "job_title": "Head of Sales",
            "language": "de",
            "account_id": account,
            "emails": [{"kind": "BUSINESS", "address": "marie@example.com"}],
            "phones": [{"kind": "MOBILE", "raw": "0151 23456789"}],
            "addresses": [{"kind": "HOME", "street": "Torstraße", "city": "Berlin", "country_name": "Germany"}],
        },
    )
    return contact


async def test_q1_one_contact(agent: Caller, contact: int) -> None:
    found = (await agent(Q1, id=f"con_{contact}"))["contact"]
    assert re.fullmatch(r"acc_\d+", found["account"].pop("id"))
    assert found == {
        "id": f"con_{contact}",
        "firstName": "Marie",
        "lastName": "Schröder",
        "jobTitle": "Head of Sales",
        "emails": [{"kind": "BUSINESS", "address": "marie@example.com"}],
        "phones": [{"kind": "MOBILE", "raw": "0151 23456789", "e164": "+4915123456789"}],
        "addresses": [{"kind": "HOME", "street": "Torstraße", "city": "Berlin", "postalCode": None, "country": "DE"}],
        "account": {"name": "Acme"},
    }


async def test_q2_a_page_of_contacts(agent: Caller, core: Core, contact: int) -> None:
    await put(core, PartyKind.CONTACT, *({"last_name": f"Contact {n}"} for n in range(100)))
    first = (await agent(Q2))["contacts"]
    assert [edge["node"]["lastName"] for edge in first["edges"]] == [f"Contact {n}" for n in reversed(range(100))]
    assert first["pageInfo"] == {"hasNextPage": True, "endCursor": first["edges"][-1]["cursor"]}
    second = (await agent(Q2, after=first["pageInfo"]["endCursor"]))["contacts"]
    (edge,) = second["edges"]
    assert second["pageInfo"] == {"hasNextPage": False, "endCursor": edge["cursor"]}
    node = edge["node"]
    assert node.pop("createdAt") == node.pop("updatedAt")
    assert node == {
        "id": f"con_{contact}",
        "number": "CON1",
        "firstName": "Marie",
        "middleName": None,
        "lastName": "Schröder",
        "jobTitle": "Head of Sales",
        "department": None,
        "language": "de",
        "emails": [{"address": "marie@example.com"}],
        "phones": [{"raw": "0151 23456789"}],
        "addresses": [{"city": "Berlin", "country": "DE"}],
        "account": {"name": "Acme", "industry": "Tools"},
    }


async def test_q3_accounts_with_their_contacts(agent: Caller, core: Core) -> None:
    accounts = await put(core, PartyKind.ACCOUNT, {"name": "A"}, {"name": "B"}, {"name": "C"})
    for account, count in zip(accounts, (12, 0, 1), strict=True):
        emails = [{"kind": "BUSINESS", "address": f"{account}@example.com"}]
        records = [{"last_name": f"{n}", "account_id": account, "emails": list(emails)} for n in range(count)]
        await put(core, PartyKind.CONTACT, *records)
    nodes = (await agent(Q3))["accounts"]["nodes"]
    assert [(node["id"], node["name"]) for node in nodes] == [
        (f"acc_{account}", name) for account, name in zip(accounts, "ABC", strict=True)
    ]
    assert [node["contacts"]["nodes"] for node in nodes] == [
        [{"fullName": f"{n}", "emails": [{"address": f"{account}@example.com"}]} for n in range(count)]
        for account, count in zip(accounts, (10, 0, 1), strict=True)
    ]


async def test_q4_by_prefix_and_city(agent: Caller, core: Core) -> None:
    def at(last_name: str, city: str) -> dict[str, object]:
        return {"last_name": last_name, "addresses": [{"kind": "HOME", "city": city}]}

    await put(
        core,
        PartyKind.CONTACT,
        at("Schulz", "BERLIN"),
        at("Schröder", "Berlin"),
        at("SCHMIDT", "Bérlin"),
        at("Schmidt", "Hamburg"),
        at("Meyer", "Berlin"),
        {"last_name": "Schmitt"},
    )
    nodes = (await agent(Q4, prefix="schr", city="berlin"))["contacts"]["nodes"]
    assert [(node["fullName"], node["addresses"]) for node in nodes] == [("Schröder", [{"city": "Berlin"}])]
    nodes = (await agent(Q4, prefix="Sch", city="berlin"))["contacts"]["nodes"]
    assert [node["fullName"] for node in nodes] == ["SCHMIDT", "Schröder", "Schulz"]


async def test_m1_changes_a_name_and_a_phone(agent: Caller, contact: int) -> None:
    phones = "query($id: ID!) { contact(by: {id: $id}) { phones { id } } }"
    phone = (await agent(phones, id=f"con_{contact}"))["contact"]["phones"][0]["id"]
    variables = {"contact": {"number": "CON1"}, "firstName": "Maria", "phone": phone, "raw": "+49 30 901820"}
    expected = {
        "contact": {
            "id": f"con_{contact}",
            "revision": 2,
            "firstName": "Maria",
            "phones": [{"id": phone, "raw": "+49 30 901820"}],
        },
        "userErrors": [],
    }
    assert (await agent(M1, **variables))["updateContact"] == expected
    # The same once more changes nothing.
    assert (await agent(M1, **variables))["updateContact"] == expected


async def test_create_and_convert_a_lead(agent: Caller) -> None:
    payload = (await agent(CREATE_LEAD))["createLead"]
    assert payload["userErrors"] == []
    assert payload["lead"]["number"] == "LEA1"
    lead = {"id": payload["lead"]["id"]}
    dry = CONVERT_LEAD.replace("dryRun: false", "dryRun: true")
    would = (await agent(dry, lead=lead))["convertLead"]
    assert (would["contact"]["id"][:4], would["account"]["id"][:4], would["userErrors"]) == ("con_", "acc_", [])
    nothing = await agent("{ contacts { totalCount } accounts { totalCount } }")
    assert nothing == {"contacts": {"totalCount": 0}, "accounts": {"totalCount": 0}}
    converted = (await agent(CONVERT_LEAD, lead=lead))["convertLead"]
    assert converted["userErrors"] == []
    assert re.fullmatch(r"con_\d+", converted["contact"]["id"])
    assert re.fullmatch(r"acc_\d+", converted["account"]["id"])
    again = (await agent(CONVERT_LEAD, lead=lead))["convertLead"]
    assert again == {"contact": None, "account": None, "userErrors": [{"code": "ALREADY_CONVERTED"}]}


async def test_the_demo_can_be_asked(demo: Running) -> None:
    caller = await employee_of(demo)
    by = "query($by: ContactRef!) { contact(by: $by) { fullName externalIds { dialect value } } }"
    ref = {"external": {"dialect": "COVALENSE", "value": "11937"}}
    assert (await caller(by, by=ref))["contact"] == {
        "fullName": "Ravi emos",
        "externalIds": [{"dialect": "COVALENSE", "value": "11937"}],
    }
