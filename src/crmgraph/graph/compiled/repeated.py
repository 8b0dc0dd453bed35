"""Queries that an actor asks again: everything of their statement is bound but what each request brings anew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from crmgraph.crm.models import now
from crmgraph.crm.policy import Actor
from crmgraph.crm.query.authorization import MOMENT, Lapsed
from crmgraph.db.pool import Bound, CompiledStatement
from crmgraph.graph.compiled.asking import BY_ID, Ask, IdAsk
from crmgraph.graph.compiled.kept import Plan, View
from crmgraph.graph.compiled.outcomes import Failed
from crmgraph.graph.compiled.ready import ReadyQuery
from crmgraph.graph.compiled.statement import PLACEHOLDER
from crmgraph.graph.compiled.tree import Typename
from crmgraph.graph.resolvers.context import Context
from crmgraph.graph.schema.ids import number_of

_PLACEHOLDER = PLACEHOLDER.encode()


REPEATED_BYTES = 16 * 2**20
"""What is kept of them may take together, in bytes, each with the whole of its statement."""


class RepeatedQuery:
    """A query as it was first made ready for an actor who is verified by its statement.

    Args:
        actor: is kept here, so that no other comes to its place in memory.
        ids: of the fields that name a record by the id that a variable is.
    """

    def __init__(self, actor: Actor, ready: ReadyQuery, statement: CompiledStatement, ids: tuple[IdAsk, ...]) -> None:
        self.ready = ready
        self.frame = None if ready.finishers else _frame(ready)
        self._actor = actor
        self._ids = ids
        self._bound = Bound(statement, ready.values, {MOMENT, *(each.parameter for each in ids)})
        self.size = 2 * statement.size

    @staticmethod
    def of(actor: Actor, ready: ReadyQuery, plan: Plan, view: View, asks: Sequence[Ask]) -> "RepeatedQuery | None":
        """The query, if its fields ask the same each time but for ids in variables; None of any other."""
        ids = []
        for field, asked in zip(view.fields, asks, strict=True):
            by_id = plan.by_id.get(field.number)
            if by_id is not None and asked.asked.shape == BY_ID:
                ids.append(by_id)
            elif field.number not in plan.asks:
                return None
        if ready.statement is None or ready.searches:
            return None
        return RepeatedQuery(actor, ready, ready.statement, tuple(ids))

    def again(self, variables: Mapping[str, Any]) -> "Again | None":
        """What answers one more request; None where a variable is no text.

        Args:
            variables: their values.
        """
        given: dict[str, Any] = {MOMENT: now()}
        for each in self._ids:
            text = variables.get(each.variable)
            if type(text) is not str:
                return None
            given[each.parameter] = number_of(each.prefix, text)
        return Again(self, self._bound.values(given))


@dataclass(slots=True)
class Again:
    """One more time that a query is asked. It answers as its `ReadyQuery` would.

    Attributes:
        values: of the statement's parameters, as the driver takes them.
    """

    query: RepeatedQuery
    values: list[Any]
    verifies: ClassVar[bool] = True

    async def run(self, context: Context, *, verified: bool) -> bytes | Lapsed | Failed:
        """The `data` of the query as JSON, or why there is none."""
        ready, frame = self.query.ready, self.query.frame
        row = await ready.row(self.values)
        if isinstance(row, Failed):
            return row
        if frame is None or not row[0] or _PLACEHOLDER in row:
            return ready.whole(await ready.told(row, context))
        return frame % row[1:]


def _frame(ready: ReadyQuery) -> bytes:
    """The `data` of a query, with `%b` in the place of each of its statement's columns."""
    members = []
    for root in ready.roots:
        column = "%b" if root.key in ready.read else "null"
        value = f'"{root.name}"' if isinstance(root, Typename) else column
        members.append(f'"{root.key}":{value}')
    return f"{{{','.join(members)}}}".encode()
