"""The command line: serve, migrate, schema, seed, work, repair, reindex, purge, demo, staff and clients."""

from typing import Annotated

import typer

import crmgraph
from crmgraph.cli import (
    clients,
    comparing,
    demo,
    doctor,
    duplicates,
    exports,
    imports,
    program,
    pull,
    purge,
    reindex,
    repair,
    staff,
    throttle,
    upstream,
    upstream_running,
    upstream_settings,
    usage,
    work,
)
from crmgraph.cli.console import out
from crmgraph.logs import configure

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_show_locals=False, rich_markup_mode=None
)
for command in program.COMMANDS:
    app.command()(command)
app.command()(work.work)
app.command()(repair.repair)
app.command()(reindex.reindex)
app.command()(duplicates.duplicates)
app.command()(purge.purge)
app.command()(doctor.doctor)
app.command()(exports.export)
app.command()(usage.usage)
app.add_typer(imports.app, name="import")
app.add_typer(demo.app, name="demo")
app.add_typer(staff.app, name="staff")
app.add_typer(clients.app, name="clients")
app.add_typer(throttle.app, name="throttle")
upstream.app.command("set")(upstream_settings.set_)
upstream.app.command()(upstream_settings.secret)
upstream.app.command("run")(upstream_running.run_)
upstream.app.command()(comparing.report)
upstream.app.command()(comparing.accept)
upstream.app.command()(comparing.accepted)
upstream.app.command()(comparing.withdraw)
upstream.app.command()(pull.pull)
upstream.app.command()(pull.lag)
upstream.app.add_typer(pull.parked, name="parked")
app.add_typer(upstream.app, name="upstream")


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


__all__ = ["app"]
