"""A change through a legacy API reads its body once, decodes it once, does its work once, and passes few layers."""

import inspect
import io
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import pytest
from PIL import Image

from crmgraph import mapping, photos
from crmgraph.crm.models import Door, PartyKind, Role
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import aggregates, parties, told
from crmgraph.crm.records.edits import Edit
from crmgraph.crm.records.record_photos import RecordPhotos
from crmgraph.crm.records.sets import WriteSet
from crmgraph.http import multipart, reading
from tests.agreement.world import PORTAL, World, founded
from tests.conftest import Running, statements

COUNTED: dict[Callable[..., Any], str] = {
    reading.body: "read",
    reading.json: "parsed",
    reading.fields: "parsed",
    multipart.parse: "parsed",
    mapping.decode: "decoded",
    photos.render: "rendered",
}
"""What is counted, wherever it is called, and under which name."""
METHODS = ((RecordPhotos, "attach", "attached"), (WriteSet, "create", "created"), (WriteSet, "update", "updated"))
"""(class, method, under which name)."""
RUNS = ("crmgraph.db.", "crmgraph.crm.records.optimistic", "crmgraph.rest.requests")
"""What runs the work, in a transaction or in the place of one, and decides nothing of it."""


@dataclass
class Calls:
    """What was done for a request.

    Attributes:
        times: how often each function was called.
        layers: the modules from the front to what the request is for.
    """

    times: Counter[str] = field(default_factory=Counter)
    layers: tuple[str, ...] = ()


def layers() -> tuple[str, ...]:
    """The modules from the front to whoever asks, each once where it is entered."""
    names = [info.frame.f_globals["__name__"] for info in reversed(inspect.stack(0))]
    below = names[names.index("crmgraph.rest.front") :]
    own = [name for name in below if name.startswith("crmgraph.") and not name.startswith(RUNS)]
    return tuple(name.removeprefix("crmgraph.") for name, _ in groupby(own))


@pytest.fixture
async def world(running: Running) -> World:
    return await founded(running)


@pytest.fixture
async def contact(world: World) -> tuple[int, str]:
    """The id of a contact with an account, and its token at Covalense's door."""
    actor = Actor(Door.OPERATOR, Role.ADMIN)
    async with world.core.db.begin() as session:
        account = await parties.create(session, actor, PartyKind.ACCOUNT, Edit({"name": "Acme"}))
        values = {"last_name": "Ray", "account_id": account.id}
        made = await parties.create(session, actor, PartyKind.CONTACT, Edit(values))
    return made.id, await world.let_in(made.id, "ray@example.com")


