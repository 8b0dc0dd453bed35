"""The wiring: settings to database to edges, once. Nothing else wires."""

import asyncio
import logging
import random
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from crmgraph import demo as demonstration
from crmgraph import graph, site
from crmgraph.assembly import build, close
from crmgraph.crm.core import Core
from crmgraph.crm.models import Door, PartyKind
from crmgraph.crm.records.lookup import IdCandidates
from crmgraph.crm.usage import NOWHERE, keep_storing
from crmgraph.dialects import covalense, crmcom, valomnia, zoho
from crmgraph.http.admission import RESERVE, InHand, Patience, Places, Watch
from crmgraph.http.charsets import path_of
from crmgraph.http.compression import Compressing
from crmgraph.http.opening import Opening
from crmgraph.http.subscribers import Subscribers
from crmgraph.logs import configure, request_id, without_keys, without_secrets
from crmgraph.mapping import FieldMap
from crmgraph.metrics import count
from crmgraph.rest import Front, RecordView, Viewing
from crmgraph.rest.passing import Passing
from crmgraph.settings import Settings
from crmgraph.site.health import database_check, photo_check
from crmgraph.site.routes import LIVE, READY, ApiEntry, busy
from crmgraph.upstream.front import TRANSPARENT
from crmgraph.upstream.opening import Spoken, Upstreams
from crmgraph.upstream.places import read_networks

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Dialect:
    """A legacy API as the application mounts it.

    Attributes:
        door: its word in the change log, which `name`, as it stands in addresses, is made of.
        title: as people call it, with its version.
        prefixes: the paths below which it answers.
        openapi: makes its OpenAPI document.
        mounts: makes its routes, of the core and the settings that bind this dialect alone.
        tables: makes its field maps by kind of record, for the tables of the documentation.
        viewing: how it shows one record; None where it shows none.
        passing: how callers are known whose calls are passed on to an upstream; None where there can be none.
        operations: what its operations are counted as, e.g. `GET /crm/v2/{module}/{id}`.
        busy: what it answers when there is no place for a request, with the status 503.
        beside: paths near its prefixes at which only it can be meant: its other versions, what else its vendor serves.
            Where nobody answers, it does, by `nowhere`.
        href: the path under which it serves a record, of the record's kind and its id there; None where it does not.
        id_candidates: what an id may stand for there, of the kind of record, or None for staff; None where it is no id.
    """

    door: Door
    title: str
    prefixes: tuple[str, ...]
    openapi: Callable[[], dict[str, Any]]
    mounts: Callable[[Core, Settings], list[BaseRoute]]
    tables: Callable[[], Mapping[PartyKind, FieldMap]]
    viewing: Viewing | None = None
    passing: Passing | None = None
    operations: tuple[str, ...] = ()
    busy: Callable[[], Response] = busy
    beside: tuple[str, ...] = ()
    nowhere: Callable[[], Response] | None = None
    href: Callable[[PartyKind | None, str], str | None] = lambda kind, value: None
    id_candidates: Callable[[PartyKind | None, str], IdCandidates | None] = lambda kind, value: None

    @property
    def name(self) -> str:
        """Of the dialect, e.g. zoho."""
        return self.door.dialect


