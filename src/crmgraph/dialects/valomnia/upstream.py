"""Valomnia behind us: whose calls pass by and what their answers tell, and how it is read.

https://developers.valomnia.com/ref/: Authentication, Contacts (list, show), Customers (show).
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from http.cookies import CookieError, SimpleCookie
from typing import Any

from crmgraph.crm.models import PartyKind
from crmgraph.dialects.valomnia import told as reading
from crmgraph.dialects.valomnia.authorization import COOKIE
from crmgraph.dialects.valomnia.fields import CONTACTS, CUSTOMERS, USERS
from crmgraph.dialects.valomnia.naming import named
from crmgraph.mapping import links
from crmgraph.rest.passing import Granted as Learned
from crmgraph.rest.passing import HttpMessage, Passing
from crmgraph.rest.pulling import (
    Access,
    Answer,
    Asked,
    BadAnswerError,
    Decoding,
    Gone,
    Granted,
    Page,
    Person,
    Pulled,
    Pulling,
    Source,
    flat,
)
from crmgraph.rest.telling import ObservedCall, Telling

_SECONDS = 24 * 60 * 60
"""How long a session is taken to last, which the vendor does not say."""


def _cookie(text: str) -> str | None:
    try:
        found = SimpleCookie(text).get(COOKIE)
    except CookieError:
        return None
    return found.value if found is not None and found.value else None


def _token(request: HttpMessage) -> str | None:
    return _cookie(request.headers.get("cookie", ""))


def _learned(request: HttpMessage, answer: HttpMessage) -> Learned | None:
    """The session's cookie, for the `j_username` that logged in."""
    token, user = _cookie(answer.headers.get("set-cookie", "")), request.parameters().get("j_username")
    return Learned(token, user, _SECONDS) if token and isinstance(user, str) else None


PASSING = Passing(token=_token, logins=frozenset({"POST /j_spring_security_check"}), granted=_learned, named=named)

PER_PAGE = 1000
"""The longest page that is asked for."""
_OURS = 20 * 60
"""How long a session of ours is used, in seconds."""


def _login(secrets: Mapping[str, str]) -> Asked:
    form = {"j_username": secrets["username"], "j_password": secrets["password"], "ajax": "true"}
    return Asked("/j_spring_security_check", form=form)


def _granted(answer: Answer) -> Granted:
    cookie = _cookie(answer.headers.get("set-cookie", ""))
    if cookie is None or "error" in answer.headers.get("location", ""):
        raise BadAnswerError(f"no session, HTTP {answer.status}")
    return Granted({"Cookie": f"{COOKIE}={cookie}"}, _OURS)


def _list(page: int, since: dt.datetime | None) -> Asked:
    """A page of contacts, those that were made last at its end. A server that knows no such filter tells all."""
    query = {"max": str(PER_PAGE), "offset": str((page - 1) * PER_PAGE), "sort": "dateCreated", "order": "asc"}
    if since is not None:
        query["lastUpdated_gte"] = since.strftime("%Y-%m-%dT%H:%M:%SZ")
    return Asked("/api/v1.0/contacts", query)


def _one(path: str, ids: Sequence[str]) -> Asked:
    (own,) = ids
    return Asked(f"/api/v1.0/{path}/{own}")


def _read(answer: Answer) -> Page:
    """A page of a list, or one object as a page of its own; none of what is not there."""
    if answer.status == 404:
        return Page()
    if answer.status != 200:
        raise BadAnswerError(f"HTTP {answer.status}")
    told = answer.object()
    rows, paging = told.get("data", [told]), told.get("paging", {})
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows) or not isinstance(paging, dict):
        raise BadAnswerError("no list of objects")
    numbers = [paging.get(name) for name in ("total", "offset")]
    total, offset = (each if isinstance(each, int) else 0 for each in numbers)
    return Page(rows, bool(rows) and offset + len(rows) < total)


