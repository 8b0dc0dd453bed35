"""Connections over what is in memory as a whole: lists that are bounded where they are stored."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from crmgraph.crm.models import Party
from crmgraph.graph.resolvers.context import Context
from crmgraph.graph.schema.bad_input import BadInput
from crmgraph.graph.schema.connections import PageInfo, window_of


@dataclass(frozen=True, slots=True)
class Item:
    """The source of an edge."""

    node: Any
    cursor: str


class ListPage:
    """The source of a connection to a list.

    Args:
        items: the whole list.
        told: what tells its cursors from those of other lists.

    Raises:
        BadInput: the page is none, or a cursor is of another list.
    """

    def __init__(self, context: Context, items: Sequence[Any], told: str, first: Any, after: Any) -> None:
        size = window_of(context, Party, (), first).size
        self._tag = hashlib.sha256(told.encode()).hexdigest()[:8]
        self._begin = 0 if not isinstance(after, str) else self._place(after) + 1
        self._items = items
        self._end = min(self._begin + size, len(items))

    @cached_property
    def edges(self) -> list[Item]:
        return [Item(self._items[i], f"{self._tag}.{i}") for i in range(self._begin, self._end)]

    @property
    def nodes(self) -> list[Any]:
        return [edge.node for edge in self.edges]

    @property
    def page_info(self) -> PageInfo:
        return PageInfo(
            has_next_page=self._end < len(self._items),
            has_previous_page=self._begin > 0,
            start_cursor=self.edges[0].cursor if self.edges else None,
            end_cursor=self.edges[-1].cursor if self.edges else None,
        )

    def count(self) -> int:
        return len(self._items)

    def _place(self, cursor: str) -> int:
        tag, _, place = cursor.partition(".")
        if tag == self._tag and place.isascii() and place.isdecimal() and len(place) < 10:
            return int(place)
        raise BadInput("cursor", "after", these="this list", an_item="an edge", asked="list")
