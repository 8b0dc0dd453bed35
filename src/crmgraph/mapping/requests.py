"""Decoding: a request in a dialect's words becomes an edit in ours."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from crmgraph.crm.errors import Invalid, Path, Refused
from crmgraph.crm.policy import IDENTITY_DOCUMENTS
from crmgraph.crm.records import external_ids
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.contact_points import PLACE
from crmgraph.crm.records.edits import Edit, Row, RowEdits
from crmgraph.crm.records.lookup import minted
from crmgraph.crm.values.text import is_blank
from crmgraph.mapping.table import ExtraField, Field, FieldMap, Link, Named, Slot, Unreadable, Whole


@dataclass(slots=True)
class Decoded:
    """A request in our words.

    Attributes:
        edit: what it changes.
        faults: what could not be read of it.
        names: {core path: the name in the request}.
    """

    edit: Edit = field(default_factory=Edit)
    faults: list[Refused] = field(default_factory=list)
    names: dict[Path, str] = field(default_factory=dict)

    def name_of(self, path: Path) -> str | None:
        """The caller's word for the refused field; None when the fault is about the whole."""
        for end in range(len(path), 0, -1):
            if (name := self.names.get(tuple(path[:end]))) is not None:
                return name
        return None


Resolved: TypeAlias = Mapping[Any, int]
"""{(space, external id): our id}, and {(column, what it is called there): our id}."""


def links(fields: FieldMap, body: Mapping[str, Any]) -> set[tuple[str, str]]:
    """The external ids that a request names, to be resolved before it is decoded."""
    return {(link.space, given) for link, given in _linked(fields, body) if isinstance(given, str)}


def references(fields: FieldMap, body: Mapping[str, Any]) -> set[tuple[str, str | Named]]:
    """Whatever a request names, to be resolved before it is decoded: (space, external id), and (column, what it is
    called there) of the links that it has no id for."""
    return {
        (link.space, given) if isinstance(given, str) else (link.column.key, given)
        for link, given in _linked(fields, body)
    }


def _linked(fields: FieldMap, body: Mapping[str, Any]) -> Iterator[tuple[Link, str | Named]]:
    for _, value, known in fields.given(body):
        if known is not None and known.writable and isinstance(known.at, Link):
            try:
                given = known.codec.read(value)
            except Unreadable:
                continue
            if given is not None:
                yield known.at, given


async def decode_all(
    session: AsyncSession, fields: FieldMap, requests: Sequence[tuple[Mapping[str, Any], Aggregate | None]]
) -> list[Decoded]:
    """Every request, with its record as it is now (None for a new one), decoded at the cost of one statement."""
    wanted: set[tuple[str, str]] = set()
    for body, _ in requests:
        wanted |= links(fields, body)
    resolved = await external_ids.resolve(session, fields.dialect, wanted)
    return [decode(fields, body, aggregate, resolved) for body, aggregate in requests]


def decode(
    fields: FieldMap, body: Mapping[str, Any], aggregate: Aggregate | None = None, resolved: Resolved | None = None
) -> Decoded:
    """A flat request as an edit of `aggregate` (None: of a new record).

    What is sent back as it is told changes nothing, even where less is told than is kept: clients return what they
    have read.

    Args:
        resolved: our ids of the external ids in the request, see `links`.
    """
    decoded = Decoded()
    slots: dict[tuple[str, str], tuple[Slot, dict[str, tuple[str, Any]]]] = {}
    for name, value, known in fields.given(body):
        if known is None:
            if fields.unknown:
                _keep(decoded, fields.dialect, name, value, name)
            continue
        if not known.writable or (aggregate is not None and _is_told(fields.dialect, known, value, aggregate)):
            continue
        try:
            read = known.codec.read(value)
        except Unreadable as unreadable:
            path = _path_of(known.at)
            decoded.names[path] = name
            decoded.faults.append(Invalid(path, unreadable.reason))
            continue
        match known.at:
            case Slot() as slot:
                slots.setdefault((slot.rows, slot.slot), (slot, {}))[1][slot.column] = (name, read)
            case ExtraField(key):
                _keep(decoded, fields.dialect, key, read, name)
            case Whole(columns):
                for column, part in zip(columns, read if read is not None else [None] * len(columns), strict=True):
                    _set(decoded, column.key, part, name)
            case Link() as link:
                _set(decoded, link.column.key, _own_id(decoded, link, read, resolved or {}, name), name)
            case column:
                _set(decoded, column.key, read, name)
    for slot, values in slots.values():
        _write_slot(decoded, aggregate, slot, values)
    return decoded


