"""How long hostile requests stop the event loop: `make bench ARGS=--pauses`.

One worker's loop serves the demo in this process, and a thread beside it sends each request over a socket. A clock in
the loop wants to be woken every millisecond; what it waits longer is a pause, in which nobody is answered. Each request
is sent twice and the shorter of its longest pauses counts, for the machine may have been busy with something else.
"""

import asyncio
import base64
import contextlib
import gc
import io
import json
import socket
import struct
import sys
import tempfile
import time
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

from crmgraph import demo
from crmgraph.app import create_app
from crmgraph.assembly import build
from crmgraph.db.database import Database
from crmgraph.demo.loading import load
from crmgraph.http.protocol import Connection
from crmgraph.logs import configure
from crmgraph.migrations import upgrade
from crmgraph.seed import seed
from crmgraph.settings import Settings

MOST_MS = 50.0
"""The longest pause that is let pass, in milliseconds."""
REPEATS = 2
SECONDS = 10.0
"""How long one exchange may take before the client gives it up: a hundred rows take seconds on a busy machine."""


@dataclass(frozen=True, slots=True)
class Pause:
    """What one hostile request did.

    Attributes:
        ms: the longest pause of the loop, by what its thread worked.
        clock: the same by the clock, in which other programs may have had their turn.
        status: of the answer; 0 where the connection was closed without one.
        sent: bytes of the request.
    """

    name: str
    ms: float
    clock: float
    status: int
    sent: int


