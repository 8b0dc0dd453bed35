"""The queries."""

import asyncio
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from crmgraph.crm import models
from crmgraph.crm.errors import NotFound
from crmgraph.crm.identity import staff
from crmgraph.crm.models import PartyKind
from crmgraph.crm.records import lookup
from crmgraph.graph.resolvers.context import Context, Info
from crmgraph.graph.schema import filters
from crmgraph.graph.schema.connections import After, Before, Connection, First, Last, Page, list_page, window_of
from crmgraph.graph.schema.errors import BadInput
from crmgraph.graph.schema.filters import (
    AccountFilter,
    AccountSort,
    ContactFilter,
    ContactSort,
    LeadFilter,
    LeadSort,
    Listing,
)
from crmgraph.graph.schema.ids import Prefix, decode
from crmgraph.graph.schema.refs import AccountRef, ContactRef, LeadRef, UserRef, ref_of
from crmgraph.graph.schema.root_fields import resolves
from crmgraph.graph.schema.types.account import Account
from crmgraph.graph.schema.types.contact import Contact
from crmgraph.graph.schema.types.lead import Lead
from crmgraph.graph.schema.types.node import Node
from crmgraph.graph.schema.types.people import SignedIn, User, Viewer

MAX_NODES = 100
"""The most ids that `nodes` takes."""

_RECORDS = {Prefix.CONTACT: models.Contact, Prefix.ACCOUNT: models.Account, Prefix.LEAD: models.Lead}
_ROWS = {
    Prefix.PHONE: models.Phone,
    Prefix.EMAIL: models.Email,
    Prefix.ADDRESS: models.Address,
}


async def node_of(context: Context, text: str) -> Any:
    """Whatever has this global id; None when nothing has, or the actor may not know of it."""
    found = decode(text)
    if found is None:
        return None
    prefix, number = found
    loaders = context.loaders
    if prefix in _RECORDS:
        return await loaders.record(_RECORDS[prefix]).load(number)
    if prefix in _ROWS:
        return await loaders.row(_ROWS[prefix]).load(number)
    if prefix is Prefix.NOTE and context.actor.is_staff:
        return await loaders.row(models.Note).load(number)
    if prefix is Prefix.USER and context.actor.is_staff:
        return await loaders.staff().load(number)
    return None


async def record_of(context: Context, kind: PartyKind, by: Any) -> Any:
    """The record that a reference names; None when there is none for the actor.

    Raises:
        Ambiguous: several answer to it.
    """
    try:
        ref = ref_of(context, kind, by)
        number = ref.id
        if number is None:
            async with context.core.db.read() as session:
                number = await lookup.find(session, context.actor, kind, ref)
    except NotFound:
        return None
    return await context.record(kind, number)


async def user_of(context: Context, by: Any) -> Any:
    """The member of the staff whom a reference names; None when there is none, or the actor is none of them.

    Raises:
        Ambiguous: several answer to it.
    """
    if not context.actor.is_staff:
        return None
    try:
        ref = ref_of(context, None, by)
        number = ref.id
        if number is None:
            async with context.core.db.read() as session:
                number = await staff.find(session, ref)
    except NotFound:
        return None
    return await context.loaders.staff().load(number)


async def _page(
    info: Info, listing: Listing, arguments: tuple[Any, ...], filter_: Any = UNSET, sort: Any = UNSET
) -> Page:
    context = info.context
    window = window_of(context, listing.model, listing.orders(sort), *arguments)
    return await list_page(context, listing.model, listing.criterion(filter_), window)


_By = strawberry.argument(description="What names it.")
_Filter = strawberry.argument(description="Which of them; all without it.")
_Sort = strawberry.argument(description="In which order; by id without it.")


@strawberry.type(description="What can be asked.")
class Query:
    @resolves("Whoever is signed in; null when nobody is.", Viewer | None)
    async def me(self, info: Info) -> Any:
        actor = info.context.actor
        return SignedIn(actor) if actor.role is not None else None

    @resolves("Whatever has this global id; null when nothing has.", Node | None)
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="A global id.")],
    ) -> Any:
        return await node_of(info.context, id)

    @resolves("Whatever has these global ids, in their order, with null where nothing has.", list[Node | None])
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Global ids, 100 at most.")],
    ) -> Any:
        if len(ids) > MAX_NODES:
            raise BadInput(f"There are {len(ids)} ids, and at most {MAX_NODES} are taken.")
        return await asyncio.gather(*(node_of(info.context, each) for each in ids))

    @resolves("One contact; null when there is none.", Contact | None)
    async def contact(self, info: Info, by: Annotated[ContactRef, _By]) -> Any:
        return await record_of(info.context, PartyKind.CONTACT, by)

    @resolves("Contacts.", Connection[Contact])
    async def contacts(
        self,
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
        filter: Annotated[ContactFilter | None, _Filter] = UNSET,
        sort: Annotated[list[ContactSort] | None, _Sort] = UNSET,
    ) -> Any:
        return await _page(info, filters.CONTACTS, (first, after, last, before), filter, sort)

    @resolves("One account; null when there is none.", Account | None)
    async def account(self, info: Info, by: Annotated[AccountRef, _By]) -> Any:
        return await record_of(info.context, PartyKind.ACCOUNT, by)

    @resolves("Accounts.", Connection[Account])
    async def accounts(
        self,
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
        filter: Annotated[AccountFilter | None, _Filter] = UNSET,
        sort: Annotated[list[AccountSort] | None, _Sort] = UNSET,
    ) -> Any:
        return await _page(info, filters.ACCOUNTS, (first, after, last, before), filter, sort)

    @resolves("One lead; null when there is none.", Lead | None)
    async def lead(self, info: Info, by: Annotated[LeadRef, _By]) -> Any:
        return await record_of(info.context, PartyKind.LEAD, by)

    @resolves("Leads.", Connection[Lead])
    async def leads(
        self,
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
        filter: Annotated[LeadFilter | None, _Filter] = UNSET,
        sort: Annotated[list[LeadSort] | None, _Sort] = UNSET,
    ) -> Any:
        return await _page(info, filters.LEADS, (first, after, last, before), filter, sort)

    @resolves("One of the staff; null when there is none, and for anybody but staff.", User | None)
    async def user(self, info: Info, by: Annotated[UserRef, _By]) -> Any:
        return await user_of(info.context, by)

    @resolves("Staff, who can own records; null for anybody but staff.", Connection[User] | None)
    async def users(
        self, info: Info, first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET
    ) -> Any:
        if not info.context.actor.is_staff:
            return None
        return await _page(info, filters.USERS, (first, after, last, before))
