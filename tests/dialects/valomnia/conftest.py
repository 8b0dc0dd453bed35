"""A program that is logged in at Valomnia's door of the demo."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from crmgraph.crm.models import Change
from tests.conftest import Running

MARIE = {"firstName": "Marie", "lastName": "Schrader", "customerId": "3229"}


@dataclass
class Program:
    """A client of the demo that holds a session.

    Attributes:
        base: what stands before every path.
    """

    running: Running
    base: str = "/api/v1.0"

    @property
    def client(self) -> httpx.AsyncClient:
        return self.running.client

    async def send(self, method: str, path: str, **given: Any) -> httpx.Response:
        return await self.client.request(method, self.base + path, **given)

    async def get(self, path: str, **given: Any) -> httpx.Response:
        return await self.send("GET", path, **given)

    async def post(self, path: str, data: Any = None, **given: Any) -> httpx.Response:
        return await self.send("POST", path, data=data, **given)

    async def show(self, number: int = 5) -> dict[str, Any]:
        answer = await self.get(f"/contacts/{number}")
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def create(self, **fields: str) -> dict[str, Any]:
        answer = await self.post("/contacts", {**MARIE, **fields})
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def changes(self) -> int:
        """How many rows the change log has."""
        async with self.running.db.read() as session:
            return await session.scalar(select(func.count()).select_from(Change)) or 0


@pytest.fixture
async def program(demo: Running) -> Program:
    known = demo.credentials["valomnia"]
    answer = await demo.client.post(
        "/j_spring_security_check",
        data={"j_username": known["username"], "j_password": known["password"], "ajax": "true"},
    )
    assert answer.status_code == 302, answer.text
    return Program(demo)


def error(status: int, code: str, description: str) -> tuple[int, str, str]:
    """What `told` reads out of an answer that is this failure, to the byte."""
    return status, "application/json;charset=UTF-8", f'{{"error":"{code}","error_description":"{description}"}}'


def told(answer: httpx.Response) -> tuple[int, str, str]:
    return answer.status_code, answer.headers["content-type"], answer.text


def not_valid(name: str) -> tuple[int, str, str]:
    return error(400, "invalid_param_type", f"The type of parameter {name} you provided is not valid for this request.")


SAVE_FAILED = error(400, "save_failed", "Failed to save instance.")
MALFORMED = error(400, "malformed_request", "The body of the request could not be read.")
NO_SESSION = error(401, "unauthorized", "A valid session is required: log in at /j_spring_security_check.")
NO_RESOURCE = error(404, "not_found", "The requested resource doesn't exist.")
NO_PHOTO = error(404, "not_found", "The requested photo doesn't exist.")
SERVER_ERROR = error(500, "server_error", "Oops! Something went wrong...")
