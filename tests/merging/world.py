"""What the tests of merges share: contacts, accounts and leads at GraphQL's door, and what becomes of them."""

from typing import Any

from crmgraph.crm.models import PartyKind
from tests.agreement.doors import PREFIXES, Graph, Record

ERRORS = "userErrors { __typename code path message }"
NAMES = {PartyKind.CONTACT: "Contact", PartyKind.ACCOUNT: "Account", PartyKind.LEAD: "Lead"}


def con(number: int) -> str:
    """The global id of a contact."""
    return f"con_{number}"


async def asked(graph: Graph, query: str, **variables: Any) -> Any:
    """The data of an operation, refused or not."""
    answer = await graph.world.client.post(
        "/graphql",
        json={"query": query, "variables": variables},
        headers={"Authorization": f"Bearer {graph.world.graph}"},
    )
    body = answer.json()
    assert answer.status_code == 200 and "errors" not in body, answer.text
    return body["data"]


async def made(graph: Graph, kind: PartyKind, **values: Any) -> Record:
    """A new record. Rows are lists of what is added."""
    name = NAMES[kind]
    required = {"name": "N"} if kind is PartyKind.ACCOUNT else {"lastName": "N"}
    lists = {key: {"add": value} for key, value in values.items() if isinstance(value, list)}
    query = f"mutation($i: Create{name}Input!) {{ create{name}(input: $i) {{ {name.lower()} {{ id }} {ERRORS} }} }}"
    data = (await asked(graph, query, i=required | values | lists))[f"create{name}"]
    assert data["userErrors"] == []
    return Record(kind, int(data[name.lower()]["id"][4:]))


async def merged(graph: Graph, into: Record, *sources: Record, fields: str = "id", **more: Any) -> dict[str, Any]:
    """The payload of a merge."""
    name = NAMES[into.kind]
    query = f"""mutation($i: Merge{name}sInput!) {{ merge{name}s(input: $i) {{
      {name.lower()} {{ {fields} }} mergedIds preview {{ field old new masked }}
      dropped {{ of field given kept masked }} {ERRORS} }} }}"""
    given = {"into": {"id": ident(into)}, "from": [{"id": ident(each)} for each in sources]}
    payload: dict[str, Any] = (await asked(graph, query, i=given | more))[f"merge{name}s"]
    return payload


async def unmerged(graph: Graph, record: Record, **more: Any) -> dict[str, Any]:
    """The payload of the undoing of a merge."""
    query = f"""mutation($i: UnmergeInput!) {{ unmerge(input: $i) {{
      record {{ id }} stayed {{ id }} kept {{ of field given kept masked }} {ERRORS} }} }}"""
    payload: dict[str, Any] = (await asked(graph, query, i={"merged": ident(record)} | more))["unmerge"]
    return payload


def ident(record: Record) -> str:
    """The global id of a record."""
    return f"{PREFIXES[record.kind]}_{record.number}"


async def told(graph: Graph, record: Record, fields: str, **more: Any) -> Any:
    """What a record tells, by its global id."""
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on {NAMES[record.kind]} {{ {fields} }} }} }}"
    return (await asked(graph, query, id=ident(record), **more))["node"]
