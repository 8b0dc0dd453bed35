"""Both executors give the same answers, to the byte, errors included; and the planned one asks once."""

import os
import random
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import select

from crmgraph.crm.core import Core
from crmgraph.crm.models import Account, Contact, Lead, PartyKind, Role
from crmgraph.graph.schema.schema import schema
from crmgraph.seed import seed
from tests.conftest import Running, serving, settings_for, statements
from tests.graph.conftest import Caller, hired, put, signed_up
from tests.graph.documents import Document, Known, Maker

DOCUMENTS = int(os.environ.get("TEST_DOCUMENTS", "100"))
"""How many documents each caller asks; `make soak` asks thousands."""


@pytest.fixture
async def resolvers(running: Running, database: str, tmp_path: Path) -> AsyncIterator[Running]:
    """A second application over the same database, which plans nothing."""
    async with serving(settings_for(database, tmp_path, compiled_plans=False)) as (client, app):
        yield Running(client, app, {})


async def known(core: Core, caller: Caller) -> Known:
    async with core.db.read() as session:
        ids = {
            name: [f"{prefix}_{i}" for i in await session.scalars(select(model.id).order_by(model.id).limit(12))]
            for name, prefix, model in (("contact", "con", Contact), ("account", "acc", Account), ("lead", "lea", Lead))
        }
    cursors = []
    for query in (
        "{ contacts(first: 5) { edges { cursor } } }",
        "{ contacts(first: 5, sort: [{field: CREATED_AT, direction: DESC}]) { edges { cursor } } }",
        "{ contacts(first: 5, sort: [{field: LAST_NAME}]) { edges { cursor } } }",
        "{ accounts(first: 3, sort: [{field: NAME}]) { edges { cursor } } }",
    ):
        (page,) = (await caller(query)).values()
        cursors += [edge["cursor"] for edge in page["edges"]]
    return Known(ids, cursors)


async def answered(caller: Caller, document: Document) -> tuple[int, dict[str, Any], bytes]:
    response = await caller.post(document.text, document.variables, **{"graphql-cost": "1"})
    assert response.status_code < 500, (document.text, document.variables, response.text)
    body = response.json()
    executor = body.pop("extensions", {})
    raw = re.sub(rb',"executor(Reason)?":"[^"]*"', b"", response.content)
    return response.status_code, executor, raw


@pytest.mark.parametrize("who", ["staff", "agent", "customer", "nobody"])
async def test_both_executors_answer_alike(running: Running, resolvers: Running, nobody: Caller, who: str) -> None:
    await seed(running.db, accounts=6, contacts=40, leads=10)
    admin = await hired(running.core, nobody, "admin@example.com", Role.ADMIN, sees_identity=True)
    odd = {
        "first_name": 'Q"\\\u2028é\U0001f600',
        "last_name": "\u0085End\u200f",
        "birth_day": 3,
        "passport_number": "X1",
    }
    await put(
        running.core, PartyKind.CONTACT, odd, {"last_name": "Only"}, {"last_name": "O'Brien", "decision_maker": True}
    )
    caller: Caller = nobody
    if who == "staff":
        caller = admin
    elif who == "agent":
        caller = await hired(running.core, nobody, "agent@example.com", Role.AGENT)
    elif who == "customer":
        caller = await signed_up(
            nobody, "ray@example.com", phones={"add": [{"kind": "MOBILE", "raw": "+49 151 23456789"}]}
        )
    there = await known(running.core, admin)
    # What others name of them is hidden.
    for kind, ids in (("Account", there.ids["account"][:2]), ("Contact", there.ids["contact"][:2])):
        for each in ids:
            delete = f"mutation($i: Delete{kind}Input!) {{ delete{kind}(input: $i) {{ userErrors {{ code }} }} }}"
            assert (await admin(delete, i={kind.lower(): {"id": each}}))[f"delete{kind}"]["userErrors"] == []
    if who == "customer":
        there.ids["contact"].insert(0, caller.contact)  # a customer
        there.ids["account"].insert(0, caller.account)
    other = Caller(resolvers.client, caller.token)
    maker = Maker(schema.graphql_core, there, random.Random(f"{who} 2026"))
    planned = 0
    for _ in range(DOCUMENTS):
        document = maker.document()
        with structlog.testing.capture_logs() as lines:
            ours, theirs = await answered(caller, document), await answered(other, document)
        assert (ours[0], ours[2]) == (theirs[0], theirs[2]), (document.text, document.variables)
        assert [line for line in lines if line["log_level"] == "error"] == [], (document.text, document.variables)
        assert theirs[1].get("executor", "resolvers") == "resolvers"
        planned += ours[1].get("executor") == "compiled"
    assert planned >= DOCUMENTS * (0.15 if who != "nobody" else 0)


