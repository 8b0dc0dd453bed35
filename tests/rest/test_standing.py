"""A caller who was known from an earlier request is asked for by the statement that reads for them, and by no other.
Whoever may do so no longer is answered as if nobody had known them."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import Text, cast, update

from crmgraph.crm.models import Door, LegacyClient, LegacyToken, PartyKind, Role, Session, Staff, now
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import parties
from crmgraph.crm.records.edits import Edit
from tests.agreement.world import PORTAL, World, founded
from tests.conftest import Running, statements

Ask = Callable[[World, int, str], Awaitable[httpx.Response]]


async def zoho(world: World, contact: int, token: str) -> httpx.Response:
    headers = {"authorization": f"Zoho-oauthtoken {token}"}
    return await world.client.get(f"/crm/v2/Contacts/{contact}", headers=headers)


async def crmcom(world: World, contact: int, token: str) -> httpx.Response:
    query = {"token": token, "contact_information_identifier": f"id={contact:032X}"}
    return await world.client.get("/crmapi/rest/v2/contact_information/show", params=query)


async def covalense(world: World, contact: int, token: str) -> httpx.Response:
    return await world.client.get("/crm/v1/profile/contact", headers={**PORTAL, "token": token})


ASKED: dict[Door, Ask] = {Door.ZOHO: zoho, Door.CRMCOM: crmcom, Door.COVALENSE: covalense}


@pytest.fixture
async def world(running: Running) -> World:
    return await founded(running)


@pytest.fixture
async def contact(world: World) -> int:
    async with world.core.db.begin() as session:
        actor = Actor(Door.OPERATOR, Role.ADMIN)
        made = await parties.create(session, actor, PartyKind.CONTACT, Edit({"last_name": "Ray"}))
    return made.id


async def token_of(world: World, door: Door, contact: int) -> str:
    return world.tokens[door] if door in world.tokens else await world.let_in(contact, "ray@example.com")


async def written(world: World, change: Any) -> None:
    async with world.core.db.begin() as session:
        await session.execute(change)


@pytest.mark.parametrize("door", ASKED)
async def test_one_statement_tells_a_record_to_a_caller_who_has_been_here(
    world: World, contact: int, door: Door
) -> None:
    token = await token_of(world, door, contact)
    first = await ASKED[door](world, contact, token)
    with statements(world.core.db) as seen:
        again = await ASKED[door](world, contact, token)
    assert (first.status_code, first.content) == (200, again.content)
    assert len(seen) == 1


CHANGES: dict[str, tuple[Any, tuple[Door, ...]]] = {
    "a token that was revoked": (update(LegacyToken).values(revoked=True), (Door.ZOHO, Door.CRMCOM)),
    "a client that was switched off": (update(LegacyClient).values(active=False), (Door.ZOHO, Door.CRMCOM)),
    "a grant that was taken": (update(LegacyClient).values(grants=["nothing"]), (Door.ZOHO, Door.CRMCOM)),
    "a token for less": (update(LegacyToken).values(grants={"only": []}), (Door.ZOHO, Door.CRMCOM)),
    "an employee who has left": (update(Staff).values(active=False), (Door.ZOHO, Door.CRMCOM)),
    "a login that has ended": (update(Session).values(ended_at=now()), (Door.COVALENSE,)),
}


@pytest.mark.parametrize(("change", "door"), [(name, door) for name, (_, doors) in CHANGES.items() for door in doors])
async def test_nothing_is_told_to_a_caller_who_may_not_any_more(
    world: World, running: Running, contact: int, change: str, door: Door
) -> None:
    token, ask = await token_of(world, door, contact), ASKED[door]
    assert (await ask(world, contact, token)).status_code == 200
    await written(world, CHANGES[change][0])
    refused = await ask(world, contact, token)
    assert b"Ray" not in refused.content
    # Nor is it told what there is not, or what a stranger may not ask for.
    missing = await ask(world, contact + 1, token)
    fresh = await ask(world, contact, token)
    assert (refused.status_code, refused.content) == (fresh.status_code, fresh.content)
    assert (missing.status_code, missing.content) == (refused.status_code, refused.content)


async def test_a_grant_that_was_given_counts_at_once(world: World, contact: int) -> None:
    token = world.tokens[Door.ZOHO]
    own = update(LegacyClient).where(cast(LegacyClient.dialect, Text) == "ZOHO")
    assert (await zoho(world, contact, token)).status_code == 200
    await written(world, own.values(grants=["ZohoCRM.modules.leads.READ"]))
    assert (await zoho(world, contact, token)).json()["code"] == "OAUTH_SCOPE_MISMATCH"
    await written(world, own.values(grants=["ZohoCRM.modules.contacts.READ"]))
    assert (await zoho(world, contact, token)).status_code == 200


async def test_what_there_is_not_is_told_after_the_caller_was_asked_for(world: World, contact: int) -> None:
    token = world.tokens[Door.ZOHO]
    assert (await zoho(world, contact, token)).status_code == 200
    with statements(world.core.db) as seen:
        assert (await zoho(world, contact + 1, token)).status_code == 204
    assert len(seen) == 3
