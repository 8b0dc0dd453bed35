"""Compiled queries: plans by document, statements by plan and shape, and the values of a request bound to them."""

import asyncio
import re
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import strawberry
import structlog
from graphql import FragmentDefinitionNode, GraphQLError, OperationDefinitionNode
from graphql.execution.values import VariableValues
from sqlalchemy import Select, select

from crmgraph.cache import Kept
from crmgraph.crm import models
from crmgraph.crm.core import Core
from crmgraph.crm.identity.credentials import authorization_values, still_authorized
from crmgraph.crm.policy import Actor, visibility_key, visibility_values, with_parameters
from crmgraph.crm.query.criteria import resolve
from crmgraph.db import pool
from crmgraph.db.errors import is_away
from crmgraph.graph.compiled.arguments import Reader
from crmgraph.graph.compiled.selection import One, Pages, RootField, Selector, Typename, Unplannable, switches
from crmgraph.graph.compiled.statement import Asked, Builder, Shape
from crmgraph.graph.resolvers.context import Context
from crmgraph.graph.schema import filters
from crmgraph.graph.schema.connections import checked, window_of
from crmgraph.graph.schema.errors import BadInput
from crmgraph.graph.schema.ids import Prefix, number_of

if TYPE_CHECKING:
    from crmgraph.graph.execution.engine import PreparedOperation

log = structlog.get_logger(__name__)

PLAN_BYTES = 48 * 2**20
"""What the plans that are remembered may take together, in bytes; each is reckoned as twice its document."""
STATEMENT_BYTES = 32 * 2**20
"""What their statements may take: one a plan, a standing of the actor and a shape of the arguments."""
STATEMENT_OVERHEAD = 5_000
"""What a statement takes besides four times its text, in bytes."""
UNPLANNED_BYTES = 500
"""What it takes to remember that an operation has no plan."""
MAX_NESTING = 14
"""How deep the brackets of a statement may be nested on SQLite, whose parser has a stack of a fixed size: it gives
up at 17 of ours at the earliest."""
MAX_VALUES = 50
"""The most values in the filter of a planned connection: every number of them is a statement of its own."""


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


class Elsewhere(Exception):
    """The resolvers answer this request, and will also say what is wrong with it, if anything is."""


@dataclass(slots=True)
class Plan:
    """What is known of one operation, for one value of its switches.

    Attributes:
        key: stands for it among all plans.
        readers: of the arguments of each numbered part.
        asked: what each connection is asked, with the values of its parameters, where no variable has a say in it.
    """

    key: Hashable
    roots: tuple[Any, ...]
    connections: tuple[Pages, ...]
    readers: Mapping[int, Reader]
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


