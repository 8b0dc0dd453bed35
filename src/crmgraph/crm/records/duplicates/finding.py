"""Finding: which records may be the same as some, and what is kept of that."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import BigInteger, Text, bindparam, delete, literal, not_, or_, select, tuple_, union_all
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import (
    Account,
    Address,
    DismissedDuplicate,
    Duplicate,
    Email,
    ExternalId,
    Lead,
    PartyKind,
    Phone,
    now,
)
from crmgraph.crm.models.contact_points import CLAIMED
from crmgraph.crm.policy import MODELS
from crmgraph.crm.query import snapshots
from crmgraph.crm.query.parameters import Several
from crmgraph.crm.query.sql import Sql
from crmgraph.crm.records.duplicates.blocks import MAX_BLOCK, MAX_NAMESAKES, MIN_EXTERNAL, Pair
from crmgraph.crm.records.duplicates.likeness import THRESHOLD, Profile, Reason, likeness
from crmgraph.crm.records.external_ids import CONTENT
from crmgraph.db.database import database_of

_PART = 500
"""Of how many records the profiles are read at a time."""
MAX_TOLD = 5
"""How many records are told of that may be the same as one."""


async def profiles(session: AsyncSession, kind: PartyKind, ids: Collection[int]) -> dict[int, Profile]:
    """What is compared of live records, in a few statements for each so many of them."""
    found: dict[int, Profile] = {}
    model: Any = MODELS[kind]
    name = model.name_key if model is Account else model.full_name_key
    open_ = [Lead.converted_at.is_(None)] if model is Lead else []
    listed = sorted(ids)
    for begin in range(0, len(listed), _PART):
        part = listed[begin : begin + _PART]
        rows = await session.execute(
            select(model.id, name).where(model.id.in_(part), model.deleted_at.is_(None), *open_)
        )
        mine = {own_id: Profile(text) for own_id, text in rows}
        told = ExternalId.live.is_(True) & ExternalId.alias.is_(False) & (ExternalId.dialect != CONTENT)
        for field, row, column, only in (
            ("emails", Email, Email.address_key, Email.active & not_(CLAIMED)),
            ("phones", Phone, Phone.e164, Phone.active & Phone.e164.is_not(None)),
            ("cities", Address, Address.city_key, Address.active & (Address.city_key > "")),
            ("external", ExternalId, ExternalId.value, told),
        ):
            for own_id, value in await session.execute(
                select(row.party_id, column).where(row.party_id.in_(mine), only)
            ):
                if value is not None and (field != "external" or len(value) >= MIN_EXTERNAL):
                    getattr(mine[own_id], field).add(value)
        found |= mine
    return found


async def note(session: AsyncSession, kind: PartyKind, found: Collection[Pair]) -> int:
    """Keep those of these pairs that are alike enough and that nobody has dismissed, with what they are alike by.

    Returns:
        How many they are.
    """
    known = await profiles(session, kind, {own_id for pair in found for own_id in pair})
    dismissed = await _dismissed(session, found)
    rows, at = [], now()
    for one, other in sorted(set(found) - dismissed):
        if one not in known or other not in known:
            continue
        score, reasons = likeness(kind, known[one], known[other])
        if score < THRESHOLD:
            continue
        for mine, theirs in ((one, other), (other, one)):
            told = {"kind": kind, "party_id": mine, "other_id": theirs, "first": mine == one}
            rows.append(told | {"score": score, "reasons": int(reasons), "found_at": at})
    insert: Any = insert_sqlite if database_of(session).is_sqlite else insert_postgresql
    for begin in range(0, len(rows), _PART):
        writing = insert(Duplicate).values(rows[begin : begin + _PART])
        news = {name: writing.excluded[name] for name in ("score", "reasons", "found_at")}
        await session.execute(
            writing.on_conflict_do_update(index_elements=[Duplicate.party_id, Duplicate.other_id], set_=news)
        )
    return len(rows) // 2


async def _dismissed(session: AsyncSession, pairs: Collection[Pair]) -> set[Pair]:
    found: set[Pair] = set()
    listed = sorted(pairs)
    own = tuple_(DismissedDuplicate.one_id, DismissedDuplicate.other_id)
    for begin in range(0, len(listed), _PART):
        part = listed[begin : begin + _PART]
        ids = [one for one, _ in part]
        rows = await session.execute(
            select(DismissedDuplicate.one_id, DismissedDuplicate.other_id).where(
                DismissedDuplicate.one_id.in_(ids), own.in_(part)
            )
        )
        found |= {(one, other) for one, other in rows}
    return found


async def candidates(session: AsyncSession, kind: PartyKind, wanted: dict[int, Profile]) -> set[Pair]:
    """The pairs that each of these records makes with whatever shares an email, a phone, an id or the name with it."""
    shared = await _sharing(session, kind, wanted.values())
    found: set[Pair] = set()
    for own_id, profile in wanted.items():
        for key in _keys(profile):
            others = shared.get(key, set())
            if len(others | {own_id}) <= (MAX_NAMESAKES if key[0] == "name" else MAX_BLOCK):
                found |= {(min(own_id, other), max(own_id, other)) for other in others if other != own_id}
    return found


def _keys(profile: Profile) -> Iterable[tuple[str, str]]:
    for source in ("emails", "phones", "external"):
        yield from ((source, value) for value in getattr(profile, source))
    if profile.name:
        yield "name", profile.name


async def _sharing(
    session: AsyncSession, kind: PartyKind, wanted: Iterable[Profile]
) -> dict[tuple[str, str], set[int]]:
    """{(source, key): who of the live records has it}, in one statement."""
    asked: dict[str, set[str]] = defaultdict(set)
    for profile in wanted:
        for source, key in _keys(profile):
            asked[source].add(key)
    if not asked:
        return {}
    model: Any = MODELS[kind]
    live = [model.deleted_at.is_(None), *([Lead.converted_at.is_(None)] if model is Lead else [])]
    sql = Sql(model, database_of(session).is_sqlite)
    told = ExternalId.live.is_(True) & ExternalId.alias.is_(False) & (ExternalId.dialect != CONTENT)

    def build() -> Any:
        queries = []
        for source, row, column, only in (
            ("emails", Email, Email.address_key, Email.active & not_(CLAIMED)),
            ("phones", Phone, Phone.e164, Phone.active),
            ("external", ExternalId, ExternalId.value, told),
        ):
            if source in asked:
                among = sql.among(column, bindparam(source, type_=Several(Text())))
                query = select(literal(source), column, row.party_id).join(model, model.id == row.party_id)
                queries.append(query.where(among, only, *live))
        if "name" in asked:
            name = model.name_key if model is Account else model.full_name_key
            among = sql.among(name, bindparam("name", type_=Several(Text())))
            queries.append(select(literal("name"), name, model.id).where(among, *live))
        every = union_all(*queries).subquery()
        return select(*every.c).limit(bindparam("most", type_=BigInteger()))

    # What so many have tells nothing, and is not read to its end.
    most = (MAX_BLOCK + 1) * sum(map(len, asked.values()))
    values: dict[str, Any] = {source: list(keys) for source, keys in asked.items()} | {"most": most}
    found: dict[tuple[str, str], set[int]] = defaultdict(set)
    for source, key, own_id in await snapshots.rows_of(session, ("sharing", kind, tuple(sorted(asked))), build, values):
        found[source, key].add(own_id)
    return found


async def like(session: AsyncSession, kind: PartyKind, own_id: int) -> list[tuple[int, int, Reason]]:
    """(record, score, reasons) of those that may be the same as one, the most alike first, as everything is by now."""
    mine = await profiles(session, kind, [own_id])
    found = await candidates(session, kind, mine)
    others = {one if other == own_id else other for one, other in found}
    known = await profiles(session, kind, others)
    dismissed = await _dismissed(session, found)
    told = [
        (other, *likeness(kind, mine[own_id], profile))
        for other, profile in known.items()
        if (min(own_id, other), max(own_id, other)) not in dismissed
    ]
    return sorted((each for each in told if each[1] >= THRESHOLD), key=lambda each: (-each[1], each[0]))[:MAX_TOLD]


async def refresh(session: AsyncSession, kind: PartyKind, ids: Collection[int]) -> int:
    """Make the pairs of these records anew, as they are now. Returns how many they are."""
    own = [Duplicate.party_id.in_(ids), Duplicate.other_id.in_(ids)]
    await session.execute(delete(Duplicate).where(or_(*own)), execution_options={"synchronize_session": False})
    known = await profiles(session, kind, ids)
    return await note(session, kind, await candidates(session, kind, known))
