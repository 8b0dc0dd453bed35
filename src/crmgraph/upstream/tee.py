"""Calls that were passed on, for whoever looks at them afterwards: told to another process once the last byte has left.

A worker that serves clients only puts them into a queue within bounds; a task of its own writes them to a Unix domain
socket, at which `crmgraph upstream run` listens. Whatever finds no place is dropped and counted: clients never wait.
"""

import asyncio
import errno
import os
import struct
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import orjson
import structlog

from crmgraph.crm.models import Door, Mode
from crmgraph.db.errors import log_background
from crmgraph.metrics import UPSTREAM_DROPPED, UPSTREAM_QUEUE

log = structlog.get_logger(__name__)

Pairs: TypeAlias = list[tuple[bytes, bytes]]

MOST_CALLS = 1_000
"""How many calls wait in a queue."""
MOST_BYTES = 32 * 2**20
"""What they may take together, in bytes."""
LONGEST_BODY = 2**20
"""The longest body of a request or an answer that is told, in bytes."""
OLDEST = 30.0
"""After how many seconds a call that waits is not looked at any more: records have changed since."""
AGAIN_AFTER = 1.0
"""After how many seconds it is tried again to find whoever listens."""
NOBODY_LISTENS = "nobody listened: `crmgraph upstream run` does"
HEAD = struct.Struct("!III")
"""Before a call on the socket: how long its description, the body of the request and that of the answer are."""


@dataclass(frozen=True, slots=True)
class PassedCall:
    """A call that was passed on, and the answer that the client got.

    Attributes:
        operation: what it is counted as, e.g. `GET /crm/v2/{module}/{id}`.
        caller: who makes it, as it is counted.
        mode: who answers such calls.
        wanted_by: who looks at it: names of the consumers of a `Listener`.
        at: when the answer had left, in seconds since 1970.
        path, query: as they came, escaped.
        headers: of the request, tokens among them.
        whole: whether both bodies are told; where one is longer than `LONGEST_BODY` or was cut short, neither is.
        answer: the body, in the coding of transfer that its headers name.
    """

    dialect: Door
    operation: str
    caller: str
    mode: Mode
    wanted_by: tuple[str, ...]
    at: float
    method: str
    path: bytes
    query: bytes
    headers: Pairs
    body: bytes
    status: int
    answer_headers: Pairs
    answer: bytes
    whole: bool = True

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return len(self.body) + len(self.answer) + len(self.path) + len(self.query) + 2048

    @property
    def is_read(self) -> bool:
        """Whether it only reads."""
        return self.method in ("GET", "HEAD")

    def written(self) -> bytes:
        """The call as it goes through the socket."""
        told = orjson.dumps(
            [
                self.dialect,
                self.operation,
                self.caller,
                self.mode,
                self.wanted_by,
                self.at,
                self.method,
                self.path.decode("latin-1"),
                self.query.decode("latin-1"),
                _texts(self.headers),
                self.status,
                _texts(self.answer_headers),
                self.whole,
            ]
        )
        return b"".join((HEAD.pack(len(told), len(self.body), len(self.answer)), told, self.body, self.answer))


def is_counted(call: PassedCall) -> bool:
    """Whether it counts among those that are compared: writes and what only brings records up to date do not."""
    return call.mode is Mode.SHADOW and call.is_read


def read(told: bytes, body: bytes, answer: bytes) -> PassedCall:
    """A call as it went through the socket."""
    dialect, operation, caller, mode, wanted_by, at, method, path, query, headers, status, answered, whole = (
        orjson.loads(told)
    )
    return PassedCall(
        Door(dialect),
        operation,
        caller,
        Mode(mode),
        tuple(wanted_by),
        at,
        method,
        path.encode("latin-1"),
        query.encode("latin-1"),
        _bytes(headers),
        body,
        status,
        _bytes(answered),
        answer,
        whole,
    )


def _texts(headers: Pairs) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]


def _bytes(headers: list[tuple[str, str]]) -> Pairs:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


