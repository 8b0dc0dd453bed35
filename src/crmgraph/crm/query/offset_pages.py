"""Lists of records by conditions, an order and an offset, for the doors whose lists are counted in pages.

Their statements are compiled once for every shape of the conditions.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, and_, bindparam, cast, func, not_, null, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Invalid
from crmgraph.crm.models import FOLDED, PartyKind
from crmgraph.crm.policy import MODELS, Actor, sees_all, waits
from crmgraph.crm.query import access_paths, references, snapshots
from crmgraph.crm.query.columns import keys_of
from crmgraph.crm.query.conditions import (
    MAX_CONDITIONS,
    And,
    By,
    ExtraValue,
    Op,
    Order,
    Point,
    Where,
    WholeDate,
    comparisons,
)
from crmgraph.crm.query.resolution import Resolved, resolve
from crmgraph.crm.query.sql import NAMES, Sql, rows

_SIZE = bindparam("size", type_=BigInteger())
_BEGIN = bindparam("begin", type_=BigInteger())
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
    most = _most(offset + limit + 1)

    def query(sql: Sql, seen: Any) -> Select[Any]:
        return _first_ids(sql, seen, resolved, most).limit(_SIZE).offset(_BEGIN)

    parameters = {"size": limit + 1, "begin": offset}
    found = await rows(session, actor, model, ("ids", most), resolved, query, parameters)
    return Page([row[0] for row in found[:limit]], len(found) > limit)


async def count(session: AsyncSession, actor: Actor, kind: PartyKind, where: Where | None = None) -> int:
    """How many live records the actor may see fulfil `where`.

    Raises:
        Invalid: see `find_ids`.
    """
    model = MODELS[kind]
    resolved = _resolved(actor, where)

    def query(sql: Sql, seen: Any) -> Select[Any]:
        return select(func.count()).select_from(model).where(seen, access_paths.all_rows(sql, resolved.shape))

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
        since: those that were deleted at this moment or later.
    """
    if not sees_all(actor) or not 0 <= offset <= MAX_OFFSET:
        return [], False
    model: Any = MODELS[kind]
    most = _most(offset + limit + 1)

    def build(query: Select[Any]) -> Select[Any]:
        gone = select(model.id).where(model.deleted_at.is_not(None), ~waits(model))
        if since is not None:
            gone = gone.where(model.deleted_at >= bindparam("since", type_=model.deleted_at.type))
        order = (model.deleted_at.desc(), model.id.desc())
        first = gone.order_by(*order).limit(access_paths.literal(most)).subquery()
        return query.where(model.id.in_(select(first.c.id))).order_by(*order).limit(_SIZE).offset(_BEGIN)

    parameters = {"since": since, "size": limit + 1, "begin": offset}
    found = await snapshots.read(session, ("deleted", since is None, most), model, build, parameters)
    return found[:limit], len(found) > limit


def _first_ids(sql: Sql, seen: ColumnElement[bool], resolved: Resolved, most: int) -> Select[Any]:
    """The ids of the rows that fulfil conditions, in their order: what has no value last, ties by id.

    Args:
        seen: whether the actor may see a row.
        most: of how many rows at most.
    """
    model = sql.model
    sorts = [each for each in sql.sorted(resolved.orders) if each[0] is not model.id]
    sorts.append((model.id, bool(resolved.orders) and resolved.orders[-1][2]))
    values = [value for value, _ in sorts]
    downward = [descending for _, descending in sorts]

    def first(query: Select[Any], by: Sequence[Any], path: access_paths.Path) -> Select[Any]:
        named = query.add_columns(*(value.label(f"s{i}") for i, value in enumerate(by)))
        return named.order_by(*_ordering(by, downward)).limit(
            access_paths.limit_of(path.begun, access_paths.literal(most))
        )

    *ways, walk = access_paths.paths(sql, resolved.shape, values[0])
    found = []
    for way in ways:
        few = access_paths.fenced(
            sql, select(*(v.label(f"v{i}") for i, v in enumerate(values))).where(seen, *way.where)
        )
        found.append(first(select().select_from(few), list(few.c), way))
    indexed = _indexed(sql, resolved.orders[0][0]) if resolved.orders else None
    if indexed is None:
        found.append(first(select().select_from(model).where(seen, *walk.where), values, walk))
    else:
        # First what has a value, along its index; then, where these are not enough, what has none.
        key, having, lacking = indexed
        full = first(having.where(seen, *walk.where), [key, *values[1:]], walk).cte(f"{sql.prefix}full")
        is_short = select(func.count()).select_from(full).scalar_subquery() < access_paths.literal(most)
        rest = walk.only(sql, is_short)
        without = select().select_from(model).where(seen, *rest.where, lacking)
        found += [select(*full.c), first(without, [cast(null(), key.type), *values[1:]], rest)]
    if len(found) == 1:
        rows = found[0].subquery()
    else:
        rows = union_all(*(select(*each.subquery().c) for each in found)).subquery()
    *_, own_id = found_columns = list(rows.c)
    return select(own_id).order_by(*_ordering(found_columns, downward))


def _indexed(sql: Sql, place: Any) -> tuple[Any, Select[Any], ColumnElement[bool]] | None:
    """How a list that may lack the value it is sorted by is walked along an index.

    Returns:
        The key, the query of the rows that have a value, and the condition that a row has none; None where the list
        always has one, and where there is no such index.
    """
    model = sql.model
    if isinstance(place, ExtraValue | WholeDate):
        return None
    whole = place.column if isinstance(place, Point) else place
    ((key, _),) = keys_of(whole, By.SEARCH, Op.LT.value)
    if not access_paths.is_indexed(key):
        return None
    is_named = references.live(whole, sql.actor)
    if is_named is not None:
        return key, select().select_from(model).where(is_named), not_(is_named)
    is_there = key != "" if whole in FOLDED else None
    if not isinstance(place, Point):
        if is_there is None or whole is NAMES.get(model):
            return None
        return key, select().select_from(model).where(is_there), key == ""
    child = whole.class_
    bears = [child.party_id == model.id, child.active, child.slot == place.slot]
    if is_there is not None:
        bears.append(is_there)
    lacking = select(child.party_id).where(*bears).correlate(model).exists()
    return key, select().select_from(child).join(model, and_(*bears)), not_(lacking)


def _ordering(values: Sequence[Any], downward: Sequence[bool]) -> list[ColumnElement[Any]]:
    """The order by values, what has none last."""
    ordering = []
    for value, descending in zip(values, downward, strict=True):
        directed = value.desc() if descending else value.asc()
        # Where there is always a value nothing is said of nulls: PostgreSQL would take no index downwards.
        ordering.append(directed if _is_sure(value) else directed.nulls_last())
    return ordering


def _is_sure(value: Any) -> bool:
    """Whether an expression is a column of a model that is never null."""
    column = getattr(value, "property", None) and value.property.columns[0]
    return column is not None and not column.nullable


def _most(rows: int) -> int:
    """So many rows, rounded up to one of few numbers: each is a statement of its own."""
    most = 256
    while most < rows:
        most *= 4
    return most


def _resolved(actor: Actor, where: Where | None, order: Sequence[Order] = ()) -> Resolved:
    where = And(()) if where is None else where
    if any(i >= MAX_CONDITIONS for i, _ in enumerate(comparisons(where))):
        raise Invalid((), "too_long", MAX_CONDITIONS, unit="comparisons")
    return resolve(where, actor.region, order)
