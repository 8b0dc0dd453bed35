"""A cached actor is verified by the statement that answers: what has changed since counts at once."""

import sys
from types import FrameType
from typing import Any

import pytest
from sqlalchemy import update

from crmgraph.crm.core import Core
from crmgraph.crm.models import Account, Contact, Credential, PartyKind, Role, Session, Staff, now
from tests.conftest import statements
from tests.graph.conftest import Caller, Customer, hired, put

QUERY = "{ contacts(first: 5) { nodes { lastName identityDocuments { idNumber } account { name } } } }"
UNAUTHENTICATED = [("UNAUTHENTICATED", "The token does not hold, or not any more.")]


async def change(core: Core, model: Any, **values: Any) -> None:
    """What another process does to every row of a table."""
    async with core.db.begin() as session:
        await session.execute(update(model).values(values))


async def asked_twice(core: Core, caller: Caller) -> Any:
    """The answer to the query, which the second time is one statement."""
    first = await caller(QUERY)
    with statements(core.db) as seen:
        assert await caller(QUERY) == first
    assert len(seen) == 1
    return first["contacts"]["nodes"]


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (Session, {"ended_at": now()}),
        (Session, {"expires_at": now()}),
        (Credential, {"live": None}),
        (Credential, {"confirmed": False}),
        (Staff, {"active": False}),
    ],
)
async def test_staff_who_may_not_come_in_any_more_are_told_nothing(
    agent: Caller, core: Core, model: Any, values: dict[str, Any]
) -> None:
    await put(core, PartyKind.CONTACT, {"last_name": "Ray"})
    assert await asked_twice(core, agent) == [{"lastName": "Ray", "identityDocuments": None, "account": None}]
    await change(core, model, **values)
    assert await agent.errors(QUERY) == UNAUTHENTICATED
    assert await agent.errors(QUERY) == UNAUTHENTICATED


async def test_a_right_that_is_given_or_taken_counts_at_once(nobody: Caller, core: Core) -> None:
    clerk = await hired(core, nobody, "clerk@example.com", Role.AGENT)
    await put(core, PartyKind.CONTACT, {"last_name": "Ray", "id_number": "X1"})
    hidden, shown = None, {"idNumber": "X1"}
    for values, documents in (
        ({}, hidden),
        ({"sees_identity": True}, shown),
        ({"sees_identity": False}, hidden),
        ({"role": Role.ADMIN}, shown),
        ({"role": Role.AGENT}, hidden),
    ):
        if values:
            await change(core, Staff, **values)
            assert (await clerk(QUERY))["contacts"]["nodes"][0]["identityDocuments"] == documents
        assert (await asked_twice(core, clerk))[0]["identityDocuments"] == documents


async def test_a_customer_sees_the_account_that_they_have_now(customer: Customer, core: Core) -> None:
    assert (await asked_twice(core, customer))[0]["account"] == {"name": "Ray Ltd"}
    (other,) = await put(core, PartyKind.ACCOUNT, {"name": "Other"})
    await change(core, Contact, account_id=other)
    assert (await customer(QUERY))["contacts"]["nodes"][0]["account"] == {"name": "Other"}
    assert (await asked_twice(core, customer))[0]["account"] == {"name": "Other"}
    await change(core, Contact, account_id=None)
    assert (await asked_twice(core, customer))[0]["account"] is None


async def test_a_deleted_customer_is_told_nothing(customer: Customer, core: Core) -> None:
    assert (await asked_twice(core, customer))[0]["lastName"] == "Ray"
    await change(core, Contact, deleted_at=now())
    assert await customer.errors(QUERY) == UNAUTHENTICATED


async def test_an_account_that_is_deleted_is_not_seen(customer: Customer, core: Core) -> None:
    await asked_twice(core, customer)
    await change(core, Account, deleted_at=now())
    assert (await asked_twice(core, customer))[0]["account"] is None


