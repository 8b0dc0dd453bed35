"""Execution: who may run a prepared operation, which executor carries it out, and what comes of it.

Everything is decided before anything is run, and what was decided is run once.
"""

import asyncio
from collections.abc import Awaitable, Coroutine, Set
from dataclasses import dataclass, replace
from inspect import isawaitable
from typing import Any, Literal, TypeAlias, TypeVar

import structlog
from graphql import ExecutionResult, GraphQLError, GraphQLSchema, execute, get_named_type
from strawberry.execution import optimized_is_awaitable

from crmgraph.crm.errors import Refused, Unauthenticated
from crmgraph.crm.policy import Actor
from crmgraph.crm.query.authorization import Lapsed
from crmgraph.db.shares import Crowded, Share
from crmgraph.graph.compiled import Again, Compiled, Failed, NotCompiled, ReadyMutation, ReadyQuery
from crmgraph.graph.compiled.arguments import Reader
from crmgraph.graph.compiled.selection import root_arguments
from crmgraph.graph.documents.bulk import without_items
from crmgraph.graph.documents.preparation import (
    Preparation,
    PreparedOperation,
    Preparer,
    Refusal,
    Request,
    coded,
)
from crmgraph.graph.execution.deadline import Attended, Receive, Young
from crmgraph.graph.execution.sliced import SlicedExecutor
from crmgraph.graph.resolvers.context import CONNECTIONS, Context
from crmgraph.graph.schema.root_fields import Access, declaration_of
from crmgraph.graph.schema.schema import schema
from crmgraph.metrics import executor

log = structlog.get_logger(__name__)

RESOLVED = 4
"""How much more a record costs on the resolvers than in a compiled statement, at the least."""

_INTROSPECTION = frozenset(["__schema", "__type"])

T = TypeVar("T")
Introspection: TypeAlias = Literal["open", "signed-in", "closed"]
Choice: TypeAlias = Again | ReadyQuery | ReadyMutation | NotCompiled
"""What carries an operation out: the compiled executor, with all that it needs; or, for this reason, the resolvers."""


@dataclass(slots=True)
class Answer:
    """What became of a request.

    Attributes:
        data: as JSON already where it is bytes; None also where nothing was run.
        ran: whether the operation was run at all.
        cost: what it was reckoned to cost; None when it did not come to that.
        reason: why the resolvers answered; None where the compiled executor did.
    """

    data: dict[str, Any] | bytes | None
    errors: list[GraphQLError]
    ran: bool
    cost: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Unverified:
    """Nothing may be told before the actor, who was known from an earlier request, has been verified.

    Attributes:
        choice: what is to be run then; None where that depends on who they are now.
        answer: what is to be told then, if they are the same: it has been run.
    """

    choice: Choice | None = None
    answer: Answer | None = None


