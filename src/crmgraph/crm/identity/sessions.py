"""Logins: each is a row from which tokens are issued until it ends, and whose refresh tokens are spent once."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import Door, RefreshToken, Session, now
from crmgraph.security import digest, new_token


async def start(session: AsyncSession, credential_id: int, door: Door, lifetime: dt.timedelta) -> str:
    """The id of a new login. What is left of the credential's former ones, which have ended, goes."""
    at = now()
    await session.execute(
        delete(Session).where(
            Session.credential_id == credential_id, or_(Session.expires_at < at, Session.ended_at.is_not(None))
        )
    )
    session_id = new_token()
    await session.execute(
        insert(Session).values(
            id=session_id, credential_id=credential_id, door=door, created_at=at, expires_at=at + lifetime
        )
    )
    return session_id


async def end(session: AsyncSession, session_id: str) -> None:
    """End one login; nothing when it has ended."""
    await session.execute(
        update(Session).where(Session.id == session_id, Session.ended_at.is_(None)).values(ended_at=now())
    )


async def end_all(session: AsyncSession, credential_id: int, *, keep: str | None = None) -> None:
    """End every login of a credential but the one to keep."""
    query = update(Session).where(Session.credential_id == credential_id, Session.ended_at.is_(None))
    if keep is not None:
        query = query.where(Session.id != keep)
    await session.execute(query.values(ended_at=now()))


async def add_refresh_token(session: AsyncSession, session_id: str, token: str) -> None:
    """Let this be a refresh token of the login."""
    await session.execute(insert(RefreshToken).values(digest=digest(token), session_id=session_id))


@dataclass(frozen=True, slots=True)
class Spent:
    """A refresh token that was spent.

    Attributes:
        session_id: the login that it is of.
        at: when it was spent.
        again: whether that was by another request, just before.
    """

    session_id: str
    at: dt.datetime
    again: bool


async def spend(session: AsyncSession, refresh_token: str, lifetime: dt.timedelta, grace: dt.timedelta) -> Spent | None:
    """Spend a refresh token: its login lasts for another `lifetime`. None when it was not to be spent.

    Within `grace` it may come again, from another tab of one browser say. One that comes later has two holders, one of
    them a thief: its login ends, and the caller has to commit that. Of two at the same moment, the second waits for the
    first and finds the token spent.
    """
    at = now()
    mine = RefreshToken.digest == digest(refresh_token)
    session_id = await session.scalar(
        update(RefreshToken)
        .where(mine, RefreshToken.spent_at.is_(None))
        .values(spent_at=at)
        .returning(RefreshToken.session_id)
    )
    if session_id is None:
        found = (
            await session.execute(select(RefreshToken.session_id, RefreshToken.spent_at).where(mine))
        ).one_or_none()
        # Whoever waited for the one that spent it may have looked at the clock before: without grace there is none.
        if found is not None and grace and found.spent_at > at - grace:
            return Spent(found.session_id, found.spent_at, again=True)
        if found is not None:
            await end(session, found.session_id)
        return None
    await session.execute(
        delete(RefreshToken).where(RefreshToken.session_id == session_id, RefreshToken.spent_at < at - lifetime)
    )
    extended = (
        update(Session)
        .where(Session.id == session_id, Session.ended_at.is_(None), Session.expires_at > at)
        .values(expires_at=at + lifetime)
        .returning(Session.id)
    )
    return None if await session.scalar(extended) is None else Spent(session_id, at, again=False)


async def which(session: AsyncSession, tokens: Sequence[str]) -> str | None:
    """The one of these refresh tokens that there is, in one statement; None for none."""
    known = {digest(token): token for token in tokens}
    found = await session.scalar(select(RefreshToken.digest).where(RefreshToken.digest.in_(known)))
    return None if found is None else known[found]