async def test_a_token_that_has_run_out_is_refused_though_it_was_known(
    agent: Caller, core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asked_twice(core, agent)
    monkeypatch.setattr("crmgraph.security.time.time", lambda: 2e10)
    monkeypatch.setattr("jwt.api_jwt.datetime", _Later)
    assert await agent.errors(QUERY) == UNAUTHENTICATED


class _Later:
    """The clock of the library that reads tokens, far from now."""

    @staticmethod
    def now(tz: Any = None) -> Any:
        import datetime

        return datetime.datetime(2600, 1, 1, tzinfo=tz)


async def test_a_faulty_document_of_a_caller_who_has_left_is_not_judged(agent: Caller, core: Core) -> None:
    await asked_twice(core, agent)
    await change(core, Session, ended_at=now())
    assert await agent.errors("{ contact }") == UNAUTHENTICATED
    assert await agent.errors("{ __typename }") == UNAUTHENTICATED


async def test_a_known_document_asks_for_whatever_its_variable_is(agent: Caller, core: Core) -> None:
    """The statement is at hand by then, and only a value is bound to it."""
    ada, bob = await put(core, PartyKind.CONTACT, {"last_name": "Ada"}, {"last_name": "Bob"})
    (account,) = await put(core, PartyKind.ACCOUNT, {"name": "Ltd"})
    document = "query($id: ID!) { contact(by: {id: $id}) { lastName } }"
    asked = {
        f"con_{ada}": {"lastName": "Ada"},
        f"con_{bob}": {"lastName": "Bob"},
        f"acc_{account}": None,
        "con_9007199254740993": None,
        "Ada\x00": None,
        " ": None,
        "": None,
    }
    for _ in range(2):
        for given, told in asked.items():
            with statements(core.db) as seen:
                assert await agent(document, id=given) == {"contact": told}, given
    assert len(seen) == 1
    (error,) = await agent.errors(document, id=["con_1"])
    assert error[0] == "BAD_USER_INPUT"
    assert await agent(document, id=f"con_{bob}") == {"contact": {"lastName": "Bob"}}


async def test_callers_who_ask_the_same_in_turn_are_told_what_each_may_see(
    agent: Caller, customer: Customer, core: Core
) -> None:
    """What is bound already is bound for one caller: the ids that they ask for, and who they are."""
    ada, bob = await put(core, PartyKind.CONTACT, {"last_name": "Ada"}, {"last_name": "Bob"})
    document = """query($id: ID!, $own: ID!) { kind: __typename first: contact(by: {id: $id}) { lastName }
        again: contact(by: {id: $own}) { lastName emails { address } } user(by: {id: $id}) { id } }"""
    own = {"lastName": "Ray", "emails": [{"address": "ray@example.com"}]}
    told = {"kind": "Query", "again": own, "user": None}
    for _ in range(3):
        for number, name in ((ada, "Ada"), (bob, "Bob")):
            for caller, first in ((agent, {"lastName": name}), (customer, None)):
                with statements(core.db) as seen:
                    answer = await caller(document, id=f"con_{number}", own=customer.contact)
                assert answer == told | {"first": first}
    assert len(seen) == 1


async def test_who_is_deleted_is_not_told_by_a_document_that_is_known(agent: Caller, core: Core) -> None:
    (ada,) = await put(core, PartyKind.CONTACT, {"last_name": "Ada"})
    documents = {
        "query($id: ID!) { contact(by: {id: $id}) { lastName } }": None,
        "query($id: ID!) { contact(by: {id: $id}, deleted: true) { lastName } }": {"lastName": "Ada"},
    }
    for document in documents:
        for _ in range(2):
            assert await agent(document, id=f"con_{ada}") == {"contact": {"lastName": "Ada"}}
    await agent("mutation($id: ID!) { deleteContact(input: {contact: {id: $id}}) { deletedId } }", id=f"con_{ada}")
    for document, told in documents.items():
        assert await agent(document, id=f"con_{ada}") == {"contact": told}


async def test_a_known_document_is_judged_by_its_variables_each_time(agent: Caller, core: Core) -> None:
    await put(core, PartyKind.CONTACT, {"last_name": "Ada"})
    contacts = "contacts(first: $few) { nodes { account { contacts(first: 100) { nodes { lastName } } } } }"
    document = f"query($few: Int) {{ a: {contacts} b: {contacts} c: {contacts} }}"
    for _ in range(2):
        await agent(document, few=1)
    (error,) = await agent.errors(document, few=100)
    assert error[0] == "TOO_COSTLY"
    (error,) = await agent.errors(document, few="1")
    assert error[0] == "BAD_USER_INPUT"
    await agent(document, few=1)


async def test_who_has_left_is_not_told_the_schema_by_a_document_that_is_known(agent: Caller, core: Core) -> None:
    document = "{ __schema { queryType { name } } }"
    for _ in range(2):
        assert await agent(document) == {"__schema": {"queryType": {"name": "Query"}}}
    await change(core, Session, ended_at=now())
    assert await agent.errors(document) == UNAUTHENTICATED


async def test_the_variables_of_a_change_are_read_once(agent: Caller, core: Core) -> None:
    await put(core, PartyKind.CONTACT, {"last_name": "Ray", "number": "C1"})
    document = """mutation($contact: ContactRef!, $name: String!) {
        updateContact(input: {contact: $contact, lastName: $name}) { contact { lastName } userErrors { code } } }"""
    given = {"contact": {"number": "C1"}}
    await agent(document, **given, name="Rae")
    read = 0

    def note(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal read
        read += event == "call" and frame.f_code.co_qualname == "read_ahead"

    sys.setprofile(note)
    try:
        changed = await agent(document, **given, name="Roy")
    finally:
        sys.setprofile(None)
    assert changed["updateContact"] == {"contact": {"lastName": "Roy"}, "userErrors": []}
    assert read == 1
