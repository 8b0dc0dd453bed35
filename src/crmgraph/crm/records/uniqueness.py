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
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Select, bindparam, cast, func, select, union_all
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Invalid
from crmgraph.crm.models import FOLDED, PartyKind, Phone
from crmgraph.crm.policy import MODELS, Actor
from crmgraph.crm.query.columns import compared_forms
from crmgraph.crm.query.conditions import And, By, Compare, Op, Point, Where, comparisons
from crmgraph.crm.query.sql import Sql, resolve, rows
from crmgraph.crm.values.folding import identity
from crmgraph.crm.values.phone_numbers import is_same_number, parse_phone
from crmgraph.db.database import require_transaction

MAX_SPELLINGS = 1_000
"""How many spellings of one search key are looked at for the one that is the very same."""
MAX_LOCKED = 200
"""The most values that a transaction locks one by one; with more it locks all values of the kind, for PostgreSQL has
room for some thousand locks."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The live record that has a value.

    Attributes:
        revision: that it had when it was found: with another one it may have the value no more.
    """

    id: int
    revision: int


async def lock(session: AsyncSession, actor: Actor, kind: PartyKind, wanted: Iterable[Where]) -> None:
    """Let nobody else look for these values until the transaction ends.

    Call it once for a kind in a transaction, before a record of the kind is locked.

    Args:
        wanted: what records of `kind` with the values fulfil; each value that is compared for equality is locked.
    """
    require_transaction(session)
    keys = sorted({_key(kind.value, form) for where in wanted for form in _forms(where, actor.region)})
    if not keys or session.get_bind().dialect.name == "sqlite":
        return
    whole = _key(kind.value, None)
    if len(keys) > MAX_LOCKED:
        await session.execute(select(func.pg_advisory_xact_lock(whole)))
        return
    each = func.unnest(cast(keys, ARRAY(BigInteger))).column_valued("key")
    shared = select(func.pg_advisory_xact_lock_shared(whole))
    await session.execute(union_all(shared, select(func.pg_advisory_xact_lock(each))))


async def holder(
    session: AsyncSession, actor: Actor, kind: PartyKind, where: Where, own_id: int | None = None
) -> Holder | None:
    """The first live record that has a value; None when it is free. See `holders`."""
    return next(iter(await holders(session, actor, kind, where, own_id, limit=1)), None)


async def holders(
    session: AsyncSession, actor: Actor, kind: PartyKind, where: Where, own_id: int | None = None, *, limit: int
) -> list[Holder]:
    """The live records that have a value, the first ones first.

    Args:
        where: what records with the value fulfil.
        own_id: the record that is to get it, which does not count; None for a new one.
        limit: the most that are told.

    Raises:
        Invalid: the value is not of the form of its column.
    """
    model = MODELS[kind]
    resolved = resolve(where, actor.region)
    same = _same_of(where)
    place = None if same is None else same.at
    deciding = _deciding(place)

    def build(sql: Sql, seen: Any) -> Select[Any]:
        query: Any = select(model.id, model.revision).where(seen, sql.where(resolved.shape))
        if own_id is not None:
            query = query.where(model.id != bindparam("own", type_=BigInteger()))
        most = bindparam("most", type_=BigInteger())
        if not deciding:
            found: Select[Any] = query.order_by(model.id).limit(most)
            return found
        # An index finds whoever has the value to a search. They may be many, but are spelled in a few ways: the first
        # of each are enough to tell by the spelling whether they have the very same.
        given = [sql.slotted(place, each) if isinstance(place, Point) else each for each in deciding]
        named = [each.label(f"given{i}") for i, each in enumerate(given)]
        candidates = query.add_columns(*named).subquery()
        spelled = [candidates.c[each.name] for each in named]
        number = func.row_number().over(partition_by=spelled, order_by=candidates.c.id).label("number")
        firsts = select(candidates, number).subquery()
        told = [each for each in firsts.c if each.name != "number"]
        return select(*told).where(firsts.c.number <= most).order_by(firsts.c.id).limit(most * MAX_SPELLINGS)

    what = ("holders", own_id is None)
    found = await rows(session, actor, model, what, resolved, build, {"own": own_id, "most": limit})
    if same is None or not deciding:
        return [Holder(*row) for row in found]
    the_same = [Holder(row[0], row[1]) for row in found if _is_same(same, row[2:], actor.region)]
    return the_same[:limit]


def _same_of(where: Where) -> Compare | None:
    """What is compared by identity in conditions; None where nothing is."""
    parts = where.of if isinstance(where, And) else (where,)
    return next((part for part in parts if isinstance(part, Compare) and part.by is By.IDENTITY), None)


def _deciding(place: Any) -> list[Any]:
    """The columns that decide whether a record that SQL found has the very same value; none where it has."""
    whole = place.column if isinstance(place, Point) else place
    if whole is Phone.raw:
        return [Phone.raw, Phone.e164, Phone.extension]
    return [whole] if whole in FOLDED else []


def _is_same(same: Compare, given: Sequence[str | None], region: str | None) -> bool:
    """Whether a value is the same as one that was given, as the columns of `_deciding` tell it."""
    raw, *forms = given
    if raw is None:
        return False
    if not forms:
        return identity(raw) == identity(same.value)
    e164, extension = forms
    return is_same_number((raw, e164, extension), same.value, parse_phone(same.value, region))


def _forms(where: Where, region: str | None) -> Iterator[tuple[str, str]]:
    for each in comparisons(where):
        if each.op is Op.EQUALS:
            with suppress(Invalid):  # no record has it
                yield from compared_forms(each.at, each.value, region)


def _key(kind: str, form: tuple[str, str] | None) -> int:
    """The number of an advisory lock: 64 bits of a hash, in which two values meet by chance alone, and wait then."""
    text = repr((kind, form)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big", signed=True)
