"""Background jobs: each is run, once, whoever dies or fails, by a server or by `crmgraph work`."""

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs

from crmgraph.crm.job_queue import Done, GiveUp, JobQueue, Result, Retry
from crmgraph.crm.models import Job, now
from crmgraph.db.database import Database
from crmgraph.jobs import Kind, Runner
from crmgraph.metrics import exposition

Handler = Callable[[Mapping[str, Any]], Awaitable[Result]]


def worker(db: Database, handler: Handler, *, lease: float = 30.0, poll: float = 20.0, **changed: Any) -> Runner:
    """A worker of its own, as another process would have it."""
    return Runner(db, JobQueue(db), [Kind("test", handler, **changed)], lease=lease, poll=poll)


@asynccontextmanager
async def working(*runners: Runner) -> AsyncIterator[None]:
    for each in runners:
        each.start()
    try:
        yield
    finally:
        await asyncio.gather(*(each.close(within=0) for each in runners))


async def enqueue(db: Database, *numbers: int) -> None:
    queue = JobQueue(db)
    async with db.begin() as session:
        for number in numbers:
            await queue.enqueue(session, "test", {"number": number})


async def rows(db: Database) -> list[Job]:
    async with db.read() as session:
        return list(await session.scalars(select(Job).order_by(Job.id)))


