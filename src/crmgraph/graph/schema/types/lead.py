"""Leads."""

from typing import ClassVar

import strawberry

from crmgraph.crm import models
from crmgraph.crm.models import Approval, PartyKind
from crmgraph.crm.policy import Permission
from crmgraph.graph.schema.fields import column, computed, global_id, required, to_one
from crmgraph.graph.schema.ids import Prefix
from crmgraph.graph.schema.scalars import BigInt, DateTime, Money
from crmgraph.graph.schema.types.account import Account
from crmgraph.graph.schema.types.contact import Contact
from crmgraph.graph.schema.types.names import NAMED, display_name, display_name_sql, full_name, full_name_sql
from crmgraph.graph.schema.types.record import Record, permitted


def _state(locked_by: str | None, approval: str, converted: int | None) -> dict[str, bool]:
    return {
        "held": locked_by is not None,
        "workable": approval == Approval.APPROVED and not converted,
        "converted": bool(converted),
    }


@strawberry.type(description="A person or company that may become a customer.")
class Lead(Record):
    model: ClassVar[type] = models.Lead

    id: strawberry.ID = global_id(Prefix.LEAD)
    salutation: str | None = column("How they are addressed, e.g. `Mr`.")
    first_name: str | None = column("The given name.")
    middle_name: str | None = column("The middle name.")
    last_name: str = required("last_name", "The family name.")
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
    company: str | None = column("The company that they work for, or that they are.")
    job_title: str | None = column("What they do where they work.")
    status: str | None = column("How far it is with them.")
    source: str | None = column("Where the lead came from.")
    rating: str | None = column("How promising it is.")
    industry: str | None = column("The industry.")
    annual_revenue: Money | None = column("The revenue of a year.")
    employees: BigInt | None = column("How many people work there.")
    website: str | None = column("The website, as it was given.")
    twitter: str | None = column("Their handle on Twitter.")
    skype: str | None = column("Their name on Skype.")
    approval: Approval = column("Whether it may be worked on yet.")
    locked_by: str | None = column("The process that holds it, in its own word; null when none does.")
    converted_at: DateTime | None = column("When it was converted; null while it is a lead.")
    converted_contact: Contact | None = to_one("converted_contact_id", models.Contact, "The contact that came of it.")
    converted_account: Account | None = to_one("converted_account_id", models.Account, "The account that came of it.")

    can: list[Permission] = permitted(PartyKind.LEAD, "locked_by", "approval", "converted_at", state=_state)

    @classmethod
    def is_type_of(cls, obj: object, _: object) -> bool:
        return isinstance(obj, models.Lead)
