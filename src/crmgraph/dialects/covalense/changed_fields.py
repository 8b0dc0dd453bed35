"""Reading requests by the tables: what of them is a change, what is the office's, and how the caller names it."""

from collections.abc import Callable, Mapping
from typing import Any

from crmgraph.crm.errors import Path
from crmgraph.mapping import Decoded, ExtraField, FieldMap


def differing(fields: FieldMap, body: Mapping[str, Any], shown: Mapping[str, Any]) -> dict[str, Any]:
    """What of a request differs from what the record prints: clients send back all that they have read.

    So "0" for a number that nobody knows, "" for half a birthday or for a name that the user may not see stay what
    they are.

    Args:
        shown: the record as `fields` print it.
    """
    found = {}
    for name, value, known in fields.given(body):
        printed: Any = shown
        for step in known.name.split(".") if known is not None else ():
            printed = printed.get(step) if isinstance(printed, Mapping) else None
        if known is None or printed is None or printed != value:
            found[name] = value
    return found


def office_only(fields: FieldMap) -> frozenset[str]:
    """The names of those values without a column that a customer only reads."""
    kept = {f.name for f in fields.fields if f.printed and not f.writable and isinstance(f.at, ExtraField)}
    return frozenset(kept | {f.name for f in fields.fields if f.name.startswith("docid")})


def words(fields: FieldMap, decoded: Decoded) -> Callable[[Path], str | None]:
    """How the caller names what is refused: as they wrote it, else as the table has it."""

    def name_of(path: Path) -> str | None:
        if (name := decoded.name_of(path)) is not None:
            return name
        return next((f.name for f in fields.fields if path and getattr(f.at, "key", None) == path[0]), None)

    return name_of
