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
from crmgraph.assembly import NO_SECRET, build, close
from crmgraph.cli import faults
from crmgraph.cli.console import DemoOption, out
from crmgraph.crm import installation
from crmgraph.crm.core import Core
from crmgraph.crm.identity.outbox import EMAIL
from crmgraph.crm.job_queue import Backlog, JobQueue
from crmgraph.crm.models import now
from crmgraph.db.url import without_secrets
from crmgraph.mail import MailAway, MailRefused, Unmailable, open_mail
from crmgraph.migrations import fault_of, head, revision_of
from crmgraph.photos import StoreAway
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
    lines = unknown(os.environ)
    settings = None
    try:
        settings = Settings()
        if demo or settings.demo:
            kept = demonstration.prepare(settings.demo_folder)
            settings = settings.for_demo(settings.demo_folder, kept.secret)
    except ValidationError as error:
        lines += told(error)
    except (OSError, ValueError, KeyError) as error:
        lines.append(f"CRMGRAPH_DEMO_FOLDER: {type(error).__name__}")
    if settings is not None and settings.secret_key is None:
        lines.append(NO_SECRET)
    findings = [Finding("settings", "fail", line) for line in lines]
    if settings is None or settings.secret_key is None:
        return findings
    if (fault := faults.of_file(settings.database_url)) is not None:
        return [*findings, Finding("database", "fail", fault)]
    try:
        core, runner = build(settings)
    except (ValueError, OSError) as error:
        return [*findings, Finding("settings", "fail", str(error))]
    if not findings:
        findings.append(Finding("settings", "ok", _counted(settings)))
    findings += _secret(settings)
    try:
        findings += [each async for each in _database(core, settings)]
        findings.append(await _photos(core))
        findings.append(await _mail(settings, mail_to))
        findings += await _addresses(settings)
    finally:
        await close(core, runner)
    return findings


def _counted(settings: Settings) -> str:
    count = len(settings.model_fields_set)
    return "1 is set, and holds" if count == 1 else f"{count} are set, and all hold"


def _secret(settings: Settings) -> list[Finding]:
    secret = settings.secret_key or ""
    found = [
        Finding("secret", "ok", f"{len(secret)} characters")
        if len(set(secret)) >= FEW
        else Finding("secret", "warn", "it looks typed", "draw one, e.g. by `openssl rand -base64 48`")
    ]
    if settings.covalense_forgot_sets_password:
        found.append(
            Finding("secret", "warn", "anybody can set anybody's password", "CRMGRAPH_COVALENSE_FORGOT_SETS_PASSWORD")
        )
    return found


async def _database(core: Core, settings: Settings) -> AsyncIterator[Finding]:
    name = without_secrets(settings.database_url)
    try:
        async with core.db.read() as session:
            version = await session.scalar(
                text("SELECT sqlite_version()" if core.db.is_sqlite else "SHOW server_version")
            )
            clock = None if core.db.is_sqlite else await session.scalar(text("SELECT clock_timestamp()"))
        yield Finding("database", "ok", f"{name}, {'SQLite' if core.db.is_sqlite else 'PostgreSQL'} {version}")
        fault = fault_of(await revision_of(core.db))
        yield Finding("migrations", "fail", fault) if fault else Finding("migrations", "ok", f"version {head()}")
        kind = await installation.kind_of(core.db)
        if (kind is installation.Kind.DEMO) != settings.demo and kind is not None:
            yield Finding("database", "fail", f"it is {kind.value}", "a demo and a production never share one")
        elif settings.demo:
            yield Finding("database", "warn", "it is a demo, whose passwords anybody is shown", "keep it inside")
        if clock is not None:
            yield _clock("the database's", clock)
        if fault is None:
            for found in await _jobs(core.jobs):
                yield found
    except Exception as error:
        words = faults.of_database(error, settings.database_url)
        if words is None:
            raise
        yield Finding("database", "fail", words)


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


async def _photos(core: Core) -> Finding:
    try:
        await core.record_photos.store.check()
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
        reason = getattr(error, "reason", None) or error
        hint = "CRMGRAPH_PUBLIC_URL, or the server is not up"
        found.append(Finding("public url", "warn", f"{settings.public_url} does not answer ({reason})", hint))
    if parts.scheme == "http" and not here:
        found.append(Finding("public url", "warn", "it is not encrypted", "TLS in a proxy, and https:// here"))
    if date is not None:
        found.append(_clock("the server's", date))
    if "*" in settings.trusted_proxies:
        hint = "CRMGRAPH_TRUSTED_PROXIES: only the address of the proxy"
        found.append(Finding("proxies", "warn", "anybody may say which address they have", hint))
    elif not settings.trusted_proxies and not here:
        hint = "CRMGRAPH_TRUSTED_PROXIES, or all clients behind a proxy have one address"
        found.append(Finding("proxies", "warn", "none is trusted", hint))
    else:
        found.append(Finding("proxies", "ok", ", ".join(settings.trusted_proxies) or "none, and none is needed here"))
    return found


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
