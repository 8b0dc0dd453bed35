"""The staff: listed, found by what they are called, with the records that are theirs."""

from typing import Any

from crmgraph.crm.core import Core
from crmgraph.crm.identity import staff
from crmgraph.crm.models import PartyKind, Role
from tests.graph.conftest import Caller, Customer, put

USERS = "query($f: UserFilter, $s: [UserSort!]) { users(filter: $f, sort: $s) { totalCount nodes { name } } }"
OWNED = """{ users(filter: {name: {eq: "eva ōe"}}) { nodes { contacts(first: 2) { totalCount nodes { lastName }
  pageInfo { endCursor hasNextPage } } accounts { totalCount nodes { name } }
  leads { totalCount nodes { lastName } } } } }"""


async def hire(core: Core) -> dict[str, int]:
    ids = {}
    async with core.db.begin() as session:
        for name, email, role in (
            ("Eva Ōe", "eva@münchen.example", Role.ADMIN),
            ("bob", "bob@example.com", Role.AGENT),
            ("Zed", None, Role.AGENT),
        ):
            ids[name] = (await staff.add_staff(session, name, email, role, None)).id
    return ids


async def test_staff_are_found_by_what_they_are_called(
    agent: Caller, customer: Customer, nobody: Caller, core: Core
) -> None:
    await hire(core)
    introspected = USERS[: USERS.rindex("}")] + "__schema { queryType { name } } }"
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["Agent", "Eva Ōe", "bob", "Zed"]),
        ({"s": [{"field": "NAME"}]}, ["Agent", "bob", "Eva Ōe", "Zed"]),
        ({"s": [{"field": "EMAIL", "direction": "DESC"}]}, ["Eva Ōe", "bob", "Agent", "Zed"]),
        ({"s": [{"field": "CREATED_AT"}]}, ["Agent", "Eva Ōe", "bob", "Zed"]),
        ({"f": {"name": {"contains": "OE"}}}, ["Eva Ōe"]),
        ({"f": {"name": {"startsWith": "B"}}}, ["bob"]),
        ({"f": {"email": {"eq": "EVA@xn--mnchen-3ya.example"}}}, ["Eva Ōe"]),
        ({"f": {"email": {"contains": "example"}}}, ["Agent", "Eva Ōe", "bob"]),
        ({"f": {"email": {"isNull": True}}}, ["Zed"]),
        ({"f": {"role": ["ADMIN"]}}, ["Eva Ōe"]),
        ({"f": {"active": True, "not": {"name": {"eq": "bob"}}}}, ["Agent", "Eva Ōe", "Zed"]),
        ({"f": {"or": [{"name": {"eq": "zed"}}, {"role": ["ADMIN"]}]}}, ["Eva Ōe", "Zed"]),
    ]
    for given, expected in cases:
        for query, executor in ((USERS, "compiled"), (introspected, "resolvers")):
            body = (await agent.post(query, given, **{"graphql-cost": "1"})).json()
            page = body["data"]["users"]
            assert ([node["name"] for node in page["nodes"]], page["totalCount"]) == (expected, len(expected)), given
            assert body["extensions"]["executor"] == executor
            for caller in (customer, nobody):
                assert (await caller(query, **given))["users"] is None


async def test_staff_have_the_records_that_they_own(agent: Caller, customer: Customer, core: Core) -> None:
    eva = (await hire(core))["Eva Ōe"]
    await put(core, PartyKind.CONTACT, *({"last_name": name, "owner_id": eva} for name in "ABC"))
    await put(core, PartyKind.ACCOUNT, {"name": "Acme", "owner_id": eva}, {"name": "Other"})
    await put(core, PartyKind.LEAD, {"last_name": "L", "owner_id": eva})
    for query in (OWNED, OWNED[: OWNED.rindex("}")] + "__schema { queryType { name } } }"):
        (node,) = (await agent(query))["users"]["nodes"]
        assert node["contacts"]["totalCount"] == 3
        assert [each["lastName"] for each in node["contacts"]["nodes"]] == ["A", "B"]
        assert node["contacts"]["pageInfo"]["hasNextPage"] is True
        assert node["accounts"] == {"totalCount": 1, "nodes": [{"name": "Acme"}]}
        assert node["leads"] == {"totalCount": 1, "nodes": [{"lastName": "L"}]}
    give = (
        "mutation($c: ContactRef!, $o: ID!) { updateContact(input: {contact: $c, owner: $o}) { userErrors { code } } }"
    )
    assert (await agent(give, c={"id": customer.contact}, o=f"usr_{eva}"))["updateContact"] == {"userErrors": []}
    own = "{ contacts { nodes { owner { contacts { totalCount nodes { lastName } } leads { totalCount } } } } }"
    for query in (own, own[: own.rindex("}")] + "__schema { queryType { name } } }"):
        owner = (await customer(query))["contacts"]["nodes"][0]["owner"]
        assert owner == {"contacts": {"totalCount": 1, "nodes": [{"lastName": "Ray"}]}, "leads": {"totalCount": 0}}
