"""The limit as an ASGI application: no GraphQL, no ORM, no validation, no authentication.

The operation's name picks a statement whose answer is the body. What any Python server over this database could reach
at best, short of keeping answers.
"""

import os
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import orjson

from bench.peers.limit.statements import arguments, statement

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


class Limit:
    """Answers POST /graphql."""

    pool: Any

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
        request = orjson.loads(body)
        name = request.get("operationName")
        if name is None:
            answer = '{"data":{"__typename":"Query"}}'
        else:
            given = request["variables"]
            async with self.pool.acquire() as connection:
                answer = await connection.fetchval(statement(name, given), *arguments(name, given))
        encoded = answer.encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(encoded)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": encoded})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        size = int(os.environ["BENCH_POOL"])
        self.pool = await asyncpg.create_pool(os.environ["BENCH_DATABASE"], min_size=1, max_size=size, reset=_as_it_is)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.pool.close()
        await send({"type": "lifespan.shutdown.complete"})


async def _as_it_is(connection: Any) -> None:
    """A connection goes back to the pool without a statement that resets it: nothing here changes it."""


app = Limit()
