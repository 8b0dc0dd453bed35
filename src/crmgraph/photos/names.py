"""What photos are called: unguessable keys in the store, and file names that people see."""

import re
import secrets

EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png"}
"""The two kinds of image that are kept, and how their file names end."""

_KEY = re.compile(r"([A-Za-z0-9_-]{32})\.(jpg|png)")
_UNSAFE = re.compile(r"[^\w.()-]+")
_MAX_STEM = 80


def new_key(extension: str) -> str:
    """A key that nobody can guess (192 random bits), e.g. `Xq...3.jpg`.

    Args:
        extension: `jpg` or `png`.

    Raises:
        ValueError: when it is neither.
    """
    if extension not in EXTENSIONS.values():
        raise ValueError(f"photos are kept as jpg or png, not as {extension}")
    return f"{secrets.token_urlsafe(24)}.{extension}"


def split_key(key: str) -> tuple[str, str] | None:
    """The random part and the extension of a key; None when it is none of ours, whatever the network made of it."""
    found = _KEY.fullmatch(key)
    return (found[1], found[2]) if found else None


def file_name(kind: str, record_id: int, content_type: str) -> str:
    """The name under which a photo is shown and saved when nobody has to get back another one.

    Args:
        kind: the kind of record, e.g. `CONTACT`.
        content_type: `image/jpeg` or `image/png`.
    """
    return f"{kind.lower()}-{record_id}.{EXTENSIONS[content_type]}"


def safe_file_name(given: str, content_type: str) -> str | None:
    """What may be kept of a client's own file name: its last part, in harmless characters, with a truthful ending.

    Args:
        content_type: of the image that is kept, `image/jpeg` or `image/png`.

    Returns:
        None when nothing harmless is left.
    """
    last = re.split(r"[/\\]", given)[-1]
    stem = last.rpartition(".")[0] or last
    stem = _UNSAFE.sub("_", stem).strip("._-")[:_MAX_STEM]
    return f"{stem}.{EXTENSIONS[content_type]}" if stem else None
