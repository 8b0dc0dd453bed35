"""WebSockets that are opened: as many as there are places, with a line in the log each."""

import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog
from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket

from crmgraph.http.admission import Places
from crmgraph.logs import request_id

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

log = structlog.get_logger(__name__)


class Opening:
    """Lets WebSockets in while requests would find a place.

    An open one holds none: it has bounds of its own, see `subscribers`.

    Args:
        app: serves it.
    """

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]], places: Places) -> None:
        self._app = app
        self._places = places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._places.is_full():
            self._places.refused("busy")
            busy = PlainTextResponse("Too many requests are in hand: try again in a moment.", 503, {"Retry-After": "1"})
            await WebSocket(scope, receive, send).send_denial_response(busy)
            return
        token = request_id.set(secrets.token_hex(8))
        start = time.perf_counter()
        try:
            await self._app(scope, receive, send)
        finally:
            log.info("websocket", path=scope["path"], seconds=round(time.perf_counter() - start, 1))
            request_id.reset(token)
