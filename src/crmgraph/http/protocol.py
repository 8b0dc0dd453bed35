"""HTTP/1.1 over one connection, within deadlines and bounds of our own.

uvicorn reads a request and runs it; it ends neither who is silent, nor who sends headers or a body byte by byte, nor
who does not read the answer, and takes headers of any length. Here it is told how far to go. What is refused before the
head of a request is whole has no door yet, and is answered in plain text (RFC 9110, RFC 6585).
"""

import asyncio
import re
import socket
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import httptools
from starlette.responses import Response
from uvicorn.config import Config
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from crmgraph.http.admission import InHand, Places, Waiting, Watch
from crmgraph.http.cycle import Cycle
from crmgraph.http.heads import Head, Heads
from crmgraph.http.passing import BARE, HUNG_UP, SPELLED

MAX_HEADER_BYTES = 64 * 1024
"""The longest head of a request, address included: Covalense's kyc sends a registration in a header."""
MAX_HEADERS = 100
"""The most headers."""
MAX_PIPELINED = 16
"""The most requests that are sent before the answer to the first."""
MAX_PIECES = 10_000
"""The most parts of a body, plus one for each 16 bytes of it."""
FRAMING_BYTES = 128 * 1024
"""The longest framing of a body in chunks, sizes, extensions and trailers together, beside as much as the body."""
BYTES_PER_SECOND = 1024
"""Who sends or reads slower than this makes no progress."""
SEND_BUFFER = 128 * 1024
"""What the system takes of an answer that is not read yet, in bytes; by itself it takes megabytes."""
LINGER_SECONDS = 2.0
"""How long the rest of a body that nobody wants is read, so that its sender comes to read the answer."""

IDLE, HEADERS, BODY = range(3)

_PLAIN_PATH = re.compile(rb"/[A-Za-z0-9/_.-]*")
"""An address that is its path, letter by letter."""


class _Refused(Exception):
    """Ends the parser's work inside one of its callbacks."""


