"""Imports that staff bring in by the graph: read, asked, started, cancelled, undone, and told."""

import asyncio
import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from crmgraph.crm.core import Core
from crmgraph.crm.models import Change, Contact, Door, Import, ImportState, Job, PartyKind, Role, Staff, now
from crmgraph.imports import background, requests
from crmgraph.imports.writing import leases, runs
from crmgraph.imports.writing.photos import Photos
from tests.conftest import Running, serving, settings_for, statements
from tests.graph.conftest import Caller, Customer, hired, put
from tests.graph.importing import COUNTS, NOBODY, READ, ROWS, SHOWN, asked, created, done, person, post, settled, table


def counts(told: Any, **expected: int) -> None:
    assert {name: count for name, count in told.items() if count} == expected


async def jobs(core: Core) -> int:
    async with core.db.read() as session:
        return await session.scalar(select(func.count()).select_from(Job).where(Job.kind == "import")) or 0


async def people(core: Core) -> int:
    async with core.db.read() as session:
        query = select(func.count()).select_from(Contact).where(Contact.deleted_at.is_(None))
        return await session.scalar(query) or 0


async def test_files_are_read_then_written_told_and_undone(agent: Caller, core: Core) -> None:
    data = table(person(1, **{"Associated Company": "Acme"}), person(2), NOBODY)
    found = await created(agent, ("people.csv", data))
    assert (found["state"], found["format"], found["fault"]) == ("READY", "HUBSPOT_CSV", None)
    assert found["files"] == [
        {"name": "people.csv", "bytes": len(data), "format": "HUBSPOT_CSV", "kind": "CONTACT", "used": True,
         "encoding": "utf-8"}
    ]  # fmt: skip
    assert found["by"] == {"email": "agent@example.com"}
    counts(found["planned"], created=3, refused=1, total=4, contacts=2, accounts=1)
    counts(found["progress"])
    assert await people(core) == 0, "nothing is written before it is started"
    shown = (await agent(SHOWN, id=found["id"]))["node"]
    assert shown["preview"] == [
        {
            "at": "people.csv:2", "kind": "CONTACT", "outcome": "CREATED",
            "values": {"firstName": "Ann", "lastName": "Ray1", "account": shown["preview"][0]["values"]["account"],
                       "owner": {"staff": "agent@example.com"},
                       "emails": {"add": [{"kind": "BUSINESS", "address": "ann1@example.com"}]}},
        }
    ]  # fmt: skip
    columns = {each["column"]: each for each in shown["columns"]}
    assert columns["Last Name"] == {
        "column": "Last Name", "target": "lastName", "values": ["Ray1", "Ray2"], "filled": 0.6667,
    }  # fmt: skip
    refused = (await agent.client.get(shown["refusedFile"])).content.decode("utf-8-sig")
    assert refused.splitlines()[1].startswith('"4","REQUIRED",')

    # A third of the rows would be refused: somebody has to accept it.
    assert (await asked(agent, "startImport", found["id"]))["userErrors"] == [
        {"code": "CONFLICTING", "path": ["input", "acceptRefused"]}
    ]
    found = await done(agent, "startImport", found["id"], acceptRefused=1)
    assert (found["state"], found["fault"]) == ("DONE", None)
    counts(found["progress"], created=3, refused=1, total=4, contacts=2, accounts=1)
    assert found["startedAt"] is not None
    assert found["finishedAt"] is not None
    assert await people(core) == 2
    rows = (await agent(ROWS, id=found["id"], o="CREATED"))["node"]["rows"]
    assert {(row["at"], row["kind"], row["record"]["displayName"]) for row in rows["nodes"]} == {
        ("people.csv:2", "CONTACT", "Ann Ray1"), ("people.csv:3", "CONTACT", "Ann Ray2"), (None, "ACCOUNT", "Acme"),
    }  # fmt: skip
    first = (await agent(ROWS, id=found["id"], n=1))["node"]["rows"]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"], len(first["nodes"])) == (4, True, 1)
    rest = (await agent(ROWS, id=found["id"], a=first["pageInfo"]["endCursor"]))["node"]["rows"]
    assert len(rest["nodes"]) == 3
    (refusal,) = (await agent(ROWS, id=found["id"], o="REFUSED"))["node"]["rows"]["nodes"]
    assert (refusal["at"], refusal["code"], refusal["record"]) == ("people.csv:4", "REQUIRED", None)
    # The history names the door, and whose import it was.
    async with core.db.read() as session:
        doors = set(await session.execute(select(Change.door, Change.import_id)))
    assert {tuple(each) for each in doors} == {(Door.IMPORT, int(found["id"].removeprefix("imp_")))}
    # The same file again says nothing new.
    again = await created(agent, ("people.csv", data))
    counts(again["planned"], unchanged=3, refused=1, total=4, contacts=2, accounts=1)

    own = next(row["record"]["id"] for row in rows["nodes"] if row["at"] == "people.csv:2")
    change = "mutation($i: UpdateContactInput!) { updateContact(input: $i) { userErrors { code } } }"
    await agent(change, i={"contact": {"id": own}, "jobTitle": "Head"})
    would = await done(agent, "undoImport", found["id"], dryRun=True)
    while would["undo"] is None:
        would = await settled(agent, found["id"])
    assert (would["state"], would["undo"]) == ("DONE", {"reversed": 1, "kept": 2, "failed": 0, "dryRun": True})
    assert await people(core) == 2
    found = await done(agent, "undoImport", found["id"])
    assert (found["state"], found["undo"]) == ("UNDONE", {"reversed": 1, "kept": 2, "failed": 0, "dryRun": False})
    assert {each["recordId"]: each["reason"] for each in found["undoLeft"]}[own] == "it was changed since"
    assert await people(core) == 1
    assert (await asked(agent, "undoImport", found["id"]))["userErrors"] == [
        {"code": "CONFLICTING", "path": ["input", "import"]}
    ]
    listed = (await agent("{ imports { totalCount nodes { id state } } }"))["imports"]
    assert listed == {
        "totalCount": 2, "nodes": [{"id": again["id"], "state": "READY"}, {"id": found["id"], "state": "UNDONE"}],
    }  # fmt: skip


