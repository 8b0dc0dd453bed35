"""Keys of programs."""

from crmgraph.dialects.rolodex.requests import Call

from crmgraph.crm.identity import clients
from crmgraph.crm.models import Door


async def unlock(call: Call) -> dict[str, str]:
    """POST /keys: a key that is good for an hour."""
    given, core = await call.body(), call.core
    name, password = str(given.get("username", "")), str(given.get("password", ""))
    client = await clients.client_login(
        core.db, core.passwords, Door.ROLODEX, name, password, "", call.address, core.identity.throttle
    )
    return {"key": await clients.issue(core.db, client.id, "access", seconds=3600)}
