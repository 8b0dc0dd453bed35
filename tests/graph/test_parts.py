"""What has a part of a text is found by the parts of words as it would be by looking at every record."""

import asyncio
import random
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update

from crmgraph.crm.core import Core
from crmgraph.crm.models import (
    COMPLETE,
    Account,
    Address,
    Contact,
    Door,
    Email,
    Lead,
    PartyKind,
    Role,
    SearchPart,
    SearchTerm,
)
from crmgraph.crm.policy import MODELS, Actor
from crmgraph.crm.query import parts
from crmgraph.crm.query.columns import SEARCHED
from crmgraph.crm.query.conditions import Compare, Op, Point
from crmgraph.crm.query.offset_pages import find_ids
from crmgraph.crm.search import upkeep, vocabulary
from crmgraph.crm.search.terms import Term
from crmgraph.seed import seed
from tests.conftest import Running, statements
from tests.dialects.zoho.conftest import Program
from tests.graph.conftest import Caller, employee_of, put
from tests.graph.test_search import plan

AGENT = Actor(Door.GRAPHQL, Role.AGENT)
WORDS = (
    *(
        "maria",
        "Anna",
        "annabella",
        "O'Brien",
        "García",
        "MacLeod",
        "van",
        "der",
        "Berg",
        "Li",
        "Ng",
        "3rd",
        "x3garcia",
    ),
    *("Straße", "Ægir", "ﬁeld", "Zoë", "株式会社パパ", "山田太郎", "हिन्दी", "Семёнов", "שָׁלוֹם", "Ⅷ", "m²", "naïve"),
    *("100%", "_under_score_", "a_b", "back\\slash", "dot.com", "semi;colon", "7", "2000", "Αθήνα", "İstanbul", "Ǆ"),
    *("ann" * 30, "b" * 64, "c" * 63, "d" * 65, "~tilde~anna", "{anna}", "anna`berg", "l'anna", "ana na", "nanana"),
)
LOCALS = ("eva.garcia", "garcia", "o'brien", "rené", "j2smith", "a.b.anna", "anna_berg", "{anna}", "x+anna", "ann" * 20)
DOMAINS = ("acme.example", "ann-berg.example", "münchen.example", "mail.anna.example", "a1anna2.example")


def texts(dice: random.Random) -> Iterator[str]:
    """Names without end."""
    while True:
        count = dice.choice((1, 1, 2, 2, 3, 20))
        text = dice.choice((" ", " ", "-", "")).join(dice.choices(WORDS, k=count))
        yield text[: dice.choice((20, 90, 200, 2_000))].strip() or "x"


def emails(dice: random.Random) -> Iterator[str]:
    while True:
        yield f"{dice.choice(LOCALS)}{dice.choice(('', '', '1987', '-x'))}@{dice.choice(DOMAINS)}"


def sought(dice: random.Random, keys: list[str]) -> Iterator[str]:
    """Parts of what there is, from its middle and from its end, and others."""
    yield from (
        "%",
        "_",
        "'",
        "-",
        "a",
        "an",
        "ann",
        "nn",
        "xyz",
        "@",
        "n@a",
        "\x1f",
        "山",
        "ä",
        "é",
        "Ann ",
        "`b",
        "com",
    )
    while True:
        key = dice.choice(keys)
        begin = dice.randrange(len(key))
        part = key[begin : dice.choice((begin + 2, begin + 3, begin + 5, begin + 12, len(key)))]
        yield part.upper() if dice.random() < 0.2 else part


COLUMNS: list[tuple[PartyKind, Any]] = [
    *((PartyKind.CONTACT, column) for column in (Contact.first_name, Contact.last_name, Contact.full_name_key)),
    *((PartyKind.CONTACT, column) for column in (Contact.job_title, Email.address, Address.city, Address.state)),
    *((PartyKind.LEAD, column) for column in (Lead.company, Lead.full_name_key, Lead.job_title)),
    (PartyKind.ACCOUNT, Account.name),
]


async def peopled(core: Core, dice: random.Random) -> None:
    """Records that are called whatever there is."""
    word, email = texts(dice), emails(dice)

    def person() -> dict[str, Any]:
        names = {name: next(word) for name in ("first_name", "middle_name", "last_name", "job_title")}
        address = {"kind": "HOME", "city": next(word), "state": next(word), "active": dice.random() < 0.8}
        return names | {"addresses": [address], "emails": [{"kind": "BUSINESS", "address": next(email)}]}

    await put(core, PartyKind.CONTACT, *(person() for _ in range(80)))
    await put(core, PartyKind.LEAD, *(person() | {"company": next(word)} for _ in range(40)))
    await put(core, PartyKind.ACCOUNT, *({"name": next(word)} for _ in range(40)))


