"""Without an upstream nothing of it is loaded, and nothing of it is on the way of a call."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from crmgraph import upstream
from crmgraph.middleware import RequestAccounting
from crmgraph.upstream.opening import Upstreams
from tests.conftest import Running, statements
from tests.graph.conftest import Caller

HEAVY = {"httpx", "stamina", "tenacity", "cryptography.hazmat.primitives.ciphers.aead"}
"""What only those who call other servers need."""
KNOWN = {"crmgraph.upstream", "crmgraph.upstream.opening", "crmgraph.upstream.places"}
"""What looks whether there is an upstream."""
ROOM = str(Path(upstream.__file__).parent)
LEAD = "738964000002148061"
Q1 = "query($id: String!) { lead(by: {external: {dialect: ZOHO, value: $id}}) { lastName company emails { address } } }"


def test_nothing_of_it_is_loaded_that_is_not_asked_for(modules_of_the_server: frozenset[str]) -> None:
    assert HEAVY & modules_of_the_server == set()
    assert {name for name in modules_of_the_server if name.startswith("crmgraph.upstream")} == KNOWN


async def of_the_room(ask: Callable[[], Awaitable[None]]) -> set[str]:
    """The functions of the room that run while something is asked."""
    seen: set[str] = set()

    def note(frame: Any, event: str, _: Any) -> None:
        if event == "call" and ROOM in frame.f_code.co_filename:
            seen.add(frame.f_code.co_qualname)

    sys.setprofile(note)
    try:
        await ask()
    finally:
        sys.setprofile(None)
    return seen


async def test_nothing_of_it_is_on_the_way_of_a_call(demo: Running) -> None:
    zoho = {"Authorization": f"Zoho-oauthtoken {demo.credentials['zoho']['access_token']}"}
    staff = await Caller(demo.client).login(**demo.credentials["staff"])
    accounting = demo.app.answering  # type: ignore[attr-defined]  # of `Application`
    assert isinstance(accounting, RequestAccounting) and dict(accounting.upstreams) == {}

    async def read() -> None:
        assert (await demo.client.get(f"/crm/v2/Leads/{LEAD}", headers=zoho)).status_code == 200

    async def write() -> None:
        body = {"data": [{"City": "Oslo"}]}
        assert (await demo.client.put(f"/crm/v2/Leads/{LEAD}", json=body, headers=zoho)).status_code == 200

    async def query() -> None:
        assert (await staff(Q1, id=LEAD))["lead"]["lastName"] == "Last_Name"

    for ask in (read, write, query):
        assert await of_the_room(ask) == set()
    with statements(demo.db) as seen:
        await query()
    assert len(seen) == 1
    assert not [task for task in asyncio.all_tasks() if "upstream" in task.get_name()]


async def test_what_is_on_the_way_is_noticed() -> None:
    async def room() -> None:
        await Upstreams(Path("nowhere")).close()

    assert await of_the_room(room) == {"Upstreams.close"}
