"""Human numbers: CON1, ACC1, LEA1, SO1 ... from counters that skip what is taken."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import CompoundSelect, Select, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Account, Contact, Counter, Lead, PartyKind, SalesOrder
from crmgraph.db.database import require_transaction


class Series(StrEnum):
    """A series of numbers, by its prefix. Take numbers of several series in this order, so that no two writers wait
    for each other crosswise."""

    ACCOUNT = "ACC"
    CONTACT = "CON"
    LEAD = "LEA"
    SALES_ORDER = "SO"


OF_KIND = {PartyKind.ACCOUNT: Series.ACCOUNT, PartyKind.CONTACT: Series.CONTACT, PartyKind.LEAD: Series.LEAD}
"""The series of each kind of record."""

COLUMNS = {
    Series.ACCOUNT: Account.number,
    Series.CONTACT: Contact.number,
    Series.LEAD: Lead.number,
    Series.SALES_ORDER: SalesOrder.number,
}
"""The column that has the numbers of a series."""


async def take(session: AsyncSession, series: Series, count: int = 1) -> list[str]:
    """The next `count` free numbers of a series. The counter stays locked until the transaction ends."""
    taken: list[str] = []
    while (missing := count - len(taken)) > 0:
        last = await advance(session, {series: missing})
        candidates = spelled(series, last[series], missing)
        used = set(await session.scalars(among_live(series, candidates)))
        taken += [number for number in candidates if number not in used]
    return taken


async def advance(session: AsyncSession, counts: Mapping[Series, int]) -> dict[Series, int]:
    """Move the counters of several series on, in one statement: {series: the last one that it passed}.

    They stay locked until the transaction ends. Live records may have some of the numbers, see `among_live`.
    """
    rows = [{"series": each.value, "value": counts[each]} for each in Series if counts.get(each)]
    if not rows:
        return {}
    insert = insert_sqlite if session.get_bind().dialect.name == "sqlite" else insert_postgresql
    statement = insert(Counter).values(rows)
    statement = statement.on_conflict_do_update(
        index_elements=[Counter.series], set_={"value": Counter.value + statement.excluded.value}
    )
    found = await session.execute(statement.returning(Counter.series, Counter.value))
    return {Series(series): last for series, last in found}


def spelled(series: Series, last: int, count: int) -> list[str]:
    """The `count` numbers of a series up to its `last`."""
    return [f"{series.value}{n}" for n in range(last - count + 1, last + 1)]


async def lock(session: AsyncSession, series: Series) -> None:
    """Let nobody else give or take a number of a series until the transaction ends: whoever gives one that is not the
    next looks whether it is free."""
    require_transaction(session)
    if session.get_bind().dialect.name != "sqlite":  # which has one writer at a time as it is
        statement = insert_postgresql(Counter).values(series=series.value, value=0)
        await session.execute(
            statement.on_conflict_do_update(index_elements=[Counter.series], set_={"value": Counter.value})
        )


def among_live(series: Series, candidates: Sequence[str]) -> Select[str] | CompoundSelect[str]:
    """The query of those numbers that live records have, or have inherited from others that were merged into them.

    Deleted ones are left out in the words of the unique index.
    """
    column = COLUMNS[series]
    query = select(column).where(column.in_(candidates))
    model: Any = column.class_
    if model is SalesOrder:
        return query
    return query.where(model.deleted_at.is_(None)).union_all(query.where(model.merged_into_id.is_not(None)))
