"""Passwords that are guessed first are refused wherever one is chosen, in each door's words."""

import secrets
import time
from pathlib import Path
from typing import Any

import pytest

from crmgraph.crm.errors import Invalid
from crmgraph.crm.identity.identity import Identity
from crmgraph.password_strength import is_guessable
from tests.conftest import Running, serving, settings_for
from tests.dialects.covalense.conftest import Portal
from tests.graph.conftest import LOGIN, SIGNUP, Caller
from tests.graph.test_sessions import code_of, emails_in
from tests.program import crmgraph

COMMON = [
    "password",
    "PASSWORD",
    "12345678",
    "Password1!",
    "P@$$w0rd",
    "Passw0rd123",
    "qwertyuiop",
    "1q2w3e4r5t",
    "iloveyou2",
    "letmein!",
    "Welcome1",
    "changeme",
    "drowssap",
    "aaaaaaaaaaaaaaaaaaaa",
    "abababababab",
    "passwordpasswordpassword",
    "abcdefgh",
    "19901231",
    "01.02.1990",
    "        ",
    "密码密码密码密码",
    "crmgraph1",
]
OWN = ["Ravi.Emos@example.com", "Ravi", "Émos", "Acme Ltd"]
OF_ONES_OWN = [
    "ravi.emos@example.com",
    "raviemos1",
    "RaviÉmos",
    "Émos-Ravi-1",
    "ravi.emos",
    "acmeltd99",
    "moc.elpmaxe@some.ivar",
]
GOOD = [
    "correct horse",
    "battery staple",
    "a password of ten",
    "tiger on a bicycle",
    "long enough",
    "x7Kq-29fLw",
    "Ravi likes green bicycles",
    "пятнадцать слонов",
]


@pytest.mark.parametrize("password", COMMON)
def test_what_is_guessed_first_is_guessable(password: str) -> None:
    assert is_guessable(password) is True


@pytest.mark.parametrize("password", OF_ONES_OWN)
def test_what_is_known_of_somebody_is_guessable_for_them_alone(password: str) -> None:
    assert is_guessable(password, OWN) is True


@pytest.mark.parametrize("password", GOOD)
def test_other_passwords_are_not(password: str) -> None:
    assert is_guessable(password, OWN) is False


def test_what_the_demo_and_a_password_manager_make_is_not() -> None:
    assert not any(is_guessable(secrets.token_urlsafe(9), OWN) for _ in range(200))


@pytest.mark.parametrize("text", ["4@8({[<3691!|170$5+7%2", "12", "0123456789./-", "qwertyuiop", "a"])
def test_no_password_takes_long_to_be_judged(text: str) -> None:
    is_guessable("loads the lists")
    password = "".join(secrets.choice(text) for _ in range(1024))
    begun = time.thread_time()
    is_guessable(password, ["x" * 1000, "y z " * 250, "a@b.c", "\ud800"])
    assert time.thread_time() - begun < 1


async def test_graphql_refuses_them_at_signup_and_at_every_change(running: Running) -> None:
    nobody = Caller(running.client)
    given = {"email": "ray@example.com", "password": "password1", "firstName": "Raymond", "lastName": "Delacroix"}
    message = (
        "`password` is guessed first: choose none that is common or made of your name or email, but e.g. four words"
        " that have nothing to do with each other."
    )
    for password in ("password1", "12345678", "ray@example.com", "DelacroixRaymond"):
        signup = (await nobody(SIGNUP, input=given | {"password": password}))["signup"]
        assert signup["userErrors"] == [
            {"code": "PASSWORD_TOO_COMMON", "message": message, "path": ["input", "password"]}
        ]
        assert (signup["viewer"], signup["accessToken"]) == (None, None)
    good = "tiger on a bicycle"
    signup = (await nobody(SIGNUP, input=given | {"password": good}))["signup"]
    ray = Caller(nobody.client, signup["accessToken"])
    change = """mutation($o: String!, $n: String!) { changePassword(input: {currentPassword: $o, newPassword: $n}) {
      userErrors { code path } } }"""
    for password in ("qwertyuiop", "RayMondDelacroix1"):
        told = (await ray(change, o=good, n=password))["changePassword"]["userErrors"]
        assert told == [{"code": "PASSWORD_TOO_COMMON", "path": ["input", "newPassword"]}]
    told = (await ray(change, o=good, n="short"))["changePassword"]["userErrors"]
    assert told == [{"code": "PASSWORD_TOO_SHORT", "path": ["input", "newPassword"]}]
    login = (await nobody(LOGIN, i={"email": "ray@example.com", "password": good}))["login"]
    assert login["userErrors"] == []


