"""Signups that wait for their confirmation: until then no door shows their records, and nothing finds them.

They are kept as deleted records are, so that whatever leaves out those leaves out these: lists, searches, counts,
look-ups by email, upserts, duplicates. Nobody sees them, so nobody can delete or restore one. What tells them from
deleted ones is their credential, which is not confirmed. Once nobody can confirm one any more, it is removed for good.
"""

import datetime as dt
from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, func, insert, not_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from crmgraph.crm.models import (
    SEARCHED_AS,
    Account,
    Address,
    Change,
    Contact,
    Credential,
    Email,
    ExternalId,
    Lead,
    Note,
    Party,
    Phone,
    Relation,
    SalesOrder,
    SearchTerm,
    TermKind,
    VerificationCode,
    now,
)
from crmgraph.crm.records import numbers
from crmgraph.crm.records.keys import number_key
from crmgraph.crm.search import index

OWN_ROWS: tuple[Any, ...] = (Change, ExternalId, Relation, SearchTerm, Phone, Email, Address)
"""What belongs to a record that a signup made and goes with it. Nobody had the time to add a photo or a note."""
_OWN = and_(Account.id == Contact.account_id, Account.primary_contact_id == Contact.id)
"""Of a contact and an account: they came by one signup."""


def _own_account(contact_id: int) -> ColumnElement[bool]:
    """The account that came with the signup of this contact."""
    own = select(Contact.account_id).where(Contact.id == contact_id).scalar_subquery()
    return (Account.id == own) & (Account.primary_contact_id == contact_id)


async def hide(session: AsyncSession, contact_id: int) -> None:
    """Let nobody see the contact of a signup, and the account that came with it, nor be told of them by the feed."""
    at = now()
    own_account = select(Account.id).where(_own_account(contact_id))
    logged = or_(Change.party_id == contact_id, Change.party_id.in_(own_account))
    await session.execute(
        update(Change).where(logged).values(transaction_id=None), execution_options={"synchronize_session": False}
    )
    for model, own in ((Account, _own_account(contact_id)), (Contact, Contact.id == contact_id)):
        hidden = update(model).where(own).values(deleted_at=at)
        unfound = update(SearchTerm).where(SearchTerm.party_id.in_(select(model.id).where(own)))
        for each in (hidden, unfound.values(kind=TermKind.NONE)):
            await session.execute(each, execution_options={"synchronize_session": False})


async def reveal(session: AsyncSession, contact_id: int) -> None:
    """Show the records of a signup that was confirmed. They count as changed now, for whoever asks what is new, and the
    feed tells of them as of what has just been written.

    A number that somebody else was given meanwhile stays theirs; the record gets the next one.
    """
    for model, own, series in (
        (Contact, Contact.id == contact_id, numbers.Series.CONTACT),
        (Account, _own_account(contact_id), numbers.Series.ACCOUNT),
    ):
        query = select(model.id, model.number).where(own, model.deleted_at.is_not(None))
        for record_id, number in (await session.execute(query)).all():
            await numbers.lock(session, series)
            taken = await session.scalar(numbers.among_live(series, [number])) is not None
            shown: dict[str, Any] = {"deleted_at": None, "updated_at": now()}
            if taken:
                (number,) = await numbers.take(session, series)
                shown |= {"number": number, "number_key": number_key(number)}
            await session.execute(
                update(model).where(model.id == record_id).values(shown),
                execution_options={"synchronize_session": False},
            )
            await index.sort_in(session, {record_id: SEARCHED_AS[model]})
            await _log_anew(session, record_id)


async def _log_anew(session: AsyncSession, record_id: int) -> None:
    """Write what the log has of a record again, in place of what it has: whoever reads the feed is beyond that."""
    log: Any = Change.__table__
    waiting = (log.c.party_id == record_id) & log.c.transaction_id.is_(None)
    last = await session.scalar(select(func.max(log.c.id)).where(waiting))
    if last is not None:
        kept = [each.name for each in log.c if each.name not in ("id", "transaction_id")]
        again = select(*(log.c[name] for name in kept)).where(waiting).order_by(log.c.id)
        await session.execute(insert(log).from_select(kept, again, include_defaults=False))
        await session.execute(delete(log).where(waiting, log.c.id <= last))


def abandoned(before: dt.datetime) -> ColumnElement[bool]:
    """Of credentials: they wait since before that moment, and no code is left that would confirm them.

    Where anybody has touched the records or refers to them they are left alone. Nobody sees them, but signups were to
    be seen in former versions.
    """
    code = select(VerificationCode.digest).where(
        VerificationCode.credential_id == Credential.id,
        VerificationCode.used_at.is_(None),
        VerificationCode.expires_at > now(),
    )
    records = (
        select(Contact.id)
        .outerjoin(Account, _OWN)
        .where(
            Contact.id == Credential.contact_id,
            Contact.deleted_at.is_not(None),
            Contact.revision == 1,
            or_(Account.id.is_(None), and_(Account.deleted_at.is_not(None), Account.revision == 1)),
            not_(_referred_to()),
        )
    )
    return and_(
        Credential.confirmed.is_(False),
        Credential.live.is_(None),
        Credential.created_at < before,
        not_(code.exists()),
        records.exists(),
    )


def _referred_to() -> ColumnElement[bool]:
    """Of a contact, and the account of its signup where it has one: something names one of them that is not theirs."""
    contact, account, lead = aliased(Contact), aliased(Account), aliased(Lead)
    own = (Contact.id, Account.id)
    return or_(
        select(contact.id).where(contact.reports_to_id == Contact.id).exists(),
        select(contact.id).where(contact.account_id == Account.id, contact.id != Contact.id).exists(),
        select(account.id)
        .where(account.primary_contact_id == Contact.id, account.id.is_distinct_from(Account.id))
        .exists(),
        select(account.id).where(account.parent_id == Account.id).exists(),
        select(lead.id).where(lead.converted_contact_id == Contact.id).exists(),
        select(lead.id).where(lead.converted_account_id == Account.id).exists(),
        select(Relation.id).where(Relation.other_id.in_(own)).exists(),
        select(Note.id).where(Note.party_id.in_(own)).exists(),
    )


async def remove(session: AsyncSession, credential_ids: Collection[int]) -> None:
    """Remove signups for good, with the records and the orders that came with them, as if they had never been.

    Args:
        credential_ids: of credentials that are `abandoned` and locked.
    """
    query = (
        select(Contact.id, Account.id)
        .join(Credential, Credential.contact_id == Contact.id)
        .outerjoin(Account, _OWN)
        .where(Credential.id.in_(credential_ids))
    )
    rows = (await session.execute(query)).all()
    contacts = [contact for contact, _ in rows]
    accounts = [account for _, account in rows if account is not None]
    parties = [*contacts, *accounts]
    for statement in (
        delete(VerificationCode).where(VerificationCode.credential_id.in_(credential_ids)),
        delete(Credential).where(Credential.id.in_(credential_ids)),
        delete(SalesOrder).where(SalesOrder.contact_id.in_(contacts)),
        *(delete(model).where(model.party_id.in_(parties)) for model in OWN_ROWS),
        # Contact and account name one another.
        update(Account).where(Account.id.in_(accounts)).values(primary_contact_id=None),
        delete(Contact).where(Contact.id.in_(contacts)),
        delete(Account).where(Account.id.in_(accounts)),
        delete(Party).where(Party.id.in_(parties)),
    ):
        await session.execute(statement, execution_options={"synchronize_session": False})