async def until(true: Callable[[], Awaitable[Any]], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not await true():
            await asyncio.sleep(0.02)


async def none_left(db: Database) -> bool:
    return not await rows(db)


def counted(kind: str, outcome: str) -> float:
    """How many attempts at this kind of job went so, as /metrics tells."""
    line = f'crmgraph_jobs_total{{kind="{kind}",outcome="{outcome}"}} '
    found = [each for each in exposition().decode().splitlines() if each.startswith(line)]
    return float(found[0].removeprefix(line)) if found else 0.0


async def test_two_workers_run_fifty_jobs_each_once_and_no_more_of_them_at_a_time_than_they_may(db: Database) -> None:
    done: Counter[int] = Counter()
    busy = [0, 0]
    most = [0, 0]

    def handler_of(own: int) -> Handler:
        async def handler(payload: Mapping[str, Any]) -> Result:
            busy[own] += 1
            most[own] = max(most[own], busy[own])
            done[payload["number"]] += 1
            await asyncio.sleep(0.01)
            busy[own] -= 1
            return Done()

        return handler

    await enqueue(db, *range(50))
    before = counted("test", "done")
    async with working(*(worker(db, handler_of(own), at_once=3) for own in (0, 1))):
        await until(lambda: none_left(db))
    assert done == Counter(range(50))
    assert most == [3, 3]
    assert counted("test", "done") - before == 50


async def test_a_job_is_run_only_if_the_transaction_that_causes_it_is_committed(db: Database) -> None:
    seen = []

    async def handler(payload: Mapping[str, Any]) -> Result:
        seen.append(payload)
        return Done()

    queue = JobQueue(db)
    runner = Runner(db, queue, [Kind("test", handler)])
    async with working(runner):
        try:
            async with db.begin() as session:
                await queue.enqueue(session, "test", {"text": "never"})
                raise RuntimeError
        except RuntimeError:
            queue.wake()
        async with db.begin() as session:
            await queue.enqueue(session, "test", {"text": "ünïcode", "none": None, "list": [1, {"two": 2}]})
            await asyncio.sleep(0.1)
            assert seen == []
        queue.wake()  # nobody waits for the next look at the table, which is in 20 seconds
        await until(lambda: none_left(db), seconds=10)
    assert seen == [{"text": "ünïcode", "none": None, "list": [1, {"two": 2}]}]


async def test_a_job_of_a_kind_that_nobody_knows_waits(db: Database) -> None:
    queue = JobQueue(db)
    async with db.begin() as session:
        await queue.enqueue(session, "of a newer version", {})

    async def handler(_: Mapping[str, Any]) -> Result:
        raise AssertionError

    await worker(db, handler).run_due()
    (left,) = await rows(db)
    assert (left.kind, left.attempts, left.claimed_by) == ("of a newer version", 0, None)


async def test_a_job_of_a_worker_that_died_is_taken_over_when_its_lease_is_over_and_not_before(db: Database) -> None:
    done = []

    async def handler(payload: Mapping[str, Any]) -> Result:
        done.append(now())
        return Done()

    await enqueue(db, 1)
    until_then = now() + dt.timedelta(seconds=1)
    async with db.begin() as session:
        dead = {"claimed_by": "elsewhere:1:dead", "claimed_until": until_then, "attempts": 1}
        await session.execute(update(Job).values(**dead))
    async with working(worker(db, handler)):
        await until(lambda: none_left(db))
    assert len(done) == 1 and done[0] >= until_then


async def test_the_lease_of_a_long_job_is_renewed_so_that_nobody_takes_it_over(db: Database) -> None:
    started = Counter[str]()

    def handler_of(name: str) -> Handler:
        async def handler(_: Mapping[str, Any]) -> Result:
            started[name] += 1
            await asyncio.sleep(2.5)
            return Done()

        return handler

    await enqueue(db, 1)
    async with working(*(worker(db, handler_of(name), lease=0.9, poll=0.1) for name in ("a", "b"))):
        await until(lambda: none_left(db))
    assert started.total() == 1


async def test_a_worker_that_has_lost_a_job_stops_it_and_notes_nothing(db: Database) -> None:
    stopped = asyncio.Event()
    running = asyncio.Event()

    async def handler(_: Mapping[str, Any]) -> Result:
        running.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            stopped.set()
            raise
        return Done()

    await enqueue(db, 1)
    with capture_logs() as logs:
        async with working(worker(db, handler, lease=0.9)):
            await asyncio.wait_for(running.wait(), 10)
            taken = {"claimed_by": "elsewhere:1:alive", "claimed_until": now() + dt.timedelta(minutes=1), "attempts": 2}
            async with db.begin() as session:
                await session.execute(update(Job).values(**taken))
            await asyncio.wait_for(stopped.wait(), 10)
    (left,) = await rows(db)
    assert (left.claimed_by, left.attempts, left.last_error) == ("elsewhere:1:alive", 2, None)
    assert [line["event"] for line in logs] == ["a job was taken over while it was run"]


async def test_a_job_that_is_done_is_noted_by_its_own_worker_only(db: Database) -> None:
    """Another has taken it over in the meantime, and is still at it."""

    async def handler(_: Mapping[str, Any]) -> Result:
        async with db.begin() as session:
            await session.execute(update(Job).values(claimed_by="elsewhere:1:alive", attempts=2))
        return Done()

    await enqueue(db, 1)
    await worker(db, handler).run_due()
    (left,) = await rows(db)
    assert (left.claimed_by, left.attempts) == ("elsewhere:1:alive", 2)


async def test_a_job_that_fails_is_tried_again_later_each_time_and_fails_for_good_in_the_end(db: Database) -> None:
    at: list[dt.datetime] = []

    async def handler(_: Mapping[str, Any]) -> Result:
        at.append(now())
        if len(at) == 2:
            raise ValueError("with a name that nobody should read: Ravi")
        return Retry("the server is busy")

    await enqueue(db, 1)
    before = {outcome: counted("test", outcome) for outcome in ("retried", "failed")}
    runner = worker(db, handler, first_retry=0.2, longest_retry=0.8, window=dt.timedelta(seconds=4), failure="not done")
    with capture_logs() as logs:
        async with working(runner):

            async def failed() -> bool:
                return (await rows(db))[0].failed_at is not None

            await until(failed)
            await asyncio.sleep(1)  # and nobody tries it any more
    (left,) = await rows(db)
    assert (left.attempts, left.claimed_by, left.claimed_until) == (len(at), None, None)
    assert left.last_error == "the server is busy"
    waits = [(later - earlier).total_seconds() for earlier, later in pairwise(at)]
    assert waits[0] >= 0.2 and waits[1] >= 0.4 and all(each >= 0.8 for each in waits[2:])
    told = [line for line in logs if line["event"] == "not done"]
    assert [(line["job"], line["tries"]) for line in told] == [("test", tries + 1) for tries in range(len(at))]
    assert [line["reason"] for line in told][:3] == ["the server is busy", "ValueError", "the server is busy"]
    assert [line["again_in"] is None for line in told] == [False] * (len(at) - 1) + [True]
    assert [line["work"] for line in logs if line["event"] == "unexpected fault"] == ["test"]
    assert counted("test", "retried") - before["retried"] == len(at) - 1
    assert counted("test", "failed") - before["failed"] == 1
    failures = await JobQueue(db).failures()
    assert {kind: (each.count, each.last_error) for kind, each in failures.items()} == {
        "test": (1, "the server is busy")
    }


async def test_a_job_that_hangs_is_ended_and_one_that_is_given_up_is_not_tried_again(db: Database) -> None:
    async def hangs(_: Mapping[str, Any]) -> Result:
        await asyncio.sleep(60)
        return Done()

    async def refuses(_: Mapping[str, Any]) -> Result:
        return GiveUp("there is no such person")

    await enqueue(db, 1)
    runner = worker(db, hangs, seconds=0.1, first_retry=60.0)
    await runner.run_due()
    (left,) = await rows(db)
    assert (left.last_error, left.failed_at, left.attempts) == ("it takes too long", None, 1)
    assert dt.timedelta(seconds=50) < left.run_after - now() < dt.timedelta(seconds=76)
    async with db.begin() as session:
        await session.execute(update(Job).values(run_after=now()))
    await worker(db, refuses).run_due()
    (left,) = await rows(db)
    assert (left.last_error, left.attempts) == ("there is no such person", 2)
    assert left.failed_at is not None


async def test_what_goes_with_a_job_is_written_with_its_end_or_not_at_all(db: Database) -> None:
    """By the worker whose job it is, and once more where the database was away for a moment."""
    tries = []
    queue = JobQueue(db)

    async def write(session: AsyncSession) -> None:
        tries.append(now())
        await queue.enqueue(session, "follows", {})
        if len(tries) == 1:
            raise ConnectionResetError

    async def handler(payload: Mapping[str, Any]) -> Result:
        if payload["number"] == 2:
            async with db.begin() as session:
                await session.execute(update(Job).where(Job.kind == "test").values(claimed_by="elsewhere:1:alive"))
        return Done(write)

    await enqueue(db, 1)
    with capture_logs() as logs:
        await worker(db, handler).run_due()
    assert [(line["event"], line.get("door")) for line in logs] == [("the database is away", "background")]
    assert ([row.kind for row in await rows(db)], len(tries)) == (["follows"], 2)
    await enqueue(db, 2)
    await worker(db, handler).run_due()
    assert ([row.kind for row in await rows(db)], len(tries)) == (["follows", "test"], 2)


async def test_jobs_that_hang_leave_their_room_alone_to_other_kinds(db: Database) -> None:
    done = asyncio.Event()

    async def hangs(_: Mapping[str, Any]) -> Result:
        await asyncio.sleep(60)
        return Done()

    async def works(_: Mapping[str, Any]) -> Result:
        done.set()
        return Done()

    queue = JobQueue(db)
    await enqueue(db, 1, 2, 3)
    async with db.begin() as session:
        await queue.enqueue(session, "other", {})
    async with working(Runner(db, queue, [Kind("test", hangs, at_once=2), Kind("other", works)])):
        await asyncio.wait_for(done.wait(), 10)
        assert [row.attempts for row in await rows(db) if row.kind == "test"] == [1, 1, 0]


async def test_a_worker_that_stops_runs_what_is_due_and_gives_back_what_is_in_hand(db: Database) -> None:
    running, done = asyncio.Event(), []

    async def handler(payload: Mapping[str, Any]) -> Result:
        if payload["number"] == 1:
            running.set()
            await asyncio.sleep(60)
        done.append(payload["number"])
        return Done()

    await enqueue(db, 1)
    runner = worker(db, handler, at_once=2)
    runner.start()
    await asyncio.wait_for(running.wait(), 10)
    await enqueue(db, 2, 3)  # by another process: nobody here is woken
    started = asyncio.get_running_loop().time()
    await runner.close(within=2)
    assert asyncio.get_running_loop().time() - started < 8
    assert done == [2, 3]
    (left,) = await rows(db)
    given_back = (left.payload, left.attempts, left.claimed_by, left.claimed_until)
    assert given_back == ({"number": 1}, 0, None, None) and left.run_after <= now()


async def test_a_recurring_job_runs_once_an_interval_over_many_processes_and_goes_on_after_failures(
    db: Database,
) -> None:
    runs: list[dt.datetime] = []

    async def handler(payload: Mapping[str, Any]) -> Result:
        assert payload == {}
        runs.append(now())
        return [Done(), GiveUp("the store is away"), Done()][min(len(runs), 3) - 1]

    runners = [worker(db, handler, every=1.0, poll=0.05, first_retry=0.3) for _ in range(3)]
    begun = now()
    async with working(*runners):
        await until(lambda: _true(len(runs) >= 4))
        (row,) = await rows(db)
    assert (row.kind, row.unique_key) == ("test", "test")
    waits = [(later - earlier).total_seconds() for earlier, later in zip([begun, *runs], runs, strict=False)]
    assert waits[0] >= 1.0 and waits[1] >= 1.0 and waits[2] >= 0.3 and waits[3] >= 1.0
    async with working(worker(db, handler, every=0, at_once=0)):  # switched off
        await until(lambda: none_left(db))


async def _true(value: bool) -> bool:
    return value


async def test_a_recurring_job_that_is_interrupted_by_a_stop_is_run_by_the_next(db: Database) -> None:
    running = asyncio.Event()
    runs = []

    async def slow(_: Mapping[str, Any]) -> Result:
        running.set()
        await asyncio.sleep(60)
        return Done()

    async def quick(_: Mapping[str, Any]) -> Result:
        runs.append(1)
        return Done()

    first = worker(db, slow, every=0.2)
    first.start()
    await asyncio.wait_for(running.wait(), 10)
    started = asyncio.get_running_loop().time()
    await first.close()  # it does not wait for what would be long
    assert asyncio.get_running_loop().time() - started < 8
    await worker(db, quick, every=3600.0).run_due()
    (left,) = await rows(db)
    assert (runs, left.attempts, left.claimed_by) == ([1], 0, None)
    assert dt.timedelta(minutes=59) < left.run_after - now() <= dt.timedelta(hours=1)


async def test_an_interval_that_was_shortened_holds_at_the_next_start(db: Database) -> None:
    async def handler(_: Mapping[str, Any]) -> Result:
        return Done()

    async def due_within(seconds: float) -> bool:
        found = await rows(db)
        return bool(found) and found[0].run_after <= now() + dt.timedelta(seconds=seconds)

    async with working(worker(db, handler, every=86400.0)):
        await until(lambda: due_within(60))
    async with db.begin() as session:
        await session.execute(update(Job).values(run_after=now() + dt.timedelta(days=1)))
    async with working(worker(db, handler, every=30.0)):
        await until(lambda: due_within(30))
