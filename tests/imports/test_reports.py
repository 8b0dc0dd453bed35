"""What lies in the folder of a report, besides the rows that were refused: see test_command.py."""

from html.parser import HTMLParser
from pathlib import Path

import pytest

from crmgraph.imports import maps
from crmgraph.imports.records import Options
from crmgraph.imports.reports import Report
from tests.imports.compare import SAMPLES, expected_of, opened

EVIL = "<script>alert(1)</script>"
VOID = {"meta", "link", "br", "img"}
TABLES = sorted(
    each.name
    for each in SAMPLES.iterdir()
    if each.is_dir() and each.name != "D3_dirty_files" and any(found.columns for found in opened(each.name).recognised)
)


class Page(HTMLParser):
    """A page whose elements all end where they should, and which names nothing that is elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        names = dict(attrs)
        assert not {"src", "onload", "onclick", "style"} & names.keys()
        if "href" in names:
            self.links.append(names["href"] or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def report_of(folder: Path, path: Path) -> Page:
    reading = opened("D1_dirty_rows", [str(path)])
    report = Report(reading, folder)
    for event in reading.events():
        report.take(event)
    report.close()
    return Page((folder / "report.html").read_text("utf-8"))


def test_the_page_shows_what_came_of_the_rows_and_runs_nothing_of_them(tmp_path: Path) -> None:
    path = tmp_path / f"{EVIL.replace('/', '')}.csv"
    path.write_text(f'First Name,Last Name,Email,"{EVIL}"\nIda,Eins,ida@example.com,{EVIL}\n,,,\na,b,c,d,e\n')
    page = report_of(tmp_path / "report", path)
    assert "script" not in page.seen
    assert EVIL in page.texts
    assert {"Contacts", "Refused", "Passed over"} <= set(page.texts)
    assert page.seen.count("h1") == 1
    assert page.seen.count("caption") == page.seen.count("table")
    assert sorted(page.links) == ["map.toml", "refused.csv", "report.json"]
    assert all((tmp_path / "report" / link).is_file() for link in page.links)
    text = (tmp_path / "report" / "report.html").read_text("utf-8")
    assert "default-src 'none'" in text
    assert "http:" not in text
    assert "https:" not in text


def test_the_page_is_bounded_however_many_columns_and_letters_there_are(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    header = ",".join(f"Column {n} {'x' * 200}" for n in range(1_900))
    path.write_text(f"First Name,Last Name,{header}\nIda,Eins\n")
    page = report_of(tmp_path / "report", path)
    assert "1,702 more columns: see report.json." in page.texts
    assert (tmp_path / "report" / "report.html").stat().st_size < 200_000


@pytest.mark.parametrize("name", TABLES)
def test_the_mapping_of_a_report_reads_the_same_again(name: str, tmp_path: Path) -> None:
    reading = opened(name)
    path = tmp_path / "map.toml"
    path.write_text(maps.saved(reading.options, reading.recognised), "utf-8")
    stated = maps.load(path, Options())
    columns = maps.load(path, reading.options).columns
    assert stated.timezone == expected_of(name)["options"].get("timezone")
    assert list(map(repr, opened(name, columns=columns).events())) == list(map(repr, reading.events()))


def test_a_mapping_holds_headers_of_any_letters(tmp_path: Path) -> None:
    path, saved = tmp_path / "people.csv", tmp_path / "map.toml"
    odd = 'Kunde "A" \\ [x]=1 \x7f!'
    path.write_text(f'First Name,Last Name,"{odd.replace(chr(34), chr(34) * 2)}"\nIda,Eins,7\n')
    reading = opened("D1_dirty_rows", [str(path)])
    saved.write_text(maps.saved(reading.options, reading.recognised), "utf-8")
    assert maps.load(saved, Options()).columns[odd.replace("\x7f", "")] == "keep"


def test_a_refused_row_that_is_too_long_is_told_by_its_line_and_passed_over_when_it_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(f"First Name,Last Name,Notes\nIda,{'x' * 2_000_000},a\nBen,Zwei,b,too,many\nCem,Drei,c\n")
    report_of(tmp_path / "report", path)
    refused = tmp_path / "report" / "refused.csv"
    assert refused.stat().st_size < 1_000
    _, long, ragged = refused.read_text("utf-8-sig").splitlines()
    assert long.startswith('"2","TOO_LARGE",')
    assert long.endswith('the row is too long to stand here: mend it in its file",')
    assert ragged.endswith("Ben,Zwei,b,too,many")
    events = list(opened("D1_dirty_rows", [str(refused)]).events())
    assert [type(each).__name__ for each in events] == ["Skipped", "Refusal"]
