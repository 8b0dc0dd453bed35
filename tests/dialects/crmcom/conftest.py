"""A program that is logged in at CRM.COM's door of the demo."""

from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import func, select

from crmgraph.crm.models import Change
from tests.conftest import Running

PREFIX = "/crmapi/rest/v2/"
LOUIS = "1F1D2D0DFD164BFA801BE87CA9E33915"
MARIA = "0514658236551391DE14490617FA49CA"
ELLEN = "3459F30F71E7477495DF3AA3D278CC7D"
KOZIORS = "5B1E5A7D3D1F41E159C58870367D1A76"
JOANNA = {"type": "PERSON", "first_name": "Joanna", "last_name": "Adams"}
ACME = {"type": "COMPANY", "company_name": "Acme"}


def code(area: str, name: str) -> str:
    return f"COM.CRM.EXCEPTION.{area}.{name}EXCEPTION"


@dataclass
class Program:
    """A client of the demo that holds a token."""

    running: Running
    token: str

    @property
    def client(self) -> httpx.AsyncClient:
        return self.running.client

    async def get(self, method: str, **parameters: Any) -> dict[str, Any]:
        return answer_of(await self.client.get(PREFIX + method, params={"token": self.token, **parameters}))

    async def post(self, method: str, **body: Any) -> dict[str, Any]:
        content = orjson.dumps({"token": self.token, **body})
        return answer_of(await self.client.post(PREFIX + method, content=content))

    async def show(self, record: str, *fields: str) -> dict[str, Any]:
        """A record by its id, or its identifier."""
        identifier = record if "=" in record else f"id={record}"
        more = {"fields_set": ",".join(fields)} if fields else {}
        answer = await self.get("contact_information/show", contact_information_identifier=identifier, **more)
        return done(answer)

    async def create(self, **body: Any) -> dict[str, Any]:
        return done(await self.post("contact_information/create", **body))

    async def update(self, record: str, **body: Any) -> dict[str, Any]:
        return await self.post("contact_information/update", contact_information_identifier={"id": record}, **body)

    async def changed(self, record: str, **body: Any) -> dict[str, Any]:
        return done(await self.update(record, **body))

    async def changes(self) -> int:
        """How many rows the change log has."""
        async with self.running.db.read() as session:
            return await session.scalar(select(func.count()).select_from(Change)) or 0


def answer_of(response: httpx.Response) -> dict[str, Any]:
    """The body of an answer, which is always a status object with HTTP 200."""
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json;charset=UTF-8"
    assert response.headers["cache-control"] == "no-store"
    body: dict[str, Any] = response.json()
    assert body.keys() == {"status", "data"}
    assert body["status"].keys() == {"message", "description", "code"}
    return body


def done(answer: dict[str, Any]) -> Any:
    assert answer["status"]["code"] == "OK", answer
    return answer["data"]


def refused(answer: dict[str, Any]) -> tuple[str, str]:
    """The code and message of an answer that carried nothing out."""
    assert answer["data"] is None
    return answer["status"]["code"], answer["status"]["message"]


@pytest.fixture
async def program(demo: Running) -> Program:
    answer = await demo.client.post(PREFIX + "authentication/token", json=demo.credentials["crmcom"])
    return Program(demo, done(answer_of(answer))["token"])
