"""Lead conversion: a lead becomes a contact and an account, new or known ones, in one transaction and once only.

It writes where it is pointed to, and nowhere else: a known record is written into when it is named. A contact that
belongs to an account stays with it. Whatever a known record does not take stays on the lead, and is told.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy import update as update_rows
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Conflicting, Invalid, NotFound, Path, Refused, refuse
from crmgraph.crm.models import Account, Action, Email, Lead, Note, PartyKind, Photo, now, values_of
from crmgraph.crm.policy import Actor, require_staff
from crmgraph.crm.query.conditions import Compare, Op, Or, Point, Where
from crmgraph.crm.records import aggregates, checks, keys, uniqueness
from crmgraph.crm.records.aggregates import PARTS, Aggregate, find_one_for_change
from crmgraph.crm.records.change_log import Changes
from crmgraph.crm.records.conversion_memory import Before, Handed, remember
from crmgraph.crm.records.known import Planned
from crmgraph.crm.records.lead_values import LeftOut, account_edit, contact_edit, lead_of, left_out
from crmgraph.crm.records.leads import unworkable
from crmgraph.crm.records.sets import WriteSet
from crmgraph.crm.records.unit_of_work import Transaction

MAX_DUPLICATES = 10
"""How many records are told that may be the same as the one that is made."""


@dataclass(slots=True)
class Conversion:
    """What a lead has become, or in a dry run would become.

    Attributes:
        contact, account: as they are now; in a dry run, as they would be, the ids and numbers of new ones included.
        makes_contact, makes_account: whether they are new.
        takes_account: whether the account is new or was named, so that the lead was written into it.
        left_out: what of the lead was not taken. It stays there.
        duplicates: (kind, id) of records that may be the same as a new one.
    """

    lead_id: int
    contact: Aggregate
    account: Aggregate | None
    makes_contact: bool
    makes_account: bool
    takes_account: bool
    left_out: list[LeftOut] = field(default_factory=list)
    duplicates: list[tuple[PartyKind, int]] = field(default_factory=list)


async def convert(
    session: AsyncSession,
    actor: Actor,
    lead_id: int | None,
    *,
    contact_id: int | None = None,
    account_id: int | None = None,
    owner_id: int | None = None,
    overwrite: bool = False,
    if_revision: int | None = None,
    dry_run: bool = False,
    faults: Iterable[Refused] = (),
) -> Conversion:
    """Turn a lead into a contact and, where it names a company, an account.

    The contact takes the lead's names, contact points, extra fields, notes and photo; the account takes the company,
    its numbers and the address. The lead stays, converted.

    Args:
        lead_id: None where a fault says why it is not known.
        contact_id: a known contact to join, instead of a new one. What it has not yet it takes from the lead.
        account_id: a known account to join, likewise. Without one, a known contact stays in its own account, which
            takes nothing; where it has none, and for a new contact, the company makes a new account.
        owner_id: the staff member who owns what is new; by default the lead's owner.
        overwrite: whether the lead's values replace those of the records that are named, and whether the contact goes
            over to the named account from another one.
        if_revision: the revision of the lead that the caller read; another one now is refused.
        dry_run: find every fault, and change nothing.
        faults: what is wrong with the request already, to be told with everything that is found here.

    Raises:
        Refused: every fault at once: NotFound of `lead`; NotApproved, Locked, Invalid (`converted`); Stale; Invalid
            (`reference`) of `contact`, `account` or `owner`; Conflicting of `account`, the contact belongs to another;
            and what the records do not take, below `contact` or `account`.
        Unauthenticated, Forbidden: the actor is not staff.
    """
    require_staff(actor)
    found = list(faults)
    lead = None
    if lead_id is not None:
        lead = await find_one_for_change(Transaction(session), actor, PartyKind.LEAD, lead_id)
        found += [NotFound(("lead",))] if lead is None else _faults_of_lead(lead_of(lead), if_revision)
    named = _Named(contact_id, account_id, owner_id, overwrite)
    if not dry_run:
        return await _convert(session, actor, lead, named, found)
    async with session.begin_nested() as savepoint:
        done = await _convert(session, actor, lead, named, found)
        # What the session holds is undone with the savepoint: an account that was only looked at.
        done.account = _copied(done.account) if done.account else None
        await savepoint.rollback()
    return done


@dataclass(frozen=True, slots=True)
class _Named:
    """What a caller says beside the lead, see `convert`."""

    contact_id: int | None
    account_id: int | None
    owner_id: int | None
    overwrite: bool


def _faults_of_lead(lead: Lead, if_revision: int | None) -> list[Refused]:
    return [*unworkable(lead), *checks.stale(lead, if_revision)]


async def _convert(
    session: AsyncSession, actor: Actor, lead: Aggregate | None, named: _Named, faults: list[Refused]
) -> Conversion:
    # In the order of `uniques`: values of contacts, of accounts, then the contact, and the account at last.
    wanted = await _lock_duplicates(session, actor, lead, named) if lead is not None else {}
    contact = await _known(session, actor, PartyKind.CONTACT, named.contact_id, faults)
    account = await _known(session, actor, PartyKind.ACCOUNT, named.account_id, faults)
    own = await _own_account(session, actor, contact)
    if own is not None and account is not None and own.id != account.id and not named.overwrite:
        faults.append(Conflicting(("account",), own.id))
    written = WriteSet(Transaction(session), actor)
    if named.owner_id is not None:
        faults += _below("", await written.unknown_references(PartyKind.LEAD, {"owner_id": named.owner_id}))
    if lead is None:
        refuse(faults)
        raise NotFound(("lead",))
    makes_contact = contact is None
    makes_account = account is None and own is None and bool(lead_of(lead).company)
    takes_account = makes_account or account is not None
    into_contact = contact_edit(lead, contact, named.overwrite)
    into_account = account_edit(lead, account, named.overwrite)
    owner = named.owner_id if named.owner_id is not None else lead_of(lead).owner_id
    for edit in [into_contact] * makes_contact + [into_account] * makes_account:
        edit.values["owner_id"] = owner
    taking: list[Planned] = [(PartyKind.ACCOUNT, account, into_account)] if takes_account else []
    await written.expect([(PartyKind.CONTACT, contact, into_contact), *taking])
    faults += _below("contact", await written.faults_of(PartyKind.CONTACT, contact, into_contact))
    for planned in taking:
        faults += _below("account", await written.faults_of(*planned))
    refuse(_once(faults, ("owner",)))

    left = list(left_out(lead, contact, account or own, named.overwrite, takes=takes_account))
    of_account = Before(account, into_account) if takes_account else None
    duplicates = await _duplicates(session, actor, wanted, makes_contact, makes_account)
    if makes_account:
        account = await written.create(PartyKind.ACCOUNT, into_account)
    elif account is not None:
        await written.update(account, into_account)
    if account is not None:
        into_contact.values["account_id"] = account.id
    of_contact = Before(contact, into_contact)
    changed = True
    if contact is None:
        contact = await written.create(PartyKind.CONTACT, into_contact)
    else:
        changed = await written.update(contact, into_contact)
    joined = account or own
    handed = await _hand_over(session, written, actor, lead, contact, joined, changed, left)
    await remember(session, lead, handed, contact, account, (of_contact, of_account))
    return Conversion(lead.id, contact, joined, makes_contact, makes_account, takes_account, left, duplicates)


def _once(faults: Sequence[Refused], path: Path) -> list[Refused]:
    """The faults, but only the first of this path: what is said once, and goes to both records."""
    first = next((fault for fault in faults if fault.path == path), None)
    return [fault for fault in faults if fault.path != path or fault is first]


async def _lock_duplicates(
    session: AsyncSession, actor: Actor, lead: Aggregate, named: _Named
) -> dict[PartyKind, Where]:
    """What records fulfil that may be the same as the new ones: nobody else makes such records meanwhile."""
    wanted: dict[PartyKind, Where] = {}
    emails = [row.address for row in lead.emails if row.active]
    if named.contact_id is None and emails:
        wanted[PartyKind.CONTACT] = Or(tuple(Compare(Point(Email.address), Op.EQUALS, each) for each in emails))
    if named.account_id is None and lead_of(lead).company:
        wanted[PartyKind.ACCOUNT] = Compare(Account.name, Op.EQUALS, lead_of(lead).company)
    for kind in (PartyKind.CONTACT, PartyKind.ACCOUNT):
        if kind in wanted:
            await uniqueness.lock(session, actor, kind, [wanted[kind]])
    return wanted


async def _known(
    session: AsyncSession, actor: Actor, kind: PartyKind, party_id: int | None, faults: list[Refused]
) -> Aggregate | None:
    """The record of this id, taken for writing; None where none is named, or, with a fault, where there is none."""
    if party_id is None:
        return None
    parts = (*PARTS, "login")
    found = await find_one_for_change(Transaction(session), actor, kind, party_id, parts=parts)
    if found is None:
        faults.append(Invalid((kind.value.lower(),), "reference"))
    return found


async def _own_account(session: AsyncSession, actor: Actor, contact: Aggregate | None) -> Aggregate | None:
    """The account that a known contact, which is locked, belongs to. One that is deleted is none."""
    own = getattr(contact.record, "account_id", None) if contact is not None else None
    if own is None:
        return None
    return (await aggregates.load(session, actor, PartyKind.ACCOUNT, [own], parts=())).get(own)


def _below(step: str, faults: Iterable[Refused]) -> list[Refused]:
    """Faults of a record below its name in the request; that of the owner is the request's own."""
    found = list(faults)
    for fault in found:
        fault.path = ("owner",) if fault.path == ("owner_id",) else (step, *fault.path)
    return found


