"""Signups that wait for their confirmation: no door shows, counts, finds or changes their records until then."""

from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from crmgraph.crm.models import Account, Contact
from tests.conftest import serving, settings_for
from tests.dialects.covalense.conftest import Portal, result
from tests.graph.conftest import LOGIN, SIGNUP, Caller
from tests.graph.test_sessions import code_of, letters

EMAIL = "waiting.stranger@example.com"
PASSWORD = "tiger on a bicycle"
CONFIRM = "mutation($c: String!) { confirmSignup(input: {code: $c}) { viewer { email } userErrors { code } } }"
COVALENSE = {
    "AcctInfo": {"Platform": "Postpaid", "LastName": "Stranger", "EmailAddress": EMAIL, "CompanyName": "Stranger Ltd"},
    "AddressInfo": {"City": "Bengaluru"},
    "Password": PASSWORD,
}


async def test_nobody_meets_a_signup_that_waits_at_any_door(demo_database: tuple[str, Any], tmp_path: Path) -> None:
    url, known = demo_database
    async with serving(settings_for(url, tmp_path, signup_confirm=True)) as (client, app):
        own = known.credentials
        nobody = Caller(client)
        staff = own["staff"] | {}
        login = await nobody(LOGIN, i={"email": staff["email"], "password": staff["password"]})
        admin = Caller(client, login["login"]["accessToken"])
        token = (
            await client.post(
                "/oauth/v2/token",
                data={
                    "grant_type": "refresh_token",
                    **{k: own["zoho"][k] for k in ("client_id", "client_secret", "refresh_token")},
                },
            )
        ).json()["access_token"]
        zoho = {"Authorization": f"Zoho-oauthtoken {token}"}
        crmcom = (await client.post("/crmapi/rest/v2/authentication/token", json=own["crmcom"])).json()["data"]["token"]
        valomnia = own["valomnia"]
        cookie = await client.post(
            "/j_spring_security_check", data={"j_username": valomnia["username"], "j_password": valomnia["password"]}
        )
        session = {"Cookie": cookie.headers["set-cookie"].partition(";")[0]}

        async def seen() -> list[Any]:
            query = """query($e: EmailAddress!) {
              contacts(filter: {email: {eq: $e}}) { totalCount }
              all: contacts { totalCount } accounts { totalCount } }"""
            lists = [
                await client.get(f"/api/2.1/{name}?max=100", headers=session) for name in ("contacts", "customers")
            ]
            found = await client.get("/crm/v2/Contacts/search", params={"email": EMAIL}, headers=zoho)
            listed = await client.get("/crm/v2/Accounts/search", params={"word": "Stranger"}, headers=zoho)
            asked = {"token": crmcom, "email_address": EMAIL}
            crm = await client.get("/crmapi/rest/v2/contact_information/list", params=asked)
            return [
                await admin(query, e=EMAIL),
                *["Stranger" in each.text for each in lists],
                found.status_code,
                listed.status_code,
                crm.json()["data"],
            ]

        before = await seen()
        assert before[1:] == [False, False, 204, 204, []]
        given = {"email": EMAIL, "password": PASSWORD, "lastName": "Stranger", "account": {"name": "Stranger Ltd"}}
        signup = (await nobody(SIGNUP, input=given))["signup"]
        assert (signup["viewer"], signup["userErrors"]) == (None, [])
        result(await Portal(client).send("POST", "signup", COVALENSE))
        async with app.state.core.db.read() as session_:
            for model in (Contact, Account):
                waiting = select(func.count()).where(model.deleted_at.is_not(None))
                assert await session_.scalar(waiting) == 2
        assert await seen() == before
        # What searches before it writes finds nobody, and so changes nobody.
        answer = await client.post(
            "/crm/v2/Contacts/upsert",
            json={"data": [{"Last_Name": "Office", "Email": EMAIL}], "duplicate_check_fields": ["Email"]},
            headers=zoho,
        )
        assert answer.json()["data"][0]["action"] == "insert"

        first, _second = await letters(tmp_path / "mail", 2)
        confirmed = (await nobody(CONFIRM, c=code_of(first[1])))["confirmSignup"]
        assert confirmed == {"viewer": {"email": EMAIL}, "userErrors": []}
        after = await seen()
        assert [after[1], *after[3:5]] == [True, 200, 200]
        totals = {name: after[0][name]["totalCount"] - before[0][name]["totalCount"] for name in ("all", "accounts")}
        assert totals == {"all": 2, "accounts": 1}