class Tap:
    """What is kept of a call while it passes through.

    Attributes:
        whole: whether everything was kept: no body is longer than `LONGEST_BODY`, none was cut short.
    """

    def __init__(self) -> None:
        self.body: list[bytes] = []
        self.answer: list[bytes] = []
        self.status = 0
        self.headers: Pairs = []
        self.whole = True
        self._left = {True: LONGEST_BODY, False: LONGEST_BODY}

    def part(self, part: bytes, *, of_answer: bool) -> None:
        """Keep a part of a body."""
        self._left[of_answer] -= len(part)
        if self._left[of_answer] < 0:
            self.cut()
        elif self.whole:
            (self.answer if of_answer else self.body).append(part)

    def cut(self) -> None:
        """Keep neither body."""
        self.whole = False
        self.body.clear()
        self.answer.clear()


class CallQueue:
    """Calls that wait to be looked at, within bounds.

    Args:
        dropped: is told of each call that is not looked at.
    """

    def __init__(self, dropped: Callable[[PassedCall], None]) -> None:
        self._calls: deque[PassedCall] = deque()
        self._bytes = 0
        self._some = asyncio.Event()
        self._dropped = dropped

    def __len__(self) -> int:
        return len(self._calls)

    def put(self, call: PassedCall) -> None:
        """Let a call wait; it is dropped where there is no place."""
        if len(self._calls) >= MOST_CALLS or self._bytes + call.size > MOST_BYTES:
            self._dropped(call)
            return
        self._calls.append(call)
        self._bytes += call.size
        self._some.set()

    async def next(self) -> PassedCall:
        """The first call that is not too old, once there is one."""
        while True:
            while self._calls:
                call = self._calls.popleft()
                self._bytes -= call.size
                if call.at >= time.time() - OLDEST:
                    return call
                self._dropped(call)
            self._some.clear()
            await self._some.wait()


def _unheard(call: PassedCall, reason: str) -> None:
    """Pass over a call that nobody looks at."""


class Tee:
    """Tells another process of calls that were passed on, if there is one that listens.

    Args:
        path: of the socket at which it does.
        dropped: is told of each call that nobody looks at, and why.
    """

    def __init__(self, path: Path, dropped: Callable[[PassedCall, str], None] = _unheard) -> None:
        self._path = path
        self._dropped = dropped
        self._waiting = CallQueue(self._drop)
        self._sending: asyncio.Task[None] | None = None
        self._is_alone = False

    def offer(self, call: PassedCall) -> None:
        """Tell of a call, later and without waiting for anything."""
        if self._sending is None:
            self._sending = asyncio.get_running_loop().create_task(self._send(), name="background: tee")
        self._waiting.put(call)
        UPSTREAM_QUEUE.set(len(self._waiting))

    async def close(self) -> None:
        """Tell no more; what waits is dropped."""
        if self._sending is not None:
            self._sending.cancel()
            with suppress(asyncio.CancelledError):
                await self._sending

    def _drop(self, call: PassedCall) -> None:
        UPSTREAM_DROPPED.labels(call.dialect.dialect).inc()
        self._dropped(call, NOBODY_LISTENS if self._is_alone else "")

    async def _send(self) -> None:
        call: PassedCall | None = None
        while True:
            call = call or await self._waiting.next()
            try:
                self._require_own()
                reader, writer = await asyncio.open_unix_connection(self._path)
            except OSError:
                if not self._is_alone:
                    log.warning("nobody listens to calls that were passed on: `crmgraph upstream run` does")
                self._is_alone = True
                self._drop(call)
                call = None
                await asyncio.sleep(AGAIN_AFTER)
                continue
            self._is_alone = False
            try:
                call = await self._send_by(reader, writer, call)
            except OSError:
                call = None  # whoever listened has ended
            except Exception as error:
                log_background(error, "upstream")
                call = None
            finally:
                writer.transport.abort()

    def _require_own(self) -> None:
        """Tell nobody but the user who runs this: calls bring tokens, and others may make sockets where all may write.

        Raises:
            OSError: there is no socket, or it is another user's.
        """
        if self._path.stat().st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "another user's socket")

    async def _send_by(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, call: PassedCall
    ) -> PassedCall:
        """Tell of calls until nobody listens at the other end any more. Returns the one that was not told."""
        while not reader.at_eof():
            writer.write(call.written())
            await writer.drain()
            call = await self._waiting.next()
            UPSTREAM_QUEUE.set(len(self._waiting))
        return call
