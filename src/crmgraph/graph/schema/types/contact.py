"""Contacts."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Optional

import strawberry
from sqlalchemy import func, select

from crmgraph.crm import models
from crmgraph.crm.models import PartyKind
from crmgraph.crm.policy import Permission, may_see_identity
from crmgraph.graph.resolvers.context import Info
from crmgraph.graph.schema.connections import Connection
from crmgraph.graph.schema.fields import column, computed, global_id, part, required, rows, through, to_many, to_one
from crmgraph.graph.schema.filters import CONTACTS
from crmgraph.graph.schema.ids import Prefix
from crmgraph.graph.schema.scalars import CountryCode
from crmgraph.graph.schema.types.contact_points import Relation
from crmgraph.graph.schema.types.names import NAMED, display_name, display_name_sql, full_name, full_name_sql
from crmgraph.graph.schema.types.record import Preferences, Record, permitted

if TYPE_CHECKING:
    from crmgraph.graph.schema.types.account import Account
    from crmgraph.graph.schema.types.lead import Lead


@strawberry.type(description="A date of birth, of which any part may be unknown.")
class BirthDate:
    day: int | None = computed(
        "birth_day",
        by=lambda row: row.birth_day,
        sql=lambda row: row.birth_day,
        description="The day of the month, from 1.",
    )
    month: int | None = computed(
        "birth_month",
        by=lambda row: row.birth_month,
        sql=lambda row: row.birth_month,
        description="The month, 1 to 12.",
    )
    year: int | None = computed(
        "birth_year", by=lambda row: row.birth_year, sql=lambda row: row.birth_year, description="The year."
    )


@strawberry.type(description="Identity documents. The person sees them, and staff who have the right.")
class IdentityDocuments:
    id_number: str | None = column("The number of the identity card.")
    id_country: CountryCode | None = column("Who issued the identity card.")
    passport_number: str | None = column("The number of the passport.")
    passport_country: CountryCode | None = column("Who issued the passport.")
    social_security_number: str | None = column("The social security number.")
    social_security_country: CountryCode | None = column("Who issued the social security number.")


def _is_known(_: object, row: Any) -> bool:
    return (row.birth_day, row.birth_month, row.birth_year) != (None, None, None)


def _is_known_sql(_: object, row: Any) -> Any:
    return func.coalesce(row.birth_day, row.birth_month, row.birth_year).is_not(None)


def _may_see(actor: Any, row: Any) -> bool:
    return may_see_identity(actor, row.id)


async def _converted_lead(root: Any, info: Info) -> Any:
    return await info.context.loaders.converted_lead().load(root.id)


def _converted_lead_sql(row: Any) -> Any:
    into = models.Lead.converted_contact_id == row.id
    first = select(func.min(models.Lead.id)).where(into, models.Lead.deleted_at.is_(None))
    return first.correlate(row.id.table).scalar_subquery()


@strawberry.type(description="A person.")
class Contact(Record):
    model: ClassVar[type] = models.Contact

    id: strawberry.ID = global_id(Prefix.CONTACT)
    salutation: str | None = column("How they are addressed, e.g. `Mr`.")
    first_name: str | None = column("The given name.")
    middle_name: str | None = column("The middle name.")
    last_name: str = required("last_name", "The family name.")
    nickname: str | None = column("What friends call them.")
    full_name: str = computed(
        "first_name",
        "middle_name",
        "last_name",
        by=full_name,
        sql=full_name_sql,
        description="The first, middle and last name.",
    )
    display_name: str = computed(
        *NAMED, by=display_name, sql=display_name_sql, description="The full name, or the number of who has none."
    )
    gender: str | None = column("The gender, as it was given.")
    birth_date: BirthDate | None = part(
        "The date of birth; null when nothing of it is known.",
        shown=_is_known,
        sql=_is_known_sql,
        reads=("birth_day", "birth_month", "birth_year"),
    )
    job_title: str | None = column("What they do where they work.")
    department: str | None = column("The department that they work in.")
    language: str | None = column("The language that they speak, as it was given.")
    assistant: str | None = column("The name of their assistant.")
    decision_maker: bool = column("Whether they decide.")
    source: str | None = column("Where the contact came from.")
    twitter: str | None = column("Their handle on Twitter.")
    skype: str | None = column("Their name on Skype.")
    do_not_call: bool = column("Whether they want no calls from us.")
    sms_opt_out: bool = column("Whether they want no text messages from us.")
    direct_marketing: bool | None = column("Whether they agreed to marketing by us; null when they never said.")
    affiliate_marketing: bool | None = column(
        "Whether they agreed to marketing by partners; null when they never said."
    )
    life_cycle_state: str | None = column("Where they are on the way from a prospect to a customer.")
    category: str | None = column("The category that they are put in.")
    privacy_level: str | None = column("How their data has to be treated.")
    residence_country: CountryCode | None = column("The country that they live in.")
    preferences: Preferences = part("What they chose in the self-care portal.")
    identity_documents: IdentityDocuments | None = part(
        "Identity documents; null without the right.", shown=_may_see, sql=_may_see, reads=("id",)
    )
    account: Annotated["Account", strawberry.lazy("crmgraph.graph.schema.types.account")] | None = to_one(
        "account_id", models.Account, "The account that they belong to."
    )
    reports_to: Optional["Contact"] = to_one("reports_to_id", models.Contact, "Whom they report to.")
    direct_reports: Connection[Annotated["Contact", strawberry.lazy("crmgraph.graph.schema.types.contact")]] = to_many(
        CONTACTS, "reports_to_id", "Who reports to them."
    )
    converted_from: Annotated["Lead", strawberry.lazy("crmgraph.graph.schema.types.lead")] | None = through(
        "id",
        model=models.Lead,
        by=_converted_lead,
        sql=_converted_lead_sql,
        description="The lead that was converted into this contact, the first one of several; staff see it.",
    )
    can: list[Permission] = permitted(PartyKind.CONTACT)
    relations: list[Relation] = rows(models.Relation, "How they stand to other people.")

    @classmethod
    def is_type_of(cls, obj: object, _: object) -> bool:
        return isinstance(obj, models.Contact)
