"""What is passed on while this store's own database is away: nothing that it holds itself is told in the meantime."""

import asyncio
import shutil
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from crmgraph.crm import upstreams
from crmgraph.crm.models import Door, LearnedToken, Upstream, Usage
from crmgraph.db.database import Database
from crmgraph.upstream import opening
from tests.conftest import Postgres, Running, serving, settings_for
from tests.upstream.old_crm import OldCrm

AWAY = {"code": "INTERNAL_ERROR", "details": {}, "message": "Internal server error occurred.", "status": "error"}
USERS, LEADS = "/crm/v2/users", "/crm/v2/Leads"


@asynccontextmanager
async def front(database: str, tmp_path: Path) -> AsyncIterator[Running]:
    settings = settings_for(
        database, tmp_path, upstream_networks=["127.0.0.0/8"], upstream_socket=tmp_path / "socket", run_jobs=False
    )
    async with serving(settings) as (client, app):
        yield Running(client, app, {})


async def put_behind(database: str, url: str) -> None:
    db = Database(database, pooled=False)
    async with db.begin() as session:
        session.add(Upstream(dialect=Door.ZOHO, base_url=url, insecure=True, options={}))
    await db.close()


@pytest.mark.parametrize("is_behind", [True, False])
async def test_no_call_is_answered_here_before_it_is_known_which_are_passed_on(
    tmp_path: Path, sqlite_template: Path, old_crm: OldCrm, is_behind: bool
) -> None:
    ready, file = tmp_path / "ready.db", tmp_path / "test.db"
    shutil.copy(sqlite_template, ready)
    if is_behind:
        await put_behind(f"sqlite:///{ready}", old_crm.url)
    file.write_bytes(b"no database at all" * 100)
    async with front(f"sqlite:///{file}", tmp_path) as running:
        for method, path in (("GET", USERS), ("POST", LEADS), ("POST", "/oauth/v2/token")):
            answer = await running.client.request(method, path, headers=old_crm.zoho)
            assert (answer.status_code, answer.json()) == (500, AWAY)
        shown = await running.client.get("/crmapi/rest/v2/contact_information/show")
        assert shown.json()["status"]["code"].endswith("SERVICEUNAVAILABLEEXCEPTION")
        ready.replace(file)
        # The very first call finds it.
        first = await running.client.get(USERS, headers=old_crm.zoho)
        own = await running.client.get("/api/v1.0/contacts")
        assert own.status_code == 401 and "x-request-id" in own.headers
        if is_behind:
            assert (first.status_code, len(first.json()["users"])) == (200, 4)
        else:
            assert (first.status_code, first.json()["code"]) == (401, "INVALID_TOKEN")


async def test_of_many_calls_one_looks_and_none_waits_for_long(
    tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(sqlite_template, tmp_path / "test.db")
    looks, answers = 0, asyncio.Event()
    look = upstreams.all_upstreams

    async def slow(session: Any) -> Any:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise ConnectionRefusedError
        await answers.wait()
        return await look(session)

    monkeypatch.setattr(opening.upstreams, "all_upstreams", slow)
    monkeypatch.setattr(opening, "AT_MOST", 0.2)
    monkeypatch.setattr(opening, "EVERY", 60.0)
    async with front(f"sqlite:///{tmp_path / 'test.db'}", tmp_path) as running:
        start = time.monotonic()
        told = await asyncio.gather(*(running.client.get(USERS) for _ in range(20)))
        assert 0.2 <= time.monotonic() - start < 2
        assert ([each.status_code for each in told], looks) == ([500] * 20, 2)
        waiting = [asyncio.create_task(running.client.get(USERS)) for _ in range(20)]
        await asyncio.sleep(0.05)
        answers.set()
        told = await asyncio.gather(*waiting)
        assert ([each.status_code for each in told], looks) == ([401] * 20, 2)


@pytest.fixture
def closable(postgres: Postgres) -> Iterator[tuple[str, str]]:
    """The name and URL of a database that `close` takes away, and of which nothing is left."""
    name = f"test_{uuid.uuid4().hex}"
    postgres.create(name, "template")
    yield name, postgres.url(name)
    postgres.run(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    postgres.drop(name)


def close(postgres: Postgres, name: str) -> None:
    """Nobody is let in, and whoever is in is thrown out."""
    postgres.run(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    postgres.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")


async def test_calls_are_passed_on_while_the_database_is_away(
    tmp_path: Path, postgres: Postgres, closable: tuple[str, str], old_crm: OldCrm
) -> None:
    loop = asyncio.get_running_loop()
    given = old_crm.credentials["zoho"]
    form = {name: given[name] for name in ("client_id", "client_secret", "refresh_token")}
    name, url = closable
    await put_behind(url, old_crm.url)
    async with front(url, tmp_path) as running:
        assert (await running.client.get(USERS, headers=old_crm.zoho)).status_code == 200
        await loop.run_in_executor(None, close, postgres, name)
        start = time.monotonic()
        for _ in range(3):
            assert (await running.client.get(USERS, headers=old_crm.zoho)).status_code == 200
        granted = await running.client.post("/oauth/v2/token", data=form | {"grant_type": "refresh_token"})
        token = granted.json()["access_token"]
        new = {"Authorization": f"Zoho-oauthtoken {token}"}
        assert (await running.client.get("/crm/v2/org", headers=new)).status_code == 200
        stranger = {"Authorization": "Zoho-oauthtoken 1000.x"}
        for _ in range(3):
            assert (await running.client.get(USERS, headers=stranger)).status_code == 401
        assert time.monotonic() - start < 3
        with pytest.raises(Exception, match=r"."):
            await running.core.usage.store(running.db)
        await loop.run_in_executor(None, postgres.run, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        await running.core.usage.store(running.db)
        # What was learned meanwhile is told with the next token.
        await running.client.post("/oauth/v2/token", data=form | {"grant_type": "refresh_token"})
        async with running.db.read() as session:
            found = await session.execute(select(Usage.operation, Usage.caller, Usage.calls))
            counted = {(row[0], row[1][:8]): row[2] for row in found}
            learned = await session.scalar(select(func.count()).select_from(LearnedToken))
    assert counted == {
        ("GET /crm/v2/users", "unknown:"): 4,
        ("GET /crm/v2/users", "unknown"): 3,
        ("POST /oauth/v2/token", "unknown"): 1,
        ("GET /crm/v2/org", "1000.OLD"): 1,
    }
    assert learned == 2
