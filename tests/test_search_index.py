"""The index of words follows the records through every door that writes them, and its upkeep mends what is not so."""

import json
from pathlib import Path

from sqlalchemy import delete, func, insert, select

from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind, SearchPart, SearchTerm
from crmgraph.crm.search import upkeep
from crmgraph.crm.search.question import Word, readings, variants
from crmgraph.migrations import downgrade, upgrade
from crmgraph.seed import seed
from tests.conftest import Running
from tests.graph.conftest import put
from tests.program import SECRET, crmgraph


async def test_the_demo_and_seeded_records_are_in_the_index(demo: Running) -> None:
    await seed(demo.db, accounts=3, contacts=20, leads=5)
    report = await upkeep.reindex(demo.db, dry_run=True)
    assert (report.stale, report.added, report.removed) == (0, 0, 0)
    assert report.records > 28
    assert await upkeep.missing(demo.db) == 0


async def test_what_is_missing_or_too_much_is_told_and_mended(core: Core) -> None:
    one, two, _ = await put(core, PartyKind.CONTACT, *({"first_name": "Ann", "last_name": f"Roy{i}"} for i in range(3)))
    async with core.db.begin() as session:
        await session.execute(delete(SearchTerm).where(SearchTerm.party_id == one))
        await session.execute(delete(SearchTerm).where(SearchTerm.party_id == two, SearchTerm.term == "ann"))
        for party in (two, 7, 10**10):  # a record that is here, and two that are not
            await session.execute(insert(SearchTerm).values(party_id=party, term="old", field=1, source_id=party))
    assert await upkeep.missing(core.db) == 1
    # The wrong words that are there have no parts, which nobody misses; "ann" and "roy0" had theirs all the time.
    expected = upkeep.Report(records=3, stale=4, added=4, removed=3)
    assert await upkeep.reindex(core.db, dry_run=True) == expected
    assert await upkeep.missing(core.db) == 1
    told: list[int] = []
    assert await upkeep.reindex(core.db, progress=told.append) == expected
    assert told == [3]
    assert await upkeep.reindex(core.db) == upkeep.Report(records=3)
    assert await upkeep.missing(core.db) == 0


async def test_the_doctor_tells_what_the_command_mends(core: Core, database: str, tmp_path: Path) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        settings = {"CRMGRAPH_SECRET_KEY": SECRET, "CRMGRAPH_DATABASE_URL": database}
        done = crmgraph(tmp_path, *arguments, **settings)
        assert done.stderr == ""
        return done.returncode, done.stdout

    await put(core, PartyKind.CONTACT, {"last_name": "Roy", "number": "CON-1"}, {"last_name": "Ann", "number": "CON-2"})
    async with core.db.begin() as session:
        await session.execute(delete(SearchTerm))
    code, told = run("doctor", "--json")
    (found,) = [each for each in json.loads(told) if each["check"] == "search"]
    assert (code, found["status"], found["message"]) == (1, "fail", "2 records are not in the index, and not found")
    assert found["hint"] == "run `crmgraph reindex`"
    report = {"records": 2, "stale": 2, "added": 6, "removed": 0, "words": 0, "unused": 0}
    assert json.loads(run("reindex", "--dry-run", "--json")[1]) == {"dry_run": True, **report}
    assert run("reindex") == (0, "2 of 2 records changed: 6 words added, 0 removed\n")
    async with core.db.begin() as session:
        await session.execute(delete(SearchPart))
    (found,) = [each for each in json.loads(run("doctor", "--json")[1]) if each["check"] == "search"]
    message = "parts of words are not in the index yet: `contains` takes long"
    assert (found["status"], found["message"]) == ("warn", message)
    assert run("reindex") == (
        0,
        "0 of 2 records changed: 0 words added, 0 removed\n2 words changed: they are found by any part of theirs\n",
    )


async def test_batches_leave_nobody_out(core: Core) -> None:
    await seed(core.db, accounts=4, contacts=20, leads=7)
    async with core.db.begin() as session:
        right = await session.scalar(select(func.count()).select_from(SearchTerm))
        await session.execute(delete(SearchTerm))
    assert right
    upkeep_batch, upkeep.BATCH = upkeep.BATCH, 7
    try:
        assert await upkeep.reindex(core.db) == upkeep.Report(records=31, stale=31, added=right)
        assert await upkeep.reindex(core.db) == upkeep.Report(records=31)
    finally:
        upkeep.BATCH = upkeep_batch


def test_a_word_has_variants_of_its_own_script_one_letter_away() -> None:
    found = variants(Word(("anna",)))
    assert {"nana", "ann", "anja", "annaa", "banna"} <= set(found)
    assert "anna" not in found
    assert len(found) == len(set(found)) < 350
    assert "иван"[::-1] not in variants(Word(("иван",)))
    assert "ивна" in variants(Word(("иван",)))
    assert [variants(Word((each,))) for each in ("ann", "1234", "株式会社", "a" * 21)] == [[]] * 4
    assert variants(Word(("1234", "<4321"))) == []


def test_a_text_is_read_as_a_whole_and_then_by_its_words() -> None:
    def read(text: str) -> list[list[tuple[str, ...]]]:
        return [[word.prefixes for word in words] for words in readings(text)]

    assert read("O'Brien  Ann") == [[("obrien",), ("ann",)]]
    assert read("ann 0171 555-01 roy") == [
        [("ann",), ("17155501", "017155501", "<105551710"), ("roy",)],
        [("ann",), ("0171",), ("555",), ("01",), ("roy",)],
    ]
    assert read("a.b@C.example") == [[("a.b@c.example",)], [("a",), ("b",), ("c",), ("example",)]]
    assert read("@c.example") == [[("c.example",)], [("c",), ("example",)]]
    assert read("000") == [[("0", "000")], [("000",)]]
    assert read("a b c d e f g h") == [[(each,) for each in "abcdef"]]
    assert [read(each) for each in ("", "a", " a ", "?!", "@")] == [[]] * 5
    assert all(len(prefix) <= 64 for words in readings("x" * 200) for word in words for prefix in word.prefixes)


async def test_the_migration_indexes_what_is_there(core: Core) -> None:
    await seed(core.db, accounts=3, contacts=12, leads=4)
    await put(
        core,
        PartyKind.CONTACT,
        {"last_name": "Zoë", "phones": [{"kind": "FAX", "raw": "030 9018 0", "active": False}], "nickname": "Zo"},
    )
    await downgrade(core.db, "0015")
    await upgrade(core.db)
    report = await upkeep.reindex(core.db, dry_run=True)
    assert (report.records, report.stale) == (20, 0)
