"""Statement pool: connections of the driver's own, for statements that SQLAlchemy has compiled once.

What is read on every request, who acts and what a planned document asks for, costs more in the session, the result
and the pool of an ORM than in the database, and so does a change of a few values. Such a statement is compiled by
SQLAlchemy and from then on run by the driver: `CompiledStatement` is the statement, `StatementPool` the connections.
Each statement is a transaction by itself.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence, Set
from contextlib import suppress
from typing import Any, TypeAlias, TypeVar

import aiosqlite
import orjson
from cachetools import LRUCache
from sqlalchemy import ClauseElement, Dialect

from crmgraph.db.errors import Meaning, diagnose
from crmgraph.db.overdue import Overdue, Turns
from crmgraph.db.prepared import PreparingConnection
from crmgraph.db.url import Connector

Row: TypeAlias = Sequence[Any]

Value = TypeVar("Value")

KEPT_STATEMENTS = 500
"""How many compiled statements are kept that are ours alone."""

GENERIC_PLANS = "; SET plan_cache_mode = force_generic_plan"
"""A statement is planned once a connection, not anew for the values of its first five runs, and not otherwise after
seven runs than after six: what has several paths decides itself, see `crm/query/access_paths.py`."""

STATEMENT_OVERHEAD = 5_000
"""What a statement takes besides four times its text, in bytes."""

_NUMERIC = 1700
"""PostgreSQL's number of its type NUMERIC: only columns of numbers ask what came, and these are exact."""


