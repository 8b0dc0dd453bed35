"""What the variables of a request may hold, looked at before any of them is coerced.

To coerce a value takes a hundred times as long as to read it, and what is coerced cannot be given up half-way: so it is
counted first, in one walk that ends at the first thing there is too much of.
"""

from collections.abc import Mapping
from typing import Any

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


def excess_of(variables: Mapping[str, Any]) -> str | None:
    """What there is too much of in these variables, in words for their sender; None when there is not.

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
                return (
                    f"`variables.{name}` has a text of {len(value):,} characters, and {MAX_CHARACTERS:,} is the most."
                )
            if not isinstance(value, dict | list):
                continue
            if count + len(deeper) + len(value) > MAX_VALUES:
                return f"`variables` hold more than {MAX_VALUES:,} values in all."
            if isinstance(value, dict):
                objects += 1
                if objects > MAX_OBJECTS_IN_ALL:
                    return f"`variables` hold more than {MAX_OBJECTS_IN_ALL} objects in all."
                deeper += [(name, inner) for inner in value.values()]
                continue
            if len(value) > MAX_ITEMS:
                return f"`variables.{name}` has a list of {len(value):,} items, and {MAX_ITEMS:,} is the most."
            if len(value) > MAX_OBJECTS and any(isinstance(each, dict | list) for each in value):
                return f"`variables.{name}` has a list of {len(value):,} objects, and {MAX_OBJECTS} is the most."
            deeper += [(name, inner) for inner in value]
        if not deeper:
            return None
        level = deeper
    return f"`variables` is nested deeper than {MAX_LEVELS}."


__all__ = ["MAX_CHARACTERS", "MAX_ITEMS", "MAX_LEVELS", "MAX_OBJECTS", "MAX_OBJECTS_IN_ALL", "MAX_VALUES", "excess_of"]
