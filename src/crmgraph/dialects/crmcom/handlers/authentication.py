"""Authentication: tokens for users and for Web API keys, and their end."""

import secrets
from typing import Any

from crmgraph.crm.core import Core
from crmgraph.crm.errors import Refused, Unauthenticated, refuse
from crmgraph.crm.identity.clients import client_login, holder_of_key, issue, revoke
from crmgraph.crm.models import Door
from crmgraph.dialects.crmcom.errors import WRONG_KEY, WRONG_LOGIN
from crmgraph.dialects.crmcom.requests import Call
from crmgraph.rest import RequestError

TOKEN_SECONDS = 2 * 60 * 60
"""How long a token is good, in seconds: the vendor's since its release 12."""


async def log_in(call: Call) -> dict[str, Any]:
    """A token for a user of an organisation. `unit` is heard, and there is one."""
    faults: list[Refused] = []
    given = {}
    for name in ("username", "password", "organisation"):
        try:
            given[name] = call.text(name)
        except Refused as refused:
            faults.append(refused)
    refuse(faults)
    core = call.core
    try:
        client = await client_login(
            core.db,
            core.passwords,
            Door.CRMCOM,
            given["username"],
            given["password"],
            given["organisation"],
            call.address,
            core.identity.throttle,
        )
    except Unauthenticated:
        raise RequestError(WRONG_LOGIN) from None
    call.let_in = client.id
    return {"token": await _token(core, client.id)}


async def log_in_by_key(call: Call) -> dict[str, Any]:
    """A token for a Web API key. `unit` is heard, and there is one."""
    core, key = call.core, call.key
    try:
        holder = await holder_of_key(core.db, Door.CRMCOM, key, call.address, core.identity.throttle)
    except Unauthenticated:
        raise RequestError(WRONG_KEY) from None
    assert holder.client_id is not None  # noqa: S101 - it came from a client's key
    call.let_in = holder.client_id
    return {"token": await _token(core, holder.client_id, key)}


async def _token(core: Core, client_id: int, key: str | None = None) -> str:
    token = secrets.token_hex(16).upper()
    return await issue(core.db, client_id, "access", seconds=TOKEN_SECONDS, token=token, issued_by=key)


async def log_out(call: Call) -> dict[str, Any]:
    """The end of a token."""
    await revoke(call.core.db, call.token)
    return {}
