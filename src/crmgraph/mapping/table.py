"""The tables: fields, the places where their values live, and the layouts that records are printed with."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy.orm import InstrumentedAttribute

from crmgraph.crm.policy import IDENTITY_DOCUMENTS, may_see_identity
from crmgraph.crm.query.json_text import Pieces
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.external_ids import EncodingContext
from crmgraph.crm.usage import OTHER_FIELDS


class Unreadable(Exception):
    """A value that a codec cannot read.

    Args:
        reason: one of the words of `crmgraph.crm.errors.Invalid`.
    """

    def __init__(self, reason: str = "form") -> None:
        super().__init__(reason)
        self.reason = reason


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Codec:
    """How one kind of value stands on the wire.

    Attributes:
        read: from the wire's value to ours; None is "nothing"; raises Unreadable.
        write: from ours to the wire's.
        sql: (writer, what `write` is given as SQL) to the JSON of what it returns, see `mapping/printing/`; None
            where Python writes it, of what a statement has read.
        is_partial: whether that SQL is NULL of a `Whole` that Python is to write.
        needed: (writer, the columns of a `Whole` as SQL) to what is enough for `write` to return the same, in their
            places. What is equal is written once, so a telephone number that says only where it is need not be whole.
    """

    read: Callable[[Any], Any] = _same
    write: Callable[[Any], Any] = _same
    sql: "Callable[[Any, Any], Pieces] | None" = None
    is_partial: bool = False
    needed: "Callable[[Any, Sequence[Any]], Sequence[Any]] | None" = None

    @property
    def changes(self) -> bool:
        """Whether a value is written otherwise than it is held."""
        return self.write is not _same


AS_IT_IS = Codec()


@dataclass(frozen=True, slots=True)
class Slot:
    """One column of one row among a record's phones, emails or addresses, in a dialect whose records are flat.

    A slot reads the row that bears it (`crm/records/slots.py`). It writes that row, else adds one; nothing written
    where the row has no other content removes the row.

    Attributes:
        rows: phones, emails or addresses.
        column: the attribute of the row.
        slot: the mark that the row bears: a kind, FIRST or SECOND.
        kind: of a row that is added; None where the slot is a kind itself, and that is meant.
    """

    rows: str
    column: str
    slot: str
    kind: Any = None

    def row(self, aggregate: Aggregate) -> Any | None:
        """The row that bears this slot; None when there is none."""
        return next((row for row in getattr(aggregate, self.rows) if row.slot == self.slot), None)


@dataclass(frozen=True, slots=True)
class Primary:
    """One column of the first active row of a list, whatever it is. Never written."""

    rows: str
    column: str

    def row(self, aggregate: Aggregate) -> Any | None:
        """The first active row; None when there is none."""
        return next((row for row in getattr(aggregate, self.rows) if row.active), None)


@dataclass(frozen=True, slots=True)
class Whole:
    """Several columns of the record that are one value on the wire, as a tuple in this order."""

    columns: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class OfPhoto:
    """Several columns of the record's photo that are one value on the wire, as a tuple in this order; None without one.

    Never written.
    """

    columns: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Inner:
    """An object of its own around fields of the same record.

    Attributes:
        fields: in their order.
    """

    fields: "tuple[Field, ...]"


@dataclass(frozen=True, slots=True)
class Listed:
    """The rows of a list of the record, each printed by a layout of its own. Never written.

    Attributes:
        rows: phones, emails, addresses or relations.
    """

    rows: str
    layout: "Layout"


@dataclass(frozen=True, slots=True)
class ExtraField:
    """A value that no other dialect knows: kept among the extra fields under this key, as it came.

    Attributes:
        absent: what is told where nothing is kept, which is not the same as null.
    """

    key: str
    absent: Any = None


@dataclass(frozen=True, slots=True)
class Link:
    """A column that names another record or a staff member.

    The codec's `read` answers the external id as text, a `Named` or None; its `write` is given a `Linked`.

    Attributes:
        column: the mapped attribute, which holds our id.
        target: party or staff.
        space: the dialect's space of ids in which the target is named.
        actor_by_default: whether the staff member as whom the caller acts stands where nobody is named, for dialects
            that know no record without one. `EncodingContext` has to know them.
    """

    column: Any
    target: str
    space: str
    actor_by_default: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """What a request names by what it is called, where it has no id for it."""

    name: str | None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Linked:
    """What a link is printed from.

    Attributes:
        id: our id.
        external_id: its external id, else ours in decimal.
        thing: the record or staff member; None when the actor may not see it.
    """

    id: int
    external_id: str
    thing: Any


@dataclass(frozen=True, slots=True)
class Own:
    """The id of the record or row itself, as text: the external id, else ours in decimal. Never written."""

    target: str = "party"


@dataclass(frozen=True, slots=True)
class Always:
    """A value that is the same on every record (or row), and never written."""

    value: Any


@dataclass(frozen=True, slots=True)
class Computed:
    """A value that is worked out from the record (or row) and its encoding_context, and never written.

    Attributes:
        source: the columns it comes from, in the words of the models, for the documentation.
        sql: (printing, the columns of the record or row) to its JSON as it is printed, see `mapping/printing/`.
    """

    function: Callable[[Any, EncodingContext], Any]
    source: str = ""
    sql: Callable[[Any, Any], Pieces] | None = None


Place: TypeAlias = (
    "InstrumentedAttribute[Any] | Slot | Whole | OfPhoto | Inner | Listed | ExtraField | Link | Own | Always | Computed"
)


@dataclass(frozen=True, slots=True)
class Field:
    """One value and its name on the wire.

    Attributes:
        name: dots lead into nested objects.
        at: where the value lives.
        codec: how it is written there.
        aliases: other names under which requests bring it.
        writable: whether a request changes it; what it brings is otherwise passed over.
        printed: whether answers have it.
        shown: where answers take the value from, when not from where requests put it.
    """

    name: str
    at: Any
    codec: Codec = AS_IT_IS
    aliases: tuple[str, ...] = ()
    writable: bool = True
    printed: bool = True
    shown: Any = None


def _exactly(key: str) -> str:
    return key


def loosely(key: str) -> str:
    """A key without case, underscores and outer blanks: accountNo, AccountNo and account_no are one."""
    return key.strip().replace("_", "").lower()


class Layout:
    """Fields in the order of one answer, made ready to print records (or rows) with.

    Most values are a column, that of the row which bears a slot, or an extra field: they are fetched without a call.

    Attributes:
        others: whether the extra fields of the dialect that no field prints follow at the end.
    """

    def __init__(self, dialect: str, fields: Iterable[Field], *, others: bool = False) -> None:
        self.dialect = dialect
        self.fields = tuple(each for field in fields for each in _spread(field))
        self.others = others
        self._steps = tuple(_step(each) for each in self.fields)

    def encode(self, thing: Any, around: EncodingContext) -> dict[str, Any]:
        """The record (an `Aggregate`) or row as the dialect's object."""
        row = _row_of(thing)
        held = vars(row)
        extra: Mapping[str, Any] | None = None
        bearers: Mapping[tuple[str, str], Any] | None = None
        body: dict[str, Any] = {}
        for outer, name, place, column, read, write, absent in self._steps:
            if read is not None:
                value = read(thing, around)
            elif place is None:
                value = held[column] if column in held else getattr(row, column)
            elif place is _EXTRA:
                if extra is None:
                    extra = row.extra_fields.get(self.dialect, {})
                value = extra.get(column, absent)
            else:
                if bearers is None:
                    bearers = _bearers(thing)
                value = getattr(bearers.get(place), column, None)
            if write is not None:
                value = write(value)
            inner = body
            for key in outer:
                inner = inner.setdefault(key, {})
            inner[name] = value
        if self.others:
            for key, value in row.extra_fields.get(self.dialect, {}).items():
                body.setdefault(key, value)
        return body