async def test_who_sees_that_an_import_is_done_sees_what_became_of_its_rows(
    agent: Caller, core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LEASE", dt.timedelta(seconds=1))  # of the one who goes
    stored = background._store_outcome  # noqa: SLF001 - between the two there is no door
    states: list[Any] = []

    async def seen(session: Any, import_id: int, *outcome: Any) -> None:
        async with core.db.read() as apart:
            states.append(await apart.scalar(select(Import.state).where(Import.id == import_id)))
        if len(states) == 1:
            raise ConnectionError("the worker goes between the last batch and the end")
        await stored(session, import_id, *outcome)

    monkeypatch.setattr(background, "_store_outcome", seen)
    found = await created(agent, ("people.csv", table(person(1), person(2))))
    found = await done(agent, "startImport", found["id"])
    while found["state"] == "RUNNING":
        found = await settled(agent, found["id"])
    assert found["state"] == "DONE"
    assert states == [ImportState.RUNNING, ImportState.RUNNING]
    rows = (await agent(ROWS, id=found["id"], o="CREATED"))["node"]["rows"]["nodes"]
    assert {row["record"]["displayName"] for row in rows} == {"Ann Ray1", "Ann Ray2"}
    assert await people(core) == 2


async def test_what_cannot_be_known_is_asked_and_answered(agent: Caller, core: Core) -> None:
    header = '"Record ID","Last Name","Create Date","Lifecycle Stage","Contact owner"\n'
    found = await created(agent, ("people.csv", (header + '"1","Ray","2024-05-04 10:00","",""\n').encode()))
    assert found["state"] == "ASKING"
    (question,) = [each for each in found["questions"] if each["open"]]
    assert (question["code"], question["option"]) == ("TIMEZONE", "timezone")
    assert (await asked(agent, "startImport", found["id"]))["userErrors"] == [
        {"code": "CONFLICTING", "path": ["input", "import"]}
    ]
    wrong = {"answers": [{"option": "timezone", "answer": "Nowhere"}, {"option": "system", "answer": "x"}]}
    assert (await asked(agent, "updateImport", found["id"], **wrong))["userErrors"] == [
        {"code": "NOT_A_TIME_ZONE", "path": ["input", "answers", "0", "answer"]},
        {"code": "INVALID", "path": ["input", "answers", "1", "option"]},
    ]
    answer = {"answers": [{"option": "timezone", "answer": "Europe/Berlin"}]}
    found = await done(agent, "updateImport", found["id"], **answer)
    assert (found["state"], found["questions"]) == ("READY", [])
    # A column is read as somebody says, and the others stay as they were.
    columns = [{"column": "Last Name", "target": "company"}]
    assert (await asked(agent, "updateImport", found["id"], columns=[{"column": "x", "target": "y"}]))[
        "userErrors"
    ] == [{"code": "INVALID", "path": ["input", "columns", "0", "target"]}]
    found = await done(agent, "updateImport", found["id"], columns=columns)
    counts(found["planned"], refused=1, total=1)
    await done(agent, "updateImport", found["id"], columns=[{"column": "Last Name", "target": "lastName"}])
    await done(agent, "startImport", found["id"])
    query = "{ contacts { nodes { lastName createdAt } } }"
    assert (await agent(query))["contacts"]["nodes"] == [
        {"lastName": "Ray", "createdAt": "2024-05-04T08:00:00.000000Z"}
    ]


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"format": "sap"}, ["format"]),
        ({"encoding": "klingon"}, ["encoding"]),
        ({"encoding": "base64"}, ["encoding"]),
        ({"delimiter": ";;"}, ["delimiter"]),
        ({"decimal": "x"}, ["decimal"]),
        ({"region": "Germany"}, ["region"]),
        ({"owner": "nobody@example.com"}, ["owner"]),
        ({"timezone": "../etc"}, ["timezone"]),
        ({"columns": [{"column": "A", "target": "nothing at all"}]}, ["columns", "0", "target"]),
        ({"system": "x" * 501}, ["system"]),
    ],
)
async def test_options_that_cannot_be_are_refused_before_anything_is_stored(
    agent: Caller, core: Core, options: dict[str, Any], path: list[str]
) -> None:
    payload = (await post(agent, ("a.csv", table(person(1))), options=options)).json()["data"]["createImport"]
    assert [each["path"] for each in payload["userErrors"]] == [["input", "options", *path]]
    async with core.db.read() as session:
        assert (await session.scalars(select(Import))).all() == []
    assert [each async for each in _objects(core)] == []


