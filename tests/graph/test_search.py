"""The search: what a text finds, in which order, where it says that it did, and who finds what."""

import re
from typing import Any

import pytest

from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind
from crmgraph.crm.search import finding, upkeep
from crmgraph.db.database import Database
from crmgraph.seed import seed
from tests.conftest import statements
from tests.graph.conftest import Caller, Customer, put, signed_up

SEARCH = """query($t: String!, $k: [SearchKind!], $first: Int, $after: String, $last: Int, $before: String) {
  search(text: $t, kinds: $k, first: $first, after: $after, last: $last, before: $before) {
    totalCount nodes { displayName } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
MATCHED = """query($t: String!) { search(text: $t) { edges { node { displayName } matched { field excerpt } } } }"""

MARIE = {
    "first_name": "Marie",
    "middle_name": "Luise",
    "last_name": "Schröder-Weiß",
    "nickname": "Mimi",
    "number": "CON-77",
    "id_number": "SECRET99",
    "emails": [{"kind": "PERSONAL", "address": "m.schroeder@Münchner-Post.example"}],
    "phones": [
        {"kind": "MOBILE", "raw": "0171 555-0142", "country": "DE"},
        {"kind": "LANDLINE", "raw": "(030) 9018-1234", "country": "DE", "active": False},
    ],
    "addresses": [{"kind": "HOME", "city": "Köln"}],
}


@pytest.fixture
async def records(core: Core) -> None:
    (acme,) = await put(
        core,
        PartyKind.ACCOUNT,
        {
            "name": "Marien-Apotheke O'Connor",
            "number": "ACC-5",
            "emails": [{"kind": "BUSINESS", "address": "a@b.example"}],
        },
    )
    await put(
        core,
        PartyKind.CONTACT,
        dict(MARIE),
        {"first_name": "Anna", "last_name": "Marie", "account_id": acme, "number": "CON-78"},
        {"last_name": "Mariental", "number": "CON-79", "addresses": [{"kind": "HOME", "city": "Marienbad"}]},
    )
    await put(core, PartyKind.LEAD, {"last_name": "Kim", "company": "Marie & Co", "number": "LEA-9"})


async def found(caller: Caller, text: str, **given: Any) -> list[str]:
    """What people are called whom a text finds, and the count of them."""
    data = (await caller(SEARCH, t=text, **given))["search"]
    names = [node["displayName"] for node in data["nodes"]]
    assert data["totalCount"] == len(names)
    return names


WAYS = [(finding.FEW, finding.COUNTED), (0, finding.COUNTED), (0, 1), (0, 2)]
"""With few and many rows of a word taken for many: all rows are looked at, joined, walked, and some of it."""
SCHROEDER = ["Marie Luise Schröder-Weiß"]


TYPED = [
    "schröder marie",
    "MARIE SCHRODER",
    "weiss mar",
    "Schröder-Weiß",
    "luise sch",
    "mimi",
    "con-77",
    "con 77",
    "m.schroeder@münchner-post.example",
    "m.schroeder@xn--mnchner-post-dlb.example",
    "M.Schroeder@",
    "münchner-post.example",
    "@münchner-post.example",
    "schroeder",
    "+49 171 5550142",
    "0171/5550142",
    "0049 (171) 555",
    "49171555",
    "0171 555",
    "0142",
    "marie 50142",
    "koln",
    "köln schröder",
    "mimi koln 0142 luise",
]


@pytest.mark.parametrize(("few", "counted"), WAYS)
async def test_a_record_is_found_by_whatever_people_type(
    few: int, counted: int, agent: Caller, records: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "FEW", few)
    monkeypatch.setattr(finding, "COUNTED", counted)
    assert {asked: await found(agent, asked) for asked in TYPED} == dict.fromkeys(TYPED, SCHROEDER)


NOTHING = [
    "",
    " ",
    "m",
    "7",
    "-",
    "...",
    "@",
    "🙂",
    "\u2068\u2069",
    "SECRET99",
    "secret99",
    "9018 1234",
    "1234",
    "schröder anna",
    "142",
    "%",
    "zzzz",
    "o'",
]


async def test_nothing_is_found_by_too_little_or_by_what_is_not_searched(agent: Caller, records: None) -> None:
    assert {asked: await found(agent, asked) for asked in NOTHING} == {asked: [] for asked in NOTHING}


async def test_where_no_blanks_part_words_any_sign_begins_one(agent: Caller, core: Core) -> None:
    await put(
        core,
        PartyKind.CONTACT,
        {"last_name": "王小明", "number": "CON-1"},
        {"last_name": "小林", "first_name": "さくら", "number": "CON-2"},
        {"last_name": "김철수", "number": "CON-3"},
        {"last_name": "Ag", "number": "CON-4"},
    )
    await put(core, PartyKind.ACCOUNT, {"name": "株式会社パパ", "number": "ACC-1"})
    for asked, names in (
        ("王", ["王小明"]),
        ("小", ["さくら 小林", "王小明"]),
        ("明", ["王小明"]),
        ("さ 林", ["さくら 小林"]),
        ("くら", ["さくら 小林"]),
        ("会社", ["株式会社パパ"]),
        ("ﾊﾟ", ["株式会社パパ"]),
        ("수", ["김철수"]),
        ("ハ", []),
        ("a", []),
        ("社会", []),
    ):
        assert sorted(await found(agent, asked)) == sorted(names), asked
    (edge,) = (await agent(MATCHED, t="明"))["search"]["edges"]
    assert edge["matched"] == [{"field": "lastName", "excerpt": "王小\u2068明\u2069"}]
    assert await upkeep.reindex(core.db, dry_run=True) == upkeep.Report(records=5)


FILTERED = """query($f: ContactFilter, $s: [ContactSort!], $n: Int) { contacts(filter: $f, sort: $s, first: $n) {
  totalCount nodes { number } } }"""


@pytest.mark.parametrize("few", [finding.FEW, 3])
async def test_contacts_are_found_by_the_name_of_their_account_below_all_others(
    agent: Caller, customer: Customer, core: Core, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "FEW", few)
    zebra, gone = await put(core, PartyKind.ACCOUNT, {"name": "Zebra Works"}, {"name": "Zebra Gone"})
    await put(
        core,
        PartyKind.CONTACT,
        {"last_name": "Kim", "first_name": "Ann", "account_id": zebra},
        {"last_name": "Zebra", "account_id": zebra},
        {"last_name": "Kim", "first_name": "Bob", "account_id": gone},
        {"last_name": "Lee", "account_id": zebra, "addresses": [{"kind": "HOME", "city": "Bonn"}]},
        {"last_name": "Kim", "first_name": "Cat"},
    )
    remove = "mutation($a: AccountRef!) { deleteAccount(input: {account: $a}) { userErrors { code } } }"
    assert await agent(remove, a={"id": f"acc_{gone}"}) == {"deleteAccount": {"userErrors": []}}
    every = ["Zebra", "Zebra Works", "Ann Kim", "Lee"]
    assert await found(agent, "zebra") == every
    assert await found(agent, "zeb", k=["CONTACT"]) == ["Zebra", "Ann Kim", "Lee"]
    assert await found(agent, "zebra", k=["ACCOUNT"]) == ["Zebra Works"]
    assert await found(agent, "work kim") == ["Ann Kim"]
    assert await found(agent, "lee zebra bon") == ["Lee"]
    assert await found(agent, "lee zebra kim") == []
    assert await found(agent, "zerba wrok") == []
    assert await found(agent, "kim zerba") == ["Ann Kim"]  # one mistake
    assert await found(customer, "zebra") == []
    edges = (await agent(MATCHED, t="zebra kim"))["search"]["edges"]
    assert [(e["node"]["displayName"], [(m["field"], m["excerpt"]) for m in e["matched"]]) for e in edges] == [
        ("Ann Kim", [("lastName", "\u2068Kim\u2069"), ("account.name", "\u2068Zebra\u2069 Works")])
    ]
    seen, after = [], None
    while (page := (await agent(SEARCH, t="zebra", first=1, after=after))["search"])["nodes"]:
        seen += [node["displayName"] for node in page["nodes"]]
        assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (4, len(seen) < 4)
        after = page["pageInfo"]["endCursor"]
    assert seen == every
    back = (await agent(SEARCH, t="zebra", last=3))["search"]
    assert [node["displayName"] for node in back["nodes"]] == every[1:]
    rename = (
        """mutation($a: AccountRef!) { updateAccount(input: {account: $a, name: "Yak"}) { userErrors { code } } }"""
    )
    assert await agent(rename, a={"id": f"acc_{zebra}"}) == {"updateAccount": {"userErrors": []}}
    assert await found(agent, "zebra") == ["Zebra"]
    assert await found(agent, "yak") == ["Yak", "Ann Kim", "Zebra", "Lee"]


async def test_lists_are_filtered_by_what_a_search_finds(
    agent: Caller, customer: Customer, core: Core, records: None
) -> None:
    async def numbers(text: str, caller: Caller = agent, **others: Any) -> list[str]:
        given = {"f": {"search": text} | others, "s": [{"field": "NUMBER", "direction": "DESC"}]}
        page = (await caller(FILTERED, **given))["contacts"]
        assert page["totalCount"] == len(page["nodes"])
        return [node["number"] for node in page["nodes"]]

    assert await numbers("mari") == ["CON-79", "CON-78", "CON-77"]
    assert await numbers("mari", firstName={"eq": "anna"}) == ["CON-78"]
    assert await numbers("koln schro") == await numbers("0049 (171) 555") == ["CON-77"]
    assert await numbers("m.schroeder@münchner-post.example") == await numbers("con 77") == ["CON-77"]
    for nothing in ("m", "schoder", "SECRET99", "9018 1234", "-", "schröder anna"):
        assert await numbers(nothing) == [], nothing
    assert await numbers("mari", customer) == []
    data = await agent("""{ accounts(filter: {search: "marien apo"}) { nodes { name } }
      leads(filter: {search: "co mar"}) { totalCount } }""")
    assert data == {"accounts": {"nodes": [{"name": "Marien-Apotheke O'Connor"}]}, "leads": {"totalCount": 1}}
    data = await agent("""{ contacts(filter: {accountMatches: {search: "apotheke"}, not: {search: "schröder"}}) {
      nodes { number } } }""")
    assert data["contacts"]["nodes"] == [{"number": "CON-78"}]
    for wrong in ("", " ", "x" * 201, "a\0"):
        assert [code for code, _ in await agent.errors(FILTERED, f={"search": wrong})] == ["BAD_USER_INPUT"]


async def test_hits_are_ranked_by_the_place_and_whole_words_come_first(agent: Caller, records: None) -> None:
    assert await found(agent, "marie") == [
        "Anna Marie",  # the whole last name
        "Mariental",
        "Marien-Apotheke O'Connor",
        "Marie Luise Schröder-Weiß",  # the whole first name
        "Kim",  # of Marie & Co
    ]
    assert await found(agent, "marie", k=["LEAD", "ACCOUNT"]) == ["Marien-Apotheke O'Connor", "Kim"]
    assert await found(agent, "marie", k=[]) == []
    assert await found(agent, "oconnor marien") == ["Marien-Apotheke O'Connor", "Anna Marie"]  # who is its contact


@pytest.mark.parametrize(
    "asked", ["schoder", "shcröder marie", "schrodr", "schröeder koln", "marie schrödet", "achroder"]
)
async def test_one_mistake_is_forgiven(asked: str, agent: Caller, records: None) -> None:
    assert await found(agent, asked) == SCHROEDER


@pytest.mark.parametrize("asked", ["scohder", "shcröder mrie", "kln", "55501421", "con-87"])
async def test_two_mistakes_or_one_in_a_short_word_or_a_number_are_not(
    asked: str, agent: Caller, records: None
) -> None:
    assert await found(agent, asked) == []


async def test_it_says_where_it_found_what(agent: Caller, records: None) -> None:
    async def matched(text: str) -> dict[str, list[tuple[str, str]]]:
        edges = (await agent(MATCHED, t=text))["search"]["edges"]
        return {e["node"]["displayName"]: [(m["field"], m["excerpt"]) for m in e["matched"]] for e in edges}

    assert await matched("weiss mari koln") == {
        SCHROEDER[0]: [
            ("lastName", "Schröder-\u2068Weiß\u2069"),
            ("firstName", "\u2068Mari\u2069e"),
            ("addresses.city", "\u2068Köln\u2069"),
        ]
    }
    assert await matched("schro 0142") == {
        SCHROEDER[0]: [
            ("lastName", "\u2068Schrö\u2069der-Weiß"),
            ("emails.address", "m.\u2068schro\u2069eder@Münchner-Post.example"),
            ("phones.raw", "0171 555-\u20680142\u2069"),
        ]
    }
    assert await matched("0171 555") == {SCHROEDER[0]: [("phones.raw", "0\u2068171 555\u2069-0142")]}
    assert await matched("+49 171 5550142") == {SCHROEDER[0]: [("phones.raw", "\u20680171 555-0142\u2069")]}
    assert await matched("münchner-post.ex") == {
        SCHROEDER[0]: [("emails.address", "m.schroeder@\u2068Münchner-Post.ex\u2069ample")]
    }
    assert await matched("schodr") == {}
    assert await matched("schodre") == {}
    assert await matched("schoder") == {
        SCHROEDER[0]: [
            ("lastName", "\u2068Schröder\u2069-Weiß"),
        ]
    }
    assert await matched("acc-5") == {"Marien-Apotheke O'Connor": [("number", "\u2068ACC\u2069-\u20685\u2069")]}


async def test_an_excerpt_holds_no_marks_but_ours(agent: Caller, core: Core) -> None:
    await put(core, PartyKind.ACCOUNT, {"name": "\u2068Evil\u2069 <b>Corp</b> " + "x" * 300})
    ((match,),) = [e["matched"] for e in (await agent(MATCHED, t="evil corp"))["search"]["edges"]]
    assert match["excerpt"].startswith("\u2068Evil\u2069 <b>\u2068Corp\u2069</b> xxx")
    assert len(match["excerpt"]) < 220


async def test_pages_go_both_ways_and_meet(agent: Caller, records: None) -> None:
    every = await found(agent, "marie")
    seen: list[str] = []
    after = None
    for _ in range(3):
        page = (await agent(SEARCH, t="marie", first=2, after=after))["search"]
        assert page["totalCount"] == 5
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        seen += [node["displayName"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        assert page["pageInfo"]["hasNextPage"] is (len(seen) < 5)
    assert seen == every
    end = (await agent(SEARCH, t="marie", first=2, after=after))["search"]
    assert (end["nodes"], end["pageInfo"]["hasNextPage"]) == ([], False)
    # Nor does another reading, or a mistake that is forgiven, go on where the one that found something has ended.
    for text in ("m.schroeder@münchner-post.example", "mraie"):
        cursors = [(await agent(SEARCH, t=text, first=50))["search"]["pageInfo"]["endCursor"]]
        assert cursors[0] is not None
        assert (await agent(SEARCH, t=text, first=50, after=cursors[0]))["search"]["nodes"] == []
    mistaken = await found(agent, "mraie")
    first = (await agent(SEARCH, t="mraie", first=2))["search"]
    rest = (await agent(SEARCH, t="mraie", first=50, after=first["pageInfo"]["endCursor"]))["search"]
    assert [node["displayName"] for node in (*first["nodes"], *rest["nodes"])] == mistaken == every
    back = (await agent(SEARCH, t="marie", last=2))["search"]
    assert [node["displayName"] for node in back["nodes"]] == every[-2:]
    assert (back["pageInfo"]["hasPreviousPage"], back["pageInfo"]["hasNextPage"]) == (True, False)
    before = (await agent(SEARCH, t="marie", last=2, before=back["pageInfo"]["startCursor"]))["search"]
    assert [node["displayName"] for node in before["nodes"]] == every[1:3]
    assert (before["pageInfo"]["hasPreviousPage"], before["pageInfo"]["hasNextPage"]) == (True, True)
    codes = [
        await agent.errors(SEARCH, t="mari", after=after),
        await agent.errors(SEARCH, t="marie", k=["LEAD"], after=after),
        await agent.errors(SEARCH, t="marie", after="x"),
        await agent.errors(SEARCH, t="marie", first=1, last=1),
        await agent.errors(SEARCH, t="marie", first=101),
        await agent.errors(SEARCH, t="x" * 201),
        await agent.errors(SEARCH, t="marie\0"),
    ]
    assert [[code for code, _ in each] for each in codes] == [["BAD_USER_INPUT"]] * 7


async def test_what_somebody_may_not_see_they_do_not_find(
    agent: Caller, nobody: Caller, customer: Customer, records: None
) -> None:
    other = await signed_up(nobody, "ray.other@example.com", firstName="Otto")
    assert await found(agent, "ray") == ["Ray", "Otto Ray", "Ray Ltd", "Ray Ltd"]
    assert sorted(await found(customer, "ray")) == ["Ray", "Ray Ltd"]
    assert sorted(await found(other, "otto ray")) == ["Otto Ray"]
    assert await found(customer, "ray", k=["ACCOUNT"]) == ["Ray Ltd"]
    assert await found(customer, "ray", k=["LEAD"]) == []
    assert await found(customer, "otto") == []
    assert await found(customer, "marie") == []
    assert await found(customer, "mraie") == []
    # A mistake of their own is forgiven, whatever words others have.
    assert await found(customer, "ray rayy ltdd") == []
    assert sorted(await found(other, "otot")) == ["Otto Ray"]
    assert await found(nobody, "marie") == []
    gone = "mutation($i: ID!) { deleteContact(input: {contact: {id: $i}}) { userErrors { code } } }"
    assert (await agent(gone, i=other.contact))["deleteContact"]["userErrors"] == []
    assert await found(agent, "otto") == []
    assert await found(agent, "otot") == []


async def test_it_is_found_at_once_by_what_it_is_now(agent: Caller, core: Core, records: None) -> None:
    change = """mutation($i: UpdateContactInput!) { updateContact(input: $i) { userErrors { code } contact {
      id phones { id } emails { id } addresses { id } } } }"""

    async def changed(**values: Any) -> dict[str, Any]:
        data = (await agent(change, i={"contact": {"number": "CON-77"}} | values))["updateContact"]
        assert data["userErrors"] == []
        return dict(data["contact"])

    made = await changed(lastName="Vogel")
    assert (await found(agent, "weiss koln"), await found(agent, "vogel koln")) == ([], ["Marie Luise Vogel"])
    row = {"id": made["addresses"][0]["id"], "city": "Bonn"}
    await changed(addresses={"update": [row], "add": [{"kind": "OTHER", "city": "Bonn"}]})
    assert (await found(agent, "vogel koln"), await found(agent, "vogel bonn")) == ([], ["Marie Luise Vogel"])
    await changed(addresses={"remove": [row["id"]]})  # the other one is still there
    assert await found(agent, "vogel bonn") == ["Marie Luise Vogel"]
    await changed(phones={"update": [{"id": each["id"], "active": False} for each in made["phones"]]})
    assert await found(agent, "0142") == []
    await changed(phones={"remove": [each["id"] for each in made["phones"]], "add": [{"raw": "0142", "kind": "FAX"}]})
    assert await found(agent, "0142") == ["Marie Luise Vogel"]
    assert await upkeep.reindex(core.db, dry_run=True) == upkeep.Report(records=5)


async def test_a_search_takes_a_known_number_of_statements(agent: Caller, core: Core, records: None) -> None:
    async def counted(text: str) -> int:
        with statements(core.db) as seen:
            await agent(MATCHED, t=text)
        return len(seen)

    await agent("{ me { id } }")  # whoever is known is verified by the statement of the answer
    # One statement for a word, two for several; one by the names of accounts, where there is room; the answer.
    assert await counted("con-79") == 2 + 1 + 1
    assert await counted("mariental") == 1 + 1 + 1
    assert await counted("marie") == 1 + 1 + 1
    assert await counted("m") == 1
    # Nothing; how many, which words there are, and what they find.
    assert await counted("mariemtal") == 2 + 2 + 2 + 1


async def test_a_search_that_fails_is_told_once_and_masked(
    agent: Caller, records: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def find(session: Any, actor: Any, text: str, *given: Any, **named: Any) -> Any:
        asked.append(text)
        raise RuntimeError("secret")

    monkeypatch.setattr(finding, "find", find)
    response = await agent.post('{ me { id } search(text: "marie") { totalCount } }', {}, **{"graphql-cost": "1"})
    body = response.json()
    assert (body["data"], [error["path"] for error in body["errors"]]) == (None, [["search"]])
    assert "secret" not in response.text
    assert (asked, body["extensions"]["executor"]) == (["marie"], "compiled")


async def plan(db: Database, sql: str) -> str:
    """How the database would run a statement, whatever its values; PostgreSQL reads a table only where it has to."""
    async with db.engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        if db.is_sqlite:
            rows = await raw.execute_fetchall(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?"))
            return "\n".join(row[3] for row in rows)
        await raw.execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")
        await raw.execute(f"PREPARE asked AS {sql}")
        numbers = [int(number) for number in re.findall(r"\$(\d+)", sql)]
        values = ", ".join(["NULL"] * max(numbers, default=0))
        rows = await raw.fetch(f"EXPLAIN EXECUTE asked{f'({values})' if values else ''}")
        await raw.execute("DEALLOCATE asked; RESET ALL")
        return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize("asked", ["ma", "schmidt berlin", "+49 171", "anna 4567", "schmidtt", "a b c"])
async def test_no_search_reads_a_table(asked: str, core: Core, agent: Caller, customer: Customer) -> None:
    await seed(core.db, accounts=5, contacts=200, leads=20)
    for caller in (agent, customer):
        with statements(core.db) as seen:
            await caller(SEARCH, t=asked, first=10)
        searching = [sql for sql in seen if "search_term" in sql]
        assert searching
        for sql in searching:
            told = await plan(core.db, sql)
            assert not re.search(r"SCAN (search_term|word\d|contact|account|lead)\b|Seq Scan on", told), told
            # The terms of a record are asked by the record, not by what many others have as well.
            asked_of = re.findall(r"using (\w+) on search_term word\d|SEARCH word\d USING (PRIMARY KEY|\S+)", told)
            assert {name for pair in asked_of for name in pair if name} <= {"pk_search_term", "PRIMARY KEY"}, told
