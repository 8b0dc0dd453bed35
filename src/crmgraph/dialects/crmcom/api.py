"""CRM.COM's Web API, /crmapi/rest/v2, and its image servlet: the methods as a table, and the way to them.

Every answer has HTTP 200 and a status object: the vendor's public clients compare `status.code` with "OK", and throw
what has another HTTP status away unread. A request is checked in this order: the path, the verb, that its body can be
read, the token, that the user may call the method; then the method reads its parameters.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
import structlog
from starlette.datastructures import FormData
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from crmgraph.crm.core import Core
from crmgraph.crm.errors import Refused
from crmgraph.crm.identity.clients import actor_of_client
from crmgraph.crm.models import Door
from crmgraph.crm.policy import Actor
from crmgraph.db.errors import is_away, log_away
from crmgraph.dialects.crmcom.errors import (
    DENIED,
    INVALID_TOKEN,
    MALFORMED,
    UNAVAILABLE,
    UNEXPECTED,
    UNKNOWN_METHOD,
    WRONG_VERB,
    Problem,
    problem,
)
from crmgraph.dialects.crmcom.handlers import contact_information as methods
from crmgraph.dialects.crmcom.handlers.contact_information import IMAGES, Call
from crmgraph.dialects.crmcom.response_formats import CREATE, LIST, PLAIN, RELEASE, SHOW, TOKEN, UPDATE, Manner
from crmgraph.http import reading
from crmgraph.http.deadline import within

PREFIX = "/crmapi/rest/v2"
PRIVATE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
IMAGE_HEADERS = {"Content-Disposition": "inline", "Content-Security-Policy": "default-src 'none'; sandbox"}
MULTIPART_BYTES = 64 * 1024
"""What a multipart body has besides its file, at most."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Method:
    """One method.

    Attributes:
        manner: how its answers are dressed.
        open: whether it needs no token.
        uploads: whether its body may be as long as a photo.
        granted_as: the method whose grant it asks for, when not its own.
    """

    verb: str
    path: str
    handler: Callable[[Call], Awaitable[Any]]
    summary: str
    manner: Manner = PLAIN
    open: bool = False
    uploads: bool = False
    granted_as: str = ""

    @property
    def grant(self) -> str:
        """The grant that its caller needs."""
        return self.granted_as or self.path


KEYS = "authentication/web_api_key/token"
METHODS = (
    Method(
        "POST",
        "authentication/token",
        methods.log_in,
        "A token for a user of an organisation.",
        TOKEN,
        open=True,
    ),
    Method("POST", KEYS, methods.log_in_by_key, "A token for a Web API key.", open=True),
    Method("POST", "authentication/token/release", methods.log_out, "The end of a token.", RELEASE),
    Method("GET", "contact_information/show", methods.show, "One contact information.", SHOW),
    Method("GET", "contact_information/list", methods.list_page, "Those that answer to all filters.", LIST),
    Method("POST", "contact_information/create", methods.create, "A new contact information.", CREATE),
    Method("POST", "contact_information/update", methods.update, "A change of a contact information.", UPDATE),
    Method("GET", "contact_information/profile_photo/view", methods.view_photo, "Where a photo is."),
    Method("POST", "contact_information/profile_photo/add", methods.add_photo, "A new photo.", uploads=True),
    Method("POST", "contact_information/profile_photo/remove", methods.remove_photo, "A photo away."),
)
IMAGE = Method("GET", "", methods.image, "The image of a photo.", granted_as="contact_information/profile_photo/view")
AUTHENTICATION = "authentication"


def mounts(core: Core) -> list[BaseRoute]:
    """The routes of the two roots."""
    roots = ((PREFIX, WebApi(core, METHODS)), (IMAGES, WebApi(core, [IMAGE])))
    return [Route(prefix + rest, api) for prefix, api in roots for rest in ("", "/{path:path}")]


