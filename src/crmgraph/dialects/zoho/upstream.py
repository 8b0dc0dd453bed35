"""Zoho behind us: whose calls pass by and what their answers tell, and how it is read.

https://www.zoho.com/crm/developer/docs/api/v2/: get-records, get-deleted-records, get-users, get-notes.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from crmgraph.crm.models import Approval, PartyKind
from crmgraph.dialects.zoho.codecs import id_digits, moment, read_moment
from crmgraph.dialects.zoho.fields import MODULES, OF_KIND, Module, canonical
from crmgraph.dialects.zoho.naming import named
from crmgraph.mapping import Unreadable
from crmgraph.rest.passing import Granted as Learned
from crmgraph.rest.passing import HttpMessage, Passing
from crmgraph.rest.pulling import (
    Access,
    Answer,
    Asked,
    BadAnswerError,
    Gone,
    Granted,
    Page,
    Person,
    Pulled,
    PulledNote,
    PulledUser,
    Pulling,
    Source,
    flat,
)
from crmgraph.rest.telling import ObservedCall, Records, Telling

_SCHEMES = ("zoho-oauthtoken ", "bearer ")
PER_PAGE = 200
"""The longest page that Zoho gives."""
_SOONER = 60
"""Seconds before its end in which an access token is no longer used."""


def _token(request: HttpMessage) -> str | None:
    value = request.headers.get("authorization", "").strip()
    for scheme in _SCHEMES:
        if value.lower().startswith(scheme):
            return value[len(scheme) :].strip()
    return value or None


def _learned(request: HttpMessage, answer: HttpMessage) -> Learned | None:
    """The answer of the accounts server: `access_token`, for the `client_id` that asked (OAuth 2, RFC 6749)."""
    told, caller = answer.json(), request.parameters().get("client_id")
    token, seconds = told.get("access_token"), told.get("expires_in", 3600)
    if not (isinstance(token, str) and isinstance(caller, str) and isinstance(seconds, int)):
        return None
    return Learned(token, caller, seconds)


PASSING = Passing(
    token=_token,
    logins=frozenset({"POST /oauth/v2/token"}),
    granted=_learned,
    named=named,
    accounts="/oauth/",
)


def _login(secrets: Mapping[str, str]) -> Asked:
    """A new access token for the refresh token, which stays good."""
    names = ("client_id", "client_secret", "refresh_token")
    return Asked("/oauth/v2/token", form={"grant_type": "refresh_token"} | {name: secrets[name] for name in names})


def _granted(answer: Answer) -> Granted:
    told = answer.object()
    token, seconds = told.get("access_token"), told.get("expires_in_sec", told.get("expires_in", 3600))
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        # Zoho answers 200 to what it refuses; its word for the reason is a code, never a secret.
        reason = told.get("error")
        raise BadAnswerError(f"no access token: {reason}" if isinstance(reason, str) else "no access token")
    good = seconds if isinstance(seconds, int) and not isinstance(seconds, bool) else 3600
    return Granted({"Authorization": f"Zoho-oauthtoken {token}"}, max(float(good) - _SOONER, 1.0))


def _read(answer: Answer, name: str = "data") -> Page:
    """A page; none where there is nothing (204), or nothing that was changed (304)."""
    if answer.status in (204, 304):
        if answer.body.strip():
            raise BadAnswerError(f"{answer.status} with a body")
        return Page()
    if answer.status != 200:
        raise BadAnswerError(f"HTTP {answer.status}")
    told = answer.object()
    rows, info = told.get(name), told.get("info", {})
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows) or not isinstance(info, dict):
        raise BadAnswerError(f"no list `{name}` of objects")
    return Page(rows, info.get("more_records") is True)


def _id(value: Any) -> str:
    digits = id_digits(value)
    if digits is None:
        raise BadAnswerError("no id")
    return digits


def _id_of(row: Mapping[str, Any]) -> str:
    return _id(row.get("id"))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _person(value: Any) -> Person | None:
    """A user as records name them: {"name", "id", "email"}."""
    if not isinstance(value, dict) or (digits := id_digits(value.get("id"))) is None:
        return None
    return Person(digits, _text(value.get("name")), _text(value.get("email")))


def _time(row: Mapping[str, Any], name: str) -> dt.datetime | None:
    try:
        return read_moment(row.get(name))
    except Unreadable:
        raise BadAnswerError(f"{name} is no time") from None


def _changed(since: dt.datetime | None) -> dict[str, str]:
    return {} if since is None else {"If-Modified-Since": moment(since) or ""}


def _list(path: str, more: Mapping[str, str], page: int, since: dt.datetime | None) -> Asked:
    paging = {"page": str(page), "per_page": str(PER_PAGE)}
    return Asked(f"/crm/v2/{path}", {**more, **paging}, _changed(since))


def _some(path: str, more: Mapping[str, str], ids: Sequence[str]) -> Asked:
    return Asked(f"/crm/v2/{path}", {**more, "ids": ",".join(ids), "per_page": str(PER_PAGE)})


def _user(row: Mapping[str, Any]) -> PulledUser:
    profile = row.get("profile")
    name = _text(row.get("full_name")) or " ".join(filter(None, map(_text, (row.get("first_name"), row["last_name"]))))
    is_admin = isinstance(profile, dict) and profile.get("name") == "Administrator"
    person = Person(_id_of(row), name or None, _text(row.get("email")))
    return PulledUser(person, is_admin, row.get("status") == "active")


def _record(module: Module, row: Mapping[str, Any]) -> Pulled:
    """A record. What begins with a dollar is Zoho's own state of it."""
    body = {name: value for name, value in row.items() if not name.startswith("$")}
    owner = _person(row.get("Owner"))
    state: dict[str, Any] = {}
    became: dict[str, str] = {}
    if module.kind is PartyKind.LEAD:
        state, became = _state(row)
    return Pulled(
        module.kind,
        _id_of(row),
        body,
        _time(row, "Created_Time"),
        _time(row, "Modified_Time"),
        _person(row.get("Created_By")),
        _person(row.get("Modified_By")),
        () if owner is None else (owner,),
        state,
        became,
        _text(row.get("Record_Image")),
        tells_photo="Record_Image" in row,
    )


