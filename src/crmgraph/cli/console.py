"""What all commands share: where they print, how they fail, and the settings that they work with."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console

from crmgraph import demo as demonstration
from crmgraph.assembly import build
from crmgraph.crm.core import Core
from crmgraph.crm.errors import Refused
from crmgraph.db_errors import NOT_MIGRATED, diagnose
from crmgraph.migrations import NewerTables, NotNow
from crmgraph.settings import Settings

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)
T = TypeVar("T")

DemoOption = Annotated[bool, typer.Option("--demo", help="On the demo's database, in CRMGRAPH_DEMO_FOLDER.")]


def fail(message: str) -> NoReturn:
    """End with an error that a person can act on."""
    err.print(message, style="red", markup=False, highlight=False)
    raise typer.Exit(1)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run what a command does; what its database or its input is to blame for ends in one line, not in a traceback."""
    try:
        return asyncio.run(work)
    except Refused as refused:
        faults = "; ".join(
            f"{type(f).__name__}: {'.'.join(map(str, f.path)) or 'the whole'} {getattr(f, 'reason', '')}".rstrip()
            for f in refused.all
        )
        fail(f"Refused: {faults}")
    except (NotNow, NewerTables) as told:
        fail(str(told))
    except Exception as error:
        diagnosis = diagnose(error)
        if diagnosis.is_away:
            fail(f"The database does not answer: {diagnosis.reason}")
        if diagnosis.reason == NOT_MIGRATED:
            fail("The database is not migrated: run `crmgraph migrate` first.")
        raise


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Core]:
    """The core that these settings describe, closed again after the block; the program ends where they do not hold."""
    try:
        core, outbox = build(settings)
    except ValueError as error:
        fail(str(error))
    try:
        yield core
    finally:
        await outbox.close()
        await core.portraits.store.close()
        await core.db.close()
        core.passwords.close()


def settings_of(demo: bool = False) -> Settings:
    """The settings from the environment, in a demo those that suit it."""
    try:
        settings = Settings()
    except ValidationError as error:
        fail("\n".join(f"CRMGRAPH_{str(e['loc'][0]).upper()} {e['msg']}" for e in error.errors()))
    if demo or settings.demo:
        kept = demonstration.prepare(settings.demo_folder)
        settings = settings.for_demo(settings.demo_folder, kept.secret)
    return settings


def print_line(name: str, value: str) -> None:
    """One line of a list of names and values, never broken or decorated."""
    out.print(f"{name:<19}{value}", markup=False, highlight=False)
