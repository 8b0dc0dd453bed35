"""An HTTP/1.1 client that passes requests on: bytes in, bytes out, without decoding, redirects or retries of writes.

Of the general clients for Python the fastest takes twice the processor time, the usual one five times as much. This one
knows one server, keeps its connections, and hands on what it is told as it comes.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeAlias

import httptools

from crmgraph.upstream.places import BadPlaceError, Base

Headers: TypeAlias = Sequence[tuple[bytes, bytes]]

CONNECT_SECONDS = 2.0
"""How long a connection may take to come about."""
FIRST_BYTE_SECONDS = 30.0
"""How long the head of an answer may take, once the request is sent; and each further part."""
IDLE_SECONDS = 15.0
"""How long a connection is kept for the next request: less than servers keep theirs."""
MOST_IDLE = 64
"""How many connections are kept."""
HIGH, LOW = 256 * 1024, 64 * 1024
"""How many bytes of an answer wait for a slow client before no more is read, and before it is read on."""
MAX_HEAD = 128 * 1024
"""The longest head of an answer."""


class UpstreamError(Exception):
    """The upstream did not answer, or not in HTTP.

    Args:
        sent: whether it may have had the request: what it writes may have happened.
    """

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.sent = sent


class HungUp(UpstreamError):
    """The client ended its request in the middle: the upstream is not to blame."""


class _Connection(asyncio.Protocol):
    """One connection to the upstream, and the answer that comes in by it."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.closed = False
        self.idle_since = 0.0
        self._can_write = asyncio.Event()
        self._can_write.set()
        self.begin()

    def begin(self, *, head_only: bool = False) -> None:
        """Wait for the answer to a request.

        Args:
            head_only: whether it has no body, whatever it says of one, as that to HEAD.
        """
        self.parser = httptools.HttpResponseParser(self)
        self.head_only = head_only
        self.headers: list[tuple[bytes, bytes]] = []
        self.status = 0
        self.any_byte = False
        self.complete = self._keeps = False
        self.fault: str | None = None
        self._head = self._head_bytes = 0
        self._parts: deque[bytes] = deque()
        self._waiting = 0
        self._more = asyncio.Event()

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # of a stream

    def data_received(self, data: bytes) -> None:
        self.any_byte = True
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail("it wishes another protocol")
        except httptools.HttpParserError:
            self._fail("it does not answer in HTTP")
        if not self.status and len(data) + self._head_bytes > MAX_HEAD:
            self._fail("the head of its answer is too long")
        self._head_bytes += len(data)
        if self._waiting > HIGH and self.transport is not None and not self.closed:
            self.transport.pause_reading()

    def eof_received(self) -> None:
        # A body without a length ends with the connection.
        if self.status and not self.complete and not self._is_framed():
            self.complete = True
        self._more.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if not self.complete and self.fault is None:
            if self.status and not self._is_framed():
                self.complete = True
            else:
                self.fault = "it ended the connection"
        self._can_write.set()
        self._more.set()

    def pause_writing(self) -> None:
        self._can_write.clear()

    def resume_writing(self) -> None:
        self._can_write.set()

    def _fail(self, why: str) -> None:
        self.fault = self.fault or why
        if self.transport is not None:
            self.transport.abort()
        self._more.set()

    def _is_framed(self) -> bool:
        names = {name.lower() for name, _ in self.headers}
        return b"content-length" in names or b"transfer-encoding" in names

    # The parser's callbacks

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.status:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self.parser.get_status_code()
        if 100 <= status < 200:
            self.headers = []  # the real one follows
            return
        self.status = status
        if self.head_only or status in (204, 304):
            self.complete = True
            self._keeps = self.parser.should_keep_alive()
        self._more.set()

    def on_body(self, body: bytes) -> None:
        if self.head_only:
            return
        self._parts.append(body)
        self._waiting += len(body)
        self._more.set()

    def on_message_complete(self) -> None:
        if self.status:
            self.complete = True
            self._keeps = self.parser.should_keep_alive()
            self._more.set()

    # What the client does

    async def write(self, data: bytes) -> None:
        """Send a part of a request, as fast as it is taken."""
        if self.closed or self.transport is None:
            raise UpstreamError(self.fault or "it ended the connection", sent=True)
        self.transport.write(data)
        await self._can_write.wait()

    async def head(self, seconds: float) -> None:
        """Wait for the head of the answer.

        Raises:
            UpstreamError: none comes.
        """
        while not self.status:
            if self.fault is not None:
                raise UpstreamError(self.fault, sent=True)
            await self._wait(seconds)

    async def parts(self, seconds: float) -> AsyncIterator[bytes]:
        """The body of the answer as it comes.

        Raises:
            UpstreamError: it breaks off.
        """
        while True:
            while self._parts:
                part = self._parts.popleft()
                self._waiting -= len(part)
                if self._waiting < LOW and self.transport is not None and not self.closed:
                    self.transport.resume_reading()
                yield part
            if self.complete:
                return
            if self.fault is not None:
                raise UpstreamError(self.fault, sent=True)
            await self._wait(seconds)

    async def _wait(self, seconds: float) -> None:
        self._more.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._more.wait()
        except TimeoutError:
            self._fail("it takes too long")

    @property
    def is_reusable(self) -> bool:
        """Whether another request may be sent by it."""
        return self.complete and self._keeps and not self.closed and self.fault is None


