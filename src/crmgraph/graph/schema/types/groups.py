"""Groups: how many records share a value, with a page of each group."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from crmgraph.crm import models
from crmgraph.crm.query import groups as core
from crmgraph.crm.query.conditions import And
from crmgraph.crm.query.groups import MAX_KEYS
from crmgraph.crm.query.keyset_pages import Window
from crmgraph.graph.resolvers.context import Context, Info
from crmgraph.graph.schema.bad_input import BadInput
from crmgraph.graph.schema.connections import (
    After,
    Before,
    Connection,
    First,
    Last,
    Page,
    checked,
    tag_of,
    window_of,
)
from crmgraph.graph.schema.declarations import DECLARED, OfGroup
from crmgraph.graph.schema.filters import Listing
from crmgraph.graph.schema.ids import Prefix, encode
from crmgraph.graph.schema.scalars import JSON
from crmgraph.graph.schema.types.account import Account
from crmgraph.graph.schema.types.contact import Contact
from crmgraph.graph.schema.types.lead import Lead
from crmgraph.graph.schema.types.node import Node

IDS = {"account": Prefix.ACCOUNT, "owner": Prefix.USER}
"""{by what records are grouped: what the keys are ids of}."""

BY = strawberry.argument(description=f"By what they are grouped: 1 to {MAX_KEYS} different ones.")
FILTER = strawberry.argument(description="Which of them; all without it.")
FirstGroups = Annotated[int | None, strawberry.argument(description="How many groups, after `after`.")]
AfterGroup = Annotated[str | None, strawberry.argument(description="The cursor of the group before the wanted ones.")]


@dataclass(frozen=True, slots=True)
class Grouping:
    """What groups are asked for.

    Attributes:
        by: see `groups`.
        criterion: which records are grouped; None for all.
    """

    model: Any
    by: tuple[str, ...]
    criterion: And | None

    @property
    def told(self) -> str:
        """It in words, for the cursors of its lists."""
        return f"by {' '.join(self.by)}"

    @property
    def tag(self) -> str:
        """Of the cursors of the groups."""
        return tag_of(self.model, (), self.criterion, self.told)

    def tag_of_members(self, window: Window) -> str:
        """Of the cursors of the members of each group."""
        return tag_of(self.model, window.orders, self.criterion, self.told)


class Group:
    """The source of a group."""

    def __init__(self, group: core.Group, grouping: Grouping) -> None:
        self.group = group
        self.grouping = grouping
        self.count = group.size
        self.has_next = group.place < group.total
        self.total_groups = group.total

    @cached_property
    def keys(self) -> list[Any]:
        named = zip(self.grouping.by, self.group.shown, strict=True)
        return [(encode(IDS[name], int(key)) if name in IDS else key) if key else None for name, key in named]

    @property
    def cursor(self) -> str:
        return ".".join([self.grouping.tag, str(self.group.size), *(key.encode().hex() for key in self.group.keys)])


async def _record(root: strawberry.Parent[Any], info: Info) -> Any:
    return next((each for each in await _records(root, info) if each is not None), None)


async def _records(root: strawberry.Parent[Any], info: Info) -> list[Any]:
    loaders = info.context.loaders
    found: list[Any] = []
    for name, key in zip(root.grouping.by, root.group.keys, strict=True):
        if name in IDS and key:
            loader = loaders.staff() if name == "owner" else loaders.record(models.Account)
            found.append(loader.load(int(key)))
        else:
            found.append(None)
    return [None if each is None else await each for each in found]


async def _members(
    root: strawberry.Parent[Any],
    info: Info,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
) -> Any:
    grouping: Grouping = root.grouping
    window = members_of(info.context, grouping, (first, after, last, before))
    rows = await info.context.loaders.members(grouping.model, grouping.by, grouping.criterion, window).load(
        root.group.keys
    )

    async def count() -> int:
        size: int = root.count
        return size

    return Page(grouping.tag_of_members(window), rows, window, count)


def _of_group(description: str, resolver: Any = None) -> Any:
    return strawberry.field(resolver=resolver, description=description, metadata={DECLARED: OfGroup()})


@strawberry.type
class GroupRow:
    keys: list[JSON | None] = _of_group(
        "What they share, in the order of `by`: a text or a global id, null where they have none. Texts that are the "
        "same but for case and accents are one, told as the first of them by its letters."
    )
    record: Node | None = _of_group(
        "The account, or whoever of the staff, that the first such key stands for.", _record
    )
    records: list[Node | None] = _of_group(
        "What each key stands for, in the order of `by`: an account or one of the staff, null for any other key.",
        _records,
    )
    count: int = _of_group("How many there are.")
    cursor: str = _of_group("Says where the group stands among those of this filter.")
    has_next: bool = _of_group("Whether another group comes after it, on this page or the next.")
    total_groups: int = _of_group("How many groups there are, of all pages.")


@strawberry.type(description="Contacts that share what they are grouped by.")
class ContactGroupRow(GroupRow):
    contacts: Connection[Contact] = _of_group(
        "The contacts of the group, in the order in which they were made.", _members
    )


@strawberry.type(description="Accounts that share what they are grouped by.")
class AccountGroupRow(GroupRow):
    accounts: Connection[Account] = _of_group(
        "The accounts of the group, in the order in which they were made.", _members
    )


@strawberry.type(description="Leads that share what they are grouped by.")
class LeadGroupRow(GroupRow):
    leads: Connection[Lead] = _of_group("The leads of the group, in the order in which they were made.", _members)


def asked_of(
    context: Context, listing: Listing, by: Sequence[Any], filter_: Any, first: Any, after: Any
) -> tuple[Grouping, int, tuple[Any, ...] | None]:
    """What the arguments ask for: the groups, how many of them, and the one before them.

    Raises:
        BadInput: nothing can be grouped, filtered or paged like this.
    """
    names = tuple(each.value for each in by)
    for i, name in enumerate(names):
        if name in names[:i]:
            raise BadInput("twice", f"by.{i}", value=by[i].name)
    if not 1 <= len(names) <= MAX_KEYS:
        raise BadInput("parts", "by", {"least": 1, "most": MAX_KEYS}, count=len(names))
    grouping = Grouping(listing.model, names, checked(listing.criterion(filter_)))
    window = window_of(context, models.Party, (), first)
    return grouping, window.size, None if after is UNSET or after is None else _read(after, grouping)


def members_of(context: Context, grouping: Grouping, bounds: Sequence[Any]) -> Window:
    """The window of the members of each group that the arguments of its connection ask for.

    Raises:
        BadInput: see `window_of`.
    """
    first, after, last, before = bounds
    return window_of(context, grouping.model, (), first, after, last, before, grouping.criterion, grouping.told)


async def find(
    context: Context, listing: Listing, by: Sequence[Any], filter_: Any, first: Any, after: Any
) -> list[Group]:
    """The groups of the records of a listing, in one statement.

    Raises:
        BadInput: see `asked_of`.
    """
    grouping, size, begin = asked_of(context, listing, by, filter_, first, after)
    loaders = context.loaders
    where, values = loaders.where(listing.model, grouping.criterion)
    db = context.core.db
    query = core.groups(listing.model, grouping.by, where, size, begin, sqlite=db.is_sqlite)
    async with db.read() as session:
        rows = (await session.execute(query, values)).all()
    n = len(grouping.by)
    return [Group(core.Group(tuple(row[:n]), tuple(row[n : 2 * n]), *row[2 * n :]), grouping) for row in rows]


def _read(cursor: str, grouping: Grouping) -> tuple[Any, ...]:
    """The size and the keys of the group that a cursor stands for.

    Raises:
        BadInput: it is none of these groups.
    """
    tag, *values = cursor.split(".")
    if tag == grouping.tag and len(values) == 1 + len(grouping.by):
        size, *keys = values
        with suppress(ValueError):
            texts = tuple(bytes.fromhex(key).decode() for key in keys)
            if size.isascii() and size.isdecimal() and len(size) < 16 and not any("\0" in text for text in texts):
                return int(size), *texts
    raise BadInput("cursor", "after", these="these groups", an_item="a group", asked="`by` and `filter`")
