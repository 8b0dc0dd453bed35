"""Fill the store from an old CRM: read it, see how far that is, and look at what was not taken."""

import hashlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.cli.console import DemoOption, err, fail, opened, print_json, print_text, run, settings_of
from crmgraph.cli.upstream import DialectArgument, known
from crmgraph.cli.usage import door_named
from crmgraph.cli.work import POLL
from crmgraph.crm import upstreams
from crmgraph.crm.models import Door, Parked, now
from crmgraph.settings import Settings
from crmgraph.suggestions import suggestion
from crmgraph.upstream.places import read_networks

if TYPE_CHECKING:
    from crmgraph.crm.core import Core
    from crmgraph.rest.pulling import Pulling
    from crmgraph.upstream.pull import OnProgress, Puller, Report
    from crmgraph.upstream.pull_lines import Lines

MAX_IDS = 1_000_000
"""How many ids a file may name."""
LONGEST_LINE = 400
"""The longest line of a file that names records, with its end, in bytes."""
WAITED = 25.0
"""For how many seconds another process that reads is waited for: of one that was killed the lease ends by then."""

WhichArgument = Annotated[str, typer.Argument(help="Which, by its id, or `all`.")]

parked = typer.Typer(no_args_is_help=False, invoke_without_command=True, help="What an old CRM told and was not taken.")


def pulling_of(door: Door) -> "Pulling":
    """How a dialect's upstream is read; the program ends where it cannot be."""
    from crmgraph.registry import DIALECTS

    told = {each.door: telling.pulling for each in DIALECTS if (telling := each.implementation.telling) is not None}
    able = {each: pulling for each, pulling in told.items() if pulling.lookup is not None} | able_to_pull()
    if door not in able:
        fail(f"{door.dialect}: cannot be read; those that can are {', '.join(each.dialect for each in able)}.")
    return able[door]


