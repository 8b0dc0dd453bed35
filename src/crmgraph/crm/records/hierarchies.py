"""Hierarchies have a top: nobody reports to themselves, and no account is its own parent, over however many others.

Only what is seen counts: a reference to a deleted record leads nowhere, and whoever brings that record back looks
again. Relations are no hierarchy: any two records may stand to each other both ways.
"""

import hashlib
from typing import Any

from sqlalchemy import BigInteger, Integer, bindparam, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Circular, Refused
from crmgraph.crm.models import Account, Contact
from crmgraph.db.database import require_transaction

HIERARCHIES: dict[type, str] = {Contact: "reports_to_id", Account: "parent_id"}
"""{model: the column that names the next one above}."""

MAX_STEPS = 100
"""The longest way up that is followed; a longer one is refused like a circle, for nobody can tell it from one."""


async def check_circle(session: AsyncSession, record: Any, changed: dict[str, Any]) -> list[Refused]:
    """The fault of a change that would put a record above itself, or at the end of too long a way up.

    On PostgreSQL whoever changes a hierarchy holds it until the transaction ends, so that of two who tie two records to
    each other the second finds what the first has written. It is taken after records and before counters are locked,
    see docs/decisions/lookup-locks.md.

    Args:
        record: it was loaded with `lock`.
        changed: the columns that it gets.
    """
    model: Any = type(record)
    name = HIERARCHIES.get(model, "")
    above = changed.get(name)
    if above is None:
        return []
    if above == record.id:
        return [Circular((name,), MAX_STEPS)]
    require_transaction(session)
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(select(func.pg_advisory_xact_lock(_KEYS[model])))
    column = getattr(model, name)
    first = select(column.label("above"), literal(1).label("step"))
    way = first.where(model.id == bindparam("above", type_=BigInteger()), model.deleted_at.is_(None)).cte(
        "way", recursive=True
    )
    higher = select(column, cast(way.c.step + 1, Integer)).where(
        model.id == way.c.above,
        model.deleted_at.is_(None),
        way.c.step <= MAX_STEPS,
        way.c.above != bindparam("own", type_=BigInteger()),
    )
    way = way.union_all(higher)
    query = select(func.max(way.c.step), func.count().filter(way.c.above == bindparam("own", type_=BigInteger())))
    steps, met = (await session.execute(query, {"above": above, "own": record.id})).one()
    return [Circular((name,), MAX_STEPS)] if met or (steps or 0) > MAX_STEPS else []


def _key(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"hierarchy {name}".encode(), digest_size=8).digest(), "big", signed=True)


_KEYS = {model: _key(f"{model.__name__}.{name}") for model, name in HIERARCHIES.items()}
"""{model: the number of its advisory lock}."""
