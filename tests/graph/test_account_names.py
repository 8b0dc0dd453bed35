"""Contacts are sorted by the name of their account, whatever becomes of either."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind
from crmgraph.crm.records import aggregates, parties
from crmgraph.crm.records.edits import Edit
from crmgraph.crm.records.unit_of_work import Transaction
from tests.conftest import statements
from tests.graph.conftest import OFFICE, Caller, Customer, put, signed_up

LISTED = "{ contacts(first: 100, sort: [{field: ACCOUNT_NAME}]) { nodes { lastName } } }"
RENAME = """mutation($a: AccountRef!, $n: String!) { updateAccount(input: {account: $a, name: $n}) {
  userErrors { code } } }"""
MOVE = """mutation($c: ContactRef!, $a: ID) { updateContact(input: {contact: $c, account: $a, firstName: "x"}) {
  contact { id } userErrors { code } } }"""
DELETE = "mutation($a: AccountRef!) { deleteAccount(input: {account: $a}) { userErrors { code } } }"
STALE = """SELECT count(*) FROM contact LEFT JOIN account ON account.id = account_id AND account.deleted_at IS NULL
WHERE account_name_key <> coalesce(account.name_key, '')"""


async def order(caller: Caller, core: Core) -> str:
    """The contacts in the order of their accounts; each has the key of its own."""
    async with core.db.read() as session:
        assert await session.scalar(text(STALE)) == 0
    return "".join(node["lastName"] for node in (await caller(LISTED))["contacts"]["nodes"])


async def test_contacts_are_sorted_by_the_name_of_their_account(agent: Caller, core: Core) -> None:
    zeta, acme, beta = await put(core, PartyKind.ACCOUNT, {"name": "Zeta"}, {"name": "Ácme"}, {"name": "beta"})
    a, _, _, d, _ = await put(
        core,
        PartyKind.CONTACT,
        {"last_name": "A", "account_id": zeta},
        {"last_name": "B", "account_id": acme},
        {"last_name": "C", "account_id": beta},
        {"last_name": "D"},
        {"last_name": "E", "account_id": beta},
    )
    assert await order(agent, core) == "DBCEA"
    assert (await agent(RENAME, a={"id": f"acc_{beta}"}, n="Ýpsilon"))["updateAccount"] == {"userErrors": []}
    assert await order(agent, core) == "DBCEA"
    assert (await agent(RENAME, a={"id": f"acc_{beta}"}, n="Aaa"))["updateAccount"] == {"userErrors": []}
    assert await order(agent, core) == "DCEBA"
    for contact, account, expected in ((a, acme, "DCEAB"), (d, beta, "CDEAB"), (a, None, "ACDEB")):
        given = {"c": {"id": f"con_{contact}"}, "a": None if account is None else f"acc_{account}"}
        assert (await agent(MOVE, **given))["updateContact"]["userErrors"] == []
        assert await order(agent, core) == expected
    assert (await agent(DELETE, a={"id": f"acc_{acme}"}))["deleteAccount"] == {"userErrors": []}
    assert await order(agent, core) == "ABCDE"


async def test_who_comes_with_a_new_account_has_its_name(agent: Caller, nobody: Caller, core: Core) -> None:
    (m,) = await put(core, PartyKind.ACCOUNT, {"name": "M"})
    await put(core, PartyKind.CONTACT, {"last_name": "M", "account_id": m})
    await put(core, PartyKind.LEAD, {"last_name": "L", "company": "Zz"})
    convert = 'mutation { convertLead(input: {lead: {number: "LEA1"}}) { userErrors { code } } }'
    assert await agent(convert) == {"convertLead": {"userErrors": []}}
    assert isinstance(await signed_up(nobody, "s@example.com", lastName="S", account={"name": "Aa"}), Customer)
    assert await order(agent, core) == "SML"


async def test_a_rename_takes_one_statement_more_however_many_contacts_there_are(agent: Caller, core: Core) -> None:
    (account,) = await put(core, PartyKind.ACCOUNT, {"name": "A"})
    counts = []
    for size in (1, 30):
        await put(core, PartyKind.CONTACT, *({"last_name": "X", "account_id": account} for _ in range(size)))
        with statements(core.db) as seen:
            await agent(RENAME, a={"id": f"acc_{account}"}, n=f"B{size}")
        counts.append(sum("account_name_key" in each and each.startswith("UPDATE") for each in seen))
        await order(agent, core)
    assert counts == [1, 1]


@pytest.mark.parametrize("joins", ["new", "moves"])
async def test_whoever_joins_an_account_that_is_being_renamed_has_its_new_name(
    agent: Caller, core: Core, joins: str
) -> None:
    if core.db.is_sqlite:
        pytest.skip("there is one writer")
    (account,) = await put(core, PartyKind.ACCOUNT, {"name": "Old"})
    (other,) = await put(core, PartyKind.CONTACT, {"last_name": "O"})
    create = 'mutation($a: ID!) { createContact(input: {lastName: "N", account: $a}) { userErrors { code } } }'
    async with core.db.begin() as session:
        loaded = await aggregates.load_one(session, OFFICE, PartyKind.ACCOUNT, account, lock=True)
        await parties.update(Transaction(session), OFFICE, loaded, Edit({"name": "New"}))
        await session.flush()
        given: dict[str, Any] = {"a": f"acc_{account}"}
        if joins == "moves":
            given["c"] = {"id": f"con_{other}"}
        joining = asyncio.create_task(agent(create if joins == "new" else MOVE, **given))
        done, _ = await asyncio.wait([joining], timeout=0.5)
        assert not done, "it waits for the name"
    ((payload,),) = ([*(await joining).values()],)
    assert payload["userErrors"] == []
    assert await order(agent, core) == ("ON" if joins == "new" else "O")


async def test_who_joins_first_gets_the_name_that_comes_after(agent: Caller, core: Core) -> None:
    if core.db.is_sqlite:
        pytest.skip("there is one writer")
    (account,) = await put(core, PartyKind.ACCOUNT, {"name": "Old"})
    async with core.db.begin() as session:
        await parties.create(session, OFFICE, PartyKind.CONTACT, Edit({"last_name": "N", "account_id": account}))
        await session.flush()
        renaming = asyncio.create_task(agent(RENAME, a={"id": f"acc_{account}"}, n="New"))
        done, _ = await asyncio.wait([renaming], timeout=0.5)
        assert not done, "it waits for the contact"
    assert (await renaming)["updateAccount"] == {"userErrors": []}
    assert await order(agent, core) == "N"
