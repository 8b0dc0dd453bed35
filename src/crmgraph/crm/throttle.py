"""The throttle of logins, signups and resets: tries are counted in the database, so that it holds across processes.

A try is written down before the password work begins and taken back when it succeeds. Tries of one subject are written
one after the other, so that of any number at the same moment, in whatever processes, as many as the limit are heard.
"""

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, delete, func, insert, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Throttled
from crmgraph.crm.models import Attempt, now
from crmgraph.crm.text import email_key, fault_of
from crmgraph.db import Database

PURGE_EVERY = 128
"""About how many tries pass between two sweeps of those that no longer count."""

_ADDRESS = "address:"

Tried = Sequence[int]
"""What a try left behind, to be taken back when it succeeds."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many failures are heard.

    Attributes:
        per_account: of one email, or of one legacy client.
        per_address: of one network address.
        window_seconds: for how long a failure counts.
    """

    per_account: int = 10
    per_address: int = 100
    window_seconds: int = 900


def of_account(email: str) -> str:
    """The subject under which tries of this email count. What no database can hold counts as one email."""
    return f"account:{login_key(email) or ''}"


def of_address(address: str) -> str:
    """The subject under which tries from this network address count: an IPv6 network of 64 bits is one address."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return _ADDRESS + ascii(address)[1:-1][:64]
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is None:
            return _ADDRESS + str(ipaddress.ip_network((int(ip), 64), strict=False).network_address) + "/64"
        ip = ip.ipv4_mapped
    return _ADDRESS + str(ip)


def login_key(email: str) -> str | None:
    """The key by which a credential of this email is looked up; None where no credential can have it."""
    return None if fault_of(email) else email_key(email)


class Throttle:
    """Hears a bounded number of failures. It opens its own sessions: never call `reserve` inside a transaction.

    Args:
        limits: how many failures, and for how long they count.
    """

    def __init__(self, db: Database, limits: Limits) -> None:
        self._db = db
        self._limits = limits

    async def reserve(self, *subjects: str) -> Tried:
        """Count one more try of each subject, which stays unless it is taken back.

        Raises:
            Throttled: one of them has failed too often of late; this try is not counted.
        """
        # Read first: a flood that is refused anyway writes nothing and waits for nobody.
        async with self._db.read() as session:
            await self._check(session, subjects)
        async with self._db.begin() as session:
            if not self._db.is_sqlite:  # which has one writer at a time as it is
                for subject in sorted(subjects):
                    await session.execute(_turn(subject))
            await self._check(session, subjects)
            at = now()
            rows = [{"subject": subject, "at": at} for subject in subjects]
            tried = (await session.scalars(insert(Attempt).returning(Attempt.id), rows)).all()
            if any(each % PURGE_EVERY == 0 for each in tried):
                await session.execute(delete(Attempt).where(Attempt.at < self._since()))
        return tried

    async def take_back(self, session: AsyncSession, tried: Tried) -> None:
        """Forget a try that succeeded, and no other: failures from before it still count."""
        await session.execute(delete(Attempt).where(Attempt.id.in_(tried)))

    async def _check(self, session: AsyncSession, subjects: Sequence[str]) -> None:
        """Refuse when a subject has no room for another try."""
        query = (
            select(Attempt.subject, func.count(), func.min(Attempt.at))
            .where(Attempt.subject.in_(subjects), Attempt.at >= self._since())
            .group_by(Attempt.subject)
        )
        full = [first for subject, count, first in await session.execute(query) if count >= self._limit(subject)]
        if full:
            free = max(full) + dt.timedelta(seconds=self._limits.window_seconds)
            raise Throttled(retry_after=max(1, -(-(free - now()) // dt.timedelta(seconds=1))))

    def _limit(self, subject: str) -> int:
        return self._limits.per_address if subject.startswith(_ADDRESS) else self._limits.per_account

    def _since(self) -> dt.datetime:
        return now() - dt.timedelta(seconds=self._limits.window_seconds)


def _turn(subject: str) -> Select[Any]:
    """Wait until no other transaction counts this subject, and keep the others waiting until this one ends."""
    return select(func.pg_advisory_xact_lock(func.hashtextextended(subject, literal_column("0"))))
