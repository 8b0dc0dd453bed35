"""Allocation: ids and numbers for whatever a set of changes makes, in two statements however much it is."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    CompoundSelect,
    Text,
    bindparam,
    cast,
    column,
    func,
    literal,
    or_,
    select,
    table,
    union_all,
)
from sqlalchemy.dialects.postgresql import REGCLASS
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.query.parameters import Several
from crmgraph.crm.query.sql import Sql
from crmgraph.crm.records import numbers
from crmgraph.crm.records.numbers import COLUMNS, OF_KIND, Series
from crmgraph.db.database import database_of

MINTING = ("party", "phone", "email", "address", "relation", "note")
"""The tables whose ids are given before their rows are written."""
_SERIES = tuple(OF_KIND.values())


@dataclass(frozen=True, slots=True)
class Allocated:
    """What was given.

    Attributes:
        ids: {table: ids}, in the order in which the table mints them.
        numbers: {series: numbers}.
    """

    ids: dict[str, list[int]]
    numbers: dict[Series, list[str]]


async def allocate(
    session: AsyncSession,
    ids: Mapping[str, int],
    wanted: Mapping[Series, int],
    *,
    besides: Collection[str] = (),
) -> Allocated:
    """Give ids that a table will mint for nobody else, and the next free numbers.

    The counters of the series stay locked until the transaction ends; take no other lock afterwards.

    Args:
        ids: {table: how many}, of `MINTING`.
        wanted: {series: how many}, of records.
        besides: numbers that are about to be given otherwise.
    """
    db = database_of(session)
    last = await numbers.advance(session, wanted)
    candidates = {series: numbers.spelled(series, last[series], count) for series, count in wanted.items()}
    values: dict[str, Any] = {series.value: candidates.get(series, []) for series in _SERIES}
    if not db.is_sqlite:
        values |= {name: ids.get(name, 0) for name in MINTING}
    used = set(besides)
    minted: dict[str, list[int]] = {name: [] for name in MINTING}
    for what, value in await db.fetch_compiled_in(session, "allocate", lambda: _statement(db.is_sqlite), values):
        if what == "number":
            used.add(value)
        elif db.is_sqlite:
            minted[what] = [value + i for i in range(1, ids.get(what, 0) + 1)]
        else:
            minted[what].append(int(value))
    given = {series: [each for each in candidates[series] if each not in used] for series in wanted}
    for series, count in wanted.items():
        while (missing := count - len(given[series])) > 0:
            given[series] += [each for each in await numbers.take(session, series, missing) if each not in used]
    return Allocated(minted, given)


def _statement(sqlite: bool) -> CompoundSelect[Any]:
    """(what, value) of the candidates that live records have, and of ids: of new ones, on SQLite of the last ones."""
    parts: list[Any] = []
    for series in _SERIES:
        number = COLUMNS[series]
        candidates = bindparam(series.value, type_=Several(Text()))
        among = Sql(number.class_, sqlite).among(number, candidates)
        model: Any = number.class_
        taken = (model.deleted_at.is_(None), model.merged_into_id.is_not(None))
        parts += [select(literal("number"), number).where(among, each) for each in taken]
    if sqlite:
        # The transaction has the only pen: what follows the last id that a table has minted is nobody else's.
        sequence = table("sqlite_sequence", column("name"), column("seq"))
        of_minting = or_(*(sequence.c.name == literal(name) for name in MINTING))
        return union_all(*parts, select(sequence.c.name, sequence.c.seq).where(of_minting))
    for name in MINTING:
        # Which sequence it is, is found out once.
        sequence_of = select(cast(func.pg_get_serial_sequence(name, "id"), REGCLASS)).scalar_subquery()
        each = func.generate_series(1, bindparam(name, type_=BigInteger())).table_valued("n")
        parts.append(select(literal(name), cast(func.nextval(sequence_of), Text)).select_from(each))
    return union_all(*parts)
