"""A client library as people use it: gql, over its WebSocket transport."""

import asyncio
from pathlib import Path

import pytest
from gql import Client, GraphQLRequest
from gql.transport.exceptions import TransportConnectionFailed, TransportQueryError
from gql.transport.websockets import WebsocketsTransport

from tests.graph.test_subscriptions import CHANGED, Server, server_of


def client_of(server: Server, token: str | None) -> Client:
    transport = WebsocketsTransport(
        url=server.url.replace("http", "ws") + "/graphql",
        init_payload={"Authorization": f"Bearer {token}"},
        subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
        ping_interval=1,
        pong_timeout=5,
    )
    return Client(transport=transport)


async def test_gql_subscribes_and_goes_on_from_a_cursor(database: str, tmp_path: Path) -> None:
    async with server_of(database, tmp_path) as server:
        cursor = await server.end()
        made = [await server.contact(name) for name in "ABC"]
        seen: list[str] = []
        while len(seen) < 4:
            async with client_of(server, server.staff.token) as session:
                request = GraphQLRequest(CHANGED, variable_values={"after": cursor})
                async for told in session.subscribe(request):
                    seen.append(told["changed"]["recordId"])
                    cursor = told["changed"]["cursor"]
                    if len(seen) == 3:
                        made.append(await server.contact("D"))
                    if len(seen) in (2, 4):
                        break
        assert seen == made


async def test_gql_is_told_why_not(database: str, tmp_path: Path) -> None:
    async with server_of(database, tmp_path) as server:
        with pytest.raises(TransportConnectionFailed):
            async with client_of(server, "no token"):
                pass
        async with client_of(server, server.staff.token) as session:
            with pytest.raises(TransportQueryError) as refused:
                async for _ in session.subscribe(GraphQLRequest(CHANGED, variable_values={"after": "x"})):
                    pass
        assert refused.value.errors is not None
        assert refused.value.errors[0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_other_processes_are_heard_by_the_bell(database: str, tmp_path: Path) -> None:
    if database.startswith("sqlite"):
        pytest.skip("no bell")
    async with server_of(database, tmp_path, feed_poll_seconds=60) as server:
        ann = await server.contact("Ann")
        async with client_of(server, server.staff.token) as session:
            events = session.subscribe(GraphQLRequest(CHANGED))
            waiting = asyncio.ensure_future(anext(events))
            await asyncio.sleep(1)
            await server.rename(ann, "Anna")
            async with asyncio.timeout(10):
                assert (await waiting)["changed"]["recordId"] == ann
            await events.aclose()
