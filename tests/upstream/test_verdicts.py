"""What a call that was passed on comes to, and that being compared leaves no trace, on both databases."""

import asyncio
import datetime as dt
import gzip
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import brotli
import orjson
import pytest
import zstandard
from sqlalchemy import insert, select

from crmgraph.cli.comparing import comparing
from crmgraph.crm import comparisons
from crmgraph.crm.comparisons import ComparisonCounts
from crmgraph.crm.models import AcceptedDifference, Base, Counter, Divergence, Door, Mode, Upstream, Verdict, now
from crmgraph.crm.policy import Actor
from crmgraph.db.database import Database
from crmgraph.demo import Demo
from crmgraph.dialects import zoho
from crmgraph.upstream import comparing as verdicts
from crmgraph.upstream.candidate import Candidate
from crmgraph.upstream.compare import ComparedAnswer
from crmgraph.upstream.comparing import Comparer
from crmgraph.upstream.tee import PassedCall
from tests.conftest import Running, settings_for
from tests.upstream.reads import COVALENSE, LEAD

GET = "GET /crm/v2/{module}/{id}"


class Telling(ComparisonCounts):
    """Tells a test of each verdict.

    Args:
        told: where it does.
    """

    def __init__(self, told: list[tuple[Verdict, str]]) -> None:
        super().__init__()
        self._told = told

    def add(self, dialect: Door, operation: str, caller: str, verdict: Verdict, reason: str = "") -> None:
        self._told.append((verdict, reason))
        super().add(dialect, operation, caller, verdict, reason)


@dataclass
class Looking:
    """What compares, over a demo that plays the old CRM too.

    Attributes:
        headers: of a program at Zoho's door.
        told: what every call came to.
    """

    comparer: Comparer
    demo: Running
    headers: dict[str, str]
    told: list[tuple[Verdict, str]]

    def __post_init__(self) -> None:
        self.comparer.counts = Telling(self.told)

    async def passed(
        self, path: str, operation: str = GET, door: Door = Door.ZOHO, headers: dict[str, str] | None = None
    ) -> PassedCall:
        """A call that was passed on, with what the demo has answered."""
        sent = self.headers if headers is None else headers
        answer = await self.demo.client.get(path, headers=sent)
        where, _, query = path.partition("?")
        return PassedCall(
            door,
            operation,
            "1000.CLIENT",
            Mode.SHADOW,
            ("compare",),
            time.time(),
            "GET",
            where.encode(),
            query.encode(),
            [(name.lower().encode(), value.encode()) for name, value in sent.items()],
            b"",
            answer.status_code,
            [(name, value) for name, value in answer.headers.raw if name != b"content-encoding"],
            answer.content,
        )

    async def lead(self, **changes: Any) -> PassedCall:
        """A read of a lead, of which the old CRM says something else."""
        call = await self.passed(f"/crm/v2/Leads/{LEAD}")
        told = orjson.loads(call.answer)
        told["data"][0] |= changes
        return replace(call, answer=orjson.dumps(told))

    async def verdict(self, *calls: PassedCall) -> tuple[Verdict, str]:
        """What the last of these calls came to."""
        for call in calls:
            await self.comparer.look(call)
        return self.told[-1]

    async def divergences(self) -> Sequence[Divergence]:
        """The fields that differed."""
        await self.comparer.counts.store(self.demo.db)
        async with self.demo.db.read() as session:
            return await comparisons.divergences(session)


@pytest.fixture
async def looking(demo: Running, demo_database: tuple[str, Demo], tmp_path: Path) -> AsyncIterator[Looking]:
    async with demo.db.begin() as session:
        for door in (Door.ZOHO, Door.CRMCOM, Door.VALOMNIA, Door.COVALENSE):
            session.add(Upstream(dialect=door, base_url="https://old.example", insecure=False, options={}))
    token = demo.credentials["zoho"]["access_token"]
    async with comparing(demo.core, settings_for(demo_database[0], tmp_path)) as comparer:
        yield Looking(comparer, demo, {"Authorization": f"Zoho-oauthtoken {token}"}, [])


class Says(Candidate):
    """Says always the same in the place of this store."""

    def __init__(self, told: ComparedAnswer) -> None:
        super().__init__({})
        self._told = told

    async def answer(self, call: PassedCall, actor: Actor | None) -> ComparedAnswer:
        return self._told


def whoever_says(looking: Looking, told: ComparedAnswer, **knowledge: Any) -> Looking:
    """The same, where this store would have said so."""
    comparer = Comparer(looking.demo.core, Says(told), {Door.ZOHO: zoho.COMPARING}, **knowledge)
    return replace(looking, comparer=comparer)


