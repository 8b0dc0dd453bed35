"""A PostgreSQL with a standby: what is asked of which, a failover, and servers that are stopped in the middle."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from tests.conftest import Postgres, Running, roomy_memory, serving, settings_for
from tests.database.doors import DOORS, assert_away, assert_well, doors


@dataclass
class Pair:
    """A primary and its standby."""

    primary: Postgres
    folder: Path

    def url(self, database: str, attrs: str) -> str:
        hosts = f"host={self.folder},{self.primary.server.pgdata}&port=5433,5432"
        return f"postgresql://postgres@/{database}?{hosts}&target_session_attrs={attrs}"

    def run(self, program: str, *arguments: str) -> None:
        server = self.primary.server
        subprocess.run(
            [str(server.bin_path / program), *arguments],
            user=server.system_user,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
        )


@pytest.fixture
def pair() -> Iterator[Pair]:
    root = Path(tempfile.mkdtemp(prefix="pg-", dir=roomy_memory()))
    primary = Postgres(root / "data")
    primary.create("crm", "template")
    folder = root / "standby"
    folder.mkdir(mode=0o700)
    if primary.server.system_user is not None:
        shutil.chown(folder, primary.server.system_user)
    made = Pair(primary, folder)
    made.run("pg_basebackup", "-h", str(primary.server.pgdata), "-U", "postgres", "-D", str(folder), "-R", "-c", "fast")
    made.run("pg_ctl", "-w", "-D", str(folder), "-o", f"-h '' -p 5433 -k {folder}", "-l", f"{folder}/log", "start")
    yield made
    made.run("pg_ctl", "-w", "-D", str(folder), "-m", "immediate", "stop")
    primary.close()
    shutil.rmtree(root, ignore_errors=True)


async def test_writes_go_on_after_a_failover(pair: Pair, tmp_path: Path) -> None:
    async with doors(pair.url("crm", "read-write"), tmp_path) as there:
        for door in DOORS:
            assert_well(door, await there.write(door, "Before"))
            assert_well(door, await there.read(door))
        await asyncio.sleep(1)
        pair.run("pg_ctl", "-w", "-D", str(pair.primary.server.pgdata), "-m", "immediate", "stop")
        status, reason = await there.ready()
        assert (status, reason) == (503, "database unreachable") or "target_session_attrs" in reason
        for door in DOORS:
            assert_away(door, await there.write(door))
        pair.run("pg_ctl", "-w", "-D", str(pair.folder), "promote")
        for door in DOORS:
            assert_well(door, await there.write(door, "After"))
        assert await there.ready() == (200, "ready")


async def test_connections_to_a_standby_write_as_soon_as_it_is_promoted(pair: Pair, tmp_path: Path) -> None:
    async with doors(pair.url("crm", "read-write"), tmp_path) as first:
        await asyncio.sleep(1)
        only = f"postgresql://postgres@/crm?host={pair.folder}&port=5433"
        async with serving(settings_for(only, tmp_path)) as (client, app):
            running = Running(client, app, {})
            there = replace(first, running=running)
            for door in DOORS:
                assert_well(door, await there.read(door))
                assert_away(door, await there.write(door))
            assert await there.ready() == (503, "database read-only")
            pair.run("pg_ctl", "-w", "-D", str(pair.primary.server.pgdata), "-m", "immediate", "stop")
            pair.run("pg_ctl", "-w", "-D", str(pair.folder), "promote")
            for door in DOORS:
                assert_well(door, await there.write(door, "After"))
            assert await there.ready() == (200, "ready")


async def test_a_server_whose_processes_stand_still_is_answered_in_time(pair: Pair, tmp_path: Path) -> None:
    url = pair.primary.url("crm")
    async with doors(url, tmp_path, request_seconds=2) as there:
        for door in DOORS:
            await asyncio.gather(*(there.read(door) for _ in range(3)))
        postmaster = psutil.Process(pair.primary.server.get_pid())
        stopped = [postmaster, *postmaster.children(recursive=True)]
        for process in stopped:
            os.kill(process.pid, signal.SIGSTOP)
        try:
            for door in DOORS:
                start = time.monotonic()
                read, written = await asyncio.gather(there.read(door), there.write(door))
                assert_away(door, read)
                assert_away(door, written)
                assert time.monotonic() - start < 6
        finally:
            for process in stopped:
                os.kill(process.pid, signal.SIGCONT)
        await asyncio.sleep(1)
        for door in DOORS:
            assert_well(door, await there.write(door))
        assert await there.ready() == (200, "ready")
