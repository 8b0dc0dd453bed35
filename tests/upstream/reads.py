"""Reads of all four legacy APIs by the demo's programs and customers: those of the vendors' documents, and more."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from tests.upstream.conftest import DIALECTS, request

LEAD = "738964000002148061"
COVALENSE = dict.fromkeys(("correlationId", "srDate", "source", "destination", "operation"), "x")
EXCHANGES = [
    (door, json.loads(file.read_text(encoding="utf-8")))
    for door in DIALECTS
    for file in sorted((Path(__file__).parents[1] / "dialects" / door / "exchanges").glob("*.json"))
]


class Tokens:
    """The tokens of the demo's programs, given by the old CRM through whatever stands before it.

    Args:
        credentials: of the demo, as `crmgraph demo credentials --json` prints them.
    """

    def __init__(self, port: int, credentials: dict[str, Any]) -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            self.zoho: str = credentials["zoho"]["access_token"]
            given = credentials["crmcom"]
            body = {name: given[name] for name in ("username", "password", "organisation")}
            told = client.post("/crmapi/rest/v2/authentication/token", json=body).json()
            self.crmcom: str = told["data"]["token"]
            form = {
                "j_username": credentials["valomnia"]["username"],
                "j_password": credentials["valomnia"]["password"],
            }
            self.valomnia: str = client.post("/j_spring_security_check", data=form | {"ajax": "true"}).cookies[
                "JSESSIONID"
            ]
            self.covalense = {}
            for each in (credentials["covalense"], *credentials["covalense_others"]):
                told = client.post("/crm/v1/login", headers=COVALENSE | {"type": "x"}, json=each).json()
                self.covalense[each["email"]] = told["response"]["result"]["accessToken"]


def recorded(tokens: Tokens) -> Iterator[bytes]:
    """Every recorded request that reads."""
    for door, exchange in EXCHANGES:
        wanted = exchange["request"]
        if wanted["method"] != "GET":
            continue
        given = wanted.get("headers") or {}
        headers: dict[str, str] = dict(given)
        path = wanted["path"].replace("{{token}}", tokens.crmcom).replace(" ", "%20")
        if door == "valomnia":
            headers["Cookie"] = f"JSESSIONID={tokens.valomnia}"
        if headers.get("token") == "{{token}}":
            headers["token"] = tokens.covalense[exchange["as"]]
        yield request("GET", path, headers)


def further(tokens: Tokens) -> Iterator[bytes]:
    """Lists, pages, searches, photos, metadata, and what is refused."""
    zoho = {"Authorization": f"Zoho-oauthtoken {tokens.zoho}"}
    for module in ("Leads", "Contacts", "Accounts", "Notes"):
        yield request("GET", f"/crm/v2/{module}", zoho)
        yield request("GET", f"/crm/v2/{module}?page=2&per_page=3", zoho)
    for path in (
        f"Leads/{LEAD}",
        "Leads/1",
        f"Leads/{LEAD}/Notes",
        f"Leads/{LEAD}/photo",
        f"Leads/{LEAD}?fields=City,Last_Name",
        "Leads?sort_by=Last_Name&sort_order=asc&converted=both&approved=both",
        "Leads/deleted",
        "Leads/search?word=name",
        "Leads/search?criteria=(Last_Name:starts_with:L)",
        "Leads/search?criteria=((",
        "users",
        "users?type=CurrentUser",
        "org",
        "settings/modules",
        "settings/fields?module=Leads",
        "Nothing",
        "Leads/%zz",
        "",
    ):
        yield request("GET", f"/crm/v2/{path}", zoho)
    yield request("HEAD", f"/crm/v2/Leads/{LEAD}", zoho)
    yield request("GET", f"/crm/v2/Leads/{LEAD}", zoho | {"Accept-Encoding": "gzip"})
    yield request("GET", "/crm/v2/Leads", zoho | {"Accept-Encoding": "br"})
    yield request("GET", "/crm/v2/Leads")
    yield request("GET", "/crm/v2/Leads", {"Authorization": "Zoho-oauthtoken 1000.nobody"})
    show, token = "/crmapi/rest/v2/contact_information", f"token={tokens.crmcom}"
    for query in (
        f"show?{token}&contact_information_identifier=number=CON1",
        f"show?{token}&contact_information_identifier=id=00",
        f"show?{token}",
        "show?token=nobody",
        "show",
        f"list?{token}",
        f"list?{token}&email_address=nobody@example.com",
        f"profile_photo/view?{token}&contact_information_identifier=id=00",
        f"nothing?{token}",
    ):
        yield request("GET", f"{show}/{query}")
    valomnia = {"Cookie": f"JSESSIONID={tokens.valomnia}"}
    for path in (
        "/api/v1.0/contacts",
        "/api/v1.0/contacts?max=1&offset=1",
        "/api/v1.0/contacts/0",
        "/api/v1.0/customers/3229",
        "/api/v1.0/customers/reference/C0959",
        "/api/v1.0/nothing",
        "/login/ajaxSuccess",
    ):
        yield request("GET", path, valomnia)
    yield request("GET", "/api/v1.0/contacts")
    for token in tokens.covalense.values():
        yield request("GET", "/crm/v1/profile/contact", COVALENSE | {"token": token})
    yield request("GET", "/crm/v1/profile/contact", COVALENSE | {"token": "x.y.z"})
    yield request("GET", "/crm/v1/profile/contact", {})
    yield request("GET", "/crm/v1/nothing", COVALENSE)
