"""What came of comparing the old CRMs' answers with this store's, for staff."""

import datetime as dt
from typing import Any

from sqlalchemy import delete

from crmgraph.crm.comparisons import ComparisonCounts, Example
from crmgraph.crm.core import Core
from crmgraph.crm.models import Compared, DifferenceSort, Door, Mode, PullMark, Role, Switch, Upstream, Verdict, now
from tests.conftest import statements
from tests.graph.conftest import Caller, hired

UPSTREAMS = """query($since: DateTime) {
  upstreams(since: $since) {
    dialect baseUrl lag
    modes { operation caller mode } equality { percent equal stale different failed skipped dropped }
  }
}"""
DIVERGENCES = """query($dialect: LegacyDialect, $operation: String, $caller: String, $first: Int, $after: String) {
  divergences(dialect: $dialect, operation: $operation, caller: $caller, first: $first, after: $after) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes { dialect operation caller field sort times curl controlHash candidateHash control candidate }
  }
}"""
GET = "GET /crm/v2/{module}/{id}"


async def compared(core: Core) -> None:
    """An upstream of Zoho's, of whose calls three were equal and two differed in a field each."""
    async with core.db.begin() as session:
        old = Upstream(dialect=Door.ZOHO, base_url="https://www.zohoapis.com", insecure=False, options={})
        said = [(GET, None, Mode.PROXY), (None, None, Mode.SHADOW), (GET, None, Mode.SHADOW)]
        switches = [Switch(dialect=Door.ZOHO, operation=of, caller=who, mode=mode, why="") for of, who, mode in said]
        long_ago = now().date() - dt.timedelta(days=30)
        key = {"dialect": Door.ZOHO, "operation": GET, "caller": "1000.A", "reason": ""}
        session.add_all([old, *switches, Compared(day=long_ago, verdict=Verdict.FAILED, calls=5, **key)])
    counts = ComparisonCounts()
    for verdict in (*[Verdict.EQUAL] * 3, *[Verdict.DIFFERENT] * 2, Verdict.STALE, Verdict.DROPPED):
        counts.add(Door.ZOHO, GET, "1000.A", verdict)
    counts.add(Door.ZOHO, GET, "1000.A", Verdict.SKIPPED, "writes are not rehearsed yet")
    example = Example("GET", "/crm/v2/Leads/5", {"authorization": "Zoho-oauthtoken $TOKEN"}, "aa", "bb", '"P1"', '"P2"')
    for caller, name in (("1000.A", "data[].City"), ("1000.B", "data[].Owner.name")):
        counts.diverged(Door.ZOHO, GET, caller, name, DifferenceSort.VALUE, example)
    await counts.store(core.db)
    counts.diverged(Door.ZOHO, GET, "1000.A", "data[].City", DifferenceSort.VALUE, example)
    await counts.store(core.db)


async def test_staff_are_told_how_alike_the_answers_are(core: Core, agent: Caller) -> None:
    await compared(core)
    async with core.db.begin() as session:
        read = {"Contacts": 300, "Leads": 200, "": None, "ids": None}
        for name, before in read.items():
            at = None if before is None else now() - dt.timedelta(seconds=before)
            session.add(PullMark(dialect=Door.ZOHO, source=name, watermark=at, page=0, counts={}))
        session.add(
            PullMark(dialect=Door.CRMCOM, source="x", watermark=now() - dt.timedelta(days=9), page=0, counts={})
        )
    with statements(core.db) as seen:
        (told,) = (await agent(UPSTREAMS, since=(now() - dt.timedelta(days=7)).isoformat()))["upstreams"]
    # Who asks, and three of the answer.
    assert len(seen) == 4, seen
    assert told["equality"] == {
        "percent": 60.0,
        "equal": 3,
        "stale": 1,
        "different": 2,
        "failed": 0,
        "skipped": 1,
        "dropped": 1,
    }
    assert 180 <= told["lag"] < 200  # of the older one, less the overlap of 120
    assert (told["dialect"], told["baseUrl"]) == ("ZOHO", "https://www.zohoapis.com")
    assert told["modes"] == [
        {"operation": None, "caller": None, "mode": "SHADOW"},
        {"operation": GET, "caller": None, "mode": "SHADOW"},
    ]
    async with core.db.begin() as session:
        await session.execute(delete(PullMark).where(PullMark.source.in_(("Contacts", "Leads"))))
    (all_of_it,) = (await agent(UPSTREAMS))["upstreams"]
    assert all_of_it["lag"] is None
    assert (all_of_it["equality"]["failed"], all_of_it["equality"]["percent"]) == (5, 30.0)


async def test_each_field_that_differs_is_told_once_with_the_call_that_shows_it(core: Core, agent: Caller) -> None:
    await compared(core)
    page = (await agent(DIVERGENCES, first=1))["divergences"]
    assert (page["totalCount"], page["pageInfo"]["hasNextPage"]) == (2, True)
    assert page["nodes"] == [
        {
            "dialect": "ZOHO",
            "operation": GET,
            "caller": "1000.A",
            "field": "data[].City",
            "sort": "VALUE",
            "times": 2,
            "curl": f'curl -i -H "authorization: Zoho-oauthtoken $TOKEN" "{core.public_url}/crm/v2/Leads/5"',
            "controlHash": "aa",
            "candidateHash": "bb",
            "control": None,
            "candidate": None,
        }
    ]
    with statements(core.db) as seen:
        page = (await agent(DIVERGENCES, after=page["pageInfo"]["endCursor"]))["divergences"]
    assert len(seen) == 3, seen  # who asks, the page, the count
    assert [node["field"] for node in page["nodes"]] == ["data[].Owner.name"]

    async def fields(**of: Any) -> list[str]:
        return [node["field"] for node in (await agent(DIVERGENCES, **of))["divergences"]["nodes"]]

    assert await fields(caller="1000.B") == ["data[].Owner.name"]
    assert await fields(operation="GET /crm/v2/org") == await fields(dialect="CRMCOM") == []
    ((code, _),) = await agent.errors(DIVERGENCES, after="W10")
    assert code == "BAD_USER_INPUT"


async def test_values_are_for_those_who_may_see_identity_documents(core: Core, nobody: Caller) -> None:
    await compared(core)
    clerk = await hired(core, nobody, "clerk@example.com", Role.AGENT, sees_identity=True)
    node = (await clerk(DIVERGENCES, first=1))["divergences"]["nodes"][0]
    assert (node["control"], node["candidate"]) == ('"P1"', '"P2"')


async def test_nobody_but_staff_is_told(core: Core, nobody: Caller, customer: Caller) -> None:
    await compared(core)
    for each in (nobody, customer):
        assert await each(UPSTREAMS) == {"upstreams": None}
        assert await each(DIVERGENCES) == {"divergences": None}
