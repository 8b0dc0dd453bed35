"""Preparing: a document is parsed, measured and validated once and kept; a request prepares its operation once.

Nothing here depends on who asks but which words a fault of the document is told in: names are suggested to people who
are signed in alone.
"""

import asyncio
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from hashlib import blake2b
from operator import attrgetter
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    parse,
    validate,
)
from graphql.execution.values import VariableValues

from crmgraph.graph.documents.bulk import bulk_field
from crmgraph.graph.documents.limits import (
    MAX_CHARACTERS,
    MAX_COMPARED,
    MAX_TOKENS,
    Measure,
    Meter,
    TooCostly,
    check_values,
)
from crmgraph.graph.documents.rules import MAX_ERRORS, RULES
from crmgraph.graph.documents.variables import Variable, read_ahead, values_of, variables_of
from crmgraph.recent import Recent

KEPT_BYTES = 48 * 2**20
"""What the documents that are kept parsed may take together, in bytes."""
TOKEN_BYTES = 1_000
"""What a token of a document takes, with its share of the tree and of what is known of it, in bytes."""


@dataclass(slots=True)
class Operation:
    """An operation of a document, with what is known of it for every request.

    Attributes:
        name: None where it has none.
        names: of its root fields; empty where it was not measured.
        measure: without its variables; None where it was not measured.
        cost: what it costs whatever its variables are; None where these have a say in it.
        is_valid: whether it has been found that nothing can be said against it, whoever sends it, but by its variables.
    """

    definition: OperationDefinitionNode
    name: str | None
    names: Set[str] = frozenset()
    variables: tuple[Variable, ...] = ()
    measure: Measure | None = None
    cost: int | None = None
    is_valid: bool = False
    is_query: bool = field(init=False)
    is_mutation: bool = field(init=False)
    is_subscription: bool = field(init=False)

    def __post_init__(self) -> None:
        kind = self.definition.operation
        self.is_query = kind is OperationType.QUERY
        self.is_mutation = kind is OperationType.MUTATION
        self.is_subscription = kind is OperationType.SUBSCRIPTION


@dataclass(slots=True)
class Document:
    """A document that was parsed.

    Attributes:
        digest: stands for its text.
        size: what it takes, in bytes, reckoned by its characters and tokens.
        excess: what there is too much of in it, so that it is not even validated.
        faults: {whether names are suggested in them: why none of its operations can be run}, as far as somebody asked.
        chosen: the operations that requests have named.
    """

    ast: DocumentNode
    digest: bytes
    size: int
    operations: list[Operation]
    fragments: dict[str, FragmentDefinitionNode]
    excess: TooCostly | None = None
    faults: dict[bool, list[GraphQLError]] = field(default_factory=dict)
    chosen: dict[str | None, Operation] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Excess:
    """What there is too much of in variables.

    Attributes:
        message: in words for their sender.
        facts: for programs, by their names in the answer.
    """

    message: str
    facts: Mapping[str, Any]


@dataclass(slots=True)
class Request:
    """What a client wants run.

    Attributes:
        excess: what of the variables there is too much of for anything but a bulk write; None where there is not.
        persisted: whether the document was named by its hash.
    """

    query: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    operation_name: str | None = None
    excess: Excess | None = None
    persisted: bool = False


