"""What a request may make long has a bound, looked at before anything is made of it."""

import json
import time
from typing import Any

import httpx
import pytest

from crmgraph.graph.documents.limits import MAX_DIGITS, MAX_LISTED, MAX_LISTED_OBJECTS
from crmgraph.graph.edge.requests import MAX_FILE_PATHS
from crmgraph.graph.edge.variables import MAX_CHARACTERS, MAX_ITEMS, MAX_LEVELS, MAX_OBJECTS, MAX_VALUES, excess_of
from crmgraph.graph.schema.filters import MAX_SORTS
from crmgraph.http.reading import MAX_VALUES as MAX_JSON_VALUES
from tests.graph.conftest import Caller

CONTACTS = "query($f: ContactFilter) { contacts(filter: $f) { nodes { id } } }"
SORTED = "query($s: [ContactSort!]) { contacts(sort: $s) { nodes { id } } }"
SIGNUP = "mutation($i: SignupInput!) { signup(input: $i) { userErrors { code } } }"


def nested(levels: int) -> Any:
    value: Any = "innermost"
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("allowed", "refused", "words"),
    [
        (nested(MAX_LEVELS), nested(MAX_LEVELS + 1), "`variables` is nested deeper than 64."),
        (["a"] * MAX_ITEMS, ["a"] * (MAX_ITEMS + 1), "`variables.v` has a list of 1,001 items, and 1,000 is the most."),
        ([{}] * MAX_OBJECTS, [{}] * (MAX_OBJECTS + 1), "`variables.v` has a list of 101 objects, and 100 is the most."),
        ([[]] * MAX_OBJECTS, [[]] * (MAX_OBJECTS + 1), "`variables.v` has a list of 101 objects, and 100 is the most."),
        (
            {"deep": ["a"] * 100 + [{}] * 0},
            {"deep": ["a"] * 100 + [{}]},
            "`variables.v.deep` has a list of 101 objects, and 100 is the most.",
        ),
        (
            dict.fromkeys(map(str, range(MAX_VALUES - 1))),
            dict.fromkeys(map(str, range(MAX_VALUES))),
            "`variables` hold more than 5,000 values in all.",
        ),
        (
            [["a"] * 49] * 99 + [["a"] * 48],
            [["a"] * 49] * 99 + [["a"] * 50],
            "`variables` hold more than 5,000 values in all.",
        ),
        (
            "ü" * MAX_CHARACTERS,
            "ü" * (MAX_CHARACTERS + 1),
            "`variables.v` has a text of 100,001 characters, and 100,000 is the most.",
        ),
    ],
)
def test_variables_are_taken_up_to_each_bound_and_not_beyond(allowed: Any, refused: Any, words: str) -> None:
    assert excess_of({"v": allowed}) is None
    for variables in ({"v": refused}, {"first": 1, "v": refused}):
        excess = excess_of(variables)
        assert excess is not None
        assert excess.message == words
        assert excess.facts["reason"] in ("TOO_LARGE", "TOO_LONG")
        assert excess.facts.get("variable", "v") == "v"


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        (CONTACTS, {"f": {"or": [{}] * 600_000}}),
        (CONTACTS, {"f": {"or": [{}] * 40_000}}),
        (CONTACTS, {"f": {"and": [{"lastName": {"eq": "a"}}] * 20_000}}),
        (CONTACTS, {"f": {"or": [{"or": [{}] * 90}] * 90}}),
        (CONTACTS, {"f": {"or": [{"or": [{"lastName": {"eq": "a"}}] * 20}] * 40}}),
        (CONTACTS, {"f": {"lastName": {"in": ["a"] * 400_000}}}),
        (CONTACTS, {"f": {"account": {"in": ["acc_1"] * 2_000}}}),
        (SORTED, {"s": [{"field": "LAST_NAME"}] * 50_000}),
        ("query($i: [ID!]!) { nodes(ids: $i) { id } }", {"i": ["con_1"] * 200_000}),
        (SIGNUP, {"i": {"phones": {"add": [{"kind": "MOBILE", "raw": "1"}] * 30_000}}}),
        (SIGNUP, {"i": {"addresses": {"add": [{"kind": "HOME"}] * 30_000}}}),
        ("{ me { id } }", {"undeclared": [{}] * 600_000}),
    ],
)
async def test_long_variables_are_refused_at_once(client: httpx.AsyncClient, query: str, variables: Any) -> None:
    body = json.dumps({"query": query, "variables": variables}, separators=(",", ":"))
    start = time.thread_time()
    answer = await client.post("/graphql", content=body, headers={"Content-Type": "application/json"})
    assert time.thread_time() - start < 0.5
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "BAD_REQUEST"
    assert error["extensions"].get("reason", "TOO_LARGE") == "TOO_LARGE"
    assert " more than " in error["message"] or " is the most." in error["message"]


