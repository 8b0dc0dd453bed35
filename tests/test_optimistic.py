"""An optimistic update is the change that a transaction makes: all of it or nothing, and no other is lost by it."""

import asyncio
import re
from typing import Any

import pytest
from sqlalchemy import func, literal, select, update

from crmgraph.crm.errors import Refused, Stale
from crmgraph.crm.models import Address, Base, Change, Contact, Door, Email, PartyKind, Phone, Role
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import aggregates, optimistic, parties
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.edits import Edit, RowEdits
from crmgraph.crm.records.optimistic import revise
from crmgraph.crm.records.unit_of_work import Transaction, UnitOfWork
from crmgraph.db.database import Database
from crmgraph.db.errors import is_away
from tests.conftest import statements

STAFF = Actor(Door.GRAPHQL, Role.ADMIN)


async def made(db: Database) -> Aggregate:
    edit = Edit(
        {"last_name": "Ray", "first_name": "Ann"},
        phones=RowEdits(add=[{"kind": "MOBILE", "raw": "0151 1"}, {"kind": "FAX", "raw": "030 2"}]),
        emails=RowEdits(add=[{"kind": "BUSINESS", "address": "a@example.com"}]),
        addresses=RowEdits(add=[{"kind": "HOME", "city": "Köln", "country": "DE"}]),
    )
    async with db.begin() as session:
        return await parties.create(session, STAFF, PartyKind.CONTACT, edit)


def changing(own_id: int, edit: Any, if_revision: int | None = None) -> Any:
    """Work that makes an edit of a contact; `edit` makes the edit anew each time."""

    async def work(unit: UnitOfWork) -> Aggregate:
        contact = await aggregates.load_one_for_change(unit, STAFF, PartyKind.CONTACT, own_id)
        await parties.update(unit, STAFF, contact, edit(), if_revision=if_revision)
        return contact

    return work


async def everything(db: Database) -> dict[str, list[Any]]:
    """All rows of all tables that hold something of a record, without what the clock says."""
    found = {}
    async with db.read() as session:
        for name in ("party", "contact", "phone", "email", "address", "change", "photo", "relation"):
            table = Base.metadata.tables[name]
            columns = [c for c in table.c if c.name not in OF_ITS_OWN]
            found[name] = [
                tuple(row) for row in await session.execute(select(*columns).order_by(table.c[columns[0].name]))
            ]
    return found


def edits(contact: Aggregate) -> list[Any]:
    """Edits that one statement can write, and some that it cannot."""
    mobile, fax = (phone.id for phone in contact.phones)
    (email,), (home,) = ([row.id for row in rows] for rows in (contact.emails, contact.addresses))
    return [
        lambda: Edit({"first_name": "Bo", "decision_maker": True, "birth_year": 1990, "description": None}),
        lambda: Edit(phones=RowEdits(update=[(mobile, {"raw": "0151 99", "primary": True}), (fax, {"active": False})])),
        lambda: Edit({"nickname": "B"}, emails=RowEdits(update=[(email, {"address": "b@example.com"})])),
        lambda: Edit(addresses=RowEdits(update=[(home, {"city": "Bonn", "extra_fields": {"zoho": {"X": [1]}}})])),
        lambda: Edit({"first_name": "Cy"}, extra_fields={"crmcom": {"demographics": {"a": "ä\U0001f600"}}}),
        lambda: Edit({"id_number": "X-1"}),
        lambda: Edit({"last_name": "Roy"}),
        lambda: Edit(phones=RowEdits(add=[{"kind": "HOME", "raw": "+4930901820"}], remove=[fax])),
        lambda: Edit({"number": f"C-{contact.id}"}),
        lambda: Edit({"first_name": "Cy"}),
    ]


OF_ITS_OWN = frozenset({"created_at", "updated_at", "at", "number_key", "transaction_id"})


async def told(db: Database, contact: Aggregate) -> str:
    """All that is kept of a contact, without its ids and what the clock says."""
    text = []
    async with db.read() as session:
        for model in (Contact, Phone, Email, Address, Change):
            key = model.id if model is Contact else model.party_id
            for row in await session.scalars(select(model).where(key == contact.id).order_by(model.id)):
                names = [c.name for c in model.__table__.c if c.name not in OF_ITS_OWN]
                text.append(repr({name: getattr(row, name) for name in names}))
    return re.sub(r"CON\d+|\b1000\d{6}\b", "N", "\n".join(text))


async def test_the_same_rows_come_of_an_edit_on_either_way(db: Database) -> None:
    one, other = await made(db), await made(db)
    for ours, theirs in zip(edits(one), edits(other), strict=True):
        await revise(db, changing(one.id, ours))
        async with db.begin() as session:
            await changing(other.id, theirs)(Transaction(session))
        assert await told(db, one) == await told(db, other)


