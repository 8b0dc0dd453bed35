"""Relations between records, and the look-up of records by what identifies them, on both databases."""

from typing import Any

import pytest
from sqlalchemy import func, select

from crmgraph.crm.errors import Invalid, Missing, NotFound, Several
from crmgraph.crm.models import Change, Contact, Door, PartyKind, Relation, Role
from crmgraph.crm.policy import Actor
from crmgraph.crm.query.conditions import MAX_VALUES
from crmgraph.crm.query.identifiers import identify, identify_each
from crmgraph.crm.records import aggregates, parties
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.authorship import last_set
from crmgraph.crm.records.edits import Edit, RowEdits
from crmgraph.crm.records.external_ids import encoding_context
from crmgraph.crm.records.unit_of_work import Transaction
from crmgraph.db.database import Database
from tests.conftest import statements

STAFF = Actor(Door.GRAPHQL, Role.ADMIN, sees_identity=True, region="CY")
CLERK = Actor(Door.CRMCOM, Role.AGENT)
PARTS = ("phones", "emails", "addresses", "photo", "relations")


async def created(db: Database, edit: Edit, kind: PartyKind = PartyKind.CONTACT) -> int:
    async with db.begin() as session:
        return (await parties.create(session, STAFF, kind, edit)).id


async def loaded(db: Database, party_id: int) -> Aggregate:
    async with db.read() as session:
        return (await aggregates.load(session, STAFF, PartyKind.CONTACT, [party_id], parts=PARTS))[party_id]


async def changed(db: Database, party_id: int, edits: RowEdits) -> bool:
    async with db.begin() as session:
        found = await aggregates.load(session, STAFF, PartyKind.CONTACT, [party_id], lock=True, parts=PARTS)
        return await parties.update(Transaction(session), STAFF, found[party_id], Edit(relations=edits))


async def last_change(db: Database, party_id: int) -> list[dict[str, Any]]:
    async with db.read() as session:
        query = select(Change.fields).where(Change.party_id == party_id).order_by(Change.id.desc()).limit(1)
        return (await session.scalars(query)).one()


def plain(relations: list[Relation]) -> list[tuple[str, int | None, dict[str, Any], int]]:
    return [(row.kind, row.other_id, row.given, row.rank) for row in relations]


async def test_relations_come_change_and_go_within_the_revision_and_the_change_of_their_record(db: Database) -> None:
    friend = await created(db, Edit({"last_name": "Ioannou"}))
    company = await created(db, Edit({"name": "Koziors"}), PartyKind.ACCOUNT)
    edit = Edit({"last_name": "Kozior"})
    edit.relations.add = [
        {"kind": "FRIEND", "other_id": friend, "given": {"id": "ABC"}},
        {"kind": "FAMILY_MEMBER", "given": {"id_number": "142536"}},
    ]
    own = await created(db, edit)
    louis = await loaded(db, own)
    assert plain(louis.relations) == [
        ("FRIEND", friend, {"id": "ABC"}, 0),
        ("FAMILY_MEMBER", None, {"id_number": "142536"}, 1),
    ]
    first, second = louis.relations
    assert louis.record.revision == 1
    assert [field for field in await last_change(db, own) if field["field"].startswith("relations")] == [
        {
            "field": f"relations.{first.id}",
            "old": None,
            "new": {"other_id": friend, "kind": "FRIEND", "given": ["id"]},
        },
        {"field": f"relations.{second.id}", "old": None, "new": {"kind": "FAMILY_MEMBER", "given": ["id_number"]}},
    ]

    edits = RowEdits(
        add=[{"kind": "EMPLOYER", "other_id": company}],
        update=[(second.id, {"kind": "PARTNER", "given": {"id_number": "1"}})],
        remove=[first.id],
    )
    assert await changed(db, own, edits)
    louis = await loaded(db, own)
    assert plain(louis.relations) == [("PARTNER", None, {"id_number": "1"}, 1), ("EMPLOYER", company, {}, 2)]
    assert louis.record.revision == 2
    assert await last_change(db, own) == [
        {
            "field": f"relations.{first.id}",
            "old": {"other_id": friend, "kind": "FRIEND", "given": ["id"]},
            "new": None,
        },
        {"field": f"relations.{second.id}.kind", "old": "FAMILY_MEMBER", "new": "PARTNER"},
        {"field": f"relations.{second.id}.given", "masked": True},
        {
            "field": f"relations.{louis.relations[1].id}",
            "old": None,
            "new": {"other_id": company, "kind": "EMPLOYER"},
        },
    ]
    assert not await changed(db, own, RowEdits(update=[(second.id, {"kind": "PARTNER"})]))
    assert (await loaded(db, own)).record.revision == 2

    async with db.read() as session:
        with statements(db) as seen:
            around = await encoding_context(session, STAFF, "crmcom", [louis])
        assert len(seen) == 3
    assert {party_id: type(record).__name__ for party_id, record in around.records.items()} == {company: "Account"}


