"""The queries."""

import asyncio
from dataclasses import replace
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from crmgraph.crm.errors import Ambiguous, NotFound
from crmgraph.crm.identity import staff
from crmgraph.crm.models import Door, PartyKind
from crmgraph.crm.policy import MODELS
from crmgraph.crm.records import lookup
from crmgraph.graph.resolvers.context import Context, Info
from crmgraph.graph.schema import filters
from crmgraph.graph.schema.connections import After, Before, Connection, First, Last, asked_of, list_page
from crmgraph.graph.schema.declarations import ByIds, Choosing, Grouped, Listed, Named, Searching, Viewing
from crmgraph.graph.schema.enums import AccountGroup, ContactGroup, LeadGroup
from crmgraph.graph.schema.fields import DELETED, connection
from crmgraph.graph.schema.filters import Listing
from crmgraph.graph.schema.ids import Prefix, number_of
from crmgraph.graph.schema.nodes import node_of, require_few
from crmgraph.graph.schema.refs import AccountRef, ContactRef, LeadRef, UserRef, ref_of_argument
from crmgraph.graph.schema.root_fields import resolves
from crmgraph.graph.schema.types import choices as choosing
from crmgraph.graph.schema.types import comparisons as comparing
from crmgraph.graph.schema.types import duplicates as duplicating
from crmgraph.graph.schema.types import feed
from crmgraph.graph.schema.types import groups as grouping
from crmgraph.graph.schema.types import search as searching
from crmgraph.graph.schema.types import usage as using
from crmgraph.graph.schema.types.account import Account
from crmgraph.graph.schema.types.choices import Choice
from crmgraph.graph.schema.types.comparisons import DivergenceConnection, Upstream
from crmgraph.graph.schema.types.contact import Contact
from crmgraph.graph.schema.types.duplicates import Duplicate
from crmgraph.graph.schema.types.feed import ChangeEventConnection
from crmgraph.graph.schema.types.imports import Import
from crmgraph.graph.schema.types.jobs import Job
from crmgraph.graph.schema.types.lead import Lead
from crmgraph.graph.schema.types.node import Node
from crmgraph.graph.schema.types.people import SignedIn, User, Viewer
from crmgraph.graph.schema.types.search import SearchConnection
from crmgraph.graph.schema.types.usage import LegacyUseConnection


async def record_of(context: Context, kind: PartyKind, by: Any, *, deleted: bool = False) -> Any:
    """The record that a reference names; None when there is none for the actor.

    Args:
        deleted: see `policy.visible`.

    Raises:
        Ambiguous: several answer to it.
    """
    try:
        ref = replace(ref_of_argument(context, kind, by), deleted=deleted)
        number = ref.id
        if number is None:
            async with context.read() as session:
                number = await lookup.find(session, context.actor, kind, ref)
    except NotFound:
        return None
    except Ambiguous as refused:
        refused.path = ("by",)
        raise
    return await context.loaders.named(MODELS[kind], deleted=deleted).load(number)


async def user_of(context: Context, by: Any) -> Any:
    """The member of the staff whom a reference names; None when there is none, or the actor is none of them.

    Raises:
        Ambiguous: several answer to it.
    """
    if not context.actor.is_staff:
        return None
    try:
        ref = ref_of_argument(context, None, by)
        number = ref.id
        if number is None:
            async with context.read() as session:
                number = await staff.find(session, ref)
    except NotFound:
        return None
    except Ambiguous as refused:
        refused.path = ("by",)
        raise
    return await context.loaders.staff().load(number)


def _listed(listing: Listing, type_: Any, description: str, *, staff_only: bool = False) -> Any:
    """A field that is a connection to all rows of a listing."""

    async def page(root: Any, info: Any, arguments: tuple[Any, ...], filter_: Any, sort: Any) -> Any:
        context = info.context
        if staff_only and not context.actor.is_staff:
            return None
        return await list_page(context, listing.model, *asked_of(context, listing, arguments, filter_, sort))

    return connection(listing, Listed(listing, staff_only), page, description, type_)


