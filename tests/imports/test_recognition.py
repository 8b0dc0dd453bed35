"""Which source a table is taken for, and what is asked of it."""

import zipfile
from pathlib import Path
from typing import Any

import pytest

from crmgraph.imports.reading import Reading, open_set
from crmgraph.imports.records import External, Options, Record, Staff
from tests.imports.compare import SAMPLES

STAFF = (Staff("ada@crmgraph.example", "Ada Agent", importer=True),)


def reading_of(tmp_path: Path, text: str, name: str = "table.csv", **options: object) -> Reading:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return open_set([path], Options(**options), STAFF)  # type: ignore[arg-type]  # a test states any


def records(reading: Reading) -> list[Record]:
    return [each for each in reading.events() if isinstance(each, Record)]


ZOHO = "zcrm_5310000000000300001"


@pytest.mark.parametrize(
    ("header", "row", "format_", "external"),
    [
        ("Record Id,First Name,Last Name,Account Name", f"{ZOHO},Ada,One,Acme", "ZOHO_LIST", "ZOHO"),
        ("Record Id,Last Name,Email,Contact Owner", f"{ZOHO},One,a@example.com,Ada Agent", "ZOHO_LIST", "ZOHO"),
        ("Record ID,Last Name,Contact owner", "27364982101,One,Ada Agent", "HUBSPOT_CSV", "HUBSPOT"),
        (
            "Record ID,Last Name,Email,Contact owner,Old id",
            f"27364982101,One,a@example.com,Ada Agent,{ZOHO}",
            "HUBSPOT_CSV",
            "HUBSPOT",
        ),
    ],
)
def test_the_ids_decide_where_two_sources_have_the_same_headers(
    tmp_path: Path, header: str, row: str, format_: str, external: str
) -> None:
    reading = reading_of(tmp_path, f"{header}\n{row}\n")
    assert [each.format for each in reading.recognised] == [format_]
    (person,) = (each for each in records(reading) if each.kind == "CONTACT")
    assert person.external is not None
    assert (person.external.system, person.input["lastName"]) == (external, "One")


@pytest.mark.parametrize(
    "header",
    [
        "Vorname,Nachname,E-Mail,Firma",
        "Prénom,Nom de famille,Courriel,Société",
        "Nombre,Apellidos,Correo electrónico,Empresa",
        "Nome,Cognome,Indirizzo e-mail,Azienda",
        "Voornaam,Achternaam,E-mailadres,Bedrijf",
        "Nome,Sobrenome,Endereço de e-mail,Companhia",
        "Imię,Nazwisko,Adres e-mail,Firma",
        "名,姓,メールアドレス,会社名",
        "FIRST NAME,last name,E-Mail Address,Company Name",
    ],
)
def test_a_list_is_read_in_nine_languages(tmp_path: Path, header: str) -> None:
    account, person = records(reading_of(tmp_path, f"{header}\nAda,Lovelace,ada@example.com,Analytical Ltd\n"))
    assert account.input["name"] == "Analytical Ltd"
    assert {name: person.input[name] for name in ("firstName", "lastName", "emails")} == {
        "firstName": "Ada",
        "lastName": "Lovelace",
        "emails": {"add": [{"kind": "BUSINESS", "address": "ada@example.com"}]},
    }


def test_a_column_of_addresses_is_one_whatever_it_is_called(tmp_path: Path) -> None:
    rows = "".join(f"P{n},L{n},p{n}@example.com\n" for n in range(5))
    (first, *_) = records(reading_of(tmp_path, f"First name,Last name,Wie erreichbar\n{rows}"))
    assert first.input["emails"]["add"][0]["address"] == "p0@example.com"


@pytest.mark.parametrize(
    ("cells", "dates", "first"),
    [
        (("04/05/1980", "23/04/1981"), None, {"day": 4, "month": 5, "year": 1980}),
        (("04/05/1980", "04/23/1981"), None, {"day": 5, "month": 4, "year": 1980}),
        (("04/05/1980", "05/06/1981"), "mdy", {"day": 5, "month": 4, "year": 1980}),
        (("1980-05-04", "1981-06-05"), None, {"day": 4, "month": 5, "year": 1980}),
        (("4 May 1980", "5. Juni 1981"), None, {"day": 4, "month": 5, "year": 1980}),
    ],
)
def test_one_date_of_the_file_decides_the_order_of_all(
    tmp_path: Path, cells: tuple[str, ...], dates: str | None, first: dict[str, int]
) -> None:
    rows = "".join(f"P{n},{cell}\n" for n, cell in enumerate(cells))
    reading = reading_of(tmp_path, f"Last name,Birthday\n{rows}", dates=dates)
    assert not reading.is_open
    assert records(reading)[0].input["birthDate"] == first