async def _objects(core: Core) -> Any:
    """How many files of imports lie in the store."""
    if count := await core.tasks.files.sweep("imports", now() + leases.LEASE, dry_run=True):
        yield count


SEEN = "query($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } imports { totalCount nodes { id } } }"


async def test_who_may_import_and_who_sees_what(
    nobody: Caller, customer: Customer, agent: Caller, admin: Caller, core: Core
) -> None:
    other = await hired(core, nobody, "other@example.com", Role.AGENT)
    file = ("people.csv", table(person(1), NOBODY))
    refused = (await post(customer, file)).json()["data"]["createImport"]
    assert refused == {"import": None, "userErrors": [{"code": "FORBIDDEN", "path": ["input"]}]}
    errors = (await post(nobody, file)).json()["errors"]
    assert [each["extensions"]["code"] for each in errors] == ["UNAUTHENTICATED"]
    own = (await created(agent, file))["id"]
    for caller in (agent, other, admin):
        assert await caller(SEEN, id=own) == {
            "node": {"id": own}, "nodes": [{"id": own}], "imports": {"totalCount": 1, "nodes": [{"id": own}]},
        }  # fmt: skip
    for caller in (nobody, customer):
        assert await caller(SEEN, id=own) == {"node": None, "nodes": [None], "imports": None}
    # What stands in the files is for who has brought them, and for those who may see whatever may stand there.
    for caller, seen in ((agent, True), (admin, True), (other, False)):
        shown = (await caller(SHOWN, id=own))["node"]
        assert bool(shown["preview"]) is seen
        assert any(each["values"] for each in shown["columns"]) is seen
        assert (shown["refusedFile"] is not None) is seen
    # Nobody else changes it, but an administrator.
    for mutation, given in (
        ("updateImport", {}), ("startImport", {"acceptRefused": 1}), ("cancelImport", {}), ("undoImport", {}),
    ):  # fmt: skip
        assert (await asked(other, mutation, own, **given))["userErrors"] == [
            {"code": "FORBIDDEN", "path": ["input", "import"]}
        ]
        assert (await asked(customer, mutation, own, **given))["userErrors"] == [
            {"code": "FORBIDDEN", "path": ["input"]}
        ]
        for wrong in ("imp_1000000999", "con_1000000000", "x"):
            assert (await asked(agent, mutation, wrong, **given))["userErrors"] == [
                {"code": "NOT_FOUND", "path": ["input", "import"]}
            ]
    assert (await done(admin, "startImport", own, acceptRefused=1))["state"] == "DONE"
    assert await people(core) == 2  # with the customer


