"""Look at everything that a server needs, and say of each whether it holds and what to do."""

import asyncio
import datetime as dt
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit

import typer
from pydantic import ValidationError
from sqlalchemy import text

from crmgraph import demo as demonstration
from crmgraph.assembly import NO_SECRET
from crmgraph.cli import faults
from crmgraph.cli.console import DemoOption, out
from crmgraph.crm import installation
from crmgraph.crm.identity.outbox import EMAIL
from crmgraph.crm.job_queue import Backlog, JobQueue
from crmgraph.crm.models import now
from crmgraph.crm.search import upkeep, vocabulary
from crmgraph.db.database import Database
from crmgraph.db.url import sqlite_file, without_secrets
from crmgraph.mail import MailAway, MailRefused, Unmailable, open_mail
from crmgraph.migrations import fault_of, head, revision_of
from crmgraph.photos import PhotoStore, StoreAway, folder_of
from crmgraph.settings import Settings, told, unknown

SKEW = 5.0
"""By how many seconds two clocks may differ."""
FEW = 12
"""A secret of fewer different characters looks typed, and not drawn."""
LATE = dt.timedelta(hours=1)
"""After how long a job that waits is worth a look."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found.

    Attributes:
        check: what was looked at.
        status: ok; warn, where it works and is not as it should be; fail, where something will not work.
        message: what is so.
        hint: what to do; empty when nothing is to be done.
    """

    check: str
    status: Literal["ok", "warn", "fail"]
    message: str
    hint: str = ""


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON list, for programs.")] = False,
    mail_to: Annotated[str | None, typer.Option(help="Send a test email to this address.")] = None,
    demo: DemoOption = False,
) -> None:
    """Look at settings, database, photos, mail, addresses and clock: a line each, with what to do."""
    findings = asyncio.run(_all(demo, mail_to))
    if as_json:
        sys.stdout.write(json.dumps([asdict(each) for each in findings], indent=2) + "\n")
    else:
        for each in findings:
            line = f"{each.status:<5}{each.check:<12}{each.message}" + (f": {each.hint}" if each.hint else "")
            style = {"ok": None, "warn": "yellow", "fail": "red"}[each.status]
            out.print(line, style=style, markup=False, highlight=False)
    if any(each.status == "fail" for each in findings):
        raise typer.Exit(1)


async def _all(demo: bool, mail_to: str | None) -> list[Finding]:
    """Every finding. What is wrong keeps nobody from looking at the rest."""
    settings, wrong, findings = _settings(demo)
    if "secret_key" not in wrong:
        findings += _secret(settings)
    if "database_url" not in wrong:
        findings += [each async for each in _database(settings)]
    findings.append(await _photos(settings))
    if not wrong & {"mail_url", "mail_from"}:
        findings.append(await _mail(settings, mail_to))
    if "public_url" not in wrong:
        findings += await _addresses(settings)
    if "trusted_proxies" not in wrong:
        findings.append(_proxies(settings))
    return findings


def _settings(demo: bool) -> tuple[Settings, set[str], list[Finding]]:
    """The settings, those that do not hold by their defaults; the names of these; and what there is to say of all."""
    lines = unknown(os.environ)
    wrong: set[str] = set()
    try:
        settings = Settings()
    except ValidationError as error:
        lines += told(error)
        wrong = {str(fault["loc"][0]) for fault in error.errors()}
        settings = Settings(**{name: Settings.model_fields[name].default for name in wrong})
    if (fault := faults.of_unique_fields(settings.zoho_unique)) is not None:
        lines.append(fault)
    count = len(settings.model_fields_set)
    if demo or settings.demo:
        # Its secrets are read, and not made: whoever only looks leaves nothing behind.
        folder, secret = settings.demo_folder, ""
        if demonstration.is_made(folder):
            try:
                secret = demonstration.prepare(folder).secret
            except (OSError, ValueError) as error:
                lines.append(faults.of_demo(error, folder))
        settings = settings.for_demo(folder, secret)
        if not settings.secret_key:
            wrong.add("secret_key")
    findings = [Finding("settings", "fail", line) for line in lines]
    return settings, wrong, findings or [Finding("settings", "ok", _counted(count))]


def _counted(count: int) -> str:
    return "1 is set, and holds" if count == 1 else f"{count} are set, and all hold"