async def test_one_statement_reads_and_one_writes(db: Database) -> None:
    contact = await made(db)
    with statements(db) as seen:
        changed = await revise(db, changing(contact.id, edits(contact)[1]))
    assert [phone.raw for phone in changed.phones] == ["0151 99", "030 2"]
    if not db.is_sqlite:
        assert len(seen) == 2
        assert seen[0].startswith("SELECT")
        assert seen[1].startswith("WITH held AS")
    async with db.read() as session:
        assert [
            tuple(row)
            for row in await session.execute(select(Phone.raw, Phone.e164, Phone.active, Phone.rank).order_by(Phone.id))
        ] == [
            ("0151 99", "+4915199", True, 0),
            ("030 2", "+490302", False, 1),
        ]
        assert (await session.scalars(select(Contact.revision))).all() == [2]
        last = (await session.scalars(select(Change).order_by(Change.id.desc()))).first()
    assert last is not None
    assert (last.revision, last.action.value, last.door) == (2, "UPDATED", Door.GRAPHQL)
    assert [each["field"].partition(".")[2].partition(".")[2] for each in last.fields] == ["raw", "active"]


async def test_an_edit_that_changes_nothing_writes_nothing(db: Database) -> None:
    contact = await made(db)
    before = await everything(db)
    await revise(db, changing(contact.id, lambda: Edit({"first_name": "Ann"})))
    assert await everything(db) == before


async def test_a_refused_edit_writes_nothing(db: Database) -> None:
    contact = await made(db)
    before = await everything(db)
    with pytest.raises(Refused):
        await revise(db, changing(contact.id, lambda: Edit({"first_name": "Bo", "birth_day": 40})))
    with pytest.raises(Stale):
        await revise(db, changing(contact.id, lambda: Edit({"first_name": "Bo"}), if_revision=7))
    assert await everything(db) == before


async def test_writers_at_the_same_moment_lose_nothing(db: Database) -> None:
    contact = await made(db)
    columns = ("nickname", "job_title", "department", "language", "assistant", "source", "twitter", "skype")
    mobile, fax = (phone.id for phone in contact.phones)
    works = [changing(contact.id, lambda name=name: Edit({name: name})) for name in columns]
    works += [
        changing(contact.id, lambda row=row, name=name: Edit(phones=RowEdits(update=[(row, {name: "x"})])))
        for row in (mobile, fax)
        for name in ("notes", "area_code")
    ]
    await asyncio.gather(*(revise(db, work) for work in works))
    async with db.read() as session:
        record = (await session.scalars(select(Contact))).one()
        phones = (await session.scalars(select(Phone))).all()
        revisions = (await session.scalars(select(Change.revision).order_by(Change.revision))).all()
    assert [getattr(record, name) for name in columns] == list(columns)
    assert [(phone.notes, phone.area_code) for phone in phones] == [("x", "x")] * 2
    assert record.revision == len(works) + 1
    assert revisions == list(range(1, len(works) + 2))


async def test_rows_that_come_at_the_same_moment_are_all_there(db: Database) -> None:
    contact = await made(db)
    works = [
        changing(
            contact.id,
            lambda n=n: Edit({"nickname": f"N{n}"}, phones=RowEdits(add=[{"kind": "HOME", "raw": f"030 {n}"}])),
        )
        for n in range(6)
    ]
    works += [changing(contact.id, lambda n=n: Edit({"last_name": f"Roy{n}"})) for n in range(3)]
    await asyncio.gather(*(revise(db, work) for work in works))
    async with db.read() as session:
        record = (await session.scalars(select(Contact))).one()
        phones = (await session.scalars(select(Phone.raw).order_by(Phone.raw))).all()
        ranks = (await session.scalars(select(Phone.rank))).all()
        key = (await session.scalars(select(Address.name_key))).one()
        revisions = (await session.scalars(select(Change.revision).order_by(Change.revision))).all()
    assert phones == sorted(["0151 1", "030 2", *(f"030 {n}" for n in range(6))])
    assert len(set(ranks)) == len(phones)
    assert key == record.last_name_key == record.last_name.lower()
    assert revisions == list(range(1, len(works) + 2))


async def test_who_is_overtaken_begins_again_behind_a_lock(db: Database) -> None:
    contact = await made(db)
    turns = []

    async def work(unit: UnitOfWork) -> None:
        found = await aggregates.load_one_for_change(unit, STAFF, PartyKind.CONTACT, contact.id)
        turns.append(found.record.revision)
        if len(turns) == 1 and not db.is_sqlite:
            async with db.begin() as other:
                await changing(contact.id, lambda: Edit({"first_name": "Other"}))(Transaction(other))
        await parties.update(unit, STAFF, found, Edit({"nickname": "Mine"}))

    await revise(db, work)
    assert turns == ([1] if db.is_sqlite else [1, 2])
    async with db.read() as session:
        row = (await session.execute(select(Contact.first_name, Contact.nickname, Contact.revision))).one()
    assert tuple(row) == (("Ann", "Mine", 2) if db.is_sqlite else ("Other", "Mine", 3))


