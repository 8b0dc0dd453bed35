"""Answers above a size, compressed where the client says that it takes that: with Brotli, Zstandard or gzip.

An answer goes out as it is to whoever does not name one of them, and so to every old client that never did. What is
long is compressed beside the event loop, and by so many threads and no more: an answer for which none is free goes out
as it is too. The bytes that a client decodes are those that the door has written.
"""

import asyncio
import gzip
import os
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, TypeAlias

import brotli
import zstandard

from crmgraph.http.headers import header_of
from crmgraph.http.weights import weights

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
Pairs: TypeAlias = list[tuple[bytes, bytes]]

ON_LOOP = 64 * 1024
"""The longest answer that is compressed on the event loop, in bytes: it takes some tenths of a millisecond."""
MAX_HEADER = 200
"""The longest Accept-Encoding that is read, in characters; it is remembered."""
AT_ONCE = max(1, (os.cpu_count() or 2) // 2)
"""How many long answers are compressed at once, for half of the processors."""

ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    # At levels that take about a millisecond for a hundred kilobytes. Zstandard is the cheapest and does not come first
    # all the same: what fetches the schema for a generator of code on Node 20 names it and cannot decode it.
    "br": lambda data: brotli.compress(data, quality=3),
    "zstd": lambda data: zstandard.ZstdCompressor(level=3).compress(data),
    "gzip": lambda data: gzip.compress(data, 5, mtime=0),
}
"""{the name of a coding (RFC 8878, RFC 7932, RFC 1952): what encodes so}."""

_TEXTUAL = (b"json", b"xml", b"javascript", b"graphql")


@lru_cache(maxsize=256)
def coding_of(accepted: str) -> str | None:
    """The coding that a client likes best, of equal ones the first of `ENCODERS`; None where it names none of ours.

    Args:
        accepted: Accept-Encoding.
    """
    given = weights([accepted])
    best = max(ENCODERS, key=lambda name: given.get(name, 0.0))
    return best if given.get(best, 0.0) > 0 else None


class Compressing:
    """Compresses the answers of an application.

    Args:
        least: the shortest answer that is compressed, in bytes.
    """

    def __init__(self, app: App, *, least: int) -> None:
        self._app = app
        self._least = least
        self._threads = ThreadPoolExecutor(AT_ONCE, "compression")
        self._running = 0

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        accepted = header_of(scope, b"accept-encoding")
        coding = coding_of(accepted[:MAX_HEADER]) if accepted else None
        if coding is None or scope["method"] == "HEAD":
            return self._app(scope, receive, send)
        return self._compressed(coding, scope, receive, send)

    async def _compressed(self, coding: str, scope: Scope, receive: Receive, send: Send) -> None:
        held: Message | None = None

        async def compressing(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start" and _is_worth_it(message):
                held = message
                return
            if held is not None:
                start, held = held, None
                body = message.get("body", b"")
                if not message.get("more_body", False) and len(body) >= self._least:
                    encoded = await self._encoded(coding, body)
                    if encoded is not None and len(encoded) < len(body):
                        start = {**start, "headers": _headers(start["headers"], coding, len(encoded))}
                        message = {**message, "body": encoded}
                await send(start)
            await send(message)

        await self._app(scope, receive, compressing)

    async def _encoded(self, coding: str, data: bytes) -> bytes | None:
        """The data in a coding; None where nobody is free to encode so much."""
        encode = ENCODERS[coding]
        if len(data) <= ON_LOOP:
            return encode(data)
        if self._running >= AT_ONCE:
            return None
        self._running += 1
        running = asyncio.get_running_loop().run_in_executor(self._threads, encode, data)
        running.add_done_callback(self._done)  # whether or not somebody still waits for it
        return await running

    def _done(self, _: object) -> None:
        self._running -= 1


def _is_worth_it(start: Message) -> bool:
    """Whether a response is a text that nobody has encoded."""
    if start["status"] < 200 or start["status"] in (204, 206, 304):
        return False
    headers = {name.lower(): value for name, value in start["headers"]}
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    textual = kind.startswith(b"text/") or any(each in kind for each in _TEXTUAL)
    return textual and b"content-encoding" not in headers and b"no-transform" not in headers.get(b"cache-control", b"")


def _headers(given: Iterable[tuple[bytes, bytes]], coding: str, length: int) -> Pairs:
    """The headers of a response whose body has been encoded."""
    headers: Pairs = []
    varies: list[bytes] = []
    for name, value in given:
        match name.lower():
            case b"content-length":
                headers.append((name, str(length).encode()))
            case b"vary":
                varies.append(value)
            case b"etag" if not value.startswith(b"W/"):
                # The same resource, in other bytes (RFC 9110, 8.8.3).
                headers.append((name, b"W/" + value))
            case _:
                headers.append((name, value))
    vary = b", ".join(varies)
    if b"accept-encoding" not in vary.lower():
        vary = b", ".join([*varies, b"Accept-Encoding"])
    return [*headers, (b"content-encoding", coding.encode()), (b"vary", vary)]
