"""schemathesis' own checks, all of them and in all its phases, of each dialect's document as it is served."""

import itertools
import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.generation.meta import CoverageScenario, TestPhase
from schemathesis.schemas import BaseSchema

from crmgraph.demo import Demo, shown
from crmgraph.registry import DIALECTS
from tests.conftest import Running, listening
from tests.fuzz import contracts
from tests.fuzz.keys import HEADERS
from tests.openapi.calls import examples

ROOT = Path(__file__).parents[2]

EXAMPLES = int(os.environ.get("TEST_REQUESTS", "40")) // 20
"""How many requests are drawn for each operation, besides those that its document leads to by itself."""
STRIDE = 1 if "TEST_REQUESTS" in os.environ else 32
"""Of the requests that a document leads to by itself, at the bounds of its schemas, each how manieth of a kind is made,
beginning with the first: nothing that schemathesis tries is left out at any door."""


def credentials(client: httpx.Client, known: dict[str, Any], door: str) -> dict[str, Any]:
    """{security scheme of a door's document: what opens it}.

    Args:
        known: what the demo accepts.
    """
    match door:
        case "covalense":
            answer = client.post("/crm/v1/login", headers=HEADERS, json=known["covalense"]).json()
            return {"token": {"api_key": answer["response"]["result"]["accessToken"]}}
        case "zoho":
            return {"token": {"api_key": f"Zoho-oauthtoken {known['zoho']['access_token']}"}}
        case "crmcom":
            answer = client.post("/crmapi/rest/v2/authentication/token", json=known["crmcom"]).json()
            return {"token": {"api_key": answer["data"]["token"]}}
        case _:
            sales = {f"j_{name}": known["valomnia"][name] for name in ("username", "password")}
            return {"session": {"api_key": client.post("/j_spring_security_check", data=sales).json()["token"]}}


def some_of_coverage() -> Callable[..., bool]:
    """What schemathesis asks of each request before it is made: whether it is wanted."""
    numbers: defaultdict[CoverageScenario, Iterator[int]] = defaultdict(itertools.count)

    def filter_case(context: Any, case: Any) -> bool:
        phase = case.meta.phase
        return phase.name is not TestPhase.COVERAGE or next(numbers[phase.data.scenario]) % STRIDE == 0

    return filter_case


def faults(schema: BaseSchema) -> list[str]:
    """What schemathesis finds, each with a request that shows it."""
    found = []
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            for case_id, checks in event.recorder.checks.items():
                for check in checks:
                    if check.failure_info is None:
                        continue
                    exchange = event.recorder.interactions.get(case_id)
                    body = exchange.response.content[:300] if exchange and exchange.response else b""
                    info = check.failure_info
                    told = (event.recorder.label, check.name, info.failure.message, info.code_sample, repr(body))
                    found.append("\n".join(told))
        elif isinstance(event, events.NonFatalError | events.FatalError):
            found.append(repr(event))
    return found


@pytest.mark.parametrize("door", [dialect.name for dialect in DIALECTS])
@pytest.mark.parametrize("demo_database", ["sqlite"], indirect=True)
def test_every_check_of_schemathesis_holds(demo_database: tuple[str, Demo], tmp_path: Path, door: str) -> None:
    database, accepted = demo_database
    with listening(database, tmp_path) as url, httpx.Client(base_url=url) as client:
        given = {
            "seed": 1,
            "auth": {"openapi": credentials(client, shown(accepted), door)},
            "generation": {"max-examples": EXAMPLES, "database": "none", "no-shrink": True},
            "continue-on-failure": True,
            **contracts.CONFIGURATION.get(door, {}),
        }
        config = SchemathesisConfig.from_dict(given)
        schema = schemathesis.openapi.from_url(f"{url}/docs/{door}/openapi.json", config=config)
        schema.hook("filter_failure")(contracts.unexplained(door))
        schema.hook("filter_case")(some_of_coverage())
        found = faults(schema)
    assert not found, "\n\n".join(found)


@pytest.mark.parametrize("door", [dialect.name for dialect in DIALECTS])
def test_what_is_taken_for_right_stands_where_it_is_said_to(door: str) -> None:
    sections = re.findall(r"(?m)^#+ (.+)$", (ROOT / f"docs/dialects/{door}.md").read_text(encoding="utf-8"))
    exchanges = {file.stem: file for file in (ROOT / f"tests/dialects/{door}/exchanges").glob("*.json")}
    for each in contracts.explained(door):
        if each.source in exchanges:
            body = json.loads(exchanges[each.source].read_text(encoding="utf-8"))["response"]["body"]
            said = json.dumps(json.loads(body), separators=(",", ":"))
            assert [words for words in each.words if words not in said] == [], each
        else:
            assert each.source in sections, f"{each.source}: no example, and no section of docs/dialects/{door}.md"


@pytest.mark.parametrize("door", sorted(contracts.IGNORED_TOKENS))
async def test_who_has_no_token_is_refused_in_the_words_of_the_door(demo: Running, door: str) -> None:
    document = next(dialect.implementation.openapi() for dialect in DIALECTS if dialect.name == door)
    secured = [each for each in examples(document) if {"token": []} in each.operation.get("security", [])]
    assert len(secured) == {"covalense": 5, "crmcom": 4}[door]
    for example in secured:
        query = {p["name"]: p["example"] for p in example.operation["parameters"] if "example" in p}
        for token in (None, "wrong"):
            given = {} if token is None else {"token": token}
            if door == "covalense":
                answer = await demo.client.request(example.method, example.path, headers=HEADERS | given)
                told = answer.json()["response"]["result"]["arguments"]
                wanted = (400, "400 BAD_REQUEST") if token is None else (401, "INVALID_TOKEN")
                assert (answer.status_code, told["errorCode"]) == wanted, (example.name, token)
            else:
                answer = await demo.client.request(example.method, example.path, params=query | given)
                told = answer.json()
                assert told["status"]["code"] == "COM.CRM.EXCEPTION.SECURITY.INVALIDTOKENEXCEPTION", example.name
                assert (answer.status_code, told["data"]) == (200, None)
