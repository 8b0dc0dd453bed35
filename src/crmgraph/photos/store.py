"""Where photos lie: a folder of this machine, or a bucket that speaks S3."""

import asyncio
import datetime as dt
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import get_args

import structlog

from crmgraph.photos.backends import StoreAway, opened, told
from crmgraph.photos.formats import Rendered, Size
from crmgraph.photos.names import split_key

_SIZES: tuple[Size, ...] = get_args(Size)

SECONDS = 10.0
"""How long a photo may take to be kept, read or removed: less than any request has, so that it is told in words."""
LOOKED_FOR = 15.0
"""For how many seconds a look at the store counts: health is asked often, and a look costs four requests."""
MOST_LEAVING = 1000
"""The most photos that wait to be removed; one more is left to `crmgraph purge`."""

log = structlog.get_logger(__name__)


class PhotoStore:
    """Rendered photos under unguessable keys, each as three objects, e.g. `<random>/small.jpg`.

    A key or size that came from the network never becomes a path: what is not exactly of our form is not there.

    Args:
        url: see `opened`.
        seconds: how long the store has to keep, read or remove one photo.

    Raises:
        ValueError: it is neither, or the folder cannot be made.
    """

    def __init__(self, url: str, *, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._leaving: set[asyncio.Task[None]] = set()
        self._at_once = asyncio.Semaphore(4)
        self._looking = asyncio.Lock()
        self._looked_at: float | None = None
        self._fault: str | None = None
        self._store = opened(url)

    async def save(self, key: str, rendered: Rendered) -> None:
        """Keep all sizes under a new key, or nothing.

        Raises:
            StoreAway: the store does not answer.
            ValueError: the key is none of `new_key`.
        """
        names = _names(key)
        if not names:
            raise ValueError("not a key of a photo")
        try:
            with told():
                async with asyncio.timeout(self._seconds):
                    for size, name in names.items():
                        await self._store.put_async(name, rendered.sizes[size])
        except BaseException:  # a cancelled request leaves nothing behind either, and waits for no slow store
            self.discard(key)
            raise

    async def read(self, key: str, size: str) -> bytes | None:
        """The encoded image in one size; None when no such photo is kept.

        Raises:
            StoreAway: the store does not answer.
        """
        name = {str(size): name for size, name in _names(key).items()}.get(size)
        if name is None:
            return None
        with told():
            async with asyncio.timeout(self._seconds):
                with suppress(FileNotFoundError):
                    found = await self._store.get_async(name)
                    return bytes(await found.bytes_async())
        return None

    async def remove(self, key: str) -> None:
        """Take a photo away in all sizes; what is not there is not missed.

        Raises:
            StoreAway: the store does not answer; some sizes may still be there.
        """
        with told():
            async with asyncio.timeout(self._seconds):
                for name in _names(key).values():
                    await self._delete(name)

    def discard(self, key: str, **about: object) -> None:
        """Take a photo that no record came to have away in the background, a few at once.

        What fails is logged, and swept by `crmgraph purge`.

        Args:
            about: what the log is to say of it; never the key.
        """
        if len(self._leaving) >= MOST_LEAVING:
            log.warning("a removed photo is still in the store", reason="too many at once", **about)
            return
        task = asyncio.get_running_loop().create_task(self._leave(key, about), name="background: a photo")
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def check(self) -> None:
        """Make sure, by a small object that comes and goes, that photos can be kept, read and removed.

        Raises:
            StoreAway: they cannot.
        """
        name = f"check-{secrets.token_hex(8)}"
        with told():
            async with asyncio.timeout(self._seconds):
                await self._store.put_async(name, b"crmgraph")
                found = await self._store.get_async(name)
                await found.bytes_async()
                await self._store.delete_async(name)

    async def fault(self) -> str | None:
        """Why photos cannot be kept; None when they can. Looked into by `check` when the last look is a while ago."""
        async with self._looking:
            if self._looked_at is None or time.monotonic() - self._looked_at > LOOKED_FOR:
                try:
                    await self.check()
                    self._fault = None
                except StoreAway as away:
                    self._fault = away.reason
                self._looked_at = time.monotonic()
        return self._fault

    async def older_than(self, moment: dt.datetime) -> AsyncIterator[set[str]]:
        """The keys of the photos that were kept before then, some hundreds at a time; other objects are not ours.

        Raises:
            StoreAway: the store does not answer.
        """
        listing = self._store.list(chunk_size=1000)
        while True:
            with told():
                async with asyncio.timeout(self._seconds):
                    found = await anext(listing, None)
            if found is None:
                return
            keys = {_key(each["path"]) for each in found if each["last_modified"] < moment}
            if keys := {key for key in keys if key is not None}:
                yield keys

    async def close(self, *, within: float = 5.0) -> None:
        """Wait for the photos that are on their way out.

        Args:
            within: seconds to wait; what is left then is left to `crmgraph purge`.
        """
        if self._leaving:
            _, left = await asyncio.wait(self._leaving, timeout=within)
            for task in left:
                task.cancel()
            if left:
                log.warning("removed photos are still in the store", count=len(left), reason="closing")

    async def _leave(self, key: str, about: dict[str, object]) -> None:
        async with self._at_once:
            try:
                await self.remove(key)
            except StoreAway as away:
                # No row names it any more, so that nobody can read it.
                log.warning("a removed photo is still in the store", reason=away.reason, **about)

    async def _delete(self, name: str) -> None:
        with suppress(FileNotFoundError):
            await self._store.delete_async(name)


def _names(key: str) -> dict[Size, str]:
    """The objects of a photo, by size; none when the key is not one of ours."""
    found = split_key(key)
    return {size: f"{found[0]}/{size}.{found[1]}" for size in _SIZES} if found else {}


def _key(name: str) -> str | None:
    """The key of the photo that an object belongs to; None when it is none of ours."""
    stem, _, size = name.partition("/")
    key = f"{stem}.{size.rpartition('.')[2]}"
    return key if name in _names(key).values() else None
