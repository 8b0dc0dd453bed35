"""graphql-core's executor in slices: of a long list the objects for which there is no time are completed later."""

from typing import Any

from graphql import GraphQLObjectType, GraphQLResolveInfo
from graphql.pyutils import AwaitableOrValue, Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from crmgraph.graph.resolvers.slices import Turns


class SlicedExecutor(StrawberryGraphQLCoreExecutionContext):
    """Strawberry's, but that it lets others in between two objects; also between those of the schema itself."""

    def complete_object_value(
        self,
        return_type: GraphQLObjectType,
        field_details_list: Any,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> AwaitableOrValue[dict[str, Any]]:
        turns: Turns = self.context_value.turns
        if not turns.is_over():
            return super().complete_object_value(return_type, field_details_list, info, path, result, position_context)
        return self._completed_later(turns, return_type, field_details_list, info, path, result, position_context)

    async def _completed_later(self, turns: Turns, *of: Any) -> dict[str, Any]:
        await turns.next()
        completed: Any = super().complete_object_value(*of)
        done: dict[str, Any] = await completed if self.is_awaitable(completed) else completed
        return done
