"""The schema in the schema definition language, for tools that read it from an address, at `/graphql/schema.graphql`.

Its first line has the version of the program and of the schema. It is shown to whom introspection is, and an ETag saves
those who have it from reading it again.
"""

import hashlib
from functools import lru_cache

from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from crmgraph import __version__
from crmgraph.graph.schema.schema import sdl

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


def answer(http: HttpRequest) -> Response:
    """The response to somebody who may read the schema."""
    text, etag = published()
    headers = {**HEADERS, "ETag": etag}
    # Whatever encodes the text makes the tag a weak one.
    known = [each.strip().removeprefix("W/") for each in http.headers.get("if-none-match", "").split(",")]
    if etag in known or known == ["*"]:
        return Response(status_code=304, headers=headers)
    return Response(text, media_type="text/plain; charset=utf-8", headers=headers)