def _grouped(listing: Listing, by: Any, type_: Any, those: str) -> Any:
    """A field that is the rows of a listing in groups."""

    async def resolve(  # type: ignore[no-untyped-def]  # the types are given below
        self,
        info: Info,
        by: Any,
        filter: Any = UNSET,
        first: grouping.FirstGroups = UNSET,
        after: grouping.AfterGroup = UNSET,
    ):
        return await grouping.find(info.context, listing, by, filter, first, after)

    resolve.__annotations__ |= {
        "by": Annotated[list[by], grouping.BY],
        "filter": Annotated[listing.filter | None, grouping.FILTER],
    }
    description = f"{those} in groups, the largest group first."
    return resolves(description, list[type_], reads=Grouped(listing))(resolve)


_By = strawberry.argument(description="What names it.")


@strawberry.type(description="What can be asked.")
class Query:
    @resolves("Whoever is signed in; null when nobody is.", Viewer | None, reads=Viewing())
    async def me(self, info: Info) -> Any:
        actor = info.context.actor
        return SignedIn(actor) if actor.role is not None else None

    @resolves("Whatever has this global id; null when nothing has.", Node | None, reads=ByIds(many=False))
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="A global id.")],
        deleted: Annotated[bool, DELETED] = False,
    ) -> Any:
        return await node_of(info.context, id, deleted=deleted)

    @resolves(
        "Whatever has these global ids, in their order, with null where nothing has.",
        list[Node | None],
        reads=ByIds(many=True),
    )
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Global ids, 100 at most.")],
        deleted: Annotated[bool, DELETED] = False,
    ) -> Any:
        require_few(ids)
        return await asyncio.gather(*(node_of(info.context, each, deleted=deleted) for each in ids))

    @resolves("One contact; null when there is none.", Contact | None, reads=Named(PartyKind.CONTACT))
    async def contact(
        self, info: Info, by: Annotated[ContactRef, _By], deleted: Annotated[bool, DELETED] = False
    ) -> Any:
        return await record_of(info.context, PartyKind.CONTACT, by, deleted=deleted)

    contacts = _listed(filters.CONTACTS, Connection[Contact], "Contacts.")

    @resolves("One account; null when there is none.", Account | None, reads=Named(PartyKind.ACCOUNT))
    async def account(
        self, info: Info, by: Annotated[AccountRef, _By], deleted: Annotated[bool, DELETED] = False
    ) -> Any:
        return await record_of(info.context, PartyKind.ACCOUNT, by, deleted=deleted)

    accounts = _listed(filters.ACCOUNTS, Connection[Account], "Accounts.")

    @resolves("One lead; null when there is none.", Lead | None, reads=Named(PartyKind.LEAD))
    async def lead(self, info: Info, by: Annotated[LeadRef, _By], deleted: Annotated[bool, DELETED] = False) -> Any:
        return await record_of(info.context, PartyKind.LEAD, by, deleted=deleted)

    leads = _listed(filters.LEADS, Connection[Lead], "Leads.")

    @resolves("One of the staff; null when there is none, and for anybody but staff.", User | None, reads=Named(None))
    async def user(self, info: Info, by: Annotated[UserRef, _By]) -> Any:
        return await user_of(info.context, by)

    @resolves(
        "Records by anything that people type: names in any order, numbers, emails, phones in any spelling or by their "
        "last digits, companies and cities. Each word is the beginning of one; where nothing is found, one mistake is "
        "forgiven. Nothing for less than two letters.",
        SearchConnection,
        reads=Searching(),
    )
    async def search(
        self,
        info: Info,
        text: searching.Text,
        kinds: searching.Kinds = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Any:
        asked = searching.asked_of(info.context, text, kinds, (first, after, last, before))
        return await searching.search(info.context, asked)

    @resolves(
        "The log of changes of all records, the oldest first: deletions, merges and conversions too. Nothing comes "
        "later before a cursor that was told. With `first: 0` and without `after`, `endCursor` is the end of the log: "
        "take it before you read all records, and go on from there. Null for anybody but staff.",
        ChangeEventConnection | None,
    )
    async def changes(
        self,
        info: Info,
        first: feed.First = UNSET,
        after: feed.After = UNSET,
        kinds: feed.Kinds = UNSET,
        ids: feed.Ids = UNSET,
        doors: feed.Doors = UNSET,
        actions: feed.Actions = UNSET,
    ) -> Any:
        asked = {"kinds": kinds, "ids": ids, "doors": doors, "actions": actions}
        return await feed.changes(info.context, first, after, asked)

    users = _listed(
        filters.USERS,
        Connection[User] | None,
        "Staff, who can own records; null for anybody but staff.",
        staff_only=True,
    )

    imports = _listed(
        filters.IMPORTS,
        Connection[Import] | None,
        "Imports of files, the latest first; null for anybody but staff.",
        staff_only=True,
    )

    @resolves(
        "What a field may hold, for menus: the values of an enum; of a text those of the records you see, at most 200.",
        list[Choice],
        reads=Choosing(),
    )
    async def choices(self, info: Info, of: choosing.Of, field: choosing.Field) -> Any:
        return await choosing.find(info.context, of, field)

    @resolves("What goes on after its answer; null when it is none of yours.", Job | None)
    async def job(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The id of a job.")]
    ) -> Any:
        return await node_of(info.context, id) if number_of(Prefix.JOB, id) is not None else None

    contact_groups = _grouped(filters.CONTACTS, ContactGroup, grouping.ContactGroupRow, "Contacts")
    account_groups = _grouped(filters.ACCOUNTS, AccountGroup, grouping.AccountGroupRow, "Accounts")
    lead_groups = _grouped(filters.LEADS, LeadGroup, grouping.LeadGroupRow, "Leads")

    @resolves(
        "Pairs of records that may be the same, the most alike first; null for anybody but staff. `mergeContacts` and "
        "the like make one of them, `dismissDuplicate` says that they are two.",
        Connection[Duplicate] | None,
    )
    async def duplicates(
        self,
        info: Info,
        of: duplicating.Of,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Any:
        return await duplicating.find(info.context, of, (first, after, last, before))

    @resolves(
        "Who still calls the legacy APIs, and which operations and fields: what has to be known before one is switched "
        "off. Null for anybody but staff.",
        LegacyUseConnection | None,
    )
    async def legacy_usage(
        self,
        info: Info,
        dialect: using.OfDialect = UNSET,
        since: using.Since = UNSET,
        fields: using.Fields = False,
        first: First = UNSET,
        after: After = UNSET,
    ) -> Any:
        of = Door[dialect.name] if dialect else None
        return await using.find(info.context, using.UsageRequest(of, since or None, fields), first, after)

    @resolves(
        "The old CRMs behind the legacy APIs, who answers which calls, and how many this store would have answered "
        "the same; null for anybody but staff.",
        list[Upstream] | None,
    )
    async def upstreams(self, info: Info, since: comparing.Since = UNSET) -> Any:
        return await comparing.all_upstreams(info.context, since or None)

    @resolves(
        "Fields in which this store would have answered otherwise than the old CRM did; null for anybody but staff.",
        DivergenceConnection | None,
    )
    async def divergences(
        self,
        info: Info,
        dialect: using.OfDialect = UNSET,
        operation: comparing.OfOperation = UNSET,
        caller: comparing.OfCaller = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> Any:
        asked = comparing.DivergenceRequest(Door[dialect.name] if dialect else None, operation or None, caller or None)
        return await comparing.find(info.context, asked, first, after)
