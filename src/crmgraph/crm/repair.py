"""What is derived from stored values, brought up to date with the rules of this version: keys by which text, emails and
numbers are found, E.164 forms, country codes, and the words of the search index that come of them.

A batch of records is one transaction, and what is right already is left alone: a run may be stopped at any time and
started again, while the database is served. Nothing is merged. A row whose new key belongs to another stays as it is,
and is told.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.identity.staff import write_email
from crmgraph.crm.models import Account, Address, Contact, Credential, Email, Lead, Phone, Staff, VerificationCode
from crmgraph.crm.records import account_names, contact_points, keys
from crmgraph.crm.records.rows import before_of
from crmgraph.crm.search import index
from crmgraph.crm.search.terms import changed_terms
from crmgraph.crm.values.folding import fold
from crmgraph.crm.values.text import clean_email, email_key
from crmgraph.db.database import Database

BATCH = 500
"""How many records one transaction goes through."""
RECORDS: tuple[Any, ...] = (Account, Contact, Lead)
ROWS: tuple[Any, ...] = (Address, Email, Phone)


@dataclass(frozen=True, slots=True)
class Collision:
    """Two live logins that are one by the rules of this version: the second is left as it is.

    Attributes:
        email: as it was given, of the one that is left.
        id: of its credential.
        other_id: of the credential that has the key.
    """

    email: str
    id: int
    other_id: int


@dataclass(slots=True)
class Report:
    """What was found.

    Attributes:
        read: {table: how many rows were looked at}.
        changed: {table: how many were not up to date}.
    """

    read: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    changed: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    collisions: list[Collision] = field(default_factory=list)

    def count(self, session: AsyncSession, found: Iterable[Any]) -> None:
        """Count rows that were loaded in a session, and those of them that have changed since."""
        for row in found:
            self.read[row.__tablename__] += 1
            self.changed[row.__tablename__] += session.is_modified(row)


async def size(db: Database) -> int:
    """How many records and credentials there are to go through."""
    async with db.read() as session:
        return sum([await session.scalar(select(func.count()).select_from(m)) or 0 for m in (*RECORDS, Credential)])


async def repair(
    db: Database, *, region: str | None, dry_run: bool, progress: Callable[[int], None] = lambda done: None
) -> Report:
    """Go through everything that is derived, each batch in its own transaction.

    Args:
        region: ISO 3166-1 alpha-2 of the place from which numbers are dialled that name none.
        dry_run: change nothing, and tell what would be changed.
        progress: is told after each batch how many records and credentials it had.
    """
    report = Report()
    async for session, members in _batches(db, Staff, Staff.id, dry_run):
        for member in members:
            member.name_key = fold(member.name)
            if member.email is not None:
                write_email(member, member.email)
        report.count(session, members)
    for model in RECORDS:
        async for session, records in _batches(db, model, model.id, dry_run):
            report.count(session, await _repair_records(session, records, region))
            progress(len(records))
    taken: dict[str, int] = {}
    async for session, found in _batches(db, Credential, Credential.id, dry_run):
        report.collisions += await _repair_credentials(session, found, taken)
        report.count(session, found)
        progress(len(found))
    async for session, found in _batches(db, VerificationCode, VerificationCode.digest, dry_run):
        for code in found:
            code.email, code.email_key = clean_email(code.email), email_key(code.email)
        report.count(session, found)
    return report


async def _batches(
    db: Database, model: Any, key: Any, dry_run: bool
) -> AsyncIterator[tuple[AsyncSession, Sequence[Any]]]:
    """All rows of a table in the order of a key, each batch locked in its own transaction."""
    last = None
    while True:
        async with _opened(db, dry_run) as session:
            query = select(model).order_by(key).limit(BATCH).with_for_update()
            found = (await session.scalars(query if last is None else query.where(key > last))).all()
            if found:
                last = getattr(found[-1], key.key)
                yield session, found
        if len(found) < BATCH:
            return


@asynccontextmanager
async def _opened(db: Database, dry_run: bool) -> AsyncIterator[AsyncSession]:
    """Its own transaction, which changes what is changed in it or, dry, nothing."""
    async with db.begin() as session:
        yield session
        if dry_run:
            await session.rollback()


async def _repair_records(session: AsyncSession, records: Sequence[Any], region: str | None) -> list[Any]:
    """Bring records and their rows up to date; all of these."""
    children: dict[int, dict[Any, list[Any]]] = {record.id: defaultdict(list) for record in records}
    for child in ROWS:
        query = select(child).where(child.party_id.in_(children)).order_by(child.rank, child.id)
        for row in await session.scalars(query):
            children[row.party_id][child].append(row)
    found = list(records)
    with session.no_autoflush:
        await account_names.take(session, [each for each in records if isinstance(each, Contact)], {})
        owners = {record.owner_id for record in records} - {None}
        query = select(Staff.id, Staff.name_key).where(Staff.id.in_(owners))
        names = {row.id: row.name_key for row in await session.execute(query)}
        for record in records:
            own = children[record.id]
            keys.derive(record)
            for address in own[Address]:
                contact_points.rederive(address, {"name_key": keys.name_key(record)})
            # Only now: a country that its name has told is the region of numbers.
            given = {"region": contact_points.region_of(own[Address]) or region}
            for row in (*own[Email], *own[Phone]):
                contact_points.rederive(row, given)
            keys.derive_of_rows(record, {"phones": own[Phone], "emails": own[Email], "addresses": own[Address]})
            owner_key = names.get(record.owner_id, "")
            if record.owner_key != owner_key:
                record.owner_key = owner_key
            for child in ROWS:
                found += own[child]
        await index.write(
            session, *changed_terms((), [(row, before_of(row)) for row in found], ()), index.kinds_of(records)
        )
    return found


async def _repair_credentials(
    session: AsyncSession, found: Sequence[Credential], taken: dict[str, int]
) -> list[Collision]:
    """Bring credentials up to date, but for those whose key belongs to another.

    Args:
        taken: {key: the credential that has got it in this run}.
    """
    wanted = {each.id: email_key(each.email) for each in found}
    stale = {each.id: wanted[each.id] for each in found if each.live and each.email_key != wanted[each.id]}
    query = select(Credential.email_key, Credential.id).where(
        Credential.email_key.in_(set(stale.values())), Credential.live.is_(True)
    )
    holders: dict[str, int] = {}
    if stale:
        holders = {row.email_key: row.id for row in await session.execute(query)}
    collisions = []
    for each in found:
        key = wanted[each.id]
        other = holders.get(key, taken.get(key, each.id)) if each.id in stale else each.id
        if other != each.id:
            collisions.append(Collision(each.email, each.id, other))
            continue
        if each.id in stale:
            taken[key] = each.id
        each.email, each.email_key = clean_email(each.email), key
    return collisions