@dataclass(slots=True)
class PreparedOperation:
    """An operation that may be run."""

    document: Document
    operation: Operation
    request: Request
    values: VariableValues
    cost: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an operation is not run.

    Attributes:
        cost: what it was reckoned to cost; None when it did not come to that.
    """

    errors: list[GraphQLError]
    cost: int | None = None


@dataclass(slots=True)
class Preparation:
    """What is known of a request, whoever sends it.

    Attributes:
        names: of the operation's root fields; empty where it was not measured.
        refusal: told to anybody, whether or not their token holds.
        operation: may be run; or why not, which is told to those alone whose token holds.
    """

    document: Document | None
    is_mutation: bool
    names: Set[str]
    refusal: Refusal | None
    operation: PreparedOperation | Refusal | None


class Preparer:
    """Prepares operations of the schema.

    Args:
        max_page: the longest page of a connection.
        max_cost: the most records that one document may cause.
    """

    def __init__(self, schema: GraphQLSchema, *, max_page: int, max_cost: int) -> None:
        self._schema = schema
        self._max_page = max_page
        self._max_cost = max_cost
        self._kept: Recent[str, Document] = Recent(KEPT_BYTES, attrgetter("size"))

    def prepare(self, request: Request, *, suggest: bool, read_only: bool) -> Preparation:
        """What has to be known before an operation is run.

        Args:
            suggest: whether a fault of the document may suggest names of the schema.
            read_only: nothing but a query may be run.
        """
        return self._prepared(self._document(request.query), request, suggest, read_only)

    def known(self, request: Request) -> PreparedOperation | None:
        """The same as `prepare` finds of a query that it has found valid, by two look-ups; None of any other.

        What costs what its variables say, and whose variables are not plainly of their types, is left to `prepare`.
        """
        document = self._kept.get(request.query)
        operation = None if document is None else document.chosen.get(request.operation_name)
        if document is None or operation is None or not (operation.is_query and operation.is_valid):
            return None
        if operation.cost is None:
            return None
        values = read_ahead(operation.variables, request.variables)
        return None if values is None else PreparedOperation(document, operation, request, values, operation.cost)

    async def prepare_beside(self, request: Request, *, suggest: bool, read_only: bool) -> Preparation:
        """The same of variables that are too long for the event loop: a thread coerces them."""
        document = self._document(request.query)
        return await asyncio.to_thread(self._prepared, document, request, suggest, read_only)

    def bulk_field(self, request: Request, names: Set[str]) -> FieldNode | None:
        """The field of a request that is a bulk write and nothing else.

        Args:
            names: of the mutations that write in bulk.
        """
        document = self._document(request.query)
        operation = None if isinstance(document, Refusal) else _chosen(document, request.operation_name)
        return None if operation is None else bulk_field(operation.definition, names)

    def _prepared(self, document: Document | Refusal, request: Request, suggest: bool, read_only: bool) -> Preparation:
        if isinstance(document, Refusal):
            return Preparation(None, False, frozenset(), document, None)
        operation = _chosen(document, request.operation_name)
        if operation is None:
            faults = self.faults_of(document, suggest=suggest)
            refusal = Refusal(faults) if faults else _no_such(request.operation_name)
            return Preparation(document, False, frozenset(), refusal, None)
        names, is_mutation = operation.names, operation.is_mutation
        if read_only and is_mutation:
            told = coded([GraphQLError("GET only reads: send this by POST.")], "METHOD_NOT_ALLOWED")
            return Preparation(document, is_mutation, names, told, None)
        return Preparation(document, is_mutation, names, None, self._operation(document, operation, request, suggest))

    def faults_of(self, document: Document, *, suggest: bool) -> list[GraphQLError]:
        """Why no operation of a document can be run; empty where there is nothing against it."""
        if document.excess is not None:
            return [document.excess]
        known = document.faults.get(suggest)
        if known is None:
            known = document.faults[suggest] = _validate(self._schema, document.ast, suggest)
            if not known:
                document.faults[not suggest] = known  # what is valid is so for everybody
        return known

    def _operation(
        self,
        document: Document,
        operation: Operation,
        request: Request,
        suggest: bool,
    ) -> PreparedOperation | Refusal:
        if faults := self.faults_of(document, suggest=suggest):
            return Refusal(faults)
        operation.is_valid = True
        fragments = document.fragments.values()
        values = values_of(self._schema, operation.definition, fragments, operation.variables, request.variables)
        if isinstance(values, list):
            return coded(values, "BAD_USER_INPUT")
        cost = self._cost(document, operation, values) if operation.cost is None else operation.cost
        return cost if isinstance(cost, Refusal) else PreparedOperation(document, operation, request, values, cost)

    def _document(self, text: str) -> Document | Refusal:
        document = self._kept.get(text)
        if document is not None:
            return document
        if len(text) > MAX_CHARACTERS:
            return Refusal([TooCostly("characters", len(text), MAX_CHARACTERS)])
        try:
            ast = parse(text, max_tokens=MAX_TOKENS)
        except GraphQLError as error:
            return coded([error], "GRAPHQL_PARSE_FAILED")
        except RecursionError:
            return coded([GraphQLError("The document is nested too deep.")], "GRAPHQL_PARSE_FAILED")
        document = self._measured(ast, text)
        self._kept.keep(text, document)
        return document

    def _measured(self, ast: DocumentNode, text: str) -> Document:
        document = Document(
            ast,
            digest_of(text),
            4 * len(text) + TOKEN_BYTES * ast.token_count,
            [
                Operation(each, None if each.name is None else each.name.value)
                for each in ast.definitions
                if isinstance(each, OperationDefinitionNode)
            ],
            {each.name.value: each for each in ast.definitions if isinstance(each, FragmentDefinitionNode)},
        )
        meter = Meter(self._schema, document.fragments, {}, self._max_page)
        try:
            check_values(ast)
            for operation in document.operations:
                operation.measure = measure = meter.operation(operation.definition)
                operation.names = measure.names
                operation.variables = tuple(variables_of(self._schema, operation.definition))
                if not measure.variables and measure.asked.total() <= 1 and measure.cost <= self._max_cost:
                    operation.cost = measure.cost
        except TooCostly as error:
            document.excess = error
        return document

    def _cost(self, document: Document, operation: Operation, values: VariableValues) -> int | Refusal:
        measure = operation.measure
        if measure is None or measure.variables:
            meter = Meter(self._schema, document.fragments, values.coerced, self._max_page)
            measure = meter.operation(operation.definition)
        # What one page is asked is bounded by itself.
        if measure.asked.total() > 1 and (compared := measure.compared_with(values.coerced)) > MAX_COMPARED:
            return Refusal([TooCostly("values in filters", compared, MAX_COMPARED)], measure.cost)
        if measure.cost > self._max_cost:
            return Refusal([TooCostly("cost", measure.cost, self._max_cost)], measure.cost)
        return measure.cost


def digest_of(text: str) -> bytes:
    """Stands for a long text in a key: 16 bytes that no two texts share."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def coded(errors: list[GraphQLError], code: str) -> Refusal:
    """A refusal whose errors bear a code."""
    for error in errors:
        error.extensions = {**(error.extensions or {}), "code": code}
    return Refusal(errors)


def _chosen(document: Document, name: str | None) -> Operation | None:
    known = document.chosen.get(name)
    if known is not None:
        return known
    # An empty name is what some clients send for none.
    named = [each for each in document.operations if not name or each.name == name]
    if len(named) != 1:
        return None
    document.chosen[name] = named[0]
    return named[0]


def _no_such(name: str | None) -> Refusal:
    message = "There is no such operation in the document." if name else "Say which operation is to be run."
    return coded([GraphQLError(message)], "OPERATION_RESOLUTION_FAILURE")


def _validate(schema: GraphQLSchema, ast: DocumentNode, suggest: bool) -> list[GraphQLError]:
    try:
        faults = validate(schema, ast, RULES, max_errors=MAX_ERRORS, hide_suggestions=not suggest)
    except RecursionError:
        faults = [GraphQLError("The document is nested too deep.")]
    for fault in faults:
        fault.extensions = {**(fault.extensions or {}), "code": "GRAPHQL_VALIDATION_FAILED"}
    return faults
