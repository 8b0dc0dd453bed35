"""Compiled queries: plans by document, statements by plan and shape, and the values of a request bound to them."""

import asyncio
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import strawberry
from cachetools import LRUCache
from graphql import FragmentDefinitionNode, GraphQLError, OperationDefinitionNode, is_non_null_type
from graphql.execution.values import VariableValues
from sqlalchemy import Select, select

from crmgraph.crm import models
from crmgraph.crm.core import Core
from crmgraph.crm.policy import Actor, visibility_key, visibility_values, with_parameters
from crmgraph.crm.query.authorization import Lapsed, authorization_values, still_authorized
from crmgraph.crm.query.sql import resolve
from crmgraph.db import pool
from crmgraph.graph.compiled.arguments import Reader
from crmgraph.graph.compiled.outcomes import Failed, NotCompiled, failure
from crmgraph.graph.compiled.selection import One, Pages, RootField, Selector, Typename, Unplannable, switches
from crmgraph.graph.compiled.statement import Asked, Builder, Shape
from crmgraph.graph.documents.preparation import PreparedOperation
from crmgraph.graph.resolvers.context import Context
from crmgraph.graph.schema import filters
from crmgraph.graph.schema.connections import checked, window_of
from crmgraph.graph.schema.errors import BadInput
from crmgraph.graph.schema.ids import Prefix, number_of
from crmgraph.graph.schema.schema import Schema

PLAN_BYTES = 48 * 2**20
"""What the plans that are remembered may take together, in bytes; each is reckoned as twice its document."""
STATEMENT_BYTES = 32 * 2**20
"""What their statements may take: one a plan, a standing of the actor and a shape of the arguments."""
MAX_NESTING = 14
"""How deep the brackets of a statement may be nested on SQLite, whose parser has a stack of a fixed size: it gives
up at 17 of ours at the earliest."""

_BRACKET = re.compile("[()]")

ROOTS = {
    "contact": RootField(model=models.Contact, prefix=Prefix.CONTACT),
    "account": RootField(model=models.Account, prefix=Prefix.ACCOUNT),
    "lead": RootField(model=models.Lead, prefix=Prefix.LEAD),
    "contacts": RootField(listing=filters.CONTACTS),
    "accounts": RootField(listing=filters.ACCOUNTS),
    "leads": RootField(listing=filters.LEADS),
}
"""What a planned document may ask for: one record by its id, or a page of them."""


