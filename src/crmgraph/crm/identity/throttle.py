"""The throttle of whoever tries: failures are counted in the database, so that it holds across processes.

A try is written down before the password work begins and taken back when it succeeds. Tries of one subject are written
one after the other, so that of any number at the same moment, in whatever processes, as many as the limit are heard.

Each kind of try has budgets of its own, and what a stranger does uses up nothing of what somebody needs who has come in
before: see docs/decisions/throttle.md.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ARRAY, Select, Text, bindparam, delete, func, insert, literal_column, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import Throttled
from crmgraph.crm.identity.known_sources import Known, KnownSources, Source, network_of
from crmgraph.crm.models import Attempt, Door, now
from crmgraph.crm.values.text import email_key, fault_of
from crmgraph.db.database import Database
from crmgraph.security import Keys

PURGE_EVERY = 128
"""About how many tries pass between two sweeps of those that no longer count."""
EMAIL_SECONDS = 3600
"""For how long an email counts. No longer than the code in it is good: who may ask for no further one has one."""
FRESH_EMAILS = 4
"""How many times the emails to one mailbox there may be in all, where they are asked for from ever other addresses."""
KNOWN_ADDRESS = 10
"""How many times the failures of one address are heard of people who have come in from there: portals have one."""


class Kind(StrEnum):
    """What is tried. No kind uses up the budget of another."""

    LOGIN = "login"
    CLIENT = "client"
    """The login of a legacy client."""
    KEY = "key"
    """A key of a legacy client that no client has: such a key is not guessed, so that only the address counts."""
    SIGNUP = "signup"
    RESET = "reset"
    """A request for an email; the code in it is of the next kind."""
    CODE = "code"
    PASSWORD = "password"  # noqa: S105 - a word, not a secret
    """The current password of somebody who is signed in."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many failures are heard.

    Attributes:
        per_account: of one email or legacy client: from strangers in all, and from each known device and address.
        per_address: of one network address, for each kind of try.
        window_seconds: for how long a failure counts.
        strangers: beyond `per_account`, of one email or client: from addresses that have not failed yet.
        emails: to one mailbox within an hour, of each kind.
        device_days: for how long a device or an address is known after it came in.
    """

    per_account: int = 10
    per_address: int = 100
    window_seconds: int = 900
    strangers: int = 100
    emails: int = 5
    device_days: int = 180


@dataclass(frozen=True, slots=True)
class Tried:
    """What a try left behind, to be taken back when it succeeds."""

    ids: Sequence[int]
    kind: Kind
    account: str
    source: Source
    known: Known

    @property
    def of_address(self) -> str:
        """The subject of the address alone."""
        return _of_address(self.kind, network_of(self.source.address))


@dataclass(frozen=True, slots=True)
class _Budget:
    """How many failures of one subject are heard.

    Attributes:
        most: of anybody.
        fresh: of a source that has not failed with this account within the window.
    """

    subject: str
    most: int
    fresh: int


def of_client(dialect: Door, login: str, organisation: str) -> str:
    """The account of a legacy client. What no database can hold counts as one client of the dialect."""
    known = not (fault_of(login) or fault_of(organisation))
    # Escaped, so that a colon in one part cannot be taken for the border between two.
    return f"{dialect.value}:" + (f"{organisation!a}:{login!a}" if known else "")


def account_of(email: str) -> str:
    """The account of an email; "" for one that nobody can have."""
    return login_key(email) or ""


def login_key(email: str) -> str | None:
    """The key by which a credential of this email is looked up; None where no credential can have it."""
    return None if fault_of(email) else email_key(email)


class Throttle:
    """Hears a bounded number of failures. `reserve` and `lift` open their own transactions.

    Args:
        limits: how many failures, and for how long they count.
        keys: for what is known of devices and addresses.

    Attributes:
        sources: the devices and addresses that have come in.
    """

    def __init__(self, db: Database, limits: Limits, keys: Keys) -> None:
        self._db = db
        self._limits = limits
        self.sources = KnownSources(keys, dt.timedelta(days=limits.device_days))

    async def reserve(self, kind: Kind, account: str, source: Source) -> Tried:
        """Count one more try, which stays unless it is taken back.

        Args:
            account: whom it is about, as `account_of` or `of_client` names them, or the id of the credential whose
                password is tried; "" where only the address counts.
            source: where it comes from.

        Raises:
            Throttled: a budget that it falls under is used up; this try is not counted.
        """
        known = Known()
        # Read first: a flood that is refused anyway writes nothing and waits for nobody.
        async with self._db.read() as session:
            if kind in (Kind.LOGIN, Kind.CLIENT):
                known = await self.sources.find(session, account, source)
            budgets = self._budgets(kind, account, network_of(source.address), known)
            await self._check(session, kind, budgets)
        subjects = sorted(budget.subject for budget in budgets)

        async def work(session: AsyncSession) -> Sequence[int]:
            if not self._db.is_sqlite:  # which has one writer at a time as it is
                await session.execute(_turn(), {"subjects": subjects})
            await self._check(session, kind, budgets)
            at = now()
            rows = [{"subject": subject, "at": at} for subject in subjects]
            ids = (await session.scalars(insert(Attempt).returning(Attempt.id), rows)).all()
            if any(each % PURGE_EVERY == 0 for each in ids):
                longest = max(self._limits.window_seconds, EMAIL_SECONDS)
                await session.execute(delete(Attempt).where(Attempt.at < at - dt.timedelta(seconds=longest)))
                await self.sources.sweep(session)
            return ids

        return Tried(await self._db.transact(work), kind, account, source, known)

    async def take_back(self, session: AsyncSession, tried: Tried, *, emailed: bool = False) -> None:
        """Forget a try that succeeded, and no other: failures from before it still count.

        Args:
            emailed: an email goes to the mailbox, which counts there and no longer with the address.
        """
        own = delete(Attempt).where(Attempt.id.in_(tried.ids))
        await session.execute(own.where(Attempt.subject == tried.of_address) if emailed else own)

    async def let_in(
        self, session: AsyncSession, tried: Tried, *, credential_id: int | None = None, client_id: int | None = None
    ) -> None:
        """Take back a login that succeeded, by exactly one of the ids; its address is known from now on."""
        await self.take_back(session, tried)
        if not tried.known.fresh:
            await self.sources.note(
                session, tried.account, tried.source.address, credential_id=credential_id, client_id=client_id
            )

    async def lift(self, *, email: str | None = None, address: str | None = None, client: str | None = None) -> int:
        """Forget what was counted, in a transaction of its own: for operators.

        Args:
            email: of a person: their logins, signups and requests for emails, from wherever.
            address: a network address, with whatever account it has failed.
            client: a legacy client, as `of_client` names it.

        Returns:
            How many counts were forgotten.
        """
        conditions = []
        for kind in Kind:
            accounts = [client] if kind is Kind.CLIENT else [None if email is None else login_key(email)]
            for account in accounts:
                if account is not None:
                    own = _subject(kind, account)
                    conditions += [
                        Attempt.subject == own,
                        Attempt.subject.startswith(f"{own}|", autoescape=True),
                    ]
        if address is not None:
            conditions.append(Attempt.subject.endswith(f"|{network_of(address)}", autoescape=True))
        if not conditions:
            return 0
        async with self._db.begin() as session:
            gone = await session.scalars(delete(Attempt).where(or_(*conditions)).returning(Attempt.id))
            return len(gone.all())

    def _budgets(self, kind: Kind, account: str, network: str, known: Known) -> list[_Budget]:
        """What a try counts against; the first one is its source's own."""
        limits = self._limits
        own, address = _subject(kind, account), _of_address(kind, network)
        pair = f"{own}|{network}"
        if not account:
            return [_budget(address, limits.per_address)]
        if kind is Kind.PASSWORD:
            return [_budget(own, limits.per_account)]
        if known.device is not None:
            return [_budget(f"{own}|device:{known.device}", limits.per_account)]
        if known.address:
            return [
                _budget(pair, limits.per_account),
                _budget(f"{kind}|known|{network}", KNOWN_ADDRESS * limits.per_address),
            ]
        if kind in (Kind.SIGNUP, Kind.RESET):
            most, fresh = limits.emails, FRESH_EMAILS * limits.emails
        else:
            most, fresh = limits.per_account, limits.per_account + limits.strangers
        return [_budget(pair, most), _Budget(own, most, fresh), _budget(address, limits.per_address)]

    async def _check(self, session: AsyncSession, kind: Kind, budgets: Sequence[_Budget]) -> None:
        """Refuse when a budget has no room for another try."""
        seconds = EMAIL_SECONDS if kind in (Kind.SIGNUP, Kind.RESET) else self._limits.window_seconds
        window = dt.timedelta(seconds=seconds)
        at = now()
        query = (
            select(Attempt.subject, func.count(), func.min(Attempt.at))
            .where(Attempt.subject.in_([budget.subject for budget in budgets]), Attempt.at >= at - window)
            .group_by(Attempt.subject)
        )
        counted = {subject: (count, first) for subject, count, first in await session.execute(query)}
        failed = budgets[0].subject in counted
        full = [
            counted[budget.subject][1]
            for budget in budgets
            if budget.subject in counted and counted[budget.subject][0] >= (budget.most if failed else budget.fresh)
        ]
        if full:
            raise Throttled(retry_after=max(1, -(-(max(full) + window - at) // dt.timedelta(seconds=1))))


def _subject(kind: Kind, account: str) -> str:
    return f"{kind}:{account}"


def _of_address(kind: Kind, network: str) -> str:
    return f"{kind}|{network}"


def _budget(subject: str, most: int) -> _Budget:
    return _Budget(subject, most, most)


def _turn() -> Select[Any]:
    """Wait until no other transaction counts these subjects, and keep the others waiting until this one ends.

    The subjects come sorted, so that two that need the same ones do not wait for each other crosswise.
    """
    subject = func.unnest(bindparam("subjects", type_=ARRAY(Text))).column_valued("subject")
    return select(func.pg_advisory_xact_lock(func.hashtextextended(subject, literal_column("0"))))
