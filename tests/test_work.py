"""`crmgraph work`: background jobs in processes of their own, beside servers that run none."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from crmgraph.crm.models import Job
from crmgraph.db.database import Database
from crmgraph.settings import Settings
from tests.conftest import serving, settings_for
from tests.program import PROGRAM
from tests.smtp import SmtpServer, smtp

__all__ = ["smtp"]

SIGNUP = "mutation($i: SignupInput!) { signup(input: $i) { userErrors { code message } } }"


def person(email: str) -> dict[str, str]:
    return {"lastName": "Emos", "email": email, "password": "correct horse 9"}


def apart(database: str, folder: Path, server: SmtpServer, **changed: Any) -> Settings:
    """Settings of a server that leaves its jobs to others."""
    mail = f"smtp://127.0.0.1:{server.port}"
    return settings_for(database, folder, run_jobs=False, signup_confirm=True, mail_url=mail, **changed)


@contextmanager
def worker(settings: Settings, folder: Path, **changed: str) -> Iterator[subprocess.Popen[str]]:
    """A process that runs `crmgraph work` by these settings; killed when the block ends, if it is still there."""
    own = {
        "CRMGRAPH_DATABASE_URL": settings.database_url,
        "CRMGRAPH_SECRET_KEY": str(settings.secret_key),
        "CRMGRAPH_PHOTO_URL": settings.photo_url,
        "CRMGRAPH_MAIL_URL": settings.mail_url,
    }
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CRMGRAPH_")}
    process = subprocess.Popen(
        [PROGRAM, "work"],
        cwd=folder,
        env=clean | own | changed,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


async def sign_up(client: httpx.AsyncClient, *emails: str) -> None:
    for each in emails:
        answer = await client.post("/graphql", json={"query": SIGNUP, "variables": {"i": person(each)}})
        assert answer.json()["data"]["signup"] == {"userErrors": []}


async def jobs(db: Database) -> dict[str, list[int]]:
    """The attempts of the jobs that are left, by kind."""
    async with db.read() as session:
        found: dict[str, list[int]] = {}
        for job in await session.scalars(select(Job).order_by(Job.id)):
            found.setdefault(job.kind, []).append(job.attempts)
    return found


async def until(true: Any, seconds: float = 120) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.05)


async def test_workers_run_what_servers_that_run_no_jobs_store_and_end_when_they_are_told_to(
    database: str, tmp_path: Path, smtp: SmtpServer
) -> None:
    people = [f"person{number}@example.com" for number in range(6)]
    settings = apart(database, tmp_path, smtp)
    async with serving(settings) as (client, app):
        await sign_up(client, *people)
        await asyncio.sleep(0.5)
        assert await jobs(app.state.core.db) == {"email": [0] * 6}, "and nothing recurring either"
        assert smtp.messages == []
        with worker(settings, tmp_path) as first, worker(settings, tmp_path) as second:
            await until(lambda: len(smtp.messages) >= 6)
            ended = []
            for process, way in ((first, signal.SIGTERM), (second, signal.SIGINT)):
                assert process.stdout is not None
                said = await asyncio.to_thread(process.stdout.readline)
                process.send_signal(way)
                ended.append((said.split(" the jobs of ")[0], await asyncio.to_thread(process.wait, 60)))
            assert ended == [("crmgraph runs", 0)] * 2
            assert [process.stderr.read() for process in (first, second) if process.stderr is not None] == ["", ""]
        assert sorted(smtp.recipients()) == sorted(people)
        assert await jobs(app.state.core.db) == {
            "purge": [0],
            "forget words": [0],
            "sweep photos": [0],
            "duplicates": [0],
        }


async def test_a_worker_refuses_what_a_server_refuses(tmp_path: Path, sqlite_template: Path, smtp: SmtpServer) -> None:
    settings = apart(f"sqlite:///{tmp_path / 'empty.db'}", tmp_path, smtp)
    with worker(settings, tmp_path) as process:
        out, err = await asyncio.to_thread(process.communicate, timeout=120)
    assert (process.returncode, out, len(err.splitlines())) == (1, "", 1)
    assert "crmgraph migrate" in err
