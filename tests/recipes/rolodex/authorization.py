"""Who is let in: a program with the key that it was given for its password."""

from crmgraph.dialects.rolodex.requests import Call

from crmgraph.crm.identity import clients
from crmgraph.crm.models import Door


async def admit(call: Call) -> None:
    """Let a request pass that brings a key, or asks for one.

    Raises:
        Unauthenticated: the key does not hold.
    """
    if call.operation.path != "/keys":
        key = call.request.headers.get("authorization", "").removeprefix("Bearer ")
        call.actor = await clients.actor_of_client(call.core.db, Door.ROLODEX, key, region=call.core.region)
