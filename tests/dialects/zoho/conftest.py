"""A program at Zoho's door, in the demo."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from crmgraph.demo import Demo
from tests.conftest import Running
from tests.dialects.zoho.programs import served

LEAD = "738964000002148061"
OTHER = "738964000002131001"
AWAITING = "1306462000000496025"
LOCKED = "475243000003269880"
PATRICIA = {"name": "Patricia Boyle", "id": "738964000000291009"}
OWNER = PATRICIA | {"email": "patricia.boyle@crmgraph.example"}
"""The same as records name her."""


@dataclass
class Program:
    """A program that holds a token of the demo."""

    running: Running
    token: str

    async def send(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """A request below /crm/v2, as both official SDKs make it: JSON without a Content-Type."""
        headers = {"Authorization": f"Zoho-oauthtoken {self.token}"} | options.pop("headers", {})
        if body is not None:
            options["content"] = body if isinstance(body, bytes) else json.dumps(body)
        return await self.running.client.request(method, f"/crm/v2{path}", headers=headers, **options)

    async def ok(self, method: str, path: str, body: Any = None, *, status: int = 200, **options: Any) -> Any:
        """The JSON of an answer that has to have this status."""
        answer = await self.send(method, path, body, **options)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def create(self, module: str, **fields: Any) -> str:
        """The id of a new record."""
        body = await self.ok("POST", f"/{module}", {"data": [fields]}, status=201)
        made: str = body["data"][0]["details"]["id"]
        return made

    async def get(self, module: str, record: str) -> dict[str, Any]:
        """A record."""
        found: dict[str, Any] = (await self.ok("GET", f"/{module}/{record}"))["data"][0]
        return found

    async def names(self, path: str) -> list[str]:
        """The last names (or account names) in a list; none when the answer is empty."""
        answer = await self.send("GET", path)
        if answer.status_code == 204:
            assert answer.content == b""
            return []
        assert answer.status_code == 200, answer.text
        return [record.get("Last_Name") or record["Account_Name"] for record in answer.json()["data"]]


@pytest.fixture
def program(demo_database: tuple[str, Demo], tmp_path: Path) -> Iterator[dict[str, str]]:
    """What a published program is told, see `programs.served`."""
    with served(*demo_database, tmp_path) as told:
        yield told


@pytest.fixture
def zoho(demo: Running) -> Program:
    return Program(demo, demo.credentials["zoho"]["access_token"])


def row_error(code: str, message: str, **details: Any) -> dict[str, Any]:
    """An error as a row of an answer."""
    return {"code": code, "details": details, "message": message, "status": "error"}
