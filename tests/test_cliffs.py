"""No list costs more as its table grows, whatever it is filtered and sorted by: the blocks that are read are counted.

A short run of `bench/cliffs.py` over small stores, with few rows taken for many.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from bench import cliffs, skewed
from bench.cliff_questions import Question

from crmgraph.crm.models import Door
from crmgraph.crm.query import access_paths
from crmgraph.seed import seed
from tests.agreement.world import founded
from tests.conftest import Postgres, Running, serving, settings_for

FEW = 40
"""How many rows are few here."""
SIZES = (500, 5_000)
"""Contacts of the small store, and of the large one."""
SLACK = 2_000
"""More blocks than these are growth: a page of an API that counts its pages looks at 256 rows, a few blocks each. To
look at all contacts of the large store takes five times as many."""
COUNT = 60


@pytest.fixture
def urls(postgres: Postgres) -> Iterator[list[str]]:
    """An empty database for each size."""
    names = [f"cliffs_{size}" for size in SIZES]
    for name in names:
        postgres.create(name, "template")
    yield [postgres.url(name) for name in names]
    for name in names:
        postgres.drop(name)


async def costs(url: str, folder: Path, contacts: int) -> list[tuple[Question, cliffs.Cost]]:
    """What the questions cost in a skewed store of so many contacts."""
    async with serving(settings_for(url, folder)) as (client, app):
        running = Running(client, app, {})
        await seed(running.db, accounts=contacts // 15, contacts=contacts, leads=contacts // 3)
        async with running.db.begin() as session:
            connection = await session.connection()
            for statement in skewed.statements(sqlite=False):
                await connection.exec_driver_sql(statement)
        world = await founded(running)
        async with running.db.engine.connect() as plain:
            raw = await plain.get_raw_connection()
            assert raw.driver_connection is not None
            await raw.driver_connection.execute("VACUUM (ANALYZE)")
        headers = {
            "graphql": {"authorization": f"Bearer {world.graph}"},
            "zoho": {"authorization": f"Zoho-oauthtoken {world.tokens[Door.ZOHO]}"},
            "crmcom": {"token": world.tokens[Door.CRMCOM]},
            "valomnia": {"cookie": f"JSESSIONID={world.tokens[Door.VALOMNIA]}"},
        }
        async with cliffs.explained(client, running.core, url, headers) as application:
            return await cliffs.costs(application, 1, COUNT)


async def test_no_list_reads_more_of_a_larger_table(
    urls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_paths, "FEW", FEW)
    small, large = [await costs(url, tmp_path, size) for url, size in zip(urls, SIZES, strict=True)]
    assert all(cost.blocks > 0 for _, cost in large)
    found = cliffs.compared(small, large, slack=SLACK)
    unexpected = [f"{each.question.text}: {each.what}" for each in found if each.question.reason is None]
    assert unexpected == []
