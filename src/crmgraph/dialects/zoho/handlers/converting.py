"""Lead conversion: `actions/convert`."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from crmgraph.crm.errors import Conflicting, Invalid, NotFound, Refused
from crmgraph.crm.models import Account, Contact, Staff
from crmgraph.crm.query.names import find_named
from crmgraph.crm.records import conversion, external_ids, parties
from crmgraph.crm.records.conversion import Conversion
from crmgraph.crm.records.edits import Edit
from crmgraph.crm.records.unit_of_work import Transaction
from crmgraph.dialects.zoho import answers, codecs, errors
from crmgraph.dialects.zoho.errors import Spoken
from crmgraph.dialects.zoho.fields import DIALECT
from crmgraph.dialects.zoho.requests import Call
from crmgraph.mapping import Named, Unreadable
from crmgraph.rest import RequestError

_NAMES = {"contact": "Contacts", "account": "Accounts", "owner": "assign_to"}
"""{what the core calls it: Zoho's word}."""
_TARGETS = {"contact": Contact, "account": Account, "owner": Staff}


async def convert(call: Call) -> Response:
    """Turn the lead in the path into a contact and an account. There are no deals here: none is made."""
    (given,) = call.rows(await call.body(), most=1)
    if not isinstance(given, dict):
        raise RequestError(errors.INVALID_DATA.about(expected_data_type="jsonobject", api_name="data"))
    overwrite = given.get("overwrite")
    if overwrite is not None and not isinstance(overwrite, bool):
        raise RequestError(errors.INVALID_DATA.about(expected_data_type="boolean", api_name="overwrite"))
    lead = call.params["id"]

    async def work(session: AsyncSession) -> tuple[conversion.Conversion, Mapping[int, str]]:
        faults: list[Refused] = []
        named = {name: await _named(call, session, given, name, faults) for name in _NAMES}
        done = await conversion.convert(
            session,
            call.actor,
            (await call.resolve(session, [lead])).get(lead, 0),
            contact_id=named["contact"],
            account_id=named["account"],
            owner_id=named["owner"],
            overwrite=bool(overwrite),
            faults=faults,
        )
        await _carry_tags(call, session, given.get("carry_over_tags"), done)
        made = {done.contact.id, done.account.id if done.account else done.contact.id}
        return done, await external_ids.of_records(session, DIALECT, made)

    try:
        done, known = await call.core.db.transact(work)
    except Refused as refused:
        return await _refused(call, refused, lead)
    account = known[done.account.id] if done.account else None
    row = {"Contacts": known[done.contact.id], "Deals": None, "Accounts": account}
    return answers.done({"data": [row]}, call)


async def _named(
    call: Call, session: AsyncSession, given: Mapping[str, Any], name: str, faults: list[Refused]
) -> int | None:
    """Our id of what the request names; None for nothing, and, with a fault, for what there is none of."""
    try:
        named = codecs.read_link(given.get(_NAMES[name]))
    except Unreadable as unreadable:
        faults.append(Invalid((name,), unreadable.reason))
        return None
    if named is None:
        return None
    own: int | None
    if isinstance(named, Named):
        own = await find_named(session, call.actor, _TARGETS[name], named.name, named.email)
    else:
        space = "user" if name == "owner" else "record"
        own = (await call.resolve(session, [named], space)).get(named)
    if own is None:
        faults.append(Invalid((name,), "reference"))
    return own


async def _carry_tags(call: Call, session: AsyncSession, given: Any, done: Conversion) -> None:
    """Put the named tags on what the lead has become; not on an account that was there and that nobody has named."""
    if not isinstance(given, dict):
        return
    for name, aggregate in (("Contacts", done.contact), ("Accounts", done.account if done.takes_account else None)):
        names = given.get(name)
        if aggregate is None or not isinstance(names, list):
            continue
        kept = aggregate.record.extra_fields.get(DIALECT, {}).get("Tag")
        tags = list(kept) if isinstance(kept, list) else []
        known = {tag.get("name") for tag in tags if isinstance(tag, dict)}
        tags += [{"name": tag} for tag in names if isinstance(tag, str) and tag not in known]
        await parties.update(Transaction(session), call.actor, aggregate, Edit(extra_fields={DIALECT: {"Tag": tags}}))


async def _refused(call: Call, refused: Refused, lead: str) -> Response:
    """The answer to the first fault that is about the lead, else to the first: Zoho tells one at a time."""
    first = min(refused.all, key=lambda fault: bool(fault.path) and fault.path != ("lead",))
    if isinstance(first, NotFound) and first.path == ("lead",):
        raise RequestError(errors.INVALID_ID.about(id=lead)) from None
    if isinstance(first, Invalid) and first.reason == "converted":
        return answers.rows([errors.ID_ALREADY_CONVERTED.about(id=lead).body()], call)
    others: dict[int, str] = {}
    if isinstance(first, Conflicting) and first.existing is not None:
        async with call.core.db.read() as session:
            others = await external_ids.of_records(session, DIALECT, [first.existing])
    types = dict.fromkeys(_NAMES.values(), "lookup")
    spoken = Spoken(lambda path: _NAMES.get(str(path[0])) if path else None, types, lead, lambda own: others[own])
    return answers.rows([spoken.error(first).body()], call)
