"""Without an upstream nothing of it is loaded, and nothing of it is on the way of a call."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from crmgraph.middleware import RequestAccounting
from crmgraph.upstream.opening import Upstreams
from tests.conftest import Running, statements

LOADED = """
import sys, crmgraph.app
heavy = ("httpx", "stamina", "tenacity", "cryptography.hazmat.primitives.ciphers")
room = ("crmgraph.upstream", "crmgraph.upstream.opening", "crmgraph.upstream.places")
print([name for name in sys.modules if name in heavy or (name.startswith("crmgraph.upstream") and name not in room)])
"""
LEAD = "738964000002148061"
Q1 = "query($id: ID!) { lead(by: {external: {dialect: ZOHO, value: $id}}) { lastName company emails { address } } }"


def test_nothing_of_it_is_loaded_that_is_not_asked_for() -> None:
    told = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"


async def calls_of(ask: Callable[[], Awaitable[Any]]) -> int:
    """How many functions of Python a request calls, once everything that is kept is kept."""
    counts = []
    for _ in range(4):
        count = 0

        def note(frame: Any, event: str, _: Any) -> None:
            nonlocal count
            count += event == "call"

        sys.setprofile(note)
        try:
            await ask()
        finally:
            sys.setprofile(None)
        counts.append(count)
    return min(counts)


async def test_a_call_costs_the_same_as_without_the_room(demo: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    zoho = {"Authorization": f"Zoho-oauthtoken {demo.credentials['zoho']['access_token']}"}
    who = demo.credentials["staff"]
    login = "mutation($e: EmailAddress!, $p: String!) { login(input: {email: $e, password: $p}) { accessToken } }"
    body = {"query": login, "variables": {"e": who["email"], "p": who["password"]}}
    token = (await demo.client.post("/graphql", json=body)).json()["data"]["login"]["accessToken"]

    async def lead() -> None:
        answer = await demo.client.get(f"/crm/v2/Leads/{LEAD}", headers=zoho)
        assert answer.status_code == 200 and "date" not in answer.headers

    async def q1() -> None:
        given = {"query": Q1, "variables": {"id": LEAD}}
        answer = await demo.client.post("/graphql", json=given, headers={"Authorization": f"Bearer {token}"})
        assert answer.json()["data"]["lead"]["lastName"] == "Last_Name"

    for ask in (lead, q1):
        with statements(demo.db) as seen:
            await ask()
        with_it, statements_with = await calls_of(ask), len(seen)
        with monkeypatch.context() as patch:
            # What the room puts in front of the doors is this and nothing more; there is nothing in it.
            accounting = demo.app.answering  # type: ignore[attr-defined]  # of `Application`
            assert isinstance(accounting, RequestAccounting) and dict(accounting.upstreams) == {}
            patch.setattr(accounting, "upstreams", {})
            patch.setattr(Upstreams, "open", None)
            with statements(demo.db) as seen:
                await ask()
            assert (await calls_of(ask), len(seen)) == (with_it, statements_with)
    assert not [task for task in asyncio.all_tasks() if "upstream" in task.get_name()]
