"""The search: a connection to records of all kinds, which says where each was found."""

import hashlib
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, TypeAlias

import strawberry
from strawberry.utils.str_converters import to_camel_case

from crmgraph.crm import models
from crmgraph.crm.models import PartyKind
from crmgraph.crm.policy import MODELS
from crmgraph.crm.search import finding
from crmgraph.crm.search.finding import MOST, Hit
from crmgraph.crm.search.matching import Match, matches
from crmgraph.crm.search.question import MAX_TEXT
from crmgraph.crm.values.text import fault_of
from crmgraph.graph.resolvers.context import Context, Info
from crmgraph.graph.schema.connections import PageInfo, window_of
from crmgraph.graph.schema.enums import ErrorCode, SearchKind
from crmgraph.graph.schema.errors import BadInput
from crmgraph.graph.schema.types.record import Record

Bounds: TypeAlias = tuple[int | None, str | None, int | None, str | None]
"""first, after, last, before."""

Text = Annotated[str, strawberry.argument(description=f"What is looked for, {MAX_TEXT} characters at most.")]
Kinds = Annotated[list[SearchKind] | None, strawberry.argument(description="What is looked for; all kinds without it.")]


@strawberry.type(description="Where the text was found, the best place first.")
class SearchMatch:
    field: str = strawberry.field(description="E.g. `lastName` or `emails.address`.")
    excerpt: str = strawberry.field(
        description="The value with what matched between U+2068 and U+2069, never HTML; of a long one a part."
    )

    @staticmethod
    def of(match: Match) -> "SearchMatch":
        return SearchMatch(field=".".join(map(to_camel_case, match.path)), excerpt=match.excerpt)


async def _matched(root: strawberry.Parent[Any], info: Info) -> Any:
    return await root.matched(info.context)


@strawberry.type(description="A record that was found, with its cursor.")
class SearchEdge:
    cursor: str = strawberry.field(description="Says where the record stands among the hits of this text.")
    node: Record = strawberry.field(description="The record.")
    matched: list[SearchMatch] = strawberry.field(
        resolver=_matched, description="Where the text was found, the best place first."
    )


def _total(root: strawberry.Parent[Any]) -> Any:
    return root.count()


@strawberry.type(description="A page of what a search found, the best hits first.")
class SearchConnection:
    edges: list[SearchEdge] = strawberry.field(description="The hits of the page with their cursors.")
    nodes: list[Record] = strawberry.field(description="The records of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies among the hits.")
    total_count: int = strawberry.field(
        resolver=_total,
        description=f"How many hits there are, {MOST} at most; counted only when this is selected.",
    )


@dataclass(frozen=True, slots=True)
class Found:
    """The source of an edge."""

    hit: Hit
    node: Any
    tag: str

    @property
    def cursor(self) -> str:
        return f"{self.tag}.{self.hit.weight}.{self.hit.id}"

    async def matched(self, context: Context) -> list[SearchMatch]:
        """Where it was found. What was changed since then may have no match any more."""
        lists = [
            await context.loaders.rows(model).load(self.hit.id)
            for model in (models.Email, models.Phone, models.Address)
        ]
        found = matches(self.hit.words, self.node, [row for rows in lists for row in rows])
        return [SearchMatch.of(match) for match in found]


class Hits:
    """The source of a connection.

    Args:
        context: whose search it is.
        asked: the text and the kinds.
        edges: of the page.
        more: whether there are hits before and after them.
    """

    def __init__(
        self, context: Context, asked: tuple[str, Collection[PartyKind]], edges: list[Found], more: tuple[bool, bool]
    ) -> None:
        self.edges = edges
        self._context = context
        self._asked = asked
        self._more = more

    @property
    def nodes(self) -> list[Any]:
        return [edge.node for edge in self.edges]

    @cached_property
    def page_info(self) -> PageInfo:
        before, after = self._more
        return PageInfo(
            has_next_page=after,
            has_previous_page=before,
            start_cursor=self.edges[0].cursor if self.edges else None,
            end_cursor=self.edges[-1].cursor if self.edges else None,
        )

    async def count(self) -> int:
        """How many hits there are."""
        return len(await _find(self._context, *self._asked))


async def search(context: Context, text: str, kinds: Sequence[Any] | None, bounds: Bounds) -> Hits:
    """A page of what a text finds.

    Raises:
        BadInput: the text is too long or nobody's, or the page is none.
    """
    if len(text) > MAX_TEXT:
        told = f"`text` has {len(text)} characters, and {MAX_TEXT} are the most that is looked for."
        raise BadInput(told, reason=ErrorCode.TOO_LONG, limitLength=MAX_TEXT)
    if fault_of(text, line=False):
        raise BadInput("`text` has a control character, which no record has.", reason=ErrorCode.BAD_CHARACTERS)
    wanted = tuple(PartyKind) if not isinstance(kinds, list) else tuple(dict.fromkeys(kind.value for kind in kinds))
    asked = (text, wanted)
    first, after, last, before = bounds
    window = window_of(context, models.Party, (), first, None, last, None)
    tag = _tag(text, wanted)
    places = [_read(cursor, tag, name) for name, cursor in (("after", after), ("before", before))]
    begin, end = places
    if window.backward or end is not None:
        hits = [
            hit
            for hit in await _find(context, *asked)
            if (begin is None or (hit.weight, hit.id) > begin) and (end is None or (hit.weight, hit.id) < end)
        ]
        page = hits[-window.size :] if window.backward and window.size else hits[: window.size]
        is_more = len(hits) > len(page)
        more = (is_more, end is not None) if window.backward else (begin is not None, True)
    else:
        hits = await _find(context, *asked, limit=window.size + 1, after=begin)
        page = hits[: window.size]
        more = (begin is not None, len(hits) > window.size)
    loaders = context.loaders
    loading = [loaders.record(MODELS[hit.kind]).load(hit.id) for hit in page]
    nodes = [await each for each in loading]
    edges = [Found(hit, node, tag) for hit, node in zip(page, nodes, strict=True) if node is not None]
    return Hits(context, asked, edges, more)


async def _find(
    context: Context,
    text: str,
    kinds: Collection[PartyKind],
    *,
    limit: int = MOST,
    after: tuple[int, int] | None = None,
) -> list[Hit]:
    async with context.core.db.read() as session:
        return await finding.find(session, context.actor, text, kinds, limit=limit, after=after)


def _tag(text: str, kinds: Collection[PartyKind]) -> str:
    """Tells the cursors of one search from those of all others."""
    asked = "\0".join([*sorted(kind.value for kind in kinds), text])
    return hashlib.sha256(asked.encode()).hexdigest()[:8]


def _read(cursor: str | None, tag: str, argument: str) -> tuple[int, int] | None:
    """The weight and the id that a cursor holds."""
    if not isinstance(cursor, str):
        return None
    own, _, place = cursor.partition(".")
    weight, _, number = place.partition(".")
    if own == tag and len(place) < 40:
        with suppress(ValueError):
            found = int(weight), int(number)
            if 0 <= found[0] < 2**31 and 0 <= found[1] < 2**63:
                return found
    raise BadInput(
        f"`{argument}` is no cursor of this search: give the `cursor` of an edge of the same text and kinds."
    )
