"""What every request goes through before an edge answers it, and what leads it to one."""

import logging
import random
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any

import structlog
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.routing import Route

from crmgraph.http.admission import RESERVE, InHand, Places
from crmgraph.http.charsets import path_of
from crmgraph.http.passing import TRANSPARENT
from crmgraph.logs import request_id, without_keys, without_secrets
from crmgraph.metrics import count
from crmgraph.site.routes import LIVE, READY, ApiEntry

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Routes = Callable[[], Sequence[Route]]

log = structlog.get_logger()


def across_lines(route: Route) -> Route:
    """The route, which now matches paths with line breaks in them (%0A) too.

    Starlette's own pattern of "everything below" ends at the first, and the framework would answer in the place of a
    dialect.
    """
    route.path_regex = re.compile(route.path_regex.pattern, re.DOTALL)
    return route


def before_variables(paths: Iterable[str]) -> tuple[str, ...]:
    """What paths begin with that match these of Starlette's routes."""
    return tuple(path.partition("{")[0] for path in paths)


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


class DirectRoutes:
    """Hands the requests for some paths to what answers them, and all others on.

    FastAPI's middleware and routes would take a good part of the time of a request to find it.

    Args:
        paths: what answers there, faults of its own included.
        below: (which paths, what makes the routes that lead from them to what answers in the same way), which is asked
            with the first request for one of them; in their order.
    """

    def __init__(
        self, paths: Mapping[str, App], below: Sequence[tuple[re.Pattern[str], Routes]], otherwise: App
    ) -> None:
        self._paths = paths
        self._below = below
        self._otherwise = otherwise

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return self._app(scope["path"])(scope, receive, send)

    def _app(self, path: str) -> App:
        if (app := self._paths.get(path)) is not None:
            return app
        for paths, routes in self._below:
            if paths.match(path):
                for route in routes():
                    if route.path_regex.match(path):
                        return route.app
        return self._otherwise


def _new_id() -> str:
    """The id of a request, which tells it apart in the log and opens nothing."""
    return f"{random.getrandbits(64):016x}"


class RequestAccounting:
    """Gives every request an id, counts it, and writes one line a request to the log.

    Attributes:
        upstreams: by door, what stands in front of the application where there is an old CRM behind it.

    Args:
        doors: by whose prefixes requests are counted; what is below none of them is the site's.
        places: without one of these, a request is answered that there is none, in its door's words.
        counts: whether requests are counted: somebody may ask for the counts.
    """

    def __init__(self, app: App, doors: Sequence[ApiEntry], places: Places, *, counts: bool) -> None:
        self.app = app
        self.upstreams: Mapping[str, App] = {}
        own = [(prefix, door) for door in doors for prefix in before_variables(door.prefixes)]
        near = [(prefix, door) for door in doors for prefix in before_variables(door.beside)]
        self._prefixes = own + near
        self._site = ApiEntry("site", "crmgraph", ["/"])
        self._places = places
        self._counts = counts
        self._log = log.bind()  # the logger itself: its stand-in makes one anew for every line

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] = path_of(scope)
        request = scope["state"].get("in_hand") if "state" in scope else None
        if request is None:
            request = InHand()
        if request.dropped:
            return
        # Whether the process lives is told always, and whether it is ready a little beyond the limit.
        if path != LIVE and self._places.is_full(RESERVE if path == READY else 0):
            self._places.refused("busy")
            await self.busy(path)(scope, receive, send)
            return
        door = self._door(path).name
        own_id = _new_id()
        token = request_id.set(own_id)
        start = time.perf_counter()
        status = 500

        def answer(message: MutableMapping[str, Any]) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if TRANSPARENT not in scope:
                    message["headers"] = [*message["headers"], (b"x-request-id", own_id.encode("ascii"))]
            return send(message)

        self._places.enter(request)
        try:
            await self.upstreams.get(door, self.app)(scope, receive, answer)
        finally:
            seconds = time.perf_counter() - start
            if self._counts:
                count(door, status, seconds)
            if self._log.is_enabled_for(logging.INFO):
                self._log.info(
                    "request",
                    method=scope["method"],
                    path=without_keys(path),
                    query=without_secrets(scope["query_string"].decode("latin-1")) or None,
                    status=status,
                    ms=round(seconds * 1000, 1),
                )
            request_id.reset(token)
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
        for prefix, door in self._prefixes:
            if path.startswith(prefix):
                return door
        return self._site
