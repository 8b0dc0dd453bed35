"""Verified emails: what a contact's own email counts for, once somebody has shown that it is theirs."""

from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import PartyKind
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import aggregates, parties
from crmgraph.crm.records.edits import Edit, RowEdits
from crmgraph.crm.records.unit_of_work import Transaction


async def note_verified(session: AsyncSession, actor: Actor, key: str) -> None:
    """Note on the contact of a customer that an email of theirs was shown to be theirs; nothing on staff's."""
    if actor.contact_id is None:
        return
    contact = await aggregates.load_one(session, actor, PartyKind.CONTACT, actor.contact_id, lock=True)
    unverified = [row.id for row in contact.emails if row.address_key == key and not row.verified]
    edit = Edit(emails=RowEdits(update=[(row_id, {"verified": True}) for row_id in unverified]))
    await parties.update(Transaction(session), actor, contact, edit)
