"""Overdue statements: what the server has not ended, though it was to, is given up; one timer for all connections.

A server that is well ends a statement itself (`statement_timeout`). A timer for each would cost a tenth of a short
statement, and would hardly ever ring.
"""

import asyncio
from typing import Any


class Overdue:
    """What one pool waits for.

    Args:
        seconds: that a statement may take; None is without end.
    """

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._until: dict[Any, float] = {}
        self._given_up: set[Any] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, connection: Any) -> None:
        """A statement begins on a connection, and ends by `end`."""
        if self._seconds is None:
            return
        loop = asyncio.get_running_loop()
        until = loop.time() + self._seconds
        self._until[connection] = until
        if self._timer is None:
            self._timer = loop.call_at(until, self._look)

    def end(self, connection: Any) -> bool:
        """It has ended; whether that is because it was given up."""
        if self._seconds is None:
            return False
        self._until.pop(connection, None)
        if connection in self._given_up:
            self._given_up.remove(connection)
            return True
        return False

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """Cut the connections whose statements are overdue, and look again when the next one may be."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in [each for each, until in self._until.items() if until <= now]:
            del self._until[connection]
            self._given_up.add(connection)
            connection.terminate()
        # They stand in the order in which they began.
        following = next(iter(self._until.values()), None)
        self._timer = None if following is None else loop.call_at(following, self._look)
