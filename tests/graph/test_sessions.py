"""Signing up, coming in and going, and passwords, over HTTP."""

import asyncio
import datetime as dt
import re
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from crmgraph.crm.models import Door, RefreshToken, now
from tests.conftest import Running, serving, settings_for
from tests.graph.conftest import LOGIN, PASSWORD, SIGNUP, Caller, Customer, signed_up

ME = "{ me { email role contact { fullName } account { name } user { name } } }"


def posted(folder: Path) -> list[tuple[str, str]]:
    """(to, text) of every email in the folder, in their order."""
    found = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in sorted(folder.glob("*.eml"))]
    return [(email["To"], email.get_content()) for email in found]


async def emails_in(folder: Path, count: int) -> list[tuple[str, str]]:
    """The emails, as soon as there are so many; they go in the background."""
    for _ in range(200):
        if len(found := posted(folder)) >= count:
            break
        await asyncio.sleep(0.02)
    assert len(found) == count
    return found


def code_of(text: str) -> str:
    found = re.search(r"^([\w-]{20,})\r?$", text, re.MULTILINE)
    assert found
    return found[1]


async def test_a_signup_makes_a_contact_and_an_account_of_ones_own(nobody: Caller) -> None:
    given = {
        "email": "ada@example.com",
        "password": PASSWORD,
        "firstName": "Ada",
        "lastName": "Lovelace",
        "phones": {"add": [{"kind": "MOBILE", "raw": "+44 20 7946 0000"}]},
        "addresses": {"add": [{"kind": "HOME", "city": "London"}]},
        "account": {"name": "Engines", "website": "https://engines.example"},
    }
    signup = (await nobody(SIGNUP, input=given))["signup"]
    assert (signup["userErrors"], signup["viewer"]["role"]) == ([], "CUSTOMER")
    ada = Caller(nobody.client, signup["accessToken"])
    query = """{ me { email user { id } contact { fullName number phones { e164 } emails { address verified }
      addresses { city } account { name number website primaryContact { number } } } } }"""
    assert (await ada(query))["me"] == {
        "email": "ada@example.com",
        "user": None,
        "contact": {
            "fullName": "Ada Lovelace",
            "number": "CON1",
            "phones": [{"e164": "+442079460000"}],
            "emails": [{"address": "ada@example.com", "verified": False}],
            "addresses": [{"city": "London"}],
            "account": {
                "name": "Engines",
                "number": "ACC1",
                "website": "https://engines.example",
                "primaryContact": {"number": "CON1"},
            },
        },
    }


async def test_every_fault_of_a_signup_is_told_at_once_and_nothing_is_made(nobody: Caller, agent: Caller) -> None:
    given = {
        "email": "no address",
        "password": "short",
        "lastName": "",
        "phones": {"add": [{"kind": "FAX", "raw": "\0"}]},
        "account": {"name": " "},
    }
    signup = (await nobody(SIGNUP, input=given))["signup"]
    assert (signup["viewer"], signup["accessToken"], signup["refreshToken"]) == (None, None, None)
    assert [(error["code"], ".".join(error["path"])) for error in signup["userErrors"]] == [
        ("NOT_AN_EMAIL", "input.email"),
        ("PASSWORD_TOO_SHORT", "input.password"),
        ("REQUIRED", "input.lastName"),
        ("BAD_CHARACTERS", "input.phones.add.0.raw"),
        ("REQUIRED", "input.account.name"),
    ]
    assert await agent("{ contacts { totalCount } accounts { totalCount } }") == {
        "contacts": {"totalCount": 0},
        "accounts": {"totalCount": 0},
    }


async def test_a_taken_email_is_told_and_makes_nothing(nobody: Caller, customer: Customer, agent: Caller) -> None:
    given = {"email": "RAY@example.com", "password": PASSWORD, "lastName": "Other"}
    signup = (await nobody(SIGNUP, input=given))["signup"]
    assert signup["userErrors"] == [
        {"code": "TAKEN", "message": "There is a login with this email already.", "path": ["input", "email"]}
    ]
    assert (await agent("{ contacts { totalCount } }"))["contacts"]["totalCount"] == 1


@pytest.fixture
async def confirming(database: str, tmp_path: Path) -> AsyncIterator[tuple[Caller, Path]]:
    """Nobody, at a door where a signup has to be confirmed, and the folder of its emails."""
    async with serving(settings_for(database, tmp_path, signup_confirm=True)) as (client, _):
        yield Caller(client), tmp_path / "mail"


CONFIRM = """mutation($c: String!) { confirmSignup(input: {code: $c}) {
  accessToken viewer { email contact { emails { verified } } } userErrors { code path } } }"""


