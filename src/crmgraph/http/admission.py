"""Places: how many requests a worker has in hand, and who holds places without letting us work.

A request holds a place from its first byte until its answer has been taken. While it is worked on, that is our doing;
while its headers or its body are awaited, or its answer is not read, it is the client's, and all clients of one address
together may do so with a quarter of the places. A connection that has sent nothing holds none.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from crmgraph.metrics import DROPPED

RESERVE = 10
"""Places beyond the last, for the questions of health."""
TOLD_EVERY = 10.0
"""How often the log tells that requests or connections were refused, in seconds."""

log = structlog.get_logger(__name__)


class Places:
    """The places of one worker.

    Args:
        most: requests at once.
        clock: seconds that only go on.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self.share = max(1, most // 4)
        """What the clients of one address may hold without letting us work."""
        self._clock = clock
        self._running = 0
        self._outside = 0
        self._waiting: dict[str, dict[Waiting, None]] = {}
        self._untold: dict[str, int] = {}
        self._told = float("-inf")

    @property
    def taken(self) -> int:
        """Places that are held."""
        return self._running + self._outside

    def is_full(self, reserve: int = 0) -> bool:
        """Whether there is no place for one more request, but for the last `reserve`."""
        return self._running + self._outside >= self.most + reserve

    def enter(self, request: "InHand") -> None:
        """Work on a request begins."""
        request.place = self
        self._running += 1

    def leave(self, request: "InHand") -> None:
        """Its place is free again, once."""
        if request.place is not None:
            request.place = None
            self._running -= 1

    def wait(self, waiting: "Waiting") -> None:
        """A client lets a place wait. Beyond the share of its address, whoever has waited longest makes room."""
        if waiting.held:
            return
        of_address = self._waiting.setdefault(waiting.address, {})
        if len(of_address) >= self.share:
            oldest = next(iter(of_address))
            self.go_on(oldest)
            oldest.drop("share")
        self._waiting.setdefault(waiting.address, {})[waiting] = None
        waiting.held = True
        self._outside += waiting.outside

    def go_on(self, waiting: "Waiting") -> None:
        """It lets it wait no longer."""
        if not waiting.held:
            return
        waiting.held = False
        self._outside -= waiting.outside
        of_address = self._waiting[waiting.address]
        del of_address[waiting]
        if not of_address:
            del self._waiting[waiting.address]

    def refused(self, why: str) -> None:
        """Count something that was refused, and tell the log now and then.

        Args:
            why: busy, share, silent, headers, body, answer, connections or malformed.
        """
        DROPPED.labels(why).inc()
        self._untold[why] = self._untold.get(why, 0) + 1
        now = self._clock()
        if now - self._told >= TOLD_EVERY:
            self._told = now
            log.warning("requests or connections were refused", **self._untold)
            self._untold.clear()


class InHand:
    """A request, as its connection and who works on it know it together.

    Attributes:
        place: held while it is worked on.
        dropped: whether its client was sent away, and nobody waits for the answer.
    """

    __slots__ = ("dropped", "place")

    def __init__(self) -> None:
        self.place: Places | None = None
        self.dropped = False

    def release(self) -> None:
        """Its place is free, though it is answered on: a stream of events, which has bounds of its own."""
        if self.place is not None:
            self.place.leave(self)

    def drop(self) -> None:
        """Its client was sent away: its place is free before whoever works on it has noticed."""
        self.dropped = True
        if self.place is not None:
            self.place.leave(self)


class Waiting:
    """One reason for which a client lets a place wait.

    Args:
        address: of the client.
        outside: whether nobody works on the request meanwhile, whose place is then counted here alone.
        drop: ends it, with a reason.
    """

    __slots__ = ("address", "drop", "held", "outside")

    def __init__(self, address: str, outside: bool, drop: Callable[[str], None]) -> None:
        self.address = address
        self.outside = outside
        self.drop = drop
        self.held = False


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a worker waits for its clients, in seconds.

    Attributes:
        headers: for the first byte of a connection, and from the first byte of a request to the end of its headers.
        body: for each next part of a body.
        answer: for each next part of an answer to be read.
        idle: for the next request of a connection.
        connections: how many are open at once; beyond them the one that has been idle longest is closed.
    """

    headers: float = 10.0
    body: float = 15.0
    answer: float = 30.0
    idle: float = 30.0
    connections: int = 1_000


class Watched(Protocol):
    """A connection that is looked at now and then."""

    def look(self, now: float) -> None:
        """See whether one of its deadlines is over.

        Args:
            now: the time of the loop, in seconds.
        """


class Watch:
    """Looks at all connections of a worker, one timer for all of them."""

    EVERY = 0.5
    """How often, in seconds."""

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self.connections: set[Watched] = set()
        self.draining = asyncio.Event()
        """Set when the server is about to end: whoever answers without an end ends."""
        self._ticking = False

    def add(self, connection: Watched) -> None:
        """Look at this one from now on."""
        self.connections.add(connection)
        if not self._ticking:
            self._ticking = True
            asyncio.get_running_loop().call_later(self.EVERY, self._look)

    def discard(self, connection: Watched) -> None:
        """It is gone."""
        self.connections.discard(connection)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in tuple(self.connections):
            connection.look(now)
        self._ticking = bool(self.connections)
        if self._ticking:
            loop.call_later(self.EVERY, self._look)


__all__ = ["RESERVE", "InHand", "Patience", "Places", "Waiting", "Watch", "Watched"]
