"""How a mutation ends: with what it did, or with what was refused."""

from collections.abc import Awaitable
from typing import Any, TypeVar

import strawberry

from crmgraph.crm.errors import Path, Refused
from crmgraph.crm.models import PartyKind
from crmgraph.graph.schema.user_errors import UserError, user_errors

USER_ERRORS = "What was refused; empty when all went well."

USER_ERRORS_OR_WARNINGS = (
    "What was refused, and then nothing was done; with a {record} beside them, only warnings; empty when all went well."
)


@strawberry.type(description="How it went.")
class Payload:
    user_errors: list[UserError] = strawberry.field(default_factory=list, description=USER_ERRORS)


_P = TypeVar("_P", bound=Payload)


async def ended(
    payload: type[_P], work: Awaitable[dict[str, Any]], kind: PartyKind = PartyKind.CONTACT, *, under: Path = ()
) -> _P:
    """The payload of what `work` did, or of why it was refused.

    Args:
        work: gives the fields of the payload.
        kind: of what record an existing one would be.
        under: where in the input the record stands that it is about.
    """
    try:
        return payload(**await work)
    except Refused as refused:
        return payload(user_errors=user_errors(refused, kind, under=under))
