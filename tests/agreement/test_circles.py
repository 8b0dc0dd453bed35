"""No record stands above itself, whichever door ties it and however many others are between."""

import asyncio
import random
from typing import Any

import httpx
import pytest

from crmgraph.crm.models import Door, PartyKind
from tests.agreement.doors import PORTAL, PREFIXES, clients
from tests.agreement.world import World, founded
from tests.conftest import Running
from tests.test_races import ROUNDS

FIELDS = {"Contact": ("reportsTo", "Reporting_To"), "Account": ("parent", "Parent_Account")}
MODULES = {"Contact": "Contacts", "Account": "Accounts"}
HEIGHT = 100
WRITERS = 8
"""How many write at once."""


class Tree:
    """Records of one kind, and who stands above whom."""

    def __init__(self, world: World, kind: str) -> None:
        self.world = world
        self.kind = kind
        self.graph = clients(world)["graphql"]
        self.field, self.zoho = FIELDS[kind]

    async def make(self, count: int) -> list[int]:
        """Records, each below the one before."""
        made: list[int] = []
        for _ in range(count):
            above = {self.field: self.id(made[-1])} if made else {}
            named = {"name": "N"} if self.kind == "Account" else {"lastName": "N"}
            name = self.kind.lower()
            query = f"mutation($i: Create{self.kind}Input!) {{ create{self.kind}(input: $i) {{ {name} {{ id }} }} }}"
            data = await self.graph.ask(query, i=named | above)
            made.append(int(data[f"create{self.kind}"][name]["id"][4:]))
        return made

    def id(self, number: int) -> str:
        return f"{PREFIXES[PartyKind(self.kind.upper())]}_{number}"

    async def tie(self, number: int, above: int | None, *, zoho: bool = False) -> Any:
        """What the door says to this tie: None when it is done."""
        if zoho:
            headers = {"Authorization": f"Zoho-oauthtoken {self.world.tokens[Door.ZOHO]}"}
            body = {"data": [{self.zoho: above and {"id": str(above)}}]}
            path = f"/crm/v2/{MODULES[self.kind]}/{number}"
            (row,) = (await self.world.client.put(path, json=body, headers=headers)).json()["data"]
            return None if row["status"] == "success" else row
        query = (
            f"mutation($i: Update{self.kind}Input!) {{ update{self.kind}(input: $i) {{ userErrors {{ code path }} }} }}"
        )
        given = {self.kind.lower(): {"id": self.id(number)}, self.field: above and self.id(above)}
        answer: httpx.Response = await self.world.client.post(
            "/graphql",
            json={"query": query, "variables": {"i": given}},
            headers={"Authorization": f"Bearer {self.world.graph}"},
        )
        return next(iter(answer.json()["data"][f"update{self.kind}"]["userErrors"]), None)

    async def above(self, number: int) -> int | None:
        return (await self.all_above([number]))[number]

    async def all_above(self, numbers: list[int]) -> dict[int, int | None]:
        """{record: who stands above it}."""
        of_kind = f"... on {self.kind} {{ {self.field} {{ id }} }}"
        nodes = " ".join(f'r{number}: node(id: "{self.id(number)}") {{ {of_kind} }}' for number in numbers)
        found = await self.graph.ask(f"{{ {nodes} }}")
        above = {number: found[f"r{number}"][self.field] for number in numbers}
        return {number: each and int(each["id"][4:]) for number, each in above.items()}

    def refusal(self, *, zoho: bool) -> Any:
        if not zoho:
            return {"code": "CYCLE", "path": ["input", self.field]}
        details = {"api_name": self.zoho}
        message = "the record given cannot be above itself"
        return {"code": "INVALID_DATA", "details": details, "message": message, "status": "error"}


@pytest.fixture(params=["Contact", "Account"])
async def tree(request: pytest.FixtureRequest, running: Running) -> Tree:
    return Tree(await founded(running), request.param)


@pytest.mark.parametrize("zoho", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3, 9])
async def test_the_top_does_not_go_below_its_own(tree: Tree, count: int, zoho: bool) -> None:
    made = await tree.make(count)
    for below in {made[-1], made[count // 2]}:
        assert await tree.tie(made[0], below, zoho=zoho) == tree.refusal(zoho=zoho)
    assert await tree.above(made[0]) is None
    (other,) = await tree.make(1)
    assert await tree.tie(made[0], other, zoho=zoho) is None
    assert await tree.tie(other, made[-1], zoho=zoho) == tree.refusal(zoho=zoho)
    assert await tree.tie(made[0], None, zoho=zoho) is None
    assert await tree.tie(other, made[-1], zoho=zoho) is None


async def test_a_hierarchy_is_at_most_a_hundred_records_high(tree: Tree) -> None:
    made = await tree.make(HEIGHT)
    (last,) = await tree.make(1)
    assert await tree.tie(last, made[-1]) is None
    (more,) = await tree.make(1)
    assert await tree.tie(more, last) == tree.refusal(zoho=False)
    assert await tree.tie(more, made[-1], zoho=True) is None


async def test_a_deleted_record_is_above_nobody(tree: Tree) -> None:
    made = await tree.make(3)
    query = f"mutation($i: Delete{tree.kind}Input!) {{ delete{tree.kind}(input: $i) {{ userErrors {{ code }} }} }}"
    await tree.graph.ask(query, i={tree.kind.lower(): {"id": tree.id(made[1])}})
    assert await tree.tie(made[0], made[2]) is None
    assert await tree.above(made[0]) == made[2]


async def test_of_writers_who_close_circles_at_once_one_of_each_is_refused(tree: Tree) -> None:
    records = [(await tree.make(1))[0] for _ in range(WRITERS)]
    # SQLite has one writer at a time as it is.
    for i in range(3 if tree.world.core.db.is_sqlite else ROUNDS):
        random.Random(i).shuffle(records)
        size = (8, 2, 4)[i % 3]
        rings = [records[start : start + size] for start in range(0, WRITERS, size)]
        above = {one: ring[n - 1] for ring in rings for n, one in enumerate(ring)}
        by_zoho = {one: n % 2 == 0 for n, one in enumerate(records)}
        ties = [tree.tie(one, above[one], zoho=by_zoho[one]) for one in records]
        told = dict(zip(records, await asyncio.gather(*ties), strict=True))
        for ring in rings:
            (refused,) = [one for one in ring if told[one] is not None]
            assert told[refused] == tree.refusal(zoho=by_zoho[refused])
        assert await tree.all_above(records) == {one: None if told[one] else above[one] for one in records}
        assert await asyncio.gather(*(tree.tie(one, None) for one in records)) == [None] * WRITERS


async def test_a_customer_is_refused_in_the_words_of_the_portal(running: Running) -> None:
    world = await founded(running)
    tree = Tree(world, "Contact")
    own, below = await tree.make(2)
    token = await world.let_in(own, "own@example.com")
    body = {"contact_id": f"12x{below}"}
    answer = await world.client.put("/crm/v1/profile/contact", json=body, headers=PORTAL | {"token": token})
    assert answer.status_code in (400, 403), answer.text
    assert await tree.above(own) is None
