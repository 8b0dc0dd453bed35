"""The related lists that there are: the contacts of an account, and the notes on a record."""

from crmgraph.crm.identity import clients
from crmgraph.crm.models import Door
from tests.dialects.zoho.conftest import LEAD, OTHER, Program, row_error

UNKNOWN = "the id given seems to be invalid"


async def _note(zoho: Program, path: str, text: str) -> str:
    answer = await zoho.ok("POST", f"{path}/Notes", {"data": [{"Note_Content": text}]}, status=201)
    made: str = answer["data"][0]["details"]["id"]
    return made


async def test_the_contacts_of_an_account_are_listed_as_contacts_are(zoho: Program) -> None:
    account, other = [await zoho.create("Accounts", Account_Name=name) for name in ("One", "Two")]
    path = f"/Accounts/{account}/Contacts"
    assert (await zoho.send("GET", path)).status_code == 204
    people = [
        await zoho.create("Contacts", Last_Name=name, Account_Name={"id": owner})
        for name, owner in (("B", account), ("A", account), ("C", other))
    ]
    listed = await zoho.ok("GET", path)
    assert listed["data"] == [await zoho.get("Contacts", people[1]), await zoho.get("Contacts", people[0])]
    assert listed["info"] == {"per_page": 200, "count": 2, "page": 1, "more_records": False}
    page = await zoho.ok("GET", f"{path}?page=2&per_page=1&sort_by=Last_Name&sort_order=asc&fields=Last_Name")
    assert page["data"] == [{"Last_Name": "B", "id": people[0]}]
    assert page["info"] == {"per_page": 1, "count": 1, "page": 2, "more_records": False}
    since = {"If-Modified-Since": "2999-01-01T00:00:00+00:00"}
    assert (await zoho.send("GET", path, headers=since)).status_code == 304
    for path in ("/Accounts/5/Contacts", f"/Accounts/{people[0]}/Contacts", f"/Accounts/{LEAD}/Contacts"):
        assert (await zoho.send("GET", path)).status_code == 204
    await zoho.ok("DELETE", f"/Accounts/{account}")
    assert (await zoho.send("GET", f"/Accounts/{account}/Contacts")).status_code == 204


async def test_the_contacts_of_an_account_take_the_right_to_both(zoho: Program) -> None:
    account = await zoho.create("Accounts", Account_Name="One")
    await zoho.create("Contacts", Last_Name="A", Account_Name={"id": account})
    client = await clients.actor_of_client(zoho.running.db, Door.ZOHO, zoho.token)
    assert client.client_id is not None
    names = ("ZohoCRM.modules.accounts.READ", "ZohoCRM.modules.contacts.READ")
    for grants, status in ((names[:1], 401), (names[1:], 401), ((), 401)):
        token = await clients.issue(zoho.running.db, client.client_id, "access", seconds=60, grants=grants)
        answer = await Program(zoho.running, token).send("GET", f"/Accounts/{account}/Contacts")
        assert answer.status_code == status


async def test_a_relation_that_is_not_here_is_refused_in_zohos_words(zoho: Program) -> None:
    answer = await zoho.send("GET", f"/leads/{LEAD}/Campaigns")
    told = row_error("INVALID_DATA", "the relation name given seems to be invalid", resource_path_index=2)
    assert (answer.status_code, answer.json()) == (400, told)


async def test_a_note_is_read_changed_and_deleted_below_its_record_alone(zoho: Program) -> None:
    note, elsewhere = await _note(zoho, f"/Leads/{LEAD}", "mine"), await _note(zoho, f"/Leads/{OTHER}", "theirs")
    path = f"/Leads/{LEAD}/Notes"
    found = (await zoho.ok("GET", f"{path}/{note}"))["data"]
    assert found == (await zoho.ok("GET", f"/Notes/{note}"))["data"]
    changed = await zoho.ok("PUT", f"{path}/{note}", {"data": [{"Note_Content": "ours"}]})
    assert changed["data"][0]["message"] == "record updated"
    assert (await zoho.ok("GET", f"/leads/{LEAD}/notes/{note}"))["data"][0]["Note_Content"] == "ours"
    contact = await zoho.create("Contacts", Last_Name="x")
    for wrong in (
        f"{path}/{elsewhere}",
        f"{path}/5",
        f"/Contacts/{LEAD}/Notes/{note}",
        f"/Contacts/{contact}/Notes/{note}",
        f"/Leads/5/Notes/{note}",
    ):
        told = [row_error("INVALID_DATA", UNKNOWN, id=wrong.rpartition("/")[2])]
        assert (await zoho.send("GET", wrong)).status_code == 204
        assert (await zoho.ok("PUT", wrong, {"data": [{"Note_Content": "x"}]}, status=202))["data"] == told
        assert (await zoho.ok("DELETE", wrong, status=202))["data"] == told
    texts = [one["Note_Content"] for one in (await zoho.ok("GET", "/Notes"))["data"]]
    assert ("ours" in texts, "theirs" in texts, "x" in texts) == (True, True, False)
    deleted = await zoho.ok("DELETE", f"{path}/{note}")
    assert deleted["data"][0]["message"] == "record deleted"
    assert (await zoho.send("GET", f"/Notes/{note}")).status_code == 204
    assert (await zoho.send("GET", f"/Notes/{elsewhere}")).status_code == 200


async def test_notes_that_have_not_changed_are_not_told_again(zoho: Program) -> None:
    note = await _note(zoho, f"/Leads/{LEAD}", "new")
    (found,) = (await zoho.ok("GET", f"/Notes?ids={note}"))["data"]
    seen = {"If-Modified-Since": "2999-01-01T00:00:00+00:00"}
    same = {"If-Modified-Since": found["Modified_Time"]}
    before = {"If-Modified-Since": "2021-05-11T12:52:29+00:00"}
    for path in (f"/Leads/{LEAD}/Notes", f"/Notes?ids={note}"):
        for told in (before, same):
            assert (await zoho.ok("GET", path, headers=told))["data"] == [found]
        answer = await zoho.send("GET", path, headers=seen)
        assert (answer.status_code, answer.content) == (304, b"")
