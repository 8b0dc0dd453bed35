"""No record stands above itself, whichever door ties it and however many others are between."""

import asyncio
from typing import Any

import httpx
import pytest

from crmgraph.crm.models import Door, PartyKind
from tests.agreement.doors import PORTAL, PREFIXES, clients
from tests.agreement.world import World, founded
from tests.conftest import Running

FIELDS = {"Contact": ("reportsTo", "Reporting_To"), "Account": ("parent", "Parent_Account")}
MODULES = {"Contact": "Contacts", "Account": "Accounts"}
HEIGHT = 100


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
        node = f"node(id: $id) {{ ... on {self.kind} {{ {self.field} {{ id }} }} }}"
        found = (await self.graph.ask(f"query($id: ID!) {{ {node} }}", id=self.id(number)))["node"][self.field]
        return found and int(found["id"][4:])

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


async def test_of_writers_who_close_a_circle_at_once_one_is_refused(tree: Tree) -> None:
    for size in (2, 2, 2, 3, 5, 8):
        ring = [(await tree.make(1))[0] for _ in range(size)]
        ties = [tree.tie(one, ring[(i + 1) % size], zoho=i % 2 == 0) for i, one in enumerate(ring)]
        told = await asyncio.gather(*ties)
        refused = [i for i, said in enumerate(told) if said is not None]
        assert len(refused) == 1
        assert told[refused[0]] == tree.refusal(zoho=refused[0] % 2 == 0)
        above = [await tree.above(one) for one in ring]
        assert above == [None if i in refused else ring[(i + 1) % size] for i in range(size)]


async def test_a_customer_is_refused_in_the_words_of_the_portal(running: Running) -> None:
    world = await founded(running)
    tree = Tree(world, "Contact")
    own, below = await tree.make(2)
    token = await world.let_in(own, "own@example.com")
    body = {"contact_id": f"12x{below}"}
    answer = await world.client.put("/crm/v1/profile/contact", json=body, headers=PORTAL | {"token": token})
    assert answer.status_code in (400, 403), answer.text
    assert await tree.above(own) is None
