"""Notes, and the conversion of leads, on both databases."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from crmgraph.crm.errors import (
    Conflicting,
    Forbidden,
    Invalid,
    Locked,
    Missing,
    NotApproved,
    NotFound,
    Refused,
    Stale,
    TooLarge,
)
from crmgraph.crm.models import Account, Change, Contact, Door, PartyKind, Photo, Role, Staff
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import aggregates, conversion, notes, parties
from crmgraph.crm.records.conversion import Conversion
from crmgraph.crm.records.edits import Edit, RowEdits
from crmgraph.crm.records.unit_of_work import Transaction
from crmgraph.db.database import Database

STAFF = Actor(Door.OPERATOR, Role.AGENT, region="DE")
CUSTOMER = Actor(Door.GRAPHQL, Role.CUSTOMER, contact_id=1)


def lead_edit() -> Edit:
    return Edit(
        {
            "salutation": "Dr.",
            "first_name": "Lea",
            "last_name": "Leone",
            "company": "Acme",
            "job_title": "CTO",
            "industry": "ASP",
            "annual_revenue": Decimal("136.67"),
            "employees": 7,
            "email_opt_out": True,
        },
        phones=RowEdits([{"kind": "MOBILE", "raw": "0151 23456789"}, {"kind": "LANDLINE", "raw": "030 901820"}]),
        emails=RowEdits([{"kind": "BUSINESS", "address": "lea@example.com", "verified": True}]),
        addresses=RowEdits([{"kind": "BUSINESS", "city": "Berlin", "country_name": "Germany"}]),
        extra_fields={"zoho": {"Custom": {"deep": [1]}}},
    )


async def make(db: Database, kind: PartyKind, edit: Edit) -> int:
    async with db.begin() as session:
        return (await parties.create(session, STAFF, kind, edit)).id


async def rows(db: Database) -> list[int]:
    async with db.read() as session:
        return [await session.scalar(select(func.count()).select_from(t)) or 0 for t in (Contact, Account, Change)]


async def test_a_lead_becomes_a_contact_and_an_account_with_all_that_it_has(db: Database) -> None:
    lead_id = await make(db, PartyKind.LEAD, lead_edit())
    async with db.begin() as session:
        lead = await aggregates.load_one(session, STAFF, PartyKind.LEAD, lead_id, lock=True)
        note = await notes.add(session, STAFF, lead, {"content": "called"})
        session.add(
            Photo(
                party_id=lead_id, key="k", file_name="a.png", content_type="image/png", width=1, height=1, size_bytes=1
            )
        )
    async with db.begin() as session:
        done = await conversion.convert(session, STAFF, lead_id)
    assert done.account is not None
    assert (done.left_out, done.duplicates) == ([], [])
    async with db.read() as session:
        contact = await aggregates.load_one(session, STAFF, PartyKind.CONTACT, done.contact.id)
        account = await aggregates.load_one(session, STAFF, PartyKind.ACCOUNT, done.account.id)
        lead = await aggregates.load_one(session, STAFF, PartyKind.LEAD, lead_id)
        carried = await notes.of_record(session, STAFF, PartyKind.CONTACT, contact.id)
        left = await notes.of_record(session, STAFF, PartyKind.LEAD, lead_id)
    person, company, old = contact.record, account.record, lead.record
    assert isinstance(person, Contact)
    assert isinstance(company, Account)
    assert (person.salutation, person.first_name, person.last_name, person.job_title) == ("Dr.", "Lea", "Leone", "CTO")
    assert (person.email_opt_out, person.account_id, person.revision) == (True, company.id, 1)
    assert person.extra_fields == {"zoho": {"Custom": {"deep": [1]}}}
    assert [(p.kind, p.e164) for p in contact.phones] == [("MOBILE", "+4915123456789"), ("LANDLINE", "+4930901820")]
    assert [(e.address, e.verified) for e in contact.emails] == [("lea@example.com", True)]
    assert [(a.kind, a.city, a.country) for a in contact.addresses] == [("BUSINESS", "Berlin", "DE")]
    assert (company.name, company.industry, company.employees) == ("Acme", "ASP", 7)
    assert company.annual_revenue == Decimal("136.67")
    assert [(p.kind, p.raw) for p in account.phones] == [("LANDLINE", "030 901820")]
    assert [(a.kind, a.city) for a in account.addresses] == [("BILLING", "Berlin")]
    assert contact.photo is not None
    assert (contact.photo.file_name, lead.photo) == ("a.png", None)
    assert ([n.note.id for n in carried[0]], left) == ([note.id], ([], False))
    assert (old.converted_contact_id, old.converted_account_id, old.revision) == (person.id, company.id, 3)


async def test_a_lead_is_converted_once(db: Database) -> None:
    lead_id = await make(db, PartyKind.LEAD, lead_edit())
    async with db.begin() as session:
        await conversion.convert(session, STAFF, lead_id)
    before = await rows(db)
    with pytest.raises(Invalid) as refused:
        async with db.begin() as session:
            await conversion.convert(session, STAFF, lead_id)
    assert refused.value.reason == "converted"
    with pytest.raises(Invalid):
        async with db.begin() as session:
            lead = await aggregates.load_one(session, STAFF, PartyKind.LEAD, lead_id, lock=True)
            await parties.update(Transaction(session), STAFF, lead, Edit({"first_name": "Other"}))
    assert await rows(db) == before


async def test_a_dry_run_tells_what_would_be_and_changes_nothing(db: Database) -> None:
    lead_id = await make(db, PartyKind.LEAD, lead_edit())
    account_id = await make(db, PartyKind.ACCOUNT, Edit({"name": "Acme"}))
    before = await rows(db)
    async with db.begin() as session:
        dry = await conversion.convert(session, STAFF, lead_id, dry_run=True)
        joined = await conversion.convert(session, STAFF, lead_id, account_id=account_id, dry_run=True)
        with pytest.raises(Invalid):
            await conversion.convert(session, STAFF, lead_id, account_id=1, dry_run=True)
    assert (dry.makes_contact, dry.makes_account, dry.takes_account) == (True, True, True)
    assert (joined.makes_contact, joined.makes_account, joined.takes_account) == (True, False, True)
    for done in (dry, joined):
        person, company = done.contact.record, done.account.record
        assert (person.number, person.first_name, person.account_id) == ("CON1", "Lea", company.id)
        assert [phone.raw for phone in done.contact.phones] == ["0151 23456789", "030 901820"]
        assert [(place.city, place.country) for place in done.contact.addresses] == [("Berlin", "DE")]
        assert (company.name, company.industry) == ("Acme", "ASP")
    assert (dry.duplicates, joined.duplicates) == ([(PartyKind.ACCOUNT, account_id)], [])
    assert joined.account.id == account_id
    assert await rows(db) == before
    async with db.begin() as session:
        done = await conversion.convert(session, STAFF, lead_id)
    assert (done.makes_contact, done.makes_account) == (True, True)


def left(done: Conversion) -> list[tuple[str, Any, Any]]:
    return [(each.field, each.given, each.kept) for each in done.left_out]


async def test_a_contact_stays_in_its_account_which_is_not_written_into_unless_it_is_named(db: Database) -> None:
    account_id = await make(db, PartyKind.ACCOUNT, Edit({"name": "Acme SE", "industry": "Steel"}))
    known = Edit(
        {"last_name": "Leone-Smith", "account_id": account_id},
        emails=RowEdits([{"kind": "PERSONAL", "address": "LEA@example.com"}]),
    )
    contact_id = await make(db, PartyKind.CONTACT, known)
    for overwrite, of_contact in ((False, [("last_name", "Leone", "Leone-Smith")]), (True, [])):
        lead_id = await make(db, PartyKind.LEAD, lead_edit())
        async with db.begin() as session:
            done = await conversion.convert(session, STAFF, lead_id, contact_id=contact_id, overwrite=overwrite)
        assert (done.contact.id, done.account and done.account.id) == (contact_id, account_id)
        assert (done.makes_contact, done.makes_account, done.takes_account) == (False, False, False)
        assert left(done) == [
            *of_contact,
            ("company", "Acme", "Acme SE"),
            ("industry", "ASP", "Steel"),
            ("annual_revenue", "136.67", None),
            ("employees", 7, None),
        ]
        async with db.read() as session:
            contact = await aggregates.load_one(session, STAFF, PartyKind.CONTACT, contact_id)
            account = await aggregates.load_one(session, STAFF, PartyKind.ACCOUNT, account_id)
            lead = await aggregates.load_one(session, STAFF, PartyKind.LEAD, lead_id)
            log = list(await session.scalars(select(Change).where(Change.party_id == lead_id).order_by(Change.id)))
        assert (account.record.revision, account.record.name, account.phones) == (1, "Acme SE", [])
        assert (lead.record.company, lead.record.converted_account_id) == ("Acme", account_id)
        told = {"field": "left_out", "old": None, "new": [field for field, _, _ in left(done)]}
        assert told in log[-1].fields
        assert [e.address for e in contact.emails] == ["LEA@example.com"]
        assert [p.raw for p in contact.phones] == ["0151 23456789", "030 901820"]
    assert (contact.record.last_name, contact.record.first_name) == ("Leone", "Lea")


async def test_a_company_that_is_the_account_of_the_contact_is_not_left_out(db: Database) -> None:
    account_id = await make(db, PartyKind.ACCOUNT, Edit({"name": "ACME "}))
    contact_id = await make(db, PartyKind.CONTACT, Edit({"last_name": "Leone", "account_id": account_id}))
    lead_id = await make(db, PartyKind.LEAD, Edit({"last_name": "Leone", "company": "Acme"}))
    async with db.begin() as session:
        done = await conversion.convert(session, STAFF, lead_id, contact_id=contact_id)
    assert (left(done), done.makes_account) == ([], False)


async def test_a_lead_joins_known_records_and_fills_what_they_lack(db: Database) -> None:
    lead_id = await make(db, PartyKind.LEAD, lead_edit())
    account_id = await make(db, PartyKind.ACCOUNT, Edit({"name": "Acme SE", "industry": "Steel"}))
    contact_id = await make(db, PartyKind.CONTACT, Edit({"last_name": "Leone-Smith"}))
    async with db.begin() as session:
        done = await conversion.convert(session, STAFF, lead_id, contact_id=contact_id, account_id=account_id)
    # Whoever names the account has said which company is meant.
    assert left(done) == [("last_name", "Leone", "Leone-Smith"), ("industry", "ASP", "Steel")]
    async with db.read() as session:
        contact = await aggregates.load_one(session, STAFF, PartyKind.CONTACT, contact_id)
        account = await aggregates.load_one(session, STAFF, PartyKind.ACCOUNT, account_id)
    assert (contact.record.last_name, contact.record.account_id) == ("Leone-Smith", account_id)
    assert (account.record.name, account.record.industry, account.record.employees) == ("Acme SE", "Steel", 7)


async def test_a_contact_of_another_account_goes_over_only_when_it_is_overwritten(db: Database) -> None:
    (one, two) = [await make(db, PartyKind.ACCOUNT, Edit({"name": name})) for name in ("One", "Two")]
    contact_id = await make(db, PartyKind.CONTACT, Edit({"last_name": "Leone", "account_id": one}))
    lead_id = await make(db, PartyKind.LEAD, lead_edit())
    before = await rows(db)
    with pytest.raises(Conflicting) as refused:
        async with db.begin() as session:
            await conversion.convert(session, STAFF, lead_id, contact_id=contact_id, account_id=two)
    assert (refused.value.path, refused.value.existing) == (("account",), one)
    assert await rows(db) == before
    async with db.begin() as session:
        await conversion.convert(session, STAFF, lead_id, contact_id=contact_id, account_id=two, overwrite=True)
    async with db.read() as session:
        contact = await aggregates.load_one(session, STAFF, PartyKind.CONTACT, contact_id)
        accounts = await aggregates.load(session, STAFF, PartyKind.ACCOUNT, [one, two])
    assert contact.record.account_id == two
    assert [(accounts[i].record.name, accounts[i].record.revision) for i in (one, two)] == [("One", 1), ("Acme", 2)]


HOME = {"kind": "BUSINESS", "street": "Hauptstr. 1", "city": "Berlin", "country_name": "Germany"}


@pytest.mark.parametrize(
    ("of_lead", "is_added"),
    [
        ({}, False),
        ({"street": " hauptstr.  1", "city": "BERLIN"}, False),
        *(
            ({name: "x"}, True)
            for name in (
                "care_of", "street", "street_number", "floor", "apartment", "area", "district", "municipality", "city",
                "state", "postal_code", "po_box", "po_box_postal_code", "notes", "country_name",
            )
        ),
        ({"kind": "HOME"}, True),
        ({"street": None, "city": None, "country_name": None, "po_box": "12"}, True),
    ],
)  # fmt: skip
async def test_an_address_that_differs_in_anything_is_another(
    db: Database, of_lead: dict[str, Any], is_added: bool
) -> None:
    contact_id = await make(db, PartyKind.CONTACT, Edit({"last_name": "L"}, addresses=RowEdits([dict(HOME)])))
    lead_id = await make(db, PartyKind.LEAD, Edit({"last_name": "L"}, addresses=RowEdits([HOME | of_lead])))
    async with db.begin() as session:
        done = await conversion.convert(session, STAFF, lead_id, contact_id=contact_id)
    assert len(done.contact.addresses) == 1 + is_added
    assert left(done) == []


@pytest.mark.parametrize(
    ("known", "of_lead", "expected"),
    [
        ("030 901820", "+49 30 901820", ["030 901820"]),
        ("030 901820", "030 901821", ["030 901820", "030 901821"]),
        ("ask Tom", "ask Eva", ["ask Tom", "ask Eva"]),
        ("123 (ask Tom)", "123 (ask Eva)", ["123 (ask Tom)", "123 (ask Eva)"]),
        ("ask Tom", "ask Tom", ["ask Tom"]),
    ],
)
async def test_a_phone_is_the_same_by_its_number_or_else_by_its_text(
    db: Database, known: str, of_lead: str, expected: list[str]
) -> None:
    person = Edit({"last_name": "L"}, phones=RowEdits([{"kind": "HOME", "raw": known}]))
    contact_id = await make(db, PartyKind.CONTACT, person)
    lead = Edit({"last_name": "L"}, phones=RowEdits([{"kind": "MOBILE", "raw": of_lead, "notes": "evenings"}]))
    lead_id = await make(db, PartyKind.LEAD, lead)
    async with db.begin() as session:
        done = await conversion.convert(session, STAFF, lead_id, contact_id=contact_id)
    assert [phone.raw for phone in done.contact.phones] == expected
    assert left(done) == ([("phones.notes", "evenings", None)] if len(expected) == 1 else [])


async def test_a_number_is_read_where_it_was_written(db: Database) -> None:
    there = RowEdits([{"kind": "HOME", "country": "DE"}])
    phones = RowEdits([{"kind": "MOBILE", "raw": "030 1234567"}, {"kind": "FAX", "raw": "call me"}])
    lead_id = await make(db, PartyKind.LEAD, Edit({"last_name": "L"}, phones=phones, addresses=there))
    french = Edit({"last_name": "L"}, addresses=RowEdits([{"kind": "HOME", "country": "FR"}]))
    contact_id = await make(db, PartyKind.CONTACT, french)
    async with db.begin() as session:
        done = await conversion.convert(session, STAFF, lead_id, contact_id=contact_id)
        assert [(p.raw, p.e164, p.valid) for p in done.contact.phones] == [
            ("030 1234567", "+49301234567", True),
            ("call me", None, False),
        ]


async def test_what_is_out_of_use_is_no_match_for_what_is_in_use(db: Database) -> None:
    email = {"kind": "PERSONAL", "address": "Lea@example.com"}
    contact_id = await make(
        db, PartyKind.CONTACT, Edit({"last_name": "L"}, emails=RowEdits([email | {"active": False}]))
    )
    lead_id = await make(db, PartyKind.LEAD, Edit({"last_name": "L"}, emails=RowEdits([dict(email)])))
    async with db.begin() as session:
        done = await conversion.convert(session, STAFF, lead_id, contact_id=contact_id)
    assert [email.active for email in done.contact.emails] == [False, True]


async def test_every_fault_of_a_conversion_is_told_at_once(db: Database) -> None:
    waiting = {"last_name": "L", "approval": "AWAITING", "locked_by": "a workflow"}
    lead_id = await make(db, PartyKind.LEAD, Edit(waiting, phones=RowEdits([{"kind": "FAX", "raw": "1"}])))
    full = Edit({"last_name": "F"}, phones=RowEdits([{"kind": "FAX", "raw": f"9{n}"} for n in range(100)]))
    contact_id = await make(db, PartyKind.CONTACT, full)
    before = await rows(db)
    with pytest.raises(Refused) as refused:
        async with db.begin() as session:
            await conversion.convert(
                session, STAFF, lead_id, contact_id=contact_id, account_id=5, owner_id=5, if_revision=0
            )
    assert [(type(fault), fault.path) for fault in refused.value.all] == [
        (NotApproved, ()),
        (Locked, ()),
        (Stale, ("if_revision",)),
        (Invalid, ("account",)),
        (Invalid, ("owner",)),
        (TooLarge, ("contact", "phones")),
    ]
    assert await rows(db) == before


async def test_records_that_may_be_the_same_are_told(db: Database) -> None:
    same = [{"kind": "PERSONAL", "address": "LEA@example.com"}]
    people = [
        await make(db, PartyKind.CONTACT, Edit({"last_name": "L"}, emails=RowEdits([dict(same[0])]))) for _ in range(2)
    ]
    account_id = await make(db, PartyKind.ACCOUNT, Edit({"name": "ACME"}))
    lead_id = await make(db, PartyKind.LEAD, lead_edit())
    for dry_run in (True, False):
        async with db.begin() as session:
            done = await conversion.convert(session, STAFF, lead_id, dry_run=dry_run)
        assert done.duplicates == [*((PartyKind.CONTACT, i) for i in people), (PartyKind.ACCOUNT, account_id)]


async def test_a_lead_without_a_company_leaves_what_only_an_account_could_take(db: Database) -> None:
    lead_id = await make(db, PartyKind.LEAD, Edit({"last_name": "L", "industry": "ASP", "website": "l.example"}))
    async with db.begin() as session:
        done = await conversion.convert(session, STAFF, lead_id)
    assert left(done) == [("industry", "ASP", None), ("website", "l.example", None)]


async def test_overwriting_takes_the_values_of_the_lead(db: Database) -> None:
    lead_id = await make(db, PartyKind.LEAD, lead_edit())
    contact_id = await make(db, PartyKind.CONTACT, Edit({"last_name": "Leone-Smith"}))
    async with db.begin() as session:
        done = await conversion.convert(session, STAFF, lead_id, contact_id=contact_id, overwrite=True)
        contact = await aggregates.load_one(session, STAFF, PartyKind.CONTACT, contact_id)
    assert (contact.record.last_name, done.makes_account) == ("Leone", True)


async def test_a_lead_without_a_company_makes_no_account(db: Database) -> None:
    lead_id = await make(db, PartyKind.LEAD, Edit({"last_name": "Solo"}))
    async with db.begin() as session:
        done = await conversion.convert(session, STAFF, lead_id)
    assert (done.makes_contact, done.account, done.makes_account) == (True, None, False)


@pytest.mark.parametrize(
    ("values", "refusal"),
    [({"approval": "AWAITING"}, NotApproved), ({"locked_by": "zia_vision_processing"}, Locked)],
)
async def test_nobody_works_on_a_lead_that_waits_until_it_is_released(
    db: Database, values: dict[str, str], refusal: type[Refused]
) -> None:
    lead_id = await make(db, PartyKind.LEAD, Edit({"last_name": "Wait"} | values))
    before = await rows(db)
    with pytest.raises(refusal):
        async with db.begin() as session:
            await conversion.convert(session, STAFF, lead_id)
    with pytest.raises(refusal):
        async with db.begin() as session:
            lead = await aggregates.load_one(session, STAFF, PartyKind.LEAD, lead_id, lock=True)
            await parties.update(Transaction(session), STAFF, lead, Edit({"first_name": "Other"}))
    assert await rows(db) == before
    async with db.begin() as session:
        lead = await aggregates.load_one(session, STAFF, PartyKind.LEAD, lead_id, lock=True)
        assert await parties.update(
            Transaction(session), STAFF, lead, Edit({"approval": "APPROVED", "locked_by": None})
        )
        assert await parties.update(Transaction(session), STAFF, lead, Edit({"first_name": "Other"}))


async def test_a_note_comes_changes_and_goes_as_changes_of_its_record(db: Database) -> None:
    contact_id = await make(db, PartyKind.CONTACT, Edit({"last_name": "Noted"}))
    async with db.begin() as session:
        ada = Staff(name="Ada", role=Role.AGENT)
        session.add(ada)
        await session.flush()
        actor = Actor(Door.OPERATOR, Role.AGENT, staff_id=ada.id)
        record = await aggregates.load_one(session, actor, PartyKind.CONTACT, contact_id, lock=True)
        note = await notes.add(session, actor, record, {"content": "one\ntwo", "title": " "})
    assert (note.title, note.content, note.owner_id, note.created_by_id) == (None, "one\ntwo", ada.id, ada.id)
    for content, expected in (("three", True), ("three", False)):
        async with db.begin() as session:
            locked, record = await notes.lock(session, actor, note.id)
            assert await notes.change(session, actor, locked, record, {"content": content}) is expected
    async with db.read() as session:
        found, more = await notes.of_record(session, actor, PartyKind.CONTACT, contact_id)
        everywhere = await notes.page(session, actor)
        one = await notes.get(session, actor, note.id)
    assert ([n.note.content for n in found], more) == (["three"], False)
    assert ([n.note.id for n in everywhere[0]], one.kind, one.record.id) == ([note.id], PartyKind.CONTACT, contact_id)
    async with db.begin() as session:
        await notes.remove(session, actor, *await notes.lock(session, actor, note.id))
    async with db.read() as session:
        assert await notes.of_record(session, actor, PartyKind.CONTACT, contact_id) == ([], False)
        log = list(await session.scalars(select(Change).order_by(Change.id)))
        record = await aggregates.load_one(session, actor, PartyKind.CONTACT, contact_id)
    path = f"notes.{note.id}"
    assert [[f["field"] for f in change.fields] for change in log[1:]] == [[path], [f"{path}.content"], [path]]
    assert [change.revision for change in log] == [1, 2, 3, 4]
    assert (record.record.revision, record.record.modified_by_id) == (4, ada.id)


async def test_notes_are_refused_by_name_and_are_for_staff(db: Database) -> None:
    contact_id = await make(db, PartyKind.CONTACT, Edit({"last_name": "Noted"}))
    before = await rows(db)
    for values, path, refusal in (
        ({}, ("content",), Missing),
        ({"content": " "}, ("content",), Missing),
        ({"content": "x\x00"}, ("content",), Invalid),
        ({"content": "x", "title": "a\nb"}, ("title",), Invalid),
        ({"content": 5}, ("content",), Invalid),
        ({"content": "x", "owner_id": 5}, ("owner_id",), Invalid),
    ):
        with pytest.raises(refusal) as refused:
            async with db.begin() as session:
                record = await aggregates.load_one(session, STAFF, PartyKind.CONTACT, contact_id, lock=True)
                await notes.add(session, STAFF, record, values)
        assert refused.value.path == path
    assert await rows(db) == before
    async with db.read() as session:
        with pytest.raises(NotFound):
            await notes.get(session, STAFF, 5)
        with pytest.raises(NotFound):
            await notes.of_record(session, STAFF, PartyKind.LEAD, contact_id)
        for reading in (
            notes.page(session, CUSTOMER),
            notes.get(session, CUSTOMER, 5),
            notes.of_record(session, CUSTOMER, PartyKind.CONTACT, contact_id),
        ):
            with pytest.raises(Forbidden):
                await reading
