"""Somebody who reads while an import goes on: Q1, one contact by its id, at a steady pace, and how long it takes."""

import asyncio
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from bench.works import CANONICAL

LOGIN = "mutation($i: LoginInput!) { login(input: $i) { accessToken } }"
PACE = 0.05
"""Seconds from one question to the next."""
SOME = "{ contacts(first: 100) { nodes { id } } }"


class Bystander:
    """Asks a server that is somebody else's for one contact after the other."""

    def __init__(self, client: httpx.AsyncClient, ids: list[str]) -> None:
        self._client = client
        self._ids = ids

    async def p95(self, ended: asyncio.Event, at_least: float) -> tuple[float, int]:
        """(the p95 in milliseconds, how many were asked) until somebody ends it, and for so many seconds at least."""
        taken: list[float] = []
        began = time.perf_counter()
        while not ended.is_set() or time.perf_counter() - began < at_least:
            at = time.perf_counter()
            await _ask(self._client, CANONICAL["Q1"], id=self._ids[len(taken) % len(self._ids)])
            taken.append(1e3 * (time.perf_counter() - at))
            await asyncio.sleep(max(0.0, PACE - (time.perf_counter() - at)))
        return statistics.quantiles(taken, n=20)[18], len(taken)


async def _ask(client: httpx.AsyncClient, query: str, **variables: Any) -> dict[str, Any]:
    answer = await client.post("/graphql", json={"query": query, "variables": variables})
    body: dict[str, Any] = answer.json()
    if "errors" in body:
        raise RuntimeError(str(body["errors"])[:500])
    found: dict[str, Any] = body["data"]
    return found


@asynccontextmanager
async def bystander(environment: dict[str, str], email: str, password: str) -> AsyncIterator[Bystander]:
    """A server over the store, and somebody who asks it.

    Args:
        environment: with the settings of the store.
        email, password: of one of its staff.
    """
    with _served(environment) as url:
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            await _ready(client)
            login = await _ask(client, LOGIN, i={"email": email, "password": password})
            client.headers["Authorization"] = f"Bearer {login['login']['accessToken']}"
            some = await _ask(client, SOME)
            yield Bystander(client, [each["id"] for each in some["contacts"]["nodes"]])


@contextlib.contextmanager
def _served(environment: dict[str, str]) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("crmgraph")), "serve", "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


async def _ready(client: httpx.AsyncClient) -> None:
    for _ in range(300):
        with contextlib.suppress(httpx.HTTPError):
            if (await client.get("/health/live")).is_success:
                return
        await asyncio.sleep(0.1)
    raise RuntimeError("the server does not begin to answer")
