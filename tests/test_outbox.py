"""Emails are stored with what causes them, and handed over until it works."""

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text, update
from structlog.testing import capture_logs

from crmgraph.crm.identity import verification_codes
from crmgraph.crm.identity.emails import EmailTemplate
from crmgraph.crm.identity.outbox import EMAIL, WINDOW, Outbox
from crmgraph.crm.job_queue import JobQueue
from crmgraph.crm.models import Job, Purpose, VerificationCode, now
from crmgraph.db.database import Database
from crmgraph.jobs import Kind, Runner
from crmgraph.logs import request_id
from crmgraph.mail import open_mail
from crmgraph.security import Keys, digest
from tests.conftest import serving, settings_for
from tests.smtp import SmtpServer, smtp

__all__ = ["smtp"]

SECRET = "a secret of thirty-two characters"
SOON: dict[str, Any] = {"at_once": 4, "seconds": 2.0, "first_retry": 0.2, "longest_retry": 0.4}
"""As patient as a test."""


@dataclass
class Posting:
    """An outbox, and the worker that delivers from it."""

    outbox: Outbox
    runner: Runner
    queue: JobQueue


def outbox_of(db: Database, server: SmtpServer, keys: Keys | None = None, **changed: Any) -> Posting:
    mail = open_mail(f"smtp://127.0.0.1:{server.port}", "crm@example.com")
    queue = JobQueue(db)
    outbox = Outbox(db, queue, keys or Keys(SECRET), mail, "https://crm.example")
    kind = Kind(EMAIL, outbox.deliver, window=WINDOW, failure="mail not sent", **(SOON | changed))
    return Posting(outbox, Runner(db, queue, [kind]), queue)


@pytest.fixture
async def outbox(db: Database, smtp: SmtpServer) -> AsyncIterator[Posting]:
    made = outbox_of(db, smtp)
    yield made
    await made.runner.close(within=0)


async def post(posting: Posting, db: Database, *to: str | None) -> list[str]:
    """Emails to these people, with codes that are good."""
    codes = []
    async with db.begin() as session:
        for each in to:
            codes.append(code := await posting.outbox.put(session, EmailTemplate.RESET, each))
            await verification_codes.issue(session, Purpose.RESET, each or "", each or "", code, WINDOW)
    posting.outbox.wake()
    return codes


async def waiting(db: Database) -> int:
    async with db.read() as session:
        return await session.scalar(select(func.count()).select_from(Job).where(Job.failed_at.is_(None))) or 0


async def until(true: Callable[[], Any], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.02)


async def empty(db: Database) -> None:
    async with asyncio.timeout(10):
        while await waiting(db):
            await asyncio.sleep(0.02)


def of_mail(logs: Any) -> list[dict[str, Any]]:
    return [line for line in logs if line["event"] == "mail not sent"]


async def test_an_email_is_stored_with_what_causes_it_and_gone_once_it_is_handed_over(
    db: Database, smtp: SmtpServer, outbox: Posting
) -> None:
    outbox.runner.start()
    with pytest.raises(RuntimeError):
        async with db.begin() as session:
            await outbox.outbox.put(session, EmailTemplate.RESET, "never@example.com")
            raise RuntimeError
    (code,) = await post(outbox, db, "ravi@example.com")
    await empty(db)
    assert smtp.recipients() == ["ravi@example.com"]
    assert code.encode() in smtp.messages[0]


async def test_neither_the_code_nor_the_text_of_an_email_is_stored(db: Database, outbox: Posting) -> None:
    (code,) = await post(outbox, db, "ravi@example.com")
    stored = []
    async with db.read() as session:
        for table in ("job", "proof"):
            stored += [str(value) for row in await session.execute(text(f"SELECT * FROM {table}")) for value in row]
    assert any("ravi@example.com" in value for value in stored)
    assert digest(code) in stored
    assert not [value for value in stored if code in value or "password" in value.lower()]


@pytest.mark.parametrize("trouble", ["busy", "dropping"])
async def test_a_server_that_says_later_or_hangs_up_gets_the_email_again(
    db: Database, smtp: SmtpServer, outbox: Posting, trouble: str
) -> None:
    getattr(smtp, trouble)["ravi@example.com"] = 2
    with capture_logs() as logs:
        outbox.runner.start()
        await post(outbox, db, "ravi@example.com")
        await empty(db)
    assert smtp.recipients() == ["ravi@example.com"]
    reason = "SMTPRecipientsRefused 451" if trouble == "busy" else "SMTPServerDisconnected"
    assert [(line["reason"], line["tries"]) for line in of_mail(logs)] == [(reason, 1), (reason, 2)]
    first, second = (line["again_in"] for line in of_mail(logs))
    assert 0.2 <= first <= 0.3 and 0.4 <= second <= 0.5


