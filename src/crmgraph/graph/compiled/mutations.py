"""Compiled mutations: a mutation that changes one record is carried out by the work that its resolver does, with
arguments that were read ahead. What it selects of the record is printed from memory or, where memory does not hold all
of it, read by one more statement, which is made ready before anything is written.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import orjson
from graphql import GraphQLError

from crmgraph.crm.errors import Refused
from crmgraph.crm.policy import MODELS
from crmgraph.crm.query.authorization import Lapsed, standing_of
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.optimistic import CommitUnknown, revise, revise_unverified
from crmgraph.crm.records.unit_of_work import UnitOfWork
from crmgraph.graph.compiled import kept
from crmgraph.graph.compiled.arguments import Reader
from crmgraph.graph.compiled.kept import Operation
from crmgraph.graph.compiled.outcomes import Failed, NotCompiled, failure
from crmgraph.graph.compiled.printing import Print, lists_of, printer, warnings_printer
from crmgraph.graph.compiled.queries import CompiledQueries
from crmgraph.graph.compiled.ready import ReadyQuery, Told
from crmgraph.graph.compiled.roots import CHANGED
from crmgraph.graph.compiled.selection import Selector, switches
from crmgraph.graph.compiled.tree import Change, Changed, Typename, Unplannable
from crmgraph.graph.documents.preparation import PreparedOperation
from crmgraph.graph.resolvers.context import Context
from crmgraph.graph.schema.bad_input import BadInput
from crmgraph.graph.schema.root_fields import Changes, declaration_of
from crmgraph.graph.schema.schema import Schema
from crmgraph.recent import Recent

PLAN_BYTES = 16 * 2**20
"""What the plans that are remembered may take together, in bytes; each is reckoned as twice its document."""
KEPT_SWITCHES = 1_000
"""Of how many operations it is remembered which variables switch something on and off."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is known of one operation.

    Attributes:
        parts: the lists of the record that are printed.
        fields: what is told of each field of the payload.
        reads: what reads the records among them that memory does not print; None where it prints all.
        size: what the plan takes, in bytes.
    """

    change: Change
    declared: Changes
    reader: Reader
    parts: frozenset[str]
    fields: tuple[tuple[str, Print | str | None], ...]
    """(response key, what prints the record or the warnings, or a type's name; None of what is read)."""
    reads: "Reads | None"
    size: int

    def printed(self, aggregate: Aggregate, context: Context, read: Mapping[str, Any]) -> dict[str, Any]:
        """The `data` of the mutation.

        Args:
            read: by their response keys, the fields that were read.
        """
        row = aggregate.record
        payload = {
            key: of(row, aggregate, context) if callable(of) else read[key] if of is None else of
            for key, of in self.fields
        }
        return {self.change.key: payload}


@dataclass(frozen=True, slots=True)
class Reads:
    """What reads a record after its change.

    Attributes:
        key: names the operation.
        operation: keeps the statements.
    """

    key: Hashable
    operation: Operation
    plan: kept.Plan


@dataclass(frozen=True, slots=True)
class ReadyMutation:
    """A mutation with its input.

    Attributes:
        verifies: whether the statement that writes verifies the actor as well.
        query: reads what memory does not print.
    """

    plan: Plan
    given: object
    verifies: bool
    query: ReadyQuery | None

    async def run(self, context: Context, *, verified: bool) -> bytes | Lapsed | Refused | Failed:
        """Carry it out, once.

        Returns:
            The `data` of the mutation as JSON; or why there is none. What is refused has written nothing.
        """
        plan, db = self.plan, context.core.db

        async def work(unit: UnitOfWork) -> Aggregate:
            changed: Aggregate = await plan.declared.work(unit, context, self.given, parts=plan.parts)
            return changed

        written = False
        try:
            done = await (revise(db, work) if verified else revise_unverified(db, work, standing_of(context.actor)))
            if done is Lapsed.LAPSED:
                return done
            written = True
            if self.query is None:
                return orjson.dumps(plan.printed(done, context, {}))
            return await self._read(self.query, done, context)
        except Refused as refused:
            return refused
        except Exception as error:
            # What nobody knows of whether it was written is told; else nothing was, and the actor may have changed.
            told = verified or written or isinstance(error, CommitUnknown)
            return Failed(None, [failure(error, plan.change.arguments.nodes, plan.change.key)], told)

    async def _read(self, query: ReadyQuery, done: Aggregate, context: Context) -> bytes | Failed:
        found = await query.read_by(context, {CHANGED: done.id})
        if isinstance(found, Told):
            read, errors = found.fragments(), found.errors
        elif isinstance(found, Failed) and found.data is not None:
            read, errors = found.data, found.errors
        else:
            raise RuntimeError("the fields of a payload may be null, and nobody is to be verified")
        data = self.plan.printed(done, context, read)
        return Failed(data, errors, verified=True) if errors else orjson.dumps(data)


class CompiledMutations:
    """Compiles mutations that change one record.

    Args:
        schema: where the declarations are.
        queries: make what reads a record after its change.
        one_statement: whether the database writes to several tables by one statement, which verifies the actor.
    """

    def __init__(self, schema: Schema, queries: CompiledQueries, *, one_statement: bool) -> None:
        self._schema = schema
        self._queries = queries
        self._one_statement = one_statement
        self._plans: Recent[Hashable, Plan | NotCompiled] = Recent(PLAN_BYTES, attrgetter("size"))
        self._switches: Recent[Hashable, tuple[str, ...]] = Recent(KEPT_SWITCHES)
        mutation = schema.graphql_core.mutation_type
        fields = {} if mutation is None else mutation.fields
        self._changes: Mapping[str, Changes] = {
            name: changes for name, field in fields.items() if (changes := declaration_of(field).changes) is not None
        }

    async def choose(
        self, prepared: PreparedOperation, context: Context, *, verified: bool
    ) -> ReadyMutation | NotCompiled:
        """What carries a mutation out; or why only the resolvers can.

        Args:
            verified: the actor has been verified.
        """
        if context.actor.role is None:
            return NotCompiled("nobody is signed in")
        plan = self._plan(prepared)
        if isinstance(plan, NotCompiled):
            return plan
        try:
            (given,) = plan.reader.read(prepared.values).values()
            query = await self._query(plan, prepared, context)
        except (BadInput, GraphQLError):
            return NotCompiled("an argument is refused")
        except Unplannable as why:
            return NotCompiled(why.reason)
        return ReadyMutation(plan, given, not verified and self._one_statement, query)

    async def _query(self, plan: Plan, prepared: PreparedOperation, context: Context) -> ReadyQuery | None:
        reads = plan.reads
        if reads is None:
            return None
        query = await self._queries.ready_after(reads.key, reads.operation, reads.plan, prepared.values, context)
        query.under = (None, plan.change.key)
        return query

    def _plan(self, prepared: PreparedOperation) -> Plan | NotCompiled:
        operation = (prepared.document.digest, prepared.operation.name)
        names = self._switches.get(operation)
        if names is None:
            try:
                names = switches(prepared.operation.definition, prepared.document.fragments)
            except Unplannable as why:
                return NotCompiled(why.reason)
            self._switches.keep(operation, names)
        switched = {name: prepared.values.coerced.get(name) for name in names}
        if None in switched.values():
            return NotCompiled("a variable of @include or @skip has no value")
        key = (*operation, *switched.values())
        known = self._plans.get(key)
        if known is not None:
            return known
        plan: Plan | NotCompiled
        try:
            plan = self._made(key, prepared, switched)
        except Unplannable as why:
            plan = NotCompiled(why.reason)
        self._plans.keep(key, plan)
        return plan

    def _made(self, key: Hashable, prepared: PreparedOperation, switched: Mapping[str, Any]) -> Plan:
        fragments = prepared.document.fragments
        selector = Selector(self._schema.graphql_core, fragments, switched, {})
        change = selector.change(prepared.operation.definition, self._changes)
        declared = self._changes[change.name]
        fields: list[tuple[str, Print | str | None]] = []
        parts: set[str] = set()
        read: list[Changed] = []
        for field in change.fields:
            if isinstance(field, Typename):
                fields.append((field.key, field.name))
            elif field.tree is None:
                fields.append((field.key, warnings_printer(field.warning)))
            else:
                try:
                    fields.append((field.key, printer(MODELS[declared.kind], field.tree)))
                    parts |= lists_of(field.tree)
                except Unplannable:
                    fields.append((field.key, None))
                    read.append(Changed(field.key, declared.kind, field.arguments, field.tree))
        reads = None
        if read:
            operation = Operation(prepared.operation.definition, fragments, (), {}, prepared.document.size)
            reads = Reads(("changed", key), operation, kept.Plan(tuple(read), self._schema))
        reader, size = Reader(change.arguments, self._schema), 2 * prepared.document.size
        return Plan(change, declared, reader, frozenset(parts), tuple(fields), reads, size)
