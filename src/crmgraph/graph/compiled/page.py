"""A page of a connection as SQL: what is said over its rows, and over the list that is read a row beyond them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Text, case, cast, func, literal_column, select

from crmgraph.crm.query.conditions import Order, Where
from crmgraph.crm.query.json_text import Pieces, Sql, constant, joined, members
from crmgraph.crm.query.keyset_pages import Window, ordering
from crmgraph.graph.compiled.json_text import Writer
from crmgraph.graph.compiled.tree import Edges, Nodes, PageInfo, Unplannable

_ENDS = ("hasNextPage", "hasPreviousPage", "startCursor", "endCursor")


@dataclass(frozen=True, slots=True)
class Shape:
    """What of a connection's arguments changes the text of the statement; their values are parameters.

    Attributes:
        orders: the sort, with the id.
        after, before: whether cursors say where the page lies.
        backward: whether it is read from its end.
        criterion: the shape of the filter, see `sql.resolve`; None without a filter.
    """

    orders: tuple[Order, ...]
    after: bool
    before: bool
    backward: bool
    criterion: Where | None

    def reading(self, *, backward: bool) -> Window:
        """A window by which `ordering` sorts rows, from the beginning of the list or from its end."""
        return Window(0, self.orders, backward=backward)

    @property
    def known(self) -> dict[str, bool]:
        """The ends of the list that the arguments tell: the page has a neighbour where a cursor stands."""
        return {"hasNextPage": self.before} if self.backward else {"hasPreviousPage": self.after}


@dataclass(frozen=True, slots=True)
class GroupShape:
    """The shape of groups.

    Attributes:
        by: what they share.
        after: whether a cursor says where the page lies.
        criterion: see `Shape`.
    """

    by: tuple[str, ...]
    after: bool
    criterion: Where | None


def reads_rows(field: Any) -> bool:
    """Whether a field of a connection lists the rows of its page."""
    return isinstance(field, Nodes | Edges)


def tells_ends(field: Any, shape: Shape) -> bool:
    """Whether a field of a connection is told by more than the rows of its page."""
    return isinstance(field, PageInfo) and any(name in _ENDS and name not in shape.known for _, name in field.fields)


@dataclass(frozen=True, slots=True)
class Page:
    """Writes what a connection says of one page.

    Attributes:
        size: the parameter that says how many rows a page has.
        tag: the parameter with which cursors begin.
        rows: a source, of the rows of the page in the order of the list.
        ahead: the same as they are read, with a row more, if there is one; None where no end is told.
    """

    write: Writer
    shape: Shape
    size: ColumnElement[int]
    tag: Sql
    rows: Any
    ahead: Any

    def over(self, text: Pieces, fields: Sequence[Any]) -> Pieces:
        """The text that is made of the fields of a connection, over what they read."""
        if not any(map(reads_rows, fields)) and self.ahead is None:
            return text
        query = select(joined(text))
        if any(map(reads_rows, fields)):
            query = query.select_from(self.rows)
        if self.ahead is not None:
            query = query.add_cte(self.ahead, nest_here=True)
        return [query.scalar_subquery()]

    def listed(self, item: Pieces) -> Pieces:
        """The items of all rows of the page."""
        return ["[", self.write.listed(joined(item)), "]"]

    def cursor(self, row: Any = None) -> Pieces:
        """The cursor of a row of the page, or of another source, as `connections.write_cursor` writes it."""
        orders = self.shape.orders
        pieces: Pieces = ['"', self.tag]
        for order in orders:
            column = (self.rows if row is None else row).c[order.name]
            kind = column.type.python_type
            pieces.append(".")
            if kind is int:
                pieces.append(cast(column, Text()))
            elif kind is str:
                pieces.append(self.write.hexed(column))
            else:
                pieces.append(self.write.micros(column))
        return [*pieces, '"']

    def info(self, field: PageInfo) -> Pieces:
        """Where the page lies in its list.

        Raises:
            Unplannable: it is asked for something that is not known here.
        """
        return members((key, self._end(name)) for key, name in field.fields)

    def _end(self, name: str) -> Pieces:
        known = self.shape.known.get(name)
        if known is not None:
            return ["true" if known else "false"]
        match name:
            case "__typename":
                return ['"PageInfo"']
            case "hasNextPage" | "hasPreviousPage":
                found = select(func.count()).select_from(self.ahead).scalar_subquery()
                return [case((found > self.size, constant("true")), else_=constant("false"))]
            case "startCursor":
                return [self._cursor_at(last=False)]
            case "endCursor":
                return [self._cursor_at(last=True)]
        raise Unplannable(f"PageInfo.{name}")

    def _cursor_at(self, *, last: bool) -> Sql:
        """The cursor of the first or the last row of the page; null on an empty page."""
        page = select(*self.ahead.c).limit(self.size).subquery()
        end = select(joined(self.cursor(page))).order_by(*ordering(page.c, self.shape.reading(backward=last)))
        return func.coalesce(end.limit(literal_column("1")).scalar_subquery(), constant("null"))
