"""Which imports there are, and what came of one."""

from typing import Any, NoReturn

from crmgraph.cli.console import err, fail, opened, print_json, print_text, run
from crmgraph.crm.models import Import, Outcome
from crmgraph.db.database import Database
from crmgraph.imports.writing import leases
from crmgraph.imports.writing.leases import FilesChanged, ImportBusy
from crmgraph.settings import Settings


def show(settings: Settings, import_id: int | None, *, as_json: bool) -> None:
    """Tell one import, or the last ones."""

    async def work() -> None:
        async with opened(settings) as core:
            found = await leases.latest(core.db) if import_id is None else [await known(core.db, import_id)]
            if as_json:
                told = [_as_json(each) for each in found]
                print_json(told[0] if import_id is not None else {"imports": told})
                return
            if not found:
                print_text("Nothing was imported.")
            for each in found:
                print_text(_as_line(each))
            if import_id is not None:
                for file in found[0].files:
                    print_text(f"  {file['path']}: {file['bytes']:,} bytes")
                for kind, counts in sorted(found[0].counts.items()):
                    said = ", ".join(f"{name.lower()} {count}" for name, count in sorted(counts.items()))
                    print_text(f"  {kind.lower() or 'rows of no record'}: {said}")

    run(work(), settings)


async def known(db: Database, import_id: int) -> Import:
    """One import; the program ends where there is none."""
    found = await leases.get(db, import_id)
    if found is None:
        fail(f"There is no import {import_id}: see crmgraph import list")
    return found


def fail_of(refused: ImportBusy | FilesChanged) -> NoReturn:
    """End because an import cannot be carried out now."""
    if isinstance(refused, FilesChanged):
        fail(f"{refused.name}: this is not the file that the import began with; import it anew")
    fail(
        f"The import {refused.import_id} is being carried out; if it was killed, try again in {refused.seconds:.0f} s."
    )


def say_waiting(seconds: float) -> None:
    """Say that a lease is waited for."""
    err.print(f"Whoever carried it out may still be at it: waiting {seconds:.0f} s.", markup=False, highlight=False)


def _as_json(each: Import) -> dict[str, Any]:
    moments = {name: getattr(each, name) for name in ("created_at", "finished_at")}
    told = {name: None if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}" for name, at in moments.items()}
    values = {name: getattr(each, name) for name in ("id", "state", "files", "options", "position", "counts", "fault")}
    return {**values, **told}


def _as_line(each: Import) -> str:
    names = ", ".join(file["name"] for file in each.files)
    total = {outcome: sum(c.get(outcome, 0) for c in each.counts.values()) for outcome in Outcome}
    said = ", ".join(f"{name.lower()} {count}" for name, count in total.items() if count)
    why = f" ({each.fault})" if each.fault else ""
    return f"{each.id}  {each.created_at:%Y-%m-%d %H:%M}  {each.state.lower()}{why}  {names}: {said or 'nothing yet'}"
