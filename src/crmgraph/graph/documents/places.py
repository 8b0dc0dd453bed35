"""Where in a document a value stands, for whoever has to show what is wrong with it beside a field.

An input path goes from the name of an argument down to the value: `filter`, `createdAt`, `gt`, with the places in lists
counted from 0. Which variable the value came by does not change it.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from graphql import (
    ArgumentNode,
    FieldNode,
    ListValueNode,
    Node,
    ObjectFieldNode,
    ObjectValueNode,
    VariableDefinitionNode,
    VariableNode,
)


def place_of_variable(name: str, within: Iterable[Node]) -> tuple[str, ...]:
    """The input path of the first place at which a variable stands; its own name where it stands at none.

    It takes a walk through the document, so it is for faults alone.
    """
    waiting: list[tuple[Node, tuple[str, ...]]] = [(node, ()) for node in reversed(list(within))]
    while waiting:
        node, path = waiting.pop()
        match node:
            case VariableDefinitionNode():
                continue
            case VariableNode() if node.name.value == name and path:
                return path
            case ArgumentNode():
                path = (node.name.value,)
            case ObjectFieldNode():
                path = (*path, node.name.value)
        inner = (
            [(each, (*path, str(i))) for i, each in enumerate(node.values)]
            if isinstance(node, ListValueNode)
            else [(each, path) for each in _within(node)]
        )
        waiting += reversed(inner)
    return (name,)


def _within(node: Node) -> Iterator[Node]:
    for key in node.keys:
        inner = getattr(node, key, None)
        if key == "loc" or inner is None:
            continue
        for each in inner if isinstance(inner, tuple | list) else (inner,):
            if isinstance(each, Node):
                yield each


def variable_at(field: FieldNode, path: Sequence[str]) -> str | None:
    """The variable in which an input path of a field comes; None where it stands in the document."""
    name, *below = path
    value: Any = next((each.value for each in field.arguments or () if each.name.value == name), None)
    for step in below:
        match value:
            case ObjectValueNode(fields=fields):
                value = next((each.value for each in fields if each.name.value == step), None)
            case ListValueNode(values=values) if step.isdecimal() and int(step) < len(values):
                value = values[int(step)]
            case _:
                break
    return value.name.value if isinstance(value, VariableNode) else None
