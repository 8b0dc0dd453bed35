"""The front page, health, photos and logs."""

import json
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import structlog
from sqlalchemy import select

from crmgraph.crm.models import Photo
from crmgraph.logs import without_keys, without_secrets
from crmgraph.site import health
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


@pytest.mark.parametrize(("path", "kind"), [("/site.css", "text/css; charset=utf-8"), ("/icon.svg", "image/svg+xml")])
async def test_the_pages_load_what_we_serve(client: httpx.AsyncClient, path: str, kind: str) -> None:
    assert f'href="{path}"' in (await client.get("/")).text
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """No check of health is given up here, however busy the machine is."""
    monkeypatch.setattr(health, "CHECK_SECONDS", 120)


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


async def test_ready_tells_whether_photos_can_be_kept(database: str, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    async with serving(settings_for(database, tmp_path)) as (client, _):
        (tmp_path / "photos").rmdir()
        (tmp_path / "photos").write_text("a file where the folder was")
        with structlog.testing.capture_logs() as lines:
            for _ in range(2):
                answer = await client.get("/health/ready")
                assert (answer.status_code, answer.json()) == (503, {"status": "photo store does not keep photos"})
        assert "Not a directory" in next(line["reason"] for line in lines if line["log_level"] == "warning")
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
        ("a=b", "a=***"),
        ("page=2&per_page=200&fields=Last_Name,Email", "page=2&per_page=200&fields=Last_Name,Email"),
        ("page=1;token=abc", "page=***"),
        ("page=" + "1" * 101, "page=***"),
        ("tok%65n=secret", "token=***"),
        ("%74oken=secret&TOKEN=secret&t+oken=secret", "token=***&TOKEN=***&***"),
        ("p%61ge=2&pag%65=a%20b", "page=2&page=***"),
        ("secret", "***"),
        ("secret&page=2&", "***&page=2&"),
        ("correct%20horse=1&1000.abcdef=1", "***&***"),
        ("query=mutation{login(input:{email:%22a@b.c%22,password:%22secret%22}){accessToken}}", "query=***"),
        ("Data=%7B%22password%22%3A%22secret%22%7D", "Data=***"),
        (
            "data[password]=secret&a.password=secret&pass=secret&pwd=secret&j_password=secret",
            "***&***&pass=***&pwd=***&j_password=***",
        ),
        ("criteria=(Email:equals:a@b.c)&identifier=secret&pin=1234", "criteria=***&identifier=***&pin=***"),
        ("page=\x1b[31m", "page=***"),
        ("token=secret", "token=***"),
        ("a=1&access_token=x%20y&page=2", "a=***&access_token=***&page=2"),
        ("refresh_token=1&client_secret=2&code=3", "refresh_token=***&client_secret=***&code=***"),
    ],
)
def test_queries_are_logged_without_their_secrets(query: str, shown: str) -> None:
    assert without_secrets(query) == shown


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/", "/"),
        ("/graphql", "/graphql"),
        ("/photos/hsdfWA_-1.jpg/small/a.png", "/photos/***/small/a.png"),
        ("/photos/hsdfWA_-1.jpg", "/photos/***"),
        ("/entity1-hsd-fWA_1/photoContact/1_2_jo-ann.png", "/entity1-***/photoContact/1_2_jo-ann.png"),
        ("/crm/v2/Contacts/1-2/photo", "/crm/v2/Contacts/1-2/photo"),
        ("/crm/v2/Contacts/738964000002148061", "/crm/v2/Contacts/738964000002148061"),
        (
            "/crmapi/rest/v2/contact_information/profile_photo/view",
            "/crmapi/rest/v2/contact_information/profile_photo/view",
        ),
        ("/j_spring_security_check", "/j_spring_security_check"),
        ("/reset/dVxR3mWZ4p0qYkJ1n2b3c4d5e6f7g8h9i0j1k2l3m4n", "/reset/***"),
        ("/crm/v2/1000.8cb99dxxxxxxxxxxxxx9be93.9b8xxxxxxxxxxxxxxxf", "/crm/v2/***"),
        ("/api/v1.0/contacts;jsessionid=0123456789ABCDEF0123456789ABCDEF", "/api/v1.0/contacts;***"),
        ("/crm/v1/login#token=secret", "/crm/v1/login#***"),
        ("/crm/v1/login?password=secret", "/crm/v1/login?***"),
        ("/token=secret/x", "/token=***/x"),
        ("/" + "a" * 100, "/***"),
    ],
)
def test_paths_are_logged_without_the_keys_of_photos(path: str, shown: str) -> None:
    assert without_keys(path) == shown


async def test_no_log_tells_the_address_of_a_photo(demo: Running) -> None:
    async with demo.db.read() as session:
        key = (await session.scalars(select(Photo.key).limit(1))).one()
    folder = "entity1-" + key.partition(".")[0]
    with structlog.testing.capture_logs() as lines:
        ours = await demo.client.get(f"/photos/{key}/small/a.png")
        theirs = await demo.client.get(f"/{folder}/photoContact/1_2_a.{key.partition('.')[2]}")
    assert (ours.status_code, theirs.status_code) == (200, 200)
    paths = [line["path"] for line in lines]
    assert paths == ["/photos/***/small/a.png", f"/entity1-***/photoContact/1_2_a.{key.partition('.')[2]}"]
    assert key.partition(".")[0] not in repr(lines)


