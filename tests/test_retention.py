"""What has passed its time goes, and nothing else does."""

import asyncio
import datetime as dt
import os
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import structlog
from sqlalchemy import func, select, update

from crmgraph.crm import retention
from crmgraph.crm.identity import clients, staff
from crmgraph.crm.identity.credentials import add_credential
from crmgraph.crm.models import (
    Attempt,
    Change,
    Compared,
    DifferenceSort,
    Divergence,
    Door,
    Import,
    ImportRow,
    Job,
    LegacyToken,
    Outcome,
    PartyKind,
    Purpose,
    RefreshToken,
    Role,
    Session,
    Task,
    Usage,
    Verdict,
    VerificationCode,
    now,
)
from crmgraph.crm.retention import Retention, purge_photos, purge_rows
from crmgraph.db.database import Database
from crmgraph.photos import new_key
from tests.conftest import Running, serving, settings_for
from tests.graph.conftest import put

DAY = dt.timedelta(days=1)


async def count(db: Database, model: type) -> int:
    async with db.read() as session:
        return await session.scalar(select(func.count()).select_from(model)) or 0


async def fill(running: Running) -> None:
    """Of each kind one row that is kept and one or more that are not."""
    at = now()
    async with running.db.begin() as session:
        member = await staff.add_staff(session, "Ann", "ann@example.com", Role.AGENT, "hash")
        client = await clients.add_client(session, Door.ZOHO, "Program", "program", "hash", member.id, ())
        credential = await add_credential(session, email="bob@example.com", password_hash="hash")
        for name, expires, ended in (
            ("fresh", at + DAY, None),
            ("ended lately", at + DAY, at - 29 * DAY),
            ("expired lately", at - 29 * DAY, None),
            ("ended", at + DAY, at - 31 * DAY),
            ("expired", at - 31 * DAY, None),
        ):
            session.add(
                Session(id=name, credential_id=credential, door=Door.GRAPHQL, expires_at=expires, ended_at=ended)
            )
            await session.flush()
            session.add(RefreshToken(digest=name, session_id=name))
        for name, expires_at, revoked, created in (
            ("fresh", at + DAY, False, at - 100 * DAY),
            ("for ever", None, False, at - 100 * DAY),
            ("lately", at - 6 * DAY, False, at - 100 * DAY),
            ("revoked lately", None, True, at - 6 * DAY),
            ("expired", at - 8 * DAY, False, at - 100 * DAY),
            ("revoked", None, True, at - 8 * DAY),
        ):
            session.add(
                LegacyToken(
                    digest=name,
                    client_id=client,
                    kind="access",
                    expires_at=expires_at,
                    revoked=revoked,
                    created_at=created,
                )
            )
        for name, days in (("lately", 6), ("expired", 8)):
            session.add(
                VerificationCode(
                    digest=name,
                    purpose=Purpose.RESET,
                    email="a@b.example",
                    email_key="a@b.example",
                    expires_at=at - days * DAY,
                )
            )
        for days in (None, 6, 8):
            failed_at = None if days is None else at - days * DAY
            session.add(Job(kind="test", payload={}, created_at=at - 100 * DAY, failed_at=failed_at))
        for minutes in (50, 70):
            session.add(Attempt(subject="x", at=at - dt.timedelta(minutes=minutes)))


async def test_each_kind_goes_when_its_time_has_passed_and_a_dry_run_only_counts(running: Running) -> None:
    await fill(running)
    (ray,) = await put(running.core, PartyKind.CONTACT, {"last_name": "Ray"})
    async with running.db.begin() as session:
        author = await staff.add_staff(session, "Ada Agent", None, Role.ADMIN, None)
        for ended in (None, now() - 6 * DAY, now() - 8 * DAY):
            session.add(Task(kind="export", staff_id=author.id, given={}, finished_at=ended))
        for days in (89, 91):
            old = Import(files=[], staff_id=author.id, created_at=now() - days * DAY)
            session.add(old)
            await session.flush()
            own = {"kind": PartyKind.CONTACT, "key": "x", "party_id": ray, "outcome": Outcome.CREATED, "digest": ""}
            session.add(ImportRow(import_id=old.id, revision=1, **own))
        for n, days in enumerate((399, 402, 402, 403)):
            called = {"operation": f"GET /{n}", "caller": "unknown", "calls": 1, "bytes": 0, "microseconds": 0}
            day = (now() - days * DAY).date()
            session.add(Usage(day=day, dialect=Door.ZOHO, refused=False, **called))
        of = {"dialect": Door.ZOHO, "operation": "GET /x", "caller": "unknown"}
        for days in (399, 402):
            day = (now() - days * DAY).date()
            session.add(Compared(day=day, verdict=Verdict.EQUAL, reason="", calls=1, **of))
        for days in (6, 8, 402):
            told = {"method": "GET", "target": "/x", "headers": {}, "control_hash": "1", "candidate_hash": "2"}
            values = {"control": "Ada", "candidate": "Bob", "last_at": now() - days * DAY}
            session.add(Divergence(field=str(days), sort=DifferenceSort.VALUE, times=1, **of, **told, **values))
    changes = await count(running.db, Change)
    gone = {
        "sessions": 2,
        "tokens": 2,
        "learned tokens": 0,
        "signups": 0,
        "codes": 1,
        "jobs": 1,
        "tasks": 1,
        "import rows": 1,
        "tries": 1,
        "merges": 0,
        "conversions": 0,
    }
    gone |= {"counts of calls": 3, "counts of fields": 0, "idempotency keys": 0}
    gone |= {"counts of comparisons": 1, "differences": 1}
    assert await purge_rows(running.db, Retention(), dry_run=True) == gone | {"values of differences": 2}
    assert await count(running.db, Session) == 5
    gone["values of differences"] = 1
    assert await purge_rows(running.db, Retention()) == gone
    async with running.db.read() as session:
        kept = set(await session.scalars(select(Session.id)))
        assert kept == set(await session.scalars(select(RefreshToken.digest)))
        assert kept == {"fresh", "ended lately", "expired lately"}
        tokens = set(await session.scalars(select(LegacyToken.digest)))
        assert tokens == {"fresh", "for ever", "lately", "revoked lately"}
        assert list(await session.scalars(select(VerificationCode.digest))) == ["lately"]
        failed = list(await session.scalars(select(Job.failed_at).where(Job.kind == "test").order_by(Job.id)))
        assert failed[0] is None and len(failed) == 2
        left = await session.execute(select(Divergence.field, Divergence.control).order_by(Divergence.field))
        assert [tuple(row) for row in left] == [("6", "Ada"), ("8", None)]
    assert (await count(running.db, Usage), await count(running.db, Compared)) == (1, 1)
    assert (await count(running.db, Import), await count(running.db, ImportRow)) == (2, 1)
    assert (await count(running.db, Attempt), await count(running.db, Change)) == (1, changes)
    assert await purge_rows(running.db, Retention()) == dict.fromkeys(gone, 0)
    nothing = Retention(sessions_days=None, tokens_days=None, jobs_days=None, imports_days=None, usage_days=None)
    assert await purge_rows(running.db, nothing) == dict.fromkeys(
        ("idempotency keys", "tries", "merges", "conversions", "values of differences"), 0
    )


