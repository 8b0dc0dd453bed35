"""The change feed: what has happened with all records, oldest first, and as it happens."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import strawberry
import structlog
from graphql import GraphQLError
from strawberry import UNSET

from crmgraph.crm import models
from crmgraph.crm.errors import Forbidden, TooLarge
from crmgraph.crm.feed import pages
from crmgraph.crm.feed.hub import FeedEntry
from crmgraph.crm.feed.pages import ChangeFilter
from crmgraph.crm.feed.places import Place, read_place
from crmgraph.crm.models import Action, Door, PartyKind
from crmgraph.graph.resolvers.context import Context, Info
from crmgraph.graph.schema.bad_input import BadInput
from crmgraph.graph.schema.connections import PageInfo, window_of
from crmgraph.graph.schema.ids import PREFIXES, decode, encode
from crmgraph.graph.schema.scalars import DateTime
from crmgraph.graph.schema.types.audit import Change
from crmgraph.graph.schema.types.record import Record

log = structlog.get_logger(__name__)

MAX_IDS = 100
"""The most records that one feed is asked for by their ids."""

_WORDS = "all without it."
First = Annotated[
    int | None, strawberry.argument(description="How many events, from the beginning of the log or after `after`.")
]
After = Annotated[
    str | None,
    strawberry.argument(
        description="The cursor of the event before the wanted ones, or the `endCursor` of a page. It may be kept for "
        "as long as the log is, and goes with any other arguments. One that the log does not reach back to is refused "
        "with the code GONE."
    ),
]
Kinds = Annotated[list[PartyKind] | None, strawberry.argument(description=f"Of which kinds of record; {_WORDS}")]
Ids = Annotated[
    list[strawberry.ID] | None,
    strawberry.argument(description=f"Of which records, {MAX_IDS} at most; {_WORDS}"),
]
Doors = Annotated[list[Door] | None, strawberry.argument(description=f"Through which APIs; {_WORDS}")]
Actions = Annotated[list[Action] | None, strawberry.argument(description=f"What happened; {_WORDS}")]


class Gone(GraphQLError):
    """A cursor that the log does not reach back to."""

    def __init__(self) -> None:
        message = (
            "`after` is not in the log of changes, or not any more: take the cursor of now, `changes(first: 0)`, read "
            "all records that you follow, and go on from there."
        )
        super().__init__(message, extensions={"code": "GONE", "inputPath": ["after"]})


class Away(GraphQLError):
    """A log that cannot be read on, until its operator has done something."""

    def __init__(self) -> None:
        super().__init__("The log of changes is out of reach: try again later.", extensions={"code": "UNAVAILABLE"})


@dataclass(frozen=True, slots=True)
class Event:
    """The source of an event.

    Attributes:
        gap: whether events before it were left out for whoever is told of it.
    """

    change: models.Change
    cursor: str
    gap: bool = False

    @property
    def at(self) -> Any:
        return self.change.at

    @property
    def kind(self) -> PartyKind:
        return self.change.kind

    @property
    def action(self) -> Action:
        return self.change.action

    @property
    def record_id(self) -> str:
        return encode(PREFIXES[self.change.kind], self.number)

    @property
    def number(self) -> int:
        """The id of the record that changed, though its history may stand with the one that it was merged into."""
        return self.change.party_id if self.change.former_id is None else self.change.former_id


async def _record(root: strawberry.Parent[Any], info: Info) -> Any:
    return await info.context.record(root.change.kind, root.number)


@strawberry.type(description="One change, with the record as it is now.")
class ChangeEvent:
    cursor: str = strawberry.field(description="Says where it stands in the log, for `after`.")
    at: DateTime = strawberry.field(description="When it happened.")
    kind: PartyKind = strawberry.field(description="Of which kind the record is.")
    action: Action = strawberry.field(description="What happened to the record.")
    record_id: strawberry.ID = strawberry.field(description="The id of the record, also when it was deleted.")
    change: Change = strawberry.field(description="Who did it, and which fields it touched.")
    record: Record | None = strawberry.field(
        resolver=_record, description="The record as it is now; null when it is gone or may not be seen."
    )
    gap: bool = strawberry.field(
        description="Whether events before it were left out, since whoever listens was too slow: read `changes` after "
        "the last cursor that you have."
    )


@strawberry.type(description="An event of a page with its cursor.")
class ChangeEventEdge:
    cursor: str = strawberry.field(description="Says where the event stands in the log.")
    node: ChangeEvent = strawberry.field(description="The event.")


@strawberry.type(
    description="A page of the log. With filters it may have fewer events than were asked for, and none, though there "
    "is more: go on after `endCursor` while `hasNextPage`."
)
class ChangeEventConnection:
    edges: list[ChangeEventEdge] = strawberry.field(description="The events of the page with their cursors.")
    nodes: list[ChangeEvent] = strawberry.field(description="The events of the page.")
    page_info: PageInfo = strawberry.field(
        description="Where the page lies in the log. `endCursor` is where the log was read to, which may be beyond the "
        "last event; it is never null."
    )


@dataclass(frozen=True)
class Edge:
    """The source of an edge."""

    node: Event

    @property
    def cursor(self) -> str:
        return self.node.cursor


@dataclass(frozen=True)
class Events:
    """The source of a page."""

    nodes: Sequence[Event]
    page_info: PageInfo

    @cached_property
    def edges(self) -> list[Edge]:
        return [Edge(node) for node in self.nodes]


async def changes(context: Context, first: Any, after: Any, asked: Mapping[str, Any]) -> Events | None:
    """A page of the log, for staff; None for anybody else.

    Args:
        asked: kinds, ids, doors and actions.

    Raises:
        Gone: see there.
        BadInput: nothing can be asked for like this.
    """
    if not context.actor.is_staff:
        return None
    size = window_of(context, models.Change, (), first).size
    wanted, place = asked_for(**asked), place_of(after)
    db = context.core.db
    try:
        page = await pages.page(db, wanted, place, size)
    except pages.Gone:
        raise Gone from None
    except pages.Moved:
        log.error("the log of changes was moved here from another server: run `crmgraph migrate`")
        raise Away from None
    async with context.read() as session:
        found = await pages.entries(session, page.places)
    events = [Event(change, str(own)) for own, change in found]
    info = PageInfo(
        has_next_page=page.more,
        has_previous_page=place is not None,
        start_cursor=events[0].cursor if events else None,
        end_cursor=str(page.end),
    )
    return Events(events, info)


async def changed(context: Context, after: Any, asked: Mapping[str, Any]) -> AsyncIterator[FeedEntry]:
    """The entries of the log as they are written, for staff.

    Raises:
        Forbidden, Unauthenticated: they are none.
        Gone: see there.
        BadInput: nothing can be asked for like this.
    """
    if not context.signed_in().is_staff:
        raise Forbidden
    wanted, place = asked_for(**asked), place_of(after)
    try:
        async for told in context.core.feed.listen(wanted, place):
            yield told
    except pages.Gone:
        raise Gone from None


def event_of(told: FeedEntry) -> Event:
    """The source of what a listener is told."""
    return Event(told.change, str(told.place), told.gap)


def place_of(after: Any) -> Place | None:
    """The place that the argument `after` says; None for none.

    Raises:
        BadInput: it is no cursor of the log.
    """
    if after is UNSET or after is None:
        return None
    place = read_place(after)
    if place is None:
        raise BadInput("place", "after")
    return place


def asked_for(kinds: Any = UNSET, ids: Any = UNSET, doors: Any = UNSET, actions: Any = UNSET) -> ChangeFilter:
    """What the arguments of a feed ask for.

    Raises:
        BadInput: one of the ids is that of no record, or they are too many.
    """
    numbers = None if ids is UNSET or ids is None else _numbers(ids)
    return ChangeFilter(_words(kinds), _words(doors), _words(actions), numbers)


def _words(given: Any) -> tuple[str, ...] | None:
    return None if given is UNSET or given is None else tuple(dict.fromkeys(each.value for each in given))


def _numbers(ids: Sequence[str]) -> tuple[int, ...]:
    if len(ids) > MAX_IDS:
        raise BadInput(TooLarge((), MAX_IDS, "items"), "ids")
    found = []
    for place, each in enumerate(ids):
        named = decode(each)
        if named is None or named[0] not in PREFIXES.values():
            raise BadInput("record", f"ids.{place}")
        found.append(named[1])
    return tuple(dict.fromkeys(found))
