"""What a field may hold: the values of an enum, or the texts that records have in it, for menus."""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Enum as SqlEnum
from sqlalchemy import Select, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from crmgraph.crm.models import Account, Contact, Lead, PartyKind
from crmgraph.crm.policy import MODELS, Actor, visibility_key, visibility_values, visible, with_parameters
from crmgraph.crm.query import snapshots
from crmgraph.crm.query.columns import SEARCHED

MAX_CHOICES = 200
"""The most values that are told of a field, the first ones in the order of their letters."""

FIELDS: dict[PartyKind, dict[str, InstrumentedAttribute[Any]]] = {
    PartyKind.CONTACT: {
        "category": Contact.category,
        "life_cycle_state": Contact.life_cycle_state,
    },
    PartyKind.ACCOUNT: {
        "kind": Account.kind,
        "account_type": Account.account_type,
        "industry": Account.industry,
        "rating": Account.rating,
        "segment": Account.segment,
        "status": Account.status,
    },
    PartyKind.LEAD: {
        "approval": Lead.approval,
        "rating": Lead.rating,
        "source": Lead.source,
        "status": Lead.status,
    },
}
"""The fields that have choices. Each text among them has a key, along whose index its values are found one by one."""


async def choices(session: AsyncSession, actor: Actor, kind: PartyKind, field: str) -> list[str]:
    """What a field holds: of an enum all its values, of a text those of records that the actor may see.

    Args:
        field: one of `FIELDS`.
    """
    if (known := fixed(kind, field)) is not None:
        return known
    key = ("choices", kind, field, visibility_key(actor))
    rows = await snapshots.rows_of(
        session, key, lambda: texts(with_parameters(actor), kind, field, "found"), visibility_values(actor)
    )
    return [row[0] for row in rows]


def fixed(kind: PartyKind, field: str) -> list[str] | None:
    """The values of a field that is an enum; None of a text."""
    column = FIELDS[kind][field]
    return list(cast(Sequence[str], column.type.enums)) if isinstance(column.type, SqlEnum) else None


def texts(actor: Actor, kind: PartyKind, field: str, name: str) -> Select[Any]:
    """The query of the texts that records have in a field, as `value`, in the order of their letters.

    What is the same but for case and accents is one, as the first record has it.

    Args:
        actor: as `with_parameters` makes it.
        name: of a part of the statement.
    """
    column, model = FIELDS[kind][field], MODELS[kind]
    key = SEARCHED[column].key
    seen = (visible(actor, model), key != literal_column("''"))
    # The next key is looked up by the index: all values of a column are as many look-ups, however many records.
    least: Any = select(func.min(key).label("value"), literal_column("1").label("number")).where(*seen)
    found = least.cte(name, recursive=True)
    following = select(func.min(key)).where(*seen, key > found.c.value).correlate(found).scalar_subquery()
    step = select(following, found.c.number + literal_column("1")).where(
        found.c.value.is_not(None), found.c.number < literal_column(str(MAX_CHOICES))
    )
    every = found.union_all(step)
    spelled = select(column).where(*seen, key == every.c.value).order_by(model.id).limit(literal_column("1"))
    value = spelled.correlate(every).scalar_subquery().label("value")
    return select(value).where(every.c.value.is_not(None)).order_by(every.c.number)
