"""Heads of requests that came before: a client that asks again sends the same line and headers, often to the byte.

What a parser makes of the same bytes is the same, so that they are read once. Only what leaves nothing open is kept: a
whole head of HTTP/1.1 with the length of its body, on a connection that lasts.
"""

from dataclasses import dataclass
from typing import Any

from crmgraph.recent import Recent

MAX_HEAD = 4_096
"""The longest head that is kept, in bytes."""
MAX_REQUEST = 16_384
"""The longest request whose head is looked up, in bytes."""
KEPT_BYTES = 2**20
"""What the heads that are kept may take together, in bytes, each reckoned as four times its own."""
_OPEN = frozenset([b"upgrade", b"expect", b"transfer-encoding", b"http2-settings"])
"""Headers that say how the connection or the body goes on."""
_ADDRESS = ("method", "path", "raw_path", "query_string")


@dataclass(frozen=True, slots=True)
class Head:
    """What was read of a head.

    Attributes:
        url: the address as it stands there.
        address: what the scope of ASGI has of it and of the method.
        headers: with names in small letters.
        spelled: the same as they were spelled; empty where nobody asks for that.
        end: where the body begins.
        whole: how long the request is.
    """

    url: bytes
    address: dict[str, Any]
    headers: tuple[tuple[bytes, bytes], ...]
    spelled: tuple[tuple[bytes, bytes], ...]
    end: int
    whole: int


class Heads:
    """The heads that connections of one worker have read, the last ones asked for."""

    def __init__(self) -> None:
        self._kept: Recent[bytes, Head] = Recent(KEPT_BYTES, lambda head: 4 * head.end)

    def of(self, data: bytes) -> Head | None:
        """The head of a request that is whole; None where it is not known, or more or less has come.

        Args:
            data: begins where a request does.
        """
        head = self._kept.get(data[: _end(data)])
        return head if head is not None and len(data) == head.whole else None

    def keep(self, data: bytes, length: int, url: bytes, scope: Any, spelled: list[tuple[bytes, bytes]]) -> None:
        """Keep the head of a request that was read, if it may be.

        Args:
            data: of which the request was read, and nothing else was.
            length: of the body, as the parser has found it.
        """
        end = _end(data)
        if len(data) > MAX_REQUEST or end + length != len(data) or scope["http_version"] != "1.1":
            return
        headers = scope["headers"]
        for name, value in headers:
            if name in _OPEN or (name == b"connection" and value.lower() != b"keep-alive"):
                return
        address = {name: scope[name] for name in _ADDRESS}
        self._kept.keep(data[:end], Head(url, address, tuple(headers), tuple(spelled), end, len(data)))


def _end(data: bytes) -> int:
    """Where a head ends that may be kept; 0 where there is none."""
    return data.find(b"\r\n\r\n", 0, MAX_HEAD) + 4 if len(data) <= MAX_REQUEST else 0
