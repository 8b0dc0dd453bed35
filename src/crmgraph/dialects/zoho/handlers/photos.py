"""The photo of a record: uploaded, downloaded and deleted, in all three modules."""

from starlette.datastructures import UploadFile
from starlette.responses import Response

from crmgraph.crm.errors import Locked, NotFound, Refused, TooLarge
from crmgraph.crm.records import aggregates
from crmgraph.dialects.zoho import answers, errors
from crmgraph.dialects.zoho.errors import Spoken
from crmgraph.dialects.zoho.requests import Call
from crmgraph.http import reading
from crmgraph.rest import RequestError

ENVELOPE_BYTES = 64 * 1024
"""What a form may add to the bytes of the photo in it."""


async def _record(call: Call) -> int:
    """Our id of the record in the path.

    Raises:
        RequestError: it is nobody's.
    """
    given = call.params["id"]
    async with call.core.db.read() as session:
        own = (await call.resolve(session, [given])).get(given)
    if own is None:
        raise RequestError(errors.INVALID_ID.about(id=given))
    return own


async def upload(call: Call) -> Response:
    """Give the record a photo: the file of a form, under the name `file`."""
    party_id = await _record(call)
    limit = call.core.max_photo_bytes
    try:
        data, name = await _file(call, limit + ENVELOPE_BYTES)
        await call.core.record_photos.set(call.actor, call.module.kind, party_id, data, max_bytes=limit, file_name=name)
    except reading.Malformed:
        raise RequestError(
            errors.INVALID_DATA.about(expected_data_type="multipart/form-data", api_name="file")
        ) from None
    except TooLarge as refused:
        raise RequestError(errors.FILE_TOO_LARGE.about(limit=refused.limit, unit=refused.unit or "bytes")) from None
    except (NotFound, Locked) as refused:
        raise _failed(call, refused) from None
    body = {"message": "photo uploaded successfully", "details": {}, "status": "success", "code": "SUCCESS"}
    return answers.done(body, call)


def _failed(call: Call, refused: Refused) -> RequestError:
    """The refusal, told of the record in the path."""
    return RequestError(Spoken(lambda path: None, {}, call.params["id"], str).error(refused))


async def _file(call: Call, limit: int) -> tuple[bytes, str | None]:
    """The file of the form, and the name it came under.

    Raises:
        RequestError: there is none.
        Malformed, TooLarge: see `reading.form`.
    """
    form = await reading.form(call.request, limit)
    try:
        given = form.get("file")
        if not isinstance(given, UploadFile):
            raise RequestError(errors.REQUIRED_PARAM_MISSING.about(param="file"))
        return await given.read(), given.filename
    finally:
        await form.close()


async def download(call: Call) -> Response:
    """The photo of the record as it is kept; 204 when it has none."""
    party_id = await _record(call)
    async with call.core.db.read() as session:
        found = await aggregates.load(session, call.actor, call.module.kind, [party_id], parts=("photo",))
    photo = found[party_id].photo if party_id in found else None
    if photo is None:
        return answers.empty(call)
    try:
        _, data = await call.core.record_photos.read(photo.key, "original")
    except NotFound:  # it was taken away in the meantime
        return answers.empty(call)
    return answers.file(data, photo.content_type, photo.file_name, call)


async def delete(call: Call) -> Response:
    """Take the photo of the record away; 204 when it has none."""
    party_id = await _record(call)
    try:
        removed = await call.core.record_photos.remove(call.actor, call.module.kind, party_id)
    except (NotFound, Locked) as refused:
        raise _failed(call, refused) from None
    if not removed:
        return answers.empty(call)
    body = {"message": "Photo deleted", "details": {}, "status": "success", "code": "SUCCESS"}
    return answers.done(body, call)
