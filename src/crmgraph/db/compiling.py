"""Compiling: a statement is made and compiled beside the event loop, for a long one takes a tenth of a second."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

# One thread: it and the loop take turns at the interpreter, every few milliseconds.
_THREAD = ThreadPoolExecutor(max_workers=1, thread_name_prefix="compile")


async def beside(make: Callable[[], T]) -> T:
    """What `make` returns, made while the loop answers others.

    Args:
        make: touches nothing that somebody else changes.
    """
    return await asyncio.get_running_loop().run_in_executor(_THREAD, make)
