"""CRM.COM behind us: whose calls pass by, and what their answers tell."""

import datetime as dt
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from crmgraph.crm.models import PartyKind
from crmgraph.dialects.crmcom import told as reading
from crmgraph.dialects.crmcom.codecs import moment
from crmgraph.dialects.crmcom.naming import named
from crmgraph.mapping import Unreadable
from crmgraph.rest.passing import Granted, Passing, Seen
from crmgraph.rest.pulling import Decoding, Person, Pulled, Pulling
from crmgraph.rest.telling import Telling, Told

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


PASSING = Passing(token=_token, logins=frozenset({_LOGIN, _BY_KEY}), granted=_granted, named=named, in_body=True)


_KINDS = {"PERSON": PartyKind.CONTACT, "COMPANY": PartyKind.ACCOUNT}


def _told(told: Told) -> Iterator[Pulled]:
    """The contact information in `data`, or all of a list."""
    status, data = told.body.get("status"), told.body.get("data")
    if not isinstance(status, dict) or status.get("code") != "OK":
        return
    for row in data if isinstance(data, list) else [data]:
        if isinstance(row, dict) and (kind := _KINDS.get(str(row.get("type")))) and isinstance(row.get("id"), str):
            yield _record(kind, row)


def _record(kind: PartyKind, row: Mapping[str, Any]) -> Pulled:
    log = row.get("log_information")
    log = log if isinstance(log, dict) else {}
    return Pulled(
        kind,
        row["id"],
        row,
        _time(log.get("created_date")),
        _time(log.get("updated_date")),
        _person(log.get("created_by_user")),
        _person(log.get("updated_by_user")),
        tells_photo=False,
        is_whole=False,
    )


def _time(value: Any) -> dt.datetime | None:
    """A time, which stands there without its zone: as in UTC."""
    try:
        at = moment(value)
    except Unreadable:
        return None
    return None if at is None else at.replace(tzinfo=dt.UTC)


def _person(value: Any) -> Person | None:
    if not isinstance(value, dict) or not isinstance(value.get("id"), str):
        return None
    name, email = value.get("person_name") or value.get("username"), value.get("email")
    return Person(value["id"], name if isinstance(name, str) else None, email if isinstance(email, str) else None)


_METHODS = "/crmapi/rest/v2/contact_information"
TELLING = Telling(
    {
        f"GET {_METHODS}/show": _told,
        f"GET {_METHODS}/list": _told,
        f"POST {_METHODS}/create": _told,
        f"POST {_METHODS}/update": _told,
    },
    further_ids=reading.row_ids,
    pulling=Pulling(
        None,
        (),
        decoding={kind: Decoding(reading.names, partial(reading.decode, kind)) for kind in _KINDS.values()},
        unknowable=(
            "which records there are: a list needs a document number, an email or a phone",
            "what was deleted: a record is asked for again, and is not found",
            "whom relations name, but in brief",
        ),
    ),
)
