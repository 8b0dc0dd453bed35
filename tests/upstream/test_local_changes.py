"""Changes of which an old CRM would not learn are refused at every door, until they are written back."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update

from crmgraph.crm.models import Account, Contact, Door, Mode, PartyKind, Role, Switch, Upstream
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import aggregates, external_ids, local_changes, parties
from crmgraph.crm.records.edits import Edit
from crmgraph.crm.records.optimistic import revise
from crmgraph.crm.records.unit_of_work import Transaction, UnitOfWork
from crmgraph.db.database import Database
from crmgraph.demo import Demo, shown
from tests.conftest import Running, serving, settings_for, statements
from tests.dialects.covalense.conftest import VENKATESH, Portal, bad_request
from tests.dialects.crmcom.conftest import ELLEN, LOUIS, Program, answer_of, refused
from tests.graph.conftest import Caller, employee_of
from tests.graph.test_photos import picture, upload
from tests.program import SECRET, crmgraph

AWAY = "http://127.0.0.1:9"
"""An old CRM that nobody calls here."""
HELD, FREE = "CON3", "CON10"
"""Contacts of the demo: LOUIS of CRM.COM, and one of Valomnia."""


@asynccontextmanager
async def behind(
    database: tuple[str, Demo], folder: Path, *doors: Door, modes: Iterable[Switch] = (), **options: Any
) -> AsyncIterator[Running]:
    """The demo with old CRMs behind these dialects."""
    url, kept = database
    db = Database(url)
    async with db.begin() as session:
        for door in doors:
            session.add(Upstream(dialect=door, base_url=AWAY, accounts_url=None, insecure=True, options=options))
        session.add_all(modes)
    await db.close()
    settings = settings_for(url, folder, upstream_networks=("127.0.0.0/8",))
    async with serving(settings) as (client, app):
        yield Running(client, app, shown(kept))


@pytest.fixture
async def held(demo_database: tuple[str, Demo], tmp_path: Path) -> AsyncIterator[Running]:
    """The demo with an old CRM.COM, which holds LOUIS and other contacts."""
    async with behind(demo_database, tmp_path, Door.CRMCOM) as running:
        yield running


_RECORDS = ("contact", "account", "lead")
_TABLES = ("change", *_RECORDS, "note", "photo", "phone", "email", "address", "external_id", "relation")


async def written(db: Database) -> list[Any]:
    """What shows whether anything was written."""
    async with db.read() as session:
        counts = [await session.scalar(text(f"SELECT count(*) FROM {table}")) for table in _TABLES]
        revisions = [await session.scalar(text(f"SELECT sum(revision) FROM {table}")) for table in _RECORDS]
        deleted = [await session.scalar(text(f"SELECT count(deleted_at) FROM {table}")) for table in _RECORDS]
    return [*counts, *revisions, *deleted]


async def own_id(db: Database, number: str = HELD) -> int:
    async with db.read() as session:
        return await session.scalar(text("SELECT id FROM contact WHERE number = :n"), {"n": number}) or 0


ERRORS = "userErrors { code message path ... on UpstreamError { upstream } }"
TOLD = "CRM.COM holds this record and would not learn of the change: change it there until this service writes back."
UPDATE = f"mutation($i: UpdateContactInput!) {{ updateContact(input: $i) {{ contact {{ revision }} {ERRORS} }} }}"
DELETE = f"mutation($i: DeleteContactInput!) {{ deleteContact(input: $i) {{ deletedId {ERRORS} }} }}"
NOTE = f"mutation($i: CreateNoteInput!) {{ createNote(input: $i) {{ note {{ id }} {ERRORS} }} }}"
MERGE = f"mutation($i: MergeContactsInput!) {{ mergeContacts(input: $i) {{ contact {{ id }} {ERRORS} }} }}"
BULK = f"mutation($i: BulkContactsInput!) {{ bulkContacts(input: $i) {{ results {{ outcome {ERRORS} }} {ERRORS} }} }}"
BY = {"number": HELD}


async def test_every_change_through_the_graph_is_refused_and_names_the_upstream(held: Running) -> None:
    staff = await employee_of(held)
    before = await written(held.db)
    refusals = [
        (UPDATE, {"contact": BY, "lastName": "Other"}),
        (UPDATE, {"contact": BY, "phones": {"add": [{"kind": "MOBILE", "raw": "+49 30 1"}]}}),
        (UPDATE, {"contact": BY, "externalIds": {"add": [{"system": "erp", "value": "7"}]}}),
        (DELETE, {"contact": BY}),
        (DELETE, {"contact": BY, "dryRun": True}),
        (NOTE, {"on": {"contact": BY}, "content": "Called"}),
        (MERGE, {"into": BY, "from": [{"number": FREE}]}),
        (MERGE, {"into": {"number": FREE}, "from": [BY]}),
    ]
    for query, given in refusals:
        (payload,) = (await staff(query, i=given)).values()
        (error,) = payload["userErrors"]
        assert (error["code"], error["message"], error["upstream"]) == ("UNAVAILABLE", TOLD, "CRMCOM"), given
        assert error["path"][0] == "input"
    photo = await upload(staff, picture(), contact=BY)
    assert [each["code"] for each in photo["userErrors"]] == ["UNAVAILABLE"]
    assert await written(held.db) == before


async def test_what_changes_nothing_is_not_refused_and_nothing_else_is(held: Running) -> None:
    staff = await employee_of(held)
    found = (await staff("query($n: String!) { contact(by: {number: $n}) { lastName revision } }", n=HELD))["contact"]
    same = await staff(UPDATE, i={"contact": BY, "lastName": found["lastName"]})
    assert same["updateContact"] == {"contact": {"revision": found["revision"]}, "userErrors": []}
    # What the old CRM does not hold, and what is new here, is free; and so is what is held where nobody is asked.
    other = await staff(UPDATE, i={"contact": {"number": FREE}, "lastName": "Other"})
    assert other["updateContact"]["userErrors"] == []
    made = await staff(
        'mutation { createContact(input: {lastName: "New"}) { contact { number } userErrors { code } } }'
    )
    assert made["createContact"]["userErrors"] == []
    # What is wrong besides is told first.
    wrong = await staff(UPDATE, i={"contact": BY, "lastName": ""})
    assert [each["code"] for each in wrong["updateContact"]["userErrors"]] == ["REQUIRED"]


async def test_of_many_items_those_are_refused_that_are_held(held: Running) -> None:
    staff = await employee_of(held)
    items = [
        {"update": {"contact": BY, "lastName": "Other"}},
        {"update": {"contact": {"number": FREE}, "lastName": "Other"}},
        {"delete": {"contact": {"number": "CON4"}}},
        {"create": {"lastName": "New"}},
    ]
    counts = []
    for times in (1, 5):
        more = [{"update": {"contact": {"number": f"CON{n}"}, "lastName": "X"}} for n in range(5, 5 + times)]
        with statements(held.db) as seen:
            payload = (await staff(BULK, i={"items": [*items, *more]}))["bulkContacts"]
        counts.append(len(seen))
        told = [[each["code"] for each in result["userErrors"]] for result in payload["results"]]
        expected: list[list[str]] = [["UNAVAILABLE"], [], ["UNAVAILABLE"], [], *([["UNAVAILABLE"]] * times)]
        assert told == expected
        items[1]["update"]["lastName"] = "Another"  # type: ignore[index]  # it has one
    assert counts[0] == counts[1]


async def test_strangers_and_customers_learn_nothing_from_a_refusal(held: Running) -> None:
    number = await own_id(held.db)
    given = {"i": {"contact": {"id": f"con_{number}"}, "lastName": "Other"}}
    assert [code for code, _ in await Caller(held.client).errors(UPDATE, **given)] == ["UNAUTHENTICATED"]
    customer = await Caller(held.client).login(**held.credentials["customer"])
    absent = {"i": {"contact": {"id": "con_1999999999"}, "lastName": "Other"}}
    for asked in (given, absent):
        (error,) = (await customer(UPDATE, **asked))["updateContact"]["userErrors"]
        assert (error["code"], "upstream" in error) == ("NOT_FOUND", False)


async def test_other_dialects_refuse_in_their_own_words(held: Running) -> None:
    number = await own_id(held.db)
    async with held.db.begin() as session:
        venkatesh = await own_id(held.db, "CON1")
        await external_ids.claim(session, "crmcom", "record", "A" * 32, party=venkatesh)
    before = await written(held.db)
    zoho = {"Authorization": f"Zoho-oauthtoken {held.credentials['zoho']['access_token']}"}
    rows = {"data": [{"id": str(number), "Last_Name": "Other"}, {"id": "738964000002148061"}]}
    row = {
        "code": "RECORD_LOCKED",
        "details": {"id": str(number)},
        "message": "cannot update record that CRM.COM holds",
        "status": "error",
    }
    answers = [
        await held.client.put(f"/crm/v2/Contacts/{number}", json={"data": [{"Last_Name": "Other"}]}, headers=zoho),
        await held.client.put("/crm/v2/Contacts", json={"data": rows["data"][:1]}, headers=zoho),
        await held.client.delete(f"/crm/v2/Contacts/{number}", headers=zoho),
        await held.client.post(
            f"/crm/v2/Contacts/{number}/Notes", json={"data": [{"Note_Content": "Called"}]}, headers=zoho
        ),
    ]
    for answer in answers:
        told = answer.json()["data"][0]
        assert (told["code"], told["message"]) == (row["code"], row["message"]), answer.text
    assert answers[0].json() == {"data": [row]}

    login = held.credentials["valomnia"]
    form = {"j_username": login["username"], "j_password": login["password"], "ajax": "true"}
    assert (await held.client.post("/j_spring_security_check", data=form)).status_code == 302
    answer = await held.client.post(
        f"/api/v1.0/contacts/{number}", data={"firstName": "A", "lastName": "B", "customerId": "3229"}
    )
    assert (answer.status_code, answer.json()) == (
        503,
        {
            "error": "service_unavailable",
            "error_description": "CRM.COM holds this record: it is to be changed there.",
        },
    )

    logins = [held.credentials["covalense"], *held.credentials["covalense_others"]]
    portal = Portal(held.client, {each["email"]: each["password"] for each in logins})
    token = await portal.login(VENKATESH)
    answer = await portal.send("PUT", "profile/contact", {"firstName": "Other"}, token=token)
    told = bad_request("CRM.COM holds the record and would not learn of the change.")
    assert (answer.status_code, answer.text) == (400, told)
    assert await written(held.db) == before


async def test_crmcom_refuses_in_its_own_words(demo_database: tuple[str, Demo], tmp_path: Path) -> None:
    async with behind(demo_database, tmp_path, Door.VALOMNIA) as held:
        async with held.db.begin() as session:
            await external_ids.claim(session, "valomnia", "contact", "77", party=await own_id(held.db))
        before = await written(held.db)
        answer = await held.client.post("/crmapi/rest/v2/authentication/token", json=held.credentials["crmcom"])
        program = Program(held, answer_of(answer)["data"]["token"])
        assert refused(await program.update(LOUIS, first_name="Other")) == (
            "COM.CRM.EXCEPTION.WEBAPI.SERVICEUNAVAILABLEEXCEPTION",
            "Valomnia holds it and would not learn of the change",
        )
        assert await written(held.db) == before
        assert (await program.update(ELLEN, first_name="Other"))["status"]["code"] == "OK"


async def test_a_deleted_record_is_not_brought_back_behind_the_old_crm(
    demo_database: tuple[str, Demo], tmp_path: Path
) -> None:
    async with behind(demo_database, tmp_path, Door.CRMCOM, local_changes="allow") as running:
        staff = await employee_of(running)
        assert (await staff(DELETE, i={"contact": BY}))["deleteContact"]["userErrors"] == []
        number = await own_id(running.db)
    async with behind(demo_database, tmp_path) as running:
        await _set(running.db, local_changes="refuse")
        await local_changes.read(running.db)
        staff = await employee_of(running)
        query = f"mutation($i: RestoreInput!) {{ restore(input: $i) {{ record {{ id }} {ERRORS} }} }}"
        payload = (await staff(query, i={"record": {"contact": {"id": f"con_{number}"}}}))["restore"]
        assert [each["code"] for each in payload["userErrors"]] == ["UNAVAILABLE"]


async def test_what_a_held_record_names_is_not_merged_away(demo_database: tuple[str, Demo], tmp_path: Path) -> None:
    """The held record would name another from then on."""
    create = "mutation($n: String!) { createAccount(input: {name: $n}) { account { number } userErrors { code } } }"
    merge = f"mutation($i: MergeAccountsInput!) {{ mergeAccounts(input: $i) {{ account {{ id }} {ERRORS} }} }}"
    async with behind(demo_database, tmp_path, Door.CRMCOM) as held:
        staff = await employee_of(held)
        a, b, c = [(await staff(create, n=n))["createAccount"]["account"]["number"] for n in ("One", "Two", "Three")]
        async with held.db.begin() as session:
            of = select(Account.id).where(Account.number == a).scalar_subquery()
            await session.execute(update(Contact).where(Contact.number == HELD).values(account_id=of))
        before = await written(held.db)
        for into, more in ((b, {}), (b, {"dryRun": True})):
            given = {"into": {"number": into}, "from": [{"number": a}], **more}
            payload = (await staff(merge, i=given))["mergeAccounts"]
            assert [each["code"] for each in payload["userErrors"]] == ["UNAVAILABLE"]
        assert await written(held.db) == before
        free = await staff(merge, i={"into": {"number": b}, "from": [{"number": c}]})
        assert free["mergeAccounts"]["userErrors"] == []


async def _set(db: Database, **options: Any) -> None:
    async with db.begin() as session:
        await session.execute(update(Upstream).values(options=options))


async def test_what_is_said_of_an_upstream_holds_a_second_later(
    demo_database: tuple[str, Demo], tmp_path: Path
) -> None:
    off = Switch(dialect=Door.CRMCOM, operation=None, caller=None, mode=Mode.OFF, why="a test")
    async with behind(demo_database, tmp_path, Door.CRMCOM, modes=[off]) as running:
        staff = await employee_of(running)

        async def outcome(name: str) -> list[str]:
            payload = (await staff(UPDATE, i={"contact": BY, "lastName": name}))["updateContact"]
            return [each["code"] for each in payload["userErrors"]]

        async def becomes(wanted: list[str], name: str) -> None:
            for n in range(40):
                if await outcome(f"{name} {n}") == wanted:
                    return
                await asyncio.sleep(0.1)
            raise AssertionError(wanted)

        assert await outcome("Off") == []  # nobody is passed on
        async with running.db.begin() as session:
            session.add(Switch(dialect=Door.CRMCOM, operation=None, caller="ann@ACME", mode=Mode.PROXY, why="one"))
        await becomes(["UNAVAILABLE"], "Proxy")
        await _set(running.db, local_changes="allow")
        await becomes([], "Allowed")


async def test_without_an_upstream_it_takes_no_statement(demo: Running) -> None:
    staff = await employee_of(demo)
    for query, given in ((UPDATE, {"contact": BY, "lastName": "Other"}), (DELETE, {"contact": BY})):
        with statements(demo.db) as seen:
            (payload,) = (await staff(query, i=given)).values()
        assert payload["userErrors"] == []
        assert [each for each in seen if "upstream" in each or "external_id.alias" in each] == []


async def test_what_comes_from_an_old_crm_is_written(held: Running) -> None:
    actor = Actor(Door.UPSTREAM, Role.ADMIN, sees_identity=True)

    async def work(session: Any) -> bool:
        number = await own_id(held.db)
        unit = Transaction(session)
        loaded = await aggregates.load_for_change(unit, actor, PartyKind.CONTACT, [number])
        return await parties.update(unit, actor, loaded[number], Edit({"last_name": "There"}))

    assert await held.db.transact(work)


@pytest.mark.parametrize("demo_database", ["sqlite"], indirect=True)
async def test_an_import_refuses_rows_that_would_change_what_is_held(
    demo_database: tuple[str, Demo], tmp_path: Path
) -> None:
    async with behind(demo_database, tmp_path, Door.CRMCOM) as held:
        staff = await employee_of(held)
        query = "query($n: String!) { contact(by: {number: $n}) { firstName lastName emails { address } } }"
        found = (await staff(query, n="CON5"))["contact"]
        email = found["emails"][0]["address"]
        rows = [("First Name", "Last Name", "Email", "Job Title"), ("Ann", "New", "ann.new@example.com", "Chef")]
        rows.append((found["firstName"], found["lastName"], email, "Chef"))
        (tmp_path / "contacts.csv").write_text("\n".join(map(",".join, rows)))
        environment = {"CRMGRAPH_DATABASE_URL": demo_database[0], "CRMGRAPH_SECRET_KEY": SECRET}
        done = await asyncio.to_thread(crmgraph, tmp_path, "import", "contacts.csv", "--yes", "--json", **environment)
        told = json.loads(done.stdout)
        assert told["outcomes"] == {"CONTACT": {"CREATED": 1, "REFUSED": 1}}, told
        assert "the record: CRM.COM holds it" in done.stdout
        query = "query($n: String!) { contact(by: {number: $n}) { jobTitle } }"
        assert (await staff(query, n="CON5"))["contact"]["jobTitle"] != "Chef"


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_who_takes_a_record_meanwhile_is_heeded(database: str, tmp_path: Path) -> None:
    """A record is read and decided about while nobody holds it; before it is written an old CRM has taken it."""
    async with serving(settings_for(database, tmp_path)) as (_, app):
        db: Database = app.state.core.db
        local_changes.hold(db, {Door.CRMCOM: {}}, {})
        actor = Actor(Door.GRAPHQL, Role.ADMIN, sees_identity=True)

        async def make(session: Any) -> int:
            return (await parties.create(session, actor, PartyKind.CONTACT, Edit({"last_name": "A"}))).id

        number = await db.transact(make)
        reached, taken = asyncio.Event(), asyncio.Event()

        async def change(unit: UnitOfWork) -> bool:
            loaded = await aggregates.load_for_change(unit, actor, PartyKind.CONTACT, [number])
            if not reached.is_set():
                reached.set()
                await taken.wait()
            return await parties.update(unit, actor, loaded[number], Edit({"last_name": "B"}))

        changing = asyncio.create_task(revise(db, change))
        await reached.wait()
        async with db.begin() as session:
            await external_ids.claim(session, "crmcom", "record", "B" * 32, party=number)
        taken.set()
        with pytest.raises(local_changes.HeldUpstream):
            await changing
        async with db.read() as session:
            assert await session.scalar(text(f"SELECT last_name FROM contact WHERE id = {number}")) == "A"
