"""Execution: a document is parsed, measured and validated once and kept, and operations of it are run in one place."""

from collections.abc import Awaitable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import orjson
import structlog
from graphql import (
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLID,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    OperationType,
    Undefined,
    coerce_input_value,
    execute,
    get_nullable_type,
    is_input_type,
    is_non_null_type,
    parse,
    specified_rules,
    type_from_ast,
    validate,
)
from graphql.execution.values import VariableValues, get_variable_values
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from crmgraph.cache import Kept, digest_of
from crmgraph.crm.errors import Unauthenticated
from crmgraph.graph.compiled.mutations import Failed
from crmgraph.graph.execution.deadline import Attended, Receive
from crmgraph.graph.documents.limits import MAX_CHARACTERS, MAX_COMPARED, MAX_TOKENS, Measure, Meter, TooCostly, check_lists
from crmgraph.graph.resolvers.context import Context
from crmgraph.graph.schema.schema import schema
from crmgraph.metrics import executor

if TYPE_CHECKING:
    from crmgraph.graph.compiled import CompiledMutations, CompiledQueries

RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)
log = structlog.get_logger(__name__)

KEPT_BYTES = 48 * 2**20
"""What the documents that are kept parsed may take together, in bytes."""
TOKEN_BYTES = 1_000
"""What a token of a document takes, with its share of the tree and of what is known of it, in bytes."""
MAX_ERRORS = 20
"""The most errors of validation, of variables and of an answer."""

OPEN_TO_ALL = frozenset(
    {"__typename", "signup", "confirmSignup", "login", "refreshSession", "requestPasswordReset", "resetPassword"}
)
"""The mutations that need nobody signed in, so that a token which does not hold any more stands in nobody's way."""

T = TypeVar("T")
Introspection: TypeAlias = Literal["open", "signed-in", "closed"]


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


@dataclass(slots=True)
class Document:
    """A document that was parsed.

    Attributes:
        digest: stands for its text.
        size: what it takes, in bytes, reckoned by its characters and tokens.
        faults: why none of its operations can be run.
        measures: of each operation, without its variables.
        variables: of each operation.
        chosen: the operations that requests have named.
    """

    ast: DocumentNode
    digest: bytes
    size: int
    operations: list[OperationDefinitionNode]
    fragments: dict[str, FragmentDefinitionNode]
    faults: list[GraphQLError] = field(default_factory=list)
    measures: dict[int, Measure] = field(default_factory=dict)
    variables: dict[int, tuple[Variable, ...]] = field(default_factory=dict)
    chosen: dict[str | None, OperationDefinitionNode] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """What a client wants run."""

    query: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    operation_name: str | None = None


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request.

    Attributes:
        data: None also where nothing was run.
        ran: whether the operation was run at all.
        cost: what it was reckoned to cost; None when it did not come to that.
        planned: whether one compiled statement answered it, and no resolver.
    """

    data: dict[str, Any] | orjson.Fragment | None
    errors: list[GraphQLError]
    ran: bool
    cost: int | None = None
    planned: bool = False


class Refusal(Exception):
    """A request that is not run, for these reasons."""

    def __init__(self, errors: list[GraphQLError], code: str | None = None, cost: int | None = None) -> None:
        super().__init__(code)
        if code is not None:
            for error in errors:
                error.extensions = {**(error.extensions or {}), "code": code}
        self.answer = Answer(None, errors, ran=False, cost=cost)


class TookTooLong(GraphQLError):
    """What is told where a request was given up after these seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"This took longer than {seconds:g} seconds.", extensions={"code": "TIMEOUT"})


