"""Reads one sheet of a workbook and prints its rows: the program of a process of its own, see `sheets.py`.

A line of JSON says which sheet it is and where it begins; each line after that is a row, whose cells begin with what
they are: `s` a text, `n` a number. Cells without anything are empty.
"""

import datetime
import resource
import sys

import orjson
from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

MAX_MEMORY = 1024**3
"""Bytes of address space: a workbook whose cells do not fit is refused, and the program that asked goes on."""
MAX_SECONDS = 120
"""Of the processor."""
EXACT = 10**15
"""Whole numbers below it are exact in a spreadsheet."""


def text_of(cell: object) -> str:
    """A cell as it is printed."""
    match cell:
        case "" | None:
            return ""
        case bool():
            return "strue" if cell else "sfalse"
        case int() | float():
            return "n" + number_of(cell)
        case datetime.datetime():
            return f"s{cell:%Y-%m-%d %H:%M:%S}"
    return f"s{cell}"


def number_of(cell: float) -> str:
    """A number without decimals that say nothing; in scientific notation where a spreadsheet has lost digits of it."""
    if cell != cell or cell in (float("inf"), float("-inf")):
        return ""
    if cell == int(cell):
        return str(int(cell)) if abs(cell) < EXACT else f"{cell:.14E}"
    return repr(cell)


def main(path: str) -> None:
    """Print the first sheet that anybody sees."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        book = CalamineWorkbook.from_path(path)
        shown = [
            each.name
            for each in book.sheets_metadata
            if each.typ is SheetTypeEnum.WorkSheet and each.visible is SheetVisibleEnum.Visible
        ]
        sheets = (book.get_sheet_by_name(name) for name in shown)
        sheet = next((each for each in sheets if each.height), None)
    except (CalamineError, OSError, ValueError, MemoryError) as error:
        sys.stdout.buffer.write(orjson.dumps({"fault": str(error)[:200]}) + b"\n")
        return
    if sheet is None:
        sys.stdout.buffer.write(orjson.dumps({"sheet": None, "row": 0}) + b"\n")
        return
    start = sheet.start or (0, 0)
    sys.stdout.buffer.write(orjson.dumps({"sheet": sheet.name, "row": start[0] + 1}) + b"\n")
    for row in sheet.iter_rows():
        sys.stdout.buffer.write(orjson.dumps([text_of(cell) for cell in row]) + b"\n")


if __name__ == "__main__":
    main(sys.argv[1])
