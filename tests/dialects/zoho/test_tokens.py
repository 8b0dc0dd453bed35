"""A program from its grant code to the end of its tokens, as Zoho's accounts server has it."""

from typing import Any

import httpx
import jsonschema
from sqlalchemy import func, select

from crmgraph.crm.identity import clients
from crmgraph.crm.models import Change, Door
from tests.conftest import Running
from tests.dialects.zoho.conftest import LEAD, Program

SUCCESS, INVALID = (200, b'{"status":"success"}'), (400, b'{"error":"invalid_token"}')


async def _tokens(demo: Running, **given: str) -> Any:
    names = ("client_id", "client_secret", "refresh_token")
    known = {name: demo.credentials["zoho"][name] for name in names}
    return (await demo.client.post("/oauth/v2/token", params=known | given)).json()


async def _status(demo: Running, token: str) -> int:
    return (await Program(demo, token).send("GET", "/org")).status_code


async def _revoke(demo: Running, method: str = "POST", **options: Any) -> tuple[int, bytes]:
    answer: httpx.Response = await demo.client.request(method, "/oauth/v2/token/revoke", **options)
    assert answer.headers["content-type"] == "application/json;charset=utf-8"
    return answer.status_code, answer.content


async def test_a_refresh_token_ends_with_the_access_tokens_that_it_brought(demo: Running) -> None:
    owner = await clients.actor_of_client(demo.db, Door.ZOHO, demo.credentials["zoho"]["access_token"])
    assert owner.client_id is not None
    codes = [await clients.issue(demo.db, owner.client_id, "code", seconds=60) for _ in range(2)]
    first, second = [await _tokens(demo, grant_type="authorization_code", code=code) for code in codes]
    again = await _tokens(demo, grant_type="refresh_token", refresh_token=first["refresh_token"])
    mine, others = [first["access_token"], again["access_token"]], [second["access_token"]]
    others.append(demo.credentials["zoho"]["access_token"])
    assert [await _status(demo, token) for token in (*mine, *others)] == [200] * 4

    assert await _revoke(demo, params={"token": first["refresh_token"]}) == SUCCESS
    assert [await _status(demo, token) for token in (*mine, *others)] == [401, 401, 200, 200]
    refused = await _tokens(demo, grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert refused == {"error": "invalid_code"}
    assert "access_token" in await _tokens(demo, grant_type="refresh_token", refresh_token=second["refresh_token"])
    assert await _revoke(demo, params={"token": first["refresh_token"]}) == INVALID


async def test_an_access_token_ends_alone_in_every_form_of_the_request(demo: Running) -> None:
    refresh = demo.credentials["zoho"]["refresh_token"]
    for method, form in (("POST", "params"), ("POST", "data"), ("GET", "params")):
        token = (await _tokens(demo, grant_type="refresh_token"))["access_token"]
        assert await _status(demo, token) == 200
        assert await _revoke(demo, method, **{form: {"token": token}}) == SUCCESS
        assert await _status(demo, token) == 401
    files = {"token": (None, (await _tokens(demo, grant_type="refresh_token", refresh_token=refresh))["access_token"])}
    assert await _revoke(demo, files=files) == SUCCESS


async def test_who_was_here_before_changes_nothing_by_a_token_that_has_ended(demo: Running) -> None:
    token = (await _tokens(demo, grant_type="refresh_token"))["access_token"]
    program, path = Program(demo, token), f"/Leads/{LEAD}"

    async def put(**fields: Any) -> tuple[int, str]:
        answer = await program.send("PUT", path, {"data": [fields]})
        body = answer.json()
        return answer.status_code, body["data"][0]["code"] if "data" in body else body["code"]

    async def changes() -> Any:
        async with demo.db.read() as session:
            return await session.scalar(select(func.count()).select_from(Change))

    assert await put(City="Pune") == (200, "SUCCESS")
    assert await put(Email="no address") == (202, "INVALID_DATA")
    before = await changes()
    assert await put(City="Pune") == (200, "SUCCESS")  # nothing is new, and nothing written
    assert await _revoke(demo, params={"token": token}) == SUCCESS
    # What would be written, what would be refused, what would change nothing, and what is nowhere.
    for fields in ({"City": "Goa"}, {"Email": "no address"}, {"City": "Pune"}):
        assert await put(**fields) == (401, "INVALID_TOKEN")
    path = "/Leads/1"
    assert await put(City="Goa") == (401, "INVALID_TOKEN")
    assert await changes() == before
    assert (await Program(demo, demo.credentials["zoho"]["access_token"]).get("Leads", LEAD))["City"] == "Pune"


async def test_what_is_no_token_of_this_door_is_not_revoked(demo: Running) -> None:
    owner = await clients.actor_of_client(demo.db, Door.ZOHO, demo.credentials["zoho"]["access_token"])
    assert owner.client_id is not None
    code = await clients.issue(demo.db, owner.client_id, "code", seconds=60)
    async with demo.db.begin() as session:
        assert owner.staff_id is not None
        other = await clients.add_client(session, Door.VALOMNIA, "other", "other", "x", owner.staff_id, [])
    foreign = await clients.issue(demo.db, other, "access", seconds=60)
    for token in ("", "nothing", "\x00", "x" * 5000, code, foreign):
        assert await _revoke(demo, params={"token": token}) == INVALID
    assert await _revoke(demo) == INVALID
    assert await _revoke(demo, content=b"--", headers={"Content-Type": "multipart/form-data"}) == INVALID
    assert (await clients.actor_of_client(demo.db, Door.VALOMNIA, foreign)).client_id == other
    assert "access_token" in await _tokens(demo, grant_type="authorization_code", code=code)
    for method, path in (("PUT", "/oauth/v2/token/revoke"), ("POST", "/oauth/v2/token/revoke/x")):
        answer = await demo.client.request(method, path)
        assert answer.json()["code"] == ("INVALID_REQUEST_METHOD" if method == "PUT" else "INVALID_URL_PATTERN")


async def test_the_document_says_what_the_accounts_server_answers(demo: Running) -> None:
    document = (await demo.client.get("/docs/zoho/openapi.json")).json()
    paths = {path: sorted(item) for path, item in document["paths"].items() if path.startswith("/oauth")}
    assert paths == {"/oauth/v2/token": ["post"], "/oauth/v2/token/revoke": ["get", "post"]}
    ended = (await _tokens(demo, grant_type="refresh_token"))["access_token"]
    known = {name: demo.credentials["zoho"][name] for name in ("client_id", "client_secret", "refresh_token")}
    for method, path, fields, status in (
        ("POST", "/oauth/v2/token", {**known, "grant_type": "refresh_token"}, 200),
        ("POST", "/oauth/v2/token", {**known, "grant_type": "password"}, 200),
        ("POST", "/oauth/v2/token", {**known, "grant_type": "refresh_token", "client_id": "x"}, 200),
        ("POST", "/oauth/v2/token", {**known, "grant_type": "authorization_code", "code": "x"}, 200),
        ("POST", "/oauth/v2/token/revoke", {"token": ended}, 200),
        ("POST", "/oauth/v2/token/revoke", {"token": ended}, 400),
        ("GET", "/oauth/v2/token/revoke", {}, 400),
        ("POST", "/oauth/v2/token/revoke", {"token": "x" * 70_000}, 413),
    ):
        form: Any = {"params": fields} if method == "GET" else {"data": fields}
        answer = await demo.client.request(method, path, **form)
        assert answer.status_code == status, (path, fields, answer.text)
        told = document["paths"][path][method.lower()]["responses"][str(status)]["content"]["application/json"]
        schema = {**told["schema"], "components": document["components"]}
        jsonschema.Draft202012Validator(schema).validate(answer.json())


async def test_the_user_of_a_token_is_not_told_here(demo: Running) -> None:
    token = demo.credentials["zoho"]["access_token"]
    answer = await demo.client.get("/oauth/user/info", headers={"Authorization": f"Zoho-oauthtoken {token}"})
    assert (answer.status_code, answer.json()["code"]) == (404, "INVALID_URL_PATTERN")
