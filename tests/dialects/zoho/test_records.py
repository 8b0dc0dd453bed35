"""Records: created, read, listed, changed, upserted and deleted, row by row."""

import asyncio
import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from crmgraph.crm.models import Change, Door, Lead, PartyKind, now
from crmgraph.crm.records import parties
from crmgraph.crm.records.edits import Edit
from tests.conftest import Running
from tests.dialects.zoho.conftest import LEAD, OTHER, OWNER, PATRICIA, Program, row_error
from tests.graph.conftest import OFFICE

PERSON = {
    "Salutation": "Ms.",
    "First_Name": "Zoë",
    "Last_Name": "O'Brien 👩‍💻",
    "Email": "zoe@example.com",
    "Secondary_Email": "zoe@second.example",
    "Phone": "030 901820",
    "Mobile": "+49 151 23456789",
    "Fax": "ask first",
    "Skype_ID": "zoe.skype",
    "Twitter": "zoe",
    "Description": "one\ntwo",
    "Email_Opt_Out": True,
    "Lead_Source": "Advertisement",
}
FULL: dict[str, dict[str, Any]] = {
    "Leads": PERSON
    | {
        "Company": "Acme",
        "Designation": "CTO",
        "Website": "acme.example",
        "Lead_Status": "Contacted",
        "Industry": "ASP",
        "Rating": "Acquired",
        "No_of_Employees": 1791,
        "Annual_Revenue": 136.67,
        "Street": "1 Main St",
        "City": "Springfield",
        "State": "IL",
        "Zip_Code": "62701",
        "Country": "United States",
    },
    "Contacts": PERSON
    | {
        "Home_Phone": "1",
        "Other_Phone": "2",
        "Asst_Phone": "3",
        "Assistant": "Bo",
        "Title": "CTO",
        "Department": "IT",
        "Date_of_Birth": "1990-02-28",
        "Vendor_Name": {"name": "V", "id": "5"},
        "Mailing_Street": "1 Main St",
        "Mailing_City": "Springfield",
        "Mailing_State": "IL",
        "Mailing_Zip": "62701",
        "Mailing_Country": "Freedonia",
        "Other_Street": "2 Side St",
        "Other_City": "Shelbyville",
        "Other_State": "IL",
        "Other_Zip": "62702",
        "Other_Country": "US",
    },
    "Accounts": {
        "Account_Name": "Acme",
        "Account_Number": 5,
        "Account_Site": "HQ",
        "Account_Type": "Customer",
        "Ownership": "Private",
        "Industry": "ASP",
        "Rating": "Active",
        "Employees": 12,
        "Annual_Revenue": 2500000,
        "SIC_Code": 7372,
        "Ticker_Symbol": "ACM",
        "Website": "acme.example",
        "Phone": "030 901820",
        "Fax": "030 901821",
        "Billing_Street": "1 Main St",
        "Billing_City": "Springfield",
        "Billing_State": "IL",
        "Billing_Code": "62701",
        "Billing_Country": "US",
        "Shipping_Street": "2 Side St",
        "Shipping_City": "Shelbyville",
        "Shipping_State": "IL",
        "Shipping_Code": "62702",
        "Shipping_Country": "US",
        "Description": "one\ntwo",
    },
}
CUSTOM = {
    "Favourite_Colour": "blue",
    "Scores": [1, 2.5, {"deep": None}],
    "Hot": True,
    "Tag": [{"name": "t", "id": "7"}],
}


@pytest.mark.parametrize("module", FULL)
async def test_every_field_is_read_back_as_it_was_written(module: str, zoho: Program) -> None:
    given = FULL[module] | CUSTOM
    record = await zoho.create(module, **given)
    found = await zoho.get(module, record)
    assert {name: found[name] for name in given} == given
    name = "Acme" if module == "Accounts" else "Zoë O'Brien 👩‍💻"
    assert found.get("Full_Name", found.get("Account_Name")) == name
    assert (found["Owner"], found["Created_By"], found["Modified_By"], found["id"]) == (
        OWNER,
        OWNER,
        OWNER,
        record,
    )
    assert dt.datetime.fromisoformat(found["Created_Time"]).tzinfo is not None
    assert record.isdecimal()

    # The whole record goes back as it was fetched: read-only keys change nothing, and so does the rest.
    answer = await zoho.ok("PUT", f"/{module}", {"data": [found]})
    assert answer["data"][0]["message"] == "record updated"
    assert await zoho.get(module, record) == found


