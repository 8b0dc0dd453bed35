"""What programs ask before they work carries every key of Zoho's samples, and module names come in any case."""

import json
from typing import Any

import pytest

from tests.dialects.zoho.conftest import LEAD, OTHER, OWNER, Program, row_error

FIELD = {
    "system_mandatory": False,
    "private": None,
    "webhook": False,
    "json_type": "string",
    "crypt": None,
    "field_label": "Company",
    "tooltip": None,
    "created_source": "default",
    "field_read_only": False,
    "display_label": "Company",
    "read_only": False,
    "association_details": None,
    "quick_sequence_number": "5",
    "businesscard_supported": False,
    "multi_module_lookup": {},
    "currency": {},
    "id": "1004",
    "custom_field": False,
    "lookup": {},
    "visible": True,
    "length": 1000,
    "view_type": {"view": True, "edit": True, "quick_create": False, "create": True},
    "subform": None,
    "api_name": "Company",
    "unique": {},
    "data_type": "text",
    "formula": {},
    "decimal_place": None,
    "mass_update": False,
    "multiselectlookup": {},
    "pick_list_values": [],
    "auto_number": {},
}
"""The keys and their order are those of the sample on Zoho's page "Fields Metadata" of version 2."""

MODULE_KEYS = {
    "global_search_supported",
    "kanban_view",
    "deletable",
    "description",
    "creatable",
    "filter_status",
    "inventory_template_supported",
    "modified_time",
    "plural_label",
    "presence_sub_menu",
    "triggers_supported",
    "id",
    "related_list_properties",
    "$properties",
    "per_page",
    "visible",
    "visibility",
    "convertable",
    "editable",
    "emailTemplate_support",
    "profiles",
    "filter_supported",
    "display_field",
    "search_layout_fields",
    "kanban_view_supported",
    "show_as_tab",
    "web_link",
    "sequence_number",
    "singular_label",
    "viewable",
    "api_supported",
    "api_name",
    "quick_create",
    "modified_by",
    "generated_type",
    "feeds_required",
    "scoring_supported",
    "webform_supported",
    "arguments",
    "module_name",
    "business_card_field_limit",
    "custom_view",
    "parent_module",
}
ORG_KEYS = {
    "country",
    "photo_id",
    "city",
    "description",
    "mc_status",
    "gapps_enabled",
    "domain_name",
    "translation_enabled",
    "street",
    "alias",
    "currency",
    "id",
    "state",
    "fax",
    "employee_count",
    "zip",
    "website",
    "currency_symbol",
    "mobile",
    "currency_locale",
    "primary_zuid",
    "zia_portal_id",
    "time_zone",
    "zgid",
    "country_code",
    "license_details",
    "phone",
    "company_name",
    "privacy_settings",
    "primary_email",
    "iso_code",
}
LICENCE_KEYS = {"paid_expiry", "users_license_purchased", "trial_type", "trial_expiry", "paid", "paid_type"}
USER_KEYS = {
    "country",
    "customize_info",
    "role",
    "signature",
    "city",
    "name_format",
    "language",
    "locale",
    "microsoft",
    "personal_account",
    "default_tab_group",
    "Isonline",
    "alias",
    "street",
    "Modified_By",
    "theme",
    "id",
    "state",
    "fax",
    "country_locale",
    "first_name",
    "email",
    "Reporting_To",
    "decimal_separator",
    "zip",
    "created_time",
    "website",
    "Modified_Time",
    "time_format",
    "offset",
    "profile",
    "mobile",
    "last_name",
    "time_zone",
    "created_by",
    "zuid",
    "confirm",
    "full_name",
    "territories",
    "phone",
    "dob",
    "date_format",
    "status",
}
STATE = {
    "$editable": True,
    "$currency_symbol": "$",
    "$field_states": None,
    "$state": "save",
    "$process_flow": False,
    "$approved": True,
    "$approval_state": "approved",
    "$approval": {"delegate": False, "approve": False, "reject": False, "resubmit": False},
    "$data_source_details": {},
    "$review_process": {"approve": False, "reject": False, "resubmit": False},
    "$canvas_id": None,
    "$review": None,
    "$orchestration": False,
    "$stop_processing": False,
    "$in_merge": False,
}


async def _fields(zoho: Program, module: str) -> dict[str, Any]:
    return {one["api_name"]: one for one in (await zoho.ok("GET", f"/settings/fields?module={module}"))["fields"]}