def _is_told(dialect: str, known: Field, value: Any, aggregate: Aggregate) -> bool:
    """Whether the record has the field told with this very value."""
    record: Any = aggregate.record
    match known.at:
        case ExtraField(key):
            kept = record.extra_fields.get(dialect, {}).get(key)
        case Whole(columns):
            kept = tuple(getattr(record, column.key) for column in columns)
        case InstrumentedAttribute() as column:
            if column.key in IDENTITY_DOCUMENTS:
                return False  # not everybody is told it, and who is not must not learn by this that a guess was right
            kept = getattr(record, column.key)
        case _:
            return False
    if known.shown is not None:
        return False
    told = known.codec.write(kept)
    return bool(told == value) and isinstance(told, bool) == isinstance(value, bool)


def decode_row(fields: FieldMap, body: Mapping[str, Any], path: Path) -> tuple[Row, Decoded]:
    """One object as the columns of a row, in a dialect where rows are objects.

    Args:
        path: where the row will stand in the edit, e.g. ("phones", "add", 0).

    Returns:
        The columns, and the faults and names that came up; the edit in it stays empty.
    """
    decoded = decode(fields, body)
    row: Row = dict(decoded.edit.values)
    if decoded.edit.extra_fields:
        row["extra_fields"] = decoded.edit.extra_fields
    for fault in decoded.faults:
        fault.path = (*path, *fault.path)
    decoded.names = {(*path, *key): name for key, name in decoded.names.items()}
    decoded.edit = Edit()
    return row, decoded


def _set(decoded: Decoded, column: str, value: Any, name: str) -> None:
    decoded.edit.values[column] = value
    decoded.names[(column,)] = name


def _keep(decoded: Decoded, dialect: str, key: str, value: Any, name: str) -> None:
    decoded.edit.extra_fields.setdefault(dialect, {})[key] = value
    decoded.names["extra_fields", dialect, key] = name


def _path_of(place: Any) -> Path:
    match place:
        case Slot() as slot:
            return (slot.rows, slot.slot, slot.column)
        case ExtraField(key):
            return ("extra_fields", key)
        case Whole(columns):
            return (columns[0].key,)
        case Link() as link:
            return (link.column.key,)
    return (place.key,)


def _own_id(decoded: Decoded, link: Link, named: str | Named | None, resolved: Resolved, name: str) -> int | None:
    if named is None:
        return None
    key = (link.column.key, named) if isinstance(named, Named) else (link.space, named)
    if (found := resolved.get(key)) is not None:
        return found
    if isinstance(named, str) and (own := minted(named)) is not None:
        return own
    decoded.names[(link.column.key,)] = name
    decoded.faults.append(Invalid((link.column.key,), "reference"))
    return None


_CONTENT = {
    "phones": ("raw",),
    "emails": ("address",),
    "addresses": (*PLACE, "country", "country_name"),
}
"""The columns without any of which a row says nothing, and is taken away."""

_DERIVED = {"country": "country_name", "country_name": "country"}
"""Columns that follow when the other one is written."""


def _write_slot(
    decoded: Decoded,
    aggregate: Aggregate | None,
    slot: Slot,
    values: dict[str, tuple[str, Any]],
) -> None:
    columns: Row = {column: value for column, (_, value) in values.items()}
    if "country_name" in columns and "country" not in columns and is_blank(columns["country_name"] or ""):
        columns["country"] = None  # the name is all that this dialect knows of a country: without it there is none
    edits: RowEdits = getattr(decoded.edit, slot.rows)
    row = slot.row(aggregate) if aggregate is not None else None
    content = _CONTENT[slot.rows]
    left = [columns[c] if c in columns else getattr(row, c, None) for c in content if _DERIVED.get(c) not in columns]
    empty = all(value is None or (isinstance(value, str) and is_blank(value)) for value in left)
    if row is None:
        if empty:
            return
        start: Row = {"kind": slot.kind or slot.slot, "slot": slot.slot}
        path: Path = (slot.rows, "add", len(edits.add))
        edits.add.append(start | columns)
    elif empty:
        edits.remove.append(row.id)
        return
    else:
        path = (slot.rows, "update", len(edits.update))
        edits.update.append((row.id, columns))
    for column, (name, _) in values.items():
        decoded.names[(*path, column)] = name
        decoded.names.setdefault(path, name)