def pull(
    dialect: DialectArgument,
    full: Annotated[bool, typer.Option("--full", help="Read everything, whatever is known.")] = False,
    ids: Annotated[
        Path | None,
        typer.Option(
            help="Read those of the ids in this file, one a line; --module says of what. Of CRM.COM numbers, emails and"
            " phones too, without --module."
        ),
    ] = None,
    module: Annotated[list[str] | None, typer.Option(help="Read this alone, e.g. Leads; may be repeated.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
    demo: DemoOption = False,
) -> None:
    """Read an old CRM into this store: everything the first time, and what was changed since after that.

    Exit code 0: all was read. 1: the old CRM did not answer; what was read stays, and the next reading goes on there.
    3: all was read, and something of it was not taken: see `crmgraph upstream parked`, or the lines of the file that
    are told.
    """
    settings, door = settings_of(demo), door_named(dialect)
    pulling = pulling_of(door)
    only = module or []
    sources = {each.name: each for each in pulling.sources}
    for name in only:
        if name not in sources:
            fail(f"{name}: {door.dialect} has no such list{suggestion(name, list(sources)) or '.'}")
    wanted, by_lines = None, pulling.lookup is not None
    if by_lines and (ids is None or full):
        fail(f"{door.dialect}: has no lists: --ids FILE names what is read.")
    if ids is not None and not by_lines:
        wanted = _read_ids(ids)
        if len(only) != 1:
            fail("--ids: --module says of what they are.")

    def wrong(number: int, why: str) -> None:
        err.print(f"{ids}:{number}: {why}", markup=False, highlight=False, soft_wrap=True)

    async def work(told: "OnProgress") -> tuple["Report", int]:
        from crmgraph.upstream import marks
        from crmgraph.upstream.calls import CallError
        from crmgraph.upstream.marks import LeaseLostError
        from crmgraph.upstream.reading import opened as opened_puller

        async with opened(settings) as core:
            async with core.db.read() as session:
                await known(session, door)
            try:
                async with opened_puller(
                    core, read_networks(settings.upstream_networks), door, pulling, told
                ) as puller:
                    if ids is not None and by_lines:
                        report = await puller.lines(lines_of(ids), wrong, wait=WAITED)
                    elif wanted is not None:
                        report = await puller.some(sources[only[0]], wanted, wait=WAITED)
                    else:
                        report = await puller.run(full=full, only=only, wait=WAITED)
            except CallError as error:
                fail(f"{door.dialect}: {error}. What was read stays; the next reading goes on there.")
            except marks.PullBusyError as busy:
                fail(f"{door.dialect}: another process reads it, {busy.seconds:.0f} more seconds at least.")
            except LeaseLostError:
                fail(f"{door.dialect}: another process has gone on in place of this one.")
            async with core.db.read() as session:
                left = (await marks.parked_counts(session)).get(door, 0)
        return report, left

    began = time.monotonic()
    with _shown(quiet=as_json) as told:
        report, left = run(work(told), settings)
    seconds = time.monotonic() - began
    if as_json:
        counts = {name: dict(each) for name, each in report.counts.items()}
        print_json({"counts": counts, "calls": report.calls, "seconds": round(seconds, 1), "parked": left})
    else:
        for name, each in report.counts.items():
            words = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(each.items()))
            print_text(f"{name}: {words or 'nothing new'}")
        print_text(f"{report.calls:,} calls, {seconds:.1f} seconds, {report.changes:,} changes.")
        if left:
            print_text(f"{left:,} not taken: `crmgraph upstream parked` tells why.")
    if left or any(each["wrong"] for each in report.counts.values()):
        raise typer.Exit(3)


@asynccontextmanager
async def pulling(core: "Core", settings: Settings) -> AsyncIterator[dict[Door, "Puller"]]:
    """Who reads the upstreams at their intervals inside the block: those that can be read and have secrets."""
    from crmgraph.jobs import Runner
    from crmgraph.upstream.calls import CallError
    from crmgraph.upstream.reading import kind_of
    from crmgraph.upstream.reading import opened as opened_puller

    able, networks = able_to_pull(), read_networks(settings.upstream_networks)
    async with core.db.read() as session:
        found = [each for each in await upstreams.all_upstreams(session) if each.dialect in able]
    async with AsyncExitStack() as stack:
        pullers, kinds = dict[Door, "Puller"](), []
        for upstream in found:
            door = upstream.dialect
            try:
                pullers[door] = await stack.enter_async_context(opened_puller(core, networks, door, able[door]))
            except CallError as error:
                print_text(f"{door.dialect}: is not read: {error}")
                continue
            kinds.append(kind_of(upstream, pullers[door]))
            print_text(f"{door.dialect}: is read every {kinds[-1].every:.0f} seconds.")
        runner = Runner(core.db, core.jobs, kinds, poll=POLL)
        runner.start()
        stack.push_async_callback(runner.close)
        yield pullers


def able_to_pull() -> "dict[Door, Pulling]":
    """How the upstreams of dialects are read, of those that can be."""
    from crmgraph.registry import DIALECTS

    return {each.door: pulling for each in DIALECTS if (pulling := each.implementation.pulling) is not None}


def _read_ids(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8") as file:
            found = [line.strip() for line in file if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{path}: cannot be read: {error}")
    if len(found) > MAX_IDS:
        fail(f"{path}: has more than {MAX_IDS:,} ids.")
    return list(dict.fromkeys(found))


def lines_of(path: Path) -> "Lines":
    """The lines of a file, which are read as they are asked for."""
    from crmgraph.upstream.pull_lines import Lines

    if not path.is_file():
        fail(f"{path}: is no file.")
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        fail(f"{path}: cannot be read: {error}")
    return Lines(digest, _texts(path))


def _texts(path: Path) -> Iterator[tuple[int, str | None]]:
    """Lines that are not empty, with their numbers; None for one that is too long or not UTF-8."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LONGEST_LINE):
            number += 1
            text: str | None = None
            if line.endswith(b"\n") or len(line) < LONGEST_LINE:
                with suppress(UnicodeDecodeError):
                    text = line.decode().removeprefix("\ufeff").strip()
            else:
                while (rest := file.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                    pass
            if text != "":
                yield number, text


@contextmanager
def _shown(*, quiet: bool) -> Iterator["OnProgress"]:
    """What shows on a terminal how it goes: what is read, how many, and how many a second."""
    from rich.progress import Progress, TextColumn, TimeElapsedColumn

    texts = ("{task.description}", "{task.completed:,.0f}", "{task.fields[rate]}")
    columns = (*map(TextColumn, texts), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=quiet or not err.is_terminal) as bar:
        tasks: dict[str, Any] = {}
        began = time.monotonic()
        done: Counter[str] = Counter()

        def told(source: str, counts: Mapping[str, int]) -> None:
            if source not in tasks:
                tasks[source] = bar.add_task(source, total=None, rate="")
            more = sum(counts.values())
            done[source] += more
            rate = sum(done.values()) / max(time.monotonic() - began, 0.1)
            bar.update(tasks[source], advance=more, rate=f"{rate:,.0f}/s")

        yield told


def lag(
    dialect: Annotated[str | None, typer.Argument(help="The API: covalense, zoho, crmcom or valomnia; all.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
    demo: DemoOption = False,
) -> None:
    """Print by how many seconds this store may be behind the old CRMs, list by list."""
    settings = settings_of(demo)
    doors = [door_named(dialect)] if dialect is not None else None
    found = run(_lags(settings, doors), settings)
    if as_json:
        print_json({"lag": found})
        return
    for name, each in found.items():
        for source, seconds in each.items():
            print_text(f"{name}  {source}  " + ("never read" if seconds is None else f"{seconds:.0f} s"))


async def _lags(settings: Settings, doors: list[Door] | None) -> dict[str, dict[str, float | None]]:
    from crmgraph.upstream import marks

    async with opened(settings) as core, core.db.read() as session:
        found = [
            each.dialect for each in await upstreams.all_upstreams(session) if doors is None or each.dialect in doors
        ]
        if doors is not None and not found:
            await known(session, doors[0])
        able = able_to_pull()
        return {door.dialect: await marks.lag(session, door, able[door].sources) for door in found if door in able}


@parked.callback()
def parked_(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
    demo: DemoOption = False,
) -> None:
    """Print what was not taken, a line each: id, API, list, id there, why, and when it is tried again."""
    if context.invoked_subcommand is None:
        list_parked(as_json, demo)


@parked.command("list")
def list_parked(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
    demo: DemoOption = False,
) -> None:
    """Print what was not taken, a line each: id, API, list, id there, why, and when it is tried again."""
    settings = settings_of(demo)

    async def work() -> list[Parked]:
        async with opened(settings) as core, core.db.read() as session:
            return list(await session.scalars(select(Parked).order_by(Parked.id).limit(10_000)))

    found = run(work(), settings)
    if as_json:
        names = ("id", "source", "home_id", "code", "message", "tries", "parked_at", "next_at")
        told = [{"dialect": row.dialect.dialect, **{name: getattr(row, name) for name in names}} for row in found]
        print_json({"parked": told})
        return
    for row in found:
        again = f"{row.next_at:%Y-%m-%dT%H:%M:%SZ}"
        print_text(f"{row.id}  {row.dialect.dialect}  {row.source}  {row.home_id}  {row.code}  {row.message}  {again}")


@parked.command()
def retry(which: WhichArgument, demo: DemoOption = False) -> None:
    """Have something tried again by the next reading."""
    settings = settings_of(demo)

    async def work(session: AsyncSession, where: list[Any]) -> int:
        changed = await session.execute(update(Parked).where(*where).values(next_at=now()).returning(Parked.id))
        return len(changed.all())

    count = _of_parked(settings, which, work)
    print_text(f"{count:,} tried again by the next `crmgraph upstream pull`.")


@parked.command()
def drop(which: WhichArgument, demo: DemoOption = False) -> None:
    """Forget something. It comes again when it changes there, and with a reading of everything."""
    settings = settings_of(demo)

    async def work(session: AsyncSession, where: list[Any]) -> int:
        return len((await session.execute(delete(Parked).where(*where).returning(Parked.id))).all())

    print_text(f"{_of_parked(settings, which, work):,} dropped.")


def _of_parked(settings: Settings, own_id: str, work: Any) -> int:
    if own_id != "all" and not (own_id.isascii() and own_id.isdecimal() and len(own_id) < 19):
        fail(f"{own_id}: is no id; `crmgraph upstream parked` lists them.")
    where = [] if own_id == "all" else [Parked.id == int(own_id)]

    async def done() -> int:
        async with opened(settings) as core, core.db.begin() as session:
            count: int = await work(session, where)
            if not count and own_id != "all":
                fail(f"{own_id}: nothing of this id is parked.")
            return count

    return run(done(), settings)
