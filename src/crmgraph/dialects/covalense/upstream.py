"""Covalense behind us: whose calls pass by, and what their answers tell."""

import datetime as dt
from collections.abc import Iterator
from functools import partial
from typing import Any

from crmgraph.crm.models import PartyKind
from crmgraph.dialects.covalense.codecs import ACCOUNT, CONTACT, USER, number_in
from crmgraph.dialects.covalense.fields import ACCOUNTS, tables
from crmgraph.dialects.covalense.naming import named
from crmgraph.rest.passing import Granted, HttpMessage, Passing
from crmgraph.rest.pulling import Person, Pulled, Pulling, flat
from crmgraph.rest.telling import ObservedCall, Telling

_SECONDS = 24 * 60 * 60
"""How long a token is remembered; the vendor's say themselves when they end, and nobody asks us."""


def _token(request: HttpMessage) -> str | None:
    return request.headers.get("token") or None


def _granted(request: HttpMessage, answer: HttpMessage) -> Granted | None:
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


PASSING = Passing(token=_token, logins=frozenset({"POST /crm/v1/login"}), granted=_granted, named=named)


_MODULES = {PartyKind.CONTACT: CONTACT, PartyKind.ACCOUNT: ACCOUNT}


def _told(kind: PartyKind, told: ObservedCall) -> Iterator[Pulled]:
    """The user's own contact or account: the result in the envelope."""
    response = told.body.get("response")
    result = response.get("result") if isinstance(response, dict) and response.get("success") == "true" else None
    if not isinstance(result, dict) or (number := number_in(_MODULES[kind], str(result.get("id", "")))) is None:
        return
    yield Pulled(
        kind,
        number,
        {name: value for name, value in result.items() if name != "id"},
        _time(result.get("createdtime")),
        _time(result.get("modifiedtime")),
        modified_by=_person(result.get("modifiedby")),
        people=tuple(filter(None, [_person(result.get("assigned_user_id"))])),
        tells_photo=False,
        is_whole=False,
    )


def _time(value: Any) -> dt.datetime | None:
    """A time, which stands there without its zone: as in UTC."""
    try:
        return dt.datetime.fromisoformat(value).replace(tzinfo=dt.UTC)
    except (TypeError, ValueError):
        return None


def _person(value: Any) -> Person | None:
    number = number_in(USER, value) if isinstance(value, str) else None
    return None if number is None else Person(number)


TELLING = Telling(
    {
        "GET /crm/v1/profile/contact": partial(_told, PartyKind.CONTACT),
        "PUT /crm/v1/profile/image": partial(_told, PartyKind.CONTACT),
        "PUT /crm/v1/profile/account": partial(_told, PartyKind.ACCOUNT),
    },
    Pulling(
        None,
        (),
        # The address of a photo is printed, and read by nobody.
        decoding={PartyKind.CONTACT: flat(tables("").contacts), PartyKind.ACCOUNT: flat(ACCOUNTS)},
        unknowable=(
            "which contacts and accounts there are: whoever asks is told of their own alone",
            "what was deleted",
            "an account, until its customer changes it",
        ),
    ),
)
