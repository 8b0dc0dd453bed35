"""Connections of others to a PostgreSQL, beside those of the program."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    """One connection, which is closed however the block ends."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()
