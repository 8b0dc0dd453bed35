"""The old CRMs behind the legacy APIs, and where this store would have answered otherwise than they."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import strawberry

from crmgraph.crm import comparisons, upstreams
from crmgraph.crm.comparisons import Equality
from crmgraph.crm.models import DifferenceSort, Door, Mode, Party, Verdict
from crmgraph.crm.models import Divergence as DivergenceRow
from crmgraph.crm.policy import Actor, may_see_identity
from crmgraph.db.database import Database
from crmgraph.graph.resolvers.context import Context
from crmgraph.graph.schema.connections import PageInfo, total, window_of
from crmgraph.graph.schema.enums import LegacyDialect
from crmgraph.graph.schema.scalars import BigInt, DateTime
from crmgraph.graph.schema.types.usage import read_key, write_key

MOST_MODES = 1_000
"""How many of its switches an upstream tells."""

Since = Annotated[
    DateTime | None,
    strawberry.argument(description="Counts from the day of this time on, in UTC; all that is kept without it."),
]
OfOperation = Annotated[
    str | None, strawberry.argument(description="Of this operation, e.g. `GET /crm/v2/{module}/{id}`.")
]
OfCaller = Annotated[str | None, strawberry.argument(description="Of the calls of this caller.")]


@strawberry.type(description="Who answers some of the calls of a legacy API.")
class UpstreamMode:
    operation: str | None = strawberry.field(description="Of which operation; null of all.")
    caller: str | None = strawberry.field(description="Of whose calls; null of everybody's.")
    mode: Mode = strawberry.field(description="Who answers them.")


@strawberry.type(description="How many calls came to what, when the old CRM's answer was compared with this store's.")
class UpstreamEquality:
    percent: float | None = strawberry.field(
        description="How many of a hundred that are equal, different or failed are equal; null where none is."
    )
    equal: BigInt = strawberry.field(description="Nothing differs, or only what was accepted.")
    stale: BigInt = strawberry.field(description="The record has changed at the old CRM, and is not as new here yet.")
    different: BigInt = strawberry.field(description="A field differs; `divergences` has which.")
    failed: BigInt = strawberry.field(description="This store had a fault.")
    skipped: BigInt = strawberry.field(description="Not compared, e.g. since they write or have no counterpart here.")
    dropped: BigInt = strawberry.field(description="Not compared, since more waited than there is room for.")


@strawberry.type(description="An old CRM behind a legacy API, to which calls are passed on.")
class Upstream:
    dialect: LegacyDialect = strawberry.field(description="The API.")
    base_url: str = strawberry.field(description="Where it answers.")
    lag: int | None = strawberry.field(
        description="By how many seconds this store may be behind it, of the list that is the furthest behind: since "
        "the start of its last reading that has ended. Null where none has, or nothing of it is read in lists."
    )
    modes: list[UpstreamMode] = strawberry.field(
        description="Who answers which calls; of what is not named here the old CRM does."
    )
    equality: UpstreamEquality = strawberry.field(
        description="What came of comparing its answers with this store's; up to ten seconds late."
    )


@strawberry.type(description="One field in which the old CRM answers otherwise than this store would.")
class Divergence:
    dialect: LegacyDialect = strawberry.field(description="The API.")
    operation: str = strawberry.field(description="Method and path, e.g. `GET /crm/v2/{module}/{id}`.")
    caller: str = strawberry.field(description="Whose calls were answered so.")
    field: str = strawberry.field(
        description="The path of the field in the answer, e.g. `data[].City`; `(status)`, `(body)`, `header ...`."
    )
    sort: DifferenceSort = strawberry.field(description="How it differs.")
    times: BigInt = strawberry.field(description="In how many calls.")
    first_at: DateTime = strawberry.field(description="When it did first.")
    last_at: DateTime = strawberry.field(description="When it did last; up to ten seconds late.")
    curl: str = strawberry.field(
        description="A line that makes the last of these calls again; `$TOKEN` and `$VALUE` stand for what is not kept."
    )
    control_hash: str = strawberry.field(description="A digest of what the old CRM has there.")
    candidate_hash: str = strawberry.field(description="A digest of what this store has there.")
    control: str | None = strawberry.field(
        description="What the old CRM has there, as JSON, where it is kept, for a week; null for whoever may not see "
        "identity documents."
    )
    candidate: str | None = strawberry.field(description="The same of this store.")


@strawberry.type(description="A differing field, with its cursor.")
class DivergenceEdge:
    cursor: str = strawberry.field(description="Says where it stands in the list.")
    node: Divergence = strawberry.field(description="The field.")


@strawberry.type(description="A page of the fields that differ, by API, operation, caller and field.")
class DivergenceConnection:
    edges: list[DivergenceEdge] = strawberry.field(description="The items of the page with their cursors.")
    nodes: list[Divergence] = strawberry.field(description="The items of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the list.")
    total_count: int = strawberry.field(
        resolver=total, description="How many items the whole list has; counted only when this is selected."
    )


@dataclass(frozen=True, slots=True)
class DivergenceRequest:
    """Which divergences are meant."""

    dialect: Door | None
    operation: str | None
    caller: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """The source of a connection."""

    db: Database
    asked: DivergenceRequest
    edges: list[DivergenceEdge]
    page_info: PageInfo

    @property
    def nodes(self) -> list[Divergence]:
        return [edge.node for edge in self.edges]

    async def count(self) -> int:
        """How many there are."""
        of = self.asked
        async with self.db.read() as session:
            return await comparisons.count_divergences(
                session, dialect=of.dialect, operation=of.operation, caller=of.caller
            )


async def find(context: Context, asked: DivergenceRequest, first: Any, after: Any) -> Page | None:
    """A page of differing fields; None for anybody but staff.

    Raises:
        BadInput: the page is longer than any, or the cursor is none of this list.
    """
    actor: Actor = context.actor
    if not actor.is_staff:
        return None
    size = window_of(context, Party, (), first).size
    begin = read_key(after, comparisons.WIDTH) if isinstance(after, str) else ()
    async with context.core.db.read() as session:
        found = await comparisons.divergences(
            session,
            dialect=asked.dialect,
            operation=asked.operation,
            caller=asked.caller,
            after=begin,
            limit=size + 1,
        )
    shows = may_see_identity(actor, 0)
    edges = [
        DivergenceEdge(cursor=write_key(_key(each)), node=_node(each, context.core.public_url, shows))
        for each in found[:size]
    ]
    info = PageInfo(
        has_next_page=len(found) > size,
        has_previous_page=bool(begin),
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return Page(context.core.db, asked, edges, info)


async def all_upstreams(context: Context, since: dt.datetime | None) -> list[Upstream] | None:
    """The upstreams, in three statements; None for anybody but staff."""
    if not context.actor.is_staff:
        return None
    async with context.core.db.read() as session:
        found = await upstreams.all_with_lag(session)
        modes = upstreams.modes_of(await upstreams.all_switches(session))
        day = None if since is None else since.astimezone(dt.UTC).date()
        rows = await comparisons.compared(session, None, day) if found else []
    return [
        Upstream(
            dialect=LegacyDialect(each.dialect.dialect),
            base_url=each.base_url,
            lag=lag,
            modes=_modes(modes.get(each.dialect)),
            equality=_equality(comparisons.equality(row for row in rows if row.dialect is each.dialect)),
        )
        for each, lag in found
    ]


def _modes(modes: upstreams.Modes | None) -> list[UpstreamMode]:
    said = sorted(modes.by.items(), key=lambda each: tuple(part or "" for part in each[0])) if modes is not None else []
    return [UpstreamMode(operation=of, caller=who, mode=mode) for (of, who), mode in said[:MOST_MODES]]


def _equality(equality: Equality) -> UpstreamEquality:
    counts = {verdict.value.lower(): BigInt(equality.of(verdict)) for verdict in Verdict}
    return UpstreamEquality(percent=equality.percent, **counts)


def _key(row: DivergenceRow) -> Sequence[str]:
    return [row.dialect.value, row.operation, row.caller, row.field, row.sort.value]


def _node(row: DivergenceRow, public_url: str, shows: bool) -> Divergence:
    return Divergence(
        dialect=LegacyDialect(row.dialect.dialect),
        operation=row.operation,
        caller=row.caller,
        field=row.field,
        sort=row.sort,
        times=BigInt(row.times),
        first_at=DateTime(row.first_at),
        last_at=DateTime(row.last_at),
        curl=comparisons.curl(row, public_url),
        control_hash=row.control_hash,
        candidate_hash=row.candidate_hash,
        control=row.control if shows else None,
        candidate=row.candidate if shows else None,
    )
