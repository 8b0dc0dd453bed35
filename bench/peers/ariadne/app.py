"""The schema-first twin: bindables for the types, snake case as fallback, aiodataloader for the relations."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiodataloader import DataLoader
from ariadne import MutationType, ObjectType, QueryType, ScalarType, load_schema_from_path, make_executable_schema
from ariadne.asgi import GraphQL
from starlette.applications import Starlette
from starlette.routing import Route

from bench.peers.book import reading
from bench.peers.book.database import engine
from bench.peers.book.models import Account, Contact
from bench.peers.book.reading import Page, cursor_of
from bench.peers.book.renaming import rename

query = QueryType()
mutation = MutationType()
contact_type = ObjectType("Contact")
account_type = ObjectType("Account")
connection_type = ObjectType("ContactConnection")
phone_type = ObjectType("Phone")
phone_type.set_alias("e164", "e164")
datetime_scalar = ScalarType("DateTime", serializer=lambda value: value.isoformat())


@query.field("contact")
async def resolve_contact(_: Any, info: Any, *, by: dict[str, str]) -> Contact | None:
    return await reading.contact(int(by["id"]))


@query.field("contacts")
async def resolve_contacts(
    _: Any,
    info: Any,
    *,
    first: int,
    after: str | None = None,
    filter: dict[str, Any] | None = None,  # noqa: A002 - the schema's word
    sort: list[dict[str, str]] | None = None,
) -> Page:
    if filter is not None:
        return await reading.contacts_named(first, filter["last_name"]["starts_with"], filter["city"]["eq"])
    return await reading.newest_contacts(first, after)


@query.field("accounts")
async def resolve_accounts(_: Any, info: Any, *, first: int) -> dict[str, Any]:
    return {"nodes": await reading.accounts(first)}


@mutation.field("updateContact")
async def resolve_update_contact(_: Any, info: Any, *, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002 - the schema's word
    phone = input["phones"]["update"][0]
    contact = await rename(int(input["contact"]["id"]), input["first_name"], int(phone["id"]), phone["raw"])
    return {"contact": contact, "user_errors": []}


@contact_type.field("emails")
async def resolve_emails(contact: Contact, info: Any) -> Any:
    return await info.context["emails"].load(contact.id)


@contact_type.field("phones")
async def resolve_phones(contact: Contact, info: Any) -> Any:
    return await info.context["phones"].load(contact.id)


@contact_type.field("addresses")
async def resolve_addresses(contact: Contact, info: Any) -> Any:
    return await info.context["addresses"].load(contact.id)


@contact_type.field("account")
async def resolve_account(contact: Contact, info: Any) -> Any:
    return None if contact.account_id is None else await info.context["accounts"].load(contact.account_id)


@account_type.field("contacts")
async def resolve_contacts_of_account(account: Account, info: Any, *, first: int) -> Any:
    return await info.context["contacts_of_accounts"].load((account.id, first))


@connection_type.field("edges")
def resolve_edges(page: Page, info: Any) -> list[dict[str, Any]]:
    return [{"cursor": cursor_of(row), "node": row} for row in page.rows]


@connection_type.field("nodes")
def resolve_nodes(page: Page, info: Any) -> list[Contact]:
    return page.rows


@connection_type.field("pageInfo")
def resolve_page_info(page: Page, info: Any) -> dict[str, Any]:
    return {"has_next_page": page.more, "end_cursor": cursor_of(page.rows[-1]) if page.rows else None}


def context(request: Any, data: Any) -> dict[str, Any]:
    """The loaders of one request."""
    return {
        "request": request,
        "accounts": DataLoader(reading.accounts_by_id),
        "contacts_of_accounts": DataLoader(reading.contacts_of_accounts),
        "emails": DataLoader(reading.emails_of),
        "phones": DataLoader(reading.phones_of),
        "addresses": DataLoader(reading.addresses_of),
    }


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    yield
    await engine.dispose()


schema = make_executable_schema(
    load_schema_from_path(str(Path(__file__).parents[1] / "canonical.graphql")),
    query,
    mutation,
    contact_type,
    account_type,
    phone_type,
    connection_type,
    datetime_scalar,
    convert_names_case=True,
)
app = Starlette(
    routes=[Route("/graphql", GraphQL(schema, context_value=context, explorer=None, debug=False))], lifespan=lifespan
)
