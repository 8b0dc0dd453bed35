"""Covalense behind us: whose calls pass by."""

from crmgraph.rest.passing import Granted, Passing, Seen

_SECONDS = 24 * 60 * 60
"""How long a token is remembered; the vendor's say themselves when they end, and nobody asks us."""


def _token(request: Seen) -> str | None:
    return request.headers.get("token") or None


def _granted(request: Seen, answer: Seen) -> Granted | None:
    """`accessToken`, for the portal that the header `source` names: customers are people, and counted together."""
    response = answer.json().get("response")
    result = response.get("result") if isinstance(response, dict) else None
    token = result.get("accessToken") if isinstance(result, dict) else None
    source = request.headers.get("source", "").strip()[:50]
    return (
        Granted(token, f"customers of {source}" if source else "customers", _SECONDS)
        if isinstance(token, str)
        else None
    )


PASSING = Passing(token=_token, logins=frozenset({"POST /crm/v1/login"}), granted=_granted)
