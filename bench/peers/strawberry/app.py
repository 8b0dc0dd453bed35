"""The schema on FastAPI's GraphQLRouter, with fresh DataLoaders for each request.

As its pages "DataLoaders", "FastAPI" and "Mutations" write it. With BENCH_CACHES the two documented extensions that
keep parsed and validated documents are on, which the pages leave to the reader.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from typing import Any

import strawberry
from fastapi import FastAPI
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.fastapi import GraphQLRouter

from bench.peers.book import reading
from bench.peers.book.database import engine
from bench.peers.book.renaming import rename
from bench.peers.strawberry.types import Account, AccountConnection, Contact, ContactConnection


@strawberry.enum
class Direction(Enum):
    ASC = "ASC"
    DESC = "DESC"


@strawberry.enum
class ContactSortField(Enum):
    CREATED_AT = "CREATED_AT"
    LAST_NAME = "LAST_NAME"


@strawberry.input
class ContactSort:
    field: ContactSortField
    direction: Direction


@strawberry.input
class TextFilter:
    eq: str | None = None
    starts_with: str | None = None


@strawberry.input
class ContactFilter:
    last_name: TextFilter
    city: TextFilter


@strawberry.input
class ContactRef:
    id: strawberry.ID


@strawberry.input
class PhoneUpdate:
    id: strawberry.ID
    raw: str


@strawberry.input
class PhoneEdits:
    update: list[PhoneUpdate]


@strawberry.input
class UpdateContactInput:
    contact: ContactRef
    first_name: str | None
    phones: PhoneEdits


@strawberry.type
class UserError:
    code: str
    message: str
    path: list[str]


@strawberry.type
class UpdateContactPayload:
    contact: Contact | None
    user_errors: list[UserError]


@strawberry.type
class Query:
    @strawberry.field
    async def contact(self, by: ContactRef) -> Contact | None:
        row = await reading.contact(int(by.id))
        return None if row is None else Contact.of(row)

    @strawberry.field
    async def contacts(
        self,
        first: int,
        after: str | None = None,
        filter: ContactFilter | None = None,  # noqa: A002 - the schema's word
        sort: list[ContactSort] | None = None,
    ) -> ContactConnection:
        if filter is not None:
            prefix, city = filter.last_name.starts_with or "", filter.city.eq or ""
            return ContactConnection(page=await reading.contacts_named(first, prefix, city))
        return ContactConnection(page=await reading.newest_contacts(first, after))

    @strawberry.field
    async def accounts(self, first: int) -> AccountConnection:
        return AccountConnection(nodes=[Account.of(row) for row in await reading.accounts(first)])


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def update_contact(self, input: UpdateContactInput) -> UpdateContactPayload:  # noqa: A002 - the schema's word
        phone = input.phones.update[0]
        row = await rename(int(input.contact.id), input.first_name, int(phone.id), phone.raw)
        return UpdateContactPayload(contact=Contact.of(row), user_errors=[])


async def context() -> dict[str, Any]:
    """The loaders of one request."""
    return {
        "accounts": DataLoader(load_fn=reading.accounts_by_id),
        "contacts_of_accounts": DataLoader(load_fn=reading.contacts_of_accounts),
        "emails": DataLoader(load_fn=reading.emails_of),
        "phones": DataLoader(load_fn=reading.phones_of),
        "addresses": DataLoader(load_fn=reading.addresses_of),
    }


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    await engine.dispose()


schema = strawberry.Schema(
    Query,
    Mutation,
    extensions=[ParserCache, ValidationCache] if os.environ.get("BENCH_CACHES") else [],
)
app = FastAPI(lifespan=lifespan)
app.include_router(GraphQLRouter(schema, context_getter=context, graphql_ide=None), prefix="/graphql")
