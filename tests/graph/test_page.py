"""The GraphiQL page and its assets, asked for over HTTP."""

import gzip
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from crmgraph.graph.edge.page import page, routes, wants_page

BUILT = Path(__file__).parents[2] / "src/crmgraph/graph/graphiql"
SOURCES = Path(__file__).parents[2] / "graphiql"
ASSETS = sorted(file.name for file in (BUILT / "assets").iterdir())
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
GUARDS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
DEMO = {
    "customer": {"email": "marie@example.com", "password": "a customer's password"},
    "staff": {"email": "sam@example.com", "password": "a clerk's password"},
}


def endpoint(request: Request) -> Response:
    return page() if wants_page(request) else PlainTextResponse("an answer")


def client(app: Starlette) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://crm.example")


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=[Route("/graphql", endpoint, methods=["GET", "POST"]), *routes()])
    async with client(app) as http:
        yield http


async def test_a_browser_gets_the_page(http: httpx.AsyncClient) -> None:
    response = await http.get("/graphql", headers={"accept": BROWSER})
    assert response.status_code == 200
    assert dict(response.headers) == {
        **GUARDS,
        "cache-control": "no-cache",
        "vary": "Accept",
        "content-type": "text/html; charset=utf-8",
        "content-length": str(len(response.content)),
    }
    built = (BUILT / "index.html").read_text(encoding="utf-8")
    assert response.text == built.replace("__PREFIX__", "/graphql").replace("__DEMO__", "false")


def test_the_page_is_for_the_endpoint_that_it_is_given() -> None:
    text = bytes(page('/a"b/graphql', demo=True).body).decode()
    assert 'data-endpoint="/a&quot;b/graphql"' in text
    assert 'data-demo="true"' in text
    assert re.findall(r'(?:href|src)="(?!/a&quot;b/graphql/assets/)', text) == []
    assert "__" not in text


async def test_all_that_the_page_names_is_served(http: httpx.AsyncClient) -> None:
    text = (await http.get("/graphql", headers={"accept": BROWSER})).text
    paths = re.findall(r'(?:href|src)="([^"]+)"', text)
    workers = re.findall(r'data-(\w+)-worker="([^"]+)"', text)
    assert [re.sub(r"-\w{8}\.", ".", path) for path in paths] == [
        f"/graphql/assets/{n}" for n in ("icon.svg", "app.css", "app.js")
    ]
    assert [label for label, _ in workers] == ["editor", "json", "graphql"]
    for path in [*paths, *(f"/graphql/assets/{name}" for _, name in workers)]:
        assert (await http.get(path)).status_code == 200


async def test_all_that_the_assets_name_is_there() -> None:
    named: set[str] = set()
    for name in ASSETS:
        if name.endswith((".js", ".css")):
            text = (BUILT / "assets" / name).read_text(encoding="utf-8")
            named |= set(re.findall(r'(?:from|import|import\()"\./([\w.-]+)"', text))
            named |= set(re.findall(r"url\(\"?\./([\w.-]+)\"?\)", text))
    assert named
    assert named <= set(ASSETS)
    index = (BUILT / "index.html").read_text(encoding="utf-8")
    assert set(ASSETS) - named == set(re.findall(r"[\w.]+-\w{8}\.(?:js|css|svg)", index)), (
        "built files that nothing names"
    )


@pytest.mark.parametrize(
    "accept",
    [
        BROWSER,
        "text/html",
        "TEXT/HTML",
        "application/xhtml+xml",
        "text/html;q=0.5",
        "application/json;q=0.5, text/html;q=0.9",
        "application/json;q=0, text/html;charset=utf-8;q=0.001",
        "text/html, application/json;q=nan",
        "text/html, application/json;q=2",
    ],
)
async def test_who_accepts_html_before_an_answer_gets_the_page(http: httpx.AsyncClient, accept: str) -> None:
    response = await http.get("/graphql", headers={"accept": accept})
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert (await http.head("/graphql", headers={"accept": accept})).headers == response.headers


@pytest.mark.parametrize(
    "accept",
    [
        "*/*",
        "",
        ",;,",
        "text/*",
        "text/html;q=0",
        "text/html;q=high",
        "text/html;q=inf",
        "text/html;q=nan",
        "text/html;q=-1",
        "text/html;q=0.5x",
        "text/html;q=1.5",
        "application/json",
        "application/json, text/html",
        "text/html, application/graphql-response+json",
        "text/html, text/event-stream",
        "text/html, multipart/mixed",
        "text/html;q=0.8, application/json;q=0.9",
    ],
)
async def test_a_client_of_the_api_gets_an_answer(http: httpx.AsyncClient, accept: str) -> None:
    assert (await http.get("/graphql", headers={"accept": accept})).text == "an answer"


async def test_several_accept_headers_count_as_one(http: httpx.AsyncClient) -> None:
    headers = [("accept", "text/html"), ("accept", "application/json")]
    assert (await http.get("/graphql", headers=headers)).text == "an answer"


@pytest.mark.parametrize("query", ["documentId=1", "extensions={}"])
async def test_an_operation_without_its_text_is_answered_even_to_a_browser(http: httpx.AsyncClient, query: str) -> None:
    assert (await http.get(f"/graphql?{query}", headers={"accept": BROWSER})).text == "an answer"


