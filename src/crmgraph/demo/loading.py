"""How the sample records of the demo come into its database."""

import datetime as dt
import io
from collections.abc import Iterator
from typing import Any

from crmgraph.crm import installation
from crmgraph.crm.core import Core
from crmgraph.crm.identity import clients
from crmgraph.crm.identity.credentials import add_credential
from crmgraph.crm.identity.staff import add_staff
from crmgraph.crm.models import Counter, Door, Note, PartyKind, Role
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import aggregates, external_ids, parties
from crmgraph.crm.records.edits import Edit, RowEdits
from crmgraph.crm.records.unit_of_work import Transaction
from crmgraph.demo import Demo, records

_MARKER = "demo"
_LINKS = {
    "owner": "owner_id",
    "account": "account_id",
    "reports_to": "reports_to_id",
    "parent": "parent_id",
    "primary_contact": "primary_contact_id",
    "created_by": "created_by_id",
    "modified_by": "modified_by_id",
}
_AFTERWARDS = {"reports_to", "parent", "primary_contact", "created_by", "modified_by", "created_at", "updated_at"}
"""What is set when every record is there, as an import would: callers cannot set it."""
_KINDS = {"accounts": PartyKind.ACCOUNT, "contacts": PartyKind.CONTACT, "leads": PartyKind.LEAD}


async def load(core: Core, demo: Demo) -> dict[str, int]:
    """Load every sample record that the database does not have yet.

    Returns:
        How many of each kind were made; all nothing when the demo had been loaded before.
    """
    content = records()
    async with core.db.read() as session:
        if await session.get(Counter, _MARKER) is not None:
            return dict.fromkeys(_KINDS, 0)
    hashes = {}
    for password in {*_passwords(demo.credentials)}:
        hashes[password] = await core.passwords.hash(password)
    loader = _Loader(core, demo, hashes)
    async with core.db.begin() as session:
        if await session.get(Counter, _MARKER) is not None:
            return dict.fromkeys(_KINDS, 0)
        session.add(Counter(series=_MARKER, value=1))
        await installation.mark(session, installation.Kind.DEMO)
        await loader.people(session, content)
        await loader.records(session, content)
        await loader.clients(session, content)
    await loader.tokens()
    await loader.photos()
    async with core.db.begin() as session:
        await loader.afterwards(session)
    return {name: sum(len(part.get(name, ())) for part in content.values()) for name in _KINDS}


def _passwords(credentials: Any) -> Iterator[str]:
    if isinstance(credentials, dict):
        for key, value in credentials.items():
            if key in ("password", "client_secret", "others_password"):
                yield value
            else:
                yield from _passwords(value)


