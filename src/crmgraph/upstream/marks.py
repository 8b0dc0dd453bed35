"""How far an upstream has been read, by whom, and what was not taken: the rows of `pull_mark` and `parked`.

One process reads an upstream at a time. It holds the row without a source by a lease, which each transaction of its own
renews: what was away for longer finds that it has lost it, and writes nothing.
"""

import datetime as dt
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Door, Parked, PullMark, now
from crmgraph.crm.upstreams import OVERLAP
from crmgraph.db.database import Database, database_of
from crmgraph.rest.pulling import Source
from crmgraph.upstream.apply import Fault

LEASE = dt.timedelta(seconds=10)
"""For how long who reads may be silent before another may go on."""
DAILY = dt.timedelta(days=1)
"""After how long what is parked is tried again."""
PHOTOS = "photos"
"""The source under which photos that are to be fetched are parked."""
_WHOLE = ""


class PullBusyError(Exception):
    """Another process reads the upstream.

    Attributes:
        seconds: after how many it counts as gone.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class LeaseLostError(Exception):
    """Another process has gone on in our place."""


class Lease:
    """Who reads the upstream of a dialect."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._holder = secrets.token_hex(8)

    async def claim(self, db: Database) -> dict[str, Any]:
        """Hold it from now on; what was kept beside it.

        Raises:
            PullBusyError: another process does.
        """
        at = now()
        async with db.begin() as session:
            await _ensure(session, self._door, _WHOLE)
            free = or_(PullMark.held_until.is_(None), PullMark.held_until <= at)
            claim = update(PullMark).where(PullMark.dialect == self._door, PullMark.source == _WHOLE, free)
            claim = claim.values(holder=self._holder, held_until=at + LEASE).returning(PullMark.counts)
            kept: dict[str, Any] | None = await session.scalar(claim)
            if kept is not None:
                return dict(kept)
            until = await session.scalar(_whole(self._door))
        raise PullBusyError(max(0.0, ((until or at) - at).total_seconds()))

    async def keep(self, session: AsyncSession, kept: Mapping[str, Any] | None = None) -> None:
        """Hold it on, within the transaction that writes something.

        Args:
            kept: what is to be kept beside it.

        Raises:
            LeaseLostError: another process holds it.
        """
        values: dict[str, Any] = {"held_until": now() + LEASE} | ({} if kept is None else {"counts": dict(kept)})
        mine = (PullMark.dialect == self._door, PullMark.source == _WHOLE, PullMark.holder == self._holder)
        if await session.scalar(update(PullMark).where(*mine).values(**values).returning(PullMark.source)) is None:
            raise LeaseLostError

    async def release(self, db: Database, kept: Mapping[str, Any]) -> None:
        """Let others read."""
        mine = (PullMark.dialect == self._door, PullMark.source == _WHOLE, PullMark.holder == self._holder)
        async with db.begin() as session:
            await session.execute(update(PullMark).where(*mine).values(holder=None, held_until=None, counts=dict(kept)))


def _whole(door: Door) -> Any:
    return select(PullMark.held_until).where(PullMark.dialect == door, PullMark.source == _WHOLE)


async def _ensure(session: AsyncSession, door: Door, source: str) -> None:
    insert = insert_sqlite if database_of(session).is_sqlite else insert_postgresql
    await session.execute(
        insert(PullMark).values(dialect=door, source=source, page=0, counts={}).on_conflict_do_nothing()
    )


async def mark_of(session: AsyncSession, door: Door, source: str) -> PullMark:
    """How far a source was read."""
    await _ensure(session, door, source)
    query = select(PullMark).where(PullMark.dialect == door, PullMark.source == source)
    return (await session.scalars(query.execution_options(populate_existing=True))).one()


async def save(session: AsyncSession, door: Door, source: str, **values: Any) -> None:
    """Note how far a source was read, in the transaction that has applied it."""
    mine = (PullMark.dialect == door, PullMark.source == source)
    await session.execute(update(PullMark).where(*mine).values(**values))


async def watermarks(session: AsyncSession, door: Door) -> dict[str, dt.datetime]:
    """{source: up to when all that was changed there is known here}, of those that were read whole once."""
    query = select(PullMark.source, PullMark.watermark).where(PullMark.dialect == door, PullMark.source != _WHOLE)
    return {source: mark for source, mark in await session.execute(query) if mark is not None}


async def lag(session: AsyncSession, door: Door, sources: Iterable[Source]) -> dict[str, float | None]:
    """{source: seconds since the start of its last reading that has ended}; None for what was never read to its end."""
    known, at = await watermarks(session, door), now()
    names = [each.name for each in sources]
    return {name: (at - known[name] - OVERLAP).total_seconds() if name in known else None for name in names}


# --- what was not taken


async def park(
    session: AsyncSession, door: Door, source: str, told: Sequence[tuple[str, Mapping[str, Any], Fault]]
) -> None:
    """Keep what was not taken, to be tried at the end of the reading, and daily after that.

    Args:
        told: (what it is called there, what was told of it, why it was not taken).
    """
    if not told:
        return
    at = now()
    rows = [
        {
            "dialect": door,
            "source": source,
            "home_id": home_id,
            "code": fault.code,
            "message": fault.message,
            "body": dict(body),
            "tries": 0,
            "parked_at": at,
            "next_at": at,
        }
        for home_id, body, fault in told
    ]
    insert = insert_sqlite if database_of(session).is_sqlite else insert_postgresql
    adding = insert(Parked)
    news = {name: getattr(adding.excluded, name) for name in ("code", "message", "body", "next_at")}
    adding = adding.on_conflict_do_update(index_elements=[Parked.dialect, Parked.source, Parked.home_id], set_=news)
    await (await session.connection()).execute(adding, rows)


async def unpark(session: AsyncSession, door: Door, source: str, home_ids: Collection[str]) -> None:
    """Forget what was taken by now."""
    if home_ids:
        mine = (Parked.dialect == door, Parked.source == source, Parked.home_id.in_(home_ids))
        await session.execute(delete(Parked).where(*mine))


async def parked_ids(session: AsyncSession, door: Door) -> dict[str, set[str]]:
    """{source: what is parked of it}."""
    found: dict[str, set[str]] = {}
    for source, home_id in await session.execute(select(Parked.source, Parked.home_id).where(Parked.dialect == door)):
        found.setdefault(source, set()).add(home_id)
    return found


async def due(session: AsyncSession, door: Door, source: str, limit: int, after: int = 0) -> Sequence[Parked]:
    """What is parked of a source and to be tried now, in the order in which it came."""
    query = select(Parked).where(Parked.dialect == door, Parked.source == source, Parked.next_at <= now())
    return (await session.scalars(query.where(Parked.id > after).order_by(Parked.id).limit(limit))).all()


async def put_off(session: AsyncSession, faults: Mapping[int, Fault]) -> None:
    """Try these again tomorrow.

    Args:
        faults: {id of a row: why it was not taken this time}.
    """
    for own_id, fault in faults.items():
        values = {"code": fault.code, "message": fault.message, "next_at": now() + DAILY, "tries": Parked.tries + 1}
        await session.execute(update(Parked).where(Parked.id == own_id).values(**values))


async def parked_counts(session: AsyncSession) -> dict[Door, int]:
    """{dialect: how much was not taken}, of what was tried at least once more."""
    query = select(Parked.dialect, func.count()).where(Parked.tries > 0).group_by(Parked.dialect)
    return dict((await session.execute(query)).all())
