"""What one document may ask for."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

import pytest
from graphql import get_introspection_query, parse
from graphql.language import FragmentDefinitionNode, OperationDefinitionNode

from crmgraph.graph.documents.limits import MAX_FIELDS, MAX_TOKENS, Measure, Meter, TooCostly
from crmgraph.graph.schema.schema import schema
from tests.conftest import serving, settings_for
from tests.graph.conftest import Caller

CORE = schema.graphql_core


def measured(text: str, **variables: Any) -> Measure:
    document = parse(text)
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    (operation,) = (each for each in document.definitions if isinstance(each, OperationDefinitionNode))
    return Meter(CORE, fragments, variables, 100).operation(operation)


def test_cost_is_the_records_that_pages_can_hold() -> None:
    for text, cost in (
        ("{ me { id } }", 1),
        ('{ contact(by: {id: "x"}) { id fullName } }', 1),
        ("{ contacts(first: 100) { nodes { id } } }", 100),
        ("{ contacts(first: 100) { edges { cursor node { id } } pageInfo { endCursor } totalCount } }", 600),
        ("{ contacts(first: 0) { a: totalCount ...F } } fragment F on ContactConnection { b: totalCount }", 1000),
        ("{ accounts(first: 10) { nodes { contacts(first: 2) { totalCount } } } }", 10 * (1 + 5)),
        ('{ search(text: "m", first: 1) { totalCount nodes { id } } }', 101),
        ("{ contactGroups(by: [OWNER], first: 2) { count contacts(first: 3) { totalCount nodes { id } } } }", 508),
        ("{ contacts { nodes { id } } }", 20),
        ("{ contacts(last: 7) { nodes { id } } }", 7),
        ("{ contacts(first: 1000000000000) { nodes { id } } }", 100),
        ("{ contacts(first: -5) { nodes { id } } }", 0),
        ("{ contacts(first: 10) { nodes { account { name } } } }", 20),
        ("{ contacts(first: 10) { nodes { phones { raw } } } }", 60),
        ("{ accounts(first: 50) { nodes { contacts(first: 10) { nodes { emails { address } } } } } }", 3050),
        ('{ nodes(ids: ["a", "b", "c"]) { id } }', 3),
        ("{ __schema { types { name } } }", 0),
    ):
        assert measured(text).cost == cost, text


def test_merges_and_looking_for_duplicates_cost_more_than_their_records() -> None:
    for text, cost in (
        ("mutation($i: MergeContactsInput!) { mergeContacts(input: $i) { mergedIds } }", 51),
        ("mutation($i: MergeLeadsInput!) { mergeLeads(input: $i) { lead { id } preview { field } } }", 57),
        ("mutation($i: UnmergeInput!) { unmerge(input: $i) { record { id } } }", 52),
        ("mutation($i: CreateContactInput!) { createContact(input: $i) { contact { id } duplicates { code } } }", 17),
        ("{ duplicates(of: CONTACT, first: 20) { nodes { record { id } } totalCount } }", 540),
    ):
        assert measured(text).cost == cost, text


def test_cost_follows_the_variables() -> None:
    text = "query($n: Int, $m: Int = 3) { contacts(first: $n) { nodes { directReports(last: $m) { nodes { id } } } } }"
    assert measured(text, n=10, m=5).cost == 60
    assert measured(text, n=10).cost == 10 + 10 * 20
    assert measured(text).variables == {"n", "m"}
    assert measured("query($i: [ID!]!) { nodes(ids: $i) { id } }", i=["a"] * 9).cost == 9


def test_a_fragment_costs_what_it_says_wherever_it_is_spread() -> None:
    text = """{ accounts(first: 10) { ...page } }
      fragment page on AccountConnection { nodes { ...account } }
      fragment account on Account { a: contacts(first: 2) { ...people } b: contacts(first: 3) { ...people } }
      fragment people on ContactConnection { edges { node { ... on Contact { reportsTo { id } } } } }"""
    measure = measured(text)
    assert measure.cost == 10 + 10 * (2 + 3) * 2
    assert (measure.depth, measure.aliases, measure.fields, measure.directives) == (7, 2, 12, 0)


def test_each_measure_has_a_bound() -> None:
    nested = "{ contacts { nodes " + "{ reportsTo " * 20 + "{ id }" + " }" * 20 + " } }"
    for text, measure in (
        (nested, "depth"),
        ("{ " + " ".join(f"a{n}: me {{ id }}" for n in range(101)) + " }", "aliases"),
        ("{ me { " + "id " * 52 + "} }", "repeats"),
        ("{ " + "me { id } " * 52 + "}", "repeats"),
        (
            "{ me { ...a ...b } } fragment a on Viewer { "
            + "id " * 26
            + "} fragment b on Viewer { "
            + "id " * 26
            + "}",
            "repeats",
        ),
        ("{ me { " + " ".join(f"x{n}" for n in range(MAX_FIELDS)) + " } }", "fields"),
        ("{ me { id " + "@include(if: true) " * 51 + "} }", "directives"),
    ):
        with pytest.raises(TooCostly) as refused:
            measured(text)
        assert refused.value.extensions["measure"] == measure, text
        assert refused.value.extensions["code"] == "TOO_COSTLY"


@dataclass
class Work:
    """How many functions were called."""

    calls: int = 0


@contextmanager
def counted() -> Iterator[Work]:
    """Counts the functions that this thread calls in the block: what a machine has to do, however fast it is."""
    work = Work()

    def note(frame: FrameType, event: str, argument: Any) -> None:
        work.calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield work
    finally:
        sys.setprofile(before)


MOST_CALLS = 100 * MAX_TOKENS
"""What refusing a document may take: so many calls for each of the tokens that are read at most. A third is taken."""


def bomb(levels: int) -> str:
    """A document of a few hundred tokens that spreads out to 2 to the power of `levels` fields."""
    fragments = (f"fragment f{n} on Query {{ ...f{n + 1} ...f{n + 1} }}" for n in range(levels))
    return "{ ...f0 } " + " ".join(fragments) + f" fragment f{levels} on Query {{ me {{ id }} }}"


async def test_fragments_in_fragments_are_measured_once(nobody: Caller) -> None:
    for levels in (20, 60, 300):
        with counted() as work:
            response = await nobody.post(bomb(levels), accept="application/graphql-response+json")
        assert work.calls < MOST_CALLS
        assert response.status_code == 400
        (error,) = response.json()["errors"]
        assert error["extensions"]["code"] == "TOO_COSTLY"


async def test_a_fragment_that_spreads_itself_is_invalid(nobody: Caller) -> None:
    errors = await nobody.errors("{ ...a } fragment a on Query { me { id } ...b } fragment b on Query { ...a }")
    assert [code for code, _ in errors] == ["GRAPHQL_VALIDATION_FAILED"]


async def test_long_and_deep_documents_are_refused_by_little_work(nobody: Caller) -> None:
    for text, code in (
        ("{ me { id } }" + " " * 10 + "{" * 50_000, "GRAPHQL_PARSE_FAILED"),
        ("{ " + "me " * 5_000 + "}", "GRAPHQL_PARSE_FAILED"),
        ("{ a " * 1_900, "GRAPHQL_PARSE_FAILED"),
        ("{ a " * 900 + "}" * 900, "GRAPHQL_PARSE_FAILED"),
        ("{ contacts(filter: " + "[" * 1_900 + "]" * 1_900 + ") { nodes { id } } }", "GRAPHQL_PARSE_FAILED"),
        ("{ me { " + "id " * 3_000 + "} }", "TOO_COSTLY"),
        ("{ " + "me { contact { id } } " * 400 + "}", "TOO_COSTLY"),
    ):
        with counted() as work:
            errors = await nobody.errors(text)
        assert [each for each, _ in errors] == [code], text[:40]
        assert work.calls < MOST_CALLS, text[:40]


async def test_what_costs_too_much_is_refused_with_its_cost(agent: Caller) -> None:
    text = "query($n: Int!) { accounts(first: $n) { nodes { contacts(first: 100) { nodes { phones { raw } } } } } }"
    response = await agent.post(text, {"n": 100}, **{"graphql-cost": "1"})
    body = response.json()
    assert body["errors"] == [
        {
            "message": "The document asks for too much at once: cost 60100, and 20000 is the most.",
            "extensions": {"code": "TOO_COSTLY", "measure": "cost", "found": 60100, "most": 20000},
        }
    ]
    assert "data" not in body
    assert body["extensions"]["cost"] == 60100
    body = (await agent.post(text, {"n": 10}, **{"graphql-cost": "1"})).json()
    assert body["data"] == {"accounts": {"nodes": []}}
    assert body["extensions"]["cost"] == 6010
    body = {"query": text, "variables": {"n": 1}, "extensions": {"cost": True}}
    response = await agent.client.post("/graphql", json=body, headers=agent.headers)
    assert response.json()["extensions"]["cost"] == 601
    assert "extensions" not in (await agent.post(text, {"n": 1})).json()


async def test_the_schema_is_read_within_bounds(nobody: Caller) -> None:
    names = (await nobody(get_introspection_query()))["__schema"]["types"]
    assert {"Contact", "Query", "Mutation"} <= {type_["name"] for type_ in names}
    deep = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"
    assert [code for code, _ in await nobody.errors(deep)] == ["GRAPHQL_VALIDATION_FAILED"]


async def test_who_reads_the_schema_is_a_setting(database: str, tmp_path: Any) -> None:
    query = "{ ...a } fragment a on Query { __schema { queryType { name } } }"
    disabled = [("INTROSPECTION_DISABLED", "The schema is not shown here.")]
    signs_in = [("INTROSPECTION_DISABLED", "The schema is shown to who is signed in: sign in first.")]
    async with serving(settings_for(database, tmp_path, introspection="signed-in")) as (client, _):
        nobody = Caller(client)
        assert await nobody.errors(query) == signs_in
        signup = """mutation { signup(input: {email: "a@example.com", password: "correct horse", lastName: "A"}) {
          accessToken } }"""
        somebody = Caller(client, (await nobody(signup))["signup"]["accessToken"])
        assert await somebody(query) == {"__schema": {"queryType": {"name": "Query"}}}
        assert await nobody("{ __typename }") == {"__typename": "Query"}
    async with serving(settings_for(database, tmp_path, introspection="closed")) as (client, _):
        for caller in 2 * [Caller(client), Caller(client, somebody.token)]:
            assert await caller.errors(query) == disabled
            assert await caller.errors('{ t: __type(name: "Query") { name } }') == disabled


async def test_only_those_who_are_signed_in_get_suggestions(nobody: Caller, agent: Caller) -> None:
    query = "{ contacs { nodes { id } } }"
    ((_, plain),) = await nobody.errors(query)
    ((_, helpful),) = await agent.errors(query)
    assert plain == "Cannot query field 'contacs' on type 'Query'."
    assert "Did you mean" in helpful
    variables = "query($f: ContactFilter) { contacts(filter: $f) { nodes { id } } }"
    ((_, plain),) = await nobody.errors(variables, f={"lastNam": {"eq": "x"}})
    assert "Did you mean" not in plain


async def test_errors_are_capped(agent: Caller) -> None:
    response = await agent.post("{ me { " + " ".join(f"nothing{n}" for n in range(200)) + " } }")
    assert len(response.json()["errors"]) == 21
    variables = {"i": {f"nothing{n}": 1 for n in range(200)}}
    response = await agent.post("mutation($i: CreateLeadInput!) { createLead(input: $i) { lead { id } } }", variables)
    assert len(response.json()["errors"]) == 21
    # One of two values that only the type itself refuses stands beside as many faults as are told.
    variables |= {"b": {"id": "x", "number": "y"}}
    both = """mutation($b: ContactRef!, $i: CreateLeadInput!) { createLead(input: $i) { lead { id } }
      deleteContact(input: {contact: $b}) { deletedId } }"""
    for text in (both, both.replace("$b: ContactRef!, $i: CreateLeadInput!", "$i: CreateLeadInput!, $b: ContactRef!")):
        response = await agent.post(text, variables)
        assert (response.status_code, len(response.json()["errors"])) == (200, 21)
    many = " ".join(f"a{n}: contacts(first: 101) {{ nodes {{ id }} }}" for n in range(30))
    errors = (await agent.post(f"{{ {many} }}")).json()["errors"]
    assert len(errors) <= 21
