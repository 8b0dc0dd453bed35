"""Tell who still calls the legacy APIs."""

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

from crmgraph.cli.console import DemoOption, fail, opened, print_json, print_text, run, settings_of
from crmgraph.crm.core import Core
from crmgraph.crm.models import Door
from crmgraph.suggestions import nearest

_AGO = re.compile(r"([0-9]{1,4})([dwy])", re.ASCII)
_DAYS = {"d": 1, "w": 7, "y": 365}
_DIALECTS = {door.dialect: door for door in Door if door.is_dialect}


def usage(
    dialect: Annotated[str | None, typer.Option(help=f"Of one API: {', '.join(_DIALECTS)}.")] = None,
    since: Annotated[
        str, typer.Option(help="From so long ago on, e.g. 30d, 12w or 1y, or from a day, e.g. 2026-11-01.")
    ] = "30d",
    fields: Annotated[
        bool, typer.Option("--fields", help="Tell each field that calls named, in place of the calls.")
    ] = False,
    unused: Annotated[
        bool,
        typer.Option("--unused", help="Tell the operations that served nobody, and the clients that never called."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
    demo: DemoOption = False,
) -> None:
    """Tell who called which operation of the legacy APIs, how often, and when last; up to ten seconds late."""
    door, begin = None if dialect is None else door_named(dialect), begin_of(since)
    if fields and unused:
        fail("--fields and --unused tell different things: give one of them.")
    settings = settings_of(demo)

    async def work() -> dict[str, list[dict[str, Any]]]:
        async with opened(settings) as core:
            return await (_unused(core, door, begin) if unused else _used(core, door, begin, fields))

    found = run(work(), settings)
    if as_json:
        print_json({"since": begin.date().isoformat(), **found})
        return
    for title, rows in found.items():
        print_text(f"{title.capitalize()} since {begin.date()}:" if rows else f"No {title} since {begin.date()}.")
        for line in aligned(rows):
            print_text(line)


def door_named(dialect: str) -> Door:
    """The API of this name; the program ends where there is none."""
    if dialect.lower() not in _DIALECTS:
        near = nearest(dialect, list(_DIALECTS))
        meant = f" Is {near} meant?" if near else ""
        fail(f"{dialect}: there is no such API; there are {', '.join(_DIALECTS)}.{meant}")
    return _DIALECTS[dialect.lower()]


def require_operation(door: Door, operation: str) -> None:
    """End the program where an API has no such operation."""
    from crmgraph.registry import DIALECTS

    known = [name for each in DIALECTS if each.door is door for name in each.implementation.operations]
    if operation not in known:
        near = nearest(operation, known)
        fail(f"{operation}: {door.dialect} has no such operation." + (f" Is {near} meant?" if near else ""))


def begin_of(since: str) -> dt.datetime:
    """The midnight (UTC) that a text means: so long ago, or a day."""
    today = dt.datetime.now(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if (ago := _AGO.fullmatch(since.strip().lower())) is not None:
        return today - dt.timedelta(days=int(ago[1]) * _DAYS[ago[2]])
    try:
        day = dt.date.fromisoformat(since.strip())
    except ValueError:
        fail(f"--since {since}: is neither so long ago, e.g. 30d, 12w or 1y, nor a day, e.g. 2026-11-01.")
    return dt.datetime.combine(day, dt.time(), dt.UTC)


async def _used(core: Core, door: Door | None, begin: dt.datetime, fields: bool) -> dict[str, list[dict[str, Any]]]:
    from crmgraph.crm.usage import uses

    async with core.db.read() as session:
        found = await uses(session, dialect=door, since=begin, fields=fields)
    rows = []
    for use in found:
        row: dict[str, Any] = {"dialect": use.dialect.dialect, "client": use.client, "operation": use.operation}
        if use.kind is not None and use.way is not None:
            row |= {"kind": use.kind.value.lower(), "field": use.field, "use": use.way.value.lower()}
        row |= {"calls": use.calls, "refused": use.calls - use.served}
        row |= {"first": _time(use.first_at), "last": _time(use.last_at)}
        if not fields:
            row |= {"user_agent": use.user_agent, "network": use.network}
        rows.append(row)
    return {"fields" if fields else "calls": rows}


async def _unused(core: Core, door: Door | None, begin: dt.datetime) -> dict[str, list[dict[str, Any]]]:
    from crmgraph.crm.usage import served_operations, silent_clients
    from crmgraph.registry import DIALECTS

    async with core.db.read() as session:
        served = await served_operations(session, door, begin)
        silent = await silent_clients(session, door, begin)
    operations = [
        {"dialect": each.name, "operation": name}
        for each in DIALECTS
        if door in (None, each.door)
        for name in each.implementation.operations
        if (each.door, name) not in served
    ]
    clients = [
        {"dialect": each.dialect.dialect, "client": each.login, "organisation": each.organisation, "name": each.name}
        for each in silent
    ]
    return {"unused operations": operations, "silent clients": clients}


def _time(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def aligned(rows: Sequence[dict[str, Any]]) -> Iterable[str]:
    """A line a row, below the names of the columns."""
    if not rows:
        return
    table = [
        list(rows[0]),
        *([str(value) if value not in (None, "") else "-" for value in row.values()] for row in rows),
    ]
    widths = [max(len(line[n]) for line in table) for n in range(len(table[0]))]
    for line in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
