"""Customers: shown by their id or by their reference."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import NotFound
from crmgraph.crm.models import FIRST_MINTED_ID, Contact, PartyKind
from crmgraph.crm.policy import Actor
from crmgraph.crm.query.conditions import Compare, Op
from crmgraph.crm.records import aggregates, external_ids, lists, lookup
from crmgraph.crm.records.lookup import Ref
from crmgraph.crm.values.text import fault_of
from crmgraph.dialects.valomnia.errors import not_found
from crmgraph.dialects.valomnia.fields import CUSTOMERS, DIALECT
from crmgraph.dialects.valomnia.identifiers import by_customer_reference
from crmgraph.dialects.valomnia.parameters import long
from crmgraph.dialects.valomnia.requests import Call
from crmgraph.rest import RequestError

MAX_CONTACTS = 1000
"""How many of its contacts a customer is shown with."""


async def by_reference(session: AsyncSession, actor: Actor, reference: str) -> int:
    """Our id of the account that has this reference, or else this number.

    Raises:
        NotFound: there is none.
    """
    if fault_of(reference):
        raise NotFound
    return await lookup.find(session, actor, PartyKind.ACCOUNT, Ref(external=by_customer_reference(reference)))


async def show(call: Call) -> dict[str, Any]:
    """One customer by its id."""
    number = long("id", call.params["id"])
    async with call.core.db.read() as session:
        found = await external_ids.resolve(session, DIALECT, {(CUSTOMERS, str(number))})
        party_id = found.get((CUSTOMERS, str(number)), number)
        if party_id < FIRST_MINTED_ID:
            raise RequestError(not_found("customer", str(number)))
        try:
            return await _show(session, call, party_id)
        except NotFound:
            raise RequestError(not_found("customer", str(number))) from None


async def show_by_reference(call: Call) -> dict[str, Any]:
    """One customer by its reference."""
    reference = call.params["reference"]
    async with call.core.db.read() as session:
        try:
            return await _show(session, call, await by_reference(session, call.actor, reference))
        except NotFound:
            raise RequestError(not_found("customer", reference, "reference")) from None


async def _show(session: AsyncSession, call: Call, party_id: int) -> dict[str, Any]:
    account = await aggregates.load_one(session, call.actor, PartyKind.ACCOUNT, party_id)
    contacts, _ = await lists.find_records(
        session,
        call.actor,
        PartyKind.CONTACT,
        Compare(Contact.account_id, Op.EQUALS, account.id),
        limit=MAX_CONTACTS,
        parts=(),
    )
    around = await external_ids.encoding_context(session, call.actor, DIALECT, [account, *contacts])
    around.records |= {contact.id: contact.record for contact in contacts}
    return call.links.customer(account, around)
