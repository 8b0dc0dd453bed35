"""People who come in: staff, and whoever is signed in."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import strawberry

from crmgraph.crm import models
from crmgraph.crm.errors import Unauthenticated
from crmgraph.crm.models import Role
from crmgraph.crm.policy import Actor
from crmgraph.graph.resolvers.context import Info
from crmgraph.graph.schema.declarations import column, global_id
from crmgraph.graph.schema.ids import Prefix, encode
from crmgraph.graph.schema.scalars import EmailAddress
from crmgraph.graph.schema.types.node import Node

if TYPE_CHECKING:
    from crmgraph.graph.schema.types.account import Account
    from crmgraph.graph.schema.types.contact import Contact


@strawberry.type(description="An employee, who owns records and works on them.")
class User(Node):
    model: ClassVar[type] = models.Staff

    id: strawberry.ID = global_id(Prefix.USER)
    name: str = column("Their name.")
    email: EmailAddress | None = column("Their email address.")
    role: Role = column("What they may do.")
    active: bool = column("Whether they still work here.")

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


def _id(root: strawberry.Parent[Any]) -> Any:
    return encode(Prefix.VIEWER, root.actor.credential_id)


async def _email(root: strawberry.Parent[Any], info: Info) -> Any:
    return root.known_email or await info.context.core.identity.email_of(root.actor)


def _role(root: strawberry.Parent[Any]) -> Any:
    if root.actor.role is None:
        raise Unauthenticated
    return root.actor.role


def _own(model: Any, name: str) -> Any:
    def resolve(root: strawberry.Parent[Any], info: Info) -> Any:
        own = getattr(root.actor, name)
        loaders = info.context.loaders
        if own is None:
            return None
        return (loaders.staff() if model is models.Staff else loaders.record(model)).load(own)

    return resolve


@strawberry.type(description="Whoever is signed in.")
class Viewer:
    id: strawberry.ID = strawberry.field(resolver=_id, description="The id of their login.")
    email: EmailAddress = strawberry.field(resolver=_email, description="The email address by which they sign in.")
    role: Role = strawberry.field(resolver=_role, description="What they may do.")
    contact: Annotated["Contact", strawberry.lazy("crmgraph.graph.schema.types.contact")] | None = strawberry.field(
        resolver=_own(models.Contact, "contact_id"), description="The contact of a customer; null for staff."
    )
    account: Annotated["Account", strawberry.lazy("crmgraph.graph.schema.types.account")] | None = strawberry.field(
        resolver=_own(models.Account, "account_id"), description="The account of a customer; null for staff."
    )
    user: User | None = strawberry.field(
        resolver=_own(models.Staff, "staff_id"), description="The employee; null for a customer."
    )