async def test_every_fault_of_the_relations_is_told_at_once_and_nothing_is_written(db: Database) -> None:
    own = await created(db, Edit({"last_name": "Kozior"}))
    lead = await created(db, Edit({"last_name": "Lead"}), PartyKind.LEAD)
    edits = RowEdits(
        add=[
            {"kind": " "},
            {"kind": "FRIEND", "other_id": lead},
            {"kind": 5},
            {"kind": "FRIEND", "given": ["id"]},
            {"kind": "FRIEND", "given": {"id_number": "a\x00b"}},
        ],
        update=[(own, {"kind": "FRIEND"})],
    )
    with pytest.raises(Several) as caught:
        await changed(db, own, edits)
    assert [(type(fault), fault.path, getattr(fault, "reason", None)) for fault in caught.value.all] == [
        (NotFound, ("relations", "update", 0, "id"), None),
        (Missing, ("relations", "add", 0, "kind"), None),
        (Invalid, ("relations", "add", 2, "kind"), "type"),
        (Invalid, ("relations", "add", 3, "given"), "form"),
        (Invalid, ("relations", "add", 4, "extra_fields", "given", "id_number"), "control"),
        (Invalid, ("relations", "add", 1, "other_id"), "reference"),
    ]
    async with db.read() as session:
        assert await session.scalar(select(func.count()).select_from(Relation)) == 0
        assert await session.scalar(select(Contact.revision).where(Contact.id == own)) == 1


async def test_records_are_identified_by_what_they_are_known_by(db: Database) -> None:
    louis = await created(
        db,
        Edit(
            {"last_name": "Kozior", "id_number": "AB1", "passport_number": "CD1", "social_security_number": "EF1"},
            phones=RowEdits(add=[{"kind": "MOBILE", "raw": "99 849996"}]),
            emails=RowEdits(add=[{"kind": "PERSONAL", "address": "Louis@Example.com"}]),
        ),
    )
    double = await created(db, Edit({"last_name": "Double", "id_number": "AB1"}))
    koziors = await created(
        db,
        Edit(
            {"name": "Koziors", "registration_number": "KZ1", "vat_number": "126591", "number": "ACC77"},
            emails=RowEdits(add=[{"kind": "BUSINESS", "address": "louis@example.com"}]),
        ),
        PartyKind.ACCOUNT,
    )
    person, company = (PartyKind.CONTACT, louis), (PartyKind.ACCOUNT, koziors)
    async with db.read() as session:

        async def found(actor: Actor = STAFF, /, **wanted: Any) -> list[tuple[PartyKind, int]]:
            with statements(db) as seen:
                answer = await identify(session, actor, wanted)
            assert len(seen) <= 1
            return answer

        assert await found(id=louis) == [person]
        assert await found(id=koziors) == [company]
        assert await found(id_number=" AB1 ") == [person, (PartyKind.CONTACT, double)]
        assert await found(id_number="AB1", passport_number="CD1") == [person]
        assert await found(social_security_number="EF1") == [person]
        assert await found(vat_number="126591") == [company]
        assert await found(registration_number="KZ1") == [company]
        assert await found(number="ACC77") == [company]
        assert await found(email="LOUIS@example.com") == [person, company]
        assert await found(phone="+357 99849996") == [person]
        assert await found(phone="99-849-996") == [person]
        assert await found(id_number="AB1", vat_number="126591") == []
        assert await found(id_number="ab1") == []
        assert await found(id_number="%") == []
        assert await found(id_number="") == []
        assert await found(phone="none") == []
        assert await found(email="a\x00b") == []
        # Whoever may not see a document does not find its bearer by it.
        assert await found(CLERK, id_number="AB1") == []
        assert await found(CLERK, id=louis) == [person]
        assert await found(Actor(Door.GRAPHQL), id=louis) == []
        own = Actor(Door.COVALENSE, Role.CUSTOMER, contact_id=louis)
        assert await found(own, id_number="AB1") == [person]
        assert await identify(session, STAFF, {"id_number": "AB1"}, offset=1) == [(PartyKind.CONTACT, double)]

        asked = [
            ("id_number", "AB1"),
            ("id", koziors),
            ("vat_number", "126591"),
            ("number", "none"),
            ("id_number", "\0"),
        ]
        with statements(db) as seen:
            each = await identify_each(session, STAFF, asked)
        assert len(seen) == 1
        assert list(each.values()) == [[person, (PartyKind.CONTACT, double)], [company], [company], [], []]
        assert (await identify_each(session, STAFF, asked, limit=1))["id_number", "AB1"] == [person]
        assert (await identify_each(session, CLERK, asked))["id_number", "AB1"] == []
        # However many there are: more than one comparison takes.
        many = [("id_number", f"none {n}") for n in range(2 * MAX_VALUES)]
        with statements(db) as seen:
            found = await identify_each(session, STAFF, [*many, *asked])
        assert len(seen) == 1
        assert {pair: of for pair, of in found.items() if of} == {pair: of for pair, of in each.items() if of}


async def test_the_change_log_tells_who_set_a_value_last(db: Database) -> None:
    own = await created(db, Edit({"last_name": "Kozior", "direct_marketing": True}))
    async with db.read() as session:
        with statements(db) as seen:
            found = await last_set(session, own, ("direct_marketing", "affiliate_marketing"), "crmcom")
        assert len(seen) == 2
        assert {name: setting.by for name, setting in found.items()} == {"direct_marketing": None}
        made = await session.scalar(select(Contact.created_at).where(Contact.id == own))
        assert found["direct_marketing"].at == made
