"""The schema in the schema definition language, for tools that read it from an address, at `/graphql/schema.graphql`.

Its first line has the version of the program and of the schema. It is shown to whom introspection is, and an ETag saves
those who have it from reading it again.
"""

import hashlib
from functools import lru_cache

from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from crmgraph import __version__
from crmgraph.crm.core import Core
from crmgraph.crm.errors import Unauthenticated
from crmgraph.db.errors import is_away, log_away
from crmgraph.graph.edge.requests import BadRequest
from crmgraph.graph.execution.engine import Introspection
from crmgraph.graph.schema.schema import sdl
from crmgraph.http.deadline import within

HEADERS = {
    "Cache-Control": "private, no-cache",
    "Vary": "Authorization, Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}


@lru_cache(maxsize=1)
def published() -> tuple[str, str]:
    """(the text, its ETag)."""
    text = sdl()
    version = hashlib.sha256(text.encode()).hexdigest()[:16]
    return f"# crmgraph {__version__}, schema {version}\n\n{text}", f'"{version}"'


async def answer(http: HttpRequest, core: Core, introspection: Introspection, token: str | None) -> Response:
    """The response to somebody who wants to read the schema.

    Raises:
        BadRequest: it is not shown to them.
    """
    if introspection == "closed":
        raise BadRequest("The schema is not shown here.", 403, "INTROSPECTION_DISABLED")
    if introspection == "signed-in":
        await _verify(http, core, token)
    text, etag = published()
    headers = {**HEADERS, "ETag": etag}
    # Whatever encodes the text makes the tag a weak one.
    known = [each.strip().removeprefix("W/") for each in http.headers.get("if-none-match", "").split(",")]
    if etag in known or known == ["*"]:
        return Response(status_code=304, headers=headers)
    return Response(text, media_type="text/plain; charset=utf-8", headers=headers)


async def _verify(http: HttpRequest, core: Core, token: str | None) -> None:
    """Let those pass whose token holds.

    Raises:
        BadRequest: it does not.
    """
    if not token:
        message = "The schema is shown to who is signed in: sign in first."
        raise BadRequest(message, 401, "INTROSPECTION_DISABLED", **{"WWW-Authenticate": "Bearer"})
    try:
        async with within(http, core.request_seconds):
            await core.identity.actor_of(token)
    except Unauthenticated:
        message = "The token does not hold, or not any more."
        raise BadRequest(message, 401, "UNAUTHENTICATED", **{"WWW-Authenticate": "Bearer"}) from None
    except Exception as error:
        if not is_away(error):
            raise
        log_away(error, "graphql")
        message = "The records are out of reach at the moment: try again later."
        raise BadRequest(message, 503, "UNAVAILABLE") from None
