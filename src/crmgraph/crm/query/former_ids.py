"""Former ids: the ids and numbers of records that were merged into others lead to those, for good.

The record that was merged stays as a deleted one that names the other (`merged_into_id`), which was never merged on.
What a dialect prints of it, minted ids included, leads there by rows of `ExternalId`, as everything does that is
looked for by an id of a dialect; see docs/decisions/merge.md.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from crmgraph.crm.policy import Actor, visibility_key, visibility_values, visible, with_parameters
from crmgraph.crm.query import snapshots
from crmgraph.db.database import database_of


def standing(model: Any, given: ColumnElement[Any]) -> ColumnElement[Any]:
    """The id of the record that an id of this kind leads to: itself, unless that was merged.

    Args:
        given: the id, a parameter or a column.
    """
    former = aliased(model)
    heir = select(former.merged_into_id).where(former.id == given).correlate_except(former).scalar_subquery()
    found: ColumnElement[Any] = func.coalesce(heir, given)
    return found


def standing_of_several(own: ColumnElement[bool], former: Any) -> Any:
    """The query of the ids that several ids lead to, likewise.

    Args:
        own: which records of `former` they are of.
        former: an alias of the model of their kind.
    """
    return select(func.coalesce(former.merged_into_id, former.id)).where(own).correlate_except(former)


def numbered(model: Any, number: ColumnElement[Any]) -> ColumnElement[Any]:
    """The id of the record that a number leads to: of the live one that has it, else of the one that inherited it."""
    own, former = aliased(model), aliased(model)
    live = select(own.id).where(own.number == number, own.deleted_at.is_(None)).scalar_subquery()
    inherited = select(func.max(former.merged_into_id)).where(
        former.number == number, former.merged_into_id.is_not(None)
    )
    found: ColumnElement[Any] = func.coalesce(live, inherited.scalar_subquery())
    return found


async def heirs(session: AsyncSession, actor: Actor, model: Any, ids: Collection[int]) -> dict[int, int]:
    """{id: the record into which it was merged} of those ids whose record was, and now is one that the actor may see.

    It is asked when an id names nothing: whoever finds a record by it needs no statement for this.
    """
    if not ids:
        return {}
    named = snapshots.Ids(database_of(session), list(ids))

    def query() -> Any:
        former = aliased(model)
        whose = visible(with_parameters(actor), model)
        return (
            select(former.id, model.id)
            .join(model, model.id == former.merged_into_id)
            .where(named.match(former.id), whose)
        )

    key = ("heirs", model, named.shape, visibility_key(actor))
    rows = await snapshots.rows_of(session, key, query, {"ids": named.value} | visibility_values(actor))
    return {row[0]: row[1] for row in rows}


def inherited(model: Any, name: str) -> ColumnElement[Any]:
    """`standing` of a parameter.

    Args:
        name: of the parameter.
    """
    return standing(model, bindparam(name, type_=BigInteger()))
