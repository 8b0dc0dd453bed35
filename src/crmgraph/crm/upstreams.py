"""Which old CRMs there are, and who answers which call: they, or this store."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import (
    Door,
    LearnedToken,
    Mode,
    Parked,
    PullMark,
    Switch,
    Upstream,
    UpstreamSecret,
    Usage,
    now,
)

OVERLAP = dt.timedelta(seconds=120)
"""By how much earlier than the start of a reading the next one begins: what was written meanwhile may have been
committed late, and clocks differ."""
DEFAULT = Mode.PROXY
"""Who answers where there is an upstream and nobody has said otherwise."""


@dataclass(frozen=True, slots=True)
class Modes:
    """Who answers the calls of one dialect, as of some moment.

    Attributes:
        by: {(operation, caller), either None for all: the mode}.
    """

    by: Mapping[tuple[str | None, str | None], Mode] = field(default_factory=dict)

    def of(self, operation: str, caller: str) -> Mode:
        """Who answers a call: what is said of the caller and the operation counts before what is said of the caller,
        that before what is said of the operation, that before what is said of the dialect."""
        for key in ((operation, caller), (None, caller), (operation, None), (None, None)):
            if (mode := self.by.get(key)) is not None:
                return mode
        return DEFAULT


def modes_of(switches: Iterable[Switch]) -> dict[Door, Modes]:
    """{dialect: who answers}, of the switches in their order."""
    found: dict[Door, dict[tuple[str | None, str | None], Mode]] = {}
    for each in switches:
        found.setdefault(each.dialect, {})[each.operation, each.caller] = each.mode
    return {dialect: Modes(by) for dialect, by in found.items()}


async def all_upstreams(session: AsyncSession) -> list[Upstream]:
    """The upstreams, by their dialects."""
    return list(await session.scalars(select(Upstream).order_by(Upstream.dialect)))


async def all_with_lag(session: AsyncSession) -> list[tuple[Upstream, int | None]]:
    """The upstreams, by their dialects, each with the seconds since the start of the oldest of its lists' last
    readings, of the lists that were read to the end once; None where none was. One statement."""
    watermark = select(func.min(PullMark.watermark)).where(PullMark.dialect == Upstream.dialect).scalar_subquery()
    at = now() - OVERLAP
    rows = await session.execute(select(Upstream, watermark).order_by(Upstream.dialect))
    return [(each, None if mark is None else max(0, int((at - mark).total_seconds()))) for each, mark in rows]


async def all_switches(session: AsyncSession, dialect: Door | None = None) -> Sequence[Switch]:
    """The switches, the first one first."""
    query = select(Switch).order_by(Switch.id)
    return (await session.scalars(query if dialect is None else query.where(Switch.dialect == dialect))).all()


async def what_is_set(session: AsyncSession) -> tuple[int, dict[Door, dict[str, Any]]]:
    """The id of the last switch, 0 where there is none, and what is set of each upstream; one statement."""
    last = select(func.max(Switch.id)).scalar_subquery()
    rows = (await session.execute(select(last, Upstream.dialect, Upstream.options))).all()
    return max((row[0] or 0 for row in rows), default=0), {dialect: options for _, dialect, options in rows}


async def known_callers(session: AsyncSession, dialect: Door) -> list[str]:
    """Who has called a dialect whose calls are passed on, or was given a token to."""
    called = select(Usage.caller).where(Usage.dialect == dialect, Usage.mode != Mode.OFF)
    learned = select(LearnedToken.caller).where(LearnedToken.dialect == dialect)
    return sorted(await session.scalars(called.union(learned)))


async def remove(session: AsyncSession, dialect: Door) -> bool:
    """Take an upstream away, with its switches, secrets, learned tokens and how far it was read; whether there was
    one."""
    for model in (Switch, LearnedToken, UpstreamSecret, PullMark, Parked):
        await session.execute(delete(model).where(model.dialect == dialect))
    gone = await session.scalar(delete(Upstream).where(Upstream.dialect == dialect).returning(Upstream.dialect))
    return gone is not None
