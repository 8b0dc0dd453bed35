"""`crmgraph import undo`: an import is taken back, and what became of its records is told."""

from dataclasses import asdict

from crmgraph.cli.console import fail, opened, print_json, print_text, run
from crmgraph.cli.imports.listing import fail_of, known, say_waiting
from crmgraph.cli.imports.looking import REFUSED
from crmgraph.cli.imports.running import staff_of
from crmgraph.crm.models import ImportState
from crmgraph.imports.writing import leases, runs
from crmgraph.imports.writing.leases import ImportBusy
from crmgraph.imports.writing.undo import Undone, undo
from crmgraph.settings import Settings

SHOWN = 20
"""How many records of a list are told on the screen."""


def take_back(settings: Settings, import_id: int, *, dry_run: bool, as_json: bool) -> int:
    """Undo an import, and return how the program ends."""

    async def work() -> int:
        async with opened(settings) as core:
            found = await known(core.db, import_id)
            if found.state is ImportState.UNDONE:
                fail(f"The import {import_id} is undone already.")
            await leases.wait_for_lease(core.db, import_id, say_waiting)
            if not dry_run:
                try:
                    await leases.take_over(core.db, import_id, ImportState.UNDOING)
                except ImportBusy as busy:
                    fail_of(busy)
            staff = {each.id: each for each in await staff_of(core.db, everybody=True)}
            actor = runs.actor_of(staff[found.staff_id], import_id, core.region)
            result = await undo(core.db, actor, import_id, dry_run=dry_run)
            if as_json:
                print_json({"import": import_id, "dry_run": dry_run, **asdict(result)})
            else:
                _show(result, dry_run=dry_run)
            return REFUSED if result.failed else 0

    return run(work(), settings)


def _show(result: Undone, *, dry_run: bool) -> None:
    would = "Would be undone" if dry_run else "Undone"
    print_text(f"{would}: {result.reversed} records; kept {len(result.kept)}, failed {len(result.failed)}.")
    for at, kind, party_id, why in (*result.kept, *result.failed)[:SHOWN]:
        print_text(f"  {kind.lower()} {party_id} ({at}): {why}")
    if (more := len(result.kept) + len(result.failed) - SHOWN) > 0:
        print_text(f"  and {more} more: --json tells all")
