"""An email that customers gave of themselves and nobody verified takes nothing from anybody: no upsert and no unique
field meets it, and a record that staff or a program gave the email to is the one that it names."""

import json
from typing import Any

import pytest
from sqlalchemy import update

from crmgraph.crm.models import Door, Email, PartyKind
from tests.agreement.doors import Place, Record, clients
from tests.agreement.world import founded
from tests.conftest import Running

LAST_NAME = Place("last_name")
SLOTS = {"Email": Place("address", "emails", "first"), "Secondary_Email": Place("address", "emails", "second")}
VICTIM = "victim@example.com"
SPELLINGS = (VICTIM, "VICTIM@Example.com", " victim@example.com ")


@pytest.fixture
async def doors(running: Running) -> dict[str, Any]:
    return clients(await founded(running))


async def upserted(doors: dict[str, Any], field: str, email: str, name: str = "Victim") -> tuple[str, int]:
    """(what was done, to which record) by an upsert that looks by this field."""
    world = doors["zoho"].world
    body = {"data": [{field: email, "Last_Name": name}], "duplicate_check_fields": [field]}
    headers = {"Authorization": f"Zoho-oauthtoken {world.tokens[Door.ZOHO]}"}
    answer = await world.client.post("/crm/v2/Contacts/upsert", headers=headers, content=json.dumps(body))
    (row,) = answer.json()["data"]
    return row["action"], int(row["details"]["id"])


async def named(doors: dict[str, Any], email: str) -> str | None:
    """The last name of the contact that GraphQL has under this email."""
    query = "query($e: EmailAddress!) { contact(by: {email: $e}) { lastName } }"
    found = (await doors["graphql"].ask(query, e=email))["contact"]
    return found and str(found["lastName"])


async def claimant(doors: dict[str, Any], field: str, email: str) -> Record:
    mine = await doors["covalense"].create(PartyKind.CONTACT, {LAST_NAME: "Claimant"}, "mine@example.com")
    await doors["covalense"].change(mine, {SLOTS[field]: email})
    record: Record = mine
    return record


@pytest.mark.parametrize("field", SLOTS)
async def test_an_upsert_passes_by_whoever_only_claims_the_email(doors: dict[str, Any], field: str) -> None:
    mine = await claimant(doors, field, VICTIM)
    before = await doors["zoho"].told(mine)
    action, victim = await upserted(doors, field, VICTIM)
    assert (action, victim == mine.number) == ("insert", False)
    for email in SPELLINGS:
        assert await upserted(doors, field, email) == ("update", victim)
    assert await doors["zoho"].told(mine) == before
    assert await named(doors, VICTIM) == "Victim"


async def test_a_claim_counts_once_it_is_verified_and_staffs_word_at_once(doors: dict[str, Any]) -> None:
    mine = await claimant(doors, "Email", VICTIM)
    assert await named(doors, VICTIM) == "Claimant"  # nobody else has it
    async with doors["zoho"].world.core.db.begin() as session:
        await session.execute(update(Email).where(Email.address == VICTIM).values(verified=True))
    assert await upserted(doors, "Email", VICTIM, "Claimant") == ("update", mine.number)
    await doors["zoho"].change(mine, {SLOTS["Email"]: "office@example.com"})
    assert await upserted(doors, "Email", "office@example.com", "Claimant") == ("update", mine.number)
    await doors["covalense"].change(mine, {SLOTS["Email"]: "again@example.com"})
    assert (await upserted(doors, "Email", "again@example.com"))[0] == "insert"


async def test_what_was_there_before_a_claim_stays_the_one(doors: dict[str, Any]) -> None:
    victim = await doors["zoho"].create(PartyKind.CONTACT, {LAST_NAME: "Victim", SLOTS["Email"]: VICTIM})
    mine = await claimant(doors, "Email", VICTIM)
    for email in SPELLINGS:
        assert await upserted(doors, "Email", email) == ("update", victim.number)
    assert await named(doors, VICTIM) == "Victim"
    query = "mutation($i: UpdateContactInput!) { updateContact(input: $i) { contact { id } userErrors { code } } }"
    changed = await doors["graphql"].ask(query, i={"contact": {"email": VICTIM}, "firstName": "Vic"})
    assert changed["updateContact"]["contact"]["id"] == f"con_{victim.number}"
    assert (await doors["zoho"].told(mine))["First_Name"] is None
    await doors["zoho"].request("DELETE", f"/Contacts/{victim.number}")
    assert await named(doors, VICTIM) == "Claimant"
