"""Exports that staff ask for: a job, its progress, and the file that it makes."""

import asyncio
import csv
import datetime as dt
import io
import json
from typing import Any

import pytest
from sqlalchemy import select, update

from crmgraph.crm import tasks
from crmgraph.crm.core import Core
from crmgraph.crm.models import JobState, PartyKind, Staff, Task, now
from crmgraph.crm.retention import purge_files
from crmgraph.exports import background, writing
from tests.conftest import Running, statements
from tests.graph.conftest import Caller, Customer, put

EXPORT = """mutation($i: ExportInput!) { exportRecords(input: $i) {
  job { id state done total finishedAt resultUrl faults { totalCount } } userErrors { code path } } }"""
JOB = """query($id: ID!) { job(id: $id) { id state done total finishedAt resultUrl
  faults { totalCount nodes { row userErrors { code message path } } } } }"""
CANCEL = "mutation($i: CancelJobInput!) { cancelJob(input: $i) { job { id state } userErrors { code path } } }"


async def begun(caller: Caller, **given: Any) -> Any:
    """The job of an export that is taken."""
    payload = (await caller(EXPORT, i=given))["exportRecords"]
    assert payload["userErrors"] == []
    return payload["job"]


async def ended(caller: Caller, own_id: str) -> Any:
    """A job, once it has ended."""
    async with asyncio.timeout(60):
        while True:
            job = (await caller(JOB, id=own_id))["job"]
            if job["state"] not in ("WAITING", "RUNNING"):
                return job
            await asyncio.sleep(0.02)


async def exported(caller: Caller, **given: Any) -> bytes:
    """The file of an export."""
    job = await ended(caller, (await begun(caller, **given))["id"])
    assert (job["state"], job["faults"]["totalCount"]) == ("DONE", 0)
    response = await caller.client.get(job["resultUrl"])
    assert response.status_code == 200
    return response.content


async def test_an_export_is_a_job_with_progress_and_a_file_for_a_day(agent: Caller, core: Core) -> None:
    await put(core, PartyKind.CONTACT, *({"last_name": name} for name in ("Roe", "Ray", "Doe")))
    job = await begun(agent, kind="CONTACT", contacts={"lastName": {"startsWith": "r"}})
    assert job["id"].startswith("job_")
    assert {name: job[name] for name in ("state", "done", "finishedAt", "resultUrl", "faults")} == {
        "state": "WAITING", "done": 0, "finishedAt": None, "resultUrl": None, "faults": {"totalCount": 0},
    }  # fmt: skip
    job = await ended(agent, job["id"])
    assert (job["state"], job["done"], job["total"]) == ("DONE", 2, 2)
    response = await agent.client.get(job["resultUrl"])
    assert [json.loads(line)["input"]["lastName"] for line in response.text.splitlines()] == ["Roe", "Ray"]
    assert response.headers["content-type"] == "application/jsonl"
    today = f"{now():%Y-%m-%d}"
    assert response.headers["content-disposition"] == f'attachment; filename="contacts-{today}.jsonl"'
    assert response.headers["content-length"] == str(len(response.content))
    assert (response.headers["cache-control"], response.headers["x-content-type-options"]) == ("no-store", "nosniff")
    # By its global id it is the same, compiled and all.
    node = "query($id: ID!) { node(id: $id) { __typename id ... on Job { state done total } } }"
    assert (await agent(node, id=job["id"]))["node"] == {
        "__typename": "Job", "id": job["id"], "state": "DONE", "done": 2, "total": 2,
    }  # fmt: skip

    # A day later nobody gets it, and it is no longer there.
    async with core.db.begin() as session:
        task = (await session.scalars(select(Task))).one()
        assert task.result is not None
        assert task.result["until"] == pytest.approx((now() + tasks.RESULT_LIFE).timestamp(), abs=60)
        task.result = {**task.result, "until": int(now().timestamp())}
    assert (await agent(JOB, id=job["id"]))["job"]["resultUrl"] is None
    assert (await agent.client.get(job["resultUrl"])).status_code == 404
    assert await purge_files(core.tasks.files) == 0