class FieldMap:
    """What one dialect calls the values of one kind of record or row.

    Args:
        dialect: under which extra fields are kept and external ids looked up.
        model: Contact, Account, Lead, Phone, Email or Address.
        fields: in the order of the fullest answer.
        key: brings the names of requests and of fields into one form before they are compared.
        unknown: whether keys that no field has are kept among the extra fields; they are passed over otherwise.
    """

    def __init__(
        self,
        dialect: str,
        model: type,
        fields: Sequence[Field],
        *,
        key: Callable[[str], str] = _exactly,
        unknown: bool = True,
    ) -> None:
        self.dialect = dialect
        self.model = model
        self.fields = tuple(fields)
        self.key = key
        self.unknown = unknown
        self._named = {f.name: f for f in self.fields}
        self._nested = {key(f.name.split(".")[0]) for f in self.fields if "." in f.name}
        self._order = {id(f): i for i, f in enumerate(self.fields)}
        self._by_key: dict[str, Field] = {}
        for f in self.fields:
            for name in (f.name, *f.aliases):
                if self._by_key.setdefault(self._path_key(name), f) is not f:
                    raise ValueError(f"{dialect} {model.__name__}: two fields answer to {name}")

    def _path_key(self, name: str) -> str:
        if self.key is _exactly:
            return name
        return ".".join(self.key(part) for part in name.split("."))

    def layout(self, names: Iterable[str] | None = None, *, others: bool = False) -> Layout:
        """The layout of an answer: the named fields in the order given, by default all that are printed.

        Args:
            others: see `Layout`.
        """
        if names is None:
            return Layout(self.dialect, [f for f in self.fields if f.printed], others=others)
        return Layout(self.dialect, [self._named[name] for name in names])

    def field(self, name: str) -> Field | None:
        """The field that a request's key, dots included, names."""
        return self._by_key.get(self._path_key(name))

    def known_names(self, names: Iterable[str], also: Collection[str] = ()) -> set[str]:
        """The fields that these names of a request mean, by their own names; all others are `OTHER_FIELDS`.

        Args:
            also: names that are known beside the fields.
        """
        found = set()
        for name in names:
            known = self.field(name)
            found.add(known.name if known is not None else name if name in also else OTHER_FIELDS)
        return found

    def given(self, body: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any, Field | None]]:
        """(name as the caller wrote it, value, field or None) of everything in a request, in the fields' order."""
        found: list[tuple[str, Any, Field | None]] = []
        for name, value in body.items():
            path = f"{prefix}{name}"
            known = self._by_key.get(self._path_key(path))
            if known is None and isinstance(value, Mapping) and not prefix and self.key(name) in self._nested:
                found += self.given(value, f"{name}.")
            else:
                found.append((path, value, known))
        order, last = self._order, len(self._order)
        found.sort(key=lambda item: order[id(item[2])] if item[2] is not None else last)
        return found


