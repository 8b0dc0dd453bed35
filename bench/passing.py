"""What passing calls on costs: CPU and time per request of crmgraph, of nginx, and of the server itself.

    python -m bench.passing [--seconds 3] [--rounds 3] [--nginx /usr/sbin/nginx] [--steady 60]

The server is a uvicorn application that answers the same bytes at once: a record of 1.2 KB and a page of 187 KB. It is
asked directly, and through each of the others, in turns, over 1 and 16 connections that are kept. CPU is what
`/proc/PID/stat` counts for the process that stands between; for the server, its own. `--steady` afterwards asks through
crmgraph so many seconds long, is silent for 35 s and asks once more: every answer has to be one of 200.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from bench.contenders import free_port
from bench.load import Failed, check, connect, load, post

TOKEN = "1000.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
HEADERS = {
    "Authorization": f"Zoho-oauthtoken {TOKEN}",
    "User-Agent": "python-requests/2.32.3",
    "Accept-Encoding": "gzip, deflate",
    "Accept": "*/*",
}
WORKS = {"record": "/crm/v2/Leads/4150868000000224005", "page": "/crm/v2/Leads?page=1&per_page=200"}
CLIENTS = (1, 16)
PACED = 16
"""How many clients pause after each answer."""
ANSWER_HEADERS = [
    (b"content-type", b"application/json;charset=utf-8"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-xss-protection", b"1"),
    (b"cache-control", b"no-store, no-cache, must-revalidate, private"),
    (b"pragma", b"no-cache"),
    (b"set-cookie", b"1a99390653=2f5a1d2b; Path=/; Secure; HttpOnly"),
    (b"strict-transport-security", b"max-age=63072000; includeSubDomains; preload"),
    (b"vary", b"accept-encoding"),
]


def _body(size: int) -> bytes:
    record = {"id": "4150868000000224005", "Last_Name": "Lovelace", "Description": ""}
    rows = [record | {"Description": "x" * 860} for _ in range(max(1, size // 935))]
    text = json.dumps({"data": rows})
    return json.dumps({"data": rows, "pad": "y" * (size - len(text) - 11)}).encode()


BODIES = {b"/crm/v2/Leads": _body(187_000)}
RECORD = _body(1_200)


async def server(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[Any]],
    send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
) -> None:
    """The server that is asked."""
    if scope["type"] != "http":
        return
    body = BODIES.get(scope["raw_path"], RECORD)
    headers = [*ANSWER_HEADERS, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@dataclass
class Standing:
    """Something that can be asked: the server, or what stands before it."""

    name: str
    port: int
    pid: int
    figures: dict[tuple[str, int], list[tuple[float, float]]] = field(default_factory=dict)

    def cpu(self) -> float:
        """CPU seconds of it and of what it has started."""
        process = psutil.Process(self.pid)
        every = [process, *process.children(recursive=True)]
        return sum(sum(each.cpu_times()[:2]) for each in every)

    async def measure(self, work: str, clients: int, seconds: float) -> None:
        """One round."""
        request = post(WORKS[work], b"", HEADERS, "GET")
        before = self.cpu()
        outcome = await load(self.port, lambda: request, clients=clients, seconds=seconds)
        used = self.cpu() - before
        self.figures.setdefault((work, clients), []).append(
            (used / len(outcome.latencies) * 1e3, outcome.quantile(0.5) * 1e3)
        )

    async def pace(self, work: str, clients: int, seconds: float, pause: float = 0.1) -> None:
        """One round of clients who pause after each answer, up to so many seconds: few wait for each other."""
        request, times = post(WORKS[work], b"", HEADERS, "GET"), []
        end = time.perf_counter() + seconds
        before, dice = self.cpu(), random.Random(1)

        async def one() -> None:
            client = await connect(self.port)
            while (start := time.perf_counter()) < end:
                check(*await client.ask(request))
                times.append(time.perf_counter() - start)
                await asyncio.sleep(dice.uniform(0, pause))
            client.transport.close()

        await asyncio.gather(*(one() for _ in range(clients)))
        used = self.cpu() - before
        self.figures.setdefault((work, -clients), []).append((used / len(times) * 1e3, statistics.median(times) * 1e3))

    def median(self, work: str, clients: int) -> tuple[float, float]:
        """CPU and time of a request, in milliseconds."""
        cpu, p50 = zip(*self.figures[work, clients], strict=True)
        return statistics.median(cpu), statistics.median(p50)


def tell(text: str) -> None:
    """Say what was found."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def _ready(port: int) -> None:
    for _ in range(300):
        try:
            client = await connect(port)
            client.transport.close()
            return
        except OSError:
            await asyncio.sleep(0.1)
    raise Failed(f"nothing listens at {port}")


