"""The verbs that change records of all three kinds: create, update, remove.

Every function takes the session or the unit of work first and never commits: the edge that opened it does.
"""

from typing import Any

from sqlalchemy import update as update_rows
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import refuse
from crmgraph.crm.models import (
    FOLDED,
    Account,
    Action,
    Address,
    Contact,
    Credential,
    ExternalId,
    Lead,
    Party,
    PartyKind,
    now,
)
from crmgraph.crm.policy import MODELS, Actor, Record, require_staff
from crmgraph.crm.records import numbers
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.change_log import Changes
from crmgraph.crm.records.checks import changed_values, faults_of, require_revision
from crmgraph.crm.records.contact_points import apply_rows, complete_numbers, region_of
from crmgraph.crm.records.edits import Edit
from crmgraph.crm.records.leads import releases, require_unlocked, require_workable
from crmgraph.crm.records.unit_of_work import Transaction, UnitOfWork
from crmgraph.crm.values.folding import fold

_KEYS = {
    model: [(column.key, key.key) for column, key in FOLDED.items() if column.class_ is model]
    for model in MODELS.values()
}
"""{model: (column, the column of its search key)}."""


async def create(
    session: AsyncSession, actor: Actor, kind: PartyKind, edit: Edit, *, signing_up: bool = False
) -> Aggregate:
    """A new record with its rows.

    Args:
        edit: only additions; `number` may be given, and otherwise comes from its series.
        signing_up: the caller registers a customer, who is nobody's staff.

    Raises:
        Refused: everything that is wrong with the edit, at once; or the actor may not.
    """
    if not signing_up:
        require_staff(actor)
    model = MODELS[kind]
    refuse(await faults_of(Transaction(session), actor, kind, None, edit))
    party = Party(kind=kind)
    session.add(party)
    await session.flush()
    number = edit.values.get("number") or (await numbers.take(session, numbers.OF_KIND[kind]))[0]
    at = now()
    record: Any = model(
        **{
            "created_at": at,
            "updated_at": at,
            "created_by_id": actor.staff_id,
            "modified_by_id": actor.staff_id,
            **edit.values,
            "id": party.id,
            "number": number,
            "revision": 1,
            "extra_fields": edit.extra_fields,
        }
    )
    derive(record)
    session.add(record)
    aggregate = Aggregate(record)
    changes = Changes(actor)
    for name, value in edit.values.items():
        changes.column(name, None, value)
    await session.flush()
    await _apply_rows(Transaction(session), actor, aggregate, edit, changes)
    changes.write(session, record, Action.CREATED)
    await session.flush()
    return aggregate


async def update(
    unit: UnitOfWork,
    actor: Actor,
    aggregate: Aggregate,
    edit: Edit,
    *,
    if_revision: int | None = None,
) -> bool:
    """Change a record that was loaded with `lock`, or for the change in the same unit of work.

    What would change nothing changes nothing, not even the revision.

    Args:
        if_revision: the revision that the caller read; another one now is refused.

    Returns:
        Whether anything changed.

    Raises:
        Refused: everything that is wrong with the edit, at once; or the actor may not.
        NotApproved, Locked, Invalid: nobody may work on this lead now, see `leads.require_workable`.
    """
    record = aggregate.record
    require_revision(record, if_revision)
    if isinstance(record, Lead) and not releases(edit):
        require_workable(record)
    refuse(await faults_of(unit, actor, aggregate.kind, aggregate, edit))

    primary = _primary_email(aggregate)
    changes = Changes(actor)
    for name, value in changed_values(record, edit).items():
        changes.column(name, getattr(record, name), value)
        setattr(record, name, value)
    key = derive(record)
    if key is not None:
        rows = update_rows(Address).where(Address.party_id == record.id)
        await (await unit.transaction()).execute(rows.values(name_key=key))
    completed = await _apply_rows(unit, actor, aggregate, edit, changes)
    record.extra_fields = changes.extra_fields(record.extra_fields, edit.extra_fields)
    login = aggregate.login
    if login is not None and _primary_email(aggregate) not in (primary, login.email_key):
        aggregate.parted_login = login.email
    if not changes:
        if completed:
            await unit.flush()
        return False
    touch(record, actor)
    unit.log(changes.line(record, Action.UPDATED))
    await unit.flush()
    return True


def _primary_email(aggregate: Aggregate) -> str | None:
    """What the first active email is found by."""
    return next((row.address_key for row in aggregate.emails if row.active), None)


async def remove(session: AsyncSession, actor: Actor, aggregate: Aggregate, *, if_revision: int | None = None) -> None:
    """Take a record that was loaded with `lock` out of every door's sight, and free its uniques.

    Its rows stay, and so does what other records hold of it: nobody sees that while it is deleted.

    Args:
        if_revision: the revision that the caller read; another one now is refused.

    Raises:
        Unauthenticated, Forbidden: the actor is not staff.
        Stale: it has another revision.
        Locked: a process holds it.
    """
    require_staff(actor)
    record = aggregate.record
    require_revision(record, if_revision)
    require_unlocked(record)
    touch(record, actor)
    record.deleted_at = record.updated_at
    await session.execute(update_rows(ExternalId).where(ExternalId.party_id == record.id).values(live=None))
    if isinstance(record, Contact):
        await session.execute(update_rows(Credential).where(Credential.contact_id == record.id).values(live=None))
    Changes(actor).write(session, record, Action.DELETED)
    await session.flush()


def touch(record: Record, actor: Actor) -> None:
    """Count one more revision of the aggregate: once a transaction."""
    record.revision += 1
    record.updated_at = max(now(), record.updated_at)
    if actor.staff_id is not None:
        record.modified_by_id = actor.staff_id


def derive(record: Record) -> str | None:
    """Bring the stored keys up to date; the name key when it changed."""
    before = name_key(record)
    for name, key in _KEYS[type(record)]:
        folded = fold(getattr(record, name))
        if getattr(record, key) != folded:
            setattr(record, key, folded)
    after = name_key(record)
    return None if after == before else after


def name_key(record: Record) -> str:
    """The key by which lists of this kind are sorted by name."""
    return record.name_key if isinstance(record, Account) else record.last_name_key


async def _apply_rows(unit: UnitOfWork, actor: Actor, aggregate: Aggregate, edit: Edit, changes: Changes) -> bool:
    """Carry out the edits of all lists; whether anything was derived that no change tells of."""
    # Addresses first: the country of the first one is the region of phones that name none.
    if edit.addresses:
        key = name_key(aggregate.record)
        await apply_rows(unit, aggregate, "addresses", edit.addresses, changes, {"name_key": key})
    if edit.emails:
        await apply_rows(unit, aggregate, "emails", edit.emails, changes, {"self_given": not actor.is_staff})
    region = region_of(aggregate.addresses) or actor.region
    if edit.phones:
        await apply_rows(unit, aggregate, "phones", edit.phones, changes, {"region": region})
    if edit.relations:
        await apply_rows(unit, aggregate, "relations", edit.relations, changes, {})
    # What is derived is nobody's change: it is written, and not told in the log.
    return bool(edit.phones or edit.addresses) and complete_numbers(aggregate.phones, region)
