"""Two who keep a copy of the store in step, one that reads the log and one that subscribes, while everything is killed.

TEST_CHANGES_SECONDS says for how long; make drills takes 20 seconds.
"""

import asyncio
import json
import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from sqlalchemy import text
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.conftest import Postgres, roomy_memory, settings_for
from tests.database.doors import DOORS, Doors, doors
from tests.program import PROGRAM, free_port

SECONDS = float(os.environ.get("TEST_CHANGES_SECONDS", "20"))
FIELDS = "cursor recordId gap record { revision }"
CHANGES = (
    f"query($after: String) {{ changes(first: 50, after: $after) {{ nodes {{ {FIELDS} }} pageInfo {{ endCursor }} }} }}"
)
CHANGED = f"subscription($after: String) {{ changed(after: $after) {{ {FIELDS} }} }}"
DELETE = "mutation($c: ContactRef!) { deleteContact(input: {contact: $c}) { userErrors { code } } }"
STORED = (
    "SELECT 'con_' || id, revision FROM contact WHERE deleted_at IS NULL UNION ALL "
    "SELECT 'acc_' || id, revision FROM account WHERE deleted_at IS NULL UNION ALL "
    "SELECT 'lea_' || id, revision FROM lead WHERE deleted_at IS NULL"
)


@dataclass
class Copy:
    """What somebody knows of the store, kept through all that happens to them.

    Attributes:
        records: {id: revision} of those that are there.
        cursor: of the last event that they have taken in.
        told: how many events they were told.
    """

    records: dict[str, int] = field(default_factory=dict)
    cursor: str | None = None
    told: int = 0

    @staticmethod
    async def of(there: Doors) -> "Copy":
        """As anybody begins: the cursor of now, then all records."""
        kinds = ("contacts", "accounts", "leads")
        lists = " ".join(f"{kind}(first: 100) {{ nodes {{ id revision }} }}" for kind in kinds)
        headers = {"authorization": f"Bearer {there.world.graph}"}
        found = []
        for query in ("{ changes(first: 0) { pageInfo { endCursor } } }", f"{{ {lists} }}"):
            answer = await there.running.client.post("/graphql", json={"query": query}, headers=headers)
            found.append(answer.json()["data"])
        records = {node["id"]: node["revision"] for kind in kinds for node in found[1][kind]["nodes"]}
        return Copy(records, found[0]["changes"]["pageInfo"]["endCursor"])

    def take(self, event: dict[str, Any]) -> None:
        assert event["gap"] is False
        if event["record"] is None:
            self.records.pop(event["recordId"], None)
        else:
            self.records[event["recordId"]] = event["record"]["revision"]
        self.cursor = event["cursor"]
        self.told += 1


class Server:
    """The program, which dies and comes back."""

    def __init__(self, url: str, folder: Path) -> None:
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        given = settings_for(url, folder, public_url=self.url).model_dump(
            include={"secret_key", "photo_url", "mail_url"}
        )
        own = {f"CRMGRAPH_{name.upper()}": str(value) for name, value in given.items()}
        clean = {name: value for name, value in os.environ.items() if not name.startswith("CRMGRAPH_")}
        self._environment = clean | own | {"CRMGRAPH_DATABASE_URL": url, "CRMGRAPH_LOG_LEVEL": "error"}
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [str(PROGRAM), "serve", "--port", str(self._port)]
        with (self._folder / "output").open("ab") as output:
            self._process = subprocess.Popen(command, env=self._environment, stdout=output, stderr=output)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()


async def read(server: Server, token: str, copy: Copy) -> None:
    """Read the log to its end, again and again."""
    async with httpx.AsyncClient(timeout=5) as client:
        while True:
            body = {"query": CHANGES, "variables": {"after": copy.cursor}}
            with suppress(httpx.TransportError, KeyError, TypeError, json.JSONDecodeError):
                answer = await client.post(
                    f"{server.url}/graphql", json=body, headers={"authorization": f"Bearer {token}"}
                )
                page = answer.json()["data"]["changes"]
                for node in page["nodes"]:
                    copy.take(node)
                copy.cursor = page["pageInfo"]["endCursor"] or copy.cursor
            await asyncio.sleep(0.1)


