"""The hub: one reader of the log in each process, who hands on to all listeners what is new.

The log is the truth. A listener is a place in it: whatever has kept it from what the hub hands on, a start from an old
cursor, slowness, a database that was away, it reads for itself until it has caught up.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog

from crmgraph.crm.feed import pages
from crmgraph.crm.feed.bell import Bell
from crmgraph.crm.feed.pages import ChangeFilter, Gone, Page
from crmgraph.crm.feed.places import BEGINNING, Place
from crmgraph.crm.models import Change
from crmgraph.db.database import Database
from crmgraph.db.errors import is_away, log_away

AT_ONCE = 100
"""How many entries of the log are read at once."""
WAITING = 500
"""How many entries wait for a listener at most: one who is slower reads them from the log again."""
TOGETHER = 0.01
"""For how many seconds what is written is gathered before the log is read."""
READERS = 2
"""How many listeners read the log for themselves at once: a thousand that come back together wait for one another, and
the requests of others do not wait for them."""
PAUSE = 1.0
"""After how many seconds the log is tried again, where the database is away."""

T = TypeVar("T")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """An entry of the log, as listeners are told of it.

    Attributes:
        gap: whether entries before it are gone that the listener should have been told.
        answers: what has been made of it for several listeners, by whatever tells theirs apart.
    """

    change: Change
    place: Place
    gap: bool = False
    answers: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)


class ListenerQueue:
    """What waits for one listener."""

    def __init__(self, asked: ChangeFilter) -> None:
        self.is_over = False
        self._asked = asked
        self._entries: deque[FeedEntry] = deque()
        self._something = asyncio.Event()

    def offer(self, entries: Iterable[FeedEntry]) -> None:
        """Let wanted ones of these wait; none at all where they are too many."""
        if self.is_over:
            return
        self._entries += (each for each in entries if self._asked.takes(each.change))
        if len(self._entries) > WAITING:
            self.end()
        elif self._entries:
            self._something.set()

    def end(self) -> None:
        """Nothing comes here any more: the log has to be read."""
        self.is_over = True
        self._entries.clear()
        self._something.set()

    async def next(self) -> FeedEntry | None:
        """The next one; None where the log has to be read."""
        while not self._entries and not self.is_over:
            self._something.clear()
            await self._something.wait()
        return self._entries.popleft() if self._entries else None


class Hub:
    """Tells listeners of what is written to the log, by this process or another.

    Args:
        poll_seconds: how often the log is looked at, where nobody rings.
        listen: whether other processes are heard by PostgreSQL's LISTEN, by one connection while anybody listens here.
    """

    def __init__(self, db: Database, *, poll_seconds: float = 1.0, listen: bool = True) -> None:
        self._db = db
        self._poll = poll_seconds
        self._bell = Bell(db, listen=listen)
        self._waiting: set[ListenerQueue] = set()
        self._place = BEGINNING
        self._reading: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._readers = asyncio.Semaphore(READERS)

    @property
    def listeners(self) -> int:
        """How many wait for what is new."""
        return len(self._waiting)

    async def listen(self, asked: ChangeFilter, after: Place | None) -> AsyncIterator[FeedEntry]:
        """What is wanted of the log, from a place on or from now on, and without an end.

        Raises:
            Gone: the log does not have that place, or not any more.
            What else `diagnose` knows: the database is away at the beginning; later it is waited for.
        """
        async with self._readers:
            at = (await pages.page(self._db, ChangeFilter(), after, 0)).end
        gap = False
        waiting: ListenerQueue | None = None
        try:
            while True:
                if waiting is not None and waiting.is_over:
                    self._leave(waiting)
                    waiting = None
                try:
                    page = await self._read(asked, at)
                except Gone:
                    at, gap = await self._end(), True
                    continue
                for told in await self._entries(page):
                    yield FeedEntry(told.change, told.place, gap) if gap else told
                    gap = False
                at = page.end
                if page.more:
                    continue
                if waiting is None:
                    waiting = await self._join(asked)
                    if self._place > at:
                        continue  # what the hub had read before, and this listener had not
                while (new := await waiting.next()) is not None:
                    if new.place > at:
                        yield FeedEntry(new.change, new.place, gap) if gap else new
                        at, gap = new.place, False
        finally:
            if waiting is not None:
                self._leave(waiting)

    async def close(self) -> None:
        """Read no more."""
        for waiting in tuple(self._waiting):
            self._leave(waiting)
        await self._bell.close()
        if self._reading is not None:
            self._reading.cancel()
            with suppress(asyncio.CancelledError):
                await self._reading
            self._reading = None

    async def _join(self, asked: ChangeFilter) -> ListenerQueue:
        async with self._starting:
            if not self._waiting:
                # Before anything is handed on there is a place after which all is.
                self._place = await self._end()
                self._bell.start_listening()
                if self._reading is None or self._reading.done():
                    self._reading = asyncio.create_task(self._run(), name="background:feed")
            waiting = ListenerQueue(asked)
            self._waiting.add(waiting)
            return waiting

    def _leave(self, waiting: ListenerQueue) -> None:
        self._waiting.discard(waiting)
        if not self._waiting:
            self._bell.stop_listening()

    async def _run(self) -> None:
        while self._waiting:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._bell.heard.wait(), self._poll)
            self._bell.heard.clear()
            await asyncio.sleep(TOGETHER)
            while self._waiting:
                try:
                    page = await self._read(ChangeFilter(), self._place)
                except Gone:
                    self._place = await self._end()
                    for waiting in self._waiting:
                        waiting.end()
                    break
                if page.places:
                    entries = await self._entries(page)
                    for waiting in self._waiting:
                        waiting.offer(entries)
                self._place = page.end
                if not page.more:
                    break

    async def _end(self) -> Place:
        return (await self._patiently(lambda: pages.page(self._db, ChangeFilter(), None, 0))).end

    async def _read(self, asked: ChangeFilter, at: Place) -> Page:
        return await self._patiently(lambda: pages.page(self._db, asked, at, AT_ONCE))

    async def _entries(self, page: Page) -> list[FeedEntry]:
        async def read() -> list[tuple[Place, Change]]:
            async with self._db.read() as session:
                return await pages.entries(session, page.places)

        return [FeedEntry(change, place) for place, change in await self._patiently(read)]

    async def _patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        """What comes of work as soon as the database is there.

        Raises:
            Gone: see `pages.page`.
        """
        while True:
            try:
                async with self._readers:
                    return await work()
            except (Gone, asyncio.CancelledError):
                raise
            except Exception as error:
                if is_away(error):
                    log_away(error, "feed")
                else:
                    log.exception("the log of changes cannot be read")
            await asyncio.sleep(PAUSE)
