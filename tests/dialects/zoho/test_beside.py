"""What stands beside the records: photos, notes, conversion, the organisation, and tokens."""

import io
from typing import Any

from PIL import Image

from crmgraph.crm.identity import clients
from crmgraph.crm.models import Door
from crmgraph.dialects.zoho import openapi
from tests.conftest import Running
from tests.dialects.zoho.conftest import AWAITING, LEAD, LOCKED, OTHER, OWNER, PATRICIA, Program, row_error

UPLOADED = b'{"message":"photo uploaded successfully","details":{},"status":"success","code":"SUCCESS"}'


def picture(colour: str = "red") -> bytes:
    stream = io.BytesIO()
    Image.new("RGBA", (8, 8), (*{"red": (255, 0, 0), "blue": (0, 0, 255)}[colour], 128)).save(stream, "PNG")
    return stream.getvalue()


async def test_photos_come_and_go_in_all_three_modules(zoho: Program) -> None:
    records = {"Leads": LEAD}
    records["Contacts"] = await zoho.create("Contacts", Last_Name="Photo")
    records["Accounts"] = await zoho.create("Accounts", Account_Name="Photo")
    for module, record in records.items():
        path = f"/{module}/{record}/photo"
        assert (await zoho.send("GET", path)).status_code == 204
        assert (await zoho.send("DELETE", path)).status_code == 204
        # As the SDK sends it: raw bytes under the name `file`, without a Content-Type of the part.
        uploaded = await zoho.send("POST", path, files={"file": ("file", picture(), "")})
        assert (uploaded.status_code, uploaded.content) == (200, UPLOADED)
        found = await zoho.send("GET", path)
        assert (found.status_code, found.headers["content-type"]) == (200, "image/png")
        assert found.headers["content-disposition"] == "attachment;filename*=UTF-8''file.png"
        with Image.open(io.BytesIO(found.content)) as image:
            assert (image.size, image.convert("RGBA").getpixel((0, 0))) == ((8, 8), (255, 0, 0, 128))
        assert (await zoho.get(module, record))["Record_Image"].endswith(".png")
        named = await zoho.send("POST", path, files={"file": ("Zoë & co.png", picture("blue"), "image/png")})
        assert named.status_code == 200
        found = await zoho.send("GET", path)
        assert found.headers["content-disposition"] == "attachment;filename*=UTF-8''Zo%C3%AB_co.png"
        deleted = await zoho.send("DELETE", path)
        assert deleted.json() == {"message": "Photo deleted", "details": {}, "status": "success", "code": "SUCCESS"}
        assert (await zoho.send("GET", path)).status_code == 204


async def test_what_is_no_photo_is_refused(zoho: Program) -> None:
    path = f"/Leads/{LEAD}/photo"

    async def told(path: str = path, **options: Any) -> tuple[int, str]:
        answer = await zoho.send("POST", path, **options)
        return answer.status_code, answer.json()["code"]

    too_long = b"x" * (zoho.running.core.max_photo_bytes + 1)
    assert await told(files={"file": ("a.png", b"not a picture")}) == (400, "INVALID_DATA")
    assert await told(files={"file": ("a.svg", b"<svg/>", "image/svg+xml")}) == (400, "INVALID_DATA")
    assert await told(files={"other": ("a.png", picture())}) == (400, "REQUIRED_PARAM_MISSING")
    assert await told(data={"file": "text"}) == (400, "REQUIRED_PARAM_MISSING")
    assert await told(body=b"raw bytes") == (400, "REQUIRED_PARAM_MISSING")
    assert await told(body=b"--x", headers={"Content-Type": "multipart/form-data; boundary="}) == (400, "INVALID_DATA")
    assert await told(files={"file": ("a.png", too_long)}) == (413, "FILE_SIZE_MORE_THAN_ALLOWED_SIZE")
    for nobody in ("5", "99999999999999999999999", "1000000000"):
        assert await told(f"/Leads/{nobody}/photo", files={"file": ("a.png", picture())}) == (400, "INVALID_DATA")
    assert (await zoho.send("GET", path)).status_code == 204


