"""`crmgraph repair` brings what is derived from stored values up to date, and merges nothing."""

import json
from pathlib import Path
from typing import Any

from sqlalchemy import select, text, update

from crmgraph.crm.identity import credentials
from crmgraph.crm.identity.staff import add_staff
from crmgraph.crm.models import (
    Account,
    Address,
    AddressKind,
    Contact,
    Credential,
    Door,
    Email,
    EmailKind,
    Lead,
    PartyKind,
    Phone,
    PhoneKind,
    Role,
    Staff,
)
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import parties
from crmgraph.crm.records.edits import Edit, RowEdits
from crmgraph.db.database import Database
from crmgraph.seed import seed
from tests.program import SECRET, crmgraph

STAFF = Actor(Door.OPERATOR, Role.ADMIN, region="DE")


async def add(db: Database, last_name: str, **rows: Any) -> int:
    values = {"first_name": "Zoë", "last_name": last_name, "job_title": "Bürokraft"}
    edit = Edit(values=values, **{name: RowEdits(add=list(added)) for name, added in rows.items()})
    async with db.begin() as session:
        return (await parties.create(session, STAFF, PartyKind.CONTACT, edit)).id


async def stored(db: Database, contact_id: int) -> dict[str, Any]:
    async with db.read() as session:
        contact = (await session.scalars(select(Contact).where(Contact.id == contact_id))).one()
        keys = ("first_name_key", "last_name_key", "job_title_key")
        found = {"revision": contact.revision} | {key: getattr(contact, key) for key in keys}
        for model in (Phone, Email, Address):
            row = (await session.scalars(select(model).where(model.party_id == contact_id))).first()
            if row is not None:
                names = ("e164", "digits", "address", "address_key", "city_key", "name_key", "country")
                found |= {f"{model.__tablename__}.{n}": getattr(row, n) for n in names if hasattr(row, n)}
        return found


async def spoil(db: Database) -> None:
    """Every derived value as no version would write it."""
    async with db.begin() as session:
        await session.execute(update(Contact).values(first_name_key="?", last_name_key="?", job_title_key="?"))
        await session.execute(update(Account).values(name_key="?"))
        await session.execute(update(Email).values(address=Email.address + "\u00a0", address_key="?"))
        await session.execute(update(Address).values(city_key="?", name_key="?", country=None))
        await session.execute(update(Phone).values(e164=None, digits="?"))


def repair(tmp_path: Path, database: str, *options: str) -> tuple[int, str]:
    settings = {"CRMGRAPH_SECRET_KEY": SECRET, "CRMGRAPH_DATABASE_URL": database}
    done = crmgraph(tmp_path, "repair", *options, **settings)
    assert done.stderr == ""
    return done.returncode, done.stdout


ROWS = {
    "phones": [{"kind": PhoneKind.MOBILE, "raw": "0171 1234567"}],
    "emails": [{"kind": EmailKind.PERSONAL, "address": "Eva@Example.com"}],
    "addresses": [{"kind": AddressKind.HOME, "city": "Köln", "country_name": "Germany"}],
}


async def test_everything_that_is_derived_is_made_anew_and_nothing_else_changes(
    db: Database, database: str, tmp_path: Path
) -> None:
    contact = await add(db, "Müller", **ROWS)
    right = await stored(db, contact)
    assert right["phone.e164"] == "+491711234567"
    await spoil(db)
    spoiled = await stored(db, contact)
    code, told = repair(tmp_path, database, "--dry-run", "--json")
    tables = {name: {"read": 1, "changed": 1} for name in ("address", "contact", "email", "phone")}
    assert (code, json.loads(told)) == (0, {"dry_run": True, "tables": tables, "collisions": []})
    assert await stored(db, contact) == spoiled
    code, told = repair(tmp_path, database)
    assert code == 0
    assert told == "".join(f"{name}: 1 of 1 changed\n" for name in ("address", "contact", "email", "phone"))
    assert await stored(db, contact) == right
    code, told = repair(tmp_path, database)
    assert told == "".join(f"{name}: 0 of 1 changed\n" for name in ("address", "contact", "email", "phone"))
    async with db.read() as session:
        assert await session.scalar(text("SELECT count(*) FROM change")) == 1


async def test_the_keys_of_a_lead_are_made_anew(db: Database, database: str, tmp_path: Path) -> None:
    values = {"first_name": "Zoë", "last_name": "Öz", "company": "Łódź Strauß", "job_title": "Bürokraft"}
    async with db.begin() as session:
        await parties.create(session, STAFF, PartyKind.LEAD, Edit(values))
    names = ("first_name_key", "last_name_key", "company_key", "job_title_key")
    keys = select(*(getattr(Lead, name) for name in names))
    for name in names:
        async with db.begin() as session:
            await session.execute(update(Lead).values({name: "?"}))
        assert repair(tmp_path, database, "--dry-run") == (0, "lead: 1 of 1 would be changed\n")
        assert repair(tmp_path, database) == (0, "lead: 1 of 1 changed\n")
        async with db.read() as session:
            assert tuple((await session.execute(keys)).one()) == ("zoe", "oz", "lodz strauss", "burokraft")
    assert repair(tmp_path, database) == (0, "lead: 0 of 1 changed\n")


async def test_a_number_keeps_the_region_that_it_was_written_with(db: Database, database: str, tmp_path: Path) -> None:
    contact = await add(db, "Weggezogen", **ROWS)
    async with db.begin() as session:
        await session.execute(update(Address).values(country="FR", country_name="France"))
    before = await stored(db, contact)
    assert repair(tmp_path, database)[0] == 0
    assert await stored(db, contact) == before


