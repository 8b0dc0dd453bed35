"""Upserts, restorations and keys at once on PostgreSQL: one record comes of one key, and nobody is refused."""

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from crmgraph.demo import Demo, shown
from tests.conftest import Running, serving, settings_for
from tests.graph.conftest import Caller, employee_of
from tests.test_races import ROUNDS, at_once, counts

pytestmark = pytest.mark.parametrize("demo_database", ["postgresql"], indirect=True)

WRITERS = 20
UPSERT = """mutation($i: UpsertContactInput!) { upsertContact(input: $i) {
  outcome contact { id } userErrors { code path } } }"""
BULK = """mutation($i: BulkContactsInput!) { bulkContacts(input: $i) {
  results { outcome contact { id } userErrors { code path } } userErrors { code } } }"""


@pytest.fixture
async def demo(demo_database: tuple[str, Demo], tmp_path: Path) -> AsyncIterator[Running]:
    """The demo, with a connection for everybody who writes: one caller may have half of them."""
    url, kept = demo_database
    async with serving(settings_for(url, tmp_path, pool_size=2 * WRITERS)) as (client, app):
        yield Running(client, app, shown(kept))


@pytest.fixture
async def staff(demo: Running) -> Caller:
    return await employee_of(demo)


def ref(value: Any, i: int) -> Any:
    return {name: ref(each, i) for name, each in value.items()} if isinstance(value, dict) else value.format(i)


@pytest.mark.parametrize(
    "by",
    [
        {"number": "R-{}"},
        {"email": "race{}@example.com"},
        {"external": {"system": "erp", "value": "{}"}},
        {"external": {"dialect": "ZOHO", "value": "77{}"}},
    ],
    ids=["number", "email", "external", "dialect"],
)
async def test_of_twenty_who_upsert_one_new_key_one_makes_the_contact(
    by: dict[str, Any], staff: Caller, demo: Running
) -> None:
    before = await counts(demo)
    for i in range(ROUNDS):

        async def send(n: int, i: int = i) -> tuple[str, str]:
            given = {"by": ref(by, i), "values": {"lastName": f"N{n}"}}
            payload = (await staff(UPSERT, i=given))["upsertContact"]
            assert payload["userErrors"] == []
            return payload["outcome"], payload["contact"]["id"]

        done = await at_once(WRITERS, send)
        assert [outcome for outcome, _ in done].count("CREATED") == 1
        assert len({record for _, record in done}) == 1
    assert await counts(demo) == before | {"contact": before["contact"] + ROUNDS}


async def test_calls_that_write_the_same_items_in_other_orders_wait_for_each_other(
    staff: Caller, demo: Running
) -> None:
    before = await counts(demo)
    shuffled = random.Random(7)
    for i in range(ROUNDS):
        items = [
            {"upsert": {"by": by, "values": {"lastName": f"N{i}-{n}", "firstName": "{}"}}}
            for n in range(10)
            for by in ({"email": f"{i}.{n}@example.com"}, {"external": {"system": "erp", "value": f"{i}.{n}"}})
        ]
        orders = [shuffled.sample(items, len(items)) for _ in range(6)]

        async def send(k: int, orders: list[list[dict[str, Any]]] = orders) -> set[str]:
            payload = (await staff(BULK, i={"items": orders[k]}))["bulkContacts"]
            assert payload["userErrors"] == []
            assert [each["userErrors"] for each in payload["results"]] == [[]] * 20
            return {each["contact"]["id"] for each in payload["results"]}

        found = await at_once(6, send)
        assert len(set().union(*found)) == 20
    assert await counts(demo) == before | {"contact": before["contact"] + 20 * ROUNDS}


RESTORE = """mutation($i: RestoreInput!) { restore(input: $i) { record { id } userErrors { code path } } }"""
DELETE = "mutation($i: DeleteContactInput!) { deleteContact(input: $i) { deletedId } }"


async def test_of_two_deleted_records_of_one_name_one_comes_back(staff: Caller, demo: Running) -> None:
    before = await counts(demo)
    for i in range(ROUNDS):
        ids = []
        for _ in range(2):
            by = {"external": {"system": "erp", "value": f"{i}"}}
            payload = await staff(UPSERT, i={"by": by, "values": {"lastName": "Ray", "number": f"R-{i}"}})
            ids.append(payload["upsertContact"]["contact"]["id"])
            await staff(DELETE, i={"contact": {"id": ids[-1]}})

        async def send(n: int, ids: list[str] = ids) -> list[str]:
            payload = (await staff(RESTORE, i={"record": {"contact": {"id": ids[n % 2]}}}))["restore"]
            return [each["code"] for each in payload["userErrors"]]

        done = await at_once(8, send)
        assert done.count([]) == 1, done
        # The other one is taken; the one that is there is not among the deleted.
        assert sorted(filter(None, done)) == [["NOT_FOUND"]] * 3 + [["TAKEN", "TAKEN"]] * 4
    assert await counts(demo) == before | {"contact": before["contact"] + 2 * ROUNDS}


CREATE = "mutation($i: CreateContactInput!) { createContact(input: $i) { contact { id } userErrors { code } } }"


@pytest.mark.parametrize("numbered", [True, False])
async def test_of_twenty_requests_with_one_key_one_is_carried_out(numbered: bool, staff: Caller, demo: Running) -> None:
    before = await counts(demo)
    for i in range(ROUNDS):
        given = {"i": {"lastName": "Ray"} | ({"number": f"K-{i}"} if numbered else {})}

        async def send(_: int, i: int = i, given: dict[str, Any] = given) -> tuple[bytes, bool]:
            answer = await staff.post(CREATE, given, **{"Idempotency-Key": f"k{i}"})
            return answer.content, "idempotency-replayed" in answer.headers

        done = await at_once(WRITERS, send)
        assert len({content for content, _ in done}) == 1, {content for content, _ in done}
        assert [replayed for _, replayed in done].count(False) == 1
    assert await counts(demo) == before | {"contact": before["contact"] + ROUNDS}
