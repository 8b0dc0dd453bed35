"""One record with all that a dialect tells of it is read by one statement, as lists read it by several."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, update

from crmgraph.crm.models import Account, Contact, Credential, Door, ExternalId, Lead, PartyKind, Relation, Role, Staff
from crmgraph.crm.models.columns import values_of
from crmgraph.crm.policy import MODELS, Actor
from crmgraph.crm.records import aggregates, external_ids
from crmgraph.crm.records.aggregates import PARTS, Aggregate
from crmgraph.crm.records.told import load_told
from tests.conftest import Running, statements

DIALECTS = ("zoho", "crmcom", "covalense", "valomnia")


def seen(aggregate: Aggregate, around: Any) -> dict[str, Any]:
    """Everything that was read, as values."""
    lists = {name: list(map(values_of, getattr(aggregate, name))) for name in aggregates.ROWS}
    return {
        "record": values_of(aggregate.record),
        **lists,
        "photo": aggregate.photo and values_of(aggregate.photo),
        "records": {key: values_of(each) for key, each in around.records.items()},
        "staff": {key: values_of(each) for key, each in around.staff.items()},
        "external ids": around.external_ids,
        "references": around.references,
    }


async def actors(demo: Running) -> list[Actor]:
    """An employee who may see identity documents, one who may not, and a customer."""
    async with demo.db.read() as session:
        employee = (await session.scalars(select(Staff.id))).first()
        query = select(Credential.id, Contact.id, Contact.account_id).join(Contact, Contact.id == Credential.contact_id)
        credential, contact, account = (await session.execute(query.where(Contact.account_id.is_not(None)))).first()
    staff = Actor(Door.ZOHO, Role.AGENT, staff_id=employee, sees_identity=True)
    customer = Actor(Door.COVALENSE, Role.CUSTOMER, credential_id=credential, contact_id=contact, account_id=account)
    return [staff, replace(staff, sees_identity=False), customer]


async def prepared(demo: Running) -> None:
    """Records that name others and themselves, deleted ones too, with amounts that no float holds."""
    async with demo.db.begin() as session:
        contacts = (await session.scalars(select(Contact.id).order_by(Contact.id))).all()
        accounts = (await session.scalars(select(Account.id).order_by(Account.id))).all()
        staff = (await session.scalars(select(Staff.id))).first()
        await session.execute(update(Contact).where(Contact.id == contacts[0]).values(reports_to_id=contacts[0]))
        await session.execute(update(Contact).where(Contact.id == contacts[1]).values(reports_to_id=contacts[2]))
        await session.execute(update(Contact).where(Contact.id == contacts[2]).values(deleted_at=Contact.created_at))
        await session.execute(update(Account).values(parent_id=accounts[0], primary_contact_id=contacts[1]))
        await session.execute(update(Account).values(owner_id=staff, annual_revenue=Decimal("12345678901234.12345678")))
        await session.execute(update(Lead).values(converted_contact_id=contacts[0], converted_account_id=accounts[0]))
        for other in (contacts[0], contacts[2], accounts[0]):
            session.add(Relation(party_id=contacts[1], kind="FRIEND", other_id=other, rank=other))


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_what_is_read_at_once_is_what_lists_read(demo: Running, dialect: str) -> None:
    await prepared(demo)
    compared = 0
    for actor in await actors(demo):
        for kind, model in MODELS.items():
            async with demo.db.read() as session:
                ids = (await session.scalars(select(model.id))).all()
                for parts, rows in ((PARTS, False), (("phones", "emails", "addresses", "relations"), True)):
                    for party_id in ids:
                        found = await aggregates.load(session, actor, kind, [party_id], parts=parts)
                        with statements(demo.db) as counted:
                            told = await load_told(
                                demo.db, actor, dialect, kind, party_id, parts=parts, rows=rows, staff=actor.staff_id
                            )
                        assert len(counted) == 1
                        if party_id not in found:
                            assert told is None
                            continue
                        named = [actor.staff_id] if actor.staff_id is not None else []
                        around = await external_ids.encoding_context(
                            session, actor, dialect, list(found.values()), rows=rows, staff=named
                        )
                        assert told is not None
                        assert seen(*told) == seen(found[party_id], around)
                        compared += 1
    assert compared > 50


async def test_an_external_id_names_a_record_before_a_number_does(demo: Running) -> None:
    staff, _, customer = await actors(demo)
    async with demo.db.read() as session:
        query = select(ExternalId.value, ExternalId.party_id).join(Lead, Lead.id == ExternalId.party_id)
        zoho = query.where(ExternalId.dialect == "zoho", ExternalId.space == "record", ExternalId.live.is_(True))
        (value, lead), (_, other) = (await session.execute(zoho)).all()[:2]
    for own in (None, other):
        told = await load_told(demo.db, staff, "zoho", PartyKind.LEAD, own, external=("record", [value]))
        assert told is not None and told[0].id == lead
    told = await load_told(demo.db, staff, "zoho", PartyKind.LEAD, other, external=("record", ["no such"]))
    assert told is not None and told[0].id == other
    assert await load_told(demo.db, staff, "zoho", PartyKind.LEAD, None, external=("record", ["no such"])) is None
    assert await load_told(demo.db, staff, "zoho", PartyKind.CONTACT, None, external=("record", [value])) is None
    assert await load_told(demo.db, customer, "zoho", PartyKind.LEAD, None, external=("record", [value])) is None
