"""The subscriptions."""

from collections.abc import AsyncIterator
from typing import Any, cast

import strawberry
from strawberry import UNSET

from crmgraph.graph.resolvers.context import Info
from crmgraph.graph.schema.types import feed
from crmgraph.graph.schema.types.feed import ChangeEvent


async def _changed(
    info: Info, kinds: feed.Kinds = UNSET, ids: feed.Ids = UNSET, after: feed.After = UNSET
) -> AsyncIterator[Any]:
    async for told in feed.changed(info.context, after, {"kinds": kinds, "ids": ids}):
        yield told


@strawberry.type(description="What is told as it happens, by a WebSocket or as a stream of events.")
class Subscription:
    changed: ChangeEvent = cast(
        "Any",
        strawberry.subscription(
            resolver=_changed,
            graphql_type=ChangeEvent,
            description="Changes as they happen, or from a cursor of `changes` on: nothing between is left out. Staff "
            "may.",
        ),
    )
