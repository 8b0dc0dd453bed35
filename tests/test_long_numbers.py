"""A number of any length, wherever a dialect takes a value, is told in the door's own words or kept as text."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from crmgraph.registry import DIALECTS, Dialect
from tests.conftest import Running
from tests.dialects.zoho.conftest import Program
from tests.fuzz.envelopes import check
from tests.openapi.calls import Example, examples, secrets_of, sent

DIGITS = "9" * 5_000
"""More than Python makes a number of."""
NUMBERS = (DIGITS, 10**300, 10**400)
"""What stands in bodies: a text, a number that only a float holds, and one that nothing holds."""

pytestmark = pytest.mark.parametrize("demo_database", ["sqlite"], indirect=True)


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where single values stand in a document."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*above, key))
    else:
        yield above


def with_numbers(example: Example) -> Iterator[tuple[str, Example]]:
    """The request of an example with a number in the place of each of its values in turn."""
    for place in places(example.operation):
        match place:
            case ("parameters", n, "example"):
                name, numbers = example.operation["parameters"][n]["name"], NUMBERS[:1]
            case ("requestBody", "content", _, "example", *rest):
                name, numbers = ".".join(map(str, rest)), NUMBERS
            case _:
                continue
        for number in numbers:
            operation = inner = copy.deepcopy(dict(example.operation))
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = number
            yield name, Example(example.method, example.path, operation)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
async def test_no_number_is_too_long_for_the_words_of_the_door(demo: Running, dialect: Dialect) -> None:
    keys, words = await secrets_of(demo, dialect.name)
    asked = 0
    for example in examples(dialect.implementation.openapi()):
        for name, changed in with_numbers(example):
            answer = await sent(demo, dialect.name, changed, keys, words)
            demo.client.cookies.clear()
            check(dialect.name, changed.method, answer)
            assert "integer string conversion" not in answer.text, (example.name, name)
            asked += 1
    assert asked > 50


@pytest.fixture
def zoho(demo: Running) -> Program:
    return Program(demo, demo.credentials["zoho"]["access_token"])


async def test_criteria_with_such_a_number_are_refused_or_find_nobody(zoho: Program) -> None:
    for criteria in (
        "(Annual_Revenue:greater_than:{})",
        "(No_of_Employees:equals:{})",
        "(Annual_Revenue:between:{},{})",
        "(No_of_Employees:in:1,{})",
        "(Created_Time:greater_than:{})",
        "(Custom:less_than:{})",
        "(id:equals:{})",
    ):
        for number in (DIGITS, f"-{DIGITS}", f"0.{DIGITS}", f"{DIGITS}.5", f"1e{DIGITS}", "1e9999"):
            answer = await zoho.send("GET", f"/Leads/search?criteria={criteria.replace('{}', number)}")
            if answer.status_code != 204:
                assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_QUERY"), (criteria, answer.text)


async def test_a_header_with_such_a_number_is_passed_over(zoho: Program) -> None:
    everybody = await zoho.names("/Leads")
    for value in (DIGITS, f"Mon, {DIGITS} Jan 2020 00:00:00 GMT", f"{DIGITS}-01-01T00:00:00Z"):
        answer = await zoho.send("GET", "/Leads", headers={"If-Modified-Since": value})
        assert [lead["Last_Name"] for lead in answer.json()["data"]] == everybody
