"""Shares: how much of a worker and of its connections one caller may hold at once, so that others have theirs.

What a caller wants beyond waits for its turn, in the order in which it came, and is refused after a while.
"""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, field
from types import TracebackType

from crmgraph.db.overdue import Turns


class Crowded(Exception):
    """A caller has more in hand than one caller may, and nothing of it ended in time."""


@dataclass(slots=True)
class _Held:
    """What one caller holds.

    Attributes:
        waiting: (weight, done when it is their turn) of what waits.
    """

    weight: int = 0
    waiting: list[tuple[int, asyncio.Future[None]]] = field(default_factory=list)


class Shares:
    """The shares of the callers of one worker.

    Args:
        most: what one caller may hold; what weighs more is let in when the caller holds nothing.
        waiting: how many requests of one caller may wait.
        patience: for how many seconds one waits.
    """

    def __init__(self, most: int = 5, waiting: int = 100, patience: float = 5.0) -> None:
        self.most = most
        self._waiting = waiting
        self.turns = Turns(patience)
        self._held: dict[Hashable, _Held] = {}

    def of(self, caller: Hashable, weight: int = 1) -> "Share":
        """A block that holds a part of what a caller may.

        Args:
            caller: stands for them among all others.
            weight: how many connections it may take at once.
        """
        return Share(self, caller, min(weight, self.most))

    def take_now(self, caller: Hashable, weight: int) -> bool:
        """Hold so much more, where nothing has to be waited for; whether that is so."""
        held = self._held.get(caller)
        if held is None:
            held = self._held[caller] = _Held()
        if held.waiting or held.weight + weight > self.most:
            return False
        held.weight += weight
        return True

    async def take(self, caller: Hashable, weight: int) -> None:
        """Hold so much more, as soon as it is the turn.

        Raises:
            Crowded: too many wait, or for too long.
        """
        if self.take_now(caller, weight):
            return
        held = self._held[caller]
        if len(held.waiting) >= self._waiting:
            raise Crowded
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waits = (weight, turn)
        held.waiting.append(waits)
        try:
            await self.turns.come(turn)
        except BaseException as error:
            if waits in held.waiting:
                held.waiting.remove(waits)
            elif not turn.cancelled() and turn.exception() is None:
                held.weight -= weight  # the turn came as it was given up
            self._let_in(caller, held)
            if isinstance(error, TimeoutError):
                raise Crowded from None
            raise

    def give_back(self, caller: Hashable, weight: int) -> None:
        """Hold so much less."""
        held = self._held[caller]
        held.weight -= weight
        self._let_in(caller, held)

    def _let_in(self, caller: Hashable, held: _Held) -> None:
        """Let in whoever there is room for now, and forget a caller who has nothing in hand."""
        while held.waiting:
            weight, turn = held.waiting[0]
            if held.weight + weight > self.most:
                return
            held.waiting.pop(0)
            if not turn.done():
                held.weight += weight
                turn.set_result(None)
        if held.weight == 0:
            self._held.pop(caller, None)


class Share:
    """A part of what a caller may hold, see `Shares.of`.

    Raises:
        Crowded: see `Shares.take`.
    """

    __slots__ = ("_caller", "_held", "_shares", "_weight")

    def __init__(self, shares: Shares, caller: Hashable, weight: int) -> None:
        self._shares = shares
        self._caller = caller
        self._weight = weight
        self._held = False

    async def take(self) -> None:
        """Hold it from now on."""
        await self._shares.take(self._caller, self._weight)
        self._held = True

    def give_back(self) -> None:
        """Hold it no longer, if it is held."""
        if self._held:
            self._held = False
            self._shares.give_back(self._caller, self._weight)

    async def __aenter__(self) -> "Share":
        self._held = self._shares.take_now(self._caller, self._weight)
        if not self._held:
            await self.take()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.give_back()
