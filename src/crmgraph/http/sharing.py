"""What a request at the legacy doors holds of its caller's share of the worker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from crmgraph.db.shares import Share

_KEY = "crmgraph.http.share"
"""Where a request keeps what it holds."""


def holding(request: Request, share: Share) -> Share:
    """The share, as the block in which a request is worked on; see there for what it raises."""
    request.scope[_KEY] = share
    return share


def holds(request: Request) -> bool:
    """Whether a request holds a share; those of GraphQL take theirs when they have been read."""
    return _KEY in request.scope


@asynccontextmanager
async def given_back(request: Request) -> AsyncIterator[None]:
    """A block in which the client is waited for, who may be slow: its address may be that of many."""
    share: Share | None = request.scope.get(_KEY)
    if share is None:
        yield
        return
    share.give_back()
    yield
    await share.take()
