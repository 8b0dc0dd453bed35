"""What the types promise: names that are always there, what may be done with a record, national numbers, scalars with a
specification, and the schema at an address of its own."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import GraphQLScalarType, build_schema, is_specified_scalar_type
from sqlalchemy import text

import crmgraph
from crmgraph.crm.core import Core
from crmgraph.crm.models import PartyKind, Role
from crmgraph.graph.schema.schema import schema, sdl
from tests.conftest import Running, serving, settings_for, statements
from tests.graph.conftest import Caller, Customer, hired, put

NAMES = "{ contacts { nodes { lastName fullName } } leads { nodes { lastName } } accounts { nodes { name } } }"
CAN = """query($ids: [ID!]!, $gone: Boolean! = false) { nodes(ids: $ids, deleted: $gone) {
  ... on Record { id can } } }"""


async def test_a_name_is_empty_where_a_store_from_before_has_none(agent: Caller, core: Core) -> None:
    await put(core, PartyKind.CONTACT, {"first_name": "Ada", "last_name": "King"})
    await put(core, PartyKind.LEAD, {"last_name": "L"})
    await put(core, PartyKind.ACCOUNT, {"name": "A"})
    named = {
        "contacts": {"nodes": [{"lastName": "King", "fullName": "Ada King"}]},
        "leads": {"nodes": [{"lastName": "L"}]},
        "accounts": {"nodes": [{"name": "A"}]},
    }
    assert await agent(NAMES) == named
    async with core.db.begin() as session:
        for table, column in (("contact", "last_name"), ("lead", "last_name"), ("account", "name")):
            await session.execute(text(f"UPDATE {table} SET {column} = NULL"))
    assert await agent(NAMES) == {
        "contacts": {"nodes": [{"lastName": "", "fullName": "Ada"}]},
        "leads": {"nodes": [{"lastName": ""}]},
        "accounts": {"nodes": [{"name": ""}]},
    }
    # By the resolvers too, and after a change, which does not have to give one.
    change = """mutation($r: ContactRef!) { updateContact(input: {contact: $r, firstName: "Bo"}) {
      contact { lastName firstName notes { totalCount } } userErrors { code } } }"""
    contact = {"number": "CON1"}
    assert (await agent(change, r=contact))["updateContact"]["contact"]["lastName"] == ""
    short = change.replace(" notes { totalCount }", "").replace("Bo", "Cy")
    assert (await agent(short, r=contact))["updateContact"]["contact"] == {"lastName": "", "firstName": "Cy"}


async def test_a_record_tells_what_may_be_done_with_it(
    core: Core, nobody: Caller, agent: Caller, customer: Customer
) -> None:
    (account,) = await put(core, PartyKind.ACCOUNT, {"name": "Acme"})
    (contact,) = await put(core, PartyKind.CONTACT, {"last_name": "Other", "account_id": account})
    leads = await put(
        core,
        PartyKind.LEAD,
        {"last_name": "Open"},
        {"last_name": "Held", "locked_by": "import"},
        {"last_name": "Waits", "approval": "AWAITING"},
        {"last_name": "Done"},
    )
    convert = "mutation($l: ID!) { convertLead(input: {lead: {id: $l}}) { userErrors { code } } }"
    assert (await agent(convert, l=f"lea_{leads[3]}"))["convertLead"]["userErrors"] == []
    ids = [f"con_{contact}", customer.contact, f"acc_{account}", customer.account, *(f"lea_{lead}" for lead in leads)]

    async def can(caller: Caller, **given: Any) -> list[list[str] | None]:
        with statements(core.db) as seen:
            found = (await caller(CAN, ids=ids, **given))["nodes"]
        assert len(seen) <= 2
        return [None if each is None else each["can"] for each in found]

    staff = ["UPDATE", "DELETE", "MERGE"]
    of_leads = [[*staff, "CONVERT"], ["UPDATE"], ["UPDATE", "DELETE"], ["UPDATE", "DELETE", "UNCONVERT"]]
    assert await can(agent) == [staff, staff, staff, staff, *of_leads]
    trusted = await hired(core, nobody, "trusted@example.com", Role.AGENT, sees_identity=True)
    identity = [*staff, "SEE_IDENTITY"]
    assert await can(trusted) == [identity, identity, staff, staff, *of_leads]
    assert await can(customer) == [None, ["UPDATE", "SEE_IDENTITY"], None, ["UPDATE"], *[None] * 4]
    assert await can(nobody) == [None] * 8
    # An account whose primary contact is somebody else is only read.
    async with core.db.begin() as session:
        await session.execute(text("UPDATE account SET primary_contact_id = :c"), {"c": contact})
    assert (await can(customer))[3] == []
    delete = "mutation($c: ID!) { deleteContact(input: {contact: {id: $c}}) { userErrors { code } } }"
    await agent(delete, c=f"con_{contact}")
    assert (await can(agent, gone=True))[0] == ["RESTORE"]


async def test_what_may_be_done_can_be_done(agent: Caller, customer: Customer, core: Core) -> None:
    (lead,) = await put(core, PartyKind.LEAD, {"last_name": "Held", "locked_by": "import"})
    delete = "mutation($l: ID!) { deleteLead(input: {lead: {id: $l}}) { userErrors { code } } }"
    convert = "mutation($l: ID!) { convertLead(input: {lead: {id: $l}}) { userErrors { code } } }"
    for mutation in (delete, convert):
        (refused,) = (await agent(mutation, l=f"lea_{lead}")).values()
        assert refused["userErrors"] == [{"code": "LOCKED"}]
    release = """mutation($l: ID!) { updateLead(input: {lead: {id: $l}, lockedBy: null}) {
      lead { can } userErrors { code } } }"""
    with statements(core.db) as seen:
        released = (await agent(release, l=f"lea_{lead}"))["updateLead"]
    assert core.db.is_sqlite or len(seen) == 2
    assert released == {"lead": {"can": ["UPDATE", "DELETE", "MERGE", "CONVERT"]}, "userErrors": []}


async def test_a_number_is_told_as_it_is_written_in_its_country(agent: Caller, core: Core) -> None:
    phones = [
        {"kind": "MOBILE", "raw": "+49 30 90123456"},
        {"kind": "HOME", "raw": "+1 202-555-0123 x12"},
        {"kind": "FAX", "raw": "call me"},
    ]
    await put(core, PartyKind.CONTACT, {"last_name": "P", "phones": phones})
    read = "{ contacts { nodes { phones { e164 national extension valid } } } }"
    with statements(core.db) as seen:
        (found,) = (await agent(read))["contacts"]["nodes"]
    assert len(seen) <= 2
    assert found["phones"] == [
        {"e164": "+493090123456", "national": "030 90123456", "extension": None, "valid": True},
        {"e164": "+12025550123", "national": "(202) 555-0123", "extension": "12", "valid": True},
        {"e164": None, "national": None, "extension": None, "valid": False},
    ]


def test_every_scalar_of_ours_says_what_it_is_by_a_specification() -> None:
    ours = {
        name: type_.specified_by_url
        for name, type_ in schema.graphql_core.type_map.items()
        if isinstance(type_, GraphQLScalarType) and not is_specified_scalar_type(type_)
    }
    assert len(ours) == 10
    assert [name for name, url in ours.items() if not (url or "").startswith("https://")] == []


SCHEMA = "/graphql/schema.graphql"


async def test_the_schema_is_read_at_its_address_and_not_read_again(running: Running) -> None:
    response = await running.client.get(SCHEMA)
    assert (response.status_code, response.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    first, _, rest = response.text.partition("\n\n")
    etag = response.headers["etag"].removeprefix("W/")  # the answer came compressed
    assert (first, rest) == (f"# crmgraph {crmgraph.__version__}, schema {etag.strip(chr(34))}", sdl())
    assert build_schema(response.text).query_type is not None
    for known in (etag, f'"x", W/{etag}', "*"):
        again = await running.client.get(SCHEMA, headers={"if-none-match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert (await running.client.get(SCHEMA, headers={"if-none-match": '"x"'})).status_code == 200
    head = await running.client.head(SCHEMA)
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize("introspection", ["signed-in", "closed"])
async def test_the_schema_is_shown_to_whom_introspection_is(database: str, tmp_path: Path, introspection: str) -> None:
    async with serving(settings_for(database, tmp_path, introspection=introspection)) as (client, app):
        core = app.state.core
        staff = await hired(core, Caller(client), "a@example.com", Role.AGENT)

        async def status(headers: dict[str, str]) -> tuple[int, str]:
            response: httpx.Response = await client.get(SCHEMA, headers=headers)
            if response.status_code == 200:
                return 200, ""
            return response.status_code, response.json()["errors"][0]["extensions"]["code"]

        if introspection == "closed":
            assert await status(staff.headers) == await status({}) == (403, "INTROSPECTION_DISABLED")
        else:
            assert await status(staff.headers) == (200, "")
            assert await status({}) == (403, "INTROSPECTION_DISABLED")
            assert await status({"authorization": "Bearer x"}) == (401, "UNAUTHENTICATED")
