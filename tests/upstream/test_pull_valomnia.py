"""Reading a Valomnia, and what its answers tell that pass by."""

import json
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from crmgraph.crm.core import Core
from crmgraph.crm.models import Account, Door, PartyKind, Role, Upstream
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import aggregates, external_ids
from crmgraph.dialects.valomnia import PULLING, TELLING
from crmgraph.dialects.valomnia import upstream as valomnia
from crmgraph.dialects.valomnia.fields import CONTACT
from crmgraph.upstream.harvest import Harvester
from crmgraph.upstream.pull import Report
from crmgraph.upstream.reading import opened
from tests.upstream.old_crm import CREDENTIALS, OldCrm
from tests.upstream.reader import LOOPBACK
from tests.upstream.test_harvest import changes, exchange, passed

READER = Actor(Door.VALOMNIA, Role.ADMIN, sees_identity=True)
UNTOLD = {"photo", "organization"}
"""What is not read: photos, and the entity, which stands nowhere else."""


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS["valomnia"].items():
        monkeypatch.setenv(f"CRMGRAPH_UPSTREAM_VALOMNIA_{name.upper()}", value)


async def told(old: OldCrm) -> dict[int, dict[str, Any]]:
    """{id: a contact}, all that the old one lists."""
    login = CREDENTIALS["valomnia"]
    form = {"j_username": login["username"], "j_password": login["password"], "ajax": "true"}
    async with httpx.AsyncClient(base_url=old.url) as client:
        cookie = (await client.post("/j_spring_security_check", data=form)).headers["set-cookie"].partition(";")[0]
        found = await client.get("/api/v1.0/contacts", params={"max": "1000"}, headers={"Cookie": cookie})
        answer = found.json()
    assert answer["paging"]["total"] == len(answer["data"])
    return {each["id"]: each for each in answer["data"]}


async def shown(core: Core) -> dict[int, dict[str, Any]]:
    """The same of this store."""
    async with core.db.read() as session:
        ids = [row[0] for row in await session.execute(select(aggregates.MODELS[PartyKind.CONTACT].id))]
        loaded = list((await aggregates.load(session, READER, PartyKind.CONTACT, ids)).values())
        around = await external_ids.encoding_context(session, READER, "valomnia", loaded)
        layout = CONTACT.layout()
        return {row["id"]: row for row in (layout.encode(each, around) for each in loaded)}


async def pull(core: Core) -> Report:
    async with opened(core, LOOPBACK, Door.VALOMNIA, PULLING) as puller:
        return await puller.run()


async def test_contacts_and_their_customers_are_here_as_there(
    core: Core, old_crm: OldCrm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valomnia, "PER_PAGE", 7)
    async with core.db.begin() as session:
        session.add(Upstream(dialect=Door.VALOMNIA, base_url=old_crm.url, insecure=True, options={}))
    first = await pull(core)
    there, here = await told(old_crm), await shown(core)
    assert first.counts["contacts"]["created"] == len(there)
    assert here.keys() == there.keys()
    for own_id, row in there.items():
        theirs = _without_links(row)
        differing = {name for name in theirs if here[own_id][name] != theirs[name]}
        assert differing <= UNTOLD | {"user"}, (differing, theirs, here[own_id])
        assert here[own_id]["user"].get("id") == theirs["user"].get("id")  # what their books call them is not kept
    before = await changes(core)
    assert (await pull(core)).changes == 0
    assert await changes(core) == before


async def test_what_passes_by_tells_of_contacts_and_customers(core: Core) -> None:
    harvester = Harvester(core, {Door.VALOMNIA: TELLING})
    recorded = json.loads(exchange("valomnia", "show.success")["response"]["body"])
    one = "GET /api/{version}/contacts/{id}"
    for _ in range(2):
        await harvester.look(passed(Door.VALOMNIA, one, recorded, path="/api/v1.0/contacts/5"))
    assert await changes(core) == 2  # the contact, and its customer in brief
    (here,) = (await shown(core)).values()
    told = _without_links(recorded)
    assert {name for name in told if here[name] != told[name]} == UNTOLD | {"user"}
    assert here["user"] == {"id": 4, "reference": ""}
    customer = told["customer"] | {"comment": "Pays late", "city": "Oslo", "country": "NO", "creditLimit": 5}
    await harvester.look(passed(Door.VALOMNIA, "GET /api/{version}/customers/{id}", customer))
    async with core.db.read() as session:
        account = (await session.scalars(select(Account))).one()
    assert (account.name, account.description) == ("Marie's Jewelry", "Pays late")
    assert account.extra_fields["valomnia"] == {"creditLimit": 5}
    gone = {"success": "true", "success_description": "Instance deleted successfully"}
    deleting = "DELETE /api/{version}/contacts/{id}"
    await harvester.look(passed(Door.VALOMNIA, deleting, {"error": "delete_failed"}, path="/api/v1.0/contacts/5"))
    assert len(await shown(core)) == 1
    await harvester.look(passed(Door.VALOMNIA, deleting, gone, path="/api/v1.0/contacts/5"))
    assert await shown(core) == {}


def _without_links(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_links(each) for name, each in value.items() if name != "href"}
    return value
