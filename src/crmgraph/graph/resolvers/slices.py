"""Slices: what the resolvers do on the event loop is cut into pieces, between which everybody else is answered.

All documents together have so much time of each round of the loop. What goes beyond is put off to the next
rounds, in which the documents take turns.
"""

import asyncio
import time
from collections import deque

AT_ONCE = 20
"""How many are let go on in one round, as far as there is time."""
ROUNDS = 10
"""For how many rounds of the event loop nothing may have been put off, until all that is loaded on a level has been
asked for: graphql-core gathers the fields of an object in some rounds, and the loaders wait two."""


class Slices:
    """The slices of one event loop."""

    SECONDS = 0.01
    """How much of one round of the loop the resolvers of all documents may take together."""

    def __init__(self) -> None:
        self._until: float | None = None
        self._documents: deque[Turns] = deque()
        self._first: Turns | None = None

    def is_over(self) -> bool:
        """Whether nothing more is to be done in this round of the loop."""
        now = time.perf_counter()
        if self._until is None:
            self._until = now + self.SECONDS
            asyncio.get_running_loop().call_soon(self._next)
        return now >= self._until

    def wait(self, turns: "Turns") -> None:
        """Give a document a turn in one of the next rounds."""
        if turns not in self._documents:
            self._documents.append(turns)
        self.is_over()  # which sees to it that there is a next round

    def _next(self) -> None:
        self._until = None
        if self._documents and self._documents[0] is self._first:
            self._documents.rotate(-1)
        self._first = self._let_one_go(first=True)
        for _ in range(1, AT_ONCE):
            self._let_one_go(first=False)
        if self._documents:
            self.is_over()

    def _let_one_go(self, *, first: bool) -> "Turns | None":
        """The document that had the turn; None where there is none."""
        while self._documents:
            turns = self._documents.popleft()
            if turns.release(first):
                self._documents.append(turns)
                return turns
        return None


class Turns:
    """The turns of one document.

    Args:
        slices: of the loop that it is resolved on.
    """

    def __init__(self, slices: Slices) -> None:
        self._slices = slices
        self._waiters: deque[asyncio.Future[bool]] = deque()
        self._waiting = 0
        self._have_put_off = False

    def is_over(self) -> bool:
        """Whether the rest has to be put off."""
        return self._slices.is_over()

    def put_off(self, more: int) -> None:
        """Count what is put off, or is done now."""
        self._waiting += more
        self._have_put_off |= more > 0

    async def next(self) -> None:
        """Wait for a turn."""
        self.put_off(1)
        try:
            # Several are let go on at once, of which the first does; the others where there is still time.
            while not await self._let_go() and self.is_over():
                pass
        finally:
            self.put_off(-1)

    def _let_go(self) -> asyncio.Future[bool]:
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self._slices.wait(self)
        return waiter

    def release(self, first: bool) -> bool:
        """Let one go on who waits for a turn; False where nobody does.

        Args:
            first: whether it goes on whatever the time is.
        """
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(first)
                return True
        return False

    async def settled(self) -> None:
        """Wait until nothing is put off any more: what is loaded then is loaded at once."""
        quiet = 0
        while self._have_put_off and quiet < ROUNDS:
            await asyncio.sleep(0)
            quiet = 0 if self._waiting else quiet + 1
