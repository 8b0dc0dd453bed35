"""What clients ask of the organisation before they work: its users, and itself. With every key of Zoho's samples."""

from typing import Any

from starlette.responses import Response

from crmgraph.crm.identity import staff
from crmgraph.crm.models import Role, Staff
from crmgraph.crm.records import external_ids
from crmgraph.crm.records.external_ids import EncodingContext
from crmgraph.dialects.zoho import answers, errors
from crmgraph.dialects.zoho.fields import CURRENCY_SYMBOL, DIALECT
from crmgraph.dialects.zoho.handlers.metadata import PROFILES
from crmgraph.dialects.zoho.requests import Call
from crmgraph.rest import RequestError

ORGANISATION_ID = "1"
"""Zoho's ids are digits; there is one organisation here."""
_PROFILE_OF = {Role.ADMIN: PROFILES[0], Role.AGENT: PROFILES[1]}
KINDS = {
    "AllUsers": None,
    "ActiveUsers": True,
    "ActiveConfirmedUsers": True,
    "ConfirmedUsers": True,
    "DeactiveUsers": False,
    "NotConfirmedUsers": False,
    "DeletedUsers": False,
    "AdminUsers": True,
    "ActiveConfirmedAdmins": True,
    "CurrentUser": None,
}
"""{which users may be asked for: whether they are active, None for both}."""
_USERS = {kind.lower(): active for kind, active in KINDS.items()}


async def users(call: Call) -> Response:
    """The users, who are the staff. Programs put the type in quotes, too."""
    paging = call.paging()
    kind = (call.query("type") or "AllUsers").strip("'\" ").lower()
    if kind not in _USERS:
        raise RequestError(errors.INVALID_DATA.about(param="type"))
    async with call.core.db.read() as session:
        found, more = await staff.members(
            session,
            active=_USERS[kind],
            role=Role.ADMIN if "admin" in kind else None,
            only=call.actor.staff_id if kind == "currentuser" else None,
            offset=paging.offset,
            limit=paging.per_page,
        )
        around = await external_ids.of_staff(session, call.actor, DIALECT, [one.id for one in found])
    if not found:
        return answers.empty(call)
    data = [_user(one, around) for one in found]
    return answers.done({"users": data, "info": paging.info(len(data), more)}, call)


async def user(call: Call) -> Response:
    """One user."""
    given = call.params["user_id"]
    async with call.core.db.read() as session:
        own = (await call.resolve(session, [given], "user")).get(given)
        found, _ = await staff.members(session, active=None, only=own) if own is not None else ([], False)
        around = await external_ids.of_staff(session, call.actor, DIALECT, [one.id for one in found])
    if not found:
        return answers.empty(call)
    return answers.done({"users": [_user(one, around) for one in found]}, call)


def _user(member: Staff, around: EncodingContext) -> dict[str, Any]:
    first, _, last = member.name.rpartition(" ")
    printed_id = around.external_id("staff", member.id) or str(member.id)
    return {
        "country": None,
        "customize_info": {"notes_desc": None, "show_right_panel": None, "bc_view": None, "show_home": False},
        "role": dict(_PROFILE_OF[member.role]),
        "signature": None,
        "city": None,
        "name_format": None,
        "language": "en_US",
        "locale": "en_US",
        "microsoft": False,
        "personal_account": False,
        "default_tab_group": None,
        "Isonline": False,
        "alias": None,
        "street": None,
        "Modified_By": None,
        "theme": None,
        "id": printed_id,
        "state": None,
        "fax": None,
        "country_locale": "en_US",
        "first_name": first or None,
        "email": member.email,
        "Reporting_To": None,
        "decimal_separator": None,
        "zip": None,
        "created_time": None,
        "website": None,
        "Modified_Time": None,
        "time_format": "HH:mm",
        "offset": 0,
        "profile": dict(_PROFILE_OF[member.role]),
        "mobile": None,
        "last_name": last,
        "time_zone": "UTC",
        "created_by": None,
        "zuid": printed_id,
        "confirm": True,
        "full_name": member.name,
        "territories": [],
        "phone": None,
        "dob": None,
        "date_format": "yyyy-MM-dd",
        "status": "active" if member.active else "disabled",
    }


async def organisation(call: Call) -> Response:
    """The organisation. Nobody pays for it: its edition is the free one."""
    body = {
        "country": None,
        "photo_id": None,
        "city": None,
        "description": None,
        "mc_status": False,
        "gapps_enabled": False,
        "domain_name": None,
        "translation_enabled": False,
        "street": None,
        "alias": None,
        "currency": "US Dollar",
        "id": ORGANISATION_ID,
        "state": None,
        "fax": None,
        "employee_count": None,
        "zip": None,
        "website": call.core.public_url,
        "currency_symbol": CURRENCY_SYMBOL,
        "mobile": None,
        "currency_locale": "en_US",
        "primary_zuid": None,
        "zia_portal_id": None,
        "time_zone": "UTC",
        "zgid": ORGANISATION_ID,
        "country_code": call.core.region,
        "license_details": {
            "paid_expiry": None,
            "users_license_purchased": 0,
            "trial_type": None,
            "trial_expiry": None,
            "paid": False,
            "paid_type": "free",
        },
        "phone": None,
        "company_name": "crmgraph",
        "privacy_settings": False,
        "primary_email": None,
        "iso_code": "USD",
    }
    return answers.done({"org": [body]}, call)
