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
from crmgraph.crm.errors import Invalid
from crmgraph.crm.models import PartyKind
from crmgraph.crm.policy import MODELS
from crmgraph.crm.search import finding
from crmgraph.crm.search.finding import Hit
from crmgraph.crm.search.matching import ROWS, Match, made, matches
from crmgraph.crm.search.question import MAX_TEXT, Word
from crmgraph.crm.search.statements import MOST
from crmgraph.crm.values.text import fault_of
from crmgraph.graph.resolvers.context import Context, Info
from crmgraph.graph.schema.bad_input import BadInput
from crmgraph.graph.schema.connections import PageInfo, total, window_of
from crmgraph.graph.schema.enums import SearchKind
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


@strawberry.type(description="A page of what a search found, the best hits first.")
class SearchConnection:
    edges: list[SearchEdge] = strawberry.field(description="The hits of the page with their cursors.")
    nodes: list[Record] = strawberry.field(description="The records of the page.")
    page_info: PageInfo = strawberry.field(description="Where the page lies among the hits.")
    total_count: int = strawberry.field(
        resolver=total,
        description=f"How many hits there are, {MOST} at most; counted only when this is selected.",
    )


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What is asked of a search.

    Attributes:
        begin, end: weight and id of the hits around the page; None for the ends of the list.
        tag: of its cursors.
    """

    text: str
    kinds: tuple[PartyKind, ...]
    size: int
    backward: bool
    begin: tuple[int, int] | None
    end: tuple[int, int] | None
    tag: str

    def cursor(self, hit: Hit) -> str:
        """Where a hit stands."""
        return f"{self.tag}.{hit.weight}.{hit.id}"


@dataclass(frozen=True, slots=True)
class Cut:
    """A page of hits.

    Attributes:
        before, after: whether there are hits before and after them.
        total: how many there are altogether; None where they were not counted.
    """

    hits: list[Hit]
    before: bool
    after: bool
    total: int | None = None


def asked_of(context: Context, text: str, kinds: Sequence[Any] | None, bounds: Bounds) -> SearchRequest:
    """What the arguments of a search ask for.

    Raises:
        BadInput: the text is too long or nobody's, or the page is none.
    """
    if len(text) > MAX_TEXT:
        raise BadInput(Invalid((), "too_long", MAX_TEXT), "text")
    if fault := fault_of(text, line=False):
        raise BadInput(Invalid((), *fault), "text")
    wanted = tuple(PartyKind) if not isinstance(kinds, list) else tuple(dict.fromkeys(kind.value for kind in kinds))
    first, after, last, before = bounds
    window = window_of(context, models.Party, (), first, None, last, None)
    tag = _tag(text, wanted)
    begin, end = _read(after, tag, "after"), _read(before, tag, "before")
    return SearchRequest(text, wanted, window.size, window.backward, begin, end, tag)


async def cut(context: Context, asked: SearchRequest, *, counted: bool = False) -> Cut:
    """The page that is asked for.

    Args:
        counted: whether all hits are.
    """
    begin, end = asked.begin, asked.end
    if not asked.backward and end is None and not (counted and begin is None):
        hits = await _find(context, asked, limit=asked.size + 1, after=begin)
        total = len(await _find(context, asked)) if counted else None
        return Cut(hits[: asked.size], begin is not None, len(hits) > asked.size, total)
    every = await _find(context, asked)
    hits = [
        hit
        for hit in every
        if (begin is None or (hit.weight, hit.id) > begin) and (end is None or (hit.weight, hit.id) < end)
    ]
    is_more = len(hits) > asked.size
    if asked.backward:
        return Cut(hits[len(hits) - min(asked.size, len(hits)) :], is_more, end is not None, len(every))
    return Cut(hits[: asked.size], begin is not None, is_more or end is not None, len(every))


@dataclass(frozen=True, slots=True)
class Found:
    """The source of an edge."""

    hit: Hit
    node: Any
    cursor: str

    async def matched(self, context: Context) -> list[SearchMatch]:
        """Where it was found. What was changed since then may have no match any more."""
        lists = [await context.loaders.rows(model).load(self.hit.id) for model in ROWS]
        account = None
        if isinstance(self.node, models.Contact) and self.node.account_id is not None:
            account = await context.loaders.record(models.Account).load(self.node.account_id)
        found = matches(self.hit.words, self.node, [row for rows in lists for row in rows], account and account.name)
        return [SearchMatch.of(match) for match in found]


class Hits:
    """The source of a connection.

    Args:
        context: whose search it is.
        asked: of it.
        edges: of the page.
        page: that was cut for it.
    """

    def __init__(self, context: Context, asked: SearchRequest, edges: list[Found], page: Cut) -> None:
        self.edges = edges
        self._context = context
        self._asked = asked
        self._page = page

    @property
    def nodes(self) -> list[Any]:
        return [edge.node for edge in self.edges]

    @cached_property
    def page_info(self) -> PageInfo:
        return PageInfo(
            has_next_page=self._page.after,
            has_previous_page=self._page.before,
            start_cursor=self.edges[0].cursor if self.edges else None,
            end_cursor=self.edges[-1].cursor if self.edges else None,
        )

    async def count(self) -> int:
        """How many hits there are."""
        total = self._page.total
        return len(await _find(self._context, self._asked)) if total is None else total


async def search(context: Context, asked: SearchRequest) -> Hits:
    """A page of what a text finds."""
    page = await cut(context, asked)
    loaders = context.loaders
    loading = [loaders.record(MODELS[hit.kind]).load(hit.id) for hit in page.hits]
    nodes = [await each for each in loading]
    edges = [
        Found(hit, node, asked.cursor(hit)) for hit, node in zip(page.hits, nodes, strict=True) if node is not None
    ]
    return Hits(context, asked, edges, page)


async def _find(
    context: Context, asked: SearchRequest, *, limit: int = MOST, after: tuple[int, int] | None = None
) -> list[Hit]:
    async with context.core.db.read() as session:
        return await finding.find(session, context.actor, asked.text, asked.kinds, limit=limit, after=after)


def matched_in(
    context: Context, words: Sequence[Sequence[str]], record: Any, account: str | None, *lists: Any
) -> list[SearchMatch]:
    """Where a record was found, of what a statement has read: see `READ`.

    Args:
        words: what it was found by, the prefixes of each.
        record: the place of its kind in `MODELS`, and its values.
        account: the name of its account.
        lists: the values of its active rows of each model of `ROWS`, in this order.
    """
    place, values = record
    model = tuple(MODELS.values())[place]
    rows = [made(of, each) for of, found in zip(ROWS, lists, strict=True) for each in found]
    found = matches([Word(tuple(prefixes)) for prefixes in words], made(model, values), rows, account)
    return [SearchMatch.of(match) for match in found]


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
    raise BadInput("cursor", argument, these="this search", an_item="an edge", asked="text and kinds")
