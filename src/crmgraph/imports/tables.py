"""Tables in text: which character parts the cells, where the header stands, and the rows within bounds.

The rows are those of RFC 4180, by Python's own reader. It is given one line at a time, so that each row is known by the
line on which it begins and by its bytes.
"""

import codecs
import csv
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from crmgraph.imports.cells import is_empty
from crmgraph.imports.files import CHUNK, FALLBACK, HEAD, UTF8_MARK, BadFile, Source, Stream

MAX_ROW = 1024 * 1024
"""Bytes of a row that are read."""
MAX_CELL = 32_000
"""Characters of a cell."""
MAX_CELLS = 2_000
"""Columns of a table."""
DELIMITERS = (",", ";", "\t", "|")
HEADER_WITHIN = 10
"""Rows in which the header is looked for."""

csv.field_size_limit(2 * MAX_ROW)


@dataclass(slots=True)
class Row:
    """A row of a table.

    Attributes:
        line: on which it begins, counted from 1.
        cells: their texts as they stand, or numbers and times of a workbook.
        raw: its bytes.
        fallback: whether it was read in another encoding than the file.
        fault: why it cannot be taken: (code, reason, facts).
        where: what its place is called, if not by the line.
    """

    line: int
    cells: list[str]
    raw: bytes = b""
    fallback: bool = False
    fault: tuple[str, str, dict[str, object]] | None = None
    where: str | None = None


@dataclass(slots=True)
class Shape:
    """How a text is cut into a table.

    Attributes:
        encoding: as Python calls it.
        delimiter: what parts its cells.
        header: the texts of the header, None where there is none.
        header_row: the line on which it begins.
        skip: lines above the rows.
        first_rows: cells of the first rows, that of the header among them.
        header_raw: the header in bytes.
    """

    encoding: str
    delimiter: str
    header: list[str] | None = None
    header_row: int | None = None
    skip: int = 0
    first_rows: list[list[str]] = field(default_factory=list)
    header_raw: bytes = b""


class Lines:
    """The lines of a file as bytes, each cut at `MAX_ROW`; in UTF-16 they are those of the same text in UTF-8.

    Attributes:
        number: of the line that was read last.
    """

    def __init__(self, stream: Stream, encoding: str) -> None:
        self._lines = _cut(_Transcoded(stream, encoding) if encoding.startswith("utf-16") else stream)
        self.number = 0

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> bytes:
        line = next(self._lines)
        self.number += 1
        return line.removeprefix(UTF8_MARK) if self.number == 1 else line


def _cut(stream: "Stream | _Transcoded") -> Iterator[bytes]:
    chunk = stream.read(HEAD)
    # Macs of before 2001, and some exports since, end lines with a carriage return alone.
    end = b"\r" if b"\n" not in chunk and b"\r" in chunk else b"\n"
    rest = b""
    while chunk:
        lines = (rest + chunk).split(end)
        rest = lines.pop()[: MAX_ROW + 1]
        for line in lines:
            yield line + b"\n" if len(line) < MAX_ROW else line[: MAX_ROW + 1]
        chunk = stream.read(CHUNK)
    if rest:
        yield rest


