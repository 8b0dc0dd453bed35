"""Both executors give the same answers, to the byte, errors included; and the planned one asks once."""

import os
import random
import re
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import select

from crmgraph.crm.core import Core
from crmgraph.crm.models import (
    Account,
    Action,
    Address,
    Change,
    Contact,
    Credential,
    Door,
    Email,
    LegacyClient,
    Note,
    PartyKind,
    Phone,
    Photo,
    Relation,
    Role,
    Staff,
)
from crmgraph.crm.records.external_ids import claim
from crmgraph.graph.schema.schema import schema
from crmgraph.seed import seed
from tests.conftest import Running, serving, settings_for, statements
from tests.graph.conftest import Caller, hired, put, signed_up
from tests.graph.documents import Document, Known, Maker

AT = "2026-03-29T12:00:00.5+00:00"
DOCUMENTS = int(os.environ.get("TEST_DOCUMENTS", "100"))
"""How many documents each caller asks; `make soak` asks thousands."""


@pytest.fixture
async def resolvers(running: Running, database: str, tmp_path: Path) -> AsyncIterator[Running]:
    """A second application over the same database, which plans nothing."""
    async with serving(settings_for(database, tmp_path, compiled_plans=False)) as (client, app):
        yield Running(client, app, {})


SORTS = {
    "contacts": (
        "",
        "[{field: CREATED_AT, direction: DESC}]",
        "[{field: LAST_NAME}, {field: UPDATED_AT, direction: DESC}]",
    ),
    "accounts": ("", "[{field: NAME, direction: DESC}]"),
    "leads": ("", "[{field: LAST_NAME}]"),
    "users": ("",),
}


async def known(core: Core, caller: Caller) -> Known:
    """What a document may name: of everything some, as somebody finds it who sees all of it."""
    ids, refs = {}, {}
    for name, fields in (
        ("contact", "number emails { address } externalIds { dialect value }"),
        ("account", "number emails { address } externalIds { dialect value }"),
        ("lead", "number emails { address } externalIds { dialect value }"),
    ):
        nodes = (await caller(f"{{ {name}s(first: 12) {{ nodes {{ id {fields} }} }} }}"))[f"{name}s"]["nodes"]
        ids[name] = [node["id"] for node in nodes]
        refs[name] = [{"number": node["number"]} for node in nodes]
        refs[name] += [{"email": email["address"].upper()} for node in nodes for email in node["emails"]]
        refs[name] += [{"external": each} for node in nodes for each in node["externalIds"]]
        refs[name] += [{"number": "nothing"}, {"email": ""}, {"external": {"dialect": "ZOHO", "value": "1"}}]
    users = (await caller("{ users { nodes { id email } } }"))["users"]["nodes"]
    ids["user"] = [user["id"] for user in users]
    refs["user"] = [{"email": user["email"]} for user in users] + [{"email": "nobody"}, {"email": "no@example.com"}]
    cursors: dict[str, list[tuple[str, list[str]]]] = {}
    for name, sorts in SORTS.items():
        for sort in sorts:
            sorted_by = f", sort: {sort}" if sort else ""
            page = (await caller(f"{{ {name}(first: 20{sorted_by}) {{ __typename edges {{ cursor }} }} }}"))[name]
            found = [edge["cursor"] for edge in page["edges"]]
            cursors.setdefault(page["__typename"], []).append((sort, found))
    names = []
    for name in ("contact", "account", "lead"):
        nodes = (await caller(f"{{ {name}s(first: 12) {{ nodes {{ displayName }} }} }}"))[f"{name}s"]["nodes"]
        names += [node["displayName"] for node in nodes]
    for text in ("con", "example.com", names[0]):
        found = (await caller("query($t: String!) { search(text: $t) { edges { cursor } } }", t=text))["search"]
        of_search = cursors.setdefault("SearchConnection", [])
        of_search.append((text, [edge["cursor"] for edge in found["edges"]]))
    for name, by in (
        ("contact", "CATEGORY, OWNER"),
        ("contact", "ACCOUNT"),
        ("account", "INDUSTRY"),
        ("lead", "STATUS"),
    ):
        groups = (await caller(f"{{ {name}Groups(by: [{by}]) {{ __typename cursor }} }}"))[f"{name}Groups"]
        cursors.setdefault(groups[0]["__typename"], []).append((by, [each["cursor"] for each in groups]))
    async with core.db.read() as session:
        others = []
        for prefix, model in (("pho", Phone), ("ema", Email), ("add", Address), ("not", Note), ("rel", Relation)):
            some = await session.scalars(select(model.id).order_by(model.id.desc()).limit(6))
            others += [f"{prefix}_{i}" for i in some]
        # The records of the first ones are deleted later on.
        some = await session.scalars(select(Change.id).order_by(Change.party_id, Change.id).limit(30))
        others += [f"chg_{i}" for i in [*some][::3]]
    return Known(ids, others, refs, cursors, names)