async def test_notes_are_written_read_changed_and_deleted(zoho: Program) -> None:
    body = {
        "data": [
            {"Note_Title": "Called", "Note_Content": "one\ntwo", "$se_module": "Leads", "Parent_Id": {"id": int(LEAD)}}
        ]
    }
    answer = await zoho.ok("POST", "/Notes", body, status=201)
    (row,) = answer["data"]
    assert (row["code"], row["message"], row["details"]["Created_By"]) == ("SUCCESS", "record added", PATRICIA)
    first = row["details"]["id"]
    answer = await zoho.ok(
        "POST", f"/Leads/{LEAD}/Notes", {"data": [{"Note_Content": "later"}, {"Note_Title": "x"}, 5]}, status=202
    )
    assert [row["code"] for row in answer["data"]] == ["SUCCESS", "MANDATORY_NOT_FOUND", "INVALID_DATA"]
    assert answer["data"][1]["details"] == {"api_name": "Note_Content"}
    second = answer["data"][0]["details"]["id"]

    listed = await zoho.ok("GET", f"/Leads/{LEAD}/Notes")
    assert [note["id"] for note in listed["data"]] == [second, first]
    assert listed["info"] == {"per_page": 200, "count": 2, "page": 1, "more_records": False}
    note = listed["data"][1]
    assert (note["Note_Title"], note["Note_Content"], note["Owner"]) == ("Called", "one\ntwo", OWNER)
    assert (note["Parent_Id"], note["$se_module"]) == ({"name": "First_Name Last_Name", "id": LEAD}, "Leads")
    assert (await zoho.ok("GET", f"/Notes/{first}"))["data"] == [note]

    answer = await zoho.ok(
        "PUT", "/Notes", {"data": [{"id": int(first), "Note_Title": None}, {"id": 5}, {"Note_Title": "x"}]}, status=202
    )
    assert [row["code"] for row in answer["data"]] == ["SUCCESS", "INVALID_DATA", "MANDATORY_NOT_FOUND"]
    await zoho.ok("PUT", f"/Notes/{first}", {"data": [note | {"Note_Content": "three", "Note_Title": None}]})
    found = (await zoho.ok("GET", f"/Notes/{first}"))["data"][0]
    assert (found["Note_Title"], found["Note_Content"]) == (None, "three")

    everywhere = await zoho.ok("GET", "/Notes?per_page=1")
    assert (everywhere["data"][0]["id"], everywhere["info"]["more_records"]) == (second, True)
    assert [n["id"] for n in (await zoho.ok("GET", f"/Notes?ids={first},5,x"))["data"]] == [first]
    answer = await zoho.ok("DELETE", f"/Notes?ids={first},5", status=202)
    assert [row["message"] for row in answer["data"]] == ["record deleted", "the id given seems to be invalid"]
    await zoho.ok("DELETE", f"/Notes/{second}")
    for path in (f"/Leads/{LEAD}/Notes", f"/Notes/{first}", "/Leads/5/Notes"):
        assert (await zoho.send("GET", path)).status_code == 204
    assert (await zoho.send("DELETE", "/Notes")).status_code == 400


async def test_notes_on_nothing_are_refused_row_by_row(zoho: Program) -> None:
    rows = [
        {"Note_Content": "x"},
        {"Note_Content": "x", "$se_module": "Leads"},
        {"Note_Content": "x", "$se_module": "Deals", "Parent_Id": LEAD},
        {"Note_Content": "x", "$se_module": ["Leads"], "Parent_Id": {"id": {}}},
        {"Note_Content": "x", "$se_module": "Contacts", "Parent_Id": LEAD},
        {"Note_Content": "x\x00", "$se_module": "Leads", "Parent_Id": LEAD},
        {"Note_Content": "x", "$se_module": "Leads", "Parent_Id": LEAD, "Owner": {"id": 5}},
    ]
    answer = await zoho.ok("POST", "/Notes", {"data": rows}, status=202)
    mandatory, unknown = "required field not found", "the id given seems to be invalid"
    assert answer["data"] == [
        row_error("MANDATORY_NOT_FOUND", mandatory, api_name="Parent_Id"),
        row_error("MANDATORY_NOT_FOUND", mandatory, api_name="Parent_Id"),
        row_error("MANDATORY_NOT_FOUND", mandatory, api_name="$se_module"),
        row_error("MANDATORY_NOT_FOUND", mandatory, api_name="Parent_Id"),
        row_error("INVALID_DATA", unknown, id=LEAD, api_name="Parent_Id"),
        row_error("PATTERN_NOT_MATCHED", "Please check whether the input values are correct", api_name="Note_Content"),
        row_error("INVALID_DATA", "invalid data", expected_data_type="jsonobject", api_name="Owner"),
    ]


