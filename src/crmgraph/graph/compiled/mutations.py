"""Compiled mutations: a mutation that changes one record is carried out by the work that its resolver does, with
arguments that were read ahead, and what it selects of the record is printed from memory."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from operator import attrgetter

import orjson
from cachetools import LRUCache
from graphql import GraphQLError

from crmgraph.crm.errors import Refused
from crmgraph.crm.policy import MODELS
from crmgraph.crm.query.authorization import Lapsed
from crmgraph.crm.records.aggregates import Aggregate
from crmgraph.crm.records.optimistic import CommitUnknown, revise, revise_unverified
from crmgraph.crm.records.unit_of_work import UnitOfWork
from crmgraph.graph.compiled.arguments import Reader
from crmgraph.graph.compiled.outcomes import Failed, NotCompiled, failure
from crmgraph.graph.compiled.printing import Print, lists_of, printer, warnings_printer
from crmgraph.graph.compiled.queries import name_of
from crmgraph.graph.compiled.selection import Selector, switches
from crmgraph.graph.compiled.tree import Change, Typename, Unplannable
from crmgraph.graph.documents.preparation import PreparedOperation
from crmgraph.graph.resolvers.context import Context
from crmgraph.graph.schema.bad_input import BadInput
from crmgraph.graph.schema.root_fields import Changes, declaration_of
from crmgraph.graph.schema.schema import Schema

PLAN_BYTES = 16 * 2**20
"""What the plans that are remembered may take together, in bytes; each is reckoned as twice its document."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is known of one operation.

    Attributes:
        parts: the lists of the record that are printed.
        fields: what is told of each field of the payload.
        size: what the plan takes, in bytes.
    """

    change: Change
    declared: Changes
    reader: Reader
    parts: frozenset[str]
    fields: tuple[tuple[str, Print | str], ...]
    """(response key, what prints the record or the warnings, or a type's name)."""
    size: int

    def printed(self, aggregate: Aggregate, context: Context) -> bytes:
        """The `data` of the mutation as JSON."""
        row = aggregate.record
        payload = {key: of(row, aggregate, context) if callable(of) else of for key, of in self.fields}
        return orjson.dumps({self.change.key: payload})


@dataclass(frozen=True, slots=True)
class ReadyMutation:
    """A mutation with its input.

    Attributes:
        verifies: whether the statement that writes verifies the actor as well.
    """

    plan: Plan
    given: object
    verifies: bool

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
            done = await (revise(db, work) if verified else revise_unverified(db, work, context.actor))
            if done is Lapsed.LAPSED:
                return done
            written = True
            return plan.printed(done, context)
        except Refused as refused:
            return refused
        except Exception as error:
            # What nobody knows of whether it was written is told; else nothing was, and the actor may have changed.
            told = verified or written or isinstance(error, CommitUnknown)
            return Failed(None, [failure(error, plan.change.arguments.nodes, plan.change.key)], told)


class CompiledMutations:
    """Compiles mutations that change one record.

    Args:
        schema: where the declarations are.
        one_statement: whether the database writes to several tables by one statement, which verifies the actor.
    """

    def __init__(self, schema: Schema, *, one_statement: bool) -> None:
        self._schema = schema
        self._one_statement = one_statement
        self._plans: LRUCache[Hashable, Plan | NotCompiled] = LRUCache(PLAN_BYTES, attrgetter("size"))
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
        except (BadInput, GraphQLError):
            return NotCompiled("an argument is refused")
        return ReadyMutation(plan, given, verifies=not verified and self._one_statement)

    def _plan(self, prepared: PreparedOperation) -> Plan | NotCompiled:
        key = (prepared.document.digest, name_of(prepared.operation))
        known = self._plans.get(key)
        if known is not None:
            return known
        plan: Plan | NotCompiled
        try:
            plan = self._made(prepared)
        except Unplannable as why:
            plan = NotCompiled(why.reason)
        self._plans[key] = plan
        return plan

    def _made(self, prepared: PreparedOperation) -> Plan:
        fragments = prepared.document.fragments
        if switches(prepared.operation, fragments):
            raise Unplannable("a mutation with a variable of @include or @skip")
        change = Selector(self._schema.graphql_core, fragments, {}, {}).change(prepared.operation, self._changes)
        declared = self._changes[change.name]
        fields: list[tuple[str, Print | str]] = []
        parts: set[str] = set()
        for field in change.fields:
            if isinstance(field, Typename):
                fields.append((field.key, field.name))
            elif field.tree is None:
                fields.append((field.key, warnings_printer(field.warning)))
            else:
                parts |= lists_of(field.tree)
                fields.append((field.key, printer(MODELS[declared.kind], field.tree)))
        reader, size = Reader(change.arguments, self._schema), 2 * prepared.document.size
        return Plan(change, declared, reader, frozenset(parts), tuple(fields), size)
