"""What a record of a file wants of the store, as an edit of the core."""

import datetime as dt
import hashlib
import itertools
import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any

import orjson

from crmgraph.crm.errors import Refused
from crmgraph.crm.models import (
    AccountKind,
    Address,
    AddressKind,
    Approval,
    Email,
    EmailKind,
    PartyKind,
    Phone,
    PhoneKind,
)
from crmgraph.crm.models.columns import Preferences
from crmgraph.crm.policy import IDENTITY_DOCUMENTS
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.contact_points import new_row, region_of
from crmgraph.crm.records.edits import Edit, ExternalIdValue, RowEdits
from crmgraph.crm.records.external_ids import CONTENT, DIALECTS, kept_as
from crmgraph.crm.records.lead_values import IDENTITIES
from crmgraph.imports.fields import OPT_OUTS
from crmgraph.imports.records import External, Record, Ref, StaffRef, Warned

REFERENCES = {
    "owner": "owner_id",
    "account": "account_id",
    "reportsTo": "reports_to_id",
    "parent": "parent_id",
    "primaryContact": "primary_contact_id",
    "convertedContact": "converted_contact_id",
    "convertedAccount": "converted_account_id",
}
"""{input field: column}."""
CONVERTED = ("converted_contact_id", "converted_account_id")
"""What a lead has become."""
_UNCHECKED = frozenset(REFERENCES.values()) - {"owner_id"} | {"number"}
"""What a deleted record has as it stands: others may have it, or be deleted themselves."""
_PARTS = {
    "birthDate": {"day": "birth_day", "month": "birth_month", "year": "birth_year"},
    **{
        field: {re.sub("_(.)", lambda m: m[1].upper(), name): name for name in names}
        for field, names in (("identityDocuments", IDENTITY_DOCUMENTS), ("preferences", Preferences.__annotations__))
    },
}
_ROWS: dict[str, Any] = {"phones": Phone, "emails": Email, "addresses": Address}
_KINDS: dict[str, Any] = {"phones": PhoneKind, "emails": EmailKind, "addresses": AddressKind}
_READ: dict[str, Callable[[Any], Any]] = {
    "annualRevenue": Decimal,
    "establishedOn": dt.date.fromisoformat,
    "kind": AccountKind,
    "approval": Approval,
}
"""{input field: what makes the value of its text}."""
_REQUIRED = {PartyKind.CONTACT: "last_name", PartyKind.ACCOUNT: "name", PartyKind.LEAD: "last_name"}


def external_id(external: External) -> ExternalIdValue:
    """Under which name an id of the source is kept: a dialect's as that dialect prints it, any other as it came."""
    system = external.system.lower()
    if system not in DIALECTS:
        return ExternalIdValue(system, external.space or "record", external.value)
    return kept_as(system, "record", external.value)


def known_by(record: Record) -> ExternalIdValue | None:
    """By what a record is known again: the id of its source, else what the file says of it, all of it.

    None for one that others imply by its name: it is known by that.
    """
    if record.external is not None:
        return external_id(record.external)
    if record.implied:
        return None
    return ExternalIdValue(CONTENT, record.kind.lower(), digest_of(record))


def further_ids(record: Record) -> list[ExternalIdValue]:
    """The ids of other systems that the source knows."""
    return [ExternalIdValue(each.system.lower(), each.space, each.value) for each in record.also]


