"""The sample operations of the GraphiQL page, held against the schema."""

import json
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, Source, build_schema, parse, print_ast, validate

ROOT = Path(__file__).parents[2]
SDL = ROOT / "schema.graphql"
SAMPLES: list[dict[str, Any]] = json.loads(
    (ROOT / "src/crmgraph/graph/graphiql/samples.json").read_text(encoding="utf-8")
)


def test_there_are_samples_for_each_group_of_users() -> None:
    assert [(sample["group"], sample["title"]) for sample in SAMPLES] == [
        ("anonymous", "Sign up"),
        ("anonymous", "Log in"),
        ("anonymous", "Request a password reset"),
        ("customer", "Me"),
        ("customer", "Update the profile"),
        ("customer", "Upload a photo"),
        ("staff", "Me"),
        ("staff", "Search"),
        ("staff", "One contact"),
        ("staff", "A page of contacts"),
        ("staff", "Accounts with their contacts"),
        ("staff", "Filter contacts"),
        ("staff", "Filter contacts by more"),
        ("staff", "Count leads by status"),
        ("staff", "Staff and their records"),
        ("staff", "Find contacts by phone"),
        ("staff", "The history of a record"),
        ("staff", "Follow changes"),
        ("staff", "Changes as they happen"),
        ("staff", "Who still calls the legacy APIs"),
        ("staff", "How alike old CRMs and this store answer"),
        ("staff", "Create a lead"),
        ("staff", "Upsert a contact"),
        ("staff", "Write contacts in bulk"),
        ("staff", "Convert a lead"),
        ("staff", "Duplicates"),
        ("staff", "Merge two contacts"),
        ("staff", "Bring back what was deleted"),
        ("staff", "Update a contact"),
        ("staff", "Export contacts"),
        ("staff", "How far a job is"),
        ("staff", "Imports"),
    ]


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema | None:
    return build_schema(SDL.read_text(encoding="utf-8")) if SDL.exists() else None


@pytest.mark.parametrize("sample", SAMPLES, ids=[f"{each['group']} {each['title']}" for each in SAMPLES])
def test_a_sample_is_one_operation_of_the_schema(sample: dict[str, Any], schema: GraphQLSchema | None) -> None:
    assert sample.keys() - {"fill"} == {"group", "title", "description", "query", "variables"}
    document = parse(Source(sample["query"], sample["title"]))
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    assert operation.name
    assert sample["query"] == print_ast(document), "as Prettify leaves it"
    declared = {
        definition.variable.name.value: print_ast(definition.type)
        for definition in operation.variable_definitions or ()
    }
    # A file is chosen in the page, so it is no part of the variables.
    assert sample["variables"].keys() == {name for name, type_ in declared.items() if type_ != "Upload!"}
    if schema:
        assert validate(schema, document) == []
        if fill := sample.get("fill"):
            assert validate(schema, parse(fill["query"])) == []


@pytest.mark.parametrize("sample", [each for each in SAMPLES if "fill" in each], ids=lambda each: each["title"])
def test_what_fills_a_sample_has_a_place_in_its_variables(sample: dict[str, Any]) -> None:
    assert sample["fill"].keys() <= {"query", "records", "values", "when", "needs"}
    for path in sample["fill"]["values"]:
        inside = sample["variables"]
        for key in path.split("."):
            assert key in inside, path
            inside = inside[key]
