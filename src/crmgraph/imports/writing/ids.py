"""Which record of the files has become which of the store: on disk, so that a long import costs no memory."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from crmgraph.crm.models import PartyKind

Named: TypeAlias = tuple[PartyKind, str]
"""The kind of a record and the key by which its files name it."""
_CACHE_KIB = 4_096


class Ids:
    """{a record of the files: its id}, of those that were dealt with by now, in a file that goes with us."""

    def __init__(self) -> None:
        # An empty name is a file of SQLite's own in the folder for temporary files, removed when it is closed.
        self._db = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{_CACHE_KIB}"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.execute("CREATE TABLE ids (kind TEXT, key TEXT, id INTEGER, PRIMARY KEY (kind, key)) WITHOUT ROWID")
        self._db.execute("BEGIN")

    def of(self, names: Iterable[Named]) -> dict[Named, int]:
        """The ids of those of these records that have one."""
        return dict(self._found(names))

    def _found(self, names: Iterable[Named]) -> Iterator[tuple[Named, int]]:
        for name in names:
            for (own_id,) in self._db.execute("SELECT id FROM ids WHERE kind = ? AND key = ?", name):
                yield name, own_id

    def add(self, ids: Mapping[Named, int]) -> None:
        """Know of further ones."""
        rows = ((kind, key, own_id) for (kind, key), own_id in ids.items())
        self._db.executemany("INSERT OR REPLACE INTO ids VALUES (?, ?, ?)", rows)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()