async def test_two_logins_that_are_one_by_now_are_told_and_left_alone(
    db: Database, database: str, tmp_path: Path
) -> None:
    first, second = await add(db, "One"), await add(db, "Two")
    async with db.begin() as session:
        held = await credentials.add_credential(session, email="eva@example.com", password_hash="1", contact_id=first)
        other = await credentials.add_credential(session, email="x@example.com", password_hash="2", contact_id=second)
        former = {"email": "EVA@example.com", "email_key": "former rules"}
        await session.execute(update(Credential).where(Credential.id == other).values(former))
    for options in (("--dry-run",), ()):
        code, told = repair(tmp_path, database, "--json", *options)
        collision = {"email": "EVA@example.com", "id": other, "other_id": held}
        assert (code, json.loads(told)["collisions"]) == (2, [collision])
    async with db.read() as session:
        kept = await session.execute(select(Credential.email, Credential.email_key).order_by(Credential.id))
        assert list(kept) == [("eva@example.com", "eva@example.com"), ("EVA@example.com", "former rules")]


async def test_the_emails_of_staff_are_found_anew(db: Database, database: str, tmp_path: Path) -> None:
    async with db.begin() as session:
        for email in ("Ève@XN--mnchen-3ya.example", None):
            await add_staff(session, "Eve", email, Role.AGENT, None)
        await session.execute(update(Staff).where(Staff.email.is_not(None)).values(email_key="former rules"))
    for options, key in ((("--dry-run",), "former rules"), ((), "ève@münchen.example"), ((), "ève@münchen.example")):
        code, told = repair(tmp_path, database, "--json", *options)
        async with db.read() as session:
            assert list(await session.scalars(select(Staff.email_key).order_by(Staff.id))) == [key, ""]
        assert (code, json.loads(told)["tables"]["staff"]["read"]) == (0, 2)
    assert repair(tmp_path, database) == (0, "staff: 0 of 2 changed\n")


async def test_of_two_logins_of_one_mailbox_the_first_gets_the_key(db: Database, database: str, tmp_path: Path) -> None:
    first, second = await add(db, "One"), await add(db, "Two")
    spelled = [("eva@münchen.example", "eva@münchen.example former"), ("eva@xn--mnchen-3ya.example", "former")]
    ids = []
    async with db.begin() as session:
        for contact, (email, former) in zip((first, second), spelled, strict=True):
            made = await credentials.add_credential(
                session, email=f"{contact}@x.example", password_hash="", contact_id=contact
            )
            values = {"email": email, "email_key": former}
            await session.execute(update(Credential).where(Credential.id == made).values(values))
            ids.append(made)
    collision = {"email": spelled[1][0], "id": ids[1], "other_id": ids[0]}
    for options in (("--dry-run",), (), ()):
        code, told = repair(tmp_path, database, "--json", *options)
        assert (code, json.loads(told)["collisions"]) == (2, [collision])
    async with db.read() as session:
        kept = await session.execute(select(Credential.email_key).order_by(Credential.id))
        assert list(kept.scalars()) == ["eva@münchen.example", "former"]


async def test_what_is_more_than_a_batch_is_gone_through_to_the_end(
    db: Database, database: str, tmp_path: Path
) -> None:
    await seed(db, accounts=1_100, contacts=0, leads=0)
    async with db.read() as session:
        right = {tuple(row) for row in await session.execute(select(Account.id, Account.name_key))}
    await spoil(db)
    sizes = {"account": 1_100, "address": 1_650, "email": 1_100, "phone": 1_100}
    assert repair(tmp_path, database) == (0, "".join(f"{name}: {n} of {n} changed\n" for name, n in sizes.items()))
    assert repair(tmp_path, database) == (0, "".join(f"{name}: 0 of {n} changed\n" for name, n in sizes.items()))
    async with db.read() as session:
        assert {tuple(row) for row in await session.execute(select(Account.id, Account.name_key))} == right


def test_tables_of_another_version_are_not_repaired(tmp_path: Path) -> None:
    settings = {"CRMGRAPH_SECRET_KEY": SECRET, "CRMGRAPH_DATABASE_URL": "sqlite:///own.db"}
    refused = crmgraph(tmp_path, "repair", **settings)
    assert (refused.returncode, refused.stderr) == (1, "The database is not migrated: run `crmgraph migrate` first.\n")


async def test_numbers_that_an_older_version_misread_are_read_anew(db: Database, database: str, tmp_path: Path) -> None:
    misread = {
        "001 47 22 12 34 56": ("HK", "+14722123456", ("+4722123456", None, True)),
        "555-0123": ("US", "+15550123", (None, None, False)),
        "0171 1234567 Uwe": ("DE", "+491711234567893", ("+491711234567", None, True)),
        "202 555 0123 x12": ("US", "+12025550123", ("+12025550123", "12", True)),
        # Written when the record was in Germany: what it was then is confirmed, and stays.
        "030 1234567": ("FR", "+49301234567", ("+49301234567", None, True)),
    }
    ids = {}
    for raw, (country, e164, _) in misread.items():
        rows = {"phones": [{"kind": PhoneKind.MOBILE, "raw": raw}], "addresses": [{"kind": "HOME", "country": country}]}
        ids[raw] = await add(db, "Ray", **rows)
        async with db.begin() as session:
            await session.execute(update(Phone).where(Phone.raw == raw).values(e164=e164, extension=None, valid=False))
    assert repair(tmp_path, database)[0] == 0
    async with db.read() as session:
        for phone in await session.scalars(select(Phone)):
            assert (phone.e164, phone.extension, phone.valid) == misread[phone.raw][2], phone.raw
