"""Letters on their way: stored in the transaction that causes them, and handed over in the background until it works.

A row is claimed by moving `due_at` past the time that a try can take. Whoever dies meanwhile loses the claim by that,
so that a letter survives a kill, and may then come twice: the bargain of every mail queue. Any number of processes
may deliver from one table.
"""

import asyncio
import datetime as dt
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.identity import emails, verification_codes
from crmgraph.crm.models import Letter, LetterKind, now
from crmgraph.db.database import Database
from crmgraph.db.errors import log_background
from crmgraph.logs import request_id
from crmgraph.mail import Mail, MailRefused, NoMail, Unmailable
from crmgraph.metrics import letter, letters_waiting
from crmgraph.security import Keys

log = structlog.get_logger(__name__)

POLL = 20.0
"""After how many seconds the table is looked at when nothing has called for it: another process may have died."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How letters are handed over.

    Attributes:
        at_once: how many letters a process tries at the same time.
        try_seconds: how long one try may take.
        first_retry: seconds until the second try; each further wait is twice as long.
        longest_retry: the longest wait between two tries, in seconds.
        window: how long a letter is tried. Greylisting passes within minutes, a weekend of a mail server does not.
    """

    at_once: int = 4
    try_seconds: float = 60.0
    first_retry: float = 15.0
    longest_retry: float = 3600.0
    window: dt.timedelta = dt.timedelta(days=1)

    @property
    def lease(self) -> dt.timedelta:
        """How long a letter belongs to who has claimed it."""
        return dt.timedelta(seconds=2 * self.try_seconds)

    def pause(self, tries: int) -> float:
        """Seconds to wait after so many tries."""
        return min(self.longest_retry, self.first_retry * 2.0 ** min(tries - 1, 30))


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits.

    Attributes:
        letters: how many.
        oldest: since when the first of them waits.
        due_at: when the next may be tried.
    """

    letters: int
    oldest: dt.datetime | None
    due_at: dt.datetime | None


class Outbox:
    """The letters of one store.

    Args:
        keys: make the codes that letters bring.
        mail: takes them.
        public_url: where people find the service; it is named in letters.
    """

    def __init__(self, db: Database, keys: Keys, mail: Mail, public_url: str, delivery: Delivery | None = None) -> None:
        self._db = db
        self._keys = keys
        self._mail = mail
        self._public_url = public_url
        self._delivery = delivery or Delivery()
        self._awake = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        self._runner: asyncio.Task[None] | None = None

    @property
    def sends(self) -> bool:
        """Whether there is a mail server or a folder to send by."""
        return not isinstance(self._mail, NoMail)

    @property
    def window(self) -> dt.timedelta:
        """How long a letter may wait."""
        return self._delivery.window

    async def put(self, session: AsyncSession, kind: LetterKind, to: str | None) -> str:
        """Store a letter in the transaction that causes it; call `wake` once that is committed.

        Args:
            to: one bare address. None is nobody, at the same cost.

        Returns:
            The code that it will bring, which is stored nowhere.
        """
        at = now()
        seed, key_id = secrets.token_urlsafe(32), self._keys.mailed_key
        code = self._keys.mailed_code(key_id, seed)
        assert code is not None  # noqa: S101 - the key of today is there
        await session.execute(
            insert(Letter).values(
                kind=kind,
                recipient=to,
                seed=seed,
                key_id=key_id,
                request_id=request_id.get(),
                created_at=at,
                expires_at=at + self._delivery.window,
                due_at=at,
                tries=0,
            )
        )
        return code

    def wake(self) -> None:
        """Let what has been stored be delivered now."""
        self._awake.set()

    def start(self) -> None:
        """Deliver in the background until `close`; nothing where no mail is sent."""
        if self.sends and self._runner is None:
            self._runner = asyncio.get_running_loop().create_task(self._run(), name="background: letters")

    async def close(self, *, within: float = 10.0) -> None:
        """Hand over what is due, and stop. What is left stays in the store for whoever starts next.

        Args:
            within: seconds that this may take.
        """
        if self._runner is None:
            return
        self._runner.cancel()
        with suppress(asyncio.CancelledError):
            await self._runner
        self._runner = None
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self.deliver()
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    async def deliver(self) -> None:
        """Try every letter that is due now, once, and wait for it."""
        try:
            while await self._claim() or self._sending:
                if self._sending:
                    await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED)
        except Exception as error:
            log_background(error, "letters")

    async def backlog(self) -> Backlog:
        """What waits, in one statement."""
        query = select(func.count(), func.min(Letter.created_at), func.min(Letter.due_at))
        async with self._db.read() as session:
            return Backlog(*(await session.execute(query)).one())

    async def _run(self) -> None:
        while True:
            self._awake.clear()
            pause = POLL
            try:
                waiting = await self.backlog()
                letters_waiting(waiting.letters)
                if waiting.due_at is not None and waiting.due_at <= now():
                    await self._claim()
                    pause = 0.0 if len(self._sending) < self._delivery.at_once else POLL
                elif waiting.due_at is not None:
                    pause = min(POLL, (waiting.due_at - now()).total_seconds())
            except Exception as error:
                log_background(error, "letters")
            if pause > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._awake.wait()

    async def _claim(self) -> int:
        """Begin to send what is due, as much of it as there is room for; how much that was."""
        room = self._delivery.at_once - len(self._sending)
        if room <= 0:
            return 0
        at = now()
        due = select(Letter.id).where(Letter.due_at <= at).order_by(Letter.due_at).limit(room)
        if not self._db.is_sqlite:  # which has one writer at a time as it is
            due = due.with_for_update(skip_locked=True)
        chosen = due.cte("chosen")
        claim = (
            update(Letter)
            .where(Letter.id.in_(select(chosen.c.id)))
            .values(due_at=at + self._delivery.lease, tries=Letter.tries + 1)
            .returning(*Letter.__table__.columns)
            .execution_options(synchronize_session=False)
        )
        async with self._db.begin() as session:
            claimed: Sequence[Row[Any]] = (await session.execute(claim)).all()
        for row in claimed:
            task = asyncio.get_running_loop().create_task(self._send(row), name="background: a letter")
            self._sending.add(task)
            task.add_done_callback(self._sent)
        return len(claimed)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._awake.set()
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            # The claim lapses by itself, and the letter is tried again.
            log_background(error, "a letter")

    async def _send(self, row: Row[Any]) -> None:
        """Try one letter, and note how it went."""
        request_id.set(row.request_id)  # of this task alone
        code = self._keys.mailed_code(row.key_id, row.seed)
        if row.recipient is None or not await self._wanted(code):
            await self._done(row)
            return
        if code is None or now() >= row.expires_at:
            await self._give_up(row, "its key is gone" if code is None else "too late")
            return
        try:
            async with asyncio.timeout(self._delivery.try_seconds):
                await self._mail.send(row.recipient, *emails.written(row.kind, self._public_url, code))
        except (Unmailable, MailRefused) as error:
            await self._give_up(row, _reason(error))
        except Exception as error:
            await self._retry(row, _reason(error))
        else:
            letter("sent")
            async with self._db.begin() as session:
                await verification_codes.sent(session, code)
                await session.execute(delete(Letter).where(Letter.id == row.id))

    async def _wanted(self, code: str | None) -> bool:
        if code is None:
            return True
        async with self._db.read() as session:
            return await verification_codes.is_wanted(session, code)

    async def _done(self, row: Row[Any]) -> None:
        async with self._db.begin() as session:
            await session.execute(delete(Letter).where(Letter.id == row.id))

    async def _give_up(self, row: Row[Any], reason: str) -> None:
        letter("given up")
        log.warning("mail not sent", reason=reason, tries=row.tries, again_in=None)
        await self._done(row)

    async def _retry(self, row: Row[Any], reason: str) -> None:
        pause = self._delivery.pause(row.tries)
        due_at = now() + dt.timedelta(seconds=pause)
        if due_at >= row.expires_at:
            await self._give_up(row, reason)
            return
        letter("tried")
        log.warning("mail not sent", reason=reason, tries=row.tries, again_in=round(pause, 1))
        async with self._db.begin() as session:
            await session.execute(update(Letter).where(Letter.id == row.id).values(due_at=due_at))


def _reason(error: BaseException) -> str:
    """The kind of failure: a server's own text may repeat the address or the message."""
    if isinstance(error, TimeoutError):
        return "it takes too long"
    return str(getattr(error, "reason", "") or type(error).__name__)
