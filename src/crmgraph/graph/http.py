"""The endpoint: who asks, what is run for them, and how the answer goes over HTTP."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress

import orjson
import structlog
from graphql import GraphQLError
from starlette.datastructures import UploadFile
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from crmgraph import wire
from crmgraph.crm.core import Core
from crmgraph.crm.errors import TooLarge, Unauthenticated
from crmgraph.crm.models import Door
from crmgraph.crm.policy import Actor
from crmgraph.db import is_away
from crmgraph.graph.answers import body_of
from crmgraph.graph.context import Context, Href
from crmgraph.graph.execution import Answer, Engine, Introspection, Refusal, Request
from crmgraph.graph.page import page, routes, wants_page
from crmgraph.graph.plan import Road
from crmgraph.graph.requests import GRAPHQL_JSON, JSON, BadRequest, accepted, mapping_of, read, request_of
from crmgraph.graph.schema import schema

PATH = "/graphql"
COST = "graphql-cost"
"""The header by which a client asks what its document costs."""
HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Vary": "Accept, Authorization"}
STATUSES = {"UNAUTHENTICATED": 401, "METHOD_NOT_ALLOWED": 405, "TIMEOUT": 503, "UNAVAILABLE": 503}
"""The status of a request that was not run, by its code; 400 for every other."""

log = structlog.get_logger(__name__)


def mounts(
    core: Core,
    *,
    introspection: Introspection = "signed-in",
    max_page: int = 100,
    max_cost: int = 20_000,
    request_seconds: float = 30.0,
    demo: Mapping[str, Mapping[str, str]] | None = None,
    hrefs: Mapping[str, Href] | None = None,
    plans: bool = True,
) -> Sequence[BaseRoute]:
    """The routes of the GraphQL endpoint and of its page.

    Args:
        introspection: who may read the schema.
        max_page: the longest page of a connection.
        max_cost: the most records that one document may cause.
        request_seconds: after how long a request is given up.
        demo: whom the page offers to sign in as; None outside the demo.
        hrefs: by dialect, where it serves a record.
        plans: whether plain queries are compiled; the resolvers answer everything otherwise.
    """
    road = Road(schema, core) if plans else None
    engine = Engine(
        road=road, max_page=max_page, max_cost=max_cost, introspection=introspection, seconds=request_seconds
    )
    endpoint = Endpoint(core, engine, max_page=max_page, hrefs=hrefs or {}, demo=demo is not None)
    return [Route(PATH, endpoint), *routes(PATH, demo=demo)]


class Endpoint:
    """Answers requests at the endpoint."""

    def __init__(
        self, core: Core, engine: Engine, *, max_page: int, hrefs: Mapping[str, Href], demo: bool = False
    ) -> None:
        self._core = core
        self._engine = engine
        self._max_page = max_page
        self._hrefs = hrefs
        self._demo = demo

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Every method there is comes here: those that are not taken are refused in our own words."""
        response = await self.answer(HttpRequest(scope, receive, send))
        await response(scope, receive, send)

    async def answer(self, http: HttpRequest) -> Response:
        """The response to one request."""
        if http.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": "GET, HEAD, POST, OPTIONS"})
        if wants_page(http):
            return page(PATH, demo=self._demo)
        files: list[UploadFile] = []
        try:
            media_type = accepted(http)
            given = await read(self._core, http, files)
            request = request_of(given)
            answer = await self._run(http, request)
        except BadRequest as bad:
            return _refused(bad)
        except TooLarge as too_large:
            message = f"A request has at most {too_large.limit} bytes."
            return _refused(BadRequest(message, 413, "TOO_LARGE", Connection="close"))
        except wire.ClientDisconnect:
            # Nobody is there to be told.
            return Response(status_code=499)
        finally:
            for file in files:
                await file.close()
        asked = COST in http.headers or bool(mapping_of(given.get("extensions"), "extensions").get("cost"))
        status = _status(answer, media_type)
        headers = {**HEADERS, "Allow": "POST"} if status == 405 else dict(HEADERS)
        if status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        content = orjson.dumps(body_of(answer, show_cost=asked))
        return Response(content, status, headers, media_type=f"{media_type}; charset=utf-8")

    async def _run(self, http: HttpRequest, request: Request) -> Answer:
        try:
            actor, token_refused = await self._actor(http)
            context = Context(self._core, actor, wire.address(http), max_page=self._max_page, hrefs=self._hrefs)
            prepared = self._engine.prepare(
                request, context, token_refused=token_refused, read_only=http.method != "POST"
            )
        except Refusal as refusal:
            return refusal.answer
        running = self._engine.run(prepared, context)
        # A change is finished whether or not somebody waits for it.
        return await (_while_connected(http, running) if prepared.is_query else running)

    async def _actor(self, http: HttpRequest) -> tuple[Actor, bool]:
        """(who asks, whether their token was refused)."""
        nobody = Actor(Door.GRAPHQL, region=self._core.region)
        scheme, _, token = http.headers.get("authorization", "").partition(" ")
        if not scheme:
            return nobody, False
        if scheme.lower() != "bearer" or not token.strip():
            return nobody, True
        try:
            return await self._core.identity.actor_of(token.strip()), False
        except Unauthenticated:
            return nobody, True
        except Exception as error:
            if not is_away(error):
                raise
            log.warning("the database is out of reach")
            message = "The records are out of reach at the moment: try again later."
            raise Refusal([GraphQLError(message)], "UNAVAILABLE") from None


async def _while_connected(http: HttpRequest, running: Awaitable[Answer]) -> Answer:
    """The answer, unless the client goes away first: then the work stops.

    Raises:
        ClientDisconnect: it went away.
    """
    work = asyncio.ensure_future(running)
    gone = asyncio.ensure_future(_gone(http))
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        raise wire.ClientDisconnect
    finally:
        for task in (work, gone):
            if not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


async def _gone(http: HttpRequest) -> None:
    while (await http.receive())["type"] != "http.disconnect":
        pass


def _status(answer: Answer, media_type: str) -> int:
    if answer.ran:
        return 200
    code = (answer.errors[0].extensions or {}).get("code", "")
    if code in STATUSES:
        return STATUSES[code]
    return 400 if media_type == GRAPHQL_JSON else 200


def _refused(bad: BadRequest) -> Response:
    body = {"errors": [{"message": bad.message, "extensions": {"code": bad.code}}]}
    headers = {**HEADERS, **bad.headers}
    return Response(orjson.dumps(body), bad.status, headers, media_type=f"{JSON}; charset=utf-8")
