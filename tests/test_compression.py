"""Answers above a size are compressed where the client takes that, and are the same bytes at every door."""

import asyncio
import gzip
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import brotli
import httpx
import pytest
import zstandard

from crmgraph.crm.models import PartyKind, Role
from crmgraph.http import compression
from crmgraph.http.compression import ENCODERS, Compressing, coding_of
from tests.conftest import Running, serving, settings_for
from tests.graph.conftest import Caller, hired, put

DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "zstd": lambda data: zstandard.ZstdDecompressor().decompress(data),
    "br": brotli.decompress,
    "gzip": gzip.decompress,
}


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("gzip, deflate", "gzip"),
        ("gzip, deflate, br", "br"),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, zstd", "zstd"),
        ("br;q=0.9, zstd", "zstd"),
        ("GZIP;q=1, br;q=0.5", "gzip"),
        ("br;q=0, gzip;q=0.1", "gzip"),
        ("gzip;q=0", None),
        ("gzip;q=2", None),
        ("deflate", None),
        ("identity", None),
        ("*", None),
        ("", None),
        (",;q=,", None),
    ],
)
def test_the_coding_is_one_that_the_client_names(accepted: str, coding: str | None) -> None:
    assert coding_of(accepted) == coding


async def raw(
    client: httpx.AsyncClient, method: str, url: str, accepted: str | None, **given: Any
) -> tuple[Any, bytes]:
    """(the response, its body as it came)."""
    headers = given.pop("headers", {}) | ({} if accepted is None else {"accept-encoding": accepted})
    request = client.build_request(method, url, headers=headers, **given)
    if accepted is None:
        del request.headers["accept-encoding"]
    response = await client.send(request, stream=True)
    try:
        return response, b"".join([chunk async for chunk in response.aiter_raw()])
    finally:
        await response.aclose()


DOORS = [
    ("POST", "/graphql", {"json": {"query": "{ __schema { types { name description } } }"}}),
    ("GET", "/graphql/schema.graphql", {}),
    ("GET", "/docs/zoho/openapi.json", {}),
    ("GET", "/", {}),
]


@pytest.mark.parametrize(("method", "url", "given"), DOORS, ids=[url for _, url, _ in DOORS])
async def test_every_door_answers_the_same_bytes(running: Running, method: str, url: str, given: Any) -> None:
    plain, expected = await raw(running.client, method, url, None, **given)
    assert plain.status_code == 200
    assert "content-encoding" not in plain.headers
    assert len(expected) > 1_400
    for coding in ENCODERS:
        response, body = await raw(running.client, method, url, coding, **given)
        assert response.headers["content-encoding"] == coding
        assert len(body) == int(response.headers["content-length"]) < len(expected)
        assert DECODERS[coding](body) == expected
        assert response.headers["vary"].lower().count("accept-encoding") == 1
        same = plain.headers.keys() - {"content-length", "vary", "etag", "x-request-id"}
        assert {name: response.headers[name] for name in same} == {name: plain.headers[name] for name in same}
        if "etag" in plain.headers:
            assert response.headers["etag"] == f"W/{plain.headers['etag']}"
            known = {"if-none-match": response.headers["etag"]}
            again, nothing = await raw(running.client, method, url, coding, headers=known)
            assert (again.status_code, nothing, "content-encoding" in again.headers) == (304, b"", False)
    for other in ("identity", "deflate", "gzip;q=0"):
        response, body = await raw(running.client, method, url, other, **given)
        assert ("content-encoding" in response.headers, body) == (False, expected)


async def test_an_old_client_is_answered_as_ever(demo: Running) -> None:
    """A dialect's answer is compressed for whoever asks for it, and for nobody else to the byte as it was."""
    headers = {"authorization": f"Zoho-oauthtoken {demo.credentials['zoho']['access_token']}"}
    plain, expected = await raw(demo.client, "GET", "/crm/v2/Leads", None, headers=headers)
    assert (plain.status_code, len(expected) > 1_400) == (200, True)
    response, body = await raw(demo.client, "GET", "/crm/v2/Leads", "gzip, deflate", headers=headers)
    assert response.headers["content-encoding"] == "gzip"
    assert gzip.decompress(body) == expected
    assert "content-encoding" not in plain.headers
    assert "accept-encoding" not in plain.headers.get("vary", "").lower()


