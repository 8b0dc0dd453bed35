"""The command line: serve, migrate, schema, seed, demo, staff and clients."""

import gc
import os
import sys
from pathlib import Path
from typing import Any

NICE = 19
"""How far what runs long stands back behind the servers of the machine, whose callers wait: as far as there is."""
STANDING_BACK = frozenset({"import", "export", "reindex", "repair", "duplicates", "purge"})
"""The commands that run long."""


def app(**options: Any) -> None:
    """The program.

    Args:
        options: for Typer, e.g. what the program is called.
    """
    # The counters are made while the modules are imported, each in a file of this folder.
    counts = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if counts and not (Path(counts).is_dir() and os.access(counts, os.W_OK)):
        sys.exit(f"PROMETHEUS_MULTIPROC_DIR: {counts} is no folder that we may write into: make it, or set none")
    if not STANDING_BACK.isdisjoint(sys.argv[1:2]):
        os.nice(NICE)
    # Importing makes hardly any garbage, and the collector would walk the modules many times, even later.
    gc.disable()
    from crmgraph.cli import commands

    gc.freeze()
    gc.enable()
    commands.app(**options)


__all__ = ["app"]
