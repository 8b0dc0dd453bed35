"""Every place in which a record keeps a value, and the word that each vocabulary has for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sqlalchemy.orm import InstrumentedAttribute, class_mapper
from strawberry.utils.str_converters import to_camel_case

from crmgraph.crm.models import Account, AddressKind, Contact, Door, PartyKind, PhoneKind, Role
from crmgraph.crm.models.columns import Named, Preferences
from crmgraph.crm.policy import MODELS, Actor, check_change
from crmgraph.crm.records.aggregates import ROWS
from crmgraph.crm.records.slots import FIRST, SECOND
from crmgraph.dialects.crmcom.sets import SETS
from crmgraph.graph.schema import declarations
from crmgraph.graph.schema.inputs import records as inputs
from crmgraph.graph.schema.inputs.edits import VALUE
from crmgraph.graph.schema.types import contact_points as row_types
from crmgraph.graph.schema.types.account import Account as AccountType
from crmgraph.graph.schema.types.contact import Contact as ContactType
from crmgraph.graph.schema.types.lead import Lead as LeadType
from crmgraph.graph.schema.vocabulary import PARTS
from crmgraph.mapping import Codec, Computed, ExtraField, Field, FieldMap, Link, Primary, Slot, Whole
from crmgraph.registry import DIALECTS

DOORS = ("graphql", *(dialect.name for dialect in DIALECTS))
"""The vocabularies, in the order of every table."""

_INTERNAL = frozenset(
    {
        "id",
        "party_id",
        "rank",
        "slot",
        "revision",
        "extra_fields",
        "deleted_at",
        "e164",
        "digits",
        "extension",
        "valid",
        "verified",
        "country_name",
    }
)
_TYPES: dict[PartyKind, tuple[Any, Any]] = {
    PartyKind.CONTACT: (ContactType, inputs.UpdateContactInput),
    PartyKind.ACCOUNT: (AccountType, inputs.UpdateAccountInput),
    PartyKind.LEAD: (LeadType, inputs.UpdateLeadInput),
}
_ROW_TYPES: dict[str, Any] = {
    "phones": row_types.Phone,
    "emails": row_types.Email,
    "addresses": row_types.Address,
}
_RANKS = {FIRST: "first", SECOND: "second"}
EVERY, FURTHER = "every", "further"
_SLOTS = ("", *_RANKS.values(), *PhoneKind, AddressKind.BILLING, AddressKind.SHIPPING, EVERY, FURTHER)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value lives.

    Attributes:
        column: of the record, or of the row.
        rows: phones, emails or addresses; "" for a column of the record itself.
        slot: which of the rows: that in the slot of a kind (MOBILE), in the first or the second one, every one of them
            (what a column that flat dialects do not know holds), or those further ones that no flat dialect shows.
    """

    column: str
    rows: str = ""
    slot: str = ""

    def __str__(self) -> str:
        row = f"{self.rows}[{self.slot}]" if self.rows else ""
        return ".".join(part for part in (row, self.column) if part)


@dataclass(frozen=True, slots=True)
class Word:
    """What one vocabulary calls a place.

    Attributes:
        read: whether answers have it.
        written: whether requests may change it.
        codec: how the value stands on the wire; None in the graph, whose values are ours.
        whole: the columns that stand in one value with this one, in the codec's order.
    """

    name: str
    read: bool
    written: bool
    codec: Codec | None = None
    whole: tuple[str, ...] = ()


@cache
def tables() -> dict[str, dict[PartyKind, FieldMap]]:
    """{dialect: {kind of record: its fields}}, of the kinds that the dialect has."""
    return {dialect.name: dict(dialect.implementation.tables()) for dialect in DIALECTS}


def kept_alone(dialect: str, kind: PartyKind) -> list[str]:
    """The fields that no other vocabulary knows, which are kept for this dialect as they came."""
    fields = tables()[dialect].get(kind)
    kept = [f for f in fields.fields if isinstance(f.at, ExtraField) and f.printed] if fields is not None else []
    # The first name of those that one value has.
    return list({f.at.key: f.name for f in reversed(kept)}.values())[::-1]


@cache
def places(kind: PartyKind) -> dict[Place, dict[str, Word]]:
    """{place: {door: its word}} for every value of a kind of record, in the order of the tables."""
    found: dict[Place, dict[str, Word]] = {Place(column): {} for column in _columns(MODELS[kind])}
    for dialect, kinds in tables().items():
        if kind in kinds:
            for place, word in _words(dialect, kind, kinds[kind]):
                words = found.setdefault(place, {})
                words[dialect] = _both(words[dialect], word) if dialect in words else word
    for rows, row_type in _ROW_TYPES.items():
        in_slots = {place.column for place in found if place.rows == rows}
        for column in declarations.declared(row_type):
            if column in _columns(ROWS[rows]) and column not in in_slots:
                found[Place(column, rows, EVERY)] = {}
        found[Place("", rows, FURTHER)] = {}
    for place, words in found.items():
        row = _crmcom_row(place) if place.rows and kind is not PartyKind.LEAD else None
        graph = _graph_row(place) if place.rows else _graph(kind, place.column)
        words |= {door: word for door, word in (("crmcom", row), ("graphql", graph)) if word is not None}
    order = _order(kind)
    return {place: found[place] for place in sorted(found, key=order) if found[place]}


