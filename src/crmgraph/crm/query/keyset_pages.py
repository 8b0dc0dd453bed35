"""Pages by keyset: where a page begins is told by the values of the row before it, so that a row which comes or goes
ahead of it repeats and skips nothing, and the thousandth page costs as much as the first."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Tuple,
    and_,
    bindparam,
    cast,
    func,
    or_,
    select,
    true,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from crmgraph.crm.models import FOLDED, Address
from crmgraph.crm.policy import KINDS, Actor, gone_for, visible
from crmgraph.crm.query import access_paths
from crmgraph.crm.query.conditions import And, Order, Where
from crmgraph.crm.query.sql import NAMES, Sql, names_city


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list is wanted.

    Attributes:
        size: how many rows.
        orders: the columns by which it is sorted, without nulls; the last is the id, so that no two rows are equal.
        after, before: the values of `orders` of the rows around it; None for the ends of the list.
        backward: the last rows before `before` are wanted, not the first after `after`.
    """

    size: int
    orders: tuple[Order, ...]
    after: tuple[Any, ...] | None = None
    before: tuple[Any, ...] | None = None
    backward: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a window in their order, and whether there are more beyond its far end."""

    items: list[Any]
    more: bool

    @staticmethod
    def of(found: list[Any], window: Window) -> "Rows":
        """The window of rows that were read in its direction, one more than its size where there are more."""
        items = found[: window.size]
        return Rows(items[::-1] if window.backward else items, len(found) > window.size)


@dataclass(frozen=True, slots=True)
class Listed:
    """All rows of a list.

    Attributes:
        query: selects them, in no order.
        keys: has an attribute for each column that the list can be sorted by.
        begun: see `access_paths.Path`.
    """

    query: Select[Any]
    keys: Any
    begun: ColumnElement[bool] | None = None


def lists_deleted(where: Where | None) -> bool:
    """Whether conditions, or the shape of some, ask for records that are deleted, in place of those that are there."""
    parts = where.of if isinstance(where, And) else ()
    return any(getattr(getattr(part, "at", None), "key", None) == "deleted_at" for part in parts)


def seen(actor: Actor, model: Any, where: Where | None) -> list[ColumnElement[bool]]:
    """The conditions under which the rows of a list exist for the actor."""
    if model not in KINDS:
        return []
    return [gone_for(actor, model) if lists_deleted(where) else visible(actor, model)]


def listed(
    columns: Sequence[Any],
    sql: Sql,
    hidden: Sequence[ColumnElement[bool]],
    shape: Where | None,
    orders: Sequence[Order],
) -> list[Listed]:
    """The paths to all rows of the model of `sql` that are not hidden and are of a shape; of any for None.

    One of them finds all of the rows, the others none, see `access_paths`.

    A list of one city in the order of the names is walked along the index of city and name, which holds both in this
    order: what is beyond the page is not read.

    Args:
        columns: of the model, or itself.
        orders: by what the list will be sorted.
    """
    model = sql.model
    if lists_deleted(shape):
        # Indexes of what is there lead to none of them.
        walking = replace(sql, by_row=True, ranged=orders[0].by)
        return [Listed(select(*columns).where(*hidden, *([] if shape is None else [walking.where(shape)])), model)]
    city = _city_of(shape) if _by_name(model, orders) else None
    if city is None or not isinstance(shape, And):
        *ways, along = access_paths.paths(sql, shape, orders[0].by)
        walk = Listed(select(*columns).where(*hidden, *along.where), model, along.begun)
        return [*(_few(sql, select(*columns).where(*hidden, *way.where), way) for way in ways), walk]
    others = And(tuple(each for each in shape.of if each is not city))
    *ways, along = access_paths.paths(sql, others, orders[0].by)
    # The name is asked of the address, which repeats it.
    query = select(*columns).join_from(Address, model, model.id == Address.party_id)
    query = query.where(*hidden, *sql.of_row(city, shape.of), *along.where)
    # Two addresses in one city are one record. PostgreSQL wants to be told that the id settles its other columns; told
    # so, SQLite would no longer see that the index has this order.
    own = [] if sql.sqlite else [model.id]
    keys = SimpleNamespace(**{orders[0].name: Address.name_key, "id": Address.party_id})
    walk = Listed(query.group_by(Address.name_key, Address.party_id, *own), keys, along.begun)
    in_city = replace(sql, by_row=True).where(city)
    return [*(_few(sql, select(*columns).where(*hidden, in_city, *way.where), way) for way in ways), walk]


def _few(sql: Sql, query: Select[Any], way: access_paths.Path) -> Listed:
    rows = access_paths.fenced(sql, query)
    return Listed(select(*rows.c), rows.c, way.begun)


def _by_name(model: Any, orders: Sequence[Order]) -> bool:
    name = FOLDED.get(NAMES.get(model))
    if name is None or len(orders) != 2:
        return False
    first, last = orders
    return first.by is name and last.by is model.id and first.descending == last.descending


def _city_of(shape: Where | None) -> Any:
    """What asks that there is an address in one city, whatever else is asked; None where nothing does."""
    parts = shape.of if isinstance(shape, And) else ()
    return next((each for each in parts if names_city(each, exactly=True)), None)


def of_list(
    sql: Sql,
    hidden: Sequence[ColumnElement[bool]],
    shape: Where | None,
    window: Window,
) -> Select[Any]:
    """The query of one window of all rows that are not hidden and are of a shape, None for any."""

    def first(path: Listed) -> Select[Any]:
        query = path.query.where(*bounds(path.keys, window))
        size = bindparam(None, window.size + 1, type_=Integer())
        return query.order_by(*ordering(path.keys, window)).limit(access_paths.limit_of(path.begun, size))

    found = listed([sql.model], sql, hidden, shape, window.orders)
    if len(found) == 1:
        return first(found[0])
    row = aliased(sql.model, together([first(path) for path in found]))
    return select(row).order_by(*ordering(row, window)).limit(window.size + 1)


def together(paths: Sequence[Select[Any]], name: str | None = None) -> Any:
    """The rows that the first part of each path has, as a source; they are in no order.

    Args:
        name: of the source.
    """
    parts = [path.subquery() for path in paths]
    return union_all(*(select(*part.c) for part in parts)).subquery(name)


def of_each(
    session: AsyncSession,
    model: Any,
    key: InstrumentedAttribute[Any],
    parents: Sequence[int],
    where: Sequence[ColumnElement[bool]],
    window: Window,
) -> Select[Any]:
    """The query of the same window of each parent's rows, in one statement.

    Args:
        key: the column of `model` that names the parent.
        parents: ids.
    """
    conditions = (*where, *bounds(model, window))
    if session.get_bind().dialect.name == "sqlite":
        # No lateral there: the rows of each parent are numbered instead.
        number = func.row_number().over(partition_by=key, order_by=ordering(model, window)).label("number_")
        numbered = select(model, number).where(among(session, key, parents), *conditions).subquery()
        return (
            select(aliased(model, numbered)).where(numbered.c.number_ <= window.size + 1).order_by(numbered.c.number_)
        )
    parent = func.unnest(_array(parents)).table_valued("id", name="parent").render_derived()
    inner = select(model).where(key == parent.c.id, *conditions).order_by(*ordering(model, window))
    page = inner.limit(window.size + 1).lateral("page")
    row = aliased(model, page)
    return select(row).select_from(parent).join(page, true()).order_by(*ordering(row, window))


def counts(
    session: AsyncSession,
    model: Any,
    key: InstrumentedAttribute[Any],
    parents: Sequence[int],
    where: Sequence[ColumnElement[bool]],
) -> Select[Any]:
    """The query of (parent, how many rows it has), without the parents that have none."""
    return select(key, func.count()).select_from(model).where(among(session, key, parents), *where).group_by(key)


def among(session: AsyncSession, column: InstrumentedAttribute[Any], ids: Sequence[int]) -> ColumnElement[bool]:
    """Whether the column holds one of these ids: one parameter, however many there are."""
    if session.get_bind().dialect.name == "sqlite":
        listed = func.json_each("[" + ",".join(map(str, ids)) + "]").table_valued("value")
        return column.in_(select(listed.c.value))
    return column == func.any(_array(ids))


def _array(ids: Sequence[int]) -> Any:
    return cast(bindparam(None, list(ids), type_=ARRAY(BigInteger)), ARRAY(BigInteger))


def ordering(keys: Any, window: Window) -> list[Any]:
    """The columns to sort by, in the direction that the window is read in.

    Args:
        keys: has them as attributes: a model, or see `Listed`.
    """
    return [
        column.desc() if order.descending != window.backward else column.asc()
        for order in window.orders
        for column in (getattr(keys, order.name),)
    ]


def bounds(keys: Any, window: Window) -> list[ColumnElement[bool]]:
    """The conditions of `after` and `before`."""
    return [
        beyond(keys, window.orders, _bound(keys, window.orders, values), forward)
        for values, forward in ((window.after, True), (window.before, False))
        if values is not None
    ]


def _bound(keys: Any, orders: Sequence[Order], values: Sequence[Any]) -> list[ColumnElement[Any]]:
    types = [getattr(keys, order.name).type for order in orders]
    return [bindparam(None, value, type_=type_) for value, type_ in zip(values, types, strict=True)]


def beyond(
    keys: Any, orders: Sequence[Order], bound: Sequence[ColumnElement[Any]], forward: bool
) -> ColumnElement[bool]:
    """Whether a row stands after (`forward`) or before the row whose values of `orders` are `bound`."""
    columns = [getattr(keys, order.name) for order in orders]
    upward = [order.descending != forward for order in orders]
    if len(set(upward)) == 1:
        # One comparison of rows, which an index over these columns answers.
        left: Tuple = tuple_(*columns)
        return left > tuple_(*bound) if upward[0] else left < tuple_(*bound)
    steps = []
    for i, (column, value, up) in enumerate(zip(columns, bound, upward, strict=True)):
        equal = [c == v for c, v in zip(columns[:i], bound[:i], strict=True)]
        steps.append(and_(*equal, column > value if up else column < value))
    return or_(*steps)
