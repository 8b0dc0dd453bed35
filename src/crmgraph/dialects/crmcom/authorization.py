"""Who is let in: a token, and the grant of the method."""

from crmgraph.crm.identity.clients import actor_of_client
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
    call.actor = await actor_of_client(call.core.db, Door.CRMCOM, call.token, region=call.core.region)
    # A client is granted methods by name, or all of an area.
    area = method.grant.partition("/")[0]
    if area != AUTHENTICATION and not call.actor.grants & {area, method.grant}:
        raise RequestError(denied(method.grant))
