"""Subscriptions over a WebSocket, by the protocol graphql-transport-ws (of the library graphql-ws, PROTOCOL.md).

Only subscriptions: queries and mutations go by POST, whose bounds and statuses they have.
"""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import ExitStack, aclosing, suppress
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from crmgraph.crm.errors import Unauthenticated
from crmgraph.crm.policy import Actor
from crmgraph.db.errors import is_away, log_away
from crmgraph.graph.documents.preparation import PreparedOperation
from crmgraph.graph.documents.trusted import UNTRUSTED, Documents
from crmgraph.graph.edge.events import ContextOf, Ended, Events, Failed
from crmgraph.graph.edge.requests import BadRequest, request_of, too_much
from crmgraph.graph.edge.responses import MASKED, body_of
from crmgraph.graph.execution.engine import Engine
from crmgraph.http import reading
from crmgraph.http.subscribers import Subscribers, TooManySubscribers, is_of

PROTOCOL = "graphql-transport-ws"
INIT_SECONDS = 5.0
"""How long a client is waited for to say who it is."""
MAX_OPERATIONS = 20
"""The most subscriptions of one WebSocket."""
MAX_ID = 128
"""The longest id of a subscription, in characters."""

log = structlog.get_logger(__name__)


class Close(Exception):
    """Ends a WebSocket.

    Args:
        code: 4400 and up are the protocol's own.
        reason: of at most 123 bytes.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


def forbidden() -> Close:
    """What clients come again after, with the token that they have by then; after 4401 they would not."""
    return Close(4403, "Forbidden: sign in, and come again with a token that holds.")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is at the other end, until when their token holds, and what makes the context of an operation of theirs."""

    actor: Actor
    expires_at: dt.datetime
    context_of: ContextOf


class Admission:
    """Who may open a WebSocket, and who they are.

    Args:
        subscribers: of the worker.
        caller_of: whoever holds a token; it may raise `Unauthenticated`.
        documents: that are known by their hash.
        origins: of other sites whose pages may open one.
        answer_seconds: how long a client may leave a message unread.
    """

    def __init__(
        self,
        engine: Engine,
        events: Events,
        subscribers: Subscribers,
        caller_of: Callable[[str, WebSocket], Awaitable[Caller]],
        *,
        documents: Documents,
        origins: Sequence[str],
        public_url: str,
        answer_seconds: float,
    ) -> None:
        self.engine = engine
        self.events = events
        self.subscribers = subscribers
        self.documents = documents
        self.answer_seconds = answer_seconds
        self._caller_of = caller_of
        self._origins = origins
        self._public_url = public_url

    def is_welcome(self, socket: WebSocket) -> bool:
        """Whether the page that opens it may."""
        return is_of(socket.headers, self._origins, self._public_url)

    async def caller(self, token: str, socket: WebSocket) -> Caller:
        """Whoever holds a token.

        Raises:
            Close: nobody, or nobody knows.
        """
        try:
            return await self._caller_of(token, socket)
        except Unauthenticated:
            raise forbidden() from None
        except Exception as error:
            if not is_away(error):
                raise
            log_away(error, "graphql")
            raise Close(1013, "The records are out of reach at the moment: try again later.") from None


async def serve(admission: Admission, socket: WebSocket) -> None:
    """Serve one WebSocket from its handshake to its end."""
    if not admission.is_welcome(socket):
        await socket.send_denial_response(PlainTextResponse("Pages of this origin may not connect.", 403))
        return
    with ExitStack() as stack:
        address = reading.address(socket)
        try:
            stack.enter_context(admission.subscribers.joined())
            unknown = stack.enter_context(ExitStack())
            unknown.enter_context(admission.subscribers.of(address))
        except TooManySubscribers:
            busy = PlainTextResponse("Too many are connected: try again in a moment.", 503, {"Retry-After": "1"})
            await socket.send_denial_response(busy)
            return
        offered = socket.scope.get("subprotocols", [])
        await socket.accept(PROTOCOL if PROTOCOL in offered else None)
        with suppress(WebSocketDisconnect, OSError):
            try:
                if PROTOCOL not in offered:
                    raise Close(4406, "Subprotocol not acceptable: speak graphql-transport-ws.")
                caller = await _introduced(admission, socket)
                # It counts for them from now on, not for all who share their address.
                unknown.close()
                stack.enter_context(admission.subscribers.of(_principal(caller.actor)))
                await Connection(admission, socket, caller).serve()
            except TooManySubscribers:
                await socket.close(4429, "Too many connections of yours.")
            except Close as close:
                await socket.close(close.code, close.reason)


