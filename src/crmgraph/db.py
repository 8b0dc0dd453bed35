"""The database: a session of one's own to read with, and a transaction to write in."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Hashable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import URL, Select, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import NullPool

from crmgraph.lanes import KEPT_STATEMENTS, LOST, Lanes, Prepared, Row

AWAY: tuple[type[BaseException], ...] = (OperationalError, InterfaceError, PoolTimeout, TimeoutError, *LOST)
"""What is raised when the database cannot be reached or does not answer in time."""


def is_away(error: BaseException) -> bool:
    """Whether this error means that the database is out of reach, as opposed to a fault of ours."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, AWAY)


def database_url(given: str) -> URL:
    """The URL with the asynchronous driver that we use for its database.

    Raises:
        ValueError: when it is no URL, or names neither SQLite nor PostgreSQL.
    """
    try:
        url = make_url(given)
    except ArgumentError:
        # Without the text itself, in which a password may stand.
        raise ValueError("this is no URL of a database") from None
    match url.get_backend_name():
        case "sqlite":
            return url.set(drivername="sqlite+aiosqlite")
        case "postgresql" | "postgres":
            return url.set(drivername="postgresql+asyncpg")
        case other:
            raise ValueError(f"crmgraph keeps its data in SQLite or PostgreSQL, not in {other}")


def _dumps(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


class Database:
    """One database and its pool of connections.

    Args:
        url: `sqlite:///path` or `postgresql://user:password@host:port/name`.
        pool_size: connections kept open.
        statement_seconds: after how long PostgreSQL's statements are given up; None for commands that move tables.
        pooled: False opens a connection anew for each session (for tests that must see a shared session fail).
    """

    def __init__(
        self, url: str, *, pool_size: int = 10, statement_seconds: float | None = 30, pooled: bool = True
    ) -> None:
        self.url = database_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        options: dict[str, Any] = {
            "hide_parameters": True,
            "json_serializer": _dumps,
            "json_deserializer": orjson.loads,
        }
        if not pooled:
            options["poolclass"] = NullPool
        else:
            options |= {"pool_size": pool_size, "max_overflow": 0, "pool_timeout": 5}
        if self.is_sqlite:
            if self.url.database not in (None, "", ":memory:"):
                Path(str(self.url.database)).parent.mkdir(parents=True, exist_ok=True)
        else:
            options["connect_args"] = {"timeout": 5, "command_timeout": statement_seconds}
            options["pool_pre_ping"] = False
        self.engine: AsyncEngine = create_async_engine(self.url, **options)
        if self.is_sqlite:
            event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self.engine.sync_engine, "begin", _begin_sqlite)
        reading = {"reading": True} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        self._reading = async_sessionmaker(
            self.engine.execution_options(**reading),
            info={"database": self, "reads": True},
            expire_on_commit=False,
            autoflush=False,
        )
        self._writing = async_sessionmaker(self.engine, info={"database": self}, expire_on_commit=False)
        self._lanes = Lanes(self.url, self.engine.dialect, size=pool_size)
        self._prepared: OrderedDict[Hashable, Prepared] = OrderedDict()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session for one task, without a transaction: each statement sees what is committed by then."""
        async with self._reading() as session:
            yield session

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """A session in one transaction: committed when the block ends, rolled back when it raises."""
        async with self._writing() as session, session.begin():
            yield session

    async def prepared(
        self, key: Hashable, build: Callable[[], Select[Any]], parameters: Mapping[str, Any], *, once: bool = False
    ) -> list[Row]:
        """The rows of a statement that is compiled when it is first asked for and then kept.

        Args:
            key: names the statement.
            build: makes it, with named parameters.
            parameters: their values.
            once: it writes, see `Lanes.fetch`.
        """
        return await self._compiled(key, build).rows(self._lanes, parameters, once=once)

    async def prepared_in(
        self, session: AsyncSession, key: Hashable, build: Callable[[], Select[Any]], parameters: Mapping[str, Any]
    ) -> list[Row]:
        """The same inside a transaction that has begun: it does with the first statement of its session."""
        statement = self._compiled(key, build)
        raw = await (await session.connection()).get_raw_connection()
        rows = await self._lanes.execute(raw.driver_connection, statement.sql, statement.values(parameters))
        return statement.read(rows)

    def _compiled(self, key: Hashable, build: Callable[[], Select[Any]]) -> Prepared:
        statement = self._prepared.get(key)
        if statement is not None:
            self._prepared.move_to_end(key)
            return statement
        statement = self._prepared[key] = Prepared(build(), self.engine.dialect)
        if len(self._prepared) > KEPT_STATEMENTS:
            self._prepared.popitem(last=False)
        return statement

    async def run(self, statement: Prepared, parameters: Mapping[str, Any]) -> list[Row]:
        """The rows of a statement that the caller has compiled and keeps."""
        return await statement.rows(self._lanes, parameters)

    async def reachable(self) -> bool:
        """Whether the database answers."""
        try:
            async with self.read() as session:
                await session.execute(text("SELECT 1"))
        except Exception as error:
            if is_away(error):
                return False
            raise
        return True

    async def close(self) -> None:
        """Close every connection."""
        await self._lanes.close()
        await self.engine.dispose()


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "busy_timeout = 15000",
        "foreign_keys = ON",
        "cache_size = -65536",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    # One writer at a time, and it says so first: a reader that turns writer half-way could not wait its turn.
    if not connection.get_execution_options().get("reading"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