async def answered(caller: Caller, document: Document) -> tuple[int, dict[str, Any], bytes]:
    response = await caller.post(document.text, document.variables, **{"graphql-cost": "1"})
    assert response.status_code < 500, (document.text, document.variables, response.text)
    body = response.json()
    executor = body.pop("extensions", {})
    raw = re.sub(rb',"executor(Reason)?":"[^"]*"', b"", response.content)
    return response.status_code, executor, raw


async def furnish(core: Core, admin: Caller) -> None:
    """Give some records whatever may hang off one: rows of every kind, names elsewhere, a photo, notes, a history."""
    odd = {
        "first_name": 'Q"\\\u2028é\U0001f600',
        "last_name": "\u0085End\u200f",
        "birth_day": 3,
        "passport_number": "X1",
    }
    shared = {"emails": [{"kind": "PERSONAL", "address": "shared@example.com"}]}
    phones = [
        {"kind": "FAX", "raw": "1", "active": False},
        {"kind": "HOME", "raw": "030 2"},
        {"kind": "HOME", "raw": "3"},
    ]
    made = await put(
        core,
        PartyKind.CONTACT,
        odd | {"phones": phones},
        {"last_name": "Only"} | shared,
        {"last_name": "O'Brien", "decision_maker": True} | shared,
    )
    (lead,) = await put(core, PartyKind.LEAD, {"last_name": "Found", "company": "Rays"} | shared)
    async with core.db.begin() as session:
        contacts = [*made, *await session.scalars(select(Contact.id).order_by(Contact.id).limit(6))]
        accounts = list(await session.scalars(select(Account.id).order_by(Account.id)))
        staff_id = await session.scalar(select(Staff.id))
        credential_id = await session.scalar(select(Credential.id))
        assert staff_id is not None
        client = LegacyClient(dialect=Door.ZOHO, name='The "mill"', login="mill", secret_hash="", staff_id=staff_id)
        session.add(client)
        await session.flush()
        for i, party in enumerate([*contacts, lead, *accounts]):
            await claim(session, "zoho", "record", f"{1000 + i}", party=party)
            await claim(session, "crmcom", "record", f"{i:032x}", party=party)
            await claim(session, "vcard", "UID", f"u{i}", party=party)
        await claim(session, "valomnia", "reference", "Ref", party=accounts[0])
        await claim(session, "valomnia", "reference", "Boss", staff=staff_id)
        await claim(session, "zoho", "user", "77", staff=staff_id)
        for i, (other, given) in enumerate(
            (
                (contacts[1], {}),
                (accounts[0], {"number": "1"}),
                (lead, {"z": [1, 2.5, {"a": None}], "a": True}),
                (None, {"id_number": "X1", "note": "é"}),
                (contacts[2], {}),
            )
        ):
            session.add_all(
                Relation(party_id=party, rank=i, kind="FRIEND", other_id=other, given=given) for party in contacts[:4]
            )
        session.add_all(
            Note(party_id=party, title=f"T{i}", content='"') for i, party in enumerate([*contacts, lead] * 2)
        )
        session.add(
            Photo(
                party_id=contacts[0],
                key="k1",
                file_name='a"b é.png',
                content_type="image/png",
                width=1,
                height=2,
                size_bytes=3,
            )
        )
        fields = [
            {"field": "last_name", "old": None, "new": "É"},
            {"field": "owner_id", "old": staff_id, "new": None},
            {"field": "account_id", "old": None, "new": accounts[0]},
            {"field": f"phones.{contacts[0]}.raw", "old": "1", "new": "2"},
            {"field": f"addresses.{contacts[0]}", "old": None, "new": {"po_box": "1", "country_name": "X"}},
            {"field": "remainder.zoho.Some_Field", "old": [1], "new": {"Some_Key": 1.5}},
            {"field": "id_number", "masked": True},
            {"field": f"relations.{contacts[0]}", "old": None, "new": {"kind": "A", "other_id": contacts[1]}},
            {"field": f"relations.{contacts[0]}.other_id", "old": accounts[0], "new": contacts[0] + 10**6},
            {"field": f"notes.{contacts[0]}", "old": {"owner_id": staff_id, "created_at": AT}, "new": None},
            {"field": f"notes.{contacts[0]}.party_id", "old": lead, "new": contacts[0]},
            {"field": "converted_at", "old": None, "new": AT},
            {"field": "left_out", "old": None, "new": ["annual_revenue"]},
        ]
        for i, (door, by) in enumerate(
            (
                (Door.ZOHO, {"client_id": client.id}),
                (Door.GRAPHQL, {"credential_id": credential_id}),
                (Door.IMPORT, {}),
            )
        ):
            session.add_all(
                Change(
                    party_id=party,
                    kind=PartyKind.CONTACT,
                    action=Action.UPDATED,
                    revision=i + 2,
                    door=door,
                    fields=fields[i:],
                    **by,
                )
                for party in contacts[:5]
            )


