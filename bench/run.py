"""The benchmark, from nothing to a report: `make bench`, `make bench ARGS=--quick`, `make bench ARGS=--scale`."""

import argparse
import asyncio
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import uvloop

from bench import pauses, report, scale, twins
from bench.agreement import agree, walk
from bench.cluster import Cluster
from bench.contenders import CONTENDERS, Footprint, Running, free_port, generator_command
from bench.load import Failed, cycle, load, post
from bench.measure import Rounds, Task, Writes, reading
from bench.starting import start_all, stop_all
from bench.store import FULL, SMALL, Store, on_postgres, on_sqlite
from bench.works import CANONICAL, Sample, cases


def tell(text: str) -> None:
    """Say what goes on, on the side of the report."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


def arguments(given: list[str]) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few short rounds, in under ten minutes")
    parser.add_argument("--scale", action="store_true", help="the cost as pages, tables and depth grow, and no more")
    parser.add_argument("--pauses", action="store_true", help="how long hostile requests stop the loop, and no more")
    parser.add_argument("--rounds", type=int, help="rounds of each work")
    parser.add_argument("--seconds", type=float, help="how long each contender has the word in a round")
    parser.add_argument("--minutes", type=float, help="begin no more rounds after so long; there are at least two")
    parser.add_argument("--clients", help="numbers of clients, separated by commas: 1,16,64, or 1,16 when quick")
    parser.add_argument(
        "--contenders",
        default=",".join(name for name in CONTENDERS if name != "crmgraph-two"),
        help="who takes part, separated by commas",
    )
    parser.add_argument("--works", default=",".join(CANONICAL), help="which works, separated by commas; or none")
    parser.add_argument("--size", default="full", choices=("full", "small"), help="small: a tenth of the records")
    parser.add_argument("--skewed", action="store_true", help="a store that has grown unevenly, see bench/skewed.py")
    parser.add_argument("--pin", action="store_true", help="the server has the first core to itself")
    parser.add_argument("--no-twins", action="store_true", help="leave the legacy doors out")
    parser.add_argument("--no-sqlite", action="store_true", help="leave the embedded database out")
    options = parser.parse_args(given)
    options.rounds = options.rounds or (3 if options.quick else 15)
    options.seconds = options.seconds or (0.4 if options.quick else 1.5)
    options.minutes = options.minutes or (3.5 if options.quick else 24 * 60)
    options.clients = options.clients or ("1,16" if options.quick else "1,16,64")
    options.clients = [int(count) for count in options.clients.split(",")]
    options.contenders = [CONTENDERS[name] for name in options.contenders.split(",")]
    options.works = [] if options.works == "none" else options.works.split(",")
    options.size = FULL if options.size == "full" else SMALL
    return options


def turns(options: argparse.Namespace, minutes: float) -> Iterator[int]:
    """The rounds there are time for; at least two, so that there is a spread."""
    began = time.perf_counter()
    for turn in range(options.rounds):
        if turn >= 2 and time.perf_counter() - began > 60 * minutes:
            tell(f"no time for more than {turn} rounds")
            return
        yield turn


async def tasks_of(runnings: list[Running], works: list[str], sample: Sample) -> dict[str, list[Task]]:
    """What each contender does for each work."""
    tasks: dict[str, list[Task]] = {work: [] for work in works}
    for running in runnings:
        cursors, _ = await walk(running) if "Q2" in works else ([None], [])
        for work in works:
            asked = cases(work, sample, cursors)
            if work == "M1":
                tasks[work].append(Task(running, Writes(_writer(running, asked)), writes=True))
            else:
                tasks[work].append(reading(running, [running.contender.request(work, c, running.token) for c in asked]))
    return tasks


def _writer(running: Running, asked: list[dict[str, Any]]) -> Callable[[int, dict[str, str]], bytes]:
    def build(turn: int, new: dict[str, str]) -> bytes:
        return running.contender.request("M1", asked[turn % len(asked)] | new, running.token)

    return build


async def statements_of(cluster: Cluster, store: Store, tasks: dict[str, list[Task]]) -> dict[str, dict[str, Any]]:
    """How many statements a request costs, by work and contender, with those of one request as they were."""
    counted: dict[str, dict[str, Any]] = {work: {} for work in tasks}
    await cluster.counting(True)
    await asyncio.sleep(0.5)
    try:
        for work, each in tasks.items():
            for task in each:
                with cluster.statements(store.name) as seen:
                    for _ in range(10):
                        await task.running.ask(task.following())
                counted[work][task.running.name] = {"statements": len(seen) / 10, "seen": seen[-(len(seen) // 10) :]}
    finally:
        await cluster.counting(False)
    return counted


TOLD = 1.1
"""After how many seconds the server tells what its processes have read."""


async def count_blocks(
    cluster: Cluster, store: Store, tasks: dict[str, list[Task]], counted: dict[str, dict[str, Any]]
) -> None:
    """Note beside the statements of a request how many blocks they read of the database's memory and its disk."""
    for work, each in tasks.items():
        for task in each:
            read = []
            for requests in (20, 20):
                for _ in range(requests):
                    await task.running.ask(task.following())
                await asyncio.sleep(TOLD)
                # One more, so that the process that has read tells of it.
                await task.running.ask(task.following())
                read.append(await cluster.blocks(store.name))
            counted[work][task.running.name]["blocks"] = round((read[1] - read[0]) / 21)


