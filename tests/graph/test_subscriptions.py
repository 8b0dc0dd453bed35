"""Subscriptions over WebSockets and as streams of events: what is told, to whom, and within which bounds."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from crmgraph.crm.models import PartyKind, Role
from crmgraph.graph.edge import events, sockets
from tests.conftest import Running, listening, serving, settings_for
from tests.graph.conftest import Caller, Customer, hired, put, signed_up

CHANGED = (
    "subscription($after: String, $kinds: [PartyKind!], $ids: [ID!]) {"
    " changed(after: $after, kinds: $kinds, ids: $ids) { cursor action recordId gap record { displayName revision } } }"
)
RENAME = "mutation($i: UpdateContactInput!) { updateContact(input: $i) { userErrors { code } } }"
END = "query { changes(first: 0) { pageInfo { endCursor } } }"


@dataclass
class Server:
    """The whole application on the loopback interface, and the same without a network beside it, over one database."""

    url: str
    beside: Running
    staff: Caller
    customer: Customer

    async def contact(self, name: str) -> str:
        return f"con_{(await put(self.beside.core, PartyKind.CONTACT, {'last_name': name}))[0]}"

    async def rename(self, contact: str, name: str) -> None:
        await self.staff(RENAME, i={"contact": {"id": contact}, "lastName": name})

    async def end(self) -> str | None:
        cursor: str | None = (await self.staff(END))["changes"]["pageInfo"]["endCursor"]
        return cursor


@asynccontextmanager
async def server_of(database: str, folder: Path, **changes: Any) -> AsyncIterator[Server]:
    # Those who write are in another process, as it were: only the database tells of them.
    async with serving(settings_for(database, folder, **changes)) as (client, app):
        beside = Running(client, app, {})
        nobody = Caller(client)
        staff = await hired(beside.core, nobody, "clerk@example.com", Role.AGENT)
        customer = await signed_up(nobody, "ray@example.com")
        with listening(database, folder, **{"feed_poll_seconds": 0.2, **changes}) as url:
            yield Server(url, beside, staff, customer)


@pytest.fixture
async def server(database: str, tmp_path: Path) -> AsyncIterator[Server]:
    async with server_of(database, tmp_path) as found:
        yield found


@dataclass
class Socket:
    """A client of graphql-transport-ws that says what it is told."""

    raw: ClientConnection
    kept: list[dict[str, Any]] = field(default_factory=list)

    async def send(self, **message: Any) -> None:
        await self.raw.send(json.dumps(message))

    async def next(self, seconds: float = 10) -> dict[str, Any]:
        async with asyncio.timeout(seconds):
            message: dict[str, Any] = json.loads(await self.raw.recv())
        return message

    async def event(self) -> dict[str, Any]:
        message = await self.next()
        assert message["type"] == "next", message
        found: dict[str, Any] = message["payload"]["data"]["changed"]
        return found

    async def subscribe(self, own_id: str = "1", query: str = CHANGED, **variables: Any) -> None:
        await self.send(id=own_id, type="subscribe", payload={"query": query, "variables": variables})

    async def closed(self) -> tuple[int, str]:
        with pytest.raises(websockets.ConnectionClosed):
            while True:
                await self.next()
        return self.raw.close_code or 0, self.raw.close_reason or ""


@asynccontextmanager
async def opened(server: Server, token: str | None = "", **options: Any) -> AsyncIterator[Socket]:
    """A socket that is acknowledged; with the token None one that has said nothing yet."""
    address = server.url.replace("http://", "ws://") + "/graphql"
    async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], **options) as raw:
        socket = Socket(raw)
        if token is not None:
            await socket.send(
                type="connection_init", payload={"Authorization": f"Bearer {token or server.staff.token}"}
            )
            assert await socket.next() == {"type": "connection_ack"}
        yield socket


async def test_changes_are_told_as_they_happen(server: Server) -> None:
    ann = await server.contact("Ann")
    async with opened(server) as socket:
        await socket.subscribe()
        await asyncio.sleep(0.5)  # from now on
        await server.rename(ann, "Anna")
        told = await socket.event()
        assert (told["action"], told["recordId"], told["gap"]) == ("UPDATED", ann, False)
        assert told["record"] == {"displayName": "Anna", "revision": 2}
        bob = await server.contact("Bob")
        assert (await socket.event())["recordId"] == bob
        await socket.send(id="1", type="complete")
        await socket.send(type="ping")
        assert await socket.next() == {"type": "pong"}


async def test_a_subscription_goes_on_from_any_cursor(server: Server) -> None:
    cursor = await server.end()
    made = [await server.contact(name) for name in "ABCDE"]
    seen = []
    for _ in range(3):
        async with opened(server) as socket:
            await socket.subscribe(after=cursor)
            for _ in range(2):
                told = await socket.event()
                seen.append(told["recordId"])
                cursor = told["cursor"]
                if len(seen) == 6:
                    break
                if len(seen) == 5:
                    made.append(await server.contact("F"))
    assert seen == made


async def test_only_what_is_asked_for_is_told(server: Server) -> None:
    cursor = await server.end()
    ann, bob = await server.contact("Ann"), await server.contact("Bob")
    (acme,) = await put(server.beside.core, PartyKind.ACCOUNT, {"name": "Acme"})
    async with opened(server) as socket:
        await socket.subscribe("accounts", after=cursor, kinds=["ACCOUNT"])
        assert (await socket.event())["recordId"] == f"acc_{acme}"
        await socket.subscribe("bob", after=cursor, ids=[bob])
        assert (await socket.event())["recordId"] == bob
        await server.rename(ann, "Anna")
        await server.rename(bob, "Bobby")
        message = await socket.next()
        assert (message["id"], message["payload"]["data"]["changed"]["recordId"]) == ("bob", bob)


async def test_what_cannot_be_subscribed_to_is_told_why(server: Server) -> None:
    async with opened(server) as socket:
        for query, variables, code in (
            (CHANGED, {"after": "x"}, "BAD_USER_INPUT"),
            (CHANGED, {"after": "1.5.1000000001.1"}, "GONE"),
            (CHANGED, {"ids": ["usr_1"]}, "BAD_USER_INPUT"),
            ("subscription { changed { nothing } }", {}, "GRAPHQL_VALIDATION_FAILED"),
            ("subscription {", {}, "GRAPHQL_PARSE_FAILED"),
            ("query { me { id } }", {}, "BAD_REQUEST"),
            ("subscription { a: changed { cursor } b: changed { cursor } }", {}, "GRAPHQL_VALIDATION_FAILED"),
            ("subscription { changed { " + "cursor " * 900 + "} }", {}, "TOO_COSTLY"),
        ):
            await socket.subscribe("own", query, **variables)
            message = await socket.next()
            assert (message["id"], message["type"]) == ("own", "error"), query
            assert message["payload"][0]["extensions"]["code"] == code, query
    async with opened(server, server.customer.token) as socket:
        await socket.subscribe()
        message = await socket.next()
        assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "FORBIDDEN")


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (['{"type":"connection_init"}'], 4403),
        (['{"type":"connection_init","payload":{"authorization":"Bearer x.y.z"}}'], 4403),
        (['{"type":"connection_init","payload":[]}'], 4400),
        (['{"type":"subscribe","id":"1","payload":{"query":"{me{id}}"}}'], 4401),
        (["no JSON"], 4400),
        (["[" * 5_000], 4400),
        (['{"id":1}'], 4400),
        ([b"\x00"], 4400),
        ([None, '{"type":"connection_init"}'], 4429),
        ([None, '{"type":"subscribe","payload":{}}'], 4400),
        ([None, '{"type":"subscribe","id":"' + "x" * 129 + '","payload":{}}'], 4400),
        ([None, '{"type":"subscribe","id":"1"}'], 4400),
        ([None, '{"type":"what"}'], 4400),
        ([None, json.dumps({"type": "ping", "payload": "x" * 300_000})], 1009),
        ([None, *[json.dumps({"type": "subscribe", "id": "1", "payload": {"query": CHANGED}})] * 2], 4409),
    ],
)
async def test_what_breaks_the_protocol_ends_the_socket(messages: list[Any], code: int, server: Server) -> None:
    token = "" if messages[0] is None else None
    async with opened(server, token) as socket:
        for message in messages:
            if message is not None:
                await socket.raw.send(message)
        assert (await socket.closed())[0] == code


async def test_who_says_nothing_is_not_waited_for(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "INIT_SECONDS", 0.2)
    async with opened(server, None) as socket:
        assert await socket.closed() == (4408, "Connection initialisation timeout")
    address = server.url.replace("http://", "ws://") + "/graphql"
    async with connect(address, subprotocols=[Subprotocol("graphql-ws")]) as raw:
        assert (await Socket(raw).closed())[0] == 4406


async def test_a_socket_ends_with_its_token_and_with_its_session(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "SWEEP_SECONDS", 0.2)
    async with server_of(database, tmp_path) as server:
        async with opened(server) as socket, opened(server) as idle:
            await socket.subscribe()
            await server.staff("mutation { logout { userErrors { code } } }")
            assert (await socket.closed())[0] == 4403
            assert (await idle.closed())[0] == 4403
        monkeypatch.undo()
        again = await Caller(server.beside.client).login("clerk@example.com")
        async with opened(server, again.token) as socket:
            await socket.subscribe()
            await asyncio.sleep(0.5)
            await again("mutation { logout { userErrors { code } } }")
            await server.contact("Ann")
            # Whoever may not be told any more is not told.
            assert (await socket.closed())[0] == 4403


async def test_a_token_that_expires_ends_the_socket_and_the_stream(database: str, tmp_path: Path) -> None:
    async with server_of(database, tmp_path, access_token_seconds=30) as server:
        identity = server.beside.core.identity
        assert server.staff.token is not None
        left = identity.expires_at(server.staff.token)
        with pytest.MonkeyPatch.context() as patch:
            # The clock of whoever waits goes ahead.
            patch.setattr(events, "now", lambda: left)
            async with opened(server) as socket:
                assert (await socket.closed())[0] == 4403
            async with stream(server) as lines:
                assert [line async for line in lines if line.startswith("event")] == []


async def test_origins_and_numbers_are_bounded(database: str, tmp_path: Path) -> None:
    limits = {"cors_origins": ("https://app.example.com",), "max_subscribers": 3, "max_subscribers_per_caller": 2}
    async with server_of(database, tmp_path, **limits) as server:
        for origin, welcome in (
            ("https://app.example.com", True),
            (server.url, True),
            ("https://evil.example.com", False),
            ("null", False),
            ("http://[", False),
        ):
            if welcome:
                async with opened(server, origin=origin):
                    continue
            with pytest.raises(websockets.InvalidStatus) as refused:
                async with opened(server, origin=origin):
                    pass
            assert refused.value.response.status_code == 403
        async with opened(server), opened(server):
            async with opened(server, None) as third:
                with pytest.raises(websockets.InvalidStatus) as refused:
                    async with opened(server, None):
                        pass
                assert refused.value.response.status_code == 503
                await third.send(type="connection_init", payload={"authorization": f"Bearer {server.staff.token}"})
                assert await third.closed() == (4429, "Too many connections of yours.")
            async with httpx.AsyncClient() as client:
                headers = {**server.staff.headers, "accept": "text/event-stream"}
                answer = await client.post(f"{server.url}/graphql", json={"query": CHANGED}, headers=headers)
                assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (503, "UNAVAILABLE")


async def test_a_socket_has_so_many_subscriptions(server: Server) -> None:
    async with opened(server) as socket:
        for number in range(sockets.MAX_OPERATIONS):
            await socket.subscribe(str(number))
        await socket.subscribe("more")
        message = await socket.next()
        assert (message["id"], message["payload"][0]["extensions"]["code"]) == ("more", "TOO_MANY")
        await socket.send(id="0", type="complete")
        await asyncio.sleep(0.2)
        await socket.subscribe("more", after="x")
        assert (await socket.next())["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@asynccontextmanager
async def stream(server: Server, method: str = "POST", **variables: Any) -> AsyncIterator[AsyncIterator[str]]:
    headers = {**server.staff.headers, "accept": "text/event-stream"}
    body: dict[str, Any] = {"query": CHANGED, "variables": variables}
    given: dict[str, Any] = {"json": body}
    if method == "GET":
        given = {"params": {"query": CHANGED, "variables": json.dumps(variables)}}
    async with (
        httpx.AsyncClient(timeout=20) as client,
        client.stream(method, f"{server.url}/graphql", headers=headers, **given) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        yield response.aiter_lines()


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_a_stream_of_events_tells_the_same(method: str, server: Server) -> None:
    cursor = await server.end()
    ann = await server.contact("Ann")
    async with stream(server, method, after=cursor) as lines:
        told = []
        async for line in lines:
            told.append(line)
            if line.startswith("data: "):
                event = json.loads(line.removeprefix("data: "))["data"]["changed"]
                assert event["recordId"] == ann
                if event["action"] == "UPDATED":
                    break
                await server.rename(ann, "Anna")
        assert told[:2] == [":", ""]
        assert [line for line in told if line.startswith("event")] == ["event: next"] * 2


async def test_what_is_no_stream_is_told_so(server: Server) -> None:
    async with httpx.AsyncClient() as client:

        async def post(query: str, accept: str, headers: dict[str, str]) -> httpx.Response:
            return await client.post(
                f"{server.url}/graphql", json={"query": query}, headers={**headers, "accept": accept}
            )

        staff = server.staff.headers
        refused = await post(CHANGED, "application/json", staff)
        assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (406, "NOT_ACCEPTABLE")
        refused = await post(CHANGED, "text/event-stream", {})
        assert (refused.status_code, refused.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")
        refused = await post(CHANGED, "text/event-stream", server.customer.headers)
        assert refused.text.startswith(':\n\nevent: next\ndata: {"errors":[')
        assert refused.text.endswith("event: complete\ndata: \n\n")
        assert '"FORBIDDEN"' in refused.text
        once = await post("{ me { email } }", "text/event-stream", staff)
        assert once.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert (
            once.text
            == 'event: next\ndata: {"data":{"me":{"email":"clerk@example.com"}}}\n\nevent: complete\ndata: \n\n'
        )
        both = await post("{ me { email } }", "application/json, text/event-stream", staff)
        assert both.json() == {"data": {"me": {"email": "clerk@example.com"}}}
        # Whoever asks for another protocol elsewhere, or for another one, is answered over HTTP.
        headers = {"connection": "Upgrade", "upgrade": "websocket"}
        assert (await client.get(f"{server.url}/health/live", headers=headers)).status_code == 200


async def test_who_reads_slowly_reads_everything(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from crmgraph.crm.feed import hub

    monkeypatch.setattr(hub, "WAITING", 3)
    monkeypatch.setattr(hub, "AT_ONCE", 4)
    cursor = await server.end()
    async with opened(server) as socket:
        await socket.subscribe(after=cursor)
        await asyncio.sleep(0.3)
        made = [await server.contact(str(number)) for number in range(30)]
        assert [(await socket.event())["recordId"] for _ in made] == made


async def test_what_many_ask_alike_is_made_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    event_of = events.event_of

    def counted(told: Any) -> Any:
        made.append(told)
        return event_of(told)

    monkeypatch.setattr(events, "event_of", counted)
    ann = await server.contact("Ann")
    async with opened(server) as one, opened(server) as two:
        for socket in (one, two):
            for number in range(10):
                await socket.subscribe(str(number))
        await one.subscribe("other", "subscription { changed { cursor } }")
        await asyncio.sleep(0.5)
        await server.rename(ann, "Anna")
        told = [await one.next() for _ in range(11)] + [await two.next() for _ in range(10)]
    alike = [message["payload"]["data"]["changed"] for message in told if message["id"] != "other"]
    assert [each["record"]["displayName"] for each in alike] == ["Anna"] * 20
    assert len(made) == 2


async def test_a_server_that_ends_says_so_and_waits_for_nobody(database: str, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(server_of(database, tmp_path))
        second = listening(database, tmp_path)
        url = second.__enter__()
        own = replace(server, url=url)
        socket = await stack.enter_async_context(opened(own))
        await socket.subscribe()
        lines = await stack.enter_async_context(stream(own))
        assert await anext(lines) == ":"
        start = time.monotonic()
        await asyncio.to_thread(second.__exit__, None, None, None)
        assert time.monotonic() - start < 5
        assert (await socket.closed())[0] == 1001
        assert [line async for line in lines if line] == []


async def test_who_does_not_read_is_ended(database: str, tmp_path: Path) -> None:
    async with server_of(database, tmp_path, answer_seconds=0.5) as server:
        cursor = await server.end()
        contact = await server.contact("Ann")
        describe = "mutation($i: UpdateContactInput!) { updateContact(input: $i) { userErrors { code } } }"
        for number in range(40):
            given = {"contact": {"id": contact}, "description": f"{number}{'x' * 30_000}"}
            await server.staff(describe, i=given)
        query = "subscription($after: String) { changed(after: $after) { change { fields { old new } } } }"
        async with opened(server, max_queue=1) as socket:
            for number in range(sockets.MAX_OPERATIONS):
                await socket.subscribe(str(number), query, after=cursor)
            await asyncio.sleep(3)  # and nothing is read
            with pytest.raises(websockets.ConnectionClosed):
                for _ in range(41 * sockets.MAX_OPERATIONS):
                    await socket.next()
        # Others are told as ever.
        async with opened(server) as socket:
            await socket.subscribe(after=cursor)
            assert (await socket.event())["recordId"] == contact


async def test_no_address_of_a_socket_is_logged(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="uvicorn.error")
    address = server.url.replace("http://", "ws://") + "/graphql?token=sesame"
    async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as raw:
        await Socket(raw).send(type="connection_init")
        assert (await Socket(raw).closed())[0] == 4403
    assert "sesame" not in caplog.text
