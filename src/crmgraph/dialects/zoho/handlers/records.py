"""Records as Zoho prints them, and lists of them: get, list, search, and what was deleted."""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from crmgraph.crm.errors import Invalid
from crmgraph.crm.models import Approval, Contact, Lead, PartyKind, Way
from crmgraph.crm.policy import MODELS
from crmgraph.crm.query import offset_pages
from crmgraph.crm.query.conditions import And, Compare, ExtraValue, Op, Order, Where
from crmgraph.crm.records import aggregates, external_ids, lists
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.external_ids import EncodingContext
from crmgraph.crm.records.lookup import minted
from crmgraph.dialects.zoho import answers, codecs, errors, search
from crmgraph.dialects.zoho.fields import DIALECT, OF_KIND, Module
from crmgraph.dialects.zoho.requests import MAX_ROWS, Call
from crmgraph.mapping import linked
from crmgraph.mapping.printing.told import print_told
from crmgraph.rest import RequestError

DELETED_TYPES = {"all": True, "recycle": True, "permanent": False}
"""What may be asked for among the deleted; nothing here is deleted for ever."""


def encode(module: Module, aggregate: Aggregate, around: EncodingContext, names: Sequence[str] = ()) -> dict[str, Any]:
    """A record as an object of Zoho's: its fields, and the custom fields that clients gave it.

    Args:
        names: the only fields that are wanted; the id is always there.
    """
    return _only(module.layout.encode(aggregate, around), names)


