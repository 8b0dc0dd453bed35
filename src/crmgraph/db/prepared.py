"""Prepared statements: which of them a connection of the driver's keeps, bounded by the bytes of their texts.

A backend of PostgreSQL keeps the plan of each, which takes tens of times its text. The driver bounds their number
alone, and ours have from a hundred bytes to a hundred thousand.
"""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import count
from typing import Any

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement
from asyncpg.protocol.protocol import NO_TIMEOUT

KEPT_BYTES = 500_000
"""What the texts of the statements that one connection keeps prepared may take together, in bytes; a longer one is
prepared each time."""
OVERHEAD = 1_000
"""What each is reckoned to take besides, in bytes, so that there are no more than five hundred."""
_ALL_ROWS = ("", 0, False, NO_TIMEOUT)
"""Of the driver's protocol: of no portal, however many they are, and no status beside them, without a timer."""

_names = count()


class PreparingConnection(asyncpg.Connection):  # type: ignore[misc]  # the driver has no types
    """A connection that keeps what it prepares by itself, and not by the driver's count (`statement_cache_size=0`).

    Attributes:
        reported: the settings that the server reports by itself, as they are at any time.
    """

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.reported = self.get_settings()
        self._kept: OrderedDict[str, PreparedStatement] = OrderedDict()
        self._kept_bytes = 0

    async def run(self, query: str, values: Sequence[Any]) -> list[Any]:
        """The rows of a statement, which is prepared when it is first run.

        The protocol of the driver is asked itself: what stands before it, checks and a timer for each statement, takes
        a third of the whole. Whoever runs a statement has made sure that the connection is open, and gives up what
        takes too long.
        """
        statement = self._kept.get(query)
        if statement is None:
            statement = await self._prepared(query)
        else:
            self._kept.move_to_end(query)
        try:
            rows: list[Any] = await self._protocol.bind_execute(statement._state, values, *_ALL_ROWS)  # noqa: SLF001 - nobody else tells it
        except (asyncpg.InvalidCachedStatementError, asyncpg.OutdatedSchemaCacheError) as error:
            if isinstance(error, asyncpg.OutdatedSchemaCacheError):
                await self.reload_schema_state()
            self._forget(query)
            if self.is_in_transaction():
                raise
            # The tables have changed since it was prepared. It was not run, so it is once more, as the driver does.
            statement = await self._prepared(query)
            rows = await self._protocol.bind_execute(statement._state, values, *_ALL_ROWS)  # noqa: SLF001 - as above
        return rows

    async def _prepared(self, query: str) -> PreparedStatement:
        """The driver has the server forget a statement that nobody holds any more, before it prepares another."""
        statement = await self.prepare(query, name=f"crmgraph_{next(_names)}")
        if _size(query) <= KEPT_BYTES:
            self._kept[query] = statement
            self._kept_bytes += _size(query)
            while self._kept_bytes > KEPT_BYTES:
                self._forget(next(iter(self._kept)))
        return statement

    def _forget(self, query: str) -> None:
        if self._kept.pop(query, None) is not None:
            self._kept_bytes -= _size(query)


def _size(query: str) -> int:
    return OVERHEAD + len(query)
