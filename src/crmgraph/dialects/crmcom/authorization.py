"""Who is let in: a token, and the grant of the method."""

from crmgraph.crm.models import Door
from crmgraph.dialects.crmcom.errors import NO_TOKEN, denied
from crmgraph.dialects.crmcom.requests import Call
from crmgraph.rest import RequestError

AUTHENTICATION = "authentication"
"""The area of methods that need no grant: to log out is everybody's."""


async def admit(call: Call) -> None:
    """Read the parameters of a call, one of which is its token, and let it pass if the token's holder may make it.

    Raises:
        RequestError: it has no token, or no grant of the method.
        Unauthenticated: the token is not valid.
        Malformed, TooLarge: it cannot be read, see `Call.read`.
    """
    method = call.operation
    await call.read()
    if method.open:
        return
    token = call.given.get("token")
    if not isinstance(token, str) or not token:
        raise RequestError(NO_TOKEN)
    call.token = token.strip()
    holders = call.core.holders
    holder = holders.known(Door.CRMCOM, call.token) if call.stands else None
    call.standing = None if holder is None else holder.standing
    call.actor = (holder or await holders.of(Door.CRMCOM, call.token)).actor
    # A client is granted methods by name, or all of an area.
    area = method.grant.partition("/")[0]
    if area != AUTHENTICATION and not call.actor.grants & {area, method.grant}:
        raise RequestError(denied(method.grant))
