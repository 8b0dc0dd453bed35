"""Arguments read ahead: what stands in a document is converted once, and a request only fills its variables in."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING
from typing import Any, TypeAlias

import strawberry
from graphql import GraphQLError, Node, VariableNode, get_argument_values
from graphql.execution.values import VariableValues
from strawberry.scalars import is_scalar
from strawberry.types.arguments import convert_argument, convert_arguments
from strawberry.types.base import StrawberryList, StrawberryOptional, has_object_definition
from strawberry.types.enum import StrawberryEnumDefinition, has_enum_definition
from strawberry.types.lazy_type import LazyType

from crmgraph.graph.compiled.tree import Arguments

Fill: TypeAlias = Callable[[Mapping[str, Any]], Any]
"""Makes a value of the values of the variables."""


class Hole:
    """Stands in for the value of a variable."""

    def __init__(self, name: str) -> None:
        self.name = name


class Reader:
    """Reads the arguments of one field of one document.

    Args:
        arguments: as they stand there.
        schema: whose types they are of.

    Attributes:
        constant: what they are for every request; None where there are variables in them.
        given: as they stand in the document, with a `Hole` for each variable; None where that is not known ahead.
    """

    def __init__(self, arguments: Arguments, schema: strawberry.Schema) -> None:
        self._arguments = arguments
        self._schema = schema
        names = [node.name.value for each in arguments.node.arguments or () for node in _variables(each.value)]
        self.constant: dict[str, Any] | None = None if names else self._converted(VariableValues({}, {}))
        self.given: dict[str, Any] | None = None
        self._fills: dict[str, Fill] | None = None
        self._nullable: frozenset[str] = frozenset()
        self._converters: dict[Any, Callable[[Any], Any]] = {}
        self._names = tuple(names)
        if names:
            self._prepare()

    def read(self, given: VariableValues) -> dict[str, Any]:
        """The arguments by their Python names, as a resolver would be handed them.

        Raises:
            GraphQLError: one of them is refused.
        """
        if self.constant is not None:
            return self.constant
        values = given.coerced
        if self._fills is None:
            return self._converted(given)
        for name in self._names:
            # A variable that is absent or null may mean the default, or nothing, or a fault.
            if values.get(name) is None and not (name in self._nullable and name in values):
                return self._converted(given)
        return {name: fill(values) for name, fill in self._fills.items()}

    def _prepare(self) -> None:
        given = VariableValues({}, {name: Hole(name) for name in self._names})
        try:
            raw = get_argument_values(self._arguments.definition, self._arguments.node, given)
        except GraphQLError:
            return
        found: list[str] = []
        fills = {}
        nullable = set()
        for argument in self._arguments.field.arguments:
            name = self._schema.config.name_converter.from_argument(argument)
            if name in raw:
                fills[argument.python_name] = self._fill(raw[name], argument.type, found)
                if isinstance(raw[name], Hole) and isinstance(argument.type, StrawberryOptional):
                    nullable.add(raw[name].name)
        # A scalar that reads objects may have swallowed a variable: then nothing is known ahead.
        if sorted(found) == sorted(self._names):
            self.given = raw
            self._fills = fills
            self._nullable = frozenset(name for name in nullable if self._names.count(name) == 1)

    def _fill(self, value: Any, type_: Any, found: list[str]) -> Fill:
        if isinstance(type_, StrawberryOptional):
            return self._fill(value, type_.of_type, found)
        if isinstance(type_, LazyType):
            return self._fill(value, type_.resolve_type(), found)
        if isinstance(value, Hole):
            name = value.name
            found.append(name)
            if self._is_leaf(type_):
                return lambda values: values[name]
            convert = self._converter(type_)
            return lambda values: convert(values[name])
        if isinstance(type_, StrawberryList) and isinstance(value, list):
            items = [self._fill(item, type_.of_type, found) for item in value]
            return lambda values: [fill(values) for fill in items]
        if isinstance(value, dict) and has_object_definition(type_):
            return self._input(value, type_, found)
        constant = self._convert(value, type_)
        return lambda values: constant

    def _is_leaf(self, type_: Any) -> bool:
        known = self._schema.schema_converter.scalar_registry
        return is_scalar(type_, known) or isinstance(type_, StrawberryEnumDefinition) or has_enum_definition(type_)

    def _input(self, value: dict[str, Any], type_: Any, found: list[str]) -> Fill:
        definition = type_.__strawberry_definition__
        given: dict[str, Fill] = {}
        absent: dict[str, Any] = {}
        plain = not hasattr(type_, "__post_init__")
        for field in definition.fields:
            name = self._schema.config.name_converter.from_field(field)
            if name in value:
                given[field.python_name] = self._fill(
                    value[name], field.resolve_type(type_definition=definition), found
                )
            elif field.default_factory is not MISSING:
                plain = False
            elif field.default_value is MISSING:
                absent[field.python_name] = None
        if not plain:
            return lambda values: type_(**absent, **{name: fill(values) for name, fill in given.items()})

        def made(values: Mapping[str, Any]) -> Any:
            # Its constructor would copy the default of every field that is not given, which stand in the class.
            one = object.__new__(type_)
            held = vars(one)
            held.update(absent)
            for name, fill in given.items():
                held[name] = fill(values)
            return one

        return made

    def _converter(self, type_: Any) -> Callable[[Any], Any]:
        """What makes the Python value of a value of an input type, without looking its fields up every time."""
        if isinstance(type_, StrawberryOptional):
            return self._converter(type_.of_type)
        if not has_object_definition(type_):
            return lambda value: self._convert(value, type_)
        known = self._converters.get(type_)
        if known is not None:
            return known
        definition = type_.__strawberry_definition__
        made: Any = type_
        names: dict[str, tuple[str, Callable[[Any], Any]]] = {}
        absent: dict[str, Any] = {}

        def convert(value: Any) -> Any:
            if value is None:
                return None
            given = dict(absent)
            for name, inner in value.items():
                python_name, convert_field = names[name]
                given[python_name] = convert_field(inner)
            return made(**given)

        self._converters[type_] = convert  # first: a type may be of itself
        for field in definition.fields:
            if field.default_value is MISSING and field.default_factory is MISSING:
                absent[field.python_name] = None
            inner_type = field.resolve_type(type_definition=definition)
            bare = inner_type.of_type if isinstance(inner_type, StrawberryOptional) else inner_type
            convert_inner = _as_it_is if self._is_leaf(bare) else self._converter(inner_type)
            names[self._schema.config.name_converter.from_field(field)] = (field.python_name, convert_inner)
        return convert

    def _convert(self, value: Any, type_: Any) -> Any:
        return convert_argument(value, type_, self._schema.schema_converter.scalar_registry, self._schema.config)

    def _converted(self, given: VariableValues) -> dict[str, Any]:
        raw = get_argument_values(self._arguments.definition, self._arguments.node, given)
        return convert_arguments(
            raw,
            self._arguments.field.arguments,
            scalar_registry=self._schema.schema_converter.scalar_registry,
            config=self._schema.config,
        )


def _as_it_is(value: Any) -> Any:
    return value


def _variables(node: Node) -> Iterator[VariableNode]:
    if isinstance(node, VariableNode):
        yield node
    for name in ("values", "fields"):
        for inner in getattr(node, name, None) or ():
            yield from _variables(inner)
    inner = getattr(node, "value", None)
    if isinstance(inner, Node):
        yield from _variables(inner)
