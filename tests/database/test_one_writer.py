"""SQLite has one writer: those of a process queue for it, and take a connection in their turn."""

import asyncio

import pytest
from sqlalchemy import event, select, update

from crmgraph.crm.models import Contact, Door, PartyKind, Role
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import parties
from crmgraph.crm.records.edits import Edit
from crmgraph.db.database import Database, Session
from tests.conftest import Running
from tests.graph.conftest import Caller, hired

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
STAFF = Actor(Door.GRAPHQL, Role.ADMIN)
CLIENTS, CHANGES = 8, 5
UPDATE = """mutation($i: UpdateContactInput!) { updateContact(input: $i) {
  contact { history { totalCount } } userErrors { message } } }"""


async def made(db: Database) -> int:
    """The id of a new contact."""
    async with db.begin() as session:
        return (await parties.create(session, STAFF, PartyKind.CONTACT, Edit({"last_name": "0"}))).id


async def count_up(db: Database, contact: int) -> None:
    """Read a number and write the next one, in one transaction."""

    async def work(session: Session) -> None:
        was = await session.scalar(select(Contact.last_name).where(Contact.id == contact))
        await session.execute(update(Contact).where(Contact.id == contact).values(last_name=str(int(was or 0) + 1)))

    for _ in range(CHANGES):
        await db.transact(work)


async def number(db: Database, contact: int) -> str | None:
    async with db.read() as session:
        return await session.scalar(select(Contact.last_name).where(Contact.id == contact))


async def test_writers_of_one_process_hold_one_connection_and_readers_go_on(db: Database) -> None:
    contact, lent, most = await made(db), 0, 0

    def lend(*_: object) -> None:
        nonlocal lent, most
        lent += 1
        most = max(most, lent)

    def give_back(*_: object) -> None:
        nonlocal lent
        lent -= 1

    event.listen(db.engine.sync_engine, "checkout", lend)
    event.listen(db.engine.sync_engine, "checkin", give_back)
    await asyncio.gather(*(count_up(db, contact) for _ in range(CLIENTS)))
    assert most == 1
    assert await number(db, contact) == str(CLIENTS * CHANGES)
    async with db.begin() as session:
        await session.execute(update(Contact).values(last_name="unseen"))
        waiting = asyncio.create_task(count_up(db, contact))
        assert await number(db, contact) == str(CLIENTS * CHANGES)
        assert not waiting.done()
        await session.rollback()
    await waiting
    assert await number(db, contact) == str((CLIENTS + 1) * CHANGES)


async def test_whoever_gives_up_waiting_keeps_nobody_waiting(db: Database) -> None:
    contact = await made(db)
    async with db.begin() as session:
        await session.execute(update(Contact).values(nickname="a"))
        given_up, waiting = (asyncio.create_task(count_up(db, contact)) for _ in range(2))
        await asyncio.sleep(0.01)
        given_up.cancel()
    await waiting
    assert given_up.cancelled()
    assert await number(db, contact) == str(CHANGES)


async def test_several_processes_write_to_one_file(db: Database, database: str) -> None:
    contact = await made(db)
    others = [Database(database) for _ in range(2)]
    await asyncio.gather(*(count_up(each, contact) for each in (db, *others) for _ in range(3)))
    assert await number(db, contact) == str(9 * CHANGES)
    for other in others:
        await other.close()


async def test_every_change_of_many_clients_is_made(running: Running) -> None:
    contact = f"con_{await made(running.db)}"
    agent = await hired(running.core, Caller(running.client), "agent@example.com", Role.AGENT)

    async def change(client: int) -> None:
        for n in range(CHANGES):
            done = await agent(UPDATE, i={"contact": {"id": contact}, "firstName": f"{client}-{n}"})
            assert done["updateContact"]["userErrors"] == []

    await asyncio.gather(*(change(client) for client in range(CLIENTS)))
    found = await agent("query($i: ID!) { contact(by: {id: $i}) { history { totalCount } } }", i=contact)
    assert found["contact"]["history"]["totalCount"] == CLIENTS * CHANGES + 1
