"""The legacy doors of crmgraph against GraphQL documents that ask for the same content of the same records."""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from bench.cluster import Cluster
from bench.contenders import Running, graphql
from bench.load import Failed, post
from bench.measure import Rounds, Task, Writes, reading
from bench.store import CUSTOMER_EMAIL, PASSWORD, Store
from bench.works import Sample

_USER = "{ id name email }"
_ROWS = """phones { id kind raw active } emails { id kind address active }
  addresses { id kind careOf street streetNumber floor apartment area district municipality city state postalCode
    country countryName poBox poBoxPostalCode active }"""
_COMMON = f"""id number createdAt updatedAt description emailOptOut owner {_USER} createdBy {_USER} modifiedBy {_USER}
  photo {{ url fileName }} externalIds {{ dialect value }} {_ROWS}"""
_LEAD = f"""{_COMMON} salutation firstName lastName fullName company jobTitle status source rating industry
  annualRevenue employees website twitter skype approval lockedBy convertedAt"""
_CONTACT = f"""{_COMMON} salutation firstName middleName lastName nickname gender birthDate {{ day month year }}
  jobTitle department language assistant source twitter skype doNotCall smsOptOut directMarketing
  affiliateMarketing lifeCycleState category privacyLevel residenceCountry
  identityDocuments {{ idNumber idCountry passportNumber passportCountry socialSecurityNumber socialSecurityCountry }}
  preferences {{ pushNotifications doNotDisturb roaming showUsageDetails showLiveChat showWeather showFinance
    showCalendar showNews }} account {{ id name }} reportsTo {{ id }} relations {{ kind }}"""

GET_LEAD = f"query Lead($id: ID!) {{ lead(by: {{id: $id}}) {{ {_LEAD} }} }}"
UPDATE_LEAD = f"""mutation UpdateLead($lead: LeadRef!, $firstName: String!, $phone: ID!, $raw: String!) {{
  updateLead(input: {{lead: $lead, firstName: $firstName, phones: {{update: [{{id: $phone, raw: $raw}}]}}}}) {{
    lead {{ id createdAt updatedAt createdBy {_USER} modifiedBy {_USER} }} userErrors {{ code message path }} }} }}"""
SHOW_CONTACT = f"query Contact($id: ID!) {{ contact(by: {{id: $id}}) {{ {_CONTACT} }} }}"
PROFILE = f"query Profile {{ me {{ id email contact {{ {_CONTACT} }} }} }}"
LOGIN = """mutation Login($email: EmailAddress!, $password: String!) {
  login(input: {email: $email, password: $password}) {
    accessToken refreshToken expiresAt viewer { id role } userErrors { code message path } } }"""
SIGNUP = """mutation Signup($input: SignupInput!) {
  signup(input: $input) { accessToken userErrors { code message } } }"""

_GATEWAY = {
    "correlationId": "1",
    "srDate": "23-11-2026",
    "source": "portal",
    "destination": "crm",
    "operation": "read",
    "type": "numbers",
    "Content-Type": "application/json",
}


@dataclass
class Pair:
    """A legacy request and its twin."""

    name: str
    legacy: Task
    twin: Task


