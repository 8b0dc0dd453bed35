"""CRM.COM's Web API, /crmapi/rest/v2, and its image servlet: the methods, as a table.

Every answer has HTTP 200 and a status object: the vendor's public clients compare `status.code` with "OK", and throw
what has another HTTP status away unread. A request is checked in this order: the path, the verb, that its body can be
read, the token, that the user may call the method; then the method reads its parameters.
"""

from dataclasses import replace

from starlette.routing import Route

from crmgraph import rest
from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind
from crmgraph.dialects.crmcom import answers, authorization, errors
from crmgraph.dialects.crmcom.codecs import print_id
from crmgraph.dialects.crmcom.handlers import authentication, contact_information, profile_photo
from crmgraph.dialects.crmcom.lookups import IDENTIFIER
from crmgraph.dialects.crmcom.requests import Call, Method
from crmgraph.dialects.crmcom.response_formats import CREATE, LIST, RELEASE, SHOW, TOKEN, UPDATE
from crmgraph.dialects.crmcom.sets import SETS
from crmgraph.rest import Api, Shown, Viewing, Wording

PREFIX = "/crmapi/rest/v2"

LOG_IN_BY_KEY = Method(
    "POST",
    "/authentication/web_api_key/token",
    authentication.log_in_by_key,
    "A token for a Web API key.",
    open=True,
)
OPERATIONS = (
    Method(
        "POST",
        "/authentication/token",
        authentication.log_in,
        "A token for a user of an organisation.",
        TOKEN,
        open=True,
    ),
    LOG_IN_BY_KEY,
    Method("POST", "/authentication/token/release", authentication.log_out, "The end of a token.", RELEASE),
    Method("GET", "/contact_information/show", contact_information.show, "One contact information.", SHOW, stands=True),
    Method(
        "GET", "/contact_information/list", contact_information.list_page, "Those that answer to all filters.", LIST
    ),
    Method("POST", "/contact_information/create", contact_information.create, "A new contact information.", CREATE),
    Method(
        "POST",
        "/contact_information/update",
        contact_information.update,
        "A change of a contact information.",
        UPDATE,
        stands=True,
    ),
    Method("GET", "/contact_information/profile_photo/view", profile_photo.view, "Where a photo is."),
    Method("POST", "/contact_information/profile_photo/add", profile_photo.add, "A new photo.", uploads=True),
    Method("POST", "/contact_information/profile_photo/remove", profile_photo.remove, "A photo away."),
)
IMAGE = Method(
    "GET",
    "",
    profile_photo.image,
    "The image that a photo's file_content_url leads to.",
    granted_as="contact_information/profile_photo/view",
)
API = Api(
    door="crmcom",
    prefix=PREFIX,
    operations=OPERATIONS,
    call=Call,
    wording=Wording(
        failed=answers.failed,
        refused=errors.worded,
        not_found=lambda call: errors.NO_METHOD,
        method_not_allowed=lambda call, allowed: errors.wrong_verb(allowed),
        busy=errors.BUSY,
        malformed=errors.UNREADABLE,
        away=errors.AWAY,
        unexpected=errors.FAULT,
    ),
    admit=authorization.admit,
    answer=answers.done,
)
IMAGES = replace(
    API,
    prefix=profile_photo.IMAGES,
    operations=(IMAGE,),
    answer=answers.image,
    path=lambda below: below.removeprefix("/"),  # so that one slash more leads to the image too
)


def _shown(kind: PartyKind, number: int) -> Shown | None:
    query = ((IDENTIFIER, f"id={print_id(str(number))}"),)
    return None if kind is PartyKind.LEAD else Shown("/contact_information/show", query)


VIEWING = Viewing(API, _shown, Call.read, rows={each.rows: each.fields for each in SETS})


def mounts(core: Core) -> list[Route]:
    """The routes of the two roots."""
    return rest.mounts(core, API) + rest.mounts(core, IMAGES)