NGINX = """
worker_processes 1; daemon off; error_log stderr crit; pid {folder}/nginx.pid; user root;
events {{ worker_connections 256; }}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream old {{ server 127.0.0.1:{target}; keepalive 64; }}
  server {{ listen 127.0.0.1:{port}; keepalive_requests 1000000;
    location / {{ proxy_pass http://old; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}
}}
"""


def _crmgraph(folder: Path, port: int, target: int) -> list[str]:
    """The command that serves in front of the server."""
    os.environ |= {
        "CRMGRAPH_SECRET_KEY": "a secret of at least thirty-two characters",
        "CRMGRAPH_UPSTREAM_NETWORKS": "127.0.0.0/8",
        "CRMGRAPH_PUBLIC_URL": "https://crm.example",
        "CRMGRAPH_DATABASE_URL": f"sqlite:///{folder / 'crmgraph.db'}",
        "CRMGRAPH_RUN_JOBS": "false",
    }
    program = [str(Path(sys.executable).with_name("crmgraph"))]
    for words in (["migrate"], ["upstream", "add", "zoho", f"http://127.0.0.1:{target}", "--insecure"]):
        subprocess.run(program + words, check=True, capture_output=True, cwd=folder)
    return [*program, "serve", "--port", str(port)]


async def steady(standing: Standing, seconds: float) -> None:
    """Ask for long, be silent, and ask again.

    Raises:
        Failed: an answer is none of 200.
    """
    request = post(WORKS["record"], b"", HEADERS, "GET")
    outcome = await load(standing.port, lambda: request, clients=16, seconds=seconds)
    await asyncio.sleep(35)
    again = await load(standing.port, lambda: request, clients=1, seconds=0.1)
    tell(
        f"{standing.name}: {len(outcome.latencies)} answers in {seconds:.0f} s and {len(again.latencies)} after"
        f" 35 s of silence, all of 200; p99 {outcome.quantile(0.99) * 1e3:.1f} ms"
    )


async def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m bench.passing", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--nginx", default=shutil.which("nginx"), help="its program; left out where there is none")
    parser.add_argument("--steady", type=float, default=0.0, help="seconds")
    given = parser.parse_args()
    folder, processes = Path(tempfile.mkdtemp(prefix="passing-")), []

    def start(name: str, command: list[str], port: int) -> Standing:
        processes.append(subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, env=os.environ | own))
        return Standing(name, port, processes[-1].pid)

    own = {"PYTHONPATH": str(Path(__file__).parents[1])}
    uvicorn = [sys.executable, "-m", "uvicorn", "bench.passing:server", "--loop", "uvloop", "--http", "httptools"]
    ports = [free_port() for _ in range(3)]
    try:
        command = [*uvicorn, "--no-access-log", "--log-level", "warning", "--port", str(ports[0])]
        standings = [start("the server itself", command, ports[0])]
        await _ready(ports[0])
        standings.append(start("crmgraph", _crmgraph(folder, ports[1], ports[0]), ports[1]))
        if given.nginx:
            (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=ports[2], target=ports[0]))
            command = [given.nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")]
            standings.append(start("nginx", command, ports[2]))
        for each in standings:
            await _ready(each.port)
        for number in range(given.rounds + 1):  # the first one warms up
            for work in WORKS:
                for clients in CLIENTS:
                    for each in standings:
                        await each.measure(work, clients, given.seconds if number else 0.5)
                for each in standings:
                    await each.pace(work, PACED, given.seconds if number else 0.5)
            if not number:
                for each in standings:
                    each.figures.clear()
        columns = [(work, clients) for work in WORKS for clients in (*CLIENTS, -PACED)]
        names = [
            f"{work}, {clients} at a time" if clients > 0 else f"{work}, {-clients} who pause"
            for work, clients in columns
        ]
        tell("| CPU ms (p50 ms) a request | " + " | ".join(names) + " |")
        tell("| --- " + "| ---: " * len(columns) + "|")
        for each in standings:
            told = ["{:.3f} ({:.2f})".format(*each.median(*column)) for column in columns]
            tell(f"| {each.name} | " + " | ".join(told) + " |")
        if given.steady:
            await steady(standings[1], given.steady)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    began = time.perf_counter()
    asyncio.run(main())
    sys.stderr.write(f"{time.perf_counter() - began:.0f} s\n")
