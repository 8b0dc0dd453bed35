"""Hundreds of bad connections, and documents without end: others are served meanwhile, and memory does not grow."""

import json
import shutil
import statistics
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest

from tests.program import SECRET, serving
from tests.test_connections import BIG, POST, START, connect

MEBIBYTE = 2**20
MANY = 400
KINDS = {
    "silent": b"",
    "slow headers": START + b"a: b",
    "slow bodies": POST + b"Content-Length: 900000\r\n\r\n" + b" " * 1_000,
    "slow readers": BIG * 3,
}


def migrated(folder: Path, template: Path) -> dict[str, str]:
    (folder / "var").mkdir()
    shutil.copy(template, folder / "var" / "crmgraph.db")
    return {"CRMGRAPH_SECRET_KEY": SECRET, "CRMGRAPH_LOG_LEVEL": "warning"}


@pytest.mark.parametrize("kind", KINDS)
def test_others_are_served_while_four_hundred_keep_us_waiting(sqlite_template: Path, tmp_path: Path, kind: str) -> None:
    with serving(tmp_path, **migrated(tmp_path, sqlite_template)) as (client, process), ExitStack() as stack:
        resting = psutil.Process(process.pid).memory_info().rss
        bad = [stack.enter_context(connect(client, KINDS[kind], 4096)) for _ in range(MANY)]
        took: list[float] = []
        end = time.monotonic() + 15
        while time.monotonic() < end:
            for connection in bad:
                connection.settimeout(0)
                with suppress(OSError):
                    connection.send(b"x" if kind in ("slow headers", "slow bodies") else b"")
            for path in ("/health/live", "/health/ready"):
                start = time.monotonic()
                assert client.get(path, headers={"Connection": "close"}, timeout=10).status_code == 200
                took.append(time.monotonic() - start)
            assert client.post("/graphql", json={"query": "{ __typename }"}, timeout=10).status_code == 200
            time.sleep(0.2)
        grown = (psutil.Process(process.pid).memory_info().rss - resting) / MEBIBYTE
    median, *_, most = statistics.quantiles(took, n=20)[9:]
    sys.stdout.write(
        f"{kind}: answers took {median * 1000:.0f} ms, 19 of 20 at most {most * 1000:.0f} ms, "
        f"memory grew by {grown:.0f} MiB\n"
    )
    assert median < 0.1
    # The very slowest tells how busy the machine is; the client itself gives up after ten seconds.
    assert most < 1
    assert grown < 400


@pytest.mark.parametrize("padding", ["# %d " + "x" * 19_000, "# %d" + "\n#" * 3_000])
def test_eight_hundred_padded_documents_stay_within_the_bound(
    sqlite_template: Path, tmp_path: Path, padding: str
) -> None:
    with serving(tmp_path, **migrated(tmp_path, sqlite_template)) as (client, process):
        before = psutil.Process(process.pid).memory_info().rss
        for n in range(800):
            query = (
                "{ contacts { nodes { " + "id " * 40 + "} } } " + padding % n
                if n % 2
                else "{ __typename } #" + str(n) + "x" * 19_000
            )
            body = json.dumps({"query": query})
            assert (
                client.post("/graphql", content=body, headers={"Content-Type": "application/json"}).status_code == 200
            )
        grown = (psutil.Process(process.pid).memory_info().rss - before) / MEBIBYTE
    sys.stdout.write(f"800 padded documents: memory grew by {grown:.0f} MiB\n")
    assert grown < 250
