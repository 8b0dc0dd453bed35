"""What answers that pass by tell of records, applied to the store."""

import asyncio
import gzip
import json
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from crmgraph.crm.core import Core
from crmgraph.crm.models import Change, Door, Lead, Mode, PartyKind, Role
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import aggregates, external_ids
from crmgraph.dialects.covalense.fields import tables
from crmgraph.dialects.crmcom.answers import encode
from crmgraph.dialects.crmcom.response_formats import SHOW
from crmgraph.registry import DIALECTS
from crmgraph.upstream.decoding import LONGEST
from crmgraph.upstream.harvest import Harvester
from crmgraph.upstream.listening import Consumer, Listener
from crmgraph.upstream.tee import PassedCall
from tests.upstream.conftest import Front, request
from tests.upstream.test_switching import answer

EXCHANGES = Path(__file__).parents[1] / "dialects"
READER = Actor(Door.CRMCOM, Role.ADMIN, sees_identity=True)
SHOW_PATH = "/crmapi/rest/v2/contact_information/show"
SHOWING = f"GET {SHOW_PATH}"
LOUIS = "1F1D2D0DFD164BFA801BE87CA9E33915"


def exchange(dialect: str, name: str) -> Any:
    return json.loads((EXCHANGES / dialect / "exchanges" / f"{name}.json").read_text())


def passed(door: Door, operation: str, body: Any, *, path: str = "", query: str = "", **more: Any) -> PassedCall:
    """A call that was passed on, with its answer."""
    method, template = operation.split(" ")
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    given: dict[str, Any] = {"status": 200, "answer_headers": [], "whole": True} | more
    return PassedCall(
        dialect=door,
        operation=operation,
        caller="ann",
        mode=Mode.PROXY,
        wanted_by=("harvest",),
        at=time.time(),
        method=method,
        path=(path or template).encode(),
        query=query.encode(),
        headers=[],
        body=b"",
        answer=data,
        **given,
    )


@pytest.fixture
def harvester(core: Core) -> Harvester:
    return Harvester(
        core, {each.door: telling for each in DIALECTS if (telling := each.implementation.telling) is not None}
    )


async def changes(core: Core) -> int:
    async with core.db.read() as session:
        return len((await session.scalars(select(Change.id))).all())


async def shown(core: Core, value: str) -> dict[str, Any]:
    """A contact as CRM.COM's `show` prints it here."""
    async with core.db.read() as session:
        found = await external_ids.resolve(session, "crmcom", {("record", value)})
        (record,) = (await aggregates.load(session, READER, PartyKind.CONTACT, found.values())).values()
        (answer,) = await encode(session, READER, SHOW, [record], ())
        return answer


@pytest.fixture
def louis() -> dict[str, Any]:
    """What CRM.COM shows of a contact, as its document prints it."""
    return {"status": {"code": "OK"}, "data": exchange("crmcom", "show")["response"]["data"]}


async def test_crmcom_shows_what_it_showed(core: Core, harvester: Harvester, louis: dict[str, Any]) -> None:
    await harvester.look(passed(Door.CRMCOM, SHOWING, louis))
    told, here = louis["data"], await shown(core, LOUIS)
    assert here.pop("relation_set") == []  # whom it names is told in brief alone
    assert here == {name: value for name, value in told.items() if name != "relation_set"}
    assert await changes(core) == 1
    await harvester.look(passed(Door.CRMCOM, SHOWING, louis))
    assert await changes(core) == 1  # what is known changes nothing
    assert await shown(core, LOUIS) == here | {"relation_set": []}


async def test_what_an_answer_does_not_name_stays(core: Core, harvester: Harvester, louis: dict[str, Any]) -> None:
    await harvester.look(passed(Door.CRMCOM, SHOWING, louis))
    before = await shown(core, LOUIS)
    brief = {"id": LOUIS, "type": "PERSON", "first_name": "Lou", "demographics": {"gender": "MALE", "id_number": None}}
    await harvester.look(passed(Door.CRMCOM, SHOWING, {"status": {"code": "OK"}, "data": brief}))
    after = await shown(core, LOUIS)
    assert (after["first_name"], after["demographics"]["gender"]) == ("Lou", "MALE")
    # A document that this user may not see is told as null, and tells nothing.
    assert after["demographics"] == before["demographics"] | {"gender": "MALE"}
    moved = {"first_name", "name", "demographics", "log_information"}
    assert {name for name in before if after[name] != before[name]} == moved
    # A set that is told is all of it.
    phones = {"id": LOUIS, "type": "PERSON", "phones_set": [{"type": "Mobile", "number": "99123456"}]}
    await harvester.look(passed(Door.CRMCOM, SHOWING, {"status": {"code": "OK"}, "data": phones}))
    now = await shown(core, LOUIS)
    assert [(each["type"], each["number"]) for each in now["phones_set"]] == [("Mobile", "99123456")]
    assert now["emails_set"] == before["emails_set"]


