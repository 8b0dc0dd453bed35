"""From a tree of declared fields to one SQL statement whose only row is the answer, a column a root field.

Every row source is a subquery over the bare table of its model, with the conditions of the policy inside it, so that no
field is ever read of a row that the actor may not see. What hangs off a row is a scalar subquery that writes its JSON.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Integer,
    Label,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    null,
    select,
    true,
)
from sqlalchemy.sql.visitors import replacement_traverse

from crmgraph.crm import pages
from crmgraph.crm.models import Photo
from crmgraph.crm.pages import Order, Window
from crmgraph.crm.policy import KINDS, Actor, visible
from crmgraph.graph import declare
from crmgraph.graph.connections import sort_tag
from crmgraph.graph.plan.selection import (
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
from crmgraph.graph.plan.text import Sql, Writer, constant, joined


@dataclass(frozen=True, slots=True)
class Shape:
    """What of a connection's arguments changes the text of the statement; their values are parameters.

    Attributes:
        orders: the sort, with the id.
        follows: whether a cursor says where the page begins.
        condition: the text of the filter's condition; None without a filter.
    """

    orders: tuple[Order, ...]
    follows: bool
    condition: str | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What one request asks of one connection.

    Attributes:
        conditions: of the filter, over the bare table, with this request's values in them.
    """

    shape: Shape
    conditions: Sequence[ColumnElement[bool]] = ()