class Doors:
    """Who comes in through which door, with what token.

    Args:
        agent: the staff member's token at the GraphQL door.
    """

    def __init__(self, running: Running, store: Store, agent: str | None) -> None:
        self._running = running
        self._store = store
        self.agent = agent
        self.zoho = self.crmcom = self.covalense = ""
        self.customer: str | None = None

    async def open(self) -> None:
        """Sign in everywhere.

        Raises:
            Failed: a door stays shut.
        """
        client = self._store.clients["zoho"]
        form = urlencode({"grant_type": "refresh_token", **client}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        self.zoho = (await self._json(post("/oauth/v2/token", form, headers)))["access_token"]
        body = json.dumps(self._store.clients["crmcom"]).encode()
        headers = {"Content-Type": "application/json"}
        answer = await self._json(post("/crmapi/rest/v2/authentication/token", body, headers))
        self.crmcom = answer["data"]["token"]
        self.customer = await self._customer()
        answer = await self._json(self.login())
        self.covalense = answer["response"]["result"]["accessToken"]

    def login(self) -> bytes:
        """The customer's login at Covalense's door."""
        body = json.dumps({"email": CUSTOMER_EMAIL, "password": PASSWORD, "source": "portal"}).encode()
        return post("/crm/v1/login", body, _GATEWAY)

    def twin_login(self) -> bytes:
        """The customer's login at the GraphQL door."""
        return graphql(LOGIN, "Login", {"email": CUSTOMER_EMAIL, "password": PASSWORD}, None)

    async def _customer(self) -> str:
        """The customer's token, whom the first run signs up."""
        answer = await self._json(self.twin_login())
        if token := (answer["data"].get("login") or {}).get("accessToken"):
            return str(token)
        given = {
            "email": CUSTOMER_EMAIL,
            "password": PASSWORD,
            "firstName": "Ravi",
            "lastName": "Kumar",
            "phones": {"add": [{"kind": "MOBILE", "raw": "+91 98290 99490"}]},
            "addresses": {"add": [{"kind": "HOME", "street": "HSR Layout", "city": "Bengaluru", "country": "IN"}]},
            "account": {"name": "Kumar"},
        }
        answer = await self._json(graphql(SIGNUP, "Signup", {"input": given}, None))
        token = (answer["data"].get("signup") or {}).get("accessToken")
        if not token:
            raise Failed(f"nobody can sign up: {answer}")
        return str(token)

    async def _json(self, request: bytes) -> Any:
        status, body = await self._running.ask(request)
        if status not in (200, 201):
            raise Failed(f"{request[:60]!r} is answered with {status} {body[:500].decode(errors='replace')}")
        return json.loads(body)


async def pairs_of(running: Running, store: Store, sample: Sample) -> tuple[list[Pair], Pair]:
    """The pairs to compare, and that of the logins, which is measured apart: hashing takes all of its time."""
    doors = Doors(running, store, running.token)
    await doors.open()
    half = len(sample.leads) // 2
    reads, writes = sample.leads[:half], sample.leads[half:]
    wanted = ", ".join(map(str, writes))
    rows = await store.fetch(f"SELECT party_id, id FROM phone WHERE party_id IN ({wanted}) AND rank = 0")
    phones = {row[0]: row[1] for row in rows}
    zoho = {"Authorization": f"Zoho-oauthtoken {doors.zoho}"}
    covalense = {**_GATEWAY, "token": doors.covalense}

    def put_lead(turn: int, new: dict[str, str]) -> bytes:
        lead = writes[turn % len(writes)]
        body = {"data": [{"First_Name": new["firstName"], "Mobile": new["raw"]}]}
        return post(f"/crm/v2/Leads/{lead}", json.dumps(body).encode(), zoho, "PUT")

    def update_lead(turn: int, new: dict[str, str]) -> bytes:
        lead = writes[turn % len(writes)]
        variables = {"lead": {"id": f"lea_{lead}"}, "phone": f"pho_{phones[lead]}", **new}
        return graphql(UPDATE_LEAD, "UpdateLead", variables, running.token)

    def show(contact: int) -> bytes:
        query = f"token={quote(doors.crmcom)}&contact_information_identifier=id={contact:032X}"
        return post(f"/crmapi/rest/v2/contact_information/show?{query}", b"", {}, "GET")

    def legacy(requests: list[bytes]) -> Task:
        return reading(running, requests, "legacy")

    def twin(document: str, name: str, variables: list[dict[str, Any]], token: str | None) -> Task:
        return reading(running, [graphql(document, name, given, token) for given in variables], "graphql")

    return [
        Pair(
            "zoho-get-lead",
            legacy([post(f"/crm/v2/Leads/{lead}", b"", zoho, "GET") for lead in reads]),
            twin(GET_LEAD, "Lead", [{"id": f"lea_{lead}"} for lead in reads], running.token),
        ),
        Pair(
            "zoho-update-lead",
            Task(running, Writes(put_lead), writes=True, label="legacy"),
            Task(running, Writes(update_lead), writes=True, label="graphql"),
        ),
        Pair(
            "crmcom-show",
            legacy([show(contact) for contact in sample.contacts]),
            twin(SHOW_CONTACT, "Contact", [{"id": f"con_{contact}"} for contact in sample.contacts], running.token),
        ),
        Pair(
            "covalense-profile",
            legacy([post("/crm/v1/profile/contact", b"", covalense, "GET")]),
            twin(PROFILE, "Profile", [{}], doors.customer),
        ),
    ], Pair("login", legacy([doors.login()]), reading(running, [doors.twin_login()], "graphql"))


async def compare(
    running: Running,
    store: Store,
    sample: Sample,
    rounds: Rounds,
    cluster: Cluster,
    options: argparse.Namespace,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Measure every pair; how many statements each costs. The rates are in `rounds`."""
    pairs, login = await pairs_of(running, store, sample)
    for pair in [*pairs, login]:
        await _answered(pair)
    for pair in pairs:
        await rounds.warm([pair.legacy, pair.twin], 0.5)
    counted = await _statements(cluster, store, [*pairs, login])
    began = time.perf_counter()
    for turn in range(options.rounds):
        if turn >= 2 and time.perf_counter() - began > 60 * options.minutes / 3:
            break
        for pair in pairs:
            for count in options.clients:
                await rounds.round(turn, (pair.name, count), [pair.legacy, pair.twin], options.seconds)
        await cluster.tidy(store.name)
        tell(f"legacy doors, round {turn + 1} of {options.rounds}")
    for turn in range(min(options.rounds, 3)):
        await rounds.round(turn, (login.name, 1), [login.legacy, login.twin], 2.0)
    return counted


async def _answered(pair: Pair) -> None:
    """Make sure that both give an answer with something in it: each door tells its errors in its own way.

    Raises:
        Failed: one of them does not.
    """
    for task in (pair.legacy, pair.twin):
        status, body = await task.running.ask(task.following())
        answer = json.loads(body)
        data = answer.get("data")
        if task is pair.twin:
            content = next(iter(data.values())) if data else None
            well = content is not None and not answer.get("errors") and not content.get("userErrors")
        elif pair.name.startswith("zoho"):
            well = bool(data) and data[0].get("status", "success") == "success"
        elif pair.name.startswith("crmcom"):
            well = answer["status"]["code"] == "OK" and bool(data)
        else:
            well = answer["response"]["success"] == "true"
        if status != 200 or not well:
            raise Failed(f"{pair.name}: {status} {body[:500].decode(errors='replace')}")


async def _statements(cluster: Cluster, store: Store, pairs: list[Pair]) -> dict[str, Any]:
    counted: dict[str, Any] = {}
    await cluster.counting(True)
    try:
        for pair in pairs:
            counted[pair.name] = {}
            for task in (pair.legacy, pair.twin):
                await task.running.ask(task.following())
                with cluster.statements(store.name) as seen:
                    for _ in range(5):
                        await task.running.ask(task.following())
                counted[pair.name][task.name] = {"statements": len(seen) / 5, "seen": seen[-(len(seen) // 5) :]}
    finally:
        await cluster.counting(False)
    return counted
