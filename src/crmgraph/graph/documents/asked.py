"""What a filter asks for that came by another way than a request."""

from typing import Any

from graphql import GraphQLInputType, GraphQLNonNull, coerce_input_value
from strawberry.types.arguments import convert_argument

from crmgraph.crm.models import PartyKind
from crmgraph.crm.policy import MODELS
from crmgraph.crm.query.conditions import And, Where
from crmgraph.graph.documents.coercion import faults_of
from crmgraph.graph.schema.bad_input import BadInput
from crmgraph.graph.schema.connections import checked
from crmgraph.graph.schema.criteria import criterion
from crmgraph.graph.schema.filters import AccountFilter, ContactFilter, LeadFilter
from crmgraph.graph.schema.schema import schema

_FILTERS: dict[PartyKind, Any] = {
    PartyKind.CONTACT: ContactFilter,
    PartyKind.ACCOUNT: AccountFilter,
    PartyKind.LEAD: LeadFilter,
}


def where_of(kind: PartyKind, filter_: Any) -> Where:
    """What a filter of records asks of the core.

    Args:
        filter_: in JSON, as the schema's `ContactFilter` and its like have it.

    Raises:
        ValueError: it is none; what is wrong is told as GraphQL tells it, all that is of no type of the schema at once.
    """
    type_ = _FILTERS[kind]
    declared = schema.graphql_core.type_map[type_.__name__]
    assert isinstance(declared, GraphQLInputType)  # noqa: S101 - of the schema, which is our own
    if faults := [
        fault.error.message for fault in faults_of(filter_, GraphQLNonNull(declared), ["filter"], suggest=True)
    ]:
        raise ValueError(" ".join(faults))
    coerced = coerce_input_value(filter_, declared)
    given = convert_argument(coerced, type_, schema.schema_converter.scalar_registry, schema.config)
    try:
        return checked(criterion(MODELS[kind], given, "filter")) or And(())
    except BadInput as error:
        raise ValueError(error.message) from error
