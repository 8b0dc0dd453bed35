"""An HTTP/1.1 client that passes requests on: bytes in, bytes out, without decoding, redirects or retries of writes.

Of the general clients for Python the fastest takes twice the processor time, the usual one five times as much. This one
knows one server, keeps its connections, and hands on what it is told as it comes.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeAlias

from crmgraph.upstream.connection import Connection, HungUp, UpstreamError, Waiting
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


class Answer:
    """The answer of the upstream: its head, and its body as it comes. Whoever was given it releases it."""

    def __init__(self, connection: Connection) -> None:
        self.status = connection.status
        self.headers: Headers = connection.headers
        self.connection = connection

    async def part(self) -> tuple[bytes, bool]:
        """What has come of the body since the last time, and whether more follows.

        Raises:
            UpstreamError: it breaks off.
        """
        return await self.connection.part(FIRST_BYTE_SECONDS)

    async def whole(self, most: int) -> bytes:
        """The body.

        Args:
            most: how many bytes it may have.

        Raises:
            UpstreamError: it breaks off, or is longer.
        """
        parts, size, more = [], 0, True
        while more:
            part, more = await self.part()
            parts.append(part)
            size += len(part)
            if size > most:
                raise UpstreamError("its answer is too long", sent=True)
        return b"".join(parts)


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
        self._idle: deque[Connection] = deque()

    async def send(
        self,
        method: bytes,
        target: bytes,
        headers: Headers,
        body: AsyncIterator[bytes] | None,
        *,
        framed: bool,
        waiting: Waiting | None = None,
    ) -> Answer:
        """Send a request, and wait for the head of its answer.

        Of a connection that was kept, and that the upstream has ended meanwhile, a request is sent once more by a new
        one: where no byte of an answer came, and the method only reads or has no body that is gone.

        Args:
            target: path and query, as they came.
            headers: all of them, Host and framing included.
            body: its parts; None where there is none.
            framed: whether the body has a length; it is sent in chunks otherwise.
            waiting: tells when the client hangs up, where the upstream need not go on then.

        Raises:
            HungUp: the client does not wait.
            UpstreamError: it does not answer.
        """
        request = b"".join([method, b" ", target, b" HTTP/1.1\r\n", *_lines(headers), b"\r\n"])
        kept = self._kept()
        if kept is not None:
            try:
                return await self._by(kept, method, request, body, framed, waiting)
            except HungUp:
                raise
            except UpstreamError as error:
                again = body is None and method in (b"GET", b"HEAD", b"OPTIONS")
                if kept.any_byte or not again:
                    raise UpstreamError(str(error), sent=True) from None
        return await self._by(await self._connect(), method, request, body, framed, waiting)

    async def _by(
        self,
        connection: Connection,
        method: bytes,
        request: bytes,
        body: AsyncIterator[bytes] | None,
        framed: bool,
        waiting: Waiting | None,
    ) -> Answer:
        connection.begin(head_only=method == b"HEAD")
        try:
            if waiting is not None:
                waiting.on(connection)
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
    def give_up(connection: Connection) -> None:
        """End a connection, with whatever is still on its way."""
        if connection.transport is not None:
            connection.transport.abort()

    def close(self) -> None:
        """End the connections that are kept."""
        while self._idle:
            self.give_up(self._idle.popleft())

    def _kept(self) -> Connection | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed and now - connection.idle_since < IDLE_SECONDS:
                return connection
            self.give_up(connection)
        return None

    async def _connect(self) -> Connection:
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
                        Connection,
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
