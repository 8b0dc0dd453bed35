"""The feed of changes: oldest first, with everything in it, from any cursor on."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, text, update

from crmgraph.crm.core import Core
from crmgraph.crm.feed import moving, pages
from crmgraph.crm.models import Change, PartyKind, Role
from crmgraph.crm.records import parties
from crmgraph.crm.records.edits import Edit
from crmgraph.seed import seed
from tests.conftest import serving, settings_for, statements
from tests.graph.conftest import OFFICE, SIGNUP, Caller, Customer, hired, put
from tests.graph.test_search import plan
from tests.graph.test_sessions import code_of, emails_in

FEED = """query($first: Int, $after: String, $kinds: [PartyKind!], $ids: [ID!], $doors: [Door!], $actions: [Action!]) {
  changes(first: $first, after: $after, kinds: $kinds, ids: $ids, doors: $doors, actions: $actions) {
    edges { cursor node { cursor at kind action recordId gap record { id displayName }
      change { id revision door recordId fields { field old new } } } }
    nodes { recordId action }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
SHORT = """query($first: Int, $after: String) { changes(first: $first, after: $after) {
  nodes { change { id } } pageInfo { hasNextPage endCursor } } }"""
RENAME = """mutation($i: UpdateContactInput!) { updateContact(input: $i) { contact { id } userErrors { code } } }"""
DELETE = "mutation($c: ContactRef!) { deleteContact(input: {contact: $c}) { userErrors { code } } }"


async def told(caller: Caller, **asked: Any) -> list[tuple[str, str]]:
    data = await caller(FEED, **asked)
    return [(node["recordId"], node["action"]) for node in data["changes"]["nodes"]]


async def people(core: Core, *names: str) -> list[str]:
    """The ids of contacts with these last names, each made in a transaction of its own."""
    return [f"con_{(await put(core, PartyKind.CONTACT, {'last_name': name}))[0]}" for name in names]


async def test_everything_that_happens_is_told_in_its_order(agent: Caller, core: Core) -> None:
    ann, bob = await people(core, "Ann", "Bob")
    (acme,) = await put(core, PartyKind.ACCOUNT, {"name": "Acme"})
    await agent(RENAME, i={"contact": {"id": ann}, "lastName": "Anna"})
    await agent(DELETE, c={"id": bob})
    data = (await agent(FEED))["changes"]
    expected = [
        (ann, "CREATED"),
        (bob, "CREATED"),
        (f"acc_{acme}", "CREATED"),
        (ann, "UPDATED"),
        (bob, "DELETED"),
    ]
    assert [(node["recordId"], node["action"]) for node in data["nodes"]] == expected
    first, *_, renamed, deleted = [edge["node"] for edge in data["edges"]]
    assert renamed["change"]["fields"] == [{"field": "lastName", "old": "Ann", "new": "Anna"}]
    assert (renamed["change"]["door"], renamed["change"]["revision"], renamed["kind"]) == ("GRAPHQL", 2, "CONTACT")
    assert first["record"] == {"id": ann, "displayName": "Anna"}  # as it is now
    assert (deleted["record"], deleted["change"]["recordId"], deleted["gap"]) == (None, bob, False)
    cursors = [edge["cursor"] for edge in data["edges"]]
    assert cursors == [edge["node"]["cursor"] for edge in data["edges"]]
    assert data["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": cursors[0],
        "endCursor": cursors[-1],
    }


async def test_merges_conversions_and_returns_are_told(agent: Caller, core: Core) -> None:
    stays, goes, gone = await people(core, "Stays", "Goes", "Gone")
    (lead,) = await put(core, PartyKind.LEAD, {"last_name": "Lead"})
    cursor = (await agent(FEED, first=0))["changes"]["pageInfo"]["endCursor"]
    merge = "mutation($i: MergeContactsInput!) { mergeContacts(input: $i) { userErrors { code } } }"
    await agent(merge, i={"into": {"id": stays}, "from": [{"id": goes}]})
    nodes = (await agent(FEED, after=cursor))["changes"]["nodes"]
    assert sorted((node["recordId"], node["action"]) for node in nodes) == sorted(
        [(stays, "MERGED"), (goes, "DELETED")]
    )
    records = {edge["node"]["recordId"]: edge["node"]["record"] for edge in (await agent(FEED))["changes"]["edges"]}
    assert (records[stays], records[goes]) == ({"id": stays, "displayName": "Stays"}, None)
    # What was told before is told as it was.
    assert (await told(agent))[:3] == [(stays, "CREATED"), (goes, "CREATED"), (gone, "CREATED")]
    cursor = (await agent(FEED, first=0))["changes"]["pageInfo"]["endCursor"]
    convert = "mutation($l: LeadRef!) { convertLead(input: {lead: $l}) { contact { id } userErrors { code } } }"
    made = (await agent(convert, l={"id": f"lea_{lead}"}))["convertLead"]["contact"]["id"]
    await agent(DELETE, c={"id": gone})
    await agent(
        "mutation($r: RecordRef!) { restore(input: {record: $r}) { userErrors { code } } }", r={"contact": {"id": gone}}
    )
    fresh = await told(agent, after=cursor)
    assert sorted(fresh[:2]) == sorted([(made, "CREATED"), (f"lea_{lead}", "CONVERTED")])
    assert fresh[2:] == [(gone, "DELETED"), (gone, "RESTORED")]


async def test_pages_go_on_after_any_cursor(agent: Caller, core: Core) -> None:
    made = await people(core, *"ABCDE")
    seen: list[str] = []
    after = None
    for more in (True, True, False):
        page = (await agent(FEED, first=2, after=after))["changes"]
        assert page["pageInfo"]["hasNextPage"] is more
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        seen += [node["recordId"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
    assert seen == made
    end = (await agent(FEED, first=2, after=after))["changes"]
    assert (end["nodes"], end["pageInfo"]["hasNextPage"], end["pageInfo"]["endCursor"]) == ([], False, after)
    (late,) = await people(core, "F")
    assert await told(agent, after=after) == [(late, "CREATED")]


async def test_the_end_of_the_log_is_told_before_anything_is_read(agent: Caller, core: Core) -> None:
    empty = (await agent(FEED, first=0))["changes"]
    beginning = empty["pageInfo"]["endCursor"]
    assert (empty["nodes"], await told(agent, after=beginning)) == ([], [])
    first, last = await people(core, "A", "B")
    assert await told(agent, after=beginning) == [(first, "CREATED"), (last, "CREATED")]
    page = (await agent(FEED, first=0))["changes"]
    cursor = page["pageInfo"]["endCursor"]
    assert page["nodes"] == []
    assert await told(agent, after=cursor) == []
    (later,) = await people(core, "C")
    assert await told(agent, after=cursor) == [(later, "CREATED")]
    # Nothing is passed over by a page without events.
    assert (await agent(FEED, first=0, after=cursor))["changes"]["pageInfo"]["endCursor"] == cursor
    for asked in ({"ids": [last]}, {"kinds": ["LEAD"]}):
        assert (await agent(FEED, first=0, after=cursor, **asked))["changes"]["pageInfo"]["endCursor"] == cursor


async def test_filters_leave_out_the_others(agent: Caller, core: Core) -> None:
    ann, bob = await people(core, "Ann", "Bob")
    (acme,) = await put(core, PartyKind.ACCOUNT, {"name": "Acme"})
    await agent(RENAME, i={"contact": {"id": ann}, "lastName": "Anna"})
    await agent(DELETE, c={"id": bob})
    everything = await told(agent)
    for asked, expected in (
        ({"kinds": ["ACCOUNT"]}, [(f"acc_{acme}", "CREATED")]),
        ({"doors": ["GRAPHQL"]}, [(ann, "UPDATED"), (bob, "DELETED")]),
        ({"actions": ["DELETED", "CREATED"], "kinds": ["CONTACT"]}, [everything[0], everything[1], everything[4]]),
        ({"ids": [bob]}, [(bob, "CREATED"), (bob, "DELETED")]),
        ({"ids": [bob, ann], "actions": ["UPDATED"]}, [(ann, "UPDATED")]),
        ({"ids": []}, []),
        ({"kinds": []}, []),
        ({"kinds": None, "ids": None}, everything),
        ({"actions": ["MERGED"]}, []),
    ):
        page = (await agent(FEED, **asked))["changes"]
        assert [(node["recordId"], node["action"]) for node in page["nodes"]] == expected, asked
        # Whoever asks for a few of them has read to the end of the log nevertheless.
        end = (await agent(FEED, first=0))["changes"]["pageInfo"]["endCursor"]
        assert (page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]) == (False, end)
        assert await told(agent, first=1, **asked) == expected[:1]


async def test_a_page_looks_at_so_many_entries_and_no_more(
    agent: Caller, core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "WALKED", 3)
    await people(core, *"ABCD")
    (acme,) = await put(core, PartyKind.ACCOUNT, {"name": "Acme"})
    page = (await agent(FEED, kinds=["ACCOUNT"]))["changes"]
    assert (page["nodes"], page["pageInfo"]["hasNextPage"], page["pageInfo"]["startCursor"]) == ([], True, None)
    page = (await agent(FEED, kinds=["ACCOUNT"], after=page["pageInfo"]["endCursor"]))["changes"]
    assert page["nodes"] == [{"recordId": f"acc_{acme}", "action": "CREATED"}]
    assert page["pageInfo"]["hasNextPage"] is False


async def test_nobody_but_staff_is_told(nobody: Caller, customer: Customer, agent: Caller) -> None:
    for caller in (nobody, customer):
        assert await caller(FEED) == {"changes": None}
    assert len((await agent(FEED))["changes"]["nodes"]) == 2  # the customer and their account


async def test_what_is_no_cursor_and_no_record_is_refused(agent: Caller, core: Core) -> None:
    (ann,) = await people(core, "Ann")
    cursor = (await agent(FEED, first=1))["changes"]["pageInfo"]["endCursor"]
    for after in ("", "x", "1.2", f"{cursor}0" * 5, cursor.replace("1.", "2.", 1), "1.-1.5.1"):
        (error,) = (await agent.post(FEED, {"after": after})).json()["errors"]
        assert (error["extensions"]["code"], error["extensions"]["inputPath"]) == ("BAD_USER_INPUT", ["after"]), after
    for ids, code, place in ((["usr_1"], "NOT_FOUND", "ids.0"), ([ann, "x"], "NOT_FOUND", "ids.1")):
        (error,) = (await agent.post(FEED, {"ids": ids})).json()["errors"]
        assert (error["extensions"]["reason"], error["extensions"]["inputPath"]) == (code, place.split("."))
    (error,) = (await agent.post(FEED, {"ids": [ann] * 101})).json()["errors"]
    assert error["extensions"]["reason"] == "TOO_LARGE"
    (error,) = (await agent.post(FEED, {"first": 101})).json()["errors"]
    assert error["extensions"]["reason"] == "OUT_OF_RANGE"


async def test_a_cursor_that_the_log_does_not_reach_back_to_is_gone(agent: Caller, core: Core) -> None:
    await people(core, *"ABC")
    edges = (await agent(FEED))["changes"]["edges"]
    cursors = [edge["cursor"] for edge in edges]
    async with core.db.begin() as session:
        own = int(edges[0]["node"]["change"]["id"].removeprefix("chg_"))
        await session.execute(delete(Change).where(Change.id == own))
    assert (await agent.errors(FEED, after="1.0.0.0"))[0][0] == "GONE"
    body = (await agent.post(FEED, {"after": cursors[0]})).json()
    assert (body["data"], body["errors"][0]["extensions"]["code"]) == ({"changes": None}, "GONE")
    assert len(await told(agent, after=cursors[1])) == 1
    # A log that was set back to an old backup has other entries under the same numbers.
    async with core.db.begin() as session:
        await session.execute(update(Change).values(at=text("'2020-01-01 00:00:00.000000'")))
    assert (await agent.errors(FEED, after=cursors[1]))[0][0] == "GONE"


async def test_a_signup_is_told_when_it_is_confirmed(database: str, tmp_path: Path) -> None:
    settings = settings_for(database, tmp_path, signup_confirm=True)
    async with serving(settings) as (client, app):
        core, nobody = app.state.core, Caller(client)
        clerk = await clerk_of(core, nobody)
        given = {"email": "ray@example.com", "password": "tiger on a bicycle", "lastName": "Ray"}
        await nobody(SIGNUP, input=given | {"account": {"name": "Ray Ltd"}})
        (later,) = await people(core, "Later")
        page = (await clerk(FEED))["changes"]
        assert [node["recordId"] for node in page["nodes"]] == [later]
        ((_, mail),) = await emails_in(tmp_path / "mail", 1)
        confirm = (
            "mutation($c: String!) { confirmSignup(input: {code: $c}) { viewer { contact { id } account { id } } } }"
        )
        viewer = (await nobody(confirm, c=code_of(mail)))["confirmSignup"]["viewer"]
        fresh = await told(clerk, after=page["pageInfo"]["endCursor"])
        created = [each for each in fresh if each[1] == "CREATED"]
        assert sorted(created) == sorted([(viewer["contact"]["id"], "CREATED"), (viewer["account"]["id"], "CREATED")])


async def clerk_of(core: Core, nobody: Caller) -> Caller:
    return await hired(core, nobody, "clerk@example.com", Role.AGENT)


async def test_a_page_takes_a_few_statements_however_long_it_is(agent: Caller, core: Core) -> None:
    await seed(core.db, accounts=5, contacts=60, leads=10)
    await agent(FEED)
    for first in (5, 70):
        with statements(core.db) as seen:
            page = (await agent(FEED, first=first))["changes"]
        assert len(page["nodes"]) == first
        # Who asks, the places, the entries, and the records of each kind; the first five are of one.
        assert len(seen) == (4 if first == 5 else 6), seen


@pytest.mark.parametrize("asked", [{}, {"kinds": ["LEAD"], "doors": ["ZOHO"]}, {"ids": ["con_1000000001"]}])
async def test_no_page_reads_the_whole_log(asked: dict[str, Any], agent: Caller, core: Core) -> None:
    await seed(core.db, accounts=5, contacts=60, leads=10)
    cursor = (await agent(FEED, first=3))["changes"]["pageInfo"]["endCursor"]
    for after in (None, cursor):
        with statements(core.db) as seen:
            await agent(FEED, after=after, **asked)
        (reading,) = [sql for sql in seen if "transaction_id" in sql and "newest" in sql]
        paths = await plan(core.db, reading)
        assert not re.search(r"SCAN change\b(?! USING)|Seq Scan on change", paths), paths
        by_record = "ix_change_party_id_id" in paths
        assert by_record is ("ids" in asked), paths
        assert "ix_change_transaction_id_id" in paths
        if not asked:
            assert not re.search(r"\bSort\b|TEMP B-TREE FOR (LAST|ORDER)", paths), paths


async def test_nothing_is_lost_or_doubled_while_many_write(database: str, tmp_path: Path) -> None:
    """32 writers, of which half commit later than others who have begun after them, and readers who page meanwhile."""
    writers = 32
    settings = settings_for(database, tmp_path, pool_size=writers + 8, max_concurrency=400)
    async with serving(settings) as (client, app):
        core, nobody = app.state.core, Caller(client)
        clerk = await clerk_of(core, nobody)
        made = await people(core, *map(str, range(8)))
        done = asyncio.Event()

        async def write(number: int) -> None:
            for turn in range(6):
                contact = made[(number + turn) % len(made)]
                if number % 2:
                    await clerk(RENAME, i={"contact": {"id": contact}, "firstName": f"{number}.{turn}"})
                    continue
                async with core.db.begin() as session:
                    kind = tuple(PartyKind)[number % 3]
                    name = "name" if kind is PartyKind.ACCOUNT else "last_name"
                    await parties.create(session, OFFICE, kind, Edit({name: f"{number}.{turn}"}))
                    await asyncio.sleep(0.002 * ((number * 7 + turn * 3) % 16))
                    if turn == 3:
                        await session.rollback()  # what comes to nothing holds nobody back

        async def read(size: int) -> list[str]:
            seen: list[str] = []
            after = None
            while True:
                last = done.is_set()
                page = (await clerk(SHORT, first=size, after=after))["changes"]
                seen += [node["change"]["id"] for node in page["nodes"]]
                after = page["pageInfo"]["endCursor"]
                if last and not page["pageInfo"]["hasNextPage"]:
                    return seen
                await asyncio.sleep(0)

        async def write_all() -> None:
            try:
                await asyncio.gather(*map(write, range(writers)))
            finally:
                done.set()

        *readings, _ = await asyncio.gather(*(read(size) for size in (1, 3, 10, 100)), write_all())
        async with core.db.read() as session:
            rows = await session.scalars(text("SELECT id FROM change ORDER BY transaction_id, id"))
        expected = [f"chg_{number}" for number in rows]
        assert len(expected) == 8 + 16 * 6 + 16 * 5
        for seen in readings:
            assert len(seen) == len(set(seen))
            assert seen == expected


async def test_what_is_written_behind_somebody_who_is_slow_waits_for_them(agent: Caller, core: Core) -> None:
    if core.db.is_sqlite:
        pytest.skip("one writer")
    (quick,) = await people(core, "Quick")
    async with core.db.begin() as session:
        slow = (await parties.create(session, OFFICE, PartyKind.CONTACT, Edit({"last_name": "Slow"}))).id
        await agent(RENAME, i={"contact": {"id": quick}, "lastName": "Quicker"})
        page = (await agent(FEED))["changes"]
        assert [node["action"] for node in page["nodes"]] == ["CREATED"]
        # Of the record itself nothing is held back.
        found = await agent("query($c: ID!) { contact(by: {id: $c}) { lastName history { nodes { id } } } }", c=quick)
        assert len(found["contact"]["history"]["nodes"]) == 2
    after = page["pageInfo"]["endCursor"]
    assert await told(agent, after=after) == [(f"con_{slow}", "CREATED"), (quick, "UPDATED")]


async def test_a_log_that_was_moved_to_another_server_goes_on(agent: Caller, core: Core) -> None:
    if core.db.is_sqlite:
        assert not await moving.settle(core.db)
        return
    ann, *_ = await people(core, "Ann", "Bob")
    assert not await moving.is_moved(core.db)
    far = 10**12
    async with core.db.begin() as session:
        await session.execute(text("UPDATE change SET transaction_id = transaction_id + :far"), {"far": far})
    await agent(RENAME, i={"contact": {"id": ann}, "lastName": "Anna"})  # with a number of this server
    assert await agent.errors(FEED) == [("UNAVAILABLE", "The log of changes is out of reach: try again later.")]
    assert await asyncio.gather(moving.settle(core.db), moving.settle(core.db)) in ([True, False], [False, True])
    page = (await agent(FEED, first=2))["changes"]
    assert [node["action"] for node in page["nodes"]] == ["CREATED", "CREATED"]
    await agent(RENAME, i={"contact": {"id": ann}, "lastName": "Annette"})
    after = page["pageInfo"]["endCursor"]
    assert await told(agent, after=after) == [(ann, "UPDATED"), (ann, "UPDATED")]
    assert not await moving.settle(core.db)
