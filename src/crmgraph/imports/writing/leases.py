"""Leases: which import is carried out, and by whom until when. One runs at a time, in one process.

A lease is renewed with each batch. It is its own token: whoever carries an import out changes it only while its lease
is the one that they wrote, so that a process that was away for longer finds that it has lost it.
"""

import asyncio
import contextlib
import datetime as dt
import hashlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Import, ImportState, Staff, now
from crmgraph.db.database import Database, database_of

LEASE = dt.timedelta(seconds=30)
"""How long a run may take for a batch before another may take it over."""

_CLAIMING = 0x696D_706F_7274
"""The number of the advisory lock under which imports are claimed: `import` in letters."""


class ImportBusy(Exception):
    """Another import is being carried out.

    Attributes:
        import_id: which.
        seconds: after how long it counts as given up.
    """

    def __init__(self, import_id: int, seconds: float) -> None:
        super().__init__(import_id, seconds)
        self.import_id = import_id
        self.seconds = seconds


class FilesChanged(Exception):
    """A file is not the one that the import began with.

    Attributes:
        name: of the file.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def fingerprint(path: Path) -> dict[str, Any]:
    """By what a file is known again: {"name", "path", "bytes", "sha256"}."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": path.name, "path": str(path.resolve()), "bytes": path.stat().st_size, "sha256": digest}


async def begin(db: Database, staff: Staff, paths: Sequence[Path], options: Mapping[str, Any]) -> int:
    """Store a new import, which nobody but the caller carries out for now; its id.

    Raises:
        ImportBusy: another one is being carried out.
    """
    files = await asyncio.to_thread(lambda: [fingerprint(path) for path in paths])
    async with db.begin() as session:
        await _require_idle(session)
        made = Import(files=files, options=dict(options), staff_id=staff.id, claimed_until=now() + LEASE)
        session.add(made)
        await session.flush()
        return made.id


async def take_over(
    db: Database, import_id: int, state: ImportState, *, only: Collection[ImportState] = tuple(ImportState)
) -> bool:
    """Claim an import that was cut off, or that is to be undone; whether it was in one of the states `only`.

    Raises:
        ImportBusy: it is being carried out, or another one is.
    """
    async with db.begin() as session:
        await _require_idle(session)
        given = {"state": state, "fault": None, "claimed_until": now() + LEASE, "finished_at": None}
        claimed = update(Import).where(Import.id == import_id, Import.state.in_(only)).values(**given)
        return await session.scalar(claimed.returning(Import.id)) is not None


async def _require_idle(session: AsyncSession) -> None:
    # Of two at once the second waits for the first, and finds it: SQLite has one writer at a time anyway.
    if not database_of(session).is_sqlite:
        await session.execute(select(func.pg_advisory_xact_lock(_CLAIMING)))
    running = select(Import.id, Import.claimed_until).where(Import.claimed_until > now())
    for other, until in await session.execute(running):
        if until is not None:
            raise ImportBusy(other, (until - now()).total_seconds())


async def wait_for_lease(db: Database, import_id: int, waiting: Callable[[float], None]) -> None:
    """Wait until whoever carried out an import, and was killed, does not count any more; a minute at the most."""
    async with db.read() as session:
        until = await session.scalar(select(Import.claimed_until).where(Import.id == import_id))
    if until is not None and (seconds := (until - now()).total_seconds()) > 0:
        waiting(seconds)
        await asyncio.sleep(seconds)


@asynccontextmanager
async def kept(
    db: Database, import_id: int, lease: dt.datetime | None, renewed: Callable[[dt.datetime], None]
) -> AsyncIterator[None]:
    """Renews a lease for as long as the block takes, which changes the import by nothing else.

    Args:
        renewed: told the lease that holds from now on.

    Raises:
        ImportBusy: somebody has taken the import over meanwhile.
    """
    ended = asyncio.Event()

    async def renew() -> None:
        own = lease
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), LEASE.total_seconds() / 3)
                return
            until = now() + LEASE

            async def work(session: AsyncSession, own: dt.datetime | None = own, until: dt.datetime = until) -> bool:
                return await change(session, import_id, own, {"claimed_until": until})

            if not await db.transact(work):
                raise ImportBusy(import_id, LEASE.total_seconds())
            own = until
            renewed(until)

    task = asyncio.create_task(renew())
    try:
        yield
    finally:
        ended.set()
        await task


async def get(db: Database, import_id: int) -> Import | None:
    """One import."""
    async with db.read() as session:
        return await session.get(Import, import_id)


async def latest(db: Database, count: int = 50) -> list[Import]:
    """The last imports, the newest first."""
    async with db.read() as session:
        return list(await session.scalars(select(Import).order_by(Import.id.desc()).limit(count)))


async def change(
    session: AsyncSession, import_id: int | None, lease: dt.datetime | None, values: dict[str, Any]
) -> bool:
    """Change an import, and tell whether it was still under this lease: else nothing is changed."""
    own = (Import.id == import_id) & (Import.claimed_until == lease)
    return await session.scalar(update(Import).where(own).values(**values).returning(Import.id)) is not None
