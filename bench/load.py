"""The load generator: a closed loop of keep-alive connections that parse no more of an answer than they must.

Each client sends its next request when the last one is answered. `python -m bench.load` measures the generator's own
ceiling against a server that does nothing.
"""

import asyncio
import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httptools

Next = Callable[[], bytes]
"""Makes the bytes of the next request."""


class Failed(Exception):
    """A contender answered with something else than an answer."""


@dataclass
class Outcome:
    """What one round of load gave.

    Attributes:
        seconds: from the first request to the last answer.
        latencies: of each request that was answered, in seconds, in the order of the answers.
        refused: requests that were turned away, see `turned_away`.
        received: bytes of all bodies.
        generator: CPU seconds of the generator itself.
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    refused: int = 0
    received: int = 0
    generator: float = 0.0

    @property
    def rate(self) -> float:
        """Requests per second that were answered."""
        return len(self.latencies) / self.seconds

    def quantile(self, share: float) -> float:
        """The latency below which this share of the requests stays, in seconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def post(path: str, body: bytes, headers: dict[str, str], method: str = "POST") -> bytes:
    """The bytes of a request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    if body or method != "GET":
        head += f"Content-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def cycle(requests: Sequence[bytes]) -> Next:
    """These requests one after the other, over and over, shared by all clients."""
    place = -1

    def following() -> bytes:
        nonlocal place
        place = (place + 1) % len(requests)
        return requests[place]

    return following


class Client(asyncio.Protocol):
    """One connection: a request at a time."""

    transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._parser: Any = httptools.HttpResponseParser(self)
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None
        self._body: list[bytes] = []

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """The status and the body of the answer."""
        self._waiting = self._loop.create_future()
        self.transport.write(request)
        return await self._waiting

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body = []
        self._parser = httptools.HttpResponseParser(self)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result((status, body))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(Failed(f"the connection was closed: {exc}"))


async def connect(port: int) -> Client:
    """A connection to a server of this machine."""
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(lambda: Client(loop), "127.0.0.1", port)
    return client


def check(status: int, body: bytes) -> None:
    """Refuse what is no answer.

    Raises:
        Failed: the status is not of success, or GraphQL's errors stand at either end of the body.
    """
    if status not in (200, 201, 202) or b'"errors"' in body[:64] or b'"errors"' in body[-512:]:
        raise Failed(f"{status} {body[:400].decode(errors='replace')}")


def turned_away(status: int, body: bytes) -> bool:
    """Whether a server protects itself: by 503, or by GraphQL's own way to say so of a part of an answer."""
    return status == 503 or (b'"errors"' in body[:64] and b'"code":"UNAVAILABLE"' in body[:4096])


async def load(port: int, following: Next, *, clients: int, seconds: float, least: int = 8) -> Outcome:
    """Put a server under load.

    Args:
        following: makes the next request.
        clients: connections, each with one request under way.
        seconds: after how long no more requests are sent.
        least: requests to make in any case; three times `seconds` is the end even so.

    Raises:
        Failed: an answer was none, or all were refused.
    """
    outcome = Outcome()
    connections = [await connect(port) for _ in range(clients)]
    latencies = outcome.latencies
    gc.collect()
    gc.disable()
    cpu, start = time.process_time(), time.perf_counter()
    soft, hard = start + seconds, start + 3 * seconds

    async def work(client: Client) -> None:
        now = time.perf_counter()
        while now < soft or (len(latencies) < least and now < hard):
            status, body = await client.ask(following())
            done = time.perf_counter()
            if turned_away(status, body):
                outcome.refused += 1
            else:
                latencies.append(done - now)
                outcome.received += len(body)
                check(status, body)
            now = done

    try:
        await asyncio.gather(*map(work, connections))
    finally:
        outcome.seconds = time.perf_counter() - start
        outcome.generator = time.process_time() - cpu
        gc.enable()
        for client in connections:
            client.transport.close()
    if not latencies:
        raise Failed(f"all of {outcome.refused} requests were turned away")
    return outcome


class Trivial(asyncio.Protocol):
    """A server that answers the same few bytes to whatever comes."""

    ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n" + b'{"data":{}}'

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(self.ANSWER)


async def serve_trivially(port: int) -> None:
    """Serve until ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Trivial, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    import sys

    import uvloop

    uvloop.run(serve_trivially(int(sys.argv[1])))
