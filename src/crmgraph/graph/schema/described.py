"""Enums of the schema, of which every value is described."""

from enum import Enum
from typing import Any

import strawberry


def describe(enum: type[Enum], description: str, /, called: str | None = None, **values: str) -> None:
    """Make an enum one of the schema.

    Args:
        called: its name there, if that is another.
        values: what each of its values means.

    Raises:
        TypeError: one of them is not described.
    """
    strawberry.enum(enum, name=called, description=description)
    definition: Any = enum.__strawberry_definition__  # type: ignore[attr-defined]  # put there by the line above
    if missing := {value.name for value in definition.values} - values.keys():
        raise TypeError(f"{enum.__name__} wants a description of {', '.join(sorted(missing))}")
    for value in definition.values:
        value.description = values[value.name]
