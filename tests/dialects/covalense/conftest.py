"""The demo's customers at Covalense's door."""

import asyncio
import email
import email.policy
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Running

HEADERS = {
    "correlationId": "SO-101",
    "srDate": "11-09-2021",
    "source": "Selfcare",
    "destination": "CRM",
    "operation": "verifyOTP",
}
YOGESH, VENKATESH, RAVI = "elangog@gmail.com", "elango@gmail.com", "venkatesh@yopmail.com"


@dataclass
class Portal:
    """A self-care portal that speaks for the demo's customers.

    Attributes:
        passwords: {email: password}.
    """

    client: httpx.AsyncClient
    passwords: dict[str, str] = field(default_factory=dict)

    async def send(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **headers: str
    ) -> httpx.Response:
        """A request with every header that any service asks for."""
        given = {**HEADERS, "type": "numbers", "email": "something@abc.com", **headers}
        if token is not None:
            given["token"] = token
        return await self.client.request(method, f"/crm/v1/{path}", headers=given, json=body)

    async def login(self, email: str, password: str | None = None) -> str:
        """The token of this customer."""
        answer = await self.send("POST", "login", {"email": email, "password": password or self.passwords[email]})
        assert answer.status_code == 200, answer.text
        token: str = result(answer)["accessToken"]
        return token


@pytest.fixture
def portal(demo: Running) -> Portal:
    known = demo.credentials
    logins = [known["covalense"], *known["covalense_others"]]
    return Portal(demo.client, {each["email"]: each["password"] for each in logins})


def result(answer: httpx.Response) -> dict[str, Any]:
    """What the envelope of a good answer holds."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body == {"response": {"success": "true", "result": body["response"]["result"]}}
    found: dict[str, Any] = body["response"]["result"]
    return found


def client_error(status: int, code: str, message: str) -> str:
    """The body of a refusal, to the byte."""
    return (
        f'{{"response":{{"result":{{"arguments":{{"statusCode":"{status}","errorCode":"{code}",'
        f'"errorMessage":"{message}"}}}},"success":"false"}}}}'
    )


def bad_request(message: str) -> str:
    return client_error(400, "BAD_REQUEST", message)


DOWNSTREAM = (
    '{"response":{"success":"false","result":{"arguments":{"statusCode":"500","errorCode":"Downstream error",'
    '"errorMessage":"- Not Able to connect with CRM."}}}}'
)


async def mailed(folder: Path, to: str) -> str:
    """The text of the one email that was mailed, to this address."""
    files: list[Path] = []
    for _ in range(200):  # emails go out in the background
        if files := list((folder / "mail").glob("*.eml")):
            break
        await asyncio.sleep(0.01)
    (file,) = files
    message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert message["To"] == to
    text: str = message.get_content()
    return text.replace("\r\n", "\n")


def code_in(message: str) -> str:
    """The code that stands in a message."""
    found = re.search(r"^[\w-]{43}$", message, re.MULTILINE)
    assert found is not None
    return found[0]