_EXTRA = ("", "")
"""Stands for the extra fields among the rows that bear a slot."""


class _Step(NamedTuple):
    """How one value comes into an answer; settled once, when the layout is made.

    Attributes:
        outer: the names of the objects around it.
        place: (list, slot) of the row that has it, or `_EXTRA`; None of what the record or row has itself.
        column: of it, or the key of the extra field.
        read: fetches what is neither.
        write: brings it into the form of the answer; None where it stays as it is.
        absent: see `ExtraField`.
    """

    outer: tuple[str, ...]
    name: str
    place: tuple[str, str] | None
    column: str
    read: Callable[[Any, EncodingContext], Any] | None
    write: Callable[[Any], Any] | None
    absent: Any = None


def _spread(field: Field) -> Iterable[Field]:
    """The field, or those of an object in its place."""
    if isinstance(field.at, Inner):
        return [replace(each, name=f"{field.name}.{each.name}") for each in field.at.fields]
    return [field]


def _step(field: Field) -> _Step:
    *around, name = field.name.split(".")
    outer, write = tuple(around), None if field.codec.write is _same else field.codec.write
    match field.shown or field.at:
        case Slot(rows, column, slot):
            return _Step(outer, name, (rows, slot), column, None, write)
        case ExtraField(key, absent):
            return _Step(outer, name, _EXTRA, key, None, write, absent)
        case InstrumentedAttribute(key=column) if column not in IDENTITY_DOCUMENTS:
            return _Step(outer, name, None, column, None, write)
        case place:
            return _Step(outer, name, None, "", _reader(place), write)


def _bearers(aggregate: Aggregate) -> dict[tuple[str, str], Any]:
    """{(list, slot): the row that bears it}; see `Slot.row`."""
    found: dict[tuple[str, str], Any] = {}
    for rows in ("phones", "emails", "addresses"):
        for row in getattr(aggregate, rows):
            if row.slot is not None:
                found.setdefault((rows, row.slot), row)
    return found


def _reader(place: Any) -> Callable[[Any, EncodingContext], Any]:
    """What fetches a value that is no column, or one that not everybody is told."""
    match place:
        case Primary() as primary:
            return lambda thing, around: getattr(primary.row(thing), primary.column, None)
        case Whole(columns):
            names = tuple(column.key for column in columns)
            return lambda thing, around: tuple(getattr(_row_of(thing), name) for name in names)
        case Link(actor_by_default=True) as link:
            return lambda thing, around: linked(
                around, link.target, getattr(_row_of(thing), link.column.key) or around.actor.staff_id
            )
        case Link() as link:
            return lambda thing, around: linked(around, link.target, getattr(_row_of(thing), link.column.key))
        case Own(target):
            return lambda thing, around: around.external_id(target, thing.id) or str(thing.id)
        case OfPhoto(columns):
            names = tuple(column.key for column in columns)
            return lambda thing, around: thing.photo and tuple(getattr(thing.photo, name) for name in names)
        case Listed(rows, layout):
            return lambda thing, around: [layout.encode(row, around) for row in getattr(thing, rows)]
        case Always(value):
            return lambda thing, around: value
        case Computed(function):
            return function
    name = place.key
    return lambda thing, around: getattr(thing.record, name) if may_see_identity(around.actor, thing.id) else None


def _row_of(thing: Any) -> Any:
    return thing.record if isinstance(thing, Aggregate) else thing


def linked(around: EncodingContext, target: str, own_id: int | None) -> Linked | None:
    """What a link to this record (party) or staff member is printed from; None for nobody, or nobody to be seen."""
    if own_id is None:
        return None
    thing = (around.staff if target == "staff" else around.records).get(own_id)
    if thing is None:
        return None
    return Linked(own_id, around.external_id(target, own_id) or str(own_id), thing)
