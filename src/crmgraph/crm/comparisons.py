"""What came of comparing the old CRM's answers with this store's: counted in memory, added to the store now and then.

Kept are counts, the names of fields and one example of each difference: method, path, and hashes of the values.
"""

import asyncio
import datetime as dt
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, cast

from sqlalchemy import ColumnElement, Table, Text, delete, func, literal, select, tuple_, update
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import AcceptedDifference, Compared, DifferenceSort, Divergence, Door, Verdict, now
from crmgraph.db.database import Database
from crmgraph.db.errors import log_background

STORE_SECONDS = 5.0
"""After how many seconds counts are added to the store: a process that is killed loses these."""
MOST = 2_000
"""How many counts of a kind wait in memory; those beyond are counted together."""
MOST_KEPT = 5_000
"""How many differing fields of a dialect are kept; those beyond are counted together."""
BATCH = 200
"""How many counts are added by one statement."""
OTHERS = "others"
"""Callers beyond `MOST`, together."""
OTHER_FIELDS = "(other fields)"
"""Fields beyond what is kept, together."""
VALUES_DAYS = 7
"""How long values are kept where an upstream's `keep_values` is on, in days."""
WIDTH = 5
"""How many parts the key of a divergence has."""
LONGEST = 2_000
"""How many characters of a path, a field or a value are kept."""

TOKEN, VALUE = "$TOKEN", "$VALUE"
"""Placeholders in examples: of a token, and of any other value that is not kept."""
_SPECIAL = re.compile(r'[\\"$`]')

Key: TypeAlias = tuple[Door, str, str, str, DifferenceSort]
"""Dialect, operation, caller, field, sort."""


