"""What a contact and an account take of a lead, and what known ones leave out."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from crmgraph.crm.models import AddressKind, Lead, PhoneKind, derived, values_of
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.change_log import plain
from crmgraph.crm.records.contact_points import PLACE
from crmgraph.crm.records.edits import Edit, Row, RowEdits
from crmgraph.crm.values.folding import identity
from crmgraph.crm.values.phone_numbers import written_form

_TO_CONTACT = (
    "salutation",
    "first_name",
    "middle_name",
    "last_name",
    "job_title",
    "source",
    "twitter",
    "skype",
    "description",
)
_TO_ACCOUNT = {
    "name": "company",
    "industry": "industry",
    "website": "website",
    "annual_revenue": "annual_revenue",
    "employees": "employees",
    "rating": "rating",
}
"""{column of the account: column of the lead}."""
_ACCOUNT_PHONES = frozenset({PhoneKind.LANDLINE, PhoneKind.FAX})
_OWN = frozenset({"id", "party_id", "rank"})
"""What a copy has of its own, besides what is derived. Its `e164` goes along: a number is read where it was written."""
_BESIDE = ("area_code", "notes", "extra_fields")
"""What stands beside a phone or an email, and is told where the known one has another."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A value of the lead that no record took.

    Attributes:
        field: the column of the lead, e.g. `company`, or a place below it, e.g. `phones.notes`.
        kept: what the known record has in its place; None where there is no record to take it.
    """

    field: str
    given: Any
    kept: Any


def lead_of(aggregate: Aggregate) -> Lead:
    """The record of an aggregate that was loaded as a lead."""
    assert isinstance(aggregate.record, Lead)  # noqa: S101 - loaded by this kind
    return aggregate.record


def contact_edit(lead: Aggregate, contact: Aggregate | None, overwrite: bool) -> Edit:
    """What the contact takes of the lead: all of it when it is new (None) or overwritten, else what it lacks."""
    record = lead_of(lead)
    values = {name: getattr(record, name) for name in _TO_CONTACT}
    edit = Edit(_taken(values, contact, overwrite), extra_fields=_remainder(record, contact, overwrite))
    if record.email_opt_out:
        edit.values["email_opt_out"] = True  # somebody who wants no mail gets none, whatever the contact said
    for part in IDENTITIES:
        setattr(
            edit, part, RowEdits(add=[_copy(row) for row in getattr(lead, part) if _same(contact, part, row) is None])
        )
    return edit


def account_edit(lead: Aggregate, account: Aggregate | None, overwrite: bool) -> Edit:
    """What the account takes of the lead, likewise."""
    record = lead_of(lead)
    values = {name: getattr(record, source) for name, source in _TO_ACCOUNT.items()}
    edit = Edit(_taken(values, account, overwrite))
    phones = [row for row in lead.phones if row.kind in _ACCOUNT_PHONES and row.active]
    edit.phones = RowEdits(add=[_copy(row) for row in phones if _same(account, "phones", row) is None])
    place = next((row for row in lead.addresses if row.active), None)
    known = account is not None and any(row.kind is AddressKind.BILLING for row in account.addresses)
    if place is not None and not known:
        edit.addresses = RowEdits(add=[_copy(place) | {"kind": AddressKind.BILLING}])
    return edit


def _taken(values: dict[str, Any], known: Aggregate | None, overwrite: bool) -> dict[str, Any]:
    """What a record takes of the values: a known one, what it has not yet."""
    given = {name: value for name, value in values.items() if value is not None}
    if known is None or overwrite:
        return given
    return {name: value for name, value in given.items() if getattr(known.record, name) is None}


def _remainder(lead: Lead, known: Aggregate | None, overwrite: bool) -> dict[str, dict[str, Any]]:
    kept = {} if known is None or overwrite else known.record.extra_fields
    return {
        dialect: {key: value for key, value in keys.items() if key not in kept.get(dialect, {})}
        for dialect, keys in lead.extra_fields.items()
    }


def _written(value: str | None) -> str:
    """A text of an address without regard to case and blanks."""
    return " ".join((value or "").casefold().split())


IDENTITIES: dict[str, Any] = {
    "phones": lambda row: (row.e164, row.extension) if row.e164 else written_form(row.raw),
    "emails": lambda row: row.address_key,
    "addresses": lambda row: (
        *(_written(getattr(row, name)) for name in ("kind", *PLACE)),
        _written(row.country or row.country_name),
    ),
}
"""{list of rows: what two of them are one by}."""


def _same(known: Aggregate | None, part: str, row: Any) -> Any | None:
    """The row of a known record that is the lead's, so that nothing is added; one that is out of use is no match for
    one that is in use."""
    of = IDENTITIES[part]
    rows = getattr(known, part) if known is not None else ()
    return next((each for each in rows if of(each) == of(row) and (each.active or not row.active)), None)


def _copy(row: Any) -> Row:
    own = _OWN | derived(row.__class__)
    return {name: deepcopy(value) for name, value in values_of(row).items() if name not in own and value is not None}


def left_out(
    lead: Aggregate, contact: Aggregate | None, account: Aggregate | None, overwrite: bool, *, takes: bool
) -> Iterator[LeftOut]:
    """What of the lead neither record takes.

    Args:
        contact, account: the known ones, as they were; None for new ones, and where there is no account.
        takes: whether the lead is written into the account.
    """
    record = lead_of(lead)
    if contact is not None and not overwrite:
        yield from _otherwise(record, contact, {name: name for name in _TO_CONTACT})
    if not takes:
        yield from _otherwise(record, account, _TO_ACCOUNT, lacking=True)
    elif account is not None and not overwrite:
        # Whoever names an account has said which company is meant.
        yield from _otherwise(record, account, {own: of for own, of in _TO_ACCOUNT.items() if own != "name"})
    if contact is None:
        return
    if not overwrite:
        for dialect, keys in record.extra_fields.items():
            kept = contact.record.extra_fields.get(dialect, {})
            for key, value in keys.items():
                if key in kept and kept[key] != value:
                    yield LeftOut(f"remainder.{dialect}.{key}", value, kept[key])
    for part in ("phones", "emails"):
        for row in getattr(lead, part):
            if (there := _same(contact, part, row)) is not None:
                for name in _BESIDE:
                    given, kept = getattr(row, name, None), getattr(there, name, None)
                    if given and given != kept:
                        yield LeftOut(f"{part}.{name}", given, kept or None)
    if lead.photo is not None and contact.photo is not None:
        yield LeftOut("photo", lead.photo.file_name, contact.photo.file_name)


def _otherwise(
    lead: Lead, known: Aggregate | None, columns: dict[str, str], *, lacking: bool = False
) -> Iterator[LeftOut]:
    """The values of the lead in whose place a known record has another one.

    Args:
        known: None for no record, which lacks everything.
        columns: {column of the record: column of the lead}.
        lacking: whether those count too that the record has nothing in place of.
    """
    for own, of in columns.items():
        given, kept = getattr(lead, of), getattr(known.record, own) if known is not None else None
        is_same = identity(given) == identity(kept) if own == "name" else given == kept
        if given is not None and not is_same and (lacking or kept is not None):
            yield LeftOut(of, plain(given), plain(kept))
