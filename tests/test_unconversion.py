"""Conversions that are undone, through the front door, on both databases."""

import asyncio
import datetime as dt
from typing import Any

import pytest
from sqlalchemy import func, select, update

from crmgraph.crm.models import Account, Change, Contact, ConvertedLead, ConvertedNote, PartyKind, now
from crmgraph.crm.policy import MODELS
from crmgraph.crm.retention import Retention, purge_rows
from tests.agreement.doors import Graph, Record, clients
from tests.agreement.world import founded
from tests.conftest import Running
from tests.merging.world import ERRORS, asked, ident, made, merged, told
from tests.test_races import ROUNDS

FIELDS = """revision firstName nickname jobTitle emailOptOut account { id } phones { id raw } emails { id address }
  notes { nodes { content } }"""
LEAD = """revision convertedAt convertedContact { id } notes { nodes { content } } can
  history(first: 1) { nodes { action } }"""
STALE = """... on StaleError { current record { id: __typename } }"""
HELD = "... on ConflictError { existing { id } }"


@pytest.fixture
async def graph(running: Running) -> Graph:
    found: Graph = clients(await founded(running))["graphql"]
    return found


async def a_lead(graph: Graph, **more: Any) -> Record:
    values = {
        "lastName": "Leone",
        "firstName": "Lea",
        "company": "Acme",
        "jobTitle": "CTO",
        "industry": "ASP",
        "emailOptOut": True,
        "phones": [{"kind": "MOBILE", "raw": "+49 151 23456789"}, {"kind": "LANDLINE", "raw": "+49 30 901820"}],
        "emails": [{"kind": "BUSINESS", "address": "lea@example.com"}],
        "addresses": [{"kind": "BUSINESS", "city": "Berlin"}],
    }
    lead = await made(graph, PartyKind.LEAD, **(values | more))
    note = "mutation($i: CreateNoteInput!) { createNote(input: $i) { note { id } userErrors { code message } } }"
    given = {"on": {"lead": {"id": ident(lead)}}, "content": "called"}
    assert (await asked(graph, note, i=given))["createNote"]["userErrors"] == []
    return lead


async def converted(graph: Graph, lead: Record, **more: Any) -> tuple[Record, Record]:
    query = "mutation($i: ConvertLeadInput!) { convertLead(input: $i) { contact { id } account { id } lead { id } } }"
    done = (await asked(graph, query, i={"lead": {"id": ident(lead)}} | more))["convertLead"]
    assert done["lead"] is not None
    return tuple(  # type: ignore[return-value] - two
        Record(kind, int(done[kind.value.lower()]["id"][4:])) for kind in (PartyKind.CONTACT, PartyKind.ACCOUNT)
    )


async def unconverted(graph: Graph, lead: Record, **more: Any) -> dict[str, Any]:
    query = f"""mutation($i: UnconvertLeadInput!) {{ unconvertLead(input: $i) {{
      lead {{ id convertedAt revision }} contact {{ id }} account {{ id }} deletedIds
      userErrors {{ __typename code path message {STALE} {HELD} }} }} }}"""
    payload: dict[str, Any] = (await asked(graph, query, i={"lead": {"id": ident(lead)}} | more))["unconvertLead"]
    return payload


async def beside(graph: Graph, record: Record, extra_fields: dict[str, Any]) -> None:
    """Let a record have what only a dialect knows."""
    model: Any = MODELS[record.kind]
    async with graph.world.core.db.begin() as session:
        await session.execute(update(model).where(model.id == record.number).values(extra_fields=extra_fields))


async def counted(graph: Graph) -> list[int]:
    async with graph.world.core.db.read() as session:
        counts = [
            select(func.count()).select_from(model).where(model.deleted_at.is_(None)) for model in (Contact, Account)
        ]
        counts += [select(func.count()).select_from(model) for model in (Change, ConvertedLead, ConvertedNote)]
        return [await session.scalar(each) or 0 for each in counts]


