"""The signed-in customer's own contact, account and picture."""

from typing import Any, cast

import orjson

from crmgraph.crm.errors import Forbidden, NotFound, refuse
from crmgraph.crm.models import PartyKind, Way
from crmgraph.crm.policy import Actor
from crmgraph.crm.query.authorization import Lapsed
from crmgraph.crm.records import aggregates, external_ids, parties
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.external_ids import EncodingContext
from crmgraph.crm.records.told import load_told_for_change
from crmgraph.crm.records.unit_of_work import UnitOfWork
from crmgraph.dialects.covalense import picture
from crmgraph.dialects.covalense.changed_fields import differing, office_only, words
from crmgraph.dialects.covalense.codecs import ACCOUNT, CONTACT, printed_id
from crmgraph.dialects.covalense.errors import invalid, naming
from crmgraph.dialects.covalense.fields import ACCOUNT_LAYOUT, ACCOUNTS, tables
from crmgraph.dialects.covalense.places import DIALECT
from crmgraph.dialects.covalense.requests import Attributes, Call
from crmgraph.mapping import FieldMap, Layout, Unreadable, decode_all, loosely
from crmgraph.mapping.printing.told import print_told
from crmgraph.rest import RequestError


async def get_contact(call: Call) -> orjson.Fragment:
    """GET profile/contact: the contact of the token's user, whatever the header `email` says."""
    printed, own = tables(call.core.public_url).printed, _contact_id(call)
    found = await print_told(call.core.db, call.actor, printed, PartyKind.CONTACT, own, standing=call.standing)
    if found is None:
        raise NotFound
    call.standing = None  # asked by the statement that has found it
    return orjson.Fragment(found[1])


async def put_contact(call: Call) -> dict[str, Any]:
    """PUT profile/contact: change what differs. Absent keeps, "" clears."""
    attributes = await call.attributes()
    known = tables(call.core.public_url)

    async def work(unit: UnitOfWork) -> None:
        contact, around = await _loaded(call, unit, PartyKind.CONTACT, _contact_id(call))
        _require_own(attributes, CONTACT, contact, around)
        body = attributes.body
        if _names(attributes, "contactId", CONTACT, contact, around):
            # The answer to a login calls one's own id by the name of the superior's: nobody is their own.
            body = {name: value for name, value in body.items() if loosely(name) != "contactid"}
        call.names(PartyKind.CONTACT, Way.WRITTEN, known.contacts.known_names(body))
        await _change(unit, call.actor, known.contacts, known.contact, contact, around, body)

    await call.revise(work)
    return {"result": "0", "message": "Profile updated successfully."}


async def put_account(call: Call) -> dict[str, Any]:
    """PUT profile/account: change what differs of the user's account, and answer the whole of it."""
    attributes = await call.attributes()
    own = call.actor.account_id
    if own is None:
        raise NotFound

    async def work(unit: UnitOfWork) -> dict[str, Any]:
        account, around = await _loaded(call, unit, PartyKind.ACCOUNT, own)
        _require_own(attributes, ACCOUNT, account, around)
        call.names(PartyKind.ACCOUNT, Way.WRITTEN, ACCOUNTS.known_names(attributes.body))
        await _change(unit, call.actor, ACCOUNTS, ACCOUNT_LAYOUT, account, around, attributes.body)
        return ACCOUNT_LAYOUT.encode(account, around)

    done = await call.revise(work)
    return {} if isinstance(done, Lapsed) else done


async def put_image(call: Call) -> dict[str, Any]:
    """PUT profile/image: a new picture, or the name of the one there is, and the answer is the whole contact."""
    given = await picture.read(call.request, call.core)
    contact_id = _contact_id(call)
    if given.data is None:
        async with call.core.db.read() as session:
            found = await aggregates.load(session, call.actor, PartyKind.CONTACT, [contact_id], parts=("photo",))
        picture.require_stored(given, found[contact_id].photo if contact_id in found else None)
    else:
        with naming(lambda path: picture.NAME):
            await call.core.record_photos.set(
                call.actor,
                PartyKind.CONTACT,
                contact_id,
                given.data,
                max_bytes=call.core.max_photo_bytes,
                file_name=given.file_name,
            )
    async with call.core.db.read() as session:
        contact = await aggregates.load_one(session, call.actor, PartyKind.CONTACT, contact_id)
        around = await external_ids.encoding_context(session, call.actor, DIALECT, [contact])
    return tables(call.core.public_url).image.encode(contact, around)


async def _loaded(call: Call, unit: UnitOfWork, kind: PartyKind, own: int) -> tuple[Aggregate, EncodingContext]:
    """A record of the customer's to be changed, and what it names.

    Raises:
        NotFound: it is gone.
    """
    found = await load_told_for_change(unit, call.actor, DIALECT, kind, own)
    if found is None:
        raise NotFound
    return found


def _contact_id(call: Call) -> int:
    return cast(int, call.actor.contact_id)  # only customers hold a token of this door


def _names(attributes: Attributes, name: str, module: str, record: Aggregate, around: EncodingContext) -> bool:
    """Whether the id under this name is the record's own."""
    try:
        given = printed_id(module).read(attributes.value(name))
    except Unreadable:
        return False
    return given is not None and given in (str(record.id), around.external_id("party", record.id))


def _require_own(attributes: Attributes, module: str, record: Aggregate, around: EncodingContext) -> None:
    """See that an id in the body is that of the user's own record, so that nobody else's is meant.

    Raises:
        RequestError: it is not.
    """
    if attributes.value("id") not in (None, "") and not _names(attributes, "id", module, record, around):
        raise RequestError(invalid("id", "it is not the user's own"))


async def _change(
    unit: UnitOfWork,
    actor: Actor,
    fields: FieldMap,
    layout: Layout,
    record: Aggregate,
    around: EncodingContext,
    body: dict[str, Any],
) -> None:
    given = differing(fields, body, layout.encode(record, around))
    (decoded,) = await decode_all(unit.session, fields, [(given, record)])
    office = office_only(fields)
    kept = [(name, known) for name, _, known in fields.given(given) if known is not None and known.name in office]
    decoded.names |= {("extra_fields", DIALECT, known.name): name for name, known in kept}
    with naming(words(fields, decoded)):
        refuse([*decoded.faults, *(Forbidden(("extra_fields", DIALECT, known.name)) for _, known in kept)])
        await parties.update(unit, actor, record, decoded.edit)
