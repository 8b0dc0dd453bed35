"""The picture in a request: base64, a data URL, a file of a form, or the name of the one that is stored."""

import asyncio
import base64
import binascii
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, unquote_to_bytes

from starlette.datastructures import UploadFile
from starlette.requests import Request

from crmgraph.crm.core import Core
from crmgraph.crm.models import Photo
from crmgraph.dialects.covalense.errors import bad_request, invalid, missing
from crmgraph.dialects.covalense.requests import Attributes, parsed
from crmgraph.http import reading
from crmgraph.mapping import loosely
from crmgraph.rest import RequestError

NAME = "ProfileImage"
SLACK = 64 * 1024
"""What a request may be longer than its picture, besides what base64 adds, in bytes."""

_NEITHER = "it is neither an image nor the name of the stored one"
_BLANKS = re.compile(r"\s+")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")


@dataclass(frozen=True, slots=True)
class Picture:
    """What came.

    Attributes:
        data: the file; None when only a name came.
        file_name: the client's name of the file, or the name that came.
    """

    data: bytes | None
    file_name: str | None = None


async def read(request: Request, core: Core) -> Picture:
    """The picture of a request.

    Raises:
        RequestError: there is none, or nothing that can be one.
        TooLarge: the request is longer than a picture can be.
    """
    data = await reading.body(request, core.max_photo_bytes * 4 // 3 + SLACK)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _of_form(request, data)
    if kind.startswith("image/"):
        return Picture(data)
    # Millions of characters are decoded beside the loop.
    return await asyncio.to_thread(_of_text, Attributes(parsed(data, request.headers)).required(NAME))


async def _of_form(request: Request, data: bytes) -> Picture:
    try:
        form = await reading.parse_form(request.headers, data)
    except reading.Malformed:
        raise RequestError(bad_request("Request body is not readable as a form.")) from None
    try:
        parts = form.multi_items()
        named = [value for name, value in parts if loosely(name) == loosely(NAME)]
        files = [value for _, value in parts if isinstance(value, UploadFile)]
        # A form names its only file as it likes.
        chosen = named[-1] if named else files[0] if len(files) == 1 else None
        if isinstance(chosen, UploadFile):
            return Picture(await chosen.read(), chosen.filename)
    finally:
        await form.close()
    if not chosen:
        raise RequestError(missing(NAME))
    return await asyncio.to_thread(_of_text, chosen)


def _of_text(value: str) -> Picture:
    text = value.strip()
    if text[:5].lower() == "data:":
        head, comma, content = text.partition(",")
        if not comma:
            raise RequestError(invalid(NAME, _NEITHER))
        if head.lower().endswith(";base64"):
            return Picture(_decoded(unquote(content)))
        return Picture(unquote_to_bytes(content))
    if not _BASE64.fullmatch(_BLANKS.sub("", text)):
        return Picture(None, text)
    # A name without an ending reads as base64 too; what it decodes to is an image, or nothing that anybody meant.
    return Picture(_decoded(text))


def _decoded(content: str) -> bytes:
    text = _BLANKS.sub("", content).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise RequestError(invalid(NAME, _NEITHER)) from None


def require_stored(given: Picture, photo: Photo | None) -> None:
    """See that a name is that of the picture there is: the file's, or the end of its address.

    Raises:
        RequestError: it is another's.
    """
    last = (given.file_name or "").rsplit("/", 1)[-1]
    if photo is None or last not in (photo.file_name, quote(photo.file_name, safe="()")):
        raise RequestError(invalid(NAME, _NEITHER))
