"""Idempotency keys of the dialects: a request that comes again under its key is answered as the first time."""

import hashlib
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from crmgraph.crm import idempotency
from crmgraph.crm.idempotency import HEADER, Claim, KeptAnswer
from crmgraph.http import reading
from crmgraph.http.headers import headers_of
from crmgraph.rest.requests import Call

REPLAYED = {"Idempotency-Replayed": "true"}
_HEADER = HEADER.lower().encode()
_ONLY_READ = frozenset({"GET", "HEAD", "OPTIONS"})
_BODY = "crmgraph.rest.body"
"""Where a request with a key keeps the digest of its body."""


def given_keys(request: Request) -> list[str]:
    """The keys that a request has in its headers: one, where it has any."""
    return [] if request.scope["method"] in _ONLY_READ else headers_of(request.scope, _HEADER)


async def read_ahead(call: Call) -> None:
    """Read the body of a call that has a key, before anybody else does: it is a part of what the request says.

    Raises:
        ClientDisconnect: the client went away.
    """
    request = call.request
    data, _ = await reading.beginning(request, call.core.max_body_bytes + call.core.max_photo_bytes + 1)
    request.scope[_BODY] = hashlib.sha256(data).hexdigest()
    call.request = Request(request.scope, _again(data, request))


async def once(call: Call, door: str, answer: Callable[[], Awaitable[Response]]) -> Response:
    """The answer to a request that has a key, or what was answered under it before.

    Args:
        call: of an operation that may be carried out, whose body was read ahead.
        door: the dialect's name.

    Raises:
        Invalid: the header is no key.
        Conflicting: the key belongs to another request.
        AlreadyDone: the request was carried out, and its answer is not kept.
        Whatever `answer` raises.
    """
    request, core = call.request, call.core
    key = idempotency.key_of(given_keys(request))
    if key is None:
        return await answer()
    principal = call.actor.principal
    caller = f"address:{call.address}" if principal is None else f"{principal[0]}:{principal[1]}"
    scope = request.scope
    said = (door, request.method, scope["path"], scope.get("query_string", b"").hex(), scope[_BODY])
    claim = Claim(core.db, caller[:64], key, core.keys.marks("\n".join(("idempotency", *said))), door)
    done = await idempotency.once(claim, answer, _kept)
    if isinstance(done, KeptAnswer):
        return Response(done.body, done.status, REPLAYED, done.content_type or None)
    return done


def _kept(response: Response) -> KeptAnswer | None:
    if response.headers.get("set-cookie") is not None:
        return None  # it lets somebody in
    return KeptAnswer(response.status_code, response.headers.get("content-type", ""), bytes(response.body))


def _again(data: bytes, request: Request) -> Callable[[], Awaitable[Message]]:
    """What gives a body that was read once more, and then goes on as the request itself."""
    given = iter([{"type": "http.request", "body": data, "more_body": False}])

    async def receive() -> Message:
        return next(given, None) or await request.receive()

    return receive
