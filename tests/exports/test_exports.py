"""What is written of a store is what is in it, and what is read again is what was written."""

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from crmgraph.crm.core import Core
from crmgraph.crm.errors import Forbidden, Unauthenticated
from crmgraph.crm.models import Door, PartyKind, Role
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import dumps
from crmgraph.exports import writing
from crmgraph.imports.reading import Reading, open_set
from crmgraph.imports.records import Options, Record, Ref, Staff, StaffRef
from crmgraph.registry import DIALECTS
from tests.conftest import Running, statements

OPERATOR = Actor(Door.OPERATOR, Role.ADMIN, sees_identity=True)
ALL = tuple(writing.NAMES)


async def written(core: Core, form: writing.Form, *kinds: PartyKind, actor: Actor = OPERATOR, **more: Any) -> bytes:
    asked = writing.ExportRequest(kinds or ALL, form, **more)
    return b"".join([piece async for piece in writing.pieces(core.db, actor, asked)])


async def archive(core: Core, path: Path) -> Path:
    await writing.write(core.db, OPERATOR, writing.ExportRequest(ALL, "zip", photos=core.record_photos.store), path)
    return path


async def staff_of(core: Core) -> list[Staff]:
    found = json.loads("[" + (await written(core, "jsonl")).decode().strip().replace("\n", ",") + "]")
    owners = {each["email"]: each["name"] for line in found if "email" in (each := line["input"].get("owner", {}))}
    return [Staff(email, name) for email, name in owners.items()]


def plain(value: Any) -> Any:
    match value:
        case Ref():
            return value.key.rpartition(":")[2]
        case StaffRef():
            return value.email
        case dict():
            return {key: plain(each) for key, each in value.items()}
        case list():
            return [plain(each) for each in value]
    return value


def as_read(line: dict[str, Any]) -> dict[str, Any]:
    """A line of an export as an import tells it."""
    values = {
        name: value["id"] if isinstance(value, dict) and "id" in value else value
        for name, value in line["input"].items()
    }
    # Whoever has no email is nobody that an import could name.
    owner = values.pop("owner", {}).get("email")
    return {**values, "owner": owner} if owner else values


async def test_an_archive_is_read_again_as_what_was_written(demo: Running, tmp_path: Path) -> None:
    path = await archive(demo.core, tmp_path / "all.zip")
    lines = [json.loads(line) for line in (await written(demo.core, "jsonl")).splitlines()]
    assert {line["kind"] for line in lines} == {"ACCOUNT", "CONTACT", "LEAD"}
    reading = open_set([path], Options(), await staff_of(demo.core))
    assert reading.questions == []
    records = [each for each in reading.events() if isinstance(each, Record)]
    assert [each.external.value for each in records if each.external] == [line["id"] for line in lines]
    for record, line in zip(records, lines, strict=True):
        assert plain(record.input) == as_read(line)
        assert [(each.system.lower(), each.space, each.value) for each in record.also] == [
            (each["system"], each["space"], each["value"]) for each in line.get("externalIds", [])
        ]
        assert record.kept_by == line.get("kept", {})
        assert [(note.title, note.content) for note in record.notes] == [
            (note["title"], note["content"]) for note in line.get("notes", [])
        ]
        assert {each.code for each in record.warnings} <= {"SAME_NAME", "SHARED_EMAIL", "OWNER_UNKNOWN"}


async def test_a_line_alone_is_read_as_the_archive_is(demo: Running, tmp_path: Path) -> None:
    (tmp_path / "leads.jsonl").write_bytes(await written(demo.core, "jsonl", PartyKind.LEAD))
    reading = open_set([tmp_path / "leads.jsonl"], Options(), await staff_of(demo.core))
    assert [(each.format, each.kind) for each in reading.recognised] == [("CRMGRAPH", "LEAD")]
    assert [each for each in reading.events() if not isinstance(each, Record)] == []


@pytest.mark.parametrize("form", ["vcf3", "vcf4", "jscontact"])
async def test_cards_are_read_again_with_names_numbers_and_addresses(
    demo: Running, tmp_path: Path, form: writing.Form
) -> None:
    path = tmp_path / ("people.json" if form == "jscontact" else "people.vcf")
    path.write_bytes(await written(demo.core, form, PartyKind.CONTACT, PartyKind.ACCOUNT))
    lines = [
        json.loads(each)
        for each in (await written(demo.core, "jsonl", *(PartyKind.CONTACT, PartyKind.ACCOUNT))).splitlines()
    ]
    found = [each for each in open_set([path], Options(), []).events() if isinstance(each, Record) and not each.implied]
    assert len(found) == len(lines)
    for record, line in zip(found, lines, strict=True):
        values = line["input"]
        assert record.kind == line["kind"]
        for name in (
            "name",
            "firstName",
            "middleName",
            "lastName",
            "salutation",
            "jobTitle",
            "birthDate",
            "description",
        ):
            assert record.input.get(name) == values.get(name) or (name in ("description",) and values["kind"]), name
        for rows, part in (("phones", "raw"), ("emails", "address"), ("addresses", "city")):
            assert texts(record.input, rows, part) == texts(values, rows, part)


def texts(values: dict[str, Any], rows: str, part: str) -> list[Any]:
    return list(dict.fromkeys(row.get(part) for row in values.get(rows, {}).get("add", [])))


