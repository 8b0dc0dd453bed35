"""The verbs of the business, on both databases: every write is whole, leaves a Change, and a refusal leaves nothing."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from crmgraph.crm.errors import (
    Ambiguous,
    Forbidden,
    Invalid,
    Missing,
    NotFound,
    Refused,
    Several,
    Stale,
    Taken,
    Unauthenticated,
)
from crmgraph.crm.models import (
    AddressKind,
    Base,
    Change,
    Contact,
    Door,
    EmailKind,
    Party,
    PartyKind,
    PhoneKind,
    Role,
)
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import aggregates, external_ids, lookup, parties
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.edits import Edit, RowEdits
from crmgraph.crm.records.lookup import IdCandidates, Ref
from crmgraph.crm.records.unit_of_work import Transaction
from crmgraph.db.database import Database

STAFF = Actor(Door.GRAPHQL, Role.ADMIN, sees_identity=True)


def marie() -> Edit:
    return Edit(
        {"first_name": "Marie", "last_name": "Schröder", "birth_day": 7, "birth_month": 11},
        phones=RowEdits(
            add=[{"kind": "MOBILE", "raw": "0151 23456789"}, {"kind": "LANDLINE", "raw": "+33 1 42345678"}]
        ),
        emails=RowEdits(add=[{"kind": "BUSINESS", "address": "Marie@Example.com"}]),
        addresses=RowEdits(add=[{"kind": "HOME", "city": "Köln", "country_name": "Germany"}]),
        extra_fields={"zoho": {"Shoe_Size": 38, "Nested": {"cvv": "123", "kept": [1]}}},
    )


async def created(db: Database, edit: Edit | None = None, kind: PartyKind = PartyKind.CONTACT) -> Aggregate:
    async with db.begin() as session:
        return await parties.create(session, STAFF, kind, edit or marie())


async def loaded(db: Database, party_id: int, kind: PartyKind = PartyKind.CONTACT) -> Aggregate:
    async with db.read() as session:
        return await aggregates.load_one(session, STAFF, kind, party_id)


async def changed(db: Database, party_id: int, edit: Edit, actor: Actor = STAFF, **options: Any) -> bool:
    async with db.begin() as session:
        aggregate = await aggregates.load_one(session, actor, PartyKind.CONTACT, party_id, lock=True)
        return await parties.update(Transaction(session), actor, aggregate, edit, **options)


async def everything(db: Database) -> dict[str, list[Any]]:
    """Every row of every table."""
    async with db.engine.connect() as connection:
        return {
            table.name: sorted(map(repr, (await connection.execute(select(table))).all()))
            for table in Base.metadata.sorted_tables
        }


async def test_a_new_contact_keeps_what_was_given_beside_the_normalised_forms(db: Database) -> None:
    made = await created(db)
    contact = await loaded(db, made.id)
    record: Any = contact.record
    assert (record.number, record.revision, record.last_name_key) == ("CON1", 1, "schroder")
    assert [(p.kind, p.raw, p.e164, p.rank) for p in contact.phones] == [
        (PhoneKind.MOBILE, "0151 23456789", "+4915123456789", 0),
        (PhoneKind.LANDLINE, "+33 1 42345678", "+33142345678", 1),
    ]
    assert [(e.kind, e.address, e.address_key) for e in contact.emails] == [
        (EmailKind.BUSINESS, "Marie@Example.com", "marie@example.com")
    ]
    assert [(a.kind, a.city, a.city_key, a.country, a.country_name, a.name_key) for a in contact.addresses] == [
        (AddressKind.HOME, "Köln", "koln", "DE", "Germany", "schroder")
    ]
    assert record.extra_fields == {"zoho": {"Shoe_Size": 38, "Nested": {"kept": [1]}}}


async def test_all_faults_of_one_edit_come_together_and_nothing_is_written(db: Database) -> None:
    before = await everything(db)
    edit = Edit(
        {"first_name": "a" * 2000, "birth_day": 30, "birth_month": 2, "owner_id": 5},
        phones=RowEdits(add=[{"kind": "PIGEON", "raw": "1"}]),
        emails=RowEdits(add=[{"kind": "BUSINESS", "address": "nobody"}]),
        addresses=RowEdits(add=[{"kind": "HOME", "country": "Atlantis"}]),
    )
    with pytest.raises(Several) as refused:
        await created(db, edit)
    assert [(type(f), f.path, getattr(f, "reason", None)) for f in refused.value.all] == [
        (Invalid, ("first_name",), "too_long"),
        (Missing, ("last_name",), None),
        (Invalid, ("phones", "add", 0, "kind"), "choice"),
        (Invalid, ("emails", "add", 0, "address"), "email"),
        (Invalid, ("addresses", "add", 0, "country"), "country"),
        (Invalid, ("birth_day",), "date"),
        (Invalid, ("owner_id",), "reference"),
    ]
    assert await everything(db) == before


async def test_an_update_counts_one_revision_and_leaves_one_change(db: Database) -> None:
    made = await created(db)
    mobile = made.phones[0].id
    assert await changed(
        db,
        made.id,
        Edit(
            {"first_name": "Maria"},
            phones=RowEdits(update=[(mobile, {"raw": "0151 99999999"})], add=[{"kind": "FAX", "raw": "0221 1"}]),
            emails=RowEdits(remove=[made.emails[0].id]),
        ),
        if_revision=1,
    )
    contact = await loaded(db, made.id)
    assert contact.record.revision == 2
    assert [(p.kind.value, p.raw, p.e164) for p in contact.phones] == [
        ("MOBILE", "0151 99999999", "+4915199999999"),
        ("LANDLINE", "+33 1 42345678", "+33142345678"),
        ("FAX", "0221 1", "+492211"),
    ]
    assert contact.emails == []
    async with db.read() as session:
        changes = (await session.scalars(select(Change).order_by(Change.id))).all()
    assert [(c.action.value, c.revision) for c in changes] == [("CREATED", 1), ("UPDATED", 2)]
    assert [(f["field"], f["old"], f["new"]) for f in changes[1].fields][:1] == [("first_name", "Marie", "Maria")]
    assert {f["field"] for f in changes[1].fields} == {
        "first_name",
        f"emails.{made.emails[0].id}",
        f"phones.{mobile}.raw",
        f"phones.{contact.phones[2].id}",
    }


async def test_a_write_that_changes_nothing_changes_nothing(db: Database) -> None:
    made = await created(db)
    before = await everything(db)
    phone = made.phones[0]
    edit = Edit(
        {"first_name": "Marie", "nickname": None, "middle_name": ""},
        phones=RowEdits(update=[(phone.id, {"raw": phone.raw, "kind": "MOBILE"})]),
        extra_fields={"zoho": {"Shoe_Size": 38, "Absent": None}},
    )
    assert not await changed(db, made.id, edit)
    assert await everything(db) == before


async def test_a_stale_write_is_refused_with_the_present_revision(db: Database) -> None:
    made = await created(db)
    await changed(db, made.id, Edit({"first_name": "Maria"}))
    before = await everything(db)
    with pytest.raises(Stale) as refused:
        await changed(db, made.id, Edit({"first_name": "Mary"}), if_revision=1)
    assert refused.value.current == 2
    assert await everything(db) == before


async def test_a_primary_row_comes_first_and_removing_it_promotes_the_next(db: Database) -> None:
    made = await created(db)
    landline = made.phones[1].id
    await changed(db, made.id, Edit(phones=RowEdits(update=[(landline, {"primary": True})])))
    assert [p.kind.value for p in (await loaded(db, made.id)).phones] == ["LANDLINE", "MOBILE"]
    await changed(db, made.id, Edit(phones=RowEdits(remove=[landline])))
    assert [p.kind.value for p in (await loaded(db, made.id)).phones] == ["MOBILE"]


async def test_rows_of_somebody_else_are_not_found(db: Database) -> None:
    mine, theirs = await created(db), await created(db)
    before = await everything(db)
    with pytest.raises(NotFound) as refused:
        await changed(db, mine.id, Edit(phones=RowEdits(update=[(theirs.phones[0].id, {"raw": "1"})])))
    assert refused.value.path == ("phones", "update", 0, "id")
    assert await everything(db) == before


async def test_a_deleted_record_is_hidden_and_frees_its_number_and_external_id(db: Database) -> None:
    made = await created(db)
    async with db.begin() as session:
        await external_ids.claim(session, "zoho", "record", "738964000002148061", party=made.id)
    async with db.begin() as session:
        aggregate = await aggregates.load_one(session, STAFF, PartyKind.CONTACT, made.id, lock=True)
        await parties.remove(session, STAFF, aggregate)
    with pytest.raises(NotFound):
        await loaded(db, made.id)
    again = await created(db, Edit({"last_name": "Schröder", "number": "CON1"}))
    async with db.begin() as session:
        await external_ids.claim(session, "zoho", "record", "738964000002148061", party=again.id)
    async with db.read() as session:
        ref = Ref(external=IdCandidates("zoho", (("record", "738964000002148061"),)))
        assert await lookup.find(session, STAFF, PartyKind.CONTACT, ref) == again.id


async def test_numbers_are_unique_among_the_living_and_series_skip_what_is_taken(db: Database) -> None:
    first = await created(db, Edit({"last_name": "A", "number": "CON2"}))
    with pytest.raises(Taken) as refused:
        await created(db, Edit({"last_name": "B", "number": "CON2"}))
    assert (refused.value.path, refused.value.existing) == (("number",), first.id)
    assert [(await created(db, Edit({"last_name": n}))).record.number for n in ("C", "D")] == ["CON1", "CON3"]


async def test_an_external_id_where_we_mint_is_refused_by_name(db: Database) -> None:
    made = await created(db)
    with pytest.raises(Invalid) as refused:
        async with db.begin() as session:
            await external_ids.claim(session, "covalense", "record", str(10**9 + 5), party=made.id)
    assert refused.value.reason == "minted"


async def test_two_contacts_with_one_email_are_ambiguous(db: Database) -> None:
    await created(db)
    await created(db)
    async with db.read() as session:
        with pytest.raises(Ambiguous):
            await lookup.find(session, STAFF, PartyKind.CONTACT, Ref(email="marie@example.com"))


async def test_a_customer_sees_and_changes_their_own_record_only(db: Database) -> None:
    mine, theirs = await created(db), await created(db)
    me = Actor(Door.GRAPHQL, Role.CUSTOMER, contact_id=mine.id)
    assert await changed(db, mine.id, Edit({"first_name": "Me"}), me)
    before = await everything(db)
    for party_id, edit, expected in (
        (theirs.id, Edit({"first_name": "You"}), NotFound),
        (mine.id, Edit({"category": "VIP", "first_name": "X"}), Forbidden),
    ):
        with pytest.raises(expected):
            await changed(db, party_id, edit, me)
    for actor, refusal in ((me, Forbidden), (Actor(Door.GRAPHQL), Unauthenticated)):
        with pytest.raises(refusal):
            async with db.begin() as session:
                await parties.create(session, actor, PartyKind.CONTACT, marie())
    assert await everything(db) == before


async def test_an_agent_without_the_right_changes_no_identity_document(db: Database) -> None:
    made = await created(db)
    await changed(db, made.id, Edit({"passport_number": "C01X00T47"}))
    agent = Actor(Door.GRAPHQL, Role.AGENT)
    for guess in (None, "C01X00T47", "C01X00T48"):
        with pytest.raises(Forbidden) as refused:
            await changed(db, made.id, Edit({"passport_number": guess}), agent)
        assert refused.value.path == ("passport_number",)
    async with db.read() as session:
        fields = (await session.scalars(select(Change.fields).order_by(Change.id.desc()).limit(1))).one()
    assert fields == [{"field": "passport_number", "masked": True}]
    for guess in (None, "C01X00T47"):  # where there is none, it is the same
        with pytest.raises(Forbidden):
            await changed(db, made.id, Edit({"id_number": guess}), agent)
    with pytest.raises(Forbidden) as refused:
        async with db.begin() as session:
            await parties.create(
                session, agent, PartyKind.CONTACT, Edit({"last_name": "Doe", "social_security_country": "DE"})
            )
    assert refused.value.path == ("social_security_country",)
    trusted = replace(agent, sees_identity=True)
    async with db.begin() as session:
        await parties.create(session, trusted, PartyKind.CONTACT, Edit({"last_name": "Doe", "id_number": "1"}))


async def test_a_customer_learns_nothing_of_what_they_may_not_change(db: Database) -> None:
    made, other = await created(db), await created(db)
    customer = Actor(Door.GRAPHQL, Role.CUSTOMER, contact_id=made.id)
    taken: Any = (await loaded(db, other.id)).record
    for values in ({"number": taken.number}, {"number": "CON999"}, {"owner_id": 1}, {"account_id": other.id}):
        with pytest.raises(Refused) as refused:
            await changed(db, made.id, Edit(dict(values)), customer)
        assert [(type(each), each.path) for each in refused.value.all] == [(Forbidden, tuple(values))]


@pytest.mark.parametrize("text", ["\x00", "a\ud800b", "line\nbreak"])
async def test_text_that_no_line_can_hold_is_refused_by_name(db: Database, text: str) -> None:
    with pytest.raises(Invalid) as refused:
        await created(db, Edit({"last_name": text}))
    assert (refused.value.path, refused.value.reason) == (("last_name",), "control")


@pytest.mark.parametrize("text", ["👩‍👩‍👧‍👦", "עברית", "é", "  padded  ", "%_'\"\\"])
async def test_other_text_comes_back_byte_for_byte(db: Database, text: str) -> None:
    made = await created(db, Edit({"last_name": text, "description": f"{text}\n{text}"}))
    record: Any = (await loaded(db, made.id)).record
    assert (record.last_name, record.description) == (text, f"{text}\n{text}")


async def test_a_refusal_inside_a_transaction_takes_all_of_it_back(db: Database) -> None:
    with pytest.raises(Refused):
        async with db.begin() as session:
            await parties.create(session, STAFF, PartyKind.CONTACT, marie())
            await parties.create(session, STAFF, PartyKind.CONTACT, Edit())
    async with db.read() as session:
        assert await session.scalar(select(func.count()).select_from(Party)) == 0
        assert await session.scalar(select(func.count()).select_from(Contact)) == 0