class Engine:
    """Runs operations on the schema.

    Args:
        max_page: the longest page of a connection.
        max_cost: the most records that one document may cause.
        introspection: who may read the schema.
        compiled: answer queries and mutations whose fields are plain; None leaves everything to the resolvers.
    """

    def __init__(
        self,
        *,
        compiled: "tuple[CompiledQueries, CompiledMutations] | None" = None,
        max_page: int = 100,
        max_cost: int = 20_000,
        introspection: Introspection = "signed-in",
    ) -> None:
        self._schema: GraphQLSchema = schema._schema
        self._max_page = max_page
        self._max_cost = max_cost
        self._introspection = introspection
        self._compiled = compiled
        self._kept: Kept[Document] = Kept(KEPT_BYTES)

    def prepare(self, request: Request, context: Context, *, token_refused: bool, read_only: bool) -> PreparedOperation:
        """What has to be known before an operation is run.

        Args:
            token_refused: the request came with a token that does not hold.
            read_only: nothing but a query may be run.

        Raises:
            Refusal: it is not run.
        """
        signed_in = context.actor.role is not None
        document = self._document(request.query, suggest=signed_in)
        operation = _chosen(document, request.operation_name)
        measure = document.measures.get(id(operation))
        names = measure.names if measure is not None else frozenset()
        if read_only and operation.operation is not OperationType.QUERY:
            raise Refusal([GraphQLError("GET only reads: send this by POST.")], "METHOD_NOT_ALLOWED")
        is_open = operation.operation is OperationType.MUTATION and names <= OPEN_TO_ALL and not document.faults
        if token_refused and not is_open:
            message = "The token does not hold, or not any more."
            raise Refusal([GraphQLError(message, original_error=Unauthenticated())], "UNAUTHENTICATED")
        if names & {"__schema", "__type"} and not self._may_introspect(signed_in):
            closed = self._introspection == "closed"
            told = (
                "The schema is not shown here." if closed else "The schema is shown to who is signed in: sign in first."
            )
            raise Refusal([GraphQLError(told)], "INTROSPECTION_DISABLED")
        if document.faults:
            raise Refusal(document.faults)
        values = self._values(document, operation, request)
        cost = self._cost(document, operation, measure, values)
        return PreparedOperation(document, operation, request, values, cost)

    async def run(self, prepared: PreparedOperation, context: Context, receive: Receive, until: float) -> Answer:
        """Run an operation.

        Args:
            until: when it is given up, by the clock of the loop.
            receive: tells when the client has gone, see `Attended`.

        Raises:
            ClientDisconnect: it has, and the query was given up. A change is finished.
        """
        return await self._within_bounds(self._run(prepared, context), prepared, context, receive, until)

    async def run_as_known(
        self, request: Request, context: Context, read_only: bool, receive: Receive, until: float
    ) -> Answer | None:
        """Run an operation by a plan, for an actor of whom the plan's statement itself makes sure.

        Returns:
            None where nothing was run and nothing may be told: what cannot be planned, is refused, or is asked by
            somebody who is not the same any more. `prepare` and `run` say what there is to say about it.
        """
        if self._compiled is None:
            return None
        try:
            prepared = self.prepare(request, context, token_refused=False, read_only=read_only)
        except Refusal:
            return None
        running = self._planned(prepared, context, known=True)
        answer = await self._within_bounds(running, prepared, context, receive, until)
        # Of somebody of whom nobody has made sure yet, it is told that time is up, and nothing else.
        return answer if answer is None or answer.ran else replace(answer, cost=None)

    async def _within_bounds(
        self,
        running: Coroutine[Any, Any, T],
        prepared: PreparedOperation,
        context: Context,
        receive: Receive,
        until: float,
    ) -> T | Answer:
        try:
            async with Attended(receive, until, until_gone=prepared.is_query):
                return await running
        except TimeoutError:
            log.warning("an operation took too long", door="graphql", operation=prepared.request.operation_name)
            return Answer(None, [TookTooLong(context.core.request_seconds)], ran=False, cost=prepared.cost)
        finally:
            # Whatever nobody waits for any more, after an error, the deadline or a client that went away.
            context.stop()

    async def _planned(self, prepared: PreparedOperation, context: Context, *, known: bool) -> Answer | None:
        if self._compiled is None:
            return None
        try:
            planned = await self._compiled[not prepared.is_query].answer(prepared, context, known=known)
        except Failed as failed:
            return Answer(None, [failed.error], ran=True, cost=prepared.cost)
        if planned is None:
            return None
        executor("compiled").inc()
        return Answer(orjson.Fragment(planned), [], ran=True, cost=prepared.cost, planned=True)

    async def _run(self, prepared: PreparedOperation, context: Context) -> Answer:
        planned = await self._planned(prepared, context, known=False)
        if planned is not None:
            return planned
        executor("resolvers").inc()
        request = prepared.request
        running: Awaitable[ExecutionResult] | ExecutionResult = execute(
            self._schema,
            prepared.document.ast,
            context_value=context,
            variable_values=dict(request.variables),
            operation_name=request.operation_name or None,
            executor_class=StrawberryGraphQLCoreExecutionContext,
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]  # theirs says bool
            hide_suggestions=True,
        )
        result = await running if isawaitable(running) else running
        return Answer(result.data, result.errors or [], ran=True, cost=prepared.cost)

    def _may_introspect(self, signed_in: bool) -> bool:
        return self._introspection == "open" or (self._introspection == "signed-in" and signed_in)

    def _document(self, text: str, *, suggest: bool) -> Document:
        digest = digest_of(text)
        document = self._kept.get((digest, suggest))
        if document is not None:
            return document
        document = self._parse(text, digest)
        if not document.faults:
            document.faults = _validate(self._schema, document.ast, suggest)
        self._kept.put((digest, suggest), document, document.size)
        return document

    def _parse(self, text: str, digest: bytes) -> Document:
        if len(text) > MAX_CHARACTERS:
            raise Refusal([TooCostly("characters", len(text), MAX_CHARACTERS)])
        try:
            ast = parse(text, max_tokens=MAX_TOKENS)
        except GraphQLError as error:
            raise Refusal([error], "GRAPHQL_PARSE_FAILED") from None
        except RecursionError:
            raise Refusal([GraphQLError("The document is nested too deep.")], "GRAPHQL_PARSE_FAILED") from None
        document = Document(
            ast,
            digest,
            4 * len(text) + TOKEN_BYTES * ast.token_count,
            [each for each in ast.definitions if isinstance(each, OperationDefinitionNode)],
            {each.name.value: each for each in ast.definitions if isinstance(each, FragmentDefinitionNode)},
        )
        meter = Meter(self._schema, document.fragments, {}, self._max_page)
        try:
            check_lists(ast)
            for operation in document.operations:
                document.measures[id(operation)] = meter.operation(operation)
                document.variables[id(operation)] = tuple(self._variables(operation))
        except TooCostly as error:
            document.faults = [error]
        return document

    def _variables(self, operation: OperationDefinitionNode) -> Iterator[Variable]:
        for node in operation.variable_definitions or ():
            type_ = type_from_ast(self._schema, node.type)
            if not is_input_type(type_):
                continue  # validation has something to say about it
            is_text = get_nullable_type(type_) in (GraphQLString, GraphQLID)
            optional = not is_non_null_type(type_) and node.default_value is None
            yield Variable(node.variable.name.value, type_, is_text, optional)

    def _values(self, document: Document, operation: OperationDefinitionNode, request: Request) -> VariableValues:
        definitions = operation.variable_definitions or ()
        ahead = _read_ahead(document.variables.get(id(operation), ()), request.variables)
        if ahead is not None:
            return ahead
        values = get_variable_values(
            self._schema, definitions, dict(request.variables), max_errors=MAX_ERRORS, hide_suggestions=True
        )
        if isinstance(values, list):
            raise Refusal(values, "BAD_USER_INPUT")
        return values

    def _cost(
        self, document: Document, operation: OperationDefinitionNode, measure: Measure | None, values: VariableValues
    ) -> int:
        if measure is None or measure.variables:
            measure = Meter(self._schema, document.fragments, values.coerced, self._max_page).operation(operation)
        # What one page is asked is bounded by itself.
        if measure.asked.total() > 1 and (compared := measure.compared_with(values.coerced)) > MAX_COMPARED:
            raise Refusal([TooCostly("values in filters", compared, MAX_COMPARED)], cost=measure.cost)
        if measure.cost > self._max_cost:
            raise Refusal([TooCostly("cost", measure.cost, self._max_cost)], cost=measure.cost)
        return measure.cost


def _read_ahead(variables: Sequence[Variable], given: Mapping[str, Any]) -> VariableValues | None:
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


def _chosen(document: Document, name: str | None) -> OperationDefinitionNode:
    known = document.chosen.get(name)
    if known is not None:
        return known
    # An empty name is what some clients send for none.
    named = [each for each in document.operations if not name or (each.name and each.name.value == name)]
    if len(named) == 1:
        document.chosen[name] = named[0]
        return named[0]
    if document.faults:
        raise Refusal(document.faults)
    message = "There is no such operation in the document." if name else "Say which operation is to be run."
    raise Refusal([GraphQLError(message)], "OPERATION_RESOLUTION_FAILURE")


def _validate(schema: GraphQLSchema, ast: DocumentNode, suggest: bool) -> list[GraphQLError]:
    try:
        faults = validate(schema, ast, RULES, max_errors=MAX_ERRORS, hide_suggestions=not suggest)
    except RecursionError:
        faults = [GraphQLError("The document is nested too deep.")]
    for fault in faults:
        fault.extensions = {**(fault.extensions or {}), "code": "GRAPHQL_VALIDATION_FAILED"}
    return faults
