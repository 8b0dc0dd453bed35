"""How a program logs in at Valomnia's door, and what is answered to those who have not."""

import re

import httpx
import pytest
from sqlalchemy import func, select, update

from crmgraph.crm.identity import clients
from crmgraph.crm.models import Door, LegacyClient, LegacyToken, now
from tests.conftest import Running
from tests.dialects.valomnia.conftest import MARIE, NO_RESOURCE, NO_SESSION, Program, error, told

CHECK = "/j_spring_security_check"
LOGIN_FAILED = error(
    401, "authentication_failed", "Sorry, we were not able to find a user with that username and password."
)
SERVICES = [
    ("GET", "/api/v1.0/contacts"),
    ("POST", "/api/v1.0/contacts"),
    ("GET", "/api/v1.0/contacts/5"),
    ("POST", "/api/v1.0/contacts/5"),
    ("DELETE", "/api/v1.0/contacts/5"),
    ("GET", "/api/v1.0/customers/3229"),
    ("GET", "/api/v1.0/customers/reference/C0959"),
    ("GET", "/login/ajaxSuccess"),
]


async def log_in(running: Running, **changes: str) -> httpx.Response:
    known = running.credentials["valomnia"]
    form = {"j_username": known["username"], "j_password": known["password"], "ajax": "true"} | changes
    return await running.client.post(CHECK, data=form)


async def tokens(running: Running) -> int:
    async with running.db.read() as session:
        return (
            await session.scalar(
                select(func.count())
                .select_from(LegacyToken)
                .join(LegacyClient)
                .where(LegacyClient.dialect == Door.VALOMNIA)
            )
            or 0
        )


async def test_a_login_redirects_to_what_it_answers_and_its_cookie_opens_the_door(demo: Running) -> None:
    answer = await log_in(demo)
    token = answer.json()["token"]
    assert re.fullmatch("[0-9A-F]{32}", token)
    assert answer.headers["set-cookie"] == f"JSESSIONID={token}; Path=/; HttpOnly; SameSite=Lax"
    followed = await demo.client.get(answer.headers["location"])
    assert (answer.status_code, followed.status_code, followed.text) == (302, 200, answer.text)
    demo.client.cookies.clear()
    shown = await demo.client.get("/api/v1.0/contacts/5", headers={"Cookie": f"other=1; JSESSIONID={token}"})
    assert (shown.status_code, shown.json()["id"]) == (200, 5)


async def test_without_a_session_nothing_is_answered_and_nothing_happens(program: Program) -> None:
    changes, session = await program.changes(), program.client.cookies["JSESSIONID"]
    program.client.cookies.clear()
    zoho = program.running.credentials["zoho"]["access_token"]
    for given in ({}, {"Cookie": "JSESSIONID="}, {"Cookie": "JSESSIONID=00"}, {"Cookie": f"JSESSIONID={zoho}"}):
        for method, path in SERVICES:
            assert told(await program.client.request(method, path, headers=given)) == NO_SESSION, (method, path, given)
    for given in ({"Authorization": f"Bearer {session}"}, {"Cookie": f"jsessionid={session}"}):
        assert told(await program.client.get("/api/v1.0/contacts", headers=given)) == NO_SESSION
    assert await program.changes() == changes


@pytest.mark.parametrize("what", ["expired", "revoked", "client inactive"])
async def test_a_session_that_is_over_opens_nothing(what: str, program: Program) -> None:
    async with program.running.db.begin() as session:
        if what == "expired":
            await session.execute(update(LegacyToken).values(expires_at=now()))
        elif what == "client inactive":
            await session.execute(update(LegacyClient).values(active=False))
    if what == "revoked":
        assert await clients.revoke(program.running.db, program.client.cookies["JSESSIONID"])
    assert told(await program.get("/contacts/5")) == NO_SESSION


