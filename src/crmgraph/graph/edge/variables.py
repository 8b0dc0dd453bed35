"""What the variables of a request may hold, looked at before any of them is coerced.

To coerce a value takes a hundred times as long as to read it, and what is coerced cannot be given up half-way: so it is
counted first, in one walk that ends at the first thing there is too much of.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True, slots=True)
class Excess:
    """What there is too much of in variables.

    Attributes:
        message: in words for their sender.
        facts: for programs, by their names in the answer.
    """

    message: str
    facts: Mapping[str, Any]


def excess_of(variables: Mapping[str, Any]) -> Excess | None:
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
            if count + len(deeper) + len(value) > MAX_VALUES:
                return _in_all(f"hold more than {MAX_VALUES:,} values in all", limitItems=MAX_VALUES)
            if isinstance(value, dict):
                objects += 1
                if objects > MAX_OBJECTS_IN_ALL:
                    return _in_all(f"hold more than {MAX_OBJECTS_IN_ALL} objects in all", limitItems=MAX_OBJECTS_IN_ALL)
                deeper += [(name, inner) for inner in value.values()]
                continue
            most, what = MAX_ITEMS, "items"
            if len(value) <= MAX_ITEMS and any(isinstance(each, dict | list) for each in value):
                most, what = MAX_OBJECTS, "objects"
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
