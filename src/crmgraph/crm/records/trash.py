"""The trash: what was deleted is there for staff, and comes back as it was where nobody has taken what is unique of it.

A deleted record keeps its rows, its external ids and its login, but holds none of them, see `WriteSet.remove`.
"""

from typing import Any, NamedTuple

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Circular, NotFound, Refused, Taken
from crmgraph.crm.models import Contact, Credential, ExternalId, PartyKind
from crmgraph.crm.policy import KINDS, MODELS, Actor, Record, gone_for, require_staff
from crmgraph.crm.query import snapshots
from crmgraph.crm.records import external_ids, hierarchies, lookup, numbers
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.edits import Edit, ExternalIdValue
from crmgraph.crm.records.hierarchies import HIERARCHIES, MAX_STEPS
from crmgraph.crm.records.lookup import Ref
from crmgraph.crm.records.numbers import COLUMNS, OF_KIND
from crmgraph.crm.records.sets import WriteSet
from crmgraph.crm.records.unit_of_work import Transaction


async def restore(
    session: AsyncSession,
    actor: Actor,
    kind: PartyKind,
    ref: Ref,
    *,
    if_revision: int | None = None,
    dry_run: bool = False,
) -> Aggregate:
    """Bring a deleted record back with all that belongs to it, and its login.

    Args:
        session: in a transaction.
        ref: names it among those that were deleted.
        if_revision: the revision that the caller read; another one now is refused.
        dry_run: whether to find every fault and to change nothing.

    Returns:
        The record as it is or would be, without its rows.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        NotFound, Ambiguous: the reference names none of the deleted records, or several.
        Stale: it has another revision.
        Taken: another record has its number, one of its external ids or the email of its login by now.
        Circular: it would stand above itself.
    """
    require_staff(actor)
    model = MODELS[kind]
    found = ref.id if ref.id is not None else await lookup.find_deleted(session, actor, kind, ref)
    records = await snapshots.lock(
        session, model, (model.id == found) & model.merged_into_id.is_(None) & gone_for(actor, model)
    )
    if not records:
        raise NotFound
    aggregate = Aggregate(records[0])
    unit = Transaction(session)
    written = WriteSet(unit, actor)
    await written.expect([(kind, aggregate, Edit())])
    login = await _login(session, aggregate.record)
    faults = await _taken_ids(session, aggregate.record)
    faults += await _circles(session, aggregate.record)
    faults += await _taken_number(session, aggregate.record)
    if login is not None and login.held_by is not None:
        faults.append(Taken(("email",), login.held_by or None))
    written.restore(aggregate, faults, if_revision=if_revision)
    if dry_run:
        return aggregate
    await written.write()
    await _take_back(session, aggregate.id, login)
    return aggregate


async def _taken_ids(session: AsyncSession, record: Record) -> list[Refused]:
    columns = (ExternalId.dialect, ExternalId.space, ExternalId.value)
    rows = await session.execute(select(*columns).where(ExternalId.party_id == record.id, ExternalId.live.is_(None)))
    names = [ExternalIdValue(*row) for row in rows]
    if not names:
        return []
    held = await external_ids.holders(session, names)
    holder = next((held[name] for name in sorted(names) if held[name] is not None), None)
    return [] if holder is None else [Taken(("external_ids",), holder)]


async def _taken_number(session: AsyncSession, record: Record) -> list[Refused]:
    series = OF_KIND[KINDS[type(record)]]
    await numbers.lock(session, series)
    model: Any = type(record)
    query = select(model.id).where(COLUMNS[series] == record.number, model.deleted_at.is_(None))
    holder = await session.scalar(query)
    return [] if holder is None else [Taken(("number",), holder)]


async def _circles(session: AsyncSession, record: Record) -> list[Refused]:
    """Whether the record would stand above itself: others may have come to stand below it since it was deleted."""
    name = HIERARCHIES.get(type(record), "")
    above = getattr(record, name, None)
    if above is None:
        return []
    edges = await hierarchies.ways_up(session, type(record), {above})
    for _ in range(MAX_STEPS):
        if above == record.id:
            return [Circular((name,), MAX_STEPS)]
        if above is None or above not in edges:
            return []
        above = edges[above]
    return [Circular((name,), MAX_STEPS)]


class _Login(NamedTuple):
    """The login that a deleted contact had.

    Attributes:
        held_by: whose login has the email by now: a contact, 0 for one of the staff; None for nobody.
    """

    id: int
    held_by: int | None


async def _login(session: AsyncSession, record: Record) -> _Login | None:
    if not isinstance(record, Contact):
        return None
    ended = (Credential.contact_id == record.id, Credential.live.is_(None), Credential.confirmed.is_(True))
    own = (
        await session.execute(select(Credential.id, Credential.email_key, Credential.email_verified).where(*ended))
    ).one_or_none()
    if own is None:
        return None
    live = (Credential.email_key == own.email_key, Credential.live.is_(True))
    other = (await session.execute(select(Credential.contact_id).where(*live))).one_or_none()
    if other is None:
        return _Login(own.id, None)
    # An email that nobody had shown to be theirs may have gone to its owner long before.
    return _Login(own.id, other.contact_id or 0) if own.email_verified else None


async def _take_back(session: AsyncSession, party_id: int, login: _Login | None) -> None:
    """Hold again what a deleted record did not hold."""
    owned = [update(ExternalId).where(ExternalId.party_id == party_id)]
    if login is not None:
        owned.append(update(Credential).where(Credential.id == login.id))
    for each in owned:
        await session.execute(each.values(live=True), execution_options={"synchronize_session": False})
