"""What clients ask of the organisation before they work: its modules, their fields, its users, itself."""

from typing import Any

from starlette.responses import Response

from crmgraph.crm import homes, staff
from crmgraph.crm.homes import Surroundings
from crmgraph.crm.models import Role, Staff
from crmgraph.dialects.zoho import answers, errors
from crmgraph.dialects.zoho.answers import Failed
from crmgraph.dialects.zoho.call import Call
from crmgraph.dialects.zoho.fields import DIALECT, ELSEWHERE, MODULES, NOTES, Module, Typed

ORGANISATION_ID = "1"
"""Zoho's ids are digits; there is one organisation here."""
_PROFILES = {Role.ADMIN: ("Administrator", "1"), Role.AGENT: ("Standard", "2")}
_LENGTHS = {"text": 1000, "textarea": 32000, "email": 254, "phone": 1000, "website": 1000, "picklist": 1000}
_JSON_TYPES = {
    "boolean": "boolean",
    "integer": "integer",
    "currency": "double",
    "lookup": "jsonobject",
    "ownerlookup": "jsonobject",
}
_USERS = {
    "allusers": None,
    "activeusers": True,
    "activeconfirmedusers": True,
    "confirmedusers": True,
    "deactiveusers": False,
    "notconfirmedusers": False,
    "deletedusers": False,
}
"""{what may be asked for: whether they are active, None for both}."""


async def modules(call: Call) -> Response:
    """The modules that there are."""
    found = [_module(name, i) for i, name in enumerate((*MODULES, "Notes"))]
    return answers.success({"modules": found}, call.expires_at)


async def module(call: Call) -> Response:
    """One module."""
    names = [*MODULES, "Notes"]
    name = call.params["name"]
    if name not in names:
        raise Failed(errors.INVALID_MODULE)
    return answers.success({"modules": [_module(name, names.index(name))]}, call.expires_at)


def _module(name: str, i: int) -> dict[str, Any]:
    known = MODULES.get(name)
    singular = known.singular if known is not None else "Note"
    return {
        "global_search_supported": known is not None,
        "deletable": True,
        "creatable": True,
        "editable": True,
        "viewable": True,
        "api_supported": True,
        "convertable": name == "Leads",
        "show_as_tab": known is not None,
        "quick_create": known is not None,
        "visible": True,
        "visibility": 1,
        "generated_type": "default",
        "sequence_number": i + 1,
        "id": str(i + 1),
        "api_name": name,
        "module_name": name,
        "singular_label": singular,
        "plural_label": name,
        "profiles": [],
        "modified_time": None,
        "modified_by": None,
    }


async def fields(call: Call) -> Response:
    """The fields of a module; 204 for those of Zoho's modules that nothing is kept of here."""
    name = call.query("module")
    if name is None:
        raise Failed(errors.REQUIRED_PARAM_MISSING.about(param="module"))
    typed = _fields_of(name)
    if typed is None:
        return answers.empty(call.expires_at)
    unique = call.unique.get(name, frozenset())
    wanted = call.params.get("field_id")
    found = [
        body
        for i, one in enumerate(typed)
        if one.field.name != "id"
        and not one.field.name.startswith("$")  # Zoho counts neither among the fields
        and (body := _field(one, i, MODULES.get(name), one.field.name in unique))
        and wanted in (None, body["id"])
    ]
    if not found:
        return answers.empty(call.expires_at)
    return answers.success({"fields": found}, call.expires_at)


def _fields_of(name: str) -> tuple[Typed, ...] | None:
    if name in MODULES:
        return MODULES[name].typed
    if name == "Notes":
        return NOTES
    if name in ELSEWHERE:
        return None
    raise Failed(errors.INVALID_MODULE)


def _field(one: Typed, i: int, module: Module | None, unique: bool) -> dict[str, Any]:
    name = one.field.name
    owner = list(MODULES.values()).index(module) + 1 if module is not None else len(MODULES) + 1
    body: dict[str, Any] = {
        "id": f"{owner}{i:03}",
        "api_name": name,
        "field_label": name.replace("_", " "),
        "display_label": name.replace("_", " "),
        "data_type": one.type,
        "json_type": _JSON_TYPES.get(one.type, "string"),
        "length": _LENGTHS.get(one.type),
        "system_mandatory": one.mandatory,
        "read_only": not one.field.writable,
        "field_read_only": not one.field.writable,
        "custom_field": False,
        "visible": True,
        "created_source": "default",
        "unique": {"casesensitive": "false"} if unique else {},
        "lookup": {"module": one.module, "api_name": name} if one.module else {},
    }
    if one.type == "picklist":
        body["pick_list_values"] = []  # any text is taken
    return body


async def users(call: Call) -> Response:
    """The users, who are the staff. Programs put the type in quotes, too."""
    paging = call.paging()
    kind = (call.query("type") or "AllUsers").strip("'\" ").lower()
    only = call.actor.staff_id if kind == "currentuser" else None
    async with call.core.db.read() as session:
        if kind == "adminusers":
            everybody, more = await staff.members(session, offset=paging.offset, limit=paging.per_page)
            found = [one for one in everybody if one.role is Role.ADMIN]
        else:
            found, more = await staff.members(
                session, active=_USERS.get(kind), only=only, offset=paging.offset, limit=paging.per_page
            )
        around = await homes.of_staff(session, call.actor, DIALECT, [one.id for one in found])
    if not found:
        return answers.empty(call.expires_at)
    data = [_user(one, around) for one in found]
    return answers.success({"users": data, "info": paging.info(len(data), more)}, call.expires_at)


async def user(call: Call) -> Response:
    """One user."""
    given = call.params["user_id"]
    async with call.core.db.read() as session:
        own = (await call.resolve(session, [given], "user")).get(given)
        found, _ = await staff.members(session, active=None, only=own) if own is not None else ([], False)
        around = await homes.of_staff(session, call.actor, DIALECT, [one.id for one in found])
    if not found:
        return answers.empty(call.expires_at)
    return answers.success({"users": [_user(one, around) for one in found]}, call.expires_at)


def _user(member: Staff, around: Surroundings) -> dict[str, Any]:
    first, _, last = member.name.rpartition(" ")
    name, profile = _PROFILES[member.role]
    home = around.home("staff", member.id) or str(member.id)
    return {
        "id": home,
        "zuid": home,
        "full_name": member.name,
        "first_name": first or None,
        "last_name": last,
        "email": member.email,
        "role": {"name": name, "id": profile},
        "profile": {"name": name, "id": profile},
        "status": "active" if member.active else "disabled",
        "confirm": True,
        "time_zone": "UTC",
        "locale": "en_US",
        "language": "en_US",
        "territories": [],
    }


async def organisation(call: Call) -> Response:
    """The organisation."""
    body = {
        "id": ORGANISATION_ID,
        "zgid": ORGANISATION_ID,
        "company_name": "crmgraph",
        "alias": None,
        "primary_email": None,
        "website": call.core.public_url,
        "country_code": call.core.region,
        "time_zone": "UTC",
        "iso_code": "USD",
        "currency": "US Dollar",
        "currency_symbol": "$",
        "currency_locale": "en_US",
        "mc_status": False,
        "gapps_enabled": False,
        "privacy_settings": False,
        "translation_enabled": False,
    }
    return answers.success({"org": [body]}, call.expires_at)
