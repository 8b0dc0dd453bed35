"""Subscribers: how many WebSockets and event streams a worker has open, of all and of each caller."""

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from crmgraph.metrics import SUBSCRIBERS


class TooManySubscribers(Exception):
    """There is no room for one more, of this caller or of all."""


class Subscribers:
    """Those of one worker.

    Args:
        most: at once.
        of_one: of one caller.
    """

    def __init__(self, most: int, of_one: int) -> None:
        self._most = most
        self._of_one = of_one
        self._all = 0
        self._callers: Counter[Hashable] = Counter()

    @contextmanager
    def joined(self) -> Iterator[None]:
        """A block for one that is open.

        Raises:
            TooManySubscribers: see there.
        """
        if self._all >= self._most:
            raise TooManySubscribers
        self._all += 1
        SUBSCRIBERS.set(self._all)
        try:
            yield
        finally:
            self._all -= 1
            SUBSCRIBERS.set(self._all)

    @contextmanager
    def of(self, caller: Hashable) -> Iterator[None]:
        """A block in which it is this caller's.

        Raises:
            TooManySubscribers: see there.
        """
        if self._callers[caller] >= self._of_one:
            raise TooManySubscribers
        self._callers[caller] += 1
        try:
            yield
        finally:
            self._callers[caller] -= 1
            if not self._callers[caller]:
                del self._callers[caller]


def is_of(headers: Headers, origins: Sequence[str], public_url: str) -> bool:
    """Whether a page may open a WebSocket here, which no browser asks about by itself (RFC 6455, section 10.2).

    Programs that are no browsers send no Origin.

    Args:
        origins: of other sites whose pages may.
        public_url: the address under which pages of ours are reached, beside the one that the request names.
    """
    origin = headers.get("origin")
    if origin is None or origin in origins or "*" in origins:
        return True
    parts = urlsplit(public_url)
    own = f"{parts.scheme}://{parts.netloc}"
    # Scheme and authority alone (RFC 6454, section 7): whatever else stands there is no page of ours.
    return origin == own or origin.partition("://")[2] == headers.get("host")
