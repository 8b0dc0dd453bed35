"""Every example of the two documents, sent to the demo: the answers are the documented ones, to the byte."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Running, serving, settings_for
from tests.dialects.covalense.conftest import Portal

HERE = Path(__file__).parent
EXCHANGES = {path.stem: json.loads(path.read_text()) for path in sorted((HERE / "exchanges").glob("*.json"))}
ROW = re.compile(r"^\| (\w+\.\w+) \| ([\w.]+) \| (ignored|file name) \| .+ \|$", re.MULTILINE)
QUIRKS = ROW.findall((HERE / "quirks.md").read_text())
SERVICES = (
    "post_login",
    "post_signup",
    "post_signup_kyc",
    "get_profile_contact",
    "put_profile_contact",
    "post_profile_password_forgot",
    "put_profile_password_change",
    "put_profile_account",
    "put_profile_image",
)


def test_every_service_has_every_example_and_every_quirk_belongs_to_one() -> None:
    kinds = ("response", "client_error", "server_error")
    assert set(EXCHANGES) == {f"{service}.{kind}" for service in SERVICES for kind in kinds}
    assert {exchange for exchange, _, _ in QUIRKS} <= set(EXCHANGES)
    table = (HERE / "quirks.md").read_text().partition("| --- |")[2].splitlines()[1:]
    assert len(QUIRKS) == len(table)


@pytest.mark.parametrize("name", EXCHANGES)
async def test_a_documented_example_gets_the_documented_answer(
    name: str, demo: Running, portal: Portal, tmp_path: Path
) -> None:
    exchange = EXCHANGES[name]
    filled = {}
    if "as" in exchange:
        filled = {"{{token}}": await portal.login(exchange["as"]), "{{password}}": portal.passwords[exchange["as"]]}
    request = _filled(exchange["request"], filled)
    if exchange.get("database") == "away":
        # The same application, whose database nobody serves: the discard port.
        away = settings_for("postgresql://nobody@127.0.0.1:9/nothing", tmp_path)
        async with serving(away) as (client, _):
            answer = await _send(client, request)
    else:
        answer = await _send(demo.client, request)
    documented = exchange["response"]
    assert answer.status_code == documented["status"]
    assert {key: answer.headers[key] for key in documented["headers"]} == documented["headers"]
    expected, got = json.loads(documented["body"]), json.loads(answer.text)
    for exchange_name, key, how in QUIRKS:
        if exchange_name == name:
            _settle(key, how, expected["response"]["result"], got["response"]["result"])
    assert _compact(got) == _compact(expected)
    if not any(exchange_name == name for exchange_name, _, _ in QUIRKS):
        assert answer.text == _compact(expected)


async def _send(client: httpx.AsyncClient, request: dict[str, Any]) -> httpx.Response:
    return await client.request(
        request["method"], request["path"], headers=request["headers"], json=request.get("body")
    )


def _filled(value: Any, given: dict[str, str]) -> Any:
    match value:
        case dict():
            return {key: _filled(each, given) for key, each in value.items()}
        case list():
            return [_filled(each, given) for each in value]
    return given.get(value, value)


def _settle(key: str, how: str, expected: dict[str, Any], got: dict[str, Any]) -> None:
    """Take away what a quirk lets differ; that it differs is asserted."""
    *path, last = key.split(".")
    for step in path:
        expected, got = expected[step], got[step]
    assert type(expected[last]) is type(got[last])
    assert expected[last] != got[last], f"{key} does not differ: the row is not needed"
    if how == "file name":
        assert expected[last].rpartition("/")[2] == got[last].rpartition("/")[2]
    expected[last] = got[last] = None


def _compact(body: Any) -> str:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False)
