"""The command line: serve, migrate, schema, seed, demo, staff and clients."""

import gc
import os
import sys
from pathlib import Path
from typing import Any


def app(**options: Any) -> None:
    """The program.

    Args:
        options: for Typer, e.g. what the program is called.
    """
    # The counters are made while the modules are imported, each in a file of this folder.
    counts = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if counts and not (Path(counts).is_dir() and os.access(counts, os.W_OK)):
        sys.exit(f"PROMETHEUS_MULTIPROC_DIR: {counts} is no folder that we may write into: make it, or set none")
    # Importing makes hardly any garbage, and the collector would walk the modules many times, even later.
    gc.disable()
    from crmgraph.cli import commands

    gc.freeze()
    gc.enable()
    commands.app(**options)


__all__ = ["app"]
