"""Documents by their hash: of a manifest, registered by clients, and what is kept of their answers."""

import json
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from crmgraph.crm.models import Role
from crmgraph.graph.documents.trusted import PAGE, Documents
from tests.conftest import Running, serving, settings_for
from tests.graph.conftest import LOGIN, PASSWORD, Caller, hired, signed_up

ME = "query Me { me { email role } }"
TYPENAME = "{ __typename }"
STATIC = Path(__file__).parents[2] / "src/crmgraph/graph/graphiql/assets"


def hash_of(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def manifest(folder: Path, *texts: str) -> Path:
    path = folder / "documents.json"
    path.write_text(json.dumps({f"sha256:{hash_of(text)}": text for text in texts}))
    return path


@pytest.fixture
async def listed(database: str, tmp_path: Path) -> AsyncIterator[Running]:
    settings = settings_for(database, tmp_path, documents_file=manifest(tmp_path, ME))
    async with serving(settings) as (client, app):
        yield Running(client, app, {})


def told(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["errors"][0]["extensions"]["code"]


async def test_a_document_is_named_by_its_hash(listed: Running) -> None:
    customer = await signed_up(Caller(listed.client), "ray@example.com")
    expected = {"data": {"me": {"email": "ray@example.com", "role": "CUSTOMER"}}}
    own = f"sha256:{hash_of(ME)}"
    send = listed.client.post
    assert (await send("/graphql", json={"documentId": own}, headers=customer.headers)).json() == expected
    answer = await listed.client.get("/graphql", params={"documentId": own}, headers=customer.headers)
    assert answer.json() == expected
    for given, code in (
        ({"documentId": f"sha256:{hash_of('else')}"}, "PERSISTED_DOCUMENT_NOT_FOUND"),
        ({"documentId": hash_of(ME)}, "PERSISTED_DOCUMENT_NOT_FOUND"),
        ({"documentId": 5}, "PERSISTED_DOCUMENT_NOT_FOUND"),
        ({"documentId": own, "query": ME}, "BAD_REQUEST"),
        ({"documentId": None}, "BAD_REQUEST"),
    ):
        assert told(await send("/graphql", json=given)) == (400, code), given
    unknown = await send("/graphql", json={"documentId": hash_of(ME)})
    assert unknown.json()["errors"][0]["message"] == (
        "No document has this `documentId`: `sha256:` and the hash of its text, in 64 hexadecimal digits."
    )


async def test_what_is_read_by_its_hash_is_asked_for_again(listed: Running) -> None:
    nobody = Caller(listed.client)
    customer = await signed_up(nobody, "ray@example.com", firstName="Ray")
    clerk = await hired(listed.core, nobody, "clerk@example.com", Role.AGENT)
    params = {"documentId": f"sha256:{hash_of(ME)}"}

    async def get(caller: Caller, **headers: str) -> httpx.Response:
        return await listed.client.get("/graphql", params=params, headers=caller.headers | headers)

    first = await get(customer)
    etag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    assert first.headers["vary"] == "Accept, Authorization"
    again = await get(customer, **{"if-none-match": f'"x", W/{etag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    # Nobody is told by another's mark.
    other = await get(clerk, **{"if-none-match": etag})
    assert (other.status_code, other.json()["data"]["me"]["email"]) == (200, "clerk@example.com")
    assert told(await get(Caller(listed.client, "x"), **{"if-none-match": etag})) == (401, "UNAUTHENTICATED")
    for answer in (
        await listed.client.get("/graphql", params={"query": ME}, headers=customer.headers),
        await listed.client.post("/graphql", json=params, headers=customer.headers),
    ):
        assert ("etag" in answer.headers, answer.headers["cache-control"]) == (False, "no-store")


async def test_a_client_registers_its_document_once(client: httpx.AsyncClient) -> None:
    persisted: dict[str, Any] = {"version": 1, "sha256Hash": hash_of(TYPENAME)}
    alone = {"extensions": {"persistedQuery": persisted}}
    missing = await client.post("/graphql", json=alone)
    assert told(missing) == (200, "PERSISTED_QUERY_NOT_FOUND")
    assert missing.json()["errors"][0]["message"] == "PersistedQueryNotFound"
    for given in (alone | {"query": TYPENAME}, alone):
        assert (await client.post("/graphql", json=given)).json() == {"data": {"__typename": "Query"}}
    got = await client.get("/graphql", params={"extensions": json.dumps(alone["extensions"])})
    assert (got.json(), "etag" in got.headers) == ({"data": {"__typename": "Query"}}, True)
    for given, code, status in (
        (alone | {"query": "{ me { id } }"}, "BAD_REQUEST", 400),
        ({"extensions": {"persistedQuery": persisted | {"version": 2}}}, "PERSISTED_QUERY_NOT_SUPPORTED", 200),
        ({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "x"}}}, "BAD_REQUEST", 400),
        ({"extensions": {"persistedQuery": []}}, "PERSISTED_QUERY_NOT_SUPPORTED", 200),
        ({"extensions": 5}, "BAD_REQUEST", 400),
    ):
        assert told(await client.post("/graphql", json=given)) == (status, code), given


async def test_only_what_is_listed_is_run_where_documents_are_trusted(database: str, tmp_path: Path) -> None:
    path = manifest(tmp_path, ME, LOGIN)
    async with serving(settings_for(database, tmp_path, documents="trusted", documents_file=path)) as (client, app):
        running = Running(client, app, {})
        nobody = Caller(client)
        clerk = await hired(running.core, nobody, "clerk@example.com", Role.AGENT)
        assert await clerk(TYPENAME) == {"__typename": "Query"}
        assert (await nobody(ME))["me"] is None
        for query in (TYPENAME, "{", "{ __schema { types { name } } }", ME + " "):
            assert told(await nobody.post(query)) == (200, "DOCUMENT_NOT_TRUSTED"), query
        assert told(await Caller(client, "x").post(TYPENAME)) == (401, "UNAUTHENTICATED")
        extensions = {"persistedQuery": {"version": 1, "sha256Hash": hash_of(TYPENAME)}}
        given = {"query": TYPENAME, "extensions": extensions}
        assert told(await client.post("/graphql", json=given)) == (200, "DOCUMENT_NOT_TRUSTED")
        assert told(await client.post("/graphql", json={"extensions": extensions})) == (
            200,
            "PERSISTED_QUERY_NOT_FOUND",
        )
        # The page signs in by operations of its own.
        variables = {"email": "clerk@example.com", "password": PASSWORD}
        data = (await nobody.post(PAGE[0], variables)).json()["data"]["login"]
        assert data["userErrors"] == []


def test_the_page_sends_what_is_always_trusted() -> None:
    built = "".join(path.read_text("utf-8") for path in STATIC.glob("*.js"))
    assert [text for text in PAGE if text not in built and text.replace("\n", "\\n") not in built] == []


def test_a_manifest_is_checked_when_it_is_read(tmp_path: Path) -> None:
    for content, fault in (
        ("{", "is no JSON"),
        ("[]", "is no object of hashes"),
        (json.dumps({hash_of(ME): TYPENAME}), "is not the SHA-256 hash"),
        (json.dumps({"x": ME}), "is not the SHA-256 hash"),
        (json.dumps({hash_of(ME): 5}), "is not the SHA-256 hash"),
    ):
        path = tmp_path / "documents.json"
        path.write_text(content)
        with pytest.raises(ValueError, match=fault):
            Documents.load(path)
    with pytest.raises(ValueError, match="cannot be read"):
        Documents.load(tmp_path / "nothing")
    assert Documents.load(manifest(tmp_path, ME)).named({"documentId": f"sha256:{hash_of(ME)}"}).text == ME
