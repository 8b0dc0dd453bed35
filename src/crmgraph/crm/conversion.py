"""Lead conversion: a lead becomes a contact and an account, new or known ones, in one transaction and once only."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from sqlalchemy import update as update_rows
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm import parties
from crmgraph.crm.changes import Changes
from crmgraph.crm.edits import Edit, Row, RowEdits
from crmgraph.crm.errors import Invalid, Refused, refuse
from crmgraph.crm.leads import require_workable
from crmgraph.crm.models import Action, AddressKind, Lead, Note, PartyKind, PhoneKind, Photo, now
from crmgraph.crm.parties import Aggregate
from crmgraph.crm.policy import Actor, require_staff

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
_DERIVED = frozenset(
    {"id", "party_id", "rank", "e164", "digits", "extension", "valid", "address_key", "city_key", "name_key"}
)


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a lead has become, or in a dry run would become.

    Attributes:
        contact_id: None in a dry run that would make a contact.
        account_id: None where there is none, and in a dry run that would make one.
        makes_contact, makes_account: whether they are new.
    """

    contact_id: int | None
    account_id: int | None
    makes_contact: bool
    makes_account: bool


async def convert(
    session: AsyncSession,
    actor: Actor,
    lead_id: int,
    *,
    contact_id: int | None = None,
    account_id: int | None = None,
    owner_id: int | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
) -> Conversion:
    """Turn a lead into a contact and, where it names a company, an account.

    The contact takes the lead's names, rows, remainders, notes and photo; the account takes the company, its numbers
    and the address. The lead stays, converted.

    Args:
        contact_id: a known contact to join, instead of a new one. What it has not yet it takes from the lead.
        account_id: a known account to join; by default that of the known contact, else a new one.
        owner_id: the staff member who owns what is new; by default the lead's owner.
        overwrite: whether the lead's values replace those of the records that it joins.
        dry_run: find every fault, and change nothing.

    Raises:
        NotFound: no such lead for the actor.
        NotApproved, Locked: the lead waits for somebody.
        Invalid: `converted`, it was converted before; or a known record or owner that there is none of.
        Unauthenticated, Forbidden: the actor is not staff.
    """
    require_staff(actor)
    lead = await parties.load_one(session, actor, PartyKind.LEAD, lead_id, lock=True)
    require_workable(_lead(lead))
    if not dry_run:
        return await _convert(session, actor, lead, contact_id, account_id, owner_id, overwrite)
    async with session.begin_nested() as savepoint:
        done = await _convert(session, actor, lead, contact_id, account_id, owner_id, overwrite)
        await savepoint.rollback()
    return Conversion(
        None if done.makes_contact else done.contact_id,
        None if done.makes_account else done.account_id,
        done.makes_contact,
        done.makes_account,
    )


def _lead(aggregate: Aggregate) -> Lead:
    assert isinstance(aggregate.record, Lead)  # noqa: S101 - loaded by this kind
    return aggregate.record


async def _convert(
    session: AsyncSession,
    actor: Actor,
    lead: Aggregate,
    contact_id: int | None,
    account_id: int | None,
    owner_id: int | None,
    overwrite: bool,
) -> Conversion:
    faults: list[Refused] = []
    # Accounts before contacts, so that no two conversions wait for each other crosswise.
    contact = account = None
    if contact_id is not None and account_id is None:
        known = await parties.load(session, actor, PartyKind.CONTACT, [contact_id], parts=())
        account_id = getattr(known[contact_id].record, "account_id", None) if contact_id in known else None
    if account_id is not None:
        account = (await parties.load(session, actor, PartyKind.ACCOUNT, [account_id], lock=True)).get(account_id)
        if account is None:
            faults.append(Invalid(("account_id",), "reference"))
    if contact_id is not None:
        contact = (await parties.load(session, actor, PartyKind.CONTACT, [contact_id], lock=True)).get(contact_id)
        if contact is None:
            faults.append(Invalid(("contact_id",), "reference"))
    refuse(faults)
    makes_contact, makes_account = contact is None, account is None and bool(_lead(lead).company)

    owner = owner_id if owner_id is not None else _lead(lead).owner_id
    if account is not None:
        await parties.update(session, actor, account, _account_edit(lead, account, overwrite))
    elif makes_account:
        edit = _account_edit(lead, None, overwrite)
        edit.values["owner_id"] = owner
        account = await parties.create(session, actor, PartyKind.ACCOUNT, edit)
    edit = _contact_edit(lead, contact, account, overwrite)
    if contact is not None:
        changed = await parties.update(session, actor, contact, edit)
    else:
        edit.values["owner_id"] = owner
        contact = await parties.create(session, actor, PartyKind.CONTACT, edit)
        changed = True
    await _hand_over(session, actor, lead, contact, account, changed)
    return Conversion(contact.id, account.id if account else None, makes_contact, makes_account)


