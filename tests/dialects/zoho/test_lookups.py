"""What a lookup without an id names, and what it refuses."""

from typing import Any

import pytest
from sqlalchemy import update

from crmgraph.crm.identity.staff import add_staff, put_email, switch
from crmgraph.crm.models import Account, Role
from tests.dialects.zoho.conftest import LEAD, PATRICIA, Program, row_error


def refused(name: str, message: str = "invalid data") -> list[dict[str, Any]]:
    return [row_error("INVALID_DATA", message, expected_data_type="jsonobject", api_name=name)]


NOTHING: list[Any] = [
    {}, {"id": None}, {"id": ""}, {"name": ""}, {"name": "  "}, {"name": None}, {"nick": "Acme"}, {"name": ["Acme"]},
    {"id": "none"}, {"id": {}, "name": "Mother Ltd"}, [], ["Mother Ltd"], True, 1.5, " ", {"name": "Nobody at all"},
    "Nobody at all", {"name": "a\x00b"},
]  # fmt: skip
"""Values that name nothing, and are neither null nor the empty text."""
LOOKUPS = [
    ("Contacts", "Account_Name"),
    ("Contacts", "Reporting_To"),
    ("Contacts", "Owner"),
    ("Accounts", "Parent_Account"),
    ("Accounts", "Owner"),
    ("Leads", "Owner"),
]


def named(module: str, name: str) -> dict[str, Any]:
    return {"Account_Name": name} if module == "Accounts" else {"Last_Name": name}


@pytest.mark.parametrize(("module", "field"), LOOKUPS)
async def test_a_lookup_that_names_nothing_is_refused_and_changes_nothing(
    zoho: Program, module: str, field: str
) -> None:
    mother = await zoho.create("Accounts", Account_Name="Mother Ltd")
    boss = await zoho.create("Contacts", Last_Name="Boss", First_Name="Big")
    there = {"Account_Name": mother, "Parent_Account": mother, "Reporting_To": boss, "Owner": PATRICIA["id"]}[field]
    record = await zoho.create(module, **named(module, "Child"), **{field: {"id": there}})
    before = await zoho.get(module, record)
    rows = [{"id": record, field: value} for value in NOTHING]
    answer = await zoho.ok("PUT", f"/{module}", {"data": rows}, status=202)
    assert answer["data"] == refused(field) * len(NOTHING)
    answer = await zoho.ok("PUT", f"/{module}/{record}", {"data": [{field: {}}]}, status=202)
    assert answer["data"] == refused(field)
    created = [named(module, f"New {i}") | {field: value} for i, value in enumerate(NOTHING)]
    answer = await zoho.ok("POST", f"/{module}", {"data": created}, status=202)
    assert answer["data"] == refused(field) * len(NOTHING)
    assert await zoho.get(module, record) == before
    if field != "Owner":
        for empty in (None, ""):
            await zoho.ok("PUT", f"/{module}/{record}", {"data": [{field: {"id": there}}]})
            await zoho.ok("PUT", f"/{module}/{record}", {"data": [{field: empty}]})
            assert (await zoho.get(module, record))[field] is None


