"""Lists of records by conditions, an order and an offset, for the doors whose lists are counted in pages."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Invalid
from crmgraph.crm.models import PartyKind, Phone
from crmgraph.crm.policy import MODELS, Actor, sees_all, visible, waits
from crmgraph.crm.query.conditions import (
    MAX_CONDITIONS,
    And,
    Compare,
    KeptValue,
    Not,
    Op,
    Or,
    Place,
    RowValue,
    Same,
    Where,
    WholeDate,
    size,
)
from crmgraph.crm.query.sql import Spelling
from crmgraph.crm.values.phone_numbers import parse_phone

MAX_OFFSET = 2**31
"""The furthest that a page may begin."""


@dataclass(frozen=True, slots=True)
class Order:
    """By what a list is sorted. What has no value comes last."""

    by: Any
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """The ids of one page.

    Attributes:
        more: whether there is another after it.
    """

    ids: list[int]
    more: bool


async def find_ids(
    session: AsyncSession,
    actor: Actor,
    kind: PartyKind,
    where: Where | None = None,
    *,
    order: Sequence[Order] = (),
    offset: int = 0,
    limit: int = 200,
) -> Page:
    """The ids of the live records that the actor may see and that fulfil `where`, in one statement.

    Args:
        order: ties, and a list without an order, go by id.

    Raises:
        Invalid: a value is not of the form of its column, or there are too many conditions.
    """
    model = MODELS[kind]
    if not 0 <= offset <= MAX_OFFSET:
        return Page([], False)
    spell = Spelling(model, _is_sqlite(session))
    query = _query(select(model.id), actor, spell, where)
    for each in order:
        for value in spell.sorted(each.by):
            query = query.order_by((value.desc() if each.descending else value.asc()).nulls_last())
    last = order[-1].descending if order else False
    query = query.order_by(model.id.desc() if last else model.id).offset(offset).limit(limit + 1)
    ids = list(await session.scalars(query))
    return Page(ids[:limit], len(ids) > limit)


async def count(session: AsyncSession, actor: Actor, kind: PartyKind, where: Where | None = None) -> int:
    """How many live records the actor may see fulfil `where`.

    Raises:
        Invalid: see `find_ids`.
    """
    spell = Spelling(MODELS[kind], _is_sqlite(session))
    return await session.scalar(_query(select(func.count()).select_from(MODELS[kind]), actor, spell, where)) or 0


async def find_deleted(
    session: AsyncSession,
    actor: Actor,
    kind: PartyKind,
    *,
    since: dt.datetime | None = None,
    offset: int = 0,
    limit: int = 200,
) -> tuple[list[Any], bool]:
    """Deleted records, the last first, and whether there are more. Only staff know of any; signups that wait are none.

    Args:
        since: those that were deleted after this moment.
    """
    if not sees_all(actor) or not 0 <= offset <= MAX_OFFSET:
        return [], False
    model: Any = MODELS[kind]
    query = select(model).where(model.deleted_at.is_not(None), ~waits(model))
    if since is not None:
        query = query.where(model.deleted_at > since)
    query = query.order_by(model.deleted_at.desc(), model.id.desc()).offset(offset).limit(limit + 1)
    found = list(await session.scalars(query))
    return found[:limit], len(found) > limit


def phone_equals(raw: str, region: str | None) -> Where:
    """Records with an active phone of this number, in whatever spelling.

    Args:
        region: ISO 3166-1 alpha-2 of the place it is dialled from; None when unknown.
    """
    forms = parse_phone(raw, region)
    either: list[Where] = []
    if forms.e164 is not None:
        either.append(Compare(RowValue(Phone.e164), Op.EQUALS, forms.e164))
    either.append(Compare(RowValue(Phone.raw), Op.EQUALS, raw))
    return Or(tuple(either))


def _is_sqlite(session: AsyncSession) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _query(query: Select[Any], actor: Actor, spell: "Spelling", where: Where | None) -> Select[Any]:
    query = query.where(visible(actor, spell.model))
    if where is None:
        return query
    if size(where) > MAX_CONDITIONS:
        raise Invalid((), "too_long", MAX_CONDITIONS)
    return query.where(spell.where(where))


__all__ = [
    "And",
    "Compare",
    "KeptValue",
    "Not",
    "Op",
    "Or",
    "Order",
    "Page",
    "Place",
    "RowValue",
    "Same",
    "Where",
    "WholeDate",
    "count",
    "find_deleted",
    "find_ids",
    "phone_equals",
]
