"""A saved mapping: what the user stated about files of one kind, in TOML."""

import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from crmgraph.crm.models import PartyKind
from crmgraph.imports.fields import FIELDS
from crmgraph.imports.quirks import QUIRKS
from crmgraph.imports.records import Options, Recognised
from crmgraph.imports.targets import TARGETS

STATED = (
    "format",
    "encoding",
    "delimiter",
    "dates",
    "decimal",
    "timezone",
    "region",
    "system",
    "id_column",
    "nameless",
    "accounts",
    "blank",
)
"""The options that a mapping keeps."""
MAX_BYTES = 1024 * 1024
_UNTOLD = re.compile("[\x7f\ud800-\udfff]")
_NEEDS = {"phone": 2, "email": 2, "address": 3, "choice": 99}
"""How many words a target has to have at least."""


def load(path: Path, options: Options) -> Options:
    """The options of a mapping, under those that are given.

    Raises:
        ValueError: the file is none, or has a target that nobody knows.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"{path}: more than {MAX_BYTES:,} bytes")
        found = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path}: {error}") from error
    columns = found.get("columns", {})
    for header, target in columns.items():
        if not isinstance(target, str) or not is_target(target):
            raise ValueError(f"{path}: {header}: {target!r} is nothing that a column is read as, see docs/import.md")
    changes: dict[str, Any] = {"columns": {**columns, **options.columns}}
    stated = found.get("options", {})
    for name in STATED:
        if name in stated and getattr(options, name) == getattr(Options(), name):
            changes[name] = stated[name]
    if "kind" in stated and options.kind is None:
        changes["kind"] = PartyKind(stated["kind"])
    return replace(options, **changes)


def is_target(target: str) -> bool:
    """Whether a column can be read as this."""
    words = target.split(" ")
    known = words[0] in TARGETS or words[0] in QUIRKS or any(words[0] in names for names in FIELDS.values())
    return known and len(words) >= _NEEDS.get(words[0], 1)


def saved(options: Options, recognised: Iterable[Recognised]) -> str:
    """The text of a mapping: how the columns of these files were read.

    A header that several of the files have, and each reads otherwise, is left out: what it is, each file says.
    """
    lines = ["[options]"]
    if options.kind is not None:
        lines.append(f"kind = {_string(str(options.kind))}")
    for name in STATED:
        value = getattr(options, name)
        if value is not None and value != getattr(Options(), name):
            lines.append(f"{name} = {_string(value)}")
    lines += ["", "[columns]"]
    found: dict[str, set[str]] = {}
    for each in recognised:
        for header, target in each.columns.items():
            found.setdefault(header, set()).add(target)
    for header, targets in found.items():
        target = targets.pop()
        if not targets and is_target(target):
            lines.append(f"{_string(header)} = {_string(target)}")
    return "\n".join(lines) + "\n"


def _string(text: str) -> str:
    """A basic string of TOML 1.0, which has the escapes of JSON, and neither DEL nor lone surrogates."""
    return json.dumps(_UNTOLD.sub("", text), ensure_ascii=False)
