"""Every example of the document, sent to the demo: the answers are the documented ones, to the byte."""

import base64
import copy
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import statements
from tests.dialects.crmcom.conftest import ELLEN, KOZIORS, LOUIS, MARIA, Program

HERE = Path(__file__).parent
EXCHANGES = {path.stem: json.loads(path.read_text()) for path in sorted((HERE / "exchanges").glob("*.json"))}
TABLE = (HERE / "quirks.md").read_text()
QUIRKS = re.findall(r"^\| ([\w.]+) \| ([\w.]+) \| (ignored|order) \| .+ \|$", TABLE, re.MULTILINE)


def test_every_row_of_the_quirks_belongs_to_an_exchange() -> None:
    assert {exchange for exchange, _, _ in QUIRKS} <= set(EXCHANGES)
    assert len(QUIRKS) == len(TABLE.partition("| --- |")[2].splitlines()) - 1


@pytest.mark.parametrize("name", EXCHANGES)
async def test_a_documented_example_gets_the_documented_answer(name: str, program: Program) -> None:
    request, expected = EXCHANGES[name]["request"], copy.deepcopy(EXCHANGES[name]["response"])
    response = await _send(program, request)
    assert response.status_code == 200
    got = response.json()
    for exchange, key, how in QUIRKS:
        if exchange == name:
            _settle(key, how, expected, got)
    assert json.dumps(got, indent=1) == json.dumps(expected, indent=1)


async def _send(program: Program, request: dict[str, Any]) -> httpx.Response:
    known = program.running.credentials["crmcom"] | {"token": program.token}

    def filled(text: str) -> str:
        text = text.replace("{{web_api_key:}}", base64.b64encode(f"{known['web_api_key']}:".encode()).decode())
        return re.sub(r"\{\{(\w+)\}\}", lambda found: str(known[found[1]]), text)

    headers = {name: filled(value) for name, value in request.get("headers", {}).items()}
    body = filled(request.get("body", "")).encode()
    return await program.client.request(request["method"], filled(request["path"]), content=body, headers=headers)


def _settle(key: str, how: str, expected: Any, got: Any) -> None:
    """Take away what a quirk lets differ; that it differs is asserted."""
    *path, last = key.split(".")
    for step in path:
        at: Any = int(step) if step.isdecimal() else step
        expected, got = expected[at], got[at]
    assert json.dumps(expected[last]) != json.dumps(got[last]), f"{key} does not differ: the row is not needed"
    if how == "order":
        assert got[last] == expected[last]
    expected[last] = got[last] = None


STATEMENTS = {
    "authentication.web_api_key": 3,
    # Its record stands in relations, which only Python prints: a statement more, see `Printed.unprinted`.
    "show": 3,
    "list": 5,
    "create.1": 15,
    "create.2": 15,
    "create.3": 13,
    "update": 16,
    "photo.view": 5,
    "photo.remove": 9,
}
"""What each example costs, who asks and what they may do included."""
AT_ONCE = {"create.1": 7, "create.2": 7, "create.3": 6, "update": 8}
"""Where one statement can write a record with its rows and the line of the log."""


async def test_the_examples_cost_so_many_statements(program: Program) -> None:
    cost = {}
    for name in STATEMENTS:
        with statements(program.running.db) as seen:
            await _send(program, EXCHANGES[name]["request"])
        cost[name] = len(seen)
    assert cost == STATEMENTS | ({} if program.running.db.is_sqlite else AT_ONCE)


async def test_a_contact_without_relations_is_read_and_printed_by_one_statement(program: Program) -> None:
    person = (await program.create(type="PERSON", first_name="Ann", last_name="Plain"))["id"]
    await program.show(person)
    with statements(program.running.db) as seen:
        await program.show(person)
    assert len(seen) == 1


async def test_the_answers_have_as_many_keys_as_the_documented_ones(program: Program) -> None:
    rows = await program.get("contact_information/list", id_number="154209")
    for record in (LOUIS, MARIA, ELLEN, KOZIORS):
        assert len(await program.show(record)) == 54
        assert len(await program.changed(record)) == 54
    assert [len(row) for row in rows["data"]] == [52, 52]
    assert len(await program.create(type="COMPANY", company_name="Acme")) == 11
