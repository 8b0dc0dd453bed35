"""Servers in front of old CRMs."""

import json
import queue
import shutil
import socket
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crmgraph.crm import usage
from crmgraph.upstream import modes
from tests.program import crmgraph, serving
from tests.upstream.faults import FaultPort
from tests.upstream.old_crm import OldCrm, build
from tests.upstream.old_crm import running as running_old_crm
from tests.upstream.scripted import Scripted

ENVIRONMENT = {
    "CRMGRAPH_SECRET_KEY": "a secret of at least thirty-two characters",
    "CRMGRAPH_UPSTREAM_NETWORKS": "127.0.0.0/8",
    "CRMGRAPH_PUBLIC_URL": "https://crm.example",
}
DIALECTS = ("zoho", "crmcom", "valomnia", "covalense")


def asked(port: int, request: bytes) -> tuple[bytes, list[bytes], bytes]:
    """The status line, the headers and the body that a server answers to these very bytes."""
    with socket.create_connection(("127.0.0.1", port), 20) as sock:
        sock.sendall(request)
        raw = b""
        while part := sock.recv(65536):
            raw += part
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *headers = head.split(b"\r\n")
    return status, headers, body


def request(method: str, path: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> bytes:
    """A request that ends its connection."""
    lines = [f"{method} {path} HTTP/1.1", "Host: crm.example", *(f"{n}: {v}" for n, v in (headers or {}).items())]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + (body or b"")


@dataclass(frozen=True)
class Front:
    """A server in front of an old CRM that a test plays.

    Attributes:
        port: of the server.
        folder: in which it was started.
    """

    port: int
    folder: Path
    old: Scripted

    def ask(self, wanted: bytes, answer: Any) -> tuple[bytes, tuple[bytes, list[bytes], bytes]]:
        """What the old CRM was sent, and what came back of its answer."""
        self.old.answers.put(answer)
        back = asked(self.port, wanted)
        return self.old.requests.get(timeout=10), back

    def run(self, *command: str) -> Any:
        """A command on its store."""
        return crmgraph(self.folder, *command, **ENVIRONMENT)

    def usage(self, *more: str) -> list[dict[str, Any]]:
        """What is counted."""
        found: list[dict[str, Any]] = json.loads(self.run("usage", "--json", "--since", "1d", *more).stdout)["calls"]
        return found


def put_behind(folder: Path, template: Path, url: str, accounts: str | None = None) -> None:
    """Make a store of SQLite, `var/crmgraph.db`, of which this is the upstream of every dialect."""
    (folder / "var").mkdir(exist_ok=True)
    shutil.copy(template, folder / "var" / "crmgraph.db")
    columns = "dialect, base_url, accounts_url, insecure, options, created_at"
    with sqlite3.connect(folder / "var" / "crmgraph.db") as connection:
        for dialect in DIALECTS:
            values = (dialect.upper(), url, accounts if dialect == "zoho" else None, True, "{}", "2026-01-01 00:00:00")
            connection.execute(f"INSERT INTO upstream ({columns}) VALUES (?, ?, ?, ?, ?, ?)", values)


def be_quick() -> None:
    """In this process, store counts and look at switches ten times as often as it is done."""
    usage.STORE_SECONDS, modes.EVERY = 0.2, 0.1


@pytest.fixture(scope="module")
def running_front(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("front")
    old = Scripted()
    old.start()
    url = f"http://127.0.0.1:{old.port}"
    put_behind(folder, sqlite_template, url, accounts=f"{url}/accounts")
    with serving(folder, before=be_quick, **ENVIRONMENT) as (client, _):
        yield Front(client.base_url.port or 0, folder, old)


@pytest.fixture
def front(running_front: Front) -> Iterator[Front]:
    """The same, of which no test leaves anything behind."""
    yield running_front
    for each in (running_front.old.answers, running_front.old.requests, running_front.old.broken):
        while True:
            try:
                each.get_nowait()
            except queue.Empty:
                break


@pytest.fixture(scope="session")
def old_data(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an old CRM of the ordinary size, to copy from."""
    return build(tmp_path_factory.mktemp("old") / "data", sqlite_template)


@pytest.fixture(scope="session")
def old_crm(old_data: Path) -> Iterator[OldCrm]:
    """An old CRM that nobody changes."""
    with running_old_crm(old_data) as old:
        yield old


@pytest.fixture(scope="module")
def own_old_crm(old_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OldCrm]:
    """An old CRM that the tests of one module may change."""
    folder = shutil.copytree(old_data, tmp_path_factory.mktemp("own") / "data")
    with running_old_crm(folder) as old:
        yield old


@pytest.fixture(scope="module")
def module_faults() -> Iterator[FaultPort]:
    with FaultPort(0) as port:
        yield port


@pytest.fixture
def faults(module_faults: FaultPort, old_crm: OldCrm) -> FaultPort:
    """What stands before `old_crm`, and lets everything pass at first."""
    module_faults.target = old_crm.port
    module_faults.clear()
    return module_faults