class WebApi:
    """Answers every request below a root, by a method or by a status that says why not."""

    def __init__(self, core: Core, methods: Sequence[Method]) -> None:
        self._core = core
        self._methods = {method.path: method for method in methods}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        method = self._methods.get(request.path_params.get("path", "").removesuffix("/"))
        response = await self._answer(request, method)
        await response(scope, receive, send)

    async def _answer(self, request: Request, method: Method | None) -> Response:
        try:
            async with within(request, self._core.request_seconds):
                answer = await self._serve(request, method)
        except Problem as found:
            return _refusal(found)
        except Refused as refused:
            return _refusal(problem(refused))
        except reading.Malformed:
            return _refusal(Problem(MALFORMED, "The body is neither a JSON object nor a form"))
        except ClientDisconnect:
            return Response(status_code=400)  # which nobody hears
        except Exception as error:
            if is_away(error):
                log_away(error, "crmcom")
                return _refusal(Problem(UNAVAILABLE, "The service is not available"))
            log.exception("unexpected fault", door="crmcom")
            return _refusal(Problem(UNEXPECTED, "An unexpected error occurred"))
        if method is IMAGE:
            photo, data = answer
            return Response(data, headers=PRIVATE | IMAGE_HEADERS, media_type=photo.content_type)
        manner = method.manner if method is not None else PLAIN
        return _json(manner.dressed(answer))

    async def _serve(self, request: Request, method: Method | None) -> Any:
        if method is None:
            raise no_method()
        if ("GET" if request.method == "HEAD" else request.method) != method.verb:
            raise Problem(WRONG_VERB, f"The method is called by {method.verb}", headers={"Allow": method.verb})
        body: dict[str, Any] = {}
        files = FormData()
        if method.verb == "POST":
            body, files = await self._body(request, method)
        try:
            given = {name.strip(): value for name, value in (*reading.query(request).items(), *body.items())}
            authorization = request.headers.get("authorization")
            call = Call(self._core, Actor(Door.CRMCOM), given, "", reading.address(request), authorization)
            if not method.open:
                call = await self._admitted(call, method)
            return await method.handler(call)
        finally:
            await files.close()

    async def _body(self, request: Request, method: Method) -> tuple[dict[str, Any], FormData]:
        """The parameters in the body: of a form, or a JSON object whatever the Content-Type says."""
        core = self._core
        limit = core.max_photo_bytes + MULTIPART_BYTES if method.uploads else core.max_body_bytes
        data = await reading.body(request, limit)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        bare = data.lstrip(b" \t\r\n\xc2\xa0\xef\xbb\xbf")
        if kind == "multipart/form-data" or (kind == "application/x-www-form-urlencoded" and not bare.startswith(b"{")):
            files = await reading.parse_form(request.headers, data)
            return dict(files.multi_items()), files
        if not bare:
            return {}, FormData()
        body = reading.json(data, reading.charset(request.headers))
        if not isinstance(body, dict):
            raise reading.Malformed("no object")
        return body, FormData()

    async def _admitted(self, call: Call, method: Method) -> Call:
        """The call by whom its token was given to, when they may make it."""
        token = call.given.get("token")
        if not isinstance(token, str) or not token:
            raise Problem(INVALID_TOKEN, "The token is mandatory")
        actor = await actor_of_client(self._core.db, Door.CRMCOM, token.strip(), region=self._core.region)
        # A client is granted methods by name, or all of an area; to log out is everybody's.
        area = method.grant.partition("/")[0]
        if area != AUTHENTICATION and not actor.grants & {area, method.grant}:
            raise Problem(DENIED, f"The user may not call {method.grant}")
        return replace(call, actor=actor, token=token.strip())


def busy() -> Response:
    """What is answered when there is no place for a request; alone of all answers not with HTTP 200, for proxies."""
    answer = _refusal(Problem(UNAVAILABLE, "The service is not available"))
    answer.status_code = 503
    return answer


def nowhere() -> Response:
    """What is answered where there is no method."""
    return _refusal(no_method())


def no_method() -> Problem:
    """There is no method at this path."""
    return Problem(UNKNOWN_METHOD, "There is no such method")


def _refusal(found: Problem) -> Response:
    status = {"message": found.message, "description": found.description, "code": found.code}
    return _json({"status": status, "data": None}, found.headers)


def _json(body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    content = orjson.dumps(body)
    return Response(content, headers=PRIVATE | (headers or {}), media_type="application/json;charset=UTF-8")
