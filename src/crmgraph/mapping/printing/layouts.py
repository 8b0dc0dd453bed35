"""Layouts as statements: a record printed by the database, as the bytes that `Layout.encode` and `orjson` would make.

What SQL cannot print stands in the text as a slot: its number in the layout and what Python needs to print it, between
two control characters, which JSON never holds as they are. `Printed.finish` fills the slots. Extra fields are printed
as if there were none. They come beside the record, or before the row that has them, and Python puts them in.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import groupby
from typing import Any, TypeAlias

import orjson
from sqlalchemy import ColumnElement, Date, Text, case, cast, func, null, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from crmgraph.crm.models import Photo
from crmgraph.crm.models.columns import Money
from crmgraph.crm.policy import IDENTITY_DOCUMENTS
from crmgraph.crm.query.json_text import Pieces, Sql, constant, joined
from crmgraph.crm.records.aggregates import ROWS
from crmgraph.mapping.printing.words import LinkedRow, Printing, over
from crmgraph.mapping.table import Always, Computed, ExtraField, Field, Layout, Link, Listed, OfPhoto, Own, Slot, Whole

_SLOT = "\x01"
_KEPT = "\x02"
"""Around the number of a list and the extra fields of one of its rows, before the row."""
_END = "\x03"
"""Behind each row of a list whose rows have extra fields."""
_MOST_KEPT = 4096
"""How many filled slots are kept in memory: most records have one of a few languages, countries and states."""
_LONGEST_KEPT = 100
"""The longest slot that is kept, in bytes."""

Finish: TypeAlias = Callable[[bytes], bytes]
"""What a slot holds to what is printed."""


class Printed:
    """A layout as a part of statements.

    Args:
        layout: of records or rows.
        number: before those of its slots, where it is part of another one.

    Attributes:
        finishes: what fills its slots, by their numbers.
        unprinted: of the columns of a record, whether it has rows that only Python prints; None where there are none.
    """

    def __init__(self, layout: Layout, number: str = "") -> None:
        self.layout = layout
        self.finishes: dict[bytes, Finish] = {}
        self.number = number
        self._tree: dict[str, Any] = {}
        self._lists: dict[bytes, Printed] = {}
        self._extra: list[tuple[Sequence[str], str, _Printer]] = []
        for field in layout.fields:
            *outer, name = field.name.split(".")
            inner = self._tree
            for key in outer:
                inner = inner.setdefault(key, {})
            inner[name] = made = _Printer(field, f"{number}{len(self.finishes)}")
            self.finishes |= made.finishes
            if made.listed is not None and made.listed.has_extra:
                self._lists[made.listed.number.encode()] = made.listed
            if isinstance(made.place, ExtraField):
                self._extra.append((outer, name, made))
        lists = [field.at.rows for field in layout.fields if _is_unprinted(field.at)]
        self.unprinted = _has_rows(lists) if lists else None
        self._fill = lru_cache(_MOST_KEPT)(self._filled)

    @property
    def has_extra(self) -> bool:
        """Whether it tells extra fields."""
        return bool(self._extra) or self.layout.others

    def text(self, write: Printing, row: Any) -> Pieces:
        """The JSON of a record or row, without its extra fields.

        Args:
            row: the source of its columns.
        """
        return self._object(write, row, self._tree)

    def extra_fields(self, write: Printing, c: Any) -> ColumnElement[Any]:
        """The extra fields of a record or row, as the text of JSON; NULL where there are none to be told.

        Args:
            c: its columns.
        """
        if not self.has_extra:
            return null()
        dialect = self.layout.dialect
        found: ColumnElement[Any] = c.extra_fields.op("->", return_type=Text() if write.sqlite else None)(
            constant(f'$."{dialect}"' if write.sqlite else dialect)
        )
        return cast(found, Text())

    def row(self, write: Printing, row: Any) -> Pieces:
        """A row of a list, with its extra fields before it."""
        text = self.text(write, row)
        if not self.has_extra:
            return text
        kept = joined([f"{_KEPT}{self.number}:", self.extra_fields(write, row.c), _KEPT])
        return [func.coalesce(kept, constant("")), *text, _END]

    def finish(self, text: bytes, extra: str | None) -> bytes:
        """The answer, with its slots filled and its extra fields.

        Args:
            extra: those of the record.
        """
        if _SLOT.encode() in text:
            first, *others = text.split(_SLOT.encode())
            parts = [first]
            for held, following in zip(others[::2], others[1::2], strict=True):
                parts += self._filled(held) if len(held) > _LONGEST_KEPT else self._fill(held), following
            text = b"".join(parts)
        if self._lists:
            text = self._with_rows(text)
        return text if extra is None else self.with_extra(text, extra)

    def with_extra(self, text: bytes, extra: str | bytes) -> bytes:
        """The JSON of a record or row, with the extra fields that it has in the dialect."""
        body, kept = orjson.loads(text), orjson.loads(extra)
        for outer, name, field in self._extra:
            if field.place.key in kept:
                inner = body
                for key in outer:
                    inner = inner[key]
                inner[name] = field.codec.write(kept[field.place.key])
        if self.layout.others:
            for name, value in kept.items():
                body.setdefault(name, value)
        return orjson.dumps(body)

    def _filled(self, held: bytes) -> bytes:
        number, _, value = held.partition(b":")
        return self.finishes[number](value)

    def _with_rows(self, text: bytes) -> bytes:
        if _KEPT.encode() not in text:
            return text.replace(_END.encode(), b"")
        parts: list[bytes] = []
        for part in text.split(_END.encode()):
            before, _, row = part.partition(_KEPT.encode())
            parts.append(before)
            if row:
                held, _, text = row.partition(_KEPT.encode())
                number, _, extra = held.partition(b":")
                parts.append(self._lists[number].with_extra(text, extra))
        return b"".join(parts)

    def _object(self, write: Printing, row: Any, tree: dict[str, Any]) -> Pieces:
        pieces: Pieces = ["{"]
        for bearer, group in groupby(tree.items(), lambda item: _bearer(item[1])):
            if len(pieces) > 1:
                pieces.append(",")
            pieces += self._run(write, row, bearer, list(group))
        return [*pieces, "}"]

    def _run(
        self, write: Printing, row: Any, bearer: tuple[str, str] | None, members: Sequence[tuple[str, Any]]
    ) -> Pieces:
        """Members that stand side by side and come from the same row, or from none."""
        if bearer is None:
            return _named(
                (name, self._object(write, row, each) if isinstance(each, dict) else each.text(write, row))
                for name, each in members
            )
        rows, slot = bearer
        table = ROWS[rows].__table__.alias()
        held = select(*table.c).where(table.c.party_id == row.c.id, table.c.slot == constant(str(slot)))
        source = write.source(held, row)
        found = over(source, _named((name, each.text(write, source)) for name, each in members))
        return [func.coalesce(found, constant(_nothing(members)))]


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
        readers = tuple(_reader(column.type) for column in columns)
        self._whole = readers if any(readers) else ()
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
            case ExtraField():
                return [self.nothing]
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
                found = over(photo, self._of_whole(write, [photo.c[column.key] for column in columns]))
                return [func.coalesce(found, constant(self.nothing))]
            case Listed(rows=name):
                if self.listed is None:
                    return ["[]"]
                table = ROWS[name].__table__.alias()
                query = select(*table.c).where(table.c.party_id == c.id).order_by(table.c.rank, table.c.id)
                each = write.source(query, c.id.table)
                return ["[", over(each, [write.listed(joined(self.listed.row(write, each)))]), "]"]
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
        sql, needed = self.codec.sql, self.codec.needed
        found = None if sql is None else joined(sql(write, columns))
        if found is not None and not self.codec.is_partial:
            return [func.coalesce(found, constant(self.nothing))]
        if needed is not None:
            columns = needed(write, columns)
        values = [joined([func.coalesce(joined(write.value(column)), constant("null"))]) for column in columns]
        listed = [piece for i, each in enumerate(values) for piece in ("," if i else "[", each)]
        slot = self._slot(joined([*listed, "]"]))
        return [slot if found is None else func.coalesce(found, slot)]

    def _slot(self, value: Sql) -> Sql:
        return joined([f"{_SLOT}{self.number}:", value, _SLOT])

    def finish(self, value: bytes) -> bytes:
        """What is printed of the value that a slot holds."""
        held = orjson.loads(value)
        if isinstance(held, list) and not self._whole:
            held = tuple(held)
        elif self._whole:
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


def _bearer(each: Any) -> tuple[str, str] | None:
    """The row, (list, slot), from which a member is read; None of what is read from none."""
    if isinstance(each, _Printer) and isinstance(each.place, Slot):
        return each.place.rows, each.place.slot
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