class _Transcoded:
    def __init__(self, stream: Stream, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")

    def read(self, size: int) -> bytes:
        while chunk := self._stream.read(size):
            if text := self._decoder.decode(chunk):
                return text.encode("utf-8", "surrogatepass")
        return self._decoder.decode(b"", final=True).encode("utf-8", "surrogatepass")


def rows(source: Source, shape: Shape, *, lenient: bool = False) -> Iterator[Row]:
    """The rows below the header, each with its line and its bytes.

    Args:
        lenient: whether a quote that is never closed is read as a letter.
    """
    with source.open() as stream:
        lines = Lines(stream, shape.encoding)
        for _ in range(shape.skip):
            next(lines, None)
        yield from _Rows(lines, shape, lenient).read()


class _Rows:
    """Cuts lines into rows."""

    def __init__(self, lines: Iterator[bytes], shape: Shape, lenient: bool) -> None:
        self._lines = lines
        self._shape = shape
        self._lenient = lenient
        wide = shape.encoding.startswith("utf-16")
        self._encoding = "utf-8" if wide or shape.encoding == "utf-8-sig" else shape.encoding
        self._number = shape.skip
        self._taken: list[bytes] = []
        self._size = 0
        self._fallback = False
        self._ended = False
        self._again: list[bytes] = []

    def read(self) -> Iterator[Row]:
        reader = self._reader()
        while True:
            self._taken, self._size, self._fallback = [], 0, False
            begin = self._number + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except _TooLong:
                yield self._swallowed(begin)
                reader = self._reader()
                continue
            except csv.Error as error:
                raw = b"".join(self._taken)
                yield Row(begin, [], raw, fault=("INVALID", f"no row of a table: {error}", {}))
                reader = self._reader()
                continue
            if self._ended:
                # A row ends with its line unless a quote is open.
                yield from self._unclosed(begin)
                reader = self._reader()
                continue
            yield self._row(begin, cells)

    def _row(self, begin: int, cells: list[str]) -> Row:
        return Row(begin, cells, b"".join(self._taken), self._fallback)

    def _reader(self) -> Iterator[list[str]]:
        self._ended = False
        return csv.reader(self._texts(), delimiter=self._shape.delimiter, doublequote=True)

    def _texts(self) -> Iterator[str]:
        while True:
            line = self._again.pop(0) if self._again else next(self._lines, None)
            if line is None:
                self._ended = True
                return
            self._number += 1
            self._taken.append(line)
            self._size += len(line)
            if self._size > MAX_ROW:
                if len(self._taken) == 1:
                    # One line is too long: its cells tell which of them is to blame.
                    yield self._text(line).replace("\n", " ").rstrip("\r ") + self._closing(line)
                    continue
                raise _TooLong
            text = self._text(line)
            yield text

    @staticmethod
    def _closing(line: bytes) -> str:
        return '"' if line.count(b'"') % 2 else ""

    def _text(self, line: bytes) -> str:
        try:
            return line.decode(self._encoding)
        except UnicodeDecodeError:
            if len(line) > MAX_ROW:
                return line.decode(self._encoding, "replace")
            self._fallback = True
            return line.decode(FALLBACK, "replace")

    def _unclosed(self, begin: int) -> Iterator[Row]:
        end = begin + len(self._taken) - 1
        if self._lenient:
            taken = self._taken
            self._number = begin - 1
            for line in taken:
                self._number += 1
                text = self._text(line).rstrip("\r\n")
                cells = [cell.replace('"', "") for cell in text.split(self._shape.delimiter)]
                yield Row(self._number, cells, line)
            return
        reason = f"a quote that is opened in line {begin} is never closed; lines {begin} to {end} are in it"
        yield Row(begin, [], b"".join(self._taken), fault=("INVALID", reason, {"lines": [begin, end]}))

    def _swallowed(self, begin: int) -> Row:
        """A row of several lines that is too long: what follows is passed over until its quote is closed."""
        raw = b"".join(self._taken)
        inside = raw.count(b'"') % 2 == 1
        while inside and (line := next(self._lines, None)) is not None:
            self._number += 1
            inside = line.count(b'"') % 2 == 0
        reason = (
            f"a quote that is opened in line {begin} is not closed within {MAX_ROW:,} bytes; lines {begin} to "
            f"{self._number} are in it"
        )
        return Row(begin, [], raw[:MAX_ROW], fault=("INVALID", reason, {"lines": [begin, self._number]}))


class _TooLong(Exception):
    pass


def shape_of(
    source: Source, encoding: str, known: Callable[[list[str]], int], *, delimiter: str | None, no_header: bool
) -> Shape:
    """How a text is cut into a table.

    Args:
        known: how many of these headers a dictionary knows.
        delimiter, no_header: what the user states.

    Raises:
        BadFile: it holds nothing, or more columns than are taken.
    """
    with source.open() as stream:
        lines = Lines(stream, encoding)
        head: list[bytes] = []
        size = 0
        for line in lines:
            head.append(line)
            size += len(line)
            if size > HEAD or len(head) > 1_000:
                break
    skip = 0
    if head and head[0][:4].lower() == b"sep=" and len(head[0].strip()) == 5:
        delimiter = delimiter or chr(head[0].strip()[4])
        skip = 1
    if not any(line.strip(b"\r\n\t ,;\x00") for line in head[skip:]):
        raise BadFile(source.name, "EMPTY_FILE", "the file holds nothing")
    shape = Shape(encoding, delimiter or _delimiter(head[skip:], encoding), skip=skip)
    sample = []
    for row in _Rows(iter(head[skip:]), shape, lenient=False).read():
        sample.append(row)
        if len(sample) > 100:
            break
    find_header(shape, sample, known, no_header=no_header)
    if len(shape.header or ()) > MAX_CELLS:
        raise BadFile(source.name, "TOO_LARGE", f"more than {MAX_CELLS:,} columns", limit=MAX_CELLS)
    return shape


def find_header(shape: Shape, sample: list[Row], known: Callable[[list[str]], int], *, no_header: bool) -> None:
    """The header of a table: the first of its rows of which a dictionary knows at least two texts, or two in five.

    Args:
        known: how many of these headers a dictionary knows.
        no_header: whether there is none, and columns are called by their numbers.
    """
    shape.first_rows = [row.cells for row in sample if not row.fault]
    if no_header:
        width = max((len(row.cells) for row in sample), default=0)
        shape.header = [str(n) for n in range(1, width + 1)]
        return
    for n, row in enumerate(sample[: HEADER_WITHIN + 1]):
        texts = [cell.strip() for cell in row.cells]
        filled = [text for text in texts if text]
        count = known(texts)
        if filled and count and (count >= 2 or count >= 0.4 * len(filled)):
            shape.header, shape.header_row = texts, row.line
            shape.skip = row.line - 1 + max(1, row.raw.count(b"\n"))
            shape.first_rows = shape.first_rows[n:]
            shape.header_raw = row.raw
            return


def _delimiter(head: list[bytes], encoding: str) -> str:
    """What parts the cells: the rows have most often the same number of cells above one."""
    best, score = ",", 0.0
    for delimiter in DELIMITERS:
        shape = Shape(encoding, delimiter)
        counts = Counter(len(row.cells) for row in _first(head, shape) if row.cells)
        usual = [(rows, cells) for cells, rows in counts.items() if cells > 1]
        if usual:
            rows_, cells = max(usual)
            found = rows_ + min(cells, 200) / 1_000
            if found > score:
                best, score = delimiter, found
    return best


def _first(head: list[bytes], shape: Shape) -> Iterator[Row]:
    for n, row in enumerate(_Rows(iter(head), shape, lenient=False).read()):
        if n > 50:
            return
        yield row


def is_blank_row(cells: list[str]) -> bool:
    """Whether no cell holds anything."""
    return all(is_empty(cell) for cell in cells)
