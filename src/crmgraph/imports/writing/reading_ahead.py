"""Reading ahead: the next batch is read in a thread of its own while the database writes the one before."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from crmgraph.imports.reading import Reading
from crmgraph.imports.records import Event, Record

MAX_PHOTO_BYTES = 32 * 1024 * 1024
"""Photos of a batch, in bytes: with the record that goes beyond them it ends. Two batches are in memory at a time."""


@asynccontextmanager
async def read_ahead(reading: Reading, position: int, size: int) -> AsyncIterator[Callable[[], Awaitable[list[Event]]]]:
    """Gives the next events, none at the end. The thread is the one that whatever lies on disk belongs to.

    Args:
        position: how many events a run before has dealt with; a batch ends there.
        size: events of a batch at the most.
    """
    loop = asyncio.get_running_loop()
    done = 0
    with ThreadPoolExecutor(1, thread_name_prefix="import") as thread:
        events = reading.events()

        def next_batch() -> asyncio.Future[list[Event]]:
            count = min(size, position - done) if done < position else size
            return loop.run_in_executor(thread, _taken, events, count)

        ahead = next_batch()

        async def next_ones() -> list[Event]:
            nonlocal ahead, done
            found = await ahead
            if found:
                done += len(found)
                ahead = next_batch()
            return found

        try:
            yield next_ones
        finally:
            await asyncio.wait([ahead])
            await loop.run_in_executor(thread, events.close)  # type: ignore[attr-defined]  # it is a generator


def _taken(events: Iterator[Event], count: int) -> list[Event]:
    """So many events, fewer where their photos are long."""
    found: list[Event] = []
    size = 0
    for event in events:
        found.append(event)
        if isinstance(event, Record) and event.photo is not None:
            size += len(event.photo.data)
        if len(found) == count or size >= MAX_PHOTO_BYTES:
            break
    return found
