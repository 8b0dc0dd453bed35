"""A text of which nothing is to be seen is as good as none at every door: it empties what may be empty, and is refused
in the words of the door where there has to be something."""

import json
from typing import Any

import pytest

from crmgraph.crm.models import Door, PartyKind
from tests.agreement.doors import Place, Record, clients
from tests.agreement.world import PASSWORD, PORTAL, founded
from tests.conftest import Running

BLANKS = {
    "zero width space": " \u200b",
    "word joiner": "\u2060",
    "no-break space": "\u00a0",
    "ideographic space": "\u3000 ",
    "soft hyphens": "\u00ad\u00ad",
    "tabs": "\t \t",
    "byte order mark": "\ufeff",
    "selector of Mongolian": "\u180b",
    "selector of ideographs": "\U000e0100",
    "tag": "\U000e0041",
    "Braille": "\u2800",
}
SEEN = {"combining acute": "\u0301", "voicing mark": "\u3099", "joined": "x\u200d", "dot": "."}
MOBILE, LAST_NAME = Place("raw", "phones", "MOBILE"), Place("last_name")
blank = pytest.mark.parametrize("blank", BLANKS.values(), ids=BLANKS)


@pytest.fixture
async def doors(running: Running) -> dict[str, Any]:
    return clients(await founded(running))


@blank
async def test_it_empties_a_number_at_every_flat_door(doors: dict[str, Any], blank: str) -> None:
    mine = await doors["covalense"].create(PartyKind.CONTACT, {LAST_NAME: "One"}, "mine@example.com")
    account = (await doors["graphql"].values(mine))[Place("account_id")]
    names = {LAST_NAME: "One", Place("first_name"): "A", Place("account_id"): account}
    for door in ("covalense", "zoho", "valomnia"):
        await doors["graphql"].change(mine, {MOBILE: "+49 171 1234567"})
        given = {MOBILE: blank} | (names if door == "valomnia" else {})
        await doors[door].change(mine, given)
        assert (await doors["graphql"].rows(mine))["phones"] == [], door
        revision = (await doors["graphql"].rows(mine))["revision"]
        await doors[door].change(mine, given)
        assert (await doors["graphql"].rows(mine))["revision"] == revision, door


@blank
async def test_where_there_has_to_be_something_it_is_refused(doors: dict[str, Any], blank: str) -> None:
    mine = await doors["covalense"].create(PartyKind.CONTACT, {LAST_NAME: "One"}, "mine@example.com")
    before = await doors["graphql"].rows(mine)
    client, world = doors["graphql"].world.client, doors["graphql"].world
    zoho = {"Authorization": f"Zoho-oauthtoken {world.tokens[Door.ZOHO]}"}

    async def told(path: str, row: dict[str, Any], *, method: str = "POST") -> Any:
        answer = await client.request(method, f"/crm/v2{path}", headers=zoho, content=json.dumps({"data": [row]}))
        return answer.status_code, answer.json()["data"][0]["code"], answer.json()["data"][0]["details"]

    for path, row, name in (
        ("/Contacts", {"Last_Name": blank}, "Last_Name"),
        ("/Leads", {"Last_Name": blank, "Mobile": blank}, "Last_Name"),
        ("/Accounts/upsert", {"Account_Name": blank}, "Account_Name"),
        (f"/Contacts/{mine.number}/Notes", {"Note_Content": blank}, "Note_Content"),
    ):
        assert await told(path, row) == (202, "MANDATORY_NOT_FOUND", {"api_name": name}), path
    changed = await told(f"/Contacts/{mine.number}", {"Last_Name": blank}, method="PUT")
    assert changed == (202, "MANDATORY_NOT_FOUND", {"api_name": "Last_Name"})
    owner = await told(f"/Contacts/{mine.number}", {"Owner": {"name": blank}}, method="PUT")
    assert owner[:2] == (202, "INVALID_DATA")
    for query in ("email", "phone", "word"):
        answer = await client.get("/crm/v2/Contacts/search", params={query: blank}, headers=zoho)
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_QUERY"), query
    criteria = {"criteria": f"(Last_Name:equals:{blank})"}
    answer = await client.get("/crm/v2/Contacts/search", params=criteria, headers=zoho)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_QUERY")

    identifier = {"id": f"{mine.number:032X}"}
    for sent, name in (
        ({"last_name": blank}, "last_name"),
        ({"phone_set": [{"action": "ADD", "type": "MOBILE", "number": blank}]}, "phone_set[0].number"),
        ({"email_set": [{"action": "ADD", "type": "PERSONAL", "email_address": blank}]}, "email_set[0].email_address"),
    ):
        body = {"token": world.tokens[Door.CRMCOM], "contact_information_identifier": identifier, **sent}
        answer = await client.post("/crmapi/rest/v2/contact_information/update", content=json.dumps(body))
        status = answer.json()["status"]
        assert (status["code"], status["message"]) == (
            "COM.CRM.EXCEPTION.CONTACTINFORMATION.MANDATORYFIELDMISSINGEXCEPTION",
            f"{name}: mandatory",
        )

    form = {"customerId": "5", "firstName": "A", "lastName": "One"}
    cookie = {"Cookie": f"JSESSIONID={world.tokens[Door.VALOMNIA]}"}
    for name in form:
        answer = await client.post("/api/v1.0/contacts", headers=cookie, data=form | {name: blank})
        missing = {"error": "missing_param", "error_description": f"{name} parameter is missing"}
        assert (answer.status_code, answer.json()) == (400, missing)

    headers = {**PORTAL, "token": mine.token or ""}
    answer = await client.put("/crm/v1/profile/contact", headers=headers, json={"lastname": blank})
    assert answer.status_code == 400
    signup = {"AcctInfo": {"LastName": "N", "EmailAddress": "n@example.com", "Platform": blank}, "Password": PASSWORD}
    answer = await client.post("/crm/v1/signup", headers=PORTAL, json=signup | {"OrderType": "New"})
    assert answer.status_code == 400 and "Platform" in answer.text

    query = "mutation($i: UpdateContactInput!) { updateContact(input: $i) { userErrors { code path } } }"
    given = {"contact": {"id": f"con_{mine.number}"}, "lastName": blank}
    answer = await client.post(
        "/graphql",
        json={"query": query, "variables": {"i": given}},
        headers={"Authorization": f"Bearer {world.graph}"},
    )
    assert answer.json()["data"]["updateContact"]["userErrors"] == [{"code": "REQUIRED", "path": ["input", "lastName"]}]
    query = "query($f: String!) { contacts(filter: {lastName: {eq: $f}}) { nodes { id } } }"
    answer = await client.post(
        "/graphql", json={"query": query, "variables": {"f": blank}}, headers={"Authorization": f"Bearer {world.graph}"}
    )
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert await doors["graphql"].rows(mine) == before


@pytest.mark.parametrize("seen", SEEN.values(), ids=SEEN)
async def test_what_is_drawn_is_a_value(doors: dict[str, Any], seen: str) -> None:
    for door in ("graphql", "zoho", "crmcom"):
        kept: Record = await doors[door].create(PartyKind.CONTACT, {LAST_NAME: seen, Place("first_name"): "A"})
        assert (await doors["graphql"].values(kept))[LAST_NAME] == seen, door
