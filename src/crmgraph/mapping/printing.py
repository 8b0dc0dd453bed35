"""Layouts as statements: a record printed by the database, as the bytes that `Layout.encode` and `orjson` would make.

What SQL cannot print stands in the text as a slot: its number in the layout and what Python needs to print it, between
two control characters, which JSON never holds as they are. `Printed.finish` fills the slots.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import partial
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
    or_,
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
from crmgraph.crm.records.aggregates import PARTS, ROWS
from crmgraph.crm.records.external_ids import REFERENCE
from crmgraph.crm.records.lookup import IMPORTED
from crmgraph.crm.records.told import load_told, row_told
from crmgraph.db.database import Database
from crmgraph.mapping.table import Always, Computed, ExtraField, Field, Layout, Link, Listed, OfPhoto, Own, Slot, Whole

_SLOT = "\x01"
_ONE = literal_column("1", Integer())
_NONE = literal_column("0", Integer())


@dataclass(frozen=True, slots=True)
class LinkedRow:
    """What a link, or the id of the record or row itself, is printed from, as SQL.

    Attributes:
        given: its external id; NULL where it was made here.
        c: the columns of the record, the row or the staff member.
    """

    given: Sql
    c: Any

    @property
    def external_id(self) -> Sql:
        """Its external id, else ours in decimal."""
        return func.coalesce(self.given, cast(self.c.id, Text()), type_=Text())


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

    def words(self, *columns: ColumnElement[Any], none: bool = False) -> Sql:
        """Texts with blanks between, without those that are empty.

        Args:
            none: whether it is NULL where all are empty.
        """
        parts = [case((column != constant(""), constant(" ").concat(column)), else_=constant("")) for column in columns]
        found: Sql = func.substr(joined(list(parts)), literal_column("2", Integer()), type_=Text())
        return func.nullif(found, constant(""), type_=Text()) if none else found

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
        return _over(named, text(LinkedRow(self.external_id(target, named.c.id), named.c)))

    def text_or(self, column: ColumnElement[Any], nothing: str) -> Sql:
        """A text as JSON, or another in the place of none."""
        return self.quoted(func.coalesce(column, constant(nothing), type_=Text()))

    def first(self, text: ColumnElement[Any], other: ColumnElement[Any]) -> Sql:
        """A text, or another in the place of none."""
        return func.coalesce(text, other, type_=Text())

    def whole(self, number: ColumnElement[Any]) -> Sql:
        """A whole number as JSON, null where there is none."""
        return func.coalesce(cast(number, Text()), constant("null"), type_=Text())

    def choice(self, column: ColumnElement[Any], names: Mapping[Any, str]) -> Sql:
        """What each value of a column is called."""
        found: Sql = case(*((self.holds(column, ours), constant(name)) for ours, name in names.items()))
        return found

    def holds(self, column: ColumnElement[Any], value: StrEnum) -> ColumnElement[bool]:
        """Whether a column holds one of its words."""
        return type_coerce(column, Text()) == constant(value.value)

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

    Attributes:
        finishes: what fills its slots, by their numbers.
        unprinted: of the columns of a record, whether it has rows that only Python prints; None where there are none.
    """

    def __init__(self, layout: Layout, _of: str = "") -> None:
        self.layout = layout
        self.finishes: dict[bytes, Finish] = {}
        self._tree: dict[str, Any] = {}
        for field in layout.fields:
            *around, name = field.name.split(".")
            inner = self._tree
            for key in around:
                inner = inner.setdefault(key, {})
            inner[name] = made = _Printer(field, f"{_of}{len(self.finishes)}")
            self.finishes |= made.finishes
        self._fill_runs(self._tree)
        lists = [field.at.rows for field in layout.fields if _is_unprinted(field.at)]
        self.unprinted = _has_rows(lists) if lists else None
        self.finishes[b"others"] = self._others

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
            parts += self.finishes[number](value), following
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
                # They are few or none, and printed by Python: one slot for all of them.
                extra = _extra(write, row.c, self.layout.dialect)
                kept = joined([f"{_SLOT}{members[0][1].number}:", cast(extra, Text()), _SLOT])
                return [func.coalesce(kept, constant(_nothing(members)))]
        return _named(
            (name, self._object(write, row, each) if isinstance(each, dict) else each.text(write, row))
            for name, each in members
        )

    def _fill_runs(self, tree: dict[str, Any]) -> None:
        """Note what fills the slots of extra fields that stand side by side, by the number of the first."""
        for place, group in groupby(tree.items(), lambda item: _shared_place(item[1])):
            members = list(group)
            if place == "extra":
                self.finishes[members[0][1].number.encode()] = partial(_extra_finished, members)
            elif place is None:
                for inner in (each for _, each in members if isinstance(each, dict)):
                    self._fill_runs(inner)

    def _others(self, value: bytes) -> bytes:
        others = {name: each for name, each in orjson.loads(value).items() if name not in self._tree}
        return b"," + orjson.dumps(others)[1:-1] if others else b""


