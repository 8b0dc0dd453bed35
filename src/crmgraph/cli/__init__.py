"""The command line: serve, migrate, schema, seed, demo, staff and clients."""

import gc
from typing import Any


def app(**options: Any) -> None:
    """The program.

    Args:
        options: for Typer, e.g. what the program is called.
    """
    # Importing makes hardly any garbage, and the collector would walk the modules many times while they grow.
    gc.disable()
    from crmgraph.cli import commands

    gc.enable()
    commands.app(**options)


__all__ = ["app"]
