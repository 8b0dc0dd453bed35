"""Lists of an upstream, page by page, ahead of whoever writes them; a list that never ends has an end."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import suppress

from crmgraph.rest.pulling import BadAnswerError, Page, Source
from crmgraph.upstream.calls import CallError, Calls

AHEAD = 4
"""How many pages are read before they are written."""
TOGETHER = 5
"""How many pages are written by one transaction, where so many were read by then."""
MAX_PAGES = 50_000
"""Pages of a list that never ends."""
MAX_ROWS = 5_000
"""Rows of a page that is one."""


async def pages_of(
    calls: Calls, source: Source, since: dt.datetime | None, page: int
) -> AsyncIterator[tuple[list[Page], dt.datetime | None]]:
    """The pages after this one, as many together as were read meanwhile, and what time it was at the upstream."""
    read: asyncio.Queue[tuple[Page, dt.datetime | None] | None] = asyncio.Queue(AHEAD)

    async def ahead() -> None:
        number, before = page, None
        while True:
            number += 1
            if number > MAX_PAGES:
                raise CallError(f"{source.name}: more than {MAX_PAGES:,} pages")
            found, answer = await calls.read(source.ask(number, since), source.read)
            before = _require_new(source, number, found, before)
            await read.put((found, answer.date))
            if not found.more:
                await read.put(None)
                return

    reading = asyncio.get_running_loop().create_task(ahead(), name="background: reading ahead")
    try:
        ended = False
        while not ended:
            waiting = asyncio.ensure_future(read.get())
            await asyncio.wait([waiting, reading], return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                waiting.cancel()
                if read.empty():
                    await reading  # which has failed
                    continue
                waiting = asyncio.ensure_future(read.get())
            got = [await waiting]
            while got[-1] is not None and len(got) < TOGETHER and not read.empty():
                got.append(read.get_nowait())
            ended = got[-1] is None
            pages = [each for each in got if each is not None]
            if pages:
                yield [each for each, _ in pages], pages[0][1]
        await reading
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError, CallError):
            await reading


async def all_ids(calls: Calls, source: Source) -> set[str]:
    """The ids of all that there is in a source that has a list of them."""
    assert source.ids is not None  # noqa: S101 - it was asked
    found: set[str] = set()
    before: list[str] | None = None
    for number in range(1, MAX_PAGES + 1):
        page, _ = await calls.read(source.ids(number), source.read)
        before = _require_new(source, number, page, before)
        found |= set(before)
        if not page.more:
            return found
    raise CallError(f"{source.name}: more than {MAX_PAGES:,} pages")


def _require_new(source: Source, number: int, page: Page, before: list[str] | None) -> list[str]:
    """The ids of a page.

    Raises:
        CallError: it is the one before once more, has more rows than a page, or none and says that there are more.
    """
    if len(page.rows) > MAX_ROWS:
        raise CallError(f"{source.name}: page {number} has more than {MAX_ROWS:,} rows")
    ids = ids_of(source, page)
    if page.more and not page.rows:
        raise CallError(f"{source.name}: page {number} is empty, and says that there are more")
    if page.rows and ids and ids == before:
        raise CallError(f"{source.name}: page {number} is the one before it once more")
    return ids


def ids_of(source: Source, page: Page) -> list[str]:
    """The ids of those rows of a page that have one."""
    found = []
    for row in page.rows:
        with suppress(BadAnswerError):
            found.append(source.id_of(row))
    return found
