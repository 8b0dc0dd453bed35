"""What a filter asks for that came by another way than a request."""

from typing import Any

from graphql import GraphQLInputType, coerce_input_value, validate_input_value
from strawberry.types.arguments import convert_argument

from crmgraph.crm.models import PartyKind
from crmgraph.crm.policy import MODELS
from crmgraph.crm.query.conditions import Where
from crmgraph.graph.schema.bad_input import BadInput
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
        ValueError: it is none.
    """
    type_ = _FILTERS[kind]
    declared = schema.graphql_core.type_map[type_.__name__]
    assert isinstance(declared, GraphQLInputType)  # noqa: S101 - of the schema, which is our own
    faults: list[str] = []
    validate_input_value(filter_, declared, lambda error, path: faults.append(error.message), hide_suggestions=True)
    if faults:
        raise ValueError("; ".join(faults))
    coerced = coerce_input_value(filter_, declared)
    given = convert_argument(coerced, type_, schema.schema_converter.scalar_registry, schema.config)
    try:
        return criterion(MODELS[kind], given, "filter")
    except BadInput as error:
        raise ValueError(str(error)) from error
