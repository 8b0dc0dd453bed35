"""Human numbers: the next free ones, found by the index however many records there are."""

import pytest
from sqlalchemy import text

from crmgraph.crm.models import Door, PartyKind, Role
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import numbers, parties
from crmgraph.crm.records.edits import Edit
from crmgraph.crm.records.numbers import Series
from crmgraph.db.database import Database
from crmgraph.seed import seed

STAFF = Actor(Door.GRAPHQL, Role.ADMIN)


async def test_numbers_that_live_records_have_are_skipped_and_those_of_deleted_ones_are_free(db: Database) -> None:
    async with db.begin() as session:
        for number in ("CON2", "CON3"):
            made = await parties.create(session, STAFF, PartyKind.CONTACT, Edit({"last_name": "Ray", "number": number}))
        await parties.remove(session, STAFF, made)
        assert await numbers.take(session, Series.CONTACT, 3) == ["CON1", "CON3", "CON4"]


@pytest.mark.parametrize("series", list(Series))
async def test_what_is_taken_is_looked_up_by_the_index(db: Database, series: Series) -> None:
    await seed(db, accounts=20, contacts=200, leads=200)
    query = numbers.among_live(series, ["X1", "X2"]).compile(
        dialect=db.engine.dialect, compile_kwargs={"literal_binds": True}
    )
    async with db.begin() as session:
        if db.is_sqlite:
            plan = [row[-1] for row in await session.execute(text(f"EXPLAIN QUERY PLAN {query}"))]
        else:
            await session.execute(text("SET LOCAL enable_seqscan = off"))
            plan = [row[0] for row in await session.execute(text(f"EXPLAIN {query}"))]
    assert any("Index" in line or "USING" in line for line in plan), plan
    assert not any(line.lstrip().startswith(("Seq Scan", "SCAN")) for line in plan), plan
