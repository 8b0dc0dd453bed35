"""Serve, migrate, print the schema, and add synthetic records.

What one command alone needs is imported in it: the program starts for each of them, and serving waits for that.
"""

import os
import sys
from contextlib import ExitStack
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
import uvicorn

import crmgraph
from crmgraph.cli import faults
from crmgraph.cli.console import (
    DemoOption,
    database,
    err,
    fail,
    mark_kind,
    opened,
    out,
    require_kind,
    run,
    settings_of,
    warn,
)
from crmgraph.cli.demo import load, print_doors
from crmgraph.crm.feed import moving
from crmgraph.db.url import without_secrets
from crmgraph.logs import configure
from crmgraph.metrics import SHARED
from crmgraph.migrations import LOCK_SECONDS, WAIT_SECONDS, is_current, upgrade
from crmgraph.settings import Settings


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=1, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(help="Processes that serve.", min=1, max=64)] = 1,
    demo: Annotated[bool, typer.Option("--demo", help="Migrate, load the demo data, and print credentials.")] = False,
) -> None:
    """Serve GraphQL and every dialect."""
    from crmgraph.http.websocket import MAX_MESSAGE, PING_SECONDS

    if demo:
        os.environ["CRMGRAPH_DEMO"] = "true"
        reached = "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104 - compared, and nothing listens by it
        os.environ.setdefault("CRMGRAPH_PUBLIC_URL", f"http://{reached}:{port}")
    settings = settings_of()
    if (fault := faults.of_unique_fields(settings.zoho_unique)) is not None:
        fail(fault)
    if (fault := faults.of_documents(settings.documents_file, trusted=settings.documents == "trusted")) is not None:
        fail(fault)
    if (fault := faults.of_port(host, port)) is not None:
        fail(fault)
    if settings.demo:
        print_doors(settings, run(load(settings), settings))
    else:
        run(_require_tables(settings), settings)
        out.print(
            f"crmgraph {crmgraph.__version__} serves http://{f'[{host}]' if ':' in host else host}:{port} "
            f"on {without_secrets(settings.database_url)}.",
            markup=False,
            highlight=False,
        )
    configure(settings.log_level, settings.log_format)
    with ExitStack() as stack:
        if settings.metrics and workers > 1 and SHARED not in os.environ:
            os.environ[SHARED] = stack.enter_context(TemporaryDirectory(prefix="crmgraph-metrics-"))
        uvicorn.run(
            "crmgraph.cli.worker:application",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            loop="uvloop",
            http="crmgraph.http.protocol:Connection",
            ws="crmgraph.http.websocket:WebSocketConnection",
            ws_max_size=MAX_MESSAGE,
            ws_ping_interval=PING_SECONDS,
            ws_ping_timeout=PING_SECONDS,
            ws_per_message_deflate=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=",".join(settings.trusted_proxies),
            timeout_keep_alive=settings.idle_seconds,
            # A worker is silent while it starts, and on a busy machine that takes longer than uvicorn's five seconds.
            timeout_worker_healthcheck=60,
            timeout_graceful_shutdown=20,
            server_header=False,
            access_log=False,
            log_config=None,
        )


async def _require_tables(settings: Settings) -> None:
    async with opened(settings) as core:
        await require_kind(core.db, settings)
        if await moving.is_moved(core.db):
            fail(
                "The database was moved here from another server: run `crmgraph migrate` first, so that nobody who "
                "follows its changes misses any."
            )
        if not settings.mail_url:
            refused = "signups, which have to be confirmed, and resets" if settings.signup_confirm else "resets"
            warn(f"CRMGRAPH_MAIL_URL is not set: {refused} of passwords are refused.")
        if (fault := await core.record_photos.store.fault()) is not None:
            warn(f"CRMGRAPH_PHOTO_URL: no photo can be kept: {fault}")


def migrate(
    lock_seconds: Annotated[
        float, typer.Option(help="How long to wait for the lock of a table before others are let pass.", min=0.1)
    ] = LOCK_SECONDS,
    wait_seconds: Annotated[
        float, typer.Option(help="How long to go on trying to get the locks.", min=0)
    ] = WAIT_SECONDS,
    demo: DemoOption = False,
) -> None:
    """Bring the database's tables up to this version. Nothing happens when they are."""
    settings = settings_of(demo)

    def tell(why: str) -> None:
        err.print(why, markup=False, highlight=False)

    async def work() -> bool:
        async with database(settings) as db:
            await require_kind(db, settings)
            before = await is_current(db)
            await upgrade(db, lock_seconds=lock_seconds, wait_seconds=wait_seconds, told=tell)
            await mark_kind(db, settings)
            if await moving.settle(db):
                tell("The log of changes comes from another server: what is written from now on goes on after it.")
        return before

    out.print("The tables are of this version already." if run(work(), settings) else "The tables are up to date now.")


def schema() -> None:
    """Print the GraphQL schema."""
    from crmgraph import graph

    sys.stdout.write(graph.sdl())


def seed(
    accounts: Annotated[int, typer.Option(help="Accounts to add.", min=0)] = 1_000,
    contacts: Annotated[int, typer.Option(help="Contacts to add, spread over these accounts.", min=0)] = 5_000,
    leads: Annotated[int, typer.Option(help="Leads to add.", min=0)] = 5_000,
    demo: DemoOption = False,
) -> None:
    """Add synthetic records with phones, emails and addresses; the same numbers give the same people."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from crmgraph import seed as volume

    settings = settings_of(demo)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )

    async def work() -> None:
        async with database(settings) as db:
            await require_kind(db, settings)
            await upgrade(db)
            await mark_kind(db, settings)
            with Progress(*columns, console=err) as progress:
                task = progress.add_task("Records", total=accounts + contacts + leads)
                await volume.seed(
                    db,
                    accounts=accounts,
                    contacts=contacts,
                    leads=leads,
                    progress=lambda done: progress.advance(task, done),
                )

    run(work(), settings)
    out.print(f"Added {accounts} accounts, {contacts} contacts and {leads} leads.", highlight=False)


COMMANDS = (serve, migrate, schema, seed)
"""In the order in which the program's help shows them."""
