"""The front of a dialect's API: one ASGI application that finds the operation, has it carried out, and answers whatever
went wrong in the dialect's words. Nothing of the framework gets out.
"""

import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from crmgraph.crm.core import Core
from crmgraph.crm.errors import Refused
from crmgraph.crm.models import Door
from crmgraph.crm.usage import NOWHERE, Called, caller_of
from crmgraph.db.errors import is_away, log_away
from crmgraph.db.shares import Crowded
from crmgraph.http.charsets import Malformed
from crmgraph.http.deadline import Deadline
from crmgraph.http.reading import address
from crmgraph.http.sharing import holding
from crmgraph.rest.keys import given_keys, once, read_ahead
from crmgraph.rest.requests import Call, Operation, RequestError

log = structlog.get_logger(__name__)


async def unchecked(call: Any) -> None:
    """Let every call pass."""


def _as_it_is(value: Any, call: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Wording:
    """How a dialect words what is refused. A failure is an object of the dialect's own.

    Attributes:
        failed: the answer that a failure is, and the call that it ends; None where there is none yet.
        refused: the failure that a refusal of the core is.
        not_found: there is nothing at this path; of the call, or None where nobody has looked.
        method_not_allowed: there is something, but not for the method of the call; of the call and the methods that
            are allowed, in the order of the table.
        busy: there is no place for a request.
        malformed: the request cannot be read, and the dialect says nothing of its own of it.
        away: the database does not answer, or the time of the request is over.
        unexpected: a fault of ours.
    """

    failed: Callable[[Any, Any], Response]
    refused: Callable[[Refused], Any]
    not_found: Callable[[Any], Any]
    method_not_allowed: Callable[[Any, Sequence[str]], Any]
    busy: Any
    malformed: Any
    away: Any
    unexpected: Any


@dataclass(frozen=True, slots=True)
class Api:
    """An API of a dialect, as data.

    A request is checked in this order: `before`; the path; the method, HEAD as GET; `admit`. Then its operation has it.

    Attributes:
        door: the dialect's name in the log.
        prefix: before the path of every operation.
        operations: all there are. Of several whose path matches, the first with the method of the request counts.
        call: makes the dialect's `Call`, of the core and the request.
        wording: how refusals are told.
        variables: {variable of a path: the regular expression of its values}; any text without a slash by default.
        path: brings the path of a request, below the prefix, into the form of the table.
        before: lets a call pass that has no operation yet, or raises.
        admit: lets a call of an operation pass, or raises.
        answer: the answer to what an operation has returned, and its call.
        mounted: at which paths (of Starlette's routes) requests come here; the prefix and all below it by default.
    """

    door: str
    prefix: str
    operations: Sequence[Operation]
    call: Callable[[Core, Request], Call]
    wording: Wording
    variables: Mapping[str, str] = field(default_factory=dict)
    path: Callable[[str], str] = str
    before: Callable[[Any], Awaitable[None]] = unchecked
    admit: Callable[[Any], Awaitable[None]] = unchecked
    answer: Callable[[Any, Any], Response] = _as_it_is
    mounted: Sequence[str] = ()

    def busy(self) -> Response:
        """What is answered when there is no place for a request."""
        return self.wording.failed(self.wording.busy, None)

    def nowhere(self) -> Response:
        """What is answered where there is no operation, and no call is made."""
        return self.wording.failed(self.wording.not_found(None), None)


def mounts(core: Core, api: Api) -> list[Route]:
    """The routes that lead to an API."""
    front = Front(core, api)
    return [Route(path, front) for path in api.mounted or (api.prefix, f"{api.prefix}/{{path:path}}")]


class Front:
    """The ASGI application of an API.

    Raises:
        ValueError: an operation stands below another one that takes all its requests.
    """

    def __init__(self, core: Core, api: Api) -> None:
        self._core = core
        self._api = api
        self.door = Door(api.door.upper())
        self._paths: dict[re.Pattern[str], dict[str, Operation]] = {}
        self._fixed: dict[tuple[str, str], Found] = {}
        self._variable: dict[str, list[tuple[re.Pattern[str], Operation]]] = {}
        for operation in api.operations:
            pattern = _pattern(operation.path, api.variables)
            for above, others in self._paths.items():
                if operation.method in others and above.fullmatch(operation.path):
                    raise ValueError(
                        f"{api.door}: {operation.method} {operation.path} is never reached, since "
                        f"{others[operation.method].path} matches it too: put its row above that one"
                    )
            self._paths.setdefault(pattern, {})[operation.method] = operation
            if pattern.groups:
                self._variable.setdefault(operation.method, []).append((pattern, operation))
            else:
                # No row above it takes this path, as was just seen.
                self._fixed[operation.method, operation.path] = (operation, {}, ())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = self._api.call(self._core, Request(scope, receive))
        start = time.perf_counter()
        response = await self.answer(call)
        self._count(call, response, time.perf_counter() - start)
        await response(scope, receive, send)

    def _count(self, call: Call, response: Response, seconds: float) -> None:
        # Of a call that was refused before that, nobody has looked for it.
        operation: Operation | None = getattr(call, "operation", None) or self._match(call.request.method, call.path)[0]
        called = Called(
            self.door,
            NOWHERE if operation is None else operation_name(self._api.prefix, operation),
            caller_of(call.actor, call.let_in),
            call.refused or response.status_code >= 400,
            len(getattr(response, "body", b"")),
            seconds,
            call.named,
        )
        request = call.request
        self._core.usage.add(called, time.time(), lambda: (request.headers.get("user-agent"), address(request)))

    async def answer(self, call: Call) -> Response:
        """The answer, whatever happens."""
        wording = self._api.wording
        try:
            async with Deadline(call.request, self._core.request_seconds):
                try:
                    return await self._carry_out(call)
                finally:
                    await call.close()
        except RequestError as error:
            failure = error.failure
        except Refused as refused:
            failure = wording.refused(refused)
        except Malformed:
            failure = wording.malformed
        except ClientDisconnect:
            return Response(status_code=400)  # which nobody hears
        except Crowded:
            call.refused = True
            response = wording.failed(wording.busy, call)
            response.headers["Retry-After"] = "1"
            return response
        except Exception as error:
            if is_away(error):
                log_away(error, self._api.door)
                failure = wording.away
            else:
                log.exception("unexpected fault", door=self._api.door)
                failure = wording.unexpected
        call.refused = True
        return wording.failed(failure, call)

    async def _carry_out(self, call: Call) -> Response:
        scope = call.request.scope
        path = scope["path"].removeprefix(scope.get("root_path", "")).removeprefix(self._api.prefix)
        call.path = self._api.path(path)
        has_key = bool(given_keys(call.request))
        if has_key:
            await read_ahead(call)
        found = self._match(call.request.method, call.path)
        if found[0] is not None and found[0].stands and not has_key:
            call.stands = True
            try:
                done = await self._carried(call, found, has_key=has_key)
            except (RequestError, Refused):
                if call.standing is None:
                    raise
            if call.standing is None:
                return done
            # Nobody has verified a caller who was known from before, so nothing is told to them.
            call.stands, call.standing = False, None
        return await self._carried(call, found, has_key=has_key)

    async def _carried(self, call: Call, found: "Found", *, has_key: bool) -> Response:
        """The answer of an operation to a caller who may ask for it."""
        await self._api.before(call)
        self._tell(call, found)
        await self._api.admit(call)
        caller = call.actor.principal or address(call.request)
        async with holding(call.request, self._core.shares.of(caller)):
            if has_key:
                return await once(call, self._api.door, partial(self._handle, call))
            return await self._handle(call)

    async def _handle(self, call: Call) -> Response:
        return self._api.answer(await call.operation.handler(call), call)

    def _tell(self, call: Call, found: "Found") -> None:
        """Tell a call its operation.

        Raises:
            RequestError: there is none.
        """
        wording = self._api.wording
        operation, call.params, allowed = found
        if operation is not None:
            call.operation = operation
        elif allowed:
            raise RequestError(wording.method_not_allowed(call, allowed))
        else:
            raise RequestError(wording.not_found(call))

    def away(self) -> Response:
        """What is answered where what a call needs does not answer."""
        return self._api.wording.failed(self._api.wording.away, None)

    def operation_at(self, method: str, path: str) -> str | None:
        """What a call is counted as; None where there is no such operation.

        Args:
            path: with the prefix of the API.
        """
        if not path.startswith(self._api.prefix):
            return None
        below = path.removeprefix(self._api.prefix)
        found = self._match(method, self._api.path(below))[0]
        return None if found is None else operation_name(self._api.prefix, found)

    def _match(self, method: str, path: str) -> "Found":
        """The operation of a method and path, and what the path brings; without one, the methods that the path has."""
        if method == "HEAD":
            method = "GET"
        if (known := self._fixed.get((method, path))) is not None:
            return known
        if not path.endswith("/"):
            for pattern, operation in self._variable.get(method, ()):
                if (found := pattern.fullmatch(path)) is not None:
                    return operation, found.groupdict(), ()
        allowed: list[str] = []
        for pattern, operations in self._paths.items():
            if (found := pattern.fullmatch(path)) is None:
                continue
            if (own := operations.get(method)) is not None:
                return own, found.groupdict(), ()
            allowed += operations
        return None, {}, allowed


Found: TypeAlias = tuple[Operation | None, Mapping[str, str], Sequence[str]]
"""An operation and what the path brings; without one, the methods that the path has."""


def operation_name(prefix: str, operation: Operation) -> str:
    """What an operation is counted as: its method and whole path, e.g. `GET /crm/v2/{module}/{id}`."""
    return f"{operation.method} {prefix}{operation.path}"


def operation_names(*apis: Api) -> tuple[str, ...]:
    """What all operations of these are counted as."""
    return tuple(operation_name(api.prefix, operation) for api in apis for operation in api.operations)


def _pattern(path: str, variables: Mapping[str, str]) -> re.Pattern[str]:
    """What the paths of an operation match; a slash at the end is passed over."""
    parts = re.split(r"\{(\w+)\}", path)
    for i, part in enumerate(parts):
        parts[i] = f"(?P<{part}>{variables.get(part, '[^/]+')})" if i % 2 else re.escape(part)
    return re.compile("".join(parts) + "/?")
