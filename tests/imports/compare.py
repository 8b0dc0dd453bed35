"""Compares what was read of a sample with its `expected.json`, as the README of the samples says."""

import hashlib
import json
from pathlib import Path
from typing import Any

from crmgraph.crm.values.folding import identity
from crmgraph.imports.reading import Reading, open_set
from crmgraph.imports.records import Merged, Options, Record, Ref, Refusal, Skipped, Staff, StaffRef

SAMPLES = Path(__file__).with_name("samples")
DEFAULTS = ("emailOptOut", "doNotCall", "smsOptOut", "decisionMaker")
"""Booleans whose default is false."""


def expected_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SAMPLES / name / "expected.json").read_text("utf-8"))
    return found


def staff_of(expected: dict[str, Any]) -> list[Staff]:
    return [Staff(each["email"], each["name"], each.get("importer", False)) for each in expected["store"]["staff"]]


def opened(name: str, files: list[str] | None = None, **options: Any) -> Reading:
    expected = expected_of(name)
    stated = {key: value for key, value in expected["options"].items() if not isinstance(value, dict) or key == "users"}
    paths = [SAMPLES / name / file for file in files or expected["files"]]
    return open_set(paths, Options(**{**stated, **options}), staff_of(expected))


def place(at: Any) -> str:
    """A place of the expectation, or of ours, without the name of the only file."""
    return str(at)


def is_at(found: Any, expected: Any) -> bool:
    """Whether a place is meant by what an expectation says."""
    if found is None or expected is None:
        return found is None and expected is None
    if isinstance(expected, int):
        return found.where == str(expected)
    return expected in (str(found), found.where) or (not found.where and expected == found.file)


def plain(value: Any, names: dict[tuple[str, str], str]) -> Any:
    """An input of ours in the words of the expectation."""
    match value:
        case Ref():
            return {"$ref": names.get((value.kind, value.key), value.key)}
        case StaffRef():
            return {"$staff": value.email}
        case dict():
            return {key: plain(each, names) for key, each in value.items() if not (key in DEFAULTS and each is False)}
        case list():
            return [plain(each, names) for each in value]
    return value


def pair(records: list[Record], expected: list[dict[str, Any]]) -> list[tuple[Record, dict[str, Any]]]:
    """Each record beside the one that is expected: by its id, by its place, or by its name."""
    pairs = []
    left = list(records)
    for each in expected:
        wanted = each.get("external")
        for record in left:
            if record.kind != each["kind"] or record.implied != each.get("implied", False):
                continue
            external = record.external
            if wanted or external:
                if not (wanted and external):
                    continue
                is_same = (external.system, external.space, external.value) == tuple(wanted.values())
            elif each.get("at") is None:
                is_same = identity(record.input["name"]) == identity(each["input"]["name"])
            else:
                is_same = is_at(record.at, each["at"])
            if is_same:
                pairs.append((record, each))
                left.remove(record)
                break
        else:
            raise AssertionError(f"{each['key']} was not read; left are {[str(one.at) for one in left]}")
    assert not left, f"nobody expects {[(one.kind, str(one.at), one.input) for one in left]}"
    return pairs


def compare(reading: Reading, expected: dict[str, Any]) -> None:
    """Assert that a set of files gives what is expected of it."""
    events = list(reading.events())
    records = [each for each in events if isinstance(each, Record)]
    pairs = pair(records, expected["records"])
    names = {(record.kind, record.key): each["key"] for record, each in pairs}
    for record, each in pairs:
        assert plain(record.input, names) == plain(each["input"], names), each["key"]
        if not each.get("implied"):
            assert is_at(record.at, each["at"]), (each["key"], record.at)
        assert kept_of(record.kept) == kept_of(each.get("kept", {})), each["key"]
        assert_warned(record, each)
        stamps = {"createdAt": record.created_at, "updatedAt": record.updated_at}
        told = {name: f"{at:%Y-%m-%dT%H:%M:%SZ}" for name, at in stamps.items() if at is not None}
        assert told == each.get("stamps", {}), each["key"]
        assert [note_of(note) for note in record.notes] == each.get("notes", []), each["key"]
        assert_photo(record, each)
    told_of(events, Refusal, expected["refused"])
    told_of(events, Skipped, expected["skipped"])
    merged = [each for each in events if isinstance(each, Merged)]
    assert len(merged) == len(expected["merged"]), merged
    for each in expected["merged"]:
        assert any(
            is_at(one.at, each["at"]) and names[(one.into.kind, one.into.key)] == each["into"] for one in merged
        ), each


def told_of(events: list[Any], kind: type[Any], expected: list[dict[str, Any]]) -> None:
    found = [each for each in events if isinstance(each, kind)]
    for each in expected:
        one = next((one for one in found if is_at(one.at, each["at"])), None)
        assert one is not None, (each, found)
        assert one.code == each["code"], (each, one)
        if kind is Refusal:
            assert list(one.path) == each["path"], (each, one)
            assert one.facts.get("limit") == each.get("limit", one.facts.get("limit")), each
            assert one.facts.get("lines") == each.get("lines"), each
        found.remove(one)
    assert not found, found


def kept_of(kept: dict[str, Any]) -> dict[str, Any]:
    return {name: sorted(value) if isinstance(value, list) else value for name, value in kept.items()}


def assert_warned(record: Record, expected: dict[str, Any]) -> None:
    found = {(each.code, each.column) for each in record.warnings}
    wanted = {(each["code"], each["column"]) for each in expected.get("warnings", [])}
    optional = {(each["code"], each["column"]) for each in expected.get("warnings", []) if each.get("optional")}
    assert found | optional == wanted, (expected["key"], found, wanted)
    for each in expected.get("warnings", []):
        one = next((one for one in record.warnings if (one.code, one.column) == (each["code"], each["column"])), None)
        if one is not None and "value" in each and not each.get("optional"):
            assert one.value == each["value"], (expected["key"], one)


def note_of(note: Any) -> dict[str, Any]:
    told = {"title": note.title, "content": note.content, "owner": note.owner and {"$staff": note.owner.email}}
    told["createdAt"] = note.created_at and f"{note.created_at:%Y-%m-%dT%H:%M:%SZ}"
    return {name: value for name, value in told.items() if value is not None}


def assert_photo(record: Record, expected: dict[str, Any]) -> None:
    wanted = expected.get("photo")
    if wanted is None:
        assert record.photo is None, expected["key"]
        return
    assert record.photo is not None, expected["key"]
    assert len(record.photo.data) == wanted["bytes"]
    assert hashlib.sha256(record.photo.data).hexdigest() == wanted["sha256"]
    assert record.photo.content_type == wanted.get("contentType")
