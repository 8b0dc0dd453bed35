"""Photos at the addresses that Valomnia prints, see `photo_paths`."""

from starlette.responses import Response

from crmgraph.crm.errors import NotFound
from crmgraph.dialects.valomnia.errors import NO_PHOTO
from crmgraph.dialects.valomnia.photo_paths import key_at
from crmgraph.dialects.valomnia.requests import Call
from crmgraph.rest import RequestError

_HEADERS = {
    "Content-Disposition": "inline",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": "private, max-age=300",
}


async def show(call: Call) -> Response:
    """The photo at the address of the request, to whoever knows it.

    Raises:
        RequestError: there is none.
        Unavailable: the photo store does not answer.
    """
    found = key_at(call.params["folder"], call.params["file_name"])
    if found is None:
        raise RequestError(NO_PHOTO)
    try:
        photo, data = await call.core.record_photos.read(*found)
    except NotFound:
        raise RequestError(NO_PHOTO) from None
    return Response(data, media_type=photo.content_type, headers=_HEADERS)
