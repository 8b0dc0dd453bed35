"""Contacts: list, show, create, update and delete. Create and update are one service but for the status."""

import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from crmgraph import mapping
from crmgraph.crm.errors import NotFound, Refused, refuse
from crmgraph.crm.models import FIRST_MINTED_ID, Address, Contact, Email, PartyKind, Phone, Way
from crmgraph.crm.query import offset_pages
from crmgraph.crm.query.conditions import And, Compare, Op, Order, Point, Where
from crmgraph.crm.records import aggregates, external_ids, lists, parties
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.record_photos import Staged
from crmgraph.crm.records.unit_of_work import Transaction
from crmgraph.dialects.valomnia.errors import DELETE_FAILED, invalid_param_type, not_found, worded
from crmgraph.dialects.valomnia.fields import CONTACT, CONTACTS, DIALECT
from crmgraph.dialects.valomnia.handlers import customers
from crmgraph.dialects.valomnia.parameters import MAX_IMAGE_BYTES, Image, Parameters, long
from crmgraph.dialects.valomnia.requests import Call
from crmgraph.mapping import Slot
from crmgraph.rest import RequestError

FORMATS = frozenset({"JPEG", "GIF", "PNG", "BMP"})
"""The images that are taken."""

DEFAULT_MAX = 100
MAX_MAX = 1000
"""How many contacts a page has when nobody says, and at most."""


def _sorts() -> dict[str, Any]:
    """{name: what a list is sorted by}: the id and every field that is one column."""
    models = {"phones": Phone, "emails": Email, "addresses": Address}
    found: dict[str, Any] = {"id": Contact.id}
    for each in CONTACT.fields:
        match each.at:
            case Slot(rows, column, slot):
                found[each.name] = Point(getattr(models[rows], column), slot)
            case InstrumentedAttribute():
                found[each.name] = each.at
    return found


SORTS = _sorts()
FILTERS = {"firstName": Contact.first_name, "lastName": Contact.last_name}
TIMES = {"dateCreated": Contact.created_at, "lastUpdated": Contact.updated_at}
_SECOND = dt.timedelta(seconds=1)
# Times are told to the second and kept finer: a time is compared as it is told.
COMPARISONS = {
    "gt": (Op.GE, _SECOND),
    "gte": (Op.GE, dt.timedelta()),
    "lt": (Op.LT, dt.timedelta()),
    "lte": (Op.LT, _SECOND),
}


async def index(call: Call) -> dict[str, Any]:
    """A page of the contacts that the filters of the query leave."""
    query = call.query()
    size = min(query.whole("max", DEFAULT_MAX, 1), MAX_MAX)
    offset = query.whole("offset", 0, 0)
    sort = query.text("sort") or "id"
    if sort not in SORTS:
        raise RequestError(invalid_param_type("sort"))
    order = Order(SORTS[sort], query.text("order").lower() == "desc")
    conditions = _conditions(query)
    filters = {name for name in query.texts if name in FILTERS or name.partition("_")[0] in TIMES}
    call.names(PartyKind.CONTACT, Way.SOUGHT, {name.partition("_")[0] for name in filters} | {sort} - {"id"})
    async with call.core.db.read() as session:
        if customer := query.filter("customerReference"):
            try:
                account_id = await customers.by_reference(session, call.actor, customer)
            except NotFound:
                account_id = 0  # nobody's, so that the list is empty
            conditions.append(Compare(Contact.account_id, Op.EQUALS, account_id))
        where = And(tuple(conditions))
        total = await offset_pages.count(session, call.actor, PartyKind.CONTACT, where)
        found, _ = await lists.find_records(
            session, call.actor, PartyKind.CONTACT, where, order=[order], offset=offset, limit=size
        )
        around = await external_ids.encoding_context(session, call.actor, DIALECT, found)
    data = [call.links.contact(each, around) for each in found]
    return call.links.page("contacts", data, total, size, offset, query.texts)


def _conditions(query: Parameters) -> list[Where]:
    conditions: list[Where] = [
        Compare(column, Op.EQUALS, value) for name, column in FILTERS.items() if (value := query.filter(name))
    ]
    for name, column in TIMES.items():
        for suffix, (op, shift) in COMPARISONS.items():
            if (moment := query.moment(f"{name}_{suffix}")) is not None:
                try:
                    conditions.append(Compare(column, op, moment + shift))
                except OverflowError:
                    raise RequestError(invalid_param_type(f"{name}_{suffix}")) from None
    return conditions


async def show(call: Call) -> dict[str, Any]:
    """One contact."""
    async with call.core.db.read() as session:
        aggregate = await _load(session, call)
        around = await external_ids.encoding_context(session, call.actor, DIALECT, [aggregate])
    return call.links.contact(aggregate, around)


