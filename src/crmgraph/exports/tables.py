"""Records as a table: a row for each, with numbered columns for what a record has several of."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from crmgraph.crm.models import PartyKind
from crmgraph.crm.records.dumps import Dumped
from crmgraph.exports.values import ROWS, camel, columns, input_of, plain, record_of

MARK = b"\xef\xbb\xbf"
"""What a table in UTF-8 begins with, so that spreadsheets read it as such."""
MAX_NUMBERED = 20
"""Numbered columns of a kind; `rows` tells of the rest."""
_REFERENCES = {
    PartyKind.CONTACT: ("account", "reportsTo"),
    PartyKind.ACCOUNT: ("parent", "primaryContact"),
    PartyKind.LEAD: (),
}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_SINGULAR = {"phones": "phone", "emails": "email", "addresses": "address"}


def header(kind: PartyKind, widths: Mapping[str, int], *, identity: bool) -> list[str]:
    """The columns of a table.

    Args:
        widths: {phones, emails or addresses: how many a record has at most}.
        identity: whether identity documents are among them.
    """
    found = ["id", "createdAt", "updatedAt", "owner", *(camel(name) for name in columns(kind))]
    if kind is PartyKind.CONTACT:
        found.append("birthDate")
    if kind is PartyKind.CONTACT and identity:
        found.append("identityDocuments")
    for name in _REFERENCES[kind]:
        found += [f"{name}_id", name]
    return [*found, *numbered(widths), "externalIds", "notes", "kept"]


def numbered(widths: Mapping[str, int]) -> list[str]:
    """The columns of telephone numbers, emails and addresses, as many as a record has at most."""
    return [
        f"{_SINGULAR[rows]}_{n}_{camel(part)}"
        for rows, (_, parts) in ROWS.items()
        for n in range(1, min(widths[rows], MAX_NUMBERED) + 1)
        for part in parts
    ]


def cells(dumped: Dumped, names: Iterable[str], *, identity: bool) -> list[str]:
    """The cells of a record under these columns."""
    everything = record_of(dumped, identity=identity)
    values: dict[str, Any] = {**everything, **input_of(dumped, identity=identity)}
    flat: dict[str, Any] = {name: value for name, value in values.items() if name not in (*ROWS, "input")}
    if "birthDate" in values:
        flat["birthDate"] = _birth(values["birthDate"])
    if "owner" in values:
        flat["owner"] = values["owner"].get("email") or values["owner"]["name"]
    for names_of in _REFERENCES.values():
        for name in names_of:
            if isinstance(reference := values.get(name), dict):
                flat[name], flat[f"{name}_id"] = reference["name"], reference["id"]
    for rows, word in _SINGULAR.items():
        for n, row in enumerate(values.get(rows, {}).get("add", ()), start=1):
            flat |= {f"{word}_{n}_{part}": value for part, value in row.items()}
            flat.setdefault(f"{word}_{n}_active", True)
    return [_text(flat.get(name)) for name in names]


def _birth(parts: Mapping[str, int]) -> str:
    year, month, day = (parts.get(part) for part in ("year", "month", "day"))
    if month is None or day is None:
        return "" if year is None else str(year)
    return f"--{month:02}-{day:02}" if year is None else f"{year:04}-{month:02}-{day:02}"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(plain(value))


def line(texts: Iterable[str], *, excel: bool) -> str:
    """A row as text.

    Args:
        excel: whether a `'` stands before what a spreadsheet would take for a formula.
    """
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(
        ["'" + text if excel and text.startswith(_FORMULA) else text for text in texts]
    )
    return out.getvalue()
