"""From bytes that somebody sent to clean images in three sizes, or a refusal."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, TypeAlias

from crmgraph.photos.names import EXTENSIONS

Size: TypeAlias = Literal["original", "medium", "small"]

FORMATS = frozenset({"JPEG", "PNG", "GIF", "WEBP", "BMP"})
"""The formats that are read, by the names that Pillow has for them."""
MAX_PIXELS = 40_000_000
"""The most pixels an image may have: they are counted before any is decoded."""
MAX_SIDE = 16_384
"""The longest side an image may have, in pixels."""
LONGEST_SIDE: dict[Size, int] = {"medium": 400, "small": 120}
"""What the longer side is reduced to, in pixels; a smaller image is never enlarged."""

# The bound on memory: so many images are decoded at once in a process, and the others wait as the bytes that came. A
# pool rather than a semaphore, because a thread goes on when the request that waits for it is cancelled.
_DECODERS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="photo")


class TooLargeImage(Exception):
    """More bytes or pixels than are taken.

    Attributes:
        limit: the most that is taken.
        unit: of what: `bytes`, or `pixels` for the area and the sides alike.
    """

    def __init__(self, limit: int, unit: Literal["bytes", "pixels"]) -> None:
        super().__init__(limit, unit)
        self.limit = limit
        self.unit = unit


class NotAnImage(Exception):
    """No image of a format that is read, or a damaged one."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """An image as it is kept: upright, in sRGB, without metadata.

    Attributes:
        content_type: `image/png` when a pixel is transparent, `image/jpeg` otherwise; the same for all sizes.
        width: of the original, in pixels.
        height: of the original, in pixels.
        sizes: the encoded image in each size.
    """

    content_type: str
    width: int
    height: int
    sizes: dict[Size, bytes]

    @property
    def extension(self) -> str:
        """How the names of its files end: `jpg` or `png`."""
        return EXTENSIONS[self.content_type]


async def render(data: bytes, *, max_bytes: int, formats: frozenset[str] = FORMATS) -> Rendered:
    """Decode an image, off the event loop, and encode it anew in three sizes.

    Args:
        data: the file as it came. Its content tells what it is; no name or header is asked.
        max_bytes: the most bytes that are taken.
        formats: which of `FORMATS` are taken here.

    Raises:
        TooLargeImage: too many bytes or pixels, told before a pixel is decoded.
        NotAnImage: something else, or damaged.
        ValueError: `formats` names one that is never read.
    """
    if not formats <= FORMATS:
        raise ValueError(f"these formats are not read: {sorted(formats - FORMATS)}")
    if len(data) > max_bytes:
        raise TooLargeImage(max_bytes, "bytes")
    return await asyncio.get_running_loop().run_in_executor(_DECODERS, _render, data, formats)


def _render(data: bytes, formats: frozenset[str]) -> Rendered:
    # When the first image comes, and off the event loop: Pillow takes 5 MB, and most processes never see one.
    from crmgraph.photos.pixels import rendered

    return rendered(data, formats)
