"""What subscribers cost a process: `python -m bench.subscribers --subscribers 1000`.

One process serves the demo, over SQLite or the database of `--database`, which it makes its own. So many WebSockets of
one person are opened, each with one subscription; then records are written one after the other, and every subscriber
has to be told of each. Told are the memory of the process before and after, its processor time while it tells, and how
long after the answer to a write the subscribers had it.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

CHANGED = "subscription { changed { cursor action recordId record { id displayName revision } } }"
CREATE = "mutation($n: String!) { createLead(input: {lastName: $n}) { lead { id } } }"
LOGIN = "mutation($e: EmailAddress!, $p: String!) { login(input: {email: $e, password: $p}) { accessToken } }"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--subscribers", type=int, default=1_000)
    parser.add_argument("--writes", type=int, default=20)
    parser.add_argument("--every", type=float, default=0.5, help="seconds from one write to the next")
    parser.add_argument("--database", help="its URL; by default a SQLite database of its own")
    return parser.parse_args()


class Server:
    """The program that is measured."""

    def __init__(self, folder: Path, database: str | None) -> None:
        own = {
            "CRMGRAPH_DEMO_FOLDER": str(folder),
            "CRMGRAPH_MAX_SUBSCRIBERS": "20000",
            "CRMGRAPH_MAX_SUBSCRIBERS_PER_CALLER": "20000",
            "CRMGRAPH_MAX_CONNECTIONS": "20000",
            "CRMGRAPH_LOG_LEVEL": "error",
            "CRMGRAPH_ACCESS_TOKEN_SECONDS": "7200",
        }
        if database:
            own["CRMGRAPH_DATABASE_URL"] = database
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        command = [str(Path(sys.executable).with_name("crmgraph")), "serve", "--demo", "--port", str(self.port)]
        self.process = subprocess.Popen(command, env=os.environ | own, cwd=folder, stdout=subprocess.DEVNULL)
        self._measured = psutil.Process(self.process.pid)

    @property
    def megabytes(self) -> float:
        return self._measured.memory_info().rss / 1e6

    @property
    def seconds(self) -> float:
        times = self._measured.cpu_times()
        return float(times.user + times.system)


async def opened(port: int, token: str) -> ClientConnection:
    own = await connect(
        f"ws://127.0.0.1:{port}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")], ping_interval=None
    )
    await own.send(json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}))
    await own.recv()
    await own.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": CHANGED}}))
    return own


async def hear(own: ClientConnection, heard: list[tuple[str, float]]) -> None:
    while True:
        told = json.loads(await own.recv())
        heard.append((told["payload"]["data"]["changed"]["recordId"], time.perf_counter()))


async def measure(options: argparse.Namespace, server: Server) -> dict[str, Any]:
    base = f"http://127.0.0.1:{server.port}/graphql"
    async with httpx.AsyncClient(timeout=30) as client:
        for _ in range(600):
            try:
                staff = (await client.get(f"{base}/demo.json")).json()["staff"]
                break
            except httpx.TransportError:
                await asyncio.sleep(0.1)
        variables = {"e": staff["email"], "p": staff["password"]}
        answer = await client.post(base, json={"query": LOGIN, "variables": variables})
        token = answer.json()["data"]["login"]["accessToken"]
        headers = {"Authorization": f"Bearer {token}"}
        before = server.megabytes
        sockets: list[ClientConnection] = []
        began = time.perf_counter()
        for _ in range(0, options.subscribers, 50):
            sockets += await asyncio.gather(*(opened(server.port, token) for _ in range(50)))
        opening = time.perf_counter() - began
        await asyncio.sleep(2)
        at_rest = server.megabytes
        idle = server.seconds
        await asyncio.sleep(5)
        idle = (server.seconds - idle) / 5
        heard: list[tuple[str, float]] = []
        hearing = [asyncio.create_task(hear(each, heard)) for each in sockets]
        written: dict[str, float] = {}
        busy = server.seconds
        for number in range(options.writes):
            body = {"query": CREATE, "variables": {"n": f"Lead {number}"}}
            answer = await client.post(base, json=body, headers=headers)
            written[answer.json()["data"]["createLead"]["lead"]["id"]] = time.perf_counter()
            await asyncio.sleep(options.every)
        await asyncio.sleep(3)
        busy = server.seconds - busy
        for task in hearing:
            task.cancel()
    delays = sorted(1e3 * (at - written[own]) for own, at in heard if own in written)
    cut = statistics.quantiles(delays, n=100)
    return {
        "subscribers": len(sockets),
        "opened per second": round(len(sockets) / opening),
        "MB before": round(before),
        "MB with subscribers": round(at_rest),
        "kB per subscriber": round(1e3 * (at_rest - before) / len(sockets)),
        "processor at rest, %": round(100 * idle, 1),
        "events told": len(delays),
        "events lost": options.writes * len(sockets) - len(delays),
        "processor per event told, microseconds": round(1e6 * busy / max(1, len(delays))),
        "ms after the write: median, p99, most": [round(cut[49], 1), round(cut[98], 1), round(delays[-1], 1)],
    }


def main() -> None:
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), options.database)
        try:
            print(json.dumps(asyncio.run(measure(options, server)), indent=2))  # noqa: T201 - what it is for
        finally:
            server.process.terminate()
            server.process.wait()


if __name__ == "__main__":
    main()
