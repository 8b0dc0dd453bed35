"""Snapshots: rows that are read to be printed, by statements that are compiled once.

A snapshot is an object of the same class as the row that a transaction would load, belongs to no session, and is never
written. A record comes with all its rows in one statement. Whoever wants to change a record loads it in a transaction.
"""

import datetime as dt
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Select,
    SQLColumnExpression,
    Text,
    bindparam,
    cast,
    func,
    inspect,
    select,
)
from sqlalchemy import Enum as SqlEnum
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import make_transient_to_detached
from sqlalchemy.orm.attributes import set_committed_value

from crmgraph.crm.models.columns import Document, Moment, Money
from crmgraph.db.database import Database, database_of, only_reads
from crmgraph.db.pool import Row


@dataclass(frozen=True, slots=True)
class Listed:
    """Rows that are read with a record though they are not its own.

    Attributes:
        match: of the columns of their table, the condition under which they are; the record's own stand beside it.
    """

    model: Any
    match: Callable[[Any], ColumnElement[bool]]


def reads_from(session: AsyncSession) -> Database | None:
    """Where a session that only reads comes from; None for a transaction, whose own changes a snapshot would miss."""
    return database_of(session) if only_reads(session) else None


class Ids:
    """Ids that a kept statement is asked for, as one parameter: a list of them, or the only one by itself.

    PostgreSQL plans a statement with a list anew every time, which takes three times as long as to read one record.

    Attributes:
        shape: belongs to the key of the statement.
        value: of the parameter.
    """

    def __init__(self, db: Database, ids: Collection[int]) -> None:
        self._sqlite = db.is_sqlite
        self.shape = len(ids) == 1
        self.value: Any = list(ids)
        if self.shape:
            (self.value,) = ids
        elif db.is_sqlite:
            self.value = orjson.dumps(self.value).decode()

    def match(self, column: SQLColumnExpression[int], name: str = "ids") -> ColumnElement[bool]:
        """Whether a column holds one of them.

        Args:
            name: of the parameter.
        """
        if self.shape:
            return column == bindparam(name, type_=BigInteger())
        if self._sqlite:
            listed = func.json_each(bindparam(name, type_=Text())).table_valued("value")
            return column.in_(select(listed.c.value))
        array = ARRAY(BigInteger())
        return column == func.any(cast(bindparam(name, type_=array), array))


async def rows_of(
    session: AsyncSession,
    key: Hashable,
    build: Callable[[], Select[Any]],
    parameters: dict[str, Any],
    *,
    chosen: bool = False,
) -> list[Row]:
    """The rows of a statement that is compiled once; in a transaction they hold what it has changed.

    Args:
        chosen: see `Database.fetch_compiled`.
    """
    db = database_of(session)
    if only_reads(session):
        return await db.fetch_compiled(key, build, parameters, chosen=chosen)
    await session.flush()
    return await db.fetch_compiled_in(session, key, build, parameters, chosen=chosen)


async def read(
    session: AsyncSession,
    key: Hashable,
    model: Any,
    build: Callable[[Select[Any]], Select[Any]],
    parameters: dict[str, Any],
) -> list[Any]:
    """Rows of `model`.

    Args:
        key: names the statement.
        build: adds the conditions, with named parameters, to the query of all columns.
    """
    rows = await rows_of(session, (key, model), lambda: build(select(*_columns(model))), parameters)
    names = _names(model)
    return [instance(model, dict(zip(names, row, strict=True))) for row in rows]


async def read_with(
    db: Database,
    key: Hashable,
    model: Any,
    children: Sequence[Any],
    build: Callable[[Select[Any]], Select[Any]],
    parameters: dict[str, Any],
) -> list[tuple[Any, list[list[Any]]]]:
    """Rows of `model`, each with its rows of every model in `children`, in one statement.

    Args:
        key: names the statement among those of the same models.
        children: models with a `party_id`, in the order of their rank where they have one; or what is `Listed`.
    """
    models = [child.model if isinstance(child, Listed) else child for child in children]
    rows = await db.fetch_compiled((key, model, *models), lambda: build(_with_lists(db, model, children)), parameters)
    names = _names(model)
    found = []
    for row in rows:
        record = instance(model, dict(zip(names, row, strict=False)))
        lists = [_rows(child, text) for child, text in zip(models, row[len(names) :], strict=True)]
        found.append((record, lists))
    return found


def _with_lists(db: Database, model: Any, children: Sequence[Any]) -> Select[Any]:
    lists = [_list(db, child, model).label(f"c{i}") for i, child in enumerate(children)]
    return select(*_columns(model), *lists)


