"""Who is let in, and to what: tokens and their scopes.

A request is checked in the order of Zoho's servers: its method, whether it names anything, its token; and once its
operation is known, whether the scopes of the token cover it.
"""

from collections.abc import Sequence
from functools import lru_cache

from starlette.requests import Request

from crmgraph.crm.errors import Unauthenticated
from crmgraph.crm.identity.token_holders import Holder
from crmgraph.crm.models import Door
from crmgraph.crm.policy import Actor
from crmgraph.dialects.zoho import errors
from crmgraph.dialects.zoho.fields import MODULES
from crmgraph.dialects.zoho.requests import Call
from crmgraph.http.headers import headers_of
from crmgraph.rest import RequestError

ABSENT = frozenset({"actions", "composite_requests", "coql", "files", "functions", "taxes"})
"""What Zoho has beside the modules and nothing here answers to; no module is called so."""
ACTIONS = {"GET": "READ", "POST": "CREATE", "PUT": "UPDATE", "DELETE": "DELETE"}
"""The methods that Zoho's gateway knows, and what each does to a module."""
MAX_TOKENS = 4
"""The most tokens that one request is searched for."""
MAX_EXTERNAL = 100
"""How much of a header is told back."""
_SCHEMES = ("zoho-oauthtoken ", "bearer ")
_WORDS = {
    "READ": ("all", "read"),
    "CREATE": ("all", "create", "write"),
    "UPDATE": ("all", "update", "write"),
    "DELETE": ("all", "delete"),
}
"""{action: what it is granted by}."""


async def require_method(call: Call) -> None:
    """Let a call pass whose method is known.

    Raises:
        RequestError: it is not.
    """
    if call.request.method not in ACTIONS:
        raise RequestError(errors.INVALID_REQUEST_METHOD)


async def authenticate(call: Call) -> None:
    """Let a call pass whose token holds, before it is looked at what it asks for.

    Raises:
        RequestError: its method is not known, it names nothing or nothing that there is, or no token of it holds.
    """
    await require_method(call)
    if not call.root:
        raise RequestError(errors.INVALID_URL_PATTERN)
    holder = await _holder(call)
    call.actor, call.expires_at = holder.actor, holder.expires_at
    if call.root in ABSENT:
        raise RequestError(errors.INVALID_URL_PATTERN)
    # No field here is marked as external: the value in the path must not be taken for an id of ours. Of several such
    # headers any counts; an empty one names no field, and is the same as none.
    given = headers_of(call.request.scope, b"x-external")
    if given and (external := next(filter(None, map(str.strip, given)), "")):
        about = {"header": "X-EXTERNAL", "external_field": external[:MAX_EXTERNAL]}
        raise RequestError(errors.EXTERNAL_NOT_FOUND.about(**about))


async def authorize(call: Call) -> None:
    """Let a call pass whose scopes cover its operation, on a module that there is.

    Raises:
        RequestError: they do not, there is no such module, or a parameter asks for what there is nothing of.
    """
    operation, module = call.operation, call.params.get("module")
    for topic in (operation.topic or module or "", operation.also):
        if topic is not None:
            require_scope(call.actor, operation.area, topic, operation.actions)
    if module is not None and module not in MODULES:
        raise RequestError(errors.INVALID_MODULE)
    call.read_query()
    for name in operation.refused:
        if call.query(name) not in (None, "false"):
            raise RequestError(errors.refused_parameter(name))


async def _holder(call: Call) -> Holder:
    given, holders = tokens(call.request), call.core.holders
    if call.stands and len(given) == 1 and (known := holders.known(Door.ZOHO, given[0])) is not None:
        call.standing = known.standing
        return known
    if not given:
        raise RequestError(errors.AUTHENTICATION_FAILURE)
    for token in given:
        try:
            return await holders.of(Door.ZOHO, token)
        except Unauthenticated:
            continue
    raise RequestError(errors.INVALID_TOKEN)


def tokens(request: Request) -> list[str]:
    """The tokens that a request brings: in one or more Authorization headers, after a scheme or bare."""
    found: list[str] = []
    for header in headers_of(request.scope, b"authorization"):
        for value in header.split(","):
            token = value.strip()
            for scheme in _SCHEMES:
                if token.lower().startswith(scheme):
                    token = token[len(scheme) :].strip()
            if token and token not in found:
                found.append(token)
    return found[:MAX_TOKENS]


def require_scope(actor: Actor, area: str, topic: str, actions: Sequence[str]) -> None:
    """Let a caller pass whose grants cover the actions: ZohoCRM.modules.ALL, ZohoCRM.modules.leads.READ ...

    Raises:
        RequestError: one is not granted.
    """
    granted = _lowered(actor.grants)
    whole, own = f"zohocrm.{area}", f"zohocrm.{area}.{topic}".lower()
    for action in actions:
        words = _WORDS[action]
        if granted.isdisjoint([f"{place}.{word}" for place in (own, whole) for word in words]):
            raise RequestError(errors.OAUTH_SCOPE_MISMATCH)


@lru_cache(maxsize=1_000)
def _lowered(grants: frozenset[str]) -> frozenset[str]:
    return frozenset(grant.lower() for grant in grants)