async def test_an_address_of_a_file_is_good_for_a_while_and_cannot_be_made_up(
    agent: Caller, core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await ended(agent, (await begun(agent, kind="LEAD"))["id"])
    url = job["resultUrl"]
    head, name = url.rsplit("/", 1)
    forged = head[:-1] + ("A" if head[-1] != "A" else "B") + "/" + name
    access = f"http://test/results/{agent.token}/{name}"
    for wrong in (forged, access, "http://test/results/x/y", "http://test/results/a.b.c/y"):
        assert (await agent.client.get(wrong)).status_code == 404
    monkeypatch.setattr(tasks, "LINK_LIFE", dt.timedelta(seconds=-5))
    assert (await agent.client.get((await agent(JOB, id=job["id"]))["job"]["resultUrl"])).status_code == 404
    assert (await agent.client.get(url)).status_code == 200


async def test_every_form_is_what_the_command_line_writes(agent: Caller, core: Core) -> None:
    await put(core, PartyKind.ACCOUNT, {"name": "=Acme"}, {"name": "Roe"})
    for form in ("CSV", "VCARD3", "VCARD4", "JSCONTACT", "JSONL"):
        words = {"VCARD3": "vcf3", "VCARD4": "vcf4"}
        kind: Any = words.get(form, form.lower())
        actor = background.Actor(tasks.Door.OPERATOR, tasks.Role.ADMIN)
        expected = [
            piece async for piece in writing.pieces(core.db, actor, writing.ExportRequest((PartyKind.ACCOUNT,), kind))
        ]
        assert await exported(agent, kind="ACCOUNT", format=form) == b"".join(expected)
    table = (await exported(agent, kind="ACCOUNT", format="CSV", excel=True)).decode("utf-8-sig")
    assert [row["name"] for row in csv.DictReader(io.StringIO(table))] == ["'=Acme", "Roe"]
    table = (await exported(agent, kind="ACCOUNT", **{"as": "ZOHO"})).decode("utf-8-sig")
    assert [row["Account_Name"] for row in csv.DictReader(io.StringIO(table))] == ["=Acme", "Roe"]


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"kind": "LEAD", "as": "VALOMNIA"}, ("CHOOSE_ONE", ["input", "as"])),
        ({"kind": "CONTACT", "as": "ZOHO", "format": "ZIP"}, ("CONFLICTING", ["input", "format"])),
        ({"kind": "CONTACT", "format": "ZIP", "excel": True}, ("CONFLICTING", ["input", "excel"])),
        ({"kind": "CONTACT", "leads": {}}, ("CONFLICTING", ["input", "leads"])),
        ({"kind": "CONTACT", "leads": {"lastName": {"eq": "x"}}}, ("CONFLICTING", ["input", "leads"])),
        ({"kind": "LEAD", "leads": {"deleted": True}}, ("CONFLICTING", ["input", "leads", "deleted"])),
        ({"kind": "CONTACT", "identityDocuments": True}, ("FORBIDDEN", ["input", "identityDocuments"])),
    ],
)
async def test_what_cannot_be_exported_is_refused_at_once(
    agent: Caller, core: Core, given: dict[str, Any], error: tuple[str, list[str]]
) -> None:
    payload = (await agent(EXPORT, i=given))["exportRecords"]
    assert payload == {"job": None, "userErrors": [{"code": error[0], "path": error[1]}]}
    async with core.db.read() as session:
        assert (await session.scalars(select(Task))).all() == []


async def test_a_filter_that_is_none_is_told_with_its_place(agent: Caller) -> None:
    body = (await agent.post(EXPORT, {"i": {"kind": "CONTACT", "contacts": {"lastName": {"eq": " "}}}})).json()
    (error,) = body["errors"]
    assert error["extensions"]["inputPath"] == ["input", "contacts", "lastName", "eq"]


async def test_who_may_export_and_who_sees_a_job(
    nobody: Caller, customer: Customer, agent: Caller, admin: Caller, core: Core
) -> None:
    assert await nobody.errors(EXPORT, i={"kind": "CONTACT"}) == [("UNAUTHENTICATED", "Sign in first.")]
    assert await nobody.errors(CANCEL, i={"job": "job_1000000000"}) == [("UNAUTHENTICATED", "Sign in first.")]
    assert (await customer(EXPORT, i={"kind": "CONTACT"}))["exportRecords"] == {
        "job": None, "userErrors": [{"code": "FORBIDDEN", "path": ["input"]}],
    }  # fmt: skip
    own = (await begun(agent, kind="CONTACT"))["id"]
    await ended(agent, own)
    node = "query($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } job(id: $id) { id } }"
    assert await agent(node, id=own) == {"node": {"id": own}, "nodes": [{"id": own}], "job": {"id": own}}
    for other in (nobody, customer, admin):
        assert await other(node, id=own) == {"node": None, "nodes": [None], "job": None}
    assert (await admin(CANCEL, i={"job": own}))["cancelJob"] == {
        "job": None, "userErrors": [{"code": "NOT_FOUND", "path": ["input", "job"]}],
    }  # fmt: skip
    assert (await customer(CANCEL, i={"job": own}))["cancelJob"]["userErrors"][0]["code"] == "FORBIDDEN"
    contact = customer.contact
    assert (await agent("query($id: ID!) { job(id: $id) { id } }", id=contact))["job"] is None


