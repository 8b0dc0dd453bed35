"""A server that starts while its database is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.responses import Response

from crmgraph.crm.models import Door
from crmgraph.dialects import zoho
from crmgraph.upstream import opening
from crmgraph.upstream.opening import Spoken, Upstreams


@asynccontextmanager
async def session() -> AsyncIterator[None]:
    yield


async def test_nothing_is_written_here_while_nobody_knows_what_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    back = asyncio.Event()

    async def all_upstreams(_: Any) -> list[Any]:
        if not back.is_set():
            raise ConnectionRefusedError("the database is away")
        return []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("answered by this store")

    monkeypatch.setattr(opening.upstreams, "all_upstreams", all_upstreams)
    monkeypatch.setattr(opening, "EVERY", 0.01)
    core: Any = SimpleNamespace(db=SimpleNamespace(read=session))
    spoken = {Door.ZOHO: Spoken(zoho.PASSING, lambda method, path: path, lambda: Response("away", 500))}
    upstreams = Upstreams()
    await upstreams.open(core, inner, spoken, ())
    fronts: Any = upstreams.fronts
    async with httpx.AsyncClient(transport=httpx.ASGITransport(fronts["zoho"]), base_url="http://test") as client:
        answer = await client.post("/crm/v2/Leads", json={"data": []})
    assert (answer.status_code, answer.text, upstreams.is_read) == (500, "away", False)
    back.set()
    async with asyncio.timeout(5):
        while not upstreams.is_read:
            await asyncio.sleep(0.01)
    assert fronts == {}
    await upstreams.close()
