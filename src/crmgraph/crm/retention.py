"""What is kept for how long, and the removal of what has passed that time.

Rows go in small batches, each a short transaction that passes over what somebody else holds, so that any number of
processes may purge at once and nobody waits for them.
"""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import structlog
from sqlalchemy import ColumnElement, CursorResult, Select, and_, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm import comparisons, idempotency
from crmgraph.crm.identity import pending_signups
from crmgraph.crm.identity.throttle import EMAIL_SECONDS
from crmgraph.crm.identity.verification_codes import LIFETIMES
from crmgraph.crm.models import (
    Attempt,
    Change,
    Compared,
    ConvertedLead,
    Credential,
    Divergence,
    IdempotencyKey,
    Import,
    ImportRow,
    Job,
    LearnedToken,
    LegacyToken,
    Merge,
    Photo,
    Purpose,
    Session,
    Task,
    Usage,
    UsageField,
    VerificationCode,
    now,
)
from crmgraph.crm.records.merging.unmerge import UNDONE_FOR, forget
from crmgraph.db.database import Database
from crmgraph.photos import KeptFiles, PhotoStore
from crmgraph.photos.files import Folder

log = structlog.get_logger(__name__)

BATCH = 500
"""How many rows go in one transaction."""
KEPT_FILES: dict[Folder, dt.timedelta] = {"imports": dt.timedelta(days=30), "exports": dt.timedelta(days=1)}
"""How long the files of imports and exports are kept."""
FEW = 100
"""How many photos without a row are never a sign that the store belongs to another database."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept; None is for ever.

    Attributes:
        changes_days: lines of the history, from their date.
        sessions_days: sessions with their refresh tokens, after their end.
        tokens_days: tokens of legacy clients and mailed codes, after they have expired, and signups that nobody has
            confirmed, after their codes have.
        attempts_seconds: failed tries, as long as the throttle looks back.
        jobs_days: jobs of the background that failed for good, and what people have asked for, from its end.
        imports_days: what it takes to undo an import, from its beginning; the import itself stays in the list.
        usage_days: counts of the calls of legacy APIs, from their day.
        photos_days: photos in the store to which no row belongs.
    """

    changes_days: int | None = None
    sessions_days: int | None = 30
    tokens_days: int | None = 7
    attempts_seconds: int = 900
    jobs_days: int | None = 7
    imports_days: int | None = 90
    usage_days: int | None = 400
    photos_days: int | None = 1


@dataclass(frozen=True, slots=True)
class Expired:
    """Rows of one kind that have passed their time.

    Attributes:
        name: as people call them.
        key: their primary key.
        remove: takes a batch of them out, by their keys; None where the rows alone go.
    """

    name: str
    key: Any
    condition: ColumnElement[bool]
    remove: Callable[[AsyncSession, Sequence[Any]], Awaitable[None]] | None = None

    @property
    def first(self) -> Select[Any]:
        """The keys of one batch."""
        return select(self.key).where(self.condition).order_by(self.key).limit(BATCH)

    async def remove_batch(self, session: AsyncSession) -> int:
        """Remove one batch, without the rows that somebody else holds. Returns how many went."""
        keys = (await session.scalars(self.first.with_for_update(skip_locked=True))).all()
        if keys and self.remove is not None:
            await self.remove(session, keys)
        elif keys:
            gone = await session.execute(delete(self.key.class_).where(self.key.in_(keys)))
            return cast(CursorResult[Any], gone).rowcount  # of a key that rows share, more than were looked at
        return len(keys)


