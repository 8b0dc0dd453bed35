"""The endpoint: who asks, what is run for them, and how the answer goes over HTTP."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import orjson
import structlog
from graphql import GraphQLError
from starlette.datastructures import UploadFile
from starlette.requests import HTTPConnection
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from crmgraph.crm.core import Core
from crmgraph.crm.errors import TooLarge, Unauthenticated
from crmgraph.crm.idempotency import KeptAnswer
from crmgraph.crm.models import Door
from crmgraph.crm.policy import Actor
from crmgraph.db.errors import Meaning, diagnose, is_away, log_away
from crmgraph.graph.compiled import Compiled
from crmgraph.graph.documents.preparation import Preparation, PreparedOperation, Request
from crmgraph.graph.documents.trusted import UNTRUSTED, Documents
from crmgraph.graph.edge import published, sockets
from crmgraph.graph.edge.events import Events
from crmgraph.graph.edge.keys import key_of, once
from crmgraph.graph.edge.page import page, routes, wants_page
from crmgraph.graph.edge.replies import RAW_HEADERS, STATUSES, Reply, etag_of, is_known, refused, status_of, token_of
from crmgraph.graph.edge.requests import (
    JSON,
    MAX_MEDIA_TYPES,
    BadRequest,
    accepted,
    read,
    request_of,
    too_much,
)
from crmgraph.graph.edge.responses import MASKED, body_of, content_of
from crmgraph.graph.edge.streams import COMPLETE, EVENT_STREAM, EventStream, event, only_stream, takes_stream
from crmgraph.graph.execution.engine import Answer, Engine, Introspection, TookTooLong, Unverified
from crmgraph.graph.resolvers.context import Context, LegacyApi
from crmgraph.graph.resolvers.slices import Slices
from crmgraph.http import reading
from crmgraph.http.headers import header_of
from crmgraph.http.subscribers import Subscribers, TooManySubscribers

PATH = "/graphql"
COST = b"graphql-cost"
"""The header by which a client asks what its document costs."""

_NOT_RUN = Unverified()

log = structlog.get_logger(__name__)


def mounts(
    core: Core,
    *,
    introspection: Introspection = "signed-in",
    max_page: int = 100,
    max_cost: int = 20_000,
    demo: Mapping[str, Mapping[str, str]] | None = None,
    legacy_apis: Mapping[str, LegacyApi] | None = None,
    plans: bool = True,
    subscribers: Subscribers | None = None,
    origins: Sequence[str] = (),
    answer_seconds: float = 30.0,
    documents: Documents | None = None,
) -> Sequence[BaseRoute]:
    """The routes of the GraphQL endpoint and of its page.

    Args:
        introspection: who may read the schema.
        max_page: the longest page of a connection.
        max_cost: the most records that one document may cause.
        demo: whom the page offers to sign in as; None outside the demo.
        legacy_apis: the dialects that are served beside it, by their names.
        plans: whether plain operations are compiled; the resolvers answer everything otherwise.
        subscribers: how many WebSockets and event streams may be open.
        origins: of other sites whose pages may open a WebSocket.
        answer_seconds: how long a client may leave a message unread.
        documents: that are known by their hash.
    """
    compiled = Compiled(core) if plans else None
    engine = Engine(compiled=compiled, max_page=max_page, max_cost=max_cost, introspection=introspection)
    endpoint = Endpoint(
        core,
        engine,
        max_page=max_page,
        legacy_apis=legacy_apis or {},
        demo=demo is not None,
        subscribers=subscribers or Subscribers(2_000, 50),
        documents=documents or Documents(),
    )
    admission = sockets.Admission(
        engine,
        endpoint.events,
        endpoint.subscribers,
        endpoint.listener,
        documents=endpoint.documents,
        origins=origins,
        public_url=core.public_url,
        answer_seconds=answer_seconds,
    )

    async def socket(opened: WebSocket) -> None:
        await sockets.serve(admission, opened)

    return [
        Route(PATH, endpoint),
        Route(PATH + "/", endpoint),
        *(WebSocketRoute(path, socket) for path in (PATH, PATH + "/")),
        Route(PATH + "/schema.graphql", endpoint.schema),
        *routes(PATH, demo=demo),
    ]


def busy() -> Response:
    """What is answered when there is no place for a request."""
    return refused(BadRequest("Too many requests are in hand: try again in a moment.", 503, "UNAVAILABLE"))


class Endpoint:
    """Answers requests at the endpoint, faults of its own included.

    Attributes:
        events: makes the answers of subscriptions.
        subscribers: who has one open.
        documents: that are known by their hash.
    """

    def __init__(
        self,
        core: Core,
        engine: Engine,
        *,
        max_page: int,
        legacy_apis: Mapping[str, LegacyApi],
        demo: bool = False,
        subscribers: Subscribers,
        documents: Documents,
    ) -> None:
        self.events = Events(core)
        self.subscribers = subscribers
        self.documents = documents
        self._core = core
        self._engine = engine
        self._max_page = max_page
        self._legacy_apis = legacy_apis
        self._demo = demo
        self._slices = Slices()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Every method there is comes here: those that are not taken are refused in our own words."""
        try:
            response = await self.answer(HttpRequest(scope, receive, send))
        except Exception:
            log.exception("unexpected fault", door="graphql")
            response = refused(BadRequest(MASKED, 500, "INTERNAL"))
        try:
            await response(scope, receive, send)
        except TooManySubscribers:
            await busy()(scope, receive, send)

    async def answer(self, http: HttpRequest) -> "Response | Reply | EventStream":
        """The response to one request."""
        scope = http.scope
        method = scope["method"]
        if method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": "GET, HEAD, POST, OPTIONS"})
        if method != "POST" and wants_page(http):
            return page(PATH, demo=self._demo)
        files: list[UploadFile] = []
        try:
            accepts = header_of(scope, b"accept")[:MAX_MEDIA_TYPES]
            media_type = accepted(accepts)
            given, is_cut = await read(self._core, http, files, lambda: self._is_staff(http))
            request = request_of(given, self.documents)
            answer = await self._run(http, request)
            if isinstance(answer, EventStream):
                return answer
        except BadRequest as bad:
            return refused(bad)
        except TooLarge as too_large:
            message = f"A request has at most {too_large.limit} bytes."
            facts = {"limitBytes": too_large.limit}
            return refused(BadRequest(message, 413, "TOO_LARGE", facts, Connection="close"))
        except reading.ClientDisconnect:
            # Nobody is there to be told.
            return Response(status_code=499)
        finally:
            for file in files:
                await file.close()
        if isinstance(answer, KeptAnswer):
            return Reply(answer.body, answer.status, media_type, last=is_cut, replayed=True)
        asked = header_of(scope, COST, None) is not None or bool((given.get("extensions") or {}).get("cost"))
        status = 200 if answer.ran else status_of(answer, media_type)
        content = content_of(answer, show_cost=asked)
        if answer.ran and accepts and only_stream(accepts):
            return Reply(event(content) + COMPLETE, status, EVENT_STREAM, last=is_cut)
        may_keep = method == "GET" and request.persisted and answer.ran and not answer.errors
        etag = etag_of(content) if may_keep else None
        if etag is not None and is_known(header_of(scope, b"if-none-match"), etag):
            return Reply(b"", 304, media_type, etag=etag)
        return Reply(content, status, media_type, last=is_cut, etag=etag)

    async def listener(self, token: str, socket: HTTPConnection) -> sockets.Caller:
        """Whoever holds a token, to listen by a WebSocket.

        Raises:
            Unauthenticated: it does not hold.
        """
        identity = self._core.identity
        actor = await identity.actor_of(token)
        return sockets.Caller(actor, identity.expires_at(token), partial(self._context, socket))

    async def schema(self, http: HttpRequest) -> "Response | Reply":
        """The response to whoever wants to read the schema."""
        until = asyncio.get_running_loop().time() + self._core.request_seconds
        caller = await self._verified(token_of(header_of(http.scope, b"authorization")), until)
        refusal = (
            caller
            if isinstance(caller, Answer)
            else self._engine.refusal_of_schema(caller.actor, token_refused=caller.token_refused)
        )
        if refusal is None:
            return published.answer(http)
        code = (refusal.errors[0].extensions or {}).get("code", "")
        return Reply(orjson.dumps(body_of(refusal)), STATUSES.get(code, 403), JSON)

    async def _run(self, http: HttpRequest, request: Request) -> Answer | KeptAnswer | EventStream:
        # One deadline for all that is asked of the database on behalf of a request.
        until = asyncio.get_running_loop().time() + self._core.request_seconds
        token = token_of(header_of(http.scope, b"authorization"))
        cached = self._core.identity.cached_actor(token) if token else None
        known, waiting = None, _NOT_RUN
        if cached is not None and cached.role is not None and self._may_send(request, cached):
            known = self._engine.known(request)
        if known is not None and cached is not None:
            # Nothing can be said against it: it is run, and nothing else has to be found out.
            answer = await self._engine.run_unverified(known, self._context(http, cached), http.receive, until)
            if isinstance(answer, Answer):
                return answer
            waiting = answer
        caller = Caller(cached) if cached is not None else await self._verified(token, until)
        if isinstance(caller, Answer):
            return caller
        if (untrusted := self._untrusted(request, caller)) is not None:
            return untrusted
        suggest, read_only = caller.actor.role is not None, http.scope["method"] != "POST"
        if known is not None:
            preparation = Preparation(known.document, False, known.operation.names, None, known)
        elif request.excess is None:
            preparation = self._engine.prepare(request, suggest=suggest, read_only=read_only)
        else:
            bulk = await self._engine.prepare_bulk(request, suggest=suggest) if caller.actor.is_staff else None
            if bulk is None:
                raise too_much(request.excess)
            preparation = bulk
        prepared = preparation.operation
        key = key_of(http, prepared) if isinstance(prepared, PreparedOperation) else None
        if cached is not None:
            # The statement that answers verifies the caller too, where it can: one statement instead of two.
            refusal = self._engine.refusal_of(preparation, cached, token_refused=False)
            unrun = known is None and key is None and refusal is None
            if unrun and isinstance(prepared, PreparedOperation) and not prepared.operation.is_subscription:
                context = self._context(http, cached)
                answer = await self._engine.run_unverified(prepared, context, http.receive, until)
                if isinstance(answer, Answer):
                    return answer
                waiting = answer
            caller = await self._verified(token, until)
            if isinstance(caller, Answer):
                return caller
            if (untrusted := self._untrusted(request, caller)) is not None:
                return untrusted
        refusal = self._engine.refusal_of(preparation, caller.actor, token_refused=caller.token_refused)
        if refusal is not None or not isinstance(prepared, PreparedOperation):
            return refusal or Answer(None, [], ran=False)
        if prepared.operation.is_subscription:
            return self._stream(http, prepared, caller.actor, token)
        if waiting.answer is not None and caller.actor == cached:
            return waiting.answer
        context = self._context(http, caller.actor)

        async def run() -> Answer:
            return await self._engine.run(prepared, context, http.receive, until, waiting.choice)

        if key is None:
            return await run()
        is_secret = self._engine.has_tokens(preparation.names)
        return await once(self._core, caller.actor, context.address, prepared, key, run, is_secret=is_secret)

    def _untrusted(self, request: Request, caller: "Caller") -> Answer | None:
        """The answer to a document that this caller may not send; None where they may. It is not even parsed."""
        if self._may_send(request, caller.actor):
            return None
        if caller.token_refused:
            told, code = "The token does not hold, or not any more.", "UNAUTHENTICATED"
        else:
            told, code = UNTRUSTED, "DOCUMENT_NOT_TRUSTED"
        return Answer(None, [GraphQLError(told, extensions={"code": code})], ran=False)

    def _may_send(self, request: Request, actor: Actor) -> bool:
        return not self.documents.trusted or self.documents.allows(request.query, is_staff=actor.is_staff)

    def _stream(
        self, http: HttpRequest, prepared: PreparedOperation, actor: Actor, token: str | None
    ) -> Answer | EventStream:
        if not takes_stream(header_of(http.scope, b"accept")[:MAX_MEDIA_TYPES]):
            told = "A subscription is a stream: accept text/event-stream, or connect by a WebSocket."
            raise BadRequest(told, 406, "NOT_ACCEPTABLE")
        if token is None or actor.principal is None:
            told = "Sign in first."
            return Answer(None, [GraphQLError(told, extensions={"code": "UNAUTHENTICATED"})], ran=False)
        expires_at = self._core.identity.expires_at(token)
        context_of = partial(self._context, http)
        return EventStream(
            self.events, self.subscribers, actor.principal, prepared, context_of, actor, expires_at, RAW_HEADERS
        )

    def _context(self, http: HTTPConnection, actor: Actor) -> Context:
        address = reading.address(http)
        return Context(self._core, actor, address, self._max_page, self._legacy_apis, slices=self._slices)

    async def _is_staff(self, http: HttpRequest) -> bool:
        """Whether a request is of one of the staff, as the database has it now."""
        until = asyncio.get_running_loop().time() + self._core.request_seconds
        caller = await self._verified(token_of(header_of(http.scope, b"authorization")), until)
        return isinstance(caller, Caller) and caller.actor.is_staff

    async def _verified(self, token: str | None, until: float) -> "Caller | Answer":
        """Who asks, by what the database says of their token now; or that it does not say."""
        nobody = Actor(Door.GRAPHQL, region=self._core.region)
        if token is None:
            return Caller(nobody)
        try:
            async with asyncio.timeout_at(until):
                return Caller(await self._core.identity.actor_of(token))
        except Unauthenticated:
            return Caller(nobody, token_refused=True)
        except Exception as error:
            if not is_away(error):
                raise
            log_away(error, "graphql")
            if diagnose(error).meaning is Meaning.TIMEOUT:
                return Answer(None, [TookTooLong(self._core.request_seconds)], ran=False)
            message = "The records are out of reach at the moment: try again later."
            return Answer(None, [GraphQLError(message, extensions={"code": "UNAVAILABLE"})], ran=False)


@dataclass(slots=True)
class Caller:
    """Who asks.

    Attributes:
        token_refused: they sent a token that does not hold.
    """

    actor: Actor
    token_refused: bool = False
