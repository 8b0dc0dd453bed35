"""Which contact information a request means: identifiers, and the filters of a list."""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Ambiguous, Invalid, Missing, NotFound
from crmgraph.crm.models import PartyKind
from crmgraph.crm.policy import Actor
from crmgraph.crm.query.identifiers import identify, identify_each
from crmgraph.crm.records import aggregates, external_ids
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.external_ids import EncodingContext
from crmgraph.crm.records.lookup import spellings
from crmgraph.crm.records.told import load_told_for_change
from crmgraph.crm.records.unit_of_work import UnitOfWork
from crmgraph.dialects.crmcom.codecs import only_pair, read_id, text, whole
from crmgraph.dialects.crmcom.contact_points import DIALECT
from crmgraph.dialects.crmcom.errors import MISSING, Failure
from crmgraph.mapping import Unreadable
from crmgraph.rest import RequestError

IDENTIFIER = "contact_information_identifier"
FIELDS = {
    "id": "id",
    "number": "number",
    "id_number": "id_number",
    "passport_number": "passport_number",
    "social_security_number": "social_security_number",
    "vat_registration_number": "vat_number",
    "registration_number": "registration_number",
}
"""{field of an identifier: what we look it up by}."""
FILTERS = {
    "id_number": "id_number",
    "passport_number": "passport_number",
    "social_security_number": "social_security_number",
    "vat_registration_number": "vat_number",
    "email_address": "email",
    "phone_number": "phone",
}
"""{parameter of a list: what we look it up by}."""
RESULTS = 100
"""How many records a list has when the request does not say."""
MOST_RESULTS = 1000
MOST_OFFSET = 2**31 - 1
PARTS = ("phones", "emails", "addresses", "relations")

Pair = tuple[str, str]


def read_identifier(value: Any, name: str = IDENTIFIER) -> Pair:
    """The field and value of an identifier.

    Raises:
        Missing: there is none.
        Invalid: it has not exactly one of `FIELDS`.
    """
    if value is None or value == "":
        raise Missing((name,))
    try:
        field, given = only_pair(value, frozenset(FIELDS))
    except Unreadable as unreadable:
        raise Invalid((name,), unreadable.reason) from None
    return field, given.strip() if field == "id" else given


async def find(session: AsyncSession, actor: Actor, pair: Pair) -> tuple[PartyKind, int]:
    """The kind and id of the one contact or account that an identifier means, in two statements at most.

    Raises:
        NotFound, Ambiguous: none answers to it, or more than one.
    """
    found = (await find_each(session, actor, [pair]))[pair]
    if not found:
        raise NotFound((IDENTIFIER,))
    if len(found) > 1:
        raise Ambiguous((IDENTIFIER,))
    return found[0]


async def find_each(
    session: AsyncSession, actor: Actor, given: Collection[Pair]
) -> dict[Pair, list[tuple[PartyKind, int]]]:
    """The contacts and accounts that each of these identifiers means, in two statements however many they are."""
    known = await resolve_ids(session, {("record", value) for field, value in given if field == "id"})
    wanted: dict[Pair, tuple[str, str | int]] = {}
    for field, value in given:
        own = known.get(("record", value)) or read_id(value) if field == "id" else value
        if own is not None:
            wanted[field, value] = (FIELDS[field], own)
    found = await identify_each(session, actor, set(wanted.values()))
    return {pair: found.get(wanted[pair], []) if pair in wanted else [] for pair in given}


async def resolve_ids(session: AsyncSession, ids: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """{(space, id as it came): our id} of the ids that things came with, in any case, in one statement."""
    spelt = {(space, value): [(space, each) for each in spellings(value)] for space, value in ids}
    found = await external_ids.resolve(session, DIALECT, {each for spelling in spelt.values() for each in spelling})
    return {key: found[each] for key, spelling in spelt.items() for each in reversed(spelling) if each in found}


async def load_for_change(unit: UnitOfWork, actor: Actor, pair: Pair) -> tuple[Aggregate, EncodingContext]:
    """The record that an identifier means, with its sets and what it names, to be changed. An id needs no looking up
    first where nothing is locked.

    Raises:
        NotFound, Ambiguous: none answers to it, or none any more when it can be taken, or more than one.
    """
    load = partial(load_told_for_change, unit, actor, DIALECT, parts=PARTS, rows=True, staff=actor.staff_id)
    field, value = pair
    if field == "id" and not unit.locks:
        named = partial(load, party_id=read_id(value), external=("record", spellings(value)))
        told = await named(kind=PartyKind.CONTACT) or await named(kind=PartyKind.ACCOUNT)
    else:
        found = await find(unit.session, actor, pair)
        told = await load(kind=found[0], party_id=found[1])
        if told is not None and field != "id" and getattr(told[0].record, FIELDS[field]) != value:
            # Either it has lost it meanwhile, or it has inherited it from another that was merged into it.
            told = told if await find(unit.session, actor, pair) == found else None
    if told is None:
        raise NotFound((IDENTIFIER,))
    return told


async def load_page(session: AsyncSession, actor: Actor, given: Mapping[str, Any]) -> list[Aggregate]:
    """The page of records that a list asks for, with their sets.

    Raises:
        RequestError: it names no filter.
        Invalid: a parameter has another form.
    """
    wanted = {FILTERS[name]: value for name in FILTERS if (value := (_text(given, name) or "").strip())}
    if not wanted:
        *names, last = FILTERS
        raise RequestError(Failure(MISSING, f"One of {', '.join(names)} and {last} is mandatory"))
    limit = _bounded(given, "number_of_results", RESULTS, 1, MOST_RESULTS)
    offset = _bounded(given, "offset", 0, 0, MOST_OFFSET)
    found = await identify(session, actor, wanted, offset=offset, limit=limit)
    loaded: dict[int, Aggregate] = {}
    for kind in (PartyKind.CONTACT, PartyKind.ACCOUNT):
        if ids := [party_id for of, party_id in found if of is kind]:
            loaded |= await aggregates.load(session, actor, kind, ids, parts=PARTS)
    return [loaded[party_id] for _, party_id in found if party_id in loaded]


def _text(given: Mapping[str, Any], name: str) -> str | None:
    try:
        return text(given.get(name))
    except Unreadable as unreadable:
        raise Invalid((name,), unreadable.reason) from None


def _bounded(given: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    try:
        value = whole(given.get(name))
    except Unreadable as unreadable:
        raise Invalid((name,), unreadable.reason) from None
    if value is None:
        return default
    if not least <= value <= most:
        raise Invalid((name,), "number")
    return value