async def test_a_lead_is_converted_once_with_its_notes_and_tags(zoho: Program) -> None:
    path = f"/Leads/{OTHER}/actions/convert"
    tags = {"Contacts": ["hot"], "Accounts": ["new"], "Deals": ["none"]}
    given = {"overwrite": True, "notify_lead_owner": True, "carry_over_tags": tags, "Deals": {"Deal_Name": "x"}}
    (done,) = (await zoho.ok("POST", path, {"data": [given]}))["data"]
    assert (list(done), done["Deals"]) == (["Contacts", "Deals", "Accounts"], None)
    contact, account = await zoho.get("Contacts", done["Contacts"]), await zoho.get("Accounts", done["Accounts"])
    assert (contact["Full_Name"], contact["Email"], contact["Mobile"]) == (
        "Carissa Kidman",
        "carissa@goodknits.example",
        "9898989898",
    )
    assert contact["Account_Name"] == {"name": "Oh My Goodknits", "id": done["Accounts"]}
    assert (contact["Owner"], account["Owner"]) == (OWNER, OWNER)
    assert (contact["Tag"], account["Tag"]) == ([{"name": "hot"}], [{"name": "new"}])
    notes = await zoho.ok("GET", f"/Contacts/{done['Contacts']}/Notes")
    assert [note["Note_Title"] for note in notes["data"]] == ["First call"]
    lead = await zoho.get("Leads", OTHER)
    assert (lead["$converted"], lead["Converted_Date_Time"]) == (True, lead["Modified_Time"])
    assert "Kidman" not in await zoho.names("/Leads")
    assert await zoho.names("/Leads?converted=true") == ["Kidman"]

    again = await zoho.ok("POST", path, {"data": [{}]}, status=202)
    assert again["data"] == [row_error("ID_ALREADY_CONVERTED", "id already converted", id=OTHER)]
    changed = await zoho.ok("PUT", f"/Leads/{OTHER}", {"data": [{"City": "x"}]}, status=202)
    assert changed["data"] == [row_error("CONVERTED_RECORD", "can't update the converted record", id=OTHER)]


async def test_a_lead_is_converted_into_known_records(zoho: Program) -> None:
    account = await zoho.create("Accounts", Account_Name="Known")
    contact = await zoho.create("Contacts", Last_Name="Known")
    given = {"Accounts": account, "Contacts": {"id": int(contact)}, "assign_to": PATRICIA["id"]}
    (done,) = (await zoho.ok("POST", f"/Leads/{OTHER}/actions/convert", {"data": [given]}))["data"]
    assert done == {"Contacts": contact, "Deals": None, "Accounts": account}
    found = await zoho.get("Contacts", contact)
    assert (found["Last_Name"], found["First_Name"], found["Account_Name"]["id"]) == ("Known", "Carissa", account)


async def test_a_conversion_writes_into_no_account_that_nobody_named(zoho: Program) -> None:
    account = await zoho.create("Accounts", Account_Name="Known", Phone="1")
    other = await zoho.create("Accounts", Account_Name="Other")
    contact = await zoho.create("Contacts", Last_Name="Known", Account_Name={"id": account})
    before = await zoho.get("Accounts", account)
    path = f"/Leads/{OTHER}/actions/convert"
    refused = await zoho.ok("POST", path, {"data": [{"Contacts": contact, "Accounts": other}]}, status=202)
    assert refused["data"] == [row_error("INVALID_DATA", "invalid data", api_name="Accounts", id=account)]
    given = {"Contacts": contact, "overwrite": True, "carry_over_tags": {"Accounts": ["new"], "Contacts": ["hot"]}}
    (done,) = (await zoho.ok("POST", path, {"data": [given]}))["data"]
    assert done == {"Contacts": contact, "Deals": None, "Accounts": account}
    assert await zoho.get("Accounts", account) == before
    found = await zoho.get("Contacts", contact)
    assert (found["Last_Name"], found["Account_Name"]["id"], found["Tag"]) == ("Kidman", account, [{"name": "hot"}])
    assert (await zoho.get("Leads", OTHER))["Company"] == "Oh My Goodknits"


