"""The row of a record's photo, and what the log has of it."""

from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph import photos
from crmgraph.crm import idempotency
from crmgraph.crm.errors import NotFound
from crmgraph.crm.models import Action, Change, PartyKind, Photo, now
from crmgraph.crm.policy import Actor, check_change
from crmgraph.crm.records import aggregates
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.change_log import Changes, Entry, touch
from crmgraph.crm.records.edits import Stamp
from crmgraph.crm.records.leads import require_unlocked
from crmgraph.photos import Rendered


async def load(session: AsyncSession, actor: Actor, kind: PartyKind, party_id: int, *, lock: bool = False) -> Aggregate:
    """The record with its photo.

    Raises:
        NotFound, Forbidden, Locked: see `RecordPhotos.set`.
    """
    found = await aggregates.load(session, actor, kind, [party_id], lock=lock, parts=("photo",))
    if party_id not in found:
        raise NotFound
    require_changeable(actor, found[party_id])
    return found[party_id]


def require_changeable(actor: Actor, aggregate: Aggregate) -> None:
    """Refuse what the actor may not change.

    Raises:
        Forbidden, Locked: see `RecordPhotos.set`.
    """
    check_change(actor, aggregate.record, {})  # of no column there is no fault: it raises or lets pass
    require_unlocked(aggregate.record)


def row_of(party_id: int, kind: PartyKind, key: str, rendered: Rendered, file_name: str | None = None) -> Photo:
    """The row of a photo that lies in the store under a key."""
    return Photo(
        party_id=party_id,
        key=key,
        file_name=file_name or photos.file_name(kind, party_id, rendered.content_type),
        content_type=rendered.content_type,
        width=rendered.width,
        height=rendered.height,
        size_bytes=len(rendered.sizes["original"]),
        created_at=now(),
    )


async def log_change(
    session: AsyncSession,
    actor: Actor,
    aggregate: Aggregate,
    old: str | None,
    new: str | None,
    *,
    touched: bool = False,
    told: bool = False,
) -> None:
    """Log that a record has another photo, see `entry_of`."""
    await idempotency.claim(session)
    session.add(Change(**entry_of(actor, aggregate, old, new, touched=touched, told=told).columns()))
    await session.flush()


def entry_of(
    actor: Actor, aggregate: Aggregate, old: str | None, new: str | None, *, touched: bool = False, told: bool = False
) -> Entry:
    """The entry of the log that a record has another photo.

    Args:
        old, new: the names of the files; None for no photo.
        touched: whether the transaction has counted its revision of the record.
        told: whether an old CRM tells it: the record keeps the time of its last change.
    """
    if not touched:
        touch(aggregate.record, actor, Stamp(updated_at=aggregate.record.updated_at) if told else None)
    changes = Changes(actor)
    changes.replaced("photo", old, new)
    return changes.entry(aggregate.record, Action.UPDATED, now() if told else None)
