"""Move out: write the records of the store as files."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from crmgraph.cli.console import DemoOption, err, fail, opened, run, settings_of


def _fields(dialect: str, kinds: list[Any]) -> Any:
    """What a dialect calls the values of these records."""
    from crmgraph.registry import DIALECTS

    found = next((each for each in DIALECTS if each.name == dialect), None)
    if found is None:
        fail(f"--dialect {dialect}: there is none of this name: {', '.join(each.name for each in DIALECTS)}")
    fields = found.implementation.tables().get(kinds[0])
    if fields is None:
        fail(f"--dialect {dialect}: it has no {kinds[0].lower()}s")
    return fields


def _where(text: str, kind: Any) -> Any:
    """What a filter of the graph asks for."""
    from crmgraph.graph import where_of

    try:
        given = json.loads(text)
        if isinstance(given, dict) and given.get("deleted"):
            fail("--filter: an export has no deleted records: leave `deleted` out")
        return where_of(kind, given)
    except json.JSONDecodeError as error:
        fail(f'--filter: it is no JSON from character {error.pos + 1} on, e.g. {{"lastName": {{"startsWith": "A"}}}}')
    except RecursionError:
        fail("--filter: it goes too deep")
    except ValueError as error:
        fail(f"--filter: {error}")


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A file to be written, that takes its name once it is whole.

    What is no file, a folder or a device such as /dev/null, is not replaced by one.
    """
    if path.exists() and not path.is_file():
        fail(f"{path}: it is there, and no file that can be replaced")
    part = path.with_name(path.name + ".part")
    try:
        part.touch()
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def export(
    what: Annotated[Literal["contacts", "accounts", "leads", "all"], typer.Argument(help="Which records.")],
    format_: Annotated[
        Literal["csv", "xlsx", "jsonl", "vcf", "vcf3", "vcf4", "jscontact", "zip"],
        typer.Option("--format", help="The form: zip has all that crmgraph import reads again."),
    ] = "csv",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file; else it is printed.")] = None,
    filter_: Annotated[
        str | None, typer.Option("--filter", help="Which of them: JSON, as the graph's filter of these records has it.")
    ] = None,
    for_: Annotated[
        Literal["excel"] | None, typer.Option("--for", help="Put a ' before what Excel takes for a formula.")
    ] = None,
    dialect: Annotated[
        str | None, typer.Option(help="The names of columns, and how values stand, of a legacy API: zoho ...")
    ] = None,
    identity_documents: Annotated[bool, typer.Option("--identity-documents", help="Identity documents too.")] = False,
    demo: DemoOption = False,
) -> None:
    """Write contacts, accounts and leads as a file that others read."""
    from rich.progress import MofNCompleteColumn, Progress, TextColumn

    from crmgraph.crm.models import Door, Role
    from crmgraph.crm.policy import Actor
    from crmgraph.exports import writing

    settings = settings_of(demo)
    kinds = [kind for kind, name in writing.NAMES.items() if what in (name, "all")]
    if output is None and format_ in ("zip", "xlsx"):
        fail(f"--format {format_}: it needs a file: --output")
    if format_ == "csv" and what == "all":
        fail("--format csv: a table has records of one kind; --format zip has a table for each")
    if for_ is not None and format_ != "csv":
        fail("--for excel: of --format csv only")
    if filter_ is not None and what == "all":
        fail("--filter: of records of one kind")
    where = _where(filter_, kinds[0]) if filter_ is not None else None
    fields = _fields(dialect, kinds) if dialect is not None else None
    if fields is not None and format_ not in ("csv", "xlsx"):
        fail("--dialect: of --format csv and xlsx only")
    if dialect is not None and what == "all":
        fail("--dialect: of records of one kind")

    async def work() -> int:
        count = 0

        def told(done: int) -> None:
            nonlocal count
            count += done
            bar.advance(task, done)

        async with opened(settings) as core:
            actor = Actor(Door.OPERATOR, Role.ADMIN, sees_identity=identity_documents)
            asked = writing.ExportRequest(
                kinds, format_, where, fields, excel=for_ == "excel", photos=core.record_photos.store
            )
            if output is None:
                async for piece in writing.pieces(core.db, actor, asked, told=told):
                    sys.stdout.buffer.write(piece)
                return count
            with _replacing(output) as part:
                await writing.write(core.db, actor, asked, part, told=told)
        return count

    columns = (TextColumn("{task.description}"), MofNCompleteColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal) as bar:
        task = bar.add_task("Records", total=None)
        count = run(work(), settings)
    if output is not None:
        err.print(f"Wrote {count} records to {output}.", markup=False, highlight=False)
