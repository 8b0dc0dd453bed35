"""From bytes that somebody sent to clean images in three sizes, or a refusal."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from crmgraph.cores import spare_cores
from crmgraph.photos.formats import FORMATS, Rendered, TooLargeImage

# The bound on memory: so many images are decoded at once in a process, and the others wait as the bytes that came. A
# pool rather than a semaphore, because a thread goes on when the request that waits for it is cancelled.
_DECODERS = ThreadPoolExecutor(max_workers=spare_cores(2), thread_name_prefix="photo")


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
