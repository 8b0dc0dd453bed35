"""From a tree of declared fields to one SQL statement whose only row is the answer, a column of bytes a root field.

Every row source is a subquery over the bare table of its model, with the conditions of the policy inside it, so that no
field is ever read of a row that the actor may not see. What hangs off a row is a scalar subquery that writes its JSON.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Text,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
)

from crmgraph.crm.models import Photo
from crmgraph.crm.policy import KINDS, Actor, visible
from crmgraph.crm.query import access_paths, keyset_pages
from crmgraph.crm.query.conditions import Order, Where
from crmgraph.crm.query.keyset_pages import Listed, Window
from crmgraph.crm.query.sql import Sql as Conditions
from crmgraph.graph.compiled.json_text import Pieces, Sql, Writer, constant, joined, members
from crmgraph.graph.compiled.page import Page, tells_ends
from crmgraph.graph.compiled.selection import (
    Branch,
    Cursor,
    Edges,
    Leaf,
    Nodes,
    One,
    PageInfo,
    Pages,
    Total,
    Typename,
    Unplannable,
)
from crmgraph.graph.schema import declarations


@dataclass(frozen=True, slots=True)
class Shape:
    """What of a connection's arguments changes the text of the statement; their values are parameters.

    Attributes:
        orders: the sort, with the id.
        follows: whether a cursor says where the page begins.
        criterion: the shape of the filter, see `sql.resolve`; None without a filter.
    """

    orders: tuple[Order, ...]
    follows: bool
    criterion: Where | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What one request asks of one connection.

    Attributes:
        most: how many rows a page has at most.
    """

    shape: Shape
    most: int


