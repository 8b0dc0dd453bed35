"""What is wrong with values that are of no type of the schema: in variables and in documents alike, every fault of a
value at once, in the words and with the facts of every other error."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    ListValueNode,
    Node,
    NullValueNode,
    ObjectValueNode,
    Undefined,
    ValueNode,
    VariableNode,
    is_required_input_field,
    value_from_ast_untyped,
)
from graphql.pyutils import did_you_mean, suggestion_list
from strawberry.utils.str_converters import to_snake_case

from crmgraph.crm.errors import Missing
from crmgraph.graph.schema.bad_input import BadInput, choose

MAX_INT = 2**31 - 1
"""The greatest `Int`."""
_LEAVES = {
    "Boolean": "yes or no",
    "DateTime": "moment",
    "Int": "whole number",
}
"""{scalar: what is wrong with whatever is no value of it}."""
_TEXTS = {
    "CountryCode": "DE",
    "EmailAddress": "ada@example.com",
    "ID": "con_1000000001",
    "PhoneNumber": "+491512345678",
    "String": "Ada",
    "URL": "https://example.com",
}
"""{scalar: what may be given}, of those that are texts."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong with a value.

    Attributes:
        error: in words and facts.
        node: where it stands, if it stands in a document.
    """

    error: BadInput
    node: Node | None


def faults_of(value: Any, type_: Any, at: Sequence[str], *, suggest: bool = False) -> Iterator[Fault]:
    """What is wrong with a value of a type; nothing where it is one.

    Args:
        value: of a variable, as JSON has it; or as it stands in a document, where the variables in it are passed over:
            validation sees that they are of the right type.
        at: where the value stands, from the argument down.
        suggest: whether names of the schema may be suggested.
    """
    if isinstance(value, VariableNode):
        return
    is_required = isinstance(type_, GraphQLNonNull)
    if is_required:
        type_ = type_.of_type
    if _is_null(value):
        if is_required:
            yield missing(at, value)
        return
    match type_:
        case GraphQLList():
            items = _items(value)
            if items is None:  # stands for a list of one
                yield from faults_of(value, type_.of_type, at, suggest=suggest)
            for i, item in enumerate(items or ()):
                yield from faults_of(item, type_.of_type, (*at, str(i)), suggest=suggest)
        case GraphQLInputObjectType():
            given = _fields(value)
            if given is None:
                yield _fault("object", at, value, example=next(iter(type_.fields)))
            else:
                yield from _faults_of_fields(value, given, type_, at, suggest)
        case GraphQLEnumType() | GraphQLScalarType():
            yield from _faults_of_leaf(value, type_, at)


def _faults_of_fields(
    value: Any, given: Mapping[str, Any], type_: GraphQLInputObjectType, at: Sequence[str], suggest: bool
) -> Iterator[Fault]:
    for name, field in type_.fields.items():
        if name in given:
            yield from faults_of(given[name], field.type, (*at, name), suggest=suggest)
        elif is_required_input_field(field):
            yield missing((*at, name), value)
    for name in given:
        if name not in type_.fields:
            hint = did_you_mean(suggestion_list(name, list(type_.fields))) if suggest else ""
            yield _fault("field", (*at, name), given[name], hint=hint)
    if type_.is_one_of and (len(given) != 1 or any(map(_is_null, given.values()))):
        yield _fault("one of", at, value, {"choices": list(type_.fields)}, choose=choose(type_.fields))


def _faults_of_leaf(value: Any, type_: GraphQLEnumType | GraphQLScalarType, at: Sequence[str]) -> Iterator[Fault]:
    try:
        coerced: Any = Undefined
        if isinstance(value, ValueNode):
            literal: Any = type_.coerce_input_literal or type_.parse_literal
            coerced = literal(value)
        else:
            coerced = type_.coerce_input_value(value)
    except (GraphQLError, ValueError, TypeError, OverflowError):
        coerced = Undefined
    if coerced is not Undefined:
        return
    if isinstance(type_, GraphQLEnumType):
        choices = list(type_.values)
        yield _fault("none of", at, value, {"choices": choices}, choose=choose(choices))
    elif type_.name == "Int" and _is_whole(value):
        yield _fault("number", at, value, {"least": -MAX_INT - 1, "most": MAX_INT})
    elif type_.name in _TEXTS:
        yield _fault("text", at, value, example=_TEXTS[type_.name])
    else:
        yield _fault(_LEAVES.get(type_.name, "scalar"), at, value, type=type_.name)


def missing(at: Sequence[str], value: Any) -> Fault:
    """That a value has to be given which is not.

    Args:
        value: in which it lacks.
    """
    path = tuple(int(step) if step.isdecimal() else to_snake_case(step) for step in at[1:])
    return _fault(Missing(path), at, value)


def _fault(
    fault: str | Missing, at: Sequence[str], value: Any, facts: Mapping[str, Any] | None = None, **words: Any
) -> Fault:
    return Fault(BadInput(fault, ".".join(at), facts, **words), value if isinstance(value, Node) else None)


def _is_null(value: Any) -> bool:
    return value is None or isinstance(value, NullValueNode)


def _items(value: Any) -> Iterable[Any] | None:
    if isinstance(value, ListValueNode):
        return value.values
    return value if isinstance(value, list | tuple) else None


def _fields(value: Any) -> Mapping[str, Any] | None:
    if isinstance(value, ObjectValueNode):
        return {field.name.value: field.value for field in value.fields}
    return value if isinstance(value, dict) else None


def _is_whole(value: Any) -> bool:
    if isinstance(value, ValueNode):
        value = value_from_ast_untyped(value)
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
