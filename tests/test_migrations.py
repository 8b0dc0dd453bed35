"""The migrations build what the models say, on both databases, and can be taken back."""

import datetime as dt

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, bindparam, inspect, select, text

from crmgraph.crm.models import FIRST_MINTED_ID, Account, Base, Job, Party, PartyKind, now
from crmgraph.crm.models.columns import Moment
from crmgraph.db.database import Database
from crmgraph.migrations import downgrade, head, is_current, upgrade


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


async def test_the_tables_are_those_of_the_models(db: Database) -> None:
    def drift(connection: Connection) -> list[object]:
        return compare_metadata(
            MigrationContext.configure(connection, opts={"compare_type": True}),
            Base.metadata,
        )

    async with db.engine.connect() as connection:
        assert await connection.run_sync(drift) == []
        assert await connection.run_sync(tables) == set(Base.metadata.tables)


async def test_down_and_up_again_leaves_the_same_tables(db: Database) -> None:
    assert await is_current(db)
    await downgrade(db)
    assert not await is_current(db)
    async with db.engine.connect() as connection:
        assert await connection.run_sync(tables) == set()
    await upgrade(db)
    await upgrade(db)
    assert await is_current(db)
    async with db.engine.connect() as connection:
        assert await connection.run_sync(tables) == set(Base.metadata.tables)


async def test_stored_rows_get_the_slots_that_were_counted_until_now(db: Database) -> None:
    await downgrade(db, "0001")
    contact, account, lead = 1, 2, 3
    kinds = {contact: "contact", account: "account", lead: "lead"}
    phones = [  # (party, kind, rank, active, slot)
        (contact, "MOBILE", 5, True, None),
        (contact, "MOBILE", 0, False, None),
        (contact, "MOBILE", 1, True, "MOBILE"),
        (contact, "FAX", 2, True, "FAX"),
        (account, "MOBILE", 0, True, "MOBILE"),
        (lead, "FAX", -1, False, None),
    ]
    emails = [
        (contact, "BUSINESS", 2, True, "SECOND"),
        (contact, "PERSONAL", 0, True, "FIRST"),
        (contact, "PERSONAL", 1, False, None),
        (contact, "PERSONAL", 3, True, None),
        (lead, "PERSONAL", 7, True, "FIRST"),
        (account, "PERSONAL", 0, True, "FIRST"),
        (account, "PERSONAL", 0, True, "SECOND"),
    ]
    addresses = [
        (contact, "BILLING", 0, True, "FIRST"),
        (contact, "BILLING", 1, True, "SECOND"),
        (contact, "BILLING", 2, True, None),
        (account, "SHIPPING", 0, True, "SHIPPING"),
        (account, "BILLING", 1, False, None),
        (account, "BILLING", 2, True, "BILLING"),
        (account, "BILLING", 3, True, None),
        (lead, "OTHER", 0, True, "FIRST"),
    ]
    stored = {"phone": phones, "email": emails, "address": addresses}
    given = {"phone": {"raw": "'1'", "digits": "''"}, "email": {"address": "'a@b.c'", "address_key": "''"}}
    given |= {"email": given["email"] | {"verified": "false"}, "address": {"city_key": "''", "name_key": "''"}}
    empty = "'{}'"
    async with db.begin() as session:
        for own, kind in kinds.items():
            await session.execute(text(f"INSERT INTO party (id, kind) VALUES ({own}, '{kind.upper()}')"))
        names_then = {"extra_fields": "remainder"}
        now_there = {name for name, column in Account.__table__.c.items() if not column.nullable}
        columns = [
            names_then.get(name, name)
            for name in sorted(name for name in now_there if not name.endswith("_key") or name == "name_key")
        ]
        values = {"number": "'A'", "revision": "1", "remainder": empty, "id": str(account), "name_key": "''"}
        values |= {name: "'2026-01-01'" for name in columns if name.endswith("_at")}
        listed = ", ".join(values.get(name, "false") for name in columns)
        await session.execute(text(f"INSERT INTO account ({', '.join(columns)}) VALUES ({listed})"))
        for table, rows in stored.items():
            names, fixed = ", ".join(given[table]), ", ".join(given[table].values())
            for own, kind, rank, active, _ in rows:
                row = f"{own}, '{kind}', {rank}, {active}, {empty}, {fixed}"
                into = f"party_id, kind, rank, active, remainder, {names}"
                await session.execute(text(f"INSERT INTO {table} ({into}) VALUES ({row})"))
    await upgrade(db)
    async with db.read() as session:
        for table, rows in stored.items():
            found = await session.scalars(text(f"SELECT slot FROM {table} ORDER BY id"))
            assert list(found) == [slot for *_, slot in rows], table
    await downgrade(db, "0001")
    await upgrade(db)


