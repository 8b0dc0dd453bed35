"""What stands before the dialects: what goes wrong is answered in the words of the door, and logged in one wording."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from crmgraph.dialects import valomnia
from crmgraph.rest import mounts
from tests.conftest import Running, serving, settings_for

COVALENSE = dict.fromkeys(("correlationId", "srDate", "source", "destination", "operation", "type"), "x")
LOGINS: dict[str, tuple[str, dict[str, str], bytes]] = {
    "covalense": ("/crm/v1/login", COVALENSE, b'{"email":"a@example.com","password":"secret"}'),
    "zoho": ("/oauth/v2/token", {}, b"grant_type=refresh_token&client_id=a&client_secret=secret&refresh_token=c"),
    "crmcom": (
        "/crmapi/rest/v2/authentication/token",
        {},
        b'{"username":"a","password":"secret","organisation":"c"}',
    ),
    "valomnia": ("/j_spring_security_check", {}, b"j_username=a&j_password=secret"),
}
"""{door: the path, headers and body of a login}."""
FAILED = {
    "covalense": (500, {"Downstream error"}),
    "zoho": (500, {"INTERNAL_ERROR"}),
    "crmcom": (200, {"SERVICEUNAVAILABLEEXCEPTION", "UNEXPECTEDEXCEPTION"}),
    "valomnia": (500, {"server_error"}),
}
"""{door: the status of a fault of ours, and the words for it, one of which is told}."""
doors = pytest.mark.parametrize("door", LOGINS)


async def faults_of(database: str, folder: Path, door: str, **changes: Any) -> tuple[str, list[dict[str, Any]]]:
    """The answer to a login at a door of this database, and what was logged of it besides the request."""
    path, headers, body = LOGINS[door]
    form = {"content-type": "application/x-www-form-urlencoded"} if not body.startswith(b"{") else {}
    # The jobs of the background would meet the same fault, and log it when they come to it.
    async with serving(settings_for(database, folder, run_jobs=False, **changes)) as (client, _):
        with capture_logs() as logs:
            answer = await client.post(path, headers=headers | form, content=body)
    status, words = FAILED[door]
    assert answer.status_code == status
    (told,) = [word for word in words if word in answer.text]
    assert "secret" not in repr(logs)
    return told, [dict(entry) for entry in logs if entry["event"] != "request"]


@doors
async def test_a_database_that_is_away_is_one_warning(tmp_path: Path, door: str) -> None:
    told, logged = await faults_of("postgresql://nobody@127.0.0.1:9/nothing", tmp_path, door)
    assert told != "UNEXPECTEDEXCEPTION"
    assert [(each["event"], each["log_level"], each["door"]) for each in logged] == [
        ("the database is away", "warning", door)
    ]


@doors
async def test_a_request_has_a_deadline(database: str, tmp_path: Path, door: str) -> None:
    told, logged = await faults_of(database, tmp_path, door, request_seconds=1e-6)
    assert told != "UNEXPECTEDEXCEPTION"
    assert [(each["event"], each["door"], each["reason"]) for each in logged] == [
        ("the database is away", door, "too slow")
    ]


@doors
async def test_a_fault_of_ours_is_one_error_with_its_trace(tmp_path: Path, door: str) -> None:
    told, logged = await faults_of(f"sqlite:///{tmp_path / 'without_tables.db'}", tmp_path, door)
    assert told != "SERVICEUNAVAILABLEEXCEPTION"
    assert [(each["event"], each["log_level"], each["door"], each["exc_info"]) for each in logged] == [
        ("unexpected fault", "error", door, True)
    ]


@doors
async def test_a_client_that_goes_away_is_no_fault(database: str, tmp_path: Path, door: str) -> None:
    path, headers, body = LOGINS[door]
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        messages = [{"type": "http.request", "body": body, "more_body": True}, {"type": "http.disconnect"}]
        asked.append(door)
        return messages[min(len(asked), 2) - 1]

    async def send(message: Any) -> None:
        sent.append(message)

    asked: list[str] = []
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [
            (name.lower().encode(), value.encode())
            for name, value in {**headers, "content-type": "application/x-www-form-urlencoded"}.items()
        ],
        "client": ("192.0.2.1", 1),
        "server": ("test", 80),
        "scheme": "http",
        "http_version": "1.1",
        "root_path": "",
    }
    async with serving(settings_for(database, tmp_path)) as (_, app):
        with capture_logs() as logs:
            await app(scope, receive, send)
    assert len(asked) == 2
    assert sent[0]["status"] == 400
    assert [each["event"] for each in logs] == ["request"]


def test_an_operation_that_another_row_hides_is_told_at_the_start(running: Running) -> None:
    show = next(each for each in valomnia.API.operations if each.path.endswith("/customers/{id}"))
    count = replace(show, path="/api/{version}/customers/count")
    for rows, hidden, above in (
        ((show, count), count, show),
        (
            (show, replace(show, path="/api/{v}/customers/{number}")),
            replace(show, path="/api/{v}/customers/{number}"),
            show,
        ),
        ((show, show), show, show),
    ):
        told = f"valomnia: GET {hidden.path} is never reached, since {above.path} matches it too: put"
        with pytest.raises(ValueError, match=f"^{re.escape(told)} its row above that one$"):
            mounts(running.core, replace(valomnia.API, operations=rows))
    mounts(running.core, replace(valomnia.API, operations=(count, show, replace(show, method="POST"))))
