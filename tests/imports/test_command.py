"""`crmgraph import` as people run it, from a terminal or a script."""

import csv
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.imports.compare import SAMPLES
from tests.program import SECRET, crmgraph, imported

ZOHO = SAMPLES / "01_zoho_backup" / "zoho_backup.zip"
DIRTY = SAMPLES / "D1_dirty_rows" / "dirty.csv"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store that has one member of the staff."""
    folder = tmp_path_factory.mktemp("store")
    assert program(folder, "migrate").returncode == 0
    added = program(folder, "staff", "add", "Ada Agent", "ada@crmgraph.example", "--password", "of-nobody-else-7781")
    assert added.returncode == 0, added.stderr
    return folder


def program(folder: Path, *arguments: str) -> Any:
    return crmgraph(
        folder, *arguments, CRMGRAPH_DATABASE_URL=f"sqlite:///{folder}/store.db", CRMGRAPH_SECRET_KEY=SECRET
    )


def imports(folder: Path, *arguments: str) -> Any:
    settings = {"CRMGRAPH_DATABASE_URL": f"sqlite:///{folder}/store.db", "CRMGRAPH_SECRET_KEY": SECRET}
    return imported(folder, *arguments, **settings)


def told(folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = imports(folder, *arguments, "--dry-run", "--json")
    return done.returncode, json.loads(done.stdout)


def test_a_dry_run_tells_what_would_come_and_writes_nothing(store: Path) -> None:
    before = (store / "store.db").read_bytes()
    done = program(store, "import", str(ZOHO), "--dry-run", "--timezone", "Europe/Berlin")
    assert done.returncode == 3, done.stderr
    assert "Data_001/Contacts_001.csv: ZOHO_BACKUP; contact; utf-8; comma; 42 columns" in done.stdout
    assert "Would be read: 4 accounts, 5 contacts, 2 leads." in done.stdout
    assert "Refused 1, skipped 4, merged 1" in done.stdout
    assert (store / "store.db").read_bytes() == before


def test_the_command_may_be_left_out_before_options_too(store: Path) -> None:
    one = program(store, "import", "--dry-run", "--json", str(DIRTY))
    two = program(store, "import", "files", str(DIRTY), "--json", "--dry-run")
    assert (one.returncode, one.stdout) == (two.returncode, two.stdout)
    assert one.returncode == 3


def test_a_question_that_is_open_ends_the_program_with_4_and_its_option_answers_it(store: Path) -> None:
    path = str(SAMPLES / "D3_dirty_files" / "two_bytes.csv")
    done = imports(store, path, "--dry-run")
    assert done.returncode == 4
    assert "? Which encoding is the file in? not UTF-8; " in done.stdout
    assert "(--encoding)" in done.stdout
    code, found = told(store, path, "--encoding", "cp1250")
    assert (code, found["counts"]) == (0, {"CONTACT": 1})
    assert found["preview"][0]["input"]["lastName"] == "Žluťoučký"


def test_a_file_of_which_nothing_can_be_read_ends_the_program_with_1(store: Path) -> None:
    code, found = told(store, str(SAMPLES / "D3_dirty_files" / "page.csv"))
    assert code == 1
    assert found["reasons"] == [
        {
            "what": "refused",
            "code": "NOT_A_TABLE",
            "reason": "page.csv: this is a web page, probably of a login that has run out",
            "rows": 1,
        }
    ]
    code, found = told(store, str(store / "nobody.csv"))
    assert (code, found["counts"]) == (1, {"refused": 1})


def test_refused_rows_stand_in_the_report_byte_for_byte_and_can_be_mended(store: Path, tmp_path: Path) -> None:
    folder = tmp_path / "report"
    code, _ = told(store, str(DIRTY), "--report", str(folder))
    assert code == 3
    assert {each.name for each in folder.iterdir()} == {
        "map.toml",
        "refused.csv",
        "report.html",
        "report.json",
        "warnings.csv",
    }
    original = DIRTY.read_bytes().split(b"\r\n")
    refused = (folder / "refused.csv").read_bytes().removeprefix(b"\xef\xbb\xbf")
    header, one, two = refused.splitlines()
    assert header == b'"_line","_code","_reason",' + original[0]
    assert one == (b'"4","INVALID","9 cells where the header has 7: nobody knows which belongs where",' + original[3])
    assert two.endswith(original[12])

    mended = tmp_path / "mended.csv"
    mended.write_bytes(refused.replace(b"Clara,Lang", b"Clara Lang").replace(b",with,a,comma too much", b",no comma,"))
    code, found = told(store, str(mended))
    assert code == 3
    assert found["counts"]["CONTACT"] == 1
    assert found["preview"][0]["input"]["lastName"] == "Lang"
    assert found["preview"][0]["kept"] == {}


def test_warnings_are_written_so_that_no_spreadsheet_runs_them(store: Path, tmp_path: Path) -> None:
    told(store, str(DIRTY), "--report", str(tmp_path))
    with (tmp_path / "warnings.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {
        "file": "dirty.csv",
        "line": "9",
        "code": "CONTROL_REMOVED",
        "column": "Company",
        "value": "",
    }.items() <= next(row.items() for row in rows if row["line"] == "9" and row["column"] == "Company")
    assert not [cell for row in rows for cell in row.values() if cell[:1] in ("=", "+", "-", "@")]


def test_a_mapping_is_saved_and_read_again(store: Path, tmp_path: Path) -> None:
    path, saved = tmp_path / "people.csv", tmp_path / "map.toml"
    path.write_text("Vorname,Nachname,Handy dienstlich,Kundennr.\nIda,Eins,+49 171 3920001,K1\n")
    code, found = told(store, str(path), "--save-map", str(saved))
    assert (code, found["preview"][0]["kept"]) == (0, {"Handy dienstlich": "+49 171 3920001", "Kundennr.": "K1"})
    text = saved.read_text("utf-8")
    assert '"Handy dienstlich" = "keep"' in text
    saved.write_text(text.replace('"Handy dienstlich" = "keep"', '"Handy dienstlich" = "phone MOBILE"'), "utf-8")
    code, found = told(store, str(path), "--map", str(saved))
    assert found["preview"][0]["input"]["phones"] == {"add": [{"kind": "MOBILE", "raw": "+49 171 3920001"}]}
    saved.write_text('[columns]\n"Nachname" = "surname"\n')
    done = imports(store, str(path), "--map", str(saved), "--dry-run")
    assert done.returncode == 1
    assert "Nachname: 'surname' is nothing that a column is read as" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--format", "lotus"), "--format lotus: there is none of this name"),
        (("--timezone", "Mars/Base"), "Mars/Base: there is no such time zone"),
        (("--delimiter", "::"), "--delimiter ::: one character, or tab"),
        (("--encoding", "klingon"), "unknown encoding: klingon"),
        (("--owner", "nobody@example.com"), "--owner nobody@example.com: nobody of the staff has this email"),
    ],
)
def test_an_option_that_cannot_be_is_told(store: Path, arguments: tuple[str, ...], said: str) -> None:
    done = imports(store, str(DIRTY), "--dry-run", *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_each_source_that_the_pages_name_may_be_said(store: Path) -> None:
    tables = "zoho vtiger suitecrm espocrm hubspot salesforce pipedrive dynamics google outlook linkedin table"
    done = imports(store, str(DIRTY), "--format", "lotus")
    assert done.stderr == (
        "--format lotus: there is none of this name: "
        f"{', '.join(sorted([*tables.split(), 'vcard', 'ldif', 'crmcom', 'valomnia']))}\n"
    )
    card = str(SAMPLES / "15_apple_icloud" / "iCloud vCards.vcf")
    assert told(store, card, "--format", "vcard") == told(store, card)


def test_whoever_owns_the_rest_is_named_by_email(store: Path) -> None:
    _, found = told(store, str(DIRTY), "--owner", "ada@crmgraph.example")
    assert found["preview"][0]["input"]["owner"] == {"staff": "ada@crmgraph.example"}


def test_what_the_source_calls_the_staff_is_told_by_a_table(store: Path, tmp_path: Path) -> None:
    users = tmp_path / "users.csv"
    users.write_text("user,email\nada,ada@crmgraph.example\n")
    path = str(SAMPLES / "05_suitecrm_contacts" / "Contacts.csv")
    _, found = told(store, path, "--timezone", "UTC", "--users", str(users))
    assert found["preview"][0]["input"]["owner"] == {"staff": "ada@crmgraph.example"}


def test_the_store_of_these_tests_was_never_written(store: Path) -> None:
    with sqlite3.connect(store / "store.db") as db:
        assert db.execute("SELECT count(*) FROM contact").fetchone() == (0,)