async def test_what_is_short_or_no_text_is_not_compressed(running: Running) -> None:
    response, body = await raw(running.client, "POST", "/graphql", "gzip", json={"query": "{ __typename }"})
    assert ("content-encoding" in response.headers, body) == (False, b'{"data":{"__typename":"Query"}}')
    head = await running.client.head("/graphql/schema.graphql", headers={"accept-encoding": "gzip"})
    assert ("content-encoding" in head.headers, head.content) == (False, b"")


async def test_the_size_is_a_setting(database: str, tmp_path: Path) -> None:
    query = {"json": {"query": "{ __typename }"}}
    async with serving(settings_for(database, tmp_path, compress_from=1)) as (client, app):
        staff = await hired(app.state.core, Caller(client), "a@example.com", Role.ADMIN)
        await put(app.state.core, PartyKind.CONTACT, *({"last_name": "Same " * 9} for _ in range(9)))
        read = {"json": {"query": "{ contacts { nodes { lastName } } }"}, "headers": staff.headers}
        response, body = await raw(client, "POST", "/graphql", "br", **read)
        assert response.headers["content-encoding"] == "br"
        assert brotli.decompress(body).count(b"Same") == 81
        # What would only grow goes out as it is.
        assert (await raw(client, "POST", "/graphql", "gzip", **query))[1] == b'{"data":{"__typename":"Query"}}'
    async with serving(settings_for(database, tmp_path, compress_from=0)) as (client, _):
        response, _ = await raw(client, "GET", "/graphql/schema.graphql", "gzip")
        assert "content-encoding" not in response.headers


async def answered(app: Compressing, accepted: str = "gzip") -> tuple[dict[bytes, bytes], bytes]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing is read")

    await app({"type": "http", "method": "GET", "headers": [(b"accept-encoding", accepted.encode())]}, receive, send)
    return dict(sent[0]["headers"]), b"".join(each.get("body", b"") for each in sent[1:])


def answering(*chunks: bytes, **headers: str) -> Compressing:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        given = {"content-type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        pairs = [(name.encode(), value.encode()) for name, value in given.items()]
        await send({"type": "http.response.start", "status": 200, "headers": pairs})
        for i, chunk in enumerate(chunks):
            await send({"type": "http.response.body", "body": chunk, "more_body": i < len(chunks) - 1})

    return Compressing(app, least=1_000)


async def test_what_comes_in_pieces_or_encoded_already_is_left_alone() -> None:
    long = b"x" * 5_000
    for app in (
        answering(long, long),
        answering(long, content_encoding="br"),
        answering(long, content_type="image/png"),
        answering(long, cache_control="no-store, no-transform"),
    ):
        headers, body = await answered(app)
        assert (headers.get(b"content-encoding", b"br"), set(body)) == (b"br", set(b"x"))
    headers, body = await answered(answering(long, vary="Origin"))
    assert (headers[b"vary"], gzip.decompress(body)) == (b"Origin, Accept-Encoding", long)


@pytest.fixture
async def held(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncio.Event]:
    """Nothing is compressed before this is set."""
    let_go, may = threading.Event(), asyncio.Event()

    def encode(data: bytes) -> bytes:
        assert let_go.wait(10)
        return gzip.compress(data, mtime=0)

    monkeypatch.setitem(ENCODERS, "gzip", encode)

    async def follow() -> None:
        await may.wait()
        let_go.set()

    task = asyncio.create_task(follow())
    yield may
    let_go.set()
    task.cancel()


async def test_so_many_long_answers_are_compressed_at_once_and_others_go_out_as_they_are(held: asyncio.Event) -> None:
    long = b"x" * (compression.ON_LOOP + 1)
    app = answering(long)
    waiting = [asyncio.create_task(answered(app)) for _ in range(compression.AT_ONCE)]
    await asyncio.sleep(0)
    # The loop is free meanwhile, and nobody waits for a thread.
    for _ in range(3):
        headers, body = await answered(app)
        assert (b"content-encoding" in headers, body) == (False, long)
    assert not any(task.done() for task in waiting)
    held.set()
    for headers, body in await asyncio.gather(*waiting):
        assert (headers[b"content-encoding"], gzip.decompress(body)) == (b"gzip", long)
    headers, body = await answered(app)
    assert headers[b"content-encoding"] == b"gzip"
