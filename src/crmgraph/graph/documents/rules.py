"""The rules that a document is validated by: those of the specification, of which some tell their faults as ours."""

from typing import Any

from graphql import (
    ArgumentNode,
    FieldNode,
    GraphQLError,
    Node,
    NonNullTypeNode,
    OperationDefinitionNode,
    ProvidedRequiredArgumentsRule,
    ValidationRule,
    ValuesOfCorrectTypeRule,
    VariableDefinitionNode,
    is_input_object_type,
    is_input_type,
    is_non_null_type,
    is_required_argument,
    specified_rules,
    type_from_ast,
)

from crmgraph.graph.documents.coercion import Fault, faults_of, missing

MAX_ERRORS = 20
"""The most errors of validation, of variables and of an answer."""


class ValueRule(ValidationRule):
    """Values are of the types that their places have (Values of Correct Type, All Variable Uses Defined apart)."""

    def enter_argument(self, node: ArgumentNode, *_args: Any) -> None:
        argument = self.context.get_argument()
        if argument is not None:
            self._judge(node.value, argument.type, node.name.value)

    def enter_variable_definition(self, node: VariableDefinitionNode, *_args: Any) -> None:
        type_ = type_from_ast(self.context.schema, node.type)
        if node.default_value is not None and is_input_type(type_):
            self._judge(node.default_value, type_, node.variable.name.value)

    def _judge(self, value: Any, type_: Any, name: str) -> None:
        for fault in faults_of(value, type_, (name,), suggest=not self.context.hide_suggestions):
            self.report_error(_placed(fault, value))


class RequiredArgumentRule(ProvidedRequiredArgumentsRule):
    """Arguments that have to be given are (Required Arguments)."""

    def leave_field(self, node: FieldNode, *_args: Any) -> None:
        definition = self.context.get_field_def()
        given = {argument.name.value for argument in node.arguments or ()}
        for name, argument in definition.args.items() if definition is not None else ():
            if is_required_argument(argument) and name not in given:
                self.report_error(_placed(missing((name,), None), node))


class OneOfVariableRule(ValidationRule):
    """A variable that is the one field of an input is not null (All Variable Usages Are Allowed).

    The rule of graphql-core sees no such input where it may not be null itself.
    """

    def leave_operation_definition(self, operation: OperationDefinitionNode, *_args: Any) -> None:
        defined = {node.variable.name.value: node for node in operation.variable_definitions or ()}
        for usage in self.context.get_recursive_variable_usages(operation):
            node = defined.get(usage.node.name.value)
            if node is None or not is_non_null_type(usage.parent_type) or isinstance(node.type, NonNullTypeNode):
                continue
            of = usage.parent_type.of_type
            if is_input_object_type(of) and of.is_one_of:
                told = f"Variable '${node.variable.name.value}' has to be of a type with `!`: `{of}` takes one field."
                self.report_error(GraphQLError(told, [node, usage.node]))


def _placed(fault: Fault, node: Node) -> GraphQLError:
    return GraphQLError(fault.error.message, fault.node or node, extensions=fault.error.extensions)


_OURS: dict[Any, Any] = {ValuesOfCorrectTypeRule: ValueRule, ProvidedRequiredArgumentsRule: RequiredArgumentRule}
RULES = (*(_OURS.get(rule, rule) for rule in specified_rules), OneOfVariableRule)