def _state(row: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Whether a lead waits for approval, when it was converted, and to what."""
    approved = Approval.AWAITING if row.get("$approved") is False else Approval.APPROVED
    at = _time(row, "Converted_Date_Time")
    if at is None and row.get("$converted") is True:
        at = _time(row, "Modified_Time")
    state: dict[str, Any] = {"approval": approved, "converted_at": at}
    detail, became = row.get("$converted_detail"), {}
    for name, column in (("contact", "converted_contact_id"), ("account", "converted_account_id")):
        given = detail.get(name) if isinstance(detail, dict) else None
        digits = id_digits(given.get("id") if isinstance(given, dict) else given)
        if digits is None:
            state[column] = None
        else:
            became[column] = digits
    return state, became


def _note(row: Mapping[str, Any]) -> PulledNote:
    parent, named = row.get("Parent_Id"), row.get("$se_module")
    module = MODULES.get(canonical(named)) if isinstance(named, str) else None
    if module is None:
        raise BadAnswerError(f"a note on {named}, of which nothing is kept here")
    on = _id(parent.get("id") if isinstance(parent, dict) else parent)
    return PulledNote(
        _id_of(row),
        (module.kind, on),
        _text(row.get("Note_Title")),
        _text(row.get("Note_Content")),
        _time(row, "Created_Time"),
        _time(row, "Modified_Time"),
        _person(row.get("Owner")),
        _person(row.get("Created_By")),
        _person(row.get("Modified_By")),
    )


def _gone(row: Mapping[str, Any]) -> Gone:
    return Gone(_id_of(row), _time(row, "deleted_time"), _person(row.get("deleted_by")))


def _states(module: Module) -> dict[str, str]:
    """Which leads are meant: those that were converted and those that wait for approval, too."""
    return {"converted": "both", "approved": "both"} if module.kind is PartyKind.LEAD else {}


_BY_ID = {"sort_by": "id", "sort_order": "asc"}
"""What is new comes at the end, and what was read before keeps its place."""


def _records(module: Module) -> Source:
    states = _states(module)
    item: Callable[[Mapping[str, Any]], Pulled] = partial(_record, module)
    return Source(
        module.name,
        module.kind,
        partial(_list, module.name, states | _BY_ID),
        _read,
        item,
        _id_of,
        ids=lambda page: _list(module.name, states | _BY_ID | {"fields": "id"}, page, None),
        some=partial(_some, module.name, states),
    )


def _deleted(module: Module) -> Source:
    path = f"{module.name}/deleted"
    return Source(path, module.kind, partial(_list, path, {"type": "all"}), _read, _gone, _id_of, deleted=True)


_READ = [MODULES[name] for name in ("Accounts", "Contacts", "Leads")]
PULLING = Pulling(
    access=Access(
        {"client_id": False, "client_secret": False, "refresh_token": False}, _login, _granted, at_accounts=True
    ),
    sources=(
        Source(
            "Users",
            None,
            lambda page, since: _list("users", {"type": "AllUsers"}, page, None),
            partial(_read, name="users"),
            _user,
            _id_of,
            is_whole=True,
        ),
        *map(_records, _READ),
        *map(_deleted, _READ),
        Source(
            "Notes",
            None,
            partial(_list, "Notes", _BY_ID),
            _read,
            _note,
            _id_of,
            ids=lambda page: _list("Notes", _BY_ID | {"fields": "id"}, page, None),
            some=partial(_some, "Notes", {}),
        ),
    ),
    decoding={module.kind: flat(module.fields) for module in _READ},
    photo=lambda kind, given: Asked(f"/crm/v2/{OF_KIND[kind].name}/{given}/photo"),
    unknowable=(
        "attachments, deals, activities and what else is not accounts, contacts, leads or notes",
        "who deleted a record before it was read first, and what it was: Zoho tells no more than its name",
        "which note was deleted when: it is found missing once a day",
        "passwords and tokens of users and clients",
    ),
)


def _told(told: ObservedCall) -> Iterator[Pulled]:
    """The records of a list or of one, where they are told whole: with the time of their last change."""
    module = MODULES.get(canonical("Contacts" if told.path[3] == "Accounts" and len(told.path) > 5 else told.path[3]))
    rows = told.body.get("data")
    if module is None or "fields" in told.parameters or not isinstance(rows, list):
        return
    for row in rows:
        if isinstance(row, dict) and row.get("Modified_Time"):
            pulled = replace(_record(module, row), tells_photo=False, is_whole=False)
            tells_state = "$approved" in row and "$converted" in row
            yield pulled if tells_state else replace(pulled, state={}, became={})


def _told_gone(told: ObservedCall) -> Iterator[tuple[PartyKind, Gone]]:
    """The records that were deleted."""
    module, rows = MODULES.get(canonical(told.path[3])), told.body.get("data")
    if module is None or not isinstance(rows, list):
        return
    for row in rows:
        if isinstance(row, dict) and row.get("code") == "SUCCESS":
            yield module.kind, Gone(_id_of(row["details"]))


_ONE: dict[str, Callable[[ObservedCall], Records]] = {
    f"GET /crm/v2/{path}": _told for path in ("{module}", "{module}/search", "{module}/{id}", "Accounts/{id}/Contacts")
}
TELLING = Telling(
    _ONE | {"DELETE /crm/v2/{module}": _told_gone, "DELETE /crm/v2/{module}/{id}": _told_gone},
    PULLING,
)
