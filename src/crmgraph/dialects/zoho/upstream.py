"""Zoho behind us: whose calls pass by."""

from crmgraph.rest.passing import Granted, Passing, Seen

_SCHEMES = ("zoho-oauthtoken ", "bearer ")


def _token(request: Seen) -> str | None:
    value = request.headers.get("authorization", "").strip()
    for scheme in _SCHEMES:
        if value.lower().startswith(scheme):
            return value[len(scheme) :].strip()
    return value or None


def _granted(request: Seen, answer: Seen) -> Granted | None:
    """The answer of the accounts server: `access_token`, for the `client_id` that asked (OAuth 2, RFC 6749)."""
    told, caller = answer.json(), request.parameters().get("client_id")
    token, seconds = told.get("access_token"), told.get("expires_in", 3600)
    if not (isinstance(token, str) and isinstance(caller, str) and isinstance(seconds, int)):
        return None
    return Granted(token, caller, seconds)


PASSING = Passing(
    token=_token,
    logins=frozenset({"POST /oauth/v2/token"}),
    granted=_granted,
    accounts="/oauth/",
)
