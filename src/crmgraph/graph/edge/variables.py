"""What the variables of a request may hold, looked at before any of them is coerced.

To coerce a value takes a hundred times as long as to read it, and what is coerced cannot be given up half-way: so it is
counted first, in one walk that ends at the first thing there is too much of.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crmgraph.graph.documents.preparation import Excess
from crmgraph.graph.schema.enums import ErrorCode

MAX_LEVELS = 64
"""How deep variables may be nested."""
MAX_VALUES = 5_000
"""The most values in all variables of a request, those of lists and objects counted with them."""
MAX_ITEMS = 1_000
"""The most items of a list."""
MAX_OBJECTS = 100
"""The most objects or lists in one list: conditions, rows, sorts."""
MAX_OBJECTS_IN_ALL = 400
"""The most objects in all variables of a request: each of a filter takes a tenth of a millisecond to coerce."""
MAX_CHARACTERS = 100_000
"""The longest text."""
MAX_BULK_VALUES = 60_000
"""The most values in all variables of a bulk write."""
MAX_BULK_OBJECTS = 15_000
"""The most objects in all variables of a bulk write, which are coerced beside the event loop."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most of everything.

    Attributes:
        values, objects: in all.
        listed: the objects or lists in one list.
    """

    values: int
    objects: int
    listed: int


ORDINARY = Bounds(MAX_VALUES, MAX_OBJECTS_IN_ALL, MAX_OBJECTS)
BULK = Bounds(MAX_BULK_VALUES, MAX_BULK_OBJECTS, MAX_ITEMS)


def excess_of(variables: Mapping[str, Any], bounds: Bounds = ORDINARY) -> Excess | None:
    """What there is too much of in these variables; None when there is not.

    Args:
        variables: values as JSON has them, files among them.
    """
    count = objects = 0
    level: list[tuple[str, Any]] = list(variables.items())
    for _ in range(MAX_LEVELS):
        deeper: list[tuple[str, Any]] = []
        for name, value in level:
            count += 1
            if isinstance(value, str) and len(value) > MAX_CHARACTERS:
                facts = {"reason": ErrorCode.TOO_LONG.value, "limitLength": MAX_CHARACTERS, "length": len(value)}
                return _in(variables, name, value, f"text of {len(value):,} characters", MAX_CHARACTERS, facts)
            if not isinstance(value, dict | list):
                continue
            if count + len(deeper) + len(value) > bounds.values:
                return _in_all(f"hold more than {bounds.values:,} values in all", limitItems=bounds.values)
            if isinstance(value, dict):
                objects += 1
                if objects > bounds.objects:
                    return _in_all(f"hold more than {bounds.objects:,} objects in all", limitItems=bounds.objects)
                deeper += [(name, inner) for inner in value.values()]
                continue
            most, what = MAX_ITEMS, "items"
            if len(value) <= MAX_ITEMS and any(isinstance(each, dict | list) for each in value):
                most, what = bounds.listed, "objects"
            if len(value) > most:
                facts = {"reason": ErrorCode.TOO_LARGE.value, "limitItems": most, "items": len(value)}
                return _in(variables, name, value, f"list of {len(value):,} {what}", most, facts)
            deeper += [(name, inner) for inner in value]
        if not deeper:
            return None
        level = deeper
    return _in_all(f"is nested deeper than {MAX_LEVELS}", limitLevels=MAX_LEVELS)


def _in_all(told: str, **facts: int) -> Excess:
    return Excess(f"`variables` {told}.", {"reason": ErrorCode.TOO_LARGE.value, **facts})


def _in(variables: Mapping[str, Any], name: str, value: Any, what: str, most: int, facts: Mapping[str, Any]) -> Excess:
    path = [name, *_way(variables[name], value)]
    told = f"`variables.{'.'.join(path)}` has a {what}, and {most:,} is the most."
    return Excess(told, {**facts, "variable": name, "inputPath": path})


def _way(start: Any, end: Any) -> list[str]:
    """The steps from a value down to one that it holds, `MAX_LEVELS` at most."""
    level: list[tuple[list[str], Any]] = [([], start)]
    while level:
        for path, value in level:
            if value is end:
                return path
        level = [
            ([*path, str(step)], inner)
            for path, value in level
            for step, inner in (
                value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
            )
        ]
    return []


__all__ = [
    "MAX_CHARACTERS",
    "MAX_ITEMS",
    "MAX_LEVELS",
    "MAX_OBJECTS",
    "MAX_OBJECTS_IN_ALL",
    "MAX_VALUES",
    "Excess",
    "excess_of",
]