async def everything(db: Database, folder: Path) -> tuple[dict[str, list[Any]], list[Path]]:
    """Every row of every table, and every file that is no database."""
    async with db.read() as session:
        tables = {
            name: sorted(map(repr, await session.execute(select(table))))
            for name, table in Base.metadata.tables.items()
        }
    return tables, await asyncio.to_thread(files, folder)


def files(folder: Path) -> list[Path]:
    return sorted(each for each in folder.rglob("*") if each.is_file() and ".db" not in each.name)


async def test_to_be_compared_leaves_no_trace_and_no_difference(looking: Looking, tmp_path: Path) -> None:
    demo = looking.demo
    login = demo.credentials["covalense"]
    answer = await demo.client.post("/crm/v1/login", headers=COVALENSE | {"type": "x"}, json=login)
    token = answer.json()["response"]["result"]["accessToken"]
    given = {name: demo.credentials["crmcom"][name] for name in ("username", "password", "organisation")}
    answer = await demo.client.post("/crmapi/rest/v2/authentication/token", json=given)
    show = "/crmapi/rest/v2/contact_information/list"
    calls = [
        await looking.passed(f"/crm/v2/Leads/{LEAD}"),
        await looking.passed("/crm/v2/Contacts", "GET /crm/v2/{module}"),
        await looking.passed("/crm/v2/Leads/search?word=name", "GET /crm/v2/{module}/search"),
        await looking.passed(f"/crm/v2/Leads/{LEAD}/photo", "GET /crm/v2/{module}/{id}/photo"),
        await looking.passed(f"{show}?token={answer.json()['data']['token']}", f"GET {show}", Door.CRMCOM, {}),
        await looking.passed(
            "/crm/v1/profile/contact", "GET /crm/v1/profile/contact", Door.COVALENSE, COVALENSE | {"token": token}
        ),
        await looking.passed(
            "/crm/v2/Leads", "GET /crm/v2/{module}", headers={"Authorization": "Zoho-oauthtoken 1000.nobody"}
        ),
        await looking.passed("/crm/v2/Leads", "GET /crm/v2/{module}", headers={}),
    ]
    await demo.core.usage.store(demo.db)
    before = await everything(demo.db, tmp_path)
    for call in calls:
        assert await looking.comparer.look(call) is None
    assert len(demo.core.usage) == 0
    after = await everything(demo.db, tmp_path)
    assert after[1] == before[1]
    changed = [name for name, rows in before[0].items() if after[0][name] != rows]
    assert set(changed) <= {"job"}  # whose recurring ones are done in the background
    await looking.comparer.counts.store(demo.db)
    async with demo.db.read() as session:
        rows = await comparisons.compared(session, None, None)
    assert {(row.verdict, row.reason) for row in rows} == {(Verdict.EQUAL, "")}
    assert sum(row.calls for row in rows) == len(calls)


async def test_nothing_can_be_written_while_answers_are_compared(demo_database: tuple[str, Demo]) -> None:
    db = Database(demo_database[0], pool_size=1, untouched=True)
    with pytest.raises(Exception, match=r"readonly|read-only"):
        async with db.begin() as session:
            await session.execute(insert(Counter).values(series="x", value=1))
    await db.close()


