"""Where in a document or its variables a fault lies, for whoever has to show it beside a field.

An `inputPath` goes from the name of an argument, or of a variable, down to the value: `["filter", "createdAt", "gt"]`,
with the places in lists counted from 0.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from graphql import (
    ArgumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    ListValueNode,
    Node,
    ObjectFieldNode,
    ObjectValueNode,
    OperationDefinitionNode,
    VariableNode,
    coerce_input_value,
    get_nullable_type,
    is_enum_type,
    is_input_type,
    is_list_type,
    print_ast,
    type_from_ast,
    validate_input_value,
)

MAX_CHARACTERS = 200
"""The longest text of a library that is told."""


def places_of(document: Node, wanted: Iterable[Node]) -> dict[int, list[str]]:
    """{`id` of a value that stands in a document: its input path}, without those that are in no argument.

    It takes one walk through the document, so it is for faults alone.
    """
    sought = {id(node) for node in wanted}
    found: dict[int, list[str]] = {}
    waiting: list[tuple[Node, tuple[str, ...]]] = [(document, ())]
    while waiting and len(found) < len(sought):
        node, path = waiting.pop()
        if path and id(node) in sought:
            found[id(node)] = list(path)
        match node:
            case ArgumentNode(name=name):
                path = (name.value,)
            case ObjectFieldNode(name=name):
                path = (*path, name.value)
        if isinstance(node, ListValueNode):
            waiting += [(each, (*path, str(i))) for i, each in enumerate(node.values)]
        else:
            waiting += [(each, path) for each in _within(node)]
    return found


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


def faults_of_variables(
    schema: GraphQLSchema, operation: OperationDefinitionNode, given: Mapping[str, Any], most: int
) -> list[GraphQLError]:
    """What is wrong with the variables of a request, each fault with its variable and the place in it.

    Args:
        most: how many are told.
    """
    found: list[GraphQLError] = []
    for node in operation.variable_definitions or ():
        name, type_ = node.variable.name.value, type_from_ast(schema, node.type)
        if not is_input_type(type_):
            continue

        def note(
            error: GraphQLError, path: Iterable[str | int], name: str = name, node: Node = node, type_: Any = type_
        ) -> None:
            if len(found) >= most:
                return
            steps = list(path)
            place = [name, *map(str, steps)]
            told = f"`{'.'.join(place)}`: {_short(error.message)}"
            facts = {"reason": "INVALID", "variable": name, "inputPath": place} | dict(error.extensions or {})
            facts |= _choices(type_, steps)
            found.append(GraphQLError(told, node, extensions=facts))

        try:
            if name in given:
                before = len(found)
                validate_input_value(given[name], type_, note, hide_suggestions=True)
                if len(found) == before:
                    coerce_input_value(given[name], type_)
            elif node.default_value is None and print_ast(node.type).endswith("!"):
                missing = f"A value of the type {print_ast(node.type)} is required."
                note(GraphQLError(missing, extensions={"reason": "REQUIRED"}), ())
        except GraphQLError as error:
            note(error, ())
    return found


def _choices(type_: Any, path: Sequence[str | int]) -> dict[str, Any]:
    """What there is to choose from where an enum stands in a value of a type."""
    for step in path:
        type_ = get_nullable_type(type_)
        fields = getattr(type_, "fields", {})
        type_ = type_.of_type if is_list_type(type_) else getattr(fields.get(step), "type", None)
    named = None if type_ is None else get_nullable_type(type_)
    return {"reason": "CHOOSE_ONE", "choices": list(named.values)} if is_enum_type(named) else {}


def _short(text: str) -> str:
    return text if len(text) <= MAX_CHARACTERS else text[:MAX_CHARACTERS] + "…"
