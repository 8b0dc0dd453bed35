"""The verbs that change one record of any kind: create, update, remove. Each is a write set of one.

Every function takes the session or the unit of work first and never commits: the edge that opened it does.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import PartyKind
from crmgraph.crm.policy import Actor
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.edits import Edit
from crmgraph.crm.records.sets import WriteSet
from crmgraph.crm.records.unit_of_work import Transaction, UnitOfWork


async def create(
    session: AsyncSession, actor: Actor, kind: PartyKind, edit: Edit, *, signing_up: bool = False
) -> Aggregate:
    """A new record with its rows, which belong to no session; see `WriteSet.create`."""
    written = WriteSet(Transaction(session), actor)
    made = await written.create(kind, edit, signing_up=signing_up)
    await written.write()
    return made


async def update(
    unit: UnitOfWork, actor: Actor, aggregate: Aggregate, edit: Edit, *, if_revision: int | None = None
) -> bool:
    """Change a record that was loaded with `lock`, or for the change in the same unit; see `WriteSet.update`."""
    written = WriteSet(unit, actor)
    changed = await written.update(aggregate, edit, if_revision=if_revision)
    await written.write()
    return changed


async def remove(session: AsyncSession, actor: Actor, aggregate: Aggregate, *, if_revision: int | None = None) -> None:
    """Take a record that was loaded with `lock` out of every door's sight; see `WriteSet.remove`."""
    written = WriteSet(Transaction(session), actor)
    written.remove(aggregate, if_revision=if_revision)
    await written.write()
