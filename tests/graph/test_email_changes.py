"""Signing in with another email: by the person, by staff for a contact, and by a mailed code alone."""

from pathlib import Path
from typing import Any

import pytest

from crmgraph.crm.identity.staff import named
from tests.conftest import Running
from tests.graph.conftest import LOGIN, PASSWORD, Caller, Customer, signed_up
from tests.graph.test_sessions import REQUEST, RESET, code_of, emails_in

CHANGE = "mutation($i: ChangeEmailInput!) { changeEmail(input: $i) { userErrors { code path } } }"
CONFIRM = "mutation($c: String!) { confirmEmail(input: {code: $c}) { userErrors { code path } } }"
EMAILS = "{ me { email contact { emails { address verified primary } } } }"
NEW = "ray@new.example"


async def change(caller: Caller, email: str = NEW, password: str | None = PASSWORD, **more: Any) -> Any:
    """(code, place) of every fault of asking for another email."""
    given = {"email": email, "currentPassword": password} | more
    return [(each["code"], *each["path"][1:]) for each in (await caller(CHANGE, i=given))["changeEmail"]["userErrors"]]


async def confirm(caller: Caller, code: str) -> Any:
    return [(e["code"], *e["path"][1:]) for e in (await caller(CONFIRM, c=code))["confirmEmail"]["userErrors"]]


async def code_to(tmp_path: Path, email: str, count: int = 1) -> str:
    """The code in the last email to this email."""
    found = [text for to, text in await emails_in(tmp_path / "mail", count) if to == email]
    return code_of(found[-1])


async def test_a_person_comes_in_by_the_email_that_they_prove_to_own(
    nobody: Caller, customer: Customer, tmp_path: Path
) -> None:
    assert await change(customer) == []
    code = await code_to(tmp_path, NEW)
    assert (await customer(EMAILS))["me"]["email"] == "ray@example.com"
    assert await confirm(nobody, code) == []
    assert (await customer(EMAILS))["me"] == {
        "email": NEW,
        "contact": {"emails": [{"address": NEW, "verified": True, "primary": True}]},
    }
    await nobody.login(NEW)
    refused = await nobody(LOGIN, i={"email": "ray@example.com", "password": PASSWORD})
    assert refused["login"]["userErrors"] == [{"code": "UNAUTHENTICATED"}]
    (_, news) = await emails_in(tmp_path / "mail", 2)
    assert news[0] == "ray@example.com"
    assert "does not open your login any more" in news[1]
    assert await confirm(nobody, code) == [("UNAUTHENTICATED", "code")]
    await signed_up(nobody, "ray@example.com", lastName="Other")  # the former email is free


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"password": "another"}, ("UNAUTHENTICATED", "currentPassword")),
        ({"password": None}, ("REQUIRED", "currentPassword")),
        ({"password": ""}, ("REQUIRED", "currentPassword")),
        ({"email": "no email"}, ("NOT_AN_EMAIL", "email")),
        ({"email": ""}, ("REQUIRED", "email")),
    ],
)
async def test_no_email_goes_for_a_change_that_is_refused(
    customer: Customer, tmp_path: Path, given: Any, fault: Any
) -> None:
    assert await change(customer, **given) == [fault]
    assert await emails_in(tmp_path / "mail", 0) == []


async def test_nobody_who_is_not_signed_in_changes_an_email(nobody: Caller) -> None:
    assert [code for code, _ in await nobody.errors(CHANGE, i={"email": NEW})] == ["UNAUTHENTICATED"]


async def test_an_email_of_somebody_else_gets_the_news_and_the_answer_does_not_tell(
    nobody: Caller, customer: Customer, tmp_path: Path
) -> None:
    await signed_up(nobody, NEW, lastName="Known")
    assert await change(customer, " Ray@NEW.example ") == []
    ((to, text),) = await emails_in(tmp_path / "mail", 1)
    assert (to, "There is a login for it already" in text) == (NEW, True)
    assert (await customer(EMAILS))["me"]["email"] == "ray@example.com"


async def test_an_email_that_somebody_took_meanwhile_stays_theirs(
    nobody: Caller, customer: Customer, tmp_path: Path
) -> None:
    assert await change(customer) == []
    code = await code_to(tmp_path, NEW)
    await signed_up(nobody, NEW, lastName="Quick")
    assert await confirm(nobody, code) == [("TAKEN", "code")]
    assert (await customer(EMAILS))["me"]["email"] == "ray@example.com"


async def test_a_changed_password_and_a_changed_email_void_what_was_asked_before(
    nobody: Caller, customer: Customer, tmp_path: Path
) -> None:
    assert await change(customer) == []
    thief = await code_to(tmp_path, NEW)
    assert await nobody(REQUEST, e="ray@example.com") == {"requestPasswordReset": {"userErrors": []}}
    reset = await code_to(tmp_path, "ray@example.com", 2)
    assert await nobody(RESET, c=reset, p="a new password") == {"resetPassword": {"userErrors": []}}
    assert await confirm(nobody, thief) == [("UNAUTHENTICATED", "code")]

    ray = await nobody.login("ray@example.com", "a new password")
    assert await nobody(REQUEST, e="ray@example.com") == {"requestPasswordReset": {"userErrors": []}}
    reset = await code_to(tmp_path, "ray@example.com", 3)
    assert await change(ray, password="a new password") == []
    assert await confirm(nobody, await code_to(tmp_path, NEW, 4)) == []
    assert (await nobody(RESET, c=reset, p="a third password"))["resetPassword"]["userErrors"][0]["path"][1] == "code"


async def test_staff_move_the_login_of_a_contact_to_an_email_that_it_has(
    nobody: Caller, agent: Caller, customer: Customer, tmp_path: Path
) -> None:
    me = {"email": "ray@example.com"}
    assert await change(agent, password=None, contact=me) == [("NOT_FOUND", "email")]
    add = """mutation { updateContact(input: {contact: {email: "ray@example.com"}, emails: {add: [
      {kind: BUSINESS, address: "ray@new.example"}]}}) { userErrors { code } } }"""
    assert (await agent(add))["updateContact"]["userErrors"] == []
    assert await change(agent, password=None, contact=me) == []
    assert await confirm(nobody, await code_to(tmp_path, NEW)) == []
    assert (await customer(EMAILS))["me"] == {
        "email": NEW,
        "contact": {
            "emails": [
                {"address": "ray@example.com", "verified": False, "primary": True},
                {"address": NEW, "verified": True, "primary": False},
            ]
        },
    }
    create = 'mutation { createContact(input: {lastName: "No login"}) { contact { id } } }'
    contact = (await agent(create))["createContact"]["contact"]["id"]
    assert await change(agent, password=None, contact={"id": contact}) == [("NOT_FOUND", "contact")]


async def test_a_customer_moves_nobodys_login_by_naming_a_contact(customer: Customer, tmp_path: Path) -> None:
    assert await change(customer, contact={"id": customer.contact}) == [("FORBIDDEN", "contact")]
    assert await change(customer, contact={"email": "eve@example.com"}) == [("NOT_FOUND", "contact")]
    assert await emails_in(tmp_path / "mail", 0) == []


async def test_staff_come_in_by_another_email_too(
    running: Running, nobody: Caller, agent: Caller, tmp_path: Path
) -> None:
    assert await change(agent, "ann@new.example") == []
    assert await confirm(nobody, await code_to(tmp_path, "ann@new.example")) == []
    await nobody.login("ann@new.example")
    async with running.db.read() as session:
        assert (await named(session, "ann@new.example")).email == "ann@new.example"
