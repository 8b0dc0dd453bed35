"""People who come in: staff, and whoever is signed in."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import strawberry
from sqlalchemy import Text, cast

from crmgraph.crm import models
from crmgraph.crm.models import Role
from crmgraph.crm.policy import Actor
from crmgraph.graph.resolvers.context import Info
from crmgraph.graph.schema.connections import Connection
from crmgraph.graph.schema.fields import column, computed, global_id, looked_up, of_actor, own, to_many
from crmgraph.graph.schema.filters import OWNED_ACCOUNTS, OWNED_CONTACTS, OWNED_LEADS
from crmgraph.graph.schema.ids import Prefix, encode
from crmgraph.graph.schema.scalars import EmailAddress
from crmgraph.graph.schema.types.node import Node

if TYPE_CHECKING:
    from crmgraph.graph.schema.types.account import Account
    from crmgraph.graph.schema.types.contact import Contact
    from crmgraph.graph.schema.types.lead import Lead


@strawberry.type(description="An employee, who owns records and works on them.")
class User(Node):
    model: ClassVar[type] = models.Staff

    id: strawberry.ID = global_id(Prefix.USER)
    name: str = column("Their name.")
    email: EmailAddress | None = column("Their email address.")
    role: Role = column("What they may do.")
    active: bool = column("Whether they still work here.")
    contacts: Connection[Annotated["Contact", strawberry.lazy("crmgraph.graph.schema.types.contact")]] = to_many(
        OWNED_CONTACTS, "owner_id", "The contacts that they are responsible for, as far as you see them."
    )
    accounts: Connection[Annotated["Account", strawberry.lazy("crmgraph.graph.schema.types.account")]] = to_many(
        OWNED_ACCOUNTS, "owner_id", "The accounts that they are responsible for, as far as you see them."
    )
    leads: Connection[Annotated["Lead", strawberry.lazy("crmgraph.graph.schema.types.lead")]] = to_many(
        OWNED_LEADS, "owner_id", "The leads that they are responsible for, as far as you see them."
    )

    @classmethod
    def is_type_of(cls, obj: object, _: object) -> bool:
        return isinstance(obj, models.Staff)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The source of a viewer.

    Attributes:
        known_email: the email by which they came in; None when it has to be looked up.
    """

    actor: Actor
    known_email: str | None = None


async def _email(root: strawberry.Parent[Any], info: Info) -> Any:
    return root.known_email or await info.context.core.identity.email_of(root.actor)


@strawberry.type(description="Whoever is signed in.")
class Viewer:
    model: ClassVar[type] = models.Credential

    id: strawberry.ID = computed(
        "id",
        by=lambda signed_in: encode(Prefix.VIEWER, signed_in.actor.credential_id),
        sql=lambda row: [f"{Prefix.VIEWER}_", cast(row.id, Text())],
        description="The id of their login.",
    )
    email: EmailAddress = looked_up(
        "email",
        resolver=_email,
        sql=lambda row: row.email,
        description="The email address by which they sign in.",
    )
    role: Role = of_actor(lambda actor: actor.role, "What they may do.")
    contact: Annotated["Contact", strawberry.lazy("crmgraph.graph.schema.types.contact")] | None = own(
        "contact_id", models.Contact, "The contact of a customer; null for staff."
    )
    account: Annotated["Account", strawberry.lazy("crmgraph.graph.schema.types.account")] | None = own(
        "account_id", models.Account, "The account of a customer; null for staff."
    )
    user: User | None = own("staff_id", models.Staff, "The employee; null for a customer.")
