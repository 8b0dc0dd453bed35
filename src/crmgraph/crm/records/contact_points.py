"""Child rows of a record: phones, emails, addresses and relations come, change and go by explicit lists."""

from collections.abc import Mapping, Sequence
from typing import Any

from crmgraph.crm.errors import NotFound, Refused, TooLarge
from crmgraph.crm.models import Address, Email, Phone, Relation
from crmgraph.crm.records.change_log import Changes, RowPath
from crmgraph.crm.records.edits import Edit, Row, RowEdits
from crmgraph.crm.records.row_sets import RowSet
from crmgraph.crm.records.rows import fresh, put
from crmgraph.crm.records.rules import MAX_ROWS
from crmgraph.crm.records.slots import SLOTTED, assign, slots_for, vacate
from crmgraph.crm.values.countries import country_code_of_name, country_name
from crmgraph.crm.values.folding import fold
from crmgraph.crm.values.phone_numbers import parse_phone, region_of_e164
from crmgraph.crm.values.text import clean_email, email_key

PLACE = (
    "care_of",
    "street",
    "street_number",
    "floor",
    "apartment",
    "area",
    "district",
    "municipality",
    "city",
    "state",
    "postal_code",
    "po_box",
    "po_box_postal_code",
    "notes",
)
"""The columns that say where an address is, besides its country."""

_MODELS: dict[str, Any] = {"phones": Phone, "emails": Email, "addresses": Address, "relations": Relation}


def region_of(addresses: Sequence[Address]) -> str | None:
    """The country of the primary address, which is the region of phones that name none."""
    return next((held["country"] for held in map(vars, addresses) if held["active"]), None)


def check_rows(aggregate: Any, edit: Edit) -> list[Refused]:
    """Faults: rows that the record does not have, or too many of them."""
    faults: list[Refused] = []
    for name, edits in edit.lists().items():
        known = {vars(row)["id"] for row in getattr(aggregate, name)}
        faults += [
            NotFound((name, "update", i, "id")) for i, (row_id, _) in enumerate(edits.update) if row_id not in known
        ]
        for i, row_id in enumerate(edits.remove):
            if row_id not in known:
                faults.append(NotFound((name, "remove", i)))
            known.discard(row_id)
        if len(known) + len(edits.add) > MAX_ROWS:
            faults.append(TooLarge((name,), MAX_ROWS))
    return faults


def apply_rows(
    written: RowSet, aggregate: Any, name: str, edits: RowEdits, changes: Changes, given: dict[str, Any]
) -> None:
    """Carry out the edits of one list, which were checked, and keep `aggregate` in the order of rank.

    Args:
        written: takes the rows that come, change and go.
        aggregate: the record with its rows.
        name: phones, emails, addresses or relations.
        given: what rows are derived from: `region` for phones, `name_key` for addresses, `self_given` for emails.
    """
    rows: list[Any] = getattr(aggregate, name)
    by_id = {vars(row)["id"]: row for row in rows}
    record = type(aggregate.record)
    moved = []
    for row_id in edits.remove:
        row = by_id.pop(row_id)
        changes.removed(RowPath(name, row), row)
        rows.remove(row)
        written.remove(row)
    for row_id, values in edits.update:
        if row := by_id.get(row_id):
            before = row.active, slots_for(record, row)
            _change(row, values, rows, changes, RowPath(name, row), given)
            # The record itself may stay as it is: what is only derived anew is told by no log.
            written.touch(aggregate.record, row)
            if (row.active, slots_for(record, row)) != before:
                moved.append(row)
    added = []
    for values in edits.add:
        row = _new(_MODELS[name], aggregate.id, values, rows, given)
        rows.append(row)
        added.append(row)
    if name in SLOTTED and (moved or added):
        vacate(record, moved)
        _take_slots(record, rows, [*moved, *added])
    for row in added:
        written.add(row)
        changes.added(RowPath(name, row), row)
    rows.sort(key=_order)


def _order(row: Any) -> tuple[int, int]:
    held = vars(row)
    return held["rank"], held["id"]


def _take_slots(record: type, rows: list[Any], arrived: list[Any]) -> None:
    """Give slots to rows that have come, one by one as the list is ordered.

    Args:
        arrived: of `rows`; a new one bears the slot already that it was written to, or that it had on another record.
    """
    arrived.sort(key=lambda row: row.rank)
    found = assign(record, rows, arrived)
    for i, row in enumerate(arrived):
        if row.slot != found.get(i):
            row.slot = found.get(i)


def _new(model: Any, party_id: int, values: Row, rows: list[Any], given: dict[str, Any]) -> Any:
    rank = _front(rows) if values.get("primary") else max([row.rank for row in rows], default=-1) + 1
    return new_row(model, {**values, "party_id": party_id, "rank": rank}, given)


