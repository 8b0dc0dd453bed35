"""Imports that write: matched, written once, resumed, undone; through the program and read through the doors."""

import asyncio
import base64
import csv
import datetime as dt
import json
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, inspect, select, text

from crmgraph.crm.core import Core
from crmgraph.crm.identity.staff import add_staff
from crmgraph.crm.models import (
    Account,
    Address,
    Change,
    Contact,
    Email,
    ExternalId,
    Import,
    ImportRow,
    ImportState,
    Lead,
    Note,
    Phone,
    Photo,
    Relation,
    Role,
    SearchTerm,
)
from crmgraph.crm.models import Staff as StaffRow
from crmgraph.crm.policy import Actor
from crmgraph.crm.records.entity_resolution import MatchBy
from crmgraph.imports.reading import open_set
from crmgraph.imports.records import Options, Staff, StaffRef
from crmgraph.imports.writing import giving_way, leases, runs
from crmgraph.imports.writing import undo as undoing
from crmgraph.imports.writing.batches import How
from crmgraph.imports.writing.photos import Photos
from tests.conftest import Running, serving, settings_for, statements
from tests.imports.compare import SAMPLES, expected_of
from tests.program import SECRET, imported
from tests.test_record_photos import png

ADA, BEN = "ada@crmgraph.example", "ben.berg@example.com"
PASSWORD = "correct horse battery"
KEPT = (Contact, Account, Lead, ExternalId, Note, Change, ImportRow)
CONTENT = (Contact, Account, Lead, Phone, Email, Address, Relation, Note, Photo, ExternalId, SearchTerm)
BESIDE = {"id", "revision", "updated_at", "modified_by_id"}
HEADER = [
    "Record Id",
    "First Name",
    "Last Name",
    "Account Name.id",
    "Account Name",
    "Email",
    "Phone",
    "Email Opt Out",
    "Contact Owner.id",
    "Reporting To.id",
]


