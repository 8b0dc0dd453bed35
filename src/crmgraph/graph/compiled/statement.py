"""From a tree of declared fields to one SQL statement whose only row is the answer, a column of bytes a root field.

Every row source is a subquery over the bare table of its model, with the conditions of the policy inside it, so that no
field is ever read of a row that the actor may not see. What hangs off a row is a scalar subquery that writes its JSON.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, Text, bindparam, case, cast, func, literal_column, select

from crmgraph.crm.models import Photo
from crmgraph.crm.policy import KINDS, Actor, visible
from crmgraph.crm.query import access_paths, keyset_pages
from crmgraph.crm.query.json_text import Pieces, Sql, constant, joined, members
from crmgraph.crm.query.keyset_pages import Listed
from crmgraph.crm.query.sql import Sql as Conditions
from crmgraph.graph.compiled.finishing import is_finished
from crmgraph.graph.compiled.json_text import Writer
from crmgraph.graph.compiled.page import Page, Shape, tells_ends
from crmgraph.graph.compiled.tree import (
    AnyRecord,
    Branch,
    Cursor,
    Edges,
    Later,
    Leaf,
    Nodes,
    PageInfo,
    Pages,
    Total,
    Typename,
    Unplannable,
)
from crmgraph.graph.schema import declarations

PLACEHOLDER = "0"
"""What a statement prints in place of a field that ends with an error: no field that selects anything is a number."""


class Refused:
    """The shape of arguments that are refused: nothing is read for the field."""


REFUSED = Refused()


@dataclass(slots=True)
class Asked:
    """What one request asks of one numbered field.

    Attributes:
        shape: what of its arguments changes the text of the statement: `page.Shape` of a connection, `RefShape` of a
            reference, of global ids whether deleted records are meant as well, `REFUSED` where they are refused.
        most: how many rows a page has at most.
    """

    shape: Hashable
    most: int = 0


class Builder:
    """Builds what one statement selects.

    Args:
        dialect: sqlite or postgresql.
        actor: as `policy.with_parameters` makes it.
        asked: by the number of each field that has one.
    """

    def __init__(self, dialect: str, actor: Actor, asked: Mapping[int, Asked]) -> None:
        self.write = Writer(dialect)
        self.actor = actor
        self.asked = asked
        self.refused = frozenset(number for number, each in asked.items() if each.shape is REFUSED)
        self._dialect = dialect
        self._sources = 0

    def source(self, query: Select[Any], parent: Any = None) -> Any:
        """A subquery with a name of its own, that may look at its parent's columns."""
        if parent is not None:
            query = query.correlate(parent)
        return query.subquery(self.name())

    def name(self) -> str:
        """A name for a source that no other has."""
        self._sources += 1
        return f"t{self._sources}"

    def row(self, tree: Sequence[Any], model: Any, *conditions: Any, parent: Any = None, tag: int | None = None) -> Sql:
        """The JSON of the row of a model that fulfils the conditions; NULL of none.

        Args:
            conditions: those of the policy among them, see `seen`.
            parent: whose columns the conditions look at.
            tag: of a row that may be of several kinds, the place of its own among them: it is told beside it, see
                `finishing`.
        """
        query = select(*_columns(model, _needed(tree))).where(*conditions)
        row = self.source(query, parent)
        text = self.object(tree, model, row)
        return over(row, text if tag is None else [f"[{tag},", *text, "]"])

    def object(self, tree: Sequence[Any], model: Any, row: Any) -> Pieces:
        """The JSON of an object over a row."""
        return members((field.key, self._value(field, model, row)) for field in tree)

    def _value(self, field: Any, model: Any, row: Any) -> Pieces:
        match field:
            case Typename(name=name):
                return [f'"{name}"']
            case Leaf():
                return self._leaf(field, model, row)
            case Later(declaration=declaration):
                values = [self.write.raw(value) for value in declaration.sql(row.c)]
                return ["[", *(piece for i, each in enumerate(values) for piece in ([","] * (i > 0) + each)), "]"]
            case Pages():
                return self.connection(field, row)
            case AnyRecord():
                return [self._any_record(field, row)]
        return self._branch(field, model, row)

    def _branch(self, field: Branch, model: Any, row: Any) -> Pieces:
        match field.declaration:
            case declarations.Part(sql=condition):
                inner = self.object(field.tree, model, row)
                shown = True if condition is None else condition(self.actor, row.c)
                if isinstance(shown, bool):
                    return inner if shown else ["null"]
                return [case((shown, joined(inner)), else_=constant("null"))]
            case declarations.ToOne(foreign_key=name):
                return [self._by_id(field, row.c[name], row)]
            case declarations.Through(sql=wanted):
                return [self._by_id(field, wanted(row.c), row)]
            case declarations.Own(attribute=name):
                wanted_id = getattr(self.actor, name)
                return ["null"] if wanted_id is None else [self._by_id(field, wanted_id, None)]
            case declarations.ToPhoto():
                shown = (Photo.party_id == row.c.id, row.c.deleted_at.is_(None))
                return [or_null(self.row(field.tree, Photo, *shown, parent=row))]
            case declarations.ToRows() as listed:
                return self._rows(field, listed, row)
        raise Unplannable(type(field.declaration).__name__)

    def _by_id(self, field: Branch, wanted: ColumnElement[Any], parent: Any) -> Sql:
        model = field.model
        return or_null(self.row(field.tree, model, model.id == wanted, *self.seen(model), parent=parent))

    def _any_record(self, field: AnyRecord, parent: Any) -> Sql:
        """The record that a row names: it is of one kind, and there is none of the others."""
        wanted, is_told = parent.c[field.declaration.foreign_key], is_finished(field, self.refused)
        found = []
        for place, (model, tree) in enumerate(field.kinds):
            seen = [] if field.declaration.owner else self.seen(model)
            tag = place if is_told else None
            found.append(self.row(tree, model, model.id == wanted, *seen, parent=parent, tag=tag))
        return or_null(*found)

    def _rows(self, field: Branch, listed: declarations.ToRows, row: Any) -> Pieces:
        model: Any = listed.model
        columns = _columns(model, _needed(field.tree))
        query = select(*columns).where(model.party_id == row.c.id).order_by(*(getattr(model, n) for n in listed.order))
        if listed.only is not None:
            query = query.where(listed.only(model))
        rows = self.source(query, row)
        return ["[", over(rows, [self.write.listed(joined(self.object(field.tree, model, rows)))]), "]"]

    def _leaf(self, leaf: Leaf, model: Any, row: Any) -> Pieces:
        match leaf.declaration:
            case declarations.OfActor(value=value):
                return [f'"{value(self.actor)}"']
            case declarations.Computed(sql=sql):
                return self.write.value(sql(row.c), leaf.type_, leaf.nullable)
            case declarations.Primary():
                return [self._is_primary(model, row)]
        value = row.c[leaf.name]
        if isinstance(leaf.declaration, declarations.Column) and leaf.declaration.required:
            return self.write.value(func.coalesce(value, constant("")), leaf.type_, nullable=False)
        if _may_be_null(value) and not leaf.nullable:
            raise Unplannable(f"a null in {leaf.name}")
        return self.write.value(value, leaf.type_, _may_be_null(value))

    def _is_primary(self, model: Any, row: Any) -> Sql:
        first = select(model.id).where(model.party_id == row.c.party_id, model.active).order_by(model.rank, model.id)
        first = first.correlate(row).limit(literal_column("1"))
        return case((row.c.id == first.scalar_subquery(), constant("true")), else_=constant("false"))

    def connection(self, connection: Pages, parent: Any) -> Pieces:
        """The JSON of a connection off a row; of the root without one."""
        if connection.staff_only and not self.actor.is_staff:
            return ["null"]
        asked = self.asked[connection.number]
        if not isinstance(asked.shape, Shape):
            return [PLACEHOLDER]

        def total() -> Sql:
            found = select(func.count()).select_from(connection.listing.model)
            found = found.where(*self._conditions(connection, shape, parent))
            if parent is not None:
                found = found.correlate(parent)
            return cast(found.scalar_subquery(), Text())

        shape = asked.shape
        return self.page(connection, self._listed(connection, shape, parent), total, parent)

    def page(self, connection: Pages, listed: Sequence[Listed], total: Callable[[], Sql], parent: Any) -> Pieces:
        """The same of rows that are found by other paths.

        Args:
            total: writes how many rows there are.
        """
        asked = self.asked[connection.number]
        if not isinstance(asked.shape, Shape):
            return [PLACEHOLDER]
        page = self._page(connection, listed, asked.shape, asked.most, parent)
        text = members((field.key, self._of_page(field, connection, page, total)) for field in connection.fields)
        return page.over(text, connection.fields)

    def _of_page(self, field: Any, connection: Pages, page: Page, total: Callable[[], Sql]) -> Pieces:
        model: Any = connection.listing.model
        match field:
            case Nodes(tree=tree):
                return page.listed(self.object(tree, model, page.rows))
            case Edges(fields=fields):
                return page.listed(members((inner.key, self._of_edge(inner, model, page)) for inner in fields))
            case PageInfo():
                return page.info(field)
            case Total():
                return [total()]
        return [f'"{field.name}"']

    def _of_edge(self, field: Any, model: Any, page: Page) -> Pieces:
        return page.cursor() if isinstance(field, Cursor) else self._value(field, model, page.rows)

    def _conditions(
        self, connection: Pages, shape: Shape, parent: Any, *, by_row: bool = False
    ) -> list[ColumnElement[bool]]:
        model: Any = connection.listing.model
        where = keyset_pages.seen(self.actor, model, shape.criterion)
        if shape.criterion is not None:
            sql, criterion = self._filter(connection), shape.criterion
            where.append(
                replace(sql, by_row=True).where(criterion) if by_row else access_paths.all_rows(sql, criterion)
            )
        if connection.column is not None:
            where.append(getattr(model, connection.column) == parent.c.id)
        return where

    def seen(self, model: Any, *, deleted: bool = False) -> list[ColumnElement[bool]]:
        """The conditions under which records exist for the actor; whoever sees a record sees what hangs off it.

        Args:
            deleted: see `policy.visible`.
        """
        return [visible(self.actor, model, deleted=deleted)] if model in KINDS else []

    def _listed(self, connection: Pages, shape: Shape, parent: Any) -> list[Listed]:
        """The paths to all rows of a connection."""
        model: Any = connection.listing.model
        columns = self.columns_of(connection, shape)
        if connection.column is not None:
            conditions = self._conditions(connection, shape, parent, by_row=True)
            return [Listed(select(*columns).where(*conditions), model)]
        seen = keyset_pages.seen(self.actor, model, shape.criterion)
        return keyset_pages.listed(columns, self._filter(connection), seen, shape.criterion, shape.orders)

    def columns_of(self, connection: Pages, shape: Shape) -> list[Any]:
        """The columns that are read of the rows of a connection."""
        model: Any = connection.listing.model
        return _columns(model, _needed_of_page(connection.fields) | {order.name for order in shape.orders})

    def _filter(self, connection: Pages) -> Conditions:
        """What writes the filter of a connection."""
        model: Any = connection.listing.model
        return Conditions(model, self.write.sqlite, f"n{connection.number}_c", actor=self.actor)

    def _page(self, connection: Pages, listed: Sequence[Listed], shape: Shape, most: int, parent: Any) -> Page:
        size = bindparam(f"n{connection.number}_size", type_=Integer())
        paths = [replace(path, query=self._walked(path, connection, shape)) for path in listed]
        if not any(tells_ends(field, shape) for field in connection.fields):
            ahead, page = None, self._first(paths, shape, size, most, parent)
        else:
            # Read once, with a row more than the page has, and asked several times.
            ahead = self._first(paths, shape, size + 1, most + 1, parent).cte(self.name())
            page = select(*ahead.c).limit(size)
        rows = self.source(page)
        if shape.backward:
            rows = self.source(select(*rows.c).order_by(*keyset_pages.ordering(rows.c, shape.reading(backward=False))))
        tag = bindparam(f"n{connection.number}_tag", type_=Text())
        return Page(self.write, shape, size, tag, rows, ahead)

    def bounds(self, connection: Pages, shape: Shape, keys: Any) -> list[ColumnElement[bool]]:
        """The conditions under which a row stands between the cursors of a connection.

        Args:
            keys: has the columns that it is sorted by as attributes.
        """
        found = []
        for given, name, forward in ((shape.after, "after", True), (shape.before, "before", False)):
            if given:
                bound = [
                    bindparam(f"n{connection.number}_{name}{i}", type_=getattr(keys, order.name).type)
                    for i, order in enumerate(shape.orders)
                ]
                found.append(keyset_pages.beyond(keys, shape.orders, bound, forward))
        return found

    def _walked(self, path: Listed, connection: Pages, shape: Shape) -> Select[Any]:
        """A path between the cursors of a connection, in the order in which it is read."""
        query = path.query.order_by(*keyset_pages.ordering(path.keys, shape.reading(backward=shape.backward)))
        return query.where(*self.bounds(connection, shape, path.keys))

    def _first(
        self, paths: Sequence[Listed], shape: Shape, size: ColumnElement[int], most: int, parent: Any
    ) -> Select[Any]:
        """The first rows that any of the paths has, in the order in which they are read."""
        first = [self._limited(path, size, most, parent) for path in paths]
        if len(first) == 1:
            return first[0]
        rows = keyset_pages.together(first, self.name())
        ordering = keyset_pages.ordering(rows.c, shape.reading(backward=shape.backward))
        return select(*rows.c).order_by(*ordering).limit(size)

    def _limited(self, path: Listed, size: ColumnElement[int], most: int, parent: Any) -> Select[Any]:
        """The first rows of a path.

        Args:
            most: the greatest `size` there can be.
        """
        query = path.query if parent is None else path.query.correlate(parent)
        if self._dialect != "sqlite":
            # PostgreSQL takes a limit that is a parameter for a tenth of the table, finds a plan for so many too dear
            # to be kept, and plans each time anew. A limit that it can read says that this is a page.
            page = self.source(query.limit(literal_column(str(most), Integer())))
            query = select(*page.c).select_from(page)
        return query.limit(access_paths.limit_of(path.begun, size))


def or_null(*texts: Sql) -> Sql:
    """The first of some texts that there is; null where there is none."""
    return func.coalesce(*texts, constant("null")) if texts else constant("null")


def over(rows: Any, text: Pieces) -> Sql:
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
            case declarations.Computed(reads=reads) | declarations.Finished(reads=reads):
                names.update(reads)
            case declarations.Through(reads=reads):
                names.update(reads)
            case declarations.Part(reads=reads):
                names.update(reads, _needed(field.tree))
            case declarations.ToOne(foreign_key=name) | declarations.ToParty(foreign_key=name):
                names.add(name)
            case declarations.Primary():
                names.add("party_id")
            case declarations.ToPhoto():
                names.add("deleted_at")
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
