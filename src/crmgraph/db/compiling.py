"""Compiling: a statement is made and compiled beside the event loop, for a long one takes a tenth of a second, and once
for all who ask for it at the same time."""

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

# One thread: it and the loop take turns at the interpreter, every few milliseconds.
_THREAD = ThreadPoolExecutor(max_workers=1, thread_name_prefix="compile")


class Compiling:
    """What is being made at the moment, by one owner of statements."""

    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Future[Any]] = {}

    async def beside(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` returns, made while the loop answers others; the same for all who ask while it is being made.

        Args:
            key: names what is made.
            make: touches nothing that somebody else changes.
        """
        running = self._running.get(key)
        if running is None:
            running = self._running[key] = asyncio.get_running_loop().run_in_executor(_THREAD, make)
            running.add_done_callback(lambda _: self._running.pop(key, None))
        # Whoever is given up leaves it to the others.
        made: T = await asyncio.shield(running)
        return made
