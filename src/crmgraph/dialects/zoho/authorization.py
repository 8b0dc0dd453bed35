"""The door of the API: finds the operation, lets in whoever may, and answers every fault in Zoho's words."""

import datetime as dt
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from crmgraph.crm.core import Core
from crmgraph.crm.errors import Refused, TooLarge, Unauthenticated
from crmgraph.crm.identity import clients
from crmgraph.crm.models import Door
from crmgraph.crm.policy import Actor
from crmgraph.db.errors import is_away, log_away
from crmgraph.dialects.zoho import answers, errors
from crmgraph.dialects.zoho.answers import Failed
from crmgraph.dialects.zoho.fields import MODULES, canonical
from crmgraph.dialects.zoho.requests import Call
from crmgraph.http import reading
from crmgraph.http.deadline import within

log = structlog.get_logger(__name__)

PREFIX = "/crm/v2"
"""Where the API is mounted."""
ABSENT = frozenset({"actions", "composite_requests", "coql", "files", "functions", "taxes"})
"""What Zoho has beside the modules and nothing here answers to; no module is called so."""
METHODS = frozenset({"GET", "POST", "PUT", "DELETE"})
"""The methods that Zoho's gateway knows."""
MAX_TOKENS = 4
"""The most tokens that one request is searched for."""
MAX_EXTERNAL = 100
"""How much of a header is told back."""
_SCHEMES = ("zoho-oauthtoken ", "bearer ")

