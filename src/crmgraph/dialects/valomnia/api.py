"""The routes: which handler answers which method of which path, and what is answered where none does."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from crmgraph.crm.core import Core
from crmgraph.crm.errors import Refused
from crmgraph.db.errors import is_away, log_away
from crmgraph.dialects.valomnia.answers import failed
from crmgraph.dialects.valomnia.errors import (
    BUSY,
    MALFORMED,
    NO_RESOURCE,
    SERVER_ERROR,
    Failed,
    method_not_allowed,
    words,
)
from crmgraph.dialects.valomnia.handlers import contacts, customers, login, pictures
from crmgraph.dialects.valomnia.requests import Call
from crmgraph.http.deadline import within
from crmgraph.http.reading import ClientDisconnect

log = structlog.get_logger(__name__)

Handler = Callable[[Call], Awaitable[Response]]
Open = Callable[[Core, Request], Awaitable[Response]]

SERVICES: Mapping[str, Mapping[str, Handler]] = {
    "/api/{version}/contacts": {"GET": contacts.index, "POST": contacts.create},
    "/api/{version}/contacts/{id}": {"GET": contacts.show, "POST": contacts.update, "DELETE": contacts.delete},
    "/api/{version}/customers/reference/{reference:path}": {"GET": customers.show_by_reference},
    "/api/{version}/customers/{id}": {"GET": customers.show},
}
"""What asks for a session."""

OPEN: Mapping[str, Mapping[str, Open]] = {
    "/j_spring_security_check": {"POST": login.check},
    login.SUCCESS: {"GET": login.success},
    **{f"/{{folder}}/{album}/{{file_name}}": {"GET": pictures.show} for album in pictures.ALBUMS},
}
"""What does not."""


def busy() -> Response:
    """What is answered when there is no place for a request."""
    return failed(BUSY)


def nowhere() -> Response:
    """What is answered where there is no resource."""
    return failed(NO_RESOURCE)


def in_session(handler: Handler) -> Open:
    """The handler behind the check of its session, and of where the request comes from."""

    async def run(core: Core, request: Request) -> Response:
        login.check_site(core, request)
        return await handler(Call(core, request, await login.actor_of(core, request)))

    return run


async def unknown(core: Core, request: Request) -> Response:
    """There is nothing at this path."""
    raise Failed(NO_RESOURCE)


@dataclass(frozen=True)
class Resource:
    """One path as an ASGI application, which answers every method and every fault in the dialect's own words.

    Attributes:
        methods: {method: what answers it}; None for a path at which there is nothing.
    """

    core: Core
    methods: Mapping[str, Open] | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.answer(Request(scope, receive))
        await response(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        """The answer, whatever happens."""
        try:
            async with within(request, self.core.request_seconds):
                return await self._handler(request)(self.core, request)
        except Failed as error:
            return failed(error.failure)
        except Refused as refused:
            return failed(words(refused))
        except ClientDisconnect:
            return failed(MALFORMED)
        except Exception as error:
            if is_away(error):
                log_away(error, "valomnia")
            else:
                log.exception("unexpected fault", door="valomnia")
            return failed(SERVER_ERROR)

    def _handler(self, request: Request) -> Open:
        if self.methods is None:
            return unknown
        handler = self.methods.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            raise Failed(method_not_allowed(request.method, ", ".join(self.methods)))
        return handler


def mounts(core: Core) -> list[BaseRoute]:
    """The routes of the dialect, at the root of the application: /api, the login, and the addresses of photos."""
    routes: list[BaseRoute] = []
    tables: list[tuple[str, Mapping[str, Open]]] = [
        *((path, {m: in_session(h) for m, h in methods.items()}) for path, methods in SERVICES.items()),
        *OPEN.items(),
    ]
    for path, methods in tables:
        resource = Resource(core, methods)
        # Their server took a path with a slash at its end as the same; a reference may hold a slash, hence this order.
        routes += [Route(path + "/", resource, name=path + "/"), Route(path, resource, name=path)]
    nothing = Resource(core, None)
    return [*routes, Route("/api", nothing, name="/api"), Route("/api/{rest:path}", nothing, name="/api/{rest}")]
