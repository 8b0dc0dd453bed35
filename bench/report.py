"""What a run has found: as Markdown tables, as JSON, and as plots, all in `bench/out`."""

import json
import statistics
import sys
from typing import Any

from bench import chart
from bench.contenders import CONTENDERS, ROOT
from bench.measure import Rounds, middle, ratios
from bench.works import WORKS

OUT = ROOT / "bench" / "out"


def series(rounds: Rounds) -> dict[str, dict[str, dict[str, Any]]]:
    """Everything that was measured: {work: {clients: {contender: summary}}}, with the ratios to crmgraph."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for (work, clients), by_name in rounds.series.items():
        mine = by_name.get("crmgraph") or by_name.get("legacy")
        cell = found.setdefault(work, {}).setdefault(str(clients), {})
        for name, each in by_name.items():
            cell[name] = each.summary()
            if mine is not None:
                cell[name]["ratio"] = middle(ratios(mine, each))
    return found


def results(found: dict[str, Any]) -> dict[str, dict[str, float]]:
    """{work: {contender: median requests per second}} at one client; a legacy work has `crmgraph` and its twin."""
    names = {"legacy": "crmgraph", "graphql": "crmgraph-graphql"}
    given: dict[str, dict[str, float]] = {}
    for work, by_clients in found.get("series", {}).items():
        alone = by_clients.get("1", {})
        given[work] = {names.get(name, name): round(cell["rate"], 2) for name, cell in alone.items()}
    for work, by_clients in found.get("sqlite", {}).get("series", {}).items():
        given[f"{work} on SQLite"] = {name: round(cell["rate"], 2) for name, cell in by_clients["1"].items()}
    return given


def write(found: dict[str, Any]) -> None:
    """Write every form of the report, and print the tables."""
    OUT.mkdir(parents=True, exist_ok=True)
    name = "scale" if "scale" in found else "results"
    (OUT / f"{name}-full.json").write_text(json.dumps(found, indent=1))
    if "scale" in found:
        (OUT / "scale.json").write_text(json.dumps(found["scale"], indent=1))
        for plot in found["scale"]["plots"]:
            (OUT / f"{plot['name']}.svg").write_text(
                chart.lines(plot["title"], plot["x"], plot["y"], [(n, p) for n, p in plot["lines"].items()])
            )
    else:
        (OUT / "results.json").write_text(json.dumps(results(found), indent=1))
        if found.get("series"):
            (OUT / "ratios.svg").write_text(_plot(found))
    text = "\n".join(_tables(found)) + "\n"
    (OUT / f"{name}.md").write_text(text)
    sys.stdout.write(text)


def _tables(found: dict[str, Any]) -> list[str]:
    lines = ["# Benchmark", ""]
    here = found["machine"]
    pinned = "the server has a core to itself" if found["pinned"] else "nothing is pinned to a core"
    lines.append(
        f"{here['at']}, {here['system']}, {here['cores']} cores, {here['memory_gb']} GB, Python {here['python']}; "
        f"{pinned}; {found['took_seconds'] / 60:.0f} minutes."
    )
    if "ceiling" in found:
        reached = ", ".join(f"{rate:,.0f}/s with {count}" for count, rate in found["ceiling"].items())
        lines.append(f"The generator against a server that does nothing: {reached} clients.")
    if "scale" in found:
        return lines + _scale_tables(found["scale"])
    works = {work: cells for work, cells in found.get("series", {}).items() if work in WORKS}
    for count in dict.fromkeys(c for cells in works.values() for c in cells):
        lines += ["", f"## How many times as fast as each contender crmgraph is, at {count} client(s)", ""]
        lines += _ratios({work: cells[count] for work, cells in works.items() if count in cells})
    for work, cells in works.items():
        lines += ["", f"## {work}: {WORKS[work]}", ""]
        lines += _details(cells, found.get("statements", {}).get(work, {}))
    legacy = {w: cells for w, cells in found.get("series", {}).items() if w not in WORKS}
    if legacy:
        lines += ["", "## The legacy doors and their GraphQL twins", ""]
        lines += _twins(legacy, found.get("twins", {}))
    if found.get("sqlite"):
        lines += ["", "## On the embedded SQLite, one client", ""]
        lines += _ratios({work: cells["1"] for work, cells in found["sqlite"]["series"].items()})
    if found.get("resources"):
        lines += ["", "## Start and memory", "", "| | start s | first page ms | at rest MB | under load MB |"]
        lines.append("| --- | ---: | ---: | ---: | ---: |")
        for name, each in found["resources"].items():
            lines.append(
                f"| {name} | {each['start_seconds']:.2f} | {each['cold_ms']:.0f} | {each['rest_mb']:.0f} "
                f"| {each['load_mb']:.0f} |"
            )
    return lines


def _ratios(works: dict[str, dict[str, Any]]) -> list[str]:
    names = list(dict.fromkeys(name for cells in works.values() for name in cells))
    lines = ["| | " + " | ".join(works) + " |", "| --- |" + " ---: |" * len(works)]
    for name in names:
        row = []
        for cells in works.values():
            if name in cells and "ratio" in cells[name]:
                median, low, high = cells[name]["ratio"]
                row.append(f"**{_short(median)}** ({_short(low)} to {_short(high)})")
            else:
                row.append("")
        title = CONTENDERS[name].title if name in CONTENDERS else name
        lines.append(f"| {title} | " + " | ".join(row) + " |")
    return lines


def _details(cells: dict[str, dict[str, Any]], statements: dict[str, Any]) -> list[str]:
    lines = [
        "| clients | contender | requests/s | p50 ms | p99 ms | server CPU ms | database CPU ms "
        "| of a core: server, database, generator | statements | blocks | KB | refused |",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    for count, by_name in cells.items():
        for name, each in by_name.items():
            shares = ", ".join(f"{each[f'{part}_share']:.0%}" for part in ("server", "database", "generator"))
            lines.append(
                f"| {count} | {name} | {each['rate']:,.1f} | {each['p50_ms']:.2f} | {each['p99_ms']:.2f} "
                f"| {each['server_cpu_ms']:.3f} | {each['database_cpu_ms']:.3f} | {shares} "
                f"| {_counted(statements, name)} | {statements.get(name, {}).get('blocks', '')} "
                f"| {each['body_bytes'] / 1000:.1f} "
                f"| {each['refused'] or ''} |"
            )
    return lines


def _counted(statements: dict[str, Any], name: str) -> str:
    return f"{statements[name]['statements']:g}" if name in statements else ""


def _twins(works: dict[str, dict[str, dict[str, Any]]], statements: dict[str, Any]) -> list[str]:
    lines = [
        "| | clients | legacy/s | GraphQL/s | legacy to GraphQL | p50 ms | p99 ms | server CPU ms "
        "| database CPU ms | statements |",
        "| --- | ---: | ---: | ---: | --- | --- | --- | --- | --- | --- |",
    ]
    for work, cells in works.items():
        for count, both in cells.items():
            legacy, twin = both["legacy"], both["graphql"]
            median, low, high = twin["ratio"]

            def pair(key: str, a: dict[str, Any] = legacy, b: dict[str, Any] = twin) -> str:
                return f"{a[key]:.2f}, {b[key]:.2f}"

            counted = statements.get(work, {})
            lines.append(
                f"| {work} | {count} | {legacy['rate']:,.1f} | {twin['rate']:,.1f} "
                f"| **{_short(median)}** ({_short(low)} to {_short(high)}) | {pair('p50_ms')} | {pair('p99_ms')} "
                f"| {pair('server_cpu_ms')} | {pair('database_cpu_ms')} "
                f"| {_counted(counted, 'legacy')}, {_counted(counted, 'graphql')} |"
            )
    return lines


def _scale_tables(scale: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for plot in scale["plots"]:
        xs = sorted({x for points in plot["lines"].values() for x, _ in points})
        lines += ["", f"## {plot['title']}", "", f"{plot['y']}, by {plot['x']}", ""]
        lines += ["| | " + " | ".join(f"{x:,}" for x in xs) + " |", "| --- |" + " ---: |" * len(xs)]
        for name, points in plot["lines"].items():
            by_x = dict(points)
            lines.append(f"| {name} | " + " | ".join(f"{by_x[x]:.3f}" if x in by_x else "" for x in xs) + " |")
    return lines


def _plot(found: dict[str, Any]) -> str:
    groups = []
    for work, cells in found["series"].items():
        alone = cells.get("1", {})
        if work in WORKS and "postgraphile" in alone:
            base = statistics.median(alone["postgraphile"]["rates"])
            groups.append((work, {name: each["rate"] / base for name, each in alone.items()}))
    if not groups:
        return chart.bars("Nothing to compare with", "", [("", {"": 1.0})])
    return chart.bars("Requests per second at one client, PostGraphile 5 = 1", "times", groups)


def _short(value: float) -> str:
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
