"""What is answered at paths that are no door's: a page for browsers, JSON for programs."""

from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

if TYPE_CHECKING:
    from jinja2 import Environment

HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Vary": "Accept"}
PAGE = HEADERS | {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
}
NOTHING = "There is nothing at this path. The front page, /, names every door and its documentation."
_TITLES = {404: "Not found", 405: "Method not allowed"}


def wants_html(accept: str) -> bool:
    """Whether an Accept header names HTML before JSON: browsers do, programs that say */* do not."""
    named = {part.partition(";")[0].strip().lower(): i for i, part in reversed([*enumerate(accept.split(","))])}
    return "text/html" in named and named["text/html"] < named.get("application/json", len(named) + 1)


def refused(request: Request, error: Exception) -> Response:
    """The answer to a request that no route takes, or none by its method."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    if status == 405:
        # The router has them as a set, in no order.
        allowed = headers["Allow"] = ", ".join(sorted(headers.get("Allow", "GET").split(", ")))
        return refusal(request, 405, f"This path is not asked by {request.method[:20]}, but by {allowed}.", headers)
    return refusal(request, status, NOTHING, headers)


def refusal(request: Request, status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    """A refusal in the form that the request accepts."""
    title = _TITLES.get(status, "Not done")
    if wants_html(request.headers.get("accept", "")):
        page = _templates().get_template("refusal.html")
        return HTMLResponse(page.render(title=title, message=message), status, headers=PAGE | (headers or {}))
    body = orjson.dumps({"error": title.lower(), "message": message})
    return Response(body, status, HEADERS | (headers or {}), "application/json")


def _templates() -> "Environment":
    # Loaded when a browser loses its way, and not before.
    from jinja2 import Environment, FileSystemLoader, select_autoescape

    return Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=select_autoescape())
