"""GraphQL over HTTP: media types, methods, bodies of every kind, and uploads."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.graph.conftest import Caller, Customer

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
HELLO = {"query": "{ __typename }"}
WORLD = {"data": {"__typename": "Query"}}
GUARD = {"graphql-preflight": "1"}


async def test_the_answer_has_the_media_type_that_is_accepted(client: httpx.AsyncClient) -> None:
    for accept, media_type in (
        (JSON, JSON),
        ("*/*", JSON),
        ("", JSON),
        ("application/*", JSON),
        (GRAPHQL_JSON, GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}, {JSON};q=0.9", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}; charset=utf-8", GRAPHQL_JSON),
        ("text/html, */*", JSON),
    ):
        response = await client.post("/graphql", json=HELLO, headers={"accept": accept})
        assert (response.status_code, response.json()) == (200, WORLD), accept
        assert response.headers["content-type"] == f"{media_type}; charset=utf-8", accept
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"
    response = await client.post("/graphql", json=HELLO, headers={"accept": "image/png"})
    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (406, "NOT_ACCEPTABLE")


async def test_what_is_not_run_is_a_400_without_data_where_the_media_type_says_so(nobody: Caller) -> None:
    for query, variables, code in (
        ("{", None, "GRAPHQL_PARSE_FAILED"),
        ("", None, "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", None, "GRAPHQL_VALIDATION_FAILED"),
        ("query($n: Int!) { contacts(first: $n) { nodes { id } } }", {"n": "x"}, "BAD_USER_INPUT"),
        ("query($n: Int!) { contacts(first: $n) { nodes { id } } }", {}, "BAD_USER_INPUT"),
        ("query A { __typename } query B { __typename }", None, "OPERATION_RESOLUTION_FAILURE"),
        ("fragment A on Query { __typename }", None, "GRAPHQL_VALIDATION_FAILED"),
    ):
        for accept, status in ((GRAPHQL_JSON, 400), (JSON, 200)):
            response = await nobody.post(query, variables, accept=accept)
            assert (response.status_code, response.json().keys()) == (status, {"errors"}), query
            assert [error["extensions"]["code"] for error in response.json()["errors"]] == [code], query


async def test_an_answer_with_errors_of_fields_is_a_200(agent: Caller) -> None:
    response = await agent.post("{ contacts(first: 101) { nodes { id } } }", accept=GRAPHQL_JSON)
    assert (response.status_code, response.json()["data"]) == (200, None)


async def test_an_operation_is_chosen_by_its_name(client: httpx.AsyncClient) -> None:
    query = "query A { a: __typename } query B { b: __typename }"
    for name, expected in (("A", {"a": "Query"}), ("B", {"b": "Query"})):
        response = await client.post("/graphql", json={"query": query, "operationName": name})
        assert response.json() == {"data": expected}
    response = await client.post("/graphql", json={"query": query, "operationName": "C"})
    assert response.json()["errors"][0]["extensions"]["code"] == "OPERATION_RESOLUTION_FAILURE"
    for body in (HELLO | {"operationName": None}, HELLO | {"operationName": ""}):
        assert (await client.post("/graphql", json=body)).json() == WORLD


async def test_get_reads_and_never_writes(client: httpx.AsyncClient) -> None:
    query = "query Type($name: String!) { __type(name: $name) { name } }"
    parameters = {"query": query, "variables": '{"name": "Contact"}', "operationName": "Type"}
    response = await client.get("/graphql", params=parameters)
    assert (response.status_code, response.json()) == (200, {"data": {"__type": {"name": "Contact"}}})
    assert response.headers["content-type"] == f"{JSON}; charset=utf-8"
    for accept in (JSON, GRAPHQL_JSON):
        response = await client.get(
            "/graphql", params={"query": "mutation { logout { userErrors { code } } }"}, headers={"accept": accept}
        )
        assert (response.status_code, response.headers["allow"]) == (405, "POST")
        assert response.json()["errors"][0]["extensions"]["code"] == "METHOD_NOT_ALLOWED"
    for variables in ("[", "5", '"x"', "[1]"):
        response = await client.get("/graphql", params={"query": query, "variables": variables})
        assert response.status_code == 400, variables
    assert (await client.get("/graphql", params={"query": "{ __typename }", "variables": ""})).json() == WORLD


async def test_other_methods_are_refused(client: httpx.AsyncClient) -> None:
    for method in ("PUT", "PATCH", "DELETE"):
        response = await client.request(method, "/graphql", json=HELLO)
        assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, POST, OPTIONS")
    assert (await client.options("/graphql")).status_code == 204


BODIES: list[Any] = [
    b"",
    b"null",
    b"5",
    b'"x"',
    b"true",
    b"[]",
    b'[{"query": "{ __typename }"}]',
    b"{",
    b'{"query": }',
    b'{"query": "\xff\xfe"}',
    b"[" * 100_000,
    b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    b'{"query": "{ __typename }", "variables": ' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}",
    b'{"query": "{ __typename }", "variables": ' + b"[" * 500 + b"]" * 500 + b"}",
    {"notquery": "{ __typename }"},
    {"query": None},
    {"query": 5},
    {"query": {"a": 1}},
    {"query": ["{ __typename }"]},
    {"query": False},
    HELLO | {"operationName": 5},
    HELLO | {"operationName": {}},
    HELLO | {"operationName": []},
    HELLO | {"operationName": False},
    HELLO | {"variables": 5},
    HELLO | {"variables": "{}"},
    HELLO | {"variables": []},
    HELLO | {"variables": False},
    HELLO | {"extensions": 5},
    HELLO | {"extensions": "{}"},
    HELLO | {"extensions": [1]},
    HELLO | {"extensions": False},
]


async def test_every_kind_of_bad_body_is_a_clean_400(client: httpx.AsyncClient) -> None:
    for body in BODIES:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        for accept in (JSON, GRAPHQL_JSON):
            response = await client.post("/graphql", content=content, headers={"content-type": JSON, "accept": accept})
            assert response.status_code == 400, content[:80]
            (error,) = response.json()["errors"]
            deep = {"reason": "TOO_LARGE", "limitLevels": 64} if b'"variables": {"a":{' in content else {}
            assert error["extensions"] == {"code": "BAD_REQUEST"} | deep, content[:80]
            assert response.json().keys() == {"errors"}


async def test_a_number_that_nothing_can_hold_is_refused(client: httpx.AsyncClient) -> None:
    query = "query($n: Int) { contacts(first: $n) { nodes { id } } }"
    for number in ("1" * 100_000, "1e400", "-1e999", "1" * 30):
        content = f'{{"query": "{query}", "variables": {{"n": {number}}}}}'
        response = await client.post(
            "/graphql", content=content, headers={"content-type": JSON, "accept": GRAPHQL_JSON}
        )
        assert response.status_code == 400, number[:10]
        assert response.json()["errors"][0]["extensions"]["code"] in ("BAD_REQUEST", "BAD_USER_INPUT")
    literal = {"query": "{ contacts(first: " + "9" * 3_000 + ") { nodes { id } } }"}
    response = await client.post("/graphql", json=literal, headers={"accept": GRAPHQL_JSON})
    assert response.status_code == 400


async def test_the_content_type_says_what_a_body_is(client: httpx.AsyncClient) -> None:
    content = json.dumps(HELLO)
    for kind in (JSON, f"{JSON}; charset=utf-8", f'{JSON};charset="UTF-8"', "Application/JSON"):
        assert (await client.post("/graphql", content=content, headers={"content-type": kind})).json() == WORLD
    form_encoded = "application/x-www-form-urlencoded"
    for kind in ("text/plain", "application/graphql", f"{JSON}; charset=utf-16", form_encoded, ""):
        response = await client.post("/graphql", content=content, headers={"content-type": kind})
        assert response.status_code == 415, kind
    assert (await client.post("/graphql")).status_code == 415
    emoji = {"query": '{ __type(name: "Run🏃Swim🏊") { name } }'}
    assert (await client.post("/graphql", json=emoji)).json() == {"data": {"__type": None}}


async def test_a_body_is_counted_as_it_arrives(client: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'{"query": "'
        while sent < 100:
            sent += 1
            yield b" " * 100_000

    response = await client.post("/graphql", content=endless(), headers={"content-type": JSON})
    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (413, "TOO_LARGE")
    assert sent < 30
    response = await client.post(
        "/graphql", content=b"{}", headers={"content-type": JSON, "content-length": "999999999999"}
    )
    assert response.status_code == 413


UPLOAD = "mutation($p: Upload!) { uploadPhoto(input: {photo: $p}) { contact { id } userErrors { code path } } }"


def form(operations: Any, where: Any, **files: bytes) -> dict[str, Any]:
    """The parts of a multipart request; texts go as they are."""
    parts = {"operations": operations, "map": where}
    texts = {
        name: (None, part if isinstance(part, str) else json.dumps(part))
        for name, part in parts.items()
        if part is not ...
    }
    return {"files": texts | {name: ("a.png", data, "image/png") for name, data in files.items()}}


OPERATIONS = {"query": UPLOAD, "variables": {"p": None}}
MAP = {"0": ["variables.p"]}

FORMS: list[dict[str, Any]] = [
    form(..., MAP, **{"0": b"x"}),
    form(OPERATIONS, ..., **{"0": b"x"}),
    form("null", MAP, **{"0": b"x"}),
    form("5", MAP, **{"0": b"x"}),
    form("{", MAP, **{"0": b"x"}),
    form([OPERATIONS], {"0": ["0.variables.p"]}, **{"0": b"x"}),
    form(OPERATIONS, [], **{"0": b"x"}),
    form(OPERATIONS, "5", **{"0": b"x"}),
    form(OPERATIONS, {"0": "variables.p"}, **{"0": b"x"}),
    form(OPERATIONS, {"0": 5}, **{"0": b"x"}),
    form(OPERATIONS, {"0": [5]}, **{"0": b"x"}),
    form(OPERATIONS, {"0": [None]}, **{"0": b"x"}),
    form(OPERATIONS, {"1": ["variables.p"]}, **{"0": b"x"}),
    form(OPERATIONS, {"map": ["variables.p"]}, **{"0": b"x"}),
    form(OPERATIONS, {"0": ["variables.q"]}, **{"0": b"x"}),
    form(OPERATIONS, {"0": ["query"]}, **{"0": b"x"}),
    form(OPERATIONS, {"0": ["variables"]}, **{"0": b"x"}),
    form(OPERATIONS, {"0": [""]}, **{"0": b"x"}),
    form(OPERATIONS, {"0": ["variables.p.0"]}, **{"0": b"x"}),
    form(OPERATIONS, {"0": ["variables" + ".p" * 10_000]}, **{"0": b"x"}),
    form({"query": UPLOAD, "variables": {"p": []}}, {"0": ["variables.p.99999999999999"]}, **{"0": b"x"}),
    form({"query": UPLOAD, "variables": {"p": [None]}}, {"0": ["variables.p.-1"]}, **{"0": b"x"}),
    form({"query": UPLOAD, "variables": None}, MAP, **{"0": b"x"}),
    form({"query": UPLOAD, "variables": "x"}, MAP, **{"0": b"x"}),
    form({"query": UPLOAD, "variables": {"p": "taken"}}, MAP, **{"0": b"x"}),
]


async def test_every_kind_of_bad_form_is_a_clean_400(customer: Customer) -> None:
    for n, parts in enumerate(FORMS):
        response = await customer.client.post("/graphql", **parts, headers=customer.headers | GUARD)
        assert response.status_code == 400, n
        assert [error["extensions"]["code"] for error in response.json()["errors"]] == ["BAD_REQUEST"], n
    for content in (b"", b"--x", b"--x\r\n\r\n\r\n--x--", b"\xff" * 100):
        headers = customer.headers | GUARD | {"content-type": "multipart/form-data; boundary=x"}
        response = await customer.client.post("/graphql", content=content, headers=headers)
        assert response.status_code == 400, content
    headers = customer.headers | GUARD | {"content-type": "multipart/form-data"}
    assert (await customer.client.post("/graphql", content=b"x", headers=headers)).status_code == 400


async def test_a_form_with_too_many_files_is_told_how_many_are_read(customer: Customer) -> None:
    files = {str(n): b"x" for n in range(21)}
    response = await customer.client.post(
        "/graphql", **form(OPERATIONS, MAP, **files), headers=customer.headers | GUARD
    )
    assert response.status_code == 400
    assert response.json()["errors"][0]["message"] == "The form has more than 20 files."


async def test_an_upload_needs_a_header_that_no_form_can_send(customer: Customer) -> None:
    response = await customer.client.post("/graphql", **form(OPERATIONS, MAP, **{"0": b"x"}), headers=customer.headers)
    assert (response.status_code, response.json()["errors"][0]["extensions"]) == (400, {"code": "PREFLIGHT_REQUIRED"})


async def test_a_file_that_is_no_image_is_a_user_error(customer: Customer) -> None:
    refused = {"contact": None, "userErrors": [{"code": "UNSUPPORTED_IMAGE", "path": ["input", "photo"]}]}
    for data in (b"x", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b""):
        response = await customer.client.post(
            "/graphql", **form(OPERATIONS, MAP, **{"0": data}), headers=customer.headers | GUARD
        )
        assert response.json() == {"data": {"uploadPhoto": refused}}
    # A text in the place of a file.
    assert (await customer(UPLOAD, p="x"))["uploadPhoto"] == refused


async def test_too_large_a_photo_is_refused_by_its_limit(customer: Customer) -> None:
    query = UPLOAD.replace("{ code path }", "{ code ... on TooLargeError { limitBytes limitItems } }")
    operations = {"query": query, "variables": {"p": None}}
    for size, connection in ((10 * 1024 * 1024 + 1, None), (12 * 1024 * 1024, "close"), (20 * 1024 * 1024, "close")):
        response = await customer.client.post(
            "/graphql", **form(operations, MAP, **{"0": b"\x89PNG" + b"x" * size}), headers=customer.headers | GUARD
        )
        assert (response.status_code, response.headers.get("connection")) == (200, connection)
        (error,) = response.json()["data"]["uploadPhoto"]["userErrors"]
        assert error == {"code": "TOO_LARGE", "limitBytes": 10 * 1024 * 1024, "limitItems": None}
    # What is too long beside the file is no photo of anybody.
    operations["variables"]["x"] = "x" * 12 * 1024 * 1024
    response = await customer.client.post(
        "/graphql", **form(operations, MAP, **{"0": b"x"}), headers=customer.headers | GUARD
    )
    assert response.status_code == 413
    assert response.json()["errors"][0]["extensions"] == {"code": "TOO_LARGE", "limitBytes": 12 * 1024 * 1024}


async def test_a_token_that_does_not_hold_is_a_401(nobody: Caller) -> None:
    for authorization in ("Bearer x", "Bearer ", "Bearer", "Basic eDp4", "x", "Bearer a.b.c"):
        response = await nobody.post("{ __typename }", authorization=authorization)
        assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer"), authorization
        assert response.json() == {
            "errors": [
                {
                    "message": "The token does not hold, or not any more.",
                    "extensions": {"code": "UNAUTHENTICATED"},
                }
            ]
        }


@pytest.mark.parametrize(
    ("parameters", "media_type"),
    [({}, "text/html"), ({"query": "{ __typename }"}, "text/html"), ({"documentId": "sha256:0"}, JSON)],
)
async def test_a_browser_gets_the_page_and_not_an_error(
    client: httpx.AsyncClient, parameters: dict[str, str], media_type: str
) -> None:
    response = await client.get("/graphql", params=parameters, headers={"accept": "text/html, */*"})
    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"
