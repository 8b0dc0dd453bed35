"""Workbooks: the rows of their first sheet, read by a process of its own whose memory and time are bounded."""

import csv
import io
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import orjson

from crmgraph.imports.files import BadFile
from crmgraph.imports.tables import MAX_ROW, Row

SECONDS = 300
"""How long a workbook may take."""
OLD = b"\xd0\xcf\x11\xe0"
"""What a workbook of before 2007 begins with."""


class SheetNumber(str):
    """A cell of a workbook that holds a number: whatever zeros led it are gone."""

    __slots__ = ()


class Sheet:
    """The rows of the first sheet of a workbook that anybody sees.

    Attributes:
        name: of the sheet.
    """

    def __init__(self, path: Path) -> None:
        """
        Raises:
            BadFile: it cannot be read, or takes more memory or time than it may.
        """
        self._rows = tempfile.TemporaryFile()  # noqa: SIM115 - it is read for as long as the sheet is
        weakref.finalize(self, self._rows.close)
        self._first = 1
        self.name: str | None = None
        program = [sys.executable, "-m", "crmgraph.imports.workbook", str(path.absolute())]
        try:
            # The program is ours, and the path is no option of it: it is absolute.
            done = subprocess.run(  # noqa: S603 - above
                program,
                stdin=subprocess.DEVNULL,
                stdout=self._rows,
                stderr=subprocess.DEVNULL,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise BadFile(path.name, "TOO_LARGE", f"the workbook takes more than {SECONDS} seconds") from error
        self._rows.seek(0)
        head = self._rows.readline()
        if done.returncode != 0 or not head:
            raise BadFile(path.name, "TOO_LARGE", "the workbook takes more memory than there is for it: save it as CSV")
        said = orjson.loads(head)
        if "fault" in said:
            raise BadFile(path.name, "INVALID", f"no workbook that can be read: {said['fault']}")
        self.name, self._first = said["sheet"], said["row"]
        self._begin = self._rows.tell()

    def rows(self) -> Iterator[Row]:
        """Its rows, by the numbers that the spreadsheet shows."""
        yield from _rows_of(self._rows, self._begin, self._first)


def _rows_of(file: BinaryIO, begin: int, first: int) -> Iterator[Row]:
    offset, number = begin, first
    while True:
        # Other readers of the same file move its position.
        file.seek(offset)
        line = file.readline()
        offset = file.tell()
        if not line:
            return
        cells = [SheetNumber(cell[1:]) if cell[:1] == "n" else cell[1:] for cell in orjson.loads(line)]
        row = Row(number, cells, _as_csv(cells))
        if len(line) > MAX_ROW:
            row.fault = ("TOO_LARGE", f"a row of more than {MAX_ROW:,} bytes", {"limit": MAX_ROW})
        yield row
        number += 1


def _as_csv(cells: list[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode("utf-8", "surrogatepass")