@pytest.mark.parametrize(
    "more",
    [
        {"status": 400},
        {"status": 500},
        {"whole": False},
        {"answer_headers": [(b"Content-Encoding", b"br")]},
        {"answer_headers": [(b"Content-Encoding", b"gzip")]},
    ],
    ids=["refused", "fault", "cut short", "compressed otherwise", "not compressed at all"],
)
async def test_what_is_no_answer_tells_nothing(
    core: Core, harvester: Harvester, louis: dict[str, Any], more: dict[str, Any]
) -> None:
    await harvester.look(passed(Door.CRMCOM, SHOWING, louis, **more))
    await harvester.look(passed(Door.CRMCOM, SHOWING, {"status": {"code": "COM.CRM.X"}, "data": louis["data"]}))
    await harvester.look(passed(Door.CRMCOM, "GET /crmapi/rest/v2/other", louis))
    for body in (b"", b"{", b"[]", b"null", b'{"status": {"code": "OK"}, "data": 5}', b"\xff"):
        await harvester.look(passed(Door.CRMCOM, SHOWING, body))
    assert await changes(core) == 0


async def test_a_compressed_answer_is_read_within_a_bound(
    core: Core, harvester: Harvester, louis: dict[str, Any]
) -> None:
    packed = [(b"Content-Encoding", b"gzip")]
    bomb = gzip.compress(b" " * LONGEST + json.dumps(louis).encode())
    await harvester.look(passed(Door.CRMCOM, SHOWING, bomb, answer_headers=packed))
    assert await changes(core) == 0
    whole = gzip.compress(json.dumps(louis).encode())
    await harvester.look(passed(Door.CRMCOM, SHOWING, whole, answer_headers=packed))
    assert await changes(core) == 1


async def test_an_answer_that_is_looked_at_late_takes_nothing_back(
    core: Core, harvester: Harvester, louis: dict[str, Any]
) -> None:
    earlier = json.loads(json.dumps(louis))
    earlier["data"]["first_name"] = "Before"
    earlier["data"]["log_information"]["updated_date"] = "2015-04-28T16:51:50"
    await harvester.look(passed(Door.CRMCOM, SHOWING, louis))
    await harvester.look(passed(Door.CRMCOM, SHOWING, earlier))
    assert (await shown(core, LOUIS))["first_name"] == "Louis"
    assert await changes(core) == 1


async def test_a_list_and_what_a_write_answers_tell_too(core: Core, harvester: Harvester) -> None:
    listed = exchange("crmcom", "list")["response"]
    path = "/crmapi/rest/v2/contact_information"
    await harvester.look(passed(Door.CRMCOM, f"GET {path}/list", listed))
    assert await changes(core) == len(listed["data"])
    made = exchange("crmcom", "create.1")["response"]
    await harvester.look(passed(Door.CRMCOM, f"POST {path}/create", made))
    here = await shown(core, made["data"]["id"])
    assert (here["last_name"], here["demographics"]) == (
        made["data"]["last_name"],
        here["demographics"] | made["data"]["demographics"],
    )


async def test_covalense_tells_of_who_asks(core: Core, harvester: Harvester) -> None:
    account = json.loads(exchange("covalense", "put_profile_account.response")["response"]["body"])
    contact = json.loads(exchange("covalense", "get_profile_contact.response")["response"]["body"])
    await harvester.look(passed(Door.COVALENSE, "PUT /crm/v1/profile/account", account))
    for _ in range(2):
        await harvester.look(passed(Door.COVALENSE, "GET /crm/v1/profile/contact", contact))
    assert await changes(core) == 2
    async with core.db.read() as session:
        found = await external_ids.resolve(session, "covalense", {("record", "95809"), ("record", "82078")})
        reader = Actor(Door.COVALENSE, Role.ADMIN, sees_identity=True)
        (record,) = (await aggregates.load(session, reader, PartyKind.CONTACT, found.values())).values()
        around = await external_ids.encoding_context(session, reader, "covalense", [record])
        here = tables("").contact.encode(record, around)
    told = contact["response"]["result"]
    # Its account has not passed by, its photo is not fetched.
    assert {name for name in told if here.get(name) != told[name]} == {"account_id", "profileImage"}


