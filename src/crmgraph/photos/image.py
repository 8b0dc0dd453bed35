"""From bytes that somebody sent to clean images in three sizes, or a refusal."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from typing import Literal, TypeAlias

from PIL import Image, ImageCms
from PIL.Image import Resampling, Transpose

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

_QUALITY = 90
_ORIENTATION = 0x0112
_TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""How to turn the pixels upright, by the orientation that the EXIF data tells."""

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
    image = _decode(data, formats)
    content_type = "image/png" if image.mode == "RGBA" else "image/jpeg"
    width, height = image.size
    sizes: dict[Size, bytes] = {"original": _encode(image)}
    smaller: Size = "original"
    for size, longest in LONGEST_SIDE.items():
        if max(image.size) > longest:
            image.thumbnail((longest, longest), Resampling.LANCZOS)
            sizes[size] = _encode(image)
        else:
            sizes[size] = sizes[smaller]
        smaller = size
    return Rendered(content_type, width, height, sizes)


def _decode(data: bytes, formats: frozenset[str]) -> Image.Image:
    """The first frame, upright, in RGB or, where a pixel is transparent, RGBA, with nothing else attached."""
    try:
        image, turn = _open(data, formats)
    except (TooLargeImage, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise TooLargeImage(MAX_PIXELS, "pixels") from None
    except Exception as error:
        # Pillow's decoders answer damage with whatever Python raises on the way: OSError, SyntaxError, struct.error ...
        raise NotAnImage from error
    if turn is not None:
        image = image.transpose(turn)
    image.info = {}  # comments and profiles in it would be written out again
    return image


def _open(data: bytes, formats: frozenset[str]) -> tuple[Image.Image, Transpose | None]:
    with Image.open(BytesIO(data), formats=sorted(formats)) as file:
        if file.width * file.height > MAX_PIXELS:
            raise TooLargeImage(MAX_PIXELS, "pixels")
        if max(file.size) > MAX_SIDE:
            raise TooLargeImage(MAX_SIDE, "pixels")
        file.load()
        return _plain(file), _TURNS.get(_orientation(file))


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:
        return 1  # damaged metadata is no reason to refuse a good picture


def _plain(image: Image.Image) -> Image.Image:
    """The image in 8-bit sRGB, with an alpha channel only where it is used."""
    profile = image.info.get("icc_profile")
    alpha: Image.Image | None = None
    if image.mode.startswith("I"):
        # 16 bits of grey, which a plain conversion would clip at 255 instead of scaling.
        image = image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
        image.info.pop("transparency", None)
    elif image.has_transparency_data:
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        alpha = image.getchannel("A")
        if alpha.getextrema()[0] == 255:
            alpha = None
        image = image.convert("RGB")
    image = _in_srgb(image, profile)
    if alpha is not None:
        image.putalpha(alpha)
    return image


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
            pass  # a damaged profile, or one for other colours than these: the pixels stand as they are
        else:
            if converted is not None:
                return converted
    return image.convert("RGB")


def _encode(image: Image.Image) -> bytes:
    out = BytesIO()
    if image.mode == "RGBA":
        image.save(out, "PNG")
    else:
        image.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
