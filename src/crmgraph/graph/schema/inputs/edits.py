"""From inputs to edits of the core."""

from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

import strawberry
from strawberry import UNSET

from crmgraph.crm.records.edits import Edit, RowEdits
from crmgraph.graph.schema.ids import Prefix, number_of
from crmgraph.graph.schema.vocabulary import PARTS, REFERENCES, ROWS

VALUE = "value"
"""Marks the input fields that are values of the record; the others say which record, or how."""

_T = TypeVar("_T")


def described_like(type_: Any, description: str) -> Callable[[type[_T]], type[_T]]:
    """Makes an input of a class whose fields are optional and mean what the fields of `type_` of their names do."""

    def decorate(cls: type[_T]) -> type[_T]:
        words = {field.python_name: field.description for field in type_.__strawberry_definition__.fields}
        for name in cls.__annotations__:
            if name not in vars(cls):
                setattr(cls, name, strawberry.field(default=UNSET, description=words[name], metadata={VALUE: True}))
        return strawberry.input(cls, description=description)

    return decorate


def required(description: str) -> Any:
    """A field that has to be given."""
    return strawberry.field(description=description)


def edit_of(given: Any) -> Edit:
    """What an input wants changed. What it does not name stays, and null clears."""
    edit = Edit(dict(_values(given)))
    for name, prefix in ROWS.items():
        rows = getattr(given, name, UNSET)
        if rows is not UNSET and rows:
            setattr(edit, name, _row_edits(rows, prefix))
    return edit


@cache
def _value_names(type_: type[Any]) -> frozenset[str]:
    """The fields of an input that are values of the record."""
    return frozenset(field.name for field in fields(type_) if field.metadata.get(VALUE))


def _values(given: Any) -> Iterator[tuple[str, Any]]:
    type_: Any = type(given)
    wanted = _value_names(type_)
    for name, value in vars(given).items():
        if value is UNSET or name not in wanted:
            continue
        if name in REFERENCES:
            column, prefix = REFERENCES[name]
            # No row has the id 0: the core refuses a reference to nothing together with all other faults.
            yield column, None if value is None else number_of(prefix, value) or 0
        elif name in PARTS:
            yield from _part(PARTS[name], value)
        else:
            yield name, value


def revision_of(given: Any) -> int | None:
    """The revision that an input asks for; None where it asks for none. 0 is one too, which no record has."""
    return None if given.if_revision is UNSET else given.if_revision


def _part(columns: dict[str, str], value: Any) -> Iterator[tuple[str, Any]]:
    for name, column in columns.items():
        inner = None if value is None else getattr(value, name)
        if inner is not UNSET:
            yield column, inner


def _row_edits(given: Any, prefix: Prefix) -> RowEdits:
    return RowEdits(
        add=[_row(row) for row in getattr(given, "add", None) or ()],
        update=[(number_of(prefix, row.id) or 0, _row(row)) for row in getattr(given, "update", None) or ()],
        remove=[number_of(prefix, row_id) or 0 for row_id in getattr(given, "remove", None) or ()],
    )


def _row(given: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(given).items() if value is not UNSET and name != "id"}
