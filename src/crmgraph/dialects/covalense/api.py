"""Covalense /crm/v1: the nine services, as a table, and the gateway before them.

The gateway checks, in this order: the path, the method, that the headers are there (their values are nobody's
business), the token. Then the service reads the body.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import orjson
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from crmgraph.crm.core import Core
from crmgraph.crm.errors import Refused, Unauthenticated
from crmgraph.crm.models import now
from crmgraph.crm.policy import Actor
from crmgraph.db.errors import is_away, log_away
from crmgraph.dialects.covalense import jjwt
from crmgraph.dialects.covalense.errors import DOWNSTREAM, ClientError, invalid_token, missing_header, worded
from crmgraph.dialects.covalense.handlers import access, profile, signup
from crmgraph.dialects.covalense.requests import Call, has_body, query_of
from crmgraph.http.deadline import within

PREFIX = "/crm/v1"
HEADERS = ("correlationId", "srDate", "source", "destination", "operation")
"""What every request brings, in the order in which a missing one is named."""
PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

Handler: TypeAlias = Callable[[Call], Awaitable[dict[str, Any]]]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Service:
    """One service.

    Attributes:
        headers: what it asks for besides `HEADERS`, in the order in which a missing one is named; with `token`, only
            the customer whom it was issued to is served.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    headers: tuple[str, ...] = ()


FORGOT = Service(
    "POST", "profile/password/forgot", access.forgot, "Mails a code by which the user chooses a new password."
)
SERVICES = (
    Service("POST", "login", access.login, "Lets a customer in.", ("type",)),
    Service("POST", "signup", signup.sign_up, "Registers a customer and takes their order."),
    Service(
        "POST",
        "signup/kyc",
        signup.sign_up_by_kyc,
        "Registers a customer whose data come in a header.",
        ("type", "Data"),
    ),
    Service("GET", "profile/contact", profile.get_contact, "The customer's details.", ("token",)),
    Service("PUT", "profile/contact", profile.put_contact, "Changes the customer's details.", ("token",)),
    FORGOT,
    Service("PUT", "profile/password/change", access.change, "Changes the customer's password.", ("token",)),
    Service("PUT", "profile/account", profile.put_account, "Changes the customer's account.", ("token", "email")),
    Service("PUT", "profile/image", profile.put_image, "Changes the customer's picture.", ("token",)),
)


def mounts(core: Core, *, forgot_sets_password: bool = False) -> list[BaseRoute]:
    """The routes below /crm/v1.

    Args:
        forgot_sets_password: restores the old `profile/password/forgot`, by which anybody sets anybody's password.
    """
    services = list(SERVICES)
    if forgot_sets_password:
        log.warning("Covalense's profile/password/forgot sets the password of anybody, for anybody who asks")
        services[services.index(FORGOT)] = replace(FORGOT, handler=access.forgot_as_of_old)
    gateway = Gateway(core, services)
    return [Route(PREFIX, gateway), Route(PREFIX + "/{path:path}", gateway)]


class Gateway:
    """Answers every request below the prefix, by a service or in words of its own."""

    def __init__(self, core: Core, services: list[Service]) -> None:
        self._core = core
        self._services: dict[str, dict[str, Service]] = {}
        for service in services:
            self._services.setdefault(service.path, {})[service.method] = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive, send))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            async with within(request, self._core.request_seconds):
                result = await self._serve(request)
            return _json({"response": {"success": "true", "result": result}})
        except ClientError as error:
            return _refusal(error)
        except Refused as refused:
            words = worded(refused)
            return _json(DOWNSTREAM, 500) if words is None else _refusal(words)
        except ClientDisconnect:
            return Response(status_code=400)  # which nobody hears
        except Exception as error:
            if is_away(error):
                log_away(error, "covalense")
            else:
                log.exception("unexpected fault", door="covalense")
            return _json(DOWNSTREAM, 500)

    async def _serve(self, request: Request) -> dict[str, Any]:
        methods = self._services.get(request.path_params.get("path", "").removesuffix("/"))
        if methods is None:
            raise no_service()
        service = methods.get("GET" if request.method == "HEAD" else request.method)
        if service is None:
            text = f"Request method '{request.method}' not supported"
            raise ClientError(405, "405 METHOD_NOT_ALLOWED", text, {"Allow": ", ".join(sorted(methods))})
        self._require_headers(request, service)
        call = Call(self._core, request)
        if "token" in service.headers:
            call.actor = await self._actor(request.headers["token"])
        return await service.handler(call)

    def _require_headers(self, request: Request, service: Service) -> None:
        order = ("token", "email", "type", "Data")
        for name in (*HEADERS, *sorted(service.headers, key=order.index)):
            # An earlier edition of the documentation has Data as a parameter of the address, and this one in the body
            # too, which is not read yet.
            elsewhere = name == "Data" and (name in query_of(request) or has_body(request))
            if name not in request.headers and not elsewhere:
                raise missing_header(name)

    async def _actor(self, token: str) -> Actor:
        try:
            return await self._core.identity.actor_of_bare(token)
        except Unauthenticated as refused:
            raise invalid_token(jjwt.said_of(token, refused.reason, now())) from None


def busy() -> Response:
    """What is answered when there is no place for a request."""
    return _json(DOWNSTREAM, 503)


def no_service() -> ClientError:
    """There is no service at this path."""
    return ClientError(404, "404 NOT_FOUND", "Service not found.")


def nowhere() -> Response:
    """What is answered where there is no service."""
    return _refusal(no_service())


def _refusal(error: ClientError) -> Response:
    return _json(error.body, error.status, error.headers)


def _json(body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status, {**PRIVATE, **(headers or {})}, "application/json")
