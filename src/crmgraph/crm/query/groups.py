"""Groups: how many records share a value, or several, and the first of each group.

Whoever asks counts what they see. What has no value is a group by itself, whose key is empty.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Select, Text, and_, cast, func, or_, select, tuple_, type_coerce
from sqlalchemy import Enum as SqlEnum
from sqlalchemy.orm import aliased

from crmgraph.crm.models import Account, Address, Contact, Lead, PartyKind
from crmgraph.crm.policy import MODELS
from crmgraph.crm.query.columns import SEARCHED
from crmgraph.crm.query.sql import is_first

MAX_KEYS = 3
"""The most values by which records are grouped at once."""

Keys: TypeAlias = tuple[str, ...]
"""The values that the records of a group share, as text; empty for none."""


@dataclass(frozen=True, slots=True)
class Group:
    """Records that share values.

    Attributes:
        shown: the same as the first of its records by their letters have it.
        size: how many there are.
        place: which of the groups it is, from 1.
        total: how many groups there are.
    """

    keys: Keys
    shown: Keys
    size: int
    place: int
    total: int


@dataclass(frozen=True, slots=True)
class Key:
    """A value by which records are grouped.

    Attributes:
        text: its text, over a model; None where there is none.
        shown: what people read of it, of which several may be one key; None where that is the text.
        join: what has to be joined for it: (what, on which condition).
    """

    text: Any
    shown: Any = None
    join: tuple[Any, ColumnElement[bool]] | None = None


KeyOf: TypeAlias = Callable[[Any, bool], Key]
"""(model, whether the database is SQLite) to a key."""


def column(name: str) -> KeyOf:
    """A column: what is the same to a search is one group."""

    def key(model: Any, sqlite: bool) -> Key:
        own = getattr(model, name)
        if own in SEARCHED and not isinstance(own.type, SqlEnum):
            return Key(SEARCHED[own].key, own)
        return Key(cast(own, Text()))

    return key


def account(model: Any, sqlite: bool) -> Key:
    """The id of the account of a contact, unless it was deleted."""
    other = aliased(Account)
    return Key(cast(other.id, Text()), join=(other, and_(other.id == model.account_id, other.deleted_at.is_(None))))


def country(model: Any, sqlite: bool) -> Key:
    """The country of the primary address, as `address: {primary: true, country: ...}` compares it."""
    row = aliased(Address)
    return Key(row.country, join=(row, and_(row.party_id == model.id, row.active, is_first(row))))


def month(model: Any, sqlite: bool) -> Key:
    """The month in which a record was created, in UTC, e.g. 2026-03."""
    if sqlite:
        return Key(func.substr(type_coerce(model.created_at, Text()), 1, 7, type_=Text()))
    return Key(func.to_char(func.timezone("UTC", model.created_at), "YYYY-MM", type_=Text()))


_KEYS: dict[Any, dict[str, KeyOf]] = {
    Contact: {
        "account": account,
        "owner": column("owner_id"),
        "country": country,
        "category": column("category"),
        "life_cycle_state": column("life_cycle_state"),
        "created_month": month,
    },
    Account: {
        "owner": column("owner_id"),
        "country": country,
        "kind": column("kind"),
        "account_type": column("account_type"),
        "industry": column("industry"),
        "rating": column("rating"),
        "segment": column("segment"),
        "status": column("status"),
        "created_month": month,
    },
    Lead: {
        "owner": column("owner_id"),
        "country": country,
        "approval": column("approval"),
        "rating": column("rating"),
        "source": column("source"),
        "status": column("status"),
        "created_month": month,
    },
}
"""{model: {by what its records are grouped: the key}}."""


def groupings(kind: PartyKind) -> list[str]:
    """By what records of a kind can be grouped."""
    return list(_KEYS[MODELS[kind]])


def groups(
    model: Any,
    by: Sequence[str],
    where: Sequence[ColumnElement[bool]],
    size: Any,
    after: Sequence[Any] | None,
    *,
    sqlite: bool,
) -> Select[Any]:
    """The query of groups, the largest first; of one size in the order of their keys.

    Its columns are the keys, `k0` and so on, what people read of them, `t0` and so on, `size`, `place`, which counts
    the groups of all pages from 1, and `total`, which is how many there are.

    Args:
        by: of `_KEYS`.
        where: which records are grouped.
        size: the most groups.
        after: the size and the keys of the group before them.
    """
    grouped, keys, shown = _keyed(select(), model, by, sqlite)
    named = [key.label(f"k{i}") for i, key in enumerate(keys)]
    told = [func.min(text).label(f"t{i}") for i, text in enumerate(shown)]
    counted = grouped.add_columns(*named, *told, func.count().label("size")).where(*where).group_by(*keys).subquery()
    order = [counted.c.size.desc(), *list(counted.c)[: len(keys)]]
    place = func.row_number().over(order_by=order).label("place")
    every = select(*counted.c, place, func.count().over().label("total")).subquery()
    query = select(*every.c)
    if after is not None:
        first, *others = after
        beyond = tuple_(*(every.c[f"k{i}"] for i in range(len(keys)))) > tuple_(*others)
        query = query.where(or_(every.c.size < first, and_(every.c.size == first, beyond)))
    return query.order_by(every.c.place).limit(size)


def members(
    model: Any,
    by: Sequence[str],
    among: Any,
    where: Sequence[ColumnElement[bool]],
    ordering: Sequence[Any],
    *,
    sqlite: bool,
) -> Select[Any]:
    """The query of the records of groups: the `id`, the keys `k0` and so on, and the `place` in its group from 1.

    Args:
        among: the keys of the groups, as rows.
    """
    query, keys, _ = _keyed(select(model.id), model, by, sqlite)
    named = [key.label(f"k{i}") for i, key in enumerate(keys)]
    place = func.row_number().over(partition_by=keys, order_by=ordering).label("place")
    wanted: Any = tuple_(*keys) if len(keys) > 1 else keys[0]
    return query.add_columns(*named, place).where(*where, wanted.in_(among))


def _keyed(
    query: Select[Any], model: Any, by: Sequence[str], sqlite: bool
) -> tuple[Select[Any], list[ColumnElement[Any]], list[ColumnElement[Any]]]:
    """A query of a model with what the keys need, the keys, and what people read of them."""
    query = query.select_from(model)
    keys: list[ColumnElement[Any]] = []
    shown: list[ColumnElement[Any]] = []
    for name in by:
        key = _KEYS[model][name](model, sqlite)
        if key.join is not None:
            query = query.outerjoin(*key.join)
        for texts, of in ((keys, key.text), (shown, key.text if key.shown is None else key.shown)):
            text = func.coalesce(of, "", type_=Text())
            texts.append(text if sqlite else text.collate("C"))
    return query, keys, shown
