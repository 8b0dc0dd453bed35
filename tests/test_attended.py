"""Documents that last are looked after: that they end in time, and with the client that waits for them."""

import asyncio
from typing import Any

import pytest
from starlette.requests import ClientDisconnect

from crmgraph.graph.execution.deadline import PATIENCE, Attended, Young

LONG = 60.0


class Client:
    """A client who is there until it goes.

    Attributes:
        asked: whether anybody has looked whether it is there.
    """

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.gone = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        self.asked.set()
        await self.gone.wait()
        return {"type": "http.disconnect"}


async def work(young: Young, client: Client, seconds: float = LONG, *, until_gone: bool = True) -> None:
    """A document that ends by itself only after all tests."""
    until = asyncio.get_running_loop().time() + seconds
    with Attended(young, client.receive, until, until_gone=until_gone):
        await asyncio.sleep(LONG)


async def test_what_is_over_in_a_moment_is_not_looked_after() -> None:
    young, client = Young(), Client()
    with Attended(young, client.receive, asyncio.get_running_loop().time() + LONG, until_gone=True):
        pass
    await asyncio.sleep(2 * PATIENCE)
    assert not client.asked.is_set()


async def test_whoever_begins_while_others_last_is_looked_after_too() -> None:
    """One timer does for all: it is set anew for those who began after it."""
    young, clients = Young(), [Client() for _ in range(3)]
    works = []
    for client in clients:
        works.append(asyncio.create_task(work(young, client)))
        await asyncio.sleep(PATIENCE / 2)
    for client in clients:
        await asyncio.wait_for(client.asked.wait(), LONG)
    later = Client()
    works.append(asyncio.create_task(work(young, later)))
    await asyncio.wait_for(later.asked.wait(), LONG)
    for each in (*clients, later):
        each.gone.set()
    assert [type(error) for error in await asyncio.gather(*works, return_exceptions=True)] == 4 * [ClientDisconnect]


async def test_who_hangs_up_ends_no_other_document() -> None:
    young, goes, stays = Young(), Client(), Client()
    ended, lasts = (asyncio.create_task(work(young, client)) for client in (goes, stays))
    await asyncio.wait_for(stays.asked.wait(), LONG)
    goes.gone.set()
    with pytest.raises(ClientDisconnect):
        await ended
    assert not lasts.done()
    stays.gone.set()
    with pytest.raises(ClientDisconnect):
        await lasts


async def test_a_change_ends_in_time_and_not_with_its_client() -> None:
    young, client = Young(), Client()
    client.gone.set()
    with pytest.raises(TimeoutError):
        await work(young, client, 2 * PATIENCE, until_gone=False)
    assert not client.asked.is_set()


async def test_a_moment_that_is_over_before_anybody_looks_ends_the_document() -> None:
    with pytest.raises(TimeoutError):
        await work(Young(), Client(), -1.0)


async def test_who_is_ended_by_another_is_not_told_that_time_is_up() -> None:
    young, client = Young(), Client()
    ended = asyncio.create_task(work(young, client))
    await asyncio.wait_for(client.asked.wait(), LONG)
    ended.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ended
