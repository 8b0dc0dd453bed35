"""The command line: serve, migrate, demo, seed, schema, staff and clients."""

import asyncio
import json
import os
import secrets
import sys
from collections.abc import Coroutine
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, NoReturn, TypeVar

import typer
import uvicorn
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import crmgraph
from crmgraph import demo as demonstration
from crmgraph import graph
from crmgraph import seed as volume
from crmgraph.app import build
from crmgraph.crm import clients, staff
from crmgraph.crm.errors import Refused
from crmgraph.crm.models import Door, Role
from crmgraph.db import Database, is_away
from crmgraph.logs import configure
from crmgraph.metrics import SHARED
from crmgraph.migrations import is_current, upgrade
from crmgraph.security import password_fault
from crmgraph.settings import Settings

app = typer.Typer(no_args_is_help=True, add_completion=False, help="One store of contacts, accounts and leads.")
demo_app = typer.Typer(no_args_is_help=True, help="The demo: the sample records of the vendors' documents.")
staff_app = typer.Typer(no_args_is_help=True, help="Employees, who sign in and own records.")
clients_app = typer.Typer(no_args_is_help=True, help="Credentials of the programs that speak a legacy dialect.")
app.add_typer(demo_app, name="demo")
app.add_typer(staff_app, name="staff")
app.add_typer(clients_app, name="clients")

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
    except Exception as error:
        if is_away(error):
            fail(f"The database does not answer or is not migrated: {type(error).__name__}")
        raise


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


def _version(wanted: bool) -> None:
    if wanted:
        out.print(crmgraph.__version__, highlight=False)
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """One store of contacts, accounts and leads, behind GraphQL and four legacy CRM dialects."""
    configure("error", "text")


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=1, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(help="Processes that serve.", min=1, max=64)] = 1,
    demo: Annotated[bool, typer.Option("--demo", help="Migrate, load the demo data, and print credentials.")] = False,
) -> None:
    """Serve GraphQL and every dialect."""
    if demo:
        os.environ["CRMGRAPH_DEMO"] = "true"
        os.environ.setdefault("CRMGRAPH_PUBLIC_URL", f"http://{host if host != '0.0.0.0' else '127.0.0.1'}:{port}")  # noqa: S104
    settings = settings_of()
    if settings.demo:
        _print_doors(settings, run(_load(settings)))
    else:
        try:
            run(_require_tables(settings))
        except ValueError as error:
            fail(str(error))
    configure(settings.log_level, settings.log_format)
    with ExitStack() as stack:
        if settings.metrics and workers > 1:
            os.environ[SHARED] = stack.enter_context(TemporaryDirectory(prefix="crmgraph-metrics-"))
        uvicorn.run(
            "crmgraph.app:from_environment",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            loop="uvloop",
            http="httptools",
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=",".join(settings.trusted_proxies),
            limit_concurrency=settings.max_concurrency,
            timeout_keep_alive=30,
            # A worker is silent while it starts, and on a busy machine that takes longer than uvicorn's five seconds.
            timeout_worker_healthcheck=60,
            timeout_graceful_shutdown=20,
            server_header=False,
            access_log=False,
            log_config=None,
        )


async def _require_tables(settings: Settings) -> None:
    core, outbox = build(settings)
    try:
        if not await is_current(core.db):
            raise ValueError("The database is not migrated: run `crmgraph migrate` first.")
    finally:
        await outbox.close()
        await core.db.close()


@app.command()
def migrate(demo: DemoOption = False) -> None:
    """Bring the database's tables up to this version. Nothing happens when they are."""
    settings = settings_of(demo)

    async def work() -> bool:
        db = Database(settings.database_url)
        try:
            before = await is_current(db)
            await upgrade(db)
        finally:
            await db.close()
        return before

    out.print("The tables are of this version already." if run(work()) else "The tables are up to date now.")


@app.command()
def schema() -> None:
    """Print the GraphQL schema."""
    sys.stdout.write(graph.sdl())


