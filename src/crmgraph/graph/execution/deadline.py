"""Work that ends at a deadline, and with the client that waits for it."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from types import TracebackType
from typing import Any, TypeAlias

from starlette.requests import ClientDisconnect

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]

PATIENCE = 0.1
"""After how many seconds somebody begins to watch whether the client is still there: less work is not worth a task, nor
is to wait for others, as most of the requests do that come together."""
_EARLY = 0.001
"""By how much a timer may ring too early, in seconds."""


class Young:
    """The blocks that have begun a moment ago. Most are over before anybody has to look at them: one timer does for
    all."""

    def __init__(self) -> None:
        self._since: dict[Attended, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, block: "Attended") -> None:
        """A block begins, and ends by `end`."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if block.until <= now + PATIENCE:
            block.attend()
            return
        self._since[block] = now
        if self._timer is None:
            self._timer = loop.call_at(now + PATIENCE, self._look)

    def end(self, block: "Attended") -> None:
        """It has ended."""
        self._since.pop(block, None)

    def _look(self) -> None:
        """Have those looked after that have lasted, and look again when the next one may have."""
        loop = asyncio.get_running_loop()
        begun_by = loop.time() - PATIENCE + _EARLY
        for block in [each for each, since in self._since.items() if since <= begun_by]:
            del self._since[block]
            block.attend()
        # They stand in the order in which they began.
        following = next(iter(self._since.values()), None)
        self._timer = None if following is None else loop.call_at(following + PATIENCE, self._look)


class Attended:
    """A block that is given up when its time is over or, on request, when its client goes away.

    Args:
        young: has it looked after, once it has lasted a while.
        receive: of ASGI, after the request's body was read.
        until: when the block has to be done, by the clock of the loop.
        until_gone: whether it ends with the client.

    Attributes:
        until: see there.

    Raises:
        TimeoutError: its time was over.
        ClientDisconnect: the client went away.
    """

    def __init__(self, young: Young, receive: Receive, until: float, *, until_gone: bool) -> None:
        self._young = young
        self._receive = receive
        self.until = until
        self._until_gone = until_gone
        self._timer: asyncio.TimerHandle | None = None
        self._watch: asyncio.Task[None] | None = None
        self._ended_by: type[Exception] | None = None

    def __enter__(self) -> None:
        worker = asyncio.current_task()
        assert worker is not None  # noqa: S101 - a coroutine that runs is a task's
        self._worker = worker
        self._cancelling = worker.cancelling()
        self._young.begin(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._young.end(self)
        if self._timer is not None:
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

    def attend(self) -> None:
        """See that it ends in time and, on request, with its client."""
        self._timer = asyncio.get_running_loop().call_at(self.until, self._end, TimeoutError)
        if self._until_gone:
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
