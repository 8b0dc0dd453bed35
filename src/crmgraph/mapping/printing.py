"""Layouts as statements: a record printed by the database, as the bytes that `Layout.encode` and `orjson` would make.

What SQL cannot print stands in the text as a slot: its number in the layout and what Python needs to print it, between
two control characters, which JSON never holds as they are. `Printed.finish` fills the slots.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any, TypeAlias

import orjson
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    ColumnElement,
    Date,
    Integer,
    Select,
    Text,
    case,
    cast,
    func,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy import Enum as SqlEnum
from sqlalchemy.orm import InstrumentedAttribute

from crmgraph.crm.models import ExternalId, PartyKind, Photo, Role, Staff
from crmgraph.crm.models.columns import Money
from crmgraph.crm.policy import IDENTITY_DOCUMENTS, Actor, visible, with_parameters
from crmgraph.crm.query.authorization import Standing
from crmgraph.crm.query.json_text import Pieces, Sql, Writer, constant, joined
from crmgraph.crm.query.references import target_of
from crmgraph.crm.records.aggregates import ROWS
from crmgraph.crm.records.external_ids import REFERENCE
from crmgraph.crm.records.lookup import IMPORTED
from crmgraph.crm.records.told import row_told
from crmgraph.db.database import Database
from crmgraph.mapping.table import Always, Computed, ExtraField, Field, Layout, Link, Own, Slot, Whole

_SLOT = "\x01"
_ONE = literal_column("1", Integer())
_NONE = literal_column("0", Integer())


@dataclass(frozen=True, slots=True)
class LinkedRow:
    """What a link is printed from, as SQL.

    Attributes:
        external_id: as text.
        c: the columns of the record or staff member.
        model: of it.
    """

    external_id: Sql
    c: Any
    model: Any


Finish: TypeAlias = Callable[[bytes], bytes]
"""What a slot holds to what is printed."""


class Printing(Writer):
    """Writes what a statement prints for one kind of actor.

    Args:
        sqlite: whether it is for SQLite.
        dialect: whose external ids and extra fields are told.
        actor: as `policy.with_parameters` makes it.
    """

    def __init__(self, *, sqlite: bool, dialect: str, actor: Actor) -> None:
        super().__init__("sqlite" if sqlite else "postgresql")
        self.dialect = dialect
        self.actor = actor
        self._sources = 0

    def source(self, query: Select[Any], parent: Any = None) -> Any:
        """A subquery with a name of its own, that may look at its parent's columns."""
        if parent is not None:
            query = query.correlate(parent)
        self._sources += 1
        return query.subquery(f"t{self._sources}")

    def value(self, column: ColumnElement[Any]) -> Pieces:
        """A value as JSON has it; NULL, or null, of none.

        Raises:
            TypeError: nothing is printed so.
        """
        match column.type:
            case JSON():
                return [type_coerce(column, Text()) if self.sqlite else cast(column, Text())]
            case SqlEnum():
                return ['"', type_coerce(column, Text()), '"']
            case Text():
                return [self.quoted(column)]
            case Boolean():
                return [case((column.is_(True), constant("true")), (column.is_(False), constant("false")))]
            case Integer():
                return [cast(column, Text())]
            case Date():
                return ['"', cast(column, Text()), '"']
            case Money():
                return ['"', type_coerce(column, Text()) if self.sqlite else cast(column, Text()), '"']
        raise TypeError(f"values of {column.type}")

    def words(self, *columns: ColumnElement[Any]) -> Sql:
        """Texts with blanks between, without those that are empty."""
        parts = [case((column != constant(""), constant(" ").concat(column)), else_=constant("")) for column in columns]
        return func.substr(joined(list(parts)), literal_column("2", Integer()), type_=Text())

    def of_photo(self, c: Any, name: str) -> ColumnElement[Any]:
        """A column of the photo of a record; NULL where it has none.

        Args:
            c: the columns of the record.
        """
        photo = Photo.__table__.alias()
        return select(photo.c[name]).where(photo.c.party_id == c.id).scalar_subquery()

    def external_id(self, target: str, own_id: Any) -> Sql:
        """The external id of a thing in the dialect; NULL where it has none."""
        # Of several the last one counts, as in `note_external_ids`. Sorted by an expression, for no plan is to walk
        # all ids there are from their end.
        each = ExternalId.__table__.alias()
        query = select(each.c.value).where(
            each.c[f"{target}_id"] == own_id,
            each.c.dialect == constant(self.dialect),
            each.c.former_id.is_(None),
            each.c.space != constant(IMPORTED),
            each.c.space != constant(REFERENCE),
        )
        found: Sql = query.order_by((each.c.id + _NONE).desc()).limit(_ONE).scalar_subquery()
        return found

    def linked(
        self, column: Any, c: Any, text: Callable[[LinkedRow], Pieces], *, actor_by_default: bool = False
    ) -> Sql:
        """What is printed of the record or the staff member that a column names; NULL of none, or none to be seen.

        Args:
            column: the mapped attribute.
            c: the columns of the record that has it.
            actor_by_default: see `Link`.
        """
        own_id: Any = c[column.key]
        model: Any = target_of(column) or Staff
        if actor_by_default and self.actor.staff_id is not None:
            own_id = func.coalesce(own_id, self.actor.staff_id, type_=BigInteger())
        query = select(*model.__table__.c).where(model.id == own_id)
        if model is not Staff:
            query = query.where(visible(self.actor, model))
        named = self.source(query.correlate_except(model))
        target = "staff" if model is Staff else "party"
        external = func.coalesce(self.external_id(target, named.c.id), cast(named.c.id, Text()), type_=Text())
        return _over(named, text(LinkedRow(external, named.c, model)))

    def json(self, text: ColumnElement[Any]) -> Sql:
        """A text as JSON, null where there is none."""
        return func.coalesce(self.quoted(text), constant("null"), type_=Text())

    def either(self, condition: ColumnElement[bool], then: str | Pieces, otherwise: str | Pieces) -> Sql:
        """One of two pieces of JSON."""
        first, second = (joined([each] if isinstance(each, str) else each) for each in (then, otherwise))
        found: Sql = case((condition, first), else_=second)
        return found

    def shows_identity(self, c: Any) -> bool | ColumnElement[bool]:
        """Whether the actor may see the identity documents of a contact, see `policy.may_see_identity`."""
        if self.actor.is_staff:
            return self.actor.role is Role.ADMIN or self.actor.sees_identity
        if self.actor.role is not Role.CUSTOMER or self.actor.contact_id is None:
            return False
        own: ColumnElement[bool] = c.id == self.actor.contact_id
        return own


