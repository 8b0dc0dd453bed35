"""What a process that serves starts with."""

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI


def application() -> "FastAPI":
    """The application as the environment describes it, made without the garbage collector.

    All that is made here, some two hundred thousand objects, lives as long as the process. The collector would walk it
    several times while it grows, and whole now and then while requests wait: frozen, it is never walked again.
    """
    gc.disable()
    from crmgraph.app import from_environment

    made = from_environment()
    gc.freeze()
    gc.enable()
    return made
