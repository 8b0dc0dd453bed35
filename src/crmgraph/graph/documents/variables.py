"""The variables of an operation: their types are read once a document, their values once a request."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from graphql import (
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLID,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    Undefined,
    coerce_input_value,
    get_nullable_type,
    is_input_type,
    is_non_null_type,
    type_from_ast,
)
from graphql.execution.values import VariableValues, get_variable_values

from crmgraph.graph.documents.coercion import faults_of
from crmgraph.graph.documents.places import place_of_variable
from crmgraph.graph.documents.rules import MAX_ERRORS


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of an operation.

    Attributes:
        is_text: whether every text is a value of it as it is.
        optional: whether it may be absent, and is nothing then.
    """

    name: str
    type_: Any
    is_text: bool
    optional: bool


def variables_of(schema: GraphQLSchema, operation: OperationDefinitionNode) -> Iterator[Variable]:
    """The variables of an operation. One whose type is none of input is left out: validation tells it."""
    for node in operation.variable_definitions or ():
        type_ = type_from_ast(schema, node.type)
        if not is_input_type(type_):
            continue
        is_text = get_nullable_type(type_) in (GraphQLString, GraphQLID)
        optional = not is_non_null_type(type_) and node.default_value is None
        yield Variable(node.variable.name.value, type_, is_text, optional)


def values_of(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Iterable[FragmentDefinitionNode],
    variables: Sequence[Variable],
    given: Mapping[str, Any],
) -> VariableValues | list[GraphQLError]:
    """The values of the variables of a request, or what is wrong with them.

    Args:
        fragments: of the document: a fault is told at the place where its variable is used.
        variables: see `variables_of`.
        given: by whoever sent the request.
    """
    if (ahead := read_ahead(variables, given)) is not None:
        return ahead
    definitions = operation.variable_definitions or ()
    values = get_variable_values(schema, definitions, dict(given), max_errors=MAX_ERRORS, hide_suggestions=True)
    if isinstance(values, list):
        return list(islice(_faults(schema, operation, fragments, given), MAX_ERRORS + 1)) or values
    return values


def _faults(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Iterable[FragmentDefinitionNode],
    given: Mapping[str, Any],
) -> Iterator[GraphQLError]:
    """What is wrong with the variables of a request, each fault with its variable and its place."""
    places = (operation, *fragments)
    for node in operation.variable_definitions or ():
        name, type_ = node.variable.name.value, type_from_ast(schema, node.type)
        if name not in given and not (is_non_null_type(type_) and node.default_value is None):
            continue
        at = place_of_variable(name, places)
        for fault in faults_of(given.get(name), type_, at):
            told = {**(fault.error.extensions or {}), "variable": name}
            yield GraphQLError(fault.error.message, node, extensions=told)


def read_ahead(variables: Sequence[Variable], given: Mapping[str, Any]) -> VariableValues | None:
    """The values of the variables, whose types need not be read from the document every time.

    None where one of them has a default, or something is wrong, which `get_variable_values` then says.
    """
    coerced = {}
    for variable in variables:
        value = given.get(variable.name, Undefined)
        if value is Undefined:
            if not variable.optional:
                return None
            continue
        if not (variable.is_text and type(value) is str):
            try:
                value = coerce_input_value(value, variable.type_)
            except (GraphQLError, RecursionError):
                return None
            if value is Undefined:
                return None
        coerced[variable.name] = value
    return VariableValues({}, coerced)