async def _duplicates(
    session: AsyncSession, actor: Actor, wanted: dict[PartyKind, Where], makes_contact: bool, makes_account: bool
) -> list[tuple[PartyKind, int]]:
    made = {PartyKind.CONTACT: makes_contact, PartyKind.ACCOUNT: makes_account}
    return [
        (kind, party_id)
        for kind, where in wanted.items()
        if made[kind]
        for party_id in await uniqueness.holders(session, actor, kind, where, limit=MAX_DUPLICATES)
    ]


def _copied(aggregate: Aggregate) -> Aggregate:
    """The record and its rows apart from the session."""

    def apart(row: Any) -> Any:
        return type(row)(**values_of(row))

    lists: dict[str, Any] = {
        name: [apart(row) for row in getattr(aggregate, name)] for name in PARTS if name != "photo"
    }
    photo = apart(aggregate.photo) if aggregate.photo is not None else None
    return Aggregate(apart(aggregate.record), **lists, photo=photo, parted_login=aggregate.parted_login)


async def _hand_over(
    session: AsyncSession,
    written: WriteSet,
    actor: Actor,
    lead: Aggregate,
    contact: Aggregate,
    account: Aggregate | None,
    changed: bool,
    left: Sequence[LeftOut],
) -> Handed:
    """Mark the lead as converted, write everything, and move the notes and the photo to the contact."""
    record = lead_of(lead)
    changes = Changes(actor)
    moved = Changes(actor)
    notes = (await session.scalars(select(Note.id).where(Note.party_id == lead.id).order_by(Note.id))).all()
    for note_id in notes:
        changes.column(f"notes.{note_id}.party_id", lead.id, contact.id)
        moved.column(f"notes.{note_id}.party_id", lead.id, contact.id)
    photo = lead.photo if contact.photo is None else None
    if photo is not None:
        changes.replaced("photo", photo.file_name, None)
        moved.replaced("photo", None, photo.file_name)
    if moved and not changed:
        written.note(contact.record, moved)
    new = {
        "converted_at": now(),
        "converted_contact_id": contact.id,
        "converted_account_id": account.id if account else None,
    }
    for name, value in new.items():
        changes.column(name, getattr(record, name), value)
        setattr(record, name, value)
    keys.derive(record)
    changes.column("left_out", None, [each.field for each in left] or None)
    written.note(record, changes, Action.CONVERTED)
    await written.write()
    for model, moves in ((Note, bool(notes)), (Photo, photo is not None)):
        if moves:
            handed = update_rows(model).where(model.party_id == lead.id).values(party_id=contact.id)
            await session.execute(handed, execution_options={"synchronize_session": False})
    if photo is not None:
        contact.photo = Photo(**{**values_of(photo), "party_id": contact.id})
    return Handed(notes, photo is not None)
