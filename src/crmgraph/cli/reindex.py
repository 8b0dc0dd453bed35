"""Make the search index anew from the records."""

from dataclasses import asdict
from typing import Annotated

import typer

from crmgraph.cli.console import DemoOption, opened, print_json, print_text, progress_bar, run, settings_of


def reindex(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; tell what would be changed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
    demo: DemoOption = False,
) -> None:
    """Bring the search index up to date with the records. What is right already is left alone."""
    from crmgraph.crm.search import upkeep

    settings = settings_of(demo)

    async def work() -> upkeep.Report:
        async with opened(settings) as core:
            with progress_bar(await upkeep.size(core.db)) as advance:
                return await upkeep.reindex(core.db, dry_run=dry_run, progress=advance)

    report = run(work(), settings)
    if as_json:
        print_json({"dry_run": dry_run, **asdict(report)})
        return
    changed = "would be changed" if dry_run else "changed"
    print_text(
        f"{report.stale} of {report.records} records {changed}: {report.added} words added, {report.removed} removed"
    )
    if report.words:
        print_text(f"{report.words} words {changed}: they are found by any part of theirs")
    if report.unused:
        print_text(f"{report.unused} words removed that nobody has any more")
