"""What is lost between two vocabularies, worked out from their tables and by trying their codecs."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from sqlalchemy import Boolean, Integer, Text
from sqlalchemy.orm import class_mapper

from crmgraph.crm.models import PartyKind
from crmgraph.crm.models.columns import Money
from crmgraph.crm.policy import MODELS
from crmgraph.crm.records.rules import COUNTRIES
from crmgraph.lineage.words import Place, Word, places
from crmgraph.mapping import AS_IT_IS, Unreadable

TEXTS = ("Ünal", "female", "English", "007", "A1")
"""Text that some vocabulary has a form of its own for, and text that none has."""
WHOLES = ((4, 12, 1970), (4, 12, None))
"""A day, a month and a year; and a birthday of nobody knows what age."""


def lost(kind: PartyKind, writer: str, reader: str) -> list[Place]:
    """What `writer` can write of a kind of record and `reader` does not read."""
    return [
        place
        for place, words in places(kind).items()
        if writer in words and words[writer].written and not (reader in words and words[reader].read)
    ]


def written(kind: PartyKind, door: str) -> list[Place]:
    """What a door can write of a kind of record."""
    return [place for place, words in places(kind).items() if door in words and words[door].written]


def altered(kind: PartyKind, door: str) -> Iterator[tuple[Place, Any, Any]]:
    """(place, value, what is told of it) of sample values that are told otherwise than they are kept."""
    seen: set[str] = set()
    for place, words in places(kind).items():
        word = words.get(door)
        if word is None or word.codec is None or not (word.read and word.written) or word.name in seen:
            continue
        seen.add(word.name)
        for value in _samples(kind, place, word):
            told = _told(word, value)
            if told is not None and told[0] != value:
                yield place, value, told[0]


def _told(word: Word, value: Any) -> tuple[Any] | None:
    """What is told of a value that does not come back; None when it does."""
    codec = word.codec or AS_IT_IS
    told = codec.write(value)
    try:
        back = codec.read(told)
    except Unreadable:
        return (told,)
    nothing = value is None or (isinstance(value, tuple) and set(value) == {None})
    same = back in (None, "") if nothing else back == value
    return None if same else (told,)


def _samples(kind: PartyKind, place: Place, word: Word) -> tuple[Any, ...]:
    if place.rows or place.column.endswith("_id"):
        return ()
    if word.whole:
        names = [name.removeprefix("birth_") for name in word.whole]
        return tuple(
            tuple(dict(zip(("day", "month", "year"), parts, strict=True))[name] for name in names) for parts in WHOLES
        )
    if place.column in COUNTRIES:
        return (None, "CY", "FR")
    column = class_mapper(MODELS[kind]).columns[place.column]
    match column.type:
        case Boolean():
            return (True, False)
        case Money():
            return (None, Decimal(0), Decimal("1234567.5"), Decimal("0.00000001"))
        case Integer():
            return (None, 0, 7)
        case Text():
            return (None, *TEXTS)
    return ()
