"""Reading an old CRM: what it has stands here to the byte, whatever happens on the way."""

import datetime as dt
import itertools
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from crmgraph.crm.identity import staff
from crmgraph.crm.models import Door, PartyKind, Role, now
from crmgraph.dialects.zoho import PULLING
from crmgraph.dialects.zoho import upstream as zoho
from crmgraph.metrics import exposition
from crmgraph.upstream import calls
from crmgraph.upstream.calls import CallError, Calls
from crmgraph.upstream.marks import Lease, PullBusyError
from crmgraph.upstream.reading import behind
from crmgraph.upstream.telling import tell
from tests.conftest import Running, serving, settings_for, statements
from tests.program import SECRET, crmgraph
from tests.upstream.faults import FaultPort, HalfBody, Reply, Reset
from tests.upstream.old_crm import CREDENTIALS, OldCrm
from tests.upstream.reader import LISTS, SECRETS, Reader, old_list


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.setenv(f"CRMGRAPH_UPSTREAM_ZOHO_{name.upper()}", CREDENTIALS["zoho"][name])
    monkeypatch.setattr(calls, "SHORTEST", 0.001)


@pytest.fixture
def reader(running: Running) -> Reader:
    return Reader(running.core, running.client)


@pytest.fixture
async def core_reader(tmp_path: Path, sqlite_template: Path) -> AsyncIterator[Reader]:
    """The same over SQLite alone, for what has nothing to do with the database."""
    shutil.copy(sqlite_template, tmp_path / "test.db")
    async with serving(settings_for(f"sqlite:///{tmp_path / 'test.db'}", tmp_path)) as (client, app):
        yield Reader(app.state.core, client)


def small_pages(monkeypatch: pytest.MonkeyPatch, size: int = 10) -> None:
    monkeypatch.setattr(zoho, "PER_PAGE", size)


def answer(rows: list[dict[str, Any]], *, more: bool = False) -> Reply:
    body = {"data": rows, "info": {"more_records": more}}
    return Reply(200, {"Content-Type": "application/json"}, json.dumps(body).encode())


async def assert_equal(reader: Reader, old: OldCrm) -> None:
    token = await reader.token()
    for path in LISTS:
        ours, theirs = await reader.listed(path, token), old_list(old, path)
        assert list(map(json.dumps, ours)) == list(map(json.dumps, theirs)), path


async def test_all_of_it_is_here_to_the_byte_and_a_second_reading_changes_nothing(
    reader: Reader, old_crm: OldCrm
) -> None:
    await reader.behind(old_crm.url)
    first = await reader.pull()
    counts = {name: each["created"] + each["photos"] for name, each in first.counts.items()}
    assert counts["Notes"] == 9
    assert counts["photos"] == 3
    assert [counts[name] for name in ("Accounts", "Contacts", "Leads")] == [
        len(old_crm.ids(kind)) for kind in (PartyKind.ACCOUNT, PartyKind.CONTACT, PartyKind.LEAD)
    ]
    await assert_equal(reader, old_crm)
    before = await reader.counts()
    assert (await reader.pull()).changes == 0
    assert (await reader.pull(full=True)).changes == 0
    assert await reader.counts() == before
    assert await reader.parked() == []


async def test_a_photo_and_a_note_answer_as_there(reader: Reader, old_crm: OldCrm) -> None:
    await (await reader.behind(old_crm.url)).pull()
    token = await reader.token()
    photo, note = f"/crm/v2/Accounts/{old_crm.ids(PartyKind.ACCOUNT)[0]}/photo", old_list(old_crm, "Notes")[0]["id"]
    with old_crm.client() as client:
        for path in (photo, f"/crm/v2/Notes/{note}"):
            theirs, ours = client.get(path, headers=old_crm.zoho), await reader.client.get(path, headers=token)
            assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content) == (200, theirs.content)
            assert ours.headers.get("Content-Disposition") == theirs.headers.get("Content-Disposition")


