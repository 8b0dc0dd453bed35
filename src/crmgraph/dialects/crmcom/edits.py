"""Decoding: a create or an update as an edit of ours, its fields and its sets with their actions."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Ambiguous, Invalid, Missing, NotFound, Path, Refused, TooLarge
from crmgraph.crm.models import Account, AccountKind, Contact
from crmgraph.crm.policy import IDENTITY_DOCUMENTS, Actor, may_see_identity
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.edits import Row, RowEdits
from crmgraph.crm.records.rules import MAX_ROWS
from crmgraph.crm.values.text import is_blank
from crmgraph.dialects.crmcom.codecs import flag, only_pair, read_id, text
from crmgraph.dialects.crmcom.contact_points import DIALECT, relation_id
from crmgraph.dialects.crmcom.fields import fields_of, split_times
from crmgraph.dialects.crmcom.lookups import IDENTIFIER, Pair, find_each, read_identifier, resolve_ids
from crmgraph.dialects.crmcom.sets import SETS, RowSet
from crmgraph.http import reading
from crmgraph.mapping import Decoded, FieldMap, Unreadable, decode, decode_row

NAMES: dict[type, dict[str, str]] = {
    Contact: {"first_name": "first_name", "last_name": "last_name"},
    Account: {"name": "company_name"},
}
"""What a record of each kind cannot be without: {column: field}."""
PARTS = ("demographics", "company_profile")
ROW_IDENTIFIERS = frozenset({"id", "type"})
_NOT_KEPT = frozenset(
    {IDENTIFIER, "token", "fields_set", "username", "password", "organisation"}
    | {name for each in SETS for name in each.names}
)
"""What is in a request and no value of the record."""


def _refuse(decoded: Decoded, fault: Refused, name: str) -> None:
    """Note a fault of what the request calls `name`."""
    fault.path = (name,)
    decoded.faults.append(fault)


def plain(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body with the blanks around its keys gone, in the record and its parts and sets (`"type "` is sent)."""

    def stripped(value: Any, depth: int) -> Any:
        if depth == 0:
            return value
        if isinstance(value, Mapping):
            return {str(key).strip(): stripped(inner, depth - 1) for key, inner in value.items()}
        if isinstance(value, list):
            return [stripped(inner, depth - 1) for inner in value]
        return value

    found: dict[str, Any] = stripped(body, 4)
    return found


async def decode_request(
    session: AsyncSession, actor: Actor, kind: type, body: Mapping[str, Any], aggregate: Aggregate | None = None
) -> Decoded:
    """The edit that a request asks for, and everything that cannot be read of it, in two statements at most.

    Args:
        kind: Contact or Account.
        body: as `plain` made it.
        aggregate: the record with its sets; None for a new one.
    """
    decoded = decode_record(kind, body, aggregate)
    if kind is Contact and not may_see_identity(actor, aggregate.id if aggregate is not None else 0):
        # They are told as null to this user, and what is sent back as it is told changes nothing.
        hidden = {name for name in IDENTITY_DOCUMENTS if decoded.edit.values.get(name) is None}
        decoded.edit.values = {name: value for name, value in decoded.edit.values.items() if name not in hidden}
    sets = [(each, i, item) for each in SETS for i, item in _items(decoded, each, body)]
    named: dict[str, set[str]] = {}
    pairs: dict[int, Pair] = {}
    for n, (each, i, item) in enumerate(sets):
        if each.target is None and item.get(IDENTIFIER) is not None:
            try:
                pairs[n] = read_identifier(item[IDENTIFIER], f"{each.names[0]}[{i}].{IDENTIFIER}")
            except Refused as refused:
                decoded.faults.append(refused)
        elif each.target is not None and aggregate is not None:
            named.setdefault(each.target, set()).update(_ids(item.get(each.identifier)))
    others = await find_each(session, actor, pairs.values()) if pairs else {}
    known = await resolve_ids(session, {(target, value) for target, values in named.items() for value in values})
    for n, (each, i, item) in enumerate(sets):
        label = f"{each.names[0]}[{i}]"
        more = _other(pairs[n], others[pairs[n]]) if n in pairs else {"given": {}} if item.get(IDENTIFIER) else {}
        _decode_row(decoded, each, item, label, more, aggregate, known)
    return decoded


def decode_record(kind: type, body: Mapping[str, Any], aggregate: Aggregate | None) -> Decoded:
    """The fields of the record itself, without its sets.

    Args:
        kind: Contact or Account.
    """
    creating = aggregate is None
    fields = fields_of(kind)
    values = {name: value for name, value in body.items() if name not in _NOT_KEPT}
    unreadable: list[Refused] = []
    for part in PARTS:
        if part not in values or isinstance(values[part], Mapping):
            continue
        if values.pop(part) is not None:
            unreadable.append(Invalid((part,), "type"))
        else:  # null clears all that is in it
            values[part] = {f.name.partition(".")[2]: None for f in fields.fields if f.name.startswith(f"{part}.")}
    decoded = decode(fields, values, aggregate)
    decoded.faults[:0] = unreadable
    decoded.names["extra_fields", DIALECT] = "User defined fields"
    split_times(decoded.edit.values, decoded.edit.extra_fields, aggregate)
    for column, name in NAMES[kind].items():
        value = decoded.edit.values.get(column)
        missing = creating if column not in decoded.edit.values else value is None or is_blank(str(value))
        if missing and (column,) not in {fault.path for fault in decoded.faults}:
            _refuse(decoded, Missing(), name)
    if kind is Account and creating:
        decoded.edit.values.setdefault("kind", AccountKind.BUSINESS)
    return decoded