class _Loader:
    """One run of `load`: what the keys of the files have become."""

    def __init__(self, core: Core, demo: Demo, hashes: dict[str, str]) -> None:
        self.core = core
        self.demo = demo
        self.hashes = hashes
        self.staff: dict[str, int] = {}
        self.parties: dict[str, tuple[PartyKind, int]] = {}
        self.clients_of: dict[str, tuple[int, list[str]]] = {}
        self.entries: list[tuple[PartyKind, dict[str, Any]]] = []

    async def people(self, session: Any, content: dict[str, dict[str, Any]]) -> None:
        credentials = self.demo.credentials
        for part in content.values():
            for entry in part.get("staff", ()):
                login = credentials["staff"] if entry.get("login") else None
                member = await add_staff(
                    session,
                    entry["name"],
                    email=login["email"] if login else entry.get("email"),
                    role=Role(entry.get("role", "AGENT")),
                    password_hash=self.hashes[login["password"]] if login else None,
                    sees_identity=entry.get("sees_identity", False),
                )
                self.staff[entry["key"]] = member.id
                for dialect, space, value in entry.get("external_ids", ()):
                    await external_ids.claim(session, dialect, space, value, staff=member.id)

    def actor(self, entry: dict[str, Any]) -> Actor:
        owner = entry.get("values", {}).get("owner")
        return Actor(
            Door.IMPORT,
            Role.ADMIN,
            staff_id=self.staff.get(owner) if owner else None,
            sees_identity=True,
            region=self.core.region,
        )

    async def records(self, session: Any, content: dict[str, dict[str, Any]]) -> None:
        for name, kind in _KINDS.items():
            for part in content.values():
                for entry in part.get(name, ()):
                    await self.record(session, kind, entry)
        for kind, entry in self.entries:
            if "relations" in entry:
                await self.relations(session, kind, entry)
        for part in content.values():
            for entry in part.get("notes", ()):
                await self.note(session, entry)

    async def record(self, session: Any, kind: PartyKind, entry: dict[str, Any]) -> None:
        values: dict[str, Any] = {}
        for name, value in entry["values"].items():
            if name in _AFTERWARDS:
                continue
            column = _LINKS.get(name, name)
            values[column] = self.id_of(name, value) if name in _LINKS else value
        if "established_on" in values:
            values["established_on"] = dt.date.fromisoformat(values["established_on"])
        edit = Edit(values, extra_fields=entry.get("extra_fields", {}))
        for rows in ("phones", "emails", "addresses"):
            added = [{k: v for k, v in row.items() if k != "external_id"} for row in entry.get(rows, ())]
            setattr(edit, rows, RowEdits(add=added))
        made = await parties.create(session, self.actor(entry), kind, edit)
        self.parties[entry["key"]] = (kind, made.id)
        self.entries.append((kind, entry))
        for dialect, space, value in entry.get("external_ids", ()):
            await external_ids.claim(session, dialect, space, value, party=made.id)
        for rows, target in (("phones", "phone"), ("emails", "email"), ("addresses", "address")):
            for row, given in zip(getattr(made, rows), entry.get(rows, ()), strict=True):
                if "external_id" in given:
                    dialect, space, value = given["external_id"]
                    await external_ids.claim(session, dialect, space, value, **{target: row.id})
        if login := entry.get("login"):
            key = login["password_key"]
            credentials = self.demo.credentials
            known = key in credentials and "password" in credentials[key]
            password = credentials[key]["password"] if known else credentials["others_password"]
            email = credentials[key]["email"] if known else login["email"]
            await add_credential(session, contact_id=made.id, email=email, password_hash=self.hashes[password])

    async def relations(self, session: Any, kind: PartyKind, entry: dict[str, Any]) -> None:
        """How a record stands to others, which are there by now; itself may be one of them."""
        added = []
        for given in entry["relations"]:
            row = {name: value for name, value in given.items() if name != "other"}
            added.append(row | ({"other_id": self.parties[given["other"]][1]} if "other" in given else {}))
        party_id = self.parties[entry["key"]][1]
        loaded = await aggregates.load(session, self.actor(entry), kind, [party_id], lock=True, parts=("relations",))
        await parties.update(
            Transaction(session), self.actor(entry), loaded[party_id], Edit(relations=RowEdits(add=added))
        )

    def id_of(self, name: str, key: str | None) -> int | None:
        if key is None:
            return None
        if name in ("owner", "created_by", "modified_by"):
            return self.staff[key]
        return self.parties[key][1]

    async def note(self, session: Any, entry: dict[str, Any]) -> None:
        _, party_id = self.parties[entry["on"]]
        owner = self.staff.get(entry.get("owner", ""))
        note = Note(
            party_id=party_id,
            title=entry.get("title"),
            content=entry["content"],
            owner_id=owner,
            created_by_id=owner,
            modified_by_id=owner,
        )
        for name in ("created_at", "updated_at"):
            if name in entry:
                setattr(note, name, _moment(entry[name]))
        session.add(note)
        await session.flush()

    async def clients(self, session: Any, content: dict[str, dict[str, Any]]) -> None:
        """The legacy clients whose credentials are printed."""
        credentials = self.demo.credentials
        for part in content.values():
            for entry in part.get("clients", ()):
                given = credentials[entry["dialect"]]
                self.clients_of[entry["dialect"]] = (
                    await clients.add_client(
                        session,
                        Door(entry["dialect"].upper()),
                        entry["name"],
                        given.get("username") or given["client_id"],
                        self.hashes[given.get("password") or given["client_secret"]],
                        self.staff[entry["staff"]],
                        entry.get("grants", []),
                        given.get("organisation", ""),
                    ),
                    entry.get("grants", []),
                )

    async def tokens(self) -> None:
        """The tokens that are printed beside a client's secrets."""
        for dialect, (client_id, grants) in self.clients_of.items():
            given = self.demo.credentials[dialect]
            for kind, name in (
                ("refresh", "refresh_token"),
                ("access", "access_token"),
                ("access", "unscoped_token"),
                (clients.WEB_API_KEY, "web_api_key"),
            ):
                if name in given:
                    only = [] if name == "unscoped_token" else grants
                    await clients.issue(self.core.db, client_id, kind, seconds=None, grants=only, token=given[name])

    async def photos(self) -> None:
        for kind, entry in self.entries:
            if photo := entry.get("photo"):
                await self.core.record_photos.set(
                    self.actor(entry),
                    kind,
                    self.parties[entry["key"]][1],
                    _picture(entry["key"], photo["file_name"]),
                    max_bytes=self.core.max_photo_bytes,
                    file_name=photo["file_name"],
                )

    async def afterwards(self, session: Any) -> None:
        for kind, entry in self.entries:
            party_id = self.parties[entry["key"]][1]
            loaded = await aggregates.load(session, self.actor(entry), kind, [party_id], parts=())
            record: Any = loaded[party_id].record
            for name, value in entry["values"].items():
                if name in ("created_at", "updated_at"):
                    setattr(record, name, _moment(value))
                elif name in _AFTERWARDS:
                    setattr(record, _LINKS[name], self.id_of(name, value))


def _moment(text: str) -> dt.datetime:
    moment = dt.datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _picture(key: str, file_name: str) -> bytes:
    """A plain portrait of a colour of its own; a round one where the name is that of a PNG, which it then stays."""
    # Only who loads the demo paints.
    from PIL import Image, ImageDraw

    hue = sum(key.encode()) * 37 % 360
    image = Image.new("RGB", (512, 512), f"hsl({hue}, 45%, 70%)")
    draw = ImageDraw.Draw(image)
    dark = f"hsl({hue}, 45%, 35%)"
    draw.ellipse((166, 90, 346, 270), fill=dark)
    draw.ellipse((86, 300, 426, 760), fill=dark)
    if file_name.endswith(".png"):
        mask = Image.new("L", image.size)
        ImageDraw.Draw(mask).ellipse((0, 0, *image.size), fill=255)
        image.putalpha(mask)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()
