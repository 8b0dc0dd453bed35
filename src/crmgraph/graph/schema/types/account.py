"""Accounts."""

from typing import Annotated, ClassVar, Optional

import strawberry
from sqlalchemy import Text, func, literal_column

from crmgraph.crm import models
from crmgraph.crm.models import AccountKind, PartyKind
from crmgraph.crm.policy import Permission
from crmgraph.graph.schema.connections import Connection
from crmgraph.graph.schema.fields import column, computed, global_id, part, required, to_many, to_one
from crmgraph.graph.schema.filters import ACCOUNTS, CONTACTS
from crmgraph.graph.schema.ids import Prefix
from crmgraph.graph.schema.scalars import BigInt, CountryCode, Date, Money
from crmgraph.graph.schema.types.contact import Contact
from crmgraph.graph.schema.types.record import Preferences, Record, permitted


@strawberry.type(description="A company, a household or one person as a customer.")
class Account(Record):
    model: ClassVar[type] = models.Account

    id: strawberry.ID = global_id(Prefix.ACCOUNT)
    name: str = required("name", "The name.")
    display_name: str = computed(
        "name",
        "number",
        by=lambda row: row.name or row.number,
        sql=lambda row: func.coalesce(func.nullif(row.name, literal_column("''", Text())), row.number),
        description="The name, or the number of what has none.",
    )
    kind: AccountKind | None = column("Whether it stands for one person or for a business.")
    account_type: str | None = column("What it is to us, e.g. `Customer` or `Partner`.")
    industry: str | None = column("The industry.")
    sector: str | None = column("The sector of the industry.")
    website: str | None = column("The website, as it was given.")
    employees: BigInt | None = column("How many people work there.")
    annual_revenue: Money | None = column("The revenue of a year.")
    ownership: str | None = column("Who owns it, e.g. `Public`.")
    rating: str | None = column("How it is rated.")
    site: str | None = column("Which of its sites this is.")
    sic_code: str | None = column("The code of the standard industrial classification.")
    ticker_symbol: str | None = column("The symbol under which its shares are traded.")
    registration_number: str | None = column("The number in the register of companies.")
    registration_country: CountryCode | None = column("The country of that register.")
    vat_number: str | None = column("The number for value added tax.")
    tax_number: str | None = column("The number at the tax office.")
    established_on: Date | None = column("When it was established.")
    status: str | None = column("The status.")
    segment: str | None = column("The segment of the market.")
    platform: str | None = column("The platform that serves it.")
    language: str | None = column("The language that it is written to in, as it was given.")
    sms_opt_out: bool = column("Whether they want no text messages from us.")
    preferences: Preferences = part("What they chose in the self-care portal.")
    parent: Optional["Account"] = to_one("parent_id", models.Account, "The account that it is a part of.")
    primary_contact: Contact | None = to_one("primary_contact_id", models.Contact, "Whom to speak to first.")
    can: list[Permission] = permitted(
        PartyKind.ACCOUNT, "primary_contact_id", state=lambda person: {"primary_contact_id": person}
    )
    contacts: Connection[Contact] = to_many(CONTACTS, "account_id", "The contacts who belong to it.")
    parts: Connection[Annotated["Account", strawberry.lazy("crmgraph.graph.schema.types.account")]] = to_many(
        ACCOUNTS, "parent_id", "The accounts that are parts of it."
    )

    @classmethod
    def is_type_of(cls, obj: object, _: object) -> bool:
        return isinstance(obj, models.Account)