async def test_what_changes_there_changes_here(reader: Reader, own_old_crm: OldCrm) -> None:
    old = own_old_crm
    await (await reader.behind(old.url)).pull()
    leads, contacts, accounts = (old.ids(kind) for kind in (PartyKind.LEAD, PartyKind.CONTACT, PartyKind.ACCOUNT))
    with old.client(headers=old.zoho) as client:
        # Several in one second, the last one last.
        for city in ("Oslo", "Bergen", "Tromsø"):
            changed = {"City": city, "Phone": None, "Custom": city if city != "Tromsø" else None}
            assert client.put(f"/crm/v2/Leads/{leads[12]}", json={"data": [changed]}).status_code == 200
        made = client.post("/crm/v2/Accounts", json={"data": [{"Account_Name": "New & Sons"}]}).json()
        parent = made["data"][0]["details"]["id"]
        client.put(f"/crm/v2/Accounts/{accounts[0]}", json={"data": [{"Parent_Account": parent}]})
        client.post(f"/crm/v2/Leads/{leads[13]}/actions/convert", json={"data": [{}]})
        client.delete(f"/crm/v2/Contacts/{contacts[5]}")
        note = old_list(old, "Notes")[-1]
        client.put(f"/crm/v2/Notes/{note['id']}", json={"data": [{"Note_Content": "other"}]})
        client.delete(f"/crm/v2/Accounts/{accounts[0]}/photo")
    report = await reader.pull()
    assert report.counts["Contacts/deleted"] == {"deleted": 1}
    await assert_equal(reader, old)
    token = {"Authorization": "Zoho-oauthtoken 1000.here"}
    gone = await reader.client.get(f"/crm/v2/Contacts/{contacts[5]}", headers=token)
    assert gone.status_code == 204
    listed = await reader.listed("Contacts/deleted", token)
    assert listed == [row for row in old_list(old, "Contacts/deleted") if row["id"] == str(contacts[5])]
    assert (await reader.pull()).changes == 0


