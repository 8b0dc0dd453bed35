"""Groups: how many records share a value, or several, and the first of each group.

Whoever asks counts what they see. What has no value is a group by itself, whose key is empty.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Select, Text, and_, cast, func, or_, select, tuple_, type_coerce
from sqlalchemy.orm import aliased

from crmgraph.crm.models import Account, Address, Contact, Lead
from crmgraph.crm.models.records import AddressKind
from crmgraph.crm.query.keyset_pages import Window, bounds, ordering

MAX_KEYS = 3
"""The most values by which records are grouped at once."""

Keys: TypeAlias = tuple[str, ...]
"""The values that the records of a group share, as text; empty for none."""


@dataclass(frozen=True, slots=True)
class Group:
    """Records that share values.

    Attributes:
        size: how many there are.
    """

    keys: Keys
    size: int


@dataclass(frozen=True, slots=True)
class Key:
    """A value by which records are grouped.

    Attributes:
        text: its text, over a model; None where there is none.
        join: what has to be joined for it: (what, on which condition).
    """

    text: Any
    join: tuple[Any, ColumnElement[bool]] | None = None


KeyOf: TypeAlias = Callable[[Any, bool], Key]
"""(model, whether the database is SQLite) to a key."""


def column(name: str) -> KeyOf:
    """The text of a column."""
    return lambda model, sqlite: Key(cast(getattr(model, name), Text()))


def account(model: Any, sqlite: bool) -> Key:
    """The id of the account of a contact, unless it was deleted."""
    other = aliased(Account)
    return Key(cast(other.id, Text()), (other, and_(other.id == model.account_id, other.deleted_at.is_(None))))


def country(model: Any, sqlite: bool) -> Key:
    """The country of the address by which a record is known: the first one, of an account the billing address."""
    row = aliased(Address)
    slot = AddressKind.BILLING if model is Account else "FIRST"  # see `records/slots.py`
    return Key(row.country, (row, and_(row.party_id == model.id, row.slot == slot, row.active)))


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


def groups(
    model: Any,
    by: Sequence[str],
    where: Sequence[ColumnElement[bool]],
    size: int,
    after: Group | None,
    *,
    sqlite: bool,
) -> Select[Any]:
    """The query of (key, key ..., size) of groups, the largest first; of one size in the order of their keys.

    Args:
        by: of `_KEYS`.
        where: which records are grouped.
        size: the most groups.
        after: the group before them.
    """
    grouped, keys = _keyed(select(), model, by, sqlite)
    named = [key.label(f"k{i}") for i, key in enumerate(keys)]
    grouped = grouped.add_columns(*named, func.count().label("size")).where(*where).group_by(*keys)
    every = grouped.subquery()
    columns = list(every.c)[:-1]
    query = select(every)
    if after is not None:
        beyond = tuple_(*columns) > tuple_(*after.keys)
        query = query.where(or_(every.c.size < after.size, and_(every.c.size == after.size, beyond)))
    return query.order_by(every.c.size.desc(), *columns).limit(size)


def members(
    model: Any,
    by: Sequence[str],
    wanted: Sequence[Keys],
    where: Sequence[ColumnElement[bool]],
    window: Window,
    *,
    sqlite: bool,
) -> Select[Any]:
    """The query of (record, key, key ...) of the same window of each of these groups, in one statement."""
    query, keys = _keyed(select(model), model, by, sqlite)
    among = or_(*(and_(*(key == value for key, value in zip(keys, each, strict=True))) for each in wanted))
    place = func.row_number().over(partition_by=keys, order_by=ordering(model, window)).label("place_")
    named = [key.label(f"key_{i}") for i, key in enumerate(keys)]
    numbered = query.add_columns(place, *named).where(*where, among, *bounds(model, window)).subquery()
    rows = aliased(model, numbered)
    found = select(rows, *(numbered.c[f"key_{i}"] for i in range(len(keys))))
    return found.where(numbered.c.place_ <= window.size + 1).order_by(numbered.c.place_)


def _keyed(
    query: Select[Any], model: Any, by: Sequence[str], sqlite: bool
) -> tuple[Select[Any], list[ColumnElement[Any]]]:
    """A query of a model with what the keys need, and the keys."""
    query = query.select_from(model)
    keys: list[ColumnElement[Any]] = []
    for name in by:
        key = _KEYS[model][name](model, sqlite)
        if key.join is not None:
            query = query.outerjoin(*key.join)
        text = func.coalesce(key.text, "", type_=Text())
        keys.append(text if sqlite else text.collate("C"))
    return query, keys