async def test_a_signup_that_is_confirmed_by_mail_never_tells_who_is_known(confirming: tuple[Caller, Path]) -> None:
    nobody, mail = confirming
    nothing = {"viewer": None, "accessToken": None, "refreshToken": None, "userErrors": []}
    given = {"email": "ada@example.com", "password": PASSWORD, "lastName": "Lovelace"}
    assert (await nobody(SIGNUP, input=given))["signup"] == nothing
    ((to, text),) = await emails_in(mail, 1)
    assert to == "ada@example.com"
    login = {"email": "ada@example.com", "password": PASSWORD}
    assert (await nobody(LOGIN, i=login))["login"]["accessToken"] is None
    assert (await nobody(CONFIRM, c="another code"))["confirmSignup"] == {
        "accessToken": None,
        "viewer": None,
        "userErrors": [{"code": "UNAUTHENTICATED", "path": ["input", "code"]}],
    }
    confirmed = (await nobody(CONFIRM, c=code_of(text)))["confirmSignup"]
    assert confirmed["viewer"] == {"email": "ada@example.com", "contact": {"emails": [{"verified": True}]}}
    ada = Caller(nobody.client, confirmed["accessToken"])
    assert (await ada(ME))["me"]["email"] == "ada@example.com"
    assert (await nobody(SIGNUP, input=given))["signup"] == nothing
    assert "There is a login for it already" in (await emails_in(mail, 2))[1][1]


REFRESH = """mutation($t: String!) { refreshSession(input: {refreshToken: $t}) {
  accessToken refreshToken viewer { email } userErrors { code message path } } }"""


async def test_refresh_tokens_are_spent_once_and_get_the_same_answer_for_a_while(
    nobody: Caller, customer: Customer, running: Running
) -> None:
    login = (await nobody(LOGIN, i={"email": "ray@example.com", "password": PASSWORD}))["login"]
    # The token that has run out stands in nobody's way.
    expired = Caller(nobody.client, "a.b.c")
    renewed = (await expired(REFRESH, t=login["refreshToken"]))["refreshSession"]
    assert (renewed["userErrors"], renewed["viewer"]) == ([], {"email": "ray@example.com"})
    assert renewed["refreshToken"] != login["refreshToken"]
    somebody = Caller(nobody.client, renewed["accessToken"])
    assert (await somebody(ME))["me"]["email"] == "ray@example.com"
    tabs = await asyncio.gather(*(nobody(REFRESH, t=login["refreshToken"]) for _ in range(8)))
    assert [tab["refreshSession"] for tab in tabs] == [renewed] * 8
    async with running.db.begin() as session:
        await session.execute(update(RefreshToken).values(spent_at=now() - dt.timedelta(seconds=11)))
    stolen = (await nobody(REFRESH, t=login["refreshToken"]))["refreshSession"]
    assert stolen == {
        "accessToken": None,
        "refreshToken": None,
        "viewer": None,
        "userErrors": [
            {
                "code": "UNAUTHENTICATED",
                "message": "`refreshToken` is not good, or not any more: sign in again.",
                "path": ["input", "refreshToken"],
            }
        ],
    }
    assert [code for code, _ in await somebody.errors(ME)] == ["UNAUTHENTICATED"]
    assert (await customer(ME))["me"]["email"] == "ray@example.com"


async def test_a_refused_token_is_in_the_way_of_all_that_needs_one(customer: Customer) -> None:
    expired = Caller(customer.client, "a.b.c")
    for operation in ("{ __typename }", "mutation { logout { userErrors { code } } }"):
        assert [code for code, _ in await expired.errors(operation)] == ["UNAUTHENTICATED"]
    both = 'mutation { login(input: {email: "x", password: "x"}) { accessToken } logout { userErrors { code } } }'
    assert [code for code, _ in await expired.errors(both)] == ["UNAUTHENTICATED"]


async def test_logging_out_ends_this_session(nobody: Caller, customer: Customer) -> None:
    other = await nobody.login("ray@example.com")
    logout = "mutation { logout { userErrors { code } } }"
    assert await other(logout) == {"logout": {"userErrors": []}}
    assert [code for code, _ in await other.errors(ME)] == ["UNAUTHENTICATED"]
    assert (await customer(ME))["me"]["email"] == "ray@example.com"
    assert await nobody.errors(logout) == [("UNAUTHENTICATED", "Sign in first.")]


