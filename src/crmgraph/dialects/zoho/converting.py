"""Lead conversion: `actions/convert`."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from crmgraph.crm import conversion, homes, parties
from crmgraph.crm.conversion import Conversion
from crmgraph.crm.edits import Edit
from crmgraph.crm.errors import Invalid, NotFound, Refused
from crmgraph.crm.models import Account, Contact, PartyKind, Staff
from crmgraph.crm.naming import find_named
from crmgraph.dialects.zoho import answers, codecs, errors
from crmgraph.dialects.zoho.answers import Failed
from crmgraph.dialects.zoho.call import Call
from crmgraph.dialects.zoho.errors import Spoken
from crmgraph.dialects.zoho.fields import DIALECT
from crmgraph.mapping import Named, Unreadable

_NAMES = {"contact_id": "Contacts", "account_id": "Accounts", "owner_id": "assign_to"}
"""{argument of the core: Zoho's word}."""
_TARGETS = {"contact_id": Contact, "account_id": Account, "owner_id": Staff}


async def convert(call: Call) -> Response:
    """Turn the lead in the path into a contact and an account. There are no deals here: none is made."""
    (given,) = call.rows(await call.body(), most=1)
    if not isinstance(given, dict):
        raise Failed(errors.INVALID_DATA.about(expected_data_type="jsonobject", api_name="data"))
    overwrite = given.get("overwrite")
    if overwrite is not None and not isinstance(overwrite, bool):
        raise Failed(errors.INVALID_DATA.about(expected_data_type="boolean", api_name="overwrite"))
    lead = call.params["id"]
    try:
        async with call.core.db.begin() as session:
            lead_id = (await call.resolve(session, [lead])).get(lead, 0)
            done = await conversion.convert(
                session,
                call.actor,
                lead_id,
                contact_id=await _named(call, session, given, "contact_id"),
                account_id=await _named(call, session, given, "account_id"),
                owner_id=await _named(call, session, given, "owner_id"),
                overwrite=bool(overwrite),
            )
            await _carry_tags(call, session, given.get("carry_over_tags"), done)
            made = [own for own in (done.contact_id, done.account_id) if own is not None]
            known = await homes.of_records(session, DIALECT, made)
    except NotFound:
        raise Failed(errors.INVALID_ID.about(id=lead)) from None
    except Refused as refused:
        return answers.rows([_error(refused, lead)], call.expires_at)
    row = {"Contacts": known.get(done.contact_id or 0), "Deals": None, "Accounts": known.get(done.account_id or 0)}
    return answers.success({"data": [row]}, call.expires_at)


async def _named(call: Call, session: AsyncSession, given: Mapping[str, Any], argument: str) -> int | None:
    """Our id of what the request names, None for nothing.

    Raises:
        Invalid: it names nothing that there is.
    """
    try:
        named = codecs.read_link(given.get(_NAMES[argument]))
    except Unreadable as unreadable:
        raise Invalid((argument,), unreadable.reason) from None
    if named is None:
        return None
    own: int | None
    if isinstance(named, Named):
        own = await find_named(session, call.actor, _TARGETS[argument], named.name, named.email)
    else:
        space = "user" if argument == "owner_id" else "record"
        own = (await call.resolve(session, [named], space)).get(named)
    if own is None:
        raise Invalid((argument,), "reference")
    return own


async def _carry_tags(call: Call, session: AsyncSession, given: Any, done: Conversion) -> None:
    """Put the named tags on what the lead has become."""
    if not isinstance(given, dict):
        return
    for name, kind, party_id in (
        ("Contacts", PartyKind.CONTACT, done.contact_id),
        ("Accounts", PartyKind.ACCOUNT, done.account_id),
    ):
        names = given.get(name)
        if party_id is None or not isinstance(names, list):
            continue
        aggregate = await parties.load_one(session, call.actor, kind, party_id, lock=True)
        kept = aggregate.record.remainder.get(DIALECT, {}).get("Tag")
        tags = list(kept) if isinstance(kept, list) else []
        known = {tag.get("name") for tag in tags if isinstance(tag, dict)}
        tags += [{"name": tag} for tag in names if isinstance(tag, str) and tag not in known]
        await parties.update(session, call.actor, aggregate, Edit(remainder={DIALECT: {"Tag": tags}}))


def _error(refused: Refused, lead: str) -> dict[str, Any]:
    first = refused.all[0]
    if isinstance(first, Invalid) and first.reason == "converted":
        return errors.ID_ALREADY_CONVERTED.about(id=lead).body()
    types = dict.fromkeys(_NAMES.values(), "lookup")
    return Spoken(lambda path: _NAMES.get(str(path[0])) if path else None, types, lead, str).error(refused).body()