async def test_what_a_conversion_made_goes_and_the_lead_is_one_again(graph: Graph) -> None:
    lead = await a_lead(graph)
    before = await told(graph, lead, LEAD)
    contact, account = await converted(graph, lead)
    assert "UNCONVERT" in (await told(graph, lead, "can"))["can"]
    at = await counted(graph)
    dry = await unconverted(graph, lead, dryRun=True)
    assert await counted(graph) == at
    done = await unconverted(graph, lead)
    assert (
        dry
        == done
        == {
            "lead": {"id": ident(lead), "convertedAt": None, "revision": 4},
            "contact": None,
            "account": None,
            "deletedIds": [ident(contact), ident(account)],
            "userErrors": [],
        }
    )
    assert await counted(graph) == [at[0] - 1, at[1] - 1, at[2] + 3, 0, 0]
    after = await told(graph, lead, LEAD)
    assert after == before | {"revision": 4, "history": {"nodes": [{"action": "UNCONVERTED"}]}}
    assert after["notes"]["nodes"] == [{"content": "called"}]
    assert await told(graph, contact, "id") is None and await told(graph, account, "id") is None
    again = await unconverted(graph, lead)
    assert [(each["code"], each["path"]) for each in again["userErrors"]] == [("CONFLICTING", ["input", "lead"])]
    # It can be converted again, and that be undone too.
    await converted(graph, lead)
    assert (await unconverted(graph, lead))["userErrors"] == []


async def test_what_was_written_into_known_records_is_taken_out_again(graph: Graph) -> None:
    lead = await a_lead(graph)
    old = await made(graph, PartyKind.ACCOUNT, name="Old")
    new = await made(graph, PartyKind.ACCOUNT, name="New")
    person = await made(
        graph,
        PartyKind.CONTACT,
        lastName="Known",
        jobTitle="CEO",
        account=ident(old),
        phones=[{"kind": "HOME", "raw": "+49 30 1"}],
    )
    company = "name industry phones { raw } addresses { city }"
    await beside(graph, lead, {"zoho": {"Tier": "A", "Region": "EU"}})
    await beside(graph, person, {"zoho": {"Tier": "B"}})
    before = await told(graph, person, FIELDS), await told(graph, new, company)
    named = {"contact": {"id": ident(person)}, "account": {"id": ident(new)}, "overwrite": True}
    assert await converted(graph, lead, **named) == (person, new)
    written = await told(graph, person, FIELDS)
    assert (written["jobTitle"], written["account"], len(written["phones"])) == ("CTO", {"id": ident(new)}, 3)
    assert (await told(graph, new, company))["name"] == "Acme"
    done = await unconverted(graph, lead)
    assert done == {
        "lead": {"id": ident(lead), "convertedAt": None, "revision": 4},
        "contact": {"id": ident(person)},
        "account": {"id": ident(new)},
        "deletedIds": [],
        "userErrors": [],
    }
    assert await told(graph, person, FIELDS) == before[0] | {"revision": 3}
    async with graph.world.core.db.read() as session:
        kept = await session.scalar(select(Contact.extra_fields).where(Contact.id == person.number))
    assert kept == {"zoho": {"Tier": "B"}}
    assert await told(graph, new, company) == before[1]


async def test_a_known_contact_leaves_the_account_that_was_made_for_it(graph: Graph) -> None:
    lead = await a_lead(graph)
    person = await made(graph, PartyKind.CONTACT, lastName="Known")
    before = await told(graph, person, FIELDS)
    _, account = await converted(graph, lead, contact={"id": ident(person)})
    assert (await told(graph, person, "account { id }"))["account"] == {"id": ident(account)}
    done = await unconverted(graph, lead)
    assert (done["userErrors"], done["deletedIds"]) == ([], [ident(account)])
    assert await told(graph, person, FIELDS) == before | {"revision": 3}


