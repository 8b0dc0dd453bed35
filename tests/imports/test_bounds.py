"""Files that are made to hurt: each is refused in words, or row by row, within bounded memory and time."""

import json
import os
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crmgraph.crm.models import PartyKind
from crmgraph.imports.files import MAX_MEMBERS
from crmgraph.imports.reading import Reading, open_set
from crmgraph.imports.records import Event, Options, Photo, Record, Refusal, Skipped, Staff
from crmgraph.imports.tables import MAX_CELLS, MAX_ROW
from crmgraph.imports.writing import reading_ahead
from tests.imports.workbooks import write

STAFF = (Staff("ada@crmgraph.example", "Ada Agent", importer=True),)


def read(path: Path, **options: object) -> Reading:
    return open_set([path], Options(**options), STAFF)  # type: ignore[arg-type]  # a test states any


def events(path: Path, **options: object) -> list[Event]:
    return list(read(path, **options).events())


def refused(path: Path, **options: object) -> list[tuple[str, str]]:
    return [(each.at.where, each.code) for each in events(path, **options) if isinstance(each, Refusal)]


def people(found: list[Event]) -> list[str]:
    return [each.input["lastName"] for each in found if isinstance(each, Record) and "lastName" in each.input]


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_an_archive_of_too_many_members_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "many.zip", {f"{n}.csv": b"" for n in range(MAX_MEMBERS + 1)})
    assert refused(path) == [("", "TOO_LARGE")]


@pytest.mark.parametrize("name", ["/etc/Contacts_001.csv", "..\\Contacts_001.csv", "C:/Contacts_001.csv"])
def test_an_archive_whose_members_lead_out_of_it_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "slip.zip"
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("x")
        info.filename = name
        archive.writestr(info, b"Last Name\nx\n")
    assert refused(path) == [("", "INVALID")]


def test_a_damaged_member_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    header = b"Record Id,Contact Owner.id,Last Name,Email\n"
    rows = {f"Contacts_{n:03}.csv": header + b"zcrm_%d,,Person %d,\n" % (n, n) for n in (1, 2)}
    data = bytearray(zipped(tmp_path / "whole.zip", rows).read_bytes())
    at = data.index(b"Contacts_002.csv") + len("Contacts_002.csv") + 20
    data[at] ^= 0xFF
    path = tmp_path / "damaged.zip"
    path.write_bytes(data)
    found = events(path)
    assert people(found) == ["Person 1"]
    assert [each.code for each in found if isinstance(each, Refusal)] == ["INVALID"]


