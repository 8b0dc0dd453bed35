"""First names, companies and job titles are found as last names are: at every door, on both databases."""

import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import select, text

from crmgraph.crm.models import FOLDED, Contact, Door, Lead, PartyKind, Role
from crmgraph.crm.policy import Actor
from crmgraph.crm.query import offset_pages
from crmgraph.crm.query.conditions import Compare, Op, Order
from crmgraph.crm.values.folding import fold
from crmgraph.db.database import Database
from crmgraph.migrations import downgrade, upgrade
from crmgraph.seed import seed
from tests.conftest import Running
from tests.dialects.zoho.conftest import Program as Zoho
from tests.graph.conftest import Caller, employee_of
from tests.test_folding import OTHERS, SAME

FOUND = [
    ("Søren", "soren"),
    ("Zoë", "ZOE"),
    ("Łukasz", "lukasz"),
    ("Conor O\u2019Brien", "conor o'brien"),
    ("Anna\u2010Lena", "anna-lena"),
    ("Strauß", "STRAUSS"),
    ("Ｅｒｉｋａ", "erika"),
    ("Işık", "isik"),
    ("Семён", "семен"),
    ("ガラス", "ｶﾞﾗｽ"),
]
"""(what is stored, what somebody types who looks for it)."""
APART = [("Андрей", "андреи"), ("パパ", "ハハ"), ("Müller", "mueller"), ("हिन्दी", "हनद"), ("أمن", "امن")]
"""The same, of another letter: it is not found."""
STORED = [stored for stored, _ in FOUND + APART]
KEYED = {
    "Leads": {"firstName": "First_Name", "company": "Company", "jobTitle": "Designation"},
    "Contacts": {"firstName": "First_Name", "jobTitle": "Title"},
}
"""{module: {field of a GraphQL filter: field of Zoho's}}."""


@pytest.fixture
def zoho(demo: Running) -> Zoho:
    return Zoho(demo, demo.credentials["zoho"]["access_token"])


@pytest.fixture
async def office(demo: Running) -> Caller:
    return await employee_of(demo)


async def write(zoho: Zoho, module: str, words: list[str]) -> None:
    """A record for each word, its first name, company and job title; last names are Keyed0, Keyed1 ..."""
    rows = [dict.fromkeys(KEYED[module].values(), word) | {"Last_Name": f"Keyed{i}"} for i, word in enumerate(words)]
    for at in range(0, len(rows), 100):
        await zoho.ok("POST", f"/{module}", {"data": rows[at : at + 100]}, status=201)


def those(words: list[str], test: Callable[[str, str], bool], wanted: str) -> set[str]:
    """The last names of the records of which (the key of its word, the key of what is wanted) passes."""
    return {f"Keyed{i}" for i, word in enumerate(words) if test(fold(word), fold(wanted))}


async def of_zoho(zoho: Zoho, module: str, condition: str) -> set[str]:
    criteria = quote(f"((Last_Name:starts_with:Keyed)and({condition}))", safe="")
    return set(await zoho.names(f"/{module}/search?criteria={criteria}"))


async def of_graph(office: Caller, module: str, field: str, comparison: dict[str, Any], ask: str = "first") -> set[str]:
    """What a filter finds: `first` is compiled, `last` is left to the resolvers."""
    query = f"query($f: {module[:-1]}Filter) {{ {module.lower()}({ask}: 100, filter: $f) {{ nodes {{ lastName }} }} }}"
    page = await office(query, f={"lastName": {"startsWith": "Keyed"}, field: comparison})
    return {node["lastName"] for node in page[module.lower()]["nodes"]}


