"""A request prepares its document once, chooses its executor once, does its work once and loads its record once."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import update

from crmgraph.crm.core import Core
from crmgraph.crm.identity.identity import Identity
from crmgraph.crm.models import PartyKind, Session, Staff, now
from crmgraph.crm.records import aggregates, parties
from crmgraph.db import pool
from crmgraph.graph.compiled import Compiled
from crmgraph.graph.compiled.selection import Selector
from crmgraph.graph.documents import preparation
from crmgraph.graph.documents.preparation import Preparer
from crmgraph.graph.execution import engine
from tests.conftest import statements
from tests.graph.conftest import Caller, Customer, put

COUNTED: tuple[tuple[Any, str], ...] = (
    (preparation, "parse"),
    (preparation, "validate"),
    (Preparer, "prepare"),
    (Compiled, "choose"),
    (engine, "execute"),
    (Identity, "actor_of"),
    (aggregates, "load_for_change"),
    (parties, "update"),
    (parties, "create"),
)
"""What is counted, where it is called."""


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each of these was called."""
    counted: Counter[str] = Counter()

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            counted[name] += 1
            return function(*arguments, **named)

        return call

    for owner, name in COUNTED:
        monkeypatch.setattr(owner, name, counting(name, getattr(owner, name)))
    return counted


READ = "query($id: ID!) { contact(by: {id: $id}) { lastName phones { raw } } }"
LIST = "{ contacts(first: 5) { nodes { lastName } } }"
RESOLVED = "{ __schema { queryType { name } } }"
REFUSED = "{ contacts(first: 1000) { nodes { id } } }"
REFUSED_TWICE = "{ a: contacts(first: 1000) { totalCount } b: users(first: 1000) { totalCount } }"
REFUSED_BELOW = "query($id: ID!) { contact(by: {id: $id}) { notes(first: 1000) { totalCount } } }"
AT_ONCE = {
    "me": "{ me { id email role user { name } contact { id } } }",
    "a node": "query($id: ID!) { node(id: $id) { id ... on Contact { phones { raw } } } }",
    "nodes": """query($id: ID!, $phone: ID!) { nodes(ids: [$phone, $id, "lea_1"]) {
      id ... on Contact { account { name } } ... on Phone { raw } } }""",
    "a number": '{ contact(by: {number: "CON1"}) { id phones { raw primary } } }',
    "an email": '{ contact(by: {email: "no@example.com"}) { id } user(by: {email: "agent@example.com"}) { name } }',
    "an id elsewhere": """{ contact(by: {external: {dialect: CRMCOM, value: "ABC"}}) { id }
      user(by: {external: {dialect: ZOHO, value: "1"}}) { name } }""",
    "a page from its end": "{ contacts(last: 5) { edges { cursor } pageInfo { hasPreviousPage startCursor } } }",
    "staff": "{ users(first: 3) { totalCount nodes { name } } }",
    "all that hangs off": """{ contacts { nodes { externalIds { dialect value href } relations { given other { id } }
      photo { url } phones { primary } notes { nodes { content owner { name } } }
      history { nodes { user { name } contact { id } client fields { field old new masked } } } } } }""",
    "several fields": "query($id: ID!) { me { id } contacts { totalCount } leads { totalCount } node(id: $id) { id } }",
}
"""Queries of every kind, each of which is one statement."""
FAULTY = "{ contact }"
CHANGE = """mutation($id: ID!, $phone: ID!) { updateContact(input: {contact: {id: $id}, %s}) {
  contact { firstName phones { raw } } userErrors { code path } } }"""
VALUES = CHANGE % 'firstName: "Bo", phones: {update: [{id: $phone, raw: "0151 2"}]}'
ADDED = CHANGE % 'phones: {add: [{kind: FAX, raw: "030 1"}], update: [{id: $phone, notes: "n"}]}'
RENAMED = CHANGE % 'lastName: "Roy", phones: {update: [{id: $phone, notes: "n"}]}'
STALE = CHANGE % 'firstName: "Bo", ifRevision: 99, phones: {update: [{id: $phone, raw: "0151 2"}]}'
INVALID = CHANGE % 'firstName: "Bo", phones: {update: [{id: $phone, raw: ""}]}'
HISTORY = """mutation($id: ID!, $phone: ID!) {
  updateContact(input: {contact: {id: $id}, firstName: "Bo", phones: {update: [{id: $phone, raw: "0151 2"}]}}) {
    contact { firstName history { totalCount } } } }"""
CREATE = 'mutation { createContact(input: {lastName: "Ray"}) { contact { id } userErrors { code } } }'
PROFILE = 'mutation { updateProfile(input: {nickname: "N"}) { contact { nickname } userErrors { code } } }'


