"""Signups that wait for their confirmation: until then no door shows their records, and nothing finds them.

They are kept as deleted records are, so that whatever leaves out those leaves out these: lists, searches, counts,
look-ups by email, upserts, duplicates. Nobody sees them, so nobody can delete or restore one. What tells them from
deleted ones is their credential, which is not confirmed.
"""

from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Account, Contact, now
from crmgraph.crm.records import numbers


def _own_account(contact_id: int) -> ColumnElement[bool]:
    """The account that came with the signup of this contact."""
    own = select(Contact.account_id).where(Contact.id == contact_id).scalar_subquery()
    return (Account.id == own) & (Account.primary_contact_id == contact_id)


async def hide(session: AsyncSession, contact_id: int) -> None:
    """Let nobody see the contact of a signup, and the account that came with it."""
    at = now()
    for model, own in ((Account, _own_account(contact_id)), (Contact, Contact.id == contact_id)):
        hidden = update(model).where(own).values(deleted_at=at)
        await session.execute(hidden, execution_options={"synchronize_session": False})


async def reveal(session: AsyncSession, contact_id: int) -> None:
    """Show the records of a signup that was confirmed. They count as changed now, for whoever asks what is new.

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
                shown["number"] = (await numbers.take(session, series))[0]
            await session.execute(
                update(model).where(model.id == record_id).values(shown),
                execution_options={"synchronize_session": False},
            )
