"""Reading a CRM.COM by a file of what records are called: it has no lists."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from crmgraph.cli.pull import LONGEST_LINE, lines_of
from crmgraph.crm.core import Core
from crmgraph.crm.identity import clients
from crmgraph.crm.identity.staff import add_staff
from crmgraph.crm.models import Door, PartyKind, PullMark, Role, Upstream
from crmgraph.dialects.crmcom import TELLING
from crmgraph.upstream import pull_lines
from crmgraph.upstream.calls import CallError
from crmgraph.upstream.pull import Report
from crmgraph.upstream.pull_lines import Lines
from crmgraph.upstream.reading import opened
from tests.conftest import Running
from tests.program import crmgraph
from tests.upstream.conftest import ENVIRONMENT, put_behind
from tests.upstream.faults import FaultPort, Reply
from tests.upstream.old_crm import CREDENTIALS, NUMBERED, OldCrm
from tests.upstream.reader import LOOPBACK
from tests.upstream.test_harvest import changes

API = "/crmapi/rest/v2"
UNTOLD = {"relation_set"}
"""What is not read: whom relations name is told in brief."""
WRONG = "COM.CRM.EXCEPTION.CONTACTINFORMATION.INVALIDFIELDVALUEEXCEPTION"


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS["crmcom"].items():
        monkeypatch.setenv(f"CRMGRAPH_UPSTREAM_CRMCOM_{name.upper()}", value)


@pytest.fixture
def old_ids(old_crm: OldCrm) -> list[str]:
    """What its contacts and accounts are called at its CRM.COM door."""
    return [f"{own:032X}" for kind in (PartyKind.CONTACT, PartyKind.ACCOUNT) for own in old_crm.ids(kind)]


async def behind(core: Core, url: str) -> None:
    async with core.db.begin() as session:
        await session.merge(Upstream(dialect=Door.CRMCOM, base_url=url, insecure=True, options={}))


def written(path: Path, *lines: str) -> Lines:
    """A file of these lines, or as it is."""
    if lines:
        path.write_text("\n".join(lines))
    return lines_of(path)


async def pull(core: Core, path: Path, *lines: str) -> tuple[Report, list[tuple[int, str]]]:
    """How it went, and of which lines something is wrong."""
    wrong: list[tuple[int, str]] = []
    async with opened(core, LOOPBACK, Door.CRMCOM, TELLING.pulling) as puller:
        report = await puller.lines(written(path, *lines), lambda *line: wrong.append(line))
    return report, wrong


async def shown(get: Callable[..., Any], token: str, name: str, value: str) -> dict[str, Any]:
    query = {"token": token, "contact_information_identifier": f"{name}={value}"}
    told: dict[str, Any] = (await get(f"{API}/contact_information/show", params=query)).json()
    return told["data"] or told["status"]


async def tokens(core: Core, old: httpx.AsyncClient) -> tuple[str, str]:
    """A token there, and one here."""
    answer = await old.post(f"{API}/authentication/token", json=CREDENTIALS["crmcom"])
    async with core.db.begin() as session:
        staff = await add_staff(session, "Here", "here@new.example", Role.ADMIN, None, sees_identity=True)
        await session.flush()
        grants = ["contact_information"]
        made = await clients.add_client(session, Door.CRMCOM, "t", "here", "x", staff.id, grants, "ORG")
    return answer.json()["data"]["token"], await clients.issue(core.db, made, "access", seconds=None, grants=grants)


async def test_what_a_file_names_is_here_as_there(
    running: Running, old_crm: OldCrm, old_ids: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    core, path = running.core, tmp_path / "ids.txt"
    await behind(core, old_crm.url)
    caplog.set_level(logging.DEBUG)
    async with httpx.AsyncClient(base_url=old_crm.url) as old:
        there, here = await tokens(core, old)
        caplog.clear()
        report, wrong = await pull(core, path, *old_ids, "", f"{2**70:032X}", "number=CON7999999", "rank=1", "x" * 999)
        assert report.counts == {"ids": {"created": len(old_ids), "wrong": 4}}
        nothing = "names nothing that is there"
        n = len(old_ids)
        assert wrong == [
            (n + 2, nothing),
            (n + 3, nothing),
            (n + 4, "is no id, number, email or phone"),
            (n + 5, "too long, or no text"),
        ]
        assert "token=" not in caplog.text
        assert CREDENTIALS["crmcom"]["password"] not in caplog.text
        assert report.calls == n + 3  # a login, and a call for each but those that name nothing
        for each in old_ids:
            theirs, ours = await shown(old.get, there, "id", each), await shown(running.client.get, here, "id", each)
            assert {name for name in theirs if ours[name] != theirs[name]} <= UNTOLD, (theirs, ours)
    before = await changes(core)
    again, _ = await pull(core, path)
    assert again.counts == {"ids": {"same": n, "wrong": 4}}
    assert await changes(core) == before


async def test_numbers_emails_and_phones_name_records_too(running: Running, old_crm: OldCrm, tmp_path: Path) -> None:
    core, path = running.core, tmp_path / "ids.txt"
    await behind(core, old_crm.url)
    async with httpx.AsyncClient(base_url=old_crm.url) as old:
        there, here = await tokens(core, old)
        own_id = f"{old_crm.ids(PartyKind.CONTACT)[1]:032X}"
        number = f"CON{NUMBERED + 2}"
        told = await shown(old.get, there, "id", own_id)
        email, phone = told["emails_set"][0]["email"], told["phones_set"][0]["number"]
        for line in (number, email, f"phone_number={phone}", f"id={own_id.lower()}"):
            report, wrong = await pull(core, path, line)
            assert (wrong, report.counts["ids"].total()) == ([], 1), line
        ours = await shown(running.client.get, here, "id", own_id)
        assert {name for name in told if ours[name] != told[name]} <= UNTOLD


async def test_what_is_not_found_any_more_goes(
    core: Core, faults: FaultPort, old_ids: list[str], tmp_path: Path
) -> None:
    path, first = tmp_path / "ids.txt", old_ids[0]
    await behind(core, f"http://127.0.0.1:{faults.port}")
    await pull(core, path, *old_ids[:3])
    missing = b'{"status": {"code": "COM.CRM.EXCEPTION.CONTACTINFORMATION.NOTFOUNDEXCEPTION"}, "data": null}'
    faults.do(Reply(200, {}, missing), nth={1}, where=f"GET {API}/contact_information/show")
    report, wrong = await pull(core, path, first)
    assert (report.counts, wrong) == ({"ids": {"deleted": 1}}, [])
    before = await changes(core)
    faults.clear()
    faults.do(Reply(200, {}, missing), where=f"GET {API}/contact_information/show")
    report, wrong = await pull(core, path, first)
    assert (report.counts, wrong, await changes(core)) == ({"ids": {}}, [], before)  # it was here, and is gone already
    # Whoever may see nothing any more is told the same of everything.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pull_lines, "FEW", 1)
        with pytest.raises(CallError, match="2 of 2 are not there any more: nothing more was deleted"):
            await pull(core, path, *old_ids[1:3])
    assert await changes(core) == before


async def test_a_refused_line_refuses_no_other_and_what_was_cut_off_goes_on(
    core: Core, faults: FaultPort, old_ids: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, show = tmp_path / "ids.txt", f"GET {API}/contact_information/show"
    monkeypatch.setattr(pull_lines, "TOGETHER", 2)
    await behind(core, f"http://127.0.0.1:{faults.port}")
    ended = b'{"status": {"code": "COM.CRM.EXCEPTION.SECURITY.INVALIDTOKENEXCEPTION"}, "data": null}'
    faults.do(Reply(200, {}, b'{"status": {"code": "%s"}}' % WRONG.encode()), nth={1}, where=show)
    nul = b'{"status": {"code": "OK"}, "data": {"type": "PERSON", "id": "A", "phones_set": [{"id": "\\u0000"}]}}'
    faults.do(Reply(200, {}, nul), nth={1}, where=show)
    faults.do(Reply(200, {}, ended), nth={2}, where=show)
    faults.do(Reply(503, {"Retry-After": "0"}), nth={4}, where=show)
    faults.do(Reply(200, {}, b'{"status": {"code": "OK"}, "data": null}'), nth={6, 7, 8, 9, 10, 11}, where=show)
    with pytest.raises(CallError, match="no contact information"):
        await pull(core, path, *old_ids[:8])
    async with core.db.read() as session:
        mark = (await session.scalars(select(PullMark).where(PullMark.source == "ids"))).one()
    assert (mark.page, mark.counts["created"], mark.counts["wrong"]) == (6, 4, 2)
    faults.clear()
    begun = len(faults.log)
    report, wrong = await pull(core, path)
    assert (report.counts, wrong) == ({"ids": {"created": 6, "wrong": 2}}, [])
    assert report.calls == len(faults.log) - begun == 3  # a login, and the two lines that were left
    report, wrong = await pull(core, path)
    assert report.counts == {"ids": {"created": 2, "same": 6}}


def test_a_line_has_an_end_and_lines_are_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "ids.txt"
    path.write_bytes(
        b"\xef\xbb\xbfA\r\n\n" + b"9" * LONGEST_LINE * 9 + b"\n\xff\n" + b"B" * (LONGEST_LINE - 1) + b"\nC"
    )
    lines = lines_of(path)
    assert list(lines.texts) == [(1, "A"), (3, None), (4, None), (5, "B" * (LONGEST_LINE - 1)), (6, "C")]


def test_the_command_tells_lines_by_their_number(
    old_crm: OldCrm, old_ids: list[str], tmp_path: Path, sqlite_template: Path
) -> None:
    put_behind(tmp_path, sqlite_template, old_crm.url)
    (tmp_path / "ids.txt").write_text(f"{old_ids[0]}\nrank=1\n")
    told = crmgraph(tmp_path, "upstream", "pull", "crmcom", **ENVIRONMENT)
    assert told.returncode == 1
    assert "crmcom: has no lists: --ids FILE names what is read." in told.stderr
    given = {f"CRMGRAPH_UPSTREAM_CRMCOM_{name.upper()}": value for name, value in CREDENTIALS["crmcom"].items()}
    told = crmgraph(tmp_path, "upstream", "pull", "crmcom", "--ids", "ids.txt", **ENVIRONMENT, **given)
    assert (told.returncode, told.stderr) == (3, "ids.txt:2: is no id, number, email or phone\n")
    assert told.stdout.startswith("ids: 1 created, 1 wrong\n2 calls, ")


@pytest.mark.parametrize(
    ("dialect", "untold"),
    [
        ("crmcom", "which records there are: a list needs a document number"),
        ("covalense", "which contacts and accounts there are"),
        ("zoho", "attachments"),
        ("valomnia", "customers without a contact"),
    ],
)
def test_check_prints_what_cannot_be_known(
    old_crm: OldCrm, tmp_path: Path, sqlite_template: Path, dialect: str, untold: str
) -> None:
    put_behind(tmp_path, sqlite_template, old_crm.url)
    told = crmgraph(tmp_path, "upstream", "check", dialect, **ENVIRONMENT)
    assert told.returncode == 0, told.stderr
    assert f"\nnever tells {untold}" in told.stdout
