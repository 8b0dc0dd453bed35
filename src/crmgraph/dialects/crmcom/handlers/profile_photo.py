"""The profile photo of a contact information: told of, added, removed, and its image."""

from collections.abc import Sequence
from typing import Any

from starlette.datastructures import UploadFile

from crmgraph.crm.errors import Invalid, Missing, NotFound, Refused
from crmgraph.crm.models import Photo
from crmgraph.crm.records import aggregates
from crmgraph.crm.records.external_ids import of_records
from crmgraph.dialects.crmcom.codecs import print_id
from crmgraph.dialects.crmcom.contact_points import DIALECT
from crmgraph.dialects.crmcom.errors import worded
from crmgraph.dialects.crmcom.lookups import find
from crmgraph.dialects.crmcom.requests import Call
from crmgraph.rest import RequestError

IMAGES = "/crm/ImageDownloadServlet"
VIEWED = ("file_name", "file_content_url", "file_mime_type")
"""What is told of a photo."""


async def view(call: Call) -> dict[str, Any]:
    """Where the photo is, and what it is called."""
    party_id, photo = await _photo_of(call, call.identifier)
    return _chosen(await _described(call, party_id, photo), call.fields_set)


async def add(call: Call) -> dict[str, Any]:
    """A photo in place of the one that was there. The document tells no answer: it is that of `view`."""
    wanted, fields_set = call.identifier, call.fields_set
    file = call.given.get("file")
    if file is None:
        raise Missing(("file",))
    if not isinstance(file, UploadFile):
        raise Invalid(("file",), "type")
    async with call.core.db.read() as session:
        kind, party_id = await find(session, call.actor, wanted)
    data = await file.read()
    try:
        photo = await call.core.record_photos.set(
            call.actor, kind, party_id, data, max_bytes=call.core.max_photo_bytes, file_name=file.filename
        )
    except Refused as refused:
        raise RequestError(worded(refused, lambda path: "file" if path else None)) from None
    return _chosen(await _described(call, party_id, photo), fields_set)


async def remove(call: Call) -> None:
    """The photo away. One that is not there is not missed."""
    wanted = call.identifier
    async with call.core.db.read() as session:
        kind, party_id = await find(session, call.actor, wanted)
    await call.core.record_photos.remove(call.actor, kind, party_id)


async def image(call: Call) -> tuple[Photo, bytes]:
    """The image that `file_content_url` leads to; its id is that of the contact information."""
    _, photo = await _photo_of(call, ("id", call.text("id").strip()))
    try:
        return await call.core.record_photos.read(photo.key, "original")
    except NotFound:
        raise NotFound(("id",)) from None


async def _photo_of(call: Call, wanted: tuple[str, str]) -> tuple[int, Photo]:
    async with call.core.db.read() as session:
        kind, party_id = await find(session, call.actor, wanted)
        found = await aggregates.load(session, call.actor, kind, [party_id], parts=("photo",))
    if party_id not in found or (photo := found[party_id].photo) is None:
        raise NotFound(("profile_photo",))
    return party_id, photo


async def _described(call: Call, party_id: int, photo: Photo) -> dict[str, Any]:
    async with call.core.db.read() as session:
        own = print_id((await of_records(session, DIALECT, [party_id]))[party_id])
    return {
        "file_name": f"{own}_{photo.file_name}",
        "file_content_url": f"{IMAGES}?id={own}",
        "file_mime_type": photo.content_type,
    }


def _chosen(answer: dict[str, Any], fields_set: Sequence[str]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if not fields_set or key in fields_set}
