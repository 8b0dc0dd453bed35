"""Who is let in: the session, a cookie, and not what a page of another site has a browser send."""

from crmgraph.crm.errors import Unauthenticated
from crmgraph.crm.models import Door
from crmgraph.crm.policy import Actor
from crmgraph.dialects.valomnia.errors import OTHER_SITE
from crmgraph.dialects.valomnia.requests import Call
from crmgraph.rest import RequestError

COOKIE = "JSESSIONID"


async def admit(call: Call) -> None:
    """Let a request pass that comes from nowhere else, and in a session where its operation asks for one.

    Raises:
        RequestError: it comes from another site.
        Unauthenticated: there is no session, or it is over.
    """
    _check_site(call)
    if call.operation.in_session:
        call.actor = await actor_of(call)


async def actor_of(call: Call) -> Actor:
    """Whoever holds the session of this request.

    Raises:
        Unauthenticated: there is none, or it is over.
    """
    token = call.request.cookies.get(COOKIE)
    if not token:
        raise Unauthenticated
    return (await call.core.holders.of(Door.VALOMNIA, token)).actor


def _check_site(call: Call) -> None:
    """Refuse what a page of another site has a browser send, which adds the cookie by itself; reading is let pass.

    Browsers say where a request comes from by Sec-Fetch-Site (W3C Fetch Metadata) or Origin (RFC 6454); programs, which
    say neither, are let pass.

    Raises:
        RequestError: it comes from another site.
    """
    request = call.request
    if request.method in ("GET", "HEAD"):
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site in ("same-origin", "none") or (site is None and origin is None):
        return
    ours = {call.core.public_url.lower()} | {
        f"{scheme}://{request.headers.get('host', '')}" for scheme in ("http", "https")
    }
    if origin is None or origin.lower() not in ours:
        raise RequestError(OTHER_SITE)
