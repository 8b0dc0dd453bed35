"""A page of a connection as SQL: its rows, numbered where its ends have to be told, and what stands in it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, case, cast, func, select

from crmgraph.crm.pages import Order
from crmgraph.graph.connections import sort_tag
from crmgraph.graph.plan.selection import Edges, Nodes, PageInfo, Unplannable
from crmgraph.graph.plan.text import Pieces, Sql, Writer, constant, joined, members

_PLACE = "place_"
_FOUND = "found_"


def reads_rows(field: Any) -> bool:
    """Whether a field of a connection is told by the rows of its page."""
    if isinstance(field, PageInfo):
        return any(name in ("hasNextPage", "startCursor", "endCursor") for _, name in field.fields)
    return isinstance(field, Nodes | Edges)


def numbered(rows: Any) -> Select[Any]:
    """The rows with their places, from 1, and how many they are. They are numbered before they become long texts."""
    place = func.row_number().over().label(_PLACE)
    found = func.count().over().label(_FOUND)
    return select(*rows.c, place, found).select_from(rows)


@dataclass(frozen=True, slots=True)
class Page:
    """Writes what a connection says over the rows of one page.

    Attributes:
        follows: whether a cursor says where the page begins.
        rows: a source; one row more than the page, and numbered, where `ahead`.
        size: the parameter that says how many rows a page has.
    """

    write: Writer
    model: Any
    orders: tuple[Order, ...]
    follows: bool
    rows: Any
    size: ColumnElement[int]
    ahead: bool

    def listed(self, item: Pieces) -> Pieces:
        """The items of all rows of the page."""
        within = self.rows.c[_PLACE] <= self.size if self.ahead else None
        return ["[", self.write.listed(joined(item), within), "]"]

    def cursor(self) -> Pieces:
        """The cursor of a row, as `connections.write_cursor` writes it."""
        pieces: Pieces = [f'"{sort_tag(self.model, self.orders)}']
        for order in self.orders:
            column = self.rows.c[order.name]
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
        match name:
            case "__typename":
                return ['"PageInfo"']
            case "hasNextPage":
                return [case((func.count() > self.size, constant("true")), else_=constant("false"))]
            case "hasPreviousPage":
                return ["true" if self.follows else "false"]
            case "startCursor":
                return [self._cursor_at(1)]
            case "endCursor":
                # The last of the page is the one at its size, or the last of all where the list ends before.
                found = self.rows.c[_FOUND]
                return [self._cursor_at(case((found > self.size, self.size), else_=found))]
        raise Unplannable(f"PageInfo.{name}")

    def _cursor_at(self, place: Any) -> Sql:
        c = self.rows.c[_PLACE]
        one = func.max(joined(self.cursor()), type_=Text()).filter(and_(c == place, c <= self.size))
        return func.coalesce(one, constant("null"))