async def test_a_changed_password_ends_the_other_sessions(nobody: Caller, customer: Customer) -> None:
    other = await nobody.login("ray@example.com")
    change = """mutation($o: String!, $n: String!) { changePassword(input: {currentPassword: $o, newPassword: $n}) {
      userErrors { code message path } } }"""
    assert (await customer(change, o="wrong password", n="a new password"))["changePassword"]["userErrors"] == [
        {
            "code": "UNAUTHENTICATED",
            "message": "`currentPassword` is not your password.",
            "path": ["input", "currentPassword"],
        }
    ]
    assert (await customer(change, o=PASSWORD, n="short"))["changePassword"]["userErrors"] == [
        {
            "code": "PASSWORD_TOO_SHORT",
            "message": "`newPassword` has fewer than 8 characters: choose e.g. four words that have nothing to do with"
            " each other.",
            "path": ["input", "newPassword"],
        }
    ]
    assert (await customer(change, o=PASSWORD, n="a new password"))["changePassword"] == {"userErrors": []}
    assert (await customer(ME))["me"]["email"] == "ray@example.com"
    assert [code for code, _ in await other.errors(ME)] == ["UNAUTHENTICATED"]
    await nobody.login("ray@example.com", "a new password")
    assert await nobody.errors(change, o="x", n="y") == [("UNAUTHENTICATED", "Sign in first.")]


REQUEST = "mutation($e: EmailAddress!) { requestPasswordReset(input: {email: $e}) { userErrors { code } } }"
RESET = """mutation($c: String!, $p: String!) { resetPassword(input: {code: $c, newPassword: $p}) {
  userErrors { code message path } } }"""


async def test_a_password_is_reset_by_mail(nobody: Caller, customer: Customer, tmp_path: Path) -> None:
    for email in ("nobody@example.com", "no email", "ray@example.com"):
        assert await nobody(REQUEST, e=email) == {"requestPasswordReset": {"userErrors": []}}
    ((to, text),) = await emails_in(tmp_path / "mail", 1)
    assert to == "ray@example.com"
    code = code_of(text)
    assert (await nobody(RESET, c="another", p="a new password"))["resetPassword"]["userErrors"] == [
        {
            "code": "UNAUTHENTICATED",
            "message": "`code` is not good, or not any more.",
            "path": ["input", "code"],
        }
    ]
    assert (await nobody(RESET, c=code, p="short"))["resetPassword"]["userErrors"][0]["code"] == "PASSWORD_TOO_SHORT"
    assert await nobody(RESET, c=code, p="a new password") == {"resetPassword": {"userErrors": []}}
    assert (await nobody(RESET, c=code, p="a third password"))["resetPassword"]["userErrors"][0]["path"][1] == "code"
    assert [each for each, _ in await customer.errors(ME)] == ["UNAUTHENTICATED"]
    await nobody.login("ray@example.com", "a new password")


async def test_sixty_logins_in_one_document_are_sixty_tries(nobody: Caller, customer: Customer) -> None:
    tries = " ".join(
        f'a{n}: login(input: {{email: "ray@example.com", password: "guess {n:08}"}}) {{ accessToken userErrors {{'
        f" code ... on ThrottledError {{ retryAfterSeconds }} }} }}"
        for n in range(60)
    )
    answers: list[Any] = list((await nobody(f"mutation {{ {tries} }}")).values())
    assert {answer["accessToken"] for answer in answers} == {None}
    codes = [answer["userErrors"][0]["code"] for answer in answers]
    assert codes == ["UNAUTHENTICATED"] * 10 + ["THROTTLED"] * 50
    assert 0 < answers[-1]["userErrors"][0]["retryAfterSeconds"] <= 900
    login = (await nobody(LOGIN, i={"email": "ray@example.com", "password": PASSWORD}))["login"]
    assert (login["accessToken"], login["userErrors"]) == (None, [{"code": "THROTTLED"}])


async def test_a_token_of_another_door_is_refused(running: Running, customer: Customer) -> None:
    login = await running.core.identity.login("ray@example.com", PASSWORD, address="", door=Door.COVALENSE)
    assert [code for code, _ in await Caller(customer.client, login.access_token).errors(ME)] == ["UNAUTHENTICATED"]


async def test_whoever_logs_in_is_who_the_rest_of_the_document_is_for(nobody: Caller) -> None:
    await signed_up(nobody, "ada@example.com", firstName="Ada", lastName="Lovelace")
    document = """mutation($i: LoginInput!) { login(input: $i) { viewer { contact { fullName account { name } } } }
      updateProfile(input: {nickname: "Countess"}) { contact { nickname revision } userErrors { code } } }"""
    assert await nobody(document, i={"email": "ada@example.com", "password": PASSWORD}) == {
        "login": {"viewer": {"contact": {"fullName": "Ada Lovelace", "account": {"name": "Ray Ltd"}}}},
        "updateProfile": {"contact": {"nickname": "Countess", "revision": 2}, "userErrors": []},
    }


async def test_staff_have_no_profile_of_a_customer(agent: Caller) -> None:
    update = 'mutation { updateProfile(input: {firstName: "x"}) { contact { id } userErrors { code path } } }'
    assert (await agent(update))["updateProfile"] == {
        "contact": None,
        "userErrors": [{"code": "FORBIDDEN", "path": ["input"]}],
    }
    assert (await agent(ME))["me"] == {
        "email": "agent@example.com",
        "role": "AGENT",
        "contact": None,
        "account": None,
        "user": {"name": "Agent"},
    }
