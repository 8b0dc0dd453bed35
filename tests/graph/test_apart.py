"""Imports and exports as they are done by default: by processes of their own, beside the one that serves."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crmgraph import assembly
from crmgraph.crm.models import Role
from crmgraph.jobs import apart
from tests.conftest import Running, serving, settings_for
from tests.graph.conftest import Caller, hired
from tests.graph.importing import created, done, person, table
from tests.graph.test_exports import begun, ended


@pytest.fixture
def apart_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembly, "APART", True)


@pytest.fixture
async def running(apart_ones: None, database: str, tmp_path: Path) -> AsyncIterator[Running]:
    async with serving(settings_for(database, tmp_path)) as (client, app):
        yield Running(client, app, {})


async def test_files_come_in_and_records_go_out_by_processes_of_their_own(running: Running) -> None:
    agent = await hired(running.core, Caller(running.client), "agent@example.com", Role.AGENT)
    found = await created(agent, ("people.csv", table(*(person(n) for n in range(1, 4)))))
    assert (found["state"], found["planned"]["created"]) == ("READY", 3)
    found = await done(agent, "startImport", found["id"])
    assert (found["state"], found["fault"], found["progress"]["created"]) == ("DONE", None, 3)
    job = await ended(agent, (await begun(agent, kind="CONTACT"))["id"])
    assert (job["state"], job["done"]) == ("DONE", 3)
    lines = (await agent.client.get(job["resultUrl"])).text.splitlines()
    assert [json.loads(line)["input"]["lastName"] for line in lines] == ["Ray1", "Ray2", "Ray3"]


async def test_a_process_that_dies_is_another_try(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = await hired(running.core, Caller(running.client), "agent@example.com", Role.AGENT)
    program = apart.PROGRAM
    monkeypatch.setattr(apart, "PROGRAM", "crmgraph.nowhere")
    query = "mutation($i: ExportInput!) { exportRecords(input: $i) { job { id } userErrors { code } } }"
    own = (await agent(query, i={"kind": "LEAD"}))["exportRecords"]["job"]["id"]
    await asyncio.sleep(1)
    assert (await agent("query($id: ID!) { job(id: $id) { state } }", id=own))["job"]["state"] == "WAITING"
    monkeypatch.setattr(apart, "PROGRAM", program)
    assert (await ended(agent, own))["state"] == "DONE"