async def test_a_record_that_was_deleted_meanwhile_is_not_brought_back(db: Database) -> None:
    contact = await made(db)
    gone = False

    async def work(unit: UnitOfWork) -> None:
        nonlocal gone
        found = await aggregates.load_one_for_change(unit, STAFF, PartyKind.CONTACT, contact.id)
        if not gone and not db.is_sqlite:
            gone = True
            async with db.begin() as other:
                again = await aggregates.load_one(other, STAFF, PartyKind.CONTACT, contact.id, lock=True)
                await parties.remove(other, STAFF, again)
        await parties.update(unit, STAFF, found, Edit({"nickname": "Mine"}))

    if db.is_sqlite:
        pytest.skip("there is one writer")
    with pytest.raises(Refused):
        await revise(db, work)
    async with db.read() as session:
        assert tuple((await session.execute(select(Contact.nickname, Contact.revision))).one()) == (None, 2)


async def test_a_write_whose_end_nobody_knows_is_not_tried_again(db: Database) -> None:
    if db.is_sqlite:
        pytest.skip("a file cannot be cut off")
    contact = await made(db)
    sent = []
    execute = db.pool.execute

    async def cut(connection: Any, sql: str, values: Any) -> Any:
        rows = await execute(connection, sql, values)
        if sql.startswith("WITH held AS"):
            sent.append(sql)
            raise ConnectionResetError("cut behind the write")
        return rows

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db.pool, "execute", cut)
        with pytest.raises(optimistic.CommitUnknown) as raised:
            await revise(db, changing(contact.id, lambda: Edit({"first_name": "Bo"})))
    assert is_away(raised.value)
    assert len(sent) == 1
    async with db.read() as session:
        assert (await session.scalars(select(Contact.revision))).all() == [2]


async def test_keys_that_repeat_a_name_stay_right(db: Database) -> None:
    contact = await made(db)
    await revise(db, changing(contact.id, lambda: Edit({"first_name": "Bo", "last_name": "Ra"})))
    async with db.read() as session:
        keys = (
            await session.execute(select(Contact.last_name_key, Address.name_key).join(Address, literal(True)))
        ).one()
    assert tuple(keys) == ("ra", "ra")


async def test_an_email_that_changes_is_verified_no_more(db: Database) -> None:
    contact = await made(db)
    async with db.begin() as session:
        await session.execute(update(Email).values(verified=True))
    edit = RowEdits(update=[(contact.emails[0].id, {"address": "new@example.com"})])
    await revise(db, changing(contact.id, lambda: Edit(emails=edit)))
    async with db.read() as session:
        assert tuple((await session.execute(select(Email.address_key, Email.verified))).one()) == (
            "new@example.com",
            False,
        )
        assert await session.scalar(select(func.count()).select_from(Change)) == 2


async def test_a_record_that_somebody_holds_is_waited_for_in_a_transaction_that_can_be_given_up(db: Database) -> None:
    if db.is_sqlite:
        pytest.skip("there is one writer")
    contact = await made(db)
    async with db.begin() as holding:
        await aggregates.load_one(holding, STAFF, PartyKind.CONTACT, contact.id, lock=True)
        waiting = asyncio.create_task(revise(db, changing(contact.id, lambda: Edit({"nickname": "late"}))))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.sleep(0.3)
    async with db.read() as session:
        assert tuple((await session.execute(select(Contact.nickname, Contact.revision))).one()) == (None, 1)
    # And whoever goes on waiting gets their turn.
    async with db.begin() as holding:
        await aggregates.load_one(holding, STAFF, PartyKind.CONTACT, contact.id, lock=True)
        waiting = asyncio.create_task(revise(db, changing(contact.id, lambda: Edit({"nickname": "patient"}))))
        await asyncio.sleep(0.1)
    await waiting
    async with db.read() as session:
        assert tuple((await session.execute(select(Contact.nickname, Contact.revision))).one()) == ("patient", 2)


async def test_to_clear_what_was_never_kept_changes_nothing(db: Database) -> None:
    contact = await made(db)
    before = await everything(db)
    await revise(db, changing(contact.id, lambda: Edit(extra_fields={"zoho": {"X": None}})))
    async with db.begin() as session:
        await changing(contact.id, lambda: Edit(extra_fields={"zoho": {"X": None}}))(Transaction(session))
    assert await everything(db) == before
