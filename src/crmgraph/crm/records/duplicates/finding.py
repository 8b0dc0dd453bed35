"""Finding: which records may be the same as some, and what is kept of that."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import delete, or_, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import (
    Address,
    DismissedDuplicate,
    Duplicate,
    PartyKind,
    now,
)
from crmgraph.crm.policy import MODELS
from crmgraph.crm.query import snapshots
from crmgraph.crm.records.duplicates.blocks import Pair
from crmgraph.crm.records.duplicates.likeness import THRESHOLD, Profile, Reason, likeness
from crmgraph.crm.records.duplicates.sharing import FIELDS, Field, compared, holders, most, name_of, shared_by
from crmgraph.db.database import database_of

_PART = 500
"""Of how many records the profiles are read at a time."""
MAX_TOLD = 5
"""How many records are told of that may be the same as one."""


async def profiles(session: AsyncSession, kind: PartyKind, ids: Collection[int]) -> dict[int, Profile]:
    """What is compared of live records, in a few statements for each so many of them."""
    found: dict[int, Profile] = {}
    model: Any = MODELS[kind]
    city = Field(Address, Address.city_key, Address.active & (Address.city_key > ""))
    listed = sorted(ids)
    for begin in range(0, len(listed), _PART):
        part = snapshots.Ids(database_of(session), listed[begin : begin + _PART])

        def named(part: snapshots.Ids = part) -> Any:
            return select(model.id, name_of(kind)).where(part.match(model.id), *compared(kind))

        values = {"ids": part.value}
        rows = await snapshots.rows_of(session, ("compared names", kind, part.shape), named, values)
        mine = {own_id: Profile(text) for own_id, text in rows}
        for name, field in (*FIELDS.items(), ("cities", city)):

            def having(part: snapshots.Ids = part, field: Field = field) -> Any:
                return select(field.row.party_id, field.column).where(part.match(field.row.party_id), field.only)

            for own_id, value in await snapshots.rows_of(session, ("compared", name, part.shape), having, values):
                if own_id in mine:
                    getattr(mine[own_id], name).add(value)
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
    if not pairs:
        return set()
    part = snapshots.Ids(database_of(session), sorted({one for one, _ in pairs}))

    def build() -> Any:
        own = DismissedDuplicate
        return select(own.one_id, own.other_id).where(part.match(own.one_id))

    rows = await snapshots.rows_of(session, ("dismissed", part.shape), build, {"ids": part.value})
    return {(one, other) for one, other in rows} & set(pairs)


async def candidates(session: AsyncSession, kind: PartyKind, wanted: dict[int, Profile]) -> set[Pair]:
    """The pairs that each of these records makes with whatever shares an email, a phone, an id or the name with it."""
    having = await holders(session, kind, wanted.values())
    found: set[Pair] = set()
    for own_id, profile in wanted.items():
        for shared in shared_by(profile):
            others = having.get(shared, set())
            if len(others | {own_id}) <= most(shared[0]):
                found |= {(min(own_id, other), max(own_id, other)) for other in others if other != own_id}
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
    these = snapshots.Ids(database_of(session), ids)
    own = or_(these.match(Duplicate.party_id), these.match(Duplicate.other_id))
    options = {"synchronize_session": False}
    await session.execute(delete(Duplicate).where(own), {"ids": these.value}, execution_options=options)
    known = await profiles(session, kind, ids)
    return await note(session, kind, await candidates(session, kind, known))
