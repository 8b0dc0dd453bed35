"""What is overdue: whatever takes longer than it may is given up, and one timer does for all of it.

A statement, which a server that is well ends itself (`statement_timeout`), and the wait for a turn hardly ever take too
long. A timer that is set and cancelled for each would cost a tenth of a short statement.
"""

import asyncio
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Thing = TypeVar("Thing", bound=Hashable)


class Overdue(Generic[Thing]):
    """What goes on and is to end in time.

    Args:
        seconds: that each may take; None is without end.
        give_up: is called with what takes longer, once.
    """

    def __init__(self, seconds: float | None, give_up: Callable[[Thing], object]) -> None:
        self.seconds = seconds
        self._give_up = give_up
        self._until: dict[Thing, float] = {}
        self._given_up: set[Thing] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, thing: Thing) -> None:
        """It begins, and ends by `end`."""
        if self.seconds is None:
            return
        loop = asyncio.get_running_loop()
        until = loop.time() + self.seconds
        self._until[thing] = until
        if self._timer is None:
            self._timer = loop.call_at(until, self._look)

    def end(self, thing: Thing) -> bool:
        """It has ended; whether that is because it was given up."""
        if self._until.pop(thing, None) is None and thing in self._given_up:
            self._given_up.remove(thing)
            return True
        return False

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """Give up what is overdue, and look again when the next may be."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        for thing in [each for each, until in self._until.items() if until <= now]:
            del self._until[thing]
            self._given_up.add(thing)
            self._give_up(thing)
        # They stand in the order in which they began.
        following = next(iter(self._until.values()), None)
        self._timer = None if following is None else loop.call_at(following, self._look)


class Turns(Overdue[asyncio.Future[None]]):
    """Those who wait for their turn, each of whom somebody else lets in by setting the result of a future.

    Args:
        seconds: for which one waits.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds, _too_late)

    async def come(self, turn: asyncio.Future[None]) -> None:
        """Wait until it is done.

        Raises:
            TimeoutError: nobody has let in who waits.
        """
        self.begin(turn)
        try:
            await turn
        finally:
            self.end(turn)


def _too_late(turn: asyncio.Future[None]) -> None:
    if not turn.done():
        turn.set_exception(TimeoutError())
