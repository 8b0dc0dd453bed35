"""Contact information: shown, listed, created and changed."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Invalid, Missing, NotFound, Refused, refuse
from crmgraph.crm.models import PartyKind, Way
from crmgraph.crm.policy import KINDS, MODELS
from crmgraph.crm.query.authorization import Lapsed
from crmgraph.crm.query.references import REFERENCES
from crmgraph.crm.records import parties
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.external_ids import EncodingContext
from crmgraph.crm.records.lookup import spellings
from crmgraph.crm.records.told import load_told
from crmgraph.crm.records.unit_of_work import UnitOfWork
from crmgraph.dialects.crmcom.answers import encode, encode_one, has_settings
from crmgraph.dialects.crmcom.codecs import read_id
from crmgraph.dialects.crmcom.contact_points import DIALECT
from crmgraph.dialects.crmcom.edits import decode_request, plain
from crmgraph.dialects.crmcom.errors import worded
from crmgraph.dialects.crmcom.fields import CONSENTS, printed
from crmgraph.dialects.crmcom.lookups import IDENTIFIER, PARTS, Pair, find, load_for_change, load_page
from crmgraph.dialects.crmcom.naming import written
from crmgraph.dialects.crmcom.requests import Call
from crmgraph.dialects.crmcom.response_formats import CREATE, LIST, SHOW, UPDATE
from crmgraph.mapping.printing.told import print_told
from crmgraph.rest import RequestError

_SETTINGS = frozenset(CONSENTS)
TYPES = {"PERSON": PartyKind.CONTACT, "COMPANY": PartyKind.ACCOUNT}


async def show(call: Call) -> Any:
    """One contact information."""
    wanted, fields_set = call.identifier, call.fields_set
    kinds = [PartyKind.CONTACT, PartyKind.ACCOUNT]
    if not fields_set and wanted[0] == "id":
        found = await _printed(call, kinds.pop(0), wanted[1])
        if found is not None:
            return found
    record, around = await _told(call, wanted, kinds)
    if not has_settings(SHOW, fields_set):
        return encode_one(SHOW, record, fields_set, around)
    async with call.core.db.read() as session:
        (answer,) = await encode(session, call.actor, SHOW, [record], fields_set, around)
        return answer


async def _printed(call: Call, kind: PartyKind, own: str) -> orjson.Fragment | None:
    """The record of an id, as the statement prints it that reads it; None where there is none of this kind."""
    external = ("record", spellings(own))
    found = await print_told(
        call.core.db, call.actor, printed(), kind, read_id(own), external=external, standing=call.standing
    )
    if found is None:
        return None
    call.standing = None  # asked by the statement that has found it
    return orjson.Fragment(found[1])


async def _told(call: Call, wanted: Pair, kinds: Sequence[PartyKind]) -> tuple[Aggregate, EncodingContext]:
    """The record that an identifier means, with what it names. An id needs no looking up first.

    Args:
        kinds: of which one that is named by its id may be.

    Raises:
        NotFound, Ambiguous: none answers to it, or more than one.
    """
    field, value = wanted
    found = None
    tell = partial(load_told, call.core.db, call.actor, DIALECT, parts=PARTS, rows=True)
    if field == "id":
        own = partial(tell, party_id=read_id(value), external=("record", spellings(value)), standing=call.standing)
        for kind in kinds:
            found = found or await own(kind=kind)
        if found is not None:
            call.standing = None  # asked by the statement that has found it
    elif call.standing is None:  # what is not asked for by its id is looked for first
        async with call.core.db.read() as session:
            kind, party_id = await find(session, call.actor, wanted)
        found = await tell(kind=kind, party_id=party_id)
    if found is None:
        raise NotFound((IDENTIFIER,))
    return found


async def list_page(call: Call) -> list[dict[str, Any]]:
    """A page of those that answer to all filters."""
    fields_set = call.fields_set
    async with call.core.db.read() as session:
        records = await load_page(session, call.actor, call.given)
        return await encode(session, call.actor, LIST, records, fields_set)


async def create(call: Call) -> dict[str, Any]:
    """A new contact or account."""
    body, fields_set = plain(call.given), call.fields_set
    given = body.get("type")
    if given is None or given == "":
        raise Missing(("type",))
    kind = TYPES.get(str(given).strip().upper())
    if kind is None:
        raise Invalid(("type",), "choice")

    async def work(session: AsyncSession) -> dict[str, Any]:
        _note(call, MODELS[kind], body)
        decoded = await decode_request(session, call.actor, MODELS[kind], body)
        try:
            refuse(decoded.faults)
            made = await parties.create(session, call.actor, kind, decoded.edit)
        except Refused as refused:
            raise RequestError(worded(refused, decoded.name_of)) from None
        (answer,) = await encode(session, call.actor, CREATE, [made], fields_set)
        return answer

    return await call.core.db.transact(work)


async def update(call: Call) -> dict[str, Any]:
    """A change of a contact or account: what is not specified stays, what is null is cleared."""
    body, wanted, fields_set = plain(call.given), call.identifier, call.fields_set

    async def work(unit: UnitOfWork) -> dict[str, Any]:
        record, around = await load_for_change(unit, call.actor, wanted)
        model = type(record.record)
        _note(call, model, body)
        decoded = await decode_request(unit.session, call.actor, model, body, record)
        edit = decoded.edit
        try:
            refuse(decoded.faults)
            if has_settings(UPDATE, fields_set) and not _SETTINGS.isdisjoint(
                (*edit.values, *edit.extra_fields.get(DIALECT, ()))
            ):
                await unit.transaction()  # in which the answer reads what is written of them
            await parties.update(unit, call.actor, record, edit)
        except Refused as refused:
            raise RequestError(worded(refused, decoded.name_of)) from None
        names_others = edit.relations or not REFERENCES[model].keys().isdisjoint(edit.values)
        (answer,) = await encode(
            unit.session, call.actor, UPDATE, [record], fields_set, None if names_others else around
        )
        return answer

    done = await call.revise(work)
    return {} if isinstance(done, Lapsed) else done


def _note(call: Call, model: type, body: Mapping[str, Any]) -> None:
    """Note which keys a body brings to a contact or an account, those of its parts included."""
    call.names(KINDS[model], Way.WRITTEN, written(model, body))
