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

    Args:
        receive: of ASGI, after the request's body was read.
        seconds: how long the block may take.
        until_gone: whether it ends with the client.

    Raises:
        TimeoutError: its time was over.
        ClientDisconnect: the client went away.
    """

    def __init__(self, receive: Receive, seconds: float, *, until_gone: bool) -> None:
        self._receive = receive
        self._until_gone = until_gone
        self._deadline = asyncio.timeout(seconds)
        self._timer: asyncio.TimerHandle | None = None
        self._watch: asyncio.Task[None] | None = None
        self._gone = False

    async def __aenter__(self) -> None:
        await self._deadline.__aenter__()
        if self._until_gone:
            self._worker = asyncio.current_task()
            self._timer = asyncio.get_running_loop().call_later(PATIENCE, self._begin)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._watch is not None and not self._watch.done():
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
        if self._gone and kind is asyncio.CancelledError and self._worker is not None:
            self._worker.uncancel()
            await self._deadline.__aexit__(None, None, None)
            raise ClientDisconnect from error
        await self._deadline.__aexit__(kind, error, trace)

    def _begin(self) -> None:
        self._watch = asyncio.ensure_future(self._until_it_goes())

    async def _until_it_goes(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        if self._worker is not None:
            self._worker.cancel()