class Builder:
    """Builds one statement.

    Args:
        dialect: sqlite or postgresql.
        actor: as `policy.like` makes it.
        asked: by the number of each connection.
    """

    def __init__(self, dialect: str, actor: Actor, asked: Mapping[int, Asked]) -> None:
        self._write = Writer(dialect)
        self._dialect = dialect
        self._actor = actor
        self._asked = asked
        self._sources = 0

    def statement(self, roots: Sequence[Any]) -> Select[Any]:
        """The statement of all root fields but `__typename`.

        Raises:
            Unplannable: SQL cannot print one of the values.
        """
        columns: list[Any] = []
        for i, root in enumerate(roots):
            match root:
                case One():
                    columns.append(self._write.encoded(self._one(root)).label(f"r{i}"))
                case Pages():
                    columns.append(self._write.encoded(joined(self._connection(root, None))).label(f"r{i}"))
        return select(*columns)

    def _source(self, query: Select[Any], parent: Any = None) -> Any:
        """A subquery with a name of its own, that may look at its parent's columns."""
        self._sources += 1
        if parent is not None:
            query = query.correlate(parent)
        return query.subquery(f"t{self._sources}")

    def _first(self, query: Select[Any], size: ColumnElement[int], most: int, parent: Any) -> Select[Any]:
        """The first rows of a query.

        Args:
            most: the greatest `size` there can be.
        """
        if parent is not None:
            query = query.correlate(parent)
        if self._dialect != "sqlite":
            # PostgreSQL takes a limit that is a parameter for a tenth of the table, finds a plan for so many too dear
            # to be kept, and plans each time anew. A limit that it can read says that this is a page.
            page = self._source(query.limit(literal_column(str(most), Integer())))
            query = select(*page.c).select_from(page)
        return query.limit(size)

    def _one(self, root: One) -> Sql:
        wanted = bindparam(f"n{root.number}_id", type_=BigInteger())
        model: Any = root.model
        query = select(*_columns(model, _needed(root.tree))).where(model.id == wanted, visible(self._actor, model))
        row = self._source(query)
        return _over(row, self._object(root.tree, model, row))

    def _object(self, tree: Sequence[Any], model: Any, row: Any) -> Pieces:
        """The JSON of an object over a row."""
        return members((field.key, self._value(field, model, row)) for field in tree)

    def _value(self, field: Any, model: Any, row: Any) -> Pieces:
        match field:
            case Typename(name=name):
                return [f'"{name}"']
            case Leaf():
                return self._leaf(field, row)
            case Pages():
                return self._connection(field, row)
        declaration: Any = field.declaration
        match declaration:
            case declarations.Part(sql=condition):
                inner = self._object(field.tree, model, row)
                shown = True if condition is None else condition(self._actor, row.c)
                if isinstance(shown, bool):
                    return inner if shown else ["null"]
                return [case((shown, joined(inner)), else_=constant("null"))]
            case declarations.ToOne(foreign_key=name, model=target):
                return self._to_one(field, target, row.c[name], row)
            case declarations.ToPhoto():
                return self._to_one(field, Photo, row.c.id, row)
            case declarations.ToRows():
                return self._rows(field, declaration.model, row)
        raise Unplannable(type(declaration).__name__)

    def _rows(self, field: Branch, target: Any, row: Any) -> Pieces:
        query = select(*_columns(target, _needed(field.tree))).where(target.party_id == row.c.id)
        rows = self._source(query.order_by(target.rank, target.id), row)
        listed = self._write.listed(joined(self._object(field.tree, target, rows)))
        return ["[", _over(rows, [listed]), "]"]

    def _leaf(self, leaf: Leaf, row: Any) -> Pieces:
        declaration = leaf.declaration
        if isinstance(declaration, declarations.Computed) and declaration.sql is not None:
            return self._write.value(declaration.sql(row.c), leaf.type_, leaf.nullable)
        value = row.c[leaf.name]
        if _may_be_null(value) and not leaf.nullable:
            raise Unplannable(f"a null in {leaf.name}")
        return self._write.value(value, leaf.type_, _may_be_null(value))

    def _to_one(self, field: Branch, target: Any, wanted: ColumnElement[Any], parent: Any) -> Pieces:
        key = target.party_id if target is Photo else target.id
        query = select(*_columns(target, _needed(field.tree))).where(key == wanted, *self._seen(target))
        row = self._source(query, parent)
        return [func.coalesce(_over(row, self._object(field.tree, target, row)), constant("null"))]

    def _connection(self, connection: Pages, parent: Any) -> Pieces:
        if connection.staff_only and not self._actor.is_staff:
            return ["null"]
        page = self._page(connection, parent)
        text = members((field.key, self._of_page(field, connection, page, parent)) for field in connection.fields)
        return page.over(text, connection.fields)

    def _of_page(self, field: Any, connection: Pages, page: Page, parent: Any) -> Pieces:
        model: Any = connection.listing.model
        match field:
            case Nodes(tree=tree):
                return page.listed(self._object(tree, model, page.rows))
            case Edges(fields=fields):
                return page.listed(members((inner.key, self._of_edge(inner, model, page)) for inner in fields))
            case PageInfo():
                return page.info(field)
            case Total():
                total = select(func.count()).select_from(model).where(*self._conditions(connection, parent))
                if parent is not None:
                    total = total.correlate(parent)
                return [cast(total.scalar_subquery(), Text())]
        return [f'"{field.name}"']

    def _of_edge(self, field: Any, model: Any, page: Page) -> Pieces:
        return page.cursor() if isinstance(field, Cursor) else self._value(field, model, page.rows)

    def _conditions(self, connection: Pages, parent: Any, *, by_row: bool = False) -> list[ColumnElement[bool]]:
        model: Any = connection.listing.model
        where = self._seen(model)
        shape = self._asked[connection.number].shape.criterion
        if shape is not None:
            sql = self._filter(connection)
            where.append(replace(sql, by_row=True).where(shape) if by_row else access_paths.all_rows(sql, shape))
        if connection.column is not None:
            where.append(getattr(model, connection.column) == parent.c.id)
        return where

    def _seen(self, model: Any) -> list[ColumnElement[bool]]:
        """The conditions under which rows exist for the actor."""
        return [visible(self._actor, model)] if model in KINDS else []

    def _listed(self, connection: Pages, parent: Any) -> list[Listed]:
        """The paths to all rows of a connection."""
        model: Any = connection.listing.model
        shape = self._asked[connection.number].shape
        columns = _columns(model, _needed_of_page(connection.fields) | {order.name for order in shape.orders})
        if connection.column is not None:
            return [Listed(select(*columns).where(*self._conditions(connection, parent, by_row=True)), model)]
        return keyset_pages.listed(columns, self._filter(connection), self._seen(model), shape.criterion, shape.orders)

    def _filter(self, connection: Pages) -> Conditions:
        """What writes the filter of a connection."""
        model: Any = connection.listing.model
        return Conditions(model, self._dialect == "sqlite", f"n{connection.number}_c")

    def _walked(self, path: Listed, name: str, shape: Shape) -> Select[Any]:
        """A path in the order of its list, from the cursor on."""
        query = path.query.order_by(*keyset_pages.ordering(path.keys, Window(0, shape.orders)))
        if not shape.follows:
            return query
        bound = [
            bindparam(f"{name}_after{i}", type_=getattr(path.keys, order.name).type)
            for i, order in enumerate(shape.orders)
        ]
        return query.where(keyset_pages.beyond(path.keys, shape.orders, bound, True))

    def _page(self, connection: Pages, parent: Any) -> Page:
        model: Any = connection.listing.model
        asked = self._asked[connection.number]
        shape = asked.shape
        name = f"n{connection.number}"
        size = bindparam(f"{name}_size", type_=Integer())

        def first(size: ColumnElement[int], most: int) -> Select[Any]:
            paths = [self._walked(path, name, shape) for path in self._listed(connection, parent)]
            if len(paths) == 1:
                return self._first(paths[0], size, most, parent)
            self._sources += 1
            rows = keyset_pages.together([self._first(path, size, most, parent) for path in paths], f"t{self._sources}")
            ordering = keyset_pages.ordering(rows.c, Window(0, shape.orders))
            return select(*rows.c).order_by(*ordering).limit(size)

        if not any(map(tells_ends, connection.fields)):
            source = self._source(first(size, asked.most))
            return Page(self._write, model, shape.orders, shape.follows, size, source, None)
        # Read once, with a row more than the page has, and asked several times.
        self._sources += 1
        ahead = first(size + 1, asked.most + 1).cte(f"t{self._sources}")
        source = self._source(select(*ahead.c).limit(size))
        return Page(self._write, model, shape.orders, shape.follows, size, source, ahead)


