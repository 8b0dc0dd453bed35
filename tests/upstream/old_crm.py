"""A second crmgraph that plays the old CRM: `old_crm`, which nobody changes, and `own_old_crm`, of one module.

Its ids are like those of a Zoho, of 19 digits (4150868000100000001 ...), at all of its doors: of what it has at first,
and of what it is told to make. A crmgraph that reads it takes them as home ids; the ids of an ordinary second crmgraph
it would refuse, since they could be its own. Its numbers (CON7000001 ...) are others too.

It has users of whom one is inactive, accounts, contacts and leads by `crmgraph seed`, who belong to the users, and of
these, by `Size`, some that are converted, await approval, are held by a process, have notes or photos, or are deleted.

    def test_something(old_crm: OldCrm) -> None:
        with old_crm.client() as zoho:
            zoho.get("/crm/v2/Leads?fields=id", headers=old_crm.zoho)

A test that changes it takes `own_old_crm`, or makes one of another size:

    folder = build(tmp_path / "old", sqlite_template, Size(accounts=1_000, contacts=3_000, leads=20_000))
    with running(folder) as old: ...

What stands between it and whoever calls it is `tests.upstream.faults.FaultPort`.
"""

import asyncio
import io
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from sqlalchemy import insert, select, update

from crmgraph.assembly import build as assemble
from crmgraph.assembly import close
from crmgraph.crm.core import Core
from crmgraph.crm.identity import clients
from crmgraph.crm.identity.credentials import add_credential
from crmgraph.crm.identity.staff import add_staff
from crmgraph.crm.models import MINTED_IDS, Account, Approval, Contact, Counter, Door, Lead, PartyKind, Role, Staff
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import aggregates, conversion, notes, parties
from crmgraph.crm.records.edits import Edit
from crmgraph.crm.records.unit_of_work import Transaction
from crmgraph.seed import seed
from crmgraph.settings import Settings
from tests.program import serving

FIRST = 4_150_868_000_000_000_000
"""Before the first id that it gives; every table has a hundred million of its own."""
OWN = range(FIRST, 2**63)
"""The ids that it gives."""
NUMBERED = 7_000_000
"""Before the first number of its accounts, contacts and leads."""
SECRET = "the old secret, of at least thirty-two characters"
USERS = ("Olga Owner", "Peter Partner", "Quinn Quit")
"""Its users after the administrator, all of whom own records; the last one is inactive."""
SCOPES = ["ZohoCRM.modules.ALL", "ZohoCRM.settings.ALL", "ZohoCRM.users.ALL", "ZohoCRM.org.ALL"]

CREDENTIALS: dict[str, Any] = {
    "zoho": {
        "client_id": "1000.OLDCLIENT",
        "client_secret": "secret-of-the-old-client",
        "refresh_token": "1000.old.refresh",
        "access_token": "1000.old.access",
    },
    "zoho_other": {
        "client_id": "1000.OTHERCLIENT",
        "client_secret": "secret-of-the-other-client",
        "refresh_token": "1000.other.refresh",
        "access_token": "1000.other.access",
    },
    "crmcom": {"username": "oldie", "password": "pass-of-crmcom", "organisation": "OLDCO"},
    "valomnia": {"username": "oldie@valomnia.example", "password": "pass-of-valomnia"},
    "covalense": {"email": "contact@old.example", "password": "Pass-of-c0valense"},
}
"""What opens its doors. The tokens of Zoho hold for ever."""

_KINDS = {PartyKind.ACCOUNT: Account, PartyKind.CONTACT: Contact, PartyKind.LEAD: Lead}


@dataclass(frozen=True, slots=True)
class Size:
    """How much it has.

    Attributes:
        converted, awaiting, locked: how many of the leads are.
        notes, photos, deleted: how many of each kind of record have one, or are.
    """

    accounts: int = 8
    contacts: int = 24
    leads: int = 40
    converted: int = 3
    awaiting: int = 2
    locked: int = 1
    notes: int = 3
    photos: int = 1
    deleted: int = 2


