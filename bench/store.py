"""The data: seeded once by the product's own command, kept between runs, the same for every contender."""

import asyncio
import contextlib
import json
import os
import sqlite3
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from bench.cluster import HOME, Cluster
from bench.contenders import MODULES, PEERS, ROOT
from bench.skewed import statements as skewing

STAFF_EMAIL = "bench@crmgraph.example"
CUSTOMER_EMAIL = "customer@crmgraph.example"
PASSWORD = "the password of a benchmark"
CRMGRAPH = str(ROOT / ".venv" / "bin" / "crmgraph")


@dataclass(frozen=True)
class Size:
    """How many records of each kind."""

    accounts: int
    contacts: int
    leads: int

    @property
    def name(self) -> str:
        return f"bench_{self.accounts}_{self.contacts}_{self.leads}"


FULL = Size(20_000, 100_000, 100_000)
SMALL = Size(2_000, 10_000, 10_000)


@dataclass
class Store:
    """A database with records, and what lets a contender in.

    Attributes:
        environment: variables for every contender.
        clients: what `crmgraph clients add` printed for each dialect.
    """

    url: str
    name: str
    environment: dict[str, str]
    clients: dict[str, dict[str, str]]

    async def fetch(self, statement: str) -> list[Any]:
        """The rows of a statement."""
        if self.url.startswith("sqlite"):
            with contextlib.closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as connection:
                return connection.execute(statement).fetchall()
        connection = await asyncpg.connect(self.url)
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()


async def on_postgres(cluster: Cluster, size: Size, tell: Any, *, skewed: bool = False) -> Store:
    """The PostgreSQL database of this size, made when it is not there.

    Args:
        tell: is told what takes time.
        skewed: whether it is to be like a store that has grown, see `bench/skewed.py`.
    """
    name = f"{size.name}_skewed" if skewed else size.name
    if name not in await cluster.databases():
        # Under another name until it is whole: a run that is broken off leaves no half-filled one behind.
        await cluster.create("bench_unfinished")
        clients = await _fill(cluster.url("bench_unfinished"), size, tell)
        async with cluster.connected("bench_unfinished") as connection:
            for statement in skewing(sqlite=False) if skewed else ():
                await connection.execute(statement)
            await connection.execute((PEERS / "postgraphile" / "functions.sql").read_text())
            await connection.execute("VACUUM (ANALYZE)")
        _secrets(name).write_text(json.dumps(clients))
        await cluster.rename("bench_unfinished", name)
    else:
        await command(cluster.url(name), "migrate")
    async with cluster.connected(name) as connection:
        await connection.execute((PEERS / "postgraphile" / "functions.sql").read_text())
    return await _store(cluster.url(name), name)


async def on_sqlite(size: Size, tell: Any) -> Store:
    """The SQLite file of this size, made when it is not there."""
    file = HOME / f"{size.name}.db"
    if not file.exists():
        unfinished = HOME / "unfinished.db"
        for leftover in HOME.glob("unfinished.db*"):
            leftover.unlink()
        clients = await _fill(f"sqlite:///{unfinished}", size, tell)
        with contextlib.closing(sqlite3.connect(unfinished)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        _secrets(f"{size.name}.db").write_text(json.dumps(clients))
        unfinished.rename(file)
    else:
        await command(f"sqlite:///{file}", "migrate")
    return await _store(f"sqlite:///{file}", f"{size.name}.db")


async def _store(url: str, name: str) -> Store:
    store = Store(url, name, {}, json.loads(_secrets(name).read_text()))
    ((staff_id, credential_id),) = await store.fetch(
        f"SELECT s.id, c.id FROM staff s JOIN credential c ON c.staff_id = s.id WHERE s.email = '{STAFF_EMAIL}'"
    )
    store.environment |= environment(url) | {
        "BENCH_DATABASE": url,
        "BENCH_POOL": "10",
        "BENCH_STAFF_ID": str(staff_id),
        "BENCH_CREDENTIAL_ID": str(credential_id),
        "NODE_ENV": "production",
        "GRAPHILE_ENV": "production",
    }
    return store


def environment(url: str) -> dict[str, str]:
    """The settings of crmgraph: its defaults, but for tokens that outlast the run and the lengths of a log."""
    return {
        "CRMGRAPH_DATABASE_URL": url,
        "CRMGRAPH_SECRET_KEY": "the secret of a benchmark, which is long enough",
        "CRMGRAPH_ACCESS_TOKEN_SECONDS": str(7 * 86400),
        "CRMGRAPH_SIGNUP_CONFIRM": "false",
        "CRMGRAPH_LOG_LEVEL": "error",
        "CRMGRAPH_PHOTO_URL": (HOME / "photos").as_uri(),
        "CRMGRAPH_POOL_SIZE": "10",
    }


async def _fill(url: str, size: Size, tell: Any) -> dict[str, dict[str, str]]:
    """Migrate, seed, and let the benchmark in."""
    began = time.perf_counter()
    tell(f"seeding {size.accounts:,} accounts, {size.contacts:,} contacts and {size.leads:,} leads")
    counts = [f"--{kind}={getattr(size, kind)}" for kind in ("accounts", "contacts", "leads")]
    await command(url, "seed", *counts)
    tell(f"seeded in {time.perf_counter() - began:.0f} s")
    await command(url, "staff", "add", "Benchmark", STAFF_EMAIL, "--role", "AGENT")
    clients = {}
    for dialect, options in (("zoho", []), ("crmcom", ["--organisation", "bench"])):
        printed = await command(url, "clients", "add", dialect, "Benchmark", STAFF_EMAIL, *options)
        clients[dialect] = json.loads(printed)
    return clients


async def command(url: str, *arguments: str) -> str:
    """What a command of crmgraph prints.

    Raises:
        RuntimeError: it failed.
    """
    process = await asyncio.create_subprocess_exec(
        CRMGRAPH,
        *arguments,
        env={**os.environ, **environment(url), "CRMGRAPH_PASSWORD": PASSWORD, "PYTHONPATH": MODULES},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, said = await process.communicate()
    if process.returncode:
        sys.stderr.write(said.decode())
        raise RuntimeError(f"crmgraph {' '.join(arguments[:2])} failed")
    return printed.decode()


def _secrets(name: str) -> Path:
    return HOME / f"{name}.json"
