"""What is read of each sample is what it says beside it."""

from typing import Any

import pytest

from crmgraph.imports.records import Question, Recognised, Record, Refusal, Skipped
from tests.imports.compare import compare, expected_of, opened, pair, plain

WHOLE = (
    "01_zoho_backup",
    "02_zoho_list_es",
    "03_zoho_rest",
    "04_vtiger_contacts",
    "05_suitecrm_contacts",
    "06_espocrm_contacts",
    "07_hubspot_contacts",
    "08_salesforce_weekly",
    "09_salesforce_report",
    "10_pipedrive_people",
    "11_dynamics_contacts",
    "12_google_contacts",
    "13_outlook_de",
    "14_spreadsheet_list",
    "15_apple_icloud",
    "16_vcard_2.1",
    "18_linkedin",
    "19_thunderbird_ldif",
    "20_legacy_lists",
    "D1_dirty_rows",
    "D2_dirty_cells",
)


@pytest.mark.parametrize("name", WHOLE)
def test_a_sample_gives_its_records(name: str) -> None:
    reading = opened(name)
    expected = expected_of(name)
    compare(reading, expected)
    assert asked(reading.questions) == asked_for(expected["questions"])


@pytest.mark.parametrize("name", WHOLE)
def test_a_sample_is_recognised(name: str) -> None:
    wanted = expected_of(name)["recognised"]
    found = opened(name).recognised
    members = wanted.pop("members", None)
    if members is not None:
        assert {each.file.removeprefix("Data_001/"): each.role for each in found} == members
    for file, more in wanted.pop("files", {}).items():
        assert_recognised(next(each for each in found if each.file == file), more)
    formats = wanted.pop("formats", None)
    if formats is not None:
        assert {each.file: each.format for each in found} == formats
    if "pages" in wanted:
        assert len(found) == wanted.pop("pages")
    if "cards" in wanted:
        assert len(list(opened(name).events())) - 1 == wanted.pop("cards")  # one account is implied
    for each in found:
        if each.kind is not None:
            assert_recognised(each, wanted)


def assert_recognised(found: Recognised, wanted: dict[str, Any]) -> None:
    told = {
        "format": found.format,
        "object": found.kind,
        "encoding": found.encoding,
        "delimiter": found.delimiter,
        "header_row": found.header_row,
        "date_order": found.date_order,
        "language": found.language,
        **found.facts,
    }
    said = {name: value for name, value in wanted.items() if name not in ("container", "evidence")}
    assert {name: told.get(name) for name in said} == said
    if "evidence" in wanted:
        assert found.evidence is not None
        assert wanted["evidence"].startswith(found.evidence)


def asked(questions: list[Question]) -> set[tuple[str, str | None]]:
    return {(each.code, each.column) for each in questions}


def asked_for(expected: list[dict[str, Any]]) -> set[tuple[str, str | None]]:
    return {(each["code"], each.get("column")) for each in expected}


CARDS = expected_of("17_cards")


@pytest.mark.parametrize("file", CARDS["files"])
def test_the_same_cards_in_three_forms_give_the_same_records(file: str) -> None:
    reading = opened("17_cards", [file])
    compare(reading, CARDS)
    (found,) = reading.recognised
    versions = "".join(f" {each}" for each in found.facts.get("versions", ()))
    assert found.format + versions == CARDS["recognised"]["formats"][file]


DIRTY = expected_of("D3_dirty_files")


@pytest.mark.parametrize("file", DIRTY["files"])
def test_a_dirty_file_says_what_is_wrong_with_it(file: str) -> None:
    reading = opened("D3_dirty_files", [file])
    questions = [each for each in DIRTY["questions"] if each["at"] == file]
    assert asked(reading.questions) >= asked_for(questions)
    assert reading.is_open is bool(questions)
    if reading.is_open:
        assert {each.code for each in reading.questions if each.open} == {each["code"] for each in questions}
        with pytest.raises(ValueError, match="a question is open"):
            list(reading.events())
        return
    events = list(reading.events())
    refused = [(each.at.file, each.code) for each in events if isinstance(each, Refusal)]
    assert refused == [(each["at"], each["code"]) for each in DIRTY["refused"] if each["at"] == file]
    skipped = [(each.at.file, each.code) for each in events if isinstance(each, Skipped)]
    assert skipped == [(each["at"], each["code"]) for each in DIRTY["skipped"] if each["at"] == file]
    assert len(events) == len(refused) + len(skipped)


def test_an_encoding_that_only_a_person_knows_is_asked_with_what_each_would_read() -> None:
    (asked_,) = (each for each in opened("D3_dirty_files", ["two_bytes.csv"]).questions if each.open)
    assert {"cp1250", "cp1252"} <= set(asked_.answers)
    assert "Žluťoučký" in asked_.reason
    reading = opened("D3_dirty_files", ["two_bytes.csv"], encoding="cp1250")
    records = [each for each in reading.events() if isinstance(each, Record)]
    ((record, expected),) = pair(records, DIRTY["records"])
    assert plain(record.input, {}) == expected["input"]
