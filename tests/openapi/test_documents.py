"""The OpenAPI documents: they are valid, and what they show is what the demo answers."""

import json
import os
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import validate

from crmgraph.registry import DIALECTS, Dialect
from tests.conftest import Running
from tests.openapi.calls import body_of, examples, secrets_of, sent, shape, shown

DOORS = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)


@DOORS
def test_a_document_is_valid_and_says_all_that_a_client_has_to_know(dialect: Dialect) -> None:
    document = dialect.implementation.openapi()
    validate(document)
    assert document["openapi"] == "3.1.0" and len(document["info"]["description"]) > 40
    for scheme in document["components"]["securitySchemes"].values():
        assert scheme["description"]
    for example in examples(document):
        assert example.operation["summary"], example.name
        for status, answer in example.operation["responses"].items():
            assert answer["description"] and status != "default", (example.name, status)
        for media in example.operation.get("requestBody", {}).get("content", {}).values():
            assert "example" in media or dialect.name == "zoho", example.name
        for parameter in example.operation.get("parameters", ()):
            assert "example" in parameter or not parameter.get("required"), (example.name, parameter["name"])


@DOORS
async def test_a_document_as_it_is_served_names_the_server(running: Running, dialect: Dialect) -> None:
    served = (await running.client.get(f"/docs/{dialect.name}/openapi.json")).json()
    assert served.pop("servers") == [{"url": "http://test", "description": "This server."}]
    assert served == json.loads(json.dumps(dialect.implementation.openapi()))


@DOORS
async def test_the_demo_answers_what_a_document_shows(demo: Running, dialect: Dialect) -> None:
    document = dialect.implementation.openapi()
    keys, words = await secrets_of(demo, dialect.name)
    recorded: dict[str, Any] = {}
    for example in examples(document):
        answer = await sent(demo, dialect.name, example, keys, words)
        demo.client.cookies.clear()
        status, body = str(answer.status_code), body_of(answer)
        recorded[example.name] = {status: shown(body)}
        if "TEST_RECORD" in os.environ:
            continue
        known = example.operation["responses"]
        assert status in known, (example.name, answer.text)
        contents = known[status].get("content", {})
        kind = answer.headers.get("content-type", "").partition(";")[0]
        assert not answer.content or kind in contents or f"{kind.partition('/')[0]}/*" in contents, (example.name, kind)
        if body is not None:
            media = contents["application/json"]
            schema = {**media.get("schema", {}), "components": document["components"]}
            jsonschema.Draft202012Validator(schema).validate(body)
            assert "examples" in media, f"{example.name} shows no answer: TEST_RECORD=1 pytest tests/openapi -k shows"
            told = media["examples"]["demo"]["value"]
            assert shape(told) == shape(shown(body)), example.name
    if "TEST_RECORD" in os.environ:
        record(dialect.name, recorded)


def record(door: str, recorded: dict[str, Any]) -> None:
    """Write what the demo answered beside the requests: `TEST_RECORD=1 pytest tests/openapi -k shows`."""
    file = Path(str(resources.files(f"crmgraph.dialects.{door}").joinpath("examples.json")))
    kept = json.loads(file.read_text("utf-8"))
    for name, answers in recorded.items():
        told = {status: body for status, body in answers.items() if body is not None}
        kept.setdefault(name, {})["answers"] = told
    file.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")
