"""What serving processes tell of calls that were passed on, heard by one process and handed to whoever wants them."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from crmgraph.db.errors import log_background
from crmgraph.upstream.tee import HEAD, LONGEST_BODY, CallQueue, PassedCall, read

MAX_DESCRIPTION = 2**20
"""The longest description of a call, its headers among it, in bytes."""

Look: TypeAlias = Callable[[PassedCall], Awaitable[None]]


class AlreadyListeningError(Exception):
    """Another process listens at the socket."""


def _unheard(call: PassedCall) -> None:
    """Pass over a call that found no place."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """Whoever looks at calls that were passed on.

    Attributes:
        look: looks at one.
        dropped: is told of each that it does not look at, since too many wait.
        at_once: how many it looks at at the same time; those of one are looked at in their order.
    """

    look: Look
    dropped: Callable[[PassedCall], None] = _unheard
    at_once: int = 1


class Listener:
    """Hears of calls, and hands them on. Each consumer has a queue of its own, so that a slow one holds up no other.

    Args:
        path: of the socket; only the user who runs this may speak to it.
        consumers: by the names that calls are wanted by.
    """

    def __init__(self, path: Path, consumers: Mapping[str, Consumer]) -> None:
        self._path = path
        self._consumers = consumers
        self._queues = {name: CallQueue(each.dropped) for name, each in consumers.items()}
        self._tasks: list[asyncio.Task[None]] = []
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen from now on.

        Raises:
            AlreadyListeningError: somebody does.
            OSError: the socket cannot be made, or something else stands in its place.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if await self._is_heard():
            raise AlreadyListeningError
        if self._path.is_socket():  # of who has ended without taking it away; no other file is ours to take
            with suppress(FileNotFoundError):
                self._path.unlink()
        listening = socket.socket(socket.AF_UNIX)
        mask = os.umask(0o177)
        try:
            listening.bind(os.fspath(self._path))
        except BaseException:
            listening.close()
            raise
        finally:
            os.umask(mask)
        self._server = await asyncio.start_unix_server(self._hear, sock=listening)
        self._tasks = [
            asyncio.create_task(self._consume(self._queues[name], each), name=f"background: {name}")
            for name, each in self._consumers.items()
            for _ in range(each.at_once)
        ]

    async def close(self) -> None:
        """Listen no more; what waits is not looked at."""
        if self._server is not None:
            self._server.close()
            with suppress(FileNotFoundError):
                self._path.unlink()
        for each in self._connections:
            each.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _is_heard(self) -> bool:
        try:
            _, writer = await asyncio.open_unix_connection(self._path)
        except OSError:
            return False
        writer.transport.abort()
        return True

    async def _hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            while True:
                lengths = HEAD.unpack(await reader.readexactly(HEAD.size))
                if lengths[0] > MAX_DESCRIPTION or max(lengths[1:]) > LONGEST_BODY:
                    return
                told, body, answer = [await reader.readexactly(each) for each in lengths]
                call = read(told, body, answer)
                for name in call.wanted_by:
                    if (queue := self._queues.get(name)) is not None:
                        queue.put(call)
        except (asyncio.IncompleteReadError, OSError):
            pass  # it has ended
        except Exception as error:
            log_background(error, "upstream")
        finally:
            self._connections.discard(writer)
            writer.transport.abort()

    @staticmethod
    async def _consume(queue: CallQueue, consumer: Consumer) -> None:
        while True:
            call = await queue.next()
            try:
                await consumer.look(call)
            except Exception as error:
                log_background(error, "upstream")
