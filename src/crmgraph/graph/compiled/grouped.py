"""Groups and choices as SQL: all groups are counted once, with the first members of each beside it."""

from typing import Any

import orjson
from sqlalchemy import BigInteger, Integer, Text, bindparam, case, cast, func, literal_column, select

from crmgraph.crm.models import Account, Staff
from crmgraph.crm.query import access_paths, keyset_pages
from crmgraph.crm.query import choices as core_choices
from crmgraph.crm.query import groups as core
from crmgraph.crm.query.json_text import Pieces, Sql, constant, joined, members
from crmgraph.crm.query.keyset_pages import Listed
from crmgraph.crm.query.sql import Sql as Conditions
from crmgraph.graph.compiled.finishing import is_finished
from crmgraph.graph.compiled.page import GroupShape, Shape
from crmgraph.graph.compiled.statement import Builder, or_null, over
from crmgraph.graph.compiled.tree import Choices, Groups, OfKeys, Pages, Told
from crmgraph.graph.schema.types import choices as choosing
from crmgraph.graph.schema.types.groups import IDS

_MODELS: dict[str, Any] = {"account": Account, "owner": Staff}
"""{by what records are grouped: the model of what the keys stand for}."""


def groups(builder: Builder, root: Groups) -> Pieces:
    """The JSON of groups."""
    shape: Any = builder.asked[root.number].shape
    found = _Groups(builder, root, shape)
    text = members((field.key, found.field(field)) for field in root.fields)
    return ["[", over(found.rows, [builder.write.listed(joined(text))]), "]"]


class _Groups:
    """The groups of one field, and what is told of each."""

    def __init__(self, builder: Builder, root: Groups, shape: GroupShape) -> None:
        self._builder = builder
        self._root = root
        self._by = shape.by
        model: Any = root.listing.model
        self._model = model
        self._where = keyset_pages.seen(builder.actor, model, shape.criterion)
        if shape.criterion is not None:
            sql = Conditions(model, builder.write.sqlite, f"n{root.number}_c", actor=builder.actor)
            self._where.append(access_paths.all_rows(sql, shape.criterion))
        after = None
        if shape.after:
            kinds = [Integer(), *[Text()] * len(shape.by)]
            after = [self._given(f"after{i}", kind) for i, kind in enumerate(kinds)]
        size = self._given("size", Integer())
        query = core.groups(model, shape.by, self._where, size, after, sqlite=builder.write.sqlite)
        has_members = any(isinstance(each, Pages) for each in root.fields)
        self.rows: Any = query.cte(builder.name()) if has_members else builder.source(query)

    def _given(self, name: str, kind: Any) -> Any:
        return bindparam(f"n{self._root.number}_{name}", type_=kind)

    @property
    def _keys(self) -> list[tuple[str, Any]]:
        return [(name, self.rows.c[f"k{i}"]) for i, name in enumerate(self._by)]

    def field(self, field: Any) -> Pieces:
        """What is told of a group."""
        match field:
            case Told(name=name):
                return self._told(name)
            case OfKeys():
                return self._records(field)
            case Pages():
                return self._members(field)
        return [f'"{field.name}"']

    def _told(self, name: str) -> Pieces:
        write, rows = self._builder.write, self.rows
        match name:
            case "keys":
                keys: Pieces = []
                for i, (by, key) in enumerate(self._keys):
                    keys += [",", self._key(by, key, rows.c[f"t{i}"])]
                return ["[", *keys[1:], "]"]
            case "count":
                return [cast(rows.c.size, Text())]
            case "totalGroups":
                return [cast(rows.c.total, Text())]
            case "hasNext":
                return [case((rows.c.place < rows.c.total, constant("true")), else_=constant("false"))]
        cursor: Pieces = ['"', self._given("tag", Text()), ".", cast(rows.c.size, Text())]
        for _, key in self._keys:
            cursor += [".", write.hexed(key)]
        return [*cursor, '"']

    def _key(self, by: str, key: Any, shown: Any) -> Sql:
        text = joined([f'"{IDS[by]}_', key, '"']) if by in IDS else self._builder.write.quoted(shown)
        return case((key == literal_column("''", Text()), constant("null")), else_=text)

    def _records(self, field: OfKeys) -> Pieces:
        is_told = is_finished(field, self._builder.refused)
        found: list[Sql] = []
        for by, key in self._keys:
            if by not in _MODELS:
                found.append(constant("null"))
                continue
            model = _MODELS[by]
            place, tree = next((i, tree) for i, (each, tree) in enumerate(field.kinds) if each is model)
            own = cast(func.nullif(key, literal_column("''", Text())), BigInteger())
            conditions = (model.id == own, *self._builder.seen(model))
            tag = place if is_told else None
            found.append(self._builder.row(tree, model, *conditions, parent=self.rows, tag=tag))
        if not field.listed:
            known = [text for text, (by, _) in zip(found, self._keys, strict=True) if by in _MODELS]
            return [or_null(*known)]
        listed: Pieces = []
        for text in found:
            listed += [",", or_null(text)]
        return ["[", *listed[1:], "]"]

    def _members(self, connection: Pages) -> Pieces:
        """The first members of a group, which are numbered in all groups of the page at once."""
        builder, model = self._builder, self._model
        shape = builder.asked[connection.number].shape
        if not isinstance(shape, Shape):
            return builder.page(connection, (), lambda: constant(""), self.rows)
        among = select(*(self.rows.c[f"k{i}"] for i in range(len(self._by))))
        where = [*self._where, *builder.bounds(connection, shape, model)]
        ordering = keyset_pages.ordering(model, shape.reading(backward=shape.backward))
        every = core.members(model, self._by, among, where, ordering, sqlite=builder.write.sqlite).subquery()
        most = bindparam(f"n{connection.number}_size", type_=Integer()) + literal_column("1", Integer())
        # Read once, and not for each group.
        first = select(*every.c).where(every.c.place <= most).cte(builder.name()).prefix_with("MATERIALIZED")
        own = (first.c[f"k{i}"] == self.rows.c[f"k{i}"] for i in range(len(self._by)))
        columns = builder.columns_of(connection, shape)
        query = select(*columns).join_from(first, model, model.id == first.c.id).where(*own)
        return builder.page(connection, [Listed(query, model)], self._total, self.rows)

    def _total(self) -> Sql:
        """How many members a group has, from within a page of them: a row of its own keeps it from listing groups."""
        row = self._builder.source(select(literal_column("1", Integer())))
        size = select(cast(self.rows.c.size, Text())).select_from(row).correlate(self.rows)
        return size.scalar_subquery()


def choices(builder: Builder, root: Choices) -> Pieces:
    """The JSON of what a field may hold."""
    shape: Any = builder.asked[root.number].shape
    of, name = shape
    if (known := choosing.fixed(of, name)) is not None:
        told = [{field.key: getattr(each, field.name, field.name) for field in root.fields} for each in known]
        return [orjson.dumps(told).decode()]
    values = builder.source(core_choices.texts(builder.actor, of, name, builder.name()))
    text = members((field.key, _of_choice(builder, field, values.c.value)) for field in root.fields)
    return ["[", over(values, [builder.write.listed(joined(text))]), "]"]


def _of_choice(builder: Builder, field: Any, value: Any) -> Pieces:
    if isinstance(field, Told):
        return ["true"] if field.name == "active" else [builder.write.quoted(value)]
    return [f'"{field.name}"']