class Builder:
    """Builds one statement.

    Args:
        dialect: sqlite or postgresql.
        actor: as `policy.like` makes it.
        asked: by the number of each connection.
        public_url: begins the addresses of photos.
    """

    def __init__(self, dialect: str, actor: Actor, asked: Mapping[int, Asked]) -> None:
        self._write = Writer(dialect)
        self._sqlite = dialect == "sqlite"
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
                    columns.append(self._one(root).label(f"r{i}"))
                case Pages():
                    columns.append(self._connection(root, None).label(f"r{i}"))
        return select(*columns)

    def _source(self, query: Select[Any], parent: Any = None) -> Any:
        """A subquery with a name of its own, that may look at its parent's columns."""
        self._sources += 1
        if parent is not None:
            query = query.correlate(parent)
        return query.subquery(f"t{self._sources}")

    def _one(self, root: One) -> Sql:
        wanted = bindparam(f"n{root.number}_id", type_=BigInteger())
        model: Any = root.model
        query = select(*_columns(model, _needed(root.tree))).where(model.id == wanted, visible(self._actor, model))
        row = self._source(query)
        return select(self._object(root.tree, model, row)).select_from(row).scalar_subquery()

    def _object(self, tree: Sequence[Any], model: Any, row: Any) -> Sql:
        """The JSON of an object over a row."""
        parts: list[str | Sql] = ["{"]
        for i, field in enumerate(tree):
            parts.append(f'{"," if i else ""}"{field.key}":')
            parts.append(self._value(field, model, row))
        return joined([*parts, "}"])

    def _value(self, field: Any, model: Any, row: Any) -> str | Sql:
        match field:
            case Typename(name=name):
                return f'"{name}"'
            case Leaf():
                return self._leaf(field, row)
            case Pages():
                return self._connection(field, row)
        declaration: Any = field.declaration
        match declaration:
            case declare.Part(sql=condition):
                inner = self._object(field.tree, model, row)
                shown = True if condition is None else condition(self._actor, row.c)
                if isinstance(shown, bool):
                    return inner if shown else "null"
                return case((shown, inner), else_=constant("null"))
            case declare.ToOne(foreign_key=name, model=target):
                return self._to_one(field, target, row.c[name], row)
            case declare.ToPhoto():
                return self._to_one(field, Photo, row.c.id, row)
            case declare.ToRows():
                return self._rows(field, declaration.model, row)
        raise Unplannable(type(declaration).__name__)

    def _rows(self, field: Branch, target: Any, row: Any) -> Sql:
        query = select(*_columns(target, _needed(field.tree))).where(target.party_id == row.c.id)
        rows = self._source(query.order_by(target.rank, target.id), row)
        listed = self._write.listed(self._object(field.tree, target, rows))
        inside = select(func.coalesce(listed, constant(""))).select_from(rows).scalar_subquery()
        return joined(["[", inside, "]"])

    def _leaf(self, leaf: Leaf, row: Any) -> Sql:
        declaration = leaf.declaration
        if isinstance(declaration, declare.Computed) and declaration.sql is not None:
            value = declaration.sql(row.c)
            return self._write.value(value, leaf.type_, leaf.nullable)
        value = row.c[leaf.name]
        if _may_be_null(value) and not leaf.nullable:
            raise Unplannable(f"a null in {leaf.name}")
        return self._write.value(value, leaf.type_, _may_be_null(value))

    def _to_one(self, field: Branch, target: Any, wanted: ColumnElement[Any], parent: Any) -> Sql:
        key = target.party_id if target is Photo else target.id
        hidden = [visible(self._actor, target)] if target in KINDS else []
        row = self._source(select(*_columns(target, _needed(field.tree))).where(key == wanted, *hidden), parent)
        found = select(self._object(field.tree, target, row)).select_from(row).scalar_subquery()
        return func.coalesce(found, constant("null"))

    def _connection(self, connection: Pages, parent: Any) -> Sql:
        if connection.staff_only and not self._actor.is_staff:
            return constant("null")
        model: Any = connection.listing.model
        asked = self._asked[connection.number]
        name = f"n{connection.number}"
        where = self._conditions(connection, asked, parent)
        window = Window(0, asked.shape.orders)
        size = bindparam(f"{name}_size", type_=Integer())
        pages_fields = [field for field in connection.fields if not isinstance(field, Total | Typename)]
        ahead = any(isinstance(field, PageInfo) for field in connection.fields)
        after: list[ColumnElement[bool]] = []
        if asked.shape.follows:
            values = [
                bindparam(f"{name}_after{i}", type_=getattr(model, order.name).type)
                for i, order in enumerate(asked.shape.orders)
            ]
            after = [pages.beyond(model, asked.shape.orders, values, True)]
        names = _needed_of_page(connection.fields) | {order.name for order in window.orders}
        query = select(*_columns(model, names)).where(*where, *after).order_by(*pages.ordering(model, window))
        parts: list[str | Sql] = ["{"]
        selected: dict[str, Any] = {}
        if pages_fields:
            rows = self._source(query.limit(size + 1 if ahead else size), parent)
            selected = self._page(connection, model, rows, size, ahead, window.orders)
        for i, field in enumerate(connection.fields):
            parts.append(f'{"," if i else ""}"{field.key}":')
            match field:
                case Typename(name=type_name):
                    parts.append(f'"{type_name}"')
                case Total():
                    total = select(func.count()).select_from(model).where(*where)
                    if parent is not None:
                        total = total.correlate(parent)
                    parts.append(cast(total.scalar_subquery(), Text()))
                case _:
                    parts.append(selected[field.key])
        text = joined([*parts, "}"])
        if not selected:
            return text
        page = selected["page"]
        return select(text).select_from(page).scalar_subquery()

    def _conditions(self, connection: Pages, asked: Asked, parent: Any) -> list[ColumnElement[bool]]:
        model: Any = connection.listing.model
        where = [visible(self._actor, model)] if model in KINDS else []
        where += renamed(asked.conditions, f"n{connection.number}_c")
        if connection.column is not None:
            where.append(getattr(model, connection.column) == parent.c.id)
        return where

    def _page(
        self, connection: Pages, model: Any, rows: Any, size: Any, ahead: bool, orders: tuple[Order, ...]
    ) -> dict[str, Any]:
        """The columns of a page: one aggregate each over its rows, numbered where the end has to be told."""
        columns: list[Label[Any]] = []
        texts: dict[str, Sql] = {}
        cursor = self._cursor(model, rows, orders)
        for field in connection.fields:
            match field:
                case Nodes(key=key, tree=tree):
                    texts[key] = self._object(tree, model, rows)
                case Edges(key=key, fields=fields):
                    parts: list[str | Sql] = ["{"]
                    for i, inner in enumerate(fields):
                        parts.append(f'{"," if i else ""}"{inner.key}":')
                        if isinstance(inner, Cursor):
                            parts += ['"', cursor, '"']
                        else:
                            parts.append(self._value(inner, model, rows))
                    texts[key] = joined([*parts, "}"])
        columns = [text.label(f"j{i}") for i, text in enumerate(texts.values())]
        if ahead:
            columns.append(cursor.label("k"))
            columns.append(func.row_number().over().label("n"))
            columns.append(func.count().over().label("c"))
        items = select(*(columns or [null().label("none")])).select_from(rows)
        listed = self._source(items, None)
        inside = listed.c.n <= size if ahead else true()
        # One row, whatever is selected: nothing else here need be an aggregate.
        answers: list[Label[Any]] = [func.count().label("rows")]
        names: dict[str, str] = {}
        for i, key in enumerate(texts):
            text = listed.c[f"j{i}"]
            aggregate: Any = self._write.listed(text)
            if ahead:
                aggregate = aggregate.filter(inside)
            value = joined(["[", func.coalesce(aggregate, constant("")), "]"])
            names[key] = f"a{len(answers)}"
            answers.append(value.label(names[key]))
        for field in connection.fields:
            if isinstance(field, PageInfo):
                names[field.key] = f"a{len(answers)}"
                answers.append(self._page_info(connection, field, listed, size).label(names[field.key]))
        self._sources += 1
        page = select(*answers).select_from(listed).subquery(f"t{self._sources}")
        return {key: page.c[name] for key, name in names.items()} | {"page": page}

    def _page_info(self, connection: Pages, field: PageInfo, listed: Any, size: Any) -> Sql:
        follows = self._asked[connection.number].shape.follows
        first = func.max(listed.c.k).filter(and_(listed.c.n == 1, size > 0))
        # The last of the page is the one at its size, or the last of all where the list ends before.
        last = func.max(listed.c.k).filter(listed.c.n == case((listed.c.c > size, size), else_=listed.c.c))
        parts: list[str | Sql] = ["{"]
        for i, (key, name) in enumerate(field.fields):
            parts.append(f'{"," if i else ""}"{key}":')
            match name:
                case "__typename":
                    parts.append('"PageInfo"')
                case "hasNextPage":
                    parts.append(case((func.count() > size, constant("true")), else_=constant("false")))
                case "hasPreviousPage":
                    parts.append("true" if follows else "false")
                case "startCursor":
                    parts.append(func.coalesce(joined(['"', first, '"']), constant("null")))
                case "endCursor":
                    parts.append(func.coalesce(joined(['"', last, '"']), constant("null")))
                case _:
                    raise Unplannable(f"PageInfo.{name}")
        return joined([*parts, "}"])

    def _cursor(self, model: Any, rows: Any, orders: tuple[Order, ...]) -> Sql:
        parts: list[str | Sql] = [sort_tag(model, orders)]
        for order in orders:
            column = rows.c[order.name]
            kind = column.type.python_type
            parts.append(".")
            if kind is int:
                parts.append(cast(column, Text()))
            elif kind is str:
                parts.append(self._write.hexed(column))
            else:
                parts.append(self._write.micros(column))
        return joined(parts)


