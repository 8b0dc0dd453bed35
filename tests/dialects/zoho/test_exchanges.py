"""Every example of the document, sent to the demo: the answers are the documented ones, to the byte."""

import json
import re
from pathlib import Path

import pytest

from tests.conftest import Running

HERE = Path(__file__).parent
EXCHANGES = {path.stem: json.loads(path.read_text()) for path in sorted((HERE / "exchanges").glob("*.json"))}
ROW = re.compile(r"^\| (\S+) \| ([\w-]+) \| .+ \|$", re.MULTILINE)
QUIRKS = [row for row in ROW.findall((HERE / "quirks.md").read_text()) if row[0] not in ("exchange", "---")]
OF_THE_SERVER = {"date", "connection"}
OURS = {"x-request-id"}


def test_all_eight_errors_and_both_successes_are_there_and_every_quirk_belongs_to_one() -> None:
    assert set(EXCHANGES) == {
        "success",
        "success_with_owner",
        "invalid_module",
        "invalid_data",
        "mandatory_not_found",
        "invalid_request_method",
        "duplicate_data",
        "oauth_scope_mismatch",
        "not_approved",
        "record_locked",
    }
    assert {exchange for exchange, _ in QUIRKS} - {"*"} <= set(EXCHANGES)
    assert len(QUIRKS) == 5


@pytest.mark.parametrize("name", EXCHANGES)
async def test_a_documented_example_gets_the_documented_answer(name: str, demo: Running) -> None:
    exchange = EXCHANGES[name]
    request, documented = exchange["request"], exchange["response"]
    credentials = demo.credentials["zoho"]
    token = credentials["unscoped_token" if name == "oauth_scope_mismatch" else "access_token"]
    filled = {"{{authorization-token}}": f"Zoho-oauthtoken {token}", "Bearer {{access-token}}": f"Bearer {token}"}
    answer = await demo.client.request(
        request["method"],
        request["path"],
        headers=[(key, filled.get(value, value)) for key, value in request["headers"]],
        content=request["body"].replace("{{user-id}}", "738964000000291009"),
    )
    printed = json.loads(documented["body"])
    whole = b"" if "data" in printed else b"\n"
    assert answer.content == json.dumps(printed, separators=(",", ":")).encode() + whole
    assert answer.status_code == documented["status"]

    expected = {key.lower(): value for key, value in documented["headers"] if key.lower() not in OF_THE_SERVER}
    got = {key: value for key, value in answer.headers.items() if key not in OURS}
    for exchange_name, header in QUIRKS:
        key = header.lower()
        if exchange_name == name or (exchange_name == "*" and key in expected):
            assert got.pop(key) != expected.pop(key), f"{header} does not differ: the row is not needed"
    assert got == expected


async def test_chilkats_flow_reads_every_value_that_it_asks_for(demo: Running) -> None:
    """The sample program: it sends the record, checks the status, and reads the answer key by key."""
    request = EXCHANGES["success_with_owner"]["request"]
    token = demo.credentials["zoho"]["access_token"]
    answer = await demo.client.put(
        request["path"],
        content=request["body"].replace("{{user-id}}", "738964000000291009").encode(),
        headers={"Authorization": token, "Content-Type": "application/json"},
    )
    assert answer.status_code < 400
    for row in answer.json()["data"]:
        details = row["details"]
        read = [row["code"], details["Modified_Time"], details["Modified_By"]["name"], details["Modified_By"]["id"]]
        read += [details["Created_Time"], details["id"], details["Created_By"]["name"], details["Created_By"]["id"]]
        assert [*read, row["message"], row["status"]] == [
            "SUCCESS",
            "2021-05-11T12:52:29+00:00",
            "Patricia Boyle",
            "738964000000291009",
            "2021-05-11T12:41:33+00:00",
            "738964000002148061",
            "Patricia Boyle",
            "738964000000291009",
            "record updated",
            "success",
        ]
