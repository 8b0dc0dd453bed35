"""Covalense /crm/v1: the nine services, as a table."""

from dataclasses import replace

import structlog
from starlette.routing import Route

from crmgraph import rest
from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind
from crmgraph.dialects.covalense import answers, authorization, errors
from crmgraph.dialects.covalense.handlers import access, profile, signup
from crmgraph.dialects.covalense.requests import NO_JSON, Call, Service
from crmgraph.rest import Api, Shown, Viewing, Wording

PREFIX = "/crm/v1"

log = structlog.get_logger(__name__)

FORGOT = Service(
    "POST", "/profile/password/forgot", access.forgot, "Mails a code by which the user chooses a new password."
)
OPERATIONS = (
    Service("POST", "/login", access.login, "Lets a customer in.", ("type",)),
    Service("POST", "/signup", signup.sign_up, "Registers a customer and takes their order."),
    Service(
        "POST",
        "/signup/kyc",
        signup.sign_up_by_kyc,
        "Registers a customer whose data come in a header.",
        ("type", "Data"),
    ),
    Service("GET", "/profile/contact", profile.get_contact, "The customer's details.", ("token",), stands=True),
    Service("PUT", "/profile/contact", profile.put_contact, "Changes the customer's details.", ("token",), stands=True),
    FORGOT,
    Service("PUT", "/profile/password/change", access.change, "Changes the customer's password.", ("token",)),
    Service(
        "PUT",
        "/profile/account",
        profile.put_account,
        "Changes the customer's account.",
        ("token", "email"),
        stands=True,
    ),
    Service("PUT", "/profile/image", profile.put_image, "Changes the customer's picture.", ("token",)),
)
API = Api(
    door="covalense",
    prefix=PREFIX,
    operations=OPERATIONS,
    call=Call,
    wording=Wording(
        failed=answers.failed,
        refused=errors.worded,
        not_found=lambda call: errors.NO_SERVICE,
        method_not_allowed=lambda call, allowed: errors.method_not_supported(call.request.method, allowed),
        busy=errors.BUSY,
        malformed=errors.bad_request(NO_JSON),
        away=errors.DOWNSTREAM,
        unexpected=errors.DOWNSTREAM,
    ),
    admit=authorization.admit,
    answer=answers.done,
)


def _shown(kind: PartyKind, number: int) -> Shown | None:
    """An account is told only to whoever changes it."""
    return Shown("/profile/contact") if kind is PartyKind.CONTACT else None


VIEWING = Viewing(API, _shown, acts=lambda actor, number: replace(actor, contact_id=number))
"""The contact is told to itself: whoever else asks takes its place, and sees what they may."""


def mounts(core: Core, *, forgot_sets_password: bool = False) -> list[Route]:
    """The routes below /crm/v1.

    Args:
        forgot_sets_password: restores the old `profile/password/forgot`, by which anybody sets anybody's password.
    """
    operations = list(OPERATIONS)
    if forgot_sets_password:
        log.warning("Covalense's profile/password/forgot sets the password of anybody, for anybody who asks")
        operations[operations.index(FORGOT)] = replace(FORGOT, handler=access.forgot_as_of_old)
    return rest.mounts(core, replace(API, operations=operations))
