"""How answers of Covalense are compared with ours."""

import base64
import binascii

import orjson

from crmgraph.rest.comparing import Comparing
from crmgraph.rest.passing import HttpMessage


def _customer(request: HttpMessage) -> str | None:
    """`sub` of the token, a JWT. Its signature is the old CRM's, which has let it pass."""
    if (token := request.headers.get("token")) is None:
        return None
    parts = token.split(".")
    if len(parts) != 3 or len(parts[1]) > 4_096:
        return ""
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return ""
    sub = claims.get("sub") if isinstance(claims, dict) else None
    return sub if isinstance(sub, str) else ""


_HEADERS = ("correlationid", "srdate", "source", "destination", "operation", "email")
COMPARING = Comparing(
    keys=("**.profileImage", "**.imagename"),
    of_customers=True,
    customer=_customer,
    sends={"token": "$TOKEN", **dict.fromkeys(_HEADERS, "x")},
)