async def test_a_wrong_login_is_told_the_same_whatever_is_wrong_and_makes_no_session(demo: Running) -> None:
    zoho = demo.credentials["zoho"]
    for given in (
        {"j_password": "wrong"},
        {"j_username": "nobody"},
        {"j_username": ""},
        {"j_password": ""},
        {"j_username": "\x00"},
        {"j_username": zoho["client_id"], "j_password": zoho["client_secret"]},
        {"j_username": demo.credentials["staff"]["email"], "j_password": demo.credentials["staff"]["password"]},
    ):
        answer = await log_in(demo, **given)
        assert told(answer) == LOGIN_FAILED
        assert "set-cookie" not in answer.headers
    assert told(await demo.client.post(CHECK)) == LOGIN_FAILED
    assert await tokens(demo) == 0


async def test_a_client_that_fails_too_often_has_to_wait(demo: Running) -> None:
    for _ in range(10):
        assert told(await log_in(demo, j_password="wrong")) == LOGIN_FAILED
    answer = await log_in(demo)
    assert told(answer) == error(429, "too_many_requests", "Too many failed logins, try again later.")
    assert 0 < int(answer.headers["retry-after"]) <= 900
    assert await tokens(demo) == 0


async def test_a_path_that_is_not_there_needs_no_session(client: httpx.AsyncClient) -> None:
    paths = ["/api", "/api/", "/api/v1.0", "/api/v1.0/leads", "/api/v1.0/contacts/5/photo", "/api//contacts"]
    paths += ["/api/v1.0/customers", "/api/v1.0/customers/reference", "/api/v1.0/%00", "/api/v1.0/users/4"]
    for path in paths:
        if path == "/api/v1.0/customers/reference":
            assert told(await client.get(path)) == NO_SESSION  # "reference" could be an id
            continue
        for method in ("GET", "POST", "PATCH"):
            assert told(await client.request(method, path)) == NO_RESOURCE, (method, path)


async def test_a_method_that_is_not_there_is_told_those_that_are(client: httpx.AsyncClient) -> None:
    for path, allowed in (
        ("/api/v2.1/contacts", "GET, POST"),
        ("/api/v2.1/contacts/5", "GET, POST, DELETE"),
        ("/api/v2.1/customers/3229", "GET"),
        ("/api/v2.1/customers/reference/a/b", "GET"),
        (CHECK, "POST"),
        ("/login/ajaxSuccess", "GET"),
        ("/entity1-x/photoContact/1_2.png", "GET"),
    ):
        for method in ("PUT", "OPTIONS", "BREW"):
            answer = await client.request(method, path)
            assert answer.headers["allow"] == allowed
            wanted = error(405, "method_not_allowed", f"The method {method} is not allowed for this resource.")
            assert told(answer) == wanted


SENDERS = (
    ({}, True),
    ({"Origin": "http://test"}, True),
    ({"Origin": "HTTP://TEST"}, True),
    ({"Origin": "https://test"}, True),
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, True),
    ({"Sec-Fetch-Site": "none"}, True),
    ({"Sec-Fetch-Site": "same-site", "Origin": "http://test"}, True),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, False),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Origin": "https://evil.example"}, False),
    ({"Origin": "null"}, False),
    ({"Origin": "http://test.evil.example"}, False),
    ({"Origin": ""}, False),
)
"""(what a browser, or a program, says of where its request comes from; whether it passes)."""


async def test_a_form_of_another_site_changes_nothing(program: Program) -> None:
    for headers, passes in SENDERS:
        before = await program.changes()
        refused = {"error": "forbidden", "error_description": "This request comes from a page of another site."}
        for method, path, data in (
            ("POST", "/contacts/5", {"firstName": "Mallory"}),
            ("POST", "/contacts", MARIE),
            ("DELETE", "/contacts/5", None),
        ):
            answer = await program.send(method, path, data=data, headers=headers)
            assert (answer.status_code != 403) == passes
            if not passes:
                assert answer.json() == refused
        assert (await program.changes() > before) == passes
        known = program.running.credentials["valomnia"]
        given = {"j_username": known["username"], "j_password": known["password"]}
        login = await program.client.post("/j_spring_security_check", data=given, headers=headers)
        assert login.status_code == (302 if passes else 403)
        assert ("set-cookie" in login.headers) == passes
        # Reading is nobody's harm: the answer is for whoever asked.
        assert (await program.get("/contacts", headers=headers)).status_code == 200
