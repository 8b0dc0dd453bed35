"""Idempotency: a request that comes again under its key is answered as the first time, and writes nothing.

The key is written in the transaction that writes, so that both last or neither does, and of two requests at once the
second waits for the first, writes nothing and is told its answer. The answer is added when it is known. Where it never
was, because the process ended before, or where it is not kept, the second is told that all was done. A request that has
written nothing, or was refused, leaves no key: it may be sent again. Without a key nothing of this costs anything.

After draft-ietf-httpapi-idempotency-key-header-07.
"""

import asyncio
import datetime as dt
import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog
from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.errors import AlreadyDone, Conflicting, Invalid
from crmgraph.crm.models import IdempotencyKey, now
from crmgraph.db.database import Database, database_of
from crmgraph.db.errors import is_away, log_away

HEADER = "Idempotency-Key"
KEPT = dt.timedelta(days=1)
"""How long a key is known."""
MAX_KEY = 255
"""The longest key, in characters."""
MAX_ANSWER = 256 * 1024
"""The longest answer that is kept, in bytes."""
PATIENCE = 10.0
"""For how long the second of two at once waits until the answer of the first is known, in seconds."""
_PAUSE = 0.05
_NOT_KEPT = 0

T = TypeVar("T")
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer as it went over HTTP."""

    status: int
    content_type: str
    body: bytes


class KeyTaken(Exception):
    """Ends a transaction whose key another request has written meanwhile."""


@dataclass(slots=True)
class Claim:
    """One request with a key.

    Attributes:
        caller: whose key it is.
        digests: of all that the request says: the one to keep, then those that retired secrets made.
        door: for the log.
        made: whether its key has been written, in a transaction that may have come to nothing.
    """

    db: Database
    caller: str
    key: str
    digests: Sequence[str]
    door: str
    made: bool = False
    owner: str = field(default_factory=lambda: secrets.token_hex(8))

    async def take(self, session: AsyncSession) -> None:
        """Write the key in the transaction that writes.

        Raises:
            KeyTaken: another request was first.
        """
        insert = insert_sqlite if database_of(session).is_sqlite else insert_postgresql
        at = now()
        new = {"owner": self.owner, "digest": self.digests[0], "created_at": at}
        statement = insert(IdempotencyKey).values(caller=self.caller, key=self.key, **new)
        # A request may write more than once, and what is too old is no key any more.
        mine = or_(IdempotencyKey.owner == self.owner, IdempotencyKey.created_at < at - KEPT)
        cleared = {"status": None, "content_type": None, "body": None}
        statement = statement.on_conflict_do_update(
            index_elements=[IdempotencyKey.caller, IdempotencyKey.key], set_=new | cleared, where=mine
        )
        if await session.scalar(statement.returning(IdempotencyKey.owner)) is None:
            raise KeyTaken
        self.made = True

    async def earlier(self) -> KeptAnswer | None:
        """The answer to an earlier request with the key; None where there was none.

        Raises:
            Conflicting: it was another request.
            AlreadyDone: it was this one, and its answer is not kept.
        """
        until = asyncio.get_running_loop().time() + PATIENCE
        while (found := await self._found()) is not None:
            owner, digest, status, content_type, body = found
            if owner == self.owner:
                return None
            if digest not in self.digests:
                raise Conflicting((HEADER,))
            if status:
                return KeptAnswer(status, content_type, body)
            if status == _NOT_KEPT or asyncio.get_running_loop().time() > until:
                raise AlreadyDone((HEADER,))
            await asyncio.sleep(_PAUSE)
        return None

    async def _found(self) -> Any:
        columns = (
            IdempotencyKey.owner,
            IdempotencyKey.digest,
            IdempotencyKey.status,
            IdempotencyKey.content_type,
            IdempotencyKey.body,
        )
        async with self.db.read() as session:
            own = (IdempotencyKey.caller == self.caller, IdempotencyKey.key == self.key)
            query = select(*columns).where(*own, IdempotencyKey.created_at >= now() - KEPT)
            return (await session.execute(query)).one_or_none()

    async def keep(self, answer: KeptAnswer | None) -> None:
        """Add the answer to the key, in its own transaction; None where it is not to be kept."""
        values: dict[str, Any] = {"status": _NOT_KEPT}
        if answer is not None and len(answer.body) <= MAX_ANSWER:
            values = {"status": answer.status, "content_type": answer.content_type, "body": answer.body}
        own = (IdempotencyKey.caller == self.caller, IdempotencyKey.key == self.key, IdempotencyKey.owner == self.owner)
        try:
            async with self.db.begin() as session:
                await session.execute(update(IdempotencyKey).where(*own).values(values))
        except Exception as error:
            # What was asked for is done: the answer goes to the client, and nobody will be told it again.
            if not is_away(error):
                raise
            log_away(error, self.door)


_claim: ContextVar[Claim | None] = ContextVar("idempotency_claim", default=None)


def is_claiming() -> bool:
    """Whether the request has a key, which is to be written in the transaction that writes."""
    return _claim.get() is not None


async def claim(session: AsyncSession) -> None:
    """Write the key of the request, where it has one: whatever writes what clients ask for calls this first.

    Raises:
        KeyTaken: another request with the key was first; the transaction must not go on.
    """
    if (own := _claim.get()) is not None:
        await own.take(session)


async def once(own: Claim, run: Callable[[], Awaitable[T]], kept: Callable[[T], KeptAnswer | None]) -> T | KeptAnswer:
    """What `run` answers, or what was answered to the request with this key before.

    Args:
        kept: of an answer, what is to be kept; None for nothing.

    Raises:
        Conflicting, AlreadyDone: see `Claim.earlier`.
        Whatever `run` raises.
    """
    if (earlier := await own.earlier()) is not None:
        return earlier
    token = _claim.set(own)
    try:
        answer = await run()
    except Exception:
        # Also where it was refused because the other one has done it: a number that is taken now.
        if (earlier := await own.earlier()) is not None:
            return earlier
        raise
    finally:
        _claim.reset(token)
    if (earlier := await own.earlier()) is not None:
        return earlier
    if own.made:
        await own.keep(kept(answer))
    return answer


_PLAIN = re.compile(r"[!#-~](?:[ -~]*[!-~])?")
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"(?:;.*)?')


def key_of(given: Sequence[str]) -> str | None:
    """The key in the headers of a request: a text of Structured Fields (RFC 9651), or as it is; None without any.

    Raises:
        Invalid: it is none, or there are several.
    """
    if not given:
        return None
    text = given[0].strip(" \t")
    quoted = _QUOTED.fullmatch(text)
    key = re.sub(r'\\(["\\])', r"\1", quoted[1]) if quoted else text
    if len(given) > 1 or not 0 < len(key) <= MAX_KEY or not (quoted or _PLAIN.fullmatch(text)):
        raise Invalid((HEADER,), "form")
    return key