@dataclass(frozen=True, slots=True)
class Example:
    """One call in which a field differed.

    Attributes:
        target: path and query, without secrets.
        headers: of the request, without secrets.
        control_hash, candidate_hash: of the values there and here.
        control, candidate: the values, where they may be kept.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    control_hash: str
    candidate_hash: str
    control: str | None = None
    candidate: str | None = None


@dataclass(slots=True)
class _Seen:
    first: float
    last: float
    times: int
    example: Example


class ComparisonCounts:
    """The verdicts of one process that the store has not got yet."""

    def __init__(self) -> None:
        self._verdicts: dict[tuple[Any, ...], int] = {}
        self._divergences: dict[Key, _Seen] = {}

    def add(self, dialect: Door, operation: str, caller: str, verdict: Verdict, reason: str = "") -> None:
        """Count a verdict."""
        key = (int(time.time() // 86_400), dialect, operation, caller, verdict, reason)
        if key not in self._verdicts and len(self._verdicts) >= MOST:
            key = (*key[:3], OTHERS, *key[4:])
        self._verdicts[key] = self._verdicts.get(key, 0) + 1

    def diverged(
        self, dialect: Door, operation: str, caller: str, name: str, sort: DifferenceSort, example: Example
    ) -> None:
        """Note a field that differed."""
        at, key = time.time(), (dialect, operation, caller, name[:LONGEST], sort)
        if key not in self._divergences and len(self._divergences) >= MOST:
            key = (dialect, operation, OTHERS, OTHER_FIELDS, sort)
        seen = self._divergences.setdefault(key, _Seen(at, at, 0, example))
        seen.last, seen.times, seen.example = at, seen.times + 1, example

    async def store(self, db: Database) -> None:
        """Add what was counted to the store, in its own transaction; what it does not take is counted on."""
        verdicts, self._verdicts = self._verdicts, {}
        divergences, self._divergences = self._divergences, {}
        if not verdicts and not divergences:
            return
        try:
            async with db.begin() as session:
                await _add_verdicts(session, verdicts)
                await _add_divergences(session, divergences)
        except BaseException:
            for key, calls in verdicts.items():
                self._verdicts[key] = self._verdicts.get(key, 0) + calls
            for known, seen in divergences.items():
                since = self._divergences.setdefault(known, seen)
                if since is not seen:
                    since.first, since.times = seen.first, since.times + seen.times
            raise


async def keep_storing(counts: ComparisonCounts, db: Database) -> None:
    """Add what is counted to the store now and then, until it is cancelled; the last time then."""
    try:
        while True:
            await asyncio.sleep(STORE_SECONDS)
            await store(counts, db)
    finally:
        await store(counts, db)


async def store(counts: ComparisonCounts, db: Database) -> None:
    """Add what was counted to the store; a fault is logged, and it is counted on."""
    try:
        await counts.store(db)
    except Exception as error:
        log_background(error, "comparisons")


async def _add_verdicts(session: AsyncSession, verdicts: Mapping[tuple[Any, ...], int]) -> None:
    names = ("dialect", "operation", "caller", "verdict", "reason")
    rows = [
        {"day": dt.date(1970, 1, 1) + dt.timedelta(days=day), **dict(zip(names, rest, strict=True)), "calls": calls}
        for (day, *rest), calls in sorted(verdicts.items())
    ]
    await _upsert(session, Compared, rows, sums=("calls",), latest=())


async def _add_divergences(session: AsyncSession, divergences: Mapping[Key, _Seen]) -> None:
    bounded: dict[Key, _Seen] = {}
    full = await _full(session, {key[0] for key in divergences})
    known = await _known(session, [key for key in divergences if key[0] in full])
    for key, seen in sorted(divergences.items()):
        kept = key if key[0] not in full or key in known else (*key[:2], OTHERS, OTHER_FIELDS, key[4])
        before = bounded.get(kept)
        bounded[kept] = seen if before is None else replace(seen, first=before.first, times=before.times + seen.times)
    rows = []
    for (dialect, operation, caller, name, sort), seen in sorted(bounded.items()):
        of_key = {"dialect": dialect, "operation": operation, "caller": caller, "field": name, "sort": sort}
        times = {"first_at": _moment(seen.first), "last_at": _moment(seen.last), "times": seen.times}
        one = seen.example
        example = {
            "method": one.method,
            "target": one.target[:LONGEST],
            "headers": dict(one.headers),
            "control_hash": one.control_hash,
            "candidate_hash": one.candidate_hash,
            "control": one.control and one.control[:LONGEST],
            "candidate": one.candidate and one.candidate[:LONGEST],
        }
        rows.append(of_key | times | example)
    example_of = ("method", "target", "headers", "control_hash", "candidate_hash", "control", "candidate")
    await _upsert(session, Divergence, rows, sums=("times",), latest=("last_at", *example_of))


async def _full(session: AsyncSession, dialects: Iterable[Door]) -> set[Door]:
    """The dialects of which no further fields are kept."""
    counted = select(Divergence.dialect).where(Divergence.dialect.in_(dialects)).group_by(Divergence.dialect)
    return set(await session.scalars(counted.having(func.count() >= MOST_KEPT)))


async def _known(session: AsyncSession, keys: Sequence[Key]) -> set[Key]:
    found: set[Key] = set()
    columns = (Divergence.dialect, Divergence.operation, Divergence.caller, Divergence.field, Divergence.sort)
    for start in range(0, len(keys), BATCH):
        rows = await session.execute(select(*columns).where(tuple_(*columns).in_(keys[start : start + BATCH])))
        found |= {(row[0], row[1], row[2], row[3], row[4]) for row in rows}
    return found


async def _upsert(
    session: AsyncSession, model: Any, rows: list[dict[str, Any]], *, sums: Sequence[str], latest: Sequence[str]
) -> None:
    """Add counts to those of the store. In the order of their keys, so that no two processes wait for each other."""
    insert = insert_sqlite if session.get_bind().dialect.name == "sqlite" else insert_postgresql
    table = cast(Table, model.__table__)
    for start in range(0, len(rows), BATCH):
        adding = insert(table).values(rows[start : start + BATCH])
        added = {name: table.c[name] + adding.excluded[name] for name in sums}
        replaced = {name: adding.excluded[name] for name in latest}
        await session.execute(
            adding.on_conflict_do_update(index_elements=list(table.primary_key), set_=added | replaced)
        )


def _moment(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


@dataclass(frozen=True, slots=True)
class Equality:
    """How many calls came to which verdict.

    Attributes:
        calls: {verdict: how many}.
    """

    calls: Mapping[Verdict, int] = field(default_factory=dict)

    def of(self, verdict: Verdict) -> int:
        """How many calls came to a verdict."""
        return self.calls.get(verdict, 0)

    @property
    def compared(self) -> int:
        """How many calls say something: equal, different or failed."""
        return self.of(Verdict.EQUAL) + self.of(Verdict.DIFFERENT) + self.of(Verdict.FAILED)

    @property
    def percent(self) -> float | None:
        """How many of a hundred that say something are equal; None where none does."""
        return 100 * self.of(Verdict.EQUAL) / self.compared if self.compared else None


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """Calls of one caller to one operation that came to one verdict."""

    dialect: Door
    operation: str
    caller: str
    verdict: Verdict
    reason: str
    calls: int


async def compared(session: AsyncSession, dialect: Door | None, since: dt.date | None) -> list[ComparedRow]:
    """What calls came to, by dialect, operation, caller, verdict and reason."""
    by = (Compared.dialect, Compared.operation, Compared.caller, Compared.verdict, Compared.reason)
    query = select(*by, func.sum(Compared.calls)).group_by(*by).order_by(*by)
    if dialect is not None:
        query = query.where(Compared.dialect == dialect)
    if since is not None:
        query = query.where(Compared.day >= since)
    return [ComparedRow(*row[:-1], int(row[-1])) for row in await session.execute(query)]


def equality(rows: Iterable[ComparedRow]) -> Equality:
    """The verdicts of these together."""
    calls: dict[Verdict, int] = {}
    for each in rows:
        calls[each.verdict] = calls.get(each.verdict, 0) + each.calls
    return Equality(calls)


async def divergences(
    session: AsyncSession,
    *,
    dialect: Door | None = None,
    operation: str | None = None,
    caller: str | None = None,
    since: dt.datetime | None = None,
    after: Sequence[str] = (),
    limit: int | None = None,
) -> list[Divergence]:
    """Fields that differed, in the order of dialect, operation, caller, field and sort.

    Args:
        since: that did from then on.
        after: the key of the one before the first.
    """
    query = select(Divergence).where(*_meant(dialect, operation, caller, since)).order_by(*_TEXTS).limit(limit)
    if after:
        query = query.where(tuple_(*_TEXTS) > tuple_(*map(literal, after)))
    return list(await session.scalars(query))


async def count_divergences(
    session: AsyncSession, *, dialect: Door | None = None, operation: str | None = None, caller: str | None = None
) -> int:
    """How many `divergences` there are."""
    query = select(func.count()).select_from(Divergence).where(*_meant(dialect, operation, caller, None))
    return await session.scalar(query) or 0


_TEXTS = tuple(
    sql_cast(each, Text)
    for each in (Divergence.dialect, Divergence.operation, Divergence.caller, Divergence.field, Divergence.sort)
)


def _meant(dialect: Door | None, operation: str | None, caller: str | None, since: dt.datetime | None) -> list[Any]:
    given = ((Divergence.dialect, dialect), (Divergence.operation, operation), (Divergence.caller, caller))
    found = [column == value for column, value in given if value is not None]
    return found if since is None else [*found, Divergence.last_at >= since]


async def accepted(session: AsyncSession, dialect: Door | None = None) -> list[AcceptedDifference]:
    """What may differ today, the first that was said first."""
    query = select(AcceptedDifference).where(AcceptedDifference.until >= now().date()).order_by(AcceptedDifference.id)
    return list(await session.scalars(query if dialect is None else query.where(AcceptedDifference.dialect == dialect)))


async def withdraw(
    session: AsyncSession, dialect: Door, field: str, *, operation: str | None, caller: str | None
) -> int:
    """Take back that a field may differ, as it was said: of one operation or all, for one caller or everybody; how
    often it was said."""
    said = delete(AcceptedDifference).where(
        AcceptedDifference.dialect == dialect,
        AcceptedDifference.field == field,
        AcceptedDifference.operation.is_not_distinct_from(operation),
        AcceptedDifference.caller.is_not_distinct_from(caller),
    )
    return len((await session.scalars(said.returning(AcceptedDifference.id))).all())


async def forget(session: AsyncSession, dialect: Door) -> None:
    """Forget all that was compared of a dialect, e.g. once the reason of its differences is gone."""
    for model in (Compared, Divergence):
        await session.execute(delete(model).where(model.dialect == dialect))


def has_old_values() -> ColumnElement[bool]:
    """Whether a difference has values that were kept for `VALUES_DAYS`."""
    old = Divergence.last_at < now() - dt.timedelta(days=VALUES_DAYS)
    return old & (Divergence.control.is_not(None) | Divergence.candidate.is_not(None))


async def forget_values(session: AsyncSession, moments: Sequence[Any]) -> None:
    """Remove the values of the differences that were last seen at these moments."""
    await session.execute(
        update(Divergence).where(Divergence.last_at.in_(moments)).values(control=None, candidate=None)
    )


def curl(divergence: Divergence, base: str) -> str:
    """The line that makes the call again; tokens and values that are not kept stand there as variables of the shell.

    Args:
        base: where it is sent to.
    """
    words = ["curl", "-i"] if divergence.method == "GET" else ["curl", "-I"]
    for name, value in divergence.headers.items():
        words += ["-H", _quoted(f"{name}: {value}")]
    return " ".join([*words, _quoted(base.rstrip("/") + divergence.target)])


def _quoted(text: str) -> str:
    """A word of the shell in which nothing but our placeholders is a variable."""
    escaped = _SPECIAL.sub(r"\\\g<0>", text)
    for each in (TOKEN, VALUE):
        escaped = escaped.replace(f"\\{each}", each)
    return f'"{escaped}"'