async def create(call: Call) -> dict[str, Any]:
    """A new contact, owned by the user who is logged in."""
    given = await call.parameters()
    _check(given)
    async with _staged(call, given.image, None, "create") as staged:

        async def work(session: AsyncSession) -> dict[str, Any]:
            decoded = await _decode(session, call, given, None, "create")
            decoded.edit.values["owner_id"] = call.actor.staff_id
            try:
                aggregate = await parties.create(session, call.actor, PartyKind.CONTACT, decoded.edit)
            except Refused as refused:
                raise RequestError(worded(refused, "create", given.text("customerId"))) from None
            if staged is not None:
                await call.core.record_photos.attach(session, call.actor, aggregate, staged, touched=True)
            around = await external_ids.encoding_context(session, call.actor, DIALECT, [aggregate])
            return call.links.contact(aggregate, around)

        return await call.core.db.transact(work)


async def update(call: Call) -> dict[str, Any]:
    """The contact with what the request brings; what it does not bring stays."""
    given = await call.parameters()
    long("id", call.params["id"])
    _check(given)
    party_id = None
    if given.image is not None:
        async with call.core.db.read() as session:
            party_id = await _find(session, call)
    async with _staged(call, given.image, party_id, "update") as staged:

        async def work(session: AsyncSession) -> dict[str, Any]:
            aggregate = await _load(session, call, lock=True)
            decoded = await _decode(session, call, given, aggregate, "update")
            try:
                changed = await parties.update(Transaction(session), call.actor, aggregate, decoded.edit)
            except Refused as refused:
                raise RequestError(worded(refused, "update", given.text("customerId"))) from None
            if staged is not None:
                await call.core.record_photos.attach(session, call.actor, aggregate, staged, touched=changed)
            around = await external_ids.encoding_context(session, call.actor, DIALECT, [aggregate])
            return call.links.contact(aggregate, around)

        return await call.core.db.transact(work)


async def delete(call: Call) -> dict[str, Any]:
    """Take the contact away."""

    async def work(session: AsyncSession) -> None:
        aggregate = await _load(session, call, lock=True)
        try:
            await parties.remove(session, call.actor, aggregate)
        except Refused:
            raise RequestError(DELETE_FAILED) from None

    await call.core.db.transact(work)
    # The vendor writes this "true" as text.
    return {"success": "true", "success_description": "Instance deleted successfully"}


def _check(given: Parameters) -> None:
    """Whether what has to be there is there; the customer first, as the one that the vendor shows a sample for."""
    customer = given.required("customerId")
    if not given.flag("useExternalId"):
        long("customerId", customer)
    for name in ("firstName", "lastName"):
        given.required(name)


async def _find(session: AsyncSession, call: Call) -> int:
    """Our id of the contact that the path names."""
    number = long("id", call.params["id"])
    found = await external_ids.resolve(session, DIALECT, {(CONTACTS, str(number))})
    party_id = found.get((CONTACTS, str(number)), number)
    if party_id < FIRST_MINTED_ID:
        raise RequestError(not_found("contact", str(number)))
    return party_id


async def _load(session: AsyncSession, call: Call, *, lock: bool = False) -> Aggregate:
    party_id = await _find(session, call)
    try:
        return await aggregates.load_one(session, call.actor, PartyKind.CONTACT, party_id, lock=lock)
    except NotFound:
        raise RequestError(not_found("contact", call.params["id"])) from None


async def _decode(
    session: AsyncSession, call: Call, given: Parameters, aggregate: Aggregate | None, operation: str
) -> mapping.Decoded:
    body = dict(given.texts)
    call.names(PartyKind.CONTACT, Way.WRITTEN, CONTACT.known_names(body))
    if given.flag("useExternalId"):
        reference = given.text("customerId")
        try:
            body["customerId"] = str(await customers.by_reference(session, call.actor, reference))
        except NotFound:
            raise RequestError(not_found("customer", reference)) from None
    (decoded,) = await mapping.decode_all(session, CONTACT, [(body, aggregate)])
    try:
        refuse(decoded.faults)
    except Refused as refused:
        raise RequestError(worded(refused, operation, given.text("customerId"))) from None
    return decoded


@asynccontextmanager
async def _staged(
    call: Call, image: Image | None, party_id: int | None, operation: str
) -> AsyncIterator[Staged | None]:
    """The image in the photo store, ready to be attached; None without one."""
    if image is None:
        yield None
        return
    try:
        staging = call.core.record_photos.staged(
            call.actor,
            PartyKind.CONTACT,
            party_id,
            image.data,
            max_bytes=MAX_IMAGE_BYTES,
            file_name=image.file_name,
            formats=FORMATS,
        )
        async with staging as staged:
            yield staged
    except NotFound:
        raise RequestError(not_found("contact", call.params["id"])) from None
    except Refused as refused:
        raise RequestError(worded(refused, operation)) from None
