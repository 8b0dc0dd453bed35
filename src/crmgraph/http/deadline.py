"""The deadline of a request at the legacy doors: what takes longer is cancelled, in the database too."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from starlette.requests import Request

_KEY = "crmgraph.http.deadline"
"""Where a request keeps its deadline: (the timer, the seconds that it is set to)."""


class DeadlineExceeded(TimeoutError):
    """The request took longer than a request may."""


class Deadline:
    """A block in which a request is answered, and which is given up when that takes too long.

    What the block is doing is cancelled: a statement is ended in the database, a transaction is rolled back.

    Raises:
        DeadlineExceeded: the time was over.
    """

    def __init__(self, request: Request, seconds: float) -> None:
        self._request = request
        self._seconds = seconds

    async def __aenter__(self) -> None:
        self._deadline = await asyncio.timeout(self._seconds).__aenter__()
        self._request.scope[_KEY] = (self._deadline, self._seconds)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._deadline.__aexit__(kind, error, trace)
        except TimeoutError as over:
            raise DeadlineExceeded from over
        if isinstance(error, TimeoutError) and self._deadline.expired():
            raise DeadlineExceeded from error


@contextmanager
def not_counted(request: Request) -> Iterator[None]:
    """A block whose time does not count to the deadline of its request, which begins anew after it: the client's time
    has bounds of its own."""
    deadline, seconds = request.scope.get(_KEY, (None, 0.0))
    if deadline is not None:
        deadline.reschedule(None)
    try:
        yield
    finally:
        if deadline is not None:
            deadline.reschedule(asyncio.get_running_loop().time() + seconds)
