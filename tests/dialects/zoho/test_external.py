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