@dataclass(frozen=True)
class Case:
    """A request, and how often each thing is done for it.

    Attributes:
        verified: how often who asks is asked in a statement of its own.
        resolved: how often the resolvers run.
        loaded, worked: how often a record is loaded to be changed, and changed.
        statements: on SQLite and on PostgreSQL.
    """

    query: str
    statements: tuple[int, int]
    verified: tuple[int, int] = (0, 0)
    resolved: int = 0
    loaded: int = 0
    worked: int = 0
    chosen: int = 1


WARM = {
    "one record": Case(READ, (1, 1)),
    "a page": Case(LIST, (1, 1)),
    **{name: Case(query, (1, 1)) for name, query in AT_ONCE.items()},
    "a query for the resolvers": Case(RESOLVED, (1, 1), (1, 1), resolved=1),
    "an argument that is refused": Case(REFUSED, (1, 1)),
    "an argument that is refused below": Case(REFUSED_BELOW, (1, 1)),
    "arguments that are refused": Case(REFUSED_TWICE, (1, 1), (1, 1), resolved=1),
    "a document with a fault": Case(FAULTY, (1, 1), (1, 1), chosen=0),
    "values": Case(VALUES, (8, 2), (1, 0), loaded=1, worked=1),
    "what is there already": Case(VALUES, (3, 2), (1, 0), loaded=1, worked=1),
    "a phone that comes": Case(ADDED, (8, 6), (1, 0), loaded=1, worked=1),
    "a name that is repeated": Case(RENAMED, (9, 5), (1, 0), loaded=1, worked=1),
    "a revision that is gone": Case(STALE, (3, 2), (1, 0), resolved=1, loaded=1, worked=1),
    "values that are refused": Case(INVALID, (3, 2), (1, 0), resolved=1, loaded=1, worked=1),
    "a change whose answer is read": Case(HISTORY, (4, 3), (1, 0), loaded=1, worked=1),
    "a creation": Case(CREATE, (8, 4), (1, 1), resolved=1, worked=1),
}


@pytest.fixture
async def given(core: Core, agent: Caller) -> dict[str, Any]:
    """The ids of a contact with a phone."""
    phones = [{"kind": "MOBILE", "raw": "0151 1"}]
    (contact,) = await put(core, PartyKind.CONTACT, {"last_name": "Ray", "first_name": "Ann", "phones": phones})
    found = (await agent("query($id: ID!) { contact(by: {id: $id}) { phones { id } } }", id=f"con_{contact}"))[
        "contact"
    ]
    return {"id": f"con_{contact}", "phone": found["phones"][0]["id"]}


async def traced(core: Core, caller: Caller, case: Case, given: dict[str, Any], calls: Counter[str]) -> dict[str, int]:
    """How often each thing was done for a request."""
    calls.clear()
    with statements(core.db) as seen:
        response = await caller.post(
            case.query, {name: value for name, value in given.items() if f"${name}" in case.query}
        )
    assert response.status_code in (200, 400, 401), response.text
    assert calls["prepare"] == 1
    return {
        "statements": len(seen),
        "verified": calls["actor_of"],
        "chosen": calls["choose"],
        "resolved": calls["execute"],
        "loaded": calls["load_for_change"],
        "worked": calls["update"] + calls["create"],
    }


def expected(core: Core, case: Case) -> dict[str, int]:
    place = 0 if core.db.is_sqlite else 1
    return {
        "statements": case.statements[place],
        "verified": case.verified[place],
        "chosen": case.chosen,
        "resolved": case.resolved,
        "loaded": case.loaded,
        "worked": case.worked,
    }


async def test_everything_is_done_once_for_a_caller_who_has_been_here(
    agent: Caller, core: Core, given: dict[str, Any], calls: Counter[str]
) -> None:
    found = {name: await traced(core, agent, case, given, calls) for name, case in WARM.items()}
    assert found == {name: expected(core, case) for name, case in WARM.items()}


async def test_a_document_is_parsed_and_validated_once_whoever_asks(
    agent: Caller, nobody: Caller, calls: Counter[str]
) -> None:
    fresh = "{ contacts(first: 3) { nodes { firstName } } }"
    for caller in (nobody, agent, agent):
        await caller.post(fresh)
    # Of the agent, who is known the second time, the document is known to be valid.
    assert (calls["parse"], calls["validate"], calls["prepare"]) == (1, 1, 2)
    calls.clear()
    # What is suggested is for people who are signed in: a fault is worded once for either.
    for caller in (nobody, agent, agent, nobody):
        (error,) = (await caller.post("{ contacts { nodes { firstNam } } }")).json()["errors"]
        assert ("firstName" in error["message"]) == (caller is agent)
    assert (calls["parse"], calls["validate"], calls["prepare"]) == (1, 2, 4)