async def test_identity_documents_are_written_for_those_who_may_see_them_and_ask(
    admin: Caller, customer: Customer
) -> None:
    change = """mutation($i: UpdateContactInput!) { updateContact(input: $i) { userErrors { code } } }"""
    given = {"contact": {"id": customer.contact}, "identityDocuments": {"idNumber": "L01X00T47"}}
    assert (await customer(change, i=given))["updateContact"] == {"userErrors": []}
    assert b"L01X00T47" not in await exported(admin, kind="CONTACT")
    assert b"L01X00T47" in await exported(admin, kind="CONTACT", identityDocuments=True)


async def test_an_export_is_done_by_the_rights_of_its_time(admin: Caller, agent: Caller, running: Running) -> None:
    """Whoever was dismissed meanwhile gets nothing, nor does an administrator's wish outlive the right."""
    core, given = running.core, {"kind": "CONTACT", "filter": None, "form": "jsonl", "dialect": None, "excel": False}
    exporter = background.Exporter(
        core.tasks, core.record_photos.store, lambda kind, text: pytest.fail("no filter"), lambda name: {}
    )
    async with core.db.begin() as session:
        staff = {each.email: each.id for each in await session.scalars(select(Staff))}
        wanted = []
        for own_id, identity in ((staff["agent@example.com"], True), (staff["admin@example.com"], False)):
            session.add(made := Task(kind="export", staff_id=own_id, given={**given, "identity": identity}))
            await session.flush()
            wanted.append(made.id)
        await session.execute(update(Staff).where(Staff.email == "admin@example.com").values(active=False))
    for each in wanted:
        done = await exporter.run({"task": each})
        async with core.db.begin() as session:
            assert isinstance(done, background.Done)
            assert done.write is not None
            await done.write(session)
    async with core.db.read() as session:
        found = list(await session.scalars(select(Task).order_by(Task.id)))
    assert [(each.state, each.result, each.faults[0]["code"]) for each in found] == [
        (JobState.FAILED, None, "FORBIDDEN")
    ] * 2
    told = (await agent(JOB, id=f"job_{wanted[0]}"))["job"]
    assert told["faults"]["nodes"] == [
        {
            "row": None,
            "userErrors": [
                {
                    "code": "FORBIDDEN",
                    "message": "Whoever has asked for it may not do so any more.",
                    "path": ["input"],
                }
            ],
        }
    ]


async def test_one_of_the_staff_has_three_in_hand_and_may_cancel_one(
    agent: Caller, admin: Caller, core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, entered = asyncio.Event(), asyncio.Event()
    write = writing.write

    async def held(*arguments: Any, **more: Any) -> None:
        entered.set()
        await gate.wait()
        await write(*arguments, **more)

    monkeypatch.setattr(writing, "write", held)
    monkeypatch.setattr(background, "NOTED_EVERY", 0.02)
    given = {"kind": "CONTACT"}
    answers = await asyncio.gather(*(agent(EXPORT, i=given) for _ in range(5)))
    payloads = [each["exportRecords"] for each in answers]
    own = [each["job"]["id"] for each in payloads if each["job"]]
    assert len(own) == 3
    assert [each["userErrors"] for each in payloads if not each["job"]] == [
        [{"code": "TOO_MANY", "path": ["input"]}]
    ] * 2
    other = await begun(admin, **given)  # others have theirs
    await entered.wait()
    states = [(await agent(JOB, id=each))["job"]["state"] for each in own]
    assert sorted(states) == ["RUNNING", "WAITING", "WAITING"]
    running = own[states.index("RUNNING")]
    for each in own:
        assert (await agent(CANCEL, i={"job": each}))["cancelJob"] == {
            "job": {"id": each, "state": "CANCELLED"}, "userErrors": [],
        }  # fmt: skip
    gate.set()
    assert (await ended(admin, other["id"]))["state"] == "DONE"
    for each in own:
        job = await ended(agent, each)
        assert (job["state"], job["resultUrl"]) == ("CANCELLED", None)
    assert running in own
    assert (await begun(agent, **given))["state"] == "WAITING"
    assert (await agent(CANCEL, i={"job": other["id"]}))["cancelJob"]["userErrors"][0]["code"] == "NOT_FOUND"


async def test_a_job_is_told_by_one_statement(agent: Caller, core: Core) -> None:
    job = await ended(agent, (await begun(agent, kind="LEAD"))["id"])
    query = "query($id: ID!) { node(id: $id) { ... on Job { state done total finishedAt resultUrl } } }"
    told = await agent.post(query, {"id": job["id"]}, **{"GraphQL-Cost": "1"})
    assert told.json()["extensions"] == {"cost": 1, "executor": "compiled"}
    with statements(core.db) as seen:
        found = (await agent(query, id=job["id"]))["node"]
    assert found["resultUrl"].startswith("http://test/results/")
    assert len(seen) == 1