class TooManyInHand(GraphQLError):
    """What is told where a caller has too much in hand."""

    def __init__(self) -> None:
        message = "You have too many requests in hand: try again when some of them are answered."
        super().__init__(message, extensions={"code": "UNAVAILABLE"})


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
        compiled: answers queries and mutations whose fields are plain; None leaves everything to the resolvers.
    """

    def __init__(
        self,
        *,
        compiled: Compiled | None = None,
        max_page: int = 100,
        max_cost: int = 20_000,
        introspection: Introspection = "signed-in",
    ) -> None:
        self._schema: GraphQLSchema = schema.graphql_core
        self._introspection = introspection
        self._max_cost = max_cost
        self._compiled = compiled
        self._young = Young()
        self._preparer = Preparer(self._schema, max_page=max_page, max_cost=max_cost)
        mutation = self._schema.mutation_type
        fields = {} if mutation is None else mutation.fields
        self._with_tokens = {name for name, field in fields.items() if _holds_tokens(field.type)}
        self._bulk = {name for name, field in fields.items() if declaration_of(field).bulk}
        self._for_anybody = {
            "__typename",
            *(name for name, field in fields.items() if declaration_of(field).access is Access.ANYBODY),
        }

    def prepare(self, request: Request, *, suggest: bool, read_only: bool) -> Preparation:
        """What has to be known of a request before it is run; see `Preparer.prepare`."""
        return self._preparer.prepare(request, suggest=suggest, read_only=read_only)

    def known(self, request: Request) -> PreparedOperation | None:
        """A query that was asked for before and may be run by anybody who is signed in; None of any other request."""
        known = self._preparer.known(request)
        is_told = known is not None and _INTROSPECTION.isdisjoint(known.operation.names)
        return known if is_told else None

    def has_tokens(self, names: Set[str]) -> bool:
        """Whether what these mutations answer may hold tokens."""
        return not self._with_tokens.isdisjoint(names)

    async def prepare_bulk(self, request: Request, *, suggest: bool) -> Preparation | None:
        """The same of a bulk write whose variables are too long for any other operation; None for any other."""
        field = self._preparer.bulk_field(request, self._bulk)
        if field is None:
            return None
        return await self._preparer.prepare_beside(request, suggest=suggest, read_only=False)

    def refusal_of(self, preparation: Preparation, actor: Actor, *, token_refused: bool) -> Answer | None:
        """Why somebody may not run what was prepared; None where they may.

        Args:
            token_refused: the request came with a token that does not hold.
        """
        told = self._refusal(preparation, actor.role is not None, token_refused)
        return None if told is None else Answer(None, told.errors, ran=False, cost=told.cost)

    def _refusal(self, preparation: Preparation, signed_in: bool, token_refused: bool) -> Refusal | None:
        document, names = preparation.document, preparation.names
        if preparation.refusal is not None or document is None:
            return preparation.refusal
        faults = self._preparer.faults_of(document, suggest=signed_in)
        is_open = preparation.is_mutation and names <= self._for_anybody and not faults
        if token_refused and not is_open:
            return _token_refusal()
        if not _INTROSPECTION.isdisjoint(names) and (hidden := self._hidden(signed_in)) is not None:
            return hidden
        if faults:
            return Refusal(faults)
        return preparation.operation if isinstance(preparation.operation, Refusal) else None

    def refusal_of_schema(self, actor: Actor, *, token_refused: bool) -> Answer | None:
        """Why somebody may not read the schema; None where they may.

        Args:
            token_refused: the request came with a token that does not hold.
        """
        told = _token_refusal() if token_refused else self._hidden(actor.role is not None)
        return None if told is None else Answer(None, told.errors, ran=False)

    def _hidden(self, signed_in: bool) -> Refusal | None:
        match self._introspection:
            case "closed":
                told = "The schema is not shown here."
            case "signed-in" if not signed_in:
                told = "The schema is shown to who is signed in: sign in first."
            case _:
                return None
        return coded([GraphQLError(told)], "INTROSPECTION_DISABLED")

    async def run(
        self,
        prepared: PreparedOperation,
        context: Context,
        receive: Receive,
        until: float,
        choice: Choice | None = None,
    ) -> Answer:
        """Run an operation for an actor who has been verified.

        Args:
            until: when it is given up, by the clock of the loop.
            receive: tells when the client has gone, see `Attended`.
            choice: what carries it out, where that has been decided.

        Raises:
            ClientDisconnect: it has, and the query was given up. A change is finished.
        """
        running = self._run(prepared, context, choice)
        return await self._within_bounds(running, prepared, context, receive, until, prepared.cost)

    def run_unverified(
        self, prepared: PreparedOperation, context: Context, receive: Receive, until: float
    ) -> Awaitable[Answer | Unverified]:
        """Run an operation for an actor who has not been verified, if its own statement verifies them."""
        running = self._run_unverified(prepared, context)
        # Of somebody whom nobody has verified yet, it is told that time is up, and nothing else.
        return self._within_bounds(running, prepared, context, receive, until, None)

    async def _within_bounds(
        self,
        running: Coroutine[Any, Any, T],
        prepared: PreparedOperation,
        context: Context,
        receive: Receive,
        until: float,
        cost: int | None,
    ) -> T | Answer:
        try:
            with Attended(self._young, receive, until, until_gone=prepared.operation.is_query):
                return await running
        except TimeoutError:
            log.warning("an operation took too long", door="graphql", operation=prepared.request.operation_name)
            return Answer(None, [TookTooLong(context.core.request_seconds)], ran=False, cost=cost)
        except Crowded:
            return Answer(None, [TooManyInHand()], ran=False, cost=cost)
        finally:
            # Whatever nobody waits for any more, after an error, the deadline or a client that went away.
            context.stop()

    async def _choose(self, prepared: PreparedOperation, context: Context, *, verified: bool) -> Choice:
        if self._compiled is None:
            return NotCompiled("compiled plans are switched off")
        return await self._compiled.choose(prepared, context, verified=verified)

    async def _run_unverified(self, prepared: PreparedOperation, context: Context) -> Answer | Unverified:
        choice: Choice | None = None if self._compiled is None else self._compiled.known(prepared, context.actor)
        if choice is None:
            choice = await self._choose(prepared, context, verified=False)
        if isinstance(choice, NotCompiled) or not choice.verifies:
            return Unverified(choice)
        outcome = await self._carried_out(choice, context, verified=False)
        if isinstance(outcome, Lapsed):
            return Unverified()
        if isinstance(outcome, bytes):
            return _answered(outcome, prepared)
        answer = await self._told(outcome, prepared, context)
        if isinstance(outcome, Failed) and not outcome.verified:
            return Unverified(answer=answer)
        return answer

    async def _run(self, prepared: PreparedOperation, context: Context, choice: Choice | None) -> Answer:
        if choice is None:
            choice = await self._choose(prepared, context, verified=True)
        if isinstance(choice, NotCompiled):
            return await self._resolved(prepared, context, choice.reason)
        outcome = await self._carried_out(choice, context, verified=True)
        if isinstance(outcome, Lapsed):
            raise RuntimeError("nothing was to be verified")
        return await self._told(outcome, prepared, context)

    async def _carried_out(
        self, choice: Again | ReadyQuery | ReadyMutation, context: Context, *, verified: bool
    ) -> bytes | Lapsed | Refused | Failed:
        """What comes of it, within a share of the caller's."""
        shares, caller = context.core.shares, context.caller
        if not shares.take_now(caller, 1):
            await shares.take(caller, 1)
        try:
            return await choice.run(context, verified=verified)
        finally:
            shares.give_back(caller, 1)

    async def _told(self, outcome: bytes | Refused | Failed, prepared: PreparedOperation, context: Context) -> Answer:
        """The answer to what the compiled executor has run."""
        if isinstance(outcome, Refused):
            context.refused = outcome
            return await self._resolved(prepared, context, "the change was refused")
        return _answered(outcome, prepared)

    async def _resolved(self, prepared: PreparedOperation, context: Context, reason: str) -> Answer:
        """The answer of the resolvers."""
        executor("resolvers").inc()
        async with self._share(prepared, context):
            if prepared.request.excess is None:
                return await self._executed(prepared, context, reason)
            field = self._preparer.bulk_field(prepared.request, self._bulk)
            assert field is not None  # noqa: S101 - nothing else is prepared with so much
            reader = Reader(root_arguments(self._schema, field), schema)
            (context.read_ahead,) = (await asyncio.to_thread(reader.read, prepared.values)).values()
            short = replace(prepared.request, variables=without_items(prepared.request.variables))
            return await self._executed(replace(prepared, request=short), context, reason)

    def _share(self, prepared: PreparedOperation, context: Context) -> Share:
        """What a document on the resolvers takes of its caller's share: all of it at a part of the highest cost."""
        shares = context.core.shares
        more = shares.most * RESOLVED * prepared.cost // self._max_cost
        return shares.of(context.caller, CONNECTIONS + more)

    async def _executed(self, prepared: PreparedOperation, context: Context, reason: str) -> Answer:
        request = prepared.request
        running: Awaitable[ExecutionResult] | ExecutionResult = execute(
            self._schema,
            prepared.document.ast,
            context_value=context,
            variable_values=dict(request.variables),
            operation_name=request.operation_name or None,
            executor_class=SlicedExecutor,
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]  # theirs says bool
            hide_suggestions=True,
        )
        result = await running if isawaitable(running) else running
        return Answer(result.data, result.errors or [], ran=True, cost=prepared.cost, reason=reason)


def _answered(outcome: bytes | Failed, prepared: PreparedOperation) -> Answer:
    """The answer of the compiled executor."""
    executor("compiled").inc()
    if isinstance(outcome, Failed):
        return Answer(outcome.data, outcome.errors, ran=True, cost=prepared.cost)
    return Answer(outcome, [], ran=True, cost=prepared.cost)


def _holds_tokens(type_: Any) -> bool:
    return not {"accessToken", "refreshToken"}.isdisjoint(getattr(get_named_type(type_), "fields", {}))


def _token_refusal() -> Refusal:
    message = "The token does not hold, or not any more."
    return coded([GraphQLError(message, original_error=Unauthenticated())], "UNAUTHENTICATED")