@pytest.mark.parametrize("kind", [PartyKind.CONTACT, PartyKind.ACCOUNT])
async def test_it_is_refused_once_what_came_of_the_lead_has_changed(graph: Graph, kind: PartyKind) -> None:
    lead = await a_lead(graph)
    records = dict(zip((PartyKind.CONTACT, PartyKind.ACCOUNT), await converted(graph, lead), strict=True))
    record = records[kind]
    name = kind.value.title()
    change = f"mutation($i: Update{name}Input!) {{ update{name}(input: $i) {{ {ERRORS} }} }}"
    value = {PartyKind.CONTACT: {"jobTitle": "CEO"}, PartyKind.ACCOUNT: {"industry": "Steel"}}[kind]
    await asked(graph, change, i={name.lower(): {"id": ident(record)}} | value)
    at = await counted(graph)
    (error,) = (await unconverted(graph, lead))["userErrors"]
    what = {PartyKind.CONTACT: "The contact that came of the lead", PartyKind.ACCOUNT: "Its account"}[kind]
    assert error == {
        "__typename": "StaleError",
        "code": "STALE",
        "path": ["input", "lead"],
        "message": f"{what} has changed since the conversion, which cannot be undone: its revision is 2 now.",
        "current": 2,
        "record": {"id": name},
    }
    assert await counted(graph) == at


async def test_it_is_refused_once_something_names_what_would_go(graph: Graph) -> None:
    lead = await a_lead(graph)
    contact, account = await converted(graph, lead)
    await made(graph, PartyKind.CONTACT, lastName="Joins", account=ident(account))
    await made(graph, PartyKind.CONTACT, lastName="Below", reportsTo=ident(contact))
    errors = (await unconverted(graph, lead))["userErrors"]
    assert [(each["code"], each["existing"]) for each in errors] == [
        ("CONFLICTING", {"id": ident(contact)}),
        ("CONFLICTING", {"id": ident(account)}),
    ]
    assert (await told(graph, lead, "convertedAt"))["convertedAt"] is not None


async def test_a_contact_that_was_merged_since_is_told(graph: Graph) -> None:
    lead = await a_lead(graph)
    contact, account = await converted(graph, lead)
    other = await made(graph, PartyKind.CONTACT, lastName="Other")
    assert (await merged(graph, other, contact))["userErrors"] == []
    # The other one has taken its account.
    gone, named = (await unconverted(graph, lead))["userErrors"]
    assert (gone["code"], gone["current"], gone["record"]) == ("STALE", 2, None)
    assert (named["code"], named["existing"]) == ("CONFLICTING", {"id": ident(account)})


async def test_revision_and_time_are_minded(graph: Graph) -> None:
    lead = await a_lead(graph)
    await converted(graph, lead)
    (error,) = (await unconverted(graph, lead, ifRevision=1))["userErrors"]
    assert (error["code"], error["path"], error["current"]) == ("STALE", ["input", "ifRevision"], 3)
    db = graph.world.core.db
    async with db.begin() as session:
        await session.execute(update(ConvertedLead).values(at=now() - dt.timedelta(days=31)))
    (error,) = (await unconverted(graph, lead))["userErrors"]
    assert (error["__typename"], error["code"], error["path"]) == ("InputError", "NOT_FOUND", ["input", "lead"])
    assert (await purge_rows(db, Retention()))["conversions"] == 1
    assert (await counted(graph))[3:] == [0, 0]


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_a_change_that_meets_it_is_kept_or_comes_too_late(graph: Graph) -> None:
    change = "mutation($i: UpdateContactInput!) { updateContact(input: $i) { contact { id } userErrors { code } } }"
    for _ in range(ROUNDS):
        lead = await a_lead(graph)
        contact, account = await converted(graph, lead)
        undone, changed = await asyncio.gather(
            unconverted(graph, lead), asked(graph, change, i={"contact": {"id": ident(contact)}, "nickname": "Lee"})
        )
        codes = (
            [each["code"] for each in undone["userErrors"]],
            [each["code"] for each in changed["updateContact"]["userErrors"]],
        )
        assert codes in (([], ["NOT_FOUND"]), (["STALE"], []))
        there = await told(graph, contact, "nickname account { id }")
        still = await told(graph, lead, "convertedAt")
        if codes[0]:
            assert there == {"nickname": "Lee", "account": {"id": ident(account)}}
            assert still["convertedAt"] is not None
        else:
            assert there is None and still == {"convertedAt": None}
