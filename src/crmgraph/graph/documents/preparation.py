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

from cachetools import LRUCache
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
from crmgraph.graph.documents.variables import Variable, values_of, variables_of

KEPT_BYTES = 48 * 2**20
"""What the documents that are kept parsed may take together, in bytes."""
TOKEN_BYTES = 1_000
"""What a token of a document takes, with its share of the tree and of what is known of it, in bytes."""


@dataclass(slots=True)
class Document:
    """A document that was parsed.

    Attributes:
        digest: stands for its text.
        size: what it takes, in bytes, reckoned by its characters and tokens.
        excess: what there is too much of in it, so that it is not even validated.
        faults: {whether names are suggested in them: why none of its operations can be run}, as far as somebody asked.
        measures: of each operation, without its variables.
        variables: of each operation.
        chosen: the operations that requests have named.
    """

    ast: DocumentNode
    digest: bytes
    size: int
    operations: list[OperationDefinitionNode]
    fragments: dict[str, FragmentDefinitionNode]
    excess: TooCostly | None = None
    faults: dict[bool, list[GraphQLError]] = field(default_factory=dict)
    measures: dict[int, Measure] = field(default_factory=dict)
    variables: dict[int, tuple[Variable, ...]] = field(default_factory=dict)
    chosen: dict[str | None, OperationDefinitionNode] = field(default_factory=dict)


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
    operation: OperationDefinitionNode
    request: Request
    values: VariableValues
    cost: int

    @property
    def is_query(self) -> bool:
        return self.operation.operation is OperationType.QUERY

    @property
    def is_subscription(self) -> bool:
        return self.operation.operation is OperationType.SUBSCRIPTION


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
        self._kept: LRUCache[bytes, Document] = LRUCache(KEPT_BYTES, attrgetter("size"))

    def prepare(self, request: Request, *, suggest: bool, read_only: bool) -> Preparation:
        """What has to be known before an operation is run.

        Args:
            suggest: whether a fault of the document may suggest names of the schema.
            read_only: nothing but a query may be run.
        """
        return self._prepared(self._document(request.query), request, suggest, read_only)

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
        return None if operation is None else bulk_field(operation, names)

    def _prepared(self, document: Document | Refusal, request: Request, suggest: bool, read_only: bool) -> Preparation:
        if isinstance(document, Refusal):
            return Preparation(None, False, frozenset(), document, None)
        operation = _chosen(document, request.operation_name)
        if operation is None:
            faults = self.faults_of(document, suggest=suggest)
            refusal = Refusal(faults) if faults else _no_such(request.operation_name)
            return Preparation(document, False, frozenset(), refusal, None)
        measure = document.measures.get(id(operation))
        names: Set[str] = measure.names if measure is not None else frozenset()
        is_mutation = operation.operation is OperationType.MUTATION
        if read_only and is_mutation:
            told = coded([GraphQLError("GET only reads: send this by POST.")], "METHOD_NOT_ALLOWED")
            return Preparation(document, is_mutation, names, told, None)
        return Preparation(
            document, is_mutation, names, None, self._operation(document, operation, measure, request, suggest)
        )

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
        operation: OperationDefinitionNode,
        measure: Measure | None,
        request: Request,
        suggest: bool,
    ) -> PreparedOperation | Refusal:
        if faults := self.faults_of(document, suggest=suggest):
            return Refusal(faults)
        variables = document.variables.get(id(operation), ())
        values = values_of(self._schema, operation, document.fragments.values(), variables, request.variables)
        if isinstance(values, list):
            return coded(values, "BAD_USER_INPUT")
        cost = self._cost(document, operation, measure, values)
        return cost if isinstance(cost, Refusal) else PreparedOperation(document, operation, request, values, cost)

    def _document(self, text: str) -> Document | Refusal:
        digest = digest_of(text)
        document = self._kept.get(digest)
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
        document = self._measured(ast, text, digest)
        self._kept[digest] = document
        return document

    def _measured(self, ast: DocumentNode, text: str, digest: bytes) -> Document:
        document = Document(
            ast,
            digest,
            4 * len(text) + TOKEN_BYTES * ast.token_count,
            [each for each in ast.definitions if isinstance(each, OperationDefinitionNode)],
            {each.name.value: each for each in ast.definitions if isinstance(each, FragmentDefinitionNode)},
        )
        meter = Meter(self._schema, document.fragments, {}, self._max_page)
        try:
            check_values(ast)
            for operation in document.operations:
                document.measures[id(operation)] = meter.operation(operation)
                document.variables[id(operation)] = tuple(variables_of(self._schema, operation))
        except TooCostly as error:
            document.excess = error
        return document

    def _cost(
        self, document: Document, operation: OperationDefinitionNode, measure: Measure | None, values: VariableValues
    ) -> int | Refusal:
        if measure is None or measure.variables:
            measure = Meter(self._schema, document.fragments, values.coerced, self._max_page).operation(operation)
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


def _chosen(document: Document, name: str | None) -> OperationDefinitionNode | None:
    known = document.chosen.get(name)
    if known is not None:
        return known
    # An empty name is what some clients send for none.
    named = [each for each in document.operations if not name or (each.name and each.name.value == name)]
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
