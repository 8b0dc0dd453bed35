"""Which images are taken, what is refused, and as what they are kept."""

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