async def _introduced(admission: Admission, socket: WebSocket) -> Caller:
    try:
        async with asyncio.timeout(INIT_SECONDS):
            message = await received(socket)
            while message["type"] in ("ping", "pong"):
                if message["type"] == "ping":
                    await socket.send_text('{"type":"pong"}')
                message = await received(socket)
            if message["type"] != "connection_init":
                raise Close(4401, "Unauthorized: begin with connection_init.")
            caller = await admission.caller(_token(message, socket), socket)
            await socket.send_text('{"type":"connection_ack"}')
            return caller
    except TimeoutError:
        raise Close(4408, "Connection initialisation timeout") from None


def _token(message: dict[str, Any], socket: WebSocket) -> str:
    """The bearer token of `connection_init`, else that of the handshake, which no browser can send."""
    given = message.get("payload", {})
    given = {} if given is None else given
    if not isinstance(given, dict):
        raise Close(4400, "The payload of connection_init is an object.")
    named = next((value for name, value in given.items() if name.lower() == "authorization"), None)
    scheme, _, token = str(named or socket.headers.get("authorization", "")).partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise forbidden()
    return token.strip()


def _principal(actor: Actor) -> Hashable:
    return actor.principal or actor.session_id


async def received(socket: WebSocket) -> dict[str, Any]:
    """The next message.

    Raises:
        Close: it is none of the protocol.
        WebSocketDisconnect: the client has gone.
    """
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    text = message.get("text")
    try:
        value = reading.json(text.encode()) if text is not None else None
    except (reading.Malformed, reading.TooMany, RecursionError, UnicodeEncodeError):
        value = None
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise Close(4400, "Invalid message: send JSON with a type.")
    return value


