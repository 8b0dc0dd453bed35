"""Bulk writes: a mutation whose input has up to a thousand items is read beside the event loop, and in no other place.

To coerce and convert so much takes a quarter of a second. So the input is read by a thread, and whatever walks over
the variables afterwards is handed them without the items.
"""

from collections.abc import Mapping, Set
from typing import Any

from graphql import FieldNode, ListValueNode, ObjectValueNode, OperationDefinitionNode, ValueNode, VariableNode

ITEMS = "items"
"""The field of an input that has the items."""


def bulk_field(operation: OperationDefinitionNode, names: Set[str]) -> FieldNode | None:
    """The only field of an operation, where it is a bulk write.

    Args:
        names: of the mutations that write in bulk.
    """
    match operation.selection_set.selections:
        case (FieldNode() as field,) if field.name.value in names and not field.directives:
            return field
    return None


def without_items(variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of a bulk write with no items in them."""
    return {name: _emptied(value) for name, value in variables.items()}


def _emptied(value: Any) -> Any:
    match value:
        case list():
            return []
        case {"items": list()}:
            return value | {ITEMS: []}
    return value


def count_items(given: ValueNode | None, variables: Mapping[str, Any]) -> int:
    """How many items the input of a bulk write has.

    Args:
        given: the input as it stands in the document.
    """
    match given:
        case VariableNode():
            value = variables.get(given.name.value)
            items = value.get(ITEMS) if isinstance(value, dict) else value
            return len(items) if isinstance(items, list) else 1
        case ObjectValueNode():
            return count_items(next((each.value for each in given.fields if each.name.value == ITEMS), None), variables)
        case ListValueNode():
            return len(given.values)
    return 1


def variables_of(given: ValueNode | None) -> set[str]:
    """The variables on which it depends how many items there are."""
    match given:
        case VariableNode():
            return {given.name.value}
        case ObjectValueNode():
            return {name for each in given.fields if each.name.value == ITEMS for name in variables_of(each.value)}
    return set()