async def test_a_server_that_is_away_gets_the_email_when_it_is_back(db: Database, smtp: SmtpServer) -> None:
    listening = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    listening.close()
    await listening.wait_closed()
    outbox = outbox_of(db, SmtpServer(port=port))
    outbox.runner.start()
    with capture_logs() as logs:
        await post(outbox, db, "ravi@example.com")
        await until(lambda: of_mail(logs))
    assert of_mail(logs)[0]["reason"] == "ConnectionRefusedError"
    back = await asyncio.start_server(smtp.accept, "127.0.0.1", port)
    async with back:
        await empty(db)
    assert smtp.recipients() == ["ravi@example.com"]
    await outbox.runner.close(within=0)


async def test_an_email_that_is_refused_for_good_is_tried_once(db: Database, smtp: SmtpServer, outbox: Posting) -> None:
    with capture_logs() as logs:
        outbox.runner.start()
        await post(outbox, db, smtp.refused, "not an address", "ravi@example.com")
        await empty(db)
    assert smtp.recipients() == ["ravi@example.com"]
    assert sorted((line["reason"], line["tries"], line["again_in"]) for line in of_mail(logs)) == [
        ("SMTPRecipientsRefused 550", 1, None),
        ("Unmailable", 1, None),
    ]
    assert "example.com" not in str(of_mail(logs))


async def test_emails_that_hang_hold_up_no_other(db: Database, smtp: SmtpServer, outbox: Posting) -> None:
    hanging = [f"hung{n}@example.com" for n in range(3)]
    smtp.silent.update(hanging)
    others = [f"other{n}@example.com" for n in range(6)]
    outbox.runner.start()
    started = time.perf_counter()
    with capture_logs() as logs:
        await post(outbox, db, *hanging, *others)
        await until(lambda: len(smtp.messages) == 6)
        assert time.perf_counter() - started < 1.9, "not even the time of one try"
        await until(lambda: len(of_mail(logs)) >= 3)
        smtp.silent.clear()
        await empty(db)
    assert {line["reason"] for line in of_mail(logs)} == {"it takes too long"}
    assert sorted(smtp.recipients()) == sorted(hanging + others)


async def test_many_who_deliver_from_one_store_hand_each_email_over_once(db: Database, smtp: SmtpServer) -> None:
    outboxes = [outbox_of(db, smtp) for _ in range(4)]
    people = [f"person{n}@example.com" for n in range(40)]
    await post(outboxes[0], db, *people)
    for each in outboxes:
        each.runner.start()
    await empty(db)
    assert sorted(smtp.recipients()) == sorted(people)
    for each in outboxes:
        await each.runner.close(within=0)


async def test_an_email_in_hand_when_a_worker_stops_is_given_back_at_once(db: Database, smtp: SmtpServer) -> None:
    smtp.silent.add("ravi@example.com")
    first = outbox_of(db, smtp)
    first.runner.start()
    await post(first, db, "ravi@example.com")
    await until(lambda: any("MAIL" in line.upper() for line in smtp.envelopes))
    await first.runner.close(within=0)
    smtp.silent.clear()
    async with db.read() as session:
        (left,) = await session.scalars(select(Job))
        assert (left.attempts, left.claimed_by, left.claimed_until, left.last_error) == (0, None, None, None)
    await outbox_of(db, smtp).runner.run_due()
    assert (smtp.recipients(), await waiting(db)) == (["ravi@example.com"], 0)


async def test_closing_hands_over_what_is_due_and_keeps_what_is_not(
    db: Database, smtp: SmtpServer, outbox: Posting
) -> None:
    smtp.silent.add("hung@example.com")
    outbox.runner.start()
    await post(outbox, db, "hung@example.com", "ravi@example.com")
    started = time.perf_counter()
    await outbox.runner.close(within=0.3)
    assert time.perf_counter() - started < 1
    assert smtp.recipients() == ["ravi@example.com"]
    assert await waiting(db) == 1


