"""Compiled mutations: a mutation that changes one record is carried out by the function that its resolver calls, with
arguments that were read ahead, and what it selects of the record is printed from memory."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import orjson
import strawberry
from graphql import GraphQLError

from crmgraph.cache import Kept
from crmgraph.crm.errors import Refused
from crmgraph.crm.models import PartyKind
from crmgraph.crm.policy import MODELS
from crmgraph.crm.records.optimistic import CommitUnknown
from crmgraph.crm.records.parties import Aggregate
from crmgraph.graph.compiled.arguments import Reader
from crmgraph.graph.compiled.printing import Print, lists_of, printer
from crmgraph.graph.compiled.queries import UNPLANNED_BYTES, name_of
from crmgraph.graph.compiled.selection import Change, Selector, Typename, Unplannable, switches
from crmgraph.graph.resolvers.context import Context
from crmgraph.graph.schema.errors import BadInput
from crmgraph.graph.schema.mutations import profile, records

if TYPE_CHECKING:
    from crmgraph.graph.execution.engine import PreparedOperation

PLAN_BYTES = 16 * 2**20
"""What the plans that are remembered may take together, in bytes; each is reckoned as twice its document."""

CHANGES: dict[str, tuple[PartyKind, Callable[..., Awaitable[Aggregate]]]] = {
    "updateContact": (PartyKind.CONTACT, partial(records.update, PartyKind.CONTACT)),
    "updateAccount": (PartyKind.ACCOUNT, partial(records.update, PartyKind.ACCOUNT)),
    "updateLead": (PartyKind.LEAD, partial(records.update, PartyKind.LEAD)),
    "updateProfile": (PartyKind.CONTACT, profile.update_profile),
}
"""{field of `Mutation`: (the kind of record that it changes, what carries it out)}."""


class Failed(Exception):
    """A change that ended in a fault of ours or of the database, so that it must not be tried again.

    Args:
        error: as the executor would tell it.
    """

    def __init__(self, error: GraphQLError) -> None:
        super().__init__(error)
        self.error = error


@dataclass(frozen=True, slots=True)
class Plan:
    """What is known of one operation.

    Attributes:
        parts: the lists of the record that are printed.
        fields: what is told of each field of the payload.
    """

    change: Change
    carry_out: Callable[..., Awaitable[Aggregate]]
    reader: Reader
    parts: frozenset[str]
    fields: tuple[tuple[str, Print | str | None], ...]
    """(response key, what prints the record, a type's name, or None for the errors, of which there are none)."""


class CompiledMutations:
    """Carries out operations that change one record.

    Args:
        schema: where the declarations are.
    """

    def __init__(self, schema: strawberry.Schema) -> None:
        self._schema = schema
        self._plans: Kept[Plan | Literal["none"]] = Kept(PLAN_BYTES)

    async def answer(self, prepared: "PreparedOperation", context: Context, *, known: bool) -> bytes | None:
        """The `data` of a mutation as JSON; None when the resolvers have to answer, and then nothing was written.

        Args:
            known: the actor is who they were a moment ago, which is made sure of before anything is written or told.

        Raises:
            Failed: nobody knows whether it was written.
        """
        if context.actor.role is None:
            return None
        try:
            plan = self._plan(prepared)
            if plan is None:
                return None
            (given,) = plan.reader.read(prepared.values).values()
        except (BadInput, GraphQLError):
            return None
        written = False
        try:
            aggregate = await plan.carry_out(context, given, parts=plan.parts, known=known)
            written = True
            row, actor = aggregate.record, context.actor
            payload = {
                key: of(row, aggregate, actor) if callable(of) else [] if of is None else of for key, of in plan.fields
            }
            return orjson.dumps({plan.change.key: payload})
        except Refused:
            return None
        except Exception as error:
            if known and not written and not isinstance(error, CommitUnknown):
                # Nothing was written, and nobody has made sure yet who may be told what went wrong.
                return None
            located = GraphQLError(str(error), plan.change.arguments.node, path=[plan.change.key], original_error=error)
            raise Failed(located) from error

    def _plan(self, prepared: "PreparedOperation") -> Plan | None:
        key = (prepared.document.digest, name_of(prepared.operation))
        known = self._plans.get(key)
        if known is not None:
            return None if known == "none" else known
        plan, size = None, UNPLANNED_BYTES
        with suppress(Unplannable):
            plan = self._made(prepared)
            size = 2 * prepared.document.size
        self._plans.put(key, plan or "none", size)
        return plan

    def _made(self, prepared: "PreparedOperation") -> Plan:
        fragments = prepared.document.fragments
        if switches(prepared.operation, fragments):
            raise Unplannable("switches")
        change = Selector(self._schema._schema, fragments, {}, {}).change(prepared.operation, CHANGES)
        kind, carry_out = CHANGES[change.name]
        fields: list[tuple[str, Print | str | None]] = []
        parts: set[str] = set()
        for field in change.fields:
            if isinstance(field, Typename):
                fields.append((field.key, field.name))
            elif field.tree is None:
                fields.append((field.key, None))
            else:
                parts |= lists_of(field.tree)
                fields.append((field.key, printer(MODELS[kind], field.tree)))
        return Plan(change, carry_out, Reader(change.arguments, self._schema), frozenset(parts), tuple(fields))