class _Printer:
    """How one field is printed.

    Args:
        number: of its slot.
    """

    def __init__(self, field: Field, number: str) -> None:
        self.place = field.shown or field.at
        self.codec = field.codec
        self.number = number
        is_listed = isinstance(self.place, Listed) and not _is_unprinted(self.place)
        self.listed = Printed(self.place.layout, f"{number}.") if is_listed else None
        columns = self.place.columns if isinstance(self.place, Whole | OfPhoto) else ()
        self._whole = tuple(_reader(column.type) for column in columns)
        self._read = _reader(self._column().type) if isinstance(self.place, InstrumentedAttribute | Slot) else None

    @property
    def finishes(self) -> dict[bytes, Finish]:
        """What fills its slots, by their numbers."""
        return {self.number.encode(): self.finish} | ({} if self.listed is None else self.listed.finishes)

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
                own = LinkedRow(write.external_id(target, c.id), c)
                if codec.sql is not None:
                    return codec.sql(write, own)
                text = write.quoted(own.external_id)
                return [self._slot(text)] if codec.changes else [text]
            case Link() as link:
                return self._link(write, link, c)
            case Whole(columns):
                return self._of_whole(write, [c[column.key] for column in columns])
            case OfPhoto(columns):
                photo = write.source(select(*Photo.__table__.c).where(Photo.party_id == c.id).correlate_except(Photo))
                found = _over(photo, self._of_whole(write, [photo.c[column.key] for column in columns]))
                return [func.coalesce(found, constant(self.nothing))]
            case Listed(rows=name):
                if self.listed is None:
                    return ["[]"]
                table = ROWS[name].__table__.alias()
                query = select(*table.c).where(table.c.party_id == c.id).order_by(table.c.rank, table.c.id)
                each = write.source(query, c.id.table)
                return ["[", _over(each, [write.listed(joined(self.listed.text(write, each)))]), "]"]
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
        return joined([f"{_SLOT}{self.number}:", value, _SLOT])

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
        none: Any = (None,) * len(self.place.columns) if isinstance(self.place, Whole) else None
        if isinstance(self.place, ExtraField):
            none = self.place.absent
        return _json(self.codec.write(none))


def _is_unprinted(place: Any) -> bool:
    """Whether a place lists rows of which SQL cannot print all."""
    return isinstance(place, Listed) and any(
        isinstance(field.shown or field.at, Computed) and (field.shown or field.at).sql is None
        for field in place.layout.fields
    )


def _has_rows(lists: Sequence[str]) -> Callable[[Any], ColumnElement[bool]]:
    tables = [ROWS[name].__table__ for name in lists]
    return lambda c: or_(*(select(each.c.id).where(each.c.party_id == c.id).exists() for each in tables))


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


def _extra_finished(members: Sequence[tuple[str, Any]], value: bytes) -> bytes:
    """Extra fields that stand side by side, of all those of the dialect."""
    extra = orjson.loads(value)
    shown = {name: each.codec.write(extra.get(each.place.key, each.place.absent)) for name, each in members}
    return orjson.dumps(shown)[1:-1]


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _over(row: Any, pieces: Pieces) -> Sql:
    found: Sql = select(joined(pieces)).select_from(row).scalar_subquery()
    return found


def _extra(write: Printing, c: Any, dialect: str) -> ColumnElement[Any]:
    """The extra fields of a dialect as JSON; NULL where there are none."""
    found: ColumnElement[Any] = c.extra_fields.op("->", return_type=Text() if write.sqlite else None)(
        constant(f'$."{dialect}"' if write.sqlite else dialect)
    )
    return found


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

    One statement, and another for a record with rows that only Python prints.

    Args:
        party_id, external, standing: see `told.load_told`.
    """
    dialect = printed.layout.dialect

    def columns(row: Any) -> list[Any]:
        write = Printing(sqlite=db.is_sqlite, dialect=dialect, actor=with_parameters(actor))
        text = write.encoded(joined(printed.text(write, row)))
        return [row.c.updated_at, text if printed.unprinted is None else case((~printed.unprinted(row.c), text))]

    found = await row_told(db, actor, dialect, kind, party_id, printed, columns, external=external, standing=standing)
    if found is None or found[1] is not None:
        return None if found is None else (found[0], printed.finish(found[1]))
    told = await load_told(
        db,
        actor,
        dialect,
        kind,
        party_id,
        external=external,
        parts=(*PARTS, "relations"),
        rows=True,
        staff=actor.staff_id,
        standing=standing,
    )
    return None if told is None else (told[0].record.updated_at, orjson.dumps(printed.layout.encode(*told)))
