"""The front page, health, photos and logs."""

from pathlib import Path

import httpx
import pytest
import structlog

from crmgraph.logs import without_secrets
from tests.conftest import Running, serving, settings_for


async def test_the_front_page_names_every_door(running: Running) -> None:
    answer = await running.client.get("/")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for prefix in ("/graphql", "/crm/v1", "/crm/v2", "/oauth/v2", "/crmapi/rest/v2", "/api/{version}"):
        assert f"<code>{prefix}</code>" in answer.text
    for door in ("covalense", "zoho", "crmcom", "valomnia"):
        assert f'href="/docs/{door}"' in answer.text
        assert (await running.client.get(f"/docs/{door}")).status_code == 200
        document = await running.client.get(f"/docs/{door}/openapi.json")
        assert document.headers["content-type"] == "application/json"
        assert document.json()["paths"]
    assert "Demo credentials" not in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy


async def test_ready_tells_whether_the_database_answers_and_is_migrated(running: Running, tmp_path: Path) -> None:
    assert (await running.client.get("/health/live")).json() == {"status": "live"}
    assert (await running.client.get("/health/ready")).json() == {"status": "ready"}
    async with serving(settings_for(f"sqlite:///{tmp_path / 'empty.db'}", tmp_path)) as (client, _):
        answer = await client.get("/health/ready")
        assert (answer.status_code, answer.json()) == (503, {"status": "database not migrated"})
    async with serving(settings_for("postgresql://nobody@127.0.0.1:9/none", tmp_path)) as (client, _):
        answer = await client.get("/health/ready")
        assert (answer.status_code, answer.json()) == (503, {"status": "database unreachable"})
        assert (await client.get("/health/live")).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/photos/nothing/original/a.png",
        "/photos/..%2F..%2Fetc/original/passwd",
        "/photos/x/huge/a.png",
        "/docs/nothing",
        "/docs/nothing/openapi.json",
        "/nothing",
    ],
)
async def test_what_is_not_there_is_a_404(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


async def test_every_answer_carries_the_id_that_its_line_in_the_log_has(client: httpx.AsyncClient) -> None:
    with structlog.testing.capture_logs() as lines:
        answer = await client.get("/health/live?token=abc&password=x&page=2")
    (line,) = [entry for entry in lines if entry["event"] == "request"]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/health/live", 200)
    assert line["query"] == "token=***&password=***&page=2"
    assert len(answer.headers["x-request-id"]) == 16


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", ""),
        ("a=b", "a=b"),
        ("token=secret", "token=***"),
        ("a=1&access_token=x%20y&b=2", "a=1&access_token=***&b=2"),
        ("refresh_token=1&client_secret=2&code=3", "refresh_token=***&client_secret=***&code=***"),
    ],
)
def test_queries_are_logged_without_their_secrets(query: str, shown: str) -> None:
    assert without_secrets(query) == shown


async def test_only_listed_origins_may_call_from_a_page(database: str, tmp_path: Path) -> None:
    settings = settings_for(database, tmp_path, cors_origins="https://app.example.com")
    async with serving(settings) as (client, _):
        preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        mine = await client.options("/graphql", headers={"Origin": "https://app.example.com", **preflight})
        assert mine.headers["access-control-allow-origin"] == "https://app.example.com"
        theirs = await client.options("/graphql", headers={"Origin": "https://evil.example", **preflight})
        assert "access-control-allow-origin" not in theirs.headers