def _columns(model: Any, names: Set[str]) -> list[Any]:
    """The columns that are wanted of a row, and its key; a row that is read whole costs far more to hand on."""
    return [column for column in model.__table__.c if column.name in names or column.primary_key]


def _needed(tree: Sequence[Any]) -> set[str]:
    """The columns that a tree reads of its row."""
    names: set[str] = set()
    for field in tree:
        match getattr(field, "declaration", None):
            case declare.Column():
                names.add(field.name)
            case declare.Computed(reads=reads):
                names.update(reads)
            case declare.Part(reads=reads):
                names.update(reads, _needed(field.tree))
            case declare.ToOne(foreign_key=name):
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


def parameters_of(conditions: Sequence[ColumnElement[bool]]) -> list[BindParameter[Any]]:
    """The values in conditions, in the order in which `renamed` names them."""
    found: list[BindParameter[Any]] = []

    def note(element: Any, **_: Any) -> None:
        if isinstance(element, BindParameter):
            found.append(element)

    for condition in conditions:
        replacement_traverse(condition, {}, note)
    return found


def renamed(conditions: Sequence[ColumnElement[bool]], prefix: str) -> list[ColumnElement[bool]]:
    """The conditions with the parameters `prefix0`, `prefix1` ... in place of their values."""
    count = 0

    def name(element: Any, **_: Any) -> Any:
        nonlocal count
        if isinstance(element, BindParameter):
            named = bindparam(f"{prefix}{count}", type_=element.type, unique=False)
            count += 1
            return named
        return None

    return [replacement_traverse(condition, {}, name) for condition in conditions]