@app.command()
def seed(
    accounts: Annotated[int, typer.Option(help="Accounts to add.", min=0)] = 1_000,
    contacts: Annotated[int, typer.Option(help="Contacts to add, spread over these accounts.", min=0)] = 5_000,
    leads: Annotated[int, typer.Option(help="Leads to add.", min=0)] = 5_000,
    demo: DemoOption = False,
) -> None:
    """Add synthetic records with phones, emails and addresses; the same numbers give the same people."""
    settings = settings_of(demo)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )

    async def work() -> None:
        db = Database(settings.database_url)
        try:
            await upgrade(db)
            with Progress(*columns, console=err) as progress:
                task = progress.add_task("Records", total=accounts + contacts + leads)
                await volume.seed(
                    db,
                    accounts=accounts,
                    contacts=contacts,
                    leads=leads,
                    progress=lambda done: progress.advance(task, done),
                )
        finally:
            await db.close()

    run(work())
    out.print(f"Added {accounts} accounts, {contacts} contacts and {leads} leads.", highlight=False)


@demo_app.command("load")
def demo_load() -> None:
    """Make the demo's database and load the sample records. What is there stays as it is."""
    made = run(_load(settings_of(demo=True)))
    if any(made.values()):
        out.print("Loaded " + ", ".join(f"{count} {kind}" for kind, count in made.items()) + ".", highlight=False)
    else:
        out.print("The demo data is there already.")


@demo_app.command("reset")
def demo_reset() -> None:
    """Throw the demo's records, photos, mail and secrets away and start afresh."""
    settings = settings_of()
    if "database_url" in settings.model_fields_set:
        fail("CRMGRAPH_DATABASE_URL is set: only the demo's own database is ever thrown away.")
    demonstration.clear(settings.demo_folder)
    made = run(_load(settings_of(demo=True)))
    out.print("Loaded " + ", ".join(f"{count} {kind}" for kind, count in made.items()) + ".", highlight=False)


@demo_app.command("credentials")
def demo_credentials(
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object, for scripts.")] = False,
) -> None:
    """Print what the running demo accepts."""
    credentials = demonstration.shown(demonstration.prepare(settings_of().demo_folder))
    if as_json:
        sys.stdout.write(json.dumps(credentials, indent=2) + "\n")
    else:
        _print_credentials(credentials)


async def _load(settings: Settings) -> dict[str, int]:
    kept = demonstration.prepare(settings.demo_folder)
    core, outbox = build(settings)
    try:
        await upgrade(core.db)
        return await demonstration.load(core, kept)
    finally:
        await outbox.close()
        await core.db.close()


def _print_doors(settings: Settings, made: dict[str, int]) -> None:
    if any(made.values()):
        out.print("Loaded " + ", ".join(f"{count} {kind}" for kind, count in made.items()) + ".", highlight=False)
    url = settings.public_url
    for name, address in (
        ("Every door", f"{url}/"),
        ("GraphQL, GraphiQL", f"{url}/graphql"),
        ("Covalense", f"{url}/crm/v1"),
        ("Zoho CRM v2", f"{url}/crm/v2  {url}/oauth/v2"),
        ("CRM.COM", f"{url}/crmapi/rest/v2"),
        ("Valomnia", f"{url}/api/v1.0"),
    ):
        _print_line(name, address)
    out.print()
    _print_credentials(demonstration.shown(demonstration.prepare(settings.demo_folder)))
    out.print()


def _print_credentials(credentials: dict[str, Any]) -> None:
    for name, given in credentials.items():
        for login in given if isinstance(given, list) else [given]:
            values = [f"{key}: {value}" for key, value in login.items()]
            # Tokens are long: each has a line, so that none is broken.
            lines = ["  ".join(values)] if len(values) < 4 else values
            for i, line in enumerate(lines):
                _print_line(name.replace("_", " ") if i == 0 else "", line)


def _print_line(name: str, value: str) -> None:
    out.print(f"{name:<19}{value}", markup=False, highlight=False)


def _password(given: str | None) -> str:
    """The password from the option, CRMGRAPH_PASSWORD, or typed in; never echoed."""
    password = given or typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    if password_fault(password):
        fail("The password cannot be taken: it has to have 8 to 1024 characters.")
    return str(password)