async def test_a_reset_refuses_them_and_its_code_stays_good(running: Running, tmp_path: Path) -> None:
    nobody = Caller(running.client)
    given = {"email": "ray@example.com", "password": "tiger on a bicycle", "lastName": "Xquovari"}
    await nobody(SIGNUP, input=given)
    await nobody('mutation { requestPasswordReset(input: {email: "ray@example.com"}) { userErrors { code } } }')
    [(_, text)] = await emails_in(tmp_path / "mail", 1)
    reset = """mutation($c: String!, $p: String!) { resetPassword(input: {code: $c, newPassword: $p}) {
      userErrors { code path } } }"""
    for password in ("letmein!", "xquovari1"):
        told = (await nobody(reset, c=code_of(text), p=password))["resetPassword"]["userErrors"]
        assert told == [{"code": "PASSWORD_TOO_COMMON", "path": ["input", "newPassword"]}]
    # Without a good code nothing is told of anybody's name.
    told = (await nobody(reset, c="x" * 43, p="xquovari1"))["resetPassword"]["userErrors"]
    assert told == [{"code": "UNAUTHENTICATED", "path": ["input", "code"]}]
    assert (await nobody(reset, c=code_of(text), p="four green bicycles"))["resetPassword"]["userErrors"] == []


async def test_covalense_refuses_them_in_its_words(demo_database: tuple[str, Any], tmp_path: Path) -> None:
    words = "it is too common, or made of a name or an email: choose one that nobody guesses"
    known = demo_database[1].credentials["covalense"]
    settings = settings_for(demo_database[0], tmp_path, covalense_forgot_sets_password=True)
    async with serving(settings) as (client, _):
        portal = Portal(client)
        signup = {
            "AcctInfo": {"Platform": "Postpaid", "LastName": "Delacroix", "EmailAddress": "ray@example.com"},
            "AddressInfo": {},
        }
        token = await portal.login(known["email"], known["password"])
        for answer in (
            await portal.send("POST", "signup", {**signup, "Password": "delacroix1"}),
            await portal.send("POST", "signup", {**signup, "Password": "12345678"}),
            await portal.send("POST", "profile/password/forgot", {"email": known["email"], "password": "password1"}),
            await portal.send(
                "PUT",
                "profile/password/change",
                {"passwordOld": known["password"], "password": known["email"]},
                token=token,
            ),
        ):
            assert answer.status_code == 400, answer.text
            assert words in answer.text
        assert await portal.login(known["email"], known["password"])


def test_an_operator_gives_none_to_an_employee(tmp_path: Path) -> None:
    for password in ("password1", "adalovelace", "ada@example.com"):
        done = crmgraph(tmp_path, "staff", "add", "Ada Lovelace", "ada@example.com", CRMGRAPH_PASSWORD=password)
        assert done.returncode == 1
        assert "too common, or made of their name or email" in " ".join(f"{done.stdout}{done.stderr}".split())


async def test_an_operator_sets_none(core: Any) -> None:
    identity: Identity = core.identity
    with pytest.raises(Invalid) as caught:
        await identity.passwords.set("ray@example.com", "iloveyou")
    assert (caught.value.path, caught.value.reason) == (("password",), "guessable")
