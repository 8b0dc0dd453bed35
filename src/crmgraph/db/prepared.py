"""Prepared statements: which of them a connection of the driver's keeps, bounded by the bytes of their texts.

A backend of PostgreSQL keeps the plan of each, which takes tens of times its text. The driver bounds their number
alone, and ours have from a hundred bytes to a hundred thousand.
"""

from itertools import count
from typing import Any

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement
from cachetools import LRUCache

KEPT_BYTES = 500_000
"""What the texts of the statements that one connection keeps prepared may take together, in bytes; a longer one is
prepared each time."""
OVERHEAD = 1_000
"""What each is reckoned to take besides, in bytes, so that there are no more than five hundred."""

_names = count()


class PreparingConnection(asyncpg.Connection):  # type: ignore[misc]  # the driver has no types
    """A connection that keeps what it prepares by itself, and not by the driver's count (`statement_cache_size=0`).

    Attributes:
        reported: the settings that the server reports by itself, as they are at any time.
    """

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.reported = self.get_settings()
        self._kept: LRUCache[str, PreparedStatement] = LRUCache(KEPT_BYTES, lambda each: _size(each.get_query()))

    async def fetch(self, query: str, *args: Any) -> list[Any]:
        """The rows of a statement, which is prepared when it is first run.

        The driver has the server forget a statement that nobody holds any more, before it prepares another.
        """
        statement = self._kept.get(query) or await self._prepared(query)
        rows: list[Any]
        try:
            rows = await statement.fetch(*args)
        except (asyncpg.InvalidCachedStatementError, asyncpg.OutdatedSchemaCacheError):
            if self.is_in_transaction():
                raise
            # The tables have changed since it was prepared. It was not run, so it is once more, as the driver does.
            statement = await self._prepared(query)
            rows = await statement.fetch(*args)
        return rows

    async def _prepared(self, query: str) -> PreparedStatement:
        statement = await self.prepare(query, name=f"crmgraph_{next(_names)}")
        if _size(query) <= KEPT_BYTES:
            self._kept[query] = statement
        return statement


def _size(query: str) -> int:
    return OVERHEAD + len(query)