def _over(rows: Any, text: Pieces) -> Sql:
    """A text that is made of the rows of a source."""
    return select(joined(text)).select_from(rows).scalar_subquery()


def _columns(model: Any, names: Set[str]) -> list[Any]:
    """The columns that are wanted of a row, and its key; a row that is read whole costs far more to hand on."""
    return [column for column in model.__table__.c if column.name in names or column.primary_key]


def _needed(tree: Sequence[Any]) -> set[str]:
    """The columns that a tree reads of its row."""
    names: set[str] = set()
    for field in tree:
        match getattr(field, "declaration", None):
            case declarations.Column():
                names.add(field.name)
            case declarations.Computed(reads=reads):
                names.update(reads)
            case declarations.Part(reads=reads):
                names.update(reads, _needed(field.tree))
            case declarations.ToOne(foreign_key=name):
                names.add(name)
    return names


def _needed_of_page(fields: Sequence[Any]) -> set[str]:
    """The columns that a connection reads of its rows."""
    names: set[str] = set()
    for field in fields:
        match field:
            case Nodes(tree=tree):
                names |= _needed(tree)
            case Edges(fields=inner):
                names |= _needed(inner)
    return names


def _may_be_null(column: Any) -> bool:
    base = next(iter(column.base_columns))
    return bool(getattr(base, "nullable", True))
