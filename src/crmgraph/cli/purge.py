"""Remove what has passed the time for which it is kept."""

from typing import Annotated

import typer

from crmgraph.assembly import retention
from crmgraph.cli.console import DemoOption, fail, opened, out, run, settings_of
from crmgraph.crm.retention import purge_files, purge_photos, purge_rows
from crmgraph.photos import StoreAway


def purge(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be removed.")] = False,
    even_most_photos: Annotated[
        bool, typer.Option(help="Remove photos without a record even where most of the store's are such.")
    ] = False,
    demo: DemoOption = False,
) -> None:
    """Remove what has passed the time for which it is kept: see the settings CRMGRAPH_KEEP_..."""
    settings = settings_of(demo)
    keep = retention(settings)

    async def work() -> dict[str, int]:
        async with opened(settings) as core:
            gone = await purge_rows(core.db, keep, dry_run=dry_run)
            try:
                gone["photos"] = await purge_photos(
                    core.db, core.record_photos.store, keep, dry_run=dry_run, even_most=even_most_photos
                )
                gone["files"] = await purge_files(core.tasks.files, dry_run=dry_run)
            except StoreAway as away:
                fail(f"The photo store does not answer: {away.reason}")
            return gone

    done = "Would remove" if dry_run else "Removed"
    gone = run(work(), settings)
    out.print(f"{done} " + ", ".join(f"{count} {name}" for name, count in gone.items()) + ".", highlight=False)
