"""Who still calls the legacy APIs: counted in memory, added to the store now and then, and read for owners and staff.

Before an old API is switched off, somebody has to know who depends on it. Only who called, which operation, and which
fields were named is kept; neither bodies nor values, tokens or addresses of people.
"""

import asyncio
import datetime as dt
import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, Row, Select, Table, Text, case, func, literal, null, select, tuple_
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Door, LegacyClient, Mode, PartyKind, Staff, Usage, UsageField, Way
from crmgraph.crm.policy import Actor
from crmgraph.db.database import Database
from crmgraph.db.errors import log_background

STORE_SECONDS = 5.0
"""After how many seconds counts are added to the store: a process that is killed loses these."""
MOST = 2_000
"""How many counts of a kind wait in memory; callers beyond them are counted together."""
LONGEST_AGENT = 200
"""How many characters of a `User-Agent` are kept."""
BATCH = 200
"""How many counts are added by one statement; SQLite takes 32,766 values."""
NOWHERE = "(no such operation)"
OTHER_FIELDS = "(other fields)"
WIDTH, WIDTH_OF_FIELDS = 3, 6
"""How many parts the key of a `Use` has."""
CUSTOMERS, UNKNOWN, OTHERS = "customers", "unknown", "others"


def caller_of(actor: Actor, let_in: int | None = None) -> str:
    """What a caller is counted as, e.g. `client:1000000003`. Customers are counted together: they are people.

    Args:
        let_in: the client whom a login has let in.
    """
    if (client := actor.client_id or let_in) is not None:
        return f"client:{client}"
    if actor.staff_id is not None:
        return f"staff:{actor.staff_id}"
    return CUSTOMERS if actor.contact_id is not None else UNKNOWN


