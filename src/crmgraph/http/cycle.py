"""A request and its answer, whose head leaves with the first part of its body.

uvicorn writes the head of an answer by itself, so that every answer is two packets and two turns of its client. ASGI
lets a server wait with the head for a part of the body ("Response Start" in its specification of HTTP).
"""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HEADER_RE, HEADER_VALUE_RE, STATUS_LINE, RequestResponseCycle

_FRAMING = frozenset([b"connection", b"transfer-encoding"])


class Cycle(RequestResponseCycle):
    """What uvicorn makes of a request becomes this in `Connection`: it is told nowhere what else to make."""

    _start: Any = None

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

    def _answered(self, start: Any, body: Any) -> bool:
        """Whether this was the whole of an answer, and is written."""
        if self.disconnected or self.flow.write_paused or self.access_log or self.scope["method"] == "HEAD":
            return False
        headers = [*self.default_headers, *start.get("headers", ())]
        content = body.get("body", b"")
        names = [name.lower() for name, _ in headers]
        if body.get("more_body") or (b"content-length", b"%d" % len(content)) not in headers:
            return False
        if not _FRAMING.isdisjoint(names) or names.count(b"content-length") > 1:
            return False
        if HEADER_RE.search(b"".join(names)) or HEADER_VALUE_RE.search(b"".join([value for _, value in headers])):
            return False
        lines = [b"%b: %b\r\n" % header for header in zip(names, [value for _, value in headers], strict=True)]
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        self.response_started = True
        self.waiting_for_100_continue = False
        self.transport.write(b"".join([STATUS_LINE[start["status"]], *lines, b"\r\n", content]))
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
        return True
