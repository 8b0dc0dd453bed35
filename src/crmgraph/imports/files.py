"""The files as bytes: archives within bounds, and which encoding the bytes are in."""

import codecs
import io
import lzma
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

MAX_RATIO = 100
"""How many times its packed size a member of an archive may have."""
MIN_RATIO_BYTES = 1024 * 1024
"""Whatever unpacks to less is taken at any ratio: short files of blanks are no bomb."""
MAX_UNPACKED = 2 * 1024**3
"""Bytes that all members of an archive may unpack to."""
MAX_MEMBERS = 1_000
CHUNK = 1024 * 1024
HEAD = 64 * 1024
"""Bytes in which the form of a file has to show."""

Stream = BinaryIO | io.BufferedIOBase
_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, NotImplementedError)
"""What Python raises on the way through a damaged archive."""
UTF8_MARK = codecs.BOM_UTF8
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class BadFile(Exception):
    """A file of which nothing can be read.

    Attributes:
        file: as the user calls it.
        code: EMPTY_FILE, NOT_A_TABLE, TOO_LARGE, INVALID ...
        reason: in words.
    """

    def __init__(self, file: str, code: str, reason: str, **facts: object) -> None:
        super().__init__(f"{file}: {reason}")
        self.file, self.code, self.reason, self.facts = file, code, reason, facts


@dataclass(frozen=True, slots=True)
class Source:
    """A file, or a member of an archive.

    Attributes:
        name: as the user calls it; a member by its name in the archive.
        size: in bytes, unpacked.
        open: a new stream of its bytes from the start.
        archive: the name of the archive that it is a member of.
        path: of a file that is no member.
    """

    name: str
    size: int
    open: Callable[[], Stream]
    archive: str | None = None
    path: Path | None = None

    def head(self, size: int = HEAD) -> bytes:
        """Its first bytes."""
        with self.open() as stream:
            return stream.read(size)


def sources(path: Path) -> list[Source]:
    """What is to be read of a file: itself, or the members of an archive.

    Raises:
        BadFile: it is not there, or an archive that is not taken.
    """
    try:
        if stat.S_ISFIFO(path.stat().st_mode):
            raise BadFile(path.name, "NOT_FOUND", "a pipe is read once, and an import reads twice: write it to a file")
        source = Source(path.name, path.stat().st_size, lambda: path.open("rb"), path=path)
        head = source.head(4)
    except OSError as error:
        raise BadFile(path.name, "NOT_FOUND", f"the file cannot be read: {error.strerror}") from error
    if head != b"PK\x03\x04":
        return [source]
    try:
        archive = zipfile.ZipFile(path)
        members = archive.infolist()
    except (*_DAMAGED, ValueError) as error:
        raise BadFile(path.name, "INVALID", "a damaged archive") from error
    if any(each.filename == "xl/workbook.xml" for each in members):
        _guard(path.name, members)
        return [source]
    return _members(path, archive, members)


