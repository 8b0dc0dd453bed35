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
from crmgraph.graph.schema.enums import AccountGroup, ContactGroup, LeadGroup
from crmgraph.graph.schema.filters import AccountFilter, ContactFilter, LeadFilter, Listing
from crmgraph.graph.schema.ids import Prefix, encode
from crmgraph.graph.schema.scalars import JSON
from crmgraph.graph.schema.types.account import Account
from crmgraph.graph.schema.types.contact import Contact
from crmgraph.graph.schema.types.lead import Lead
from crmgraph.graph.schema.types.node import Node

_IDS = {"account": Prefix.ACCOUNT, "owner": Prefix.USER}
"""{by what records are grouped: what the keys are ids of}."""

_by = strawberry.argument(description=f"By what they are grouped: 1 to {MAX_KEYS} different ones.")
_filter = strawberry.argument(description="Which of them; all without it.")
ByContact = Annotated[list[ContactGroup], _by]
ByAccount = Annotated[list[AccountGroup], _by]
ByLead = Annotated[list[LeadGroup], _by]
OfContact = Annotated[ContactFilter | None, _filter]
OfAccount = Annotated[AccountFilter | None, _filter]
OfLead = Annotated[LeadFilter | None, _filter]
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


class Group:
    """The source of a group."""

    def __init__(self, group: core.Group, grouping: Grouping) -> None:
        self.group = group
        self.grouping = grouping
        self.count = group.size

    @cached_property
    def keys(self) -> list[Any]:
        named = zip(self.grouping.by, self.group.keys, strict=True)
        return [(encode(_IDS[name], int(key)) if name in _IDS else key) if key else None for name, key in named]

    @property
    def cursor(self) -> str:
        tag = tag_of(self.grouping.model, (), self.grouping.criterion, self.grouping.told)
        return ".".join([tag, str(self.group.size), *(key.encode().hex() for key in self.group.keys)])


async def _record(root: strawberry.Parent[Any], info: Info) -> Any:
    loaders = info.context.loaders
    for name, key in zip(root.grouping.by, root.group.keys, strict=True):
        if name in _IDS and key:
            loader = loaders.staff() if name == "owner" else loaders.record(models.Account)
            return await loader.load(int(key))
    return None


async def _members(
    root: strawberry.Parent[Any],
    info: Info,
    first: First = UNSET,
    after: After = UNSET,
    last: Last = UNSET,
    before: Before = UNSET,
) -> Any:
    grouping: Grouping = root.grouping
    model, criterion = grouping.model, grouping.criterion
    window = window_of(info.context, model, (), first, after, last, before, criterion, grouping.told)
    rows = await info.context.loaders.members(model, grouping.by, criterion, window).load(root.group.keys)

    async def count() -> int:
        size: int = root.count
        return size

    return Page(tag_of(model, window.orders, criterion, grouping.told), rows, window, count)


_KEYS = "What they share, in the order of `by`: a text or a global id, null where they have none."
_COUNT = "How many there are."
_RECORD = "The account, or whoever of the staff, that the first such key stands for."
_CURSOR = "Says where the group stands among those of this filter."


def _key(description: str) -> Any:
    return strawberry.field(description=description)


@strawberry.type(description="Contacts that share what they are grouped by.")
class ContactGroupRow:
    keys: list[JSON | None] = _key(_KEYS)
    record: Node | None = strawberry.field(resolver=_record, description=_RECORD)
    count: int = _key(_COUNT)
    cursor: str = _key(_CURSOR)
    contacts: Connection[Contact] = strawberry.field(
        resolver=_members, description="The contacts of the group, in the order in which they were made."
    )


@strawberry.type(description="Accounts that share what they are grouped by.")
class AccountGroupRow:
    keys: list[JSON | None] = _key(_KEYS)
    record: Node | None = strawberry.field(resolver=_record, description=_RECORD)
    count: int = _key(_COUNT)
    cursor: str = _key(_CURSOR)
    accounts: Connection[Account] = strawberry.field(
        resolver=_members, description="The accounts of the group, in the order in which they were made."
    )


@strawberry.type(description="Leads that share what they are grouped by.")
class LeadGroupRow:
    keys: list[JSON | None] = _key(_KEYS)
    record: Node | None = strawberry.field(resolver=_record, description=_RECORD)
    count: int = _key(_COUNT)
    cursor: str = _key(_CURSOR)
    leads: Connection[Lead] = strawberry.field(
        resolver=_members, description="The leads of the group, in the order in which they were made."
    )


async def find(
    context: Context, listing: Listing, by: Sequence[Any], filter_: Any, first: Any, after: Any
) -> list[Group]:
    """The groups of the records of a listing, in one statement.

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
    window: Window = window_of(context, models.Party, (), first)
    begin = None if after is UNSET or after is None else _read(after, grouping)
    loaders = context.loaders
    where, values = loaders.where(listing.model, grouping.criterion)
    db = context.core.db
    query = core.groups(listing.model, names, where, window.size, begin, sqlite=db.is_sqlite)
    async with db.read() as session:
        rows = (await session.execute(query, values)).all()
    return [Group(core.Group(tuple(keys), size), grouping) for *keys, size in rows]


def _read(cursor: str, grouping: Grouping) -> core.Group:
    """The group that a cursor stands for.

    Raises:
        BadInput: it is none of these groups.
    """
    tag, *values = cursor.split(".")
    expected = tag_of(grouping.model, (), grouping.criterion, grouping.told)
    if tag == expected and len(values) == 1 + len(grouping.by):
        size, *keys = values
        with suppress(ValueError):
            texts = tuple(bytes.fromhex(key).decode() for key in keys)
            if size.isascii() and size.isdecimal() and len(size) < 16 and not any("\0" in text for text in texts):
                return core.Group(texts, int(size))
    raise BadInput("cursor", "after", these="these groups", an_item="a group", asked="`by` and `filter`")