def test_a_quote_that_closes_beyond_the_bound_of_a_row_is_told_with_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    filling = b"x" * 999 + b"\n"
    path.write_bytes(
        b"First Name,Last Name,Email\nAda,First,a@example.com\n"
        b'Bob,"' + filling * (MAX_ROW // 1000 + 50) + b'",b@example.com\nCid,Last,c@example.com\n'
    )
    found = events(path)
    assert people(found) == ["First", "Last"]
    (bad,) = (each for each in found if isinstance(each, Refusal))
    assert (bad.at.where, bad.code) == ("3", "INVALID")
    assert bad.facts["lines"] == [3, 3 + MAX_ROW // 1000 + 50]


def test_a_quote_that_is_never_closed_is_a_letter_where_the_user_says_so(tmp_path: Path) -> None:
    path = tmp_path / "open.csv"
    path.write_bytes(b'First Name,Last Name\nAda,"Open\nBob,Lost\n')
    assert refused(path) == [("2", "INVALID")]
    assert people(events(path, lenient=True)) == ["Open", "Lost"]


def test_a_line_without_an_end_takes_the_memory_of_a_row(tmp_path: Path) -> None:
    path = tmp_path / "endless.csv"
    with path.open("wb") as file:
        file.write(b"First Name,Last Name\nAda,")
        for _ in range(24):
            file.write(b"x" * 1024 * 1024)
        file.write(b"\nBob,Next\n")
    reading = read(path)
    tracemalloc.start()
    found = list(reading.events())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [(each.code, each.path) for each in found if isinstance(each, Refusal)] == [("TOO_LARGE", ("lastName",))]
    assert people(found) == ["Next"]
    assert peak < 16 * MAX_ROW


def test_a_hundred_thousand_empty_rows_are_one_line_of_the_report(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_bytes(b"First Name,Last Name\n" + b",\n" * 100_000 + b"Ada,Last\n" + b"\n" * 100_000)
    found = events(path)
    (skipped,) = (each for each in found if isinstance(each, Skipped))
    assert (skipped.at.where, skipped.code) == ("2", "EMPTY")
    assert "100001" in skipped.reason
    assert people(found) == ["Last"]


@pytest.mark.parametrize(
    ("end", "mark"), [("\n", ","), ("\r\n", ";"), ("\r", "\t"), ("\n", "|")], ids=["lf", "crlf", "cr", "pipe"]
)
def test_any_end_of_lines_and_delimiter_are_read(tmp_path: Path, end: str, mark: str) -> None:
    rows = [("First Name", "Last Name", "Email"), ("Ada", "One", "a@example.com"), ("Bob", "Two", "b@example.com")]
    path = tmp_path / "table.csv"
    path.write_bytes(end.join(mark.join(row) for row in rows).encode())
    assert people(events(path)) == ["One", "Two"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_an_encoding_that_shows_is_not_asked(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes("First Name,Last Name\nŽofie,Kučerová\n".encode(encoding))
    assert people(events(path)) == ["Kučerová"]


@pytest.mark.parametrize(
    "data",
    [b"\x00" * 5000, bytes(range(256)) * 40, b"\xff\xfe\x00", b"%PDF-1.7\nx", b"\x89PNG\r\n\x1a\n" + b"\x00" * 99],
)
def test_what_is_no_table_gives_no_record(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "junk.csv"
    path.write_bytes(data)
    reading = read(path)
    assert reading.is_open or not [each for each in reading.events() if isinstance(each, Record)]


def test_a_table_of_too_many_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_bytes(b"Last Name,Email" + b",x" * MAX_CELLS + b"\nAda,a@example.com\n")
    assert refused(path) == [("", "TOO_LARGE")]


def test_a_workbook_of_a_cell_in_each_corner_ends_its_own_process_only(tmp_path: Path) -> None:
    path = write(tmp_path / "corner.xlsx", [("One", "visible", [["Last Name"], ["Ada"]])])
    with zipfile.ZipFile(path) as book:
        members = {name: book.read(name) for name in book.namelist()}
    name = "xl/worksheets/sheet1.xml"
    far = b'<row r="1048576"><c r="XFD1048576" t="n"><v>1</v></c></row></sheetData>'
    members[name] = members[name].replace(b"</sheetData>", far)
    assert refused(zipped(path, members)) == [("", "TOO_LARGE")]


def test_a_workbook_that_is_none_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "broken.xlsx", {"xl/workbook.xml": b"<nothing"})
    assert refused(path) == [("", "INVALID")]


@pytest.mark.parametrize("name", ["old.xls", "table.csv"])
def test_a_workbook_of_before_2007_that_is_damaged_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 2000)
    assert refused(path) == [("", "INVALID")]


@pytest.mark.parametrize(
    "document", ['{"data": [1]}', '{"a": 1}', "[]", "[1, 2]", "{", "[" * 100_000, '{"data": {}, "info": {}}']
)
def test_a_document_that_nobody_knows_is_refused(tmp_path: Path, document: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(document)
    ((where, code),) = refused(path)
    assert (where, code in ("INVALID", "NOT_A_TABLE")) == ("", True)


def test_a_card_of_too_many_properties_costs_the_card(tmp_path: Path) -> None:
    path = tmp_path / "x.vcf"
    many = "".join(f"TEL:+4930231250{n:04}\r\n" for n in range(2_001))
    path.write_text(
        f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Too Many\r\n{many}END:VCARD\r\n"
        "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Next One\r\nEND:VCARD\r\n"
    )
    found = events(path)
    assert [(each.at.where, each.code) for each in found if isinstance(each, Refusal)] == [("card 1", "TOO_LARGE")]
    assert people(found) == ["One"]


def test_a_record_has_a_hundred_numbers_at_most_and_the_rest_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x.vcf"
    many = "".join(f"TEL:+4930231250{n:04}\r\n" for n in range(150))
    path.write_text(f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Some One\r\n{many}END:VCARD\r\n")
    (record,) = events(path)
    assert isinstance(record, Record)
    assert len(record.input["phones"]["add"]) == 100
    assert {each.code for each in record.warnings} == {"VALUE_DROPPED"}


def test_an_entry_of_too_many_attributes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.ldif"
    path.write_text("dn: cn=a\ncn: a\n" + "x: y\n" * 2_001 + "\ndn: cn=b\nsn: B\ncn: b\n")
    assert refused(path) == [("dn cn=a", "TOO_LARGE")]


@pytest.mark.parametrize("cell", ["," * 31_000, "a;" * 15_000, "1 " * 15_000, "(" * 31_000, "+1 / " * 6_000])
def test_no_cell_takes_long(tmp_path: Path, cell: str) -> None:
    path = tmp_path / "slow.csv"
    texts = ",".join(['"' + cell + '"'] * 6)
    path.write_text(f"Last Name,Email,Phone,Birthday,Annual Revenue,Name\n{texts}\n")
    reading = read(path, dates="dmy", decimal=".")
    assert len(list(reading.events())) >= 1


def test_a_photo_by_its_address_is_not_fetched(tmp_path: Path) -> None:
    path = tmp_path / "x.vcf"
    path.write_text("BEGIN:VCARD\nVERSION:4.0\nFN:Some One\nPHOTO:https://127.0.0.1:9/x.png\nEND:VCARD\n")
    (record,) = events(path)
    assert isinstance(record, Record)
    assert record.photo is None
    assert [each.code for each in record.warnings] == ["PHOTO_DROPPED"]


def test_a_page_of_more_than_is_taken_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crmgraph.imports.documents.MAX_BYTES", 100)
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"data": [{"id": "1", "Last_Name": "x" * 200}], "info": {}}))
    assert refused(path) == [("", "TOO_LARGE")]


def test_cards_in_utf_16_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.vcf"
    path.write_bytes("BEGIN:VCARD\r\nVERSION:3.0\r\nN:Kučerová;Žofie;;;\r\nEND:VCARD\r\n".encode("utf-16"))
    assert people(events(path)) == ["Kučerová"]


@pytest.mark.parametrize(
    ("name", "begin", "end"),
    [
        ("x.vcf", "BEGIN:VCARD\nVERSION:3.0\nFN:Some One\nPHOTO;ENCODING=b:", "END:VCARD\n"),
        ("x.ldif", "dn: cn=Some One\ncn: Some One\njpegPhoto:: ", "\n"),
    ],
)
def test_a_photo_of_many_folds_takes_time_by_its_length(tmp_path: Path, name: str, begin: str, end: str) -> None:
    path = tmp_path / name
    path.write_text(begin + ("\n " + "A" * 72) * 150_000 + "\n" + end)
    (record,) = events(path)
    assert isinstance(record, Record)
    assert record.input["lastName"] == "One"
    assert [each.code for each in record.warnings] == ["PHOTO_DROPPED"]


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "people.csv")
    assert refused(tmp_path / "people.csv") == [("", "NOT_FOUND")]


class Told:
    """A reading of people with photos of ten bytes."""

    def events(self) -> Iterator[Event]:
        for n in range(10):
            yield Record(PartyKind.CONTACT, str(n), None, {"lastName": "Ray"}, photo=Photo(b"0123456789"))


async def test_a_batch_ends_with_its_photos_and_where_a_run_before_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_ahead, "MAX_PHOTO_BYTES", 25)
    sizes = []
    reading: Any = Told()
    async with reading_ahead.read_ahead(reading, 4, 1_000) as next_ones:
        while events := await next_ones():
            sizes.append(len(events))
    assert sizes == [3, 1, 3, 3]
