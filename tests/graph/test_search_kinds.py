"""The words of the index are kept by the kind of the records that have them, and those of deleted records by
themselves: a search reads no words of others, which is counted, blocks of PostgreSQL and steps of SQLite's machine."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from bench import cliffs
from bench.cliff_questions import Question
from sqlalchemy import event, select, text, update

from crmgraph.crm.core import Core
from crmgraph.crm.models import Contact, PartyKind, SearchTerm, TermKind, now
from crmgraph.crm.query import access_paths
from crmgraph.crm.search import finding, upkeep
from crmgraph.migrations import downgrade, upgrade
from crmgraph.seed import seed
from tests.agreement.world import founded
from tests.conftest import Running, serving, settings_for
from tests.graph.conftest import Caller, put

ERRORS = "userErrors { code path message }"


async def kinds_of(core: Core, party_id: int) -> set[int]:
    async with core.db.read() as session:
        return set(await session.scalars(select(SearchTerm.kind).where(SearchTerm.party_id == party_id)))


async def test_words_follow_what_becomes_of_their_records(core: Core, agent: Caller) -> None:
    (contact, other) = await put(core, PartyKind.CONTACT, {"last_name": "Roy"}, {"last_name": "Ray"})
    (account,) = await put(core, PartyKind.ACCOUNT, {"name": "Roy & Co"})
    (lead,) = await put(core, PartyKind.LEAD, {"last_name": "Roy"})

    async def change(name: str, given: str) -> None:
        done = await agent(f"mutation {{ {name}(input: {{{given}}}) {{ {ERRORS} }} }}")
        assert done[name]["userErrors"] == []

    async def state() -> list[set[int]]:
        assert (await upkeep.reindex(core.db, dry_run=True)).stale == 0
        return [await kinds_of(core, each) for each in (contact, other, account, lead)]

    none, contacts, accounts, leads = ({int(kind)} for kind in TermKind)
    assert await state() == [contacts, contacts, accounts, leads]
    for kind, own in (("Contact", f"con_{contact}"), ("Account", f"acc_{account}"), ("Lead", f"lea_{lead}")):
        await change(f"delete{kind}", f'{kind.lower()}: {{id: "{own}"}}')
    assert await state() == [none, contacts, none, none]
    for kind, own in (("contact", f"con_{contact}"), ("account", f"acc_{account}"), ("lead", f"lea_{lead}")):
        await change("restore", f'record: {{{kind}: {{id: "{own}"}}}}')
    assert await state() == [contacts, contacts, accounts, leads]
    phones = 'phones: {add: [{kind: MOBILE, raw: "+33 6 12345678"}]}'
    await change("updateContact", f'contact: {{id: "con_{other}"}}, {phones}, lastName: "Rey"')
    await change("mergeContacts", f'into: {{id: "con_{contact}"}}, from: [{{id: "con_{other}"}}]')
    assert await state() == [contacts, none, accounts, leads]
    await change("unmerge", f'merged: "con_{other}"')
    assert await state() == [contacts, contacts, accounts, leads]


async def test_words_that_are_kept_as_what_they_are_not_are_told_and_mended(core: Core, agent: Caller) -> None:
    """As a server of a version before leaves them."""
    one, two = await put(core, PartyKind.CONTACT, {"last_name": "Roy"}, {"last_name": "Ray"})
    async with core.db.begin() as session:
        await session.execute(update(SearchTerm).where(SearchTerm.party_id == one).values(kind=TermKind.NONE))
        await session.execute(update(Contact).where(Contact.id == two).values(deleted_at=now()))
    search = '{ search(text: "roy") { totalCount } }'
    assert await agent(search) == {"search": {"totalCount": 0}}
    assert await upkeep.missing(core.db) == 2
    assert await upkeep.reindex(core.db, dry_run=True) == upkeep.Report(records=2, stale=2)
    assert await upkeep.reindex(core.db) == upkeep.Report(records=2, stale=2)
    assert await upkeep.missing(core.db) == 0
    assert await agent(search) == {"search": {"totalCount": 1}}
    assert [await kinds_of(core, each) for each in (one, two)] == [{TermKind.CONTACT}, {TermKind.NONE}]


async def test_the_migration_tells_kinds_apart_and_back(core: Core) -> None:
    await seed(core.db, accounts=3, contacts=12, leads=4)
    async with core.db.begin() as session:
        await session.execute(text("UPDATE contact SET deleted_at = updated_at WHERE id % 3 = 0"))
    await upkeep.reindex(core.db)

    async def terms() -> list[Any]:
        async with core.db.read() as session:
            found = await session.execute(text("SELECT party_id, term, field, source_id FROM search_term"))
            return sorted(map(tuple, found))

    before = await terms()
    await downgrade(core.db, "0037")
    assert await terms() == before
    await upgrade(core.db)
    assert await terms() == before
    assert (await upkeep.reindex(core.db, dry_run=True)).stale == 0


CONTACTS = (400, 4_000)
"""How many there are in the small store, and in the large one; half of them are deleted."""
SLACK = {"sqlite": 30_000, "postgresql": 1_000}
"""So much more is no growth: 200 hits are read. The words of others alone are ten times as many."""
NAMES = (
    "UPDATE contact SET last_name = 'Onlycontacts', last_name_key = 'onlycontacts' WHERE deleted_at IS NULL",
    "UPDATE contact SET last_name = 'Onlydeleted', last_name_key = 'onlydeleted', deleted_at = updated_at "
    "WHERE id % 2 = 0 AND deleted_at IS NULL",
    "UPDATE account SET name = 'Onlyaccounts', name_key = 'onlyaccounts'",
    "UPDATE lead SET last_name = 'Onlyleads', last_name_key = 'onlyleads'",
)
WORDS = {"contacts": "onlycontacts", "accounts": "onlyaccounts", "leads": "onlyleads", None: "onlydeleted"}
"""{list: the word that all of its records have, and no others}."""


def asked() -> list[str]:
    """Questions of one kind by the words of each other: they find nothing, or little."""
    found = []
    for of, word in WORDS.items():
        for records, name in (("contacts", "lastName"), ("accounts", "name"), ("leads", "lastName")):
            if records != of:
                kind = records[:-1].upper()
                texts = (word, f"{word} maria", f"{word}x")
                found += [f'search(text: "{each}", kinds: [{kind}], first: 10) {{ totalCount }}' for each in texts]
                filters = (f'search: "{word}"', f'{name}: {{contains: "{word[1:]}"}}')
                found += [f"{records}(first: 10, filter: {{{each}}}) {{ nodes {{ id }} }}" for each in filters]
        found.append(f'search(text: "{word}", first: 10) {{ totalCount }}')
    return found


@asynccontextmanager
async def measured(core: Core, caller: Caller, url: str) -> AsyncIterator[Callable[[str], Awaitable[int]]]:
    """What asks a question, and tells how much the database reads for it."""
    if not core.db.is_sqlite:
        headers = {"graphql": {"authorization": f"Bearer {caller.token}"}, "crmcom": {"token": ""}}
        async with cliffs.explained(caller.client, core, url, headers) as application:

            async def blocks(query: str) -> int:
                return (await application.cost(Question(query, "POST", "/graphql", {"query": query}))).blocks

            yield blocks
        return
    seen: list[tuple[str, Any]] = []
    execute = core.db.pool.execute

    async def noted(connection: Any, sql: str, values: Any) -> Any:
        note(sql, values)
        return await execute(connection, sql, values)

    def note(sql: str, values: Any) -> None:
        task = asyncio.current_task()
        if sql.startswith(("SELECT", "WITH")) and not (task and task.get_name().startswith("background:")):
            seen.append((sql, values))

    def noted_of_session(_connection: Any, _cursor: Any, sql: str, values: Any, *_more: Any) -> None:
        note(sql, values)

    async def steps(query: str) -> int:
        seen.clear()
        await caller(query)
        assert seen
        count = 0

        def step() -> int:
            nonlocal count
            count += 10
            return 0

        path = url.removeprefix("sqlite:///")
        connection = sqlite3.connect(f"file:{path}?mode=ro", timeout=60, uri=True)
        connection.set_progress_handler(step, 10)
        for sql, values in seen:
            connection.execute(sql, values).fetchall()
        connection.close()
        return count

    event.listen(core.db.engine.sync_engine, "before_cursor_execute", noted_of_session)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(core.db.pool, "execute", noted)
        yield steps
    event.remove(core.db.engine.sync_engine, "before_cursor_execute", noted_of_session)


async def grow(core: Core, contacts: int) -> None:
    """So many more contacts, a fifth as many accounts and leads, each kind with a word of its own."""
    await seed(core.db, accounts=contacts // 5, contacts=contacts, leads=contacts // 5)
    async with core.db.begin() as session:
        connection = await session.connection()
        for statement in NAMES:
            await connection.exec_driver_sql(statement)
    await upkeep.reindex(core.db)
    if not core.db.is_sqlite:
        async with core.db.engine.connect() as connection:
            raw = (await connection.get_raw_connection()).driver_connection
            assert raw is not None
            await raw.execute("VACUUM (ANALYZE)")


async def test_no_search_reads_the_words_of_others(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_paths, "FEW", 40)
    monkeypatch.setattr(finding, "FEW", 40)
    monkeypatch.setattr(finding, "COUNTED", 100)
    costs: list[list[int]] = []
    async with serving(settings_for(database, tmp_path, run_jobs=False)) as (client, app):
        running = Running(client, app, {})
        world = await founded(running)
        for contacts in CONTACTS:
            await grow(running.core, contacts)
            async with measured(running.core, Caller(client, world.graph), database) as ask:
                costs.append([await ask(f"{{ {each} }}") for each in asked()])
    slack = SLACK[running.db.engine.dialect.name]
    each = zip(asked(), *costs, strict=True)
    assert [f"{query}: {less}, {more}" for query, less, more in each if more > 2 * less + slack] == []
