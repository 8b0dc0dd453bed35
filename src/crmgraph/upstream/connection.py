"""One connection to an upstream, by which one answer after the other comes in as it is."""

import asyncio

import httptools

HIGH = 256 * 1024
"""How many bytes of an answer wait for a slow client before no more is read."""
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
    """The client ended its request in the middle, or does not wait for the answer: the upstream is not to blame."""

    def __init__(self) -> None:
        super().__init__("the client hung up", sent=True)


class Waiting:
    """A client who waits for an answer, and may hang up: then its connection to the upstream is ended too."""

    def __init__(self) -> None:
        self._connection: Connection | None = None
        self._is_gone = False

    def on(self, connection: "Connection") -> None:
        """The answer comes by this connection.

        Raises:
            HungUp: nobody waits any more.
        """
        if self._is_gone:
            raise HungUp
        self._connection = connection

    def hang_up(self) -> None:
        """Nobody waits any more."""
        self._is_gone = True
        if self._connection is not None:
            self._connection.hang_up()

    def end(self) -> None:
        """The answer is there: the connection is for other calls."""
        self._connection = None


class Connection(asyncio.Protocol):
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
        self.is_unwanted = False
        self._head = self._head_bytes = 0
        self._parts: list[bytes] = []
        self._waiting = 0
        self._more = asyncio.Event()

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # of a stream

    def data_received(self, data: bytes) -> None:
        if self.complete:
            self._end_unasked()
            return
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

    def _end_unasked(self) -> None:
        """End the connection, by which more comes than was asked for: it would be the answer to the next request."""
        self._keeps = False
        if self.transport is not None:
            self.transport.abort()

    def hang_up(self) -> None:
        """End the connection, since nobody waits for what comes by it."""
        self.is_unwanted = True
        self._fail("the client hung up")

    def _error(self) -> UpstreamError:
        return HungUp() if self.is_unwanted else UpstreamError(self.fault or "it ended the connection", sent=True)

    def _is_framed(self) -> bool:
        names = {name.lower() for name, _ in self.headers}
        return b"content-length" in names or b"transfer-encoding" in names

    # The parser's callbacks

    def on_message_begin(self) -> None:
        if self.complete:
            self._end_unasked()

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.status:
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self.complete:
            return
        status = self.parser.get_status_code()
        if 100 <= status < 200:
            self.headers = []  # the real one follows
            return
        if not 200 <= status < 600:
            self._fail("it answers with a status that there is not")
            return
        self.status = status
        if self.head_only or status in (204, 304):
            self.complete = True
            self._keeps = self.parser.should_keep_alive()
        self._more.set()

    def on_body(self, body: bytes) -> None:
        if self.head_only or self.complete:
            return
        self._parts.append(body)
        self._waiting += len(body)
        self._more.set()

    def on_message_complete(self) -> None:
        if self.status and not self.complete:
            self.complete = True
            self._keeps = self.parser.should_keep_alive()
            self._more.set()

    # What the client does

    async def write(self, data: bytes) -> None:
        """Send a part of a request, as fast as it is taken."""
        if self.closed or self.transport is None:
            raise self._error()
        self.transport.write(data)
        await self._can_write.wait()

    async def head(self, seconds: float) -> None:
        """Wait for the head of the answer.

        Raises:
            UpstreamError: none comes.
        """
        while not self.status:
            if self.fault is not None:
                raise self._error()
            await self._wait(seconds)

    async def part(self, seconds: float) -> tuple[bytes, bool]:
        """What has come of the body since the last time, and whether more follows.

        Raises:
            UpstreamError: it breaks off.
        """
        while not self._parts and not self.complete:
            if self.fault is not None:
                raise self._error()
            await self._wait(seconds)
        part = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        if self._waiting > HIGH and self.transport is not None and not self.closed:
            self.transport.resume_reading()
        self._waiting = 0
        return part, not self.complete

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
