"""What CRM.COM's methods do: authentication, contact information, and its profile photo."""

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import UploadFile

from crmgraph.crm.core import Core
from crmgraph.crm.errors import Invalid, Missing, NotFound, Refused, Unauthenticated, refuse
from crmgraph.crm.identity.clients import client_login, holder_of_key, issue, revoke
from crmgraph.crm.models import Door, PartyKind, Photo
from crmgraph.crm.policy import MODELS, Actor
from crmgraph.crm.records import parties
from crmgraph.crm.records.external_ids import encoding_context
from crmgraph.crm.records.unit_of_work import Transaction
from crmgraph.dialects.crmcom.answers import encode
from crmgraph.dialects.crmcom.codecs import print_id, text
from crmgraph.dialects.crmcom.contact_points import DIALECT
from crmgraph.dialects.crmcom.errors import INVALID_LOGIN, Problem, problem
from crmgraph.dialects.crmcom.lookups import IDENTIFIER, hold, load, load_page, read_identifier, seek
from crmgraph.dialects.crmcom.edits import plain, read_edit
from crmgraph.dialects.crmcom.response_formats import CREATE, LIST, SHOW, UPDATE
from crmgraph.mapping import Unreadable

TOKEN_SECONDS = 2 * 60 * 60
"""How long a token is good, in seconds: the vendor's since its release 12."""
TYPES = {"PERSON": PartyKind.CONTACT, "COMPANY": PartyKind.ACCOUNT}
IMAGES = "/crm/ImageDownloadServlet"
VIEWED = ("file_name", "file_content_url", "file_mime_type")
"""What is told of a photo."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request.

    Attributes:
        actor: nobody before the login.
        given: its parameters, of the query and of the body.
        token: that it came with.
        address: that it came from.
        authorization: its header of this name; None without one.
    """

    core: Core
    actor: Actor
    given: Mapping[str, Any]
    token: str
    address: str
    authorization: str | None = None

    @property
    def key(self) -> str:
        """The Web API key: the user name of HTTP Basic (RFC 7617), whose password is left empty and not looked at.

        Public clients send it without the colon too, and the scheme in lower case.

        Raises:
            Missing, Invalid: there is none, or it is written in another way.
        """
        if self.authorization is None:
            raise Missing(("key",))
        scheme, _, encoded = self.authorization.strip().partition(" ")
        try:
            pair = (
                base64.b64decode(encoded.strip(), validate=True).decode("latin-1") if scheme.lower() == "basic" else ""
            )
        except ValueError:
            pair = ""
        key = pair.partition(":")[0].strip()
        if not key:
            raise Invalid(("key",), "form")
        return key

    def text(self, name: str) -> str:
        """A mandatory parameter.

        Raises:
            Missing, Invalid: it is not there, or no text.
        """
        try:
            value = text(self.given.get(name))
        except Unreadable as unreadable:
            raise Invalid((name,), unreadable.reason) from None
        if not value:
            raise Missing((name,))
        return value

    @property
    def fields_set(self) -> list[str]:
        """The keys that an answer is to have, written with commas or as a list; none for all.

        Raises:
            Invalid: it is neither.
        """
        given = self.given.get("fields_set")
        names = given.split(",") if isinstance(given, str) else given or []
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise Invalid(("fields_set",), "type")
        return [name.strip() for name in names if name.strip()]

    @property
    def identifier(self) -> tuple[str, str]:
        """Whom it is about; see `read_identifier`."""
        return read_identifier(self.given.get(IDENTIFIER))


async def log_in(call: Call) -> dict[str, Any]:
    """A token for a user of an organisation. `unit` is heard, and there is one."""
    faults: list[Refused] = []
    given = {}
    for name in ("username", "password", "organisation"):
        try:
            given[name] = call.text(name)
        except Refused as refused:
            faults.append(refused)
    refuse(faults)
    core = call.core
    try:
        client = await client_login(
            core.db,
            core.passwords,
            Door.CRMCOM,
            given["username"],
            given["password"],
            given["organisation"],
            call.address,
            core.identity.throttle,
        )
    except Unauthenticated:
        raise Problem(INVALID_LOGIN, "The username, the password or the organisation is not valid") from None
    return {"token": await _token(core, client.id)}


async def log_in_by_key(call: Call) -> dict[str, Any]:
    """A token for a Web API key. `unit` is heard, and there is one."""
    core, key = call.core, call.key
    try:
        holder = await holder_of_key(core.db, Door.CRMCOM, key, call.address, core.identity.throttle)
    except Unauthenticated:
        raise Problem(INVALID_LOGIN, "The key is not valid") from None
    assert holder.client_id is not None  # noqa: S101 - it came from a client's key
    return {"token": await _token(core, holder.client_id, key)}


async def _token(core: Core, client_id: int, key: str | None = None) -> str:
    token = secrets.token_hex(16).upper()
    return await issue(core.db, client_id, "access", seconds=TOKEN_SECONDS, token=token, issued_by=key)


