"""Relay connections over keyset pages: arguments, cursors that are bound to a sort, and totals that are counted only
when they are selected."""

import datetime as dt
import hashlib
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Annotated, Any, Generic, TypeVar

import strawberry
from sqlalchemy import Text, func, select
from strawberry import UNSET

from crmgraph.crm.errors import Invalid
from crmgraph.crm.models.columns import Moment
from crmgraph.crm.query import conditions, keyset_pages
from crmgraph.crm.query.conditions import And, Order
from crmgraph.crm.query.keyset_pages import Rows, Window
from crmgraph.crm.values.text import fault_of
from crmgraph.graph.resolvers.context import Context
from crmgraph.graph.schema.bad_input import BadInput
from crmgraph.graph.schema.filters import Listing

DEFAULT_PAGE = 20
"""How many items a page has when neither `first` nor `last` says."""

T = TypeVar("T")

First = Annotated[int | None, strawberry.argument(description="How many items, from the beginning or after `after`.")]
After = Annotated[str | None, strawberry.argument(description="The cursor of the item before the wanted ones.")]
Last = Annotated[int | None, strawberry.argument(description="How many items, from the end or before `before`.")]
Before = Annotated[str | None, strawberry.argument(description="The cursor of the item after the wanted ones.")]


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether there are items after this page.")
    has_previous_page: bool = strawberry.field(description="Whether there are items before this page.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first item; null on an empty page.")
    end_cursor: str | None = strawberry.field(description="The cursor of the last item; null on an empty page.")


