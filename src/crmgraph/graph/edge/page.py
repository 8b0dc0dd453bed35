"""The GraphiQL page: what a browser sees at the GraphQL endpoint.

The page and its assets are built from the top-level folder `graphiql/` and lie beside this module; nothing comes from
another host. The endpoint itself is another module's: it answers `page()` where `wants_page()` says so, and mounts
`routes()`.
"""

import gzip
import html
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from crmgraph.http.weights import weights

BUILT = Path(__file__).parents[1] / "graphiql"

# Monaco writes the place and width of every line as a style attribute and its theme as a style element, hence
# 'unsafe-inline' for styles. Scripts have no such exception, and no policy here lets a style reach another host.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    )
)
SECURITY_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
REVALIDATE = {**SECURITY_HEADERS, "Cache-Control": "no-cache"}
IMMUTABLE = {**SECURITY_HEADERS, "Cache-Control": "public, max-age=31536000, immutable"}

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".txt": "text/plain; charset=utf-8",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}
COMPRESSED_ALREADY = {".woff", ".woff2"}

HTML_TYPES = ("text/html", "application/xhtml+xml")
GRAPHQL_TYPES = ("application/graphql-response+json", "application/json", "text/event-stream", "multipart/mixed")


def page(prefix: str = "/graphql", *, demo: bool = False) -> Response:
    """The page for an endpoint at the path `prefix`; with `demo` it offers the users of `routes(demo=...)`."""
    return HTMLResponse(_page_text(prefix, demo), headers={**REVALIDATE, "Vary": "Accept"})


@lru_cache(maxsize=4)
def _page_text(prefix: str, demo: bool) -> str:
    text = (BUILT / "index.html").read_text(encoding="utf-8")
    return text.replace("__PREFIX__", html.escape(prefix)).replace("__DEMO__", str(demo).lower())


def wants_page(request: Request) -> bool:
    """Whether a request to the endpoint comes from a browser's address bar and not from a GraphQL client.

    True for GET and HEAD that accept HTML by name, rather than a media type of an answer. An operation in the address
    is shown by the page and not run: a link that somebody was sent does nothing by itself. One that is named by
    `documentId` or `extensions` alone cannot be shown.
    """
    parameters = request.query_params.keys()
    if request.method not in {"GET", "HEAD"} or (
        "query" not in parameters and parameters & {"documentId", "extensions"}
    ):
        return False
    accepted = weights(request.headers.getlist("accept"))
    page_weight = max(accepted.get(name, 0.0) for name in HTML_TYPES)
    return page_weight > max(accepted.get(name, 0.0) for name in GRAPHQL_TYPES)


def routes(prefix: str = "/graphql", *, demo: Mapping[str, Mapping[str, str]] | None = None) -> list[Route]:
    """The routes below the endpoint: the page's assets, and `demo.json`, which is a 404 unless `demo` is given.

    Args:
        prefix: the path of the endpoint.
        demo: in demo mode, by name (`customer`, `staff`) the `email` and `password` to sign in with.
    """
    # Only what lies in the folder now is ever served: no path is made from what a client sends.
    assets = {file.name: file for file in (BUILT / "assets").iterdir()}
    unhashed = {file.name: file for file in (BUILT / "samples.json", BUILT / "LICENSES.txt")}

    def asset(request: Request) -> Response:  # not async: Starlette runs it in a thread, it reads and compresses
        name = request.path_params["name"]
        if name in assets:
            return _file_response(assets[name], IMMUTABLE, request)
        if name in unhashed:
            return _file_response(unhashed[name], REVALIDATE, request)
        return Response(status_code=404, headers=REVALIDATE)

    async def demo_users(_: Request) -> Response:
        if demo is None:
            return Response(status_code=404, headers=REVALIDATE)
        return JSONResponse({who: dict(user) for who, user in demo.items()}, headers=REVALIDATE)

    return [Route(f"{prefix}/assets/{{name}}", asset), Route(f"{prefix}/demo.json", demo_users)]


def _file_response(file: Path, headers: Mapping[str, str], request: Request) -> Response:
    media_type = MEDIA_TYPES[file.suffix]
    if file.suffix in COMPRESSED_ALREADY:
        return Response(file.read_bytes(), headers=headers, media_type=media_type)
    headers = {**headers, "Vary": "Accept-Encoding"}
    if weights(request.headers.getlist("accept-encoding")).get("gzip", 0.0) > 0:
        return Response(_compressed(file), headers={**headers, "Content-Encoding": "gzip"}, media_type=media_type)
    return Response(file.read_bytes(), headers=headers, media_type=media_type)


@lru_cache(maxsize=64)
def _compressed(file: Path) -> bytes:
    return gzip.compress(file.read_bytes(), mtime=0)