async def test_zoho_tells_what_is_told_whole(core: Core, harvester: Harvester) -> None:
    lead = {
        "id": "738964000002148061",
        "Last_Name": "Kidman",
        "Company": "Acme",
        "Email": "ann@example.com",
        "Created_Time": "2020-01-02T03:04:05+00:00",
        "Modified_Time": "2020-02-02T03:04:05+00:00",
        "$approved": True,
        "$converted": False,
    }
    path = "/crm/v2/Leads/738964000002148061"
    one = "GET /crm/v2/{module}/{id}"
    body = {"data": [lead]}
    await harvester.look(passed(Door.ZOHO, one, body, path=path, query="fields=Last_Name"))
    await harvester.look(passed(Door.ZOHO, one, {"data": [{"id": lead["id"], "Last_Name": "x"}]}, path=path))
    await harvester.look(passed(Door.ZOHO, one, body, path="/crm/v2/Deals/738964000002148061"))
    assert await changes(core) == 0
    await harvester.look(passed(Door.ZOHO, one, body, path=path))
    await harvester.look(passed(Door.ZOHO, "GET /crm/v2/{module}", body, path="/crm/v2/Leads"))
    async with core.db.read() as session:
        (made,) = (await session.scalars(select(Lead))).all()
    assert (made.last_name, made.company, made.updated_at.isoformat(), made.revision) == (
        "Kidman",
        "Acme",
        "2020-02-02T03:04:05+00:00",
        1,
    )
    gone = {"data": [{"code": "SUCCESS", "details": {"id": lead["id"]}, "status": "success"}]}
    refused = {"data": [{"code": "INVALID_DATA", "details": {"id": lead["id"]}, "status": "error"}]}
    await harvester.look(passed(Door.ZOHO, "DELETE /crm/v2/{module}/{id}", refused, path=path))
    assert await changes(core) == 1
    await harvester.look(passed(Door.ZOHO, "DELETE /crm/v2/{module}/{id}", gone, path=path))
    async with core.db.read() as session:
        (made,) = (await session.scalars(select(Lead).execution_options(populate_existing=True))).all()
    assert made.deleted_at is not None


@pytest.mark.parametrize("odd", ["a\0b", json.loads("[" * 500 + "]" * 500)], ids=["U+0000", "deep"])
async def test_a_record_that_cannot_be_kept_costs_no_other(core: Core, harvester: Harvester, odd: Any) -> None:
    lead = {
        "Company": "Acme",
        "Created_Time": "2020-01-02T03:04:05+00:00",
        "Modified_Time": "2020-02-02T03:04:05+00:00",
    }
    rows = [lead | {"id": f"73896400000214806{n}", "Last_Name": str(n)} for n in range(3)]
    rows[1]["Own_Field"] = odd
    for row in rows:
        row |= {"$approved": True, "$converted": False}
    await harvester.look(passed(Door.ZOHO, "GET /crm/v2/{module}", {"data": rows}, path="/crm/v2/Leads"))
    async with core.db.read() as session:
        assert set(await session.scalars(select(Lead.last_name))) == {"0", "2"}


async def test_nothing_is_told_where_nobody_harvests(front: Front) -> None:
    calls: asyncio.Queue[PassedCall] = asyncio.Queue()
    listener = Listener(front.folder / "var" / "upstream.sock", {"harvest": Consumer(calls.put)})
    await listener.start()
    show = request("GET", f"{SHOW_PATH}?token=x&contact_information_identifier=id%3D5")
    try:
        await asyncio.to_thread(front.ask, show, answer({"data": None}))
        assert front.run("upstream", "set", "crmcom", "harvest", "on").returncode == 0
        await asyncio.sleep(1.5)
        await asyncio.to_thread(front.ask, request("GET", "/crm/v2/Leads/5"), answer({"data": []}))
        await asyncio.to_thread(front.ask, show, answer({"data": {"id": "5"}}))
        heard = await asyncio.wait_for(calls.get(), 5)
        assert (heard.dialect, heard.operation, heard.answer) == (Door.CRMCOM, SHOWING, b'{"data": {"id": "5"}}')
        assert calls.empty()
    finally:
        await listener.close()
        assert front.run("upstream", "set", "crmcom", "harvest", "default").returncode == 0
