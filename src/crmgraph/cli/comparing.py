"""What came of comparing the old CRMs' answers with this store's: the report, and what may differ for a while."""

import datetime as dt
import getpass
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crmgraph.cli.console import DemoOption, err, fail, opened, print_json, print_text, run, settings_of
from crmgraph.cli.pull import able_to_pull
from crmgraph.cli.upstream import DialectArgument, known
from crmgraph.cli.usage import aligned, begin_of, door_named, require_operation
from crmgraph.crm import comparisons
from crmgraph.crm.comparisons import ComparedRow, Equality
from crmgraph.crm.core import Core
from crmgraph.crm.models import AcceptedDifference, Divergence, Door, Upstream, Verdict
from crmgraph.settings import Settings
from crmgraph.suggestions import nearest

if TYPE_CHECKING:
    from crmgraph.upstream.comparing import Comparer
    from crmgraph.upstream.pull import Puller

SHOWN = 20
"""How many differing fields a report shows, the most frequent first."""


@asynccontextmanager
async def comparing(
    core: Core, settings: Settings, pullers: Mapping[Door, "Puller"] = MappingProxyType({})
) -> AsyncIterator["Comparer"]:
    """What compares answers, for as long as the block lasts.

    Args:
        pullers: read again what differs.
    """
    from crmgraph.app import routes_of
    from crmgraph.registry import DIALECTS
    from crmgraph.upstream.candidate import Candidate, reading
    from crmgraph.upstream.comparing import Comparer
    from crmgraph.upstream.reading import behind, refreshing

    own = reading(core, settings.database_url)
    rules = {each.door: comparing for each in DIALECTS if (comparing := each.implementation.comparing) is not None}
    able = able_to_pull()
    comparer = Comparer(
        core,
        Candidate(routes_of(own, settings)),
        rules,
        is_behind=behind(core, able),
        refresh=refreshing(core, pullers, able),
    )
    try:
        await comparer.start()
        yield comparer
    finally:
        await comparer.close()
        await own.db.close()