def digest_of(record: Record) -> str:
    """What stands for all that a file says of a record."""
    photo = None if record.photo is None else hashlib.blake2b(record.photo.data, digest_size=16).hexdigest()
    around = [record.kept_by, [(each.system, each.space, each.value) for each in record.also]]
    said: list[Any] = [record.input, record.kept, around, [(note.title, note.content) for note in record.notes], photo]
    if record.cleared:
        said.append(record.cleared)
    if record.converted_at is not None or record.deleted_at is not None:
        said.append([record.converted_at, record.deleted_at])
    if record.relations:
        said.append([(each.kind, each.given, each.external) for each in record.relations])
    text = orjson.dumps(said, default=str, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def new_edit(record: Record, resolve: Callable[[Any], int | None]) -> Edit:
    """The edit that makes a record.

    Args:
        resolve: the id of what a `Ref`, `StoredRef` or `StaffRef` names; None for what is not known (yet).
    """
    edit = Edit(_values(record, resolve), extra_fields=_kept(record))
    for name in _ROWS:
        if rows := record.input.get(name):
            setattr(edit, name, RowEdits(add=[_row(name, row) for row in rows["add"]]))
    if (known := known_by(record)) is not None:
        edit.external_ids.add.append(known)
    edit.external_ids.add += further_ids(record)
    edit.notes = [_note(note, resolve) for note in record.notes]
    return edit


def change_edit(
    record: Record,
    aggregate: Aggregate,
    resolve: Callable[[Any], int | None],
    *,
    importer: StaffRef | None,
    region: str | None,
    told: frozenset[str],
    opts_in: bool = False,
) -> Edit:
    """The edit that brings a record of the store up to what the file says. What the file does not say stays.

    Telephone numbers, emails and addresses that the record has already are not added again, and none goes. Somebody who
    has opted out stays so. A number stays, and so does the owner where the file names nobody who is known.

    Args:
        importer: who owns what belongs to nobody who is known.
        told: the texts of the notes that the record has.
        opts_in: whether the file may withdraw an opt-out, as its source has it by now.
    """
    edit = new_edit(record, resolve)
    edit.values.pop("number", None)
    if importer is not None and record.input.get("owner") == importer:
        edit.values.pop("owner_id", None)
    if not opts_in:
        _keep_opt_outs(aggregate.record, edit)
    for column in itertools.chain.from_iterable(map(_columns_of, record.cleared)):
        edit.values.setdefault(column, None)
    edit.notes = [note for note in edit.notes if note["content"] not in told]
    region = region_of(aggregate.addresses) or region
    for name in _ROWS:
        rows: RowEdits = getattr(edit, name)
        of = IDENTITIES[name]
        seen = {of(row) for row in getattr(aggregate, name)}
        rows.add = [row for row in rows.add if _is_new(of(_derived(name, row, region)), seen)]
    return edit


def _keep_opt_outs(record: Any, edit: Edit) -> None:
    """Let an edit withdraw no opt-out: a file may be older than the wish."""
    for column in map(snake, OPT_OUTS):
        if edit.values.get(column) is False:
            del edit.values[column]
    if edit.values.get("direct_marketing") is True and getattr(record, "direct_marketing", None) is False:
        del edit.values["direct_marketing"]


def _columns_of(name: str) -> tuple[str, ...]:
    """The columns in which a value of the input is kept."""
    return tuple(_PARTS[name].values()) if name in _PARTS else (REFERENCES.get(name) or snake(name),)


def _is_new(identity: Any, seen: set[Any]) -> bool:
    if identity in seen:
        return False
    seen.add(identity)
    return True


def _derived(name: str, values: dict[str, Any], region: str | None) -> Any:
    """A row as it would be stored."""
    return new_row(_ROWS[name], values, {"region": region})


def take_state(record: Record, edit: Edit) -> dict[str, Any]:
    """Take out of the edit of a new record what only processes do, and was done elsewhere: nothing of it is checked."""
    state = {name: edit.values.pop(name) for name in CONVERTED if name in edit.values}
    if record.converted_at is not None:
        state["converted_at"] = record.converted_at
    if record.deleted_at is not None:
        state |= {name: edit.values.pop(name) for name in sorted(_UNCHECKED) if name in edit.values}
    return state


def drop_faults(record: Record, edit: Edit, faults: list[Refused]) -> list[Refused]:
    """Take what is wrong out of an edit, and keep it beside the record: a bad value costs the value, not the row.

    Returns:
        The faults for which there can be no record.
    """
    fatal = []
    rows: dict[str, set[int]] = {}
    further: set[int] = set()
    for fault in faults:
        match fault.path:
            case (str(name), "add", int(index), *_) if name in _ROWS:
                rows.setdefault(name, set()).add(index)
            case (str(name),) if name in edit.values and name != _REQUIRED[record.kind]:
                _keep(record, edit, name, edit.values.pop(name), fault)
            case ("external_ids", "add", int(index)) if edit.external_ids.add[index] != known_by(record):
                # A further id of the record, as an export of ours tells them.
                further.add(index)
                given = edit.external_ids.add[index]
                record.warnings.append(Warned("VALUE_DROPPED", "externalIds", ":".join(given), type(fault).__name__))
            case ("extra_fields", str(system), str(key)):
                record.warnings.append(Warned("VALUE_DROPPED", key, reason=type(fault).__name__))
                edit.extra_fields.get(system, {}).pop(key, None)
            case _:
                fatal.append(fault)
    for index in sorted(further, reverse=True):
        edit.external_ids.add.pop(index)
    for name, indexes in rows.items():
        list_of = getattr(edit, name).add
        for index in sorted(indexes, reverse=True):
            row = list_of.pop(index)
            _keep(record, edit, name, row.get("raw") or row.get("address") or str(row), None)
    return fatal


def _keep(record: Record, edit: Edit, name: str, value: Any, fault: Refused | None) -> None:
    text = str(value)
    record.warnings.append(Warned("VALUE_DROPPED", camel(name), text, None if fault is None else type(fault).__name__))
    if name not in IDENTITY_DOCUMENTS:
        edit.extra_fields.setdefault(system_of(record), {}).setdefault(camel(name), text)


def system_of(record: Record) -> str:
    """Under which name the columns without a home are kept."""
    return record.external.system.lower() if record.external is not None else "import"


def _kept(record: Record) -> dict[str, dict[str, Any]]:
    kept = {system: dict(values) for system, values in record.kept_by.items()}
    if record.kept:
        kept[system_of(record)] = {**kept.get(system_of(record), {}), **record.kept}
    return kept


def _values(record: Record, resolve: Callable[[Any], int | None]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in record.input.items():
        if name in _ROWS:
            continue
        if name in REFERENCES:
            if (own_id := resolve(value)) is not None:
                values[REFERENCES[name]] = own_id
        elif name in _PARTS:
            values |= {_PARTS[name][part]: inner for part, inner in value.items()}
        else:
            values[snake(name)] = _READ[name](value) if name in _READ else value
    return values


def _row(name: str, row: dict[str, Any]) -> dict[str, Any]:
    values = {snake(key): value for key, value in row.items()}
    values["kind"] = _KINDS[name](values["kind"])
    return values


def _note(note: Any, resolve: Callable[[Any], int | None]) -> dict[str, Any]:
    values = {"title": note.title, "content": note.content}
    if note.owner is not None:
        values["owner_id"] = resolve(note.owner)
    if note.created_at is not None:
        values |= {"created_at": note.created_at, "updated_at": note.created_at}
    return values


def later(record: Record, resolve: Callable[[Any], int | None]) -> dict[str, Any]:
    """{column: what names another record of the files that is not written yet}."""
    found = {}
    for name, column in REFERENCES.items():
        value = record.input.get(name)
        if isinstance(value, Ref) and resolve(value) is None:
            found[column] = value
    return found


@cache
def snake(name: str) -> str:
    """A name of the schema as a column: `lastName` is `last_name`."""
    return re.sub("([A-Z])", lambda m: "_" + m[1].lower(), name)


@cache
def camel(name: str) -> str:
    """A column as the schema calls it."""
    return re.sub("_(.)", lambda m: m[1].upper(), name)