async def test_a_lookup_names_the_only_record_of_its_name(zoho: Program) -> None:
    mother = await zoho.create("Accounts", Account_Name="Mother Ltd")
    boss = await zoho.create("Contacts", Last_Name="van der Boss", First_Name="Big Bad")
    contact = await zoho.create("Contacts", Last_Name="Staff", Account_Name={"name": "Mother Ltd"})
    assert (await zoho.get("Contacts", contact))["Account_Name"] == {"name": "Mother Ltd", "id": mother}
    body = {"data": [{"Reports_To": {"name": "Big Bad van der Boss"}, "Account_Name": None}]}
    await zoho.ok("PUT", f"/Contacts/{contact}", body)
    found = await zoho.get("Contacts", contact)
    assert found["Reporting_To"] == {"name": "Big Bad van der Boss", "id": boss}
    assert found["Account_Name"] is None
    await zoho.ok("PUT", f"/Contacts/{contact}", {"data": [{"Account_Name": " mother ltd "}]})
    assert (await zoho.get("Contacts", contact))["Account_Name"] == {"name": "Mother Ltd", "id": mother}
    child = await zoho.create("Accounts", Account_Name="Child Ltd", Parent_Account={"name": "Mother Ltd"})
    assert (await zoho.get("Accounts", child))["Parent_Account"] == {"name": "Mother Ltd", "id": mother}
    upsert = {"data": [{"Account_Name": "Child Ltd", "Parent_Account": {"name": "No such"}}]}
    assert (await zoho.ok("POST", "/Accounts/upsert", upsert, status=202))["data"] == refused("Parent_Account")
    assert (await zoho.get("Accounts", child))["Parent_Account"] == {"name": "Mother Ltd", "id": mother}


async def test_a_name_that_several_have_or_that_went_names_nobody(zoho: Program) -> None:
    first = await zoho.create("Accounts", Account_Name="Twin Ltd")
    second = await zoho.create("Accounts", Account_Name="Twin Ltd")
    row = {"Last_Name": "X", "Account_Name": {"name": "Twin Ltd"}}
    assert (await zoho.ok("POST", "/Contacts", {"data": [row]}, status=202))["data"] == refused("Account_Name")
    await zoho.ok("DELETE", f"/Accounts/{first}")
    contact = await zoho.create("Contacts", **row)
    assert (await zoho.get("Contacts", contact))["Account_Name"] == {"name": "Twin Ltd", "id": second}
    await zoho.ok("DELETE", f"/Accounts/{second}")
    assert (await zoho.ok("POST", "/Contacts", {"data": [row]}, status=202))["data"] == refused("Account_Name")


async def test_the_id_of_a_lookup_comes_before_its_name(zoho: Program) -> None:
    await zoho.create("Accounts", Account_Name="Named Ltd")
    meant = await zoho.create("Accounts", Account_Name="Meant Ltd")
    contact = await zoho.create("Contacts", Last_Name="X", Account_Name={"name": "Named Ltd", "id": meant})
    assert (await zoho.get("Contacts", contact))["Account_Name"] == {"name": "Meant Ltd", "id": meant}


async def test_an_owner_is_named_by_name_or_by_email(zoho: Program) -> None:
    users = (await zoho.ok("GET", "/users"))["users"]
    member = next(user for user in users if user["email"] and user["id"] != PATRICIA["id"])
    for owner in ({"name": member["full_name"]}, {"email": member["email"].upper(), "name": "Whoever"}):
        lead = await zoho.create("Leads", Last_Name="X", Owner=owner)
        assert (await zoho.get("Leads", lead))["Owner"]["id"] == member["id"]
    row = {"Last_Name": "X", "Owner": {"email": "nobody@example.com", "name": member["full_name"]}}
    assert (await zoho.ok("POST", "/Leads", {"data": [row]}, status=202))["data"] == refused("Owner")
    note = {"Note_Content": "x", "Owner": {"name": "Nobody at all"}}
    answer = await zoho.ok("POST", f"/Leads/{LEAD}/Notes", {"data": [note]}, status=202)
    assert answer["data"] == refused("Owner")


EMAILS = [
    ("Émile@example.com", "éMILE@Example.COM", True),
    ("e\u0301ve@example.com", "ÉVE@example.com", True),
    ("ада@example.com", "АДА@example.com", True),
    ("ada@münchen.example", "ADA@XN--MNCHEN-3YA.example", True),
    ("max@example.jp", "max@ｅｘａｍｐｌｅ.jp", True),
    ("Strauß@example.com", "strauss@example.com", False),
    ("ines@example.com", "ınes@example.com", False),
    ("x@faß.de", "x@fass.de", False),
    ("k@example.com", "_@example.com", False),
    ("rene@example.com", "rené@example.com", False),
]
"""(the email of a member of the staff, one that a lookup names, whether they are one)."""


