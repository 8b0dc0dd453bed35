"""Races for long, over several servers of one database: no duplicate, no deadlock, no answer but a good one."""

import asyncio
import os
import random
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from crmgraph.demo import Demo, shown
from tests.conftest import Running, serving, settings_for
from tests.dialects.zoho.conftest import Program
from tests.test_races import counts

ROUNDS = int(os.environ.get("TEST_RACES", "200"))
"""How many rounds are run."""
SERVERS = 3


@pytest.mark.parametrize("demo_database", ["postgresql"], indirect=True)
async def test_servers_that_upsert_and_convert_at_once_make_no_record_twice(
    demo_database: tuple[str, Demo], tmp_path: Path
) -> None:
    database, kept = demo_database
    dice = random.Random("races")
    async with AsyncExitStack() as stack:
        programs = []
        for _ in range(SERVERS):
            # Who comes last of all waits for all others, and on a busy machine longer than a request may.
            settings = settings_for(database, tmp_path, request_seconds=300, pool_size=20)
            client, app = await stack.enter_async_context(serving(settings))
            running = Running(client, app, shown(kept))
            programs.append(Program(running, running.credentials["zoho"]["access_token"]))
        before = await counts(programs[0].running)
        for i in range(ROUNDS):
            people = [
                {"Last_Name": f"P{n}", "Email": f"r{i}p{n}@example.com", "Phone": f"+49 30 {i}{n}"} for n in range(4)
            ]
            leads = [await programs[0].create("Leads", Last_Name="L", Company=f"Round {i}") for _ in range(3)]
            contact = await programs[0].create("Contacts", Last_Name=f"Joined {i}")
            order = [dice.sample(people, len(people)) for _ in range(12)]

            async def upsert(n: int, order: list[list[dict[str, str]]] = order) -> int:
                checks = (["Email"], ["Phone"], ["Email", "Phone"])[n % 3]
                body = {"data": order[n], "duplicate_check_fields": checks}
                return (await programs[n % SERVERS].send("POST", "/Contacts/upsert", body)).status_code

            async def convert(n: int, leads: list[str] = leads, contact: str = contact) -> int:
                path = f"/Leads/{leads[n]}/actions/convert"
                return (await programs[n].send("POST", path, {"data": [{"Contacts": contact}]})).status_code

            done = await asyncio.gather(*(upsert(n) for n in range(12)), *(convert(n) for n in range(3)))
            assert set(done) == {200}
        assert await counts(programs[0].running) == before | {
            "contact": before["contact"] + 5 * ROUNDS,
            "account": before["account"] + ROUNDS,
            "lead": before["lead"] + 3 * ROUNDS,
        }