@pytest.fixture
async def there(running: Running, nobody: Caller) -> Known:
    """Records of all sorts, some of which are deleted, and what names them."""
    await seed(running.db, accounts=6, contacts=40, leads=10)
    admin = await hired(running.core, nobody, "admin@example.com", Role.ADMIN, sees_identity=True)
    await furnish(running.core, admin)
    found = await known(running.core, admin)
    converted = "mutation($l: ID!) { convertLead(input: {lead: {id: $l}}) { userErrors { __typename code } } }"
    for each in found.ids["lead"][:2]:
        await admin(converted, l=each)
    # What others name of them is hidden.
    for kind, ids in (("Account", found.ids["account"][1:2]), ("Contact", found.ids["contact"][2:4])):
        for each in ids:
            delete = f"mutation($i: Delete{kind}Input!) {{ delete{kind}(input: $i) {{ userErrors {{ code }} }} }}"
            assert (await admin(delete, i={kind.lower(): {"id": each}}))[f"delete{kind}"]["userErrors"] == []
    return found


@pytest.mark.parametrize("who", ["staff", "agent", "customer", "nobody"])
async def test_both_executors_answer_alike(
    running: Running, resolvers: Running, nobody: Caller, there: Known, who: str
) -> None:
    """And nearly all of it is compiled; what is not, and why not, is counted."""
    caller: Caller = nobody
    if who == "staff":
        caller = await nobody.login("admin@example.com")
    elif who == "agent":
        caller = await hired(running.core, nobody, "agent@example.com", Role.AGENT)
    elif who == "customer":
        customer = await signed_up(
            nobody, "ray@example.com", phones={"add": [{"kind": "MOBILE", "raw": "+49 151 23456789"}]}
        )
        there.ids["contact"].insert(0, customer.contact)
        there.ids["account"].insert(0, customer.account)
        caller = customer
    other = Caller(resolvers.client, caller.token)
    maker = Maker(schema.graphql_core, there, random.Random(f"{who} 2026"))
    reasons: Counter[str] = Counter()
    for _ in range(DOCUMENTS):
        document = maker.document()
        with structlog.testing.capture_logs() as lines:
            ours, theirs = await answered(caller, document), await answered(other, document)
        assert (ours[0], ours[2]) == (theirs[0], theirs[2]), (document.text, document.variables)
        assert [line for line in lines if line["log_level"] == "error"] == [], (document.text, document.variables)
        assert theirs[1].get("executor", "resolvers") == "resolvers"
        if ours[1]:
            reasons[ours[1].get("executorReason", "compiled")] += 1
    # What leads back can be nested without end, and SQLite's parser has one.
    deep = reasons.pop("nested too deep for SQLite", 0)
    assert deep <= (0.06 if running.db.is_sqlite else 0) * reasons.total(), reasons
    assert reasons.pop("the arguments of several fields are refused", 0) <= 0.03 * reasons.total(), reasons
    assert reasons["compiled"] >= 0.99 * reasons.total(), reasons


