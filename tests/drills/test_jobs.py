"""Workers that are killed in the middle of a job: another takes it over."""

import asyncio
from pathlib import Path

from tests.conftest import serving
from tests.smtp import SmtpServer, smtp
from tests.test_work import apart, jobs, sign_up, until, worker

__all__ = ["smtp"]


async def test_what_a_killed_worker_had_in_hand_is_taken_over_and_nothing_runs_twice(
    database: str, tmp_path: Path, smtp: SmtpServer
) -> None:
    people = [f"person{number}@example.com" for number in range(12)]
    hung = people[3:6]
    smtp.silent.update(hung)
    settings = apart(database, tmp_path, smtp)
    async with serving(settings) as (client, app):
        await sign_up(client, *people)
        with worker(settings, tmp_path) as first:
            async with asyncio.timeout(120):
                while (await jobs(app.state.core.db))["email"] != [1] * len(hung):
                    await asyncio.sleep(0.05)
            first.kill()  # SIGKILL, in the middle of three jobs
            first.wait()
        assert len(smtp.messages) == len(people) - len(hung)
        smtp.silent.clear()
        with worker(settings, tmp_path) as second:
            await until(lambda: len(smtp.messages) == len(people), seconds=90)
            second.terminate()
            assert second.wait(60) == 0
        assert sorted(smtp.recipients()) == sorted(people)
        assert "email" not in await jobs(app.state.core.db)
