"""Synthetic records are such as the business itself would have made."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from crmgraph.crm.models import Address, Contact, Door, Email, PartyKind, Phone, Role
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import parties
from crmgraph.crm.records.edits import Edit
from crmgraph.crm.values.countries import country_code_of_name
from crmgraph.crm.values.folding import fold
from crmgraph.crm.values.phone_numbers import parse_phone
from crmgraph.crm.values.text import email_key, is_email
from crmgraph.db.database import Database
from crmgraph.db.errors import Meaning, diagnose
from crmgraph.seed import seed


async def test_every_normalised_value_is_what_the_business_derives(db: Database) -> None:
    done: list[int] = []
    await seed(db, accounts=30, contacts=200, leads=60, progress=done.append)
    assert done == [30, 200, 60]
    async with db.read() as session:
        for phone in await session.scalars(select(Phone)):
            known = parse_phone(phone.raw, None)
            derived = (phone.e164, phone.digits, phone.extension, phone.valid)
            assert derived == (known.e164, known.digits, known.extension, known.valid), phone.raw
        for address in await session.scalars(select(Address)):
            assert (address.city_key, address.country) == (
                fold(address.city),
                country_code_of_name(address.country_name),
            )
        for email in await session.scalars(select(Email)):
            assert is_email(email.address) and email.address_key == email_key(email.address)
        names = {row.id: row.last_name_key for row in await session.execute(select(Contact.id, Contact.last_name_key))}
        repeated = await session.execute(select(Address.party_id, Address.name_key))
        assert all(names.get(party_id, key) == key for party_id, key in repeated)


async def test_ids_and_numbers_go_on_where_the_seed_ended(db: Database) -> None:
    await seed(db, accounts=3, contacts=5, leads=2)
    staff = Actor(Door.GRAPHQL, Role.ADMIN)
    async with db.begin() as session:
        edit = Edit({"last_name": "Next"})
        made = await parties.create(session, staff, PartyKind.CONTACT, edit)
    assert (made.id, made.record.number) == (10**9 + 10, "CON6")
    await seed(db, accounts=1, contacts=1, leads=1)
    async with db.read() as session:
        assert sorted(await session.scalars(select(Contact.number))) == [f"CON{n}" for n in range(1, 8)]


async def test_a_statement_has_its_time_and_a_command_as_much_as_it_takes(database: str) -> None:
    if database.startswith("sqlite"):
        pytest.skip("SQLite's statements run where they are asked, and wait for nobody")
    for seconds in (0.05, None):
        db = Database(database, statement_seconds=seconds)
        try:
            async with db.read() as session:
                if seconds is None:
                    assert await session.scalar(text("SELECT 1 FROM pg_sleep(0.2)")) == 1
                else:
                    with pytest.raises(DBAPIError) as given_up:
                        await session.scalar(text("SELECT 1 FROM pg_sleep(0.2)"))
                    assert diagnose(given_up.value).meaning is Meaning.TIMEOUT
        finally:
            await db.close()