class Answer:
    """The answer of the upstream: its head, and its body as it comes. Whoever was given it releases it."""

    def __init__(self, connection: _Connection) -> None:
        self.status = connection.status
        self.headers: Headers = connection.headers
        self.connection = connection

    def parts(self) -> AsyncIterator[bytes]:
        """The body.

        Raises:
            UpstreamError: it breaks off.
        """
        return self.connection.parts(FIRST_BYTE_SECONDS)


class Client:
    """Passes requests on to one upstream.

    Args:
        base: where it is.
        addresses: tells its IP addresses, each time that a connection is made: all of them may be called. Raises
            BadPlaceError where there are none.
        tls: how connections are secured; None for http.
    """

    def __init__(
        self, base: Base, addresses: Callable[[], Awaitable[Sequence[str]]], tls: ssl.SSLContext | None
    ) -> None:
        self.base = base
        self._addresses = addresses
        self._tls = tls
        self._idle: deque[_Connection] = deque()

    async def send(
        self, method: bytes, target: bytes, headers: Headers, body: AsyncIterator[bytes] | None, *, framed: bool
    ) -> Answer:
        """Send a request, and wait for the head of its answer.

        Of a connection that was kept, and that the upstream has ended meanwhile, a request is sent once more by a new
        one: where no byte of an answer came, and the method only reads or has no body that is gone.

        Args:
            target: path and query, as they came.
            headers: all of them, Host and framing included.
            body: its parts; None where there is none.
            framed: whether the body has a length; it is sent in chunks otherwise.

        Raises:
            UpstreamError: it does not answer.
        """
        request = b"".join([method, b" ", target, b" HTTP/1.1\r\n", *_lines(headers), b"\r\n"])
        kept = self._kept()
        if kept is not None:
            try:
                return await self._by(kept, method, request, body, framed)
            except UpstreamError as error:
                again = body is None and method in (b"GET", b"HEAD", b"OPTIONS")
                if kept.any_byte or not again:
                    raise UpstreamError(str(error), sent=True) from None
        return await self._by(await self._connect(), method, request, body, framed)

    async def _by(
        self, connection: _Connection, method: bytes, request: bytes, body: AsyncIterator[bytes] | None, framed: bool
    ) -> Answer:
        connection.begin(head_only=method == b"HEAD")
        try:
            await connection.write(request)
            if body is not None:
                async for part in body:
                    if connection.status:
                        break  # it has answered, and wants no more
                    await connection.write(part if framed else b"%x\r\n%b\r\n" % (len(part), part))
                else:
                    if not framed:
                        await connection.write(b"0\r\n\r\n")
            await connection.head(FIRST_BYTE_SECONDS)
        except BaseException:
            self.give_up(connection)
            raise
        return Answer(connection)

    def release(self, answer: Answer) -> None:
        """Keep the connection of an answer for the next request where that can be, and end it otherwise."""
        connection = answer.connection
        if connection.is_reusable and len(self._idle) < MOST_IDLE:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)
        else:
            self.give_up(connection)

    @staticmethod
    def give_up(connection: _Connection) -> None:
        """End a connection, with whatever is still on its way."""
        if connection.transport is not None:
            connection.transport.abort()

    def close(self) -> None:
        """End the connections that are kept."""
        while self._idle:
            self.give_up(self._idle.popleft())

    def _kept(self) -> _Connection | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed and now - connection.idle_since < IDLE_SECONDS:
                return connection
            self.give_up(connection)
        return None

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        last = "it has no address"
        try:
            addresses = await self._addresses()
        except BadPlaceError as error:
            raise UpstreamError(str(error), sent=False) from None
        for address in addresses:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    _, connection = await loop.create_connection(
                        _Connection,
                        address,
                        self.base.port,
                        ssl=self._tls,
                        server_hostname=self.base.host if self._tls is not None else None,
                    )
                    return connection
            except TimeoutError:
                last = "it cannot be reached in time"
            except OSError as error:
                last = error.strerror or type(error).__name__
        raise UpstreamError(last, sent=False)


def _lines(headers: Headers) -> list[bytes]:
    return [b"%b: %b\r\n" % each for each in headers]