def _items(decoded: Decoded, each: RowSet, body: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of one set; a form has it as the text of a list."""
    name = next((name for name in each.names if body.get(name) is not None), each.names[0])
    value = body.get(name)
    if isinstance(value, str) and not is_blank(value):
        try:
            value = reading.json(value.encode("utf-8", "replace"))
        except reading.Malformed:
            decoded.faults.append(Invalid((name,), "form"))
            return
    if value in (None, ""):
        return
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, list):
        decoded.faults.append(Invalid((name,), "type"))
        return
    if len(value) > MAX_ROWS:
        decoded.faults.append(TooLarge((name,), MAX_ROWS))
        return
    for i, item in enumerate(value):
        if isinstance(item, Mapping):
            yield i, dict(item)
        else:
            decoded.faults.append(Invalid((f"{name}[{i}]",), "type"))


def _ids(identifier: Any) -> set[str]:
    try:
        name, given = only_pair(identifier, ROW_IDENTIFIERS)
    except Unreadable:
        return set()
    return {given.strip()} if name == "id" else set()


def _other(pair: Pair, found: list[Any]) -> Row:
    """The columns by which a relation names the other one: nobody, or one of many, stays as it was given."""
    name, given = pair
    return {"given": {name: given}, "other_id": found[0][1] if len(found) == 1 else None}


def _decode_row(
    decoded: Decoded,
    each: RowSet,
    item: dict[str, Any],
    label: str,
    more: Row,
    aggregate: Aggregate | None,
    known: Mapping[tuple[str, str], int],
) -> None:
    action = _action(decoded, item.pop("action", None), label, creating=aggregate is None)
    identifier = item.pop(each.identifier, None)
    item.pop(IDENTIFIER, None)
    edits: RowEdits = getattr(decoded.edit, each.rows)
    if action is None:
        return
    row_id = 0
    if action != "ADD" and aggregate is not None:
        found = _row_of(decoded, each, identifier, f"{label}.{each.identifier}", aggregate, known)
        if found is None:
            return
        row_id = found
    if action == "REMOVE":
        decoded.names[each.rows, "remove", len(edits.remove)] = label
        edits.remove.append(row_id)
        return
    decode_item(decoded, each, item, label, row_id or None, more)


def decode_item(
    decoded: Decoded, each: RowSet, item: dict[str, Any], label: str, row_id: int | None, more: Row | None = None
) -> None:
    """A row of one set: what it says of the row of this id, or of a new one.

    Args:
        label: what the request calls it.
        more: columns that were read before.
    """
    edits: RowEdits = getattr(decoded.edit, each.rows)
    is_new = row_id is None
    path: Path = (each.rows, "add", len(edits.add)) if is_new else (each.rows, "update", len(edits.update))
    primary = _primary(decoded, item, label)
    row, of_row = decode_row(each.fields, item, path)
    row |= (more or {}) | primary
    decoded.faults += of_row.faults
    decoded.names |= {where: f"{label}.{name}" for where, name in of_row.names.items()} | {path: label}
    if each.target is None:
        for place in (("given",), ("extra_fields", "given"), ("other_id",)):
            decoded.names[(*path, *place)] = f"{label}.{IDENTIFIER}"
    unread = {fault.path for fault in of_row.faults}
    for name, column in each.required.items():
        value = row.get(column)
        blank = value is None or (isinstance(value, str) and is_blank(value))
        if (*path, column) not in unread and blank and (is_new or column in row):
            _refuse(decoded, Missing(), f"{label}.{name}")
    if row_id is None:
        edits.add.append(row)
    else:
        edits.update.append((row_id, row))


def _action(decoded: Decoded, given: Any, label: str, *, creating: bool) -> str | None:
    """ADD, UPDATE or REMOVE; a new record's rows are all added, and need not say so."""
    action = given.strip().upper() if isinstance(given, str) else given
    if action in (None, "") and creating:
        return "ADD"
    if action in (None, ""):
        _refuse(decoded, Missing(), f"{label}.action")
    elif action not in (("ADD",) if creating else ("ADD", "UPDATE", "REMOVE")):
        _refuse(decoded, Invalid((), "choice"), f"{label}.action")
    else:
        return str(action)
    return None


def _primary(decoded: Decoded, item: dict[str, Any], label: str) -> Row:
    try:
        return {"primary": True} if flag(item.pop("is_primary", None)) else {}
    except Unreadable as unreadable:
        _refuse(decoded, Invalid((), unreadable.reason), f"{label}.is_primary")
        return {}


def _row_of(
    decoded: Decoded,
    each: RowSet,
    identifier: Any,
    label: str,
    aggregate: Aggregate,
    known: Mapping[tuple[str, str], int],
) -> int | None:
    """The row that an identifier names: by its id, or as the one of its type, an active one before the others."""
    if identifier in (None, ""):
        _refuse(decoded, Missing(), label)
        return None
    try:
        name, given = only_pair(identifier, ROW_IDENTIFIERS)
        kind = None if name == "id" else _kind(each.fields, given)
    except Unreadable as unreadable:
        _refuse(decoded, Invalid((), unreadable.reason), label)
        return None
    rows = getattr(aggregate, each.rows)
    if name == "id":
        wanted = given.strip()
        own = known.get((each.target, wanted)) if each.target else None
        own = own or read_id(wanted)
        same = [row for row in rows if each.target is None and relation_id(row).upper() == wanted.upper()]
        rows = [row for row in rows if row.id == own] or same
    else:
        rows = [row for row in rows if row.kind == kind]
        rows = [row for row in rows if row.active] or rows
    if len(rows) == 1:
        found: int = rows[0].id
        return found
    _refuse(decoded, Ambiguous() if rows else NotFound(), label)
    return None


def _kind(fields: FieldMap, given: str) -> Any:
    found = fields.field("type")
    return found.codec.read(given) if found is not None else text(given)