PasswordOption = Annotated[
    str | None, typer.Option(envvar="CRMGRAPH_PASSWORD", help="Asked for when it is not given.", show_envvar=True)
]


@staff_app.command("add")
def staff_add(
    name: Annotated[str, typer.Argument(help="The full name.")],
    email: Annotated[str, typer.Argument(help="The email to sign in with.")],
    role: Annotated[
        Role, typer.Option(help="AGENT works on every record, ADMIN on staff and clients too.")
    ] = Role.AGENT,
    sees_identity: Annotated[bool, typer.Option(help="Shows identity documents to this agent.")] = False,
    password: PasswordOption = None,
    demo: DemoOption = False,
) -> None:
    """Add an employee who can sign in."""
    if role is Role.CUSTOMER:
        fail("Staff are AGENT or ADMIN.")
    settings = settings_of(demo)
    secret = _password(password)

    async def work() -> int:
        core, outbox = build(settings)
        try:
            hashed = await core.passwords.hash(secret)
            async with core.db.begin() as session:
                return (await staff.add_staff(session, name, email, role, hashed, sees_identity)).id
        finally:
            await outbox.close()
            await core.db.close()

    try:
        out.print(f"Added {name}, {role.value}, with id {run(work())}.", highlight=False)
    except ValueError as error:
        fail(str(error))


_GRANTS = {
    Door.ZOHO: ("ZohoCRM.modules.ALL", "ZohoCRM.settings.ALL", "ZohoCRM.users.ALL", "ZohoCRM.org.ALL"),
    Door.CRMCOM: ("contact_information",),
}
"""What a client may do when nothing else is said: everything. Valomnia knows no grants."""


@clients_app.command("add")
def clients_add(
    dialect: Annotated[str, typer.Argument(help="zoho, crmcom or valomnia.")],
    name: Annotated[str, typer.Argument(help="What the program is called.")],
    staff_email: Annotated[str, typer.Argument(help="The employee as whom it acts.")],
    login: Annotated[str | None, typer.Option(help="Its user name or client id; made up when not given.")] = None,
    organisation: Annotated[str, typer.Option(help="CRM.COM only: the organisation it signs in to.")] = "",
    grant: Annotated[list[str] | None, typer.Option(help="What it may do; by default everything.")] = None,
    demo: DemoOption = False,
) -> None:
    """Add a legacy client and print its secrets, once."""
    door = {d.value.lower(): d for d in (Door.ZOHO, Door.CRMCOM, Door.VALOMNIA)}.get(dialect.lower())
    if door is None:
        fail("The dialect is zoho, crmcom or valomnia; Covalense's clients sign in as customers.")
    settings = settings_of(demo)
    secret = secrets.token_urlsafe(24)
    identifier = login or (f"1000.{secrets.token_hex(15).upper()}" if door is Door.ZOHO else secrets.token_hex(8))
    grants = grant or list(_GRANTS.get(door, ()))

    async def work() -> str | None:
        core, outbox = build(settings)
        try:
            hashed = await core.passwords.hash(secret)
            async with core.db.begin() as session:
                member = await staff.find_staff(session, staff_email)
                client_id = await clients.add_client(
                    session, door, name, identifier, hashed, member, grants, organisation
                )
            if door is Door.ZOHO:
                return await clients.issue(core.db, client_id, "refresh", seconds=None, grants=grants)
            return None
        finally:
            await outbox.close()
            await core.db.close()

    try:
        refresh = run(work())
    except ValueError as error:
        fail(str(error))
    words = ("client_id", "client_secret") if door is Door.ZOHO else ("username", "password")
    printed = dict(zip(words, (identifier, secret), strict=True))
    if organisation:
        printed["organisation"] = organisation
    if refresh is not None:
        printed["refresh_token"] = refresh
    sys.stdout.write(json.dumps(printed, indent=2) + "\n")


if __name__ == "__main__":
    app(prog_name=Path(sys.argv[0]).name)
