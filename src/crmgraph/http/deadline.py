"""The deadline of a request at the legacy doors: what takes longer is cancelled, in the database too."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from starlette.requests import Request

_KEY = "crmgraph.http.deadline"
"""Where a request keeps its deadline: (the timer, the seconds that it is set to)."""


class DeadlineExceeded(TimeoutError):
    """The request took longer than a request may."""


@asynccontextmanager
async def within(request: Request, seconds: float) -> AsyncIterator[None]:
    """A block in which a request is answered, and which is given up when that takes too long.

    What the block is doing is cancelled: a statement is ended in the database, a transaction is rolled back.

    Raises:
        DeadlineExceeded: the time was over.
    """
    try:
        async with asyncio.timeout(seconds) as deadline:
            request.scope[_KEY] = (deadline, seconds)
            yield
    except TimeoutError as error:
        if deadline.expired():
            raise DeadlineExceeded from error
        raise


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
