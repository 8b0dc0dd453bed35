"""A text of which nothing is to be seen is no value: no name, no number, nobody's title."""

import pytest

from tests.graph.conftest import Caller

CREATE = """mutation($i: CreateContactInput!) { createContact(input: $i) {
  contact { jobTitle } userErrors { code path } } }"""
ACCOUNT = "mutation($i: CreateAccountInput!) { createAccount(input: $i) { userErrors { code path } } }"


@pytest.mark.parametrize(
    "blank",
    [" ", "\t", "\u00a0", "\u3000", "\u200b", "\u2800", "\u3164", "\u00ad", "\ufeff", " \u200d\u2060 ", "\u202e"],
)
async def test_what_shows_nothing_is_no_name_and_no_number(agent: Caller, blank: str) -> None:
    for given, field in (({"lastName": blank}, "lastName"), ({"lastName": "x", "number": blank}, "number")):
        refused = (await agent(CREATE, i=given))["createContact"]["userErrors"]
        assert refused == [{"code": "REQUIRED", "path": ["input", field]}]
    refused = (await agent(ACCOUNT, i={"name": blank}))["createAccount"]["userErrors"]
    assert refused == [{"code": "REQUIRED", "path": ["input", "name"]}]
    made = (await agent(CREATE, i={"lastName": "x", "jobTitle": blank}))["createContact"]
    assert made == {"contact": {"jobTitle": None}, "userErrors": []}


@pytest.mark.parametrize("name", ["می\u200cخواهم", "क्\u200dष", "\u200fאב", "👩\u200d🔬", "\ufeffx"])
async def test_what_shows_something_is_kept_as_it_came(agent: Caller, name: str) -> None:
    made = (await agent(CREATE, i={"lastName": name, "jobTitle": name}))["createContact"]
    assert made == {"contact": {"jobTitle": name}, "userErrors": []}
