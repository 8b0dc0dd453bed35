"""Images that came inside a file: what they are, by their header."""

import base64
import binascii
from io import BytesIO

from crmgraph.imports.drafts import Draft
from crmgraph.imports.records import Photo
from crmgraph.photos import FORMATS

MAX_BYTES = 10 * 1024 * 1024
"""An image of more is told and left out."""


def put(draft: Draft, data: bytes, column: str) -> None:
    """Take the image of a record; what is no image costs the image, not the record."""
    draft.has_values = True
    if len(data) > MAX_BYTES:
        draft.warn("PHOTO_DROPPED", column, reason=f"more than {MAX_BYTES:,} bytes")
        return
    kind = content_type_of(data)
    draft.photo = Photo(data, kind)
    if kind is None:
        draft.warn("PHOTO_DROPPED", column, reason="no image that can be read")


def content_type_of(data: bytes) -> str | None:
    """The type of an image by its header, without decoding a pixel; None for anything else."""
    # Most files have no image, and Pillow takes 5 MB.
    from PIL import Image

    try:
        with Image.open(BytesIO(data), formats=sorted(FORMATS)) as image:
            return Image.MIME.get(image.format or "")
    except Exception:  # Pillow answers damage with whatever Python raises on the way
        return None


def from_base64(text: str) -> bytes | None:
    """The bytes of a text in base64, whatever blanks are in it; None when it is none."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def from_data_uri(uri: str) -> bytes | None:
    """The bytes of a `data:` URI (RFC 2397) in base64; None for any other."""
    head, separator, body = uri.partition(",")
    if not separator or not head.startswith("data:") or not head.endswith(";base64"):
        return None
    return from_base64(body)
