"""GraphQL over HTTP: media types, GET and POST, uploads, bounds, and what each kind of bad request is answered with."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import orjson
import structlog
from graphql import GraphQLError
from starlette.datastructures import UploadFile
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

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
from crmgraph.graph.schema import schema

PATH = "/graphql"
JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
GUARDS = ("graphql-preflight", "graphql-require-preflight", "apollo-require-preflight", "x-requested-with")
"""Headers that a form on another site cannot send: one of them has to come with an upload."""
COST = "graphql-cost"
"""The header by which a client asks what its document costs."""
MAX_NESTING = 64
"""How deep the variables may be nested."""
HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Vary": "Accept, Authorization"}
STATUSES = {"UNAUTHENTICATED": 401, "METHOD_NOT_ALLOWED": 405, "TIMEOUT": 503, "UNAVAILABLE": 503}
"""The status of a request that was not run, by its code; 400 for every other."""

log = structlog.get_logger(__name__)


class BadRequest(Exception):
    """A request that is none of GraphQL over HTTP."""

    def __init__(self, message: str, status: int = 400, code: str = "BAD_REQUEST", **headers: str) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.headers = headers


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
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    return [Route(PATH, endpoint.answer, methods=methods), *routes(PATH, demo=demo)]


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

    async def answer(self, http: HttpRequest) -> Response:
        """The response to one request."""
        if http.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": "GET, HEAD, POST, OPTIONS"})
        if wants_page(http):
            return page(PATH, demo=self._demo)
        files: list[UploadFile] = []
        try:
            media_type = _accepted(http)
            given = await self._read(http, files)
            request = _request(given)
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
        asked = COST in http.headers or bool(_mapping(given.get("extensions"), "extensions").get("cost"))
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

    async def _read(self, http: HttpRequest, files: list[UploadFile]) -> dict[str, Any]:
        """The parameters of the request; its files are added to `files`, to be closed in the end."""
        if http.method in ("GET", "HEAD"):
            return _from_query(http)
        if http.method != "POST":
            raise BadRequest("Ask by GET or POST.", 405, "METHOD_NOT_ALLOWED", Allow="GET, HEAD, POST, OPTIONS")
        kind, charset = _content_type(http)
        if kind == JSON and charset in ("utf-8", "utf8"):
            return _object(await wire.body(http, self._core.max_body_bytes))
        if kind == "multipart/form-data":
            if not any(guard in http.headers for guard in GUARDS):
                raise BadRequest("An upload needs the header GraphQL-Preflight: 1.", code="PREFLIGHT_REQUIRED")
            limit = self._core.max_body_bytes + self._core.max_photo_bytes
            return await _from_form(http, limit, files)
        raise BadRequest("Send application/json in UTF-8.", 415, "UNSUPPORTED_MEDIA_TYPE")


def _content_type(http: HttpRequest) -> tuple[str, str]:
    kind, *parameters = (part.strip().lower() for part in http.headers.get("content-type", "").split(";"))
    charset = next((part[8:].strip('"') for part in parameters if part.startswith("charset=")), "utf-8")
    return kind, charset


def _accepted(http: HttpRequest) -> str:
    """The media type of the answer: what is accepted by name first, application/json otherwise."""
    accepted = [part.split(";")[0].strip().lower() for part in http.headers.get("accept", "*/*").split(",")]
    for kind in accepted:
        if kind in (GRAPHQL_JSON, JSON):
            return kind
    if not {"*/*", "application/*", "", "text/event-stream"} & set(accepted):
        raise BadRequest(f"The answer is {GRAPHQL_JSON} or {JSON}.", 406, "NOT_ACCEPTABLE")
    return JSON


def _from_query(http: HttpRequest) -> dict[str, Any]:
    given: dict[str, Any] = dict(http.query_params)
    for name in ("variables", "extensions"):
        if name in given:
            given[name] = _json(given[name].encode(errors="replace")) if given[name] else None
    return given


def _json(data: bytes) -> Any:
    try:
        return wire.json(data)
    except (wire.Malformed, RecursionError):
        raise BadRequest("This is not JSON.") from None


def _object(data: bytes) -> dict[str, Any]:
    value = _json(data)
    if not isinstance(value, dict):
        raise BadRequest("The body is a JSON object with a query; operations come one at a time.")
    return value


def _mapping(value: Any, name: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadRequest(f"`{name}` is an object.")
    return value


def _request(given: dict[str, Any]) -> Request:
    query, name = given.get("query"), given.get("operationName")
    if not isinstance(query, str):
        raise BadRequest("`query` is a text, and has to be there.")
    if name is not None and not isinstance(name, str):
        raise BadRequest("`operationName` is a text.")
    variables = _mapping(given.get("variables"), "variables")
    _mapping(given.get("extensions"), "extensions")
    _check_nesting(variables)
    return Request(query, variables, name)


def _check_nesting(value: Any) -> None:
    level = [value]
    for _ in range(MAX_NESTING):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())
        ]
        if not level:
            return
    raise BadRequest(f"`variables` is nested deeper than {MAX_NESTING}.")


async def _from_form(http: HttpRequest, limit: int, files: list[UploadFile]) -> dict[str, Any]:
    """The operation of a multipart request, with its files put where the map says."""
    data = await wire.body(http, limit)
    try:
        form = await wire.parse_form(http.headers, data)
    except wire.Malformed:
        raise BadRequest("The form cannot be read.") from None
    files += [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
    parts = {}
    for name in ("operations", "map"):
        text = form.get(name)
        if not isinstance(text, str):
            raise BadRequest(f"The form has no `{name}`.")
        parts[name] = _object(text.encode(errors="replace"))
    for key, paths in parts["map"].items():
        file = form.get(key)
        if not isinstance(file, UploadFile):
            raise BadRequest(f"The form has no file `{key[:40]}`.")
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise BadRequest("`map` has a list of paths for each file.")
        for path in paths:
            _put(parts["operations"], path.split("."), file)
    return parts["operations"]


def _put(operations: dict[str, Any], path: list[str], file: UploadFile) -> None:
    """Put a file where a null stands."""
    place: Any = operations
    if path[0] != "variables" or len(path) > MAX_NESTING:
        raise BadRequest("`map` points at something that is no variable.")
    for i, step in enumerate(path):
        key: Any = step
        if isinstance(place, list):
            key = int(step) if step.isascii() and step.isdecimal() and len(step) < 6 else len(place)
        known = key < len(place) if isinstance(place, list) else isinstance(place, dict) and key in place
        if not known:
            raise BadRequest("`map` points at something that is not there.")
        if i == len(path) - 1:
            if place[key] is not None:
                raise BadRequest("`map` points at something that is not null.")
            place[key] = file
        else:
            place = place[key]


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
