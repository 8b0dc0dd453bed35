"""Files that are kept for a while beside the photos: what is imported, and what an export has made."""

import asyncio
import datetime as dt
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Literal

from crmgraph.photos.backends import opened, told

Folder = Literal["imports", "exports"]
"""Of the store; photos lie in none."""
SECONDS = 15.0
"""How long the store may take to find a file, to remove it, or for the next piece of it."""
KEEPING = 600.0
"""How long it may take to keep a whole file."""
CHUNK = 256 * 1024
PARTS = 2
"""Pieces of five MiB of a long file that are on their way at once."""

_OBJECT = re.compile(r"(imports|exports)/[A-Za-z0-9_-]{32}")


class KeptFiles:
    """Files under unguessable names, none of which is ever whole in memory.

    Args:
        url: of the photo store, see `backends.opened`.

    Raises:
        ValueError: see there.
    """

    def __init__(self, url: str) -> None:
        self._store = opened(url)

    async def keep(self, folder: Folder, file: Path | BinaryIO) -> str:
        """Keep a copy of a file; the name by which it is found again.

        Raises:
            StoreAway: the store does not answer.
        """
        name = f"{folder}/{secrets.token_urlsafe(24)}"
        with told():
            async with asyncio.timeout(KEEPING):
                await self._store.put_async(name, file, max_concurrency=PARTS)
        return name

    async def fetch(self, name: str, path: Path) -> bool:
        """Write a file to a place on this machine; whether it was there.

        Raises:
            StoreAway: the store does not answer.
        """
        if await self.size(name) is None:
            return False
        with path.open("wb") as file:
            async for piece in self.read(name):
                await asyncio.to_thread(file.write, piece)
        return True

    async def size(self, name: str) -> int | None:
        """How many bytes a file has; None where there is none of this name.

        Raises:
            StoreAway: the store does not answer.
        """
        if _OBJECT.fullmatch(name):
            with told():
                async with asyncio.timeout(SECONDS):
                    with suppress(FileNotFoundError):
                        return int((await self._store.head_async(name))["size"])
        return None

    async def read(self, name: str) -> AsyncIterator[bytes]:
        """The pieces of a file; none where there is none of this name.

        Raises:
            StoreAway: the store does not answer.
        """
        if not _OBJECT.fullmatch(name):
            return
        with told():
            async with asyncio.timeout(SECONDS):
                try:
                    found = await self._store.get_async(name)
                except FileNotFoundError:
                    return
                pieces = found.stream(min_chunk_size=CHUNK)
        while True:
            with told():
                async with asyncio.timeout(SECONDS):
                    piece = await anext(pieces, None)
            if piece is None:
                return
            yield bytes(piece)

    async def remove(self, name: str) -> None:
        """Take a file away; one that is not there is not missed.

        Raises:
            StoreAway: the store does not answer.
        """
        if _OBJECT.fullmatch(name):
            with told():
                async with asyncio.timeout(SECONDS):
                    with suppress(FileNotFoundError):
                        await self._store.delete_async(name)

    async def sweep(self, folder: Folder, until: dt.datetime, *, dry_run: bool = False) -> int:
        """Remove the files that were kept before a moment; how many.

        Raises:
            StoreAway: the store does not answer.
        """
        count, listing = 0, self._store.list(f"{folder}/", chunk_size=1000)
        while True:
            with told():
                async with asyncio.timeout(SECONDS):
                    found = await anext(listing, None)
            if found is None:
                return count
            for each in found:
                if each["last_modified"] < until and _OBJECT.fullmatch(each["path"]):
                    count += 1
                    if not dry_run:
                        await self.remove(each["path"])