@pytest.mark.parametrize("n", [1, 10, 100])
async def test_a_planned_document_is_one_statement_at_any_depth(running: Running, admin: Caller, n: int) -> None:
    await seed(running.db, accounts=100, contacts=200, leads=1)
    query = """query($n: Int!) { accounts(first: $n) { totalCount pageInfo { endCursor } nodes { name
      contacts(first: 2, sort: [{field: LAST_NAME}]) { totalCount edges { cursor node { fullName emails { address }
        account { name primaryContact { id } } } } pageInfo { hasNextPage endCursor } } } } }"""
    with statements(running.db) as seen:
        data = await admin(query, n=n)
    assert len(data["accounts"]["nodes"]) == n
    assert len(seen) == 2  # who asks for the first time, and what they asked for
    with statements(running.db) as seen:
        assert await admin(query, n=n) == data
    assert len(seen) == 1  # both at once


NESTED = {
    "pages": ("contacts(first: 1) { nodes { ", "account { ", "contacts(first: 1) { nodes { ", " } }", " }"),
    "edges": (
        "contacts(first: 1) { edges { node { ",
        "account { ",
        'contacts(first: 1, filter: {not: {lastName: {eq: "a"}}}) { pageInfo { endCursor } edges { node { ',
        " } } }",
        " }",
    ),
    "chain": ("contacts(first: 1) { nodes { ", "reportsTo { ", "reportsTo { ", " }", " }"),
}


@pytest.mark.parametrize("kind", NESTED)
async def test_what_is_nested_as_deep_as_may_be_is_answered_alike_and_is_no_fault(
    running: Running, resolvers: Running, admin: Caller, nobody: Caller, kind: str
) -> None:
    await seed(running.db, accounts=3, contacts=6, leads=1)
    start, odd, even, end_even, end_odd = NESTED[kind]
    end = " } } }" if "edges" in start else " } }"
    executors = set()
    for n in (1, 4, 6, 7, 12):
        inner = "id"
        for level in reversed(range(n)):
            inner = (even if level % 2 else odd) + inner + (end_even if level % 2 else end_odd)
        document = Document("{ " + start + inner + end + " }", {})
        for token in (admin.token, nobody.token):
            caller, other = Caller(running.client, token), Caller(resolvers.client, token)
            with structlog.testing.capture_logs() as lines:
                ours, theirs = await answered(caller, document), await answered(other, document)
            assert (ours[0], ours[2]) == (theirs[0], theirs[2]), document.text
            assert [line for line in lines if line["log_level"] == "error"] == [], document.text
            executors.add(ours[1].get("executor"))
    assert "compiled" in executors


async def test_arguments_that_vary_share_one_statement(running: Running, admin: Caller) -> None:
    await seed(running.db, accounts=2, contacts=30, leads=1)
    query = """query($p: String!, $n: Int!, $after: String) {
      contacts(first: $n, after: $after, filter: {lastName: {startsWith: $p}}, sort: [{field: LAST_NAME}]) {
        edges { cursor node { lastName } } } }"""
    texts = set()
    await admin("{ me { id } }")  # a cached actor is verified by the statement of the answer
    for prefix in ("a", "s", "m"):
        cursor = None
        for n in (1, 2, 3):
            with statements(running.db) as seen:
                page = (await admin(query, p=prefix, n=n, after=cursor))["contacts"]
            texts.add((cursor is not None, seen[-1]))
            assert all(e["node"]["lastName"].lower().startswith(prefix) for e in page["edges"])
            cursor = page["edges"][-1]["cursor"] if page["edges"] else None
    assert len(texts) == 2  # with a cursor and without one


async def test_what_is_fixed_stands_between_two_values_as_one_text(running: Running, admin: Caller) -> None:
    await seed(running.db, accounts=2, contacts=3, leads=1)
    query = """{ contacts(first: 2) { totalCount pageInfo { endCursor hasPreviousPage } edges { cursor node {
      __typename id createdAt emails { id kind } account { id contacts { nodes { id } } } } } } }"""
    with statements(running.db) as seen:
        await admin(query)
    assert """'","node":{"__typename":"Contact","id":"con_'""" in seen[-1]
    assert "' || '" not in seen[-1]


async def test_a_page_of_which_only_constants_are_asked_reads_no_rows(running: Running, admin: Caller) -> None:
    with statements(running.db) as seen:
        data = await admin("{ leads { __typename pageInfo { __typename hasPreviousPage } } }")
    assert data == {
        "leads": {"__typename": "LeadConnection", "pageInfo": {"__typename": "PageInfo", "hasPreviousPage": False}}
    }
    assert "FROM" not in seen[-1]


async def test_a_page_says_in_its_text_how_long_it_is_at_most(running: Running, admin: Caller) -> None:
    with statements(running.db) as seen:
        await admin("{ contacts(first: 3) { nodes { id } } }")
    assert running.db.is_sqlite or "LIMIT 100) AS t1 \n LIMIT $1::INTEGER) AS t2" in seen[-1]
