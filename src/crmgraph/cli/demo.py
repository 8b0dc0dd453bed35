"""The demo: load it, throw it away, and what it accepts."""

import json
import sys
from typing import Annotated, Any

import typer

from crmgraph import demo as demonstration
from crmgraph.cli.console import fail, opened, out, print_line, require_kind, run, settings_of
from crmgraph.crm import installation
from crmgraph.db.database import Database
from crmgraph.demo import loading
from crmgraph.migrations import upgrade
from crmgraph.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The demo: the sample records of the vendors' documents.")


@app.command("load")
def load_demo() -> None:
    """Make the demo's database and load the sample records. What is there stays as it is."""
    settings = settings_of(demo=True)
    made = run(load(settings), settings)
    if any(made.values()):
        out.print("Loaded " + ", ".join(f"{count} {kind}" for kind, count in made.items()) + ".", highlight=False)
    else:
        out.print("The demo data is there already.")


@app.command("reset")
def reset(yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Throw the demo's records, photos, mail and secrets away and start afresh."""
    settings = settings_of()
    if "database_url" in settings.model_fields_set:
        fail("CRMGRAPH_DATABASE_URL is set: only the demo's own database is ever thrown away.")
    file = settings.demo_folder / demonstration.DATABASE
    kept = settings.model_copy(update={"database_url": f"sqlite:///{file.absolute()}"})
    if file.exists() and run(_kind(kept.database_url), kept) is installation.Kind.PRODUCTION:
        fail(f"{file} is no demo's database: nothing is thrown away. CRMGRAPH_DEMO_FOLDER names the demo's folder.")
    if not yes:
        try:
            typer.confirm(
                f"Throw the demo in {settings.demo_folder} away, with all that was written in it?", abort=True
            )
        except typer.Abort:
            fail("Nothing was thrown away; scripts say --yes.")
    demonstration.clear(settings.demo_folder)
    settings = settings_of(demo=True)
    made = run(load(settings), settings)
    out.print("Loaded " + ", ".join(f"{count} {kind}" for kind, count in made.items()) + ".", highlight=False)


@app.command("credentials")
def credentials(
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object, for scripts.")] = False,
) -> None:
    """Print what the running demo accepts."""
    folder = settings_of().demo_folder
    if not demonstration.is_made(folder):
        # New secrets, which the demo that is served elsewhere does not know, would help nobody.
        fail(
            f"There is no demo in {folder}: `crmgraph serve --demo` makes one, "
            "CRMGRAPH_DEMO_FOLDER names another folder."
        )
    settings_of(demo=True)  # says what is wrong with a demo that cannot be read
    accepted = demonstration.shown(demonstration.prepare(folder))
    if as_json:
        sys.stdout.write(json.dumps(accepted, indent=2) + "\n")
    else:
        print_credentials(accepted)


async def _kind(url: str) -> installation.Kind | None:
    db = Database(url)
    try:
        return await installation.kind_of(db)
    finally:
        await db.close()


async def load(settings: Settings) -> dict[str, int]:
    """Make the demo's database where it is missing, and load what is not there yet; how many records of each kind."""
    kept = demonstration.prepare(settings.demo_folder)
    async with opened(settings, migrated=False) as core:
        await require_kind(core.db, settings)
        await upgrade(core.db)
        return await loading.load(core, kept)


def print_doors(settings: Settings, made: dict[str, int]) -> None:
    """What was loaded, every address, and what the demo accepts."""
    # All edges, which no other command of the demo needs.
    from crmgraph.registry import DIALECTS

    if any(made.values()):
        out.print("Loaded " + ", ".join(f"{count} {kind}" for kind, count in made.items()) + ".", highlight=False)
    url = settings.public_url
    print_line("Every door", f"{url}/")
    print_line("GraphQL, GraphiQL", f"{url}/graphql")
    for dialect in DIALECTS:
        print_line(dialect.title, "  ".join(url + prefix for prefix in dialect.prefixes))
    out.print()
    print_credentials(demonstration.shown(demonstration.prepare(settings.demo_folder)))
    out.print()


def print_credentials(credentials: dict[str, Any]) -> None:
    """Everybody who may come in, a line each; of tokens a line each."""
    for name, given in credentials.items():
        for login in given if isinstance(given, list) else [given]:
            values = [f"{key}: {value}" for key, value in login.items()]
            # Tokens are long: each has a line, so that none is broken.
            lines = ["  ".join(values)] if len(values) < 4 else values
            for i, line in enumerate(lines):
                print_line(name.replace("_", " ") if i == 0 else "", line)