async def differences(core: Core, dice: random.Random, count: int) -> tuple[list[Any], int]:
    """Where what is found is not what has a part in its key; and how often anything is found."""
    wrong: list[Any] = []
    some = 0
    async with core.db.read() as session:
        for kind, column in COLUMNS:
            model: Any = MODELS[kind]
            query = select(model.id, SEARCHED[column].key).where(model.deleted_at.is_(None))
            if column.class_ in (Email, Address):
                query = query.join(column.class_, column.class_.party_id == model.id).where(column.class_.active)
            held = [(own, key) for own, key in await session.execute(query)]
            place = column if column.class_ is model else Point(column)
            looked_for = sought(dice, [key for _, key in held if key])
            for part in (next(looked_for) for _ in range(count)):
                wanted = SEARCHED[column].part(part, None)
                for op, has in ((Op.CONTAINS, str.__contains__), (Op.ENDS_WITH, str.endswith)):
                    expected = {own for own, key in held if wanted and has(key, wanted)}
                    found = (await find_ids(session, AGENT, kind, Compare(place, op, part), limit=500)).ids
                    some += bool(expected)
                    if set(found) != expected or len(set(found)) != len(found):
                        wrong.append((str(column), op.name, part, expected ^ set(found)))
    return wrong, some


async def test_a_part_of_any_text_is_found_as_by_looking_at_every_record(core: Core) -> None:
    dice = random.Random(7)
    await peopled(core, dice)
    wrong, some = await differences(core, dice, 25)
    assert wrong == []
    assert some > 200
    # What the index has too much is asked too, and passed over.
    async with core.db.begin() as session:
        await session.execute(update(Contact).where(Contact.id % 2 == 0).values(last_name_key="x", first_name_key="x"))
    assert (await differences(core, dice, 5))[0] == []


async def test_other_paths_answer_until_all_words_have_parts(core: Core) -> None:
    dice = random.Random(8)
    await peopled(core, dice)
    async with core.db.begin() as session:
        before = {tuple(row) for row in await session.execute(select(*SearchPart.__table__.c))}
        await session.execute(delete(SearchPart))
    assert await vocabulary.is_complete(core.db) is False
    assert (await differences(core, dice, 5))[0] == []
    lacking = (await upkeep.reindex(core.db, dry_run=True)).words
    assert await vocabulary.is_complete(core.db) is False
    report = await upkeep.reindex(core.db)
    assert report == upkeep.Report(records=160, words=lacking)
    assert lacking > 50
    assert await vocabulary.is_complete(core.db) is True
    async with core.db.read() as session:
        assert {tuple(row) for row in await session.execute(select(*SearchPart.__table__.c))} == before
    assert await upkeep.reindex(core.db) == upkeep.Report(records=160)
    assert (await differences(core, dice, 5))[0] == []


async def test_words_go_that_nobody_has_any_more(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "PATIENCE", 30)
    emails = [{"kind": "BUSINESS", "address": address} for address in ("x@k9kept.example", "olaf.y@3gone.example")]
    one, two = await put(
        core, PartyKind.CONTACT, {"last_name": "Kept"}, {"last_name": "D'Gone Kept", "emails": emails[1:]}
    )
    await put(core, PartyKind.LEAD, {"last_name": "Other", "emails": emails[:1]})

    async def words() -> set[str]:
        async with core.db.read() as session:
            return set(await session.scalars(select(SearchPart.word).where(SearchPart.field != COMPLETE)))

    assert await words() == {"kept", "gone", "dgone", "other", "k9kept.example", "olaf", "3gone.example"}
    assert await vocabulary.forget(core.db) == 0
    async with core.db.begin() as session:
        await session.execute(delete(SearchTerm).where(SearchTerm.party_id == two))
    if not core.db.is_sqlite:
        async with core.db.begin() as writer:
            # Somebody brings a word back, and does not write it, since it is there.
            again = [Term(one, "dgone", 1, one), Term(one, "\x02gone", 1, one)]
            await writer.execute(SearchTerm.__table__.insert(), [term._asdict() for term in again])
            await vocabulary.add(writer, again)
            assert await vocabulary.forget(core.db) == 0
        assert await vocabulary.forget(core.db) == 2
        assert {"gone", "dgone"} < await words()
        async with core.db.begin() as session:
            await session.execute(delete(SearchTerm).where(SearchTerm.term.in_(["dgone", "\x02gone"])))
        assert await vocabulary.forget(core.db) == 2
    else:
        assert await vocabulary.forget(core.db) == 4
    assert await words() == {"kept", "other", "k9kept.example"}
    assert await upkeep.reindex(core.db, dry_run=True) == upkeep.Report(
        records=3, stale=1, added=len(TERMS_OF_TWO), words=5
    )


TERMS_OF_TWO = ("con2", "dgone", "kept", "\x02gone", "olaf.y@3gone.example", "3gone.example")


