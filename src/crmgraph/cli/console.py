"""What all commands share: where they print, how they fail, and the settings that they work with."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console

from crmgraph import demo as demonstration
from crmgraph.assembly import build, close
from crmgraph.cli import faults
from crmgraph.crm import installation
from crmgraph.crm.core import Core
from crmgraph.crm.errors import Ambiguous, Invalid, Missing, NotFound, Refused, Taken
from crmgraph.crm.records import local_changes
from crmgraph.db.database import Database
from crmgraph.db.url import without_secrets
from crmgraph.jobs import POLL, Runner
from crmgraph.migrations import NewerTables, NotNow, fault_of, revision_of
from crmgraph.settings import Settings, told, unknown

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)
T = TypeVar("T")

DemoOption = Annotated[bool, typer.Option("--demo", help="On the demo's database, in CRMGRAPH_DEMO_FOLDER.")]


def fail(message: str) -> NoReturn:
    """End with an error that a person can act on."""
    err.print(message, style="red", markup=False, highlight=False)
    raise typer.Exit(1)


def warn(message: str) -> None:
    """Say what a person should know and can do without."""
    err.print(message, style="yellow", markup=False, highlight=False)


_WORDS: dict[type[Refused], str] = {
    NotFound: "there is none like this",
    Ambiguous: "several are like this: say the id",
    Missing: "is needed",
    Taken: "somebody else has this already",
}
_REASONS = {
    "control": "holds characters that cannot be kept, e.g. a line break",
    "email": "is no email address, e.g. ada@example.com",
    "too_long": "has more than {limit:,} {unit}",
}
"""{why a value is not valid: what is wrong, and what is expected}."""


def _line(refused: Refused) -> str:
    """What is told of one refusal: the name of the field, and what is wrong with it."""
    name = ".".join(map(str, refused.path)) or "this"
    reason = type(refused).__name__
    if isinstance(refused, Invalid):
        words = _REASONS.get(refused.reason, f"is not valid ({refused.reason})")
        reason = words.format(limit=refused.limit, unit=refused.unit)
    return f"Refused: {name}: {_WORDS.get(type(refused), reason)}"


def run(work: Coroutine[Any, Any, T], settings: Settings) -> T:
    """Run what a command does, see `plainly`."""
    with plainly(settings):
        return asyncio.run(work)


@contextmanager
def plainly(settings: Settings) -> Iterator[None]:
    """Lets what the database or the input is to blame for end the program in one line, not in a traceback.

    Args:
        settings: name the database, so that what is told of it says which.
    """
    try:
        yield
    except Refused as refused:
        fail("; ".join(map(_line, refused.all)))
    except (NotNow, NewerTables) as untimely:
        fail(str(untimely))
    except typer.Exit:
        raise
    except Exception as error:
        words = faults.of_database(error, settings.database_url)
        if words is None:
            raise
        fail(words)


@asynccontextmanager
async def opened(settings: Settings, *, migrated: bool = True) -> AsyncIterator[Core]:
    """The core that these settings describe, closed again after the block; the program ends where they do not hold.

    Args:
        migrated: as of `wired`.
    """
    async with wired(settings, migrated=migrated) as (core, _):
        yield core


@asynccontextmanager
async def wired(settings: Settings, *, migrated: bool = True, poll: float = POLL) -> AsyncIterator[tuple[Core, Runner]]:
    """The same with the runner of its background jobs, which waits to be started.

    Args:
        migrated: whether the program ends where the tables are not exactly those of this version: an older program
            would misread, or remove, what a newer one keeps.
        poll: seconds between two looks of the runner at what others have stored.
    """
    _require_file(settings)
    try:
        core, runner = build(settings, poll=poll)
    except ValueError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename}: the folder cannot be made: {error.strerror}; see CRMGRAPH_DATABASE_URL")
    try:
        if migrated and (fault := fault_of(found := await revision_of(core.db))) is not None:
            fail("There is no demo here yet: run `crmgraph demo load` first." if settings.demo and not found else fault)
        if migrated:
            await local_changes.read(core.db)
        yield core, runner
    finally:
        await close(core, runner)


def _require_file(settings: Settings) -> None:
    # Asked first: the driver's thread outlives the loop of a command whose file cannot be opened.
    if (fault := faults.of_file(settings.database_url)) is not None:
        fail(fault)


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The database alone, whose statements may take their time; closed again after the block."""
    _require_file(settings)
    try:
        db = Database(settings.database_url, statement_seconds=None)
    except OSError as error:
        fail(f"{error.filename}: the folder cannot be made: {error.strerror}; see CRMGRAPH_DATABASE_URL")
    try:
        yield db
    finally:
        await db.close()


def settings_of(demo: bool = False) -> Settings:
    """The settings from the environment, in a demo those that suit it."""
    if lines := unknown(os.environ):
        fail("\n".join(lines))
    try:
        settings = Settings()
    except ValidationError as error:
        fail("\n".join(told(error)))
    if demo or settings.demo:
        try:
            kept = demonstration.prepare(settings.demo_folder)
        except (OSError, ValueError) as error:
            fail(faults.of_demo(error, settings.demo_folder))
        settings = settings.for_demo(settings.demo_folder, kept.secret)
    return settings


async def require_kind(db: Database, settings: Settings) -> None:
    """End unless the database is a demo for a demo, and none for everybody else."""
    found = await installation.kind_of(db)
    name = without_secrets(settings.database_url)
    if settings.demo and found is installation.Kind.PRODUCTION:
        fail(
            f"CRMGRAPH_DATABASE_URL ({name}): this is no demo's database, and the demo leaves it alone: "
            "unset it, or name an empty one"
        )
    if not settings.demo and found is installation.Kind.DEMO:
        fail(
            f"CRMGRAPH_DATABASE_URL ({name}): this is a demo's database, whose passwords anybody is shown: "
            "name another, or `crmgraph serve --demo`"
        )


async def mark_kind(db: Database, settings: Settings) -> None:
    """Let the database, whose tables are of this version, say what it is."""
    async with db.begin() as session:
        kind = installation.Kind.DEMO if settings.demo else installation.Kind.PRODUCTION
        await installation.mark(session, kind)


@contextmanager
def progress_bar(total: int) -> Iterator[Callable[[int], None]]:
    """A bar of so many records on a terminal, elsewhere nothing; gives what is told how many more are done."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal) as bar:
        task = bar.add_task("Records", total=total)
        yield lambda done: bar.advance(task, done)


def print_line(name: str, value: str) -> None:
    """One line of a list of names and values, never broken or decorated."""
    out.print(f"{name:<19}{value}", markup=False, highlight=False)


def print_text(text: str) -> None:
    """A line as it is, never broken or decorated."""
    out.print(text, markup=False, highlight=False)


def print_json(value: dict[str, Any]) -> None:
    """The one object that a command prints for scripts; what JSON has no form for, as text."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")
