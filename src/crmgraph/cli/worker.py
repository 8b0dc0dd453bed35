"""What a process that serves starts with."""

import gc
import resource
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI


COLLECTED_AFTER = 10_000
"""How many more objects there are than at its last look when the collector of cycles looks again. Sixteen requests in
hand are more than a thousand, most of which go by themselves: Python's 700 has it look at them with every burst."""


def application() -> "FastAPI":
    """The application as the environment describes it, made without the garbage collector.

    All that is made here, some two hundred thousand objects, lives as long as the process. The collector would walk it
    several times while it grows, and whole now and then while requests wait: frozen, it is never walked again.
    """
    _take_all_files()
    gc.disable()
    from crmgraph.app import from_environment

    made = from_environment()
    gc.freeze()
    gc.set_threshold(COLLECTED_AFTER)
    gc.enable()
    return made


def _take_all_files() -> None:
    """Let the process open as many files as it may: connections are files, and many systems begin with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
