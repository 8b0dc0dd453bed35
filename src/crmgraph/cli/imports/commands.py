"""Move in: read the files of another CRM, and tell what they hold."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from crmgraph.cli.console import DemoOption, fail, settings_of


class _Files(typer.core.TyperGroup):
    """A group whose first command needs no name: whatever is no command is a file, or an option of it."""

    # The types are those of Typer's own copy of Click, which is private to it.
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        return super().resolve_command(ctx, args if args and args[0] in self.commands else ["files", *args])


app = typer.Typer(
    cls=_Files,
    help="Move in: read the files of another CRM. `crmgraph import FILE...` is `crmgraph import files FILE...`.",
    no_args_is_help=True,
    context_settings={"ignore_unknown_options": True},
)


@app.command()
def files(
    file: Annotated[list[Path], typer.Argument(help="The files that are imported together.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; tell what would come of each row.")
    ] = False,
    format_: Annotated[str | None, typer.Option("--format", help="Whose files they are, e.g. hubspot.")] = None,
    kind: Annotated[
        Literal["contacts", "accounts", "leads"] | None, typer.Option("--as", help="What the rows of a table are.")
    ] = None,
    map_: Annotated[Path | None, typer.Option("--map", help="A saved mapping: how columns are read.")] = None,
    save_map: Annotated[Path | None, typer.Option("--save-map", help="Where to save the mapping.")] = None,
    encoding: Annotated[str | None, typer.Option(help="The encoding, e.g. cp1250.")] = None,
    delimiter: Annotated[str | None, typer.Option(help="What parts the cells of a table.")] = None,
    no_header: Annotated[bool, typer.Option("--no-header", help="The table has none: columns are numbered.")] = False,
    dates: Annotated[Literal["dmy", "mdy", "ymd"] | None, typer.Option(help="The order of dates.")] = None,
    decimal: Annotated[Literal[",", "."] | None, typer.Option(help="What parts decimals.")] = None,
    timezone: Annotated[str | None, typer.Option(help="The time zone of local times, e.g. Europe/Berlin.")] = None,
    region: Annotated[str | None, typer.Option(help="The country that telephone numbers are dialled from.")] = None,
    system: Annotated[str | None, typer.Option(help="What the source is called, beside its ids.")] = None,
    id_column: Annotated[str | None, typer.Option(help="The column of the ids, of a table that nobody knows.")] = None,
    accounts: Annotated[
        Literal["create", "link", "ignore"], typer.Option(help="What is done with companies that are a text.")
    ] = "create",
    nameless: Annotated[
        Literal["address", "refuse"], typer.Option(help="What is done with people without a name.")
    ] = "address",
    blank: Annotated[
        Literal["keep", "clears"], typer.Option(help="Whether an empty cell leaves what a record has, or clears it.")
    ] = "keep",
    consent: Annotated[
        Literal["narrow", "replace"],
        typer.Option(help="Whether the files only add opt-outs, or also withdraw those that the source has no more."),
    ] = "narrow",
    owner: Annotated[str | None, typer.Option(help="Who owns what belongs to nobody who is known, by email.")] = None,
    users: Annotated[
        Path | None, typer.Option(help="A table of what the source calls the staff, and their emails.")
    ] = None,
    mode: Annotated[
        Literal["upsert", "create", "update"],
        typer.Option(help="Whether records that are known are changed, and others made; or only the one or the other."),
    ] = "upsert",
    match: Annotated[
        str, typer.Option(help="What a record is known by, in this order, of id, email, phone and name.")
    ] = "id,email",
    max_refused: Annotated[
        str, typer.Option(help="How many rows, or which share of them, may be refused; with more nothing is written.")
    ] = "20%",
    lenient: Annotated[bool, typer.Option("--lenient", help="Read a quote that is never closed as a letter.")] = False,
    report: Annotated[Path | None, typer.Option(help="A folder for the report, refused rows and warnings.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
    demo: DemoOption = False,
) -> None:
    """Bring in files of contacts, accounts and leads; first tell what would come of each row."""
    from crmgraph.cli.imports import looking, running

    settings = settings_of(demo)
    ask = not yes and not as_json and sys.stdin.isatty()
    try:
        options = looking.options_of(
            format_=format_, kind=kind, encoding=encoding, delimiter=delimiter, no_header=no_header, dates=dates,
            decimal=decimal, timezone=timezone, region=region, system=system, id_column=id_column, accounts=accounts,
            nameless=nameless, blank=blank, owner=owner, users=users, lenient=lenient, map_=map_,
        )  # fmt: skip
    except ValueError as error:
        fail(str(error))
    running.require_known_match(match)
    asked = running.Asked(dry_run, mode, match, consent, max_refused, report, save_map, as_json, ask)
    raise typer.Exit(running.bring_in(file, options, settings, asked))


IdArgument = Annotated[
    int,
    typer.Argument(
        metavar="ID", min=1, max=2**63 - 1, help="The id of the import, as `crmgraph import list` prints it."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")]


@app.command(name="list")
def list_(as_json: JsonOption = False, demo: DemoOption = False) -> None:
    """The last imports, the newest first: how far they are and what came of them."""
    from crmgraph.cli.imports import listing

    listing.show(settings_of(demo), None, as_json=as_json)


@app.command()
def show(import_: IdArgument, as_json: JsonOption = False, demo: DemoOption = False) -> None:
    """One import: its files, and what came of the rows of each kind."""
    from crmgraph.cli.imports import listing

    listing.show(settings_of(demo), import_, as_json=as_json)


@app.command()
def resume(
    import_: IdArgument,
    report: Annotated[Path | None, typer.Option(help="A folder for the report, refused rows and warnings.")] = None,
    as_json: JsonOption = False,
    demo: DemoOption = False,
) -> None:
    """Go on with an import that was cut off, behind the last batch that was written."""
    from crmgraph.cli.imports import running

    raise typer.Exit(running.resume(settings_of(demo), import_, report, as_json=as_json))


@app.command()
def undo(
    import_: IdArgument,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; tell what would become of the records.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
    as_json: JsonOption = False,
    demo: DemoOption = False,
) -> None:
    """Take an import back: what it made goes, what it changed is as it was; what was touched since stays."""
    from crmgraph.cli.imports import undoing

    settings = settings_of(demo)
    if not dry_run and not yes and sys.stdin.isatty() and not typer.confirm("Undo this import?", err=True):
        raise typer.Exit(1)
    raise typer.Exit(undoing.take_back(settings, import_, dry_run=dry_run, as_json=as_json))
