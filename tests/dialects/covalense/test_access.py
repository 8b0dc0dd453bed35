"""Coming in at Covalense's door: login, the form of its token, and the passwords."""

import base64
import json
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from crmgraph.crm.models import Contact, Credential, Door, PartyKind, Role, Session
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import aggregates, lookup, parties
from tests.conftest import Running, serving, settings_for
from tests.dialects.covalense.conftest import (
    RAVI,
    VENKATESH,
    YOGESH,
    Portal,
    bad_request,
    client_error,
    code_in,
    mailed,
    result,
)

WRONG = bad_request("Invalid username/password")
RESET = {"response": "Password reset successfully"}
NEW = "another password"


def _part(token: str, index: int) -> str:
    part = token.split(".")[index]
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode()


async def test_the_token_has_the_form_of_the_documents_sample(demo: Running, portal: Portal) -> None:
    token = await portal.login(RAVI)
    assert _part(token, 0) == '{"alg":"HS256"}'
    claims: dict[str, Any] = json.loads(_part(token, 1))
    assert list(claims) == ["sub", "jti", "iat", "exp"]
    assert (claims["sub"], claims["exp"] - claims["iat"]) == (RAVI, 30 * 24 * 3600)
    async with demo.db.read() as session:
        assert await session.get(Session, claims["jti"]) is not None
    assert len(token.split(".")[2]) == 43


async def test_a_login_names_the_account_and_the_contacts_switches(demo: Running, portal: Portal) -> None:
    async with demo.db.begin() as session:
        await session.execute(update(Contact).where(Contact.first_name == "Ravi").values(push_notifications=True))
    found = result(await portal.send("POST", "login", {"Email": RAVI.upper(), "PASSWORD": portal.passwords[RAVI]}))
    assert (found["pushNotifications"], found["doNotDisturb"], found["roaming"]) == (True, False, False)
    assert (found["contactId"], found["accountId"], found["accountNumber"]) == ("11937", "11936", "ACC10533")


async def test_an_unknown_email_a_wrong_password_and_staff_are_told_the_same(demo: Running, portal: Portal) -> None:
    staff = demo.credentials["staff"]
    for who, password in (
        ("nobody@example.com", "whatever it is"),
        (RAVI, "whatever it is"),
        (RAVI, portal.passwords[YOGESH]),
        (staff["email"], staff["password"]),
        ("a\u0000b", "whatever it is"),
    ):
        answer = await portal.send("POST", "login", {"email": who, "password": password})
        assert (answer.status_code, answer.text) == (400, WRONG)


INCOMPLETE = [
    ({}, "email"),
    ({"email": "", "password": "x"}, "email"),
    ({"email": RAVI}, "password"),
    ({"email": RAVI, "password": None}, "password"),
]


async def test_a_login_without_its_attributes_is_told_which_is_missing(portal: Portal) -> None:
    for body, name in INCOMPLETE:
        answer = await portal.send("POST", "login", body)
        assert (answer.status_code, answer.text) == (400, bad_request(f"Attribute '{name}' not found in request."))


async def test_a_deleted_contact_does_not_come_in_and_its_token_is_worth_nothing(demo: Running, portal: Portal) -> None:
    token = await portal.login(YOGESH)
    actor = Actor(Door.GRAPHQL, Role.ADMIN)
    async with demo.db.begin() as session:
        found = await lookup.find(session, actor, PartyKind.CONTACT, lookup.Ref(number="CON19195"))
        await parties.remove(
            session, actor, await aggregates.load_one(session, actor, PartyKind.CONTACT, found, lock=True)
        )
    answer = await portal.send("GET", "profile/contact", token=token)
    assert (answer.status_code, answer.json()["response"]["result"]["arguments"]["errorCode"]) == (401, "INVALID_TOKEN")
    answer = await portal.send("POST", "login", {"email": YOGESH, "password": portal.passwords[YOGESH]})
    assert (answer.status_code, answer.text) == (400, WRONG)


