"""What a cell says: names, numbers, dates, several values in one."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from crmgraph.imports import cells, dates
from crmgraph.imports.columns import extended
from crmgraph.imports.labels import address_kind, email_kind, phone_kind


@pytest.mark.parametrize(
    ("full", "first", "last", "told"),
    [
        ("Prince", "", "Prince", False),
        ("Ada Lovelace", "Ada", "Lovelace", False),
        ("Ada King Lovelace", "Ada King", "Lovelace", True),
        ("Aino von Wright", "Aino", "von Wright", True),
        ("Zo van der Meer", "Zo", "van der Meer", True),
        ("Martin Luther King Jr.", "Martin Luther", "King Jr.", True),
        ("Lovelace, Ada", "Ada", "Lovelace", True),
        ("+49 30 23125 070", "", "+49 30 23125 070", False),
        ("ada@example.com", "", "ada@example.com", False),
    ],
)
def test_a_name_in_one_text_is_parted(full: str, first: str, last: str, told: bool) -> None:
    assert cells.split_name(full) == (first, last, told)


@pytest.mark.parametrize(
    ("text", "lines", "clean"),
    [
        ("  Ada\xa0", False, ("Ada", False)),
        ("Ada\r\nLovelace", False, ("Ada Lovelace", True)),
        ("one\r\ntwo\rthree", True, ("one\ntwo\nthree", False)),
        ("a\x00b", True, ("ab", True)),
        ("abc\u202eexe.jpg", False, ("abcexe.jpg", True)),
        ("\ufeffAda", False, ("Ada", False)),
        ("1\t2", False, ("1 2", True)),
    ],
)
def test_a_text_is_left_without_what_nobody_sees(text: str, lines: bool, clean: tuple[str, bool]) -> None:
    assert cells.clean(text, lines=lines) == clean


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('="0123"', ("0123", False)),
        ('="a ""b"""', ('a "b"', False)),
        ("'+49 30", ("+49 30", True)),
        ("'0123", ("0123", True)),
        ("'tis", ("'tis", False)),
        ("=1+1", ("=1+1", False)),
    ],
)
def test_what_a_spreadsheet_has_marked_as_text_is_what_it_means(text: str, meant: tuple[str, bool]) -> None:
    assert cells.unwrapped(text) == meant


@pytest.mark.parametrize(
    ("cell", "numbers"),
    [
        ("0461 / 555 0123", ["0461 / 555 0123"]),
        ("+358 9 2310 0001, +358 9 2310 0002", ["+358 9 2310 0001", "+358 9 2310 0002"]),
        ("+81 90-0000-0001 ::: 144", ["+81 90-0000-0001", "144"]),
        ("call +44 1632 960001 ext. 12", ["call +44 1632 960001 ext. 12"]),
        ("202-555-0123, ext. 7", ["202-555-0123, ext. 7"]),
    ],
)
def test_several_numbers_of_a_cell_are_parted_where_each_is_complete(cell: str, numbers: list[str]) -> None:
    assert cells.phones(cell) == numbers


@pytest.mark.parametrize(
    ("text", "decimal", "whole", "number"),
    [
        ("1,200", None, True, "1200"),
        ("1.200", None, True, "1200"),
        ("1,200", None, False, None),
        ("1,200", ".", False, "1200"),
        ("1,200", ",", False, "1.2"),
        ("1.250.000,50 €", None, False, "1250000.5"),
        ("$ 1,250,000.50", None, False, "1250000.5"),
        ("1'250'000", None, False, "1250000"),
        ("5.0E7", ".", False, "50000000"),
        ("a dozen", None, True, None),
        ("12.5", ".", True, None),
        ("NaN", None, False, None),
        ("1_000", None, False, None),
    ],
)
def test_a_number_is_read_as_its_column_writes_it(
    text: str, decimal: str | None, whole: bool, number: str | None
) -> None:
    found = cells.number(text, decimal, whole=whole)
    assert (None if found is None else Decimal(cells.plain(found))) == (None if number is None else Decimal(number))


