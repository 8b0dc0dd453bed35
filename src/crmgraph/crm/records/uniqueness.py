"""Whoever looks for a record and writes depending on what was found, locks what was looked for.

Of two who look for the same value at the same moment the second waits until the first has committed, and finds what
it wrote. On PostgreSQL a value is locked by an advisory lock of the transaction, on its form as it is compared, so that
two spellings of one value are one lock. SQLite has one writer at a time, and it says so before it reads.

No two transactions wait for each other crosswise, for all take their locks in this order: values of leads, leads,
values of contacts, values of accounts, contacts, accounts, hierarchies, then the series of numbers as
`numbers.Series` has them.
Values of one kind are locked by one call, records of one kind locked by id.
"""

import hashlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, cast, func, select, union_all
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Invalid
from crmgraph.crm.models import PartyKind
from crmgraph.crm.policy import MODELS, Actor
from crmgraph.crm.query.columns import compared_forms
from crmgraph.crm.query.conditions import Op, Where, comparisons
from crmgraph.crm.query.resolution import resolve
from crmgraph.crm.query.sql import Sql, rows
from crmgraph.db.database import require_transaction

MAX_LOCKED = 200
"""The most values that a transaction locks one by one; with more it locks all values of the kind, for PostgreSQL has
room for some thousand locks."""


async def lock(
    session: AsyncSession,
    actor: Actor,
    kind: PartyKind,
    wanted: Iterable[Where],
    *,
    besides: Collection[tuple[str, str]] = (),
) -> None:
    """Let nobody else look for these values until the transaction ends.

    Call it once for a kind in a transaction, before a record of the kind is locked.

    Args:
        wanted: what records of `kind` with the values fulfil; each value that is compared for equality is locked.
        besides: (what it is, the value) of values that no column of a record holds.
    """
    require_transaction(session)
    asked = list(wanted)
    if not (asked or besides) or session.get_bind().dialect.name == "sqlite":
        return
    whole = _key(kind.value, None)
    # Of more, nobody needs to know the forms.
    many = len(asked) + len(besides) > MAX_LOCKED
    forms = () if many else (*besides, *(form for where in asked for form in _forms(where, actor.region)))
    keys = sorted({_key(kind.value, form) for form in forms})
    if many or len(keys) > MAX_LOCKED:
        await session.execute(select(func.pg_advisory_xact_lock(whole)))
        return
    if not keys:
        return
    each = func.unnest(cast(keys, ARRAY(BigInteger))).column_valued("key")
    shared = select(func.pg_advisory_xact_lock_shared(whole))
    await session.execute(union_all(shared, select(func.pg_advisory_xact_lock(each))))


async def holders(session: AsyncSession, actor: Actor, kind: PartyKind, where: Where, *, limit: int) -> list[int]:
    """The live records that fulfil conditions, the first ones first.

    Args:
        limit: the most that are told.

    Raises:
        Invalid: a value is not of the form of its column.
    """
    model = MODELS[kind]
    resolved = resolve(where, actor.region)

    def build(sql: Sql, seen: Any) -> Select[Any]:
        found = select(model.id).where(seen, sql.where(resolved.shape))
        return found.order_by(model.id).limit(bindparam("most", type_=BigInteger()))

    found = await rows(session, actor, model, "holders", resolved, build, {"most": limit})
    return [party_id for (party_id,) in found]


def _forms(where: Where, region: str | None) -> Iterator[tuple[str, str]]:
    for each in comparisons(where):
        if each.op is Op.EQUALS:
            with suppress(Invalid):  # no record has it
                yield from compared_forms(each.at, each.value, region)


def _key(kind: str, form: tuple[str, str] | None) -> int:
    """The number of an advisory lock: 64 bits of a hash, in which two values meet by chance alone, and wait then."""
    text = repr((kind, form)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big", signed=True)