IDENTITY = b'{"kind":"CONTACT","id":"1","input":{"lastName":"Ray","identityDocuments":{"idNumber":"L01X00T47"}}}\n'


async def test_identity_documents_come_in_by_those_who_may_see_them(agent: Caller, admin: Caller, core: Core) -> None:
    query = "{ contacts { nodes { lastName identityDocuments { idNumber } } } }"
    for caller, expected in ((agent, None), (admin, "L01X00T47")):
        found = await created(caller, ("people.jsonl", IDENTITY))
        values = (await caller(SHOWN, id=found["id"]))["node"]["preview"][0]["values"]
        assert values.get("identityDocuments") == (expected and {"idNumber": expected})
        await done(caller, "startImport", found["id"])
        assert (await admin(query))["contacts"]["nodes"] == [
            {"lastName": "Ray", "identityDocuments": {"idNumber": expected}}
        ]
        await done(caller, "undoImport", found["id"])


async def test_an_import_is_cancelled_between_batches_resumed_and_undone(
    agent: Caller, core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "BATCH", 5)
    found = await created(agent, ("people.csv", table(*(person(n) for n in range(1, 31)))))
    reached, go_on = asyncio.Event(), asyncio.Event()
    take, batches = Photos.take, 0

    async def held(self: Photos, *arguments: Any) -> None:
        nonlocal batches
        batches += 1
        await take(self, *arguments)
        if batches == 2:
            reached.set()
            await go_on.wait()

    monkeypatch.setattr(Photos, "take", held)
    await asked(agent, "startImport", found["id"])
    await reached.wait()
    running = (await agent(READ, id=found["id"]))["node"]
    assert running["state"] == "RUNNING"
    counts(running["progress"], created=10, total=10, contacts=10)
    payload = await asked(agent, "cancelImport", found["id"])
    assert payload["import"]["state"] == "CANCELLED"
    go_on.set()
    async with asyncio.timeout(30):
        while (await agent(ROWS, id=found["id"], o="CREATED"))["node"]["rows"]["totalCount"] != 10:
            await asyncio.sleep(0.02)
    assert await people(core) == 10
    found = (await agent(READ, id=found["id"]))["node"]
    assert (found["state"], found["progress"]["created"]) == ("CANCELLED", 10)
    found = await done(agent, "startImport", found["id"])
    assert (found["state"], found["progress"]["created"]) == ("DONE", 30)
    assert await people(core) == 30
    found = await done(agent, "undoImport", found["id"])
    assert (found["state"], found["undo"]["reversed"]) == ("UNDONE", 30)
    assert await people(core) == 0
    # One that has ended stays as it is; one that was never started is forgotten with its files.
    assert (await asked(agent, "cancelImport", found["id"]))["import"]["state"] == "UNDONE"
    waiting = await created(agent, ("people.csv", table(person(1))))
    before = await core.tasks.files.sweep("imports", now() + leases.LEASE, dry_run=True)
    assert (await asked(agent, "cancelImport", waiting["id"]))["import"]["state"] == "CANCELLED"
    assert await core.tasks.files.sweep("imports", now() + leases.LEASE, dry_run=True) == before - 1