@pytest.mark.parametrize(("held", "named_by", "one"), EMAILS)
async def test_an_owner_is_named_by_the_email_in_any_spelling_of_it_and_by_no_other(
    zoho: Program, held: str, named_by: str, one: bool
) -> None:
    async with zoho.running.db.begin() as session:
        member = (await add_staff(session, "Whoever", held, Role.AGENT, None)).id
    row = {"Last_Name": "X", "Owner": {"email": named_by}}
    if one:
        lead = await zoho.get("Leads", await zoho.create("Leads", **row))
        assert lead["Owner"]["email"] == held
        async with zoho.running.db.begin() as session:
            await switch(session, member, active=False)
    assert (await zoho.ok("POST", "/Leads", {"data": [row]}, status=202))["data"] == refused("Owner")


async def test_an_email_that_two_of_the_staff_have_names_neither_and_follows_when_it_changes(zoho: Program) -> None:
    async with zoho.running.db.begin() as session:
        first = await add_staff(session, "First", "É@example.com", Role.AGENT, None)
        await add_staff(session, "Second", "é@example.com", Role.AGENT, None)
    row = {"Last_Name": "X", "Owner": {"email": "é@example.com"}}
    assert (await zoho.ok("POST", "/Leads", {"data": [row]}, status=202))["data"] == refused("Owner")
    async with zoho.running.db.begin() as session:
        await put_email(session, await session.merge(first), "à@example.com")
    for email, name in (("é@EXAMPLE.com", "Second"), ("À@example.com", "First")):
        lead = await zoho.get("Leads", await zoho.create("Leads", Last_Name="X", Owner={"email": email}))
        assert lead["Owner"]["name"] == name


@pytest.mark.parametrize("field", ["Contacts", "Accounts", "assign_to"])
async def test_a_conversion_into_nothing_is_refused(zoho: Program, field: str) -> None:
    lead = await zoho.create("Leads", Last_Name="Convert", Company="C")
    for value in NOTHING:
        answer = await zoho.ok("POST", f"/Leads/{lead}/actions/convert", {"data": [{field: value}]}, status=202)
        assert (answer["data"][0]["code"], answer["data"][0]["details"]["api_name"]) == ("INVALID_DATA", field)
    assert (await zoho.get("Leads", lead))["$converted"] is False


@pytest.mark.parametrize("field", ["Layout", "Vendor_Name"])
async def test_a_lookup_of_what_is_not_kept_here_is_kept_as_it_came_unless_it_names_nothing(
    zoho: Program, field: str
) -> None:
    contact = await zoho.create("Contacts", Last_Name="X", **{field: {"name": "Standard", "id": "5"}})
    answer = await zoho.ok("PUT", f"/Contacts/{contact}", {"data": [{field: {}}]}, status=202)
    assert (answer["data"][0]["code"], answer["data"][0]["details"]["api_name"]) == ("INVALID_DATA", field)
    assert (await zoho.get("Contacts", contact))[field] == {"name": "Standard", "id": "5"}


async def test_an_account_without_a_name_is_told_alike_alone_and_in_a_list(zoho: Program) -> None:
    account = await zoho.create("Accounts", Account_Name="Nameless Ltd")
    contact = await zoho.create("Contacts", Last_Name="Known", Account_Name={"id": account})
    async with zoho.running.db.begin() as session:
        await session.execute(update(Account).where(Account.name == "Nameless Ltd").values(name=None))
    told = {"name": "None", "id": account}
    assert (await zoho.get("Contacts", contact))["Account_Name"] == told
    listed = await zoho.ok("GET", f"/Contacts?ids={contact}")
    assert [row["Account_Name"] for row in listed["data"]] == [told]
