"""The requests that a dialect's document shows, as they are sent to the demo."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import quote

import httpx
from PIL import Image

from tests.conftest import Running
from tests.fuzz.keys import Keys, keys_of

SECRET = {"token", "accessToken", "access_token", "refresh_token", "Set-Cookie"}
"""Keys whose values no document shows."""


@dataclass(frozen=True)
class Example:
    """One operation of a document, with the request that it shows."""

    method: str
    path: str
    operation: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


def examples(document: Mapping[str, Any]) -> Iterator[Example]:
    """All operations, in the order of the document."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield Example(method.upper(), path, operation)


def basic(key: str) -> dict[str, str]:
    """The header of a Web API key of CRM.COM's."""
    return {"Authorization": f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}"}


def picture() -> bytes:
    stream = BytesIO()
    Image.new("RGB", (40, 40), "red").save(stream, "PNG")
    return stream.getvalue()


async def secrets_of(demo: Running, door: str) -> tuple[Keys, dict[str, str]]:
    """What opens a door, and {word in an example: what stands for it}."""
    keys, known = await keys_of(demo), demo.credentials
    contact = await demo.client.get("/api/v1.0/contacts/5", headers=keys.headers("valomnia"))
    folder, _, rest = contact.json()["photo"].removeprefix("http://test/").partition("/")
    found = {
        "PASSWORD": known[door].get("password", ""),
        "TOKEN": keys.crmcom,
        "CLIENT_ID": known["zoho"]["client_id"],
        "CLIENT_SECRET": known["zoho"]["client_secret"],
        "ACCESS_TOKEN": keys.zoho,
        "REFRESH_TOKEN": known["zoho"]["refresh_token"],
        "PHOTO_FOLDER": folder,
        "PHOTO_FILE": rest.partition("/")[2],
    }
    return keys, found


def filled(value: Any, words: Mapping[str, str]) -> Any:
    """An example with the demo's own secrets in the places of the words that stand for them."""
    if isinstance(value, dict):
        return {name: filled(inner, words) for name, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, words) for inner in value]
    return words.get(value, value) if isinstance(value, str) else value


async def sent(demo: Running, door: str, example: Example, keys: Keys, words: Mapping[str, str]) -> httpx.Response:
    """The answer of the demo to the request that an operation shows."""
    path, headers, query = example.path, dict[str, str](), dict[str, str]()
    security = example.operation.get("security", [{"token": []}] if door == "zoho" else [])
    if security == [{"web_api_key": []}]:
        headers |= basic(demo.credentials["crmcom"]["web_api_key"])
    elif security:
        headers |= {"token": keys.covalense} if door == "covalense" else keys.headers(door)
        query |= {"token": keys.crmcom} if door == "crmcom" else {}
    for parameter in example.operation.get("parameters", ()):
        if "example" in parameter:
            value = str(filled(parameter["example"], words))
            match parameter["in"]:
                case "path":
                    path = path.replace(f"{{{parameter['name']}}}", quote(value, safe=""))
                case "query":
                    query[parameter["name"]] = value
                case "header":
                    headers[parameter["name"]] = value
        else:
            assert not parameter.get("required"), (example.name, parameter["name"])
    assert "{" not in path, example.name
    content: dict[str, Any] = {}
    kinds = example.operation.get("requestBody", {}).get("content", {})
    for kind, media in kinds.items():
        body = filled(media.get("example", {}), words)
        if kind == "application/json":
            content = {"json": body}
        elif kind == "application/x-www-form-urlencoded":
            content = {"data": body}
        else:
            content = {"data": body, "files": {"file": ("me.png", picture(), "image/png")}}
        break
    return await demo.client.request(example.method, path, headers=headers, params=query, **content)


def shown(value: Any) -> Any:
    """An answer as a document may show it: without secrets, and of a list the first two."""
    if isinstance(value, dict):
        return {n: "..." if n in SECRET and isinstance(v, str) else shown(v) for n, v in value.items()}
    return [shown(inner) for inner in value[:2]] if isinstance(value, list) else value


def shape(value: Any) -> Any:
    """What of an answer does not change from day to day: its keys, in their order, and the kinds of its values."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return type(value).__name__


def body_of(answer: httpx.Response) -> Any:
    """The JSON of an answer; None where it has none."""
    return json.loads(answer.content) if "json" in answer.headers.get("content-type", "") and answer.content else None