def new_row(model: Any, values: Row, given: dict[str, Any]) -> Any:
    """A row that belongs to no record yet, with its normalised columns.

    Args:
        values: its columns, and `primary`.
        given: what it is derived from, see `apply_rows`.
    """
    columns = {key: value for key, value in values.items() if key != "primary"}
    return fresh(model, columns | _derived(model, columns, columns.keys(), given))


def _front(rows: list[Any]) -> int:
    return min((row.rank for row in rows), default=1) - 1


def _change(row: Any, values: Row, rows: list[Any], changes: Changes, path: RowPath, given: dict[str, Any]) -> None:
    columns = {key: value for key, value in values.items() if key not in ("primary", "extra_fields")}
    held = vars(row)
    before = {key: held[key] for key in columns}
    for key, value in columns.items():
        put(row, key, value)
    if before != columns:
        derive(row, columns.keys(), given, before)
    for key, old in before.items():
        if old != held[key]:
            changes.column(path / key, old, held[key])
    if extra := values.get("extra_fields"):
        row.extra_fields = changes.extra_fields(row.extra_fields, extra, path / "remainder")
    if values.get("primary") and next((other for other in rows if other.active), None) is not row:
        row.rank = _front(rows)
        changes.column(path / "primary", False, True)


def rederive(row: Any, given: dict[str, Any]) -> None:
    """Bring the normalised columns of a stored row up to date with the rules of this version.

    Args:
        given: `region` for phones, `name_key` for addresses.
    """
    match row:
        case Phone():
            region = given.get("region")
            if row.e164 is not None and row.country is None:
                # The record may have moved since the number was written: what its own region confirms stays.
                known = region_of_e164(row.e164)
                region = known if parse_phone(row.raw, known).e164 == row.e164 else region
            _read_number(row, region)
        case Email():
            row.address = clean_email(row.address)
        case Address() if row.country is None and row.country_name is not None:
            row.country = country_code_of_name(row.country_name)
    derive(row, (), given)


def derive(row: Any, changed: Any, given: dict[str, Any], before: dict[str, Any] | None = None) -> None:
    """Bring the normalised columns of a row up to date with what was given.

    Args:
        changed: the names of the columns that a caller set.
        before: what those columns held before; None for a new row.
    """
    held = vars(row)
    for name, value in _derived(type(row), held, changed, given, before).items():
        if held[name] != value:
            put(row, name, value)


def _derived(
    model: Any, held: Mapping[str, Any], changed: Any, given: dict[str, Any], before: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The normalised columns of a row that holds these values, {column: value}; see `derive`."""
    if model is Phone:
        # Notes on a number are no reason to read it anew, from where the record may have moved to since.
        new = changed if before is None else {name for name, old in before.items() if held[name] != old}
        if "raw" not in new and "country" not in new:
            return {}
        e164 = held.get("e164") if "e164" in changed else None
        return _read(held, (region_of_e164(e164) if e164 is not None else None) or given.get("region"))
    if model is Email:
        address = held["address"]
        found: dict[str, Any] = {"address_key": email_key(address)}
        written = before is None or before.get("address", address) != address
        if written and before is not None:
            found["verified"] = False
        if written and "self_given" in given:
            found["self_given"] = given["self_given"]
        return found
    if model is Address:
        found = {f"{name}_key": fold(held.get(name)) for name in ("city", "state", "postal_code")}
        if "name_key" in given:
            found["name_key"] = given["name_key"]
        return found | _agreed(held.get("country"), held.get("country_name"), changed)
    return {}


def _agreed(country: str | None, name: str | None, changed: Any) -> dict[str, str | None]:
    """The code of a country and its name in line, of which either was given, or both that do not contradict.

    A name that is known brings its code where none was given with it; one that is not known leaves the code as it is.
    A code brings its English name where none was given with it.
    """
    if name is not None and "country_name" in changed:
        if country is None or "country" not in changed:
            country = country_code_of_name(name) or country
    elif "country" in changed and (country is None or country_code_of_name(name) != country):
        name = None  # it was the name of another country
    return {"country": country, "country_name": country_name(country) if name is None else name}


def _read(held: Mapping[str, Any], region: str | None) -> dict[str, Any]:
    """The forms of a telephone number."""
    known = parse_phone(held["raw"], held.get("country") or region)
    return {"e164": known.e164, "digits": known.digits, "extension": known.extension, "valid": known.valid}


def _read_number(row: Phone, region: str | None) -> None:
    for name, value in _read(vars(row), region).items():
        setattr(row, name, value)


def complete_numbers(phones: Sequence[Phone], region: str | None) -> bool:
    """Read the numbers anew whose region nobody knew. An E.164 form that is there stays, wherever the record moves.

    Args:
        region: where the record is now.

    Returns:
        Whether any of them has an E.164 form now.
    """
    unknown = [row for row in phones if (held := vars(row))["e164"] is None and held["country"] is None]
    for row in unknown:
        _read_number(row, region)
    return any(row.e164 is not None for row in unknown)
