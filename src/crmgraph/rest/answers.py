"""An answer whose headers were made ready before: most of a dialect's are the same in every answer."""

from collections.abc import Iterable, Mapping

from starlette.responses import Response

RawHeaders = tuple[tuple[bytes, bytes], ...]


def raw(headers: Mapping[str, str]) -> RawHeaders:
    """Headers as ASGI has them."""
    return tuple((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items())


class Answer(Response):
    """A response that makes nothing of its headers but its length.

    Args:
        headers: all others that stand before the length.
        after: those behind it.
    """

    def __init__(
        self, body: bytes, status: int, headers: Iterable[tuple[bytes, bytes]], after: RawHeaders = ()
    ) -> None:
        self.status_code = status
        self.background = None
        self.body = body
        self.raw_headers = [*headers, (b"content-length", b"%d" % len(body)), *after]