async def test_two_who_bring_the_same_new_word_do_not_wait_for_each_other(core: Core) -> None:
    if core.db.is_sqlite:
        return  # which has one writer
    both = asyncio.Barrier(2)

    async def bring(party: int) -> None:
        async with core.db.begin() as session:
            await session.execute(text("SELECT 1"))  # begins the transaction
            await vocabulary.add(session, [Term(party, "brandnew", 1, party)])
            await both.wait()

    await asyncio.wait_for(asyncio.gather(bring(1), bring(2)), 10)
    async with core.db.read() as session:
        words = (await session.scalars(select(SearchPart.part).where(SearchPart.word == "brandnew"))).all()
    assert sorted(words) == sorted(2 * ["brandnew", "randnew", "andnew", "ndnew", "dnew", "new"])


LIST = """query($f: ContactFilter) {
  contacts(filter: $f, first: 5, sort: [{field: CREATED_AT}]) { nodes { lastName } } }"""
PLANNED: list[dict[str, Any]] = [
    {"lastName": {"contains": "arci"}},
    {"lastName": {"endsWith": "arcia"}},
    {"fullName": {"contains": "na garc"}},
    {"email": {"contains": "rcia@ac"}},
    {"email": {"contains": "arcia"}},
    {"city": {"contains": "nad"}},
    {"jobTitle": {"contains": "aesto"}},
    {"address": {"state": {"contains": "uu"}}},
    {"firstName": {"contains": "nna"}, "lastName": {"contains": "rci"}},
]


async def test_no_list_is_walked_for_a_part_that_few_have(core: Core, agent: Caller) -> None:
    await seed(core.db, accounts=2, contacts=100, leads=1)
    address = {"kind": "HOME", "city": "Xanadu", "state": "Quux"}
    email = {"kind": "BUSINESS", "address": "eva.garcia@acme.example"}
    names = {"first_name": "Anna", "last_name": "Garcia", "job_title": "Quaestor"}
    await put(core, PartyKind.CONTACT, names | {"addresses": [address], "emails": [email]})
    for given in PLANNED:
        with statements(core.db) as seen:
            found = await agent(LIST, f=given)
        assert found == {"contacts": {"nodes": [{"lastName": "Garcia"}]}}, given
        way = await plan(core.db, seen[-1])
        if {"jobTitle", "address"} & given.keys():
            assert "ix_contact_job_title_key_id" in way or "ix_address_state_key" in way, way
        else:
            # The words that have the part, then the terms that each of them leads to.
            assert "ix_search_part_field_part_word" in way, way
            assert "ix_search_term_kind_term_field_party_id" in way, way
            assert "SCAN part" not in way, way
            assert "SCAN search_term" not in way, way


async def test_every_door_finds_parts_by_them_and_nobody_finds_what_is_hidden(demo: Running) -> None:
    zoho = Program(demo, demo.credentials["zoho"]["access_token"])
    office = await employee_of(demo)
    made = await zoho.create(
        "Contacts", First_Name="Wilhelmina", Last_Name="Featherstonehaugh", Email="wf@cholmondeley.example"
    )
    page = """query($f: ContactFilter) { contacts(filter: $f, first: 5) { totalCount nodes { lastName } } }"""
    for part in ("erstoneh", "HAUGH", "haugh"):
        found = await office(page, f={"lastName": {"contains": part}})
        assert found["contacts"] == {"totalCount": 1, "nodes": [{"lastName": "Featherstonehaugh"}]}
        assert await zoho.names(f"/Contacts/search?word={part}") == ["Featherstonehaugh"]
    assert await zoho.names("/Contacts/search?word=helmin%20olmond") == ["Featherstonehaugh"]
    assert await zoho.names("/Contacts/search?word=helmin%20olmondx") == []
    await zoho.ok("DELETE", f"/Contacts/{made}")
    assert await zoho.names("/Contacts/search?word=erstoneh") == []
    found = await office(page, f={"lastName": {"contains": "erstoneh"}})
    assert found["contacts"] == {"totalCount": 0, "nodes": []}


async def test_a_column_of_too_many_values_is_walked(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MOST_VALUES", 3)
    titles = [
        {"last_name": f"P{i}", "job_title": f"{title} of some"} for i, title in enumerate(("Head", "Cook", "Maid"))
    ]
    await put(core, PartyKind.CONTACT, *titles)
    where = Compare(Contact.job_title, Op.CONTAINS, "ok of")

    async def found() -> int:
        async with core.db.read() as session:
            return len((await find_ids(session, AGENT, PartyKind.CONTACT, where)).ids)

    assert await found() == 1
    await put(core, PartyKind.CONTACT, {"last_name": "P3", "job_title": "Zookeeper of some"})
    assert await found() == 1
    await put(core, PartyKind.CONTACT, {"last_name": "P4", "job_title": "Xook of some"})
    assert await found() == 2
    async with core.db.read() as session:
        values = parts.values_of(Contact.job_title_key)
        assert len((await session.scalars(select(values.c.value))).all()) == 4