def test_dates_that_nothing_decides_are_asked(tmp_path: Path) -> None:
    reading = reading_of(tmp_path, "Last name,Birthday\nOne,04/05/1980\nTwo,05/06/1981\n")
    (question,) = (each for each in reading.questions if each.open)
    assert (question.code, question.answers, question.option) == ("DATE_ORDER", ("dmy", "mdy"), "dates")


@pytest.mark.parametrize(
    ("cells", "decimal", "amounts"),
    [
        (("1.250,50 €", "900"), None, ["1250.5", "900"]),
        (("$1,250.50", "1,200"), None, ["1250.5", "1200"]),
        (("1,200", "2,500"), ".", ["1200", "2500"]),
        (("1,200", "2,500"), ",", ["1.2", "2.5"]),
        (("1e3", "5.0E7"), None, ["1000", "50000000"]),
        (("1 250 000", "12 EUR"), None, ["1250000", "12"]),
    ],
)
def test_the_separators_of_amounts_are_decided_by_their_column(
    tmp_path: Path, cells: tuple[str, ...], decimal: str | None, amounts: list[str]
) -> None:
    rows = "".join(f'Firma {n};"{cell}";Software\n' for n, cell in enumerate(cells))
    reading = reading_of(tmp_path, f"Company;Annual Revenue;Industry\n{rows}", decimal=decimal)
    assert not reading.is_open
    assert [each.input["annualRevenue"] for each in records(reading)] == amounts


def test_amounts_that_nothing_decides_are_asked(tmp_path: Path) -> None:
    reading = reading_of(tmp_path, "Company;Annual Revenue\nOne;1,200\nTwo;2,500\n")
    assert [each.code for each in reading.questions if each.open] == ["DECIMAL"]


def test_the_words_of_a_spreadsheet_say_yes_and_no(tmp_path: Path) -> None:
    words = ("WAHR", "FALSCH", "ja", "nein", "VRAI", "FAUX", "x", "0")
    rows = "".join(f"P{n},{word}\n" for n, word in enumerate(words))
    found = records(reading_of(tmp_path, f"Last name,Email opt out\n{rows}"))
    assert [each.input["emailOptOut"] for each in found] == [True, False] * 4


def test_the_members_of_an_archive_give_the_same_records_by_themselves_in_any_order(tmp_path: Path) -> None:
    options = Options(timezone="Europe/Berlin")
    staff = [*STAFF, Staff("ben.berg@example.com", "Ben Berg")]
    archive = SAMPLES / "01_zoho_backup" / "zoho_backup.zip"
    whole = told_by(open_set([archive], options, staff))
    with zipfile.ZipFile(archive) as members:
        for name in ("Users", "Accounts", "Contacts", "Leads", "Notes"):
            for member in members.namelist():
                if f"/{name}_" in member:
                    (tmp_path / Path(member).name).write_bytes(members.read(member))
    paths = sorted(tmp_path.iterdir())
    assert len(paths) == 6
    assert told_by(open_set(paths, options, staff)) == whole
    assert told_by(open_set(paths[::-1], options, staff)) == whole


def told_by(reading: Reading) -> dict[Any, Any]:
    """The records of a reading, each by its id, without what depends on the order of rows."""
    return {each.external: (each.input, each.kept, each.notes, each.updated_at) for each in records(reading)}


def test_an_export_in_a_language_that_nobody_knows_has_the_ids_of_its_source(tmp_path: Path) -> None:
    path = tmp_path / "contacts.csv"
    path.write_text("Datensatz-ID,Vorname,Nachname,E-Mail\n273,Ida,Eins,ida@example.com\n", "utf-8")
    options = Options(format="hubspot", id_column="Datensatz-ID")
    (record,) = (each for each in open_set([path], options, []).events() if isinstance(each, Record))
    assert record.external == External("HUBSPOT", "contact", "273")
    assert (record.input["firstName"], record.input["lastName"]) == ("Ida", "Eins")
    other = tmp_path / "english.csv"
    other.write_text("Record ID,First Name,Last Name,Lifecycle Stage\n273,Ida,Eins,Lead\n", "utf-8")
    (same,) = (each for each in open_set([other], Options(), []).events() if isinstance(each, Record))
    assert (same.external, same.key) == (record.external, record.key)
