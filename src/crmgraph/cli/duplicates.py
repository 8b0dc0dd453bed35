"""Find the records that may be one, among all of them."""

from typing import Annotated

import typer

from crmgraph.cli.console import DemoOption, opened, print_json, print_text, progress_bar, run, settings_of


def duplicates(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
    demo: DemoOption = False,
) -> None:
    """Compare all records with one another, for the list of duplicates that staff see. Safe while others serve."""
    from crmgraph.crm.models import PartyKind
    from crmgraph.crm.records.duplicates import upkeep

    settings = settings_of(demo)

    async def work() -> dict[str, int]:
        async with opened(settings) as core:
            with progress_bar(sum([await upkeep.size(core.db, kind) for kind in PartyKind])) as advance:
                return {kind.value.lower(): await upkeep.run(core.db, kind, progress=advance) for kind in PartyKind}

    found = run(work(), settings)
    if as_json:
        print_json(found)
        return
    print_text("Pairs that may be one: " + ", ".join(f"{count} of {kind}s" for kind, count in found.items()) + ".")