Handler = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Attributes:
        method: GET, POST, PUT or DELETE.
        path: below /crm/v2; {module} is the name of a module, any other name in braces an id.
        handle: carries it out.
        summary: what it does.
        actions: what has to be granted, of READ, CREATE, UPDATE and DELETE.
        area: in which part of the scopes: modules, settings, users or org.
        topic: which part of the area; None is the module in the path.
        parameters: of the query.
        also: a further topic of the area that has to be granted.
        refused: parameters that Zoho has and that ask for what there is nothing of here: they are not passed over.
    """

    method: str
    path: str
    handle: Handler
    summary: str
    actions: tuple[str, ...]
    area: str = "modules"
    topic: str | None = None
    parameters: tuple[str, ...] = ()
    also: str | None = None
    refused: tuple[str, ...] = ()


class Api:
    """The ASGI application below /crm/v2.

    Args:
        operations: all there are.
        unique: {module: the fields that no two of its records may share}.
    """

    def __init__(self, core: Core, operations: Sequence[Operation], unique: Mapping[str, frozenset[str]]) -> None:
        self.core = core
        self.unique = unique
        self.operations = operations
        self.apart = {root(o) for o in operations} - {"{module}"} - MODULES.keys()

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        response = await guarded(request, self.core.request_seconds, lambda seen: self._answer(request, seen))
        await response(scope, receive, send)

    async def _answer(self, request: Request, seen: "Seen") -> Response:
        path = scope_path(request, PREFIX)
        segments = [canonical(part) for part in path.strip("/").split("/")] if path.strip("/") else []
        if request.method not in METHODS:
            raise Failed(errors.INVALID_REQUEST_METHOD)
        if not segments:
            raise Failed(errors.INVALID_URL_PATTERN)
        actor, seen.expires_at = await self._caller(request)
        if segments[0] in ABSENT:
            raise Failed(errors.INVALID_URL_PATTERN)
        # No field here is marked as external: the value in the path must not be taken for an id of ours. Of several
        # such headers any counts; an empty one names no field, and is the same as none.
        if external := next(filter(None, (each.strip() for each in request.headers.getlist("x-external"))), ""):
            raise Failed(errors.EXTERNAL_NOT_FOUND.about(header="X-EXTERNAL", external_field=external[:MAX_EXTERNAL]))
        found = [
            (o, params)
            for o in self.operations
            if (root(o) in self.apart) == (segments[0] in self.apart)
            and (params := match(o.path, segments)) is not None
        ]
        operation, params = next(((o, p) for o, p in found if o.method == request.method), (None, {}))
        if operation is None:
            if segments[0] not in self.apart and segments[0] not in MODULES:
                require_scope(actor, "modules", segments[0], (_ACTIONS[request.method],))
                raise Failed(errors.INVALID_MODULE)
            if not found and _is_relation(segments):
                require_scope(actor, "modules", segments[0], (_ACTIONS[request.method],))
                raise Failed(errors.INVALID_RELATION)
            raise Failed(errors.INVALID_REQUEST_METHOD if found else errors.INVALID_URL_PATTERN)
        module = params.get("module")
        for topic in (operation.topic or module or "", operation.also):
            if topic is not None:
                require_scope(actor, operation.area, topic, operation.actions)
        if module is not None and module not in MODULES:
            raise Failed(errors.INVALID_MODULE)
        named = MODULES.get(module or "")
        call = Call(self.core, request, actor, seen.expires_at, _query(request), params, named, self.unique)
        for name in operation.refused:
            if call.query(name) not in (None, "false"):
                raise Failed(errors.refused_parameter(name))
        return await operation.handle(call)

    async def _caller(self, request: Request) -> tuple[Actor, dt.datetime | None]:
        given = tokens(request)
        if not given:
            raise Failed(errors.AUTHENTICATION_FAILURE)
        for token in given:
            try:
                return await clients.holder_of(self.core.db, Door.ZOHO, token, region=self.core.region)
            except Unauthenticated:
                continue
        raise Failed(errors.INVALID_TOKEN)


def _is_relation(segments: Sequence[str]) -> bool:
    """Whether a path below a module asks for a related list, or a record in one, as far as its form goes."""
    return len(segments) in (3, 4) and _is_id(segments[1]) and segments[2] not in ("photo", "actions", "Notes")


def _is_id(segment: str) -> bool:
    return segment.isascii() and segment.isdecimal()


def _query(request: Request) -> Mapping[str, str]:
    """The parameters of the address.

    Raises:
        Failed: bytes that are escaped there are no text.
    """
    try:
        return reading.query(request)
    except reading.Malformed:
        raise Failed(errors.INVALID_DATA.about(expected_data_type="text", param="query")) from None


_ACTIONS = {"GET": "READ", "POST": "CREATE", "PUT": "UPDATE", "DELETE": "DELETE"}


@dataclass
class Seen:
    """What a request is known by when it fails."""

    expires_at: dt.datetime | None = None


async def guarded(request: Request, seconds: float, answer: Callable[[Seen], Awaitable[Response]]) -> Response:
    """The answer, or the fault that came instead of it in Zoho's words. Nothing of the framework gets out.

    Args:
        seconds: after how long it is given up.
    """
    seen = Seen()
    try:
        async with within(request, seconds):
            return await answer(seen)
    except Failed as failed:
        error = failed.error
    except TooLarge as refused:
        error = errors.told(refused) if refused.path else errors.BODY_TOO_LARGE.about(limit=refused.limit)
    except Refused as refused:
        error = errors.told(refused)
    except ClientDisconnect:
        return Response(status_code=400)
    except Exception as fault:
        if is_away(fault):
            log_away(fault, "zoho")
        else:
            log.exception("unexpected fault", door="zoho")
        error = errors.INTERNAL_ERROR
    return answers.failure(error, seen.expires_at)


def root(operation: Operation) -> str:
    """The first part of its path."""
    return operation.path.split("/")[1]


def scope_path(request: Request, prefix: str) -> str:
    """The path below the place where the application is mounted, whether or not the router has told that place."""
    path: str = request.scope["path"]
    mounted: str = request.scope.get("root_path", "")
    return path.removeprefix(mounted if mounted.endswith(prefix) else mounted + prefix)


def match(template: str, segments: Sequence[str]) -> dict[str, str] | None:
    """What a path brings to the names in a template; None when it is another path. Ids are digits."""
    parts = template.strip("/").split("/")
    if len(parts) != len(segments):
        return None
    found = {}
    for part, segment in zip(parts, segments, strict=True):
        if not part.startswith("{"):
            if part != segment:
                return None
            continue
        name = part[1:-1]
        if name.endswith("id") and not _is_id(segment):
            return None
        found[name] = segment
    return found


def tokens(request: Request) -> list[str]:
    """The tokens that a request brings: in one or more Authorization headers, after a scheme or bare."""
    found: list[str] = []
    for header in request.headers.getlist("authorization"):
        for value in header.split(","):
            token = value.strip()
            for scheme in _SCHEMES:
                if token.lower().startswith(scheme):
                    token = token[len(scheme) :].strip()
            if token and token not in found:
                found.append(token)
    return found[:MAX_TOKENS]


def require_scope(actor: Actor, area: str, topic: str, actions: Sequence[str]) -> None:
    """Let a caller pass whose grants cover the actions: ZohoCRM.modules.ALL, ZohoCRM.modules.leads.READ ...

    Raises:
        Failed: one is not granted.
    """
    granted = {grant.lower() for grant in actor.grants}
    for action in actions:
        words = {"all", action.lower()} | ({"write"} if action in ("CREATE", "UPDATE") else set())
        places = (f"zohocrm.{area}", f"zohocrm.{area}.{topic}".lower())
        if not any(f"{place}.{word}" in granted for place in places for word in words):
            raise Failed(errors.OAUTH_SCOPE_MISMATCH)
