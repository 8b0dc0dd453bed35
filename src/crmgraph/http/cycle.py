"""A request and its answer, whose head leaves with the first part of its body.

uvicorn writes the head of an answer by itself, so that every answer is two packets and two turns of its client. ASGI
lets a server wait with the head for a part of the body ("Response Start" in its specification of HTTP).
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HEADER_RE, HEADER_VALUE_RE, STATUS_LINE, RequestResponseCycle

_FRAMING = frozenset([b"connection", b"transfer-encoding"])
_KEPT_LINES = 500
_KEPT_BYTES = 200

_lines: dict[tuple[bytes, bytes], tuple[bytes, bytes]] = {}
"""{header: (its name in small letters, its line)}, of short ones that were written: most answers have the same."""


class Cycle(RequestResponseCycle):
    """What `Connection` makes of a request; all that is not said here is uvicorn's.

    Nobody waits for a request that is there already, as most are when their work begins: what uvicorn's
    `message_event` would tell, `set` tells to whoever waits by then.

    Args:
        connection: a `Connection`.
        expects: whether the client waits for a word to send the body (RFC 9110, section 10.1.1).
        keep_alive: whether the connection outlasts the answer.
    """

    def __init__(self, connection: Any, scope: Any, *, expects: bool, keep_alive: bool) -> None:
        self.scope = scope
        self.transport = connection.transport
        self.flow = connection.flow
        self.logger = connection.logger
        self.access_logger = connection.access_logger
        self.access_log = connection.access_log
        self.default_headers = connection.server_state.default_headers
        self.on_response = connection.on_response_complete
        self.disconnected = False
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = expects
        self.body = bytearray()
        self.more_body = True
        self.response_started = False
        self.response_complete = False
        self.chunked_encoding = None
        self.expected_content_length = 0
        self._news = False
        self._waited: asyncio.Event | None = None
        self._start: Any = None

    @property
    def message_event(self) -> "Cycle":  # type: ignore[override]  # uvicorn only sets it
        return self

    def set(self) -> None:
        """There is something to receive."""
        self._news = True
        if self._waited is not None:
            self._waited.set()

    async def receive(self) -> Any:
        """The next part of the body, or that the client has gone or has been answered."""
        if self.waiting_for_100_continue and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        if not self.disconnected and not self.response_complete:
            self.flow.resume_reading()
            if not self._news:
                if self._waited is None:
                    self._waited = asyncio.Event()
                await self._waited.wait()
                self._waited.clear()
            self._news = False
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body = self.body, bytearray()
        return {"type": "http.request", "body": bytes(body), "more_body": self.more_body}

    async def send(self, message: Any) -> None:
        """Send the head of an answer, or a part of its body.

        A whole answer whose length is known is written at once, and everything else as uvicorn does it.
        """
        if not self.response_started and message["type"] == "http.response.start":
            self._start = message
            return
        start, self._start = self._start, None
        if start is not None:
            if self._answered(start, message):
                return
            await super().send(start)
            if start["status"] == 304:
                # Its length is that of the body which it does not have (RFC 9110, section 8.6).
                self.expected_content_length = 0
        await super().send(message)

    def _answered(self, start: Any, message: Any) -> bool:
        """Whether this was the whole of an answer, and is written."""
        if self.disconnected or self.flow.write_paused or self.access_log or self.scope["method"] == "HEAD":
            return False
        if message.get("more_body"):
            return False
        content = message.get("body", b"")
        lines = [STATUS_LINE[start["status"]]]
        length = None
        for header in (*self.default_headers, *start.get("headers", ())):
            known = _lines.get(header) or _checked(header)
            if known is None or known[0] in _FRAMING:
                return False
            if known[0] == b"content-length":
                if length is not None:
                    return False
                length = header[1]
            lines.append(known[1])
        if length != b"%d" % len(content):
            return False
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        self.response_started = True
        self.waiting_for_100_continue = False
        lines.append(b"\r\n")
        lines.append(content)
        self.transport.write(b"".join(lines))
        self.response_complete = True
        self.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
        return True


def _checked(header: tuple[bytes, bytes]) -> tuple[bytes, bytes] | None:
    """The name and the line of a header; None where HTTP does not have such a one."""
    name, value = header
    name = name.lower()
    if HEADER_RE.search(name) or HEADER_VALUE_RE.search(value):
        return None
    known = name, b"%b: %b\r\n" % (name, value)
    if len(known[1]) <= _KEPT_BYTES:
        if len(_lines) >= _KEPT_LINES:
            _lines.clear()
        _lines[header] = known
    return known
