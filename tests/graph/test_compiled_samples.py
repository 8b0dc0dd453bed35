"""The samples of the GraphiQL page are compiled: all queries, and of the mutations those that change a record."""

from typing import Any

import pytest
from graphql import FieldNode, OperationDefinitionNode, parse

from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind
from crmgraph.graph.schema.root_fields import declaration_of
from crmgraph.graph.schema.schema import schema
from tests.graph.conftest import Caller, Customer, put
from tests.graph.test_changes import first_phone
from tests.graph.test_samples import SAMPLES

RESOLVED = frozenset({"legacyUsage", "changes", "duplicates", "upstreams", "divergences"})
"""The queries that nothing but the resolvers answers: what they read is no record of the tables."""


def roots(sample: dict[str, Any]) -> set[str]:
    """The root fields of a sample."""
    (operation,) = parse(sample["query"]).definitions
    assert isinstance(operation, OperationDefinitionNode)
    return {each.name.value for each in operation.selection_set.selections if isinstance(each, FieldNode)}


def is_compiled(sample: dict[str, Any]) -> bool:
    """Whether it has to be: a query, or a change of one record that is there."""
    mutations = schema.graphql_core.mutation_type
    assert mutations is not None
    if sample["query"].startswith("subscription"):
        return False
    if sample["query"].startswith("mutation"):
        return all(declaration_of(mutations.fields[name]).changes is not None for name in roots(sample))
    return not roots(sample) & RESOLVED


COMPILED = [each for each in SAMPLES if is_compiled(each)]


def filled(value: Any, ids: dict[str, str]) -> Any:
    """The variables of a sample, with the ids of records that there are."""
    if not isinstance(value, dict):
        return value
    return {key: ids[key] if each == "" else filled(each, ids) for key, each in value.items()}


@pytest.mark.parametrize("sample", COMPILED, ids=[f"{each['group']} {each['title']}" for each in COMPILED])
async def test_a_sample_is_compiled(agent: Caller, customer: Customer, core: Core, sample: dict[str, Any]) -> None:
    phones = [{"kind": "MOBILE", "raw": "0151 1"}]
    (contact,) = await put(core, PartyKind.CONTACT, {"last_name": "Ray", "phones": phones})
    phone = await first_phone(agent, f"con_{contact}")
    caller = agent if sample["group"] == "staff" else customer
    variables = filled(sample["variables"], {"id": f"con_{contact}", "phone": phone})
    answer = (await caller.post(sample["query"], variables, **{"graphql-cost": "1"})).json()
    assert answer["extensions"]["executor"] == "compiled", answer


def test_most_samples_are_compiled() -> None:
    queries = [each for each in SAMPLES if each["query"].startswith("query")]
    assert len([each for each in queries if each in COMPILED]) >= len(queries) - len(RESOLVED)
    assert {each["title"] for each in COMPILED if each not in queries} == {"Update the profile", "Update a contact"}
