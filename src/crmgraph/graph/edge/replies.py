"""Replies: how an answer goes over HTTP, its status and its headers."""

from hashlib import blake2b

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from crmgraph.graph.edge.requests import GRAPHQL_JSON, JSON, BadRequest
from crmgraph.graph.execution.engine import Answer

HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Vary": "Accept, Authorization"}
RAW_HEADERS = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
KEPT_HEADERS = [(name, b"private, no-cache" if name == b"cache-control" else value) for name, value in RAW_HEADERS]
"""Of what a client may keep for itself, and has to ask about each time: it is somebody's personal data."""
STATUSES = {
    "UNAUTHENTICATED": 401,
    "METHOD_NOT_ALLOWED": 405,
    "ALREADY_DONE": 409,
    "CONFLICTING": 422,
    "TIMEOUT": 503,
    "UNAVAILABLE": 503,
}
"""The status of a request that was not run, by its code; 400 for every other."""
MAX_ETAGS = 1_000
"""The longest If-None-Match that is read, in characters."""


def etag_of(content: bytes) -> str:
    """What stands for an answer, to the byte."""
    return f'"{blake2b(content, digest_size=16).hexdigest()}"'


def is_known(given: str, etag: str) -> bool:
    """Whether a client has an answer already (RFC 9110, section 13.1.2).

    Args:
        given: If-None-Match.
    """
    return etag in (each.strip().removeprefix("W/") for each in given[:MAX_ETAGS].split(","))


class Reply:
    """The response to what was run or refused as GraphQL, sent without the work of a response that may be anything.

    Args:
        last: whether the connection ends with it: something of the request was not read.
        replayed: whether it was answered before, see `keys.py`.
        etag: by which the client may ask whether it is still the answer; None where it may not keep it.
    """

    def __init__(
        self,
        content: bytes,
        status: int,
        media_type: str,
        *,
        last: bool = False,
        etag: str | None = None,
        replayed: bool = False,
    ) -> None:
        self._last = last
        self._replayed = replayed
        self._etag = etag
        self._content = content
        self._status = status
        self._media_type = media_type

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [
            (b"content-type", b"%b; charset=utf-8" % self._media_type.encode()),
            (b"content-length", b"%d" % len(self._content)),
            *(RAW_HEADERS if self._etag is None else KEPT_HEADERS),
        ]
        if self._etag is not None:
            headers.append((b"etag", self._etag.encode()))
        if self._replayed:
            headers.append((b"idempotency-replayed", b"true"))
        if self._last:
            headers.append((b"connection", b"close"))
        if self._status == 405:
            headers.append((b"allow", b"POST"))
        if self._status == 503:
            headers.append((b"retry-after", b"1"))
        if self._status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": self._content})


def token_of(authorization: str) -> str | None:
    """The token of an Authorization header; None without the header, and "", which no token is, for another scheme."""
    scheme, _, token = authorization.partition(" ")
    if not scheme:
        return None
    return token.strip() if scheme.lower() == "bearer" else ""


def status_of(answer: Answer, media_type: str) -> int:
    if answer.ran:
        return 200
    code = (answer.errors[0].extensions or {}).get("code", "")
    if code in STATUSES:
        return STATUSES[code]
    return 400 if media_type == GRAPHQL_JSON else 200


def refused(bad: BadRequest) -> Response:
    body = {"errors": [{"message": bad.message, "extensions": {"code": bad.code, **bad.facts}}]}
    headers = {**HEADERS, **bad.headers}
    return Response(orjson.dumps(body), bad.status, headers, media_type=f"{JSON}; charset=utf-8")