class Connection:
    """A WebSocket whose caller is known."""

    def __init__(self, admission: Admission, socket: WebSocket, caller: Caller) -> None:
        self._admission = admission
        self._socket = socket
        self._caller = caller
        self._running: dict[str, asyncio.Task[None]] = {}
        self._sending = asyncio.Lock()
        self._over: asyncio.Future[Close | None] = asyncio.get_running_loop().create_future()

    async def serve(self) -> None:
        """Serve until either side ends it, or the caller may not listen any more.

        Raises:
            Close: how it is to be ended.
        """
        hearing = asyncio.create_task(self._hear())
        caller = self._caller
        try:
            async with self._admission.events.until_ended(caller.actor, caller.expires_at) as ended:
                await asyncio.wait({hearing, ended, self._over}, return_when=asyncio.FIRST_COMPLETED)
                if hearing.done():
                    await hearing
                elif ended.done():
                    raise forbidden()
                elif (close := self._over.result()) is not None:
                    raise close
        finally:
            tasks = [hearing, *self._running.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _hear(self) -> None:
        while True:
            message = await received(self._socket)
            match message["type"]:
                case "ping":
                    await self._send(b'{"type":"pong"}')
                case "pong":
                    pass
                case "connection_init":
                    raise Close(4429, "Too many initialisation requests")
                case "subscribe":
                    await self._subscribe(message)
                case "complete":
                    running = self._running.pop(_id_of(message), None)
                    if running is not None:
                        running.cancel()
                case _:
                    raise Close(4400, "Invalid message: its type is not known.")

    async def _subscribe(self, message: dict[str, Any]) -> None:
        own_id = _id_of(message)
        if own_id in self._running:
            raise Close(4409, f"Subscriber for {own_id[:80]} already exists".encode()[:120].decode(errors="ignore"))
        if not isinstance(message.get("payload"), dict):
            raise Close(4400, "Invalid message: subscribe has a payload.")
        if len(self._running) >= MAX_OPERATIONS:
            told = f"A connection has at most {MAX_OPERATIONS} subscriptions: end one first."
            await self._fail(
                own_id, [{"message": told, "extensions": {"code": "TOO_MANY", "limitItems": MAX_OPERATIONS}}]
            )
            return
        try:
            prepared = self._prepared(message["payload"])
        except Failed as failed:
            await self._fail(own_id, failed.errors)
            return
        self._running[own_id] = asyncio.create_task(self._run(own_id, prepared))

    def _prepared(self, payload: dict[str, Any]) -> PreparedOperation:
        engine = self._admission.engine
        try:
            request = request_of(payload, self._admission.documents)
            if request.excess is not None:
                raise too_much(request.excess)
        except BadRequest as bad:
            raise Failed([{"message": bad.message, "extensions": {"code": bad.code}}]) from None
        if not self._admission.documents.allows(request.query, is_staff=self._caller.actor.is_staff):
            raise Failed([{"message": UNTRUSTED, "extensions": {"code": "DOCUMENT_NOT_TRUSTED"}}])
        preparation = engine.prepare(request, suggest=True, read_only=False)
        refusal = engine.refusal_of(preparation, self._caller.actor, token_refused=False)
        if refusal is not None:
            raise Failed(body_of(refusal)["errors"])
        prepared = preparation.operation
        if not isinstance(prepared, PreparedOperation) or not prepared.operation.is_subscription:
            told = "Only subscriptions come here: send queries and mutations by POST."
            raise Failed([{"message": told, "extensions": {"code": "BAD_REQUEST"}}])
        return prepared

    async def _run(self, own_id: str, prepared: PreparedOperation) -> None:
        head = b'{"id":' + orjson.dumps(own_id) + b',"type":"next","payload":'
        caller = self._caller
        try:
            answers = self._admission.events.answers(prepared, caller.context_of, caller.actor)
            async with aclosing(answers):  # type: ignore[type-var]  # it is a generator, by its function's word an iterator
                async for answer in answers:
                    await self._send(head + answer + b"}")
            # Once it is told that it is over, its id may come again.
            self._running.pop(own_id, None)
            await self._send(orjson.dumps({"id": own_id, "type": "complete"}))
        except Failed as failed:
            self._running.pop(own_id, None)
            await self._fail(own_id, failed.errors)
        except Ended:
            self._end(forbidden())
        except (TimeoutError, WebSocketDisconnect, OSError, RuntimeError):
            self._end(None)  # nobody reads what is sent
        except Exception:
            log.exception("unexpected fault", door="graphql")
            self._running.pop(own_id, None)
            await self._fail(own_id, [{"message": MASKED, "extensions": {"code": "INTERNAL"}}])

    def _end(self, close: Close | None) -> None:
        if not self._over.done():
            self._over.set_result(close)

    async def _fail(self, own_id: str, errors: list[dict[str, Any]]) -> None:
        with suppress(WebSocketDisconnect):
            await self._send(orjson.dumps({"id": own_id, "type": "error", "payload": errors}))

    async def _send(self, message: bytes) -> None:
        """Send a message, as soon as the client has read most of those before it.

        Raises:
            TimeoutError: it does not read.
        """
        async with asyncio.timeout(self._admission.answer_seconds), self._sending:
            await self._socket.send_text(message.decode())


def _id_of(message: dict[str, Any]) -> str:
    own_id = message.get("id")
    if not isinstance(own_id, str) or not 0 < len(own_id) <= MAX_ID:
        raise Close(4400, f"Invalid message: its id is a text of 1 to {MAX_ID} characters.")
    return own_id