def _contact_edit(lead: Aggregate, contact: Aggregate | None, account: Aggregate | None, overwrite: bool) -> Edit:
    record = _lead(lead)
    values = {name: getattr(record, name) for name in _TO_CONTACT}
    if account is not None:
        values["account_id"] = account.id
    edit = Edit(_taken(values, contact, overwrite), remainder=_remainder(record, contact, overwrite))
    if record.email_opt_out:
        edit.values["email_opt_out"] = True  # somebody who wants no mail gets none, whatever the contact said
    edit.phones = RowEdits(add=_rows(lead.phones, contact, "phones", "kind", "digits"))
    edit.emails = RowEdits(add=_rows(lead.emails, contact, "emails", "address_key"))
    edit.addresses = RowEdits(add=_rows(lead.addresses, contact, "addresses", "street", "city_key", "country"))
    return edit


def _account_edit(lead: Aggregate, account: Aggregate | None, overwrite: bool) -> Edit:
    record = _lead(lead)
    values = {name: getattr(record, source) for name, source in _TO_ACCOUNT.items()}
    edit = Edit(_taken(values, account, overwrite))
    phones = [row for row in lead.phones if row.kind in _ACCOUNT_PHONES and row.active]
    edit.phones = RowEdits(add=_rows(phones, account, "phones", "kind", "digits"))
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
    kept = {} if known is None or overwrite else known.record.remainder
    return {
        dialect: {key: value for key, value in keys.items() if key not in kept.get(dialect, {})}
        for dialect, keys in lead.remainder.items()
    }


def _rows(rows: list[Any], known: Aggregate | None, part: str, *key: str) -> list[Row]:
    """Copies of the rows that are not among those of the known record."""
    there = {tuple(getattr(row, name) for name in key) for row in (getattr(known, part) if known else ())}
    return [_copy(row) for row in rows if tuple(getattr(row, name) for name in key) not in there]


def _copy(row: Any) -> Row:
    names = row.__mapper__.column_attrs.keys()
    columns = {name: getattr(row, name) for name in names if name not in _DERIVED}
    return {name: deepcopy(value) for name, value in columns.items() if value is not None}


async def _hand_over(
    session: AsyncSession, actor: Actor, lead: Aggregate, contact: Aggregate, account: Aggregate | None, changed: bool
) -> None:
    """Move the notes and the photo to the contact, and mark the lead as converted."""
    record = _lead(lead)
    changes = Changes(actor)
    moved = Changes(actor)
    as_it_is = {"synchronize_session": False}
    notes = update_rows(Note).where(Note.party_id == lead.id).values(party_id=contact.id).returning(Note.id)
    for note_id in sorted(await session.scalars(notes, execution_options=as_it_is)):
        changes.column(f"notes.{note_id}.party_id", lead.id, contact.id)
        moved.column(f"notes.{note_id}.party_id", lead.id, contact.id)
    if lead.photo is not None and contact.photo is None:
        photo = update_rows(Photo).where(Photo.party_id == lead.id).values(party_id=contact.id)
        await session.execute(photo, execution_options=as_it_is)
        changes.replaced("photo", lead.photo.file_name, None)
        moved.replaced("photo", None, lead.photo.file_name)
        session.expunge(lead.photo)
    if moved and not changed:
        parties.touch(contact.record, actor)
        moved.write(session, contact.record, Action.UPDATED)
    new = {
        "converted_at": now(),
        "converted_contact_id": contact.id,
        "converted_account_id": account.id if account else None,
    }
    for name, value in new.items():
        changes.column(name, getattr(record, name), value)
        setattr(record, name, value)
    parties.touch(record, actor)
    changes.write(session, record, Action.UPDATED)
    await session.flush()