def _only(body: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The fields of an object that are wanted; all where none is named."""
    return {name: body[name] for name in dict.fromkeys([*names, "id"]) if name in body} if names else body


async def _around(call: Call, session: AsyncSession, found: Sequence[Aggregate]) -> EncodingContext:
    """What records name, and the employee who stands for the owner of those that nobody owns."""
    actor = call.actor
    unowned = any(aggregate.record.owner_id is None for aggregate in found)
    staff = [actor.staff_id] if unowned and actor.staff_id is not None else []
    return await external_ids.encoding_context(session, actor, DIALECT, found, staff=staff)


def _names(call: Call, module: Module) -> list[str]:
    """The fields that are wanted, each once: what is named a thousand times is not looked for a thousand times."""
    names = list(dict.fromkeys(call.words("fields")))
    call.names(module.kind, Way.READ, module.fields.known_names(names))
    return names


async def get(call: Call) -> Response:
    """One record; 204 when there is none, 304 when it has not changed."""
    actor, module, digits = call.actor, call.module, codecs.id_digits(call.params["id"])
    if digits is None:
        return answers.empty(call)
    found = await print_told(
        call.core.db,
        actor,
        module.printed,
        module.kind,
        minted(digits),
        external=("record", [digits]),
        standing=call.standing,
    )
    if found is None:
        return answers.empty(call)
    call.standing = None  # asked by the statement that has found it
    updated_at, text = found
    since = call.since("If-Modified-Since")
    if since is not None and updated_at.replace(microsecond=0) <= since:
        return answers.empty(call, 304)
    names = _names(call, module)
    record = _only(orjson.loads(text), names) if names else orjson.Fragment(text)
    return answers.done({"data": [record]}, call)


async def list_records(call: Call) -> Response:
    """A page of a module's records, or of those of given ids."""
    conditions = _states(call)
    since = call.told_from()
    model: Any = MODELS[call.module.kind]
    if since is not None:
        conditions.append(Compare(model.updated_at, Op.GE, since))
    async with call.core.db.read() as session:
        ids = call.words("ids")
        if ids:
            known = await call.resolve(session, ids[:MAX_ROWS])
            conditions.append(Compare(model.id, Op.IN, list(known.values())))
        return await _page(call, session, And(tuple(conditions)), none=304 if since is not None else 204)


async def find(call: Call) -> Response:
    """The records that fulfil the criteria, or have the email, the phone or the word."""
    async with call.core.db.read() as session:
        if (text := call.query("criteria")) is not None:
            where = await search.by_criteria(call, session, text)
        elif (text := call.query("email")) is not None:
            where = search.by_email(text)
        elif (text := call.query("phone")) is not None:
            where = search.by_phone(text)
        elif (text := call.query("word")) is not None:
            where = search.by_word(call.module, text)
        else:
            raise RequestError(errors.REQUIRED_PARAM_MISSING.about(param="criteria"))
        return await _page(call, session, And((*_states(call), where)), none=204)


def _states(call: Call) -> list[Where]:
    """Which leads are meant: those that are converted, and those that await approval, only where they are asked for."""
    conditions: list[Where] = []
    if call.module.kind is PartyKind.LEAD:
        converted, approved = call.flag("converted", False), call.flag("approved", True)
        if converted is not None:
            conditions.append(Compare(Lead.converted_at, Op.IS_NULL, not converted))
        if approved is not None:
            state = Approval.APPROVED if approved else Approval.AWAITING
            conditions.append(Compare(Lead.approval, Op.EQUALS, state))
    return conditions


async def _page(call: Call, session: AsyncSession, where: Where, *, none: int) -> Response:
    return await _page_of(call, session, call.module, where, none=none)


async def _page_of(call: Call, session: AsyncSession, module: Module, where: Where, *, none: int) -> Response:
    paging = call.paging()
    try:
        order = await _order(call, session, module)
        found, more = await lists.find_records(
            session, call.actor, module.kind, where, order=[order], offset=paging.offset, limit=paging.per_page
        )
    except Invalid:
        raise RequestError(errors.INVALID_QUERY) from None
    if not found:
        return answers.empty(call, none)
    around = await _around(call, session, found)
    names = _names(call, module)
    data = [encode(module, aggregate, around, names) for aggregate in found]
    return answers.done({"data": data, "info": paging.info(len(data), more)}, call)


async def _order(call: Call, session: AsyncSession, module: Module) -> Order:
    """How a list is sorted: by a field of the module, or a custom one that some record has.

    Raises:
        RequestError: there is no such field, or it has no order; or neither asc nor desc is wanted.
    """
    descending = is_descending(call)
    name = call.query("sort_by") or "id"
    if call.query("sort_by"):
        call.names(module.kind, Way.SOUGHT, module.fields.known_names([name]))
    model: Any = MODELS[module.kind]
    field = module.fields.field(name)
    place = model.id if name == "id" else search.place_of(module, name)
    if field is not None and field.codec is codecs.TAGS:
        place = None  # several values have no order
    if isinstance(place, ExtraValue) and field is None:
        some = Compare(place, Op.IS_NULL, False)
        if not (await offset_pages.find_ids(session, call.actor, module.kind, some, limit=1)).ids:
            place = None
    if place is None:
        raise RequestError(errors.INVALID_DATA.about(param="sort_by"))
    return Order(place, descending)


def is_descending(call: Call) -> bool:
    """Whether a list is wanted from its end.

    Raises:
        RequestError: neither asc nor desc is wanted.
    """
    direction = (call.query("sort_order") or "desc").strip().lower()
    if direction not in ("asc", "desc"):
        raise RequestError(errors.INVALID_DATA.about(param="sort_order"))
    return direction == "desc"


async def contacts_of(call: Call) -> Response:
    """A page of the contacts of the account in the path; 204 where there are none, or no such account."""
    given, since = call.params["id"], call.told_from()
    call.paging()
    is_descending(call)  # what cannot be is refused whether or not there is such an account
    async with call.core.db.read() as session:
        own = (await call.resolve(session, [given])).get(given)
        accounts = {} if own is None else await aggregates.load(session, call.actor, PartyKind.ACCOUNT, [own], parts=())
        if not accounts:
            return answers.empty(call)
        conditions: list[Where] = [Compare(Contact.account_id, Op.EQUALS, own)]
        if since is not None:
            conditions.append(Compare(Contact.updated_at, Op.GE, since))
        none = 304 if since is not None else 204
        return await _page_of(call, session, OF_KIND[PartyKind.CONTACT], And(tuple(conditions)), none=none)


async def deleted(call: Call) -> Response:
    """The records that were deleted, the last first."""
    paging = call.paging()
    kind = (call.query("type") or "all").strip().lower()
    if kind not in DELETED_TYPES:
        raise RequestError(errors.INVALID_DATA.about(param="type"))
    if not DELETED_TYPES[kind]:
        return answers.empty(call)
    since = call.told_from()
    async with call.core.db.read() as session:
        gone, more = await offset_pages.find_deleted(
            session, call.actor, call.module.kind, since=since, offset=paging.offset, limit=paging.per_page
        )
        if not gone:
            return answers.empty(call, 204 if since is None else 304)
        around = await external_ids.encoding_context(
            session, call.actor, DIALECT, [Aggregate(record) for record in gone], former=True
        )
    data = [
        {
            "deleted_by": codecs.lookup(linked(around, "staff", record.modified_by_id)),
            "id": around.external_id("party", record.id) or str(record.id),
            "display_name": codecs.full_name(record),
            "type": "recycle",
            "created_by": codecs.lookup(linked(around, "staff", record.created_by_id)),
            "deleted_time": codecs.moment(record.deleted_at),
        }
        for record in gone
    ]
    return answers.done({"data": data, "info": paging.info(len(data), more)}, call)
