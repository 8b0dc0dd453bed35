"""How many statements the loaders take: as many for a hundred rows as for one, at every level of nesting."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from crmgraph.crm.core import Core
from crmgraph.crm.models import Account, Contact, Lead, Note, PartyKind, Photo, Relation
from crmgraph.crm.records.external_ids import claim
from crmgraph.graph.resolvers.slices import Slices
from crmgraph.seed import seed
from tests.conftest import Running, serving, settings_for, statements
from tests.graph.conftest import Caller, put


@pytest.fixture(params=["at once", "object by object"])
async def running(
    database: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Running]:
    """The application with every query left to the resolvers and loaders, whether there is time for them or not."""
    monkeypatch.setattr(Slices, "SECONDS", 10 if request.param == "at once" else 0)
    async with serving(settings_for(database, tmp_path, compiled_plans=False)) as (client, app):
        yield Running(client, app, {})


@pytest.fixture
async def hundred(core: Core, agent: Caller) -> None:
    """A hundred accounts with three contacts each, everything that hangs off them, and a hundred leads."""
    owner = int((await agent("{ me { user { id } } }"))["me"]["user"]["id"].removeprefix("usr_"))
    await seed(core.db, accounts=100, contacts=300, leads=100)
    async with core.db.begin() as session:
        contacts = (await session.scalars(select(Contact.id).order_by(Contact.id))).all()
        boss = contacts[-1]
        await session.execute(update(Contact).values(owner_id=owner, reports_to_id=boss))
        await session.execute(update(Account).values(owner_id=owner, primary_contact_id=boss))
        await session.execute(update(Lead).values(owner_id=owner))
        for model, values in (
            (Note, {"content": "called", "owner_id": owner}),
            (Relation, {"kind": "SPOUSE", "other_id": boss}),
            (Photo, {"file_name": "a.jpg", "content_type": "image/jpeg", "width": 1, "height": 1, "size_bytes": 1}),
        ):
            keys = [{"key": f"{contact:032}.jpg"} if model is Photo else {} for contact in contacts]
            rows = [{"party_id": contact} | key for contact, key in zip(contacts, keys, strict=True)]
            await session.execute(insert(model), [row | values for row in rows])
        await claim(session, "zoho", "record", "1", party=contacts[0])


CONTACT = """id fullName phones { raw primary } emails { address } addresses { city } photo { url } owner { name }
  externalIds { dialect value href } identityDocuments { idNumber } preferences { roaming } birthDate { year }"""

QUERIES = {
    # name: (how many statements besides the one that says who asks, the query)
    "plain": (1, "query($n: Int!) { contacts(first: $n) { nodes { id fullName } pageInfo { endCursor } } }"),
    "rows": (
        8,
        "query($n: Int!) { contacts(first: $n) { nodes { " + CONTACT + " } } }",
    ),
    "account": (2, "query($n: Int!) { contacts(first: $n) { edges { cursor node { account { name } } } } }"),
    "total": (2, "query($n: Int!) { contacts(first: $n) { totalCount nodes { id } } }"),
    "contacts of accounts": (
        2,
        "query($n: Int!) { accounts(first: $n) { nodes { name contacts(first: 2) { nodes { fullName } } } } }",
    ),
    "totals of contacts of accounts": (
        3,
        "query($n: Int!) { accounts(first: $n) { nodes { contacts(first: 0) { totalCount } } } }",
    ),
    "four levels": (
        5,
        """query($n: Int!) { accounts(first: $n) { nodes { contacts(first: 2) { nodes {
             account { contacts(last: 1) { nodes { emails { address } } } } } } } } }""",
    ),
    "filtered": (
        2,
        """query($n: Int!) { accounts(first: $n) { nodes { contacts(
             filter: {lastName: {startsWith: "a"}, city: {eq: "berlin"}}, sort: [{field: LAST_NAME}]
           ) { nodes { fullName } } } } }""",
    ),
    "notes and history": (
        6,
        """query($n: Int!) { contacts(first: $n) { nodes {
             notes(first: 1) { totalCount nodes { content owner { name } } }
             history(first: 1) { totalCount nodes { action user { name } contact { id } client } } } } }""",
    ),
    "relations": (
        5,
        "query($n: Int!) { contacts(first: $n) { nodes { relations { kind other { id } } } } }",
    ),
    "back to the record": (
        6,
        """query($n: Int!) { contacts(first: $n) { nodes {
             phones { of { id } } emails { of { ... on Contact { lastName } } } } } }""",
    ),
    "the record of a change": (
        5,
        "query($n: Int!) { contacts(first: $n) { nodes { history(first: 1) { nodes { recordId record { id } } } } } }",
    ),
    "the lead that it came of": (
        2,
        "query($n: Int!) { contacts(first: $n) { nodes { convertedFrom { id } can } } }",
    ),
    "reports": (
        3,
        """query($n: Int!) { contacts(first: $n, sort: [{field: LAST_NAME, direction: DESC}]) { nodes {
             reportsTo { id } directReports(first: 1) { nodes { id } } } } }""",
    ),
    "leads": (
        4,
        "query($n: Int!) { leads(first: $n) { nodes { phones { raw } emails { address } owner { name } } } }",
    ),
    "users": (1, "query($n: Int!) { users(first: $n) { nodes { name } } }"),
}


@pytest.mark.usefixtures("hundred")
async def test_as_many_statements_for_a_hundred_rows_as_for_one(agent: Caller, core: Core) -> None:
    for name, (expected, query) in QUERIES.items():
        for n in (1, 10, 100):
            with statements(core.db) as seen:
                await agent(query, n=n)
            assert len(seen) - 1 == expected, (name, n, seen[1:])


@pytest.mark.usefixtures("hundred")
async def test_records_named_in_one_document_are_read_together(agent: Caller, core: Core) -> None:
    ids = [node["id"] for node in (await agent("{ contacts(first: 50) { nodes { id } } }"))["contacts"]["nodes"]]
    aliases = " ".join(f'a{n}: contact(by: {{id: "{id_}"}}) {{ id phones {{ raw }} }}' for n, id_ in enumerate(ids))
    with statements(core.db) as seen:
        data = await agent(f"{{ {aliases} }}")
    assert [each["id"] for each in data.values()] == ids
    assert len(seen) == 3
    with statements(core.db) as seen:
        nodes = (await agent("query($i: [ID!]!) { nodes(ids: $i) { id } }", i=ids[::-1]))["nodes"]
    assert [node["id"] for node in nodes] == ids[::-1]
    assert len(seen) == 2


async def test_a_change_reads_nothing_again(agent: Caller, core: Core) -> None:
    phones, emails = [{"kind": "FAX", "raw": "1"}], [{"kind": "BUSINESS", "address": "a@example.com"}]
    (contact,) = await put(core, PartyKind.CONTACT, {"last_name": "Ray", "phones": phones, "emails": emails})
    change = """mutation($c: ContactRef!, $n: String!) { updateContact(input: {contact: $c, firstName: $n}) {
      contact { id revision firstName phones { id raw } emails { address } } userErrors { code } } }"""
    with statements(core.db) as seen:
        data = await agent(change, c={"id": f"con_{contact}"}, n="Ron")
    assert data["updateContact"]["contact"]["firstName"] == "Ron"
    reads_afterwards = seen[[i for i, s in enumerate(seen) if "UPDATE" in s or "INSERT" in s][-1] + 1 :]
    assert reads_afterwards == []