def _secret(settings: Settings) -> list[Finding]:
    secret = settings.secret_key
    if secret is None:
        message, _, hint = NO_SECRET.partition(": ")
        found = [Finding("secret", "fail", message, hint)]
    elif len(set(secret)) < FEW:
        found = [Finding("secret", "warn", "it looks typed", "draw one, e.g. by `openssl rand -base64 48`")]
    else:
        found = [Finding("secret", "ok", f"{len(secret)} characters")]
    if settings.covalense_forgot_sets_password:
        found.append(
            Finding("secret", "warn", "anybody can set anybody's password", "CRMGRAPH_COVALENSE_FORGOT_SETS_PASSWORD")
        )
    return found


async def _database(settings: Settings) -> AsyncIterator[Finding]:
    name = without_secrets(settings.database_url)
    if (fault := faults.of_file(settings.database_url)) is not None:
        yield Finding("database", "fail", fault)
        return
    if (file := sqlite_file(settings.database_url)) is not None and not file.exists():
        makes = "`crmgraph serve --demo` makes it" if settings.demo else "`crmgraph migrate` makes it"
        yield Finding("database", "fail", f"{name} is not there yet", makes)
        return
    db = Database(settings.database_url, pool_size=1, statement_seconds=settings.request_seconds, untouched=True)
    try:
        async with db.read() as session:
            version = await session.scalar(text("SELECT sqlite_version()" if db.is_sqlite else "SHOW server_version"))
            clock = None if db.is_sqlite else await session.scalar(text("SELECT clock_timestamp()"))
        yield Finding("database", "ok", f"{name}, {'SQLite' if db.is_sqlite else 'PostgreSQL'} {version}")
        fault = fault_of(await revision_of(db))
        yield Finding("migrations", "fail", fault) if fault else Finding("migrations", "ok", f"version {head()}")
        kind = await installation.kind_of(db)
        if (kind is installation.Kind.DEMO) != settings.demo and kind is not None:
            yield Finding("database", "fail", f"it is {kind.value}", "a demo and a production never share one")
        elif settings.demo:
            yield Finding("database", "warn", "it is a demo, whose passwords anybody is shown", "keep it inside")
        if clock is not None:
            yield _clock("the database's", clock)
        if fault is None:
            for found in await _jobs(JobQueue(db)):
                yield found
            yield await _index(db)
    except Exception as error:
        words = faults.of_database(error, settings.database_url)
        if words is None:
            raise
        yield Finding("database", "fail", words)
    finally:
        await db.close()