@pytest.mark.parametrize(
    "query", ["query={me{id}}", "query={me{id}}&extensions={}", "query=mutation{logout{userErrors{code}}}"]
)
async def test_an_operation_in_the_address_is_shown_to_a_browser_and_not_run(
    http: httpx.AsyncClient, query: str
) -> None:
    response = await http.get(f"/graphql?{query}", headers={"accept": BROWSER})
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert (await http.get(f"/graphql?{query}", headers={"accept": "*/*"})).text == "an answer"


async def test_other_parameters_in_the_address_do_not_matter(http: httpx.AsyncClient) -> None:
    response = await http.get("/graphql?from=mail", headers={"accept": BROWSER})
    assert response.headers["content-type"] == "text/html; charset=utf-8"


async def test_a_post_never_gets_the_page(http: httpx.AsyncClient) -> None:
    assert (await http.post("/graphql", headers={"accept": BROWSER})).text == "an answer"


MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "ttf": "font/ttf",
    "woff": "font/woff",
    "woff2": "font/woff2",
}


@pytest.mark.parametrize("name", ASSETS)
async def test_an_asset_is_served_for_ever_and_compressed_where_that_helps(http: httpx.AsyncClient, name: str) -> None:
    content = (BUILT / "assets" / name).read_bytes()
    extension = name.rpartition(".")[2]
    expected = {
        **GUARDS,
        "cache-control": "public, max-age=31536000, immutable",
        "content-type": MEDIA_TYPES[extension],
    }
    if not extension.startswith("woff"):
        expected["vary"] = "Accept-Encoding"

    plain = await http.get(f"/graphql/assets/{name}", headers={"accept-encoding": "identity"})
    assert plain.status_code == 200
    assert plain.content == content
    assert dict(plain.headers) == {**expected, "content-length": str(len(content))}

    small = await http.get(f"/graphql/assets/{name}", headers={"accept-encoding": "br, gzip;q=0.8"})
    if not extension.startswith("woff"):
        expected["content-encoding"] = "gzip"
        content = gzip.compress(content, mtime=0)
    assert dict(small.headers) == {**expected, "content-length": str(len(content))}
    assert small.content == plain.content


async def test_who_refuses_gzip_gets_none(http: httpx.AsyncClient) -> None:
    response = await http.get("/graphql/assets/samples.json", headers={"accept-encoding": "gzip;q=0, identity"})
    assert "content-encoding" not in response.headers


@pytest.mark.parametrize(
    ("name", "media_type"), [("samples.json", "application/json"), ("LICENSES.txt", "text/plain; charset=utf-8")]
)
async def test_a_file_whose_name_has_no_hash_is_asked_for_anew(
    http: httpx.AsyncClient, name: str, media_type: str
) -> None:
    response = await http.get(f"/graphql/assets/{name}", headers={"accept-encoding": "identity"})
    content = (BUILT / name).read_bytes()
    assert response.content == content
    assert dict(response.headers) == {
        **GUARDS,
        "cache-control": "no-cache",
        "vary": "Accept-Encoding",
        "content-type": media_type,
        "content-length": str(len(content)),
    }


@pytest.mark.parametrize(
    "name",
    [
        "nothing.js",
        "index.html",
        "%2e%2e",
        "%2e%2e%2fpage.py",
        "..%2findex.html",
        "assets",
        "%2fetc%2fpasswd",
        "%00",
        "a\\b",
    ],
)
async def test_nothing_but_the_assets_is_served(http: httpx.AsyncClient, name: str) -> None:
    response = await http.get(f"/graphql/assets/{name}")
    assert response.status_code == 404
    assert "page" not in response.text


async def test_an_unknown_asset_is_a_404_that_is_not_kept(http: httpx.AsyncClient) -> None:
    response = await http.get("/graphql/assets/app-00000000.js")
    assert (response.status_code, response.content) == (404, b"")
    assert dict(response.headers) == {**GUARDS, "cache-control": "no-cache", "content-length": "0"}


async def test_without_a_demo_there_are_no_users_to_offer(http: httpx.AsyncClient) -> None:
    response = await http.get("/graphql/demo.json")
    assert (response.status_code, response.content) == (404, b"")


async def test_the_demo_offers_its_users() -> None:
    async with client(Starlette(routes=[*routes("/api", demo=DEMO)])) as http:
        response = await http.get("/api/demo.json")
        assert response.json() == DEMO
        assert dict(response.headers) == {
            **GUARDS,
            "cache-control": "no-cache",
            "content-type": "application/json",
            "content-length": str(len(response.content)),
        }
        assert (await http.get("/api/assets/samples.json")).json() == json.loads((BUILT / "samples.json").read_bytes())
        assert (await http.get("/graphql/demo.json")).status_code == 404


def test_nothing_is_asked_of_another_host() -> None:
    index = (BUILT / "index.html").read_text(encoding="utf-8")
    assert "//" not in index
    for name in ASSETS:
        if name.endswith(".css"):
            text = (BUILT / "assets" / name).read_text(encoding="utf-8")
            assert re.findall(r"url\((?!\"?(?:\./|data:image/))[^)]*\)|@import", text) == []


def test_the_lock_names_no_host() -> None:
    assert (
        re.findall(r'"resolved"|https?://registry', (SOURCES / "package-lock.json").read_text(encoding="utf-8")) == []
    )
