"""Records are not named by an external field: no field is marked as one."""

from typing import Any

import pytest

from tests.dialects.zoho.conftest import LEAD, Program


@pytest.mark.parametrize("header", ["X-EXTERNAL", "x-external", "X-External"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"/Leads/{LEAD}", None),
        ("PUT", f"/Leads/{LEAD}", {"data": [{"Last_Name": "Changed"}]}),
        ("DELETE", f"/Leads/{LEAD}", None),
        ("DELETE", f"/Leads?ids={LEAD}", None),
        ("GET", "/Leads/ext-77", None),
        ("PUT", "/Contacts", {"data": [{"id": "5", "Last_Name": "Changed"}]}),
        ("POST", "/Accounts/upsert", {"data": [{"Account_Name": "New"}]}),
        ("GET", "/Accounts/5/Notes", None),
    ],
)
async def test_an_external_field_is_refused_before_anything_is_done(
    zoho: Program, method: str, path: str, body: Any, header: str
) -> None:
    before = await zoho.get("Leads", LEAD)
    answer = await zoho.send(method, path, body, headers={header: "Leads.External_Ref"})
    assert (answer.status_code, answer.json()) == (
        400,
        {
            "code": "INVALID_DATA",
            "details": {"header": "X-EXTERNAL", "external_field": "Leads.External_Ref"},
            "message": "the external field given seems to be invalid",
            "status": "error",
        },
    )
    assert await zoho.get("Leads", LEAD) == before


@pytest.mark.parametrize("values", [[""], [" "], ["\t"], ["", " "]])
async def test_an_empty_header_is_the_same_as_none(zoho: Program, values: list[str]) -> None:
    headers = [("Authorization", f"Zoho-oauthtoken {zoho.token}"), *(("X-EXTERNAL", value) for value in values)]
    answer = await zoho.running.client.get(f"/crm/v2/Leads/{LEAD}", headers=headers)
    assert (answer.status_code, answer.json()["data"]) == (200, [await zoho.get("Leads", LEAD)])
    body = b'{"data": [{"City": "Oslo"}]}'
    answer = await zoho.running.client.put(f"/crm/v2/Leads/{LEAD}", headers=headers, content=body)
    assert (answer.status_code, answer.json()["data"][0]["code"]) == (200, "SUCCESS")
    assert (await zoho.get("Leads", LEAD))["City"] == "Oslo"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["Leads.A", "Leads.B"], "Leads.A"),
        (["", "Leads.B"], "Leads.B"),
        (["Leads.A", ""], "Leads.A"),
        ([" ", "\t", " Leads.C "], "Leads.C"),
        ([","], ","),
        (["x" * 500], "x" * 100),
    ],
)
async def test_of_several_headers_any_is_enough_to_refuse(zoho: Program, values: list[str], told: str) -> None:
    before = await zoho.get("Leads", LEAD)
    names = ("X-EXTERNAL", "x-external", "X-External")
    given = [(name, value) for name, value in zip(names, values, strict=False)]
    headers = [("Authorization", f"Zoho-oauthtoken {zoho.token}"), *given]
    body = b'{"data": [{"Last_Name": "Changed"}]}'
    answer = await zoho.running.client.put(f"/crm/v2/Leads/{LEAD}", headers=headers, content=body)
    details = {"header": "X-EXTERNAL", "external_field": told}
    assert (answer.status_code, answer.json()["details"]) == (400, details)
    assert await zoho.get("Leads", LEAD) == before