@dataclass(frozen=True)
class OldCrm:
    """One that answers.

    Attributes:
        port: on the loopback interface.
        folder: with its database, `var/crmgraph.db`.
        credentials: `CREDENTIALS`.
    """

    port: int
    folder: Path
    credentials: dict[str, Any]

    @property
    def url(self) -> str:
        """Its base address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def zoho(self) -> dict[str, str]:
        """The header of its first Zoho client."""
        return {"Authorization": f"Zoho-oauthtoken {self.credentials['zoho']['access_token']}"}

    def client(self, **options: Any) -> httpx.Client:
        """A client of it."""
        return httpx.Client(base_url=self.url, **options)

    def ids(self, kind: PartyKind, where: str = "deleted_at IS NULL") -> list[int]:
        """The ids of its records of a kind, in their order."""
        with sqlite3.connect(self.folder / "var" / "crmgraph.db") as connection:
            return [
                row[0] for row in connection.execute(f"SELECT id FROM {kind.value.lower()} WHERE {where} ORDER BY id")
            ]


def build(folder: Path, template: Path, size: Size = Size()) -> Path:
    """A folder with the data of an old CRM.

    Args:
        folder: is made.
        template: a database of SQLite that is migrated and empty, see the fixture `sqlite_template`.
    """
    (folder / "var").mkdir(parents=True)
    database = folder / "var" / "crmgraph.db"
    shutil.copy(template, database)
    with sqlite3.connect(database) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_sequence ORDER BY name")]
        for number, table in enumerate(tables, 1):
            last = FIRST + number * 10**8
            connection.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = ?", (last, table))
    with pytest.MonkeyPatch.context() as patch:
        for module in _minting():
            patch.setattr(module, "MINTED_IDS", OWN)
        asyncio.run(_fill(folder, size))
    return folder


@contextmanager
def running(folder: Path) -> Iterator[OldCrm]:
    """The old CRM of a folder, until the block ends; in a process of its own."""
    environment = {
        "CRMGRAPH_SECRET_KEY": SECRET,
        "CRMGRAPH_PUBLIC_URL": "https://old.example",
        "CRMGRAPH_PASSWORD_MEMORY_KIB": "64",
        "CRMGRAPH_RUN_JOBS": "false",
        "CRMGRAPH_DUPLICATES_MINUTES": "0",
    }
    with serving(folder, before=take_own_ids, **environment) as (client, _):
        yield OldCrm(client.base_url.port or 0, folder, CREDENTIALS)


def take_own_ids() -> None:
    """In this process, take the ids of an old CRM for those that the store mints."""
    for module in _minting():
        module.MINTED_IDS = OWN  # type: ignore[attr-defined]  # `_minting` has looked


def _minting() -> list[ModuleType]:
    """The modules that know which ids the store mints."""
    return [module for module in list(sys.modules.values()) if getattr(module, "MINTED_IDS", None) is MINTED_IDS]


async def _fill(folder: Path, size: Size) -> None:
    settings = Settings(
        database_url=f"sqlite:///{folder / 'var' / 'crmgraph.db'}",
        secret_key=SECRET,
        photo_url=(folder / "var" / "photos").as_uri(),
        mail_url=(folder / "var" / "mail").as_uri(),
        password_memory_kib=64,
        password_passes=1,
        duplicates_minutes=0,
    )
    core, runner = assemble(settings)
    try:
        async with core.db.begin() as session:
            for series in ("ACC", "CON", "LEA"):
                await session.execute(insert(Counter).values(series=series, value=NUMBERED))
        await seed(core.db, accounts=size.accounts, contacts=size.contacts, leads=size.leads)
        users = await _people(core)
        await _own(core, users)
        await _treat(core, users, size)
        async with core.db.begin() as session:
            await session.execute(update(Staff).where(Staff.id == users[-1]).values(active=False))
    finally:
        await close(core, runner)


async def _people(core: Core) -> list[int]:
    """The ids of its users, of whom the first is the administrator, in whose name its clients act."""
    async with core.db.begin() as session:
        admin = await add_staff(session, "Ada Admin", "ada@old.example", Role.ADMIN, None, sees_identity=True)
        others = [
            await add_staff(session, name, f"{name.split()[0].lower()}@old.example", Role.AGENT, None) for name in USERS
        ]
        await session.flush()
        users = [admin.id, *(each.id for each in others)]
        made = {}
        for name, given in CREDENTIALS.items():
            secret = await core.passwords.hash(given.get("client_secret") or given["password"])
            if name == "covalense":
                contact = await session.scalar(select(Contact.id).order_by(Contact.id).limit(1))
                if contact is not None:
                    await add_credential(session, contact_id=contact, email=given["email"], password_hash=secret)
                continue
            door = Door(name.partition("_")[0].upper())
            grants = {"zoho": SCOPES, "zoho_other": SCOPES, "crmcom": ["contact_information"]}.get(name, [])
            login = given.get("client_id") or given["username"]
            organisation = given.get("organisation", "")
            made[name] = await clients.add_client(session, door, name, login, secret, admin.id, grants, organisation)
    for name, client_id in made.items():
        for kind in ("refresh", "access"):
            if token := CREDENTIALS[name].get(f"{kind}_token"):
                await clients.issue(core.db, client_id, kind, seconds=None, grants=SCOPES, token=token)
    return users


async def _own(core: Core, users: list[int]) -> None:
    """Let the records belong to the users, in turn, and be written by them."""
    async with core.db.begin() as session:
        for model in _KINDS.values():
            for number, user in enumerate(users):
                other = users[(number + 1) % len(users)]
                mine = model.id % len(users) == number
                key = select(Staff.name_key).where(Staff.id == user).scalar_subquery()
                values = {"owner_id": user, "owner_key": key, "created_by_id": other, "modified_by_id": user}
                await session.execute(
                    update(model).where(mine).values(values).execution_options(synchronize_session=False)
                )


async def _treat(core: Core, users: list[int], size: Size) -> None:
    actor = Actor(Door.ZOHO, Role.ADMIN, staff_id=users[0], sees_identity=True, region="DE")
    async with core.db.read() as session:
        ids = {kind: list(await session.scalars(select(model.id).order_by(model.id))) for kind, model in _KINDS.items()}
    for kind, own in ids.items():
        for number, party_id in enumerate(own[: size.notes]):
            async with core.db.begin() as session:
                found = await aggregates.load_one(session, actor, kind, party_id, lock=True)
                values = {"title": f"Note {number}" if number % 2 else None, "content": f"Called, {number} ✓\nagain"}
                await notes.add(session, actor, found, values)
        for party_id in own[: size.photos]:
            await core.record_photos.set(actor, kind, party_id, _picture(party_id), max_bytes=10**6, file_name="p.png")
    leads = list(reversed(ids[PartyKind.LEAD]))
    for _ in range(size.converted):
        async with core.db.begin() as session:
            await conversion.convert(session, actor, leads.pop())
    for _ in range(size.awaiting):
        await _edit(core, actor, leads.pop(), {"approval": Approval.AWAITING})
    for _ in range(size.locked):
        await _edit(core, actor, leads.pop(), {"locked_by": "Blueprint"})
    for kind, own in ids.items():
        for party_id in own[len(own) - size.deleted :]:
            async with core.db.begin() as session:
                found = await aggregates.load_one(session, actor, kind, party_id, lock=True)
                await parties.remove(session, actor, found)


async def _edit(core: Core, actor: Actor, lead_id: int, values: dict[str, Any]) -> None:
    async with core.db.begin() as session:
        found = await aggregates.load_one(session, actor, PartyKind.LEAD, lead_id, lock=True)
        await parties.update(Transaction(session), actor, found, Edit(values))


def _picture(party_id: int) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGB", (32, 32), f"hsl({party_id % 360}, 45%, 70%)").save(stream, "PNG")
    return stream.getvalue()