class StatementPool:
    """A few open connections, lent one statement at a time; the last one given back is lent first.

    A connection goes back only when it is known to be well: one that was cut, whose statement was given up half-way, on
    which a transaction was left open, or that cannot write, is closed.

    Args:
        opens: the connections of a PostgreSQL; or the path of a SQLite database.
        size: connections at most. More statements wait.
        wait: for how many seconds one waits.
    """

    def __init__(self, opens: Connector | str, *, size: int, wait: float = 5.0) -> None:
        self._opens = opens
        self._idle: list[Any] = []
        self._closing: set[asyncio.Future[None]] = set()
        self._free = size
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.is_sqlite = isinstance(opens, str)
        self._turns = Turns(wait)
        self._overdue = Overdue(None if isinstance(opens, str) else opens.patience, _cut)

    async def fetch(self, sql: str, values: Sequence[Any], *, once: bool = False) -> list[Row]:
        """The rows of one statement.

        Args:
            values: of its parameters, in the driver's order and form.
            once: it writes, and is never tried again where nobody knows whether it did.

        Raises:
            TimeoutError: every connection is busy, or the database does not answer.
            What else `diagnose` knows.
        """
        if self._free > 0:
            self._free -= 1
        else:
            await self._turn()
        try:
            connection = self._well()
            if connection is not None:
                try:
                    return await self._run(connection, sql, values)
                except Exception as error:
                    # Cut while it lay idle: a new one tells whether the database is there. What took too long would
                    # take as long again.
                    if once or diagnose(error).meaning is not Meaning.LOST:
                        raise
            return await self._run(await self._connect(), sql, values)
        finally:
            self._let_in()

    async def _turn(self) -> None:
        """Wait for a connection that another gives back, in the order in which they came."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await self._turns.come(turn)
        except BaseException:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._let_in()  # it came as it was given up
            raise

    def _let_in(self) -> None:
        """Let another have a connection: whoever waits longest, else whoever comes."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _well(self) -> Any:
        """An idle connection that nobody has closed; None where there is none."""
        while self._idle:
            connection = self._idle.pop()
            if self.is_sqlite or not connection.is_closed():
                return connection
        return None

    async def _run(self, connection: Any, sql: str, values: Sequence[Any]) -> list[Row]:
        self._overdue.begin(connection)
        try:
            rows = await self.execute(connection, sql, values)
        except Exception as error:
            overdue = self._overdue.end(connection)
            diagnosis = diagnose(error)
            if overdue or (diagnosis.meaning is Meaning.TIMEOUT and diagnosis.ends):
                # The server was to end it itself, and has not: what else is open to it is no better.
                self._forget()
            self._give_back(connection, well=not overdue and not diagnosis.ends)
            if overdue:
                raise TimeoutError from error
            raise
        except BaseException:
            # Given up half-way: nobody knows what it would say next, and the database is told to stop.
            self._overdue.end(connection)
            self._give_back(connection, well=False)
            raise
        self._overdue.end(connection)
        self._give_back(connection)
        return rows

    def _give_back(self, connection: Any, *, well: bool = True) -> None:
        if well and (isinstance(self._opens, str) or self._opens.is_fit(connection)):
            self._idle.append(connection)
        else:
            self._give_up(connection)

    def execute(self, connection: Any, sql: str, values: Sequence[Any]) -> Awaitable[list[Row]]:
        """The rows of one statement on a connection of the driver's, this one's or that of a transaction."""
        rows: Awaitable[list[Row]]
        if self.is_sqlite:
            rows = connection.execute_fetchall(sql, values)
        # The driver takes each of its connections for an instance of any class of them.
        elif type(connection) is PreparingConnection:
            rows = connection.run(sql, values)
        else:
            rows = connection.fetch(sql, *values)
        return rows

    async def _connect(self) -> Any:
        if isinstance(self._opens, str):
            return await self.opened(_open_sqlite(self._opens))
        connection = await self._opens.connect(
            connection_class=PreparingConnection,
            statement_cache_size=0,
            settings=GENERIC_PLANS,
        )
        # SQLAlchemy writes JSON as text; what it reads it wants read already.
        await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=str, decoder=orjson.loads)
        return connection

    async def opened(self, opening: Awaitable[aiosqlite.Connection]) -> aiosqlite.Connection:
        """A connection to SQLite that a thread is about to open, whoever waits for it may be given up.

        It is closed then when it is open, and `close` waits for that.
        """
        task = asyncio.ensure_future(opening)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            closing = asyncio.ensure_future(_close_when_open(task))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            raise

    def _forget(self) -> None:
        """Close every idle connection, since what they lead to does not answer."""
        while self._idle:
            self._give_up(self._idle.pop())

    def _give_up(self, connection: Any) -> None:
        """Close a connection that nobody waits for; the driver has its statement cancelled first."""

        async def close() -> None:
            try:
                if self.is_sqlite:
                    await connection.interrupt()
                    await connection.close()
                else:
                    await connection.close(timeout=2)
            except TimeoutError:
                # It does not even hear that it is to stop.
                self._forget()
            except Exception:
                if not self.is_sqlite:
                    connection.terminate()

        closing = asyncio.ensure_future(close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Close what lies idle or is about to be closed."""
        while self._idle or self._closing:
            self._forget()
            await asyncio.gather(*self._closing)
        self._overdue.close()
        self._turns.close()


def _cut(connection: Any) -> None:
    connection.terminate()


async def _open_sqlite(path: str) -> aiosqlite.Connection:
    connection = await aiosqlite.connect(path, isolation_level=None)
    try:
        for pragma in ("busy_timeout = 15000", "cache_size = -65536", "query_only = ON"):
            await connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        await connection.close()
        raise
    return connection


async def _close_when_open(opening: asyncio.Future[aiosqlite.Connection]) -> None:
    with suppress(Exception):  # what was never open needs no closing
        await (await opening).close()


class CompiledStatement:
    """A statement that SQLAlchemy has compiled once.

    Args:
        statement: whose parameters have names (`bindparam("id")`) or values of their own.
    """

    def __init__(self, statement: ClauseElement, dialect: Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect)
        if compiled.post_compile_params:
            raise ValueError("the text of this statement depends on its values")
        self.sql: str = compiled.string
        self.names: tuple[str, ...] = tuple(compiled.positiontup)
        self.defaults: dict[str, Any] = dict(compiled.params)
        # What SQLAlchemy does to values on their way has no public name.
        processors, results = compiled._bind_processors, compiled._result_columns  # noqa: SLF001
        self._bind = tuple((place, processors[name]) for place, name in enumerate(self.names) if processors.get(name))
        # Nor has what it does to values on their way back.
        columns = [each.type._cached_result_processor(dialect, _NUMERIC) for each in results]  # noqa: SLF001
        self._read = tuple((place, process) for place, process in enumerate(columns) if process is not None)

    @property
    def size(self) -> int:
        """What it takes, in bytes, the shape that it was made of included; rather too much than too little."""
        return STATEMENT_OVERHEAD + 4 * len(self.sql)

    def values(self, parameters: Mapping[str, Any]) -> list[Any]:
        """The values of the parameters, in the driver's order and form."""
        defaults = self.defaults
        values = [parameters[name] if name in parameters else defaults[name] for name in self.names]
        for place, process in self._bind:
            if (value := values[place]) is not None:
                values[place] = process(value)
        return values

    def processor(self, place: int) -> Callable[[Any], Any] | None:
        """What makes a value the driver's at this place; None where it is so already."""
        return next((process for at, process in self._bind if at == place), None)

    def read(self, rows: list[Row]) -> list[Row]:
        """What the driver answered, as the columns' types have it."""
        if not self._read:
            return rows
        found: list[Row] = []
        for row in rows:
            values = list(row)
            for place, process in self._read:
                values[place] = process(values[place])
            found.append(values)
        return found


class Bound:
    """The values of a statement that is run again and again, of which only some are others each time.

    Args:
        parameters: see `CompiledStatement.values`.
        open_: the names of those that are given each time; the statement need not have them all.
    """

    def __init__(self, statement: CompiledStatement, parameters: Mapping[str, Any], open_: Set[str]) -> None:
        self._values = statement.values({**parameters, **dict.fromkeys(open_)})
        self._open = tuple(
            (place, name, statement.processor(place)) for place, name in enumerate(statement.names) if name in open_
        )

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        """All values, in the driver's order and form.

        Args:
            given: those that are open.
        """
        values = self._values.copy()
        for place, name, process in self._open:
            value = given[name]
            values[place] = value if process is None or value is None else process(value)
        return values


def keep(cache: LRUCache[Hashable, Value], key: Hashable, value: Value) -> None:
    """Put into a cache what was made of a statement, unless it alone is larger than all may be together."""
    if cache.getsizeof(value) <= cache.maxsize:
        cache[key] = value
