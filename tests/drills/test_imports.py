"""Imports that are killed: whatever was written is whole, nothing is written twice, and the import goes on."""

import asyncio
import csv
import json
import os
import random
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from tests.conftest import Postgres
from tests.program import PROGRAM, SECRET

ROWS = 20_000
KILLS = 3


@pytest.fixture
def database(postgres: Postgres) -> str:
    postgres.create("killed", "template")
    return postgres.url("killed")


@pytest.fixture
async def connection(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


def people(path: Path) -> None:
    header = ("Record Id", "Contact Owner.id", "Last Name", "Account Name", "Email", "Secondary Email", "Phone")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for n in range(ROWS):
            own = (f"Ray{n}", f"Company {n % 500}", f"a{n}@example.com", f"b{n}@example.com", f"+49 30 9{n:06}")
            writer.writerow((f"zcrm_5310000000003{n:06}", "", *own))


async def test_an_import_that_is_killed_at_any_moment_is_resumed_without_a_half_record_or_a_twin(
    database: str, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    environment = {**os.environ, "CRMGRAPH_DATABASE_URL": database, "CRMGRAPH_SECRET_KEY": SECRET}
    environment["CRMGRAPH_PASSWORD"] = "a long pass phrase of nobody"

    def program(*arguments: str) -> subprocess.Popen[str]:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen([PROGRAM, *arguments], env=environment, cwd=tmp_path, **pipes)  # type: ignore[call-overload,no-any-return]  # the types of the dictionary

    people(tmp_path / "people.csv")
    (staff := program("staff", "add", "Ada Agent", "ada@example.com", "--role", "ADMIN")).communicate()
    assert staff.returncode == 0

    async def written() -> int:
        return int(await connection.fetchval("SELECT count(*) FROM contact"))

    command: tuple[str, ...] = ("import", "people.csv", "--yes", "--json")
    dice = random.Random(5)
    for _ in range(KILLS):
        before, running = await written(), program(*command)
        while await written() == before:
            assert running.poll() is None, running.communicate()
            await asyncio.sleep(0.05)
        await asyncio.sleep(dice.uniform(0, 1))
        running.send_signal(signal.SIGKILL)
        running.communicate()
        import_id = await connection.fetchval("SELECT max(id) FROM import")
        state, position = await connection.fetchrow("SELECT state, position FROM import WHERE id = $1", import_id)
        assert state == "RUNNING"
        assert position % 1_000 == 0
        command = ("import", "resume", str(import_id), "--json")
        # No half record: who is there has everything, and its entry in the history and in the import.
        for table in ("external_id", "phone", "change", "import_row"):
            ids = f"SELECT party_id FROM {table} WHERE party_id = contact.id"
            assert await connection.fetchval(f"SELECT count(*) FROM contact WHERE NOT EXISTS ({ids})") == 0
        assert await connection.fetchval("SELECT count(*) FROM email") == 2 * await written()

    told, wrong = (last := program(*command)).communicate()
    assert last.returncode == 0, wrong
    assert json.loads(told)["outcomes"]["CONTACT"] == {"CREATED": ROWS}
    assert await written() == ROWS
    assert await connection.fetchval("SELECT count(DISTINCT value) FROM external_id WHERE dialect = 'zoho'") == ROWS
    assert await connection.fetchval("SELECT count(*) FROM account") == 500