@dataclass
class Store:
    """A store with two of the staff, and the program over it."""

    running: Running
    database: str
    folder: Path
    token: str

    @property
    def core(self) -> Core:
        return self.running.core

    async def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        # In a thread: a background job of ours may hold the only pen of SQLite meanwhile.
        settings = {"CRMGRAPH_DATABASE_URL": self.database, "CRMGRAPH_SECRET_KEY": SECRET}
        return await asyncio.to_thread(imported, self.folder, *arguments, **settings)

    async def bring(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """What an import says with --json."""
        done = await self.run(*arguments, *(() if arguments[0] == "resume" else ("--yes",)), "--json")
        assert done.returncode == code, done.stderr + done.stdout
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    async def ask(self, query: str, **variables: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = await self.running.client.post(
            "/graphql", json={"query": query, "variables": variables}, headers=headers
        )
        body = answer.json()
        assert "errors" not in body, body
        return body["data"]

    async def rows(self) -> dict[str, int]:
        """How many rows there are of everything that an import writes, deleted ones too."""
        async with self.core.db.read() as session:
            return {m.__name__: await session.scalar(select(func.count()).select_from(m)) or 0 for m in KEPT}

    async def live(self) -> dict[str, int]:
        """How many records and external ids there are for whoever looks."""
        async with self.core.db.read() as session:
            counts = {
                m.__name__: await session.scalar(select(func.count()).where(m.deleted_at.is_(None))) or 0
                for m in (Contact, Account, Lead)
            }
            ids = select(func.count()).select_from(ExternalId).where(ExternalId.live.is_(True))
            return {**counts, "ids": await session.scalar(ids) or 0}

    async def content(self) -> dict[str, list[str]]:
        """Every value of what there is for whoever looks, apart from ids of rows and from when and by whom it was
        changed."""
        found = {}
        async with self.core.db.read() as session:
            there = set()
            for model in (Contact, Account, Lead):
                there |= set(await session.scalars(select(model.id).where(model.deleted_at.is_(None))))
            for model in CONTENT:
                names = [c.key for c in inspect(model).column_attrs if c.key not in BESIDE]
                owner = model.id if hasattr(model, "deleted_at") else model.party_id
                live = [model.live.is_(True)] if model is ExternalId else []
                rows = select(owner, *(getattr(model, name) for name in names)).where(owner.in_(there), *live)
                found[model.__name__] = sorted(map(repr, map(tuple, await session.execute(rows))))
        return found


@pytest.fixture
async def store(database: str, tmp_path: Path) -> AsyncIterator[Store]:
    async with serving(settings_for(database, tmp_path)) as (client, app):
        running = Running(client, app, {})
        hashed = await running.core.passwords.hash(PASSWORD)
        async with running.db.begin() as session:
            await add_staff(session, "Ada Agent", ADA, Role.ADMIN, hashed)
            await add_staff(session, "Ben Berg", BEN, Role.AGENT, None)
        login = "mutation($i: LoginInput!) { login(input: $i) { accessToken } }"
        given = {"query": login, "variables": {"i": {"email": ADA, "password": PASSWORD}}}
        token = (await client.post("/graphql", json=given)).json()["data"]["login"]["accessToken"]
        yield Store(running, database, tmp_path, token)


def table(path: Path, rows: list[list[str]]) -> str:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return str(path)


def person(n: int, **changes: str) -> list[str]:
    values = {
        "Record Id": f"zcrm_53100000000003{n:05}",
        "First Name": "Ann",
        "Last Name": f"Ray{n}",
        "Account Name.id": "",
        "Account Name": "Acme",
        "Email": f"ann{n}@example.com",
        "Phone": f"+49 30 90{n:05}",
        "Email Opt Out": "false",
        "Contact Owner.id": "",
        "Reporting To.id": "",
    }
    return [(values | changes)[name] for name in HEADER]


BACKUP = str(SAMPLES / "01_zoho_backup" / "zoho_backup.zip")
ZONE = ("--timezone", "Europe/Berlin")

CONTACT = """query($id: String!) { contact(by: {external: {dialect: ZOHO, value: $id}}) {
  id firstName lastName jobTitle createdAt updatedAt revision emailOptOut
  birthDate { day month year } owner { name } account { name } reportsTo { lastName }
  emails { address kind } phones { raw kind } addresses { city country countryName kind }
  notes { nodes { title content } } externalIds { dialect value }
  history { nodes { door action } } } }"""


async def test_a_backup_is_written_once_read_at_every_door_and_taken_back(store: Store) -> None:
    before = await store.live()
    told = await store.bring(BACKUP, *ZONE, code=3)
    assert told["outcomes"]["ACCOUNT"] == {"CREATED": 4}
    assert told["outcomes"]["CONTACT"] == {"CREATED": 5}
    assert told["outcomes"]["LEAD"] == {"CREATED": 2}
    assert told["outcomes"][""] == {"REFUSED": 1, "MERGED": 1, "SKIPPED": 4}
    written = await store.rows()
    assert written == {
        "Contact": 5, "Account": 4, "Lead": 2, "ExternalId": 11, "Note": 2, "Change": written["Change"],
        "ImportRow": 11,
    }  # fmt: skip

    expected = next(r for r in expected_of("01_zoho_backup")["records"] if r["input"].get("lastName") == "Sommerfeld")
    (found,) = (await store.ask(CONTACT, id=expected["external"]["value"])).values()
    wanted = expected["input"]
    for name in ("firstName", "lastName", "jobTitle", "emailOptOut", "birthDate"):
        assert found[name] == wanted[name], name
    assert [found[at].replace(".000000Z", "Z") for at in expected["stamps"]] == list(expected["stamps"].values())
    assert found["emails"] == [{"address": e["address"], "kind": e["kind"]} for e in wanted["emails"]["add"]]
    assert found["phones"] == [{"raw": p["raw"], "kind": p["kind"]} for p in wanted["phones"]["add"]]
    assert found["externalIds"] == [{"dialect": "ZOHO", "value": expected["external"]["value"]}]
    assert {each["door"] for each in found["history"]["nodes"]} == {"IMPORT"}
    assert found["owner"] is not None
    assert found["account"]["name"] == "Nordlicht Optik GmbH"

    # The same again writes nothing.
    again = await store.bring(BACKUP, *ZONE, code=3)
    assert again["outcomes"]["CONTACT"] == {"UNCHANGED": 5}
    assert await store.rows() == written

    undone = await store.bring("undo", str(told["import"]))
    assert (undone["reversed"], undone["kept"], undone["failed"]) == (11, [], [])
    assert await store.live() == before
    assert (await store.run("undo", str(told["import"]), "--yes")).returncode == 1
    once_more = await store.bring(BACKUP, *ZONE, code=3)
    assert once_more["outcomes"]["CONTACT"] == {"CREATED": 5}


SAMPLES_ALONE = sorted(
    each.name
    for each in SAMPLES.iterdir()
    if each.is_dir() and not expected_of(each.name).get("each_file_alone") and each.name != "D3_dirty_files"
)


async def test_a_sample_is_written_once_and_taken_back(store: Store) -> None:
    """What the product itself refuses of a sample would be seen here: each of its records is written."""
    for name in SAMPLES_ALONE:
        expected = expected_of(name)
        records = expected["records"]
        before = await count_photos(store)
        first, done = await carry_out(store, name, expected)
        assert done["CREATED"] == len(records), (name, done)
        photos = sum("refused" not in each["photo"] for each in records if each.get("photo"))
        assert await count_photos(store) == before + photos, name
        assert done["REFUSED"] == len(expected["refused"]), name
        written, live = await store.rows(), await store.live()
        _, again = await carry_out(store, name, expected)
        assert again["CREATED"] == again["UPDATED"] == 0, (name, again)
        assert again["UNCHANGED"] == len(records), (name, again)
        assert (await store.rows(), await store.live()) == (written, live), name
        assert (await store.bring("undo", str(first)))["reversed"] == len(records), name
        assert set((await store.live()).values()) == {0}, name


async def count_photos(store: Store) -> int:
    async with store.core.db.read() as session:
        return await session.scalar(select(func.count()).select_from(Photo)) or 0


async def carry_out(store: Store, name: str, expected: dict[str, Any]) -> tuple[int, Any]:
    """Import a sample with the staff and the options that it names, without the program; its id, and the outcomes."""
    options = {k: v for k, v in expected["options"].items() if not isinstance(v, dict) or k == "users"}
    paths = [SAMPLES / name / file for file in expected["files"]]
    async with store.core.db.read() as session:
        staff = {each.email or "": each.id for each in await session.scalars(select(StaffRow))}
    told = [Staff(email, email, email == ADA) for email in staff]
    reading = open_set(paths, Options(**options), told)
    assert not reading.is_open
    async with store.core.db.read() as session:
        importer = await session.get_one(StaffRow, staff[ADA])
    import_id = await leases.begin(store.core.db, importer, paths, {"mode": "upsert", "match": "id,email"})
    how = How("upsert", (MatchBy.EMAIL,), staff, StaffRef(ADA))
    actor = runs.actor_of(importer, import_id, options.get("region"))
    run = runs.Run(
        store.core.db,
        actor,
        reading,
        how,
        told=lambda event, outcome: None,
        progress=lambda progress: None,
        photos=photos_of(store),
    )
    done = await run.carry_out()
    await run.end()
    return import_id, done.outcomes


def photos_of(store: Store) -> Photos:
    return Photos(store.core.record_photos, store.core.max_photo_bytes)


async def test_rows_are_written_in_a_number_of_statements_that_does_not_grow_with_them(store: Store) -> None:
    counts = {}
    for size in (10, 20, 200):  # what is asked once is asked first
        path = store.folder / f"{size}.csv"
        chief = person(size * 10)[0]  # who comes last, so that all others are linked afterwards
        around = [{"Account Name": f"Company {n % 7}", "Reporting To.id": chief} for n in range(1, size)]
        table(path, [*(person(size * 10 + n, **each) for n, each in enumerate(around, 1)), person(size * 10)])
        with statements(store.core.db) as seen:
            done = await carry(store, path)
        assert done["CREATED"] >= size
        counts[size] = len(seen)
    assert counts[20] == counts[200]


async def carry(
    store: Store, path: Path, after: Callable[[int], None] = lambda done: None, photos: Photos | None = None
) -> Any:
    async with store.core.db.read() as session:
        importer = (await session.scalars(select(StaffRow).where(StaffRow.email == ADA))).one()
    import_id = await leases.begin(store.core.db, importer, [path], {"mode": "upsert", "match": "id,email"})
    reading = open_set([path], Options(timezone="UTC"), [Staff(ADA, "Ada Agent", True)])
    how = How("upsert", (MatchBy.EMAIL,), {ADA: importer.id}, StaffRef(ADA))
    actor = runs.actor_of(importer, import_id, None)
    run = runs.Run(
        store.core.db,
        actor,
        reading,
        how,
        told=lambda *event: None,
        progress=lambda progress: after(progress.done),
        photos=photos or photos_of(store),
    )
    try:
        done = await run.carry_out()
        await run.end()
        return done.outcomes
    except (RuntimeError, leases.ImportBusy) as error:
        await run.fail(str(error))
        if isinstance(error, leases.ImportBusy):
            raise
        return import_id


async def test_an_import_that_was_cut_off_goes_on_behind_its_last_batch(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "BATCH", 10)
    path = store.folder / "people.csv"
    table(
        path,
        [person(n) for n in range(50)] + [person(98, **{"Last Name": "", "First Name": "", "Email": "", "Phone": ""})],
    )

    def cut(done: int) -> None:
        if done == 30:
            raise RuntimeError("somebody pulled the plug")

    import_id = await carry(store, path, cut)
    assert (await store.live())["Contact"] < 50
    shown = json.loads((await store.run("show", str(import_id), "--json")).stdout)
    assert (shown["state"], shown["fault"], shown["position"]) == ("FAILED", "somebody pulled the plug", 30)
    # Somebody works on with what is there already: it stays as they have left it.
    change = """mutation($id: String!) { updateContact(input: {contact: {external: {dialect: ZOHO, value: $id}},
        firstName: "Changed"}) { contact { firstName } userErrors { code } } }"""
    first = person(0)[0].removeprefix("zcrm_")
    assert (await store.ask(change, id=first))["updateContact"]["userErrors"] == []

    told = await store.bring("resume", str(import_id), "--report", "rest", code=3)
    assert told["outcomes"]["CONTACT"] == {"CREATED": 50}
    assert (await store.live()) == {"Contact": 50, "Account": 1, "Lead": 0, "ids": 50}
    assert (await store.ask(CONTACT, id=first))["contact"]["firstName"] == "Changed"
    assert "REQUIRED" in (store.folder / "rest" / "refused.csv").read_text("utf-8-sig")
    assert (
        await store.run("resume", str(import_id))
    ).stderr == f"The import {import_id} is done: there is nothing to resume.\n"

    path.write_text("other\n")
    undone = await store.bring("undo", str(import_id))
    assert (undone["reversed"], len(undone["kept"])) == (49, 2)
    whys = {(kind, why) for _, kind, _, why in undone["kept"]}
    assert whys == {("CONTACT", "it was changed since"), ("ACCOUNT", "contacts belong to it")}


async def test_a_record_that_is_known_is_changed_and_the_change_can_be_taken_back(store: Store) -> None:
    create = """mutation($i: CreateContactInput!) { createContact(input: $i) { contact { id } userErrors { code } } }"""
    known = {
        "firstName": "Ann", "lastName": "Ray1", "jobTitle": "Head", "emailOptOut": True,
        "emails": {"add": [{"kind": "PERSONAL", "address": "ANN1@example.com"}]},
        "phones": {"add": [{"kind": "MOBILE", "raw": "+49 171 3920010"}]},
    }  # fmt: skip
    own_id = (await store.ask(create, i=known))["createContact"]["contact"]["id"]
    path = table(store.folder / "one.csv", [person(1)])
    told = await store.bring(path)
    assert told["outcomes"]["CONTACT"] == {"UPDATED": 1}
    read = """query($id: ID!) { contact(by: {id: $id}) { jobTitle emailOptOut revision phones { raw } emails { address }
        account { name } externalIds { value } } }"""
    found = (await store.ask(read, id=own_id))["contact"]
    assert found == {
        "jobTitle": "Head", "emailOptOut": True, "revision": 2, "account": {"name": "Acme"},
        "phones": [{"raw": "+49 171 3920010"}, {"raw": "+49 30 9000001"}], "emails": [{"address": "ANN1@example.com"}],
        "externalIds": [{"value": "5310000000000300001"}],
    }  # fmt: skip
    # Another of the same email and another name is another person.
    other = table(
        store.folder / "other.csv", [person(1, **{"Record Id": "zcrm_5310000000000300777", "Last Name": "Roe"})]
    )
    assert (await store.bring(other))["outcomes"]["CONTACT"] == {"CREATED": 1}

    assert (await store.bring("undo", str(told["import"]), "--dry-run"))["reversed"] == 1
    assert (await store.ask(read, id=own_id))["contact"] == found
    undone = await store.bring("undo", str(told["import"]))
    assert (undone["reversed"], len(undone["kept"])) == (1, 1)  # the other one belongs to the company by now
    found = (await store.ask(read, id=own_id))["contact"]
    assert found == {
        "jobTitle": "Head", "emailOptOut": True, "revision": 3, "account": None,
        "phones": [{"raw": "+49 171 3920010"}], "emails": [{"address": "ANN1@example.com"}], "externalIds": [],
    }  # fmt: skip


async def test_an_import_that_is_undone_leaves_the_store_as_it_was(store: Store) -> None:
    """Two of whom it knows are as before, in every value; of three who are new nothing is left."""
    await store.bring(BACKUP, *ZONE, code=3)
    await store.bring(table(store.folder / "before.csv", [person(11), person(12, Phone="")]))
    before = await store.content()
    assert {name for name, rows in before.items() if not rows} == {"Relation", "Photo"}
    changed = {"First Name": "Anna", "Last Name": "Roe", "Account Name": "Other Ltd", "Phone": "+49 40 1234567"}
    people = [person(11, **changed), person(12, **{"Email": "new2@example.com", "Email Opt Out": "true"})]
    again = table(store.folder / "again.csv", [*people, *(person(n) for n in (13, 14, 15))])
    told = await store.bring(again)
    assert told["outcomes"]["CONTACT"] == {"UPDATED": 2, "CREATED": 3}
    assert await store.content() != before
    undone = await store.bring("undo", str(told["import"]))
    assert (undone["reversed"], undone["kept"], undone["failed"]) == (6, [], [])
    assert await store.content() == before


async def test_what_cannot_be_is_refused_before_anything_is_written(store: Store) -> None:
    bad = table(store.folder / "bad.csv", [person(1), ["zcrm_1", *[""] * (len(HEADER) - 1)]])
    done = await store.run(bad, "--yes")
    assert (done.returncode, "--max-refused is 20%" in done.stderr) == (1, True)
    for wrong, words in (
        (("--match", "id,shoe"), "--match id,shoe: shoe is none of email, id, name, phone"),
        (("--max-refused", "many"), "--max-refused many: a number of rows, or a share such as 20%"),
        (("--owner", "eve@example.com"), "--owner eve@example.com: nobody of the staff has this email"),
    ):
        done = await store.run(bad, "--yes", *wrong)
        assert (done.returncode, done.stderr.strip()) == (1, words)
    assert (await store.run("show", "17")).stderr == "There is no import 17: see crmgraph import list\n"
    over = await store.run("undo", str(2**63), "--yes")
    assert (over.returncode, "Invalid value for 'ID'" in over.stderr) == (2, True)
    assert set((await store.live()).values()) == {0}
    assert json.loads((await store.run("list", "--json")).stdout) == {"imports": []}
    assert (await store.run("list")).stdout == "Nothing was imported.\n"
    away = await store.run(str(store.folder / "away.csv"), "--dry-run")
    assert (away.returncode, away.stdout.splitlines()[1:], away.stderr) == (
        1,
        ["  refused 1: NOT_FOUND: away.csv: the file cannot be read: No such file or directory"],
        "",
    )
    assert (await store.bring(bad, "--max-refused", "50%", code=3))["outcomes"]["CONTACT"] == {"CREATED": 1}


class TakingOver(Photos):
    """Has another process take each import over behind its first batch."""

    async def take(self, actor: Actor, rows: Any, ids: Any) -> None:
        assert actor.import_id is not None
        await leases.take_over(self.photos.db, actor.import_id, ImportState.RUNNING)


async def test_a_run_that_was_taken_over_writes_nothing_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "BATCH", 10)
    monkeypatch.setattr(leases, "LEASE", dt.timedelta(0))  # as if the first batch took too long
    path = store.folder / "people.csv"
    table(path, [person(n) for n in range(30)])
    with pytest.raises(leases.ImportBusy):
        await carry(store, path, photos=TakingOver(store.core.record_photos, store.core.max_photo_bytes))
    (only,) = await leases.latest(store.core.db)
    assert (only.state, only.fault, only.position) == (ImportState.RUNNING, None, 10)
    assert await store.live() == {"Contact": 9, "Account": 1, "Lead": 0, "ids": 9}


async def test_one_import_runs_at_a_time(store: Store) -> None:
    async with store.core.db.read() as session:
        importer = (await session.scalars(select(StaffRow).where(StaffRow.email == ADA))).one()
    path = Path(table(store.folder / "one.csv", [person(1)]))
    first = await leases.begin(store.core.db, importer, [path], {"mode": "upsert", "match": "id"})
    done = await store.run(str(path), "--yes")
    assert done.returncode == 1
    assert done.stderr.startswith(f"The import {first} is being carried out; if it was killed, try again in ")
    assert (await store.live())["Contact"] == 0


async def test_of_two_imports_that_begin_at_once_one_runs(store: Store) -> None:
    async with store.core.db.read() as session:
        importer = (await session.scalars(select(StaffRow).where(StaffRow.email == ADA))).one()
    path = Path(table(store.folder / "one.csv", [person(1)]))
    async with AsyncExitStack() as connected:  # so that none has to connect first
        for session in [await connected.enter_async_context(store.core.db.read()) for _ in range(5)]:
            await session.execute(select(1))
    begun = (leases.begin(store.core.db, importer, [path], {}) for _ in range(5))
    done = await asyncio.gather(*begun, return_exceptions=True)
    (first,) = (each for each in done if isinstance(each, int))
    assert [each.import_id for each in done if isinstance(each, leases.ImportBusy)] == [first] * 4


async def test_with_mode_update_nobody_is_made_and_with_create_nobody_changed(store: Store) -> None:
    one = table(store.folder / "one.csv", [person(1)])
    assert (await store.bring(one, "--mode", "update"))["outcomes"]["CONTACT"] == {"SKIPPED": 1}
    assert (await store.live())["Contact"] == 0
    (await store.bring(one))
    changed = table(store.folder / "two.csv", [person(1, **{"First Name": "Bea"})])
    assert (await store.bring(changed, "--mode", "create"))["outcomes"]["CONTACT"] == {"SKIPPED": 1}
    assert (await store.bring(changed, "--mode", "update"))["outcomes"]["CONTACT"] == {"UPDATED": 1}
    assert (await store.live())["Contact"] == 1


async def test_the_photo_of_a_card_is_the_photo_of_its_record_and_goes_with_it(store: Store) -> None:
    data = base64.b64encode(png(width=40)).decode()
    lines = (
        "BEGIN:VCARD",
        "VERSION:4.0",
        "UID:u1",
        "FN:Ann Ray",
        "N:Ray;Ann;;;",
        f"PHOTO:data:image/png;base64,{data}",
    )
    path = store.folder / "card.vcf"
    path.write_text("\r\n".join((*lines, "END:VCARD", "")))
    told = await store.bring(str(path))
    read = "{ contacts { nodes { lastName revision photo { contentType width } otherIds { system space value } } } }"
    (found,) = (await store.ask(read))["contacts"]["nodes"]
    assert found == {
        "lastName": "Ray", "revision": 2, "photo": {"contentType": "image/jpeg", "width": 40},
        "otherIds": [{"system": "vcard", "space": "UID", "value": "u1"}],
    }  # fmt: skip
    by = """query($by: ExternalRef!, $of: ExternalFilter!) { contact(by: {external: $by}) { lastName }
        contacts(filter: {external: $of}) { nodes { lastName } } }"""
    for system, value, there in (("VCARD", "u1", True), ("vcard", "U1", False), ("hubspot", "u1", False)):
        name = {"system": system, "space": "UID", "value": value}
        data = await store.ask(by, by=name, of={"system": system, "value": {"eq": value}})
        ray = {"lastName": "Ray"}
        assert data == {"contact": ray if there else None, "contacts": {"nodes": [ray] if there else []}}
    for wrong in ({"value": "u1"}, {"dialect": "ZOHO", "system": "vcard", "value": "u1"}):
        headers = {"Authorization": f"Bearer {store.token}"}
        for given in (
            {"by": wrong, "of": {"system": "a", "value": {"eq": "b"}}},
            {"by": name, "of": {**wrong, "value": {"eq": "b"}}},
        ):
            answer = await store.running.client.post(
                "/graphql", json={"query": by, "variables": given}, headers=headers
            )
            (error,) = answer.json()["errors"]
            assert "exactly one of `dialect` and `system`" in error["message"]
    assert (await store.bring(str(path)))["outcomes"]["CONTACT"] == {"UNCHANGED": 1}
    assert (await store.bring("undo", str(told["import"])))["reversed"] == 1


async def test_companies_that_are_a_text_may_be_linked_to_those_that_are_known_alone(store: Store) -> None:
    path = store.folder / "people.csv"
    path.write_text("First name,Last name,Email,Company\nAnn,One,ann@example.com,Acme\n", "utf-8")
    told = await store.bring(str(path), "--accounts", "link")
    assert told["outcomes"] == {"ACCOUNT": {"SKIPPED": 1}, "CONTACT": {"CREATED": 1}}
    assert (await store.live())["Account"] == 0
    known = store.folder / "companies.csv"
    known.write_text("Company,Industry\nAcme,Steel\n", "utf-8")
    await store.bring(str(known))
    path.write_text("First name,Last name,Email,Company\nBob,Two,bob@example.com,ACME\n", "utf-8")
    await store.bring(str(path), "--accounts", "link")
    assert (await store.live())["Account"] == 1
    found = await store.ask('{ contacts(filter: {lastName: {eq: "Two"}}) { nodes { account { name industry } } } }')
    assert found["contacts"]["nodes"] == [{"account": {"name": "Acme", "industry": "Steel"}}]


async def test_the_planner_looks_at_tables_that_have_grown(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plans of empty tables read them whole for each batch: a long import would never end."""
    monkeypatch.setattr(runs, "BATCH", 50)
    monkeypatch.setattr(runs, "FIRST_LOOK", 100)
    path = store.folder / "people.csv"
    table(path, [person(n) for n in range(400)])
    with statements(store.core.db) as seen:
        await carry(store, path)
    looks = [each for each in seen if each.startswith(("ANALYZE", "PRAGMA optimize"))]
    assert len(looks) == (0 if store.core.db.is_sqlite else 3)  # at 100, 200 and 400; SQLite's are not counted
    known = (
        "SELECT count(*) FROM sqlite_stat1 WHERE tbl = 'contact'"
        if store.core.db.is_sqlite
        else "SELECT CAST(reltuples AS integer) FROM pg_class WHERE relname = 'contact'"
    )
    async with store.core.db.read() as session:
        assert (await session.scalar(text(known)) or 0) > 0


async def values_of(store: Store, own_id: str) -> Any:
    fields = "firstName lastName jobTitle department emailOptOut directMarketing account { name } phones { raw }"
    query = f"query($id: String!) {{ contact(by: {{external: {{dialect: ZOHO, value: $id}}}}) {{ {fields} }} }}"
    return (await store.ask(query, id=own_id))["contact"]


async def test_an_empty_cell_leaves_a_value_and_clears_it_where_that_is_asked_for(store: Store) -> None:
    path = store.folder / "people.csv"
    header = "Record Id,Contact Owner.id,First Name,Last Name,Account Name,Title,Department,Phone,Email Opt Out\n"
    path.write_text(header + "zcrm_7,,Ann,Ray,Acme,CEO,Sales,+49 30 901,true\n")
    await store.bring(str(path))
    path.write_text(header + "zcrm_7,,,Ray,,,-None-,,\n")
    kept = await store.bring(str(path))
    assert kept["outcomes"]["CONTACT"] == {"UNCHANGED": 1}
    cleared = await store.bring(str(path), "--blank", "clears")
    assert cleared["outcomes"]["CONTACT"] == {"UPDATED": 1}
    assert await values_of(store, "7") == {
        "firstName": None, "lastName": "Ray", "jobTitle": None, "department": None, "emailOptOut": True,
        "directMarketing": None, "account": None, "phones": [{"raw": "+49 30 901"}],
    }  # fmt: skip
    again = await store.bring(str(path), "--blank", "clears")
    assert again["outcomes"]["CONTACT"] == {"UNCHANGED": 1}
    undone = await store.bring("undo", str(cleared["import"]))
    assert (undone["reversed"], undone["kept"], undone["failed"]) == (1, [], [])
    back = await values_of(store, "7")
    assert (back["firstName"], back["jobTitle"], back["account"]) == ("Ann", "CEO", {"name": "Acme"})


async def test_an_opt_out_is_withdrawn_only_where_that_is_asked_for(store: Store) -> None:
    path = store.folder / "people.csv"
    header = "Record Id,Contact Owner.id,First Name,Last Name,Email,Email Opt Out\n"
    for given, flags, opted in (
        ("true", (), True),
        ("false", (), True),
        ("", ("--consent", "replace"), True),
        ("false", ("--consent", "replace"), False),
        ("false", (), False),
        ("true", (), True),
    ):
        path.write_text(f"{header}zcrm_7,,Ann,Ray,ann@example.com,{given}\n")
        await store.bring(str(path), *flags)
        assert (await values_of(store, "7"))["emailOptOut"] is opted, (given, flags)


async def test_an_undo_that_was_cut_off_goes_on_and_counts_all_of_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = table(store.folder / "people.csv", [person(n) for n in range(20)])
    import_id = (await store.bring(path, *ZONE))["import"]
    async with store.core.db.read() as session:
        importer = (await session.scalars(select(StaffRow).where(StaffRow.email == ADA))).one()
    actor = runs.actor_of(importer, import_id, None)
    monkeypatch.setattr(undoing, "BATCH", 5)
    monkeypatch.setattr(undoing, "LEASE", dt.timedelta(0))

    def cut(count: int) -> None:
        raise RuntimeError("somebody pulled the plug")

    await leases.take_over(store.core.db, import_id, ImportState.UNDOING)
    with pytest.raises(RuntimeError):
        await undoing.undo(store.core.db, actor, import_id, progress=cut)
    assert (await store.live())["Contact"] == 15
    done = await store.run("resume", str(import_id))
    words = f"The import {import_id} is being undone: go on with crmgraph import undo {import_id}"
    assert (done.returncode, done.stderr.strip()) == (1, words)
    told = await store.bring("undo", str(import_id))
    assert (told["reversed"], told["kept"], told["failed"]) == (21, [], [])
    assert (await store.live())["Contact"] == 0


async def test_a_company_stays_while_anybody_belongs_to_it_and_so_do_those_above(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undoing, "BATCH", 2)  # those above are not in the batch of those below
    companies, people = store.folder / "accounts.csv", store.folder / "people.csv"
    header = "Record Id,Account Owner.id,Account Name,Parent Account.id\n"
    rows = [f"zcrm_{n},,Company {n},{'' if n in (10, 15) else f'zcrm_{n - 1}'}\n" for n in range(10, 19)]
    companies.write_text(header + "".join(rows))
    table(people, [person(1, **{"Account Name.id": "zcrm_12"}), person(2, **{"Account Name.id": "zcrm_18"})])
    import_id = (await store.bring(str(companies), str(people), *ZONE))["import"]
    change = "mutation($i: UpdateContactInput!) { updateContact(input: $i) { userErrors { code } } }"
    touched = await store.ask('{ contacts(filter: {lastName: {eq: "Ray1"}}) { nodes { id } } }')
    (one,) = touched["contacts"]["nodes"]
    assert (await store.ask(change, i={"contact": {"id": one["id"]}, "jobTitle": "CEO"}))["updateContact"] == {
        "userErrors": []
    }
    would = await store.bring("undo", str(import_id), "--dry-run")
    async with store.core.db.read() as session:
        importer = (await session.scalars(select(StaffRow).where(StaffRow.email == ADA))).one()
    await leases.take_over(store.core.db, import_id, ImportState.UNDOING)
    told = await undoing.undo(store.core.db, runs.actor_of(importer, import_id, None), import_id)
    assert (would["reversed"], len(would["kept"]), would["failed"]) == (7, 4, [])
    assert (told.reversed, len(told.kept), told.failed) == (7, 4, [])
    assert (await store.live())["Account"] == 3


async def test_photos_are_given_in_a_number_of_statements_that_does_not_grow_with_them(store: Store) -> None:
    data = base64.b64encode(png(width=8)).decode()

    def cards(first: int, count: int) -> Path:
        path = store.folder / f"{first}.vcf"
        lines = (
            f"BEGIN:VCARD\r\nVERSION:4.0\r\nUID:u{n}\r\nFN:Ann Ray{n}\r\nN:Ray{n};Ann;;;\r\n"
            f"PHOTO:data:image/png;base64,{data}\r\nEND:VCARD\r\n"
            for n in range(first, first + count)
        )
        path.write_text("".join(lines))
        return path

    counts = {}
    for first, count in ((100, 2), (200, 3), (300, 40)):  # what is asked once is asked first
        with statements(store.core.db) as seen:
            await carry(store, cards(first, count))
        counts[count] = len(seen)
    assert counts[3] == counts[40]
    async with store.core.db.read() as session:
        assert await session.scalar(select(func.count()).select_from(Photo)) == 45
        revisions = await session.execute(
            select(Contact.revision, ImportRow.revision).join(ImportRow, ImportRow.party_id == Contact.id)
        )
        assert set(map(tuple, revisions)) == {(2, 2)}


async def test_an_import_gives_way_where_others_wait_for_a_connection(store: Store) -> None:
    db = store.core.db
    assert await giving_way.give_way(db) < giving_way.LONGEST
    held = asyncio.Event()

    async def hold() -> None:
        async with AsyncExitStack() as connected:
            for session in [await connected.enter_async_context(db.read()) for _ in range(5)]:  # of five
                await session.execute(select(1))
            held.set()
            await asyncio.sleep(0.3)

    holding = asyncio.create_task(hold())
    await held.wait()
    began = asyncio.get_running_loop().time()
    paused = await giving_way.give_way(db)
    assert 0.2 < paused <= giving_way.LONGEST
    assert asyncio.get_running_loop().time() - began > 0.2 + paused
    await holding


async def test_the_undo_of_a_change_takes_the_notes_that_came_with_it(store: Store) -> None:
    def card(*notes: str) -> str:
        path = store.folder / "card.vcf"
        lines = ("BEGIN:VCARD", "VERSION:4.0", "UID:u1", "N:Ray;Ann;;;", "FN:Ann Ray", *notes, "END:VCARD", "")
        path.write_text("\r\n".join(lines))
        return str(path)

    await store.bring(card())
    own = 'mutation($c: ContactRef!) { updateContact(input: {contact: $c, jobTitle: "CEO"}) { userErrors { code } } }'
    (one,) = (await store.ask("{ contacts { nodes { id } } }"))["contacts"]["nodes"]
    await store.ask(own, c={"id": one["id"]})
    async with store.core.db.begin() as session:
        party = (await session.scalars(select(Contact.id))).one()
        session.add(Note(party_id=party, content="of our own"))
    path = store.folder / "notes.jsonl"
    lines = {"kind": "CONTACT", "input": {"firstName": "Ann", "lastName": "Ray"}, "notes": [{"content": "of the file"}]}
    lines |= {"externalIds": [], "id": one["id"]}
    path.write_text(json.dumps(lines, separators=(",", ":")) + "\n")
    told = await store.bring(str(path), "--match", "name")
    assert told["outcomes"]["CONTACT"] == {"UPDATED": 1}
    async with store.core.db.read() as session:
        assert set(await session.scalars(select(Note.content))) == {"of our own", "of the file"}
    undone = await store.bring("undo", str(told["import"]))
    assert (undone["reversed"], undone["kept"], undone["failed"]) == (1, [], [])
    async with store.core.db.read() as session:
        assert list(await session.scalars(select(Note.content))) == ["of our own"]
    read = "{ contacts { nodes { jobTitle otherIds { system } history { nodes { action } } } } }"
    (found,) = (await store.ask(read))["contacts"]["nodes"]
    assert (found["jobTitle"], found["otherIds"]) == ("CEO", [{"system": "vcard"}])


async def test_who_may_be_any_of_several_becomes_another_one_and_is_shown_as_a_duplicate(store: Store) -> None:
    create = "mutation($i: CreateContactInput!) { createContact(input: $i) { contact { id } userErrors { code } } }"
    known = {
        "firstName": "Ann",
        "lastName": "Ray1",
        "emails": {"add": [{"kind": "BUSINESS", "address": "ann1@example.com"}]},
    }
    here = [(await store.ask(create, i=known))["createContact"]["contact"]["id"] for _ in range(2)]
    people = [person(1), person(2)]
    told = await store.bring(table(store.folder / "people.csv", people), *ZONE)
    assert told["outcomes"]["CONTACT"] == {"CREATED": 2}
    query = "{ duplicates(of: CONTACT) { nodes { of { id displayName } record { id displayName } reasons } } }"
    found = (await store.ask(query))["duplicates"]["nodes"]
    pairs = {frozenset((each["of"]["id"], each["record"]["id"])) for each in found}
    (made,) = {own_id for pair in pairs for own_id in pair} - set(here)
    assert {frozenset((made, each)) for each in here} <= pairs
    assert all({each["of"]["displayName"], each["record"]["displayName"]} == {"Ann Ray1"} for each in found)
    assert all("SAME_EMAIL" in each["reasons"] for each in found)


async def test_an_import_whose_files_a_server_keeps_is_left_to_servers(store: Store) -> None:
    async with store.core.db.begin() as session:
        staff_id = await session.scalar(select(StaffRow.id).where(StaffRow.email == ADA))
        kept = {"name": "a.csv", "path": "a.csv", "object": "imports/1", "bytes": 1, "sha256": ""}
        session.add(Import(files=[kept], staff_id=staff_id, state=ImportState.FAILED))
    (found,) = json.loads((await store.run("list", "--json")).stdout)["imports"]
    done = await store.run("resume", str(found["id"]))
    assert done.returncode == 1
    words = f"The import {found['id']} was brought in through GraphQL, and its files lie where the server keeps them: "
    assert done.stderr.startswith(words)
    assert done.stderr.endswith(f"crmgraph import undo {found['id']} takes it back.\n")
