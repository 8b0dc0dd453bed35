"""Who makes the calls that are passed on: known by the token, which passed by when it was given."""

import asyncio
import datetime as dt
import time
from typing import Any

from cachetools import LRUCache
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Door, LearnedToken, now
from crmgraph.crm.usage import UNKNOWN
from crmgraph.db.database import Database
from crmgraph.db.errors import log_background
from crmgraph.rest.passing import Granted
from crmgraph.security import digest

REMEMBERED = 10_000
"""How many tokens a process remembers."""
ASKED_AGAIN, ASKED_SOON = 60.0, 5.0
"""After how many seconds the store is asked again for a token that it did not know, and that it did not answer for."""
AT_MOST = 0.5
"""How long a call waits for a store that does not answer, in seconds."""
MOST_UNSAVED = 500
"""How many tokens wait for a store that does not answer."""
MOST_STRANGERS = 100
"""How many callers are told apart in a day whose tokens were not seen when they were given: there are old CRMs that
answer 200 to what they refuse, so that whoever makes tokens up would be counted row by row."""
LONGEST_CALLER = 200
"""The longest name of a caller that is kept, in characters."""
LONGEST = 90 * 24 * 60 * 60
"""The longest that a token is remembered, in seconds."""


class Callers:
    """Knows the callers of one dialect.

    Args:
        db: where what all processes have learned stands.
    """

    def __init__(self, db: Database, dialect: Door) -> None:
        self._db = db
        self._dialect = dialect
        self._known: LRUCache[str, tuple[str | None, float]] = LRUCache(REMEMBERED)
        self._away_until = 0.0
        self._unsaved: dict[str, dict[str, Any]] = {}
        self._strangers: set[str] = set()
        self._day = 0.0

    async def of(self, token: str | None) -> str:
        """Who calls with a token: by name, or as `unknown:` and a part of its digest; `unknown` without one."""
        if token is None:
            return UNKNOWN
        key = digest(token)
        caller, until = self._known.get(key, (None, 0.0))
        if time.time() >= until:
            caller, until = await self._look_up(key)
            self._known[key] = (caller, until)
        return caller or f"{UNKNOWN}:{key[:8]}"

    def counted(self, caller: str, *, refused: bool) -> str:
        """What a caller is counted as: strangers together, where they are refused or too many."""
        if not caller.startswith(f"{UNKNOWN}:"):
            return caller
        if (day := time.time() // 86_400) != self._day:
            self._day, self._strangers = day, set()
        if refused or (caller not in self._strangers and len(self._strangers) >= MOST_STRANGERS):
            return UNKNOWN
        self._strangers.add(caller)
        return caller

    async def _look_up(self, key: str) -> tuple[str | None, float]:
        query = select(LearnedToken.caller, LearnedToken.expires_at)
        query = query.where(LearnedToken.digest == key, LearnedToken.dialect == self._dialect)
        if time.monotonic() < self._away_until:
            return None, time.time() + ASKED_SOON
        try:
            async with asyncio.timeout(AT_MOST), self._db.read() as session:
                row = (await session.execute(query)).first()
        except Exception as error:  # calls are passed on without it, and none waits after the first
            log_background(error, "upstream")
            self._away_until = time.monotonic() + ASKED_SOON
            return None, time.time() + ASKED_SOON
        if row is None or row.expires_at <= now():
            return None, time.time() + ASKED_AGAIN
        return row.caller, row.expires_at.timestamp()

    async def learn(self, granted: Granted) -> None:
        """Know a token from now on, in all processes; in its own transaction."""
        key, at = digest(granted.token), now()
        expires = at + dt.timedelta(seconds=max(0, min(granted.seconds, LONGEST)))
        caller = granted.caller[:LONGEST_CALLER]
        self._known[key] = (caller, expires.timestamp())

        while len(self._unsaved) >= MOST_UNSAVED:
            del self._unsaved[next(iter(self._unsaved))]
        self._unsaved[key] = {"digest": key, "dialect": self._dialect, "caller": caller, "expires_at": expires}
        await self._save()

    async def _save(self) -> None:
        """Tell the store what was learned; while it does not answer, that waits for the next token."""
        rows = [self._unsaved[key] for key in sorted(self._unsaved)]

        async def work(session: AsyncSession) -> None:
            insert = insert_sqlite if self._db.is_sqlite else insert_postgresql
            adding = insert(LearnedToken).values(rows)
            changed = {name: adding.excluded[name] for name in ("caller", "expires_at")}
            await session.execute(adding.on_conflict_do_update(index_elements=[LearnedToken.digest], set_=changed))

        try:
            async with asyncio.timeout(AT_MOST):
                await self._db.transact(work)
        except Exception as error:
            log_background(error, "upstream")
            return
        for row in rows:
            if self._unsaved.get(row["digest"]) is row:
                del self._unsaved[row["digest"]]
