"""Merges that meet other writers on PostgreSQL: whoever comes second finds what the first has written."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from crmgraph.crm.models import Contact, PartyKind, Phone
from tests.agreement.doors import Graph, Record, clients
from tests.agreement.world import founded
from tests.conftest import Running, serving, settings_for
from tests.merging.world import asked, ident, made, merged, told
from tests.test_races import ROUNDS

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


@pytest.fixture
async def running(database: str, tmp_path: Path) -> AsyncIterator[Running]:
    """An empty application with a connection for everybody who writes."""
    async with serving(settings_for(database, tmp_path, pool_size=16)) as (client, app):
        yield Running(client, app, {})


@pytest.fixture
async def doors(running: Running) -> dict[str, Any]:
    return clients(await founded(running))


async def person(graph: Graph, name: str, **more: Any) -> Record:
    phones = [{"kind": "MOBILE", "raw": f"{next(NUMBERS)}"}]
    return await made(graph, PartyKind.CONTACT, lastName=name, phones=phones, **more)


NUMBERS = iter(range(100_000, 10**6))


async def live(graph: Graph) -> int:
    async with graph.world.core.db.read() as session:
        return await session.scalar(select(func.count()).select_from(Contact).where(Contact.deleted_at.is_(None))) or 0


async def test_two_merges_of_the_same_and_circles_make_one(doors: dict[str, Any]) -> None:
    graph = doors["graphql"]
    for number in range(ROUNDS):
        one, two, three = [await person(graph, f"{name}{number}") for name in "ABC"]
        payloads = await asyncio.gather(
            merged(graph, one, two), merged(graph, two, one), merged(graph, one, two, three), merged(graph, three, two)
        )
        assert [each["userErrors"] for each in payloads] == [[]] * 4
        nodes = [await told(graph, each, "id phones { raw }") for each in (one, two, three)]
        assert nodes[0] == nodes[1] == nodes[2]
        assert len(nodes[0]["phones"]) == 3
        assert await live(graph) == number + 1
    async with graph.world.core.db.read() as session:
        # Nothing leads to a record that was merged on.
        led = select(Contact.id).where(Contact.merged_into_id.is_not(None))
        assert (
            await session.scalar(select(func.count()).select_from(Contact).where(Contact.merged_into_id.in_(led))) == 0
        )
        lost = select(func.count()).select_from(Phone).join(Contact, Contact.id == Phone.party_id)
        assert await session.scalar(lost.where(Contact.deleted_at.is_not(None))) == 0


async def test_an_update_of_who_goes_is_told_by_who_stays(doors: dict[str, Any]) -> None:
    graph = doors["graphql"]
    change = """mutation($i: UpdateContactInput!) { updateContact(input: $i) { contact { id } userErrors { code } } }"""
    for number in range(ROUNDS):
        stays, goes = [await person(graph, f"{name}{number}") for name in "AB"]
        given = {"contact": {"id": ident(goes)}, "nickname": "Nick", "phones": {"add": [{"kind": "FAX", "raw": "77"}]}}
        done, written, other = await asyncio.gather(
            merged(graph, stays, goes),
            asked(graph, change, i=given),
            asked(graph, change, i={"contact": {"id": ident(goes)}, "jobTitle": "CTO"}),
        )
        assert done["userErrors"] == []
        for each in (written, other):
            assert each["updateContact"]["userErrors"] == []
        node = await told(graph, stays, "nickname jobTitle phones { raw }")
        assert (node["nickname"], node["jobTitle"], len(node["phones"])) == ("Nick", "CTO", 3)


async def test_a_merge_against_a_deletion_a_conversion_and_an_upsert(doors: dict[str, Any]) -> None:
    graph, zoho = doors["graphql"], doors["zoho"]
    delete = "mutation($i: DeleteContactInput!) { deleteContact(input: $i) { deletedId userErrors { code } } }"
    convert = "mutation($i: ConvertLeadInput!) { convertLead(input: $i) { contact { id } userErrors { code } } }"
    for number in range(ROUNDS):
        email = f"a{number}@example.com"
        stays = await person(graph, f"A{number}")
        goes = await person(graph, f"B{number}", emails=[{"kind": "BUSINESS", "address": email}])
        lead = await made(graph, PartyKind.LEAD, lastName=f"L{number}")
        third = await person(graph, f"C{number}")
        row = {"Last_Name": f"B{number}", "Email": email, "Title": "CTO"}
        body = {"data": [row], "duplicate_check_fields": ["Email"]}
        done, converted, upserted, _ = await asyncio.gather(
            merged(graph, stays, goes),
            asked(graph, convert, i={"lead": {"id": ident(lead)}, "contact": {"id": ident(goes)}}),
            zoho.request("POST", "/Contacts/upsert", body),
            asked(graph, delete, i={"contact": {"id": ident(third)}}),
        )
        assert done["userErrors"] == []
        # That the contact has another name than the lead is told, and no more.
        assert {each["code"] for each in converted["convertLead"]["userErrors"]} <= {"LEFT_OUT"}
        assert upserted["data"][0]["code"] == "SUCCESS"
        assert (await told(graph, lead, "convertedContact { id }"))["convertedContact"] == {"id": ident(stays)}
        mine = await asked(graph, f'{{ contacts(filter: {{email: {{eq: "{email}"}}}}) {{ nodes {{ id }} }} }}')
        assert mine["contacts"]["nodes"] == [{"id": ident(stays)}]
        assert await live(graph) == number + 1


async def test_whoever_joins_an_account_that_goes_joins_the_one_that_stays(doors: dict[str, Any]) -> None:
    graph = doors["graphql"]
    change = "mutation($i: UpdateContactInput!) { updateContact(input: $i) { userErrors { code } } }"
    for number in range(ROUNDS):
        stays, goes = [await made(graph, PartyKind.ACCOUNT, name=f"{name}{number}") for name in "AB"]
        people = [await person(graph, f"P{i}", account=ident(goes) if i % 2 else None) for i in range(4)]
        joining = [
            asked(graph, change, i={"contact": {"id": ident(each)}, "account": ident(stays if i == 3 else goes)})
            for i, each in enumerate(people)
        ]
        payload, *changed = await asyncio.gather(merged(graph, stays, goes), *joining)
        assert payload["userErrors"] == []
        assert [each["updateContact"]["userErrors"] for each in changed] == [[]] * 4
        node = await told(graph, stays, "contacts { totalCount nodes { id } }")
        assert node["contacts"]["totalCount"] == 4, number