def _members(path: Path, archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> list[Source]:
    _guard(path.name, members)

    def opener(info: zipfile.ZipInfo) -> Callable[[], Stream]:
        return lambda: _Member(archive, info, path.name)

    return [
        Source(info.filename, info.file_size, opener(info), path.name)
        for info in members
        if not info.is_dir() and not PurePosixPath(info.filename).name.startswith(".")
    ]


class _Member(io.BufferedIOBase):
    """A member of an archive; what is damaged in it is told as a bad file."""

    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> None:
        self._name = name
        self._info = info
        try:
            self._stream = archive.open(info)
        except (*_DAMAGED, RuntimeError) as error:
            raise self._bad(error) from error

    def read(self, size: int | None = -1, /) -> bytes:
        try:
            return self._stream.read(-1 if size is None else size)
        except _DAMAGED as error:
            raise self._bad(error) from error

    def close(self) -> None:
        self._stream.close()
        super().close()

    def _bad(self, error: Exception) -> BadFile:
        return BadFile(self._info.filename, "INVALID", f"it cannot be unpacked from {self._name}: {error}")


def _guard(name: str, members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MAX_MEMBERS:
        raise BadFile(name, "TOO_LARGE", f"{len(members):,} members, {MAX_MEMBERS:,} are taken", limit=MAX_MEMBERS)
    for each in members:
        parts = PurePosixPath(each.filename.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or ":" in parts.parts[0]:
            raise BadFile(name, "INVALID", "a member's name leads out of the archive")
        if each.flag_bits & 1:
            raise BadFile(
                name, "INVALID", f"{each.filename} is encrypted: unpack the archive, and import what was in it"
            )
        if each.file_size > max(MIN_RATIO_BYTES, MAX_RATIO * each.compress_size):
            raise BadFile(
                name,
                "TOO_LARGE",
                f"{each.filename} unpacks to {each.file_size:,} bytes from {each.compress_size:,}: more than "
                f"{MAX_RATIO} to 1",
                limit=MAX_RATIO,
            )
    if sum(each.file_size for each in members) > MAX_UNPACKED:
        raise BadFile(name, "TOO_LARGE", "it unpacks to more than 2 GiB: import its members", limit=MAX_UNPACKED)


@dataclass(frozen=True, slots=True)
class Encoding:
    """The encoding of a file.

    Attributes:
        name: as Python calls it; None when only a person can say.
        bad_lines: of a file in UTF-8 the few lines that are not, and are read as cp1252.
        candidates: what it may be, each with what it makes of the first letters in doubt.
    """

    name: str | None
    bad_lines: tuple[int, ...] = ()
    candidates: tuple[tuple[str, str], ...] = ()


CANDIDATES = ("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp932", "gb18030", "mac_roman")
FALLBACK = "cp1252"
"""In which a line of a file in UTF-8 is read that is not."""
MAX_BAD_LINES = 1_000
"""How many lines are listed."""


def encoding_of(source: Source) -> Encoding:
    """The encoding of a file, by its mark, else by all of its bytes."""
    head = source.head()
    if head.startswith(UTF8_MARK):
        return Encoding("utf-8-sig")
    if head.startswith(_UTF16):
        return Encoding("utf-16")
    if (name := _unmarked_utf16(head)) is not None:
        return Encoding(name)
    bad: list[int] = []
    valid, count, first_bad = 0, 0, b""
    for number, line in enumerate(_lines(source), start=1):
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
            valid += 1
        except UnicodeDecodeError:
            count += 1
            first_bad = first_bad or line
            if len(bad) < MAX_BAD_LINES:
                bad.append(number)
    if not count:
        return Encoding("utf-8")
    if count < valid:
        return Encoding("utf-8", tuple(bad))
    return Encoding(None, (), _candidates(first_bad))


def _unmarked_utf16(head: bytes) -> str | None:
    """UTF-16 without a mark: a text of Latin letters has a NUL in every second byte."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if len(head) < 4 or max(even, odd) < len(head) * 0.3:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _lines(source: Source) -> Iterator[bytes]:
    with source.open() as stream:
        rest = b""
        while chunk := stream.read(CHUNK):
            lines = (rest + chunk).split(b"\n")
            rest = lines.pop()
            if len(rest) > 4 * CHUNK:
                rest = rest[-CHUNK:]
            yield from lines
        if rest:
            yield rest


def _candidates(line: bytes) -> tuple[tuple[str, str], ...]:
    """What each encoding makes of the words that are in doubt; what makes the same of them is named once."""
    found: dict[str, str] = {}
    words = b" ".join(word for word in line.replace(b";", b" ").replace(b",", b" ").split() if not word.isascii())[:60]
    for name in CANDIDATES:
        text = words.decode(name, errors="replace" if name == FALLBACK else "ignore").strip()
        if text and text not in found.values():
            found[name] = text
    return tuple(found.items())


def is_strict(source: Source, encoding: str) -> bool:
    """Whether every byte of the file is a letter in this encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with source.open() as stream:
            while chunk := stream.read(CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def is_nothing(head: bytes) -> bool:
    """Whether a file that begins so, and ends there, holds nothing."""
    return not head.removeprefix(UTF8_MARK).strip(b"\r\n\t \x00\xff\xfe")


def is_page(head: bytes) -> bool:
    """Whether a file begins as a page of the web does, or as XML."""
    return head.removeprefix(UTF8_MARK).lstrip()[:1] == b"<"
