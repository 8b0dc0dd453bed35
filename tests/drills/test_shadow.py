"""Answers are compared by somebody slow: clients do not notice, and nothing grows."""

import asyncio
import http.client
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from crmgraph.cli.comparing import comparing
from crmgraph.cli.console import opened
from crmgraph.settings import Settings
from crmgraph.upstream.listening import Consumer, Listener
from crmgraph.upstream.tee import PassedCall
from tests.upstream.reads import LEAD, Tokens
from tests.upstream.test_comparing import Twins, twins

__all__ = ["twins"]

SLICE, SETTLING = 10.0, 2.0
"""How long calls are made in one mode, and how much of it does not count, in seconds: a switch holds a second later."""
PAIRS = int(os.environ.get("SHADOW_PAIRS", "15"))
"""How often both modes have their turn; five minutes in all."""
CLIENTS, PAUSE = 4, 0.03
CANDIDATE_SECONDS = 0.5


class Clients:
    """Some clients who read one record again and again, and how long each answer took.

    Args:
        port: of the server in front.
    """

    def __init__(self, port: int, token: str) -> None:
        self._port, self._token = port, token
        self._ending = threading.Event()
        self.times: list[tuple[float, float]] = []
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]

    def _ask(self) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", self._port)) as connection:
            while not self._ending.wait(PAUSE):
                start = time.perf_counter()
                connection.request(
                    "GET", f"/crm/v2/Leads/{LEAD}", headers={"Authorization": f"Zoho-oauthtoken {self._token}"}
                )
                response = connection.getresponse()
                response.read()
                assert response.status == 200
                self.times.append((time.monotonic(), time.perf_counter() - start))

    def __enter__(self) -> "Clients":
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for each in self._threads:
            each.join()


def switch(folder: Path, mode: str) -> None:
    with closing(sqlite3.connect(folder / "var" / "demo.db", isolation_level=None, timeout=15)) as connection:
        row = ("ZOHO", mode, "2026-01-01 00:00:00", "a drill")
        connection.execute("INSERT INTO switch (dialect, mode, at, why) VALUES (?, ?, ?, ?)", row)


def resident(pid: int) -> int:
    """What a process has in memory, in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def server_of(port: int) -> int:
    """The process that listens at a port."""
    wanted = f":{port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inode = next(row[9] for row in rows if row[1].endswith(wanted) and row[3] == "0A")
    for each in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(each.readlink()) == f"socket:[{inode}]":
                return int(each.parts[2])
        except OSError:
            continue
    raise AssertionError("nobody listens there")


def percentile(times: list[float], share: float) -> float:
    return sorted(times)[int(share * len(times))]


@pytest.fixture
def slices() -> Iterator[dict[str, list[float]]]:
    """How long answers took, by mode; printed in the end."""
    times: dict[str, list[float]] = {"PROXY": [], "SHADOW": []}
    yield times
    for mode, each in times.items():
        if each:
            shown = ", ".join(f"p{share * 100:g} {percentile(each, share) * 1000:.1f} ms" for share in (0.5, 0.9, 0.99))
            print(f"{mode}: {len(each)} calls, {shown}")  # noqa: T201 - what the drill is run for


async def test_a_slow_candidate_slows_no_client_and_nothing_grows(
    twins: Twins, slices: dict[str, list[float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(twins.folder)
    kept = json.loads((twins.folder / "var" / "demo.json").read_text())
    settings = Settings().for_demo(Path("var"), kept["secret"])
    tokens = await asyncio.to_thread(Tokens, twins.port, twins.credentials)
    server = server_of(twins.port)
    sizes: list[int] = []
    async with opened(settings) as core, comparing(core, settings) as comparer:

        async def look(call: PassedCall) -> None:
            await asyncio.sleep(CANDIDATE_SECONDS)
            await comparer.look(call)

        listener = Listener(settings.upstream_socket, {"compare": Consumer(look, comparer.dropped, at_once=2)})
        await listener.start()

        async def measured(clients: Clients, mode: str) -> None:
            await asyncio.to_thread(switch, twins.folder, mode)
            await asyncio.sleep(SETTLING)
            begin = time.monotonic()
            await asyncio.sleep(SLICE - SETTLING)
            slices[mode] += [took for at, took in clients.times if at >= begin]
            sizes.append(resident(server))

        with Clients(twins.port, tokens.zoho) as clients:
            for _ in range(PAIRS):
                await measured(clients, "PROXY")
                await measured(clients, "SHADOW")
        await listener.close()
    told: dict[str, Any] = twins.report("zoho")
    print({name: told[name] for name in ("equal", "stale", "different", "failed", "dropped")})  # noqa: T201 - as above
    print(f"the server has {sizes[1]} KiB after the first turn, {sizes[-1]} in the end, {max(sizes)} at most")  # noqa: T201 - as above
    assert percentile(slices["SHADOW"], 0.99) <= 1.3 * percentile(slices["PROXY"], 0.99)
    assert told["dropped"] > 0 and told["equal"] > 0 and told["different"] == told["failed"] == 0
    assert max(sizes[2:]) - sizes[1] < 16 * 1024
