"""What is remembered of all rows while they are read: on disk, so that the length of the files costs no memory."""

import pickle
import sqlite3
import tempfile
from collections.abc import Iterator
from typing import Any

_TABLES = """
CREATE TABLE made (kind TEXT, id TEXT, seq INTEGER, key TEXT, stamp TEXT, PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE TABLE moved (kind TEXT, id TEXT, master TEXT, PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE TABLE names (kind TEXT, name TEXT, key TEXT, PRIMARY KEY (kind, name, key)) WITHOUT ROWID;
CREATE TABLE emails (kind TEXT, email TEXT, key TEXT, PRIMARY KEY (kind, email, key)) WITHOUT ROWID;
CREATE TABLE twins (twin TEXT PRIMARY KEY, key TEXT) WITHOUT ROWID;
CREATE TABLE members (key TEXT PRIMARY KEY, n INTEGER, held BLOB) WITHOUT ROWID;
CREATE TABLE notes (kind TEXT, id TEXT, seq INTEGER, note BLOB, PRIMARY KEY (kind, id, seq)) WITHOUT ROWID;
CREATE TABLE told (kind TEXT, name TEXT, key TEXT, PRIMARY KEY (kind, name)) WITHOUT ROWID;
CREATE TABLE spelled (key TEXT PRIMARY KEY, name TEXT) WITHOUT ROWID;
CREATE TABLE implied (key TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE named (kind TEXT, id TEXT, PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE TABLE stored (kind TEXT, id TEXT, PRIMARY KEY (kind, id)) WITHOUT ROWID;
"""
_CACHE_KIB = 16_384
_PAGE = 65_536
"""Bytes of a spool, and the item that goes beyond them, whose objects are remembered at once."""


class Index:
    """Tables of ids, names and addresses in a file of our own that nobody else sees, and goes with us."""

    def __init__(self) -> None:
        # An empty name is a file of SQLite's own in the folder for temporary files, removed when it is closed.
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{_CACHE_KIB}", "temp_store=FILE"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(_TABLES)
        self._db.execute("BEGIN")

    def one(self, statement: str, *values: Any) -> tuple[Any, ...] | None:
        """The first row of a query."""
        row: tuple[Any, ...] | None = self._db.execute(statement, values).fetchone()
        return row

    def all(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self._db.execute(statement, values).fetchall()

    def each(self, statement: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, one after the other."""
        return self._db.execute(statement, values)

    def run(self, statement: str, *values: Any) -> None:
        """Write something down."""
        self._db.execute(statement, values)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()


class Spool:
    """What was read, in its order, until it is known what all of it is: in a file of our own.

    What items of one page have in common, classes and those who own them, stands in it once.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it is open for as long as the set is
        self._pickler = pickle.Pickler(self._file, pickle.HIGHEST_PROTOCOL)
        self._page_end = _PAGE
        self.count = 0

    def add(self, item: Any) -> int:
        """Put something behind the rest, which is not changed and put there again; its number."""
        self._pickler.dump(item)
        if (at := self._file.tell()) >= self._page_end:
            self._pickler.clear_memo()
            self._page_end = at + _PAGE
        self.count += 1
        return self.count - 1

    def __iter__(self) -> Iterator[tuple[int, Any]]:
        self._file.seek(0)
        unpickler, page_end = pickle.Unpickler(self._file), _PAGE  # noqa: S301 - of what `add` wrote, without a name
        for n in range(self.count):
            yield n, unpickler.load()
            if (at := self._file.tell()) >= page_end:
                unpickler, page_end = pickle.Unpickler(self._file), at + _PAGE  # noqa: S301 - above
        self._file.seek(0, 2)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def packed(item: Any) -> bytes:
    """Something in the form in which the index keeps it."""
    return pickle.dumps(item, pickle.HIGHEST_PROTOCOL)


def unpacked(blob: bytes) -> Any:
    """What `packed` has packed."""
    return pickle.loads(blob)  # noqa: S301 - of our own index, which nobody else can write
