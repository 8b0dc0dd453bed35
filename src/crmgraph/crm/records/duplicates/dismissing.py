"""Dismissing: somebody of the staff says that two records are not the same, and that is remembered."""

from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Invalid, NotFound, Refused, refuse
from crmgraph.crm.models import DismissedDuplicate, Duplicate, PartyKind, now
from crmgraph.crm.policy import MODELS, Actor, require_staff, visible
from crmgraph.db.database import database_of


async def dismiss(
    session: AsyncSession, actor: Actor, kind: PartyKind, one: int | None, other: int | None
) -> tuple[int, int]:
    """Take two records out of the list of duplicates, for good; again changes nothing.

    Returns:
        Their ids.

    Raises:
        Refused: NotFound of `record` or `other`; Invalid (`same`) of `other`.
        Unauthenticated, Forbidden: the actor is not staff.
    """
    require_staff(actor)
    model: Any = MODELS[kind]
    query = select(model.id).where(model.id.in_([one or 0, other or 0]), visible(actor, model))
    there = set(await session.scalars(query))
    faults: list[Refused] = [
        NotFound((name,)) for name, own_id in (("record", one), ("other", other)) if own_id not in there
    ]
    if not faults and one == other:
        faults.append(Invalid(("other",), "same"))
    refuse(faults)
    if one is None or other is None:
        raise NotFound
    insert: Any = insert_sqlite if database_of(session).is_sqlite else insert_postgresql
    values = {"one_id": min(one, other), "other_id": max(one, other), "at": now(), "staff_id": actor.staff_id}
    await session.execute(insert(DismissedDuplicate).values(values).on_conflict_do_nothing())
    both = Duplicate.party_id.in_([one, other]) & Duplicate.other_id.in_([one, other])
    await session.execute(delete(Duplicate).where(both), execution_options={"synchronize_session": False})
    return one, other