async def test_the_emails_of_staff_get_the_keys_of_all_emails(db: Database) -> None:
    await downgrade(db, "0009")
    emails = ["ÉMILE@xn--mnchen-3ya.example", None, "Ada@example.com"] * 700
    async with db.engine.begin() as connection:
        insert = text(
            "INSERT INTO staff (name, email, role, sees_identity, active, created_at)"
            " VALUES ('A', :email, 'AGENT', false, true, '2026-01-01')"
        )
        await connection.execute(insert, [{"email": each} for each in emails])
    await upgrade(db)
    async with db.engine.connect() as connection:
        kept = await connection.execute(text("SELECT email, email_key FROM staff ORDER BY id"))
        keys = {emails[0]: "émile@münchen.example", None: "", "Ada@example.com": "ada@example.com"}
        assert [tuple(row) for row in kept] == [(each, keys[each]) for each in emails]


def test_the_names_of_the_steps_tell_the_latest_one() -> None:
    config = Config()
    config.set_main_option("script_location", "crmgraph:migrations")
    steps = ScriptDirectory.from_config(config)
    assert head() == steps.get_current_head()
    assert len(list(steps.walk_revisions())) == int(head())


def test_serving_loads_nothing_that_only_migrating_needs(modules_of_the_server: frozenset[str]) -> None:
    assert {"alembic", "mako"} & modules_of_the_server == set()


async def test_a_database_of_another_version_is_not_current(db: Database) -> None:
    async with db.begin() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert not await is_current(db)


async def test_ids_are_minted_from_a_thousand_million_up(db: Database) -> None:
    async with db.begin() as session:
        first, second = Party(kind=PartyKind.LEAD), Party(kind=PartyKind.CONTACT)
        session.add(first)
        await session.flush()
        session.add(second)
        await session.flush()
        assert (first.id, second.id) == (FIRST_MINTED_ID, FIRST_MINTED_ID + 1)


async def test_every_minting_table_starts_where_the_others_do(db: Database) -> None:
    keys = {table.name: table.primary_key.columns.values() for table in Base.metadata.tables.values()}
    minting = {name for name, columns in keys.items() if columns and columns[0].identity}
    async with db.engine.connect() as connection:
        if db.is_sqlite:
            rows = await connection.execute(text("SELECT name, seq FROM sqlite_sequence"))
            assert {row.name: row.seq for row in rows} == dict.fromkeys(minting, FIRST_MINTED_ID - 1)
        else:
            rows = await connection.execute(
                text(
                    "SELECT table_name, identity_start FROM information_schema.columns"
                    " WHERE is_identity = 'YES' AND table_schema = 'public'"
                )
            )
            assert {name: int(start) for name, start in rows} == dict.fromkeys(minting, FIRST_MINTED_ID)


async def test_emails_that_wait_become_jobs_and_letters_again(db: Database) -> None:
    await downgrade(db, "0012")
    letters = [
        ("RESET", "ravi@example.com", "seed 1", "key", "request", 0),
        ("CONFIRM_KNOWN", 'o"hara@münchen.example', "seed 2", "key", None, 3),
        ("RESET", None, "seed 3", "key", None, 1),
    ]
    # Whole milliseconds: SQLite's functions of time know no finer ones.
    at = now().replace(microsecond=123_000)
    created, due = at - dt.timedelta(hours=2), at + dt.timedelta(minutes=5)
    names = ("kind", "recipient", "seed", "key_id", "request_id", "tries")
    moments = {name: bindparam(name, type_=Moment()) for name in ("created_at", "expires_at", "due_at")}
    insert = text(
        f"INSERT INTO letter ({', '.join(names)}, created_at, expires_at, due_at)"
        f" VALUES ({', '.join(':' + name for name in names)}, :created_at, :expires_at, :due_at)"
    ).bindparams(*moments.values())
    times = {"created_at": created, "expires_at": created + dt.timedelta(days=1), "due_at": due}
    stored = [dict(zip(names, letter, strict=True)) | times for letter in letters]
    async with db.engine.begin() as connection:
        await connection.execute(text("INSERT INTO counter (series, value) VALUES ('purged at', 5)"))
        await connection.execute(insert, stored)
        kept = (await connection.execute(text("SELECT * FROM letter ORDER BY id"))).mappings().all()
    await upgrade(db)
    async with db.read() as session:
        jobs = list(await session.scalars(select(Job).order_by(Job.id)))
        assert await session.scalar(text("SELECT count(*) FROM counter WHERE series = 'purged at'")) == 0
    assert [(job.kind, job.payload, job.request_id, job.attempts) for job in jobs] == [
        ("email", {"template": kind, "to": to, "seed": seed, "key_id": key}, request, tries)
        for kind, to, seed, key, request, tries in letters
    ]
    assert {(job.created_at, job.run_after, job.claimed_until, job.failed_at) for job in jobs} == {
        (created, due, None, None)
    }
    await downgrade(db, "0012")
    async with db.engine.begin() as connection:
        back = (await connection.execute(text("SELECT * FROM letter ORDER BY id"))).mappings().all()
    whole = [name for name in kept[0] if name != "expires_at"]
    assert [[row[name] for name in whole] for row in back] == [[row[name] for name in whole] for row in kept]
    assert [str(row["expires_at"])[:23] for row in back] == [str(row["expires_at"])[:23] for row in kept]
    await upgrade(db)
