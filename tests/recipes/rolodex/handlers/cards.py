"""Cards of people."""

from typing import Any

from crmgraph.dialects.rolodex.fields import CARD, LAYOUT
from crmgraph.dialects.rolodex.requests import Call

from crmgraph import mapping
from crmgraph.crm.errors import refuse
from crmgraph.crm.models import PartyKind
from crmgraph.crm.records import aggregates, external_ids, parties
from crmgraph.crm.records.unit_of_work import Transaction


async def show(call: Call) -> dict[str, Any]:
    """GET /cards/{number}."""
    async with call.core.db.read() as session:
        card = await aggregates.load_one(session, call.actor, PartyKind.CONTACT, int(call.params["number"]))
        around = await external_ids.encoding_context(session, call.actor, "rolodex", [card])
    return LAYOUT.encode(card, around)


async def add(call: Call) -> dict[str, Any]:
    """POST /cards."""
    body = await call.body()
    async with call.core.db.begin() as session:
        (decoded,) = await mapping.decode_all(session, CARD, [(body, None)])
        refuse(decoded.faults)
        card = await parties.create(session, call.actor, PartyKind.CONTACT, decoded.edit)
        around = await external_ids.encoding_context(session, call.actor, "rolodex", [card])
    return LAYOUT.encode(card, around)


async def change(call: Call) -> dict[str, Any]:
    """PUT /cards/{number}."""
    body, number = await call.body(), int(call.params["number"])
    async with call.core.db.begin() as session:
        card = await aggregates.load_one(session, call.actor, PartyKind.CONTACT, number, lock=True)
        (decoded,) = await mapping.decode_all(session, CARD, [(body, card)])
        refuse(decoded.faults)
        await parties.update(Transaction(session), call.actor, card, decoded.edit)
        around = await external_ids.encoding_context(session, call.actor, "rolodex", [card])
    return LAYOUT.encode(card, around)
