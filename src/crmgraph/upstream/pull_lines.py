"""Reading records one by one, by a file of what they are called: of an upstream that has no lists."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Door, ExternalId, PartyKind
from crmgraph.db.database import Database
from crmgraph.rest.pulling import Gone, Pulled, Pulling
from crmgraph.upstream import marks
from crmgraph.upstream.apply import Applying
from crmgraph.upstream.calls import CallError, Calls
from crmgraph.upstream.further_ids import claim_further
from crmgraph.upstream.ingestion import can_be_kept, word_of
from crmgraph.upstream.marks import Lease

WRONG = "wrong"
"""As what lines are counted of which nothing was taken, or not all."""
LINES = "ids"
"""Under which name it is noted how far a file was read."""
TOGETHER = 50
"""How many lines are asked for, and then applied by one transaction."""
MOST = 100
"""The most records that one line may name."""
FEW = 100
"""Records that may be gone, beyond which it is asked whether half of all are."""

Wrong: TypeAlias = Callable[[int, str], None]
"""Is told of a line of which nothing was taken, or not all: its number, and why."""


@dataclass(frozen=True, slots=True)
class Lines:
    """What is asked for.

    Attributes:
        digest: of all of it, by which the same lines are known again.
        texts: each with its number, counted from 1; None for one that is too long or no text.
    """

    digest: str
    texts: Iterable[tuple[int, str | None]]


@dataclass(slots=True)
class _Line:
    """A line that was asked for.

    Attributes:
        id: what its record is called there, where the line is its id.
    """

    number: int
    records: list[Pulled] = field(default_factory=list)
    id: str | None = None
    wrong: str | None = None


class ReadingLines:
    """Reads what lines name.

    Args:
        lease: which is held.
        region: whose telephone numbers need no country code.
    """

    def __init__(
        self, db: Database, calls: Calls, lease: Lease, door: Door, pulling: Pulling, region: str | None
    ) -> None:
        if pulling.lookup is None:
            raise CallError("nothing is asked for by a line there")
        self._lookup = pulling.lookup
        self._db = db
        self._calls = calls
        self._lease = lease
        self._door = door
        self._pulling = pulling
        self._region = region

    async def read(
        self, wanted: Lines, wrong: Wrong, counted: Callable[[], Mapping[str, Any]]
    ) -> AsyncIterator[Counter[str]]:
        """Read it; {outcome: how many}, step by step, what was read of it before it was cut off at first.

        Args:
            counted: what is kept beside the lease.

        Raises:
            CallError: the upstream does not answer, or half of all are not there any more.
        """
        async with self._db.begin() as session:
            mark = await marks.mark_of(session, self._door, LINES)
            kept = dict(mark.counts)
            done = mark.page if kept.pop("digest", None) == wanted.digest else 0
        total: Counter[str] = Counter(kept if done else {})
        if total:
            yield total.copy()
        lines = (each for each in wanted.texts if each[0] > done)
        while batch := list(itertools.islice(lines, TOGETHER)):
            asked = await self._ask_all(batch)

            async def work(
                session: AsyncSession, asked: Any = asked, done: int = batch[-1][0], before: Counter[str] = total
            ) -> tuple[Counter[str], list[tuple[int, str]]]:
                await self._lease.keep(session, counted())
                found, faults = await self._apply(session, asked, before)
                kept = {**(before + found), "digest": wanted.digest}
                await marks.save(session, self._door, LINES, page=done, counts=kept)
                return found, faults

            found, faults = await self._db.transact(work)
            total += found
            for number, why in faults:
                wrong(number, why)
            yield found
        async with self._db.begin() as session:
            await self._lease.keep(session)
            await marks.save(session, self._door, LINES, page=0, counts={})

    async def _ask_all(self, batch: Sequence[tuple[int, str | None]]) -> list[_Line]:
        asking = [asyncio.ensure_future(self._ask(number, text)) for number, text in batch]
        try:
            return await asyncio.gather(*asking)
        finally:
            for each in asking:
                each.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

    async def _ask(self, number: int, text: str | None) -> _Line:
        line = _Line(number)
        wanted = None if text is None else self._lookup.wanted(text)
        if wanted is None:
            line.wrong = "too long, or no text" if text is None else "is no id, number, email or phone"
            return line
        looked, _ = await self._calls.read(wanted.asked, self._lookup.read)
        line.id, line.wrong, line.records = wanted.id, looked.refused, list(looked.records)
        if wanted.in_brief:
            line.records = []
            for each in looked.records[: MOST - 1]:
                whole, _ = await self._calls.read(self._lookup.by_id(each.id), self._lookup.read)
                line.wrong = line.wrong or whole.refused
                line.records += whole.records
            if len(looked.records) >= MOST:
                line.wrong = f"names {MOST} records or more"
        if not all(can_be_kept(each.body) for each in line.records):
            line.records, line.wrong = [], "holds U+0000, or is nested too deep"
        return line

    async def _apply(
        self, session: AsyncSession, lines: Sequence[_Line], total: Counter[str]
    ) -> tuple[Counter[str], list[tuple[int, str]]]:
        """{outcome: how many}, and (number of a line, why not all of it was taken)."""
        applying = Applying(session, self._door, self._pulling, self._region)
        found: Counter[str] = Counter()
        faults = [(line.number, line.wrong) for line in lines if line.wrong is not None]
        told = {each.id: (line.number, each) for line in lines for each in line.records}
        for kind in (PartyKind.ACCOUNT, PartyKind.CONTACT, PartyKind.LEAD):
            records = [each for _, each in told.values() if each.kind is kind]
            if not records:
                continue
            applied = await applying.records(kind, records)
            await claim_further(session, self._door, self._pulling, kind, applied)
            for each in applied:
                found[word_of(each.outcome)] += 1
                if each.fault is not None:
                    faults.append((told[each.pulled.id][0], each.fault.message))
        absent = [line for line in lines if not line.records and line.wrong is None]
        known = await self._known(session, [line.id for line in absent if line.id is not None])
        faults += [(line.number, "names nothing that is there") for line in absent if line.id not in known]
        going = [Gone(value) for value, live in known.items() if live]
        gone, all_told = total["deleted"] + len(going), sum((total + found).values()) - total[WRONG]
        if gone > FEW and gone * 2 > all_told + len(going):
            raise CallError(f"{gone:,} of {all_told + len(going):,} are not there any more: nothing more was deleted")
        for kind in self._pulling.decoding if going else ():
            found["deleted"] += await applying.gone(kind, going)
        found[WRONG] = len({number for number, _ in faults})
        return +found, sorted(faults)

    async def _known(self, session: AsyncSession, ids: Sequence[str]) -> dict[str, bool]:
        """{id there: whether its record is here still}, of those that were ever here."""
        spaces = {self._pulling.space_of(kind) for kind in self._pulling.decoding}
        query = select(ExternalId.value, ExternalId.live, ExternalId.former_id)
        query = query.where(ExternalId.dialect == self._door.dialect, ExternalId.space.in_(spaces))
        rows = await session.execute(query.where(ExternalId.value.in_(ids)))
        return {value: live is True and former is None for value, live, former in rows}
