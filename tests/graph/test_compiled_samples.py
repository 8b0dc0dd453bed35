"""The samples of the GraphiQL page are compiled: all queries, and of the mutations those that change a record."""

from typing import Any

import pytest

from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind
from tests.graph.conftest import Caller, Customer, put
from tests.graph.test_changes import first_phone
from tests.graph.test_samples import SAMPLES

RESOLVED = frozenset(
    {
        "Sign up",
        "Log in",
        "Request a password reset",
        "Upload a photo",
        "Create a lead",
        "Upsert a contact",
        "Write contacts in bulk",
        "Convert a lead",
        "Bring back what was deleted",
        "Export contacts",
    }
)
"""The samples that nothing but the resolvers carries out: mutations that do not change one record that is there."""
LOGS = frozenset({"Follow changes", "Changes as they happen", "Who still calls the legacy APIs"})
"""The samples that read a log, by statements of their own."""
COMPILED = [each for each in SAMPLES if each["title"] not in RESOLVED | LOGS]


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


def test_what_is_left_to_the_resolvers_are_mutations() -> None:
    assert {each["title"] for each in SAMPLES} >= RESOLVED | LOGS
    assert all(each["query"].startswith("mutation") for each in SAMPLES if each["title"] in RESOLVED)
