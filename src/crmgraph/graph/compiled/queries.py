"""Compiled queries: what answers a query without resolvers, with the values of the request bound to its statement."""

import asyncio
import re
from collections.abc import Hashable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from graphql import GraphQLError
from graphql.execution.values import VariableValues
from sqlalchemy import Select, select

from crmgraph.crm.core import Core
from crmgraph.crm.policy import Actor, visibility_values, with_parameters
from crmgraph.crm.query.authorization import authorization_values, still_authorized
from crmgraph.db import pool
from crmgraph.db.compiling import Compiling
from crmgraph.graph.compiled import roots
from crmgraph.graph.compiled.arguments import Reader
from crmgraph.graph.compiled.asking import Ask, Numbered, ask
from crmgraph.graph.compiled.finishing import Refusal
from crmgraph.graph.compiled.kept import Operation, Operations, Plan, Variant, View
from crmgraph.graph.compiled.outcomes import Failed, NotCompiled, failure
from crmgraph.graph.compiled.ready import ReadyQuery, Search
from crmgraph.graph.compiled.repeated import REPEATED_BYTES, Again, RepeatedQuery
from crmgraph.graph.compiled.selection import Selector, fetched, switches
from crmgraph.graph.compiled.statement import Asked, Builder
from crmgraph.graph.compiled.tree import Found, Unplannable
from crmgraph.graph.documents.preparation import PreparedOperation
from crmgraph.graph.resolvers.context import Context
from crmgraph.graph.schema.declarations import PUBLIC_URL
from crmgraph.graph.schema.ids import Prefix
from crmgraph.graph.schema.nodes import named_by
from crmgraph.graph.schema.schema import Schema
from crmgraph.recent import Recent

MAX_NESTING = 14
"""How deep the brackets of a statement may be nested on SQLite, whose parser has a stack of a fixed size: it gives
up at 17 of ours at the earliest."""

_BRACKET = re.compile("[()]")


