"""A request that reads and one that writes at each door, and what is answered while the database is ill."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from crmgraph.crm.models import Door, PartyKind
from crmgraph.lineage import Place
from tests.agreement.doors import Graph
from tests.agreement.world import PORTAL, World, founded
from tests.conftest import Running, serving, settings_for

DOORS = ("graphql", "covalense", "zoho", "crmcom", "valomnia")

Request = tuple[str, str, dict[str, Any]]
"""(method, path, what else httpx is given)."""


@dataclass
class Doors:
    """An application with somebody at every door.

    Attributes:
        account: the id of an account.
        number: the id of a contact.
        customer: the token of this contact at Covalense's door.
    """

    running: Running
    world: World
    account: int
    number: int
    customer: str

    async def read(self, door: str) -> httpx.Response:
        """Answer a request that reads."""
        return await self._send(self._reads()[door])

    async def write(self, door: str, name: str = "Late") -> httpx.Response:
        """Answer a request that writes this name into a new record, or at Covalense's door into the customer's own."""
        return await self._send(self._writes(name)[door])

    async def ready(self) -> tuple[int, str]:
        answer = await self.running.client.get("/health/ready")
        return answer.status_code, answer.json()["status"]

    async def _send(self, request: Request) -> httpx.Response:
        method, path, options = request
        return await self.running.client.request(method, path, **options)

    def _tokens(self) -> dict[str, dict[str, str]]:
        tokens = self.world.tokens
        return {
            "graphql": {"Authorization": f"Bearer {self.world.graph}"},
            "covalense": PORTAL | {"token": self.customer},
            "zoho": {"Authorization": f"Zoho-oauthtoken {tokens[Door.ZOHO]}"},
            "valomnia": {"Cookie": f"JSESSIONID={tokens[Door.VALOMNIA]}"},
        }

    def _reads(self) -> dict[str, Request]:
        given, tokens = self._tokens(), self.world.tokens
        query = {"query": "{ contacts { totalCount nodes { lastName } } }"}
        return {
            "graphql": ("POST", "/graphql", {"json": query, "headers": given["graphql"]}),
            "covalense": ("GET", "/crm/v1/profile/contact", {"headers": given["covalense"]}),
            "zoho": ("GET", "/crm/v2/Contacts", {"headers": given["zoho"]}),
            "crmcom": (
                "GET",
                "/crmapi/rest/v2/contact_information/show",
                {"params": {"token": tokens[Door.CRMCOM], "contact_information_identifier": f"id={self.number:032X}"}},
            ),
            "valomnia": ("GET", "/api/v1.0/contacts", {"headers": given["valomnia"]}),
        }

    def _writes(self, name: str) -> dict[str, Request]:
        given = self._tokens()
        query = f'mutation {{ createContact(input: {{lastName: "{name}"}}) {{ contact {{ id }} }} }}'
        person = {"type": "PERSON", "first_name": "A", "last_name": name, "token": self.world.tokens[Door.CRMCOM]}
        form = {"firstName": "A", "lastName": name, "customerId": str(self.account)}
        return {
            "graphql": ("POST", "/graphql", {"json": {"query": query}, "headers": given["graphql"]}),
            "covalense": (
                "PUT",
                "/crm/v1/profile/contact",
                {"json": {"LastName": name}, "headers": given["covalense"]},
            ),
            "zoho": ("POST", "/crm/v2/Contacts", {"json": {"data": [{"Last_Name": name}]}, "headers": given["zoho"]}),
            "crmcom": ("POST", "/crmapi/rest/v2/contact_information/create", {"json": person}),
            "valomnia": (
                "POST",
                "/api/v1.0/contacts",
                {"data": form, "headers": given["valomnia"]},
            ),
        }


def assert_away(door: str, answer: httpx.Response) -> None:
    """The door says, in its own words, that it cannot serve at present."""
    assert _is_away(door, answer), (door, answer.status_code, answer.text)


def assert_well(door: str, answer: httpx.Response) -> None:
    """The request was carried out."""
    assert _is_well(door, answer), (door, answer.status_code, answer.text)


def _is_away(door: str, answer: httpx.Response) -> bool:
    body = answer.json()
    match door:
        case "graphql":
            return [error["extensions"]["code"] for error in body["errors"]] in (["UNAVAILABLE"], ["TIMEOUT"])
        case "crmcom":
            return answer.status_code == 200 and body["status"]["code"].endswith("SERVICEUNAVAILABLEEXCEPTION")
    return answer.status_code == 500


def _is_well(door: str, answer: httpx.Response) -> bool:
    if answer.status_code not in (200, 201):
        return False
    body = answer.json()
    match door:
        case "graphql":
            return "errors" not in body
        case "crmcom":
            return body["data"] is not None
    return True


@asynccontextmanager
async def doors(url: str, folder: Path, **settings: Any) -> AsyncIterator[Doors]:
    """The application over this database, with somebody at every door."""
    async with serving(settings_for(url, folder, log_level="warning", **settings)) as (client, app):
        running = Running(client, app, {})
        world = await founded(running)
        graph = Graph(world, "graphql")
        account = (await graph.create(PartyKind.ACCOUNT, {Place("name"): "Firm"})).number
        number = (await graph.create(PartyKind.CONTACT, {Place("last_name"): "First"})).number
        yield Doors(running, world, account, number, await world.let_in(number, "customer@example.com"))