async def test_requests_are_counted_by_door_where_that_is_wanted(database: str, tmp_path: Path) -> None:
    def requests(text: str, door: str, status: int) -> float:
        wanted = f'crmgraph_requests_total{{door="{door}",status="{status}"}} '
        return sum(float(line.removeprefix(wanted)) for line in text.splitlines() if line.startswith(wanted))

    async with serving(settings_for(database, tmp_path, metrics=True)) as (client, _):
        before = (await client.get("/metrics")).text
        await client.get("/graphql", params={"query": "{ me { id } }"})
        await client.get("/crm/v2/Leads")
        await client.get("/api/v1.0/contacts")
        await client.get("/health/live")
        answer = await client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    grown = {
        (door, status): requests(answer.text, door, status) - requests(before, door, status)
        for door, status in (("graphql", 200), ("zoho", 401), ("valomnia", 401), ("crmcom", 200), ("site", 200))
    }
    assert grown == {
        ("graphql", 200): 1,
        ("zoho", 401): 1,
        ("valomnia", 401): 1,
        ("crmcom", 200): 0,
        ("site", 200): 2,
    }
    assert 'crmgraph_request_seconds_count{door="zoho"}' in answer.text
    assert "crmgraph_graphql_operations_total" in answer.text


async def test_metrics_are_not_there_unless_they_are_wanted(client: httpx.AsyncClient) -> None:
    assert (await client.get("/metrics")).status_code == 404


async def test_only_listed_origins_may_call_from_a_page(database: str, tmp_path: Path) -> None:
    settings = settings_for(database, tmp_path, cors_origins="https://app.example.com")
    async with serving(settings) as (client, _):
        preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        mine = await client.options("/graphql", headers={"Origin": "https://app.example.com", **preflight})
        assert mine.headers["access-control-allow-origin"] == "https://app.example.com"
        theirs = await client.options("/graphql", headers={"Origin": "https://evil.example", **preflight})
        assert "access-control-allow-origin" not in theirs.headers


@pytest.mark.parametrize("form", ["text", "json"])
def test_nothing_in_a_log_moves_a_terminal_or_begins_a_line(form: str) -> None:
    hostile = "a\x1b[2Jb\r\nc\x07d\x9be\u2028f\u202eg"
    script = f"""
from crmgraph.logs import configure
import logging, structlog
configure("info", {form!r})
structlog.get_logger().info({hostile!r}, path={hostile!r}, path_of=[{hostile!r}])
logging.getLogger("x").warning("%s", {hostile!r})
try:
    raise ValueError({hostile!r})
except ValueError:
    structlog.get_logger().exception("fault")
"""
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=60).stderr.decode()
    assert told.count("[2J") == 5
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202e]", told)
    if form == "json":
        assert len([json.loads(line) for line in told.splitlines()]) == 3


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/crm/v1/signup/kyc?Data=%7B%22password%22:%22s3cret%22%7D"),
        ("GET", "/graphql?query=mutation{login(input:{password:%22s3cret%22}){accessToken}}"),
        ("GET", "/crmapi/rest/v2/contact_information/show?tok%65n=s3cret"),
        ("POST", "/oauth/v2/token?client%5Fsecret=s3cret&refresh_token=s3cret"),
        ("GET", "/crm/v2/Contacts?authtoken=s3cret&s3cret"),
        ("POST", "/j_spring_security_check?j_password=s3cret"),
        ("GET", "/api/v1.0/contacts;jsessionid=s3cret"),
        ("GET", "/nowhere/token=s3cret?x=s3cret"),
    ],
)
async def test_no_door_logs_what_opens_it(client: httpx.AsyncClient, method: str, path: str) -> None:
    with structlog.testing.capture_logs() as lines:
        await client.request(method, path)
    assert [line["event"] for line in lines] == ["request"]
    assert "s3cret" not in str(lines)


@pytest.mark.parametrize(
    "path",
    [
        "/graphql/",
        "/docs/zoho/",
        "/health/live/",
        "/metrics/",
        "/crm/v1/",
        "/crm/v2/",
        "/oauth/v2/",
        "/crmapi/rest/v2/",
        "/crm/ImageDownloadServlet/",
        "/api/",
        "/api/v1.0/",
        "/api/v1.0/contacts/",
        "/j_spring_security_check/",
        "/login/ajaxSuccess/",
        "/photos/a/b/c/",
        "//evil.example/",
        "/site.css/",
        "/",
    ],
)
async def test_nothing_is_redirected_to_a_host_that_the_request_names(client: httpx.AsyncClient, path: str) -> None:
    named = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    for method in ("GET", "POST"):
        answer = await client.request(method, f"http://test{path}", headers=named)
        assert answer.status_code not in (301, 302, 303, 307, 308)
        assert "evil.example" not in answer.headers.get("location", "") + answer.text
    assert (await client.post("/graphql/", json={"query": "{ __typename }"})).json() == {
        "data": {"__typename": "Query"}
    }
