"""Pages of the change log, oldest first, in an order in which nothing comes later before what was read.

The rule, and what it costs, is in docs/decisions/changes.md: entries are in the order of the transactions that wrote
them, and on PostgreSQL none is read while a transaction that began to write before it is under way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Refused
from crmgraph.crm.feed.places import BEGINNING, Place
from crmgraph.crm.models import FIRST_MINTED_ID, Change, Installation
from crmgraph.crm.query.keyset_pages import among
from crmgraph.db.database import Database

WALKED = 10_000
"""How many entries of the log one page that is filtered looks at."""
OFFSET = "transaction offset"
"""The name in `installation` of what is added to the numbers of this server's transactions, see `moving`."""

_LOG: Any = Change.__table__
_PLACE = (_LOG.c.transaction_id, _LOG.c.id, _LOG.c.at)
_FILTERED = ("kind", "door", "action", "party_id")


class Gone(Refused):
    """What was read to is no place of this log, or not any more."""


class Moved(Exception):
    """The log was written by another database server, and the order of what is written now is not that of the feed."""


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """Which entries are wanted: those that have one of the values of each column; None for any.

    Attributes:
        party_id: of the record.
    """

    kind: tuple[str, ...] | None = None
    door: tuple[str, ...] | None = None
    action: tuple[str, ...] | None = None
    party_id: tuple[int, ...] | None = None

    @property
    def shape(self) -> tuple[str, ...]:
        """The columns that are asked about."""
        return tuple(name for name in _FILTERED if getattr(self, name) is not None)

    def takes(self, change: Change) -> bool:
        """Whether an entry is wanted."""
        return all(getattr(change, name) in getattr(self, name) for name in self.shape)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the feed.

    Attributes:
        places: of its entries, in their order.
        more: whether there is more of the log beyond the page; not whether any of it is wanted.
        end: to where the log was read.
    """

    places: Sequence[Place]
    more: bool
    end: Place


async def page(db: Database, asked: ChangeFilter, after: Place | None, size: int) -> Page:
    """The first entries that are wanted after a place, in one statement.

    Args:
        after: None for the beginning of the log.
        size: how many at most. With 0 and without `after` the end is that of the whole log.

    Raises:
        Gone: the log does not have that place, or not any more.
        Moved: see there.
    """
    shape = asked.shape
    key = ("changes", shape, after is not None, WALKED)
    rows = await db.fetch_compiled(
        key, lambda: _statement(shape, after is not None, db.is_sqlite), _values(asked, after, size, db.is_sqlite)
    )
    told: dict[str, list[Place]] = {name: [] for name in ("found", "full", "newest", "known", "moved")}
    for name, *place in rows:
        told[name].append(Place(*place))
    if told["moved"]:
        raise Moved
    newest = told["newest"][0] if told["newest"] else BEGINNING
    if after is not None and not told["known"] and (after, newest) != (BEGINNING, BEGINNING):
        raise Gone
    found = sorted(told["found"])
    if size == 0 and after is not None:
        return Page([], bool(found or told["full"]), after)
    if len(found) > size > 0:
        return Page(found[:size], True, found[size - 1])
    if told["full"] and size > 0:
        return Page(found, True, told["full"][0])
    return Page(found[:size], False, newest)


def _values(asked: ChangeFilter, after: Place | None, size: int, sqlite: bool) -> dict[str, Any]:
    values: dict[str, Any] = {"size": size + 1}
    for name in asked.shape:
        wanted = getattr(asked, name)
        if sqlite:
            listed = wanted if name == "party_id" else (f'"{each}"' for each in wanted)
            values[name] = f"[{','.join(map(str, listed))}]"
        else:
            values[name] = list(wanted)
    if after is not None:
        values |= {"after_transaction": after.transaction_id, "after_id": after.id, "after_at": after.at}
        values["known_id"] = FIRST_MINTED_ID if after == BEGINNING else after.id
    return values


def _statement(shape: tuple[str, ...], is_after: bool, sqlite: bool) -> Select[Any]:
    """Rows of (what it is, place): the entries, one more than the page has; the last entry that was looked at, where
    there may be more beyond it; the newest entry of all; the place that was read to, where the log has it; and an entry
    that only another server can have written."""
    beyond = _beyond(_LOG.c.transaction_id, is_after, sqlite)
    parts = {}
    if "party_id" in shape:
        # All entries of a few records are read before any is sorted, and no others: no index has the sum.
        number = _LOG.c.transaction_id + literal_column("0")
        of_records = select(number.label("transaction_id"), _LOG.c.id, _LOG.c.at)
        of_records = of_records.where(*_beyond(number, is_after, sqlite))
        rows = of_records.where(*(_among(_LOG.c, name, sqlite) for name in shape)).subquery()
        parts["found"] = _first(rows, bindparam("size", type_=Integer()))
    elif shape:
        walked = _first(_LOG, literal_column(str(WALKED)), *beyond, all_columns=True).cte("walked")
        wanted = [_among(walked.c, name, sqlite) for name in shape]
        parts["found"] = _first(walked, bindparam("size", type_=Integer()), *wanted)
        parts["full"] = _first(walked, literal_column("1")).offset(literal_column(str(WALKED - 1)))
    else:
        parts["found"] = _first(_LOG, bindparam("size", type_=Integer()), *beyond)
    last = select(*_PLACE).order_by(_LOG.c.transaction_id.desc(), _LOG.c.id.desc()).limit(literal_column("1"))
    parts["newest"] = last.where(*_beyond(_LOG.c.transaction_id, False, sqlite))
    if is_after:
        own = and_(_LOG.c.transaction_id == _given("transaction"), _LOG.c.at == _given("at"))
        known = select(*_PLACE).where(_LOG.c.id == bindparam("known_id", type_=_LOG.c.id.type))
        # Whoever has read nothing yet misses nothing as long as the very first entry is there.
        parts["known"] = known.where(or_(own, _given("id") == 0))
    if not sqlite:
        highest = last.where(_LOG.c.transaction_id.is_not(None)).subquery()
        parts["moved"] = select(*highest.c).where(highest.c.transaction_id >= _horizon("xmax"))
    tagged = []
    for name, part in parts.items():
        rows = part.subquery(f"{name}_rows")
        tagged.append(select(literal_column(f"'{name}'", Text()).label("part"), *rows.c))
    return select(union_all(*tagged).subquery("told"))


def _beyond(number: Any, is_after: bool, sqlite: bool) -> list[Any]:
    """The conditions of what may be read: no transaction that is still under way has begun to write before it."""
    settled = number.is_not(None) if sqlite else number < _horizon("xmin")
    return [settled, tuple_(number, _LOG.c.id) > tuple_(_given("transaction"), _given("id"))] if is_after else [settled]


def _first(source: Any, size: Any, *where: ColumnElement[bool], all_columns: bool = False) -> Select[Any]:
    """The first rows of the log, or of a part of it."""
    columns = source.c
    place = (columns.transaction_id, columns.id, columns.at)
    more = [columns[name] for name in _FILTERED] if all_columns else []
    return select(*place, *more).where(*where).order_by(columns.transaction_id, columns.id).limit(size)


def _given(name: str) -> Any:
    return bindparam(f"after_{name}", type_=_LOG.c["transaction_id" if name == "transaction" else name].type)


def _among(columns: Any, name: str, sqlite: bool) -> Any:
    column = columns[name]
    if sqlite:
        listed = func.json_each(bindparam(name, type_=Text())).table_valued("value")
        return column.in_(select(listed.c.value))
    kind = BigInteger() if name == "party_id" else Text()
    wanted = func.any(cast(bindparam(name, type_=ARRAY(kind)), ARRAY(kind)))
    return (column if name == "party_id" else cast(column, Text())) == wanted


def _horizon(end: str) -> ColumnElement[int]:
    """The first transaction that may be under way (`xmin`), or that has not begun (`xmax`), as the log counts them."""
    offset = select(cast(Installation.value, BigInteger)).where(Installation.name == literal(OFFSET, Text()))
    number = getattr(func, f"pg_snapshot_{end}")(func.pg_current_snapshot())
    return func.coalesce(offset.scalar_subquery(), 0) + cast(cast(number, Text()), BigInteger)


async def entries(session: AsyncSession, places: Sequence[Place]) -> list[tuple[Place, Change]]:
    """The entries at these places, in their order, in one statement. What was removed meanwhile is left out."""
    if not places:
        return []
    rows = await session.scalars(select(Change).where(among(session, Change.id, [place.id for place in places])))
    found = {row.id: row for row in rows}
    return [(place, found[place.id]) for place in places if place.id in found]
