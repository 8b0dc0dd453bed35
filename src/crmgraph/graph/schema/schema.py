"""The schema, put together."""

from typing import Annotated, Any

import strawberry
from graphql import GraphQLInputObjectType, GraphQLSchema
from strawberry.directive import DirectiveLocation, DirectiveValue
from strawberry.schema.config import StrawberryConfig

from crmgraph.graph.schema import user_errors
from crmgraph.graph.schema.mutations.duplicates import DuplicateMutations
from crmgraph.graph.schema.mutations.identity import IdentityMutations
from crmgraph.graph.schema.mutations.imports import ImportMutations
from crmgraph.graph.schema.mutations.jobs import JobMutations
from crmgraph.graph.schema.mutations.merges import MergeMutations
from crmgraph.graph.schema.mutations.notes import NoteMutations
from crmgraph.graph.schema.mutations.profile import ProfileMutations
from crmgraph.graph.schema.mutations.records import RecordMutations
from crmgraph.graph.schema.mutations.sets import SetMutations
from crmgraph.graph.schema.mutations.trash import TrashMutations
from crmgraph.graph.schema.queries import Query
from crmgraph.graph.schema.scalars import SCALARS
from crmgraph.graph.schema.subscriptions import Subscription


@strawberry.type(description="What can be done. Each answers what it did, or in `userErrors` why not.")
class Mutation(
    IdentityMutations,
    ProfileMutations,
    RecordMutations,
    SetMutations,
    MergeMutations,
    DuplicateMutations,
    TrashMutations,
    NoteMutations,
    JobMutations,
    ImportMutations,
):
    pass


@strawberry.directive(
    locations=[DirectiveLocation.FIELD],
    name="idempotent",
    description="Of the only field of a mutation: the same key again gives the same answer for a day, and writes "
    "nothing; with another input it is refused (CONFLICTING). The header `Idempotency-Key` says the same.",
)
def idempotent(
    value: DirectiveValue[Any],
    key: Annotated[str, strawberry.argument(description="A text of one's own, 255 characters at most.")],
) -> Any:
    """Nothing of the field's own: the edge reads it, see `graph/edge/keys.py`."""
    return value


class Schema(strawberry.Schema):
    """A schema that also shows its other form."""

    @property
    def graphql_core(self) -> GraphQLSchema:
        """The same in the classes of graphql-core; Strawberry has no public name for it."""
        return self._schema


schema = Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=user_errors.TYPES,
    directives=[idempotent],
    config=StrawberryConfig(scalar_map=SCALARS),
)
for _type in schema.graphql_core.type_map.values():
    # Strawberry keeps to itself which inputs take one field, and the rules of graphql-core look there.
    if isinstance(_type, GraphQLInputObjectType):
        _type.is_one_of = _type.extensions["strawberry-definition"].is_one_of


def sdl() -> str:
    """The schema in the schema definition language, as it stands in `schema.graphql`."""
    return schema.as_str() + "\n"