class CompiledQueries:
    """Compiles queries whose fields are declared.

    Args:
        schema: where the declarations are.
    """

    def __init__(self, schema: Schema, core: Core) -> None:
        self._schema = schema
        self._core = core
        self._dialect = "sqlite" if core.db.is_sqlite else "postgresql"
        self._operations = Operations()
        self._repeated: Recent[Hashable, RepeatedQuery] = Recent(REPEATED_BYTES, attrgetter("size"))
        self._compiling = Compiling()

    def known(self, prepared: PreparedOperation, actor: Actor) -> Again | None:
        """The same as `choose` finds for an actor who is not verified, where nothing has to be made for it; None of all
        others.

        The actor, whom no other stands in for, has asked for the operation before, and its fields name records by ids,
        or no variable has a say in them.
        """
        known = self._repeated.get(((prepared.document.digest, prepared.operation.name), id(actor)))
        return None if known is None else known.again(prepared.values.coerced)

    async def choose(
        self, prepared: PreparedOperation, context: Context, *, verified: bool
    ) -> ReadyQuery | NotCompiled:
        """What answers a query by one statement; or why only the resolvers can.

        Args:
            verified: the actor has been verified. Otherwise the statement does it.
        """
        key = (prepared.document.digest, prepared.operation.name)
        operation = self._operations.operation(key, lambda: self._operation(prepared))
        if isinstance(operation, NotCompiled):
            return operation
        plan = operation.plan or await self._plan(key, operation, prepared.values)
        if isinstance(plan, NotCompiled):
            return plan
        try:
            return await self._ready(key, operation, plan, prepared.values, context, verified)
        except Unplannable as why:
            return NotCompiled(why.reason)

    async def ready_after(
        self, key: Hashable, operation: Operation, plan: Plan, given: VariableValues, context: Context
    ) -> ReadyQuery:
        """What reads what a mutation has changed, see `roots.CHANGED`. Nothing is read yet.

        Args:
            key: names the operation.

        Raises:
            Unplannable: no statement does.
        """
        return await self._ready(key, operation, plan, given, context, verified=True)

    def _operation(self, prepared: PreparedOperation) -> Operation | NotCompiled:
        definition, fragments = prepared.operation.definition, prepared.document.fragments
        try:
            by_ids = fetched(self._schema.graphql_core, definition, fragments)
            readers = {node: Reader(arguments, self._schema) for node, arguments in by_ids.items()}
            names = switches(definition, fragments)
        except Unplannable as why:
            return NotCompiled(why.reason)
        return Operation(definition, fragments, names, readers, prepared.document.size)

    async def _plan(self, key: Hashable, operation: Operation, given: VariableValues) -> Plan | NotCompiled:
        if operation.is_plain:
            operation.plan = await self._compiling.beside(("plan", key), lambda: self._made(operation, {}, {}))
            self._operations.reckon(key, operation)
            return operation.plan
        switched: tuple[Any, ...] = tuple(given.coerced.get(name) for name in operation.switches)
        if None in switched:
            return NotCompiled("a variable of @include or @skip has no value")
        named = {node: _kinds(reader, given) for node, reader in operation.fetched.items()}
        name = ("variant", switched, tuple(named.values()))
        known = operation.things.get(name)
        if known is None:
            switches = dict(zip(operation.switches, switched, strict=True))
            made = await self._compiling.beside((key, name), lambda: self._made(operation, switches, named))
            known = operation.shared(made) if isinstance(made, Plan) else made
            self._operations.keep(key, operation, name, known)
        return known.plan if isinstance(known, Variant) else known

    def _made(
        self, operation: Operation, switched: Mapping[str, bool], named: Mapping[int, tuple[Prefix, ...]]
    ) -> Plan | NotCompiled:
        selector = Selector(self._schema.graphql_core, operation.fragments, switched, named)
        try:
            return Plan(selector.operation(operation.definition), self._schema)
        except Unplannable as why:
            return NotCompiled(why.reason)

    async def _ready(
        self,
        key: Hashable,
        operation: Operation,
        plan: Plan,
        given: VariableValues,
        context: Context,
        verified: bool,
    ) -> ReadyQuery:
        actor = context.actor
        view = plan.view(actor)
        asks: list[Ask] = []
        refused: list[tuple[Numbered, Exception]] = []
        values: dict[str, Any] = {**visibility_values(actor), PUBLIC_URL.key: self._core.public_url}
        for field in view.fields:
            known = plan.asks.get(field.number)
            if known is None:
                if asks:
                    # A long filter takes milliseconds to read, and there may be a hundred of them.
                    await asyncio.sleep(0)
                known = ask(field, plan.readers, given, context)
                if known.lasts and field.number in plan.fixed:
                    plan.asks[field.number] = known
            asks.append(known)
            values.update(known.values)
            if known.refusal is not None:
                refused.append((field, known.refusal))
        if not verified:
            values.update(authorization_values(actor))
        if refused:
            return await self._ready_to_refuse(key, operation, plan, view, actor, asks, values, refused, verified)
        statement = await self._statement(key, operation, view, view.read, actor, asks, verified)
        searches = _searches(view, asks) if view.searches else ()
        ready = ReadyQuery(
            self._core, plan.roots, view.read_keys, statement, values, not verified, plan.finishers(), searches=searches
        )
        if not verified and operation.plan is plan and statement is not None:
            repeated = RepeatedQuery.of(actor, ready, plan, view, asks)
            if repeated is not None:
                self._repeated.keep((key, id(actor)), repeated)
        return ready

    async def _ready_to_refuse(
        self,
        key: Hashable,
        operation: Operation,
        plan: Plan,
        view: View,
        actor: Actor,
        asks: Sequence[Ask],
        values: Mapping[str, Any],
        refused: Sequence[tuple[Numbered, Exception]],
        verified: bool,
    ) -> ReadyQuery:
        """The same where the arguments of a field are refused."""
        (first, error), *others = refused
        if any(field.arguments.node is not first.arguments.node for field, _ in others):
            raise Unplannable("the arguments of several fields are refused")
        refusal = Refusal(frozenset(field.number for field, _ in refused), error)
        told = None
        for root in view.read:
            if getattr(root, "number", None) in refusal.numbers and not root.arguments.nullable:
                # Nothing else is told, so nothing is read.
                told = Failed(None, [failure(refusal.error, root.arguments.nodes, root.key)], verified=True)
        read = view.read if told is None else ()
        statement = await self._statement(key, operation, view, read, actor, asks, verified)
        return ReadyQuery(
            self._core,
            plan.roots,
            view.read_keys,
            statement,
            values,
            not verified,
            plan.finishers(refusal.numbers),
            refusal,
            told,
            searches=_searches(view, asks) if told is None else (),
        )

    async def _statement(
        self,
        key: Hashable,
        operation: Operation,
        view: View,
        read: tuple[Any, ...],
        actor: Actor,
        asks: Sequence[Ask],
        verified: bool,
    ) -> pool.CompiledStatement | None:
        """The statement of root fields; None where there are none and the actor is verified.

        Raises:
            Unplannable: there is none.
        """
        if verified and not read:
            return None
        name = (view.key, verified, bool(read), *[each.asked.shape for each in asks])
        known = operation.things.get(name)
        if known is None:
            asked = {field.number: each.asked for field, each in zip(view.fields, asks, strict=True)}
            made: pool.CompiledStatement | NotCompiled
            try:
                made = await self._compiling.beside((key, name), lambda: self._built(read, actor, asked, verified))
            except Unplannable as why:
                made = NotCompiled(why.reason)
            self._operations.keep(key, operation, name, made)
            known = made
        if isinstance(known, NotCompiled):
            raise Unplannable(known.reason)
        return known

    def _built(
        self, selected: tuple[Any, ...], actor: Actor, asked: Mapping[int, Asked], verified: bool
    ) -> pool.CompiledStatement:
        built: Select[Any] = roots.statement(Builder(self._dialect, with_parameters(actor), asked), selected)
        if not verified:
            built = select(still_authorized(actor), *built.selected_columns)
        try:
            statement = pool.CompiledStatement(built, self._core.db.engine.dialect)
        except ValueError:
            raise Unplannable("the text of the statement depends on its values") from None
        if self._dialect == "sqlite" and nesting_of(statement.sql) > MAX_NESTING:
            raise Unplannable("nested too deep for SQLite")
        return statement


def nesting_of(sql: str) -> int:
    """How deep the brackets of a statement are nested; its texts are punctuation and names in JSON, without any."""
    depth = deepest = 0
    for bracket in _BRACKET.findall(sql):
        depth += 1 if bracket == "(" else -1
        deepest = max(deepest, depth)
    return deepest


def _searches(view: View, asks: Sequence[Ask]) -> tuple[Search, ...]:
    return tuple(
        (field, each.search)
        for field, each in zip(view.fields, asks, strict=True)
        if isinstance(field, Found) and each.search is not None
    )


def _kinds(reader: Reader, given: VariableValues) -> tuple[Prefix, ...]:
    """What kinds of things a field is asked for by global ids; of ids that nothing has none."""
    try:
        arguments = reader.read(given)
    except GraphQLError:
        return ()  # what is wrong with them is told where they are read to be asked
    ids = arguments["ids"] if "ids" in arguments else [arguments["id"]]
    return tuple(sorted({found[0] for each in ids if (found := named_by(each)) is not None}))
