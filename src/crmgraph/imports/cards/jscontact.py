"""JSContact (RFC 9553), told as properties of vCard (RFC 9555 has which is which)."""

from collections.abc import Iterator
from typing import Any

from crmgraph.imports.cards.jcard import property_of
from crmgraph.imports.cards.properties import Card, Property

_NAMES = ("surname", "given", "given2", "title", "credential")
"""The kinds of components of a name, in the order of N; `surname2` and `generation` join surname and credential."""
_JOINED = {"surname2": "surname", "generation": "credential"}
_PLACES = {
    "postOfficeBox": 0,
    "apartment": 1,
    "floor": 1,
    "building": 1,
    "name": 2,
    "number": 2,
    "block": 2,
    "locality": 3,
    "region": 4,
    "postcode": 5,
    "country": 6,
}
_FEATURES = {"mobile": "cell", "main-number": "main"}
_CONTEXTS = {"private": "home"}


def card_of(number: int, found: dict[str, Any], raw: bytes) -> Card:
    """The card of an object whose `@type` is `Card`."""
    card = Card(number, raw, "4.0")
    card.properties = list(_properties(found))
    return card


def _properties(found: dict[str, Any]) -> Iterator[Property]:
    for key, name in (("uid", "UID"), ("kind", "KIND"), ("updated", "REV")):
        if isinstance(found.get(key), str):
            yield Property(name, found[key])
    yield from _name(_object(found, "name"), None)
    for each in _objects(found, "nicknames"):
        yield Property("NICKNAME", _text(each, "name"))
    for each in _objects(found, "organizations"):
        units = [_text(unit, "name") for unit in _list(each, "units")]
        yield Property("ORG", _text(each, "name"), [[_text(each, "name")], *([unit] for unit in units)])
    for each in _objects(found, "titles"):
        yield Property("ROLE" if each.get("kind") == "role" else "TITLE", _text(each, "name"))
    for each in _objects(found, "emails"):
        yield Property("EMAIL", _text(each, "address"), params=_params(each))
    for each in _objects(found, "phones"):
        yield Property("TEL", _text(each, "number"), params=_params(each))
    for each in _objects(found, "addresses"):
        yield _address(each)
    for each in _objects(found, "anniversaries"):
        yield from _anniversary(each)
    for each in _objects(found, "preferredLanguages"):
        yield Property("LANG", _text(each, "language"), params=_params(each))
    for each in _objects(found, "notes"):
        yield Property("NOTE", _text(each, "note"))
    for each in _objects(found, "links"):
        yield Property("URL", _text(each, "uri"), params=_params(each))
    for each in _objects(found, "media"):
        if each.get("kind") == "photo":
            yield Property("PHOTO", _text(each, "uri"))
    for each in _objects(found, "onlineServices"):
        service = _text(each, "service")
        value = _text(each, "uri") or _text(each, "user")
        yield Property("IMPP", value, params={"X-SERVICE-TYPE": [service], "X-USER": [_text(each, "user")]})
    for who, each in _object(found, "relatedTo").items():
        kinds = list(_object(each, "relation")) if isinstance(each, dict) else []
        yield Property("RELATED", who, params={"TYPE": kinds})
    for keyword in _object(found, "keywords"):
        yield Property("CATEGORIES", keyword)
    for language, patch in _object(found, "localizations").items():
        if isinstance(patch, dict):
            yield from _name(_object(patch, "name"), language)
    for row in found.get("vCardProps") or ():
        if (further := property_of(row)) is not None:
            yield further


def _object(found: dict[str, Any], key: str) -> dict[str, Any]:
    value = found.get(key)
    return value if isinstance(value, dict) else {}


def _objects(found: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The values of a map from ids to objects."""
    return [each for each in _object(found, key).values() if isinstance(each, dict)]


def _list(found: dict[str, Any], key: str) -> list[dict[str, Any]]:
    value = found.get(key)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _text(found: dict[str, Any], key: str) -> str:
    value = found.get(key)
    return value if isinstance(value, str) else ""


def _params(found: dict[str, Any]) -> dict[str, list[str]]:
    types = [_CONTEXTS.get(each, each) for each, is_so in _object(found, "contexts").items() if is_so]
    types += [_FEATURES.get(each, each) for each, is_so in _object(found, "features").items() if is_so]
    params = {"TYPE": types} if types else {}
    if isinstance(found.get("pref"), int):
        params["PREF"] = [str(found["pref"])]
    if label := _text(found, "label"):
        params["LABEL"] = [label]
    return params


def _name(name: dict[str, Any], language: str | None) -> Iterator[Property]:
    """FN and N; those of another language than the card's are its alternatives."""
    params = {"ALTID": ["1"], "LANGUAGE": [language]} if language else {"ALTID": ["1"], "PREF": ["1"]}
    parts: dict[str, list[str]] = {kind: [] for kind in _NAMES}
    for each in _list(name, "components"):
        kind = str(each.get("kind"))
        parts.get(_JOINED.get(kind, kind), []).append(_text(each, "value"))
    if any(parts.values()):
        yield Property("N", "", list(parts.values()), dict(params))
    if full := _text(name, "full"):
        yield Property("FN", full, params=dict(params))


def _address(found: dict[str, Any]) -> Property:
    parts: list[list[str]] = [[] for _ in range(7)]
    for each in _list(found, "components"):
        place = _PLACES.get(str(each.get("kind")))
        if place is not None:
            parts[place].append(_text(each, "value"))
    if not any(parts):
        parts[2] = [_text(found, "full")]
    if not parts[6] and (code := _text(found, "countryCode")):
        parts[6] = [code]
    return Property("ADR", "", parts, _params(found))


def _anniversary(found: dict[str, Any]) -> Iterator[Property]:
    name = "BDAY" if found.get("kind") == "birth" else "ANNIVERSARY"
    date = _object(found, "date")
    if utc := _text(date, "utc"):
        yield Property(name, utc[:10])
        return
    year, month, day = (date.get(part) for part in ("year", "month", "day"))
    if isinstance(month, int) and isinstance(day, int):
        yield Property(name, f"{year:04}-{month:02}-{day:02}" if isinstance(year, int) else f"--{month:02}{day:02}")
    elif isinstance(year, int):
        yield Property(name, f"{year:04}-{month:02}" if isinstance(month, int) else f"{year:04}")
