"""The types, each made of a row of the ORM, with its relations behind the loaders of the request."""

import datetime as dt
from typing import Annotated, Any

import strawberry

from bench.peers.book import models
from bench.peers.book.reading import Page, cursor_of

Info = strawberry.Info[dict[str, Any], None]


@strawberry.type
class Email:
    kind: str
    address: str

    @classmethod
    def of(cls, row: models.Email) -> "Email":
        return cls(kind=row.kind, address=row.address)


@strawberry.type
class Phone:
    id: strawberry.ID
    kind: str
    raw: str
    e164: str | None

    @classmethod
    def of(cls, row: models.Phone) -> "Phone":
        return cls(id=strawberry.ID(str(row.id)), kind=row.kind, raw=row.raw, e164=row.e164)


@strawberry.type
class Address:
    kind: str
    street: str | None
    city: str | None
    postal_code: str | None
    country: str | None

    @classmethod
    def of(cls, row: models.Address) -> "Address":
        return cls(kind=row.kind, street=row.street, city=row.city, postal_code=row.postal_code, country=row.country)


@strawberry.type
class Contact:
    id: strawberry.ID
    number: str
    revision: int
    first_name: str | None
    middle_name: str | None
    last_name: str | None
    full_name: str
    job_title: str | None
    department: str | None
    language: str | None
    created_at: dt.datetime
    updated_at: dt.datetime
    row: strawberry.Private[models.Contact]

    @classmethod
    def of(cls, row: models.Contact) -> "Contact":
        return cls(
            id=strawberry.ID(str(row.id)),
            number=row.number,
            revision=row.revision,
            first_name=row.first_name,
            middle_name=row.middle_name,
            last_name=row.last_name,
            full_name=row.full_name,
            job_title=row.job_title,
            department=row.department,
            language=row.language,
            created_at=row.created_at,
            updated_at=row.updated_at,
            row=row,
        )

    @strawberry.field
    async def emails(self, info: Info) -> list[Email]:
        return [Email.of(row) for row in await info.context["emails"].load(self.row.id)]

    @strawberry.field
    async def phones(self, info: Info) -> list[Phone]:
        return [Phone.of(row) for row in await info.context["phones"].load(self.row.id)]

    @strawberry.field
    async def addresses(self, info: Info) -> list[Address]:
        return [Address.of(row) for row in await info.context["addresses"].load(self.row.id)]

    @strawberry.field
    async def account(self, info: Info) -> Annotated["Account", strawberry.lazy(__name__)] | None:
        if self.row.account_id is None:
            return None
        row = await info.context["accounts"].load(self.row.account_id)
        return None if row is None else Account.of(row)


@strawberry.type
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class ContactEdge:
    cursor: str
    node: Contact


@strawberry.type
class ContactConnection:
    page: strawberry.Private[Page]

    @strawberry.field
    def edges(self) -> list[ContactEdge]:
        return [ContactEdge(cursor=cursor_of(row), node=Contact.of(row)) for row in self.page.rows]

    @strawberry.field
    def nodes(self) -> list[Contact]:
        return [Contact.of(row) for row in self.page.rows]

    @strawberry.field
    def page_info(self) -> PageInfo:
        rows = self.page.rows
        return PageInfo(has_next_page=self.page.more, end_cursor=cursor_of(rows[-1]) if rows else None)


@strawberry.type
class Account:
    id: strawberry.ID
    name: str | None
    industry: str | None
    row: strawberry.Private[models.Account]

    @classmethod
    def of(cls, row: models.Account) -> "Account":
        return cls(id=strawberry.ID(str(row.id)), name=row.name, industry=row.industry, row=row)

    @strawberry.field
    async def contacts(self, info: Info, first: int) -> ContactConnection:
        return ContactConnection(page=await info.context["contacts_of_accounts"].load((self.row.id, first)))


@strawberry.type
class AccountConnection:
    nodes: list[Account]
