"""Calls that are passed on while a worker is killed and while PostgreSQL is stopped: what is lost, and who notices."""

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from crmgraph.crm.usage import STORE_SECONDS
from tests.conftest import Postgres, roomy_memory
from tests.program import crmgraph, serving
from tests.upstream.conftest import ENVIRONMENT
from tests.upstream.old_crm import OldCrm, build, running

USERS = "/crm/v2/users"


@pytest.fixture(scope="module")
def old_crm(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OldCrm]:
    with running(build(tmp_path_factory.mktemp("old") / "data", sqlite_template)) as old:
        yield old


@dataclass
class Stoppable:
    """A PostgreSQL that is stopped and started again."""

    server: Postgres

    def run(self, *arguments: str) -> None:
        own = self.server.server
        command = [str(own.bin_path / "pg_ctl"), "-w", "-D", str(own.pgdata), *arguments]
        done = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(command, user=own.system_user, check=True, timeout=60, **done)  # type: ignore[call-overload]  # of the streams

    def stop(self) -> None:
        self.run("-m", "immediate", "stop")

    def start(self) -> None:
        data = self.server.server.pgdata
        self.run("-o", f"-h '' -k {data}", "-l", f"{data}/log", "start")


@pytest.fixture
def stoppable() -> Iterator[Stoppable]:
    root = Path(tempfile.mkdtemp(prefix="pg-", dir=roomy_memory()))
    server = Postgres(root / "data")
    server.create("crm", "template")
    yield Stoppable(server)
    server.close()
    shutil.rmtree(root, ignore_errors=True)


def put_behind(folder: Path, old: OldCrm, **environment: str) -> None:
    if "CRMGRAPH_DATABASE_URL" not in environment:
        assert crmgraph(folder, "migrate", **ENVIRONMENT, **environment).returncode == 0
    told = crmgraph(folder, "upstream", "add", "zoho", old.url, "--insecure", **ENVIRONMENT, **environment)
    assert told.returncode == 0, told.stderr


def counted(folder: Path, **environment: str) -> int:
    told = json.loads(crmgraph(folder, "usage", "--json", **ENVIRONMENT, **environment).stdout)
    return sum(each["calls"] for each in told["calls"])


def test_a_worker_that_is_killed_loses_five_seconds_of_counts_and_no_call(tmp_path: Path, old_crm: OldCrm) -> None:
    put_behind(tmp_path, old_crm)
    for _ in range(3):
        before, made = counted(tmp_path), []
        with serving(tmp_path, **ENVIRONMENT) as (client, process):
            end = time.monotonic() + 2 * STORE_SECONDS + 1.5
            while time.monotonic() < end:
                assert client.get(USERS, headers=old_crm.zoho).status_code == 200
                made.append(time.monotonic())
                time.sleep(0.02)
            process.kill()
            killed = time.monotonic()
            process.join(10)
        found = counted(tmp_path) - before
        safe = sum(at < killed - STORE_SECONDS - 0.5 for at in made)
        assert safe <= found <= len(made), (safe, found, len(made))


def test_calls_are_passed_on_while_postgresql_is_stopped(tmp_path: Path, old_crm: OldCrm, stoppable: Stoppable) -> None:
    environment = {"CRMGRAPH_DATABASE_URL": stoppable.server.url("crm")}
    put_behind(tmp_path, old_crm, **environment)
    made = 0
    with serving(tmp_path, **ENVIRONMENT, **environment) as (client, _):

        def call(times: int) -> float:
            nonlocal made
            slowest = 0.0
            for _ in range(times):
                start = time.monotonic()
                assert client.get(USERS, headers=old_crm.zoho, timeout=5).status_code == 200
                slowest = max(slowest, time.monotonic() - start)
                made += 1
                time.sleep(0.02)
            return slowest

        call(20)
        stoppable.stop()
        assert call(400) < 1.5
        assert client.get("/health/ready").status_code == 503
        stoppable.start()
        call(20)
    assert counted(tmp_path, **environment) == made