DIALECTS = (
    Dialect(
        Door.COVALENSE,
        "Covalense",
        ("/crm/v1",),
        covalense.openapi,
        lambda core, settings: covalense.mounts(core, forgot_sets_password=settings.covalense_forgot_sets_password),
        covalense.tables,
        covalense.VIEWING,
        covalense.PASSING,
        covalense.operations,
        covalense.busy,
        ("/crm/v1.{rest:path}",),
        covalense.nowhere,
        id_candidates=covalense.id_candidates,
    ),
    Dialect(
        Door.ZOHO,
        "Zoho CRM v2",
        ("/crm/v2", "/oauth/v2"),
        zoho.openapi,
        lambda core, settings: zoho.mounts(core, unique=zoho.unique_fields(settings.zoho_unique)),
        zoho.tables,
        zoho.VIEWING,
        zoho.PASSING,
        zoho.operations,
        zoho.busy,
        ("/crm", "/crm/{rest:path}", "/oauth", "/oauth/{rest:path}"),
        zoho.nowhere,
        zoho.href,
        zoho.id_candidates,
    ),
    Dialect(
        Door.CRMCOM,
        "CRM.COM",
        ("/crmapi/rest/v2", "/crm/ImageDownloadServlet"),
        crmcom.openapi,
        lambda core, settings: crmcom.mounts(core),
        crmcom.tables,
        crmcom.VIEWING,
        crmcom.PASSING,
        crmcom.operations,
        crmcom.busy,
        ("/crmapi", "/crmapi/{rest:path}"),
        crmcom.nowhere,
        crmcom.href,
        crmcom.id_candidates,
    ),
    Dialect(
        Door.VALOMNIA,
        "Valomnia",
        ("/api/{version}", "/j_spring_security_check"),
        valomnia.openapi,
        lambda core, settings: valomnia.mounts(core),
        valomnia.tables,
        valomnia.VIEWING,
        valomnia.PASSING,
        valomnia.operations,
        valomnia.busy,
        ("/j_spring_security_{rest:path}", "/login", "/login/{rest:path}", "/logout", "/logout/{rest:path}"),
        valomnia.nowhere,
        valomnia.href,
        valomnia.id_candidates,
    ),
)
"""The dialects that are spoken. A further one is a folder, a word in `Door`, and an entry here."""


def across_lines(route: BaseRoute) -> BaseRoute:
    """The route, which now matches paths with line breaks in them (%0A) too.

    Starlette's own pattern of "everything below" ends at the first, and the framework would answer in the place of a
    dialect.
    """
    if isinstance(route, Route | Mount):
        route.path_regex = re.compile(route.path_regex.pattern, re.DOTALL)
    return route


def beside(dialect: Dialect) -> list[BaseRoute]:
    """The routes of a dialect to nothing, whatever the method."""
    nowhere = dialect.nowhere
    if nowhere is None:
        return []

    return [Route(path, Nowhere(nowhere)) for path in dialect.beside]


class Nowhere:
    """Answers whatever is asked, by whatever method, that it is not there.

    Args:
        answer: makes the answer.
    """

    def __init__(self, answer: Callable[[], Response]) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer()(scope, receive, send)


def across_origins(app: App, origins: Sequence[str]) -> App:
    """The application, which pages of these origins may speak to as well; itself where there are none."""
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=["X-Request-ID", "Idempotency-Replayed"],
        max_age=600,
    )