async def test_conversions_that_cannot_be_change_nothing(zoho: Program) -> None:
    approved = "cannot update record that is not approved yet"
    for lead, given, status, expected in (
        (AWAITING, {}, 202, row_error("NOT_APPROVED", approved, id=AWAITING)),
        (LOCKED, {}, 202, row_error("RECORD_LOCKED", approved, action="zia_vision_processing", id=LOCKED)),
        (
            OTHER,
            {"Accounts": "5"},
            202,
            row_error("INVALID_DATA", "invalid data", expected_data_type="jsonobject", api_name="Accounts"),
        ),
        (
            OTHER,
            {"Contacts": "x"},
            202,
            row_error("INVALID_DATA", "invalid data", expected_data_type="jsonobject", api_name="Contacts"),
        ),
        (
            OTHER,
            {"assign_to": 5},
            202,
            row_error("INVALID_DATA", "invalid data", expected_data_type="jsonobject", api_name="assign_to"),
        ),
        (
            OTHER,
            {"overwrite": "yes"},
            400,
            row_error("INVALID_DATA", "invalid data", expected_data_type="boolean", api_name="overwrite"),
        ),
        ("5", {}, 400, row_error("INVALID_DATA", "the id given seems to be invalid", id="5")),
    ):
        answer = await zoho.send("POST", f"/Leads/{lead}/actions/convert", {"data": [given]})
        body = answer.json()
        assert (answer.status_code, body["data"][0] if status == 202 else body) == (status, expected)
    for data in ([], [{}, {}], [5]):
        assert (await zoho.send("POST", f"/Leads/{OTHER}/actions/convert", {"data": data})).status_code == 400
    assert (await zoho.get("Leads", OTHER))["$converted"] is False
    assert await zoho.names("/Accounts/search?word=Goodknits") == []


async def test_programs_learn_the_modules_fields_users_and_organisation(zoho: Program) -> None:
    modules = (await zoho.ok("GET", "/settings/modules"))["modules"]
    assert [module["api_name"] for module in modules] == ["Leads", "Contacts", "Accounts", "Notes"]
    assert (await zoho.ok("GET", "/settings/modules/Leads"))["modules"] == modules[:1]
    for module, mandatory in (
        ("Leads", "Last_Name"),
        ("Contacts", "Last_Name"),
        ("Accounts", "Account_Name"),
        ("Notes", "Note_Content"),
    ):
        fields = (await zoho.ok("GET", f"/settings/fields?module={module}&"))["fields"]
        assert [f["api_name"] for f in fields if f["system_mandatory"]] == [mandatory]
        assert len({f["id"] for f in fields}) == len(fields)
        assert all(f["id"].isdecimal() and f["data_type"] for f in fields)
        assert all(f["lookup"]["module"] for f in fields if f["data_type"] == "lookup")
        one = await zoho.ok("GET", f"/settings/fields/{fields[0]['id']}?module={module}")
        assert one["fields"] == fields[:1]
    lead = {f["api_name"]: f for f in (await zoho.ok("GET", "/settings/fields?module=Leads"))["fields"]}
    assert (lead["Mobile"]["unique"], lead["Phone"]["unique"]) == ({"casesensitive": "false"}, {})
    for record in (await zoho.ok("GET", f"/Leads/{LEAD}"))["data"]:
        assert {name for name in record if not name.startswith("$")} == {*lead, "id"}
    assert (await zoho.send("GET", "/settings/fields?module=Deals")).status_code == 204
    assert (await zoho.send("GET", "/settings/fields")).json()["details"] == {"param": "module"}

    users = (await zoho.ok("GET", "/users?type='AllUsers'"))["users"]
    patricia = next(user for user in users if user["id"] == PATRICIA["id"])
    assert (patricia["full_name"], patricia["first_name"], patricia["last_name"]) == (
        "Patricia Boyle",
        "Patricia",
        "Boyle",
    )
    assert (await zoho.ok("GET", f"/users/{PATRICIA['id']}"))["users"] == [patricia]
    assert (await zoho.ok("GET", "/users?type=CurrentUser"))["users"] == [patricia]
    assert (await zoho.ok("GET", "/users?per_page=1"))["info"] == {
        "per_page": 1,
        "count": 1,
        "page": 1,
        "more_records": True,
    }
    assert [u["full_name"] for u in (await zoho.ok("GET", "/users?type=AdminUsers"))["users"]] == ["Ada Agent"]
    assert (await zoho.send("GET", "/users?type=DeactiveUsers")).status_code == 204
    assert (await zoho.send("GET", "/users/5")).status_code == 204
    (organisation,) = (await zoho.ok("GET", "/org"))["org"]
    assert organisation["id"].isdecimal()


async def test_a_refresh_token_brings_access_in_all_three_forms(demo: Running) -> None:
    credentials = demo.credentials["zoho"]
    given = {name: credentials[name] for name in ("client_id", "client_secret", "refresh_token")}
    given["grant_type"] = "refresh_token"
    for options in (
        {"data": given},
        {"files": {key: (None, value) for key, value in given.items()}},
        {"params": given},
    ):
        answer = await demo.client.post("/oauth/v2/token", **options)
        assert answer.status_code == 200
        body = answer.json()
        token = body.pop("access_token")
        assert body == {"api_domain": "http://test", "token_type": "Bearer", "expires_in": 3600}
        assert await Program(demo, token).names("/Accounts?per_page=1") != []


