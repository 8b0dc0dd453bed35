"""Lists of records by conditions, an order and an offset, for the doors whose lists are counted in pages.

Their statements are compiled once for every shape of the conditions.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Invalid
from crmgraph.crm.models import PartyKind
from crmgraph.crm.policy import MODELS, Actor, sees_all, waits
from crmgraph.crm.query import snapshots
from crmgraph.crm.query.conditions import MAX_CONDITIONS, And, Order, Where, comparisons
from crmgraph.crm.query.sql import Resolved, Sql, resolve, rows

MAX_OFFSET = 2**31
"""The furthest that a page may begin."""


@dataclass(frozen=True, slots=True)
class Page:
    """The ids of one page.

    Attributes:
        more: whether there is another after it.
    """

    ids: list[int]
    more: bool


async def find_ids(
    session: AsyncSession,
    actor: Actor,
    kind: PartyKind,
    where: Where | None = None,
    *,
    order: Sequence[Order] = (),
    offset: int = 0,
    limit: int = 200,
) -> Page:
    """The ids of the live records that the actor may see and that fulfil `where`, in one statement.

    Args:
        order: ties, and a list without an order, go by id.

    Raises:
        Invalid: a value is not of the form of its column, or there are too many conditions.
    """
    if not 0 <= offset <= MAX_OFFSET:
        return Page([], False)
    model = MODELS[kind]
    resolved = _resolved(actor, where, order)

    def query(sql: Sql, seen: Any) -> Select[Any]:
        last = model.id.desc() if order and order[-1].descending else model.id
        ids = select(model.id).where(seen, sql.where(resolved.shape)).order_by(*sql.sorted(resolved.orders), last)
        return ids.limit(bindparam("size", type_=BigInteger())).offset(bindparam("begin", type_=BigInteger()))

    found = await rows(session, actor, model, "ids", resolved, query, {"size": limit + 1, "begin": offset})
    return Page([row[0] for row in found[:limit]], len(found) > limit)


async def count(session: AsyncSession, actor: Actor, kind: PartyKind, where: Where | None = None) -> int:
    """How many live records the actor may see fulfil `where`.

    Raises:
        Invalid: see `find_ids`.
    """
    model = MODELS[kind]
    resolved = _resolved(actor, where)

    def query(sql: Sql, seen: Any) -> Select[Any]:
        return select(func.count()).select_from(model).where(seen, sql.where(resolved.shape))

    ((total,),) = await rows(session, actor, model, "count", resolved, query, {})
    return int(total)


async def find_deleted(
    session: AsyncSession,
    actor: Actor,
    kind: PartyKind,
    *,
    since: dt.datetime | None = None,
    offset: int = 0,
    limit: int = 200,
) -> tuple[list[Any], bool]:
    """Deleted records, the last first, and whether there are more. Only staff know of any; signups that wait are none.

    Args:
        since: those that were deleted after this moment.
    """
    if not sees_all(actor) or not 0 <= offset <= MAX_OFFSET:
        return [], False
    model: Any = MODELS[kind]

    def build(query: Select[Any]) -> Select[Any]:
        query = query.where(model.deleted_at.is_not(None), ~waits(model))
        if since is not None:
            query = query.where(model.deleted_at > bindparam("since", type_=model.deleted_at.type))
        query = query.order_by(model.deleted_at.desc(), model.id.desc())
        return query.limit(bindparam("size", type_=BigInteger())).offset(bindparam("begin", type_=BigInteger()))

    parameters = {"since": since, "size": limit + 1, "begin": offset}
    found = await snapshots.read(session, ("deleted", since is None), model, build, parameters)
    return found[:limit], len(found) > limit


def _resolved(actor: Actor, where: Where | None, order: Sequence[Order] = ()) -> Resolved:
    where = And(()) if where is None else where
    if any(i >= MAX_CONDITIONS for i, _ in enumerate(comparisons(where))):
        raise Invalid((), "too_long", MAX_CONDITIONS, unit="comparisons")
    return resolve(where, actor.region, order)
