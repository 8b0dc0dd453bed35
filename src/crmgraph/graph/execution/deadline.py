"""Work that ends at a deadline, and with the client that waits for it."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from types import TracebackType
from typing import Any, TypeAlias

from starlette.requests import ClientDisconnect

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]

PATIENCE = 0.002
"""After how many seconds somebody begins to watch whether the client is still there: less work is not worth a task."""


class Attended:
    """A block that is given up when its time is over or, on request, when its client goes away.

    One timer does for both: most blocks are over before it is due.

    Args:
        receive: of ASGI, after the request's body was read.
        until: when the block has to be done, by the clock of the loop.
        until_gone: whether it ends with the client.

    Raises:
        TimeoutError: its time was over.
        ClientDisconnect: the client went away.
    """

    def __init__(self, receive: Receive, until: float, *, until_gone: bool) -> None:
        self._receive = receive
        self._until = until
        self._until_gone = until_gone
        self._watch: asyncio.Task[None] | None = None
        self._ended_by: type[Exception] | None = None

    def __enter__(self) -> None:
        worker = asyncio.current_task()
        assert worker is not None  # noqa: S101 - a coroutine that runs is a task's
        self._worker = worker
        self._cancelling = worker.cancelling()
        loop = asyncio.get_running_loop()
        watched_from = loop.time() + PATIENCE
        if self._until_gone and watched_from < self._until:
            self._timer = loop.call_at(watched_from, self._begin)
        else:
            self._timer = loop.call_at(self._until, self._end, TimeoutError)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()
        # Somebody else may have cancelled the task as well, and goes before.
        if (
            self._ended_by is not None
            and self._worker.uncancel() <= self._cancelling
            and kind is asyncio.CancelledError
        ):
            raise self._ended_by from error

    def _begin(self) -> None:
        self._timer = asyncio.get_running_loop().call_at(self._until, self._end, TimeoutError)
        self._watch = asyncio.ensure_future(self._until_it_goes())

    async def _until_it_goes(self) -> None:
        with suppress(Exception):  # a server that cannot tell has lost its client as well
            while (await self._receive())["type"] != "http.disconnect":
                pass
        self._end(ClientDisconnect)

    def _end(self, reason: type[Exception]) -> None:
        if self._ended_by is None:
            self._ended_by = reason
            self._worker.cancel()