def request(path: str, body: bytes = b"", headers: Mapping[str, str] | None = None, method: str = "POST") -> bytes:
    """A request over HTTP/1.1, as bytes, after which the connection is closed."""
    lines = [f"{method} {path} HTTP/1.1", "Host: test", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body or method in ("POST", "PUT"):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def graphql(query: str, **variables: Any) -> bytes:
    """An operation as a request."""
    body = json.dumps({"query": query, "variables": variables}, separators=(",", ":")).encode()
    return request("/graphql", body, {"Content-Type": "application/json"})


def multipart(parts: Mapping[str, str | bytes], path: str = "/graphql", **headers: str) -> bytes:
    """A form with these parts; those that are bytes are files."""
    pieces = []
    for name, content in parts.items():
        file = '; filename="a.png"\r\nContent-Type: image/png' if isinstance(content, bytes) else ""
        value = content if isinstance(content, bytes) else content.encode()
        pieces.append(
            b'--x\r\nContent-Disposition: form-data; name="'
            + name.encode()
            + b'"'
            + file.encode()
            + b"\r\n\r\n"
            + value
        )
    body = b"\r\n".join([*pieces, b"--x--\r\n"])
    return request(path, body, {"Content-Type": "multipart/form-data; boundary=x", **headers})


def png(width: int, height: int) -> bytes:
    """A PNG of one colour: a few kilobytes for as many pixels as one likes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packed = zlib.compressobj(9)
    row = b"\0" + b"\0" * width
    data = b"".join(packed.compress(row) for _ in range(height)) + packed.flush()
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


CONTACTS = "query($f: ContactFilter) { contacts(filter: $f) { nodes { id } } }"
SORTED = "query($s: [ContactSort!]) { contacts(sort: $s) { nodes { id } } }"
SIGNUP = "mutation($i: SignupInput!) { signup(input: $i) { userErrors { code } } }"
LOGIN = "mutation($i: LoginInput!) { login(input: $i) { accessToken } }"
UPLOAD = "mutation($p: Upload!) { uploadPhoto(input: {photo: $p}) { userErrors { code } } }"
COVALENSE = {"correlationId": "1", "srDate": "1", "source": "1", "destination": "1", "operation": "1"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
FULL = 2 * 1024 * 1024 - 1024
"""As long as a body may be, nearly."""


def filled(piece: str, start: str, end: str, length: int = FULL) -> bytes:
    """A body of `length` bytes that repeats a piece, with commas between, within a start and an end."""
    count = max(1, (length - len(start) - len(end)) // (len(piece) + 1))
    return (start + ",".join([piece] * count) + end).encode()


def documents() -> Iterator[tuple[str, bytes]]:
    """GraphQL documents."""
    fields = "id fullName firstName lastName jobTitle"
    yield "a plain query", graphql("{ contacts { nodes { id } } }")
    yield "braces, two million", graphql("{" * FULL)
    yield "a comment of two megabytes", graphql("{ me { id } } #" + "x" * (FULL - 100))
    yield "a text of two megabytes", graphql('{ contact(by: {id: "' + "x" * (FULL - 100) + '"}) { id } }')
    yield "a block text of blanks", graphql('{ contact(by: {id: """' + "\n " * (FULL // 3 - 100) + '"""}) { id } }')
    yield "tokens, 4,000 of one line", graphql("{ contacts(filter: {or: [" + "{} " * 1990 + "]}) { nodes { id } } }")
    yield "tokens, a million", graphql("{ me { " + "id " * (FULL // 3 - 100) + "} }")
    ors = "{lastName: {eq: 1}} " * 430
    yield "an inline or of 430", graphql("{ contacts(filter: {or: [" + ors + "]}) { nodes { id } } }")
    ors = '{lastName: {eq: "a"}} ' * 100
    yield "an inline or of 100", graphql("{ contacts(filter: {or: [" + ors + "]}) { nodes { id } } }")
    yield (
        "an inline in of 3,900",
        graphql('{ contacts(filter: {lastName: {in: ["a"' + ', "a"' * 3900 + "]}}) { nodes { id } } }"),
    )
    yield "an inline sort of 400", graphql("{ contacts(sort: [" + "{field: LAST_NAME} " * 490 + "]) { nodes { id } } }")
    yield "unknown fields, 790", graphql("{ me { " + " ".join(f"x{n}" for n in range(790)) + " } }")
    yield "aliases, 99", graphql("{ " + " ".join(f"a{n}: me {{ {fields} }}" for n in range(99)) + " }")
    spreads = " ".join(
        f"fragment f{n} on Contact {{ {'...f' + str(n + 1) + ' ' if n < 199 else ''}id fullName }}" for n in range(200)
    )
    yield "fragments, 200 in a row", graphql("{ contacts { nodes { ...f0 } } } " + spreads)
    conflicts = " ".join(f"fragment f{n} on Contact {{ a{n}: id fullName }}" for n in range(95))
    yield (
        "fragments, 95 side by side",
        graphql("{ contacts { nodes { " + " ".join(f"...f{n}" for n in range(95)) + " } } } " + conflicts),
    )
    yield (
        "fragments that nobody spreads, 600",
        graphql("{ me { id } } " + " ".join(f"fragment g{n} on Viewer {{ id }}" for n in range(560))),
    )
    yield "operations, 900", graphql(" ".join(f"query q{n} {{ me {{ id }} }}" for n in range(490)))
    yield (
        "variables declared, 900",
        graphql("query(" + " ".join(f"$v{n}: ContactFilter" for n in range(900)) + ") { me { id } }"),
    )
    nested = "{ reportsTo " * 12 + "{ id }" + " }" * 12
    yield "nested pages", graphql("{ contacts(first: 100) { nodes " + nested + " } }")
    yield "a nested list, 3,900 deep", graphql("{ contacts(filter: " + "[" * 1900 + "]" * 1900 + ") { nodes { id } } }")
    yield (
        "nested filters, 900 deep",
        graphql("{ contacts(filter: " + "{not: " * 900 + "{}" + "}" * 900 + ") { nodes { id } } }"),
    )
    yield (
        "introspection of everything",
        graphql(
            "{ __schema { types { name fields { name args { name type { name ofType { name } } } type { name ofType "
            "{ name } } } inputFields { name type { name ofType { name } } } enumValues { name } } } }"
        ),
    )


def costly(token: str) -> Iterator[tuple[str, bytes]]:
    """Documents near the cost limit, of a member of the staff; what mixes in the schema is left to the resolvers."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    schema = "__schema { queryType { name } }"
    row = "id fullName jobTitle createdAt updatedAt"
    wide = " ".join(f"a{n}: fullName b{n}: createdAt" for n in range(45))
    for name, query in (
        ("pages of pages", f"accounts(first: 100) {{ nodes {{ name contacts(first: 99) {{ nodes {{ {row} }} }} }} }}"),
        (
            "rows of pages",
            f"accounts(first: 30) {{ nodes {{ contacts(first: 100) {{ nodes {{ {row} phones {{ raw }} }} }} }} }}",
        ),
        ("a hundred fields", f"contacts(first: 100) {{ nodes {{ {wide} }} }}"),
    ):
        for executor, text in (("compiled", f"{{ {query} }}"), ("resolvers", f"{{ {schema} {query} }}")):
            yield f"{name}, {executor}", request("/graphql", json.dumps({"query": text}).encode(), headers)


def variables() -> Iterator[tuple[str, bytes]]:
    """Variables of GraphQL."""
    yield "or: [{} x 690,000]", _variables(CONTACTS, filled("{}", '{"f":{"or":[', "]}}", FULL - 400))
    for count in (100, 101, 40_000):
        yield f"or: [{{}} x {count:,}]", graphql(CONTACTS, f={"or": [{}] * count})
        comparisons = [{"lastName": {"eq": f"a{n}"}} for n in range(count)]
        yield f"or: [comparison x {count:,}]", graphql(CONTACTS, f={"or": comparisons})
    many = [{"lastName": {"eq": str(n)}} for n in range(20)]
    yield "or in or, 64 deep", graphql(CONTACTS, f=_nested(64))
    yield "or in or, 16 of 20 each", graphql(CONTACTS, f={"or": [{"or": many} for _ in range(16)]})
    for count in (1_000, 200_000):
        yield f"in: [text x {count:,}]", graphql(CONTACTS, f={"lastName": {"in": [str(n) for n in range(count)]}})
        yield (
            f"in: [email x {count:,}]",
            graphql(CONTACTS, f={"email": {"in": [f"a{n}@example.com" for n in range(min(count, 90_000))]}}),
        )
        yield (
            f"in: [phone x {count:,}]",
            graphql(CONTACTS, f={"phone": {"in": [f"+49171{n:07}" for n in range(min(count, 120_000))]}}),
        )
    for count in (10, 50_000):
        yield f"sort x {count:,}", graphql(SORTED, s=[{"field": "LAST_NAME", "direction": "ASC"}] * count)
    phone = {"kind": "MOBILE", "raw": "+49 171 1234567"}
    address = {"kind": "HOME", "street": "s" * 20, "city": "c", "country": "DE", "notes": "n", "postalCode": "1"}
    for count in (100, 20_000):
        person = {"email": "x", "password": "y", "lastName": "z", "phones": {"add": [phone] * count}}
        yield f"signup with {count:,} phones", graphql(SIGNUP, i=person)
        emails = {"add": [{"kind": "HOME", "address": f"a{n}@example.com"} for n in range(count)]}
        yield f"signup with {count:,} emails", graphql(SIGNUP, i=person | {"emails": emails})
        addresses = {"add": [address] * min(count, 15_000)}
        yield f"signup with {count:,} addresses", graphql(SIGNUP, i=person | {"phones": None, "addresses": addresses})
    yield (
        "a name of two megabytes",
        graphql(SIGNUP, i={"email": "x@example.com", "password": "y", "lastName": "z" * (FULL - 500)}),
    )
    yield (
        "an email of two megabytes",
        graphql(SIGNUP, i={"email": "x@" + "ü." * (FULL // 8), "password": "y", "lastName": "z"}),
    )
    yield "a phone of two megabytes", graphql(CONTACTS, f={"phone": {"eq": "+49 1" + "1 " * (FULL // 2 - 100)}})
    yield "a country of two megabytes", graphql(CONTACTS, f={"country": {"eq": "ü" * (FULL // 8)}})
    yield (
        "a password of two megabytes",
        graphql(
            'mutation($p: String!) { login(input: {email: "a@example.com", password: $p}) { userErrors { code } } }',
            p="ü" * (FULL // 8),
        ),
    )
    yield (
        "a token of two megabytes",
        graphql(
            "mutation($p: String!) { refreshSession(input: {refreshToken: $p}) { userErrors { code } } }",
            p="ü" * (FULL // 8),
        ),
    )
    yield "a variable nobody declared", _variables(CONTACTS, filled('"a"', '{"x":[', "]}", FULL - 400))
    yield (
        "extensions of two megabytes",
        request("/graphql", filled("{}", '{"query":"{ me { id } }","extensions":{"x":[', "]}}"), JSON),
    )
    yield (
        "keys, 200,000",
        request(
            "/graphql",
            ("{" + ",".join(f'"{n}":0' for n in range(190_000)) + ',"query":"{ me { id } }"}').encode(),
            JSON,
        ),
    )


def _nested(depth: int) -> dict[str, Any]:
    return {"or": [_nested(depth - 1)]} if depth > 3 else {}


def _variables(query: str, given: bytes) -> bytes:
    body = b'{"query":' + json.dumps(query).encode() + b',"variables":' + given + b"}"
    return request("/graphql", body, JSON)


def bodies(zoho: str, crmcom: str, cookie: str) -> Iterator[tuple[str, bytes]]:
    """Forms, multipart maps, legacy JSON, criteria and addresses."""
    guard = {"GraphQL-Preflight": "1"}
    operation = json.dumps({"query": UPLOAD, "variables": {"p": None}})
    yield "GraphQL: not JSON, two megabytes", request("/graphql", b"[" * FULL, JSON)
    yield "GraphQL: a number of two million digits", request("/graphql", b"1" * FULL, JSON)
    yield "GraphQL: lists, a million", request("/graphql", filled("[]", "[", "]"), JSON)
    yield (
        "GraphQL: a map of 300,000",
        multipart(
            {
                "operations": operation,
                "map": "{" + ",".join(f'"{n}":["variables.p"]' for n in range(100_000)) + "}",
                "0": b"x",
            },
            **guard,
        ),
    )
    yield (
        "GraphQL: a map of one with 100,000 paths",
        multipart({"operations": operation, "map": json.dumps({"0": ["variables.p"] * 100_000}), "0": b"x"}, **guard),
    )
    yield (
        "GraphQL: a path of two megabytes",
        multipart({"operations": operation, "map": json.dumps({"0": ["variables." * 190_000]}), "0": b"x"}, **guard),
    )
    yield "GraphQL: a form of 100,000 fields", multipart({str(n): "" for n in range(100_000)}, **guard)
    yield (
        "GraphQL: a form of one line after another",
        request(
            "/graphql", b"--x\r\n" + b"\r\n" * (FULL // 2), {"Content-Type": "multipart/form-data; boundary=x", **guard}
        ),
    )
    yield "GraphQL: a query of 60 KB", request("/graphql?" + "&".join(f"a{n}=%41" for n in range(7_000)), method="GET")
    for door, path, headers in (
        ("Covalense", "/crm/v1/login", COVALENSE | {"type": "x"} | JSON),
        ("Covalense signup", "/crm/v1/signup", COVALENSE | JSON),
        ("Zoho", "/crm/v2/Contacts", {"Authorization": zoho} | JSON),
        ("CRM.COM", f"/crmapi/rest/v2/contact_information/create?token={crmcom}", JSON),
        ("Valomnia", "/api/v2.1/contacts", {"Cookie": cookie} | JSON),
    ):
        yield f"{door}: lists, a million", request(path, filled("[]", '{"a":[', "]}"), headers)
        yield f"{door}: objects, 690,000", request(path, filled("{}", '{"data":[', "]}"), headers)
        yield (
            f"{door}: keys, 190,000",
            request(path, ("{" + ",".join(f'"k{n}":0' for n in range(170_000)) + "}").encode(), headers),
        )
        yield f"{door}: nested", request(path, b'{"a":' + b"[" * 900 + b"]" * 900 + b"}", headers)
        yield (
            f"{door}: a text of two megabytes",
            request(path, b'{"First_Name":"' + b"a" * (FULL - 50) + b'"}', headers),
        )
        yield f"{door}: fields of a form, 250,000", request(path, b"&".join([b"a=%41"] * 250_000), headers | FORM)
        yield (
            f"{door}: one field of a form, percent-encoded",
            request(path, b"a=" + b"%41" * (FULL // 3 - 1), headers | FORM),
        )
        yield f"{door}: separators of a form", request(path, b"&" * FULL, headers | FORM)
    yield "Zoho token: a form of 64 KB", request("/oauth/v2/token", b"&".join([b"a=1"] * 16_000), FORM)
    auth = {"Authorization": zoho}
    row = {"Last_Name": "a", "Email": "a@example.com", "Phone": "+49 171 1234567", "Mailing_Street": "s"}
    yield "Zoho: 100 rows", request("/crm/v2/Contacts", json.dumps({"data": [row] * 100}).encode(), auth | JSON)
    yield (
        "Zoho: 100 rows of 16 KB each",
        request(
            "/crm/v2/Contacts",
            json.dumps({"data": [{"Last_Name": "a", **{f"k{n}": "v" * 100 for n in range(150)}}] * 100}).encode(),
            auth | JSON,
        ),
    )
    criteria = "or".join(["(Last_Name:equals:a)"] * 400)
    for name, text in (
        ("clauses", criteria),
        ("brackets", "(" * 9_000),
        ("backslashes", "(Last_Name:equals:" + "%5C," * 2_000 + ")"),
    ):
        yield (
            f"Zoho: criteria of {name}",
            request(f"/crm/v2/Contacts/search?criteria={text}", headers=auth, method="GET"),
        )
    yield (
        "Zoho: 10,000 ids",
        request("/crm/v2/Contacts?ids=" + ",".join(["738964000002148061"] * 3_000), headers=auth, method="GET"),
    )
    yield (
        "Zoho: 10,000 fields",
        request("/crm/v2/Contacts?fields=" + ",".join(["Last_Name"] * 6_000), headers=auth, method="GET"),
    )
    yield "Zoho: a word of 50 KB", request("/crm/v2/Contacts/search?word=" + "a+" * 25_000, headers=auth, method="GET")
    sets = {"token": crmcom, "contact_information_set": [{"a": 1}] * 40_000}
    yield (
        "CRM.COM: sets of 40,000",
        request("/crmapi/rest/v2/contact_information/create", json.dumps(sets).encode(), JSON),
    )
    pixels = png(16_000, 2_499)
    token = f"/crmapi/rest/v2/contact_information/profile_photo/add?token={crmcom}&number=1"
    yield "CRM.COM: a photo of 40 million pixels", multipart({"file": pixels}, token)
    yield "CRM.COM: a photo of a billion pixels", multipart({"file": png(30_000, 34_000)}, token)
    encoded = base64.b64encode(pixels).decode()
    yield (
        "Covalense: a picture of 40 million pixels",
        request(
            "/crm/v1/profile/image", json.dumps({"image": encoded}).encode(), COVALENSE | JSON | {"token": "x"}, "PUT"
        ),
    )


def connections() -> Iterator[tuple[str, bytes]]:
    """What is wrong with a request before it is anybody's."""
    start = b"GET /health/live HTTP/1.1\r\nHost: test\r\n"
    yield "headers of one byte, a million", start + b"a:b\r\n" * 1_000_000
    yield "one header of 20 MB", start + b"a: " + b"b" * 20_000_000
    yield "a header name of 20 MB", start + b"b" * 20_000_000
    yield "an address of 20 MB", b"GET /" + b"a" * 20_000_000
    yield (
        "an address of 60 KB, percent-encoded",
        b"GET /" + b"%41" * 20_000 + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    )
    yield "pipelined requests, 100,000", (start + b"\r\n") * 100_000
    chunked = (
        b"POST /graphql HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    yield "chunks of one byte, a million", chunked + b"1\r\nx\r\n" * 1_000_000
    yield "a chunk extension of 20 MB", chunked + b"1;" + b"a" * 20_000_000
    yield "chunk extensions, a million", chunked + b"1;aaaa=bbbb\r\nx\r\n" * 500_000
    yield "trailers, a million", chunked + b"2\r\n{}\r\n0\r\n" + b"a: b\r\n" * 1_000_000
    yield "cookies, 60 KB", start + b"Cookie: " + b"a=b; " * 12_000 + b"\r\nConnection: close\r\n\r\n"
    yield "blank lines before a request", b"\r\n" * 5_000_000
    yield (
        "X-Forwarded-For of 60 KB",
        start + b"X-Forwarded-For: " + b"1.2.3.4, " * 6_500 + b"\r\nConnection: close\r\n\r\n",
    )
    yield (
        "Accept of 60 KB",
        b"POST /graphql HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAccept: "
        + b"a/b, " * 12_000
        + b"\r\nContent-Length: 0\r\n\r\n",
    )
    yield (
        "Authorization of 60 KB",
        b"POST /graphql HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer "
        + b"a." * 30_000
        + b"\r\nContent-Type: application/json\r\nContent-Length: 26\r\n\r\n"
        + b'{"query":"{ me { id } } "}',
    )


async def measured(port: int, name: str, sent: bytes) -> Pause:
    """The longest pause of this loop while the request is read and answered."""
    shortest, status = (float("inf"), float("inf")), 0
    for _ in range(REPEATS):
        longest = [0.0, 0.0]
        ticking = asyncio.create_task(_tick(longest))
        status = await asyncio.to_thread(_exchange, port, sent)
        await asyncio.sleep(0.01)
        ticking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticking
        shortest = min(shortest, (longest[0], longest[1]))
    return Pause(name, *shortest, status, len(sent))


async def _tick(longest: list[float]) -> None:
    """Keep the longest pauses: [what the thread worked, what the clock says], in milliseconds."""
    worked, clock = time.thread_time(), time.perf_counter()
    while True:
        await asyncio.sleep(0.001)
        now = time.thread_time(), time.perf_counter()
        longest[0] = max(longest[0], (now[0] - worked) * 1000)
        longest[1] = max(longest[1], (now[1] - clock - 0.001) * 1000)
        worked, clock = now


def _exchange(port: int, sent: bytes) -> int:
    """The status of the answer to these bytes; 0 where there is none."""
    answer = io.BytesIO()
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        # Whoever refuses early closes before all is sent; what it said lies in the buffer all the same.
        with contextlib.suppress(OSError):
            connection.sendall(sent)
        with contextlib.suppress(OSError):
            while piece := connection.recv(65536):
                answer.write(piece)
    line = answer.getvalue()[:12].split(b" ")
    return int(line[1]) if len(line) > 1 and line[1].isdigit() else 0


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[int, dict[str, Any]]]:
    """(port, credentials) of the demo, served in this loop as a worker serves it."""
    kept = demo.prepare(folder)
    settings = Settings(demo=True, demo_folder=folder, log_level="error").for_demo(folder, kept.secret)
    db = Database(settings.database_url, pooled=False)
    await upgrade(db)
    await db.close()
    core, runner = build(settings)
    await load(core, kept)
    await seed(core.db, accounts=100, contacts=6_000, leads=0)
    await runner.close()
    await core.db.close()
    configure("error", "json")
    app = create_app(settings)
    config = uvicorn.Config(
        app, port=0, http=Connection, ws="none", access_log=False, log_level="critical", server_header=False
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1], demo.shown(kept)
    finally:
        server.should_exit = True
        await task


def _tokens(port: int, credentials: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """(a member of the staff's token, Zoho's Authorization, CRM.COM's token, Valomnia's cookie)."""

    def ask(sent: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
            connection.sendall(sent)
            pieces = []
            while piece := connection.recv(65536):
                pieces.append(piece)
        return b"".join(pieces)

    crmcom = ask(request("/crmapi/rest/v2/authentication/token", json.dumps(credentials["crmcom"]).encode(), JSON))
    login = ask(graphql(LOGIN, i=credentials["staff"]))
    staff = json.loads(login.partition(b"\r\n\r\n")[2])["data"]["login"]["accessToken"]
    known = credentials["valomnia"]
    form = f"j_username={known['username']}&j_password={known['password']}".encode()
    session = ask(request("/j_spring_security_check", form, FORM))
    token = json.loads(crmcom.partition(b"\r\n\r\n")[2])["data"]["token"]
    cookie = next(line for line in session.decode().splitlines() if line.lower().startswith("set-cookie"))
    zoho = f"Zoho-oauthtoken {credentials['zoho']['access_token']}"
    return staff, zoho, token, cookie.partition(": ")[2].partition(";")[0]


async def measure(only: str = "") -> list[Pause]:
    """All pauses, in the order of the lists.

    Args:
        only: a part of the names of those that are wanted.
    """
    with tempfile.TemporaryDirectory() as folder:
        async with serving(Path(folder)) as (port, credentials):
            staff, *others = await asyncio.to_thread(_tokens, port, credentials)
            # As a worker does.
            gc.collect()
            gc.freeze()
            lists: tuple[Callable[[], Iterator[tuple[str, bytes]]], ...] = (
                documents,
                lambda: costly(staff),
                variables,
                lambda: bodies(*others),
                connections,
            )
            found = []
            for each in lists:
                for name, sent in each():
                    if only in name:
                        found.append(await measured(port, name, sent))
                        sys.stderr.write(f"{found[-1].ms:8.1f} ms  {found[-1].status:3}  {name}\n")
            return found


def main(only: str = "") -> int:
    """Print the table; 1 when a pause is longer than `MOST_MS`."""
    found = sorted(uvloop.run(measure(only)), key=lambda pause: -pause.ms)
    sys.stdout.write(
        "| request | bytes | status | longest pause, ms | by the clock |\n| --- | ---: | ---: | ---: | ---: |\n"
    )
    for pause in found:
        status = pause.status or "closed"
        sys.stdout.write(f"| {pause.name} | {pause.sent:,} | {status} | {pause.ms:.1f} | {pause.clock:.1f} |\n")
    return int(any(pause.ms > MOST_MS for pause in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
