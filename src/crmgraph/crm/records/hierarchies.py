"""Hierarchies have a top: nobody reports to themselves, and no account is its own parent, over however many others.

Only what is seen counts: a reference to a deleted record leads nowhere, and whoever brings that record back looks
again. Relations are no hierarchy: any two records may stand to each other both ways.
"""

import hashlib
from collections.abc import Collection
from typing import Any

from sqlalchemy import Integer, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Account, Contact
from crmgraph.db.database import require_transaction

HIERARCHIES: dict[type, str] = {Contact: "reports_to_id", Account: "parent_id"}
"""{model: the column that names the next one above}."""

MAX_STEPS = 100
"""The longest way up that is followed; a longer one is refused like a circle, for nobody can tell it from one."""


async def ways_up(session: AsyncSession, model: Any, starts: Collection[int]) -> dict[int, int | None]:
    """{live record: the one above it} of these records and of all above them, as far as anybody follows.

    On PostgreSQL whoever changes a hierarchy locks it until the transaction ends, so that of two who tie two records to
    each other the second finds what the first has written. It is taken after records and before counters are locked,
    see docs/decisions/lookup-locks.md.
    """
    require_transaction(session)
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(select(func.pg_advisory_xact_lock(_KEYS[model])))
    column = getattr(model, HIERARCHIES[model])
    first = select(model.id, column.label("above"), literal(1).label("step"))
    way = first.where(model.id.in_(starts), model.deleted_at.is_(None)).cte("way", recursive=True)
    higher = select(model.id, column, cast(way.c.step + 1, Integer)).where(
        model.id == way.c.above, model.deleted_at.is_(None), way.c.step <= MAX_STEPS
    )
    way = way.union(higher)
    return dict((await session.execute(select(way.c.id, way.c.above))).all())


def _key(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"hierarchy {name}".encode(), digest_size=8).digest(), "big", signed=True)


_KEYS = {model: _key(f"{model.__name__}.{name}") for model, name in HIERARCHIES.items()}
"""{model: the number of its advisory lock}."""