def expired(keep: Retention) -> Iterator[Expired]:
    """What has passed its time by now."""
    at = now()
    if keep.changes_days is not None:
        # In the order of the feed, which grows with time: the dates of the log have no index, and are not worth one.
        ordered = select(Change.id, Change.at).where(Change.transaction_id.is_not(None))
        oldest = ordered.order_by(Change.transaction_id, Change.id).limit(BATCH).subquery()
        past = select(oldest.c.id).where(oldest.c.at < at - dt.timedelta(days=keep.changes_days))
        yield Expired("changes", Change.id, Change.id.in_(past))
    if keep.sessions_days is not None:
        until = at - dt.timedelta(days=keep.sessions_days)
        yield Expired("sessions", Session.id, or_(Session.expires_at < until, Session.ended_at < until))
    if keep.tokens_days is not None:
        until = at - dt.timedelta(days=keep.tokens_days)
        gone = or_(LegacyToken.expires_at < until, and_(LegacyToken.revoked, LegacyToken.created_at < until))
        yield Expired("tokens", LegacyToken.digest, gone)
        yield Expired("learned tokens", LearnedToken.digest, LearnedToken.expires_at < until)
        abandoned = pending_signups.abandoned(until - LIFETIMES[Purpose.CONFIRM])
        yield Expired("signups", Credential.id, abandoned, pending_signups.remove)
        yield Expired("codes", VerificationCode.digest, VerificationCode.expires_at < until)
    if keep.jobs_days is not None:
        until = at - dt.timedelta(days=keep.jobs_days)
        yield Expired("jobs", Job.id, Job.failed_at < until)
        yield Expired("tasks", Task.id, Task.finished_at < until)
    if keep.imports_days is not None:
        old = select(Import.id).where(Import.created_at < at - dt.timedelta(days=keep.imports_days))
        yield Expired("import rows", ImportRow.id, ImportRow.import_id.in_(old))
    if keep.usage_days is not None:
        first = (at - dt.timedelta(days=keep.usage_days)).date()
        yield Expired("counts of calls", Usage.day, Usage.day < first)
        yield Expired("counts of fields", UsageField.day, UsageField.day < first)
        yield Expired("counts of comparisons", Compared.day, Compared.day < first)
        gone = Divergence.last_at < at - dt.timedelta(days=keep.usage_days)
        yield Expired("differences", Divergence.last_at, gone)
    yield Expired("values of differences", Divergence.last_at, comparisons.has_old_values(), comparisons.forget_values)
    settled = and_(Merge.before.is_not(None), Merge.at < at - UNDONE_FOR)
    yield Expired("merges", Merge.id, settled, forget)
    yield Expired("conversions", ConvertedLead.lead_id, ConvertedLead.at < at - UNDONE_FOR)
    yield Expired("idempotency keys", IdempotencyKey.created_at, IdempotencyKey.created_at < at - idempotency.KEPT)
    back = dt.timedelta(seconds=max(keep.attempts_seconds, EMAIL_SECONDS))
    yield Expired("tries", Attempt.id, Attempt.at < at - back)


async def purge_rows(db: Database, keep: Retention, *, dry_run: bool = False) -> dict[str, int]:
    """Remove the rows that have passed their time, each batch in its own transaction.

    Args:
        dry_run: count them only; of changes, the first batch.

    Returns:
        How many of each kind.
    """
    gone: dict[str, int] = {}
    for each in expired(keep):
        gone[each.name] = 0
        if dry_run:
            async with db.read() as session:
                count = select(func.count()).select_from(select(each.key).where(each.condition).subquery())
                gone[each.name] = await session.scalar(count) or 0
            continue
        while (batch := await db.transact(each.remove_batch)) >= BATCH:
            gone[each.name] += batch
            await asyncio.sleep(0.01)  # others first
        gone[each.name] += batch
    return gone


async def purge_photos(
    db: Database, store: PhotoStore, keep: Retention, *, dry_run: bool = False, even_most: bool = False
) -> int:
    """Remove the photos from the store that no row names, once they are old enough not to be on their way to one.

    Args:
        dry_run: count them only.
        even_most: do it where most of the photos are such, which is what the store of another database looks like.

    Returns:
        How many.

    Raises:
        StoreAway: the store does not answer.
    """
    if keep.photos_days is None:
        return 0
    seen, orphans = 0, set[str]()
    async for keys in store.older_than(now() - dt.timedelta(days=keep.photos_days)):
        async with db.read() as session:
            named = set(await session.scalars(select(Photo.key).where(Photo.key.in_(keys))))
        seen += len(keys)
        orphans |= keys - named
    if dry_run:
        return len(orphans)
    if len(orphans) > FEW and 2 * len(orphans) > seen and not even_most:
        log.warning(
            "most photos in the store belong to no record here: is it another's?", orphans=len(orphans), of=seen
        )
        return 0
    for key in orphans:
        await store.remove(key)
    return len(orphans)


async def purge_files(files: KeptFiles, *, dry_run: bool = False) -> int:
    """Remove the files of imports and exports that have passed their time.

    Returns:
        How many.

    Raises:
        StoreAway: the store does not answer.
    """
    return sum([await files.sweep(folder, now() - life, dry_run=dry_run) for folder, life in KEPT_FILES.items()])
