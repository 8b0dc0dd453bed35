"""Who is let in: a request brings its headers, and the token of a customer where a service asks for one."""

from functools import lru_cache

from crmgraph.crm.errors import Unauthenticated
from crmgraph.crm.models import now
from crmgraph.crm.query.authorization import standing_of
from crmgraph.dialects.covalense import jjwt
from crmgraph.dialects.covalense.errors import invalid_token, missing_header
from crmgraph.dialects.covalense.requests import Call, has_body
from crmgraph.http.headers import header_of
from crmgraph.rest import RequestError

HEADERS = ("correlationId", "srDate", "source", "destination", "operation")
"""What every request brings, in the order in which a missing one is named."""
_OWN = ("token", "email", "type", "Data")
"""What some services ask for besides, in that order."""


@lru_cache(maxsize=100)
def _wanted(asked: tuple[str, ...]) -> tuple[tuple[bytes, str], ...]:
    """(as ASGI has it, as the document has it) of all headers that a service asks for, in their order."""
    return tuple((name.lower().encode(), name) for name in (*HEADERS, *sorted(asked, key=_OWN.index)))


async def admit(call: Call) -> None:
    """Let a request pass whose headers are there (their values are nobody's business), and whose token holds.

    Raises:
        RequestError: a header is missing, or the token does not hold.
    """
    scope, asked = call.request.scope, call.operation.headers
    given = {name for name, _ in scope["headers"]}
    for raw, name in _wanted(asked):
        # An earlier edition of the documentation has Data as a parameter of the address, and this one in the body too,
        # which is not read yet.
        if raw not in given and not (name == "Data" and (name in call.query or has_body(call.request))):
            raise RequestError(missing_header(name))
    if "token" in asked:
        token = header_of(scope, b"token")
        if call.stands and (known := call.core.identity.cached_actor_of_bare(token)) is not None:
            call.actor, call.standing = known, standing_of(known)
            return
        try:
            call.actor = await call.core.identity.actor_of_bare(token)
        except Unauthenticated as refused:
            raise RequestError(invalid_token(jjwt.said_of(token, refused.reason, now()))) from None