async def test_a_field_is_told_as_in_zohos_sample_to_the_byte(zoho: Program) -> None:
    company = (await _fields(zoho, "Leads"))["Company"]
    assert json.dumps(company) == json.dumps(FIELD)


async def test_every_field_of_every_module_has_every_key_with_a_value_of_its_type(zoho: Program) -> None:
    for module in ("Leads", "Contacts", "Accounts", "Notes"):
        for name, one in (await _fields(zoho, module)).items():
            assert (name, list(one)) == (name, list(FIELD))
            assert isinstance(one["length"], int)
            assert one["json_type"] in {"string", "integer", "double", "boolean", "jsonarray", "jsonobject"}
            assert (one["pick_list_values"], one["auto_number"]) == ([], {})
            assert (one["decimal_place"], one["currency"]) == (
                (2, {"rounding_option": "normal", "precision": 2}) if one["data_type"] == "currency" else (None, {})
            )
    contact = await _fields(zoho, "Contacts")
    account = contact["Account_Name"]
    assert account["lookup"] == {
        "display_label": "Account Name",
        "api_name": "Account_Name",
        "module": "Accounts",
        "id": account["id"],
    }
    assert (contact["Owner"]["json_type"], contact["Tag"]["json_type"]) == ("jsonobject", "jsonarray")
    assert contact["Created_Time"]["view_type"] == {"view": True, "edit": False, "quick_create": False, "create": False}


async def test_modules_users_and_the_organisation_have_every_key(zoho: Program) -> None:
    modules = (await zoho.ok("GET", "/settings/modules"))["modules"]
    assert [set(one) for one in modules] == [MODULE_KEYS] * 4
    assert [one["display_field"] for one in modules] == ["Full_Name", "Full_Name", "Account_Name", "Note_Title"]
    assert all(one["scoring_supported"] is False for one in modules)
    (organisation,) = (await zoho.ok("GET", "/org"))["org"]
    assert (set(organisation), set(organisation["license_details"])) == (ORG_KEYS, LICENCE_KEYS)
    for user in (await zoho.ok("GET", "/users"))["users"]:
        assert set(user) == USER_KEYS
    answer = await zoho.send("GET", "/users?type=Nobody")
    assert (answer.status_code, answer.json()["details"]) == (400, {"param": "type"})


async def test_pages_of_administrators_leave_none_out(zoho: Program) -> None:
    found = await zoho.ok("GET", "/users?type=AdminUsers&per_page=1")
    assert ([one["full_name"] for one in found["users"]], found["info"]["more_records"]) == (["Ada Agent"], False)


async def test_records_have_what_zoho_tells_of_every_record(zoho: Program) -> None:
    records = {"Leads": OTHER}
    records["Contacts"] = await zoho.create("Contacts", Last_Name="State")
    records["Accounts"] = await zoho.create("Accounts", Account_Name="State")
    for module, record in records.items():
        found = await zoho.get(module, record)
        told = {name: value for name, value in found.items() if name.startswith("$")}
        assert told == STATE | ({"$converted": False, "$converted_detail": {}} if module == "Leads" else {})
    (done,) = (await zoho.ok("POST", f"/Leads/{OTHER}/actions/convert", {"data": [{}]}))["data"]
    lead = await zoho.get("Leads", OTHER)
    assert lead["$converted_detail"] == {"deal": None, "contact": done["Contacts"], "account": done["Accounts"]}
    (awaiting,) = (await zoho.ok("GET", "/Leads?approved=false"))["data"]
    assert (awaiting["$approved"], awaiting["$approval_state"]) == (False, "approval_process_pending")
    note = {"data": [{"Note_Content": "x"}]}
    await zoho.ok("POST", f"/Leads/{LEAD}/Notes", note, status=201)
    (noted,) = (await zoho.ok("GET", f"/Leads/{LEAD}/Notes"))["data"]
    told = {name: value for name, value in noted.items() if name.startswith("$")}
    assert told == {
        "$se_module": "Leads",
        "$attachments": None,
        "$editable": True,
        "$is_shared_to_client": False,
        "$size": None,
        "$state": "save",
        "$voice_note": False,
    }
    assert noted["Owner"] == OWNER


