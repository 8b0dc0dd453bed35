"""Checks that need no expectation: the records are the same in whatever order files and rows come."""

import csv
import io
import zipfile
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from crmgraph.imports.reading import Reading, open_set
from crmgraph.imports.records import Options, Record, Ref, StoredRef
from tests.imports.compare import SAMPLES, expected_of, opened, staff_of


def records_of(reading: Reading) -> list[str]:
    """What the records say, without where they stand; a reference is what the other record is called."""
    found = [each for each in reading.events() if isinstance(each, Record)]
    names = {(each.kind, each.key): (each.external, name_of(each)) for each in found}

    def told(value: Any) -> Any:
        match value:
            case Ref(kind, key):
                return names[kind, key]
            case StoredRef():
                raise AssertionError("there is no store")
            case {"add": rows}:
                return sorted(map(repr, rows))
        return value

    return sorted(
        repr((each.kind, each.external, sorted((k, told(v)) for k, v in each.input.items()), sorted(each.kept.items())))
        for each in found
    )


def name_of(record: Record) -> str:
    return " ".join(filter(None, (record.input.get(part) for part in ("name", "firstName", "lastName"))))


def turned(data: bytes, encoding: str, delimiter: str, above: int) -> bytes:
    """A table with its rows from the last to the first."""
    text = data.decode(encoding)
    head = "".join(text.splitlines(keepends=True)[:above])
    rows = list(csv.reader(io.StringIO(text[len(head) :], newline=""), delimiter=delimiter))
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows([rows[0], *reversed(rows[1:])])
    return (head + out.getvalue()).encode(encoding)


TABLES = (
    "02_zoho_list_es",
    "04_vtiger_contacts",
    "05_suitecrm_contacts",
    "06_espocrm_contacts",
    "07_hubspot_contacts",
    "13_outlook_de",
)


@pytest.mark.parametrize("name", TABLES)
def test_rows_in_any_order_give_the_same_records(name: str, tmp_path: Path) -> None:
    reading = opened(name)
    (found,) = reading.recognised
    assert found.delimiter is not None
    path = tmp_path / found.file
    data = (SAMPLES / name / found.file).read_bytes()
    path.write_bytes(turned(data, found.encoding, found.delimiter, (found.header_row or 1) - 1))
    again = open_set([path], reading.options, staff_of(expected_of(name)))
    assert records_of(again) == records_of(reading)


@pytest.mark.parametrize("name", ["01_zoho_backup", "08_salesforce_weekly"])
def test_members_and_their_rows_in_any_order_give_the_same_records(name: str, tmp_path: Path) -> None:
    reading = opened(name)
    (file,) = expected_of(name)["files"]
    path = tmp_path / file
    with zipfile.ZipFile(SAMPLES / name / file) as old, zipfile.ZipFile(path, "w") as new:
        for each in reversed(old.infolist()):
            data = old.read(each)
            new.writestr(each.filename, turned(data, "utf-8-sig", ",", 0) if each.filename.endswith(".csv") else data)
    again = open_set([path], reading.options, staff_of(expected_of(name)))
    assert records_of(again) == records_of(reading)


FILES = {
    "accounts.csv": (
        "Record Id,Account Owner.id,Account Name,Parent Account.id\nzcrm_1,,Acme,\nzcrm_2,,Acme Nord,zcrm_1\n"
    ),
    "people.csv": (
        "Record Id,Contact Owner.id,Last Name,Account Name.id,Reporting To.id\nzcrm_11,,Eins,zcrm_2,zcrm_12\n"
        "zcrm_12,,Zwei,zcrm_1,\n"
    ),
    "more.csv": "Record Id,Contact Owner.id,Last Name,Account Name.id,Reporting To.id\nzcrm_13,,Drei,zcrm_9,zcrm_11\n",
    "list.csv": "First Name,Last Name,Email,Company\nIda,Vier,ida@example.com,Acme Nord\nIda,Vier,ida@example.com,\n",
}


def test_files_in_any_order_give_the_same_records(tmp_path: Path) -> None:
    paths = []
    for name, text in FILES.items():
        (path := tmp_path / name).write_text(text)
        paths.append(path)
    (one,) = {tuple(records_of(open_set(some, Options(timezone="UTC"), []))) for some in permutations(paths)}
    assert len(one) == 6
