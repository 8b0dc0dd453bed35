"""Records as a workbook of Excel (Office Open XML): a sheet for each kind, whose cells are all texts.

A text is no formula, whatever it begins with. Rows are written as they come: a workbook takes the same memory whatever
its length.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

MAX_ROWS = 1_048_576
"""Rows of a sheet, its header among them; the others follow on the next one."""
MAX_CELL = 32_767
"""Characters of a cell; what is longer is cut."""
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}


async def write(path: Path, sheets: Mapping[str, AsyncIterator[list[str]]]) -> None:
    """Write a workbook.

    Args:
        sheets: {its name: its rows, the header first}.
    """
    # Few ask for it.
    import xlsxwriter  # type: ignore[import-untyped]  # it comes without types

    book = xlsxwriter.Workbook(str(path), {**_OPTIONS, "tmpdir": str(path.parent)})
    try:
        bold = book.add_format({"bold": True})
        for name, rows in sheets.items():
            await _fill(book, name, rows, bold)
    finally:
        # What was written row by row is packed now.
        await asyncio.to_thread(book.close)


async def _fill(book: Any, name: str, rows: AsyncIterator[list[str]], bold: Any) -> None:
    header: list[str] = []
    sheet: Any = None
    place, number = 0, 0
    async for cells in rows:
        if not header:
            header = cells
        if sheet is None or place == MAX_ROWS:
            number += 1
            sheet = book.add_worksheet(name if number == 1 else f"{name} {number}")
            sheet.freeze_panes(1, 0)
            for column, text in enumerate(header):
                sheet.write_string(0, column, text, bold)
            place = 1
            if number == 1:
                continue
        for column, text in enumerate(cells):
            if text:
                sheet.write_string(place, column, text[:MAX_CELL])
        place += 1
