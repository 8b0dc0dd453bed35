"""The OpenAPI documents as Postman imports them: newman runs every request against a demo that is served for it."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fuzz.keys import HEADERS
from tests.openapi.calls import basic, examples, picture, shape, shown
from tests.program import PROGRAM, serving

HERE = Path(__file__).parent / "postman"


@pytest.fixture(scope="module")
def node() -> str:
    """Node, with the packages of the lock beside the script."""
    found, npm = shutil.which("node"), shutil.which("npm")
    assert found and npm, "make browser wants Node and npm"
    lock, made = HERE / "package-lock.json", HERE / "node_modules" / ".package-lock.json"
    if not made.exists() or made.stat().st_mtime < lock.stat().st_mtime:
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(command, cwd=HERE, check=True, timeout=300)
    return found


def opened(
    client: httpx.Client, door: str, known: dict[str, Any]
) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """(headers, query) that let a request in at a door, and {word in an example: what stands for it}."""
    portal = client.post("/crm/v1/login", headers=HEADERS, json=known["covalense"]).json()["response"]["result"]
    token = client.post("/crmapi/rest/v2/authentication/token", json=known["crmcom"]).json()["data"]["token"]
    sales = {f"j_{name}": known["valomnia"][name] for name in ("username", "password")}
    session = client.post("/j_spring_security_check", data=sales).json()["token"]
    cookie = {"Cookie": f"JSESSIONID={session}"}
    photo = client.get("/api/v1.0/contacts/5", headers=cookie).json()["photo"].split("/")
    words = {
        "PASSWORD": known[door].get("password", ""),
        "TOKEN": token,
        "PHOTO_FOLDER": photo[-3],
        "PHOTO_FILE": photo[-1],
    }
    words |= {
        name.upper(): known["zoho"][name] for name in ("client_id", "client_secret", "access_token", "refresh_token")
    }
    headers = {
        "covalense": {"token": portal["accessToken"]},
        "zoho": {"Authorization": f"Zoho-oauthtoken {known['zoho']['access_token']}"},
        "crmcom": {},
        "valomnia": cookie,
    }
    return headers[door], {"token": token} if door == "crmcom" else {}, words


@pytest.mark.parametrize("door", ["covalense", "zoho", "crmcom", "valomnia"])
def test_every_request_that_postman_imports_gets_the_documented_answer(node: str, tmp_path: Path, door: str) -> None:
    (tmp_path / "me.png").write_bytes(picture())
    with serving(tmp_path, "--demo") as (client, _):
        printed = subprocess.run(
            [PROGRAM, "demo", "credentials", "--json"], cwd=tmp_path, check=True, capture_output=True, text=True
        )
        known = json.loads(printed.stdout)
        document = client.get(f"/docs/{door}/openapi.json").json()
        headers, query, words = opened(client, door, known)
        operations = list(examples(document))
        everywhere = document.get("security", [])
        secured = [each.name for each in operations if each.operation.get("security", everywhere)]
        by_key = {each.name for each in operations if each.operation.get("security") == [{"web_api_key": []}]}
        given = {
            "document": document,
            "words": words,
            "headers": headers,
            "query": query,
            "operations": [each.name for each in operations],
            "secured": [name for name in secured if name not in by_key],
            "by_key": {name: basic(known["crmcom"]["web_api_key"]) for name in by_key},
            "picture": str(tmp_path / "me.png"),
        }
        (tmp_path / "given.json").write_text(json.dumps(given))
        command = [node, "run.cjs", str(tmp_path / "given.json"), str(tmp_path / "answers.json")]
        subprocess.run(command, cwd=HERE, check=True, timeout=240, capture_output=True)
    answers = json.loads((tmp_path / "answers.json").read_text())
    assert len(answers) == len(operations)
    wrong = []
    for answer, example in zip(answers, operations, strict=True):
        status = str(answer["status"])
        told = example.operation["responses"].get(status, {}).get("content", {}).get("application/json", {})
        shows = [each["value"] for each in told.get("examples", {}).values()]
        success = status[0] in "23" or "photoCustomer" in example.path
        if (
            answer["method"] != example.method
            or answer["fault"]
            or status not in example.operation["responses"]
            or not success
        ):
            wrong.append((example.name, answer["url"], status, answer["fault"], answer["body"][:200]))
        elif "json" in answer["type"] and shows and shape(shown(json.loads(answer["body"]))) not in map(shape, shows):
            wrong.append((example.name, answer["url"], status, "another shape", answer["body"][:200]))
    assert not wrong, wrong