@strawberry.type(description="An item of a page with its cursor.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="Says where the item stands in a list of this sort.")
    node: T = strawberry.field(description="The item.")


def total(root: strawberry.Parent[Any]) -> Any:
    """How many items the whole list of a page has: what it knows, or counts now."""
    return root.count()


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    edges: list[Edge[T]] = strawberry.field(description="The items of the page with their cursors.")
    nodes: list[T] = strawberry.field(description="The items of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the list.")
    total_count: int = strawberry.field(
        resolver=total, description="How many items the whole list has; counted only when this is selected."
    )


@dataclass(frozen=True, slots=True)
class Item:
    """The source of an edge."""

    node: Any
    page: "Page"

    @property
    def cursor(self) -> str:
        return self.page.cursor(self.node)


class Page:
    """The source of a connection.

    Args:
        model: what its rows are.
        tag: with what cursors begin, see `tag_of`.
        count: counts the whole list.
    """

    def __init__(self, tag: str, rows: Rows, window: Window, count: Callable[[], Awaitable[int]]) -> None:
        self.nodes = rows.items
        self.count = count
        self._tag = tag
        self._more = rows.more
        self._window = window

    @cached_property
    def edges(self) -> list[Item]:
        return [Item(node, self) for node in self.nodes]

    @cached_property
    def page_info(self) -> PageInfo:
        window, nodes = self._window, self.nodes
        ahead, behind = window.before is not None, window.after is not None
        return PageInfo(
            has_next_page=ahead if window.backward else self._more,
            has_previous_page=self._more if window.backward else behind,
            start_cursor=self.cursor(nodes[0]) if nodes else None,
            end_cursor=self.cursor(nodes[-1]) if nodes else None,
        )

    def cursor(self, node: Any) -> str:
        """Where `node` stands."""
        values = [getattr(node, order.name) for order in self._window.orders]
        return ".".join([self._tag, *map(_written, values)])


def window_of(
    context: Context,
    model: Any,
    orders: tuple[Order, ...],
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    criterion: And | None = None,
    told: str = "",
) -> Window:
    """The window that the arguments of a connection ask for. Absent and null are the same here.

    Args:
        orders: by what the list is sorted; the id is added.
        criterion, told: what is listed, to which cursors are bound; see `tag_of`.

    Raises:
        BadInput: more than a page holds, fewer than none, both ends at once, or a cursor of another list.
    """
    first, last = _given(first), _given(last)
    after, before = _given(after), _given(before)
    if first is not None and last is not None:
        raise BadInput("both ends", "last", {"choices": ["first", "last"]})
    name, size = ("last", last) if last is not None else ("first", first)
    if size is None:
        size = min(DEFAULT_PAGE, context.max_page)
    if not 0 <= size <= context.max_page:
        raise BadInput("page", name, {"least": 0, "most": context.max_page}, size=size)
    if not any(order.name == "id" for order in orders):
        orders = (*orders, Order(model.id, orders[-1].descending if orders else False))
    is_bound = after is not None or before is not None
    tag = tag_of(model, orders, criterion, told) if is_bound else ""
    return Window(
        size=size,
        orders=orders,
        after=None if after is None else read_cursor(model, orders, tag, after, "after"),
        before=None if before is None else read_cursor(model, orders, tag, before, "before"),
        backward=last is not None,
    )


def asked_of(
    context: Context, listing: Listing, bounds: Sequence[Any], filter_: Any, sort: Any
) -> tuple[And | None, Window]:
    """What the arguments of a connection ask for: which rows, and which of them in what order.

    Args:
        bounds: first, after, last and before.

    Raises:
        BadInput: see `window_of`, `Listing` and `checked`.
    """
    criterion = checked(listing.criterion(filter_))
    first, after, last, before = bounds
    orders = listing.orders(sort, criterion)
    return criterion, window_of(context, listing.model, orders, first, after, last, before, criterion)


def _given(value: T | None) -> T | None:
    return None if value is UNSET else value


async def list_page(context: Context, model: Any, criterion: And | None, window: Window) -> Page:
    """A page of all rows of `model` that the actor may see, in one statement.

    Raises:
        BadInput: nothing can be asked for like this.
    """
    loaders = context.loaders

    async def count() -> int:
        where, values = loaders.where(model, criterion)
        async with context.read() as session:
            return await session.scalar(select(func.count()).select_from(model).where(*where), values) or 0

    async with context.read() as session:
        shape, values = loaders.resolved(criterion)
        query = keyset_pages.of_list(loaders.sql(model), loaders.seen(model, shape), shape, window)
        found = list(await session.scalars(query, values))
    return Page(tag_of(model, window.orders, criterion), Rows.of(found, window), window, count)


async def nested_page(
    context: Context, model: Any, key: str, parent: int, criterion: And | None, window: Window
) -> Page:
    """A page of the rows of one parent; those of all parents of a level are read in one statement.

    Args:
        key: the column of `model` that names the parent.

    Raises:
        BadInput: nothing can be asked for like this.
    """
    loaders = context.loaders
    rows = await loaders.page(model, key, criterion, window).load(parent)
    tag = tag_of(model, window.orders, criterion)
    return Page(tag, rows, window, lambda: loaders.count(model, key, criterion).load(parent))


def checked(criterion: And | None, at: str = "filter") -> And | None:
    """The criterion, None for one that asks for nothing.

    Args:
        at: where it was given.

    Raises:
        BadInput: see `conditions.check`.
    """
    if criterion is None or criterion == And(()):
        return None
    try:
        conditions.check(criterion)
    except Invalid as invalid:
        raise BadInput(invalid, at) from None
    return criterion


def read_cursor(model: Any, orders: tuple[Order, ...], expected: str, cursor: str, argument: str) -> tuple[Any, ...]:
    """The values that a cursor holds.

    Args:
        expected: the tag of the list.
        argument: the name of the one that it came in.

    Raises:
        BadInput: it is none, or belongs to a list of another kind, sort or filter.
    """
    tag, *values = cursor.split(".")
    if tag == expected and len(values) == len(orders):
        with suppress(ValueError, OverflowError):
            return tuple(_value(model, order, value) for order, value in zip(orders, values, strict=True))
    if tag[:_TAG] == expected[:_TAG] and tag != expected and _FORM.fullmatch(tag):
        raise BadInput("other filter", argument)
    raise BadInput("cursor", argument, these="this list", an_item="an edge", asked="list and sort")


def tag_of(model: Any, orders: tuple[Order, ...], criterion: And | None, told: str = "") -> str:
    """Tells the cursors of one list, sort and filter from those of all others: the values of the filter count, what is
    ago by its words.

    Args:
        told: what else the list is known by, e.g. how it is grouped.
    """
    sort = _sort_tag(model, orders)
    if criterion is not None:
        told += conditions.told(criterion)
    return sort + _digest(told) if told else sort


_TAG = 8
"""How long each half of a tag is, in characters."""
_FORM = re.compile(f"[0-9a-f]{{{_TAG}}}([0-9a-f]{{{_TAG}}})?", re.ASCII)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_TAG]


@lru_cache(maxsize=1024)
def _sort_tag(model: Any, orders: tuple[Order, ...]) -> str:
    sort = ".".join([model.__tablename__, *(("-" if o.descending else "") + o.name for o in orders)])
    return _digest(sort)


def _written(value: Any) -> str:
    """A number as it is, a time in microseconds since 1970, a text in hexadecimal digits: what SQL can write too."""
    match value:
        case dt.datetime():
            return str((value - _EPOCH) // dt.timedelta(microseconds=1))
        case str():
            return value.encode().hex()
    return str(value)


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_NUMBER = re.compile(r"-?[0-9]{1,18}", re.ASCII)
"""What fits the 64 bits of any of our columns."""


def _value(model: Any, order: Order, value: str) -> Any:
    kind = getattr(model, order.name).type
    if isinstance(kind, Text):
        text = bytes.fromhex(value).decode()
        if fault_of(text, line=False) is None:
            return text
    elif _NUMBER.fullmatch(value):
        number = int(value)
        return _EPOCH + dt.timedelta(microseconds=number) if isinstance(kind, Moment) else number
    raise ValueError(f"no value of {order.name}")
