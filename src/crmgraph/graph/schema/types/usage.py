"""Who still calls the legacy APIs, for whoever wants to switch one off."""

import base64
import datetime as dt
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
import strawberry

from crmgraph.crm import usage
from crmgraph.crm.models import Door, Party, PartyKind, Way
from crmgraph.crm.policy import Actor
from crmgraph.crm.usage import Use
from crmgraph.db.database import Database
from crmgraph.graph.resolvers.context import Context
from crmgraph.graph.schema.bad_input import BadInput
from crmgraph.graph.schema.connections import PageInfo, total, window_of
from crmgraph.graph.schema.enums import LegacyDialect
from crmgraph.graph.schema.scalars import BigInt, DateTime

Since = Annotated[
    DateTime | None,
    strawberry.argument(description="From the day of this time on, in UTC; all that is kept without it."),
]
OfDialect = Annotated[LegacyDialect | None, strawberry.argument(description="Of this API; of all without it.")]
Fields = Annotated[
    bool,
    strawberry.argument(description="Whether each field that calls named is told apart, in place of the calls."),
]


@strawberry.type(description="What one caller did with one operation of a legacy API, or with one field in it.")
class LegacyUse:
    dialect: LegacyDialect = strawberry.field(description="The API.")
    client: str = strawberry.field(
        description="Who called: the login of a client, with `@` and its organisation where it has one; the name of "
        "one of the staff; `customers` together; `unknown`, who had no token that holds; `others`, of too many."
    )
    endpoint: str = strawberry.field(description="Method and path, e.g. `GET /crm/v2/{module}/{id}`.")
    kind: PartyKind | None = strawberry.field(description="Whose field it is; null of calls.")
    field: str | None = strawberry.field(
        description="The field in the words of that API; null of calls. Only fields that were named are known: an "
        "answer that tells all does not say which of them anybody reads."
    )
    field_use: Way | None = strawberry.field(description="What it was named for; null of calls.")
    count: BigInt = strawberry.field(description="How many calls.")
    served: BigInt = strawberry.field(description="How many of them were carried out; the others were refused.")
    first_at: DateTime = strawberry.field(description="When the first of them was.")
    last_at: DateTime = strawberry.field(description="When the last of them was; up to ten seconds late.")
    user_agent: str | None = strawberry.field(description="The `User-Agent` of one of them.")
    network: str | None = strawberry.field(
        description="From where one of them came: a network of IPv4 (/24) or IPv6 (/48)."
    )
    blocks_switch_off: bool = strawberry.field(
        description="Whether somebody was served: they would miss the API if it were switched off."
    )


@strawberry.type(description="What a caller did, with its cursor.")
class LegacyUseEdge:
    cursor: str = strawberry.field(description="Says where it stands in the list.")
    node: LegacyUse = strawberry.field(description="What the caller did.")


@strawberry.type(description="A page of who called the legacy APIs, by API, operation and caller.")
class LegacyUseConnection:
    edges: list[LegacyUseEdge] = strawberry.field(description="The items of the page with their cursors.")
    nodes: list[LegacyUse] = strawberry.field(description="The items of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the list.")
    total_count: int = strawberry.field(
        resolver=total, description="How many items the whole list has; counted only when this is selected."
    )


@dataclass(frozen=True, slots=True)
class UsageRequest:
    """Which uses are meant."""

    dialect: Door | None
    since: dt.datetime | None
    fields: bool


@dataclass(frozen=True, slots=True)
class Page:
    """The source of a connection."""

    db: Database
    asked: UsageRequest
    edges: list[LegacyUseEdge]
    page_info: PageInfo

    @property
    def nodes(self) -> list[LegacyUse]:
        return [edge.node for edge in self.edges]

    async def count(self) -> int:
        """How many there are."""
        asked = self.asked
        async with self.db.read() as session:
            return await usage.count_uses(session, dialect=asked.dialect, since=asked.since, fields=asked.fields)


async def find(context: Context, asked: UsageRequest, first: Any, after: Any) -> Page | None:
    """A page of them; None for anybody but staff.

    Raises:
        BadInput: the page is longer than any, or the cursor is none of this list.
    """
    actor: Actor = context.actor
    if not actor.is_staff:
        return None
    size = window_of(context, Party, (), first).size
    begin = read_key(after, usage.WIDTH_OF_FIELDS if asked.fields else usage.WIDTH) if isinstance(after, str) else ()
    async with context.core.db.read() as session:
        found = await usage.uses(
            session, dialect=asked.dialect, since=asked.since, fields=asked.fields, after=begin, limit=size + 1
        )
    edges = [LegacyUseEdge(cursor=write_key(use.key), node=_node(use)) for use in found[:size]]
    info = PageInfo(
        has_next_page=len(found) > size,
        has_previous_page=bool(begin),
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return Page(context.core.db, asked, edges, info)


def _node(use: Use) -> LegacyUse:
    return LegacyUse(
        dialect=LegacyDialect(use.dialect.dialect),
        client=use.client,
        endpoint=use.operation,
        kind=use.kind,
        field=use.field,
        field_use=use.way,
        count=BigInt(use.calls),
        served=BigInt(use.served),
        first_at=DateTime(use.first_at),
        last_at=DateTime(use.last_at),
        user_agent=use.user_agent,
        network=use.network,
        blocks_switch_off=use.served > 0,
    )


def write_key(key: Sequence[str]) -> str:
    """The cursor of an item whose place in a list its key says."""
    return base64.urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


def read_key(cursor: str, width: int) -> tuple[str, ...]:
    """The key that a cursor holds.

    Args:
        width: how many parts it has.

    Raises:
        BadInput: it is the cursor of another list.
    """
    if len(cursor) < 2_000 and cursor.isascii():
        with suppress(ValueError):
            key = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
            if isinstance(key, list) and len(key) == width and all(isinstance(part, str) for part in key):
                return tuple(key)
    raise BadInput("cursor", "after", these="this list", an_item="an edge", asked="list")
