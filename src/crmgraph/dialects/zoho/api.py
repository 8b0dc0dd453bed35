"""The API /crm/v2 and the accounts server /oauth/v2: their operations as tables, and how they word what is refused."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from starlette.routing import Route

from crmgraph import rest
from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind
from crmgraph.dialects.zoho import answers, authorization, errors
from crmgraph.dialects.zoho.authorization import ACTIONS, require_scope
from crmgraph.dialects.zoho.errors import Failure
from crmgraph.dialects.zoho.fields import MODULES, OF_KIND, canonical
from crmgraph.dialects.zoho.handlers import (
    converting,
    metadata,
    notes,
    oauth,
    organisation,
    photos,
    records,
    upserting,
    writing,
)
from crmgraph.dialects.zoho.requests import Call, Operation
from crmgraph.rest import Api, RequestError, Shown, Viewing, Wording

_PAGED = ("page", "per_page")
_SORTED = ("fields", "sort_by", "sort_order", *_PAGED)
_ELSEWHERE = ("cvid", "uid", "territory_id", "include_child", "startDateTime", "endDateTime")
"""Parameters of Zoho's lists that ask for what there is none of here: custom views, territories ..."""
_LIST = ("fields", "sort_by", "sort_order", "converted", "approved", *_PAGED)

OPERATIONS = (
    Operation("GET", "/settings/modules", metadata.modules, "The modules", ("READ",), "settings", "modules"),
    Operation("GET", "/settings/modules/{name}", metadata.module, "One module", ("READ",), "settings", "modules"),
    Operation(
        "GET", "/settings/fields", metadata.fields, "The fields of a module", ("READ",), "settings", "fields",
        ("module",),
    ),
    Operation(
        "GET", "/settings/fields/{field_id}", metadata.fields, "One field of a module", ("READ",), "settings",
        "fields", ("module",),
    ),
    Operation("GET", "/users", organisation.users, "The users", ("READ",), "users", "", ("type", *_PAGED)),
    Operation("GET", "/users/{user_id}", organisation.user, "One user", ("READ",), "users", ""),
    Operation("GET", "/org", organisation.organisation, "The organisation", ("READ",), "org", ""),
    Operation(
        "GET", "/Notes", notes.everywhere, "All notes", ("READ",), topic="notes",
        parameters=("ids", "sort_by", "sort_order", *_PAGED),
    ),
    Operation("POST", "/Notes", notes.add, "New notes on the records that they name", ("CREATE",), topic="notes"),
    Operation("PUT", "/Notes", notes.update_many, "Change notes", ("UPDATE",), topic="notes"),
    Operation("DELETE", "/Notes", notes.delete_many, "Delete notes", ("DELETE",), topic="notes", parameters=("ids",)),
    Operation("GET", "/Notes/{note_id}", notes.get, "One note", ("READ",), topic="notes"),
    Operation("PUT", "/Notes/{note_id}", notes.update_one, "Change one note", ("UPDATE",), topic="notes"),
    Operation("DELETE", "/Notes/{note_id}", notes.delete_one, "Delete one note", ("DELETE",), topic="notes"),
    Operation(
        "GET", "/{module}", records.list_records, "A page of records", ("READ",), parameters=("ids", *_LIST),
        refused=_ELSEWHERE,
    ),
    Operation("POST", "/{module}", writing.create, "New records, 1 to 100", ("CREATE",)),
    Operation("PUT", "/{module}", writing.update_many, "Change records, 1 to 100", ("UPDATE",)),
    Operation("DELETE", "/{module}", writing.delete_many, "Delete records", ("DELETE",), parameters=("ids",)),
    Operation("POST", "/{module}/upsert", upserting.upsert, "Change records, or create them", ("CREATE", "UPDATE")),
    Operation(
        "GET", "/{module}/deleted", records.deleted, "What was deleted", ("READ",), parameters=("type", *_PAGED)
    ),
    Operation(
        "GET", "/{module}/search", records.find, "Search records", ("READ",),
        parameters=("criteria", "email", "phone", "word", *_LIST), refused=_ELSEWHERE,
    ),
    Operation("GET", "/{module}/{id}", records.get, "One record", ("READ",), parameters=("fields",), stands=True),
    Operation("PUT", "/{module}/{id}", writing.update_one, "Change one record", ("UPDATE",), stands=True),
    Operation("DELETE", "/{module}/{id}", writing.delete_one, "Delete one record", ("DELETE",)),
    Operation("POST", "/{module}/{id}/photo", photos.upload, "Upload a photo", ("CREATE",)),
    Operation("GET", "/{module}/{id}/photo", photos.download, "Download the photo", ("READ",)),
    Operation("DELETE", "/{module}/{id}/photo", photos.delete, "Delete the photo", ("DELETE",)),
    Operation("GET", "/{module}/{id}/Notes", notes.of_record, "The notes on a record", ("READ",), parameters=_PAGED),
    Operation("POST", "/{module}/{id}/Notes", notes.add_to_record, "New notes on a record", ("CREATE",)),
    Operation("GET", "/{module}/{id}/Notes/{note_id}", notes.get, "One note on a record", ("READ",)),
    Operation("PUT", "/{module}/{id}/Notes/{note_id}", notes.update_one, "Change one note on a record", ("UPDATE",)),
    Operation("DELETE", "/{module}/{id}/Notes/{note_id}", notes.delete_one, "Delete a note on a record", ("DELETE",)),
    Operation(
        "GET", "/Accounts/{id}/Contacts", records.contacts_of, "The contacts of an account", ("READ",),
        topic="accounts", parameters=_SORTED, also="contacts",
    ),
    Operation("POST", "/Leads/{id}/actions/convert", converting.convert, "Convert a lead", ("CREATE",), topic="leads"),
)  # fmt: skip
"""Those with a name of their own before those of any module. {module} and {name} are the name of a module, any other
variable an id."""

