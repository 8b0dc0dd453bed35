"""Every example of the documents, sent to the demo: the answers are the documented ones, to the byte."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Running, serving, settings_for
from tests.dialects.valomnia.conftest import Program

HERE = Path(__file__).parent
EXCHANGES = {path.stem: json.loads(path.read_text()) for path in sorted((HERE / "exchanges").glob("*.json"))}
ROW = re.compile(r"^\| (\w+\.\w+) \| ([\w.]+) \| (ignored|photo) \| .+ \|$", re.MULTILINE)
QUIRKS = ROW.findall((HERE / "quirks.md").read_text())
ERRORS = {
    "save_failed",
    "missing_param",
    "invalid_param_type",
    "email_validation_error",
    "country_error",
    "exceeded_file_size",
    "unsupported_file_type",
    "not_found",
    "server_error",
}
ADDRESS = re.compile(r"http://test/entity1-[0-9]{58}/photoContact/[0-9]{13}_5_marie_schrader\.png")


def test_every_error_of_the_source_is_an_exchange_and_every_quirk_belongs_to_one() -> None:
    assert {name.partition(".")[2] for name in EXCHANGES if name.startswith("update.")} == {
        "success",
        "external_id",
        *ERRORS,
    }
    assert {exchange for exchange, _, _ in QUIRKS} <= set(EXCHANGES)
    table = (HERE / "quirks.md").read_text().partition("| --- |")[2].partition("\n\n")[0].splitlines()[1:]
    assert len(QUIRKS) == len(table)


@pytest.mark.parametrize("name", EXCHANGES)
async def test_a_documented_example_gets_the_documented_answer(name: str, program: Program, tmp_path: Path) -> None:
    exchange = EXCHANGES[name]
    request = exchange["request"] | _content(exchange["request"], program.running.credentials["valomnia"])
    changes, before = await program.changes(), await program.show()
    if not exchange["session"]:
        program.client.cookies.clear()
    if exchange.get("database") == "away":
        # The same application, whose database nobody serves: the discard port.
        async with serving(settings_for("postgresql://nobody@127.0.0.1:9/nothing", tmp_path)) as (client, _):
            client.cookies = program.client.cookies
            answer = await _send(client, request)
    else:
        answer = await _send(program.client, request)
    documented = exchange["response"]
    assert answer.status_code == documented["status"], answer.text
    assert {key: answer.headers[key] for key in documented["headers"]} == documented["headers"]
    expected, got = json.loads(documented["body"]), json.loads(answer.text)
    quirks = [(key, how) for exchange_name, key, how in QUIRKS if exchange_name == name]
    for key, how in quirks:
        await _settle(program.running, key, how, expected, got)
    assert _compact(got) == _compact(expected)
    if not quirks:
        assert answer.text == _compact(expected)
    if answer.status_code >= 400:
        assert (await program.changes(), await program.show()) == (changes, before)


async def test_an_update_that_changes_nothing_is_documented_and_leaves_no_trace(program: Program) -> None:
    changes = await program.changes()
    await _send(
        program.client,
        EXCHANGES["update.success"]["request"] | {"data": EXCHANGES["update.success"]["request"]["form"]},
    )
    assert await program.changes() == changes


def _content(request: dict[str, Any], known: dict[str, str]) -> dict[str, Any]:
    filled = {"{{username}}": known["username"], "{{password}}": known["password"]}
    content: dict[str, Any] = {"data": {k: filled.get(v, v) for k, v in request.get("form", {}).items()} or None}
    if file := request.get("file"):
        data = file["text"].encode() if "text" in file else bytes(file["bytes"])
        content["files"] = {"imageFile": (file["file_name"], data, file["content_type"])}
    return content


async def _send(client: httpx.AsyncClient, request: dict[str, Any]) -> httpx.Response:
    return await client.request(
        request["method"], request["path"], data=request.get("data"), files=request.get("files")
    )


async def _settle(running: Running, key: str, how: str, expected: Any, got: Any) -> None:
    """Take away what a quirk lets differ; that it differs is asserted."""
    *path, last = key.split(".")
    for step in path:
        at: Any = int(step) if step.isdecimal() else step
        expected, got = expected[at], got[at]
    assert expected[last] != got[last], f"{key} does not differ: the row is not needed"
    if how == "photo":
        assert ADDRESS.fullmatch(got[last])
        folder, _, file_name = got[last].rpartition("/")
        for size in ("", "small_", "medium_"):
            picture = await running.client.get(f"{folder}/{size}{file_name}")
            assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
    expected[last] = got[last] = None


def _compact(body: Any) -> str:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False)
