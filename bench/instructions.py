"""What a request costs the server in instructions of the processor, by Valgrind's callgrind.

Times of a shared machine wander by a third; the instructions that a program runs for the same request hardly do,
whatever else goes on. One client asks one request after the other, so that no two are ever in hand together; with
`--clients 16` as many do at once. What the kernel does is not counted, nor what the database does.

    python -m bench.instructions --works Q1,M1 --contenders crmgraph,limit
"""

import argparse
import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvloop

from bench import twins
from bench.cluster import Cluster
from bench.contenders import CONTENDERS, Contender, Running, compile_modules, start
from bench.load import Client, Failed, Next, check, connect
from bench.run import tasks_of, tell
from bench.starting import log_in
from bench.store import FULL, SMALL, on_postgres
from bench.works import Sample

_SUMMARY = re.compile(r"^(?:summary|totals): (\d+)", re.MULTILINE)
_SHOWN = re.compile(r"^ *([\d,]+) \( *[\d.]+%\) +(\S.*)$", re.MULTILINE)


def counting(contender: Contender, folder: Path) -> Contender:
    """The same contender inside Valgrind, which counts when it is told to."""
    valgrind = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--quiet"]
    command = contender.command
    if command[0].endswith("crmgraph"):
        # A script is run by the Python of its environment; Valgrind is to run that Python.
        command = [str(Path(command[0]).with_name("python")), *command]
    out = f"--callgrind-out-file={folder / contender.name}"
    # The same hashes in each run: tables of names collide alike.
    return replace(
        contender, command=[*valgrind, out, *command], settings={**contender.settings, "PYTHONHASHSEED": "0"}
    )


def control(pid: int, *options: str) -> None:
    """Tell the Valgrind around a process something."""
    quiet = subprocess.DEVNULL
    subprocess.run(["callgrind_control", *options, str(pid)], check=True, stdout=quiet, stderr=quiet)


async def count(running: Running, following: Next, requests: int, out: Path, clients: int = 1) -> tuple[float, Path]:
    """How many instructions one request takes, and where callgrind's account of them lies.

    Args:
        clients: how many ask at once; each asks as many as `requests` are to one of them.

    Raises:
        Failed: an answer was none.
    """
    each = -(-requests // clients)
    asking = [await connect(running.port) for _ in range(clients)]
    try:
        await ask(asking, following, each // 2 + 3)
        control(running.footprint.root.pid, "--instr=on")
        # The first ones after the switch are translated anew, which is not counted; the caches of callgrind fill.
        await ask(asking, following, 10)
        control(running.footprint.root.pid, "--zero")
        await ask(asking, following, each)
        control(running.footprint.root.pid, "--dump")
        control(running.footprint.root.pid, "--instr=off")
    finally:
        for client in asking:
            client.transport.close()
    written = max(out.parent.glob(f"{out.name}.*"), key=lambda file: int(file.suffix[1:]))
    found = _SUMMARY.search(written.read_text())
    if found is None:
        raise Failed(f"callgrind has counted nothing: see {written}")
    return int(found[1]) / (each * clients), written


async def idle(running: Running) -> None:
    """Wait until the server has done what it does by itself after its start."""
    was, now = -1.0, running.footprint.cpu()
    while now - was > 0.05:
        await asyncio.sleep(2)
        was, now = now, running.footprint.cpu()


async def ask(clients: Sequence[Client], following: Next, requests: int) -> None:
    """Have each client ask so many requests, one after the other."""

    async def in_turn(client: Client) -> None:
        for _ in range(requests):
            check(*await client.ask(following()))

    await asyncio.gather(*map(in_turn, clients))


def most(written: Path, lines: int) -> list[str]:
    """The functions of C that took most, with their share of all."""
    annotated = subprocess.run(["callgrind_annotate", str(written)], check=True, capture_output=True, text=True)
    return [line for line in annotated.stdout.splitlines() if _SHOWN.match(line)][:lines]


async def main(options: argparse.Namespace) -> None:
    """Count, and print a line for each contender and work."""
    cluster = await Cluster.start()
    store = await on_postgres(cluster, FULL if options.size == "full" else SMALL, tell)
    sample = await Sample.draw(store.fetch)
    folder = Path(tempfile.mkdtemp(prefix="instructions-"))
    compile_modules()
    # Jobs would be counted with whatever requests they run beside.
    environment = store.environment | {"CRMGRAPH_REQUEST_SECONDS": "300", "CRMGRAPH_RUN_JOBS": "false"}
    try:
        for name in options.contenders.split(","):
            running = await start(counting(CONTENDERS[name], folder), environment, patience=300)
            try:
                await log_in(running)
                await idle(running)
                works = options.works.split(",")
                plain = [work for work in works if work in ("Q1", "Q2", "Q3", "Q4", "M1")]
                asked: dict[str, Any] = {
                    work: task[0].following for work, task in (await tasks_of([running], plain, sample)).items()
                }
                if name == "crmgraph" and len(plain) < len(works):
                    for pair in (await twins.pairs_of(running, store, sample))[0]:
                        asked |= {f"{pair.name}": pair.legacy.following, f"{pair.name}, twin": pair.twin.following}
                for work, following in asked.items():
                    taken, written = await count(running, following, options.requests, folder / name, options.clients)
                    sys.stdout.write(f"{name:18} {work:28} {taken / 1000:9.1f} thousand instructions a request\n")
                    for line in most(written, options.functions) if options.functions else ():
                        sys.stdout.write(f"  {line}\n")
                    sys.stdout.flush()
            finally:
                running.stop()
    finally:
        shutil.rmtree(folder)


def arguments(given: list[str]) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.instructions", description=__doc__)
    parser.add_argument("--works", default="Q1,M1", help="which works, separated by commas; twins: the legacy APIs too")
    parser.add_argument("--contenders", default="crmgraph,limit", help="who, separated by commas; Python's alone")
    parser.add_argument("--requests", type=int, default=200, help="how many of each")
    parser.add_argument("--clients", type=int, default=1, help="how many ask at once")
    parser.add_argument("--functions", type=int, default=0, help="name so many functions of C that took most")
    parser.add_argument("--size", default="small", choices=("full", "small"), help="small: a tenth of the records")
    return parser.parse_args(given)


if __name__ == "__main__":
    if shutil.which("valgrind") is None or os.name != "posix":
        sys.exit("Valgrind is not on this machine.")
    try:
        uvloop.run(main(arguments(sys.argv[1:])))
    except Failed as failed:
        sys.exit(f"Nothing was counted: {failed}")
