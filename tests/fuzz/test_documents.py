"""Requests made from each dialect's own OpenAPI document, valid and malformed: only documented answers come back."""

import os
from functools import cache
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schemathesis import GenerationMode

from crmgraph.registry import DIALECTS
from tests.conftest import Running
from tests.fuzz.envelopes import check
from tests.fuzz.keys import IDS, Keys, keys_of

EXAMPLES = int(os.environ.get("TEST_REQUESTS", "60"))
"""How many requests are made of each document."""

tries = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
async def keys(demo: Running) -> Keys:
    return await keys_of(demo)


@cache
def cases(door: str) -> st.SearchStrategy[Any]:
    """Requests to every operation of a dialect's document, right ones and wrong ones."""
    document = next(dialect.implementation.openapi() for dialect in DIALECTS if dialect.name == door)
    operations = [found.ok() for found in schemathesis.openapi.from_dict(document).get_all_operations()]
    assert operations
    return st.one_of([each.as_strategy(generation_mode=mode) for each in operations for mode in GenerationMode])


def prepared(case: Any, door: str, keys: Keys, *, inside: bool) -> requests.PreparedRequest:
    """The request as bytes.

    Args:
        inside: whether it is let in, and is about records that are there; all of its own otherwise.
    """
    if inside:
        for number, name in enumerate(case.path_parameters or {}):
            if name != "version":
                case.path_parameters[name] = IDS[door][number % len(IDS[door])]
    given_: dict[str, Any] = case.as_transport_kwargs(base_url="http://test")
    if inside:
        given_["headers"] = {**given_["headers"], **keys.headers(door)}
        given_.pop("cookies", None)
        if door == "crmcom":
            given_["params"] = {**(given_.get("params") or {}), "token": keys.crmcom}
            if isinstance(body := given_.get("json"), dict):
                given_["json"] = body | {
                    "token": keys.crmcom,
                    "contact_information_identifier": {"id": IDS[door][0]},
                }
    return requests.Request(**given_).prepare()


@pytest.mark.parametrize("door", [dialect.name for dialect in DIALECTS])
@tries
@seed(20260104)
@given(data=st.data())
async def test_only_documented_envelopes_come_back(demo: Running, keys: Keys, door: str, data: Any) -> None:
    case = data.draw(cases(door))
    request = prepared(case, door, keys, inside=data.draw(st.sampled_from((True, True, False)), label="inside"))
    body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
    answer = await demo.client.request(
        request.method or "GET", request.url or "", headers=dict(request.headers), content=body
    )
    demo.client.cookies.clear()
    check(door, request.method or "GET", answer)
    known = case.operation.definition.raw["responses"]
    assert str(answer.status_code) in known or "default" in known, f"{answer.status_code} is not documented"
    if request.method != "HEAD" and answer.content:
        conforms(door, known.get(str(answer.status_code), {}).get("content", {}), answer)


def conforms(door: str, contents: dict[str, Any], answer: httpx.Response) -> None:
    """See that an answer has a documented type and, as JSON, the documented schema."""
    kind = answer.headers["content-type"].partition(";")[0]
    assert kind in contents or f"{kind.partition('/')[0]}/*" in contents, f"{kind} is not documented"
    if kind == "application/json" and "schema" in contents[kind]:
        document = next(dialect.implementation.openapi() for dialect in DIALECTS if dialect.name == door)
        schema = {**contents[kind]["schema"], "components": document["components"]}
        Draft202012Validator(schema).validate(answer.json())
