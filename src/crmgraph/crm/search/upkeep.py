"""Upkeep of the index: made anew from the records, batch by batch, and asked whether any of them is missing in it.

Each batch is one transaction that locks its records, so that nobody changes them between being read and being indexed.
What is right already is left alone: a run may be stopped at any time and started again, while the database is served.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import SEARCHED_AS, Address, Email, Party, Phone, SearchTerm, TermKind
from crmgraph.crm.policy import MODELS
from crmgraph.crm.search import index, vocabulary
from crmgraph.crm.search.terms import Term, terms_of
from crmgraph.db.database import Database

BATCH = 500
"""How many records one transaction goes through."""
MOST_MISSING = 1_000
"""How many records without a row in the index are looked at."""
LOOKED_AT = 1_000
"""How many records are asked whether their words have parts."""
_ROWS: tuple[Any, ...] = (Phone, Email, Address)


@dataclass(slots=True)
class Report:
    """What was found.

    Attributes:
        records: how many were gone through.
        stale: how many of them had other words in the index than they should, or none, or were found as what they are
            not.
        added, removed: rows of the index.
        words: those that had no parts, by which they are found.
        unused: those that nobody has any more, whose parts were removed.
    """

    records: int = 0
    stale: int = 0
    added: int = 0
    removed: int = 0
    words: int = 0
    unused: int = 0


async def size(db: Database) -> int:
    """How many records there are to go through."""
    async with db.read() as session:
        return await session.scalar(select(func.count()).select_from(Party)) or 0


async def reindex(
    db: Database, *, dry_run: bool = False, progress: Callable[[int], None] = lambda done: None
) -> Report:
    """Bring the index up to date with the records, deleted ones too, each batch in its own transaction.

    Args:
        dry_run: change nothing, and tell what would be changed.
        progress: is told after each batch how many records it had.
    """
    report = Report()
    last = 0
    lacking: set[int] = set()
    while True:
        async with db.begin() as session:
            query = select(Party.id).where(Party.id > last).order_by(Party.id).limit(BATCH)
            ids = (await session.scalars(query)).all()
            ends = len(ids) < BATCH
            wanted, kinds = await _wanted(session, ids)
            # What nobody's words are belongs to a record that is gone.
            until = () if ends else (SearchTerm.party_id <= ids[-1],)
            columns = (getattr(SearchTerm, name) for name in Term._fields)
            query_held = select(*columns, SearchTerm.kind).where(SearchTerm.party_id > last, *until)
            kinds_held = {Term(*term): kind for *term, kind in await session.execute(query_held)}
            held = kinds_held.keys()
            gone, come = held - wanted, wanted - held
            astray = {
                term.party_id for term, kind in kinds_held.items() if term in wanted and kind != kinds[term.party_id]
            }
            new = await vocabulary.lacking(session, wanted)
            if not dry_run:
                await index.write(session, sorted(gone), sorted(come), kinds)
                await index.sort_in(session, {party_id: kinds[party_id] for party_id in sorted(astray)})
                await vocabulary.add(session, sorted(wanted))
            # They go on lacking where nothing is changed, and are counted once.
            lacking.update(map(hash, new))
            if ends and not dry_run:
                await vocabulary.complete(session)
        report.records += len(ids)
        report.stale += len(astray | {term.party_id for term in gone | come})
        report.added += len(come)
        report.removed += len(gone)
        report.words = len(lacking)
        progress(len(ids))
        if ends:
            break
        last = ids[-1]
    if not dry_run:
        report.unused = await vocabulary.forget(db)
    return report


async def without_parts(db: Database) -> int:
    """How many words of the records that were made last, `LOOKED_AT` of them, are not found by their parts."""
    async with db.read() as session:
        newest = select(Party.id).order_by(Party.id.desc()).limit(LOOKED_AT)
        columns = (getattr(SearchTerm, name) for name in Term._fields)
        terms = await session.execute(select(*columns).where(SearchTerm.party_id.in_(newest)))
        return len(await vocabulary.lacking(session, [Term(*row) for row in terms]))


async def missing(db: Database) -> int:
    """How many records have words and none of them is where it is looked for, `MOST_MISSING` at most."""
    count = 0
    async with db.read() as session:
        for model in MODELS.values():
            kind = case((model.deleted_at.is_(None), int(SEARCHED_AS[model])), else_=int(TermKind.NONE))
            indexed = select(SearchTerm.party_id).where(SearchTerm.party_id == model.id, SearchTerm.kind == kind)
            query = select(model).where(~indexed.exists()).limit(MOST_MISSING - count)
            count += sum(any(True for _ in terms_of(record)) for record in await session.scalars(query))
    return count


async def _wanted(session: AsyncSession, ids: Any) -> tuple[set[Term], dict[int, TermKind]]:
    """The terms of records and their rows, and the kinds of the records, which stay so until the transaction ends."""
    found: set[Term] = set()
    kinds: dict[int, TermKind] = {}
    if not ids:
        return found, kinds
    for model in MODELS.values():
        query = select(model).where(model.id.in_(ids)).order_by(model.id).with_for_update(key_share=True)
        for record in await session.scalars(query):
            found.update(terms_of(record))
            kinds |= index.kinds_of((record,))
    for child in _ROWS:
        for row in await session.scalars(select(child).where(child.party_id.in_(ids))):
            found.update(terms_of(row))
    return found, kinds