@pytest.mark.parametrize(
    ("start", "item", "end", "most"),
    [
        ('{"query": "{ __typename }", "extensions": {"x": [', "{}", "]}}", MAX_JSON_VALUES - 4),
        ('{"query": "{ __typename }", "extensions": {"x": [', '"a,[{\\"\\\\"', "]}}", MAX_JSON_VALUES - 4),
        ('{"query": "{ __typename }", "extensions": {"x": [', '{"a":1}', "]}}", MAX_JSON_VALUES - 4),
        ('{"query": "{ __typename }", "extensions": {"x": [', "[]", "]}}", MAX_JSON_VALUES - 4),
    ],
)
async def test_a_body_has_so_many_values_and_no_more(
    client: httpx.AsyncClient, start: str, item: str, end: str, most: int
) -> None:
    # Each item counts once for the comma before it, and objects and lists once more for themselves.
    times = 2 if item[0] in "{[" else 1
    for count, status in ((most // times, 200), (most // times + 3, 400)):
        body = start + ",".join([item] * count) + end
        answer = await client.post("/graphql", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == status, answer.text
    assert answer.json()["errors"][0]["message"] == "This has more than 10,000 values."


@pytest.mark.parametrize(
    ("query", "filter_"),
    [
        (
            " ".join(f"a{i}: contacts(first: 1, filter: $f) {{ nodes {{ id }} }}" for i in range(95)),
            {"in": ["a"] * 900},
        ),
        (" ".join(f"a{i}: contacts(first: 1, filter: $f) {{ nodes {{ id }} }}" for i in range(95)), {"in": ["a"] * 25}),
        ("...f " * 3 + " ".join(f"a{i}: contacts(filter: $f) {{ totalCount }}" for i in range(2)), {"in": ["a"] * 900}),
    ],
)
async def test_the_filters_of_a_document_have_a_bound_together(
    client: httpx.AsyncClient, query: str, filter_: Any
) -> None:
    fragment = "fragment f on Query { contacts(filter: $f) { totalCount } }" if "...f" in query else ""
    body = {"query": f"query($f: ContactFilter) {{ {query} }} {fragment}", "variables": {"f": {"lastName": filter_}}}
    (error,) = (await client.post("/graphql", json=body)).json()["errors"]
    assert (error["extensions"]["code"], error["extensions"]["measure"]) == ("TOO_COSTLY", "values in filters")


async def test_a_page_compares_with_so_many_telephone_numbers_and_no_more(agent: Caller) -> None:
    for count, errors in ((50, 0), (51, 1)):
        numbers = [f"+49 30 123{i}" for i in range(count)]
        answer = await agent.post(CONTACTS, {"f": {"phone": {"in": numbers}}})
        assert len(answer.json().get("errors", [])) == errors, answer.text
    assert answer.json()["errors"][0]["message"] == "`filter` has more than 50 telephone numbers."


async def test_what_stands_in_texts_is_no_value(client: httpx.AsyncClient) -> None:
    for text in ("," * 50_000, "[{" * 30_000, '\\",' * 20_000, "\\\\,[" * 20_000):
        body = '{"query": "{ __typename }", "extensions": {"x": "' + text + '"}}'
        answer = await client.post("/graphql", content=body, headers={"Content-Type": "application/json"})
        assert answer.json() == {"data": {"__typename": "Query"}}


async def test_lists_in_a_document_have_the_same_bounds(agent: Caller) -> None:
    for text, measure, found in (
        (
            "{ contacts(filter: {lastName: {in: [%s]}}) { totalCount } }" % ('"a" ' * (MAX_LISTED + 1)),
            "items of a list",
            1_001,
        ),
        (
            "{ contacts(filter: {or: [%s]}) { totalCount } }" % ("{} " * (MAX_LISTED_OBJECTS + 1)),
            "objects in a list",
            101,
        ),
        ("{ contacts(sort: [%s]) { totalCount } }" % ("{field: LAST_NAME} " * 101), "objects in a list", 101),
        ("{ me { ...f } } fragment f on Viewer { id @include(if: [%s]) }" % ("[] " * 101), "objects in a list", 101),
        (
            "query($f: ContactFilter = {or: [%s]}) { contacts(filter: $f) { totalCount } }" % ("{} " * 101),
            "objects in a list",
            101,
        ),
        ("{ me { id } } #" + "x" * 100_000, "characters", 100_015),
    ):
        answer = await agent.post(text)
        (error,) = answer.json()["errors"]
        assert error["extensions"] == {
            "code": "TOO_COSTLY",
            "measure": measure,
            "found": found,
            "most": error["extensions"]["most"],
        }
    for text in (
        "{ contacts(filter: {lastName: {in: [%s]}}) { totalCount } }" % ('"a" ' * MAX_LISTED),
        "{ contacts(filter: {or: [%s]}) { totalCount } }" % ("{} " * MAX_LISTED_OBJECTS),
    ):
        assert "errors" not in (await agent.post(text)).json()


NUMBERED = (
    "{ contacts(first: %s) { totalCount } }",
    "{ ...f } fragment f on Query { contacts(last: -%s) { totalCount } }",
    "query($n: Int = %s) { contacts(first: $n) { totalCount } }",
    "{ contacts @skip(if: %s) { totalCount } }",
    "{ contacts(filter: {lastName: {in: [%s]}}) { totalCount } }",
    "{ contacts(filter: {createdAt: {gt: %s.5}}) { totalCount } }",
    "{ node(id: %s) { id } }",
    'mutation { updateContact(input: {contact: {id: "con_1"}, ifRevision: %s}) { userErrors { code } } }',
    'mutation { createContact(input: {lastName: "a", birthDate: {year: %s}}) { userErrors { code } } }',
    'mutation { createAccount(input: {name: "a", employees: %s}) { userErrors { code } } }',
    'mutation { createAccount(input: {name: "a", annualRevenue: %se1}) { userErrors { code } } }',
)


@pytest.mark.parametrize("text", NUMBERED)
async def test_a_number_in_a_document_has_so_many_digits_and_no_more(agent: Caller, text: str) -> None:
    # 4,300 is what Python makes a number of.
    for digits in (MAX_DIGITS + 1, 5_000, 90_000):
        (error,) = (await agent.post(text % ("9" * digits))).json()["errors"]
        found = error["extensions"].pop("found")
        assert digits <= found <= digits + 2
        assert error == {
            "message": f"The document asks for too much at once: digits of a number {found}, and 1000 is the most.",
            "extensions": {"code": "TOO_COSTLY", "measure": "digits of a number", "most": 1_000},
        }
    answer = (await agent.post(text % ("9" * (MAX_DIGITS - 2)))).json()
    for error in answer.get("errors", []):
        assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
        assert "conversion" not in error["message"]


async def test_a_number_in_variables_is_told_in_words_of_ours_however_long_it_is(agent: Caller) -> None:
    query = "query($n: Int) { contacts(first: $n) { totalCount } }"
    for digits, code, words in (
        (20, "BAD_USER_INPUT", "`first` is out of range: write -2147483648 to 2147483647."),
        (300, "BAD_USER_INPUT", "`first` is out of range: write -2147483648 to 2147483647."),
        (400, "BAD_REQUEST", "This is not JSON."),
        (5_000, "BAD_REQUEST", "This is not JSON."),
        (90_000, "BAD_REQUEST", "This is not JSON."),
    ):
        body = f'{{"query": "{query}", "variables": {{"n": {"9" * digits}}}}}'
        headers = agent.headers | {"Content-Type": "application/json"}
        answer = await agent.client.post("/graphql", content=body, headers=headers)
        (error,) = answer.json()["errors"]
        assert error["extensions"]["code"] == code
        assert words in error["message"] and len(answer.text) < 1_000


async def test_a_sort_has_ten_parts(agent: Caller) -> None:
    part = {"field": "LAST_NAME", "direction": "ASC"}
    (error,) = (await agent.post(SORTED, {"s": [part] * MAX_SORTS})).json()["errors"]
    assert error["message"] == "`sort.1.field` is LAST_NAME again: leave it out."
    (error,) = (await agent.post(SORTED, {"s": [part] * (MAX_SORTS + 1)})).json()["errors"]
    assert error["message"] == "`sort` has more than 10 items."
    assert error["extensions"] == {
        "code": "BAD_USER_INPUT",
        "reason": "TOO_LARGE",
        "inputPath": ["sort"],
        "limitItems": MAX_SORTS,
        "variable": "s",
    }


async def test_the_map_of_an_upload_has_so_many_paths(client: httpx.AsyncClient) -> None:
    query = "query($p: [String]) { __typename }"
    for count, message in (
        (MAX_FILE_PATHS, None),
        (MAX_FILE_PATHS + 1, "`map` has at most 100 paths."),
        (9_000, "`map` has at most 100 paths."),
    ):
        operations = json.dumps({"query": query, "variables": {"p": [None] * 9_000}})
        paths = {"0": [f"variables.p.{n}" for n in range(count)]}
        answer = await client.post(
            "/graphql",
            data={"operations": operations, "map": json.dumps(paths)},
            files={"0": ("a.png", b"x", "image/png")},
            headers={"GraphQL-Preflight": "1"},
        )
        if message is None:
            # 9,000 items of one variable are more than is coerced; the map itself was taken.
            assert "more than 5,000" in answer.json()["errors"][0]["message"]
        else:
            assert (answer.status_code, answer.json()["errors"][0]["message"]) == (400, message)
