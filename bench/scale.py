"""What it costs as the work grows: longer pages, larger tables, deeper documents. A million contacts in minutes.

Each plot has a line for each contender and a point for each step, medians of interleaved rounds at one client.
"""

import argparse
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from bench.agreement import same_bodies
from bench.cluster import Cluster
from bench.contenders import Contender, Footprint, Running
from bench.measure import Rounds, Task, reading
from bench.starting import start_all, stop_all
from bench.store import FULL, Size, Store, on_postgres
from bench.works import Sample, cases

PAGES = (10, 30, 100, 300, 1000)
TABLES = (1_000, 10_000, 100_000, 1_000_000)
DEPTHS = (1, 2, 3, 4, 5)
IN_TABLES = ("Q1", "Q2", "Q3", "Q4")


def deep(depth: int, spelling: dict[str, str]) -> str:
    """A document of so many levels below ten accounts: their contacts, the accounts of those, and so on in turn.

    Every other level has two records for each above it.

    Args:
        spelling: how a contender writes the roots, the relations and what they ask for.
    """
    inner = ""
    for level in range(depth, 1, -1):
        if level % 2 == 0:
            inner = f" {spelling['contacts']} {{ nodes {{ {spelling['id']} fullName{inner} }} }}"
        else:
            inner = f" {spelling['account']} {{ {spelling['id']} name{inner} }}"
    return f"query Depth {{ {spelling['accounts']} {{ nodes {{ {spelling['id']} name{inner} }} }} }}"


_CANONICAL = {
    "id": "id",
    "accounts": "accounts(first: 10)",
    "contacts": "contacts(first: 2)",
    "account": "account",
}
_POSTGRAPHILE = {
    "id": "id: rowId",
    "accounts": "accounts: allAccounts(first: 10, condition: {deletedAt: null})",
    "contacts": "contacts: contactsByAccountId(first: 2, condition: {deletedAt: null})",
    "account": "account: accountByAccountId",
}


def with_documents(contender: Contender) -> Contender:
    """The contender with the documents of every page length and depth."""
    spelling = _POSTGRAPHILE if contender.name == "postgraphile" else _CANONICAL
    more = {f"depth {depth}": deep(depth, spelling) for depth in DEPTHS}
    page = contender.documents["Q2"]
    more |= {f"page {length}": page.replace("first: 100", f"first: {length}") for length in PAGES}
    settings = {**contender.settings, "CRMGRAPH_MAX_PAGE": str(max(PAGES)), "CRMGRAPH_MAX_COST": "1000000"}
    return replace(contender, documents=contender.documents | more, settings=settings)


async def grow(cluster: Cluster, options: argparse.Namespace, tell: Callable[[str], None]) -> dict[str, Any]:
    """All three plots.

    Raises:
        Failed: an answer was none.
    """
    contenders = [with_documents(contender) for contender in options.contenders]
    tables: dict[str, dict[str, list[tuple[int, float]]]] = {work: {} for work in IN_TABLES}
    plots = []
    base: Size = options.size
    for contacts in TABLES if base == FULL else TABLES[: TABLES.index(base.contacts) + 1]:
        size = base if contacts == base.contacts else Size(contacts // 5, contacts, contacts // 10)
        store = await on_postgres(cluster, size, tell)
        runnings = await start_all(contenders, store, tell)
        try:
            measured = await _tables(runnings, store, cluster, options)
            for work, by_name in measured.items():
                for name, milliseconds in by_name.items():
                    tables[work].setdefault(name, []).append((contacts, milliseconds))
            tell(f"measured {contacts:,} contacts")
            if size == base:
                plots.append(await _pages(runnings, cluster, options))
                plots.append(await _depths(runnings, cluster, options))
        finally:
            stop_all(runnings)
    for work, lines in tables.items():
        plots.append(_plot(f"tables-{work}", f"{work} as the tables grow", "contacts in the table", lines))
    return {"plots": plots}


async def _tables(
    runnings: list[Running], store: Store, cluster: Cluster, options: argparse.Namespace
) -> dict[str, dict[str, float]]:
    sample = await Sample.draw(store.fetch)
    asked = {work: cases(work, sample, [None]) for work in IN_TABLES}
    tasks = {
        work: [
            reading(running, [running.contender.request(work, c, running.token) for c in each]) for running in runnings
        ]
        for work, each in asked.items()
    }
    return await _milliseconds(tasks, cluster, options)


async def _pages(runnings: list[Running], cluster: Cluster, options: argparse.Namespace) -> dict[str, Any]:
    tasks = {}
    for length in PAGES:
        tasks[f"page {length}"] = [
            reading(running, [_request(running, f"page {length}", "Q2", {"after": None, "first": length})])
            for running in runnings
        ]
    measured = await _milliseconds(tasks, cluster, options)
    return _plot("pages", "Q2 as its page grows", "rows of the page", _lines(measured, PAGES, "page"))


async def _depths(runnings: list[Running], cluster: Cluster, options: argparse.Namespace) -> dict[str, Any]:
    # The bare limit has no statement for these.
    deepening = [running for running in runnings if running.name != "limit"]
    tasks = {
        f"depth {depth}": [
            reading(running, [_request(running, f"depth {depth}", "Depth", {})]) for running in deepening
        ]
        for depth in DEPTHS
    }
    measured = await _milliseconds(tasks, cluster, options)
    title = "Accounts and contacts in turn: 10, 20, 20, 40 and 40 records a level"
    return _plot("depth", title, "levels", _lines(measured, DEPTHS, "depth"))


def _request(running: Running, document: str, name: str, variables: dict[str, Any]) -> bytes:
    return running.contender.ask(document, name, variables, running.token)


async def _milliseconds(
    tasks: dict[str, list[Task]], cluster: Cluster, options: argparse.Namespace
) -> dict[str, dict[str, float]]:
    """{step: {contender: median milliseconds of a request}}."""
    rounds = Rounds(Footprint.of(cluster.pid), None)
    for step, each in tasks.items():
        await same_bodies(step, each)
        await rounds.warm(each, 0.5)
    for turn in range(options.rounds):
        for step, each in tasks.items():
            await rounds.round(turn, (step, 1), each, options.seconds)
    return {
        step: {name: 1e3 * statistics.median(series.latencies) for name, series in by_name.items()}
        for (step, _), by_name in rounds.series.items()
    }


def _lines(
    measured: dict[str, dict[str, float]], steps: Sequence[int], prefix: str
) -> dict[str, list[tuple[int, float]]]:
    names = measured[f"{prefix} {steps[0]}"]
    return {name: [(step, measured[f"{prefix} {step}"][name]) for step in steps] for name in names}


def _plot(name: str, title: str, x: str, lines: dict[str, list[tuple[int, float]]]) -> dict[str, Any]:
    return {"name": name, "title": title, "x": x, "y": "milliseconds a request", "lines": lines}
