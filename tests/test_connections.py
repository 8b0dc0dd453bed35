"""Connections: who is silent, slow or boundless is dropped, and stands in nobody's way meanwhile."""

import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from importlib.resources import files
from pathlib import Path

import httpx
import pytest

from crmgraph.http.protocol import MAX_HEADER_BYTES, MAX_HEADERS, MAX_PIPELINED
from tests.program import SECRET, serving

START = b"GET /health/live HTTP/1.1\r\nHost: test\r\n"
POST = b"POST /graphql HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
ASKED = b'{"query": "{ __typename }"}'
SCRIPT = max((files("crmgraph") / "graph/graphiql/assets").iterdir(), key=lambda file: len(file.read_bytes()))
BIG = b"GET /graphql/assets/%s HTTP/1.1\r\nHost: test\r\n\r\n" % SCRIPT.name.encode()
PLACES = 16


@pytest.fixture(scope="module")
def server(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of the program serving with little patience and few places."""
    folder = tmp_path_factory.mktemp("serving")
    (folder / "var").mkdir()
    shutil.copy(sqlite_template, folder / "var" / "crmgraph.db")
    settings = {
        "CRMGRAPH_SECRET_KEY": SECRET,
        "CRMGRAPH_METRICS": "true",
        "CRMGRAPH_MAX_CONCURRENCY": str(PLACES),
        "CRMGRAPH_MAX_CONNECTIONS": "60",
        "CRMGRAPH_HEADER_SECONDS": "1",
        "CRMGRAPH_BODY_SECONDS": "1",
        "CRMGRAPH_ANSWER_SECONDS": "1",
        "CRMGRAPH_IDLE_SECONDS": "1",
    }
    with serving(folder, **settings) as (client, _):
        # One that stays open is ended by the server after a second, perhaps while the next request is on its way.
        client.headers["Connection"] = "close"
        yield client


def connect(server: httpx.Client, sent: bytes = b"", receive_buffer: int | None = None) -> socket.socket:
    """A connection on which this has been sent."""
    connection = socket.socket()
    connection.settimeout(10)
    if receive_buffer is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.connect(("127.0.0.1", server.base_url.port))
    # Who is refused while he sends has an answer to read all the same.
    with suppress(OSError):
        connection.sendall(sent)
    return connection


def told(connection: socket.socket) -> bytes:
    """All that comes until the connection is closed."""
    pieces = []
    with suppress(ConnectionError):
        while piece := connection.recv(65536):
            pieces.append(piece)
    return b"".join(pieces)


def refused(server: httpx.Client, reason: str) -> float:
    """How many were refused for this reason by now."""
    name = f'crmgraph_refused_total{{reason="{reason}"}} '
    lines = server.get("/metrics").text.splitlines()
    return next((float(line.removeprefix(name)) for line in lines if line.startswith(name)), 0.0)


WAITING = (
    (b"", b"", "silent"),
    (b"\r\n\r\n", b"", "silent"),
    (START, b"HTTP/1.1 408 Request Timeout\r\n", "headers"),
    (b"G", b"HTTP/1.1 408 Request Timeout\r\n", "headers"),
    (b"GET /" + b"a" * 500, b"HTTP/1.1 408 Request Timeout\r\n", "headers"),
    (POST + b"Content-Length: 100\r\n\r\n", b"HTTP/1.1 408 Request Timeout\r\n", "body"),
    (POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{", b"HTTP/1.1 408 Request Timeout\r\n", "body"),
    (CHUNKED + b"2\r\n{}\r\n0\r\na: b\r\n", b"HTTP/1.1 408 Request Timeout\r\n", "body"),
    (
        POST + b"Expect: 100-continue\r\nContent-Length: 100\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 408 Request Timeout\r\n",
        "body",
    ),
    (START + b"\r\n", b"HTTP/1.1 200 OK\r\n", None),
)


def test_who_keeps_us_waiting_is_dropped(server: httpx.Client) -> None:
    reasons = ("silent", "headers", "body")
    before = [refused(server, reason) for reason in reasons]
    # As many as may wait at once.
    for start in range(0, len(WAITING), PLACES // 4):
        some = WAITING[start : start + PLACES // 4]
        began = time.monotonic()
        with ExitStack() as stack:
            connections = [stack.enter_context(connect(server, sent)) for sent, _, _ in some]
            for connection, (sent, answer, _) in zip(connections, some, strict=True):
                assert told(connection).startswith(answer), sent
        assert 0.5 < time.monotonic() - began < 5
    wanted = [sum(why == reason for _, _, why in WAITING) for reason in reasons]
    assert [refused(server, reason) for reason in reasons] == [a + b for a, b in zip(before, wanted, strict=True)]


@pytest.mark.parametrize(
    ("path", "type_", "words"),
    [
        ("/graphql", b"application/json", b"Too many requests are in hand: try again in a moment."),
        ("/oauth/v2/token", b"application/json", b'"TOO_MANY_REQUESTS"'),
        ("/crmapi/rest/v2/contact_information/create", b"application/json", b"The service is not available"),
        ("/j_spring_security_check", b"application/json", b"service_unavailable"),
    ],
)
def test_whose_body_is_awaited_beyond_the_share_of_its_address_is_told_in_its_doors_words(
    server: httpx.Client, path: str, type_: bytes, words: bytes
) -> None:
    head = b"POST %s HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 9\r\n"
    with ExitStack() as stack:
        first = stack.enter_context(connect(server, head % path.encode() + b"Expect: 100-continue\r\n\r\n"))
        assert first.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
        for _ in range(PLACES // 4):
            stack.enter_context(connect(server, head % b"/graphql" + b"\r\n"))
        answer = told(first)
    assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n") and answer.count(b"HTTP/1.1 ") == 1
    fields, _, body = answer.lower().partition(b"\r\n\r\n")
    assert (
        b"\r\nretry-after: 1" in fields and b"\r\nx-request-id: " in fields and b"\r\ncontent-type: " + type_ in fields
    )
    assert words.lower() in body
    assert b"\r\ncontent-length: %d\r\n" % len(body) in fields + b"\r\n"


def test_who_was_answered_before_the_body_was_whole_is_told_nothing_more(server: httpx.Client) -> None:
    head = b"POST %s HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n"
    with ExitStack() as stack:
        first = stack.enter_context(connect(server, head % b"/nowhere"))
        answer = first.recv(65536)
        for _ in range(PLACES // 4):
            stack.enter_context(connect(server, head % b"/graphql"))
        answer += told(first)
    assert answer.startswith(b"HTTP/1.1 404 ") and answer.count(b"HTTP/1.1 ") == 1


def test_a_client_that_sends_a_byte_now_and_then_is_dropped_all_the_same(server: httpx.Client) -> None:
    chunked = POST + b"Transfer-Encoding: chunked\r\n\r\n1;"
    for sent in (START + b"a: ", POST + b"Content-Length: 5000\r\n\r\n", chunked):
        start = time.monotonic()
        with connect(server, sent) as connection, suppress(OSError):
            while time.monotonic() - start < 8:
                connection.sendall(b"b")
                time.sleep(0.1)
        assert time.monotonic() - start < 4


def test_a_request_that_begins_late_on_an_idle_connection_is_answered(server: httpx.Client) -> None:
    sent = POST + b"Content-Length: %d\r\n\r\n" % len(ASKED)
    with connect(server, sent + ASKED) as connection:
        first = connection.recv(65536)
        time.sleep(0.8)
        connection.sendall(sent)
        # By now it would have been idle for too long.
        time.sleep(0.6)
        connection.sendall(ASKED)
        second = connection.recv(65536)
    assert first.endswith(b'{"data":{"__typename":"Query"}}')
    assert second.endswith(b'{"data":{"__typename":"Query"}}')


def test_a_whole_answer_is_one_packet(server: httpx.Client) -> None:
    with connect(server) as connection:
        for _ in range(20):
            connection.sendall(START + b"\r\n")
            head, _, body = connection.recv(65536).partition(b"\r\n\r\n")
            assert f"content-length: {len(body)}\r\n".encode() in head + b"\r\n"


def test_a_body_that_comes_in_parts_is_read(server: httpx.Client) -> None:
    with connect(server, POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(ASKED)) as connection:
        for i in range(0, len(ASKED), 5):
            connection.sendall(ASKED[i : i + 5])
            time.sleep(0.05)
        assert told(connection).endswith(b'{"data":{"__typename":"Query"}}')


def test_a_head_that_came_before_says_nothing_of_what_follows_it(server: httpx.Client) -> None:
    """Each request has its own body, however the same bytes before it come: whole, in parts, or with another behind."""
    bodies = [b'{"query": "{ a%s: __typename }"}' % name for name in (b"b", b"c", b"d", b"e")]
    head = POST + b"Content-Length: %d\r\n\r\n" % len(bodies[0])

    def answers(connection: socket.socket, *names: bytes) -> None:
        came = b""
        while came.count(b"__typename") + came.count(b'"data"') < len(names):
            came += connection.recv(65536)
        assert came.count(b"HTTP/1.1 200 OK\r\n") == len(names)
        places = [came.index(b'{"data":{"a%s":"Query"}}' % name) for name in names]
        assert places == sorted(places)

    for _ in range(2):
        with connect(server) as connection:
            for name, body in zip((b"b", b"c", b"d"), bodies, strict=False):
                connection.sendall(head + body)
                answers(connection, name)
            for cut in (3, len(head) - 2, len(head), len(head) + 4):
                connection.sendall((head + bodies[3])[:cut])
                time.sleep(0.05)
                connection.sendall((head + bodies[3])[cut:])
                answers(connection, b"e")
            connection.sendall(head + bodies[0] + head + bodies[1])
            answers(connection, b"b", b"c")
            connection.sendall(head + bodies[2] + START + b"Connection: close\r\n\r\n")
            left = told(connection)
            assert left.index(b'{"data":{"ad":"Query"}}') < left.index(b'{"status":"live"}')
    closing = head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    for body in bodies[:2]:
        with connect(server, closing + body) as connection:
            assert told(connection).count(b'"Query"') == 1


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (START + b"a: b\r\n" * (MAX_HEADERS - 1) + b"\r\n", 200),
        (START + b"a: b\r\n" * MAX_HEADERS + b"\r\n", 431),
        (START + b"a: " + b"b" * (MAX_HEADER_BYTES - 100) + b"\r\n\r\n", 200),
        (START + b"a: " + b"b" * MAX_HEADER_BYTES + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * (MAX_HEADER_BYTES - 100) + b" HTTP/1.1\r\nHost: test\r\n\r\n", 404),
        (b"GET /" + b"a" * MAX_HEADER_BYTES + b" HTTP/1.1\r\nHost: test\r\n\r\n", 431),
        (START + b"a: b\r\n" * 500_000, 431),
        (START + b"a: " + b"b" * 5_000_000, 431),
        (START + b"b" * 5_000_000, 431),
        (b"GET /" + b"a" * 5_000_000, 431),
        (b"no request\r\n\r\n", 400),
        (b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n", 400),
        (POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ],
)
def test_the_head_of_a_request_has_bounds(server: httpx.Client, sent: bytes, status: int) -> None:
    # What is refused early may find the connection reset before it has read why, if it is still sending then.
    with connect(server, sent) as connection:
        line = told(connection)[:12]
    assert line in ((b"", b"HTTP/1.1 %d" % status) if len(sent) > 100_000 else (b"HTTP/1.1 %d" % status,))
    assert server.get("/health/live").status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 1_000_000,
        POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * 5_000_000,
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1;aaaaaaaaaaaaaaaa\r\nx\r\n" * 300_000,
        POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n" + b"a: b\r\n" * 500_000,
        POST
        + b"Transfer-Encoding: chunked\r\n\r\n"
        + b"10000\r\n"
        + b"x" * 65536
        + b"\r\n"
        + b"8000000\r\n"
        + b"x" * 9_000_000,
    ],
    ids=["chunks", "extension", "extensions", "trailers", "body"],
)
def test_a_body_without_end_is_not_read_to_its_end(server: httpx.Client, sent: bytes) -> None:
    start = time.monotonic()
    with connect(server, sent) as connection:
        told(connection)
    assert time.monotonic() - start < 5
    assert server.get("/health/live").status_code == 200


def test_trailers_are_no_headers_of_the_request(server: httpx.Client) -> None:
    body = b"%x\r\n" % len(ASKED) + ASKED + b"\r\n0\r\nauthorization: Bearer nonsense\r\n\r\n"
    with connect(server, POST + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + body) as connection:
        assert told(connection).endswith(b'{"data":{"__typename":"Query"}}')


def test_requests_are_pipelined_up_to_a_bound(server: httpx.Client) -> None:
    closing = START + b"Connection: close\r\n\r\n"
    with connect(server, (START + b"\r\n") * (MAX_PIPELINED - 1) + closing) as connection:
        assert told(connection).count(b'{"status":"live"}') == MAX_PIPELINED
    with connect(server, (START + b"\r\n") * 50_000) as connection:
        assert told(connection).count(b'{"status":"live"}') <= MAX_PIPELINED + 1


def test_a_wish_for_another_protocol_is_passed_over(server: httpx.Client) -> None:
    for wanted in (b"websocket", b"h2c"):
        upgrade = b"Connection: Upgrade\r\nUpgrade: " + wanted + b"\r\nSec-WebSocket-Version: 13\r\n"
        with connect(server, START + upgrade + b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n") as connection:
            assert told(connection).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("sent", [b"", START, POST + b"Content-Length: 900000\r\n\r\n" + b" " * 1_000])
def test_many_who_wait_stand_in_nobodys_way(server: httpx.Client, sent: bytes) -> None:
    def dropped() -> float:
        return sum(refused(server, reason) for reason in ("share", "headers", "body", "connections"))

    before, busy = dropped(), refused(server, "busy")
    with ExitStack() as stack:
        for _ in range(3 * PLACES):
            stack.enter_context(connect(server, sent))
        for _ in range(5):
            assert server.get("/health/live").status_code == 200
            assert server.post("/graphql", json={"query": "{ __typename }"}).status_code == 200
        # A quarter of the places is what they may hold together; a silent connection holds none.
        most = 3 * PLACES - PLACES // 4 if sent else 0
        for _ in range(50):
            if dropped() - before >= most:
                break
            time.sleep(0.1)
        assert dropped() - before >= most
    assert refused(server, "busy") == busy


def test_who_does_not_read_the_answer_is_dropped(server: httpx.Client) -> None:
    before = refused(server, "share") + refused(server, "answer")
    with ExitStack() as stack:
        readers = [stack.enter_context(connect(server, BIG * 16, 4096)) for _ in range(2 * PLACES)]
        for _ in range(5):
            assert server.post("/graphql", json={"query": "{ __typename }"}).status_code == 200
            time.sleep(0.5)
        assert refused(server, "share") + refused(server, "answer") == before + 2 * PLACES
        assert all(len(told(reader)) < 16 * len(SCRIPT.read_bytes()) for reader in readers[:2])


def test_a_request_is_not_begun_while_the_answer_before_it_lies_unread(server: httpx.Client) -> None:
    def begun() -> float:
        lines = server.get("/metrics").text.splitlines()
        return sum(
            float(line.split()[-1]) for line in lines if line.startswith('crmgraph_requests_total{door="graphql')
        )

    before = begun()
    with connect(server, BIG * MAX_PIPELINED, 4096) as reader:
        time.sleep(0.4)
        assert begun() == before + 1
        # Who reads gets them all, each as it was asked for.
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20)
        wanted = MAX_PIPELINED * len(SCRIPT.read_bytes())
        got = 0
        while got < wanted and (piece := reader.recv(2**20)):
            got += len(piece)
        assert got >= wanted
    assert begun() == before + MAX_PIPELINED


def test_when_all_connections_are_taken_the_one_that_is_idle_longest_makes_room(server: httpx.Client) -> None:
    before = refused(server, "connections")
    with ExitStack() as stack:
        silent = [stack.enter_context(connect(server)) for _ in range(80)]
        assert server.get("/health/live").status_code == 200
        assert refused(server, "connections") - before >= 20
        silent[0].settimeout(10)
        assert told(silent[0]) == b""


def test_behind_a_trusted_proxy_who_waits_is_the_client_that_it_names(sqlite_template: Path, tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    shutil.copy(sqlite_template, tmp_path / "var" / "crmgraph.db")
    settings = {
        "CRMGRAPH_SECRET_KEY": SECRET,
        "CRMGRAPH_METRICS": "true",
        "CRMGRAPH_MAX_CONCURRENCY": str(PLACES),
        "CRMGRAPH_TRUSTED_PROXIES": "127.0.0.1",
    }

    def half(named: bytes) -> bytes:
        return POST + b"X-Forwarded-For: " + named + b"\r\nContent-Length: 900000\r\n\r\n{"

    with serving(tmp_path, **settings) as (client, _), ExitStack() as stack:
        for i in range(PLACES // 2):
            stack.enter_context(connect(client, half(b"198.51.100.%d" % i)))
        assert client.get("/health/live").status_code == 200
        assert refused(client, "share") == 0
        # What a client claims of itself, before the address that the proxy saw, makes it nobody else.
        same = [stack.enter_context(connect(client, half(b"192.0.2.%d, 203.0.113.9" % i))) for i in range(PLACES // 2)]
        for each in same[: PLACES // 4]:
            assert told(each).startswith(b"HTTP/1.1 503 ")
        assert refused(client, "share") == PLACES // 4