async def lock(session: AsyncSession, model: Any, condition: ColumnElement[bool]) -> list[Any]:
    """Rows of `model`, locked until the transaction of a session ends, by their ids. They do not belong to it."""
    query = select(*_columns(model)).where(condition).order_by(model.id)
    # Not its id, which nothing changes: rows that name it may come and go meanwhile.
    rows = await session.execute(query.with_for_update(key_share=True))
    names = _names(model)
    return [instance(model, dict(zip(names, row, strict=True))) for row in rows]


async def children_of(
    session: AsyncSession, model: Any, children: Sequence[Any], parents: Collection[int]
) -> dict[int, list[list[Any]]]:
    """{id: its rows of every model in `children`} of records that the transaction holds, in one statement."""
    db = database_of(session)
    ids = Ids(db, parents)

    def query() -> Select[Any]:
        lists = [_list(db, child, model).label(f"c{i}") for i, child in enumerate(children)]
        return select(model.id, *lists).where(ids.match(model.id))

    key = ("children", ids.shape, model, *children)
    found = {}
    for own_id, *lists in await rows_of(session, key, query, {"ids": ids.value}):
        found[own_id] = [_rows(child, text) for child, text in zip(children, lists, strict=True)]
    return found


def adopted(session: AsyncSession, row: Any) -> Any:
    """The row as the session's own; the one that it has already, brought up to date."""
    make_transient_to_detached(row)
    known = session.sync_session.identity_map.get(inspect(row).key)
    if known is None:
        session.add(row)
        return row
    for name, value in row.__dict__.items():
        if name != "_sa_instance_state":
            set_committed_value(known, name, value)
    return known


def _list(db: Database, child: Any, parent: Any) -> ColumnElement[Any]:
    """The rows of one parent as a JSON array of arrays of their columns."""
    if isinstance(child, Listed):
        # Under a name of its own: a contact may name another one.
        table = child.model.__table__.alias()
        inner = select(*table.c).where(child.match(table.c)).order_by(table.c.id).correlate(parent)
    else:
        order = [child.rank, child.id] if hasattr(child, "rank") else []
        inner = select(*_columns(child)).where(child.party_id == parent.id).order_by(*order).correlate(parent)
    rows = inner.subquery()
    if db.is_sqlite:
        values = [func.json(c) if _is_document(c) else c for c in rows.c]
        text: ColumnElement[Any] = func.json_group_array(func.json_array(*values), type_=Text())
    else:
        text = cast(func.json_agg(func.json_build_array(*map(_exact, rows.c))), Text())
    return select(text).select_from(rows).scalar_subquery()


def _exact(column: Any) -> ColumnElement[Any]:
    """A column as JSON is to hold it: a number as text, for whoever reads JSON makes a float of it."""
    return cast(column, Text()) if isinstance(column.type, Money) else column


def _is_document(column: Any) -> bool:
    return isinstance(column.type, type(Document))


def _rows(child: Any, text: str | None) -> list[Any]:
    if text is None or text == "[]":
        return []
    names, readers = _names(child), _readers(child)
    found = []
    for row in orjson.loads(text):
        for place, reader in readers:
            if row[place] is not None:
                row[place] = reader(row[place])
        found.append(instance(child, dict(zip(names, row, strict=True))))
    return found


def _columns(model: Any) -> list[Any]:
    return list(model.__table__.c)


@cache
def _names(model: Any) -> tuple[str, ...]:
    return tuple(model.__mapper__.get_property_by_column(column).key for column in model.__table__.c)


@cache
def _readers(model: Any) -> tuple[tuple[int, Callable[[Any], Any]], ...]:
    """(place, how its JSON value becomes what the column holds) of each column whose value is not the same."""
    readers: list[tuple[int, Callable[[Any], Any]]] = []
    for place, column in enumerate(model.__table__.c):
        match column.type:
            case SqlEnum(enum_class=members) if members is not None:
                readers.append((place, {member.value: member for member in members}.__getitem__))
            case Boolean():
                readers.append((place, bool))
            case Moment():
                readers.append((place, _moment))
            case Money():
                readers.append((place, Decimal))
    return tuple(readers)


def _moment(text: str) -> dt.datetime:
    moment = dt.datetime.fromisoformat(text)
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)


def instance(model: Any, values: dict[str, Any]) -> Any:
    """A row that belongs to no session, of all its columns."""
    made = model.__mapper__.class_manager.new_instance()
    made.__dict__.update(values)
    return made
