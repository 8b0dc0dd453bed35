"""The session: `POST /j_spring_security_check` answers a JSESSIONID, which every other call sends as a cookie.

The vendor redirects to `/login/ajaxSuccess`, which tells who has come in. Clients that follow a redirect read it there,
clients that do not find the same JSON in the redirect itself.
"""

import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from crmgraph.crm.core import Core
from crmgraph.crm.errors import Unauthenticated
from crmgraph.crm.identity import clients
from crmgraph.crm.models import Door
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import external_ids
from crmgraph.dialects.valomnia import parameters
from crmgraph.dialects.valomnia.answers import answer
from crmgraph.dialects.valomnia.errors import LOGIN_FAILED, OTHER_SITE, Failed
from crmgraph.dialects.valomnia.fields import DIALECT, user
from crmgraph.http import reading

COOKIE = "JSESSIONID"
SESSION_SECONDS = 24 * 60 * 60
"""How long a session lasts; the vendor does not say."""
SUCCESS = "/login/ajaxSuccess"


async def actor_of(core: Core, request: Request) -> Actor:
    """Whoever holds the session of this request.

    Raises:
        Unauthenticated: there is none, or it is over.
    """
    token = request.cookies.get(COOKIE)
    if not token:
        raise Unauthenticated
    return await clients.actor_of_client(core.db, Door.VALOMNIA, token, region=core.region)


def check_site(core: Core, request: Request) -> None:
    """Refuse what a page of another site has a browser send, which adds the cookie by itself; reading is let pass.

    Browsers say where a request comes from by Sec-Fetch-Site (W3C Fetch Metadata) or Origin (RFC 6454); programs, which
    say neither, are let pass.

    Raises:
        Failed: it comes from another site.
    """
    if request.method in ("GET", "HEAD"):
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site in ("same-origin", "none") or (site is None and origin is None):
        return
    ours = {core.public_url.lower()} | {f"{scheme}://{request.headers.get('host', '')}" for scheme in ("http", "https")}
    if origin is None or origin.lower() not in ours:
        raise Failed(OTHER_SITE)


async def check(core: Core, request: Request) -> Response:
    """Log in with `j_username` and `j_password`. `ajax`, without which the vendor shows pages to people, is not asked.

    Raises:
        Failed: they are not those of a client, or come from a page of another site.
        Throttled: too many failures.
    """
    check_site(core, request)
    given = (await parameters.of_body(request, core.max_body_bytes)).texts
    try:
        client = await clients.client_login(
            core.db,
            core.passwords,
            Door.VALOMNIA,
            given.get("j_username", ""),
            given.get("j_password", ""),
            "",
            reading.address(request),
            core.identity.throttle,
        )
    except Unauthenticated:
        raise Failed(LOGIN_FAILED) from None
    # As long as the session ids of the vendor's server, and as hard to guess.
    token = await clients.issue(
        core.db, client.id, "access", seconds=SESSION_SECONDS, token=secrets.token_hex(16).upper()
    )
    cookie = f"{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax"
    if core.public_url.startswith("https://"):
        cookie += "; Secure"
    body = await _success(core, token, Actor(Door.VALOMNIA, staff_id=client.staff_id))
    return answer(body, 302, {"Location": SUCCESS, "Set-Cookie": cookie})


async def success(core: Core, request: Request) -> Response:
    """Who has come in.

    Raises:
        Unauthenticated: there is no session.
    """
    actor = await actor_of(core, request)
    return answer(await _success(core, request.cookies[COOKIE], actor))


async def _success(core: Core, token: str, actor: Actor) -> dict[str, Any]:
    assert actor.staff_id is not None  # noqa: S101 - every client acts as a staff member
    async with core.db.read() as session:
        around = await external_ids.of_staff(session, actor, DIALECT, [actor.staff_id])
    member = around.staff[actor.staff_id]
    who = user(around, member.id) | {"name": member.name, "email": member.email or ""}
    return {"success": True, "token": token, "user": who}
