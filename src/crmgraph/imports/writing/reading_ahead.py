"""Reading ahead: the next batch is read in a thread of its own while the database writes the one before."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from itertools import chain, islice, repeat

from crmgraph.imports.reading import Reading
from crmgraph.imports.records import Event


@asynccontextmanager
async def read_ahead(reading: Reading, position: int, size: int) -> AsyncIterator[Callable[[], Awaitable[list[Event]]]]:
    """Gives the next events, none at the end. The thread is the one that whatever lies on disk belongs to.

    Args:
        position: how many events a run before has dealt with; a batch ends there.
        size: events of a batch.
    """
    loop = asyncio.get_running_loop()
    sizes = _sizes(position, size)
    with ThreadPoolExecutor(1, thread_name_prefix="import") as thread:
        events = reading.events()

        def next_batch() -> asyncio.Future[list[Event]]:
            count = next(sizes)
            return loop.run_in_executor(thread, lambda: list(islice(events, count)))

        ahead = next_batch()

        async def next_ones() -> list[Event]:
            nonlocal ahead
            found = await ahead
            if found:
                ahead = next_batch()
            return found

        try:
            yield next_ones
        finally:
            await asyncio.wait([ahead])
            await loop.run_in_executor(thread, events.close)  # type: ignore[attr-defined]  # it is a generator


def _sizes(position: int, size: int) -> Iterator[int]:
    whole, rest = divmod(position, size)
    return chain(repeat(size, whole), [rest] if rest else [], repeat(size))