async def ceiling(seconds: float) -> dict[str, float]:
    """What the generator reaches against a server that does nothing, by number of clients."""
    port = free_port()
    process = subprocess.Popen(generator_command(port))  # noqa: ASYNC220 - nothing else goes on meanwhile
    try:
        request = post("/graphql", b'{"query":"{ __typename }"}', {"Content-Type": "application/json"})
        for _ in range(200):
            try:
                await load(port, cycle([request]), clients=1, seconds=0.1)
                break
            except OSError:
                await asyncio.sleep(0.05)
        return {
            str(count): (await load(port, cycle([request]), clients=count, seconds=seconds)).rate
            for count in (1, 16, 64)
        }
    finally:
        process.terminate()
        process.wait()


async def compare(cluster: Cluster, options: argparse.Namespace) -> dict[str, Any]:
    """The comparison on PostgreSQL, with the legacy doors."""
    store = await on_postgres(cluster, options.size, tell, skewed=options.skewed)
    if options.pin:
        store.environment["BENCH_SERVER_CORE"] = "0"
    sample = await Sample.draw(store.fetch)
    runnings = await start_all(options.contenders, store, tell)
    try:
        compared = await agree(runnings, options.works, sample, store)
        if "Q2" in options.works:
            compared["Q2"] = await _pages_agree(runnings)
        tell(f"all answer the same: {compared}")
        tasks = await tasks_of(runnings, options.works, sample)

        async def logged() -> int:
            return int((await store.fetch("SELECT count(*) FROM change"))[0][0])

        rounds = Rounds(Footprint.of(cluster.pid), logged)
        found: dict[str, Any] = {"compared": compared}
        for each in tasks.values():
            await rounds.warm(each, 0.5 if options.quick else 2.0)
        tell("all are warm")
        found["statements"] = await statements_of(cluster, store, tasks)
        tell("their statements are counted")
        await count_blocks(cluster, store, tasks, found["statements"])
        for turn in turns(options, options.minutes):
            for work, each in tasks.items():
                for count in options.clients:
                    await rounds.round(turn, (work, count), each, options.seconds)
            await cluster.tidy(store.name)
            tell(f"round {turn + 1} of {options.rounds}")
        mine = next((running for running in runnings if running.name == "crmgraph"), None)
        if mine is not None and not options.no_twins:
            found["twins"] = await twins.compare(mine, store, sample, rounds, cluster, options, tell)
        found["series"] = report.series(rounds)
        found["resources"] = {
            running.name: {
                "start_seconds": running.start_seconds,
                "cold_ms": 1e3 * running.cold_seconds,
                "rest_mb": running.memory_at_rest / 1e6,
                "load_mb": rounds.memory[running.name] / 1e6,
            }
            for running in runnings
        }
        return found
    finally:
        stop_all(runnings)


async def _pages_agree(runnings: list[Running]) -> int:
    """Walk the pages with every contender and compare them; how many pages."""
    walked = [(await walk(running, 3))[1] for running in runnings]
    for running, pages in zip(runnings[1:], walked[1:], strict=True):
        if pages != walked[0]:
            raise Failed(f"Q2: {runnings[0].name} and {running.name} do not walk the same pages")
    return len(walked[0])


async def embedded(options: argparse.Namespace) -> dict[str, Any]:
    """crmgraph on SQLite against Strawberry as its documentation writes it on SQLite, over a tenth of the records."""
    store = await on_sqlite(SMALL, tell)
    sample = await Sample.draw(store.fetch)
    wanted = ("crmgraph", "crmgraph-stock", "strawberry")
    runnings = await start_all([each for each in options.contenders if each.name in wanted], store, tell)
    try:
        works = [work for work in options.works if work != "M1"]
        await agree(runnings, works, sample, store)
        tasks = await tasks_of(runnings, works, sample)
        rounds = Rounds(None, None)
        for each in tasks.values():
            await rounds.warm(each, 0.5)
        for turn in turns(options, options.minutes / 4):
            for work, each in tasks.items():
                await rounds.round(turn, (work, 1), each, options.seconds)
        return {"series": report.series(rounds)}
    finally:
        stop_all(runnings)


def machine() -> dict[str, Any]:
    """What this ran on; absolute numbers mean little without."""
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "at": time.strftime("%Y-%m-%d"),
    }


async def main(options: argparse.Namespace) -> None:
    """Run what the options say, and write the report."""
    began = time.perf_counter()
    cluster = await Cluster.start()
    if options.pin:
        pin(cluster)
    found: dict[str, Any] = {"machine": machine(), "pinned": options.pin}
    if options.scale:
        found["scale"] = await scale.grow(cluster, options, tell)
    else:
        found["ceiling"] = await ceiling(0.5 if options.quick else 2.0)
        found |= await compare(cluster, options)
        if not options.no_sqlite:
            found["sqlite"] = await embedded(options)
    found["took_seconds"] = time.perf_counter() - began
    report.write(found)


def pin(cluster: Cluster) -> None:
    """Leave the first core to the server; the database and the generator share the others."""
    others = set(range(1, os.cpu_count() or 1)) or {0}
    os.sched_setaffinity(0, others)
    for process in (psutil.Process(cluster.pid), *psutil.Process(cluster.pid).children(recursive=True)):
        os.sched_setaffinity(process.pid, others)


if __name__ == "__main__":
    # Whoever ends the run ends everything that it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        options = arguments(sys.argv[1:])
        if options.pauses:
            sys.exit(pauses.main())
        uvloop.run(main(options))
    except Failed as failed:
        sys.exit(f"The benchmark ends here: {failed}")
    except KeyboardInterrupt:
        sys.exit("The benchmark was broken off.")
