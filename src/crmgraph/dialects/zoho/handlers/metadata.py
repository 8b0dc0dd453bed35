"""What the modules and their fields are, as programs ask before they work: `settings/modules` and `settings/fields`.

Both carry every key of the samples on Zoho's pages "Modules Metadata" and "Fields Metadata" of version 2: there are
programs that find no module or no field where one is absent. What this store knows nothing of is as empty as in them.
"""

from typing import Any

from starlette.responses import Response

from crmgraph.dialects.zoho import answers, errors
from crmgraph.dialects.zoho.fields import ELSEWHERE, MODULES, NOTES, Module, Typed, canonical
from crmgraph.dialects.zoho.requests import Call
from crmgraph.rest import RequestError

PROFILES = ({"name": "Administrator", "id": "1"}, {"name": "Standard", "id": "2"})
"""Who may see a module: everybody. In the order of the roles of the staff."""
_LENGTHS = {
    "textarea": 32_000,
    "email": 254,
    "boolean": 5,
    "integer": 9,
    "currency": 16,
    "date": 20,
    "datetime": 120,
    "bigint": 120,
    "lookup": 120,
    "ownerlookup": 120,
}
"""Of what is not a line of text. Of text it is what is kept; of other types what Zoho's samples say."""
_LINE = 1_000
_JSON_TYPES = {
    "boolean": "boolean",
    "integer": "integer",
    "currency": "double",
    "lookup": "jsonobject",
    "ownerlookup": "jsonobject",
}
_DECIMAL_PLACES = 2
_NAMED = (*MODULES, "Notes")


async def modules(call: Call) -> Response:
    """The modules that there are."""
    return answers.done({"modules": [_module(name) for name in _NAMED]}, call)


async def module(call: Call) -> Response:
    """One module."""
    name = canonical(call.params["name"])
    if name not in _NAMED:
        raise RequestError(errors.INVALID_MODULE)
    return answers.done({"modules": [_module(name)]}, call)


def _module(name: str) -> dict[str, Any]:
    known = MODULES.get(name)
    number = _NAMED.index(name) + 1
    holds_records = known is not None
    return {
        "global_search_supported": holds_records,
        "kanban_view": False,
        "deletable": True,
        "description": None,
        "creatable": True,
        "filter_status": False,
        "inventory_template_supported": False,
        "modified_time": None,
        "plural_label": name,
        "presence_sub_menu": holds_records,
        "triggers_supported": False,
        "id": str(number),
        "related_list_properties": {"sort_by": None, "fields": [], "sort_order": None},
        "$properties": [],
        "per_page": 200,
        "visible": True,
        "visibility": 1,
        "convertable": name == "Leads",
        "editable": True,
        "emailTemplate_support": False,
        "profiles": list(PROFILES),
        "filter_supported": holds_records,
        "display_field": _display_field(known),
        "search_layout_fields": [],
        "kanban_view_supported": False,
        "show_as_tab": holds_records,
        "web_link": None,
        "sequence_number": number,
        "singular_label": known.singular if known is not None else "Note",
        "viewable": True,
        "api_supported": True,
        "api_name": name,
        "quick_create": holds_records,
        "modified_by": None,
        "generated_type": "default",
        "feeds_required": False,
        "scoring_supported": False,
        "webform_supported": False,
        "arguments": [],
        "module_name": name,
        "business_card_field_limit": 0,
        "custom_view": None,
        "parent_module": {},
    }


def _display_field(module: Module | None) -> str:
    """The field that a record is called by."""
    if module is None:
        return "Note_Title"
    return "Full_Name" if module.fields.field("Full_Name") is not None else "Account_Name"


async def fields(call: Call) -> Response:
    """The fields of a module; 204 for those of Zoho's modules that nothing is kept of here."""
    given = call.query("module")
    if given is None:
        raise RequestError(errors.REQUIRED_PARAM_MISSING.about(param="module"))
    name = canonical(given)
    typed = _fields_of(name)
    if typed is None:
        return answers.empty(call)
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
        return answers.empty(call)
    return answers.done({"fields": found}, call)


def _fields_of(name: str) -> tuple[Typed, ...] | None:
    if name in MODULES:
        return MODULES[name].typed
    if name == "Notes":
        return NOTES
    if name in ELSEWHERE:
        return None
    raise RequestError(errors.INVALID_MODULE)


def _field(one: Typed, i: int, module: Module | None, unique: bool) -> dict[str, Any]:
    name, writable = one.field.name, one.field.writable
    owner = list(MODULES.values()).index(module) + 1 if module is not None else len(MODULES) + 1
    label = name.replace("_", " ")
    own_id = f"{owner}{i:03}"
    lookup = {"display_label": label, "api_name": name, "module": one.module, "id": own_id} if one.module else {}
    amount = one.type == "currency"
    return {
        "system_mandatory": one.mandatory,
        "private": None,
        "webhook": False,
        "json_type": "jsonarray" if name == "Tag" else _JSON_TYPES.get(one.type, "string"),
        "crypt": None,
        "field_label": label,
        "tooltip": None,
        "created_source": "default",
        "field_read_only": not writable,
        "display_label": label,
        "read_only": not writable,
        "association_details": None,
        "quick_sequence_number": str(i + 1),
        "businesscard_supported": False,
        "multi_module_lookup": {},
        "currency": {"rounding_option": "normal", "precision": _DECIMAL_PLACES} if amount else {},
        "id": own_id,
        "custom_field": False,
        "lookup": lookup,
        "visible": True,
        "length": _LENGTHS.get(one.type, _LINE),
        "view_type": {"view": True, "edit": writable, "quick_create": one.mandatory, "create": writable},
        "subform": None,
        "api_name": name,
        "unique": {"casesensitive": "false"} if unique else {},
        "data_type": one.type,
        "formula": {},
        "decimal_place": _DECIMAL_PLACES if amount else None,
        "mass_update": False,
        "multiselectlookup": {},
        "pick_list_values": [],  # any text is taken
        "auto_number": {},
    }
