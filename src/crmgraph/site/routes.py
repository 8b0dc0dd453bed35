"""The front page that names every door, the two questions of health, and the photos."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from crmgraph.crm.core import Core
from crmgraph.crm.errors import NotFound, Unavailable
from crmgraph.db.errors import is_away, log_away
from crmgraph.http.deadline import Deadline
from crmgraph.metrics import CONTENT_TYPE, exposition
from crmgraph.rest.openapi import served_at
from crmgraph.site.health import Check, faults
from crmgraph.site.refusals import NOTHING, refusal

if TYPE_CHECKING:
    from jinja2 import Environment

log = structlog.get_logger(__name__)

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
PAGE_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
PHOTO_HEADERS = {
    "Content-Disposition": "inline",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    # What an address serves never changes, so nobody has to ask again; but a photo that is taken away has to be gone
    # from every browser a day later, and what lies between keeps none.
    "Cache-Control": "private, max-age=86400, immutable",
}
RESULT_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-site",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}
BESIDE = {"site.css": "text/css", "icon.svg": "image/svg+xml"}
SIZES = frozenset({"original", "medium", "small"})


def busy() -> Response:
    """What is answered when there is no place for a request, by a door that has no words of its own for it."""
    return _json({"status": "busy"}, 503)


@dataclass(frozen=True, slots=True)
class ApiEntry:
    """One way in, as the front page and the documentation name it.

    Attributes:
        name: as it stands in addresses, e.g. zoho.
        title: as people call it.
        prefixes: the paths below which it answers.
        openapi: makes its document; None for the graph.
        busy: what it answers when there is no place for a request, with the status 503.
        beside: paths near them at which it answers that there is nothing.
    """

    name: str
    title: str
    prefixes: Sequence[str]
    openapi: Callable[[], Mapping[str, Any]] | None = None
    busy: Callable[[], Response] = busy
    beside: Sequence[str] = ()


LIVE = "/health/live"
READY = "/health/ready"


@cache
def _templates() -> "Environment":
    # Only people who read a page in a browser need it, and it takes a tenth of a second to load.
    from jinja2 import Environment, FileSystemLoader, select_autoescape

    return Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=select_autoescape())


def routes(
    core: Core,
    doors: Sequence[ApiEntry],
    credentials: Mapping[str, Any] | None = None,
    *,
    checks: Sequence[Check] = (),
    metrics: bool = False,
) -> list[Route]:
    """The routes.

    Args:
        doors: what the front page names.
        checks: what has to be well before /health/ready says so.
        credentials: what the demo accepts; None outside the demo.
        metrics: whether /metrics is there.
    """

    async def index(_: Request) -> Response:
        page = _templates().get_template("index.html")
        return HTMLResponse(page.render(doors=doors, credentials=credentials), headers=PAGE_HEADERS)

    async def beside(request: Request) -> Response:
        """What the pages load."""
        name = request.url.path.removeprefix("/")
        return Response(
            (Path(__file__).parent / name).read_text(encoding="utf-8"),
            media_type=BESIDE[name],
            headers={"X-Content-Type-Options": "nosniff", "Cache-Control": "max-age=3600"},
        )

    async def live(_: Request) -> Response:
        return _json({"status": "live"})

    async def ready(_: Request) -> Response:
        """Whether all that requests need is well, and if not, what is wrong."""
        wrong = await faults(checks)
        return _json({"status": "; ".join(wrong)}, 503) if wrong else _json({"status": "ready"})

    async def counts(_: Request) -> Response:
        """What Prometheus collects."""
        return Response(exposition(), headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})

    def nothing(request: Request) -> Response:
        return refusal(request, 404, NOTHING)

    async def photo(request: Request) -> Response:
        """A photo, to whoever knows its address: the key in it cannot be guessed, and dies with the photo."""
        size = request.path_params["size"]
        if size not in SIZES:
            return nothing(request)
        try:
            async with Deadline(request, core.request_seconds):
                row, data = await core.record_photos.read(request.path_params["key"], size)
        except NotFound:
            return nothing(request)
        except Exception as error:
            if is_away(error):
                log_away(error, "site")
            elif not isinstance(error, Unavailable):
                raise
            return Response(status_code=503, headers={"Retry-After": "5"})
        etag = f'"{row.key}-{size}"'
        headers = {**PHOTO_HEADERS, "ETag": etag}
        if etag in [each.strip() for each in request.headers.get("if-none-match", "").split(",")]:
            return Response(status_code=304, headers=headers)
        return Response(data, media_type=row.content_type, headers=headers)

    async def result(request: Request) -> Response:
        """What a job has made, to whoever has an address of it that is still good."""
        try:
            async with Deadline(request, core.request_seconds):
                found = await core.tasks.result_of(request.path_params["token"])
        except NotFound:
            return nothing(request)
        except Exception as error:
            if is_away(error):
                log_away(error, "site")
            elif not isinstance(error, Unavailable):
                raise
            return Response(status_code=503, headers={"Retry-After": "5"})
        headers = {**RESULT_HEADERS, "Content-Length": str(found.size)}
        headers["Content-Disposition"] = _saved_as(found.name)
        return StreamingResponse(found.pieces, media_type=found.content_type, headers=headers)

    async def openapi(request: Request) -> Response:
        for door in doors:
            if door.name == request.path_params["door"] and door.openapi is not None:
                return _json(served_at(door.openapi(), core.public_url))
        return nothing(request)

    async def manual(request: Request) -> Response:
        """A dialect's operations as a page to read."""
        for door in doors:
            if door.name == request.path_params["door"] and door.openapi is not None:
                page = _templates().get_template("dialect.html")
                return HTMLResponse(page.render(door=door, document=door.openapi()), headers=PAGE_HEADERS)
        return nothing(request)

    return [
        Route("/", index),
        *(Route(f"/{name}", beside) for name in BESIDE),
        Route(LIVE, live),
        Route(READY, ready),
        Route("/photos/{key}/{size}/{file_name}", photo),
        Route("/results/{token}/{file_name}", result),
        Route("/docs/{door}", manual),
        Route("/docs/{door}/", manual),
        Route("/docs/{door}/openapi.json", openapi),
        *([Route("/metrics", counts)] if metrics else []),
    ]


def _saved_as(name: str) -> str:
    """A Content-Disposition that has a file saved under a name (RFC 6266)."""
    if re.fullmatch(r"[\w.-]+", name, re.ASCII):
        return f'attachment; filename="{name}"'
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"


def _json(value: Any, status: int = 200) -> Response:
    return Response(
        orjson.dumps(value),
        status,
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
        media_type="application/json",
    )