async def test_modules_are_known_by_their_names_in_any_case(zoho: Program) -> None:
    await zoho.create("contacts", Last_Name="Lower")
    await zoho.create("ACCOUNTS", Account_Name="Lower")
    note = {"Note_Content": "x", "$se_module": "leads", "Parent_Id": LEAD}
    await zoho.ok("POST", "/notes", {"data": [note]}, status=201)
    for path in (
        "/Leads",
        f"/Leads/{LEAD}",
        f"/Leads/{LEAD}/Notes",
        "/Leads/search?word=Kidman",
        "/Contacts",
        "/Accounts",
        "/Notes",
        "/settings/modules/Leads",
        "/settings/fields?module=Contacts",
    ):
        upper, lower = await zoho.send("GET", path), await zoho.send("GET", path.lower())
        assert (path, lower.status_code, lower.content) == (path, 200, upper.content)
    assert (await zoho.send("GET", "/LEADS")).content == (await zoho.send("GET", "/Leads")).content
    await zoho.ok("PUT", f"/leads/{LEAD}", {"data": [{"City": "Oslo"}]})
    await zoho.ok("POST", "/leads/upsert", {"data": [{"Last_Name": "Up"}]})
    await zoho.ok("POST", f"/leads/{OTHER}/actions/convert", {"data": [{}]})
    assert (await zoho.send("GET", "/settings/fields?module=deals")).status_code == 400


async def test_names_that_nothing_can_be_called_are_refused_wherever_they_stand(zoho: Program) -> None:
    before = await zoho.get("Leads", LEAD)
    for name in ("", " ", "\t", "a\x01b", "a\nb", "a\x7f", "x" * 1001):
        for given in ({name: "x"}, {"Custom": {name: 1}}, {"Custom": [{"a": {name: []}}]}):
            if name == "" and name in given:
                told = row_error("INVALID_DATA", "invalid data", api_name="data")
            else:
                told = row_error("INVALID_DATA", "invalid data", api_name=next(iter(given)))
            new = await zoho.ok("POST", "/Leads", {"data": [{"Last_Name": "x"} | given]}, status=202)
            changed = await zoho.ok("PUT", f"/Leads/{LEAD}", {"data": [given]}, status=202)
            upserted = await zoho.ok("POST", "/Leads/upsert", {"data": [{"Last_Name": "x"} | given]}, status=202)
            assert new["data"] == changed["data"] == upserted["data"] == [told]
    assert await zoho.get("Leads", LEAD) == before
    assert "x" not in await zoho.names("/Leads")
    record = await zoho.create("Leads", **{"Last_Name": "y", "Größe & Maß 1.0": {"a b": 1}})
    assert (await zoho.get("Leads", record))["Größe & Maß 1.0"] == {"a b": 1}


async def test_a_custom_field_that_some_record_has_sorts(zoho: Program) -> None:
    for value in ("b", "a"):
        await zoho.create("Accounts", Account_Name=f"Sorted {value}", Rank=value)
    found = await zoho.names("/Accounts?sort_by=Rank&sort_order=asc&per_page=2")
    assert found == ["Sorted a", "Sorted b"]
    refused = await zoho.send("GET", "/Contacts?sort_by=Rank")
    assert (refused.status_code, refused.json()["details"]) == (400, {"param": "sort_by"})


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("asc", ["-1", "2.5", "9", "10", "100", "1e3", "a", "b"]),
        ("desc", ["1e3", "100", "10", "9", "2.5", "-1", "b", "a"]),
    ],
)
async def test_numbers_of_a_custom_field_are_sorted_as_numbers_before_texts(
    zoho: Program, order: str, names: list[str]
) -> None:
    for name in ("10", "9", "1e3", "a", "100", "-1", "2.5", "b"):
        value = name if name.isalpha() else float(name)
        await zoho.create("Accounts", Account_Name=name, Size=int(value) if value in (10, 9) else value)
    assert await zoho.names(f"/Accounts?sort_by=Size&sort_order={order}&per_page=8") == names


async def test_what_asks_for_things_that_are_not_here_is_named(zoho: Program) -> None:
    for name in ("cvid", "uid", "territory_id", "include_child", "startDateTime", "endDateTime"):
        for path in ("/Leads?", "/leads/search?word=Kidman&"):
            answer = await zoho.send("GET", f"{path}{name}=5")
            told = row_error("INVALID_DATA", f"the {name} given seems to be invalid", param=name)
            assert (answer.status_code, answer.json()) == (400, told)


async def test_nothing_is_of_a_type_that_is_not_json(zoho: Program) -> None:
    answer = await zoho.send("GET", "/Leads/5")
    assert (answer.status_code, answer.headers["content-type"]) == (204, "text/plain;charset=utf-8")
    assert (answer.content, "content-length" in answer.headers) == (b"", False)
