"""The bell: processes that write tell those in which somebody listens, by PostgreSQL's NOTIFY.

It says that there is something, not what: who hears it reads the log, and who misses it looks now and then. It is rung
beside the transactions that write, since a NOTIFY within them would let all commits of the server wait for one another.
"""

import asyncio
from contextlib import suppress
from typing import Any

import structlog
from sqlalchemy import func, literal, select, text

from crmgraph.db.database import Database

CHANNEL = "crmgraph_changes"
LISTENING = 0x63726D66
"""The advisory lock, shared, of every process that listens."""
EVERY = 0.05
"""How often a process rings at most, in seconds: what it writes meanwhile is one ring."""
ASKED_EVERY = 1.0
"""How often it asks whether any process listens, in seconds."""
AGAIN = (1.0, 30.0)
"""After how many seconds a connection that broke is opened again: at first, and at last."""

_ANYBODY = text(
    "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = :key AND classid = 0 AND granted "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
)

log = structlog.get_logger(__name__)


class Bell:
    """The bell of one process.

    Args:
        listen: whether other processes are heard.

    Attributes:
        heard: set when something was written, here or elsewhere; whoever has heard it clears it.
    """

    def __init__(self, db: Database, *, listen: bool) -> None:
        self.heard = asyncio.Event()
        self._db = db
        self._listens = listen and not db.is_sqlite
        self._listening: asyncio.Task[None] | None = None
        self._ringing: asyncio.Task[None] | None = None
        self._again = False
        self._anybody = False
        self._ask_at = 0.0
        self._closed = False
        db.when_written(self.ring)

    def ring(self) -> None:
        """Something was committed by this process."""
        self.heard.set()
        self._again = True
        if self._listens and not self._closed and (self._ringing is None or self._ringing.done()):
            self._ringing = asyncio.create_task(self._ring(), name="background:bell")

    def start_listening(self) -> None:
        """Somebody listens here."""
        if self._listens and (self._listening is None or self._listening.done()):
            self._listening = asyncio.create_task(self._listen(), name="background:bell")

    def stop_listening(self) -> None:
        """Nobody listens here any more."""
        if self._listening is not None:
            self._listening.cancel()
            self._listening = None

    async def close(self) -> None:
        """Ring and hear no more."""
        self._closed = True
        tasks = [task for task in (self._listening, self._ringing) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ring(self) -> None:
        loop = asyncio.get_running_loop()
        while self._again:
            self._again = False
            with suppress(Exception):  # the others look for themselves
                if loop.time() >= self._ask_at:
                    self._ask_at = loop.time() + ASKED_EVERY
                    ((anybody,),) = await self._db.fetch_compiled(
                        "feed listeners", lambda: _ANYBODY, {"key": LISTENING}
                    )
                    self._anybody = bool(anybody)
                if self._anybody:
                    await self._db.fetch_compiled(
                        "feed bell", lambda: select(func.pg_notify(literal(CHANNEL), literal(""))), {}
                    )
            await asyncio.sleep(EVERY)

    async def _listen(self) -> None:
        wait, longest = AGAIN
        pause = wait
        while True:
            connection: Any = None
            try:
                connection = await self._db.connect_apart()
                gone = asyncio.Event()
                connection.add_termination_listener(lambda _, gone=gone: gone.set())
                await connection.add_listener(CHANNEL, self._hear)
                await connection.execute(f"SELECT pg_advisory_lock_shared({LISTENING})")
                self.heard.set()  # for what was written before
                pause = wait
                await gone.wait()
            except asyncio.CancelledError:
                raise
            except Exception as error:
                log.debug("nobody rings: the log is looked at now and then", reason=str(error))
            finally:
                if connection is not None:
                    connection.terminate()
            await asyncio.sleep(pause)
            pause = min(2 * pause, longest)

    def _hear(self, *_: Any) -> None:
        self.heard.set()