async def test_too_many_failures_are_told_to_wait_even_with_the_right_password(portal: Portal) -> None:
    for _ in range(10):
        answer = await portal.send("POST", "login", {"email": RAVI, "password": "whatever it is"})
        assert (answer.status_code, answer.text) == (400, WRONG)
    answer = await portal.send("POST", "login", {"email": RAVI, "password": portal.passwords[RAVI]})
    seconds = answer.headers["retry-after"]
    assert 0 < int(seconds) <= 900
    message = f"Too many attempts. Try again in {seconds} seconds."
    assert (answer.status_code, answer.text) == (429, client_error(429, "TOO_MANY_REQUESTS", message))
    assert await portal.login(YOGESH)


async def test_forgot_mails_a_code_and_leaves_the_password_as_it_is(
    demo: Running, portal: Portal, tmp_path: Path
) -> None:
    known = await portal.send("POST", "profile/password/forgot", {"email": RAVI, "password": NEW, "source": "Selfcare"})
    unknown = await portal.send("POST", "profile/password/forgot", {"email": "nobody@example.com"})
    assert known.content == unknown.content
    assert result(known) == RESET
    assert await portal.login(RAVI)
    answer = await portal.send("POST", "login", {"email": RAVI, "password": NEW})
    assert (answer.status_code, answer.text) == (400, WRONG)
    await demo.core.identity.passwords.reset(code_in(await mailed(tmp_path, RAVI)), NEW, address="")
    assert await portal.login(RAVI, NEW)
    answer = await portal.send("POST", "profile/password/forgot", {"password": NEW})
    assert answer.text == bad_request("Attribute 'email' not found in request.")


async def test_the_old_forgot_can_be_restored_for_a_closed_network(
    demo_database: tuple[str, Any], tmp_path: Path
) -> None:
    settings = settings_for(demo_database[0], tmp_path, covalense_forgot_sets_password=True)
    async with serving(settings) as (client, _):
        portal = Portal(client)
        body = {"email": VENKATESH, "password": NEW, "source": "Selfcare"}
        assert result(await portal.send("POST", "profile/password/forgot", body)) == RESET
        unknown = {**body, "email": "nobody@example.com"}
        assert result(await portal.send("POST", "profile/password/forgot", unknown)) == RESET
        assert await portal.login(VENKATESH, NEW)
        answer = await portal.send("POST", "profile/password/forgot", {**body, "password": "short"})
        message = "Attribute 'password' is not valid: it has fewer than 8 characters."
        assert (answer.status_code, answer.text) == (400, bad_request(message))
        assert await portal.login(VENKATESH, NEW)


async def test_a_password_is_changed_by_whoever_knows_it(demo: Running, portal: Portal) -> None:
    token = await portal.login(RAVI)
    # Whom the body names is passed over: the password is that of the token's user.
    body = {"email": YOGESH, "userName": YOGESH, "passwordOld": portal.passwords[RAVI], "password": NEW}
    assert result(await portal.send("PUT", "profile/password/change", body, token=token)) == RESET
    assert await portal.login(RAVI, NEW)
    assert await portal.login(YOGESH)
    answer = await portal.send("POST", "login", {"email": RAVI, "password": portal.passwords[RAVI]})
    assert answer.text == WRONG


REFUSED_PASSWORDS = [
    ({"passwordOld": "whatever it is", "password": NEW}, WRONG),
    ({"password": NEW}, bad_request("Attribute 'passwordOld' not found in request.")),
    ({"passwordOld": "{{password}}"}, bad_request("Attribute 'password' not found in request.")),
    (
        {"passwordOld": "{{password}}", "password": "short"},
        bad_request("Attribute 'password' is not valid: it has fewer than 8 characters."),
    ),
    (
        {"passwordOld": "{{password}}", "password": "x" * 1025},
        bad_request("Attribute 'password' is not valid: it is longer than 1024 characters."),
    ),
]


async def test_a_refused_change_of_the_password_leaves_it_as_it_is(demo: Running, portal: Portal) -> None:
    token = await portal.login(RAVI)
    before = await _hash(demo)
    for body, answered in REFUSED_PASSWORDS:
        filled = {name: value.replace("{{password}}", portal.passwords[RAVI]) for name, value in body.items()}
        answer = await portal.send("PUT", "profile/password/change", filled, token=token)
        assert (answer.status_code, answer.text) == (400, answered)
        assert await _hash(demo) == before


async def _hash(demo: Running) -> str | None:
    async with demo.db.read() as session:
        found: str | None = await session.scalar(select(Credential.password_hash).where(Credential.email == RAVI))
    return found
