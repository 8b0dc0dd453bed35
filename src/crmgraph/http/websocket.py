"""A WebSocket within bounds of ours, over uvicorn's own protocol (RFC 6455)."""

import asyncio
import logging
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from crmgraph.http.admission import Watch

MAX_MESSAGE = 256 * 1024
"""The longest message, in bytes: twice the longest document, as variables come beside it."""
PING_SECONDS = 20.0
"""How often a client is asked whether it is there, and how long its answer is waited for."""
LINGER_SECONDS = 5.0
"""How long a client is waited for that has been told that it is over."""
GOING_AWAY = 1001

_WARNINGS = logging.getLogger("uvicorn.error.websocket")
_WARNINGS.setLevel(logging.WARNING)


class WebSocketConnection(WebSocketsSansIOProtocol):
    """One WebSocket: it says that the server goes away when it does, and does not outlive whoever worked on it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # They would tell of each connection with its whole address, and of each message: there are tokens in them.
        self.logger = self.conn.logger = _WARNINGS
        self.conn.debug = False

    def shutdown(self) -> None:
        """The server is about to end."""
        watch: Watch = self.app_state["watch"]
        watch.draining.set()
        if not self.handshake_complete or self.close_sent:
            super().shutdown()
            return
        self.stop_keepalive()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": GOING_AWAY})
        self.conn.send_close(GOING_AWAY)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.close()

    def on_task_complete(self, task: asyncio.Task[Any]) -> None:
        """Nobody works on it any more."""
        super().on_task_complete(task)
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)


__all__ = ["WebSocketConnection"]