@pytest.mark.parametrize("module", KEYED)
async def test_criteria_and_filters_find_what_is_typed_in_haste(zoho: Zoho, office: Caller, module: str) -> None:
    await write(zoho, module, STORED)
    for i, (_, asked) in enumerate(FOUND):
        own, begin, end = f"Keyed{i}", asked[:-1], asked[2:]
        expected = {
            ("equals", "eq", asked): those(STORED, operator.eq, asked),
            ("starts_with", "startsWith", begin): those(STORED, str.startswith, begin),
            ("contains", "contains", end): those(STORED, operator.contains, end),
        }
        for graph_field, zoho_field in KEYED[module].items():
            for (word, comparator, value), names in expected.items():
                assert own in names
                assert await of_zoho(zoho, module, f"{zoho_field}:{word}:{value}") == names, (zoho_field, word, value)
                for ask in ("first", "last"):
                    found = await of_graph(office, module, graph_field, {comparator: value}, ask)
                    assert found == names, (graph_field, comparator, value, ask)
            others = those(STORED, operator.ne, asked)
            assert await of_zoho(zoho, module, f"{zoho_field}:not_equal:{asked}") == others
            assert await of_zoho(zoho, module, f"{zoho_field}:in:nobody,{asked}") == {own}
        assert {name for name in await zoho.names(f"/{module}/search?word={quote(asked)}") if "Keyed" in name} == {own}
    for stored, asked in APART:
        for graph_field, zoho_field in KEYED[module].items():
            assert await of_zoho(zoho, module, f"{zoho_field}:equals:{stored}") != set()
            assert await of_zoho(zoho, module, f"{zoho_field}:equals:{asked}") == set(), asked
            assert await of_graph(office, module, graph_field, {"in": [asked]}) == set(), asked
        assert await zoho.names(f"/{module}/search?word={quote(asked)}") == []


async def test_equality_is_that_of_the_folding_for_every_pair_of_words(zoho: Zoho, office: Caller) -> None:
    words = [word for line in SAME + OTHERS for word in line.split(" ")]
    await write(zoho, "Leads", words)
    for word in {fold(word): word for word in words}.values():
        equal = those(words, operator.eq, word)
        for field in KEYED["Leads"]:
            assert await of_graph(office, "Leads", field, {"eq": word}) == equal, (field, word)


async def test_a_key_follows_its_column_and_goes_with_it(zoho: Zoho, office: Caller) -> None:
    for module, fields in KEYED.items():
        await write(zoho, module, ["Søren"])
        (record,) = (await zoho.ok("GET", f"/{module}/search?criteria=(Last_Name:equals:Keyed0)"))["data"]
        for graph_field, zoho_field in fields.items():
            for value, asked in (("Łukasz", "lukasz"), ("Zoë", "zoe")):
                await zoho.ok("PUT", f"/{module}/{record['id']}", {"data": [{zoho_field: value}]})
                assert await of_zoho(zoho, module, f"{zoho_field}:equals:{asked}") == {"Keyed0"}
                assert await of_zoho(zoho, module, f"{zoho_field}:equals:soren") == set()
            await zoho.ok("PUT", f"/{module}/{record['id']}", {"data": [{zoho_field: None}]})
            assert await of_graph(office, module, graph_field, {"isNull": True}) == {"Keyed0"}
            for condition in (
                "equals:zoe",
                "less_than:zzz",
                "less_equal:zzz",
                "between:\u064b,zzz",
                "between:a,zzz",
                "greater_than:a",
            ):
                assert await of_zoho(zoho, module, f"{zoho_field}:{condition}") == set(), condition
            assert await of_zoho(zoho, module, f"{zoho_field}:equals:${{EMPTY}}") == {"Keyed0"}


async def test_an_upsert_by_a_company_or_a_first_name_keeps_accents_apart(zoho: Zoho) -> None:
    for field in ("First_Name", "Company", "Designation"):
        ids = []
        for value in ("MÜLLER  Bau", "Muller Bau", "müller bau", "mu\u0308ller Bau"):
            body = {"data": [{"Last_Name": "Keyed", field: value}], "duplicate_check_fields": [field]}
            answer = await zoho.send("POST", "/Leads/upsert", body)
            ids.append(answer.json()["data"][0]["details"]["id"])
        assert [ids.index(own) for own in ids] == [0, 1, 0, 0], field


