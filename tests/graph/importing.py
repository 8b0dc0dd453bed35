"""Imports by the graph, as the tests bring them in."""

import asyncio
import csv
import io
import json
from typing import Any

from tests.graph.conftest import Caller

COUNTS = "{ created updated unchanged merged skipped refused total contacts accounts leads }"
IMPORT = f"""id state fault format planned {COUNTS} progress {COUNTS} by {{ email }} startedAt finishedAt
  files {{ name bytes format kind used encoding }} questions {{ code option answers open }}
  undo {{ reversed kept failed dryRun }} undoLeft {{ recordId at reason }} refusedFile"""
PAYLOAD = f"{{ import {{ {IMPORT} }} userErrors {{ code path }} }}"
CREATE = f"mutation($i: CreateImportInput!) {{ createImport(input: $i) {PAYLOAD} }}"
READ = f"query($id: ID!) {{ node(id: $id) {{ ... on Import {{ {IMPORT} }} }} }}"
ROWS = """query($id: ID!, $o: Outcome, $n: Int, $a: String) { node(id: $id) { ... on Import {
  rows(outcome: $o, first: $n, after: $a) { totalCount pageInfo { hasNextPage endCursor }
    nodes { at outcome kind code reason warnings record { id displayName } } } } } }"""
SHOWN = """query($id: ID!) { node(id: $id) { ... on Import { preview(first: 1) { at kind outcome values }
  columns { column target values filled } refusedFile } } }"""
BUSY = ("ANALYSING", "RUNNING", "UNDOING")
HEADER = ("Record ID", "First Name", "Last Name", "Email", "Lifecycle Stage", "Contact owner", "Associated Company")


def table(*rows: tuple[str, ...]) -> bytes:
    """A list of contacts as HubSpot writes it."""
    out = io.StringIO()
    csv.writer(out).writerows([HEADER, *rows])
    return out.getvalue().encode()


def person(n: int, **named: str) -> tuple[str, ...]:
    cells = {"Record ID": str(n), "First Name": "Ann", "Last Name": f"Ray{n}", "Email": f"ann{n}@example.com"}
    return tuple((cells | named).get(name, "") for name in HEADER)


NOBODY = ("7", "", "", "", "", "", "")


async def post(caller: Caller, *files: tuple[str, bytes], options: Any = None, query: str = CREATE) -> Any:
    """The response to a request with files."""
    given = {"files": [None] * len(files)} | ({} if options is None else {"options": options})
    if not files:
        return await caller.post(query, {"i": given})
    places = {f"f{n}": [f"variables.i.files.{n}"] for n in range(len(files))}
    return await caller.client.post(
        "/graphql",
        data={"operations": json.dumps({"query": query, "variables": {"i": given}}), "map": json.dumps(places)},
        files=[(f"f{n}", (name, data, "text/csv")) for n, (name, data) in enumerate(files)],
        headers=caller.headers | {"graphql-preflight": "1"},
    )


async def created(caller: Caller, *files: tuple[str, bytes], **options: Any) -> Any:
    """An import of files, once they were read."""
    response = await post(caller, *files, options=options or None)
    payload = response.json()["data"]["createImport"]
    assert payload["userErrors"] == []
    return await settled(caller, payload["import"]["id"])


async def settled(caller: Caller, own_id: str) -> Any:
    """An import once nothing is done for it."""
    async with asyncio.timeout(60):
        while (found := (await caller(READ, id=own_id))["node"])["state"] in BUSY:
            await asyncio.sleep(0.02)
    return found


async def asked(caller: Caller, mutation: str, own_id: str, **given: Any) -> Any:
    """The payload of a mutation of an import."""
    type_ = mutation[0].upper() + mutation[1:]
    query = f"mutation($i: {type_}Input!) {{ {mutation}(input: $i) {PAYLOAD} }}"
    return (await caller(query, i={"import": own_id, **given}))[mutation]


async def done(caller: Caller, mutation: str, own_id: str, **given: Any) -> Any:
    """The import after a mutation that is taken, once it is carried out."""
    payload = await asked(caller, mutation, own_id, **given)
    assert payload["userErrors"] == []
    return await settled(caller, own_id)
