"""Documents of JSON: which kind they are, and lists of objects as tables."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from crmgraph.crm.models import PartyKind
from crmgraph.imports.files import UTF8_MARK, BadFile, Source
from crmgraph.imports.formats.model import Format, Layout
from crmgraph.imports.tables import Row

MAX_BYTES = 32 * 1024 * 1024
"""A document is read as a whole."""
MAX_DEPTH = 4


@dataclass(slots=True)
class Document:
    """A document of JSON.

    Attributes:
        rows: the objects that become records.
        name: of its format.
        more: whether it says that there are more pages.
        page: which page it is.
    """

    name: str
    rows: list[Any]
    more: bool = False
    page: int = 1


def document_of(source: Source) -> Document:
    """What a document is, by its keys.

    Raises:
        BadFile: it is none that is known.
    """
    if source.size > MAX_BYTES:
        raise BadFile(source.name, "TOO_LARGE", f"more than {MAX_BYTES:,} bytes of JSON", limit=MAX_BYTES)
    try:
        found = orjson.loads(source.head(MAX_BYTES + 1).removeprefix(UTF8_MARK))
    except (orjson.JSONDecodeError, RecursionError) as error:
        raise BadFile(source.name, "INVALID", f"no JSON: {error}") from error
    if isinstance(found, list):
        return _of_list(source, found)
    if isinstance(found, dict):
        return _of_object(source, found)
    raise _unknown(source)


def _unknown(source: Source) -> BadFile:
    return BadFile(source.name, "NOT_A_TABLE", "a document of JSON that nobody knows")


def _of_list(source: Source, found: list[Any]) -> Document:
    if found[:1] == ["vcard"]:
        return Document("JCARD", [found])
    if found and all(isinstance(each, list) and each[:1] == ["vcard"] for each in found):
        return Document("JCARD", found)
    if found and all(isinstance(each, dict) and each.get("@type") == "Card" for each in found):
        return Document("JSCONTACT", found)
    raise _unknown(source)


def _of_object(source: Source, found: dict[str, Any]) -> Document:
    if found.get("@type") == "Card":
        return Document("JSCONTACT", [found])
    rows = found.get("data")
    if not isinstance(rows, list) or not all(isinstance(each, dict) for each in rows):
        raise _unknown(source)
    first = rows[0] if rows else {}
    if "addresses_set" in first or "phones_set" in first:
        return Document("CRMCOM_LIST", rows)
    if "paging" in found and (not rows or "customerReference" in first):
        return Document("VALOMNIA_LIST", rows)
    info = found.get("info")
    if isinstance(info, dict) and (not rows or "id" in first):
        page = info.get("page")
        return Document("ZOHO_REST", rows, info.get("more_records") is True, page if isinstance(page, int) else 1)
    raise _unknown(source)


def layout_of(format_: Format, rows: list[dict[str, Any]]) -> Layout:
    """The layout whose keys the objects have most of."""
    keys = {key for row in rows[:50] for key in row}
    if format_.word == "zoho":
        if "Account_Name" in keys and not keys & {"Last_Name", "First_Name"}:
            kind = PartyKind.ACCOUNT
        else:
            kind = PartyKind.LEAD if keys & {"Lead_Status", "Company", "Converted"} else PartyKind.CONTACT
        return next(each for each in format_.layouts if each.kind is kind)
    return format_.layouts[0]


def header_of(rows: list[dict[str, Any]]) -> list[str]:
    """The columns of objects as a table."""
    return list(dict.fromkeys(key for row in rows for key, _ in _flat("", row, 0)))


def rows_of(rows: list[dict[str, Any]], header: list[str]) -> Iterator[Row]:
    """Objects as rows of a table."""
    for n, row in enumerate(rows):
        values = dict(_flat("", row, 0))
        yield Row(n, [values.get(key, "") for key in header], orjson.dumps(row), where=f"data[{n}]")


def _flat(prefix: str, values: dict[str, Any], depth: int) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if key.startswith("$") or value is None:
            continue
        name = f"{prefix}{key}"
        if isinstance(value, dict) and depth < MAX_DEPTH:
            main = next((word for word in ("name", "reference") if word in value), None)
            if main is not None and isinstance(value[main], str):
                yield name, value[main]
            yield from _flat(f"{name}.", {k: v for k, v in value.items() if k != main}, depth + 1)
        elif isinstance(value, list):
            yield name, _listed(value)
        else:
            yield name, text_of(value)


def _listed(values: list[Any]) -> str:
    names = [each.get("name") if isinstance(each, dict) else each for each in values]
    if all(isinstance(name, str) for name in names):
        return ";".join(map(str, names))
    return json.dumps(values, ensure_ascii=False)


def text_of(value: Any) -> str:
    """A value of JSON as the text of a cell."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
