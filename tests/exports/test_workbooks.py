"""Workbooks of Excel: what a spreadsheet shows is what is in the store, and none of it is a formula."""

import csv
import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from crmgraph.crm.models import PartyKind
from crmgraph.exports import workbook, writing
from crmgraph.registry import DIALECTS
from tests.conftest import Running
from tests.exports.test_exports import ALL, OPERATOR, written
from tests.graph.conftest import put


def sheets_of(path: Path) -> dict[str, list[list[str]]]:
    """{name: rows} of a workbook; every cell is a text."""
    book = CalamineWorkbook.from_path(str(path))
    found = {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}
    assert all(isinstance(cell, str) for rows in found.values() for row in rows for cell in row)
    return found  # type: ignore[return-value]  # as was just seen


async def test_a_workbook_has_a_sheet_for_each_kind_with_the_rows_of_its_table(demo: Running, tmp_path: Path) -> None:
    await put(demo.core, PartyKind.ACCOUNT, {"name": "=HYPERLINK(1)"}, {"name": "0049"}, {"name": "https://a.example"})
    path = tmp_path / "all.xlsx"
    await writing.write(demo.db, OPERATOR, writing.ExportRequest(ALL, "xlsx"), path)
    found = sheets_of(path)
    assert list(found) == ["accounts", "contacts", "leads"]
    for kind, rows in zip(ALL, found.values(), strict=True):
        table = (await written(demo.core, "csv", kind)).decode("utf-8-sig")
        expected = list(csv.reader(io.StringIO(table, newline="")))
        assert [[cell.replace("\r\n", "\n") for cell in row] for row in rows] == [
            [cell.replace("\r\n", "\n") for cell in row] for row in expected
        ]
    names = [row[found["accounts"][0].index("name")] for row in found["accounts"]]
    assert names[-3:] == ["=HYPERLINK(1)", "0049", "https://a.example"]
    with zipfile.ZipFile(path) as parts:
        assert not [name for name in parts.namelist() if "sheet" in name and b"<f>" in parts.read(name)]


async def test_a_workbook_may_have_the_names_of_a_dialect(demo: Running, tmp_path: Path) -> None:
    fields = next(each for each in DIALECTS if each.name == "zoho").implementation.tables()[PartyKind.LEAD]
    path = tmp_path / "leads.xlsx"
    await writing.write(demo.db, OPERATOR, writing.ExportRequest((PartyKind.LEAD,), "xlsx", fields=fields), path)
    (rows,) = sheets_of(path).values()
    assert "Last_Name" in rows[0]
    assert len(rows) == 6


async def test_what_is_longer_than_a_sheet_goes_on_and_what_is_longer_than_a_cell_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "MAX_ROWS", 3)

    async def rows() -> AsyncIterator[list[str]]:
        yield ["a", "b"]
        for n in range(5):
            yield [str(n), "x" * (workbook.MAX_CELL + n)]

    await workbook.write(tmp_path / "x.xlsx", {"people": rows()})
    found = sheets_of(tmp_path / "x.xlsx")
    assert {name: [row[0] for row in each] for name, each in found.items()} == {
        "people": ["a", "0", "1"], "people 2": ["a", "2", "3"], "people 3": ["a", "4"],
    }  # fmt: skip
    assert {len(row[1]) for each in found.values() for row in each[1:]} == {workbook.MAX_CELL}