CODINGS = {
    "gzip": gzip.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


async def test_a_body_is_compared_in_whatever_coding_it_came(looking: Looking) -> None:
    call = await looking.lead()
    for coding, compress in CODINGS.items():
        headers = [*call.answer_headers, (b"Content-Encoding", coding.encode())]
        assert await looking.verdict(replace(call, answer_headers=headers, answer=compress(call.answer))) == (
            Verdict.EQUAL,
            "",
        )
    for coding, body in (("lzma", b"x"), ("gzip", b"no gzip"), ("gzip", gzip.compress(bytes(9 * 2**20)))):
        headers = [(b"content-encoding", coding.encode())]
        broken = replace(call, answer_headers=headers, answer=body)
        assert await looking.verdict(broken) == (Verdict.SKIPPED, verdicts.UNREADABLE)


async def test_what_is_not_compared_is_told_with_its_reason(looking: Looking) -> None:
    call = await looking.lead()
    for odd, reason in (
        (replace(call, whole=False), verdicts.TOO_LONG),
        (replace(call, status=503), verdicts.AWAY),
        (replace(call, status=429), verdicts.LIMITED),
        (replace(call, operation="(no such operation)"), verdicts.NO_COUNTERPART),
        (replace(call, path=b"/crm/v2/Deals", operation="GET /crm/v2/{module}"), verdicts.NO_COUNTERPART),
        (replace(call, method="POST"), verdicts.WRITES),
    ):
        assert await looking.verdict(odd) == (Verdict.SKIPPED, reason)
    looking.comparer.dropped(call)
    assert await looking.verdict() == (Verdict.DROPPED, "")
    assert await looking.divergences() == []


async def test_a_record_that_was_written_lately_is_stale(looking: Looking) -> None:
    changed = await looking.lead(City="Elsewhere")
    write = replace(changed, method="PUT", body=b"{}", mode=Mode.PROXY)
    other = replace(write, path=b"/crm/v2/Leads/1", answer=b"{}")
    assert (await looking.verdict(other, changed))[0] is Verdict.DIFFERENT
    assert await looking.verdict(write, changed) == (Verdict.STALE, verdicts.WRITTEN)


async def test_a_record_that_was_not_read_since_it_changed_is_stale(looking: Looking) -> None:
    asked: list[Any] = []

    async def is_behind(door: Door, modified: Any) -> set[str]:
        asked.append((door, dict(modified)))
        return set(modified)

    call = await looking.lead(City="Elsewhere", Modified_Time="2026-05-01T10:00:00+02:00")
    told = orjson.loads(call.answer)
    told["data"][0]["City"] = "Here"
    other = whoever_says(looking, ComparedAnswer(200, call.answer_headers, orjson.dumps(told)), is_behind=is_behind)
    await other.comparer.read()
    assert await other.verdict(call) == (Verdict.STALE, verdicts.BEHIND)
    assert asked == [(Door.ZOHO, {LEAD: dt.datetime(2026, 5, 1, 8, tzinfo=dt.UTC)})]


async def test_what_may_differ_is_equal_until_its_day(looking: Looking) -> None:
    call = await looking.lead(City="Elsewhere")
    said: dict[str, Any] = {"dialect": Door.ZOHO, "field": "data[].City", "why": "x", "by": "ann"}
    today = now().date()
    for until, caller, expected in (
        (today - dt.timedelta(days=1), None, Verdict.DIFFERENT),
        (today, "1000.OTHER", Verdict.DIFFERENT),
        (today, "1000.CLIENT", Verdict.EQUAL),
    ):
        async with looking.demo.db.begin() as session:
            session.add(AcceptedDifference(until=until, caller=caller, **said))
        await looking.comparer.read()
        assert (await looking.verdict(call))[0] is expected
    both = await looking.lead(City="Elsewhere", Designation="Other")
    assert (await looking.verdict(both))[0] is Verdict.DIFFERENT
    assert [(each.field, each.times) for each in await looking.divergences()] == [
        ("data[].City", 2),
        ("data[].Designation", 1),
    ]


async def test_values_are_kept_only_where_that_is_wanted_and_never_a_token(looking: Looking) -> None:
    call = replace(await looking.lead(City="Elsewhere"), query=b"fields=City&x=ada%40example.com&word=Ada")
    await looking.verdict(call)
    (found,) = [each for each in await looking.divergences() if each.field == "data[].City"]
    assert (found.control, found.candidate) == (None, None)
    assert found.target == f"/crm/v2/Leads/{LEAD}?fields=City&x=$VALUE&word=$VALUE"
    assert found.headers == {"authorization": "Zoho-oauthtoken $TOKEN"}
    assert found.control_hash != found.candidate_hash and len(found.control_hash) == 16
    async with looking.demo.db.begin() as session:
        upstream = await session.get_one(Upstream, Door.ZOHO)
        upstream.options = {"keep_values": True}
    await looking.comparer.read()
    await looking.verdict(call)
    (found,) = [each for each in await looking.divergences() if each.field == "data[].City"]
    assert (found.control, found.times) == ('"Elsewhere"', 2)
    assert found.target.endswith("?fields=City&x=ada%40example.com&word=Ada")


async def test_a_fault_of_this_store_is_told_apart(looking: Looking) -> None:
    other = whoever_says(looking, ComparedAnswer(500, [], b""))
    await other.comparer.read()
    assert await other.verdict(await looking.lead()) == (Verdict.FAILED, verdicts.FAULT)


async def test_what_is_equal_once_the_record_was_read_again_is_stale(looking: Looking) -> None:
    call = await looking.lead()
    told = ComparedAnswer(200, call.answer_headers, call.answer.replace(b"Last_Name", b"Lost_Name"))
    asked: list[tuple[Door, list[str]]] = []

    async def refresh(door: Door, ids: Sequence[str]) -> None:
        asked.append((door, list(ids)))
        object.__setattr__(told, "body", call.answer)

    other = whoever_says(looking, told, refresh=refresh)
    await other.comparer.read()
    assert await other.verdict(call) == (Verdict.STALE, verdicts.CAME)
    assert asked == [(Door.ZOHO, [LEAD])]
    assert await other.divergences() == []