class Printed:
    """A layout as a part of statements.

    Args:
        layout: of records or rows.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._finish: dict[bytes, Finish] = {}
        self._tree: dict[str, Any] = {}
        for field in layout.fields:
            *around, name = field.name.split(".")
            inner = self._tree
            for key in around:
                inner = inner.setdefault(key, {})
            number = str(len(self._finish))
            inner[name] = _Printer(field, number, layout.dialect)
            self._finish[number.encode()] = inner[name].finish
        self._finish[b"others"] = self._others

    def text(self, write: Printing, row: Any) -> Pieces:
        """The JSON of a record or row.

        Args:
            row: the source of its columns.
        """
        pieces = self._object(write, row, self._tree)
        if not self.layout.others:
            return pieces
        extra = _extra(write, row.c, self.layout.dialect)
        others = joined([f"{_SLOT}others:", cast(extra, Text()), _SLOT])
        return [*pieces[:-1], func.coalesce(others, constant("")), "}"]

    def finish(self, text: bytes) -> bytes:
        """The answer, with its slots filled."""
        first, *others = text.split(_SLOT.encode())
        if not others:
            return first
        parts = [first]
        for held, following in zip(others[::2], others[1::2], strict=True):
            number, _, value = held.partition(b":")
            parts += self._finish[number](value), following
        return b"".join(parts)

    def _object(self, write: Printing, row: Any, tree: dict[str, Any]) -> Pieces:
        pieces: Pieces = ["{"]
        for place, group in groupby(tree.items(), lambda item: _shared_place(item[1])):
            if len(pieces) > 1:
                pieces.append(",")
            pieces += self._run(write, row, place, list(group))
        return [*pieces, "}"]

    def _run(self, write: Printing, row: Any, place: Any, members: Sequence[tuple[str, Any]]) -> Pieces:
        """Members that stand side by side and come from the same place."""
        match place:
            case (rows, slot):
                table = ROWS[rows].__table__.alias()
                held = select(*table.c).where(table.c.party_id == row.c.id, table.c.slot == constant(str(slot)))
                bearer = write.source(held, row)
                found = _over(bearer, _named((name, each.text(write, bearer)) for name, each in members))
                return [func.coalesce(found, constant(_nothing(members)))]
            case "extra":
                extra = _extra(write, row.c, self.layout.dialect)
                found = joined(_named((name, each.text(write, row)) for name, each in members))
                return [case((extra.is_(None), constant(_nothing(members))), else_=found)]
        return _named(
            (name, self._object(write, row, each) if isinstance(each, dict) else each.text(write, row))
            for name, each in members
        )

    def _others(self, value: bytes) -> bytes:
        others = {name: each for name, each in orjson.loads(value).items() if name not in self._tree}
        return b"," + orjson.dumps(others)[1:-1] if others else b""


class _Printer:
    """How one field is printed.

    Args:
        number: of its slot.
    """

    def __init__(self, field: Field, number: str, dialect: str) -> None:
        self.place = field.shown or field.at
        self.codec = field.codec
        self._number = number
        self._dialect = dialect
        columns = self.place.columns if isinstance(self.place, Whole) else ()
        self._whole = tuple(_reader(column.type) for column in columns)
        self._read = _reader(self._column().type) if isinstance(self.place, InstrumentedAttribute | Slot) else None

    def _column(self) -> Any:
        if isinstance(self.place, Slot):
            return ROWS[self.place.rows].__table__.c[self.place.column]
        return self.place

    def text(self, write: Printing, row: Any) -> Pieces:
        """The JSON of its value, over what has the value: the row that bears its slot, else the record."""
        c, codec = row.c, self.codec
        match self.place:
            case Always(value):
                return [_json(codec.write(value))]
            case Computed(sql=sql) if sql is not None:
                return sql(write, c)
            case Own(target):
                external = write.external_id(target, c.id)
                if codec.sql is not None:
                    return codec.sql(write, LinkedRow(external, c, None))
                own = func.coalesce(external, cast(c.id, Text()), type_=Text())
                return [self._slot(write.quoted(own))] if codec.changes else [write.quoted(own)]
            case Link() as link:
                return self._link(write, link, c)
            case Whole(columns):
                return self._of_whole(write, [c[column.key] for column in columns])
            case ExtraField(key):
                held = _extra(write, c, self._dialect, key)
                return [func.coalesce(self._slot(cast(held, Text())), constant(self.nothing))]
            case Slot(column=name) | InstrumentedAttribute(key=name):
                return self._of_column(write, c, name)
        raise TypeError(f"{self.place} is printed by Python alone")

    def _of_column(self, write: Printing, c: Any, name: str) -> Pieces:
        column, codec = c[name], self.codec
        if codec.sql is not None:
            found = codec.sql(write, column)
        elif codec.changes:
            found = [self._slot(joined(write.value(column)))]
        else:
            found = write.value(column)
        if _may_be_null(column):
            found = self._or_nothing(write, column, found)
        if name not in IDENTITY_DOCUMENTS:
            return found
        shown = write.shows_identity(c)
        if isinstance(shown, bool):
            return found if shown else [self.nothing]
        return [case((shown, joined(found)), else_=constant(self.nothing))]

    def _or_nothing(self, write: Printing, column: Any, found: Pieces) -> Pieces:
        if not write.sqlite:
            return [func.coalesce(joined(found), constant(self.nothing))]
        # There is null as JSON, where PostgreSQL has NULL.
        return [case((column.is_(None), constant(self.nothing)), else_=joined(found))]

    def _link(self, write: Printing, link: Link, c: Any) -> Pieces:
        sql = self.codec.sql
        if sql is None:
            raise TypeError(f"{link.column} is printed by Python alone")
        found = write.linked(link.column, c, lambda row: sql(write, row), actor_by_default=link.actor_by_default)
        return [func.coalesce(found, constant(self.nothing))]

    def _of_whole(self, write: Printing, columns: Sequence[Any]) -> Pieces:
        if self.codec.sql is not None:
            return [func.coalesce(joined(self.codec.sql(write, columns)), constant(self.nothing))]
        values = [joined([func.coalesce(joined(write.value(column)), constant("null"))]) for column in columns]
        listed = [piece for i, each in enumerate(values) for piece in ("," if i else "[", each)]
        return [self._slot(joined([*listed, "]"]))]

    def _slot(self, value: Sql) -> Sql:
        return joined([f"{_SLOT}{self._number}:", value, _SLOT])

    def finish(self, value: bytes) -> bytes:
        """What is printed of the value that a slot holds."""
        held = orjson.loads(value)
        if self._whole:
            held = tuple(_read(reader, each) for reader, each in zip(self._whole, held, strict=True))
        else:
            held = _read(self._read, held)
        return orjson.dumps(self.codec.write(held))

    @property
    def nothing(self) -> str:
        """What is printed where there is nothing."""
        none = (None,) * len(self.place.columns) if isinstance(self.place, Whole) else None
        return _json(self.codec.write(none))


def _shared_place(each: Any) -> Any:
    """What members that stand side by side are read from together; None where each is read by itself."""
    if isinstance(each, _Printer):
        match each.place:
            case Slot(rows, _, slot):
                return rows, slot
            case ExtraField():
                return "extra"
    return None


def _named(members: Iterable[tuple[str, Pieces]]) -> Pieces:
    pieces: Pieces = []
    for name, value in members:
        pieces += [f"{',' if pieces else ''}{_json(name)}:", *value]
    return pieces


def _nothing(members: Sequence[tuple[str, Any]]) -> str:
    return ",".join(f"{_json(name)}:{each.nothing}" for name, each in members)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _over(row: Any, pieces: Pieces) -> Sql:
    found: Sql = select(joined(pieces)).select_from(row).scalar_subquery()
    return found


def _extra(write: Printing, c: Any, *keys: str) -> ColumnElement[Any]:
    """The extra fields of a dialect, or one of them, as JSON; NULL where there are none."""
    found = c.extra_fields
    if write.sqlite:
        path = "".join(f'."{key}"' for key in keys)
        return found.op("->", return_type=Text())(constant(f"${path}"))  # type: ignore[no-any-return]
    for key in keys:
        found = found.op("->", return_type=c.extra_fields.type)(constant(key))
    return found  # type: ignore[no-any-return]


def _may_be_null(column: Any) -> bool:
    base = next(iter(column.base_columns))
    return bool(getattr(base, "nullable", True))


def _reader(type_: Any) -> Callable[[Any], Any] | None:
    """How JSON's value becomes what the column holds; None where it is the same."""
    match type_:
        case Money():
            return Decimal
        case Date():
            return dt.date.fromisoformat
    return None


def _read(reader: Callable[[Any], Any] | None, value: Any) -> Any:
    return value if reader is None or value is None else reader(value)


async def print_told(
    db: Database,
    actor: Actor,
    printed: Printed,
    kind: PartyKind,
    party_id: int | None,
    *,
    external: tuple[str, Sequence[str]] | None = None,
    standing: Standing | None = None,
) -> tuple[dt.datetime, bytes] | None:
    """When a live record that the actor may see was last changed, and its object; None where there is none.

    Args:
        party_id, external, standing: see `told.load_told`.
    """
    dialect = printed.layout.dialect

    def columns(row: Any) -> list[Any]:
        write = Printing(sqlite=db.is_sqlite, dialect=dialect, actor=with_parameters(actor))
        return [row.c.updated_at, write.encoded(joined(printed.text(write, row)))]

    found = await row_told(db, actor, dialect, kind, party_id, printed, columns, external=external, standing=standing)
    return None if found is None else (found[0], printed.finish(found[1]))