@pytest.fixture
def calls(world: World, contact: tuple[int, str], monkeypatch: pytest.MonkeyPatch) -> Calls:
    """What is done from now on."""
    counted = Calls()

    def counting(function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            counted.times[name] += 1
            if name in ("created", "updated", "attached"):
                counted.layers = (*layers(), function.__module__.removeprefix("crmgraph."))
            return function(*arguments, **named)

        return call

    modules = [module for name, module in sys.modules.items() if name.startswith("crmgraph.")]
    for function, name in COUNTED.items():
        for module in modules:
            for known in [known for known, value in vars(module).items() if value is function]:
                monkeypatch.setattr(module, known, counting(function, name))
    for owner, method, name in METHODS:
        monkeypatch.setattr(owner, method, counting(getattr(owner, method), name))
    load, load_for_change, load_told = aggregates.load, aggregates.load_for_change, told.load_told

    async def loading(*arguments: Any, lock: bool = False, **named: Any) -> Any:
        counted.times["loaded to change" if lock else "loaded to look"] += 1
        return await load(*arguments, lock=lock, **named)

    async def loading_for_change(*arguments: Any, **named: Any) -> Any:
        counted.times["loaded to change"] += 1
        return await load_for_change(*arguments, **named)

    async def loading_told(*arguments: Any, **named: Any) -> Any:
        counted.times["loaded to change"] += 1  # by `told` itself, nobody reads but to change
        return await load_told(*arguments, **named)

    monkeypatch.setattr(told, "load_told", loading_told)
    monkeypatch.setattr(aggregates, "load", loading)
    monkeypatch.setattr(aggregates, "load_for_change", loading_for_change)
    return counted


def picture(colour: str) -> tuple[str, bytes, str]:
    stream = io.BytesIO()
    Image.new("RGB", (40, 40), colour).save(stream, "PNG")
    return "me.png", stream.getvalue(), "image/png"


@dataclass(frozen=True)
class Case:
    """A request, and what is done for it.

    Attributes:
        statements: on SQLite and on PostgreSQL.
        done: what of that which is counted, once each.
        layers: the modules from the front to the last of it.
    """

    method: str
    path: str
    options: dict[str, Any]
    statements: tuple[int, int]
    done: str
    layers: tuple[str, ...]


CREATION = "read, parsed, decoded, created"
CHANGE = "read, parsed, decoded, loaded to change, updated"
UPLOAD = "read, parsed, rendered, loaded to look, loaded to change, attached"
"""The photo that is there is compared before the transaction, since to decode an image takes long."""


def cases(world: World, number: int, portal: str) -> dict[str, Case]:
    zoho = {"Authorization": f"Zoho-oauthtoken {world.tokens[Door.ZOHO]}"}
    valomnia = {"Cookie": f"JSESSIONID={world.tokens[Door.VALOMNIA]}"}
    covalense = PORTAL | {"token": portal}
    token = {"token": world.tokens[Door.CRMCOM]}
    modules, module = f"/crm/v2/Contacts/{number}", "/crm/v2/Contacts"
    methods = "/crmapi/rest/v2/contact_information"
    contacts = f"/api/v1.0/contacts/{number}"
    given = token | {"contact_information_identifier": {"id": f"{number:032X}"}}
    form = {"firstName": "Ann", "lastName": "Ray", "customerId": str(number - 1)}

    def row(**values: str) -> dict[str, Any]:
        return {"headers": zoho, "json": {"data": [values]}}

    sets, photo = "crm.records.sets", "crm.records.record_photos"
    records = ("crm.records.parties", sets)  # one record is a set of one
    writing = ("rest.front", "dialects.zoho.handlers.writing", sets)
    information = ("rest.front", "dialects.crmcom.handlers.contact_information", *records)
    profile = ("rest.front", "dialects.covalense.handlers.profile", *records)
    own = ("rest.front", "dialects.valomnia.handlers.contacts")
    return {
        "Zoho, a value": Case("PUT", modules, row(Description="a"), (9, 3), CHANGE, writing),
        "Zoho, once more": Case("PUT", modules, row(Description="b"), (9, 2), CHANGE, writing),
        "Zoho, a phone": Case("PUT", modules, row(Phone="030 1"), (11, 5), CHANGE, writing),
        "Zoho, a contact": Case("POST", module, row(Last_Name="Roy"), (11, 7), CREATION, writing),
        "Zoho, a photo": Case(
            "POST",
            f"{modules}/photo",
            {"headers": zoho, "files": {"file": picture("red")}},
            (9, 9),
            UPLOAD,
            ("rest.front", "dialects.zoho.handlers.photos", photo, photo),
        ),
        "CRM.COM, a contact": Case(
            "POST",
            f"{methods}/create",
            {"json": token | {"type": "PERSON", "first_name": "Ann", "last_name": "Roy"}},
            (10, 6),
            CREATION,
            information,
        ),
        "CRM.COM, a value": Case(
            "POST", f"{methods}/update", {"json": given | {"title": "MRS"}}, (12, 4), CHANGE, information
        ),
        "CRM.COM, a photo": Case(
            "POST",
            f"{methods}/profile_photo/add",
            {
                "data": token | {"contact_information_identifier": f"id={number:032X}"},
                "files": {"file": picture("green")},
            },
            (11, 11),
            UPLOAD,
            ("rest.front", "dialects.crmcom.handlers.profile_photo", photo, photo),
        ),
        "Covalense, a value": Case(
            "PUT",
            "/crm/v1/profile/contact",
            {"headers": covalense, "json": {"id": f"12x{number}", "nickname": "Annie"}},
            (9, 3),
            CHANGE,
            profile,
        ),
        "Valomnia, a value": Case(
            "POST", contacts, {"headers": valomnia, "data": form}, (13, 11), CHANGE, (*own, *records)
        ),
        "Valomnia, a contact": Case(
            "POST", "/api/v1.0/contacts", {"headers": valomnia, "data": form}, (14, 10), CREATION, (*own, *records)
        ),
        "Valomnia, a photo": Case(
            "POST",
            contacts,
            {"headers": valomnia, "data": form, "files": {"imageFile": picture("blue")}},
            (15, 15),
            f"{UPLOAD}, decoded, updated",
            (*own, photo),
        ),
    }


async def test_everything_is_done_once_for_a_change_through_a_legacy_api(
    world: World, contact: tuple[int, str], calls: Calls
) -> None:
    found, expected = {}, {}
    for name, case in cases(world, *contact).items():
        calls.times.clear()
        with statements(world.core.db) as seen:
            answer = await world.client.request(case.method, case.path, **case.options)
        assert answer.status_code in (200, 201), answer.text
        found[name] = (len(seen), +calls.times, calls.layers)
        statement_count = case.statements[0 if world.core.db.is_sqlite else 1]
        expected[name] = (statement_count, Counter(case.done.split(", ")), case.layers)
    assert found == expected
    # From the front to what a request is for.
    assert all(len(case.layers) <= 4 for case in cases(world, *contact).values())