async def test_a_caller_who_has_not_been_here_is_asked_about_first(
    agent: Caller, core: Core, given: dict[str, Any], calls: Counter[str]
) -> None:
    again = await agent.login("agent@example.com")
    assert await traced(core, again, Case(READ, (0, 0)), given, calls) == expected(core, Case(READ, (2, 2), (1, 1)))
    again = await agent.login("agent@example.com")
    case = Case(VALUES, (8, 3), (1, 1), loaded=1, worked=1)
    assert await traced(core, again, case, given, calls) == expected(core, case)


async def test_a_login_that_has_ended_is_told_once_and_nothing_is_done(
    agent: Caller, core: Core, given: dict[str, Any], calls: Counter[str]
) -> None:
    await agent("{ me { id } }")
    async with core.db.begin() as session:
        await session.execute(update(Session).values(ended_at=now()))
    # The statement that was to answer says so, and then the token is looked at.
    for case in (Case(READ, (2, 2), (1, 1)), Case(FAULTY, (1, 1), (1, 1), chosen=0)):
        assert await traced(core, agent, case, given, calls) == expected(core, case)
        await agent.login("agent@example.com")


async def test_rights_that_have_changed_meanwhile_are_those_that_count(
    agent: Caller, core: Core, given: dict[str, Any], calls: Counter[str]
) -> None:
    await agent("{ me { id } }")
    async with core.db.begin() as session:
        await session.execute(update(Staff).values(sees_identity=True))
    case = Case(READ, (3, 3), (1, 1), chosen=2)
    assert await traced(core, agent, case, given, calls) == expected(core, case)


async def test_a_customer_goes_the_same_way(customer: Customer, core: Core, calls: Counter[str]) -> None:
    given = {"id": customer.contact}
    await customer("{ me { id } }")
    for case in (
        Case(READ, (1, 1)),
        Case(PROFILE, (5, 2), (1, 0), loaded=1, worked=1),
        Case(CREATE, (1, 1), (1, 1), resolved=1, worked=1),
    ):
        assert await traced(core, customer, case, given, calls) == expected(core, case)


async def test_nobody_is_asked_nothing_of_the_database_before_they_are_refused(
    nobody: Caller, core: Core, given: dict[str, Any], calls: Counter[str]
) -> None:
    case = Case(VALUES, (0, 0), resolved=1)
    assert await traced(core, nobody, case, given, calls) == expected(core, case)


async def test_why_a_document_is_not_compiled_is_told_beside_the_executor(
    agent: Caller, nobody: Caller, given: dict[str, Any]
) -> None:
    for query, reason in (
        (READ, None),
        (VALUES, None),
        (HISTORY, None),
        *((query, None) for query in AT_ONCE.values()),
        (REFUSED, None),
        (REFUSED_BELOW, None),
        (RESOLVED, "Query.__schema"),
        (REFUSED_TWICE, "the arguments of several fields are refused"),
        (STALE, "the change was refused"),
        (CREATE, "Mutation.createContact"),
    ):
        variables = {name: value for name, value in given.items() if f"${name}" in query}
        body = (await agent.post(query, variables, **{"graphql-cost": "1"})).json()
        told = {key: value for key, value in body.get("extensions", {}).items() if key != "cost"}
        if reason is None:
            assert told == {"executor": "compiled"}
        else:
            assert told == {"executor": "resolvers", "executorReason": reason}
    body = (await nobody.post(VALUES, given, **{"graphql-cost": "1"})).json()
    assert body["extensions"]["executorReason"] == "nobody is signed in"


async def test_equal_first_requests_compile_the_statement_once(
    agent: Caller, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: Counter[str] = Counter()
    for name in ("operation", "change"):
        select = getattr(Selector, name)
        monkeypatch.setattr(Selector, name, lambda *of, select=select, name=name: (made.update([name]), select(*of))[1])
    compiled = pool.CompiledStatement.__init__
    monkeypatch.setattr(pool.CompiledStatement, "__init__", lambda *of: (made.update(["statement"]), compiled(*of))[1])
    await agent("{ me { id } }")
    made.clear()
    alike = "query($id: ID!) { contact(by: {id: $id}) { nickname jobTitle phones { raw e164 } } }"
    answers = await asyncio.gather(*(agent(alike, id=given["id"]) for _ in range(5)))
    assert answers == answers[:1] * 5
    assert made == {"operation": 1, "statement": 1}