async def test_a_grant_code_brings_both_tokens_once(demo: Running) -> None:
    credentials = demo.credentials["zoho"]
    client = await clients.actor_of_client(demo.db, Door.ZOHO, credentials["access_token"])
    assert client.client_id is not None
    code = await clients.issue(demo.db, client.client_id, "code", seconds=60, grants=["ZohoCRM.modules.ALL"])
    given = {name: credentials[name] for name in ("client_id", "client_secret")}
    given |= {"grant_type": "authorization_code", "code": code, "redirect_uri": "https://example.com"}
    body = (await demo.client.post("/oauth/v2/token", data=given)).json()
    assert set(body) == {"access_token", "refresh_token", "api_domain", "token_type", "expires_in"}
    program = Program(demo, body["access_token"])
    assert (await program.send("GET", "/Leads")).status_code == 200
    assert (await program.send("GET", "/org")).json()["code"] == "OAUTH_SCOPE_MISMATCH"
    again = given | {"grant_type": "refresh_token", "refresh_token": body["refresh_token"]}
    assert "access_token" in (await demo.client.post("/oauth/v2/token", data=again)).json()
    assert (await demo.client.post("/oauth/v2/token", data=given)).json() == {"error": "invalid_code"}


async def test_no_token_is_given_for_anything_else(demo: Running) -> None:
    credentials = demo.credentials["zoho"]
    good = {name: credentials[name] for name in ("client_id", "client_secret", "refresh_token")}
    good["grant_type"] = "refresh_token"
    for change, word in (
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"client_id": "\x00"}, "invalid_client"),
        ({"refresh_token": "nothing"}, "invalid_code"),
        ({"refresh_token": credentials["access_token"]}, "invalid_code"),
        ({"grant_type": "authorization_code"}, "invalid_code"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ):
        answer = await demo.client.post("/oauth/v2/token", data=good | change)
        assert (answer.status_code, answer.content) == (200, f'{{"error":"{word}"}}'.encode())
    for options in ({}, {"content": b"--"}, {"content": b"--", "headers": {"Content-Type": "multipart/form-data"}}):
        answer = await demo.client.post("/oauth/v2/token", **options)
        assert (answer.status_code, set(answer.json())) == (200, {"error"})
    for _ in range(10):
        answer = await demo.client.post("/oauth/v2/token", data=good | {"client_secret": "wrong"})
    assert answer.json() == {"error": "access_denied"}
    assert (await demo.client.post("/oauth/v2/token", data=good)).json() == {"error": "access_denied"}


def test_the_manual_names_every_operation_and_field() -> None:
    document = openapi()
    assert {"get", "post", "put", "delete"} == set(document["paths"]["/crm/v2/Contacts"])
    assert set(document["paths"]["/crm/v2/Leads/{id}/actions/convert"]) == {"post"}
    assert "/crm/v2/Contacts/{id}/actions/convert" not in document["paths"]
    lead = document["components"]["schemas"]["Leads"]
    assert (lead["required"], lead["properties"]["Annual_Revenue"]) == (["Last_Name"], {"type": ["number", "null"]})
    assert all(operation["summary"] for path in document["paths"].values() for operation in path.values())


async def test_a_lead_that_a_process_holds_is_not_deleted_nor_noted_on_nor_photographed(zoho: Program) -> None:
    before = await zoho.get("Leads", LOCKED)
    words = "cannot update record that is not approved yet"
    held = row_error("RECORD_LOCKED", words, action="zia_vision_processing", id=LOCKED)
    answer = await zoho.ok("DELETE", f"/Leads/{LOCKED}", status=202)
    assert answer["data"] == [held]
    gone = await zoho.create("Leads", Last_Name="Gone")
    answer = await zoho.ok("DELETE", f"/Leads?ids={LOCKED},{gone}", status=202)
    assert [row["code"] for row in answer["data"]] == ["RECORD_LOCKED", "SUCCESS"]
    note = {"data": [{"Note_Content": "x"}]}
    answer = await zoho.ok("POST", f"/Leads/{LOCKED}/Notes", note, status=202)
    assert [row["code"] for row in answer["data"]] == ["RECORD_LOCKED"]
    path = f"/Leads/{LOCKED}/photo"
    uploaded = await zoho.send("POST", path, files={"file": ("a.png", picture(), "image/png")})
    assert (uploaded.status_code, uploaded.json()) == (400, held)
    assert (await zoho.send("DELETE", path)).json() == held
    assert await zoho.get("Leads", LOCKED) == before