class CompiledQueries:
    """Answers operations whose fields are plain.

    Args:
        schema: where the declarations are.
    """

    def __init__(self, schema: strawberry.Schema, core: Core) -> None:
        self._schema = schema
        self._core = core
        self._dialect = "sqlite" if core.db.is_sqlite else "postgresql"
        self._operations: Kept[Operation | Literal["none"]] = Kept(PLAN_BYTES)
        self._plans: Kept[Plan | Literal["none"]] = Kept(PLAN_BYTES)
        self._statements: Kept[pool.CompiledStatement | Literal["none", "elsewhere"]] = Kept(STATEMENT_BYTES)

    async def answer(self, prepared: "PreparedOperation", context: Context, *, known: bool) -> bytes | None:
        """The `data` of a query as JSON; None when the resolvers have to answer.

        Args:
            known: the actor is who they were a moment ago. The statement makes sure that they are still, and None is
                the answer where they are not.
        """
        operation = self._operation(prepared)
        if operation is None:
            return None
        try:
            plan = self._plan(operation, prepared.values)
            if plan is None:
                return None
            return await self._run(plan, prepared.values, context, known)
        except (Elsewhere, BadInput, GraphQLError, Unplannable):
            return None
        except Exception as error:
            # The resolvers ask again, and tell of each field what is wrong with it, in words that may be told.
            if not is_away(error):
                log.exception("a planned document failed", operation=prepared.request.operation_name)
            return None

    def _operation(self, prepared: "PreparedOperation") -> Operation | None:
        key = (prepared.document.digest, name_of(prepared.operation))
        known = self._operations.get(key)
        if known is not None:
            return None if known == "none" else known
        found, size = None, prepared.document.size
        with suppress(Unplannable):
            fragments = prepared.document.fragments
            found = Operation(key, prepared.operation, fragments, switches(prepared.operation, fragments), size)
        self._operations.put(key, found or "none", UNPLANNED_BYTES if found is None else size)
        return found

    def _plan(self, operation: Operation, given: VariableValues) -> Plan | None:
        switched = tuple(given.coerced.get(name) for name in operation.switches)
        if None in switched:
            raise Elsewhere
        key = (operation.key, switched)
        known = self._plans.get(key)
        if known is not None:
            return None if known == "none" else known
        made = self._made(key, operation, switched)
        self._plans.put(key, made or "none", UNPLANNED_BYTES if made is None else 2 * operation.size)
        return made

    def _made(self, key: Hashable, operation: Operation, switched: tuple[Any, ...]) -> Plan | None:
        values = dict(zip(operation.switches, switched, strict=True))
        selector = Selector(self._schema._schema, operation.fragments, values, ROOTS)
        try:
            roots = selector.operation(operation.definition)
        except Unplannable:
            return None
        connections = tuple(_connections(roots))
        numbered: list[Pages | One] = [*connections, *(root for root in roots if isinstance(root, One))]
        return Plan(key, roots, connections, {each.number: Reader(each.arguments, self._schema) for each in numbered})

    async def _run(self, plan: Plan, given: VariableValues, context: Context, known: bool) -> bytes | None:
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
        key = (known, visibility_key(actor), tuple(each.shape for each in asked.values()))
        statement = self._statement(plan, key, actor, asked, known)
        if statement is None:
            return None if known else _assembled(plan.roots, ())
        if known:
            values |= authorization_values(actor)
        row: Sequence[Any] = (await self._core.db.run(statement, values))[0]
        if known:
            still, *row = row
            if not still:
                return None
        return _assembled(plan.roots, row)

    def _statement(
        self, plan: Plan, key: Hashable, actor: Actor, asked: Mapping[int, Asked], known: bool
    ) -> pool.CompiledStatement | None:
        kept = self._statements.get((plan.key, key))
        if kept == "elsewhere":
            raise Elsewhere
        if kept is not None:
            return None if kept == "none" else kept
        statement, size = None, UNPLANNED_BYTES
        if any(not isinstance(root, Typename) for root in plan.roots):
            builder = Builder(self._dialect, with_parameters(actor), asked)
            built: Select[Any] = builder.statement(plan.roots)
            if known:
                built = select(still_authorized(actor), *built.selected_columns)
            try:
                statement = pool.CompiledStatement(built, self._core.db.engine.dialect)
            except ValueError:
                raise Elsewhere from None
            if self._dialect == "sqlite" and nesting_of(statement.sql) > MAX_NESTING:
                self._statements.put((plan.key, key), "elsewhere", UNPLANNED_BYTES)
                raise Elsewhere
            size = STATEMENT_OVERHEAD + 4 * len(statement.sql)
        self._statements.put((plan.key, key), statement or "none", size)
        return statement

    def _ask(self, connection: Pages, arguments: Mapping[str, Any], context: Context) -> tuple[Asked, dict[str, Any]]:
        """What a connection is asked, and the values of its parameters."""
        listing = connection.listing
        bounds = [arguments.get(name) for name in ("first", "after", "last", "before")]
        window = window_of(context, listing.model, listing.orders(arguments.get("sort", strawberry.UNSET)), *bounds)
        if window.backward or window.before is not None:
            raise Elsewhere
        criterion = checked(listing.criterion(arguments.get("filter", strawberry.UNSET)))
        name = f"n{connection.number}"
        values: dict[str, Any] = {f"{name}_size": window.size}
        for i, value in enumerate(window.after or ()):
            values[f"{name}_after{i}"] = value
        shape = None
        if criterion is not None:
            resolved = resolve(listing.model, criterion, self._core.region)
            if len(resolved.values) > MAX_VALUES:
                raise Elsewhere
            shape = resolved.shape
            values |= {f"{name}_c{i}": value for i, value in enumerate(resolved.values)}
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
        raise Elsewhere
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
