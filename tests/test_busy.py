"""Above its limit a worker says so at every door in the door's own words, and still tells that it lives."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
import structlog

from crmgraph.http.admission import Places, Waiting
from tests.conftest import serving, settings_for


class Held:
    """A request whose body does not come to its end, until it is let go."""

    def __init__(self, app: Any) -> None:
        self._end = asyncio.Event()
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/graphql",
            "raw_path": b"/graphql",
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
            "client": ("192.0.2.1", 1),
            "server": ("test", 80),
            "scheme": "http",
            "http_version": "1.1",
            "root_path": "",
        }
        self._task = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self._end.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        pass

    async def go(self) -> None:
        self._end.set()
        await self._task


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (
            "/graphql",
            {
                "errors": [
                    {
                        "message": "Too many requests are in hand: try again in a moment.",
                        "extensions": {"code": "UNAVAILABLE"},
                    }
                ]
            },
        ),
        (
            "/crm/v1/login",
            {
                "response": {
                    "success": "false",
                    "result": {
                        "arguments": {
                            "statusCode": "500",
                            "errorCode": "Downstream error",
                            "errorMessage": "- Not Able to connect with CRM.",
                        }
                    },
                }
            },
        ),
        (
            "/crm/v2/Contacts",
            {
                "code": "TOO_MANY_REQUESTS",
                "details": {},
                "message": "You have made too many requests continuously",
                "status": "error",
            },
        ),
        (
            "/oauth/v2/token",
            {
                "code": "TOO_MANY_REQUESTS",
                "details": {},
                "message": "You have made too many requests continuously",
                "status": "error",
            },
        ),
        (
            "/crmapi/rest/v2/contact_information/show",
            {
                "status": {
                    "message": "The service is not available",
                    "description": "",
                    "code": "COM.CRM.EXCEPTION.WEBAPI.SERVICEUNAVAILABLEEXCEPTION",
                },
                "data": None,
            },
        ),
        (
            "/api/v1.0/contacts",
            {
                "error": "service_unavailable",
                "error_description": "Oops! Too many requests at once, try again in a moment.",
            },
        ),
        (
            "/j_spring_security_check",
            {
                "error": "service_unavailable",
                "error_description": "Oops! Too many requests at once, try again in a moment.",
            },
        ),
        ("/photos/a/b/c", {"status": "busy"}),
        ("/nowhere", {"status": "busy"}),
    ],
)
async def test_every_door_says_in_its_own_words_that_it_is_busy(
    sqlite_template: Path, tmp_path: Path, path: str, body: Any
) -> None:
    settings = settings_for(
        f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'test.db')}", tmp_path, max_concurrency=3
    )
    async with serving(settings) as (client, app):
        held = [Held(app) for _ in range(3)]
        await asyncio.sleep(0)
        answer = await client.post(path)
        assert (answer.status_code, answer.headers["retry-after"], answer.json()) == (503, "1", body)
        assert len(answer.headers["x-request-id"]) == 16
        assert (await client.get("/health/live")).json() == {"status": "live"}
        assert (await client.get("/health/ready")).json() == {"status": "ready"}
        for each in held:
            await each.go()
        assert (await client.post(path)).status_code != 503


async def test_it_is_counted_and_told_in_the_log_now_and_then(sqlite_template: Path, tmp_path: Path) -> None:
    settings = settings_for(
        f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'test.db')}", tmp_path, max_concurrency=1, metrics=True
    )
    async with serving(settings) as (client, app):

        async def refused() -> float:
            lines = (await client.get("/metrics")).text.splitlines()
            counted = (line for line in lines if line.startswith('crmgraph_refused_total{reason="busy"}'))
            return float(next(counted, "x 0").split()[1])

        before = await refused()
        held = Held(app)
        await asyncio.sleep(0)
        with structlog.testing.capture_logs() as lines:
            for _ in range(50):
                assert (await client.post("/graphql")).status_code == 503
        await held.go()
        assert await refused() == before + 50
    assert lines == [{"event": "requests or connections were refused", "log_level": "warning", "busy": 1}]


def test_an_address_lets_a_quarter_of_the_places_wait() -> None:
    places = Places(16)
    dropped: list[str] = []

    def waiting(name: str, address: str) -> Waiting:
        one = Waiting(address, True, lambda why: dropped.append(name))
        places.wait(one)
        return one

    first = [waiting(f"a{n}", "192.0.2.1") for n in range(4)]
    assert (places.taken, dropped) == (4, [])
    waiting("b", "192.0.2.2")
    assert (places.taken, dropped) == (5, [])
    waiting("a4", "192.0.2.1")
    assert (places.taken, dropped) == (5, ["a0"])
    places.go_on(first[1])
    waiting("a5", "192.0.2.1")
    assert (places.taken, dropped) == (5, ["a0"])
    places.go_on(first[0])
    assert places.taken == 5
    for name in range(4):
        for address in range(3, 9):
            waiting(f"{address}.{name}", f"192.0.2.{address}")
    assert places.is_full() and places.is_full(reserve=10)
