"""jCard (RFC 7095): a card as arrays of JSON."""

from typing import Any

from crmgraph.imports.cards.properties import Card, Property
from crmgraph.imports.cards.vcard import MAX_PROPERTIES, STRUCTURED


def card_of(number: int, found: Any, raw: bytes) -> Card:
    """The card of `["vcard", [[name, params, type, value ...] ...]]`."""
    card = Card(number, raw)
    rows = found[1] if isinstance(found, list) and len(found) > 1 and isinstance(found[1], list) else []
    if len(rows) > MAX_PROPERTIES:
        card.fault = ("TOO_LARGE", f"{len(rows):,} properties, {MAX_PROPERTIES:,} are taken")
        return card
    card.properties = [each for row in rows if (each := property_of(row)) is not None]
    card.version = next((each.value for each in card.properties if each.name == "VERSION"), "")
    return card


def property_of(row: Any) -> Property | None:
    """The property of `[name, params, type, value ...]`; None where it is none."""
    if not (isinstance(row, list) and len(row) >= 4 and isinstance(row[0], str) and isinstance(row[1], dict)):
        return None
    name = row[0].upper()
    params = {key.upper(): _texts(value) for key, value in row[1].items()}
    group = next(iter(params.pop("GROUP", [])), None)
    if row[2] not in ("text", "uri") or name in STRUCTURED:
        params.setdefault("VALUE", [str(row[2])])
    values = row[3:]
    parts: list[list[str]] = []
    if name in STRUCTURED:
        parts = [_texts(part) for part in values[0]] if isinstance(values[0], list) else [[_text(values[0])]]
    elif len(values) > 1:
        parts = [[_text(each)] for each in values]
    value = ";".join(part[0] if part else "" for part in parts) if parts else _text(values[0])
    if name == "BDAY" and row[2] == "text":
        params["VALUE"] = ["text"]
    return Property(name, value, parts, params, group.lower() if group else None)


def _texts(value: Any) -> list[str]:
    return [_text(each) for each in value] if isinstance(value, list) else [_text(value)]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return value if isinstance(value, str) else "" if value is None else str(value)
