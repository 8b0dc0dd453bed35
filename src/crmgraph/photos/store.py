"""Where photos lie: a folder of this machine, or a bucket that speaks S3."""

import asyncio
import os
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import get_args
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from crmgraph.photos.image import Rendered, Size
from crmgraph.photos.names import split_key

_SIZES: tuple[Size, ...] = get_args(Size)
_AWAY = (BaseError, OSError)


class StoreAway(Exception):
    """The photo store does not answer, or does not do what it was asked to."""


class PhotoStore:
    """Rendered photos under unguessable keys, each as three objects, e.g. `<random>/small.jpg`.

    A key or size that came from the network never becomes a path: what is not exactly of our form is not there.

    Args:
        url: `file:///folder` (made when it is missing) or `s3://bucket/prefix`, for which endpoint, region and
            credentials come from the usual AWS_* variables of the environment, AWS_ENDPOINT_URL included.

    Raises:
        ValueError: it is neither.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._store: LocalStore | S3Store
        if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
            self._store = LocalStore(Path(unquote(parts.path)).absolute(), mkdir=True, automatic_cleanup=True)
        elif parts.scheme == "s3" and parts.netloc:
            self._store = _bucket(parts.netloc, unquote(parts.path).strip("/"))
        else:
            raise ValueError("photos are kept in file:///folder or s3://bucket/prefix")

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
            for size, name in names.items():
                await self._store.put_async(name, rendered.sizes[size])
        except BaseException as error:  # a cancelled request leaves nothing behind either
            await asyncio.gather(*map(self._delete, names.values()), return_exceptions=True)
            if isinstance(error, _AWAY):
                raise StoreAway from error
            raise

    async def read(self, key: str, size: str) -> bytes | None:
        """The encoded image in one size; None when no such photo is kept.

        Raises:
            StoreAway: the store does not answer.
        """
        name = {str(size): name for size, name in _names(key).items()}.get(size)
        if name is None:
            return None
        try:
            found = await self._store.get_async(name)
            return bytes(await found.bytes_async())
        except FileNotFoundError:
            return None
        except _AWAY as error:
            raise StoreAway from error

    async def remove(self, key: str) -> None:
        """Take a photo away in all sizes; what is not there is not missed.

        Raises:
            StoreAway: the store does not answer; some sizes may still be there.
        """
        for name in _names(key).values():
            try:
                await self._delete(name)
            except _AWAY as error:
                raise StoreAway from error

    async def _delete(self, name: str) -> None:
        with suppress(FileNotFoundError):
            await self._store.delete_async(name)


def _names(key: str) -> dict[Size, str]:
    """The objects of a photo, by size; none when the key is not one of ours."""
    found = split_key(key)
    return {size: f"{found[0]}/{size}.{found[1]}" for size in _SIZES} if found else {}


def _bucket(name: str, prefix: str) -> S3Store:
    # Plain HTTP is for an endpoint that says so itself: a server of one's own, in one's own network.
    plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")
    return S3Store(
        name,
        prefix=prefix or None,
        client_options={
            "connect_timeout": timedelta(seconds=3),
            "timeout": timedelta(seconds=15),
            **({"allow_http": True} if plain else {}),
        },
        retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=15)},
    )