async def test_the_time_of_a_code_begins_when_its_email_is_on_its_way(
    db: Database, smtp: SmtpServer, outbox: Posting
) -> None:
    (code,) = await post(outbox, db, "ravi@example.com")
    async with db.read() as session:
        assert await verification_codes.find(session, Purpose.RESET, code) is not None
    await outbox.runner.run_due()
    async with db.read() as session:
        (left,) = [expires - now() for expires in await session.scalars(select(VerificationCode.expires_at))]
    assert dt.timedelta(minutes=59) < left <= dt.timedelta(hours=1)


async def test_an_email_is_given_up_in_the_end_and_one_with_a_void_code_is_not_sent(
    db: Database, smtp: SmtpServer, outbox: Posting
) -> None:
    with capture_logs() as logs:
        await post(outbox, db, "late@example.com")
        async with db.begin() as session:
            await session.execute(update(Job).values(created_at=now() - WINDOW))
        await outbox.runner.run_due()
        await post(outbox, db, "void@example.com")
        async with db.begin() as session:
            await verification_codes.void(session, 0, "void@example.com")
        await post(outbox, db, None)
        await outbox.runner.run_due()
    assert (await waiting(db), smtp.messages) == (0, [])
    assert [(line["reason"], line["tries"]) for line in of_mail(logs)] == [("too late", 1)]
    failures = await outbox.queue.failures()
    assert {kind: (each.count, each.last_error) for kind, each in failures.items()} == {EMAIL: (1, "too late")}


async def test_an_email_survives_that_the_secret_is_exchanged(db: Database, smtp: SmtpServer, outbox: Posting) -> None:
    (code,) = await post(outbox, db, "ravi@example.com")
    new = "another secret of thirty-two characters"
    await outbox_of(db, smtp, keys=Keys(new, [SECRET])).runner.run_due()
    assert code.encode() in smtp.messages[0]
    await post(outbox, db, "ravi@example.com")
    with capture_logs() as logs:
        await outbox_of(db, smtp, keys=Keys(new)).runner.run_due()
    assert (len(smtp.messages), await waiting(db)) == (1, 0)
    assert [line["reason"] for line in of_mail(logs)] == ["its key is gone"]


async def test_each_line_of_the_log_has_the_request_of_its_own_email(
    db: Database, smtp: SmtpServer, outbox: Posting
) -> None:
    lines: list[tuple[str, str | None]] = []
    outbox.runner.start()
    with capture_logs(processors=[lambda _, __, line: line | {"request_id": request_id.get()}]) as logs:
        for number in range(3):
            request_id.set(f"request {number}")
            await post(outbox, db, smtp.refused)
            request_id.set(None)
            await empty(db)
    lines = [(line["event"], line["request_id"]) for line in logs]
    assert lines == [("mail not sent", f"request {number}") for number in range(3)]


async def test_what_waits_is_told(db: Database, outbox: Posting) -> None:
    assert await outbox.queue.backlog() == {}
    await post(outbox, db, "one@example.com", "two@example.com")
    backlog = (await outbox.queue.backlog())[EMAIL]
    assert (backlog.count, backlog.attempts, backlog.last_error) == (2, 0, None)
    assert backlog.oldest is not None and now() - backlog.oldest < dt.timedelta(minutes=1)


RESET = "mutation($i: RequestPasswordResetInput!) { requestPasswordReset(input: $i) { userErrors { code message } } }"
SIGNUP = "mutation($i: SignupInput!) { signup(input: $i) { userErrors { code message } } }"
PERSON = {"lastName": "Emos", "email": "new@example.com", "password": "correct horse 9"}


async def test_without_mail_what_needs_an_email_is_refused_in_words_at_each_door(database: str, tmp_path: Path) -> None:
    words = "This needs an email to be sent, and this service sends none: its operator can set it up."
    refused = {"userErrors": [{"code": "MAIL_NOT_CONFIGURED", "message": words}]}
    settings = settings_for(database, tmp_path, mail_url="", signup_confirm=True)
    async with serving(settings) as (client, app):
        for query, given in ((RESET, {"email": "ravi@example.com"}), (SIGNUP, PERSON)):
            answer = await client.post("/graphql", json={"query": query, "variables": {"i": given}})
            (payload,) = answer.json()["data"].values()
            assert payload == refused
        assert await waiting(app.state.core.db) == 0
    settings = settings_for(database, tmp_path, mail_url="", signup_confirm=False)
    async with serving(settings) as (client, _):
        answer = await client.post("/graphql", json={"query": SIGNUP, "variables": {"i": PERSON}})
        assert answer.json()["data"]["signup"] == {"userErrors": []}
