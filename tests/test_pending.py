"""Signups that wait for their confirmation: no door shows, counts, finds or changes their records until then."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, inspect, select

from crmgraph.crm.models import Account, Contact, Credential
from tests.conftest import serving, settings_for
from tests.dialects.covalense.conftest import Portal, bad_request, result
from tests.graph.conftest import LOGIN, SIGNUP, Caller
from tests.graph.test_sessions import code_of, emails_in

EMAIL = "waiting.stranger@example.com"
PASSWORD = "tiger on a bicycle"
CONFIRM = "mutation($c: String!) { confirmSignup(input: {code: $c}) { viewer { email } userErrors { code } } }"
COVALENSE: dict[str, Any] = {
    "AcctInfo": {"Platform": "Postpaid", "LastName": "Stranger", "EmailAddress": EMAIL, "CompanyName": "Stranger Ltd"},
    "AddressInfo": {"City": "Bengaluru"},
    "Password": PASSWORD,
}


CREATE = "mutation($i: CreateContactInput!) { createContact(input: $i) { userErrors { code } } }"
BY_EMAIL = """query($e: EmailAddress!) { contacts(filter: {email: {eq: $e}}) {
  nodes { lastName emails { address verified } } } }"""
FORGOT = "mutation($e: EmailAddress!) { requestPasswordReset(input: {email: $e}) { userErrors { code } } }"
RESET = "mutation($i: ResetPasswordInput!) { resetPassword(input: $i) { userErrors { code } } }"


@dataclass(frozen=True)
class Seen:
    """What is seen of somebody: totals of lists in GraphQL, and what the other APIs tell."""

    counts: dict[str, Any]
    told: list[Any]


@dataclass(frozen=True)
class Onlooker:
    """Somebody with the rights of staff at every door, who looks for an email and for the word Stranger."""

    client: httpx.AsyncClient
    email: str
    staff: Caller
    zoho: dict[str, str]
    crmcom: str
    valomnia: dict[str, str]

    async def __call__(self) -> Seen:
        query = """query($e: EmailAddress!) {
          contacts(filter: {email: {eq: $e}}) { totalCount }
          all: contacts { totalCount } accounts { totalCount } }"""
        get = self.client.get
        listing = await get("/api/2.1/contacts?max=100", headers=self.valomnia)
        found = await get("/crm/v2/Contacts/search", params={"email": self.email}, headers=self.zoho)
        listed = await get("/crm/v2/Accounts/search", params={"word": "Stranger"}, headers=self.zoho)
        gone = [await get(f"/crm/v2/{name}/deleted", headers=self.zoho) for name in ("Contacts", "Accounts")]
        asked = {"token": self.crmcom, "email_address": self.email}
        crm = await get("/crmapi/rest/v2/contact_information/list", params=asked)
        return Seen(
            await self.staff(query, e=self.email),
            [
                "Stranger" in listing.text,
                found.status_code,
                listed.status_code,
                crm.json()["data"],
                any("Stranger" in each.text for each in gone),
            ],
        )


async def onlooker(client: httpx.AsyncClient, own: dict[str, Any], email: str = EMAIL) -> Onlooker:
    """Signed in at every door with the credentials of the demo."""
    login = await Caller(client)(LOGIN, i={name: own["staff"][name] for name in ("email", "password")})
    given = {name: own["zoho"][name] for name in ("client_id", "client_secret", "refresh_token")}
    token = await client.post("/oauth/v2/token", data={"grant_type": "refresh_token", **given})
    crmcom = await client.post("/crmapi/rest/v2/authentication/token", json=own["crmcom"])
    names = {"j_username": own["valomnia"]["username"], "j_password": own["valomnia"]["password"]}
    cookie = await client.post("/j_spring_security_check", data=names)
    return Onlooker(
        client,
        email,
        Caller(client, login["login"]["accessToken"]),
        {"Authorization": f"Zoho-oauthtoken {token.json()['access_token']}"},
        crmcom.json()["data"]["token"],
        {"Cookie": cookie.headers["set-cookie"].partition(";")[0]},
    )


async def kept(app: Any) -> dict[tuple[str, int], Any]:
    """{(kind, id): every column} of all contacts, accounts and logins that are stored."""
    async with app.state.core.db.read() as session:
        return {
            (model.__name__, row.id): tuple(getattr(row, column.key) for column in inspect(model).columns)
            for model in (Contact, Account, Credential)
            for row in await session.scalars(select(model))
        }


async def test_nobody_meets_a_signup_that_waits_at_any_door(demo_database: tuple[str, Any], tmp_path: Path) -> None:
    url, known = demo_database
    async with serving(settings_for(url, tmp_path, signup_confirm=True)) as (client, app):
        nobody = Caller(client)
        seen = await onlooker(client, known.credentials)

        before = await seen()
        assert before.told == [False, 204, 204, [], False]
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
            headers=seen.zoho,
        )
        assert answer.json()["data"][0]["action"] == "insert"

        first, _second = await emails_in(tmp_path / "mail", 2)
        confirmed = (await nobody(CONFIRM, c=code_of(first[1])))["confirmSignup"]
        assert confirmed == {"viewer": {"email": EMAIL}, "userErrors": []}
        after = await seen()
        assert after.told[:3] == [True, 200, 200]
        totals = {name: after.counts[name]["totalCount"] - before.counts[name]["totalCount"] for name in after.counts}
        assert totals == {"contacts": 2, "all": 2, "accounts": 1}


@pytest.mark.parametrize("password", [PASSWORD, None], ids=["with a password", "without a password"])
@pytest.mark.parametrize("whose", ["nobody's", "a contact's", "a customer's", "the staff's"])
async def test_a_covalense_signup_waits_for_the_owner_of_its_email_whoever_that_is(
    demo_database: tuple[str, Any], tmp_path: Path, whose: str, password: str | None
) -> None:
    url, known = demo_database
    async with serving(settings_for(url, tmp_path, signup_confirm=True)) as (client, app):
        own = known.credentials
        email = {"a customer's": own["covalense"]["email"], "the staff's": own["staff"]["email"]}.get(whose, EMAIL)
        seen = await onlooker(client, own, email)
        if whose == "a contact's":
            made = await seen.staff(
                CREATE, i={"lastName": "Imported", "emails": {"add": [{"kind": "PERSONAL", "address": email}]}}
            )
            assert made["createContact"]["userErrors"] == []
        before, records, portal = await seen(), await kept(app), Portal(client)
        acct = COVALENSE["AcctInfo"] | {"EmailAddress": email.upper()}
        answer = result(await portal.send("POST", "signup", COVALENSE | {"AcctInfo": acct, "Password": password}))
        assert answer == {"salesOrder": {"salesorder_no": "SO1"}}
        assert await seen() == before
        if whose == "nobody's":
            # What looks for the email before it writes finds nobody either, and makes a contact of its own.
            data = [{"Last_Name": "Twin", "Email": email, "Company": "T"}]
            answer = await client.post("/crm/v2/Leads", json={"data": data}, headers=seen.zoho)
            lead = answer.json()["data"][0]["details"]["id"]
            answer = await client.post(f"/crm/v2/Leads/{lead}/actions/convert", json={"data": [{}]}, headers=seen.zoho)
            assert answer.status_code == 200, answer.text
            before = await seen()

        ((_, message),) = await emails_in(tmp_path / "mail", 1)
        assert ("There is a login for it already" in message) == (whose in ("a customer's", "the staff's"))
        code = code_of(message)
        confirmed = (await Caller(client)(CONFIRM, c=code))["confirmSignup"]
        lets_in = password is not None and whose in ("nobody's", "a contact's")
        assert confirmed == {"viewer": {"email": email.upper()} if lets_in else None, "userErrors": []}
        after = await seen()
        totals = {name: after.counts[name]["totalCount"] - before.counts[name]["totalCount"] for name in after.counts}
        assert totals == {"contacts": 1, "all": 1, "accounts": 1}
        assert after.told[:3] == [True, 200, 200]
        (contact,) = [
            c for c in (await seen.staff(BY_EMAIL, e=email))["contacts"]["nodes"] if c["lastName"] == "Stranger"
        ]
        assert contact["emails"] == [{"address": email.upper(), "verified": True}]
        # What was there is as it was, its login too, and the code is spent.
        assert {each: row for each, row in (await kept(app)).items() if each in records} == records
        assert (await Caller(client)(CONFIRM, c=code))["confirmSignup"]["userErrors"] == [{"code": "UNAUTHENTICATED"}]
        assert await portal.login(own["covalense"]["email"], own["covalense"]["password"])
        if whose == "a contact's" and not lets_in:
            # The imported person comes in for the first time all the same.
            assert (await Caller(client)(FORGOT, e=email))["requestPasswordReset"]["userErrors"] == []
            *_, (_, message) = await emails_in(tmp_path / "mail", 2)
            reset = {"code": code_of(message), "newPassword": "an altogether new one"}
            assert (await Caller(client)(RESET, i=reset))["resetPassword"]["userErrors"] == []
            imported = await Caller(client).login(email, "an altogether new one")
            assert (await imported("{ me { contact { lastName } } }"))["me"]["contact"]["lastName"] == "Imported"


async def test_of_two_covalense_signups_for_one_email_both_orders_are_shown_and_the_first_code_lets_in(
    demo_database: tuple[str, Any], tmp_path: Path
) -> None:
    url, known = demo_database
    async with serving(settings_for(url, tmp_path, signup_confirm=True)) as (client, _):
        seen = await onlooker(client, known.credentials)
        before, portal, nobody = await seen(), Portal(client), Caller(client)
        for n in range(2):
            result(await portal.send("POST", "signup", COVALENSE | {"Password": f"{PASSWORD} {n}"}))
        codes = [code_of(message) for _, message in await emails_in(tmp_path / "mail", 2)]
        first, second = [(await nobody(CONFIRM, c=code))["confirmSignup"] for code in codes]
        assert first == {"viewer": {"email": EMAIL}, "userErrors": []}
        assert second == {"viewer": None, "userErrors": []}
        after = await seen()
        totals = {name: after.counts[name]["totalCount"] - before.counts[name]["totalCount"] for name in after.counts}
        assert totals == {"contacts": 2, "all": 2, "accounts": 2}
        # The email is the first one's, and no code is good twice.
        assert await portal.login(EMAIL, f"{PASSWORD} 0")
        given = {"email": EMAIL, "password": f"{PASSWORD} 1"}
        assert (await nobody(LOGIN, i=given))["login"]["userErrors"] == [{"code": "UNAUTHENTICATED"}]
        for code in codes:
            spent = (await nobody(CONFIRM, c=code))["confirmSignup"]
            assert spent == {"viewer": None, "userErrors": [{"code": "UNAUTHENTICATED"}]}


async def test_a_covalense_signup_without_an_email_waits_for_nobody(
    demo_database: tuple[str, Any], tmp_path: Path
) -> None:
    url, known = demo_database
    async with serving(settings_for(url, tmp_path, signup_confirm=True)) as (client, _):
        seen = await onlooker(client, known.credentials)
        before = await seen()
        acct = {name: value for name, value in COVALENSE["AcctInfo"].items() if name != "EmailAddress"}
        result(await Portal(client).send("POST", "signup", COVALENSE | {"AcctInfo": acct}))
        after = await seen()
        totals = {name: after.counts[name]["totalCount"] - before.counts[name]["totalCount"] for name in after.counts}
        assert totals == {"contacts": 0, "all": 1, "accounts": 1}
        assert await emails_in(tmp_path / "mail", 0) == []


async def test_without_mail_a_covalense_signup_that_would_wait_for_ever_is_refused(
    demo_database: tuple[str, Any], tmp_path: Path
) -> None:
    settings = settings_for(demo_database[0], tmp_path, signup_confirm=True, mail_url="")
    async with serving(settings) as (client, app):
        records = await kept(app)
        answer = await Portal(client).send("POST", "signup", COVALENSE | {"Password": None})
        assert answer.text == bad_request("This needs an email to be sent, and the service sends none.")
        assert await kept(app) == records