async def _jobs(queue: JobQueue) -> list[Finding]:
    backlog, failures = await queue.backlog(), await queue.failures()
    emails = backlog.get(EMAIL, Backlog())
    found = [Finding("emails", "ok", f"{emails.count} wait to be sent")]
    if emails.oldest is not None and now() - emails.oldest > LATE:
        age = int((now() - emails.oldest).total_seconds() // 60)
        hint = "look for `mail not sent` in the log, and at the mail server"
        found = [Finding("emails", "warn", f"{emails.count} wait, the oldest for {age} minutes", hint)]
    for kind, failed in failures.items():
        when = f"{failed.last_at:%Y-%m-%d %H:%M} UTC"
        hint = "look for the reason in the log; they are kept for CRMGRAPH_KEEP_FAILED_JOBS_DAYS"
        found.append(
            Finding("jobs", "warn", f"{failed.count} of {kind} failed, the last at {when} ({failed.last_error})", hint)
        )
    for kind, each in backlog.items():
        if each.due_at is not None and now() - each.due_at > LATE:
            hint = "is a server up that may run them (CRMGRAPH_RUN_JOBS), or `crmgraph work`?"
            found.append(
                Finding("jobs", "warn", f"nobody runs {kind}, which is due since {each.due_at:%H:%M} UTC", hint)
            )
        elif kind != EMAIL and each.last_error is not None:
            words = f"{kind} has failed {each.attempts} times in a row ({each.last_error})"
            found.append(Finding("jobs", "warn", words, "it is tried again; the log says when"))
    if not any(each.check == "jobs" for each in found):
        found.append(Finding("jobs", "ok", "none has failed, and none is late"))
    return found


async def _index(db: Database) -> Finding:
    count = await upkeep.missing(db)
    if not count:
        return await _parts(db)
    words = "1 record is" if count == 1 else f"{count} records are"
    more = " at least" if count >= upkeep.MOST_MISSING else ""
    return Finding("search", "fail", f"{words} not in the index{more}, and not found", "run `crmgraph reindex`")


async def _parts(db: Database) -> Finding:
    if not await vocabulary.is_complete(db):
        hint = "run `crmgraph reindex`, once every process runs this version"
        return Finding("search", "warn", "parts of words are not in the index yet: `contains` takes long", hint)
    count = await upkeep.without_parts(db)
    if count:
        words = "1 word is" if count == 1 else f"{count} words are"
        return Finding("search", "fail", f"{words} not found by a part of it", "run `crmgraph reindex`")
    return Finding("search", "ok", "every record is in the index")


async def _photos(settings: Settings) -> Finding:
    try:
        folder = folder_of(settings.photo_url)
        if folder is not None and (fault := faults.of_folder(folder)) is not None:
            return Finding("photos", "fail", f"CRMGRAPH_PHOTO_URL: {fault}")
        if folder is not None and not folder.exists():
            return Finding("photos", "ok", f"{folder} is not there yet", "the first start makes it")
        await PhotoStore(settings.photo_url).check()
    except ValueError as error:
        return Finding("photos", "fail", f"CRMGRAPH_PHOTO_URL: {error}")
    except StoreAway as away:
        hint = "CRMGRAPH_PHOTO_URL: look at the rights of the folder, or at the bucket and the AWS_ variables"
        return Finding("photos", "fail", away.reason, hint)
    return Finding("photos", "ok", "written, read and removed")


async def _mail(settings: Settings, to: str | None) -> Finding:
    if not settings.mail_url:
        hint = "CRMGRAPH_MAIL_URL, or nobody confirms a signup or resets a password"
        return Finding("mail", "fail" if to else "warn", "none is sent", hint)
    if to is None:
        return Finding("mail", "ok", "set up, and not tried", "--mail-to somebody@example.com tries it")
    words = f"Somebody asked crmgraph at {settings.public_url} whether mail arrives. It does.\n"
    try:
        await open_mail(settings.mail_url, settings.mail_from).send(to, "An email from crmgraph", words)
    except Unmailable:
        return Finding("mail", "fail", "--mail-to takes one bare address", "e.g. somebody@example.com")
    except (MailAway, MailRefused) as error:
        return Finding("mail", "fail", error.reason, "CRMGRAPH_MAIL_URL: look at host, port, TLS, user and password")
    return Finding("mail", "ok", f"an email to {to} was taken")


async def _addresses(settings: Settings) -> list[Finding]:
    parts = urlsplit(settings.public_url)
    here = _is_loopback(parts.hostname or "")
    found = []
    date = None
    try:
        date = await asyncio.to_thread(_asked, f"{settings.public_url}/health/live")
        found.append(Finding("public url", "ok", f"{settings.public_url} answers"))
    except (OSError, ValueError) as error:
        cause = getattr(error, "reason", None) or error
        reason = getattr(cause, "strerror", None) or cause
        hint = "CRMGRAPH_PUBLIC_URL, or the server is not up"
        found.append(Finding("public url", "warn", f"{settings.public_url} does not answer ({reason})", hint))
    if parts.scheme == "http" and not here:
        found.append(Finding("public url", "warn", "it is not encrypted", "TLS in a proxy, and https:// here"))
    if date is not None:
        found.append(_clock("the server's", date))
    return found


def _proxies(settings: Settings) -> Finding:
    here = _is_loopback(urlsplit(settings.public_url).hostname or "")
    if "*" in settings.trusted_proxies:
        hint = "CRMGRAPH_TRUSTED_PROXIES: only the address of the proxy"
        return Finding("proxies", "warn", "anybody may say which address they have", hint)
    if not settings.trusted_proxies and not here:
        hint = "CRMGRAPH_TRUSTED_PROXIES, or all clients behind a proxy have one address"
        return Finding("proxies", "warn", "none is trusted", hint)
    return Finding("proxies", "ok", ", ".join(settings.trusted_proxies) or "none, and none is needed here")


def _asked(url: str) -> dt.datetime | None:
    """When the server says it is.

    Raises:
        OSError, ValueError: it does not answer as ours does.
    """
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - http or https, as the setting has it
            date = answer.headers["Date"]
    except urllib.error.HTTPError as error:
        raise ValueError(f"HTTP {error.code}") from None
    return parsedate_to_datetime(date) if date else None


def _clock(whose: str, moment: dt.datetime) -> Finding:
    # A Date header has whole seconds.
    off = abs((now() - moment).total_seconds())
    if off <= SKEW + 1:
        return Finding("clock", "ok", f"it agrees with {whose}")
    return Finding("clock", "fail" if off > 60 else "warn", f"it is {off:.0f} s off {whose}", "keep both by NTP")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