async def test_what_a_deletion_moves_to_a_page_that_was_read_is_not_missed(
    core_reader: Reader, own_old_crm: OldCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, old = await core_reader.behind(own_old_crm.url), own_old_crm
    await reader.pull()
    small_pages(monkeypatch)
    leads = old.ids(PartyKind.LEAD)[-20:]
    with old.client(headers=old.zoho) as client:
        changed = [{"id": str(each), "Description": "changed"} for each in leads]
        assert client.put("/crm/v2/Leads", json={"data": changed}).status_code == 200
        read, left = Calls.read, leads[:1]

        async def deleting(self: Calls, asked: Any, meant: Any) -> Any:
            if asked.path == "/crm/v2/Leads" and asked.query.get("page") == "2" and left:
                client.delete(f"/crm/v2/Leads/{left.pop()}")
            return await read(self, asked, meant)

        monkeypatch.setattr(Calls, "read", deleting)
        assert (await reader.pull()).counts["Leads/deleted"]["deleted"] == 1
    assert left == []
    marked = (await reader.marks())["Leads"]
    assert (marked.started_at, marked.page) == (None, 0)
    await assert_equal(reader, old)


async def test_what_names_what_comes_later_is_whole_in_the_end(
    reader: Reader, faults: FaultPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_pages(monkeypatch)
    await reader.behind(faults.url)
    row = {"id": "3652397000000000001", "Account_Name": "Child", "Parent_Account": {"id": "3652397000000000009"}}
    above = {"id": "3652397000000000009", "Account_Name": "Parent"}
    faults.do(answer([row], more=True), where=r"GET /crm/v2/Accounts\?.*&page=1&")
    faults.do(answer([above]), where=r"GET /crm/v2/Accounts\?.*&page=2&")
    report = await reader.pull(only=["Users", "Accounts"])
    assert (report.counts["Accounts"]["created"], report.counts["Accounts"]["updated"]) == (2, 1)
    assert await reader.parked() == []
    token = await reader.token()
    (child,) = [each for each in await reader.listed("Accounts", token) if each["Account_Name"] == "Child"]
    assert child["Parent_Account"] == {"name": "Parent", "id": "3652397000000000009"}


async def test_a_record_that_is_refused_refuses_no_other(reader: Reader, faults: FaultPort) -> None:
    await reader.behind(faults.url)
    good = {"id": "3652397000000000001", "Last_Name": "Good", "Email": "good@old.example"}
    bad = {"id": "3652397000000000002", "Last_Name": "Bad", "Email": "no email"}
    nobody = {"id": "3652397000000000003", "Last_Name": "Alone", "Reporting_To": {"id": "3652397000000000099"}}
    ours = {"id": "1000000005", "Last_Name": "Ours"}
    # Ids in the range of ours: of a record, of a user that is listed, and of one that a record names.
    good |= {"Created_By": {"id": "1000000006", "name": "Eve", "email": "eve@old.example"}}
    users = [
        {"id": "3652397000000000008", "full_name": "Ada", "email": "ada@old.example", "status": "active"},
        {"id": "1000000007", "full_name": "Eve", "email": "eve@old.example", "status": "active"},
    ]
    listed = {"users": users, "info": {"more_records": False}}
    faults.do(Reply(200, {}, json.dumps(listed).encode()), where=r"GET /crm/v2/users\?")
    faults.do(answer([good, bad, nobody, ours, {"id": "x"}]), where=r"GET /crm/v2/Contacts\?")
    report = await reader.pull(only=["Users", "Contacts"])
    assert report.counts["Contacts"]["created"] == 2
    assert await reader.parked() == [
        ("Contacts", "1000000005", "INVALID", 1),
        ("Contacts", "3652397000000000002", "INVALID", 1),
        ("Contacts", "3652397000000000003", "LOOKUP", 1),
        ("Contacts", "?", "BAD_ANSWER", 1),
        ("Users", "1000000007", "INVALID", 1),
    ]
    token = await reader.token()
    assert [each["Last_Name"] for each in await reader.listed("Contacts", token)] == ["Alone", "Good"]
    await tell(reader.core.db)
    assert b'crmgraph_upstream_parked{dialect="zoho"} 5.0' in exposition()
    assert b'crmgraph_upstream_pull_lag_seconds{dialect="zoho"}' in exposition()
    # They are tried tomorrow, or when somebody says so; what was mended there is forgotten here.
    faults.clear()
    faults.do(answer([bad | {"Email": "mended@old.example"}]), where=r"GET /crm/v2/Contacts\?")
    await reader.pull(only=["Contacts"])
    assert [home_id for _, home_id, _, _ in await reader.parked()] == [
        "1000000005",
        "3652397000000000003",
        "?",
        "1000000007",
    ]


async def test_what_no_database_keeps_stops_no_reading(reader: Reader, faults: FaultPort) -> None:
    await reader.behind(faults.url)
    deep: Any = 1
    for _ in range(300):
        deep = [deep]
    good: dict[str, Any] = {"id": "3652397000000000001", "Last_Name": "Good", "Custom": "a \\u0000"}
    owner = {"id": "3652397000000000077", "name": "x" * 100_000}
    rows = [good, good | {"id": "3652397000000000002", "Owner": owner}]
    bad: list[dict[str, Any]] = [
        {"Custom": "a\0"},
        {"Cus\0tom": 1},
        {"Custom": deep},
        {"Last_Name": "", "Custom": [{"a": "\0"}]},
    ]
    rows += [{**good, "id": f"365239700000000010{n}", **each} for n, each in enumerate(bad)]
    rows.append({"id": "\0"})
    # It would be an id of ours: nobody owns that record here.
    rows.append(good | {"id": "3652397000000000003", "Owner": {"id": "1000000005", "name": "Forged"}})
    faults.do(answer(rows), where=r"GET /crm/v2/Contacts\?")
    report = await reader.pull(only=["Users", "Contacts"])
    assert report.counts["Contacts"]["created"] == 3
    refused = [("Contacts", "3652397000000000003", "LOOKUP", 1)]
    refused += [("Contacts", f"365239700000000010{n}", "BAD_ANSWER", 1) for n in range(len(bad))]
    assert await reader.parked() == [*refused, ("Contacts", "?", "BAD_ANSWER", 1)]
    token = await reader.token()
    told = {each["id"][-1]: each for each in await reader.listed("Contacts", token)}
    assert (told["2"]["Custom"], told["2"]["Owner"]["name"]) == ("a \\u0000", owner["id"])
    assert told["3"]["Owner"]["name"] != "Forged"


async def test_a_photo_that_is_refused_stops_no_reading(core_reader: Reader, faults: FaultPort) -> None:
    reader = await core_reader.behind(faults.url)
    row = {"id": "3652397000000000001", "Last_Name": "Good", "Record_Image": "x"}
    faults.do(answer([row]), where=r"GET /crm/v2/Contacts\?")
    faults.do(Reply(403, {}, b'{"code": "NO_PERMISSION"}'), where=r"GET /crm/v2/Contacts/3652397000000000001/photo")
    assert (await reader.pull(only=["Contacts"])).counts["photos"] == {"refused": 1, "photos": 0}
    assert await reader.parked() == [("photos", "CONTACT/3652397000000000001", "PHOTO", 1)]


async def test_clocks_and_waits_that_cannot_be_are_not_believed(core_reader: Reader, faults: FaultPort) -> None:
    reader = await core_reader.behind(faults.url)
    reply = answer([])
    faults.do(
        Reply(200, {**reply.headers, "Date": "Fri, 31 Dec 2099 23:59:59 GMT"}, reply.body),
        where=r"GET /crm/v2/Accounts\?",
    )
    await reader.pull(only=["Accounts"])
    watermark = (await reader.marks())["Accounts"].watermark
    assert watermark is not None
    assert watermark <= now()
    faults.clear()
    faults.do(Reply(429, {"Retry-After": "3600000"}), where="GET ")
    with pytest.raises(CallError) as told:
        await reader.pull(only=["Accounts"])
    assert told.value.until is not None
    assert told.value.until - now() < dt.timedelta(days=1, minutes=1)


async def test_who_comes_in_here_is_neither_kept_out_nor_promoted_by_an_old_crm(
    core_reader: Reader, faults: FaultPort
) -> None:
    def users(*told: dict[str, Any]) -> Reply:
        return Reply(200, {}, json.dumps({"users": told, "info": {"more_records": False}}).encode())

    def user(number: int, name: str, **more: Any) -> dict[str, Any]:
        own = {"id": f"365239700000000000{number}", "full_name": name, "last_name": name, "status": "active"}
        return own | {"email": f"{name.lower()}@old.example", "profile": {"name": "Administrator"}} | more

    reader = await core_reader.behind(faults.url)
    faults.do(
        users(user(1, "Ada", profile={"name": "Standard"}), user(2, "Bob"), user(3, "Cyd")), where=r"GET /crm/v2/users"
    )
    await reader.pull(only=["Users"])
    token = await reader.token()
    async with reader.core.db.begin() as session:
        await staff.put_password(session, await staff.named(session, "bob@old.example"), "a hash")
    faults.clear()
    changed = [user(1, "Ada", status="disabled", email="x@old.example"), user(2, "Bob"), user(3, "Cyd", email=None)]
    faults.do(users(*changed), where=r"GET /crm/v2/users")
    await reader.pull(only=["Users"])
    async with reader.core.db.read() as session:
        members, _ = await staff.members(session, active=None)
    told = [(each.name, each.email, each.role, each.active) for each in members]
    assert told == [
        ("Ada", "ada@old.example", Role.AGENT, True),
        ("Bob", "bob@old.example", Role.AGENT, True),
        ("Cyd", "cyd@old.example", Role.ADMIN, True),
    ]
    assert (await reader.client.get("/crm/v2/Contacts", headers=token)).status_code == 204


BAD: dict[str, Reply | HalfBody] = {
    "no JSON": Reply(200, {}, b"<html>"),
    "half of it": Reply(200, {}, b'{"data": [{"id": "36523970000000'),
    "half a body": HalfBody(),
    "204 with a body": Reply(200, {}, b""),
    "no list": Reply(200, {}, b'{"data": {"id": 1}}'),
    "an error": Reply(400, {}, b'{"code": "INVALID_MODULE"}'),
    "an empty page that is not the last": answer([], more=True),
}


@pytest.mark.parametrize("case", BAD)
async def test_an_answer_that_makes_no_sense_ends_the_reading_and_nothing_of_it_is_applied(
    core_reader: Reader, faults: FaultPort, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = core_reader
    small_pages(monkeypatch)
    monkeypatch.setattr(calls, "TRIES", 3)
    await reader.behind(faults.url)
    faults.do(BAD[case], where=r"GET /crm/v2/Contacts\?.*&page=2&")
    with pytest.raises(CallError):
        await reader.pull(only=["Users", "Contacts"])
    mark = (await reader.marks())["Contacts"]
    assert (mark.page, mark.watermark, mark.counts) == (1, None, {"created": 10})
    faults.clear()
    report = await reader.pull(only=["Users", "Contacts"])
    # It goes on with the second page, and then asks for what was changed meanwhile.
    assert report.counts["Contacts"]["created"] == 15
    pages = [each for each in faults.calls(r"GET /crm/v2/Contacts\?") if "fields=" not in each]
    assert ["&page=2&" in each for each in pages] == [True, False, False]


async def test_lists_that_never_end_have_an_end(core_reader: Reader, faults: FaultPort) -> None:
    reader = await core_reader.behind(faults.url)
    row = {"id": "3652397000000000001", "Last_Name": "Again"}
    faults.do(answer([row], more=True), where=r"GET /crm/v2/Leads\?")
    with pytest.raises(CallError, match="page 2 is the one before it once more"):
        await reader.pull(only=["Leads"])
    faults.clear()
    faults.do(Reply(200, {}, b"x" * (calls.LONGEST_ANSWER + 1)), where=r"GET /crm/v2/Accounts\?")
    with pytest.raises(CallError, match="more than 33,554,432 bytes"):
        await reader.pull(only=["Accounts"])


async def test_nobody_is_called_before_retry_after_is_over(core_reader: Reader, faults: FaultPort) -> None:
    reader = await core_reader.behind(faults.url)
    faults.do(Reply(429, {"Retry-After": "1"}), nth={4}, where="GET ")
    faults.do(Reset(), nth={7}, where="GET ")
    await reader.pull(only=["Users", "Accounts", "Contacts"])
    log = list(faults.log)
    (busy,) = [number for number, each in enumerate(log) if each.status == 429]
    assert all(each.at - log[busy].at >= 1.0 for each in log[busy + 1 :])
    assert len(log) > busy + 3


async def test_half_of_the_calls_of_a_day_are_left_to_clients(core_reader: Reader, faults: FaultPort) -> None:
    reader = await core_reader.behind(faults.url, calls_per_day=10)
    with pytest.raises(CallError, match="half of the calls of a day are made"):
        await reader.pull()
    assert len(faults.log) == 5
    with pytest.raises(CallError, match="half of the calls of a day are made"):
        await reader.pull()
    assert len(faults.log) == 5


async def test_one_process_reads_at_a_time(core_reader: Reader, faults: FaultPort) -> None:
    reader = await core_reader.behind(faults.url)
    await Lease(Door.ZOHO).claim(reader.core.db)
    with pytest.raises(PullBusyError):
        await reader.pull()
    assert faults.log == []


async def test_a_page_takes_as_many_statements_however_many_records_it_has(
    core_reader: Reader, faults: FaultPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = await core_reader.behind(faults.url)
    await reader.pull(only=["Users"])
    number = itertools.count(3652397000000000001)

    def rows(count: int) -> list[dict[str, Any]]:
        return [{"id": str(next(number)), "Last_Name": f"L{n}", "Phone": "1", "City": "Bonn"} for n in range(count)]

    taken = []
    for count in (5, 1, 30):
        faults.clear()
        given = rows(count)
        faults.do(answer(given), where=r"GET /crm/v2/Leads\?")
        with statements(reader.core.db) as seen:
            await reader.pull(only=["Leads"])
        taken.append(len(seen))
    assert taken[1] == taken[2]


async def test_what_was_changed_there_and_not_read_since_is_behind(core_reader: Reader, old_crm: OldCrm) -> None:
    reader = await core_reader.behind(old_crm.url)
    is_behind = behind(reader.core, {Door.ZOHO: PULLING})
    (first, second) = old_list(old_crm, "Accounts")[:2]
    times = {each["id"]: dt.datetime.fromisoformat(each["Modified_Time"]) for each in (first, second)}
    assert await is_behind(Door.ZOHO, times) == times.keys()
    await reader.pull(only=["Users", "Accounts"])
    assert await is_behind(Door.ZOHO, times) == set()
    later = {first["id"]: times[first["id"]] + dt.timedelta(hours=1)}
    assert await is_behind(Door.ZOHO, times | later) == {first["id"]}


def test_the_commands_read_and_tell(old_crm: OldCrm, tmp_path: Path) -> None:
    given = {f"CRMGRAPH_UPSTREAM_ZOHO_{name.upper()}": CREDENTIALS["zoho"][name] for name in SECRETS}
    environment = {"CRMGRAPH_SECRET_KEY": SECRET, "CRMGRAPH_UPSTREAM_NETWORKS": "127.0.0.0/8", **given}
    assert crmgraph(tmp_path, "migrate", **environment).returncode == 0
    assert crmgraph(tmp_path, "upstream", "add", "zoho", old_crm.url, "--insecure", **environment).returncode == 0
    told = crmgraph(tmp_path, "upstream", "pull", "zoho", "--module", "Lead", **environment)
    assert (told.returncode, told.stderr) == (1, "Lead: zoho has no such list; is Leads meant?\n")
    lead, other = old_crm.ids(PartyKind.LEAD)[-2:]
    (tmp_path / "ids").write_text(f"{lead}\n{other + 7}\n")
    command = ("upstream", "pull", "zoho", "--module", "Leads", "--ids", "ids", "--json")
    told = crmgraph(tmp_path, *command, **environment)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["counts"] == {"Leads": {"created": 1}}
    told = crmgraph(tmp_path, "upstream", "lag", "--json", **environment)
    assert json.loads(told.stdout)["lag"]["zoho"]["Leads"] is None
    assert crmgraph(tmp_path, "upstream", "parked", **environment).stdout == ""