def _read_customers(answer: Answer) -> Page:
    """The customers whom a page of contacts names, in brief."""
    page = _read(answer)
    briefs: dict[Any, Mapping[str, Any]] = {}
    for row in page.rows:
        brief = row.get("customer")
        if isinstance(brief, dict) and _is_id(brief.get("id")):
            briefs[brief["id"]] = brief
        elif "customer" not in row:
            briefs[row.get("id")] = row  # it is one
    return Page(list(briefs.values()), page.more)


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _id_of(row: Mapping[str, Any]) -> str:
    if not _is_id(row.get("id")):
        raise BadAnswerError("no id")
    return str(row["id"])


def _time(value: Any) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(value).astimezone(dt.UTC)
    except (TypeError, ValueError):
        return None


def _record(kind: PartyKind, row: Mapping[str, Any]) -> Pulled:
    user = row.get("user")
    reference = user.get("reference") if isinstance(user, dict) else None
    people = (Person(_id_of(user), reference or None),) if isinstance(user, dict) and _is_id(user.get("id")) else ()
    return Pulled(
        kind,
        _id_of(row),
        row,
        _time(row.get("dateCreated")),
        _time(row.get("lastUpdated")),
        people=people,
        tells_photo=False,
        is_whole=False,
    )


_CONTACT, _CUSTOMER = partial(_record, PartyKind.CONTACT), partial(_record, PartyKind.ACCOUNT)
PULLING = Pulling(
    access=Access({"username": False, "password": False}, _login, _granted),
    sources=(
        Source(
            "customers",
            PartyKind.ACCOUNT,
            _list,
            _read_customers,
            _CUSTOMER,
            _id_of,
            some=partial(_one, "customers"),
            at_once=1,
        ),
        Source(
            "contacts",
            PartyKind.CONTACT,
            _list,
            _read,
            _CONTACT,
            _id_of,
            ids=lambda page: _list(page, None),
            some=partial(_one, "contacts"),
            at_once=1,
        ),
    ),
    decoding={
        PartyKind.CONTACT: flat(reading.TOLD_CONTACT),
        PartyKind.ACCOUNT: Decoding(partial(links, reading.TOLD_CUSTOMER), reading.decode_customer),
    },
    users=USERS,
    spaces={PartyKind.CONTACT: CONTACTS, PartyKind.ACCOUNT: CUSTOMERS},
    unknowable=(
        "customers without a contact: there is no list of customers; of the others the id, the reference and the name,"
        " until one is asked for by its id (--module customers --ids FILE) or passes by",
        "when a contact was deleted: it is found missing once a day",
        "who made and changed a record",
        "photos",
    ),
)


def _told(kind: PartyKind, told: ObservedCall) -> Iterator[Pulled]:
    """One record, or those of a list; of a contact its customer too, in brief."""
    for row in told.body.get("data", [told.body]):
        if not isinstance(row, dict) or not _is_id(row.get("id")):
            continue
        if kind is PartyKind.CONTACT and isinstance(brief := row.get("customer"), dict) and _is_id(brief.get("id")):
            yield _CUSTOMER(brief)
        yield _record(kind, row)


def _told_gone(told: ObservedCall) -> Iterator[tuple[PartyKind, Gone]]:
    if told.body.get("success") == "true":
        yield PartyKind.CONTACT, Gone(told.path[-1])


_CONTACTS, _CUSTOMERS = partial(_told, PartyKind.CONTACT), partial(_told, PartyKind.ACCOUNT)
TELLING = Telling(
    {
        "GET /api/{version}/contacts": _CONTACTS,
        "POST /api/{version}/contacts": _CONTACTS,
        "GET /api/{version}/contacts/{id}": _CONTACTS,
        "POST /api/{version}/contacts/{id}": _CONTACTS,
        "DELETE /api/{version}/contacts/{id}": _told_gone,
        "GET /api/{version}/customers/{id}": _CUSTOMERS,
        "GET /api/{version}/customers/reference/{reference}": _CUSTOMERS,
    },
    PULLING,
)