async def test_one_import_runs_at_a_time_over_all_processes(agent: Caller, core: Core) -> None:
    found = await created(agent, ("people.csv", table(person(1))))
    async with core.db.begin() as session:
        staff_id = await session.scalar(select(Staff.id))
        session.add(Import(files=[], staff_id=staff_id, state=ImportState.RUNNING, claimed_until=now() + leases.LEASE))
    await asked(agent, "startImport", found["id"])
    await asyncio.sleep(0.5)
    assert (await agent(READ, id=found["id"]))["node"]["state"] == "RUNNING"
    assert await people(core) == 0
    async with core.db.begin() as session:
        await session.execute(update(Import).where(Import.files == []).values(claimed_until=None))
    assert (await settled(agent, found["id"]))["state"] == "DONE"


async def test_what_is_in_hand_is_bounded(agent: Caller, core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "MOST_OPEN", 2)
    for n in (1, 2):
        await created(agent, (f"{n}.csv", table(person(n))))
    before = await core.tasks.files.sweep("imports", now() + leases.LEASE, dry_run=True)
    payload = (await post(agent, ("3.csv", table(person(3))))).json()["data"]["createImport"]
    assert payload == {"import": None, "userErrors": [{"code": "TOO_MANY", "path": ["input"]}]}
    assert await core.tasks.files.sweep("imports", now() + leases.LEASE, dry_run=True) == before
    assert (await post(agent)).json()["data"]["createImport"]["userErrors"] == [
        {"code": "REQUIRED", "path": ["input", "files"]}
    ]


async def test_what_is_kept_to_be_looked_at_is_short(agent: Caller) -> None:
    line = {"kind": "CONTACT", "id": "1", "input": {"lastName": "Ray", "description": "x" * 30_000}}
    line["input"]["emails"] = {"add": [{"kind": "BUSINESS", "address": f"a{n}@example.com"} for n in range(50)]}  # type: ignore[index]  # a dict
    found = await created(agent, ("people.jsonl", json.dumps(line, separators=(",", ":")).encode()), columns=[])
    values = (await agent(SHOWN, id=found["id"]))["node"]["preview"][0]["values"]
    assert (len(values["description"]), len(values["emails"]["add"])) == (200, 10)
    await done(agent, "startImport", found["id"])
    query = "{ contacts { nodes { description emails { address } } } }"
    (contact,) = (await agent(query))["contacts"]["nodes"]
    assert (len(contact["description"]), len(contact["emails"])) == (30_000, 50)


async def test_files_of_imports_are_long_and_those_of_others_are_not(
    database: str, tmp_path: Path, sized: Callable[[int], bytes]
) -> None:
    settings = settings_for(database, tmp_path, max_import_bytes=6 * 2**20, max_photo_bytes=2**20, max_body_bytes=2**20)
    async with serving(settings) as (client, app):
        nobody = Caller(client)
        agent = await hired(app.state.core, nobody, "agent@example.com", Role.AGENT)
        found = await created(agent, ("people.csv", sized(5 * 2**20)))
        assert found["state"] == "READY"
        response = await post(agent, ("people.csv", sized(7 * 2**20)))
        assert (response.status_code, response.json()["errors"][0]["extensions"]) == (
            413, {"code": "TOO_LARGE", "limitBytes": 6 * 2**20},
        )  # fmt: skip
        # Strangers are heard no longer than before, whatever they ask for.
        response = await post(nobody, ("people.csv", sized(5 * 2**20)))
        assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        upload = "mutation($i: UploadPhotoInput!) { uploadPhoto(input: $i) { userErrors { code } } } # createImport"
        places = '{"f": ["variables.i.photo"]}'
        (contact,) = await put(app.state.core, PartyKind.CONTACT, {"last_name": "Roe"})
        given = {"photo": None, "contact": {"id": f"con_{contact}"}}
        response = await client.post(
            "/graphql",
            data={"operations": json.dumps({"query": upload, "variables": {"i": given}}), "map": places},
            files={"f": ("a.png", sized(3 * 2**20), "image/png")},
            headers=agent.headers | {"graphql-preflight": "1"},
        )
        assert response.json()["data"]["uploadPhoto"]["userErrors"] == [{"code": "TOO_LARGE"}]