async def subscribe(server: Server, token: str, copy: Copy) -> None:
    """Listen, and connect anew from the last cursor whenever something breaks."""
    address = server.url.replace("http", "ws") + "/graphql"
    while True:
        with suppress(OSError, websockets.WebSocketException):
            async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
                payload: dict[str, Any] = {"authorization": f"Bearer {token}"}
                await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
                payload = {"query": CHANGED, "variables": {"after": copy.cursor}}
                await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))
                async for text_ in socket:
                    message = json.loads(text_)
                    assert message["type"] in ("connection_ack", "next"), message
                    if message["type"] == "next":
                        copy.take(message["payload"]["data"]["changed"])
        await asyncio.sleep(0.1)


async def write(there: Doors, dice: random.Random, written: dict[str, int]) -> None:
    """Write through all doors, and now and then delete something."""
    while True:
        door = dice.choice(DOORS)
        with suppress(Exception):  # the database may be away
            answer = await there.write(door, f"N{dice.randrange(10**6)}")
            written[door] += answer.status_code in (200, 201)
            if dice.random() < 0.1 and door == "graphql":
                own = answer.json()["data"]["createContact"]["contact"]["id"]
                body = {"query": DELETE, "variables": {"c": {"id": own}}}
                headers = {"authorization": f"Bearer {there.world.graph}"}
                await there.running.client.post("/graphql", json=body, headers=headers)
        await asyncio.sleep(dice.uniform(0, 0.05))


async def restarted(work: Callable[[], Awaitable[None]], dice: random.Random) -> None:
    """Do something, end it at any moment, and begin again."""
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(dice.uniform(0.2, 3)):
                await work()


async def killed(server: Server, postgres: Postgres, dice: random.Random) -> None:
    """Kill the server or the database now and then."""
    while True:
        await asyncio.sleep(dice.uniform(2, 5))
        if dice.random() < 0.6:
            server.kill()
            await asyncio.sleep(dice.uniform(0, 1))
            server.start()
        else:
            own = postgres.server
            command = [str(own.bin_path / "pg_ctl"), "-w", "-D", str(own.pgdata), "-m", "immediate", "restart"]
            log = subprocess.DEVNULL
            done = await asyncio.create_subprocess_exec(*command, user=own.system_user, stdout=log, stderr=log)
            await done.wait()


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    root = Path(tempfile.mkdtemp(prefix="pg-", dir=roomy_memory()))
    made = Postgres(root / "data")
    # What was committed has to be there after the server has died.
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        made.run(f"ALTER SYSTEM SET {setting} = on")
    made.run("SELECT pg_reload_conf()")
    made.create("crm", "template")
    yield made
    made.close()
    shutil.rmtree(root, ignore_errors=True)


@asynccontextmanager
async def all_at_once(*works: Any) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert [each for each in ended if each is not None and not isinstance(each, asyncio.CancelledError)] == []


async def test_copies_hold_exactly_what_the_store_holds(own_postgres: Postgres, tmp_path: Path) -> None:
    url, dice = own_postgres.url("crm"), random.Random(2026)
    server = Server(url, tmp_path)
    written = dict.fromkeys(DOORS, 0)
    async with doors(url, tmp_path) as there:
        token = there.world.graph
        reader, listener = await Copy.of(there), await Copy.of(there)
        server.start()
        try:
            following = (
                restarted(lambda: read(server, token, reader), dice),
                restarted(lambda: subscribe(server, token, listener), dice),
            )
            async with all_at_once(*following):
                writing = (write(there, random.Random(seed), written) for seed in range(4))
                async with all_at_once(*writing, killed(server, own_postgres, dice)):
                    await asyncio.sleep(SECONDS)
                stored: dict[str, int] = {}
                for _ in range(60):
                    await asyncio.sleep(1)
                    with suppress(Exception):
                        async with there.running.db.read() as session:
                            stored = dict(map(tuple, await session.execute(text(STORED))))
                    if reader.records == listener.records == stored:
                        break
        finally:
            server.kill()
    assert all(written.values()), written
    assert len(stored) > SECONDS
    assert reader.records == stored
    assert listener.records == stored
    assert listener.told >= len(stored) - 2