@pytest.mark.parametrize(
    ("text", "digits"), [("4,91571E+11", ""), ("4,91571391234E+11", "491571391234"), ("491571", None), ("1E5", None)]
)
def test_a_number_in_scientific_notation_is_exact_when_it_has_all_digits(text: str, digits: str | None) -> None:
    assert cells.whole_digits(text) == digits


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("1985-03-02", (1985, 3, 2)),
        ("19850302", (1985, 3, 2)),
        ("2.3.1985", (1985, 3, 2)),
        ("02/03/1985", (1985, 3, 2)),
        ("2 March 1985", (1985, 3, 2)),
        ("März 2, 1985", (1985, 3, 2)),
        ("--03-02", (None, 3, 2)),
        ("--0302", (None, 3, 2)),
        ("1985", (1985, None, None)),
        ("45323", (2024, 2, 1)),
        ("1985年3月2日", (1985, 3, 2)),
        ("3.4.71", (1971, 4, 3)),
    ],
)
def test_a_date_is_read_in_many_spellings(text: str, day: tuple[int | None, ...]) -> None:
    found = dates.day_of(text, "dmy", today=datetime(2026, 1, 1, tzinfo=UTC).date())
    assert not isinstance(found, str)
    assert (found.year, found.month, found.day) == day


@pytest.mark.parametrize(
    ("text", "why"),
    [("1984-02-30", "no such day"), ("29.2.1900", "no such day"), ("circa 1950", "no date"), ("0", "no date")],
)
def test_what_is_no_date_says_why(text: str, why: str) -> None:
    assert dates.day_of(text, "dmy") == why


@pytest.mark.parametrize(
    ("text", "zone", "moment", "exists"),
    [
        ("2022-02-03 10:00:00", "Europe/Berlin", "2022-02-03T09:00:00", True),
        ("2022-03-27 02:30:00", "Europe/Berlin", "2022-03-27T01:30:00", False),
        ("2022-10-30 02:30:00", "Europe/Berlin", "2022-10-30T00:30:00", True),
        ("05-03-2024 12:05 AM", "Asia/Kolkata", "2024-03-04T18:35:00", True),
        ("11-12-2024 12:00 PM", "Asia/Kolkata", "2024-12-11T06:30:00", True),
        ("12/01/2026 03:45 pm", "Europe/Paris", "2026-01-12T14:45:00", True),
        ("2026-04-02T10:00:00+02:00", "America/New_York", "2026-04-02T08:00:00", True),
        ("2024-03-12T09:14:03.000Z", "America/New_York", "2024-03-12T09:14:03", True),
        ("20260102T030405Z", "UTC", "2026-01-02T03:04:05", True),
        ("46082.25", "UTC", "2026-03-01T06:00:00", True),
    ],
)
def test_a_time_is_one_in_its_zone(text: str, zone: str, moment: str, exists: bool) -> None:
    assert dates.time_of(text, "dmy", ZoneInfo(zone)) == (datetime.fromisoformat(moment).replace(tzinfo=UTC), exists)


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("", ("LANDLINE", None)),
        ("Work", ("LANDLINE", None)),
        ("* Work", ("LANDLINE", None)),
        ("Work Fax", ("FAX", None)),
        ("iPhone", ("MOBILE", None)),
        ("Home", ("HOME", None)),
        ("_$!<Home>!$_", ("HOME", None)),
        ("Assistant", ("ASSISTANT", None)),
        ("Main", ("OTHER", "Main")),
        ("Mum's place", ("OTHER", "Mum's place")),
        ("Other", ("OTHER", None)),
    ],
)
def test_a_label_says_what_a_number_is_for(label: str, kind: tuple[str, str | None]) -> None:
    assert phone_kind(label) == kind


def test_labels_of_addresses_say_whose_they_are() -> None:
    assert [email_kind(each) for each in ("Home", "private", "Work", "", "own")] == ["PERSONAL"] * 2 + ["BUSINESS"] * 3
    assert [address_kind(each) for each in ("Home", "Work", "", "Summer")] == ["HOME", "BUSINESS", "BUSINESS", "OTHER"]


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("0015e00000Ab1cD", "0015e00000Ab1cDAAR"),
        ("0035e00000Xy1kL", "0035e00000Xy1kLAAR"),
        ("0035e00000XyZkL", "0035e00000XyZkLAAV"),
        ("0035e00000XyZkLAAV", "0035e00000XyZkLAAV"),
        ("short", "short"),
    ],
)
def test_an_id_of_salesforce_is_told_with_the_letters_that_hold_its_case(short: str, long: str) -> None:
    assert extended(short) == long