@dataclass(slots=True)
class Plan:
    """What is known of one operation, for one value of its switches.

    Attributes:
        key: stands for it among all plans.
        readers: of the arguments of each numbered part.
        size: what the plan takes, in bytes.
        asked: what each connection is asked, with the values of its parameters, where no variable has a say in it.
    """

    key: Hashable
    roots: tuple[Any, ...]
    connections: tuple[Pages, ...]
    readers: Mapping[int, Reader]
    size: int
    asked: dict[int, tuple[Asked, dict[str, Any]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of one document, with the variables that switch its parts on and off.

    Attributes:
        key: stands for it among all operations.
        size: what its document takes, in bytes.
    """

    key: Hashable
    definition: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    switches: tuple[str, ...]
    size: int


@dataclass(frozen=True, slots=True)
class ReadyQuery:
    """A query with everything that its statement needs.

    Attributes:
        statement: None where nothing but `__typename` is asked for.
        verifies: whether the statement verifies the actor as well.
    """

    core: Core
    roots: tuple[Any, ...]
    statement: pool.CompiledStatement | None
    values: Mapping[str, Any]
    verifies: bool

    async def run(self, context: Context, *, verified: bool) -> bytes | Lapsed | Failed:
        """The `data` of the query as JSON, or why there is none."""
        if self.statement is None:
            return _assembled(self.roots, ())
        try:
            row: Sequence[Any] = (await self.core.db.run(self.statement, self.values))[0]
        except Exception as error:
            return _failed(self.roots, error)
        if self.verifies:
            still, *row = row
            if not still:
                return Lapsed.LAPSED
        return _assembled(self.roots, row)


class CompiledQueries:
    """Compiles queries whose fields are plain.

    Args:
        schema: where the declarations are.
    """

    def __init__(self, schema: Schema, core: Core) -> None:
        self._schema = schema
        self._core = core
        self._dialect = "sqlite" if core.db.is_sqlite else "postgresql"
        size = attrgetter("size")
        self._operations: LRUCache[Hashable, Operation | NotCompiled] = LRUCache(PLAN_BYTES, size)
        self._plans: LRUCache[Hashable, Plan | NotCompiled] = LRUCache(PLAN_BYTES, size)
        self._statements: LRUCache[Hashable, pool.CompiledStatement | NotCompiled] = LRUCache(STATEMENT_BYTES, size)

    async def choose(
        self, prepared: PreparedOperation, context: Context, *, verified: bool
    ) -> ReadyQuery | NotCompiled:
        """What answers a query by one statement; or why only the resolvers can.

        Args:
            verified: the actor has been verified. Otherwise the statement does it.
        """
        operation = self._operation(prepared)
        if isinstance(operation, NotCompiled):
            return operation
        plan = self._plan(operation, prepared.values)
        if isinstance(plan, NotCompiled):
            return plan
        try:
            return await self._ready(plan, prepared.values, context, verified)
        except (BadInput, GraphQLError):
            return NotCompiled("an argument is refused")
        except Unplannable as why:
            return NotCompiled(why.reason)

    def _operation(self, prepared: PreparedOperation) -> Operation | NotCompiled:
        key = (prepared.document.digest, name_of(prepared.operation))
        known = self._operations.get(key)
        if known is not None:
            return known
        fragments, size = prepared.document.fragments, prepared.document.size
        found: Operation | NotCompiled
        try:
            found = Operation(key, prepared.operation, fragments, switches(prepared.operation, fragments), size)
        except Unplannable as why:
            found = NotCompiled(why.reason)
        self._operations[key] = found
        return found

    def _plan(self, operation: Operation, given: VariableValues) -> Plan | NotCompiled:
        switched = tuple(given.coerced.get(name) for name in operation.switches)
        if None in switched:
            return NotCompiled("a variable of @include or @skip has no value")
        key = (operation.key, switched)
        known = self._plans.get(key)
        if known is not None:
            return known
        made: Plan | NotCompiled
        try:
            made = self._made(key, operation, switched)
        except Unplannable as why:
            made = NotCompiled(why.reason)
        self._plans[key] = made
        return made

    def _made(self, key: Hashable, operation: Operation, switched: tuple[Any, ...]) -> Plan:
        values = dict(zip(operation.switches, switched, strict=True))
        selector = Selector(self._schema.graphql_core, operation.fragments, values, ROOTS)
        roots = selector.operation(operation.definition)
        connections = tuple(_connections(roots))
        numbered: list[Pages | One] = [*connections, *(root for root in roots if isinstance(root, One))]
        readers = {each.number: Reader(each.arguments, self._schema) for each in numbered}
        return Plan(key, roots, connections, readers, 2 * operation.size)

    async def _ready(self, plan: Plan, given: VariableValues, context: Context, verified: bool) -> ReadyQuery:
        actor = context.actor
        values: dict[str, Any] = dict(visibility_values(actor))
        asked: dict[int, Asked] = {}
        for connection in plan.connections:
            known_ask = plan.asked.get(connection.number)
            if known_ask is None:
                reader = plan.readers[connection.number]
                if asked:
                    # A long filter takes milliseconds to read, and there may be a hundred of them.
                    await asyncio.sleep(0)
                known_ask = self._ask(connection, reader.read(given), context)
                if reader.constant is not None:
                    plan.asked[connection.number] = known_ask
            asked[connection.number], parameters = known_ask
            values |= parameters
        for root in plan.roots:
            if isinstance(root, One):
                values[f"n{root.number}_id"] = _wanted(root, plan.readers[root.number].read(given))
        statement = self._statement(plan, actor, asked, verified)
        if not verified:
            values |= authorization_values(actor)
        return ReadyQuery(self._core, plan.roots, statement, values, not verified)

    def _statement(
        self, plan: Plan, actor: Actor, asked: Mapping[int, Asked], verified: bool
    ) -> pool.CompiledStatement | None:
        """The statement of a plan; None where it asks for nothing and the actor is verified.

        Raises:
            Unplannable: there is none.
        """
        if verified and all(isinstance(root, Typename) for root in plan.roots):
            return None
        key = (plan.key, verified, visibility_key(actor), tuple(each.shape for each in asked.values()))
        kept = self._statements.get(key)
        if isinstance(kept, NotCompiled):
            raise Unplannable(kept.reason)
        if kept is not None:
            return kept
        try:
            statement = self._built(plan, actor, asked, verified)
        except Unplannable as why:
            self._statements[key] = NotCompiled(why.reason)
            raise
        pool.keep(self._statements, key, statement)
        return statement

    def _built(self, plan: Plan, actor: Actor, asked: Mapping[int, Asked], verified: bool) -> pool.CompiledStatement:
        built: Select[Any] = Builder(self._dialect, with_parameters(actor), asked).statement(plan.roots)
        if not verified:
            built = select(still_authorized(actor), *built.selected_columns)
        try:
            statement = pool.CompiledStatement(built, self._core.db.engine.dialect)
        except ValueError:
            raise Unplannable("the text of the statement depends on its values") from None
        if self._dialect == "sqlite" and nesting_of(statement.sql) > MAX_NESTING:
            raise Unplannable("nested too deep for SQLite")
        return statement

    def _ask(self, connection: Pages, arguments: Mapping[str, Any], context: Context) -> tuple[Asked, dict[str, Any]]:
        """What a connection is asked, and the values of its parameters."""
        listing = connection.listing
        bounds = [arguments.get(name) for name in ("first", "after", "last", "before")]
        window = window_of(context, listing.model, listing.orders(arguments.get("sort", strawberry.UNSET)), *bounds)
        if window.backward or window.before is not None:
            raise Unplannable("a page from its end")
        criterion = checked(listing.criterion(arguments.get("filter", strawberry.UNSET)))
        name = f"n{connection.number}"
        values: dict[str, Any] = {f"{name}_size": window.size}
        for i, value in enumerate(window.after or ()):
            values[f"{name}_after{i}"] = value
        shape = None
        if criterion is not None:
            resolved = resolve(criterion, self._core.region)
            shape = resolved.shape
            values |= resolved.parameters(f"{name}_c")
        return Asked(Shape(window.orders, window.after is not None, shape), context.max_page), values


def name_of(operation: OperationDefinitionNode) -> str | None:
    """The name by which a document knows one of its operations."""
    return operation.name.value if operation.name is not None else None


def nesting_of(sql: str) -> int:
    """How deep the brackets of a statement are nested; its texts are punctuation and names in JSON, without any."""
    depth = deepest = 0
    for bracket in _BRACKET.findall(sql):
        depth += 1 if bracket == "(" else -1
        deepest = max(deepest, depth)
    return deepest


def _wanted(root: One, arguments: Mapping[str, Any]) -> int | None:
    """The number that a reference by id names; None, which is nobody's, for an id of something else."""
    by = arguments["by"]
    if not by.id:
        raise Unplannable("a record that is not named by its id")
    return number_of(Prefix(root.prefix), by.id)


def _connections(tree: Sequence[Any]) -> list[Pages]:
    found: list[Pages] = []
    for each in tree:
        if isinstance(each, Pages):
            found.append(each)
        for name in ("tree", "fields"):
            inner = getattr(each, name, ())
            found += _connections([field for field in inner if not isinstance(field, tuple)])
    return found


def _assembled(roots: Sequence[Any], row: Sequence[Any]) -> bytes:
    columns = iter(row)
    parts = []
    for root in roots:
        value = f'"{root.name}"'.encode() if isinstance(root, Typename) else next(columns)
        parts.append(f'"{root.key}":'.encode() + (b"null" if value is None else value))
    return b"{" + b",".join(parts) + b"}"


def _failed(roots: Sequence[Any], error: Exception) -> Failed:
    """What is told when the statement fails: of every root field, as the resolvers would."""
    failed = [root for root in roots if not isinstance(root, Typename)]
    required = [root for root in failed if is_non_null_type(root.arguments.definition.type)]
    if required:
        return Failed(None, [failure(error, required[0].arguments.node, required[0].key)])
    data = {root.key: root.name if isinstance(root, Typename) else None for root in roots}
    return Failed(data, [failure(error, root.arguments.node, root.key) for root in failed])