ACCOUNTS = (
    Operation("POST", "/token", oauth.token, "A token for a refresh token or a grant code"),
    Operation("GET", "/token/revoke", oauth.revoke, "Ends a refresh token or an access token (by the address)"),
    Operation("POST", "/token/revoke", oauth.revoke, "Ends a refresh token or an access token"),
)
"""The operations of the accounts server."""

_APART = sorted({operation.path.split("/")[1] for operation in OPERATIONS} - {"{module}"} - MODULES.keys())
"""What has paths of its own beside those of the modules."""
_ID = "[0-9]+"


def _path(given: str) -> str:
    """A path with the modules in it as they are called, without slashes around it."""
    return "/" + "/".join(map(canonical, given.strip("/").split("/")))


def _not_found(call: Call | None) -> Failure:
    """Why there is nothing at a path: no such module, no such related list, or a path that has no meaning at all."""
    if call is None:
        return errors.INVALID_URL_PATTERN
    below = call.path.split("/")[2:]
    _require_module(call)
    is_related = len(below) in (2, 3) and below[0].isascii() and below[0].isdecimal()
    if is_related and below[1] not in ("photo", "actions", "Notes"):
        require_scope(call.actor, "modules", call.root, (ACTIONS[call.request.method],))
        return errors.INVALID_RELATION
    return errors.INVALID_URL_PATTERN


def _method_not_allowed(call: Call, _: Sequence[str]) -> Failure:
    _require_module(call)
    return errors.INVALID_REQUEST_METHOD


def _require_module(call: Call) -> None:
    """See that a path without an operation names at least something that there is.

    Raises:
        RequestError: it does not.
    """
    if call.root not in _APART and call.root not in MODULES:
        require_scope(call.actor, "modules", call.root, (ACTIONS[call.request.method],))
        raise RequestError(errors.INVALID_MODULE)


_WORDING = Wording(
    failed=answers.failed,
    refused=errors.worded,
    not_found=_not_found,
    method_not_allowed=_method_not_allowed,
    busy=errors.BUSY,
    malformed=errors.INVALID_BODY,
    away=errors.INTERNAL_ERROR,
    unexpected=errors.INTERNAL_ERROR,
)
API = Api(
    door="zoho",
    prefix="/crm/v2",
    operations=OPERATIONS,
    call=Call,
    wording=_WORDING,
    variables={
        "module": rf"(?!(?:{'|'.join(_APART)})(?![^/]))[^/]+",
        **dict.fromkeys(("id", "note_id", "field_id", "user_id"), _ID),
    },
    path=_path,
    before=authorization.authenticate,
    admit=authorization.authorize,
)
ACCOUNTS_API = replace(
    API,
    prefix="/oauth/v2",
    operations=ACCOUNTS,
    wording=replace(
        _WORDING,
        not_found=lambda call: errors.INVALID_URL_PATTERN,
        method_not_allowed=lambda call, allowed: errors.INVALID_REQUEST_METHOD,
    ),
    path=lambda given: given.rstrip("/"),
    before=authorization.require_method,
    admit=rest.unchecked,
)


async def _read(call: Call) -> None:
    call.read_query()


def _shown(kind: PartyKind, number: int) -> Shown:
    return Shown(f"/{OF_KIND[kind].name}/{number}")


VIEWING = Viewing(API, _shown, _read)


def mounts(core: Core, *, unique: Mapping[str, frozenset[str]]) -> list[Route]:
    """The routes below /crm/v2 and /oauth/v2.

    Args:
        unique: {module: fields}, e.g. {"Leads": {"Mobile"}}: values that no two records of the module may share. It
            binds this door only.
    """
    return rest.mounts(core, replace(API, call=partial(Call, unique=unique))) + rest.mounts(core, ACCOUNTS_API)