@pytest.mark.parametrize("module", FULL)
async def test_null_and_empty_text_clear_a_field_and_absence_keeps_it(module: str, zoho: Program) -> None:
    record = await zoho.create(module, **FULL[module], **CUSTOM)
    kept = {"Last_Name", "Account_Name", "Email_Opt_Out", "Description"}
    cleared = dict.fromkeys((FULL[module] | CUSTOM).keys() - kept)
    body = {"data": [cleared | {"Owner": None, "Description": ""}]}
    await zoho.ok("PUT", f"/{module}/{record}", body)
    found = await zoho.get(module, record)
    assert {name: found.get(name) for name in cleared} == cleared | {"Tag": []}
    assert (found["Description"], found["Owner"]) == (None, OWNER)
    for name in kept - {"Description"}:
        assert found.get(name) == FULL[module].get(name)
    answer = await zoho.ok("PUT", f"/{module}/{record}", {"data": [{"Last_Name": "", "Account_Name": ""}]}, status=202)
    name = "Account_Name" if module == "Accounts" else "Last_Name"
    assert answer == {"data": [row_error("MANDATORY_NOT_FOUND", "required field not found", api_name=name)]}


async def test_rows_are_told_apart_and_only_the_good_ones_are_written(zoho: Program) -> None:
    rows = [
        {"Last_Name": "Good"},
        {"First_Name": "No last name"},
        5,
        {"Last_Name": "x", "Email": "nobody"},
        {"Last_Name": 5},
        {"Last_Name": "x", "Owner": {"id": "5"}},
        {"Last_Name": "x", "No_of_Employees": "many"},
        {"Last_Name": "x" * 1001},
        {"Last_Name": "x", "City": "a\nb"},
        {"Last_Name": "Good too", "Owner": {"id": 738964000000291009}},
    ]
    answer = await zoho.ok("POST", "/Leads", {"data": rows}, status=202)
    first, *bad, last = answer["data"]
    for row in (first, last):
        assert (row["code"], row["message"], row["status"]) == ("SUCCESS", "record added", "success")
        assert list(row["details"]) == ["Modified_Time", "Modified_By", "Created_Time", "id", "Created_By"]
        assert (row["details"]["Modified_By"], row["details"]["Created_By"]) == (PATRICIA, PATRICIA)
    invalid = "invalid data"
    assert bad == [
        row_error("MANDATORY_NOT_FOUND", "required field not found", api_name="Last_Name"),
        row_error("INVALID_DATA", invalid, expected_data_type="jsonobject", api_name="data"),
        row_error("INVALID_DATA", invalid, expected_data_type="email", api_name="Email"),
        row_error("INVALID_DATA", invalid, expected_data_type="text", api_name="Last_Name"),
        row_error("INVALID_DATA", invalid, expected_data_type="jsonobject", api_name="Owner"),
        row_error("INVALID_DATA", invalid, expected_data_type="integer", api_name="No_of_Employees"),
        row_error("INVALID_DATA", invalid, maximum_length=1000, api_name="Last_Name"),
        row_error("PATTERN_NOT_MATCHED", "Please check whether the input values are correct", api_name="City"),
    ]
    assert await zoho.names("/Leads?per_page=3&sort_by=Created_Time&sort_order=desc") == ["Good too", "Good", "Tanaka"]


