"""Valomnia: the operations below /api/{version}, the login, and the addresses of photos, as a table."""

from starlette.routing import Route

from crmgraph import rest
from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind
from crmgraph.dialects.valomnia import answers, authorization, errors
from crmgraph.dialects.valomnia.handlers import contacts, customers, login, pictures
from crmgraph.dialects.valomnia.photo_paths import ALBUMS
from crmgraph.dialects.valomnia.requests import Call, Service
from crmgraph.rest import Api, Shown, Viewing, Wording

_CONTACTS = "/api/{version}/contacts"
_CUSTOMERS = "/api/{version}/customers"
_LOGIN = "/j_spring_security_check"

OPERATIONS = (
    Service("GET", _CONTACTS, contacts.index, "A page of the contacts that the filters of the query leave."),
    Service("POST", _CONTACTS, contacts.create, "A new contact, owned by the user who is logged in.", status=201),
    Service("GET", f"{_CONTACTS}/{{id}}", contacts.show, "One contact."),
    Service(
        "POST",
        f"{_CONTACTS}/{{id}}",
        contacts.update,
        "The contact with what the request brings; what it does not bring stays.",
    ),
    Service("DELETE", f"{_CONTACTS}/{{id}}", contacts.delete, "Take the contact away."),
    Service(
        "GET", f"{_CUSTOMERS}/reference/{{reference}}", customers.show_by_reference, "One customer by its reference."
    ),
    Service("GET", f"{_CUSTOMERS}/{{id}}", customers.show, "One customer by its id."),
    Service("POST", _LOGIN, login.check, "Log in with `j_username` and `j_password`.", in_session=False, status=302),
    Service("GET", login.SUCCESS, login.success, "Who has come in."),
    *(
        Service(
            "GET",
            f"/{{folder}}/{album}/{{file_name}}",
            pictures.show,
            "The photo at the address of the request, to whoever knows it.",
            in_session=False,
        )
        for album in ALBUMS
    ),
)
_ELSEWHERE = [each.path for each in OPERATIONS if not each.path.startswith("/api/")]
API = Api(
    door="valomnia",
    prefix="",
    operations=OPERATIONS,
    call=Call,
    wording=Wording(
        failed=answers.failed,
        refused=errors.worded,
        not_found=lambda call: errors.NO_RESOURCE,
        method_not_allowed=lambda call, allowed: errors.method_not_allowed(call.request.method, allowed),
        busy=errors.BUSY,
        malformed=errors.MALFORMED,
        away=errors.SERVER_ERROR,
        unexpected=errors.SERVER_ERROR,
    ),
    # A reference may hold a slash; one at the end of the path belongs to no reference.
    variables={"reference": "(?s:.*?)"},
    admit=authorization.admit,
    answer=answers.done,
    # Their server took a path with a slash at its end as the same.
    mounted=[*(path + end for path in _ELSEWHERE for end in ("/", "")), "/api", "/api/{rest:path}"],
)


VERSION = "v1.0"
"""The version whose links a record is shown with where nobody says which."""
_RESOURCES = {PartyKind.CONTACT: "contacts", PartyKind.ACCOUNT: "customers"}


def _shown(kind: PartyKind, number: int) -> Shown | None:
    return Shown(f"/api/{VERSION}/{_RESOURCES[kind]}/{number}") if kind in _RESOURCES else None


VIEWING = Viewing(API, _shown)


def mounts(core: Core) -> list[Route]:
    """The routes of the dialect, at the root of the application."""
    return rest.mounts(core, API)