def create_app(settings: Settings, dialects: Sequence[Dialect] = DIALECTS) -> FastAPI:
    """The whole application.

    Args:
        dialects: what is spoken beside GraphQL.

    Raises:
        ValueError: a setting does not hold.
    """
    demo = demonstration.prepare(settings.demo_folder) if settings.demo else None
    if demo is not None:
        settings = settings.for_demo(demo.folder, demo.secret)
    networks = read_networks(settings.upstream_networks)
    core, runner = build(settings)
    doors = [ApiEntry("graphql", "GraphQL", [graph.PATH], busy=graph.busy)]
    doors += [ApiEntry(each.name, each.title, each.prefixes, each.openapi, each.busy, each.beside) for each in dialects]

    places = Places(settings.max_concurrency)
    patience = Patience(
        headers=settings.header_seconds,
        body=settings.body_seconds,
        answer=settings.answer_seconds,
        idle=settings.idle_seconds,
        connections=settings.max_connections,
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        if settings.run_jobs:
            runner.start()
        upstreams = Upstreams()
        await upstreams.open(core, requests.app, spoken(dialects, dialect_routes), networks)
        requests.upstreams = upstreams.fronts
        storing = asyncio.create_task(keep_storing(core.usage, core.db), name="background: usage")
        try:
            # What a server hands to each of its connections.
            paths = frozenset(route.path.encode() for route in graph_routes if isinstance(route, WebSocketRoute))
            yield {
                "places": places,
                "watch": Watch(patience),
                "busy": requests.busy,
                "sockets": paths,
                "spelling": bool(upstreams.fronts) or not upstreams.is_read,
            }
        finally:
            await upstreams.close()
            storing.cancel()
            with suppress(asyncio.CancelledError):
                await storing
            # Threads of SQLite's driver that nobody ends keep the process from ending.
            await close(core, runner)

    app = Application(title="crmgraph", openapi_url=None, lifespan=lifespan)
    # A redirect to the path without its slash would be built from the Host that the request names.
    app.router.redirect_slashes = False
    app.add_exception_handler(HTTPException, site.refused)
    app.state.core = core
    credentials = demonstration.shown(demo) if demo is not None else None
    graph_routes = graph.mounts(
        core,
        introspection=settings.introspection,
        max_page=settings.max_page,
        max_cost=settings.max_cost,
        plans=settings.compiled_plans,
        subscribers=Subscribers(settings.max_subscribers, settings.max_subscribers_per_caller),
        origins=settings.cors_origins,
        answer_seconds=settings.answer_seconds,
        documents=graph.Documents.load(settings.documents_file, trusted=settings.documents == "trusted"),
        hrefs={each.name: each.href for each in dialects},
        id_candidates={each.name: each.id_candidates for each in dialects},
        tables={each.name: each.tables for each in dialects},
        views={
            each.name: RecordView(core, each.viewing, each.title, each.tables)
            for each in dialects
            if each.viewing is not None
        },
        demo={who: credentials[who] for who in ("staff", "customer")} if credentials else None,
    )
    app.router.routes += graph_routes
    dialect_routes = [across_lines(route) for dialect in dialects for route in dialect.mounts(core, settings)]
    app.router.routes += dialect_routes
    for dialect in dialects:
        app.router.routes += map(across_lines, beside(dialect))
    checks = [database_check(core.db), photo_check(core.record_photos.store)]
    app.router.routes += site.routes(core, doors, credentials, checks=checks, metrics=settings.metrics)
    straight = {route.path: route.app for route in graph_routes if isinstance(route, Route)}
    direct = Straight({graph.PATH: straight[graph.PATH]}, dialect_routes, app.routed)
    answering = across_origins(direct, settings.cors_origins)
    if settings.compress_from:
        answering = Compressing(answering, least=settings.compress_from)
    app.answering = requests = Requests(answering, doors, places)
    app.opening = Opening(app.routed, places)
    return app


def from_environment() -> FastAPI:
    """The application as the environment describes it; what a worker process starts."""
    settings = Settings()
    if settings.demo:
        settings = settings.for_demo(settings.demo_folder, demonstration.prepare(settings.demo_folder).secret)
    # Here too, since a worker has not been through the command line.
    configure(settings.log_level, settings.log_format)
    return create_app(settings)


class Application(FastAPI):
    """FastAPI, with what every request goes through in front of it.

    Attributes:
        answering: answers every request over HTTP; it comes to `routed` with those that are for FastAPI.
        opening: serves every WebSocket.
    """

    answering: App
    opening: App

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        by_type = {"http": self.answering, "websocket": self.opening}
        await by_type.get(scope["type"], self.routed)(scope, receive, send)

    async def routed(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by FastAPI's own middleware and routes."""
        await super().__call__(scope, receive, send)


class Straight:
    """Hands the requests for some paths to what answers them, and all others on.

    FastAPI's middleware and routes would take a good part of the time of a request to find it.

    Args:
        paths: what answers there, faults of its own included.
        routes: to what answers below their paths in the same way, in their order.
    """

    def __init__(self, paths: Mapping[str, App], routes: Sequence[BaseRoute], otherwise: App) -> None:
        self._paths = paths
        self._routes = [(route.path_regex, route.app) for route in routes if isinstance(route, Route)]
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope["path"])(scope, receive, send)

    def _app(self, path: str) -> App:
        if (app := self._paths.get(path)) is not None:
            return app
        return next((app for pattern, app in self._routes if pattern.match(path)), self._otherwise)


def _new_id() -> str:
    """The id of a request, which tells it apart in the log and opens nothing."""
    return f"{random.getrandbits(64):016x}"


def spoken(dialects: Sequence[Dialect], routes: Sequence[BaseRoute]) -> dict[Door, Spoken]:
    """What upstreams have to know of the dialects."""
    found: dict[Door, Spoken] = {}
    for each in dialects:
        if each.passing is None:
            continue
        fronts = [route.app for route in routes if isinstance(route, Route) and isinstance(route.app, Front)]
        own = [front for front in dict.fromkeys(fronts) if front.door is each.door]
        found[each.door] = Spoken(each.passing, partial(operation_of, own), own[0].away)
    return found


def operation_of(fronts: Sequence[Front], method: str, path: str) -> str:
    """What a call is counted as."""
    return next((name for front in fronts if (name := front.operation_at(method, path)) is not None), NOWHERE)


class Requests:
    """Gives every request an id, counts it, and writes one line a request to the log.

    Attributes:
        upstreams: by door, what stands in front of the application where there is an old CRM behind it.

    Args:
        doors: by whose prefixes requests are counted; what is below none of them is the site's.
        places: without one of these, a request is answered that there is none, in its door's words.
    """

    def __init__(self, app: App, doors: Sequence[ApiEntry], places: Places) -> None:
        self.app = app
        self.upstreams: Mapping[str, App] = {}
        own = [(prefix, door) for door in doors for prefix in door.prefixes]
        near = [(prefix, door) for door in doors for prefix in door.beside]
        self._prefixes = [(prefix.partition("{")[0], door) for prefix, door in own + near]
        self._site = ApiEntry("site", "crmgraph", ["/"])
        self._places = places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] = path_of(scope)
        door = self._door(path)
        request = scope.get("state", {}).get("in_hand") or InHand()
        if request.dropped:
            return
        # Whether the process lives is told always, and whether it is ready a little beyond the limit.
        if path != LIVE and self._places.is_full(RESERVE if path == READY else 0):
            self._places.refused("busy")
            await self.busy(path)(scope, receive, send)
            return
        self._places.enter(request)
        try:
            await self._answer(scope, receive, send, path, door.name)
        finally:
            self._places.leave(request)

    def busy(self, path: str) -> Response:
        """What is answered at this path without a place, in its door's words; it is counted."""
        door = self._door(path)
        count(door.name, 503, 0.0)
        response = door.busy()
        response.headers["Retry-After"] = "1"
        response.headers["X-Request-ID"] = _new_id()
        return response

    def _door(self, path: str) -> ApiEntry:
        return next((door for prefix, door in self._prefixes if path.startswith(prefix)), self._site)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, path: str, door: str) -> None:
        own_id = _new_id()
        token = request_id.set(own_id)
        start = time.perf_counter()
        status = 500

        async def answer(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            if message["type"] == "http.response.start" and TRANSPARENT not in scope:
                message["headers"] = [*message["headers"], (b"x-request-id", own_id.encode("ascii"))]
            await send(message)

        try:
            await self.upstreams.get(door, self.app)(scope, receive, answer)
        finally:
            seconds = time.perf_counter() - start
            count(door, status, seconds)
            if log.is_enabled_for(logging.INFO):
                log.info(
                    "request",
                    method=scope["method"],
                    path=without_keys(path),
                    query=without_secrets(scope["query_string"].decode("latin-1")) or None,
                    status=status,
                    ms=round(seconds * 1000, 1),
                )
            request_id.reset(token)
