"""Lanes: connections of the driver's own, for statements that SQLAlchemy has compiled once.

What is read on every request, who acts and what a planned document asks for, costs more in the session, the result
and the pool of an ORM than in the database, and so does a change of a few values. Such a statement is compiled by
SQLAlchemy and from then on run by the driver: `Prepared` is the statement, `Lanes` the connections. Each statement is a
transaction by itself.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

import aiosqlite
import asyncpg
import orjson
from sqlalchemy import URL, Dialect, Select

Row: TypeAlias = Sequence[Any]

LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    OSError,
)
"""What a lane raises when its database has gone."""


KEPT_STATEMENTS = 500
"""How many statements a connection keeps prepared."""

_NUMERIC = 1700
"""PostgreSQL's number of its type NUMERIC: only columns of numbers ask what came, and these are exact."""


class Lanes:
    """A few open connections, lent one statement at a time; the last one given back is lent first.

    Args:
        url: the database, with its asynchronous driver.
        size: connections at most. More statements wait.
        wait: for how many seconds one waits.
    """

    def __init__(self, url: URL, dialect: Dialect, *, size: int, wait: float = 5.0) -> None:
        self._url = url
        self._dialect = dialect
        self._wait = wait
        self._idle: list[Any] = []
        self._closing: set[asyncio.Future[None]] = set()
        self._free = asyncio.Semaphore(size)
        self.is_sqlite = url.get_backend_name() == "sqlite"

    async def fetch(self, sql: str, values: Sequence[Any], *, once: bool = False) -> list[Row]:
        """The rows of one statement.

        Args:
            once: it writes, and is never tried again where nobody knows whether it did.

        Raises:
            TimeoutError: every connection is busy, or the database does not answer.
            One of `LOST`: the database cannot be reached.
        """
        if self._free.locked():
            async with asyncio.timeout(self._wait):
                await self._free.acquire()
        else:
            await self._free.acquire()
        try:
            while self._idle:
                connection = self._idle.pop()
                if not self.is_sqlite and connection.is_closed():
                    continue
                try:
                    return await self._run(connection, sql, values)
                except LOST:
                    # It went while it lay idle; a new one tells whether the database is there.
                    await self._close(connection)
                    if once:
                        raise
            return await self._run(await self._connect(), sql, values)
        finally:
            self._free.release()

    async def _run(self, connection: Any, sql: str, values: Sequence[Any]) -> list[Row]:
        try:
            rows = await self.execute(connection, sql, values)
        except LOST:
            await self._close(connection)
            raise
        except Exception:
            self._idle.append(connection)
            raise
        except BaseException:
            # Given up half-way: nobody knows what it would say next, and the database is told to stop.
            self._give_up(connection)
            raise
        self._idle.append(connection)
        return rows

    async def execute(self, connection: Any, sql: str, values: Sequence[Any]) -> list[Row]:
        """The rows of one statement on a connection of the driver's, this one's or that of a transaction."""
        if self.is_sqlite:
            return await connection.execute_fetchall(sql, values)  # type: ignore[no-any-return]
        return await connection.fetch(sql, *values)  # type: ignore[no-any-return]

    async def _connect(self) -> Any:
        if self.is_sqlite:
            connection = await aiosqlite.connect(self._url.database or ":memory:", isolation_level=None)
            try:
                for pragma in ("busy_timeout = 15000", "cache_size = -65536", "query_only = ON"):
                    await connection.execute(f"PRAGMA {pragma}")
            except BaseException:
                await self._close(connection)
                raise
            return connection
        _, options = self._dialect.create_connect_args(self._url)
        ours = {key: options[key] for key in ("host", "port", "user", "password", "database", "ssl") if key in options}
        connection = await asyncpg.connect(
            **ours,
            timeout=self._wait,
            command_timeout=30,
            # However long it is, a statement is prepared once; the driver would do it anew for those of many kilobytes.
            statement_cache_size=KEPT_STATEMENTS,
            max_cacheable_statement_size=0,
            max_cached_statement_lifetime=0,
        )
        # SQLAlchemy writes JSON as text; what it reads it wants read already.
        await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=str, decoder=orjson.loads)
        return connection

    def _give_up(self, connection: Any) -> None:
        """Close a connection whose statement nobody waits for; the driver has it cancelled first."""

        async def close() -> None:
            with suppress(Exception):
                await (connection.close() if self.is_sqlite else connection.close(timeout=2))

        closing = asyncio.ensure_future(close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def _close(self, connection: Any) -> None:
        if self.is_sqlite:
            await connection.close()
        else:
            connection.terminate()

    async def close(self) -> None:
        """Close what lies idle or is about to be closed."""
        await asyncio.gather(*self._closing)
        while self._idle:
            connection = self._idle.pop()
            if self.is_sqlite:
                await connection.close()
            else:
                await connection.close(timeout=2)


class Prepared:
    """A statement that SQLAlchemy has compiled once.

    Args:
        statement: whose parameters have names (`bindparam("id")`) or values of their own.
    """

    def __init__(self, statement: Select[Any], dialect: Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect)
        if compiled.post_compile_params:
            raise ValueError("the text of this statement depends on its values")
        self.sql: str = compiled.string
        self.names: tuple[str, ...] = tuple(compiled.positiontup)
        self.defaults: dict[str, Any] = dict(compiled.params)
        self._bind = tuple((name, compiled._bind_processors.get(name)) for name in self.names)
        columns = [entry.type._cached_result_processor(dialect, _NUMERIC) for entry in compiled._result_columns]
        self._read = tuple((place, process) for place, process in enumerate(columns) if process is not None)

    def values(self, parameters: Mapping[str, Any]) -> list[Any]:
        """The values of the parameters, in the driver's order and form."""
        values = []
        for name, process in self._bind:
            value = parameters[name] if name in parameters else self.defaults[name]
            values.append(value if process is None or value is None else process(value))
        return values

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

    async def rows(self, lanes: Lanes, parameters: Mapping[str, Any], *, once: bool = False) -> list[Row]:
        """The rows that the statement answers with these values of its parameters; see `Lanes.fetch`."""
        return self.read(await lanes.fetch(self.sql, self.values(parameters), once=once))