def report(
    dialect: DialectArgument,
    since: Annotated[
        str, typer.Option(help="From so long ago on, e.g. 7d, 12w or 1y, or from a day, e.g. 2026-11-01.")
    ] = "7d",
    fail_under: Annotated[
        float | None,
        typer.Option("--fail-under", min=0, max=100, help="End with 1 where fewer of a hundred calls are equal."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
    demo: DemoOption = False,
) -> None:
    """Tell how many calls in SHADOW this store would have answered as the old CRM did, and where it would not have."""
    settings, door, begin = settings_of(demo), door_named(dialect), begin_of(since)

    async def work() -> tuple[Upstream, list[ComparedRow], list[Divergence], list[AcceptedDifference]]:
        async with opened(settings) as core, core.db.read() as session:
            upstream = await known(session, door)
            rows = await comparisons.compared(session, door, begin.date())
            found = await comparisons.divergences(session, dialect=door, since=begin)
            return upstream, rows, found, await comparisons.accepted(session, door)

    upstream, rows, found, may_differ = run(work(), settings)
    whole = comparisons.equality(rows)
    told = _told(door, begin.date(), whole, rows)
    sides = {"control": f"the old CRM, {upstream.base_url}", "candidate": "this store"}
    most = sorted(found, key=lambda each: -each.times)
    told["divergences"] = [
        _divergence(each, settings.public_url, sides) | {"accepted_until": _until(each, may_differ)} for each in most
    ]
    if as_json:
        print_json(told)
    else:
        for line in _lines(told):
            print_text(line)
    if fail_under is not None and (whole.percent is None or whole.percent < fail_under):
        fail(f"{door.dialect}: {_percent(whole)} equal, where {fail_under:g} % is asked for.")


def _told(door: Door, since: dt.date, whole: Equality, rows: Sequence[ComparedRow]) -> dict[str, Any]:
    operations: dict[str, list[ComparedRow]] = {}
    for row in rows:
        operations.setdefault(row.operation, []).append(row)
    reasons: dict[str, int] = {}
    for row in rows:
        if row.reason:
            name = f"{row.verdict.value.lower()}: {row.reason}"
            reasons[name] = reasons.get(name, 0) + row.calls
    return {
        "dialect": door.dialect,
        "since": since.isoformat(),
        "percent_equal": whole.percent,
        **_verdicts(whole),
        "operations": [
            {"operation": name, **_verdicts(comparisons.equality(some)), "callers": sorted({r.caller for r in some})}
            for name, some in sorted(operations.items())
        ],
        "reasons": dict(sorted(reasons.items())),
    }


def _verdicts(equality: Equality) -> dict[str, int]:
    return {verdict.value.lower(): equality.of(verdict) for verdict in Verdict}


def _until(divergence: Divergence, accepted: Sequence[AcceptedDifference]) -> str | None:
    """Until which day it may differ."""
    from crmgraph.upstream.compare import is_like

    days = [
        each.until
        for each in accepted
        if each.operation in (None, divergence.operation)
        and each.caller in (None, divergence.caller)
        and is_like(each.field, divergence.field)
    ]
    return max(days).isoformat() if days else None


def _divergence(each: Divergence, public_url: str, sides: dict[str, str]) -> dict[str, Any]:
    return {
        "operation": each.operation,
        "caller": each.caller,
        "field": each.field,
        "sort": each.sort.value.lower(),
        "times": each.times,
        "first": f"{each.first_at:%Y-%m-%dT%H:%M:%SZ}",
        "last": f"{each.last_at:%Y-%m-%dT%H:%M:%SZ}",
        "control": {"is": sides["control"], "hash": each.control_hash, "value": each.control},
        "candidate": {"is": sides["candidate"], "hash": each.candidate_hash, "value": each.candidate},
        "curl": comparisons.curl(each, public_url),
    }


def _lines(told: dict[str, Any]) -> Iterable[str]:
    verdicts = {verdict.value.lower(): told[verdict.value.lower()] for verdict in Verdict}
    counted = ", ".join(f"{calls} {name}" for name, calls in verdicts.items() if calls) or "no calls in SHADOW"
    percent = told["percent_equal"]
    yield f"{told['dialect']} since {told['since']}: {_shown(percent)} equal; {counted}."
    yield from aligned([{**each, "callers": len(each["callers"])} for each in told["operations"]])
    for reason, calls in told["reasons"].items():
        yield f"  {calls} {reason}"
    for each in told["divergences"][:SHOWN]:
        yield ""
        times = "once" if each["times"] == 1 else f"{each['times']} times"
        yield f"{each['field']}: {each['sort']}, {times}, last {each['last']}"
        if each["accepted_until"] is not None:
            yield f"  accepted until {each['accepted_until']}: calls from then on count as equal, those of before stay"
        yield f"  {each['operation']} of {each['caller']}"
        for side in ("control", "candidate"):
            value = each[side]["value"]
            yield f"  {side} ({each[side]['is']}): {value if value is not None else 'hash ' + each[side]['hash']}"
        yield f"  {each['curl']}"
    if (more := len(told["divergences"]) - SHOWN) > 0:
        yield f"... and {more} more fields: --json tells all."


def _shown(percent: float | None) -> str:
    # Rounded down: 99.996 is not 100.
    return "nothing is" if percent is None else f"{int(percent * 100) / 100:.2f} %"


def _percent(whole: Equality) -> str:
    return _shown(whole.percent)


def accept(
    dialect: DialectArgument,
    field: Annotated[
        str,
        typer.Argument(help="The field as the report tells it, e.g. 'data[].Owner.name'; * is any name, ** any names."),
    ],
    why: Annotated[str, typer.Option(help="Why it may differ, for whoever looks at it later.")],
    until: Annotated[str, typer.Option(help="The last day on which it may, e.g. 2027-03-31.")],
    operation: Annotated[str | None, typer.Option(help="In one operation, as the report tells it.")] = None,
    caller: Annotated[str | None, typer.Option(help="For one caller, as the report tells it.")] = None,
    demo: DemoOption = False,
) -> None:
    """Let a field differ until a day: answers that differ in nothing else count as equal."""
    from crmgraph.upstream.compare import is_like

    settings, door = settings_of(demo), door_named(dialect)
    try:
        last = dt.date.fromisoformat(until.strip())
    except ValueError:
        fail(f"--until {until}: is no day, e.g. 2027-03-31.")
    if last < dt.datetime.now(dt.UTC).date():
        fail(f"--until {until}: is over already.")
    if operation is not None:
        require_operation(door, operation)

    async def work() -> list[str]:
        async with opened(settings) as core, core.db.begin() as session:
            await known(session, door)
            session.add(
                AcceptedDifference(
                    dialect=door,
                    field=field,
                    operation=operation,
                    caller=caller,
                    why=why,
                    by=getpass.getuser(),
                    until=last,
                )
            )
            found = await comparisons.divergences(session, dialect=door, operation=operation, caller=caller)
            return [each.field for each in found]

    seen = run(work(), settings)
    print_text(f"{door.dialect}: {field} may differ until {last}.")
    if not any(is_like(field, each) for each in seen):
        near = nearest(field, seen)
        err.print(f"{field} has not differed so far{f'; is {near} meant?' if near else '.'}", markup=False)


def withdraw(
    dialect: DialectArgument,
    field: Annotated[str, typer.Argument(help="The field, as `crmgraph upstream accepted` tells it.")],
    operation: Annotated[str | None, typer.Option(help="Where it was accepted in this operation.")] = None,
    caller: Annotated[str | None, typer.Option(help="Where it was accepted for this caller.")] = None,
    demo: DemoOption = False,
) -> None:
    """Take back that a field may differ: answers that differ in it count as different again."""
    settings, door = settings_of(demo), door_named(dialect)

    async def work() -> None:
        async with opened(settings) as core, core.db.begin() as session:
            await known(session, door)
            if await comparisons.withdraw(session, door, field, operation=operation, caller=caller):
                return
            said = await comparisons.accepted(session, door)
            meant = nearest(field, [each.field for each in said if each.field != field])
            near = f"Is {meant} meant?" if meant else f"`crmgraph upstream accepted {door.dialect}` tells what is."
            fail(f"{door.dialect}: {field} is not accepted for {_where(operation, caller)}. {near}")

    run(work(), settings)
    print_text(f"{door.dialect}: {field} may not differ any more.")


def _where(operation: str | None, caller: str | None) -> str:
    return f"{operation or 'all operations'} of {caller or 'everybody'}"


def accepted(dialect: DialectArgument, demo: DemoOption = False) -> None:
    """Print what may differ, and until when."""
    settings, door = settings_of(demo), door_named(dialect)

    async def work() -> list[AcceptedDifference]:
        async with opened(settings) as core, core.db.read() as session:
            await known(session, door)
            return await comparisons.accepted(session, door)

    for each in run(work(), settings):
        where = _where(each.operation, each.caller)
        print_text(f"{each.field}  {where}  until {each.until}, by {each.by}: {each.why}")