async def test_valomnia_finds_first_names_likewise(zoho: Zoho, demo: Running) -> None:
    await write(zoho, "Contacts", STORED)
    known = demo.credentials["valomnia"]
    path = "/api/v1.0/contacts?"
    login = {"j_username": known["username"], "j_password": known["password"], "ajax": "true"}
    assert (await demo.client.post("/j_spring_security_check", data=login)).status_code == 302
    for i, (_, asked) in enumerate(FOUND):
        found = (await demo.client.get(f"{path}firstName={quote(asked)}")).json()["data"]
        assert [each["lastName"] for each in found if each["lastName"].startswith("Keyed")] == [f"Keyed{i}"], asked
    for _, asked in APART:
        assert (await demo.client.get(f"{path}firstName={quote(asked)}")).json()["data"] == []


async def test_a_word_has_letters_or_digits(zoho: Zoho) -> None:
    await zoho.create(
        "Contacts", Last_Name="Dot", Email="a.b-c_d@example.com", Phone="+49 151 87650123", First_Name="&"
    )
    for word in (".", "-", "@", "_", "&", "%", "...", "- .", "'", "\u2010"):
        assert await zoho.names(f"/Contacts/search?word={quote(word)}") == [], word
    for word in ("dot", "a.b", "& dot", "dot .", "- a.b - dot", "b-c_d@", "87650123", "+49 dot", "151-8765"):
        assert await zoho.names(f"/Contacts/search?word={quote(word)}") == ["Dot"], word
    # Letters are no part of a number: it would be found by the digits that are left.
    for word in ("b8765", "x9"):
        assert await zoho.names(f"/Contacts/search?word={quote(word)}") == [], word


async def test_whoever_has_none_comes_last(db: Database) -> None:
    actor = Actor(Door.OPERATOR, Role.AGENT)
    await seed(db, accounts=0, contacts=4, leads=4)
    names: list[str | None] = ["Örn", None, "adam", "Zoë"]
    for model, kind, columns in (
        (Contact, PartyKind.CONTACT, ("first_name", "job_title")),
        (Lead, PartyKind.LEAD, ("first_name", "company", "job_title")),
    ):
        for column in columns:
            async with db.begin() as session:
                rows = (await session.scalars(select(model).order_by(model.id))).all()
                for row, name in zip(rows, names, strict=True):
                    setattr(row, column, name)
                    setattr(row, f"{column}_key", fold(name))
                ids = [row.id for row in rows]
            for descending, order in ((False, [2, 0, 3, 1]), (True, [3, 0, 2, 1])):
                async with db.read() as session:
                    by = [Order(getattr(model, column), descending)]
                    page = await offset_pages.find_ids(session, actor, kind, order=by)
                assert page.ids == [ids[i] for i in order], column
                async with db.read() as session:
                    below = Compare(getattr(model, column), Op.LT, "zz")
                    assert set((await offset_pages.find_ids(session, actor, kind, below)).ids) == set(page.ids[:3])


async def test_stored_records_get_their_keys(db: Database) -> None:
    await seed(db, accounts=1, contacts=2_100, leads=1_001)
    keys = [(key.class_.__table__.name, column.key, key.key) for column, key in FOLDED.items()]

    async def stored() -> dict[str, list[Any]]:
        async with db.read() as session:
            return {
                f"{table}.{key}": [
                    tuple(row) for row in await session.execute(text(f"SELECT {name}, {key} FROM {table} ORDER BY id"))
                ]
                for table, name, key in keys
            }

    async with db.begin() as session:
        await session.execute(text("UPDATE contact SET first_name = NULL, job_title = 'Ærlig' WHERE id % 2 = 0"))
        await session.execute(text("UPDATE contact SET first_name_key = '' WHERE first_name IS NULL"))
        await session.execute(text("UPDATE contact SET job_title_key = 'aerlig' WHERE job_title = 'Ærlig'"))
    before = await stored()
    for rows in before.values():
        assert rows and all(fold(given) == key for given, key in rows)
    await downgrade(db, "0011")
    await upgrade(db)
    assert await stored() == before


def test_the_page_names_every_column_that_has_a_key() -> None:
    page = (Path(__file__).parents[1] / "docs/search-and-identity.md").read_text(encoding="utf-8")
    for column in FOLDED:
        assert f"`{column.class_.__table__.name}.{column.key}`" in page, column
