"""The object store as such: a folder of this machine, or a bucket that speaks S3."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

_AWAY = (BaseError, OSError)  # TimeoutError among them
_CODE = re.compile(r"<Code>(\w+)</Code>")


class StoreAway(Exception):
    """The photo store does not answer, or does not do what it was asked to.

    Attributes:
        reason: why, for the log: without the key of any photo, and without what a server answers beside its code.
    """

    def __init__(self, error: BaseException) -> None:
        self.reason = _reason(error)
        super().__init__(self.reason)


def folder_of(url: str) -> Path | None:
    """The folder that a photo store's URL names; None when it names something else."""
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
        return Path(unquote(parts.path)).absolute()
    return None


def opened(url: str) -> LocalStore | S3Store:
    """The store that a URL names.

    Args:
        url: `file:///folder` (made when it is missing) or `s3://bucket/prefix`, for which endpoint, region and
            credentials come from the usual AWS_* variables of the environment, AWS_ENDPOINT_URL included.

    Raises:
        ValueError: it is neither, or the folder cannot be made.
    """
    parts = urlsplit(url)
    if (folder := folder_of(url)) is not None:
        return _folder(folder)
    if parts.scheme == "s3" and parts.netloc:
        return _bucket(parts.netloc, unquote(parts.path).strip("/"))
    raise ValueError("photos are kept in file:///folder or s3://bucket/prefix")


@contextmanager
def told() -> Iterator[None]:
    """Whatever the store has to say against it is one kind of error."""
    try:
        yield
    except _AWAY as error:
        raise StoreAway(error) from error


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "it takes too long"
    said = str(error)
    code = _CODE.search(said)
    # A server may answer with a page, and repeat what it was sent; the code in it says enough.
    line = next(iter(said.partition("<")[0].strip().splitlines()), "")
    line = re.sub(r"[A-Za-z0-9_-]{32}(?=/)", "***", line)[:300]
    return " ".join(part for part in (type(error).__name__, line, code[1] if code else "") if part)


def _folder(path: Path) -> LocalStore:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"the folder {path} cannot be made: {error.strerror}") from None
    return LocalStore(path, automatic_cleanup=True)


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
