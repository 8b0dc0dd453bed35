"""Every record has an owner there: who nobody owns is told, searched and sent back as the caller's employee's."""

from tests.dialects.zoho.conftest import OWNER, PATRICIA, Program
from tests.graph.conftest import employee_of


async def _unowned(zoho: Program) -> tuple[str, str]:
    """(its id in the graph, its id here) of a contact that nobody owns, as other doors make them."""
    make = 'mutation { createContact(input: {lastName: "Unowned"}) { contact { id owner { id } } } }'
    made = (await (await employee_of(zoho.running))(make))["createContact"]["contact"]
    assert made["owner"] is None
    (found,) = (await zoho.ok("GET", "/Contacts/search?word=Unowned"))["data"]
    return made["id"], found["id"]


async def _owner(zoho: Program, graph_id: str) -> str | None:
    """The owner as the graph knows them."""
    query = "query($id: ID!) { contact(by: {id: $id}) { owner { name } } }"
    owner = (await (await employee_of(zoho.running))(query, id=graph_id))["contact"]["owner"]
    return None if owner is None else owner["name"]


async def test_what_nobody_owns_is_told_and_found_as_the_callers(zoho: Program) -> None:
    _, unowned = await _unowned(zoho)
    assert (await zoho.get("Contacts", unowned))["Owner"] == OWNER
    mine, foreign = await zoho.create("Contacts", Last_Name="Mine"), await zoho.create("Contacts", Last_Name="Foreign")
    users = (await zoho.ok("GET", "/users"))["users"]
    colleague = next(user["id"] for user in users if user["id"] != PATRICIA["id"])
    await zoho.ok("PUT", f"/Contacts/{foreign}", {"data": [{"Owner": {"id": colleague}}]})

    async def ids(criteria: str) -> set[str]:
        answer = await zoho.send("GET", "/Contacts/search", params={"criteria": criteria})
        return {one["id"] for one in answer.json()["data"]} if answer.status_code == 200 else set()

    printed = {one["id"]: one["Owner"]["id"] for one in (await zoho.ok("GET", "/Contacts"))["data"]}
    everybody, hers = set(printed), {i for i, owner in printed.items() if owner == PATRICIA["id"]}
    theirs = {i for i, owner in printed.items() if owner == colleague}
    assert (hers >= {unowned, mine}, theirs >= {foreign}) == (True, True)
    assert await ids(f"(Owner:equals:{PATRICIA['id']})") == hers
    assert await ids(f"(Owner:in:{PATRICIA['id']},{colleague})") == hers | theirs
    assert await ids(f"(Owner:not_equal:{PATRICIA['id']})") == everybody - hers
    assert await ids(f"(Owner:equals:{colleague})") == theirs
    assert await ids("(Owner:equals:${EMPTY})") == set()
    assert await ids("(Owner:not_equal:${EMPTY})") == everybody


async def test_to_send_a_record_back_gives_it_to_nobody_and_to_name_an_owner_does(zoho: Program) -> None:
    graph_id, unowned = await _unowned(zoho)
    found = await zoho.get("Contacts", unowned)
    await zoho.ok("PUT", f"/Contacts/{unowned}", {"data": [found]})
    assert await _owner(zoho, graph_id) is None
    await zoho.ok("PUT", f"/Contacts/{unowned}", {"data": [{"Owner": None}]})
    assert await _owner(zoho, graph_id) is None
    assert (await zoho.get("Contacts", unowned))["Owner"] == OWNER
    await zoho.ok("PUT", f"/Contacts/{unowned}", {"data": [{"Owner": {"id": PATRICIA["id"]}}]})
    assert await _owner(zoho, graph_id) == "Patricia Boyle"
    await zoho.ok("PUT", f"/Contacts/{unowned}", {"data": [{"Owner": OWNER}]})
    assert await _owner(zoho, graph_id) == "Patricia Boyle"