def _columns(model: Any) -> list[str]:
    names = [prop.key for prop in class_mapper(model).column_attrs]
    return [name for name in names if name not in _INTERNAL and not name.endswith("_key")]


def _order(kind: PartyKind) -> Callable[[Place], tuple[int, ...]]:
    """Names first, then what the kind has for itself, then what all have; rows after columns, slot by slot."""
    model: Any = MODELS[kind]
    own = [*Named.__annotations__, *model.__annotations__, *Preferences.__annotations__]
    columns = [*own, *(name for name in _columns(model) if name not in own)]
    inner = {rows: ["", *_columns(ROWS[rows])] for rows in _ROW_TYPES}
    lists = ["", *_ROW_TYPES]

    def key(place: Place) -> tuple[int, ...]:
        names = inner[place.rows] if place.rows else columns
        return lists.index(place.rows), _SLOTS.index(place.slot), names.index(place.column)

    return key


def _both(old: Word, new: Word) -> Word:
    """Of two fields over one place the one that is written; or both, where one is read and the other written."""
    if old.written:
        return old
    if new.written and not new.read:
        return replace(new, name=f"{old.name} / {new.name}", read=True)
    return new


def _words(dialect: str, kind: PartyKind, fields: FieldMap) -> Iterator[tuple[Place, Word]]:
    for f in fields.fields:
        word = Word(f.name, f.printed, f.writable, f.codec)
        match f.at:
            case Slot(rows, column, slot):
                # A country is one value, whether its name or its code is told.
                yield Place("country" if column == "country_name" else column, rows, _RANKS.get(slot, slot)), word
            case Primary(rows, column):
                yield Place(column, rows, _RANKS[FIRST]), word
            case Whole(columns):
                keys = tuple(column.key for column in columns)
                for key in keys:
                    yield Place(key), _allowed(replace(word, whole=keys), dialect, kind, key)
            case Link(column):
                yield Place(column.key), _allowed(word, dialect, kind, column.key)
            case Computed(_, source):
                yield from _computed(kind, f, source)
            case InstrumentedAttribute() as column:
                yield Place(column.key), _allowed(word, dialect, kind, column.key)


def _computed(kind: PartyKind, f: Field, source: str) -> Iterator[tuple[Place, Word]]:
    """A value that is told of one column alone, under a name of its own."""
    if source in _columns(MODELS[kind]) and f.name not in ("name", "contacts", "customerReference", "$converted"):
        yield Place(source), Word(f.name, f.printed, False)


def _allowed(word: Word, dialect: str, kind: PartyKind, column: str) -> Word:
    """The word as those who speak the dialect may use it: Covalense is spoken by customers."""
    if dialect != "covalense" or not word.written:
        return word
    customer = Actor(Door.COVALENSE, Role.CUSTOMER, contact_id=1, account_id=1)
    record = Contact(id=1) if kind is PartyKind.CONTACT else Account(id=1, primary_contact_id=1)
    return replace(word, written=not check_change(customer, record, {column: None}))


def _crmcom_row(place: Place) -> Word | None:
    each = next(each for each in SETS if each.rows == place.rows)
    name = f"{each.names[-1]}[{_index(place)}]"
    if place.slot == FURTHER:
        return Word(name, True, True)
    for f in each.fields.fields:
        if getattr(f.at, "key", None) == place.column:
            return Word(f"{name}.{f.name}", f.printed, f.writable, f.codec)
    return None


def _graph_row(place: Place) -> Word | None:
    name = f"{place.rows}[{_index(place)}]"
    if place.slot == FURTHER:
        return Word(name, True, True)
    if place.column not in declarations.declared(_ROW_TYPES[place.rows]):
        return None
    return Word(f"{name}.{to_camel_case(place.column)}", True, True)


def _index(place: Place) -> str:
    """How a row is picked out of its list."""
    if place.slot in (EVERY, FURTHER):
        return "*" if place.slot == EVERY else "n"
    ranks = list(_RANKS.values())
    return str(ranks.index(place.slot)) if place.slot in ranks else place.slot


def _graph(kind: PartyKind, column: str) -> Word | None:
    type_, input_ = _TYPES[kind]
    settable = {f.python_name for f in input_.__strawberry_definition__.fields if f.metadata.get(VALUE)}
    for name, declaration in declarations.declared(type_).items():
        match declaration:
            case declarations.Column() if name == column:
                return Word(to_camel_case(name), True, name in settable)
            case declarations.ToOne(foreign_key) if foreign_key == column:
                return Word(to_camel_case(name), True, name in settable)
            case declarations.Part() if column in PARTS.get(name, {}).values():
                inner = next(key for key, value in PARTS[name].items() if value == column)
                return Word(f"{to_camel_case(name)}.{to_camel_case(inner)}", True, name in settable)
    return None
