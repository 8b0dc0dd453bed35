"""The list of contacts: its pages, its order and its filters."""

import datetime as dt
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import select, update

from crmgraph.crm.models import Contact, Door, Party, PartyKind, Role
from crmgraph.crm.policy import Actor
from crmgraph.crm.query import offset_pages
from crmgraph.crm.records import parties
from crmgraph.crm.records.edits import Edit
from tests.conftest import statements
from tests.dialects.valomnia.conftest import Program, not_valid, told

OFFICE = Actor(door=Door.OPERATOR, role=Role.ADMIN)
MOMENT = dt.datetime(2020, 5, 4, 3, 2, 1, 500_000, dt.UTC)


@pytest.fixture
async def ten(program: Program) -> list[int]:
    """Ten contacts, the n-th updated n seconds after MOMENT."""
    async with program.running.db.begin() as session:
        made = []
        for n in range(10):
            edit = Edit({"last_name": "Ten", "first_name": f"N{9 - n}"})
            made.append((await parties.create(session, OFFICE, PartyKind.CONTACT, edit)).id)
        for n, each in enumerate(made):
            at = MOMENT + dt.timedelta(seconds=n)
            await session.execute(update(Contact).where(Contact.id == each).values(created_at=at, updated_at=at))
    return made


async def listed(program: Program, query: str) -> tuple[dict[str, Any], list[int]]:
    answer = await program.get(f"/contacts?{query}")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert list(body) == ["paging", "data"]
    return body["paging"], [each["id"] for each in body["data"]]


async def test_pages_follow_each_other_by_their_links_and_back(program: Program, ten: list[int]) -> None:
    paging, found = await listed(program, "lastName=ten&max=4")
    assert (paging["total"], paging["max"], paging["offset"], paging["previous"]) == (10, 4, 0, "")
    seen = [found]
    while paging["next"]:
        body = (await program.client.get(paging["next"])).json()
        paging = body["paging"]
        seen.append([each["id"] for each in body["data"]])
    assert seen == [ten[:4], ten[4:8], ten[8:]]
    assert paging == {
        "total": 10,
        "max": 4,
        "offset": 8,
        "previous": "/api/v1.0/contacts?lastName=ten&max=4&offset=4",
        "next": "",
    }
    back = (await program.client.get(paging["previous"])).json()
    assert [each["id"] for each in back["data"]] == ten[4:8]
    assert await listed(program, "lastName=ten&offset=50") == (
        {
            "total": 10,
            "max": 100,
            "offset": 50,
            "previous": "/api/v1.0/contacts?lastName=ten&offset=0&max=100",
            "next": "",
        },
        [],
    )


async def test_a_list_holds_the_records_as_they_are_shown(program: Program) -> None:
    answer = await program.get("/contacts")
    for each in answer.json()["data"]:
        assert await program.show(each["id"]) == each
    async with program.running.db.read() as session:
        own = list(await session.scalars(select(Party.id).where(Party.kind == PartyKind.CONTACT).order_by(Party.id)))
        assert await offset_pages.count(session, OFFICE, PartyKind.CONTACT) == len(own)
    assert answer.json()["paging"]["total"] == len(answer.json()["data"]) == len(own)


async def test_a_list_is_sorted_by_any_plain_field(program: Program, ten: list[int]) -> None:
    assert (await listed(program, "lastName=Ten&sort=firstName"))[1] == ten[::-1]
    assert (await listed(program, "lastName=Ten&sort=firstName&order=DESC"))[1] == ten
    assert (await listed(program, "lastName=Ten&sort=lastUpdated&order=desc&max=2"))[1] == [ten[9], ten[8]]
    assert (await listed(program, "lastName=Ten&order=desc"))[1] == ten[::-1]
    document = (await program.client.get("/docs/valomnia/openapi.json")).json()
    plain = set(document["components"]["schemas"]["Contact"]["properties"]) - {
        "customerReference",
        "customer",
        "photo",
        "user",
        "organization",
    }
    for name in sorted(plain):
        assert (await listed(program, f"sort={name}"))[0]["offset"] == 0
    for name in ("customer", "photo", "x", "id;", "last_name"):
        assert told(await program.get(f"/contacts?sort={name}")) == not_valid("sort")


async def test_times_are_compared_as_they_are_told(program: Program, ten: list[int]) -> None:
    third = "2020-05-04T03:02:04Z"
    for comparison, found in (("gt", ten[4:]), ("gte", ten[3:]), ("lt", ten[:3]), ("lte", ten[:4])):
        for name in ("dateCreated", "lastUpdated"):
            assert (await listed(program, f"lastName=Ten&{name}_{comparison}={third}"))[1] == found
    both = "lastUpdated_gt=2020-05-04T03:02:02Z&lastUpdated_lt=2020-05-04T05:02:05%2B02:00"
    assert (await listed(program, f"lastName=Ten&{both}"))[1] == ten[2:4]
    assert (await listed(program, f"lastName=Ten&{both.replace('%2B', '+')}"))[1] == ten[2:4]
    for value in ("yesterday", "2020-13-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+05:00", "1", "%00"):
        wanted = not_valid("lastUpdated_gt")
        assert told(await program.get(f"/contacts?lastUpdated_gt={value.replace('+', '%2B')}")) == wanted, value


async def test_a_list_is_filtered_by_names_and_the_customers_reference(program: Program, ten: list[int]) -> None:
    assert (await listed(program, "firstName=n3"))[1] == [ten[6]]
    assert (await listed(program, "firstName=N3&lastName=Other"))[1] == []
    assert (await listed(program, "customerReference=C0959"))[1] == [5]
    assert (await listed(program, "customerReference=C0"))[0]["total"] == 0
    assert (await listed(program, f"lastName={quote('%')}"))[1] == []
    assert (await listed(program, "firstName=&lastName=Ten&unknown=x"))[0]["total"] == 10
    for name in ("firstName", "lastName", "customerReference"):
        assert told(await program.get(f"/contacts?{name}=%00")) == not_valid(name)
        assert told(await program.get(f"/contacts?{name}={'x' * 1001}")) == not_valid(name)


async def test_sizes_that_are_none_are_refused_and_large_ones_bounded(program: Program) -> None:
    for name, values in (("max", ("0", "-1", "x", "1.5", "2147483648", "%00")), ("offset", ("-1", "x", "9" * 30))):
        for value in values:
            assert told(await program.get(f"/contacts?{name}={value}")) == not_valid(name), value
    assert (await listed(program, "max=2147483647"))[0]["max"] == 1000
    assert (await listed(program, "max=&offset=2147483647"))[1] == []


async def test_a_page_costs_the_same_statements_however_many_contacts_it_has(program: Program, ten: list[int]) -> None:
    counts = {}
    for size in (2, 10):
        for n in range(size):
            await program.create(
                lastName="Counted", firstName=f"{size}.{n}", phone="1", email="a@example.com", city="X"
            )
        with statements(program.running.db) as seen:
            assert len((await listed(program, f"lastName=Counted&max={size}"))[1]) == size
        counts[size] = len(seen)
    assert counts == {2: 7, 10: 7}


async def test_a_blank_to_look_for_is_refused_and_does_not_list_everybody(program: Program, ten: list[int]) -> None:
    for name in ("firstName", "lastName", "customerReference"):
        for blank in ("%20", "+", "%C2%A0", "%09"):
            answer = await program.get(f"/contacts?{name}={blank}")
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_param_type"), (name, blank)
        assert (await listed(program, f"{name}="))[0]["total"] >= 10