async def test_a_table_has_a_row_for_each_record_and_is_quoted_against_formulas(demo: Running) -> None:
    lines = [json.loads(line) for line in (await written(demo.core, "jsonl", PartyKind.CONTACT)).splitlines()]
    text = (await written(demo.core, "csv", PartyKind.CONTACT)).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["id"] for row in rows] == [line["id"] for line in lines]
    for row, line in zip(rows, lines, strict=True):
        assert row["lastName"] == line["input"]["lastName"]
        assert row["account_id"] == line["input"].get("account", {}).get("id", "")
        first = line["input"].get("phones", {}).get("add", [{}])[0]
        assert (row["phone_1_kind"], row["phone_1_raw"]) == (first.get("kind", ""), first.get("raw", ""))
    armed = (await written(demo.core, "csv", PartyKind.CONTACT, excel=True)).decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(armed, newline="")) for cell in row]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@")]
    assert [cell for cell in cells if cell.startswith("'+")]


async def test_identity_documents_are_written_for_those_who_may_see_them(demo: Running) -> None:
    seen = await written(demo.core, "jsonl", PartyKind.CONTACT)
    hidden = await written(demo.core, "jsonl", PartyKind.CONTACT, actor=Actor(Door.OPERATOR, Role.AGENT))
    assert b"identityDocuments" in seen
    assert b"identityDocuments" not in hidden
    table = await written(demo.core, "csv", PartyKind.CONTACT, actor=Actor(Door.OPERATOR, Role.AGENT))
    assert b"identityDocuments" not in table


@pytest.mark.parametrize(
    ("actor", "refusal"), [(Actor(Door.GRAPHQL), Unauthenticated), (Actor(Door.GRAPHQL, Role.CUSTOMER), Forbidden)]
)
async def test_nobody_but_staff_takes_the_records_out(demo: Running, actor: Actor, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        await written(demo.core, "jsonl", actor=actor)


async def test_pages_follow_one_another_and_take_a_constant_number_of_statements(demo: Running) -> None:
    whole = await written(demo.core, "jsonl", PartyKind.CONTACT)
    with statements(demo.core.db) as once:
        assert len([each async for each in dumps.dump(demo.core.db, OPERATOR, PartyKind.CONTACT)]) == 12
    with statements(demo.core.db) as paged:
        small = [each async for each in dumps.dump(demo.core.db, OPERATOR, PartyKind.CONTACT, size=4)]
    assert [str(each.aggregate.id) for each in small] == [json.loads(line)["id"] for line in whole.splitlines()]
    assert len(once) <= 9
    assert len(paged) <= 3 * (len(once) - 1) + 1


def test_an_archive_names_itself(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as found:
        found.writestr("crmgraph.json", "{}")
        found.writestr("contacts.jsonl", b'{"kind":"CONTACT","id":"1","input":{"lastName":"One"}}\n{"kind":"X"}\nno\n')
    reading: Reading = open_set([path], Options(), [])
    events = list(reading.events())
    assert [type(each).__name__ for each in events] == ["Record", "Refusal", "Refusal"]


@pytest.mark.parametrize(
    ("name", "kind", "columns"),
    [
        ("zoho", PartyKind.CONTACT, {"Last_Name": "lastName", "First_Name": "firstName", "Title": "jobTitle"}),
        ("zoho", PartyKind.LEAD, {"Last_Name": "lastName", "Company": "company"}),
        ("covalense", PartyKind.CONTACT, {"lastname": "lastName", "contact_no": "number"}),
        ("crmcom", PartyKind.ACCOUNT, {"company_name": "name"}),
        ("valomnia", PartyKind.CONTACT, {"lastName": "lastName", "fonction": "jobTitle"}),
    ],
)
async def test_a_table_may_have_the_names_of_a_dialect(
    demo: Running, name: str, kind: PartyKind, columns: dict[str, str]
) -> None:
    fields = next(each for each in DIALECTS if each.name == name).implementation.tables()[kind]
    table = (await written(demo.core, "csv", kind, fields=fields)).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(table, newline="")))
    lines = [json.loads(line) for line in (await written(demo.core, "jsonl", kind)).splitlines()]
    assert len(rows) == len(lines)
    for row, line in zip(rows, lines, strict=True):
        assert {header: row[header] for header in columns} == {
            header: line["input"].get(field, "") for header, field in columns.items()
        }


@pytest.mark.parametrize(
    "values",
    [
        '{"lastName":"One","emails":{"add":[{"kind":"BUSINESS"}]}}',
        '{"lastName":"One","phones":{"add":[{"kind":"HOME","raw":5},7,{"kind":"X","raw":"1"}]}}',
        '{"lastName":"One","emails":[],"phones":null,"addresses":{"add":{}}}',
        '{"lastName":"One","birthDate":{"day":"x"},"preferences":{"roaming":3},"account":{},"owner":{}}',
    ],
)
def test_a_line_that_was_changed_by_hand_costs_its_bad_values_alone(tmp_path: Path, values: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"kind":"CONTACT","id":"1","input":' + values + "}\n")
    (record,) = open_set([path], Options(), []).events()
    assert isinstance(record, Record)
    assert record.input["lastName"] == "One"
    assert not {"emails", "phones", "addresses"} & set(record.input)