async def test_bulk_updates_change_what_they_name_and_tell_the_rest(zoho: Program) -> None:
    rows = [
        {"id": int(OTHER), "City": "Oslo"},
        {"id": LEAD, "Mobile": "9898989898"},
        {"City": "Nowhere"},
        {"id": "12345", "City": "Nowhere"},
        {"id": OTHER, "Street": "Gate 1"},
    ]
    before = await zoho.get("Leads", LEAD)
    answer = await zoho.ok("PUT", "/Leads", {"data": rows}, status=202)
    assert [row["code"] for row in answer["data"]] == [
        "SUCCESS",
        "DUPLICATE_DATA",
        "MANDATORY_NOT_FOUND",
        "INVALID_DATA",
        "SUCCESS",
    ]
    assert answer["data"][1]["details"] == {"api_name": "Mobile", "id": OTHER}
    assert answer["data"][3] == row_error("INVALID_DATA", "the id given seems to be invalid", id="12345")
    found = await zoho.get("Leads", OTHER)
    assert (found["City"], found["Street"]) == ("Oslo", "Gate 1")
    assert await zoho.get("Leads", LEAD) == before
    unknown = await zoho.send("PUT", "/Leads/12345", {"data": [{"City": "x"}]})
    assert (unknown.status_code, unknown.json()) == (
        400,
        row_error("INVALID_DATA", "the id given seems to be invalid", id="12345"),
    )
    # A record of another module is no record of this one.
    contact = (await zoho.ok("GET", "/Contacts?per_page=1"))["data"][0]["id"]
    assert (await zoho.send("PUT", f"/Leads/{contact}", {"data": [{"City": "x"}]})).status_code == 400


async def test_every_write_is_in_the_log_through_zohos_door(zoho: Program) -> None:
    async with zoho.running.db.read() as session:
        last = await session.scalar(select(Change.id).order_by(Change.id.desc()).limit(1))
    record = await zoho.create("Leads", Last_Name="Logged", Mobile="1")
    await zoho.ok("PUT", f"/Leads/{record}", {"data": [{"Last_Name": "Logged", "Mobile": "2"}]})
    await zoho.ok("PUT", f"/Leads/{record}", {"data": [{"Last_Name": "Logged", "Mobile": "2"}]})
    await zoho.ok("DELETE", f"/Leads/{record}")
    async with zoho.running.db.read() as session:
        log = list(await session.scalars(select(Change).where(Change.id > (last or 0)).order_by(Change.id)))
    assert [(c.party_id, c.action, c.revision, c.door) for c in log] == [
        (int(record), action, i + 1, Door.ZOHO) for i, action in enumerate(("CREATED", "UPDATED", "DELETED"))
    ]
    assert all(change.client_id is not None for change in log)


async def test_lookups_take_an_id_as_text_or_number_and_are_printed_by_name(zoho: Program) -> None:
    account = await zoho.create("Accounts", Account_Name="Mother Ltd")
    boss = await zoho.create("Contacts", Last_Name="Boss", First_Name="Big")
    child = await zoho.create("Accounts", Account_Name="Child Ltd", Parent_Account=account)
    contact = await zoho.create(
        "Contacts", Last_Name="Staff", Account_Name={"id": int(account)}, Reports_To={"id": boss}
    )
    found = await zoho.get("Contacts", contact)
    assert found["Account_Name"] == {"name": "Mother Ltd", "id": account}
    assert found["Reporting_To"] == {"name": "Big Boss", "id": boss}
    assert (await zoho.get("Accounts", child))["Parent_Account"] == {"name": "Mother Ltd", "id": account}
    answer = await zoho.ok("PUT", f"/Contacts/{contact}", {"data": [{"Account_Name": {"id": boss}}]}, status=202)
    assert answer["data"][0]["details"] == {"expected_data_type": "jsonobject", "api_name": "Account_Name"}
    await zoho.ok("DELETE", f"/Accounts/{account}")
    assert (await zoho.get("Contacts", contact))["Account_Name"] is None


async def test_a_unique_field_binds_every_writer_at_this_door_and_no_other_field(zoho: Program) -> None:
    clash = {"data": [{"Last_Name": "Twin", "Mobile": "+9 888 343-4559"}]}
    clash["data"][0]["Mobile"] = "9888-3434559"
    answer = await zoho.ok("POST", "/Leads", clash, status=202)
    assert answer["data"] == [row_error("DUPLICATE_DATA", "duplicate data", api_name="Mobile", id=LEAD)]
    twins = {
        "data": [{"Last_Name": "One", "Mobile": "777"}, {"Last_Name": "Two", "Mobile": "7-7-7"}, {"Last_Name": "Three"}]
    }
    answer = await zoho.ok("POST", "/Leads", twins, status=202)
    assert [row["code"] for row in answer["data"]] == ["SUCCESS", "DUPLICATE_DATA", "SUCCESS"]
    first = answer["data"][0]["details"]["id"]
    assert answer["data"][1]["details"] == {"api_name": "Mobile", "id": first}
    # Its own value is no clash, nor is that of a deleted record or of another module.
    await zoho.ok("PUT", f"/Leads/{first}", {"data": [{"Mobile": "777", "City": "Rome"}]})
    await zoho.create("Contacts", Last_Name="Contact", Mobile="777")
    await zoho.ok("DELETE", f"/Leads/{first}")
    await zoho.create("Leads", Last_Name="Heir", Mobile="777", Phone="98883434559", Email="newcrmapi@zoho.com")


