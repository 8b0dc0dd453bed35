"""The wiring: settings to database to edges, once. Nothing else wires."""

import asyncio
import gc
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cache, partial
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.routing import Route, WebSocketRoute

from crmgraph import demo as demonstration
from crmgraph import graph, site
from crmgraph.assembly import build, close
from crmgraph.crm.core import Core
from crmgraph.crm.models import Door
from crmgraph.crm.usage import NOWHERE, keep_storing
from crmgraph.http.admission import Patience, Places, Watch
from crmgraph.http.compression import Compressing
from crmgraph.http.heads import Heads
from crmgraph.http.opening import Opening
from crmgraph.http.subscribers import Subscribers
from crmgraph.logs import configure
from crmgraph.middleware import (
    App,
    DirectRoutes,
    Nowhere,
    Receive,
    RequestAccounting,
    Scope,
    Send,
    across_lines,
    across_origins,
    before_variables,
)
from crmgraph.registry import DIALECTS, Dialect
from crmgraph.rest import Front, RecordView
from crmgraph.rest.passing import DialectFacts
from crmgraph.settings import Settings
from crmgraph.site.health import database_check, photo_check
from crmgraph.site.routes import ApiEntry
from crmgraph.upstream.opening import Upstreams
from crmgraph.upstream.places import read_networks

IDLE_SECONDS = 0.2
"""After how many seconds it is looked again whether there is time to load what the start has left out."""


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
    doors += map(entry, dialects)

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
        upstreams = Upstreams(settings.upstream_socket)
        await upstreams.open(core, requests.app, partial(spoken, dialects, dialect_routes), networks)
        requests.upstreams = upstreams.fronts
        storing = asyncio.create_task(keep_storing(core.usage, core.db), name="background: usage")
        loading = asyncio.create_task(load_idle([*dialect_routes.values()], places), name="background: dialects")
        try:
            # What a server hands to each of its connections.
            paths = frozenset(route.path.encode() for route in graph_routes if isinstance(route, WebSocketRoute))
            yield {
                "places": places,
                "watch": Watch(patience),
                "heads": Heads(),
                "busy": requests.busy,
                "sockets": paths,
                "spelling": bool(upstreams.fronts) or not upstreams.is_read,
            }
        finally:
            await upstreams.close()
            loading.cancel()
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
        legacy_apis={each.name: legacy_api(core, each) for each in dialects},
        demo={who: credentials[who] for who in ("staff", "customer")} if credentials else None,
    )
    app.router.routes += graph_routes
    dialect_routes = {each.door: cache(partial(mounted, core, settings, each)) for each in dialects}
    if settings.zoho_unique:
        # Whether the setting holds is known at the start, as of every other.
        for routes in dialect_routes.values():
            routes()
    for dialect in dialects:
        app.router.routes += map(across_lines, beside(dialect))
    checks = [database_check(core.db), photo_check(core.record_photos.store)]
    app.router.routes += site.routes(core, doors, credentials, checks=checks, metrics=settings.metrics)
    straight = {route.path: route.app for route in graph_routes if isinstance(route, Route)}
    below = [(places_of(each), dialect_routes[each.door]) for each in dialects]
    direct = DirectRoutes({graph.PATH: straight[graph.PATH]}, below, app.routed)
    answering = across_origins(direct, settings.cors_origins)
    if settings.compress_from:
        answering = Compressing(answering, least=settings.compress_from)
    app.answering = requests = RequestAccounting(answering, doors, places, counts=settings.metrics)
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


async def load_idle(loads: Sequence[Callable[[], Any]], places: Places, *, pause: float = IDLE_SECONDS) -> None:
    """Load what the start has left out, so that whoever asks for it first does not wait for it either.

    One after the other and only while no request is in hand: a request that comes meanwhile waits for one of them.

    Args:
        pause: seconds before each of them, and between two looks whether there are requests.
    """
    left = deque(loads)
    while left:
        await asyncio.sleep(pause)
        if not places.taken:
            left.popleft()()
    if gc.get_freeze_count():
        # It is here to stay, as what the process has started with is.
        gc.freeze()


def legacy_api(core: Core, dialect: Dialect) -> graph.LegacyApi:
    """What the graph has to know of a dialect."""

    @cache
    def view() -> RecordView | None:
        viewing = dialect.implementation.viewing
        return None if viewing is None else RecordView(core, viewing)

    return graph.LegacyApi(
        dialect.title,
        lambda kind, value: dialect.implementation.href(kind, value),
        lambda kind, value: dialect.implementation.id_candidates(kind, value),
        lambda: dialect.implementation.tables(),
        view,
    )


def entry(dialect: Dialect) -> ApiEntry:
    """What the site has to know of a dialect."""
    return ApiEntry(
        dialect.name,
        dialect.title,
        dialect.prefixes,
        lambda: dialect.implementation.openapi(),
        lambda: dialect.implementation.busy(),
        dialect.beside,
    )


def mounted(core: Core, settings: Settings, dialect: Dialect) -> list[Route]:
    """The routes of a dialect, which is loaded for them."""
    return [across_lines(route) for route in dialect.implementation.mounts(core, settings)]


def places_of(dialect: Dialect) -> re.Pattern[str]:
    """What the paths of its routes match. The folder above a variable is its own too."""
    beginnings = [re.escape(each.rstrip("/")) for each in before_variables(dialect.prefixes)]
    return re.compile("|".join([*beginnings, *dialect.elsewhere]), re.DOTALL)


def beside(dialect: Dialect) -> list[Route]:
    """The routes of a dialect to nothing, whatever the method."""
    nowhere = Nowhere(lambda: dialect.implementation.nowhere())
    return [Route(path, nowhere) for path in dialect.beside]


def routes_of(core: Core, settings: Settings) -> dict[Door, list[Route]]:
    """{dialect: its routes}, for whoever answers its calls without a server."""
    return {each.door: mounted(core, settings, each) for each in DIALECTS}


def spoken(
    dialects: Sequence[Dialect], routes: Mapping[Door, Callable[[], Sequence[Route]]]
) -> dict[Door, DialectFacts]:
    """What upstreams have to know of the dialects, which are all loaded for it."""
    found: dict[Door, DialectFacts] = {}
    for each in dialects:
        passing, telling = each.implementation.passing, each.implementation.telling
        if passing is None:
            continue
        fronts = [route.app for route in routes[each.door]()]
        own = [front for front in dict.fromkeys(fronts) if isinstance(front, Front)]
        told = frozenset() if telling is None else frozenset(telling.operations)
        found[each.door] = DialectFacts(passing, partial(operation_of, own), own[0].away, told)
    return found


def operation_of(fronts: Sequence[Front], method: str, path: str) -> str:
    """What a call is counted as."""
    return next((name for front in fronts if (name := front.operation_at(method, path)) is not None), NOWHERE)


class Application(FastAPI):
    """FastAPI, with what every request goes through in front of it.

    Attributes:
        answering: answers every request over HTTP; it comes to `routed` with those that are for FastAPI.
        opening: serves every WebSocket.
    """

    answering: App
    opening: App

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await self.answering(scope, receive, send)
            case "websocket":
                await self.opening(scope, receive, send)
            case _:
                await self.routed(scope, receive, send)

    async def routed(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by FastAPI's own middleware and routes."""
        await super().__call__(scope, receive, send)