class Connection(HttpToolsProtocol):
    """One connection. Its places, deadlines and words are what the application put into the state of its lifespan.

    Attributes:
        deadline: until when its client is waited for, by the clock of the loop.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._places: Places = app_state["places"]
        self._watch: Watch = app_state["watch"]
        self._patience = self._watch.patience
        self._heads: Heads = app_state["heads"]
        self._sockets: frozenset[bytes] = app_state["sockets"]
        self._spelling: bool = app_state["spelling"]
        self._spelled: list[tuple[bytes, bytes]] = []
        self._busy: Callable[[str], Response] = app_state["busy"]
        self._stage = IDLE
        self._asked = False
        self.deadline = 0.0
        self._count = self._head = self._length = self._raw = self._pieces = self._mark = self._begun = 0
        self._refusal: tuple[int, str] = (400, "malformed")
        self._reading: Waiting | None = None
        self._writing: Waiting | None = None
        self._unread = 0
        self._read_by = 0.0

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        own: socket.socket = transport.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self.deadline = self.loop.time() + self._patience.headers
        if len(self._watch.connections) >= self._patience.connections:
            self._make_room()
        self._watch.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._watch.discard(self)
        self._end_reading()
        self._end_writing()
        if self.cycle is not None and not self.cycle.response_complete:
            hung_up = self.cycle.scope["state"].get(HUNG_UP)
            if hung_up is not None:
                hung_up()
        super().connection_lost(exc)

    def _make_room(self) -> None:
        idle = [each for each in self._watch.connections if isinstance(each, Connection) and each.is_idle]
        if idle:
            min(idle, key=lambda each: each.deadline).drop("connections")
        else:
            self.drop("connections")

    @property
    def is_idle(self) -> bool:
        """Whether no request is in hand."""
        return self._stage == IDLE and (self.cycle is None or self.cycle.response_complete)

    def drop(self, why: str) -> None:
        """End the connection, and count why. Who has sent a part of a request is told, where that can be."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.scope["state"]["in_hand"].drop()
            self.cycle.disconnected = True
        if self.transport.is_closing():
            self._places.refused(why)
            self.transport.abort()
            return
        if self._stage == BODY:
            untold = self.cycle is None or not self.cycle.response_started
        else:
            untold = self.cycle is None or self.cycle.response_complete or not self.cycle.response_started
        if self._stage != IDLE and untold and not self.transport.get_write_buffer_size():
            if why != "share":
                self._answer(408)
            elif self._stage == BODY:
                self._answer_busy(self.scope["path"])
            else:  # whose door it is for is not known yet
                self._answer(503)
        self._places.refused(why)
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    def _answer(self, status: int) -> None:
        text = HTTPStatus(status).phrase
        again = "retry-after: 1\r\n" if status == 503 else ""
        head = f"HTTP/1.1 {status} {text}\r\n{again}content-type: text/plain; charset=utf-8\r\n"
        self.transport.write(f"{head}content-length: {len(text)}\r\nconnection: close\r\n\r\n{text}".encode())

    def _answer_busy(self, path: str) -> None:
        response = self._busy(path)
        headers = b"".join(b"%b: %b\r\n" % each for each in response.raw_headers)
        self.transport.write(
            b"HTTP/1.1 503 Service Unavailable\r\n%bconnection: close\r\n\r\n%b" % (headers, bytes(response.body))
        )

    # What arrives

    def data_received(self, data: bytes) -> None:
        """Read a part of one or more requests."""
        if self.parser is None or self.transport.is_closing():
            return
        if self.is_idle:
            head = self._heads.of(data)
            if head is not None:
                self._ask_again(head, data)
                return
        self._raw += len(data)
        self._begun = 0
        is_first = self._stage == IDLE
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            if self._should_upgrade():
                self._end_reading()
                self._watch.discard(self)
                self.handle_websocket_upgrade()
                return
            # Nothing else is spoken here, and a server may pass over the wish (RFC 9110, section 7.8).
            if self.cycle is not None:
                self.cycle.keep_alive = False
        except httptools.HttpParserError:
            self._refuse(*self._refusal)
            return
        if self._stage == HEADERS and self._raw > MAX_HEADER_BYTES + len(data):
            self._refuse(431, "headers")
        elif self._stage == BODY and self._raw - self._length > FRAMING_BYTES + self._length + len(data):
            self._refuse(400, "malformed")
        elif self._stage == IDLE:
            self._end_reading()
            if is_first and self._begun == 1 and self.cycle is not None and self.cycle.keep_alive:
                self._heads.keep(data, self._length, self.url, self.scope, self._spelled)
        else:
            self._wait_for_more()

    def _ask_again(self, head: Head, data: bytes) -> None:
        """Have a request run that is whole, and whose head was read before."""
        self.on_message_begin()
        self.url = head.url
        self.headers += head.headers
        scope: Any = self.scope
        scope.update(head.address)
        self._spelled = [*head.spelled]
        self._asked = True
        self._run(keep_alive=True)
        self._stage = IDLE
        self.deadline = self.loop.time() + self._patience.idle
        cycle: Any = self.cycle
        cycle.body += data[head.end :]
        cycle.more_body = False
        cycle.set()

    def _should_upgrade(self) -> bool:
        """Whether a WebSocket is wished for where there are some, and nothing else is in hand on the connection."""
        path = self.url.partition(b"?")[0]
        is_free = self.cycle is None or self.cycle.response_complete
        wanted = path in self._sockets and self.scope["method"] == "GET"
        return is_free and wanted and not self._writing and super()._should_upgrade()

    def shutdown(self) -> None:
        """The server is about to end."""
        self._watch.draining.set()
        super().shutdown()

    def _refuse(self, status: int, why: str) -> None:
        self._places.refused(why)
        if self.cycle is None or self.cycle.response_complete:
            self._answer(status)
        self.transport.close()

    def _wait_for_more(self) -> None:
        outside = self._stage == HEADERS
        if self._reading is not None and self._reading.outside == outside:
            return
        self._end_reading()
        address = self._address()
        if address is not None:
            self._reading = Waiting(address, outside, self.drop)
            self._places.wait(self._reading)

    def _end_reading(self) -> None:
        if self._reading is not None:
            self._places.go_on(self._reading)
            self._reading = None

    def _address(self) -> str | None:
        """Who waits: the client that a trusted proxy names; None while it has not named any."""
        peer = self.client[0] if self.client is not None else ""
        if not isinstance(self.app, ProxyHeadersMiddleware) or peer not in self.app.trusted_hosts:
            return peer
        if self._stage == HEADERS:
            return None
        named = b", ".join(value for name, value in self.headers if name == b"x-forwarded-for")
        return self.app.trusted_hosts.get_trusted_client_address(named.decode("latin-1"))[0] or peer

    # The parser's callbacks

    def on_message_begin(self) -> None:
        """A request begins."""
        if len(self.pipeline) >= MAX_PIPELINED:
            self._refusal = (400, "malformed")
            raise _Refused
        super().on_message_begin()
        self._begun += 1
        self._stage = HEADERS
        self._spelled = []
        self._count = self._head = self._length = self._raw = self._pieces = self._mark = 0
        self.deadline = self.loop.time() + self._patience.headers

    def on_url(self, url: bytes) -> None:
        """A part of the address."""
        self._head += len(url)
        if self._head > MAX_HEADER_BYTES:
            self._refuse_head()
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; those that come after the body are nobody's, and only counted."""
        self._count += 1
        self._head += len(name) + len(value)
        if self._head > MAX_HEADER_BYTES or self._count > MAX_HEADERS:
            self._refuse_head()
        if self._stage == HEADERS:
            if self._spelling:
                self._spelled.append((name, value))
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))

    def _refuse_head(self) -> None:
        self._refusal = (431, "headers")
        raise _Refused

    def on_headers_complete(self) -> None:
        """The head is there: the request is run, and reads its body as it comes."""
        self._stage = BODY
        self._asked = True
        self._head = self._count = 0
        self.deadline = self.loop.time() + self._patience.body
        parser, scope = self.parser, self.scope
        scope["method"] = parser.get_method().decode("ascii")
        version = parser.get_http_version()
        if version != "1.1":
            scope["http_version"] = version
        if parser.should_upgrade() and self._should_upgrade():
            return
        self._set_address(scope)
        self._run(keep_alive=version != "1.0" and parser.should_keep_alive())

    def _run(self, *, keep_alive: bool) -> None:
        """Run a request whose head is there, once those before it are answered.

        As uvicorn does it, which has no place for an answer of another make; see `Cycle`.
        """
        scope, before = self.scope, self.cycle
        state = scope["state"]
        state["in_hand"] = InHand()
        self.cycle = cycle = Cycle(self, scope, expects=self.expect_100_continue, keep_alive=keep_alive)
        if self._spelling:
            state[SPELLED] = self._spelled
            # What is passed on from another server has its own Date.
            state[BARE] = partial(setattr, cycle, "default_headers", [])
        if before is None or before.response_complete:
            self._start_asgi_task(cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def _set_address(self, scope: Any) -> None:
        url = self.url
        if _PLAIN_PATH.fullmatch(url):
            path, query = url, b""
        else:
            parsed = httptools.parse_url(url)
            path, query = parsed.path, parsed.query or b""
        decoded = path.decode("ascii")
        scope["path"] = self.root_path + (unquote(decoded) if "%" in decoded else decoded)
        scope["raw_path"] = self.root_path.encode("ascii") + path
        scope["query_string"] = query

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._length += len(body)
        self._pieces += 1
        if self._pieces > MAX_PIECES + self._length // 16:
            self._refusal = (400, "malformed")
            raise _Refused
        cycle: Any = self.cycle
        if (self.parser.should_upgrade() and self._should_upgrade()) or cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.set()

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._stage = IDLE
        self.deadline = self.loop.time() + self._patience.idle
        cycle: Any = self.cycle
        if (self.parser.should_upgrade() and self._should_upgrade()) or cycle.response_complete:
            return
        cycle.more_body = False
        cycle.set()

    # What is sent

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        # While the answer before it lies unread, a request is not worked on: a few bytes of pipelined requests would
        # otherwise make us build, and keep, as many large answers.
        work = cycle.run_asgi(self._once_read(cycle, app) if self.flow.write_paused else app)
        task = self.loop.create_task(work)
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _once_read(self, cycle: Any, app: Any) -> Any:
        async def once_read(scope: Any, receive: Any, send: Any) -> None:
            await self.flow.drain()
            if self.transport.is_closing():
                cycle.disconnected = True
                return
            await app(scope, receive, send)

        return once_read

    def on_response_complete(self) -> None:
        """An answer is written: the next of the requests that have come is run.

        uvicorn's own timer for the next one is not set: `look` ends who is idle, and does so while nothing is in hand.
        """
        self.server_state.total_requests += 1
        if not self.transport.is_closing():
            self.flow.resume_reading()
            if self.pipeline:
                self._start_asgi_task(*self.pipeline.pop())
        now = self.loop.time()
        if self._stage == BODY:
            self.deadline = now + LINGER_SECONDS
        elif self._stage == IDLE:
            self.deadline = now + self._patience.idle
        if self._writing is not None and not self._writing.outside:
            # Nobody works on it any more, and the place is the client's alone.
            self._end_writing()
            self._see_whether_read(now)

    def pause_writing(self) -> None:
        """More of an answer is written than the client takes."""
        super().pause_writing()
        self._see_whether_read(self.loop.time())

    def _see_whether_read(self, now: float) -> None:
        unread = self.transport.get_write_buffer_size()
        if not unread:
            self._end_writing()
            return
        if self._writing is None:
            address = (self._address() if self._stage != HEADERS else None) or (self.client or ("",))[0]
            done = self.cycle is None or self.cycle.response_complete
            self._writing = Waiting(address, done, self.drop)
            self._unread, self._read_by = unread, now + self._patience.answer
            self._places.wait(self._writing)
        elif now >= self._read_by:
            if self._unread - unread < BYTES_PER_SECOND * self._patience.answer:
                self.drop("answer")
            else:
                self._unread, self._read_by = unread, now + self._patience.answer

    def _end_writing(self) -> None:
        if self._writing is not None:
            self._places.go_on(self._writing)
            self._writing = None

    # Deadlines

    def look(self, now: float) -> None:
        """End the connection when its client has been waited for long enough."""
        self._see_whether_read(now)
        if now < self.deadline or self.transport.is_closing():
            return
        if self._stage == HEADERS:
            self.drop("headers")
        elif self._stage == BODY:
            self._see_whether_sent(now)
        elif not self._asked:
            self.drop("silent")
        elif self.is_idle and self._writing is None:
            self.transport.close()

    def _see_whether_sent(self, now: float) -> None:
        enough = self._length - self._mark >= BYTES_PER_SECOND * self._patience.body
        # While we do not read, it is not the client who is slow.
        if self.cycle.response_complete or not (enough or self.flow.read_paused):
            self.drop("body")
        else:
            self._mark, self.deadline = self._length, now + self._patience.body


__all__ = ["Connection"]