async def test_the_history_goes_where_that_is_wanted_in_batches(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    ids = [(await put(running.core, PartyKind.LEAD, {"last_name": f"L{n}"}))[0] for n in range(9)]
    async with running.db.begin() as session:
        old = update(Change).where(Change.party_id.in_(ids[:7])).values(at=now() - 40 * DAY)
        await session.execute(old)
    gone = await purge_rows(running.db, Retention(changes_days=30))
    assert gone["changes"] == 7
    async with running.db.read() as session:
        assert list(await session.scalars(select(Change.party_id).order_by(Change.id))) == ids[7:]


async def test_many_processes_purge_at_once_and_each_row_is_removed_once(running: Running) -> None:
    await fill(running)
    gone = await asyncio.gather(*(purge_rows(running.db, Retention()) for _ in range(5)))
    assert sum(each["sessions"] for each in gone) == 2
    assert await count(running.db, Session) == 3


def kept_at(folder: Path, key: str, age: dt.timedelta) -> None:
    stem, _, extension = key.partition(".")
    (folder / stem).mkdir(parents=True)
    for size in ("original", "medium", "small"):
        file = folder / stem / f"{size}.{extension}"
        file.write_bytes(b"bytes")
        os.utime(file, (time.time() - age.total_seconds(),) * 2)


async def test_photos_without_a_record_are_swept_and_those_of_another_store_are_left(
    demo: Running, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    there = {path.name for path in folder.iterdir()}
    assert there
    for path in folder.glob("*/*"):
        os.utime(path, (time.time() - 10 * 86400,) * 2)
    old, fresh = new_key("png"), new_key("jpg")
    kept_at(folder, old, 2 * DAY)
    kept_at(folder, fresh, dt.timedelta(hours=1))
    (folder / "another.txt").write_text("not ours")
    os.utime(folder / "another.txt", (1, 1))
    store = demo.core.record_photos.store
    assert await purge_photos(demo.db, store, Retention(), dry_run=True) == 1
    assert await purge_photos(demo.db, store, Retention(photos_days=None)) == 0
    assert await purge_photos(demo.db, store, Retention()) == 1
    left = {path.name for path in folder.iterdir()}
    assert left == there | {fresh.partition(".")[0], "another.txt"}
    many = [new_key("png") for _ in range(101 + len(there))]
    for key in many:
        kept_at(folder, key, 2 * DAY)
    with structlog.testing.capture_logs() as lines:
        assert await purge_photos(demo.db, store, Retention()) == 0
    assert [line["orphans"] for line in lines] == [len(many)]
    assert await purge_photos(demo.db, store, Retention(), even_most=True) == len(many)


async def test_servers_purge_in_the_background_one_of_them_at_a_time(
    database: str, running: Running, tmp_path: Path
) -> None:
    await fill(running)
    folder = tmp_path / "photos"
    lost = new_key("png")
    kept_at(folder, lost, 2 * DAY)

    async def done() -> bool:
        async with running.db.read() as session:
            query = select(Job.run_after).where(Job.unique_key.is_not(None), Job.run_after > now() + DAY / 48)
            return len((await session.scalars(query)).all()) == 3

    with structlog.testing.capture_logs() as lines:
        async with AsyncExitStack() as servers, asyncio.timeout(30):
            for _ in range(2):
                await servers.enter_async_context(serving(settings_for(database, tmp_path, log_level="info")))
            while await count(running.db, Job) < 6:
                await asyncio.sleep(0.05)
            async with running.db.begin() as session:
                await session.execute(update(Job).where(Job.unique_key.is_not(None)).values(run_after=now()))
            running.core.jobs.wake()
            while not await done():
                await asyncio.sleep(0.05)
    told = [line for line in lines if line["event"] == "purged"]
    assert sorted((name, line[name]) for line in told for name in ("sessions", "photos", "words") if name in line) == [
        ("photos", 1), ("sessions", 2), ("words", 0),
    ]  # fmt: skip
    assert await count(running.db, Session) == 3
    assert not (folder / lost.partition(".")[0]).exists()
    assert [line for line in lines if line["log_level"] in ("warning", "error")] == []
