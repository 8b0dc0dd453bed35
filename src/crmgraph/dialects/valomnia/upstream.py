"""Valomnia behind us: whose calls pass by."""

from http.cookies import CookieError, SimpleCookie

from crmgraph.dialects.valomnia.authorization import COOKIE
from crmgraph.dialects.valomnia.naming import named
from crmgraph.rest.passing import Granted, Passing, Seen

_SECONDS = 24 * 60 * 60
"""How long a session is taken to last, which the vendor does not say."""


def _cookie(text: str) -> str | None:
    try:
        found = SimpleCookie(text).get(COOKIE)
    except CookieError:
        return None
    return found.value if found is not None and found.value else None


def _token(request: Seen) -> str | None:
    return _cookie(request.headers.get("cookie", ""))


def _granted(request: Seen, answer: Seen) -> Granted | None:
    """The session's cookie, for the `j_username` that logged in."""
    token, user = _cookie(answer.headers.get("set-cookie", "")), request.parameters().get("j_username")
    return Granted(token, user, _SECONDS) if token and isinstance(user, str) else None


PASSING = Passing(token=_token, logins=frozenset({"POST /j_spring_security_check"}), granted=_granted, named=named)
