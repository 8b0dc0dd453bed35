"""The session: `POST /j_spring_security_check` answers a JSESSIONID, which every other call sends as a cookie.

The vendor redirects to `/login/ajaxSuccess`, which tells who has come in. Clients that follow a redirect read it there,
clients that do not find the same JSON in the redirect itself.
"""

import secrets
from typing import Any

from crmgraph.crm.core import Core
from crmgraph.crm.errors import Unauthenticated
from crmgraph.crm.identity import clients
from crmgraph.crm.models import Door
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import external_ids
from crmgraph.dialects.valomnia.authorization import COOKIE
from crmgraph.dialects.valomnia.errors import LOGIN_FAILED
from crmgraph.dialects.valomnia.fields import DIALECT, user
from crmgraph.dialects.valomnia.requests import Call
from crmgraph.rest import RequestError

SESSION_SECONDS = 24 * 60 * 60
"""How long a session lasts; the vendor does not say."""
SUCCESS = "/login/ajaxSuccess"


async def check(call: Call) -> dict[str, Any]:
    """Log in with `j_username` and `j_password`. `ajax`, without which the vendor shows pages to people, is not asked.

    Raises:
        RequestError: they are not those of a client.
        Throttled: too many failures.
    """
    core = call.core
    given = (await call.parameters()).texts
    try:
        client = await clients.client_login(
            core.db,
            core.passwords,
            Door.VALOMNIA,
            given.get("j_username", ""),
            given.get("j_password", ""),
            "",
            call.address,
            core.identity.throttle,
        )
    except Unauthenticated:
        raise RequestError(LOGIN_FAILED) from None
    call.let_in = client.id
    # As long as the session ids of the vendor's server, and as hard to guess.
    token = await clients.issue(
        core.db, client.id, "access", seconds=SESSION_SECONDS, token=secrets.token_hex(16).upper()
    )
    cookie = f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax"
    if core.public_url.startswith("https://"):
        cookie += "; Secure"
    call.headers |= {"Location": SUCCESS, "Set-Cookie": cookie}
    return await _success(core, token, Actor(Door.VALOMNIA, staff_id=client.staff_id))


async def success(call: Call) -> dict[str, Any]:
    """Who has come in."""
    return await _success(call.core, call.request.cookies[COOKIE], call.actor)


async def _success(core: Core, token: str, actor: Actor) -> dict[str, Any]:
    assert actor.staff_id is not None  # noqa: S101 - every client acts as a staff member
    async with core.db.read() as session:
        around = await external_ids.of_staff(session, actor, DIALECT, [actor.staff_id])
    member = around.staff[actor.staff_id]
    who = user(around, member.id) | {"name": member.name, "email": member.email or ""}
    return {"success": True, "token": token, "user": who}
