"""CRM.COM behind us: whose calls pass by."""

from crmgraph.rest.passing import Granted, Passing, Seen

_LOGIN = "POST /crmapi/rest/v2/authentication/token"
_BY_KEY = "POST /crmapi/rest/v2/authentication/web_api_key/token"
_SECONDS = 2 * 60 * 60
"""How long a token is good: the vendor's since its release 12."""


def _token(request: Seen) -> str | None:
    token = request.parameters().get("token")
    return token if isinstance(token, str) and token else None


def _granted(request: Seen, answer: Seen) -> Granted | None:
    """`data.token`, for the user of the organisation who asked; who asks by a Web API key is known by no name."""
    data, given = answer.json().get("data"), request.parameters()
    token = data.get("token") if isinstance(data, dict) else None
    user, organisation = given.get("username"), given.get("organisation")
    if not (isinstance(token, str) and isinstance(user, str) and isinstance(organisation, str)):
        return None
    return Granted(token, f"{user}@{organisation}", _SECONDS)


PASSING = Passing(token=_token, logins=frozenset({_LOGIN, _BY_KEY}), granted=_granted, in_body=True)