def network_of(address: str) -> str | None:
    """The network of an address, e.g. `203.0.113.0/24`; None where it is none."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return None
    return str(ipaddress.ip_network(f"{ip}/{24 if ip.version == 4 else 48}", strict=False))


@dataclass(slots=True)
class _Count:
    """What is known of the calls of one key since the last time."""

    first: float
    last: float
    user_agent: str | None = None
    network: str | None = None
    calls: int = 0
    bytes: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Called:
    """A call that was answered.

    Attributes:
        operation: method and path template; `NOWHERE` where there is none.
        refused: whether the answer is a refusal.
        bytes: of the body of the answer.
        seconds: that it took.
        fields: (kind, name, way) of the fields that it named.
        mode: who answered.
    """

    dialect: Door
    operation: str
    caller: str
    refused: bool
    bytes: int
    seconds: float
    fields: Iterable[tuple[PartyKind, str, Way]] = ()
    mode: Mode = Mode.OFF


class UsageCounts:
    """The counts of one process that the store has not got yet.

    It never holds more than `MOST` of a kind and those of `OTHERS`, of which there are as many as there are operations.
    """

    def __init__(self) -> None:
        self._calls: dict[tuple[Any, ...], _Count] = {}
        self._fields: dict[tuple[Any, ...], _Count] = {}

    def __len__(self) -> int:
        return len(self._calls) + len(self._fields)

    def add(self, call: Called, at: float, headers: Callable[[], tuple[str | None, str | None]]) -> None:
        """Count a call.

        Args:
            at: when it was answered, in seconds since 1970.
            headers: tell the `User-Agent` and the network address; asked of the first call of a key alone.
        """
        day = int(at // 86_400)
        count = self._of(
            self._calls, (day, call.dialect, call.operation), (call.caller,), (call.mode, call.refused), at
        )
        if count.calls == 0:
            agent, address = headers()
            count.user_agent = agent[:LONGEST_AGENT] if agent else None
            count.network = network_of(address) if address else None
        count.calls += 1
        count.bytes += call.bytes
        count.seconds += call.seconds
        count.last = at
        for named in call.fields:
            of_field = self._of(self._fields, (day, call.dialect, call.operation), (call.caller,), named, at)
            of_field.calls += 1
            of_field.last = at

    @staticmethod
    def _of(
        counts: dict[tuple[Any, ...], _Count], where: tuple[Any, ...], who: tuple[str], what: tuple[Any, ...], at: float
    ) -> _Count:
        key = (*where, *who, *what)
        if (count := counts.get(key)) is None:
            if len(counts) >= MOST:
                key = (*where, OTHERS, *what)
            count = counts.setdefault(key, _Count(at, at))
        return count

    async def store(self, db: Database) -> None:
        """Add what was counted to the store, in its own transaction; what it does not take is counted on."""
        calls, self._calls = self._calls, {}
        fields, self._fields = self._fields, {}
        if not calls and not fields:
            return
        try:
            async with db.begin() as session:
                await _add(session, Usage, [_call_row(*each) for each in sorted(calls.items())])
                await _add(session, UsageField, [_field_row(*each) for each in sorted(fields.items())])
        except BaseException:
            self._take_back(self._calls, calls)
            self._take_back(self._fields, fields)
            raise

    @staticmethod
    def _take_back(counts: dict[tuple[Any, ...], _Count], stored: dict[tuple[Any, ...], _Count]) -> None:
        for key, before in stored.items():
            if (since := counts.get(key)) is None:
                counts[key] = before
                continue
            since.first = before.first
            since.calls += before.calls
            since.bytes += before.bytes
            since.seconds += before.seconds


async def keep_storing(counts: UsageCounts, db: Database) -> None:
    """Add what is counted to the store now and then, until it is cancelled; the last time then."""
    try:
        while True:
            await asyncio.sleep(STORE_SECONDS)
            await _store(counts, db)
    finally:
        await _store(counts, db)


async def _store(counts: UsageCounts, db: Database) -> None:
    try:
        await counts.store(db)
    except Exception as error:
        log_background(error, "usage")


def _moment(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def _day(number: int) -> dt.date:
    return dt.date(1970, 1, 1) + dt.timedelta(days=number)


def _call_row(key: tuple[Any, ...], count: _Count) -> dict[str, Any]:
    day, dialect, operation, caller, mode, refused = key
    return {
        "day": _day(day),
        "dialect": dialect,
        "operation": operation,
        "caller": caller,
        "mode": mode,
        "refused": refused,
        "calls": count.calls,
        "bytes": count.bytes,
        "microseconds": round(count.seconds * 1e6),
        "first_at": _moment(count.first),
        "last_at": _moment(count.last),
        "user_agent": count.user_agent,
        "network": count.network,
    }


def _field_row(key: tuple[Any, ...], count: _Count) -> dict[str, Any]:
    day, dialect, operation, caller, kind, name, way = key
    return {
        "day": _day(day),
        "dialect": dialect,
        "operation": operation,
        "caller": caller,
        "kind": kind,
        "field": name,
        "way": way,
        "calls": count.calls,
        "first_at": _moment(count.first),
        "last_at": _moment(count.last),
    }


async def _add(session: AsyncSession, model: type[Usage] | type[UsageField], rows: Sequence[dict[str, Any]]) -> None:
    """Add counts to those of the store. In the order of their keys, so that no two processes wait for each other."""
    insert = insert_sqlite if session.get_bind().dialect.name == "sqlite" else insert_postgresql
    table = cast(Table, model.__table__)
    for start in range(0, len(rows), BATCH):
        adding = insert(table).values(list(rows[start : start + BATCH]))
        new = adding.excluded
        sums = {name: table.c[name] + new[name] for name in ("calls", "bytes", "microseconds") if name in table.c}
        latest = {name: new[name] for name in ("user_agent", "network") if name in table.c}
        times = {
            "first_at": case((new.first_at < table.c.first_at, new.first_at), else_=table.c.first_at),
            "last_at": case((new.last_at > table.c.last_at, new.last_at), else_=table.c.last_at),
        }
        await session.execute(
            adding.on_conflict_do_update(index_elements=list(table.primary_key), set_=sums | latest | times)
        )


@dataclass(frozen=True, slots=True)
class Use:
    """What one caller did with one operation, or with one field in it.

    Attributes:
        key: where it stands in the list.
        client: the login of a legacy client, `login@organisation` where it has one; the name of one of the staff; else
            `customers`, `unknown` or `others`.
        served: how many of the calls were carried out; all of them where a field is told.
        kind, field, way: whose field was named, and what for, where fields are told.
        user_agent, network: of some of the calls.
    """

    key: tuple[str, ...]
    dialect: Door
    client: str
    operation: str
    calls: int
    served: int
    first_at: dt.datetime
    last_at: dt.datetime
    kind: PartyKind | None = None
    field: str | None = None
    way: Way | None = None
    user_agent: str | None = None
    network: str | None = None


async def uses(
    session: AsyncSession,
    *,
    dialect: Door | None = None,
    since: dt.datetime | None = None,
    fields: bool = False,
    after: Sequence[str] = (),
    limit: int | None = None,
) -> list[Use]:
    """Who did what, in the order of dialects, operations and callers; in two or three statements.

    Args:
        since: from this day (UTC) on; None is all that is kept.
        fields: tell fields in place of calls.
        after: the key of the one before the first.
        limit: how many at most.
    """
    model: Any = UsageField if fields else Usage
    by = _key_of(model)
    texts = [sql_cast(each, Text) for each in by]
    served = func.sum(case((Usage.refused, 0), else_=Usage.calls)) if not fields else func.sum(model.calls)
    told = (null(), null()) if fields else (func.max(Usage.user_agent), func.max(Usage.network))
    query: Select[Any] = (
        select(*by, func.sum(model.calls), served, func.min(model.first_at), func.max(model.last_at), *told)
        .where(*_within(model, dialect, since))
        .group_by(*by)
        .order_by(*texts)
        .limit(limit)
    )
    if after:
        query = query.where(tuple_(*texts) > tuple_(*map(literal, after)))
    rows = (await session.execute(query)).all()
    names = await _names(session, {row[2] for row in rows})
    return [_use(row, names, len(by)) for row in rows]


def _use(row: Row[Any], names: Mapping[str, str], width: int) -> Use:
    dialect, operation, caller, *named = row[:width]
    calls, served, *rest = row[width:]
    first_at, last_at, user_agent, network = rest
    kind, field, way = named or (None, None, None)
    key = tuple(str(each) for each in row[:width])
    return Use(
        key=key,
        dialect=dialect,
        client=names.get(caller, caller),
        operation=operation,
        calls=int(calls),
        served=int(served),
        first_at=first_at,
        last_at=last_at,
        kind=kind,
        field=field,
        way=way,
        user_agent=user_agent,
        network=network,
    )


async def _names(session: AsyncSession, callers: Iterable[str]) -> dict[str, str]:
    """{caller: what it is called} of clients and staff."""
    ids: dict[str, list[int]] = {"client": [], "staff": []}
    for caller in callers:
        kind, _, number = caller.partition(":")
        if kind in ids:
            ids[kind].append(int(number))
    names = {}
    if ids["client"]:
        known = select(LegacyClient.id, LegacyClient.login, LegacyClient.organisation)
        for own, login, organisation in await session.execute(known.where(LegacyClient.id.in_(ids["client"]))):
            names[f"client:{own}"] = f"{login}@{organisation}" if organisation else login
    if ids["staff"]:
        for own, name in await session.execute(select(Staff.id, Staff.name).where(Staff.id.in_(ids["staff"]))):
            names[f"staff:{own}"] = name
    return names


async def count_uses(
    session: AsyncSession, *, dialect: Door | None = None, since: dt.datetime | None = None, fields: bool = False
) -> int:
    """How many `uses` there are."""
    model: Any = UsageField if fields else Usage
    by = _key_of(model)
    found = select(*by).where(*_within(model, dialect, since)).distinct().subquery()
    return await session.scalar(select(func.count()).select_from(found)) or 0


def _key_of(model: Any) -> list[Any]:
    key = [model.dialect, model.operation, model.caller]
    return [*key, model.kind, model.field, model.way] if model is UsageField else key


async def silent_clients(session: AsyncSession, dialect: Door | None, since: dt.datetime | None) -> list[LegacyClient]:
    """The clients that may call and have not, in this time."""
    called = select(Usage.caller).where(Usage.caller.startswith("client:"), *_within(Usage, dialect, since)).distinct()
    ids = [int(each.partition(":")[2]) for each in await session.scalars(called)]
    query = select(LegacyClient).where(LegacyClient.active, LegacyClient.id.not_in(ids))
    if dialect is not None:
        query = query.where(LegacyClient.dialect == dialect)
    return list(await session.scalars(query.order_by(LegacyClient.dialect, LegacyClient.login, LegacyClient.id)))


async def served_operations(
    session: AsyncSession, dialect: Door | None, since: dt.datetime | None
) -> set[tuple[Door, str]]:
    """(dialect, operation) of all that somebody was served by, in this time."""
    query = select(Usage.dialect, Usage.operation).where(~Usage.refused, *_within(Usage, dialect, since)).distinct()
    return {(row[0], row[1]) for row in await session.execute(query)}


def _within(model: Any, dialect: Door | None, since: dt.datetime | None) -> list[ColumnElement[bool]]:
    found = [] if dialect is None else [model.dialect == dialect]
    return found if since is None else [*found, model.day >= since.astimezone(dt.UTC).date()]