@pytest.fixture
def sized() -> Callable[[int], bytes]:
    def make(size: int) -> bytes:
        rows = b"".join(b"x" * 1000 + b"\n" for _ in range(size // 1001))
        return table(person(1)) + b"\n\nSum\n" + rows

    return make


ASKS = b'--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n{"query": "createImport"}\r\n'
FILE = b'--x\r\nContent-Disposition: form-data; name="0"; filename="a.csv"\r\n\r\nabc\r\n'


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n", "The form cannot be read."),
        (b"no form at all", "The form cannot be read."),
        (ASKS + FILE, "The form cannot be read."),
        (ASKS + 21 * FILE + b"--x--\r\n", "The form has more than 20 files."),
        (ASKS + FILE + b"--x--\r\n", "The form has no `map`."),
    ],
)
async def test_a_form_that_is_none_is_told(agent: Caller, body: bytes, message: str) -> None:
    headers = agent.headers | {"graphql-preflight": "1", "content-type": "multipart/form-data; boundary=x"}
    response = await agent.client.post("/graphql", content=body, headers=headers)
    assert [each["message"] for each in response.json()["errors"]] == [message]


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\\b c.csv", "", ". .", "x" * 300 + ".csv"])
async def test_a_file_is_called_harmlessly(agent: Caller, name: str) -> None:
    (file,) = (await created(agent, (name or " ", table(person(1)))))["files"]
    assert file["name"] == requests.safe_name(name)
    assert len(file["name"]) <= 100
    assert not set(file["name"]) & set("/\\\0")


async def test_an_import_is_told_by_one_statement(agent: Caller, core: Core) -> None:
    found = await created(agent, ("people.csv", table(person(1))))
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on Import {{ state progress {COUNTS} finishedAt }} }} }}"
    told = await agent.post(query, {"id": found["id"]}, **{"GraphQL-Cost": "1"})
    assert told.json()["extensions"]["executor"] == "compiled"
    with statements(core.db) as seen:
        assert (await agent(query, id=found["id"]))["node"]["state"] == "READY"
    assert len(seen) == 1


async def test_an_import_without_its_files_or_its_person_is_given_up(agent: Caller, running: Running) -> None:
    found = await created(agent, ("people.csv", table(person(1))))
    await running.core.tasks.files.sweep("imports", now() + leases.LEASE)
    found = await done(agent, "startImport", found["id"])
    assert (found["state"], found["fault"]) == ("FAILED", "The files are not there any more: import them anew.")


async def test_an_import_of_which_workers_die_is_given_up_and_can_be_resumed(agent: Caller, core: Core) -> None:
    found = await created(agent, ("people.csv", table(person(1))))
    while await jobs(core):  # the worker that has read the files tells that it lives once they are read
        await asyncio.sleep(0.02)
    async with core.db.begin() as session:
        given = update(Import).values(state=ImportState.RUNNING, tries=background.MOST_TRIES)
        (own,) = (await session.execute(given.returning(Import.id, Import.generation))).all()
        await core.jobs.enqueue(session, "import", {"import": own.id, "step": "run", "generation": own.generation})
    core.jobs.wake()
    found = await settled(agent, found["id"])
    assert (found["state"], found["fault"]) == ("FAILED", background.DIED)
    assert await people(core) == 0
    # A worker that lives is none of those.
    found = await done(agent, "startImport", found["id"])
    assert (found["state"], found["fault"], found["progress"]["created"]) == ("DONE", None, 1)
    async with core.db.read() as session:
        assert await session.scalar(select(Import.tries)) == 0