async def test_a_unique_value_goes_to_one_of_many_who_want_it_at_once(zoho: Program) -> None:
    body = {"data": [{"Last_Name": "Race", "Mobile": "424242"}]}
    answers = await asyncio.gather(*(zoho.send("POST", "/Leads", body) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 202, 202, 202, 202]
    assert await zoho.names("/Leads/search?phone=424242") == ["Race"]


async def test_a_converted_lead_is_in_nobodys_way(zoho: Program) -> None:
    await zoho.ok("POST", f"/Leads/{OTHER}/actions/convert", {"data": [{}]})
    again = {"Last_Name": "Again", "Mobile": "9898989898", "Email": "carissa@goodknits.example"}
    answer = await zoho.ok("POST", "/Leads/upsert", {"data": [again]})
    assert (answer["data"][0]["action"], answer["data"][0]["duplicate_field"]) == ("insert", None)


async def test_pages_follow_each_other_with_their_info(zoho: Program) -> None:
    for i in range(5):
        await zoho.create("Accounts", Account_Name=f"Page {i}")
    names, info = [], []
    for page in (1, 2, 3):
        body = await zoho.ok("GET", f"/Accounts/search?word=Page&per_page=2&page={page}&fields=Account_Name&")
        names += [record["Account_Name"] for record in body["data"]]
        info.append(body["info"])
        assert all(set(record) == {"Account_Name", "id"} for record in body["data"])
    assert names == ["Page 4", "Page 3", "Page 2", "Page 1", "Page 0"]
    assert info == [
        {"per_page": 2, "count": 2, "page": 1, "more_records": True},
        {"per_page": 2, "count": 2, "page": 2, "more_records": True},
        {"per_page": 2, "count": 1, "page": 3, "more_records": False},
    ]
    answer = await zoho.send("GET", "/Accounts/search?word=Page&per_page=2&page=4")
    assert (answer.status_code, answer.content) == (204, b"")


async def test_lists_are_sorted_and_narrowed(zoho: Program) -> None:
    assert await zoho.names("/Leads?sort_by=Last_Name&sort_order=asc") == ["Kidman", "Last_Name", "Sweely", "Tanaka"]
    assert await zoho.names("/Leads?sort_by=Annual_Revenue") == ["Tanaka", "Last_Name", "Sweely", "Kidman"]
    assert await zoho.names("/Leads?sort_by=Mobile&sort_order=asc&per_page=1") == ["Sweely"]
    assert await zoho.names(f"/Leads?ids={OTHER}%2C{LEAD}%2C5&sort_by=id&sort_order=asc") == ["Last_Name", "Kidman"]
    assert await zoho.names("/Leads?approved=false") == ["Merced"]
    assert len(await zoho.names("/Leads?approved=both")) == 5
    assert await zoho.names("/Leads?converted=true") == []
    assert await zoho.names("/Leads?ids=5") == []


async def test_what_has_not_changed_since_is_304(zoho: Program) -> None:
    def since(text: str) -> dict[str, Any]:
        return {"headers": {"If-Modified-Since": text}}

    path = f"/Leads/{LEAD}"
    for text, status in (
        ("2021-05-11T12:52:28+00:00", 200),
        ("2021-05-11T12:52:29+00:00", 304),
        ("2021-05-11T18:22:29+05:30", 304),
        ("Tue, 11 May 2021 12:52:28 GMT", 200),
        ("Tue, 11 May 2021 12:52:30 GMT", 304),
    ):
        answer = await zoho.send("GET", path, **since(text))
        assert (text, answer.status_code) == (text, status)
        assert bool(answer.content) == (status == 200)
    for text, is_told in (("2021-05-11T12:52:29+00:00", True), ("2021-05-11T12:53:00+00:00", False)):
        page = await zoho.ok("GET", "/Leads?approved=both&fields=Last_Name", **since(text))
        assert (LEAD in {record["id"] for record in page["data"]}) is is_told
        assert len(page["data"]) == 3 + is_told
    assert (await zoho.send("GET", "/Leads", **since("2999-01-01T00:00:00Z"))).status_code == 304
    assert (await zoho.send("GET", "/Leads/5", **since("2999-01-01T00:00:00Z"))).status_code == 204


async def test_two_changes_in_one_second_are_never_missed(zoho: Program) -> None:
    async def told(path: str, mark: str) -> set[str]:
        answer = await zoho.send("GET", path, headers={"If-Modified-Since": mark})
        return set() if answer.status_code == 304 else {record["id"] for record in answer.json()["data"]}

    one, other = await zoho.create("Leads", Last_Name="One"), await zoho.create("Leads", Last_Name="Other")
    mark = (await zoho.get("Leads", one))["Modified_Time"]
    await zoho.ok("PUT", f"/Leads/{one}", {"data": [{"City": "Oslo"}]})
    assert {one, other} <= await told("/Leads", mark)
    await zoho.ok("DELETE", f"/Leads?ids={one}")
    (gone,) = (await zoho.ok("GET", "/Leads/deleted"))["data"]
    await zoho.ok("DELETE", f"/Leads?ids={other}")
    assert await told("/Leads/deleted", gone["deleted_time"]) == {one, other}
    # Long after it nothing is told again.
    assert await told("/Leads/deleted", "2999-01-01T00:00:00Z") == set()
    assert await told("/Leads", "2999-01-01T00:00:00Z") == set()


async def test_what_is_committed_after_the_mark_is_told(zoho: Program) -> None:
    core = zoho.running.core
    async with core.db.begin() as session:
        late = (await parties.create(session, OFFICE, PartyKind.CONTACT, Edit({"last_name": "Late"}))).id
        await asyncio.sleep(1.1)
        mark = now().isoformat(timespec="seconds")
        answer = await zoho.send("GET", "/Contacts", headers={"If-Modified-Since": mark})
        assert str(late) not in answer.text
    answer = await zoho.send("GET", "/Contacts", headers={"If-Modified-Since": mark})
    assert str(late) in {record["id"] for record in answer.json()["data"]}


async def test_a_write_on_what_has_changed_since_is_refused(zoho: Program) -> None:
    def since(text: str) -> dict[str, Any]:
        return {"headers": {"If-Unmodified-Since": text}}

    body = {"data": [{"City": "Oslo"}]}
    answer = await zoho.send("PUT", f"/Leads/{LEAD}", body, **since("2021-05-11T12:52:28+00:00"))
    assert (answer.status_code, answer.json()["code"], answer.json()["details"]) == (
        412,
        "ALREADY_MODIFIED",
        {"id": LEAD},
    )
    many = {"data": [{"id": LEAD, "City": "Oslo"}, {"id": OTHER, "City": "Oslo"}]}
    bulk = await zoho.ok("PUT", "/Leads", many, status=202, **since("2021-05-11T11:00:00+00:00"))
    assert [row["code"] for row in bulk["data"]] == ["ALREADY_MODIFIED", "SUCCESS"]
    assert (await zoho.get("Leads", LEAD))["City"] == "City"
    await zoho.ok("PUT", f"/Leads/{LEAD}", body, **since("2021-05-11T12:52:29+00:00"))


async def test_upserts_change_what_they_find_and_create_the_rest(zoho: Program) -> None:
    rows = [
        {"Last_Name": "Kidman-Smith", "Email": "CARISSA@goodknits.example"},
        {"Last_Name": "New", "Email": "new@example.com"},
        {"Last_Name": "Newer", "Email": "new@example.com"},
        {"Last_Name": "No email"},
        {"id": LEAD, "City": "Oslo"},
        {"Email": "other@example.com"},
    ]
    answer = await zoho.ok("POST", "/Leads/upsert", {"data": rows, "duplicate_check_fields": ["Email"]}, status=202)
    told = [(row.get("action"), row.get("duplicate_field"), row["message"]) for row in answer["data"]]
    assert told == [
        ("update", "Email", "record updated"),
        ("insert", None, "record added"),
        ("update", "Email", "record updated"),
        ("insert", None, "record added"),
        ("update", "id", "record updated"),
        (None, None, "required field not found"),
    ]
    assert list(answer["data"][0]) == ["code", "duplicate_field", "action", "details", "message", "status"]
    assert answer["data"][0]["details"]["id"] == OTHER
    assert answer["data"][1]["details"]["id"] == answer["data"][2]["details"]["id"]
    assert (await zoho.get("Leads", OTHER))["Last_Name"] == "Kidman-Smith"
    # Without a word about it, the email and the unique fields are compared.
    answer = await zoho.ok("POST", "/Leads/upsert", {"data": [{"Last_Name": "By mobile", "Mobile": "98-98-98-98-98"}]})
    assert (answer["data"][0]["duplicate_field"], answer["data"][0]["details"]["id"]) == ("Mobile", OTHER)
    answer = await zoho.ok(
        "POST", "/Accounts/upsert", {"data": [{"Account_Name": "VENKATESH", "Website": "v.example"}]}
    )
    assert (answer["data"][0]["action"], answer["data"][0]["duplicate_field"]) == ("update", "Account_Name")
    custom = {"data": [{"Last_Name": "C", "Key": "k1"}], "duplicate_check_fields": ["Key"]}
    done = [(await zoho.ok("POST", "/Contacts/upsert", custom))["data"][0]["action"] for _ in range(2)]
    assert done == ["insert", "update"]


async def test_deleted_records_are_gone_and_listed_as_deleted(zoho: Program) -> None:
    assert await zoho.ok("DELETE", f"/Leads/{LEAD}") == {
        "data": [{"code": "SUCCESS", "details": {"id": LEAD}, "message": "record deleted", "status": "success"}]
    }
    answer = await zoho.ok("DELETE", f"/Leads?ids={OTHER}%2C{LEAD}%2C{OTHER}&wf_trigger=false", status=202)
    bad = "the id given seems to be invalid"
    assert [row["message"] for row in answer["data"]] == ["record deleted", bad, bad]
    missing = await zoho.send("DELETE", "/Leads")
    expected = row_error("REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", param="ids")
    assert (missing.status_code, missing.json()) == (400, expected)
    assert (await zoho.send("GET", f"/Leads/{LEAD}")).status_code == 204
    body = await zoho.ok("GET", "/Leads/deleted?type=all&per_page=1")
    (gone,) = body["data"]
    deleted_time = gone.pop("deleted_time")
    assert dt.datetime.fromisoformat(deleted_time).tzinfo is not None
    assert gone == {
        "deleted_by": PATRICIA,
        "id": OTHER,
        "display_name": "Carissa Kidman",
        "type": "recycle",
        "created_by": PATRICIA,
    }
    assert body["info"] == {"per_page": 1, "count": 1, "page": 1, "more_records": True}
    assert (await zoho.send("GET", "/Leads/deleted?type=permanent")).status_code == 204
    assert (await zoho.send("GET", "/Contacts/deleted")).status_code == 204
    assert (await zoho.send("GET", "/Leads/deleted?type=nothing")).status_code == 400


async def test_records_made_at_another_door_answer_to_the_id_they_are_printed_with(zoho: Program) -> None:
    for module in ("Contacts", "Accounts", "Leads"):
        for record in (await zoho.ok("GET", f"/{module}"))["data"]:
            assert record["id"].isdecimal()
            assert await zoho.get(module, record["id"]) == record


async def test_nothing_that_was_refused_leaves_a_trace(demo: Running, zoho: Program) -> None:
    async def everything() -> list[Any]:
        async with demo.db.read() as session:
            leads = [(lead.id, lead.revision, lead.updated_at) for lead in await session.scalars(select(Lead))]
            return [*leads, await session.scalar(select(Change.id).order_by(Change.id.desc()).limit(1))]

    before = await everything()
    await zoho.ok(
        "POST", "/Leads", {"data": [{"First_Name": "x"}, {"Last_Name": "y", "Mobile": "98883434559"}]}, status=202
    )
    await zoho.ok(
        "PUT", "/Leads", {"data": [{"id": LEAD, "Email": "nobody"}, {"id": OTHER, "Last_Name": None}]}, status=202
    )
    assert await everything() == before
