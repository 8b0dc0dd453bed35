"""The database: a session of one's own to read with, and a transaction to write in."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from operator import attrgetter
from typing import Any, TypeVar

import aiosqlite
import orjson
import structlog
from cachetools import LRUCache
from sqlalchemy import ClauseElement, event, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import NullPool

from crmgraph.db.compiling import Compiling
from crmgraph.db.errors import Meaning, diagnose
from crmgraph.db.pool import KEPT_STATEMENTS, CompiledStatement, Row, StatementPool, keep
from crmgraph.db.url import Connector, database_url, sqlite_file

log = structlog.get_logger(__name__)

CHOSEN_BYTES = 16 * 2**20
"""What the statements may take together whose shape clients choose, in bytes."""
CLOSING_SECONDS = 5.0
"""How long the database is given to take leave of its connections."""

T = TypeVar("T")


def _dumps(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


class Session(AsyncSession):
    """A session that knows where it comes from.

    Attributes:
        reads: whether it only reads, each statement by itself; else it is in a transaction.
    """

    def __init__(self, bind: Any = None, *, database: "Database", reads: bool = False, **options: Any) -> None:
        super().__init__(bind, **options)
        self.database = database
        self.reads = reads


def database_of(session: AsyncSession) -> "Database":
    """The database that a session, of either sort, speaks to."""
    if not isinstance(session, Session):
        raise TypeError("a session that no database has opened")
    return session.database


def only_reads(session: AsyncSession) -> bool:
    """Whether a session is in no transaction."""
    return isinstance(session, Session) and session.reads


def require_transaction(session: AsyncSession) -> None:
    """See that what is locked stays locked until somebody commits.

    Raises:
        RuntimeError: the session is in no transaction: a lock would be let go at once.
    """
    if only_reads(session):
        raise RuntimeError("this needs a transaction")


class Compiled:
    """Statements that have been compiled: they say nothing of a database but its dialect.

    Attributes:
        kept: by key, those whose shapes the program knows.
        chosen: by key, those whose shapes clients choose.
        of_sessions: of what sessions run; None where each engine keeps its own.
    """

    def __init__(self, of_sessions: dict[Any, Any] | None = None) -> None:
        self.kept: LRUCache[Hashable, CompiledStatement] = LRUCache(KEPT_STATEMENTS)
        self.chosen: LRUCache[Hashable, CompiledStatement] = LRUCache(CHOSEN_BYTES, attrgetter("size"))
        self.of_sessions = of_sessions


class Database:
    """One database and its pool of connections.

    Args:
        url: `sqlite:///path` or `postgresql://user:password@host:port/name`.
        pool_size: connections kept open.
        statement_seconds: after how long PostgreSQL's statements are given up, by the server itself and, where it does
            not answer, by us; None for commands that move tables.
        pooled: False opens a connection anew for each session (for tests that must see a shared session fail).
        untouched: nothing can be written by it, and the file of a SQLite database has to be there.
        compiled: what databases of the same dialect, all of one thread, have compiled together.

    Attributes:
        engine: what sessions run their statements by.
        pool: what compiled statements are run by, those inside a session's transaction too.
        info: what whoever stands on it keeps with it.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        statement_seconds: float | None = 30,
        pooled: bool = True,
        untouched: bool = False,
        compiled: Compiled | None = None,
    ) -> None:
        self.url = database_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        options: dict[str, Any] = {
            "hide_parameters": True,
            "json_serializer": _dumps,
            "json_deserializer": orjson.loads,
        }
        if compiled is not None and compiled.of_sessions is not None:
            options["execution_options"] = {"compiled_cache": compiled.of_sessions}
        if not pooled:
            options["poolclass"] = NullPool
        else:
            options |= {"pool_size": pool_size, "max_overflow": 0, "pool_timeout": 5}
        if not untouched and (file := sqlite_file(url)) is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        opens: Connector | str = self.url.database or ":memory:"
        if not self.is_sqlite:
            opens = Connector(self.url, statement_seconds=statement_seconds, read_only=untouched)
            options["async_creator"] = opens.connect
        else:
            options["async_creator"] = self._open_sqlite
        self.engine: AsyncEngine = create_async_engine(self.url, **options)
        event.listen(self.engine.sync_engine, "handle_error", _end_if_ill)
        if isinstance(opens, Connector):
            _keep_only_well_ones(self.engine, opens)
        else:
            event.listen(self.engine.sync_engine, "connect", _prepare_untouched if untouched else _prepare_sqlite)
            event.listen(self.engine.sync_engine, "begin", _begin_sqlite)
        reading = {"reading": True} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        self._reading = async_sessionmaker(
            self.engine.execution_options(**reading),
            class_=Session,
            database=self,
            reads=True,
            expire_on_commit=False,
            autoflush=False,
        )
        self._writing = async_sessionmaker(self.engine, class_=Session, database=self, expire_on_commit=False)
        # SQLite has one writer at a time, and lets whoever waits for it sleep and look again, more and more rarely.
        # Writers of one process wait here, in their order, and before they take a connection.
        self._writers: AbstractAsyncContextManager[object] = asyncio.Lock() if self.is_sqlite else nullcontext()
        self.pool = StatementPool(opens, size=pool_size)
        self._kept = compiled or Compiled()
        self._opens = opens
        self._written: list[Callable[[], None]] = []
        self.info: dict[str, Any] = {}
        self._compiling = Compiling()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session for one task, without a transaction: each statement sees what is committed by then."""
        session = self._reading()
        try:
            yield session
        finally:
            # Statements that are compiled once go past the session: to close one that has read nothing costs as much
            # as such a statement.
            if session.in_transaction():
                async with session:
                    pass

    def when_written(self, told: Callable[[], None]) -> None:
        """Call this after every commit of what may have been written by way of this object."""
        self._written.append(told)

    def _tell(self) -> None:
        for told in self._written:
            told()

    async def connect_apart(self) -> Any:
        """A connection of the driver's to a PostgreSQL that belongs to no pool: whoever asks for it ends it."""
        if isinstance(self._opens, str):
            raise TypeError("SQLite's connections are opened by the pools")
        return await self._opens.connect()

    def reading_session(self) -> AsyncSession:
        """The same for whoever cannot say by a block when it ends: it has to be closed."""
        return self._reading()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        """A session in one transaction: committed when the block ends, rolled back when it raises."""
        async with self._writers, self._writing() as session, session.begin():
            yield session
        self._tell()

    async def transact(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """What `work` returns, done in one transaction; a second time where the first was given up in favour of others.

        Of two transactions that wait for each other PostgreSQL ends one (deadlock, 40P01), and with it everything that
        it wrote; so it does where it cannot put two in a row (40001).

        Args:
            work: changes nothing but by its session, and makes what it returns anew each time.

        Raises:
            Whatever `work` raises; nothing was written then.
        """
        try:
            async with self.begin() as session:
                return await work(session)
        except Exception as error:
            if diagnose(error).meaning is not Meaning.RETRY:
                raise
            log.info("a transaction is done again", reason=diagnose(error).reason)
        # Not in step with the other one.
        await asyncio.sleep(random.uniform(0.01, 0.1))  # noqa: S311 - nobody is to be kept from guessing it
        async with self.begin() as session:
            return await work(session)

    async def fetch_compiled(
        self,
        key: Hashable,
        build: Callable[[], ClauseElement],
        parameters: Mapping[str, Any],
        *,
        once: bool = False,
        chosen: bool = False,
    ) -> list[Row]:
        """The rows of a statement that is compiled when it is first asked for and then kept.

        Args:
            key: names the statement.
            build: makes it, with named parameters.
            parameters: their values.
            once: it writes, see `StatementPool.fetch`.
            chosen: clients choose of what shape it is, so that there may be any number of them: they are kept within
                `CHOSEN_BYTES`, and push out none of the others.
        """
        statement = await self._compiled(key, build, chosen)
        rows = statement.read(await self.pool.fetch(statement.sql, statement.values(parameters), once=once))
        if once:
            self._tell()
        return rows

    async def fetch_compiled_in(
        self,
        session: AsyncSession,
        key: Hashable,
        build: Callable[[], ClauseElement],
        parameters: Mapping[str, Any],
        *,
        chosen: bool = False,
    ) -> list[Row]:
        """The same inside a transaction that has begun: it does with the first statement that the session itself runs.

        A lock is none of what may be fetched so as the first statement: it would be gone as soon as it is taken.
        """
        statement = await self._compiled(key, build, chosen)
        connection = await session.connection()
        raw = await connection.get_raw_connection()
        try:
            rows = await self.pool.execute(raw.driver_connection, statement.sql, statement.values(parameters))
        except BaseException as error:
            # The engine has not seen it, and would keep a connection whose statement was given up half-way.
            if not isinstance(error, Exception) or diagnose(error).ends:
                await connection.invalidate()
            raise
        return statement.read(rows)

    async def _compiled(self, key: Hashable, build: Callable[[], ClauseElement], chosen: bool) -> CompiledStatement:
        statements = self._kept.chosen if chosen else self._kept.kept
        statement = statements.get(key)
        if statement is None:
            # Only what clients choose can be long.
            statement = await self._compiling.beside(key, lambda: self._made(build)) if chosen else self._made(build)
            keep(statements, key, statement)
        return statement

    def _made(self, build: Callable[[], ClauseElement]) -> CompiledStatement:
        return CompiledStatement(build(), self.engine.dialect)

    async def analyse(self) -> None:
        """Tell the planner what the tables hold: much has come into them, and it would look at them as they were."""
        statement = "PRAGMA optimize=0x10002" if self.is_sqlite else "ANALYZE"
        async with self.read() as session:
            await session.execute(text(statement))

    async def _open_sqlite(self) -> aiosqlite.Connection:
        async def opening() -> aiosqlite.Connection:
            connection = aiosqlite.connect(self.url.database or ":memory:", check_same_thread=False)
            connection._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does: a program ends without it
            return await connection

        return await self.pool.opened(opening())

    async def close(self) -> None:
        """Close every connection."""
        await self.pool.close()
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                await self.engine.dispose()
        except TimeoutError:
            # It does not answer a farewell either; the process has to be able to end.
            await self.engine.dispose(close=False)


def _end_if_ill(context: ExceptionContext) -> None:
    """Let no connection live on whose state nobody knows, and with one that was cut none that is as old."""
    diagnosis = diagnose(context.original_exception)
    if diagnosis.ends:
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = diagnosis.is_away


def _keep_only_well_ones(engine: AsyncEngine, opens: Connector) -> None:
    """Replace connections that were cut while they lay idle, and those that cannot write, when they are next lent.

    Both are known without asking the server. A session that has begun while the database was read-only stays so for
    ever, unless it is ended.
    """

    def give_back(connection: Any, record: Any) -> None:
        if connection is not None:
            record.info["ends"] = not opens.is_fit(connection.driver_connection)

    def lend(connection: Any, record: Any, _: object) -> None:
        if connection.driver_connection.is_closed() or record.info.get("ends"):
            raise DisconnectionError

    event.listen(engine.sync_engine, "checkin", give_back)
    event.listen(engine.sync_engine, "checkout", lend)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    _set_pragmas(
        connection,
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "busy_timeout = 15000",
        "foreign_keys = ON",
        "cache_size = -65536",
    )


def _prepare_untouched(connection: Any, _record: object) -> None:
    # Not `mode=ro`, which leaves files of the write-ahead log behind.
    _set_pragmas(connection, "busy_timeout = 15000", "query_only = ON")


def _set_pragmas(connection: Any, *pragmas: str) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    # One writer at a time, and it says so first: a reader that turns writer half-way could not wait its turn.
    if not connection.get_execution_options().get("reading"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