SELDOM = (
    '{ contact(by: {email: "shared@example.com"}) { id } }',
    '{ a: contact(by: {email: "shared@example.com"}) { id } b: lead(by: {email: "SHARED@example.com"}) { id } }',
    '{ a: contact(by: {email: "shared@example.com"}) { id } b: users(first: 101) { totalCount } me { role } }',
    "{ a: contacts(first: 101) { totalCount } b: contacts { totalCount } }",
    "{ contacts(first: 3) { nodes { id reportsTo { id notes(first: 101) { totalCount } } } } }",
    "{ contacts(first: 3) { nodes { id account { id contacts(first: 101) { totalCount } } } } }",
    "{ contacts(first: 3) { edges { node { id directReports(last: 1, first: 1) { totalCount } } } } me { id } }",
    "{ contacts(first: 0) { nodes { directReports(first: 101) { totalCount } } } }",
    """{ contacts(first: 9) { nodes { relations { kind other {
      ... on Contact { id history(after: "x") { nodes { fields { field } } } } ... on Account { id name } } } } } }""",
    """{ nodes(ids: [%s, "x", %s, %s]) { __typename ... on Contact { notes(first: -1) { totalCount } }
      ... on Lead { externalIds { dialect } } } }""",
    """{ nodes(ids: [%s, %s]) { ... on Contact { ...F } ... on Record { number } ... on Node { id } } }
      fragment F on Contact { history(first: 3) { nodes { id user { id } fields { __typename f: field old } } } }""",
    "{ node(id: %s) { ... on Contact { a: notes(first: 101) { totalCount } ...F } } } "
    "fragment F on Contact { a: notes(first: 101) { nodes { id } } }",
    "{ contacts(first: 2, last: 2) { totalCount } users { nodes { id } } }",
    "{ node(id: %s) { ... on Contact { externalIds { dialect value } otherIds { system value } } } }",
    "{ me { contact { id notes(first: 101) { totalCount } } user { id } } }",
    "{ me { id account { id contacts(first: 101) { totalCount } } } }",
    """{ search(text: "shared@example.com") { totalCount pageInfo { hasNextPage startCursor endCursor __typename }
      edges { cursor matched { field e: excerpt __typename } node { number owner { name } ...L } } } }
      fragment L on Lead { company }""",
    """{ search(text: "con") { nodes { ... on Contact { history(first: 1) { nodes { fields { field } } } can } } }
      a: search(text: "ex", last: 2) { totalCount edges { node { ... on Node { id } } } } me { role } }""",
    '{ search(text: "con") { nodes { displayName } edges { node { notes(first: 101) { totalCount } } } } }',
    '{ search(text: "con", first: 101) { totalCount } users { totalCount } me { id } }',
    """{ contactGroups(by: [OWNER, ACCOUNT, COUNTRY]) { __typename keys count cursor hasNext totalGroups record { id }
      records { __typename ... on Account { name contacts(first: 1) { nodes { id } } } ... on User { name } }
      contacts(last: 2) { totalCount edges { cursor node { fullName can } }
      pageInfo { hasPreviousPage endCursor } } } }""",
    "{ accountGroups(by: [CREATED_MONTH], first: 2) { keys accounts(first: 101) { totalCount } } me { id } }",
    '{ leadGroups(by: [STATUS], filter: {lastName: {eq: "nobody"}}) { keys leads(first: 101) { totalCount } } }',
    "{ leadGroups(by: [STATUS, STATUS]) { keys leads(first: 1) { totalCount } } me { id } }",
    "{ contactGroups(by: [ACCOUNT]) { record { ... on Account { notes(first: 1) { nodes { id } } can } } } }",
    """{ a: choices(of: LEAD, field: "status") { value l: label active __typename }
      b: choices(of: LEAD, field: "source") { value }
      c: choices(of: ACCOUNT, field: "kind") { value label active __typename } }""",
    '{ search(text: "m") { __typename totalCount edges { matched { field } } nodes { id } pageInfo { endCursor } } }',
    "{ contacts(last: 3, filter: {email: {isNull: false}}) { nodes { emails { primary } } pageInfo { startCursor } } }",
)
"""What is seldom made at random; ids are those of some contacts and leads."""


@pytest.mark.parametrize("who", ["staff", "customer", "nobody"])
async def test_what_is_seldom_made_at_random_is_answered_alike(
    running: Running, resolvers: Running, nobody: Caller, there: Known, who: str
) -> None:
    caller: Caller = nobody
    ids = [there.ids["contact"][0], there.ids["lead"][0], there.ids["contact"][5]]
    if who == "staff":
        caller = await nobody.login("admin@example.com")
    elif who == "customer":
        customer = await signed_up(nobody, "ray@example.com")
        ids[0], caller = customer.contact, customer
    other = Caller(resolvers.client, caller.token)
    for text in SELDOM:
        document = Document(text % tuple(f'"{each}"' for each in ids[: text.count("%s")]), {})
        with structlog.testing.capture_logs() as lines:
            ours, theirs = await answered(caller, document), await answered(other, document)
        assert (ours[0], ours[2]) == (theirs[0], theirs[2]), document.text
        assert ours[1]["executor"] == "compiled", document.text
        assert [line for line in lines if line["log_level"] == "error"] == [], document.text


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
