"""One store, two vocabularies: what changes at Covalense's door is changed in GraphQL, and the other way round."""

from typing import Any

from tests.conftest import Running
from tests.dialects.covalense.conftest import YOGESH, Portal, result

ASK = """query { contact(by: {number: "CON19195"}) {
  id revision firstName gender birthDate { day month year } phones { kind raw } emails { address }
  addresses { kind city postalCode poBox country } account { name } } }"""
CHANGE = """mutation($id: ID!, $phone: ID!) { updateContact(input: {
  contact: {id: $id}, firstName: "Yogendra", phones: {update: [{id: $phone, raw: "+49 30 901820"}]}
}) { contact { revision } userErrors { code message path } } }"""


async def _ask(demo: Running, query: str, **variables: Any) -> Any:
    login = """mutation($email: EmailAddress!, $password: String!) {
      login(input: {email: $email, password: $password}) { accessToken } }"""
    body = {"query": login, "variables": demo.credentials["staff"]}
    token = (await demo.client.post("/graphql", json=body)).json()["data"]["login"]["accessToken"]
    answer = await demo.client.post(
        "/graphql", json={"query": query, "variables": variables}, headers={"Authorization": f"Bearer {token}"}
    )
    assert "errors" not in answer.json(), answer.text
    return answer.json()["data"]


async def test_a_change_at_this_door_is_seen_in_graphql(demo: Running, portal: Portal) -> None:
    token = await portal.login(YOGESH)
    before = (await _ask(demo, ASK))["contact"]
    changes = {
        "firstname": "Yogi",
        "birthday": "1980-02-29",
        "mobile": "",
        "mailingzip": "07095",
        "mailingcountry": "USA",
    }
    result(await portal.send("PUT", "profile/contact", changes, token=token))
    assert (await _ask(demo, ASK))["contact"] == {
        "id": before["id"],
        "revision": before["revision"] + 1,
        "firstName": "Yogi",
        "gender": "MAle",
        "birthDate": {"day": 29, "month": 2, "year": 1980},
        "phones": [{"kind": "LANDLINE", "raw": "9962544026"}],
        "emails": [{"address": YOGESH}],
        "addresses": [
            {"kind": "HOME", "city": "Woodbridge Township", "postalCode": "07095", "poBox": "500032", "country": "US"}
        ],
        "account": {"name": "Yogesh emo"},
    }


async def test_a_change_in_graphql_is_seen_at_this_door(demo: Running, portal: Portal) -> None:
    token = await portal.login(YOGESH)
    before = result(await portal.send("GET", "profile/contact", token=token))
    ids = await _ask(demo, '{ contact(by: {number: "CON19195"}) { id phones { id kind } } }')
    (phone,) = [each["id"] for each in ids["contact"]["phones"] if each["kind"] == "LANDLINE"]
    done = await _ask(demo, CHANGE, id=ids["contact"]["id"], phone=phone)
    assert done["updateContact"]["userErrors"] == []
    after = result(await portal.send("GET", "profile/contact", token=token))
    assert after == {
        **before,
        "firstname": "Yogendra",
        "phone": "+49 30 901820",
        "modifiedtime": after["modifiedtime"],
        "modifiedby": after["modifiedby"],
    }
    assert after["modifiedtime"] > before["modifiedtime"]
    assert after["modifiedby"] != "19x5"
