"""A record in the vocabulary of `CreateContactInput` and its like, with what no input brings beside it."""

import datetime as dt
import re
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any

from crmgraph.crm.models import Account, Address, Contact, Email, Lead, PartyKind, Phone
from crmgraph.crm.models.columns import Preferences
from crmgraph.crm.policy import IDENTITY_DOCUMENTS
from crmgraph.crm.records.dumps import Dumped

_ADDRESS = (
    "kind care_of street street_number floor apartment area district municipality city state postal_code country "
    "country_name po_box po_box_postal_code notes active"
)
ROWS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "phones": (Phone, ("kind", "raw", "country", "area_code", "notes", "active")),
    "emails": (Email, ("kind", "address", "notes", "active")),
    "addresses": (Address, tuple(_ADDRESS.split())),
}
"""{list: its model, and what is written of each row}."""
REFERENCES = ("account", "parent", "reports_to", "primary_contact")
_MODELS: dict[PartyKind, Any] = {PartyKind.CONTACT: Contact, PartyKind.ACCOUNT: Account, PartyKind.LEAD: Lead}
_NOT_TOLD = frozenset(
    {"id", "revision", "created_at", "updated_at", "deleted_at", "extra_fields", "owner_id", "created_by_id"}
    | {"modified_by_id", "converted_at", "converted_contact_id", "converted_account_id"}
    | {"birth_day", "birth_month", "birth_year", *(f"{name}_id" for name in REFERENCES), *IDENTITY_DOCUMENTS}
)
PREFERENCES = frozenset(Preferences.__annotations__)


@cache
def columns(kind: PartyKind) -> tuple[str, ...]:
    """The columns that are values of the input by themselves, in the order of the model."""
    names = [each.key for each in _MODELS[kind].__mapper__.column_attrs]
    return tuple(
        name for name in names if name not in _NOT_TOLD and name not in PREFERENCES and not name.endswith("_key")
    )


@cache
def camel(name: str) -> str:
    """A column as the schema calls it."""
    return re.sub("_(.)", lambda match: match[1].upper(), name)


def plain(value: Any) -> Any:
    """A value of a column as JSON has it."""
    match value:
        case Enum():
            return value.value
        case Decimal():
            text = format(value, "f")
            return text.rstrip("0").rstrip(".") if "." in text else text
        case dt.datetime():
            return f"{value.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%S.%f}".rstrip("0").rstrip(".") + "Z"
        case dt.date():
            return value.isoformat()
    return value


def input_of(dumped: Dumped, *, identity: bool) -> dict[str, Any]:
    """The values of a record, its rows and its references.

    Args:
        identity: whether identity documents are among them.
    """
    record: Any = dumped.aggregate.record
    kind = dumped.aggregate.kind
    found: dict[str, Any] = {}
    for name in columns(kind):
        if (value := getattr(record, name)) is not None:
            found[camel(name)] = plain(value)
    if kind is PartyKind.CONTACT:
        birth = {part: getattr(record, f"birth_{part}") for part in ("day", "month", "year")}
        if birth := {part: value for part, value in birth.items() if value is not None}:
            found["birthDate"] = birth
        documents = {camel(name): getattr(record, name) for name in IDENTITY_DOCUMENTS} if identity else {}
        if documents := {name: value for name, value in documents.items() if value is not None}:
            found["identityDocuments"] = documents
    chosen = {camel(name): getattr(record, name) for name in sorted(PREFERENCES) if getattr(record, name, False)}
    if chosen:
        found["preferences"] = chosen
    for name in REFERENCES:
        if (own_id := getattr(record, f"{name}_id", None)) is not None and name in dumped.names:
            found[camel(name)] = {"id": str(own_id), "name": dumped.names[name]}
    if "owner" in dumped.names:
        email = {"email": dumped.owner_email} if dumped.owner_email else {}
        found["owner"] = {**email, "name": dumped.names["owner"]}
    for name in ROWS:
        if rows := [row_of(name, row) for row in getattr(dumped.aggregate, name)]:
            found[name] = {"add": rows}
    return found


def row_of(name: str, row: Any) -> dict[str, Any]:
    """The values of a telephone number, an email or a postal address; that it is active goes without saying."""
    values = {camel(column): plain(getattr(row, column)) for column in ROWS[name][1]}
    return {key: value for key, value in values.items() if value is not None and not (key == "active" and value)}


def record_of(dumped: Dumped, *, identity: bool, whole: bool = False) -> dict[str, Any]:
    """Everything of a record: a line of JSON. What hangs on one that was deleted, a photo and relations, is not told.

    Args:
        whole: whether it is told too which deleted records it names, as none but an archive does.
    """
    record = dumped.aggregate.record
    found: dict[str, Any] = {
        "kind": dumped.aggregate.kind.value,
        "id": str(record.id),
        "input": input_of(dumped, identity=identity),
        "createdAt": plain(record.created_at),
        "updatedAt": plain(record.updated_at),
    }
    if (converted := getattr(record, "converted_at", None)) is not None:
        found["convertedAt"] = plain(converted)
        for name in ("converted_contact", "converted_account"):
            if name in dumped.names:
                found[camel(name)] = {"id": str(getattr(record, f"{name}_id")), "name": dumped.names[name]}
    if record.deleted_at is not None:
        found["deletedAt"] = plain(record.deleted_at)
    if whole and dumped.gone:
        found["deletedReferences"] = {camel(name): {"id": str(own_id)} for name, own_id in dumped.gone.items()}
    if dumped.external_ids:
        found["externalIds"] = [
            {"system": system, "space": space, "value": value} for system, space, value in dumped.external_ids
        ]
    is_live = record.deleted_at is None
    if is_live and (relations := [relation_of(dumped, row, identity=identity) for row in dumped.aggregate.relations]):
        found["relations"] = relations
    if is_live and (photo := dumped.aggregate.photo) is not None:
        found["photo"] = {"file": photo_member(dumped.aggregate.kind, photo), "name": photo.file_name}
    if dumped.notes:
        found["notes"] = [
            {
                "title": note.title,
                "content": note.content,
                "owner": dumped.note_owners.get(note.id),
                "createdAt": plain(note.created_at),
            }
            for note in dumped.notes
        ]
    if record.extra_fields:
        found["kept"] = record.extra_fields
    return found


def relation_of(dumped: Dumped, row: Any, *, identity: bool) -> dict[str, Any]:
    """How a record stands to another one, or to an identifier, without those that are identity documents.

    Args:
        identity: whether those are told too.
    """
    found: dict[str, Any] = {"kind": row.kind}
    if row.other_id in dumped.others:
        kind, name = dumped.others[row.other_id]
        found["other"] = {"kind": kind.value, "id": str(row.other_id), "name": name}
    given = {name: value for name, value in row.given.items() if identity or name not in IDENTITY_DOCUMENTS}
    return {**found, "given": given} if given else found


def photo_member(kind: PartyKind, photo: Any) -> str:
    """What the photo of a record is called in an archive."""
    return f"photos/{kind.value.lower()}-{photo.party_id}.{photo.key.rpartition('.')[2]}"
