"""Reads whole lists of records with everything that belongs to them, page by page, to be written elsewhere."""

import datetime as dt
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import (
    Account,
    Change,
    Contact,
    Credential,
    ExternalId,
    LegacyClient,
    Note,
    PartyKind,
    Photo,
    Staff,
)
from crmgraph.crm.policy import MODELS, Actor, gone_for, require_staff, visible
from crmgraph.crm.query.conditions import And, Compare, Op, Where
from crmgraph.crm.query.offset_pages import find_ids
from crmgraph.crm.records.aggregates import ROWS, Aggregate, load
from crmgraph.crm.records.external_ids import CONTENT
from crmgraph.db.database import Database

PAGE = 500
"""Records that are read at once."""


@dataclass(slots=True)
class Dumped:
    """A record and what belongs to it.

    Attributes:
        external_ids: (dialect or system, space, value).
        names: {account, reports_to, parent or owner: what the record or the staff member is called}.
        owner_email: of the staff member who owns it.
        note_owners: {note: the email of who owns it}.
        others: {record that it is related to: its kind, and what it is called}.
        gone: {account, reports_to ...: the id of the deleted record that is named there, which no door shows}.
    """

    aggregate: Aggregate
    external_ids: list[tuple[str, str, str]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    owner_email: str | None = None
    note_owners: dict[int, str] = field(default_factory=dict)
    others: dict[int, tuple[PartyKind, str]] = field(default_factory=dict)
    gone: dict[str, int] = field(default_factory=dict)


async def dump(
    db: Database, actor: Actor, kind: PartyKind, where: Where | None = None, *, size: int = PAGE, deleted: bool = False
) -> AsyncIterator[Dumped]:
    """The live records of a kind, one by one; see `dump_pages`."""
    async for page in dump_pages(db, actor, kind, where, size=size, deleted=deleted):
        for each in page:
            yield each


async def dump_pages(
    db: Database, actor: Actor, kind: PartyKind, where: Where | None = None, *, size: int = PAGE, deleted: bool = False
) -> AsyncIterator[list[Dumped]]:
    """The live records of a kind by their ids, each page as it is at its time.

    Opens sessions that only read, one for each page.

    Args:
        where: what they have to fulfil; all of them without it.
        deleted: whether those are meant that were deleted, and not merged into others; no condition is asked of them.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        Invalid: see `find_ids`.
    """
    pages = _deleted_pages(db, actor, kind, size) if deleted else _id_pages(db, actor, kind, where, size)
    async for ids in pages:
        async with db.read() as session:
            found = await load(session, actor, kind, ids, parts=(*ROWS, "photo"), deleted=deleted)
            page = {own_id: Dumped(aggregate) for own_id, aggregate in found.items()}
            await _fill(session, actor, page, deleted=deleted)
        yield [page[own_id] for own_id in ids if own_id in page]


async def changes(
    db: Database, actor: Actor, kind: PartyKind, where: Where | None = None, *, size: int = PAGE
) -> AsyncIterator[dict[str, Any]]:
    """What has changed of the live records of a kind, each change as it is logged, with who did it."""
    query = (
        select(Change, Staff.email, LegacyClient.name)
        .outerjoin(Credential, Credential.id == Change.credential_id)
        .outerjoin(LegacyClient, LegacyClient.id == Change.client_id)
        .outerjoin(Staff, Staff.id == func.coalesce(Credential.staff_id, LegacyClient.staff_id))
        .order_by(Change.id)
        .limit(size)
    )
    async for ids in _id_pages(db, actor, kind, where, size):
        last = 0
        while True:
            own = query.where(Change.party_id.in_(ids), Change.id > last)
            async with db.read() as session:
                found = (await session.execute(own)).all()
            if not found:
                break
            for change, email, client in found:
                last = change.id
                yield {
                    "record": str(change.party_id),
                    "at": change.at.astimezone(dt.UTC).isoformat(),
                    "action": change.action.value,
                    "revision": change.revision,
                    "door": change.door.value,
                    "user": email,
                    "client": client,
                    "fields": change.fields,
                }


async def photo_rows(
    db: Database, actor: Actor, kind: PartyKind, where: Where | None = None, *, size: int = PAGE
) -> AsyncIterator[Photo]:
    """The photos of the live records of a kind."""
    async for ids in _id_pages(db, actor, kind, where, size):
        async with db.read() as session:
            found = list(await session.scalars(select(Photo).where(Photo.party_id.in_(ids)).order_by(Photo.party_id)))
        for photo in found:
            yield photo


async def _id_pages(
    db: Database, actor: Actor, kind: PartyKind, where: Where | None, size: int
) -> AsyncIterator[list[int]]:
    require_staff(actor)
    model: Any = MODELS[kind]
    last = 0
    while True:
        further = Compare(model.id, Op.GT, last)
        asked = further if where is None else And((where, further))
        async with db.read() as session:
            ids = (await find_ids(session, actor, kind, asked, limit=size)).ids
        if not ids:
            return
        yield ids
        last = ids[-1]


async def _deleted_pages(db: Database, actor: Actor, kind: PartyKind, size: int) -> AsyncIterator[list[int]]:
    require_staff(actor)
    model: Any = MODELS[kind]
    last = 0
    while True:
        query = select(model.id).where(gone_for(actor, model), model.merged_into_id.is_(None), model.id > last)
        async with db.read() as session:
            ids = list(await session.scalars(query.order_by(model.id).limit(size)))
        if not ids:
            return
        yield ids
        last = ids[-1]


async def widths(session: AsyncSession, kind: PartyKind) -> dict[str, int]:
    """{phones, emails or addresses: how many the record has that has most of them}."""
    model: Any = MODELS[kind]
    found = {}
    for name in ("phones", "emails", "addresses"):
        row = ROWS[name]
        of_each = (
            select(func.count().label("n"))
            .select_from(row)
            .join(model, model.id == row.party_id)
            .where(model.deleted_at.is_(None))
            .group_by(row.party_id)
            .subquery()
        )
        found[name] = int(await session.scalar(select(func.max(of_each.c.n))) or 0)
    return found


async def _fill(session: AsyncSession, actor: Actor, page: dict[int, Dumped], *, deleted: bool) -> None:
    query = select(ExternalId.party_id, ExternalId.dialect, ExternalId.space, ExternalId.value)
    live = ExternalId.live.is_(None) if deleted else ExternalId.live.is_(True)
    query = query.where(ExternalId.party_id.in_(page), live, ExternalId.dialect != CONTENT)
    query = query.order_by(ExternalId.id)
    for own_id, *names in await session.execute(query):
        page[own_id or 0].external_ids.append((names[0], names[1], names[2]))
    for note in await session.scalars(select(Note).where(Note.party_id.in_(page)).order_by(Note.id)):
        page[note.party_id].notes.append(note)
    records = [each.aggregate.record for each in page.values()]
    staff_ids = {each.owner_id for each in records} | {n.owner_id for each in page.values() for n in each.notes}
    staff = {each.id: each for each in await session.scalars(select(Staff).where(Staff.id.in_(staff_ids - {None})))}
    for each in page.values():
        owner = staff.get(each.aggregate.record.owner_id or 0)
        if owner is not None:
            each.names["owner"], each.owner_email = owner.name, owner.email
        each.note_owners = {
            note.id: email for note in each.notes if (email := getattr(staff.get(note.owner_id or 0), "email", None))
        }
    await _name(session, actor, page, "account_id", Account)
    await _name(session, actor, page, "parent_id", Account)
    await _name(session, actor, page, "reports_to_id", Contact)
    await _name(session, actor, page, "primary_contact_id", Contact)
    await _name(session, actor, page, "converted_contact_id", Contact)
    await _name(session, actor, page, "converted_account_id", Account)
    await _name_others(session, actor, page)


async def _name(session: AsyncSession, actor: Actor, page: dict[int, Dumped], column: str, model: Any) -> None:
    """What the records are called that those of the page name."""
    wanted: Collection[int] = {
        own_id for each in page.values() if (own_id := getattr(each.aggregate.record, column, None)) is not None
    }
    if not wanted:
        return
    seen = visible(actor, model, deleted=True)
    named = {each.id: each for each in await session.scalars(select(model).where(model.id.in_(wanted), seen))}
    for each in page.values():
        record = named.get(getattr(each.aggregate.record, column, None))
        if record is None:
            continue
        if record.deleted_at is None:
            each.names[column.removesuffix("_id")] = _called(record)
        else:
            each.gone[column.removesuffix("_id")] = record.id


async def _name_others(session: AsyncSession, actor: Actor, page: dict[int, Dumped]) -> None:
    """What those are called to whom the records of the page are related."""
    wanted = {row.other_id for each in page.values() for row in each.aggregate.relations} - {None}
    if not wanted:
        return
    others: dict[int, tuple[PartyKind, str]] = {}
    models: dict[PartyKind, Any] = {PartyKind.CONTACT: Contact, PartyKind.ACCOUNT: Account}
    for kind, model in models.items():
        for record in await session.scalars(select(model).where(model.id.in_(wanted), visible(actor, model))):
            others[record.id] = kind, _called(record)
    for each in page.values():
        each.others = {row.other_id: others[row.other_id] for row in each.aggregate.relations if row.other_id in others}


def _called(record: Any) -> str:
    if isinstance(record, Account):
        return record.name or ""
    return f"{record.first_name or ''} {record.last_name or ''}".strip()
