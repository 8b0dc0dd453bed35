"""Kept: a cache whose bound is in bytes, for what is made of texts that clients choose.

A bound in entries is none where a client chooses how long each is. What the caches may hold together is told in
`docs/deployment.md`.
"""

from collections.abc import Hashable
from hashlib import blake2b
from typing import Generic, TypeVar

from cachetools import LRUCache

Value = TypeVar("Value")


def _size(entry: tuple[object, int]) -> int:
    return entry[1]


class Kept(Generic[Value]):
    """Values by key, of which those go that have not been asked for longest.

    Args:
        most: what all of them may take together, in bytes.
    """

    def __init__(self, most: int) -> None:
        self._entries: LRUCache[Hashable, tuple[Value, int]] = LRUCache(most, _size)

    @property
    def most(self) -> int:
        """What all values may take together, in bytes."""
        return int(self._entries.maxsize)

    @property
    def size(self) -> int:
        """What they take, in bytes."""
        return int(self._entries.currsize)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._entries

    def get(self, key: Hashable) -> Value | None:
        """The value of this key; None where there is none."""
        entry = self._entries.get(key)
        return None if entry is None else entry[0]

    def put(self, key: Hashable, value: Value, size: int) -> None:
        """Keep a value, unless it is larger than all may be together.

        Args:
            size: what it takes, in bytes, key included; rather too much than too little.
        """
        if size <= self._entries.maxsize:
            self._entries[key] = (value, size)


def digest_of(text: str) -> bytes:
    """Stands for a long text in a key: 16 bytes that no two texts share."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


__all__ = ["Kept", "digest_of"]
