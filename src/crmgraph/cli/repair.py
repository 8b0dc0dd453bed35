"""Bring stored keys, E.164 forms and country codes up to date."""

from dataclasses import asdict
from typing import Annotated

import typer

from crmgraph.cli.console import DemoOption, opened, print_json, print_text, progress_bar, run, settings_of

COLLIDED = 2
"""The exit code when a person has to decide about something."""


def repair(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing; tell what would be changed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
    demo: DemoOption = False,
) -> None:
    """Bring stored keys, E.164 forms and country codes up to date with this version. Nothing is merged."""
    from crmgraph.crm import repair as derived

    settings = settings_of(demo)

    async def work() -> derived.Report:
        async with opened(settings) as core:
            with progress_bar(await derived.size(core.db)) as advance:
                return await derived.repair(core.db, region=core.region, dry_run=dry_run, progress=advance)

    report = run(work(), settings)
    if as_json:
        told = {
            "dry_run": dry_run,
            "tables": {name: {"read": n, "changed": report.changed[name]} for name, n in sorted(report.read.items())},
            "collisions": [asdict(each) for each in report.collisions],
        }
        print_json(told)
    else:
        changed = "would be changed" if dry_run else "changed"
        for name, count in sorted(report.read.items()):
            print_text(f"{name}: {report.changed[name]} of {count} {changed}")
        for each in report.collisions:
            line = f"Left as it is: the login {each.id} of {each.email} has the same email as the login {each.other_id}"
            print_text(line)
    if report.collisions:
        raise typer.Exit(COLLIDED)
