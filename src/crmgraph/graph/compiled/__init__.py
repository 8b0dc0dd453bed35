"""The compiled executor: a document whose fields are plain is compiled once, and one statement answers it from then on.

The schema is Strawberry's and stays the truth: its declarations say which column or relation a field reads, and its
resolvers and loaders answer whatever is not planned. `selection` turns a document into a tree of declared fields, or
says why it cannot; `statement` turns the tree into one SQL statement that writes the answer's JSON; `queries` keeps
both and binds the values of a request to them. `mutations` carries out those that change a record, and `printing` says
what became of it. Both executors give the same bytes.
"""

from crmgraph.crm.core import Core
from crmgraph.crm.policy import Actor
from crmgraph.graph.compiled.mutations import CompiledMutations, ReadyMutation
from crmgraph.graph.compiled.outcomes import Failed, NotCompiled
from crmgraph.graph.compiled.queries import CompiledQueries
from crmgraph.graph.compiled.ready import ReadyQuery
from crmgraph.graph.compiled.repeated import Again
from crmgraph.graph.documents.preparation import PreparedOperation
from crmgraph.graph.resolvers.context import Context
from crmgraph.graph.schema.schema import schema


class Compiled:
    """Compiles queries and mutations of the schema, where they are plain."""

    def __init__(self, core: Core) -> None:
        self._queries = CompiledQueries(schema, core)
        self._mutations = CompiledMutations(schema, self._queries, one_statement=not core.db.is_sqlite)

    def known(self, prepared: PreparedOperation, actor: Actor) -> Again | None:
        """What answers a query that this actor, who is not verified, has asked before; None of anything else, see
        `choose`."""
        return self._queries.known(prepared, actor) if prepared.operation.is_query else None

    async def choose(
        self, prepared: PreparedOperation, context: Context, *, verified: bool
    ) -> ReadyQuery | ReadyMutation | NotCompiled:
        """What answers an operation without resolvers; or why they have to. Nothing is run yet.

        Args:
            verified: whether the actor has been verified; else what is chosen does so, where it `verifies`.
        """
        of = self._queries if prepared.operation.is_query else self._mutations
        return await of.choose(prepared, context, verified=verified)


__all__ = ["Again", "Compiled", "Failed", "NotCompiled", "ReadyMutation", "ReadyQuery"]
