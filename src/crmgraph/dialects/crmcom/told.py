"""Answers of CRM.COM as edits: what `show` and the like tell of a record, read by the table that prints it."""

from collections.abc import Iterable, Mapping
from typing import Any

from crmgraph.crm.models import Account, Contact, PartyKind
from crmgraph.crm.policy import MODELS
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.dialects.crmcom.codecs import LANGUAGES, read_id
from crmgraph.dialects.crmcom.contact_points import DIALECT
from crmgraph.dialects.crmcom.edits import PARTS, decode_item, decode_record
from crmgraph.dialects.crmcom.sets import SETS, RowSet
from crmgraph.mapping import Decoded, Resolved, Unreadable

_OWN_PART = {Contact: "demographics", Account: "company_profile"}
_UNITS = ("created_by_unit", "updated_by_unit")
_LANGUAGE = "preferred_language"
"""An answer may tell others than the documented ones, which requests may name: as they stand."""
_HIDDEN = frozenset(
    {
        "passport_number",
        "passport_issued_by_country",
        "social_security_number",
        "id_number",
        "id_issued_by_country",
    }
)
"""What is null for users who may not see it: that tells nothing."""


def names(body: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """The rows that an answer has, (space, id)."""
    for each, item in _rows(body):
        if isinstance(given := item.get("id"), str):
            yield each.target or "", given


def _rows(body: Mapping[str, Any]) -> Iterable[tuple[RowSet, dict[str, Any]]]:
    """The items of the sets that an answer names. Relations are not read: whom they name is told in brief alone."""
    for each in SETS:
        if each.target is None:
            continue
        for name in each.names:
            items = body.get(name)
            for item in items if isinstance(items, list) else ():
                if isinstance(item, dict):
                    yield each, item


def decode(kind: PartyKind, body: Mapping[str, Any], aggregate: Aggregate | None, resolved: Resolved) -> Decoded:
    """What an answer tells as an edit. A key that it does not have changes nothing; a set that it has is all of it."""
    model = MODELS[kind]
    other = [part for part in PARTS if part != _OWN_PART[model]]
    values = {name: value for name, value in body.items() if name not in other}
    own = values.get(_OWN_PART[model])
    if isinstance(own, Mapping):
        values[_OWN_PART[model]] = {
            name: value for name, value in own.items() if value is not None or name not in _HIDDEN
        }
    elif own is None:
        values.pop(_OWN_PART[model], None)
    language = values.get(_LANGUAGE)
    as_it_stands = isinstance(language, str) and language.strip().upper() not in LANGUAGES
    if as_it_stands:
        del values[_LANGUAGE]
    decoded = decode_record(model, values, aggregate)
    if as_it_stands:
        decoded.edit.values["language"] = language or None
    log = body.get("log_information")
    for name in _UNITS if isinstance(log, Mapping) else ():
        if isinstance(unit := (log or {}).get(name), dict):
            decoded.edit.extra_fields.setdefault(DIALECT, {})[name] = unit
    for each in SETS:
        if each.target is not None and any(name in body for name in each.names):
            _decode_set(decoded, each, [item for of, item in _rows(body) if of is each], aggregate, resolved)
    return decoded


def _decode_set(
    decoded: Decoded, each: RowSet, items: list[dict[str, Any]], aggregate: Aggregate | None, resolved: Resolved
) -> None:
    rows = [] if aggregate is None else list(getattr(aggregate, each.rows))
    edits = getattr(decoded.edit, each.rows)
    for i, item in enumerate(items):
        row = _row_of(each, item, rows, resolved)
        if row is not None:
            rows.remove(row)
        written = {name: value for name, value in item.items() if name not in ("id", "state")}
        decode_item(decoded, each, written, f"{each.names[0]}[{i}]", None if row is None else row.id)
    edits.remove += [row.id for row in rows]


def _row_of(each: RowSet, item: Mapping[str, Any], rows: list[Any], resolved: Resolved) -> Any:
    """The row that an item is: the one of its id, else one that says the same."""
    given = item.get("id")
    own = resolved.get((each.target, given)) if isinstance(given, str) else None
    if own is None and isinstance(given, str):
        own = read_id(given)
    for row in rows:
        if row.id == own:
            return row
    main, column = next((name, each.required[name]) for name in list(each.required)[1:])
    field = each.fields.field("type")
    try:
        kind = field.codec.read(item.get("type")) if field is not None else None
    except Unreadable:
        return None
    value = item.get(main, item.get("email"))
    return next((row for row in rows if row.kind == kind and getattr(row, column) == value), None)


def row_ids(body: Mapping[str, Any], aggregate: Aggregate, resolved: Resolved) -> Iterable[tuple[str, str, str, int]]:
    """(target, space, id there, id here) of the rows of a record whose ids there are not known yet."""
    for each in SETS:
        rows = list(getattr(aggregate, each.rows)) if each.target is not None else []
        for item in (item for of, item in _rows(body) if of is each):
            row = _row_of(each, item, rows, resolved)
            if row is None or each.target is None:
                continue
            rows.remove(row)
            if isinstance(given := item.get("id"), str) and (each.target, given) not in resolved:
                yield each.target, each.target, given, row.id
