"""The pixels of an image: decoded, turned upright, brought to sRGB, and encoded anew. All that needs Pillow."""

from io import BytesIO

from PIL import Image, ImageCms
from PIL.Image import Resampling, Transpose

from crmgraph.photos.formats import LONGEST_SIDE, MAX_PIXELS, MAX_SIDE, NotAnImage, Rendered, Size, TooLargeImage

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


def rendered(data: bytes, formats: frozenset[str]) -> Rendered:
    """The image in three sizes. Raises as `render` says."""
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
