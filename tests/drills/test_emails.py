"""Emails under kills and a mail server that is not there: none that was answered with ok is lost."""

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import httpx

from tests.program import PROGRAM, free_port
from tests.smtp import SmtpServer, smtp

__all__ = ["smtp"]

RESET = "mutation($i: RequestPasswordResetInput!) { requestPasswordReset(input: $i) { userErrors { code } } }"


def started(folder: Path, port: int, **environment: str) -> subprocess.Popen[bytes]:
    """A server of two processes."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CRMGRAPH_")}
    return subprocess.Popen(
        [PROGRAM, "serve", "--demo", "--port", str(port), "--workers", "2"],
        cwd=folder,
        env=clean | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


async def answers(port: int) -> None:
    async with httpx.AsyncClient() as client:
        for _ in range(600):
            try:
                await client.get(f"http://127.0.0.1:{port}/health/live")
                return
            except httpx.TransportError:
                await asyncio.sleep(0.1)
    raise AssertionError("it does not serve")


def kill(process: subprocess.Popen[bytes]) -> None:
    """The server and its workers, at once."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


async def test_every_reset_that_was_answered_with_ok_is_mailed_whatever_is_killed(
    tmp_path: Path, smtp: SmtpServer
) -> None:
    people = ["ada@crmgraph.example", "marie@crmgraph.example", "venkatesh@yopmail.com"]
    smtp.silent.update(people)
    port = free_port()
    settings = {"CRMGRAPH_MAIL_URL": f"smtp://127.0.0.1:{smtp.port}"}
    process = started(tmp_path, port, **settings)
    try:
        await answers(port)
        async with httpx.AsyncClient() as client:
            for each in people:
                answer = await client.post(
                    f"http://127.0.0.1:{port}/graphql", json={"query": RESET, "variables": {"i": {"email": each}}}
                )
                assert answer.json()["data"]["requestPasswordReset"] == {"userErrors": []}
        await asyncio.sleep(1)  # some of them are in hand
    finally:
        kill(process)
    assert smtp.messages == []
    smtp.silent.clear()
    process = started(tmp_path, port, **settings)
    try:
        await answers(port)
        async with asyncio.timeout(90):  # what was in hand belongs to the dead for half a minute
            while len(smtp.messages) < len(people):
                await asyncio.sleep(0.5)
    finally:
        kill(process)
    assert sorted(smtp.recipients()) == sorted(people)
