"""CRM.COM behind us: whose calls pass by, and what their answers tell."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from crmgraph.crm.models import PartyKind
from crmgraph.dialects.crmcom import errors
from crmgraph.dialects.crmcom import told as reading
from crmgraph.dialects.crmcom.codecs import moment
from crmgraph.dialects.crmcom.lookups import FIELDS, FILTERS, IDENTIFIER
from crmgraph.dialects.crmcom.naming import named
from crmgraph.mapping import Unreadable
from crmgraph.rest.passing import Granted, HttpMessage, Passing
from crmgraph.rest.pulling import (
    Access,
    Answer,
    Asked,
    BadAnswerError,
    Decoding,
    Looked,
    Lookup,
    Person,
    Pulled,
    Pulling,
    Wanted,
)
from crmgraph.rest.pulling import Granted as Login
from crmgraph.rest.telling import ObservedCall, Telling

_LOGIN = "POST /crmapi/rest/v2/authentication/token"
_BY_KEY = "POST /crmapi/rest/v2/authentication/web_api_key/token"
_SECONDS = 2 * 60 * 60
"""How long a token is good: the vendor's since its release 12."""


def _token(request: HttpMessage) -> str | None:
    token = request.parameters().get("token")
    return token if isinstance(token, str) and token else None


def _granted(request: HttpMessage, answer: HttpMessage) -> Granted | None:
    """`data.token`, for the user of the organisation who asked; who asks by a Web API key is known by no name."""
    data, given = answer.json().get("data"), request.parameters()
    token = data.get("token") if isinstance(data, dict) else None
    user, organisation = given.get("username"), given.get("organisation")
    if not (isinstance(token, str) and isinstance(user, str) and isinstance(organisation, str)):
        return None
    return Granted(token, f"{user}@{organisation}", _SECONDS)


PASSING = Passing(token=_token, logins=frozenset({_LOGIN, _BY_KEY}), granted=_granted, named=named, in_body=True)


_KINDS = {"PERSON": PartyKind.CONTACT, "COMPANY": PartyKind.ACCOUNT}


def _told(told: ObservedCall) -> Iterator[Pulled]:
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
_OURS = 100 * 60
"""How long a token of ours is used, in seconds."""
_ID, _PHONE = re.compile(r"[0-9A-Fa-f]{32}"), re.compile(r"(\+|00)[0-9 ()/.-]{4,40}")


def _login(secrets: Mapping[str, str]) -> Asked:
    form = {name: secrets[name] for name in ("username", "password", "organisation")}
    return Asked("/crmapi/rest/v2/authentication/token", form=form)


def _let_in(answer: Answer) -> Login:
    data = answer.object().get("data") if answer.status == 200 else None
    token = data.get("token") if isinstance(data, dict) else None
    if not isinstance(token, str) or not token:
        raise BadAnswerError(f"no token, {_code(answer) or f'HTTP {answer.status}'}")
    return Login({}, _OURS, {"token": token})


def _code(answer: Answer) -> str | None:
    """The code of the status object: `OK`, or the name of an exception without its package."""
    try:
        status = answer.object().get("status")
    except BadAnswerError:
        return None
    code = status.get("code") if isinstance(status, dict) else None
    return code.rpartition(".")[2][:100] if isinstance(code, str) else None


def _has_ended(answer: Answer) -> bool:
    return answer.status == 401 or _code(answer) == _short(errors.INVALID_TOKEN)


def _short(code: str) -> str:
    return code.rpartition(".")[2]


_LATER = frozenset(map(_short, (errors.UNAVAILABLE, errors.UNEXPECTED, errors.THROTTLED)))
"""What says nothing of what was asked for."""


def _by_id(own: str) -> Asked:
    return _show("id", own)


def _show(name: str, value: str) -> Asked:
    return Asked(f"{_METHODS}/show", {IDENTIFIER: f"{name}={value}"})


def _wanted(line: str) -> Wanted | None:
    """What a line names: an id, a number, an email or a phone, or what the API's own `name=value` says."""
    name, equals, value = (each.strip() for each in line.partition("="))
    if not equals:
        value = name
        name = "email_address" if "@" in value else "id" if _ID.fullmatch(value) else "number"
        name = "phone_number" if _PHONE.fullmatch(value) else name
    if not value or not value.isprintable():
        return None
    if name == "id":
        value = value.upper() if _ID.fullmatch(value) else value
        return Wanted(_by_id(value), id=value)
    if name in FIELDS:
        return Wanted(_show(name, value))
    return Wanted(Asked(f"{_METHODS}/list", {name: value}), in_brief=True) if name in FILTERS else None


def _looked(answer: Answer) -> Looked:
    code, told = _code(answer), answer.object()
    if answer.status != 200 or code is None or code in _LATER:
        raise BadAnswerError(code or f"HTTP {answer.status}")
    if code == _short(errors.NOT_FOUND):
        return Looked()
    if code != "OK":
        return Looked(refused=code)
    records = tuple(_told(ObservedCall((), {}, told)))
    if not records and not isinstance(told.get("data"), list):
        raise BadAnswerError("no contact information")
    return Looked(records)


TELLING = Telling(
    {
        f"GET {_METHODS}/show": _told,
        f"GET {_METHODS}/list": _told,
        f"POST {_METHODS}/create": _told,
        f"POST {_METHODS}/update": _told,
    },
    pulling=Pulling(
        Access({"username": False, "password": False, "organisation": False}, _login, _let_in, ended=_has_ended),
        (),
        decoding={kind: Decoding(reading.names, partial(reading.decode, kind)) for kind in _KINDS.values()},
        unknowable=(
            "which records there are: a list needs a document number, an email or a phone (--ids FILE names some)",
            "what was deleted: a record is asked for again, and is not found",
            "whom relations name, but in brief",
        ),
        lookup=Lookup(_wanted, _by_id, _looked),
        further_ids=reading.row_ids,
    ),
)
