"""One store, two vocabularies: what changes at Covalense's door is changed in GraphQL, and the other way round."""

from tests.conftest import Running
from tests.dialects.covalense.conftest import YOGESH, Portal, result
from tests.graph.conftest import employee_of

ASK = """query { contact(by: {number: "CON19195"}) {
  id revision firstName gender birthDate { day month year } phones { kind raw } emails { address }
  addresses { kind city postalCode poBox country } account { name } } }"""
CHANGE = """mutation($id: ID!, $phone: ID!) { updateContact(input: {
  contact: {id: $id}, firstName: "Yogendra", phones: {update: [{id: $phone, raw: "+49 30 901820"}]}
}) { contact { revision } userErrors { code message path } } }"""


async def test_a_change_at_this_door_is_seen_in_graphql(demo: Running, portal: Portal) -> None:
    token = await portal.login(YOGESH)
    staff = await employee_of(demo)
    before = (await staff(ASK))["contact"]
    changes = {
        "firstname": "Yogi",
        "birthday": "1980-02-29",
        "mobile": "",
        "mailingzip": "07095",
        "mailingcountry": "USA",
    }
    result(await portal.send("PUT", "profile/contact", changes, token=token))
    assert (await staff(ASK))["contact"] == {
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
    staff = await employee_of(demo)
    ids = await staff('{ contact(by: {number: "CON19195"}) { id phones { id kind } } }')
    (phone,) = [each["id"] for each in ids["contact"]["phones"] if each["kind"] == "LANDLINE"]
    done = await staff(CHANGE, id=ids["contact"]["id"], phone=phone)
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
