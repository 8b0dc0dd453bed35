"""What was asked for last is kept, within a bound; what has not been asked for longest gives way."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """Values by their keys. To look one up, which every request does several times, takes two calls of C.

    Args:
        most: what all may take together.
        size_of: what one takes, when it is put there; without it each takes one.

    Attributes:
        size: what all take.
    """

    __slots__ = ("_entries", "_most", "_size_of", "size")

    def __init__(self, most: int, size_of: Callable[[Value], int] | None = None) -> None:
        self._most = most
        self._size_of = size_of
        self._entries: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self.size = 0

    def get(self, key: Key) -> Value | None:
        """The value of this key; None where it is not kept."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def keep(self, key: Key, value: Value) -> None:
        """Keep a value, unless it alone is larger than all may be together; its size is reckoned anew."""
        size = 1 if self._size_of is None else self._size_of(value)
        self.drop(key)
        if size > self._most:
            return
        self._entries[key] = value, size
        self.size += size
        while self.size > self._most:
            self.size -= self._entries.popitem(last=False)[1][1]

    def drop(self, key: Key) -> None:
        """Keep it no longer."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.size -= entry[1]

    def values(self) -> Iterator[Value]:
        """All values, the one that was asked for longest ago first."""
        return (value for value, _ in self._entries.values())


__all__ = ["Recent"]
