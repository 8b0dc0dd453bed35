"""Lines of JSON that `crmgraph export` has written: records in our own words, with the ids of their store."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import orjson

from crmgraph.crm.models import AccountKind, AddressKind, Approval, EmailKind, PartyKind, PhoneKind
from crmgraph.imports import pictures
from crmgraph.imports.drafts import Context, Draft
from crmgraph.imports.fields import FIELDS
from crmgraph.imports.files import Source
from crmgraph.imports.owners import Owners
from crmgraph.imports.records import External, Note, Place, Refusal, Related, Skipped
from crmgraph.imports.tables import MAX_ROW, Lines
from crmgraph.imports.targets import REFERENCES

SYSTEM = "CRMGRAPH"
SPACES = {PartyKind.CONTACT: "contact", PartyKind.ACCOUNT: "account", PartyKind.LEAD: "lead"}
BEGIN = b'{"kind":"'
"""What a file of such lines begins with."""
NAMING: dict[PartyKind, dict[str, PartyKind]] = {
    PartyKind.CONTACT: {name: REFERENCES[name] for name in ("account", "reportsTo")},
    PartyKind.ACCOUNT: {name: REFERENCES[name] for name in ("parent", "primaryContact")},
    PartyKind.LEAD: {},
}
"""{kind: {field that names another record: the kind of that}}."""
CONVERTED = {"convertedContact": PartyKind.CONTACT, "convertedAccount": PartyKind.ACCOUNT}
"""What a lead has become."""
_ROWS: dict[str, Any] = {"phones": PhoneKind, "emails": EmailKind, "addresses": AddressKind}
_RELATED = ("CONTACT", "ACCOUNT")
MAX_RELATIONS = 100
"""Relations of a record that are taken."""
_NEEDED = {"phones": "raw", "emails": "address"}
_PARTS = {"birthDate": int, "identityDocuments": str, "preferences": bool}


def read(
    source: Source, context: Context, owners: Owners, members: Mapping[str, Source] = MappingProxyType({})
) -> Iterator[Draft | Refusal | Skipped]:
    """Each line of a file.

    Args:
        members: those of its archive, the photos among them.
    """
    with source.open() as stream:
        for n, line in enumerate(Lines(stream, "utf-8"), start=1):
            if not line.strip():
                continue
            at = Place(source.name, str(n), n)
            if len(line) > MAX_ROW:
                yield Refusal(at, "TOO_LARGE", f"more than {MAX_ROW:,} bytes", (), {"limit": MAX_ROW})
                continue
            try:
                found = orjson.loads(line)
                kind = PartyKind(found["kind"])
                values = dict(found["input"])
            except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
                yield Refusal(at, "INVALID", "no record that crmgraph has written", original=line)
                continue
            draft = Draft(kind, at, context, original=line)
            draft.facts["name_column"] = "name" if kind is PartyKind.ACCOUNT else "lastName"
            draft.owner = owners.importer
            _put(draft, values, owners)
            _put_around(draft, found, owners)
            _put_state(draft, found)
            _put_relations(draft, found.get("relations"))
            _put_photo(draft, found.get("photo"), members)
            yield draft


def _put(draft: Draft, values: dict[str, Any], owners: Owners) -> None:
    for name, value in values.items():
        if name in _ROWS:
            _put_rows(draft, name, value)
        elif name in NAMING[draft.kind] and isinstance(value, dict):
            draft.link(
                name, NAMING[draft.kind][name], name, value=str(value.get("id", "")), text=str(value.get("name", ""))
            )
        elif name == "owner" and isinstance(value, dict):
            _put_owner(draft, value, owners)
        elif name in _PARTS and isinstance(value, dict):
            parts = {str(key): part for key, part in value.items() if type(part) is _PARTS[name]}
            draft.input[name] = parts
            draft.has_values = True
        elif name == "kind" and draft.kind is PartyKind.ACCOUNT and value in AccountKind.__members__:
            draft.input["kind"] = value
        elif name == "approval" and draft.kind is PartyKind.LEAD and value in Approval.__members__:
            draft.input["approval"] = value
        elif name == "lockedBy" and draft.kind is PartyKind.LEAD and isinstance(value, str):
            draft.input["lockedBy"] = value
        elif name in FIELDS[draft.kind] and isinstance(value, str | int | bool):
            draft.put(name, value, name)
        else:
            draft.kept[name] = value


def _put_rows(draft: Draft, name: str, value: Any) -> None:
    rows = value.get("add") if isinstance(value, dict) else None
    for n, row in enumerate(rows if isinstance(rows, list) else ()):
        needed = _NEEDED.get(name)
        is_one = isinstance(row, dict) and row.get("kind") in _ROWS[name].__members__
        if not is_one or (needed is not None and not isinstance(row.get(needed), str)):
            draft.drop(f"{name}[{n}]", row, f"none of {name}")
            continue
        # As they were in a store: what is no number by our own rules, and twice the same, stays as it is.
        texts = {str(key): part for key, part in row.items() if isinstance(part, str | bool)}
        if name == "addresses":
            draft.addresses[f"address {n}"] = texts
        else:
            (draft.phones if name == "phones" else draft.emails).append(texts)
        draft.has_values = True


def _put_owner(draft: Draft, value: dict[str, Any], owners: Owners) -> None:
    found, given = owners.find(None, str(value.get("email") or value.get("name") or ""))
    if found is None:
        draft.warn("OWNER_UNKNOWN", "owner", given)
    else:
        draft.owner = found


def _put_around(draft: Draft, found: dict[str, Any], owners: Owners) -> None:
    own_id = found.get("id")
    if isinstance(own_id, str) and own_id:
        draft.external = External(draft.context.system or SYSTEM, SPACES[draft.kind], own_id)
    for each in _objects(found.get("externalIds")):
        names = [each.get(part) for part in ("system", "space", "value")]
        if all(isinstance(name, str) and name for name in names):
            draft.also.append(External(str(names[0]).upper(), str(names[1]), str(names[2])))
    draft.created_at, draft.updated_at = _moment(found.get("createdAt")), _moment(found.get("updatedAt"))
    for each in _objects(found.get("notes")):
        owner, _ = owners.find(None, str(each.get("owner") or ""))
        title = each.get("title")
        draft.notes.append(
            Note(str(each.get("content", "")), str(title) if title else None, owner, _moment(each.get("createdAt")))
        )
    kept = found.get("kept")
    if isinstance(kept, dict):
        draft.kept_by = {str(key): each for key, each in kept.items() if isinstance(each, dict)}


def _put_state(draft: Draft, found: dict[str, Any]) -> None:
    """Whether it was deleted, or a lead was converted, and which deleted records it names."""
    draft.deleted_at = _moment(found.get("deletedAt"))
    references = found.get("deletedReferences")
    named = dict(references) if isinstance(references, dict) else {}
    known = NAMING[draft.kind]
    if draft.kind is PartyKind.LEAD and (converted_at := _moment(found.get("convertedAt"))) is not None:
        draft.converted_at = converted_at
        known = CONVERTED
        named |= {name: found[name] for name in CONVERTED if name in found}
    for name, kind in known.items():
        value = named.get(name)
        if isinstance(value, dict) and isinstance(value.get("id"), str):
            draft.link(name, kind, name, value=value["id"])


def _put_relations(draft: Draft, value: Any) -> None:
    for each in _objects(value)[:MAX_RELATIONS]:
        kind, other, given = each.get("kind"), each.get("other"), each.get("given")
        if not isinstance(kind, str):
            continue
        related = Related(kind, given if isinstance(given, dict) else {})
        if isinstance(other, dict) and isinstance(other.get("id"), str) and other.get("kind") in _RELATED:
            related.of = PartyKind(other["kind"])
            related.external = External(draft.context.system or SYSTEM, SPACES[related.of], other["id"])
        draft.relations.append(related)


def _put_photo(draft: Draft, value: Any, members: Mapping[str, Source]) -> None:
    if not isinstance(value, dict):
        return
    source, name = members.get(str(value.get("file"))), value.get("name")
    if source is None or source.size > pictures.MAX_BYTES:
        draft.warn("PHOTO_DROPPED", "photo", reason="it is not in the archive, or too long")
        return
    with source.open() as stream:
        pictures.put(draft, stream.read(), "photo")
    if draft.photo is not None and isinstance(name, str):
        draft.photo = replace(draft.photo, name=name)


def _moment(value: Any) -> datetime | None:
    """A time as we write it: in UTC, with its fractions."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found.astimezone(UTC) if found is not None and found.tzinfo is not None else None


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