async def log_out(call: Call) -> dict[str, Any]:
    """The end of a token."""
    await revoke(call.core.db, call.token)
    return {}


async def show(call: Call) -> dict[str, Any]:
    """One contact information."""
    wanted, fields_set = call.identifier, call.fields_set
    async with call.core.db.read() as session:
        record = await load(session, call.actor, await seek(session, call.actor, wanted))
        (answer,) = await encode(session, call.actor, SHOW, [record], fields_set)
        return answer


async def list_page(call: Call) -> list[dict[str, Any]]:
    """A page of those that answer to all filters."""
    fields_set = call.fields_set
    async with call.core.db.read() as session:
        records = await load_page(session, call.actor, call.given)
        return await encode(session, call.actor, LIST, records, fields_set)


async def create(call: Call) -> dict[str, Any]:
    """A new contact or account."""
    body, fields_set = plain(call.given), call.fields_set
    given = body.get("type")
    if given is None or given == "":
        raise Missing(("type",))
    kind = TYPES.get(str(given).strip().upper())
    if kind is None:
        raise Invalid(("type",), "choice")

    async def work(session: AsyncSession) -> dict[str, Any]:
        asked = await read_edit(session, call.actor, MODELS[kind], body)
        try:
            refuse(asked.faults)
            made = await parties.create(session, call.actor, kind, asked.edit)
        except Refused as refused:
            raise problem(refused, asked.name_of) from None
        (answer,) = await encode(session, call.actor, CREATE, [made], fields_set)
        return answer

    return await call.core.db.transact(work)


async def update(call: Call) -> dict[str, Any]:
    """A change of a contact or account: what is not specified stays, what is null is cleared."""
    body, wanted, fields_set = plain(call.given), call.identifier, call.fields_set

    async def work(session: AsyncSession) -> dict[str, Any]:
        record = await hold(session, call.actor, wanted)
        asked = await read_edit(session, call.actor, type(record.record), body, record)
        try:
            refuse(asked.faults)
            await parties.update(Transaction(session), call.actor, record, asked.edit)
        except Refused as refused:
            raise problem(refused, asked.name_of) from None
        (answer,) = await encode(session, call.actor, UPDATE, [record], fields_set)
        return answer

    return await call.core.db.transact(work)


async def view_photo(call: Call) -> dict[str, Any]:
    """Where the photo is, and what it is called."""
    return _chosen(await _described(call, *await _photo_of(call, call.identifier)), call.fields_set)


async def add_photo(call: Call) -> dict[str, Any]:
    """A photo in place of the one that was there. The document tells no answer: it is that of `view`."""
    wanted, fields_set = call.identifier, call.fields_set
    file = call.given.get("file")
    if file is None:
        raise Missing(("file",))
    if not isinstance(file, UploadFile):
        raise Invalid(("file",), "type")
    async with call.core.db.read() as session:
        kind, party_id = await seek(session, call.actor, wanted)
    data = await file.read()
    try:
        photo = await call.core.record_photos.set(
            call.actor, kind, party_id, data, max_bytes=call.core.max_photo_bytes, file_name=file.filename
        )
    except Refused as refused:
        raise problem(refused, lambda path: "file" if path else None) from None
    return _chosen(await _described(call, kind, party_id, photo), fields_set)


async def remove_photo(call: Call) -> None:
    """The photo away. One that is not there is not missed."""
    wanted = call.identifier
    async with call.core.db.read() as session:
        kind, party_id = await seek(session, call.actor, wanted)
    await call.core.record_photos.remove(call.actor, kind, party_id)


async def image(call: Call) -> tuple[Photo, bytes]:
    """The image that `file_content_url` leads to; its id is that of the contact information."""
    _, _, photo = await _photo_of(call, ("id", call.text("id").strip()))
    try:
        return await call.core.record_photos.read(photo.key, "original")
    except NotFound:
        raise NotFound(("id",)) from None


async def _photo_of(call: Call, wanted: tuple[str, str]) -> tuple[PartyKind, int, Photo]:
    async with call.core.db.read() as session:
        kind, party_id = await seek(session, call.actor, wanted)
        found = await parties.load(session, call.actor, kind, [party_id], parts=("photo",))
    if party_id not in found or (photo := found[party_id].photo) is None:
        raise NotFound(("profile_photo",))
    return kind, party_id, photo


async def _described(call: Call, kind: PartyKind, party_id: int, photo: Photo) -> dict[str, Any]:
    async with call.core.db.read() as session:
        found = await parties.load(session, call.actor, kind, [party_id], parts=())
        around = await encoding_context(session, call.actor, DIALECT, found.values())
    own = print_id(around.external_id("party", party_id) or str(party_id))
    return {
        "file_name": f"{own}_{photo.file_name}",
        "file_content_url": f"{IMAGES}?id={own}",
        "file_mime_type": photo.content_type,
    }


def _chosen(answer: dict[str, Any], fields_set: Sequence[str]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if not fields_set or key in fields_set}
